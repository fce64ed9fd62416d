//! What was to be reached, and whether it was.

use crate::bench::StreamRow;
use crate::caption::{CaptionRow, Question};
use crate::record::Record;

/// The model that targets are about, as its file is called.
const MODEL: &str = "yolov8n";

/// Streams that are to have all of their frames looked at.
const STREAMS: usize = 64;

/// A target, and what was measured.
pub struct Target {
    pub what: &'static str,
    /// In words; why not, where it was not.
    pub measured: String,
    /// None where it was not measured.
    pub reached: Option<bool>,
}

impl Target {
    pub fn verdict(&self) -> &'static str {
        match self.reached {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "not measured",
        }
    }
}

fn measured(what: &'static str, found: Option<(String, bool)>) -> Target {
    match found {
        Some((measured, reached)) => Target {
            what,
            measured,
            reached: Some(reached),
        },
        None => Target {
            what,
            measured: "—".into(),
            reached: None,
        },
    }
}

/// The targets of captions, which are about a model of 7 to 8 billion weights on a GPU.
pub fn of_captions(record: Option<&Record>) -> Vec<Target> {
    let found = |question: &str, time: fn(&CaptionRow) -> f64, most: f64| {
        let row = record?
            .captions
            .iter()
            .find(|row| row.question == question)?;
        let text = format!(
            "{:.0} ms by {}, median of {}",
            time(row),
            row.model,
            row.answers
        );
        Some((text, time(row) <= most))
    };
    vec![
        measured(
            "captions: first word in at most 400 ms",
            found(
                Question::Caption.as_str(),
                |row| row.first_token_p50_ms,
                400.0,
            ),
        ),
        measured(
            "captions: yes or no in at most 500 ms",
            found(Question::YesNo.as_str(), |row| row.total_p50_ms, 500.0),
        ),
        measured(
            "captions: a sentence in at most 1 s",
            found(Question::Caption.as_str(), |row| row.total_p50_ms, 1000.0),
        ),
    ]
}

/// Every target of the bench. Without a record none is measured.
pub fn all(record: Option<&Record>) -> Vec<Target> {
    let model = |model: &str, precision: &str| model.starts_with(MODEL) && precision == "f16";
    let ratio = record.and_then(|record| {
        let rows = record.batches.iter();
        let rows = rows.filter(|row| model(&row.model, &row.precision) && row.batch >= 8);
        let worst = rows.min_by(|a, b| a.ratio.total_cmp(&b.ratio))?;
        let text = format!("{:.3} at the least, at batch {}", worst.ratio, worst.batch);
        Some((text, worst.ratio >= 0.95))
    });
    let latency = record.and_then(|record| {
        let mut rows = record.latencies.iter();
        let row = rows.find(|row| model(&row.model, &row.precision) && row.from == "device")?;
        let text = format!("p50 {:.3} ms, p99 {:.3} ms", row.p50_ms, row.p99_ms);
        Some((text, row.p50_ms <= 1.5))
    });
    let preprocessing = record.and_then(|record| {
        let rows = record.preprocessing.iter();
        let rows = rows
            .filter(|row| model(&row.model, &row.precision) && row.format.ends_with("1920×1080"));
        let worst = rows.max_by(|a, b| a.micros_a_frame.total_cmp(&b.micros_a_frame))?;
        let text = format!(
            "{:.1} µs at the most, at batch {}",
            worst.micros_a_frame, worst.batch
        );
        Some((text, worst.micros_a_frame <= 40.0))
    });
    let paced: Vec<&StreamRow> = record.map_or(Vec::new(), |record| {
        let of_model = |row: &&StreamRow| {
            model(&row.model, &row.precision) && row.from == "device" && row.pace == Some(90.0)
        };
        record.streams.iter().filter(of_model).collect()
    });
    let many = paced.iter().filter(|row| row.streams >= STREAMS);
    let many = many.max_by_key(|row| (holds(row), row.streams)).map(|row| {
        let text = format!(
            "{} streams: the slowest {:.1} a second, {} frames not looked at, p99 {:.2} ms",
            row.streams, row.slowest_fps, row.skipped, row.p99_ms
        );
        (text, holds(row))
    });
    let cores = paced.iter().filter(|row| row.streams >= 16).map(|row| {
        let each = row.busiest_core * 16.0 / row.streams as f64;
        (each, row.streams)
    });
    let cores = cores
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(each, streams)| {
            let text = format!("{each:.1} % at the most, with {streams} streams");
            (text, each <= 10.0)
        });
    vec![
        measured(
            "YOLOv8n 640 FP16: the pipeline has at least 0.95 of the engine alone, at each batch from 8 on",
            ratio,
        ),
        measured(
            "YOLOv8n 640 FP16: 64 streams or more at 90 frames a second, p99 at most 10 ms from sender to receiver (aimed at on an H200)",
            many,
        ),
        measured(
            "YOLOv8n 640 FP16: one picture in at most 1.5 ms without its upload (median)",
            latency,
        ),
        measured(
            "preprocessing: at most 40 µs a frame of 1920×1080",
            preprocessing,
        ),
        measured(
            "no core of the CPU above 10 % for each 16 streams, frames on the GPU",
            cores,
        ),
    ]
}

