//! An end to tests that hang.

use std::sync::mpsc;
use std::time::Duration;

/// Ends the process if it is not dropped in time: what hangs may be a destructor, which no panic
/// gets past.
pub struct Watchdog(#[expect(dead_code, reason = "its drop is the signal")] mpsc::Sender<()>);

/// Starts a watchdog for the rest of the scope. `seconds` is far more than the test takes anywhere.
#[must_use]
pub fn within(seconds: u64) -> Watchdog {
    let (alive, gone) = mpsc::channel();
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    std::thread::spawn(move || {
        if gone.recv_timeout(Duration::from_secs(seconds)) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{test} hangs: no end within {seconds} s");
            std::process::abort();
        }
    });
    Watchdog(alive)
}
