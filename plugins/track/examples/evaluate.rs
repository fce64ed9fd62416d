//! Scores the tracker on sequences in MOTChallenge's format, and times it.
//!
//! ```sh
//! ./dev cargo run --release -p gst-plugin-vigiltrack --example evaluate -- FOLDER[:val][@K][%K] …
//! ```
//!
//! Each FOLDER holds sequences (`NAME/{seqinfo.ini,det.txt,gt.txt}`). `:val` takes the second half
//! of each, `@K` every K-th frame, `%K` lets the detector look at every K-th frame only.

use gstvigiltrack::bytetrack::{ByteTrack, Config};
use gstvigiltrack::eval::{Run, Sequence};
use gstvigiltrack::synthetic::time_per_frame;
use std::error::Error;
use std::path::Path;

fn tracker() -> ByteTrack {
    match ByteTrack::new(Config::default()) {
        Ok(tracker) => tracker,
        Err(error) => unreachable!("the defaults are good: {error}"),
    }
}

/// The number after `mark`, and what is before it.
fn split_number(spec: &str, mark: char) -> Result<(&str, usize), Box<dyn Error>> {
    match spec.rsplit_once(mark) {
        Some((rest, number)) => Ok((rest, number.parse()?)),
        None => Ok((spec, 1)),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<40} {:>6} {:>6} {:>6} {:>6} {:>6} {:>5}",
        "", "HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW"
    );
    for spec in std::env::args().skip(1) {
        let (rest, interval) = split_number(&spec, '%')?;
        let (rest, every) = split_number(rest, '@')?;
        let (folder, half) = match rest.strip_suffix(":val") {
            Some(folder) => (folder, true),
            None => (rest, false),
        };
        let mut sequences = Vec::new();
        for entry in std::fs::read_dir(Path::new(folder))? {
            let sequence = Sequence::read(&entry?.path())?;
            let sequence = if half {
                sequence.second_half()
            } else {
                sequence
            };
            sequences.push(sequence.every(every));
        }
        let scores = Run {
            interval,
            ..Run::default()
        }
        .score(tracker, &sequences);
        println!(
            "{spec:<40} {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>6.2} {:>5}",
            scores.hota.hota(),
            scores.hota.deta(),
            scores.hota.assa(),
            scores.clear.mota(),
            scores.identity.idf1(),
            scores.clear.switches(),
        );
    }
    for objects in [10, 50, 100, 500] {
        let time = time_per_frame(&mut tracker(), objects, 300);
        println!(
            "{objects:>4} objects: {:>8.1} µs per frame",
            time.as_nanos() as f64 / 1e3
        );
    }
    Ok(())
}
