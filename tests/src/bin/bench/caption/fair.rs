//! Many streams that ask more of one server than it can answer.

use super::super::table::Table;
use super::server::{Habit, Server};
use super::{element, percentile};
use gst::prelude::*;
use gst_check::Harness;
use std::error::Error;
use std::time::{Duration, Instant};

const STREAMS: usize = 100;
/// How long the server takes for an answer.
const ANSWER: Duration = Duration::from_millis(20);
/// How often each stream asks.
const EVERY: Duration = Duration::from_millis(200);
const ROUNDS: u64 = 50;

/// Answers of each of 100 streams that ask two and a half times as much as a server can answer.
pub fn fair() -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "caption-fair",
        "vigilcaption: answers of each of 100 streams that share one server, which is asked too much",
        &["asked", "fewest", "median", "most"],
    );
    let server = Server::start(Habit::Answer(ANSWER))?;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let element = element(
            &server.url(),
            &[
                ("trigger", "interval"),
                ("interval", "1"),
                ("min-interval", "0"),
                ("per-minute", "0"),
                ("max-in-flight", "4"),
            ],
        )?;
        let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
        harness.set_src_caps_str("video/x-raw,format=RGB,width=320,height=240,framerate=5/1");
        streams.push((element, harness));
    }
    let frame = gst::Buffer::from_mut_slice(vec![100u8; 320 * 240 * 3]);
    let began = Instant::now();
    for n in 0..ROUNDS {
        for (_, harness) in &mut streams {
            let mut frame = frame.copy();
            frame.make_mut().set_pts(n * 200 * gst::ClockTime::MSECOND);
            harness.push(frame)?;
            drop(harness.pull()?);
        }
        let due = began + EVERY * (n as u32 + 1);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let mut answered = Vec::new();
    for (element, _) in &streams {
        let stats: gst::Structure = element.property("stats");
        answered.push(stats.get::<u64>("answered")? as f64);
    }
    let mut of = |p| percentile(&mut answered, p);
    table.row("one server", &[ROUNDS as f64, of(0.0), of(50.0), of(100.0)]);
    Ok(table)
}
