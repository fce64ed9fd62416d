//! Files that several processes share: written as a whole or not at all, and locked by the kernel,
//! so that a process that ends, however it ends, holds nothing.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often a lock that somebody has is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// A path with something more at its end.
pub(super) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut text: OsString = path.as_os_str().to_owned();
    text.push(end);
    text.into()
}

/// Makes the folder that a file is to be in.
pub(super) fn make_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}

/// Writes a file under another name first and then gives it its own, so that no reader ever sees a
/// part of it, and two writers at once leave one of the two.
pub(super) fn write_atomically(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let making = with_end(path, &format!(".making-{}-{count}", std::process::id()));
    let write = || {
        let mut file = File::create(&making)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        std::fs::rename(&making, path)
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(&making);
    })
}

/// A lock on a file, given back when it is dropped or when the process ends.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code, reason = "closing it is what unlocks")] File);

impl Lock {
    /// Takes the lock, and waits while somebody else has it. `wait` is asked before each wait
    /// whether to go on; where it says no, the error is of the kind `Interrupted`.
    pub fn wait(path: &Path, mut wait: impl FnMut() -> bool) -> io::Result<Self> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if wait() => std::thread::sleep(AGAIN),
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::Interrupted.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan");
        write_atomically(&path, &[b"one"]).unwrap();
        write_atomically(&path, &[b"tw", b"o"]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_is_waited_for_and_a_wait_can_be_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::wait(&path, || panic!("nobody has it")).unwrap();
        let given_up = Lock::wait(&path, || false).unwrap_err();
        assert_eq!(given_up.kind(), io::ErrorKind::Interrupted);
        let mut held = Some(held);
        Lock::wait(&path, || held.take().is_some()).unwrap();
    }

    #[test]
    fn a_lock_that_a_dead_process_left_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        std::fs::write(&path, "12345").unwrap();
        Lock::wait(&path, || panic!("nobody has it")).unwrap();
    }
}