/// Whether all streams had all of their frames looked at, in time. A frame at the edge of the window
/// may be counted before or after it.
fn holds(row: &StreamRow) -> bool {
    row.skipped == 0 && row.slowest_fps >= 89.0 && row.p99_ms <= 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(streams: usize, slowest_fps: f64, p99_ms: f64) -> StreamRow {
        StreamRow {
            model: "yolov8n".into(),
            precision: "f16".into(),
            from: "device".into(),
            streams,
            pace: Some(90.0),
            fps: slowest_fps * streams as f64,
            slowest_fps,
            skipped: 0,
            p50_ms: 3.0,
            p99_ms,
            frames_per_run: 9.0,
            busiest_core: 30.0,
            cores_used: 1.0,
        }
    }

    fn record(streams: Vec<StreamRow>) -> Record {
        Record {
            step: "bench".into(),
            rehearsal: false,
            finished: true,
            machine: Default::default(),
            checks: Vec::new(),
            batches: Vec::new(),
            latencies: Vec::new(),
            preprocessing: Vec::new(),
            streams,
            captions: Vec::new(),
        }
    }

    #[test]
    fn streams_reach_their_target_only_all_in_time_and_with_enough_of_them() {
        let cases = [
            (vec![row(32, 90.0, 2.0)], None),
            (vec![row(64, 90.0, 9.0)], Some(true)),
            (vec![row(64, 90.0, 9.0), row(96, 70.0, 90.0)], Some(true)),
            (vec![row(64, 90.0, 11.0)], Some(false)),
            (vec![row(64, 80.0, 9.0)], Some(false)),
        ];
        for (streams, reached) in cases {
            let targets = all(Some(&record(streams.clone())));
            assert_eq!(targets[1].reached, reached, "{streams:?}");
        }
        let of_host = StreamRow {
            from: "host".into(),
            ..row(64, 90.0, 1.0)
        };
        assert_eq!(all(Some(&record(vec![of_host])))[1].reached, None);
    }

    #[test]
    fn the_busiest_core_counts_for_sixteen_streams() {
        let targets = all(Some(&record(vec![row(64, 90.0, 9.0)])));
        assert_eq!(targets[4].reached, Some(true), "{}", targets[4].measured);
        let targets = all(Some(&record(vec![row(16, 90.0, 9.0)])));
        assert_eq!(targets[4].reached, Some(false), "{}", targets[4].measured);
    }

    #[test]
    fn nothing_is_claimed_without_a_record() {
        assert!(all(None).iter().all(|target| target.reached.is_none()));
    }
}
