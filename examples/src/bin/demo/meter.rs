//! Counts what passes: frames, their latency through the suite, and the objects on them.

use gst::prelude::*;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use vigil_analytics::stats::Latencies;
use vigil_analytics::{Object, objects};

/// Frames that may be inside the suite at once; more are not timed.
const IN_FLIGHT: usize = 256;

/// The counts.
#[derive(Default, Clone)]
pub struct Totals {
    /// Frames that left the suite.
    pub frames: u64,
    /// Frames that a detector looked at.
    pub inferred: u64,
    /// From the detector's sink pad to the rules' source pad.
    pub latency: Latencies,
    /// Label of each track.
    pub tracks: HashMap<u64, String>,
    /// Detections by label, for what has no track.
    pub untracked: HashMap<String, u64>,
    /// Caps of the video.
    pub caps: Option<gst::Caps>,
    /// How it went, second by second.
    pub seconds: Seconds,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Totals {
    /// From the first frame in to the last one out: without opening the input and loading the
    /// model.
    pub fn busy(&self) -> Option<Duration> {
        Some(self.last? - self.first?)
    }
}

/// A second of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Second {
    /// Its end, in seconds since the first frame came in.
    pub end: f64,
    /// Frames per second in it.
    pub fps: f64,
    /// Median of the latency in it, in milliseconds; `None` where no frame was timed.
    pub latency_ms: Option<f64>,
}

/// The run, second by second.
#[derive(Debug, Default, Clone)]
pub struct Seconds {
    over: Vec<Second>,
    begun: f64,
    frames: u64,
    latency: Latencies,
}

impl Seconds {
    /// Counts a frame that came out `at` so many seconds after the first one came in.
    fn add(&mut self, at: f64, latency: Option<Duration>) {
        while at >= self.begun + 1.0 {
            self.close(self.begun + 1.0);
        }
        self.frames += 1;
        latency
            .into_iter()
            .for_each(|latency| self.latency.add(latency));
    }

    /// The seconds so far, the one that runs included if there is enough of it to be told.
    pub fn until(&self, at: f64) -> Vec<Second> {
        let mut this = self.clone();
        if at >= this.begun + 0.25 {
            this.close(at);
        }
        this.over
    }

    /// Ends a second; the last one may be shorter.
    fn close(&mut self, at: f64) {
        let timed = self.latency.count() > 0;
        self.over.push(Second {
            end: at,
            fps: self.frames as f64 / (at - self.begun),
            latency_ms: timed.then(|| self.latency.percentile_ms(50.0)),
        });
        self.begun = at;
        self.frames = 0;
        self.latency = Latencies::default();
    }
}

#[derive(Default)]
struct State {
    totals: Totals,
    entered: VecDeque<(Option<gst::ClockTime>, Instant)>,
    objects: Vec<Object>,
}

/// Counts in two pad probes, each run by its pad's streaming thread.
pub struct Meter {
    state: Mutex<State>,
    sink: gst::Pad,
}

impl Meter {
    /// Counts what goes in at `sink` and comes out at `src`.
    pub fn attach(sink: &gst::Pad, src: &gst::Pad) -> Arc<Self> {
        let meter = Arc::new(Self {
            state: Mutex::default(),
            sink: sink.clone(),
        });
        let (enters, leaves) = (meter.clone(), meter.clone());
        sink.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer() {
                enters.enter(buffer);
            }
            gst::PadProbeReturn::Ok
        });
        src.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer() {
                leaves.leave(pad, buffer);
            }
            gst::PadProbeReturn::Ok
        });
        meter
    }

    /// The counts so far.
    pub fn totals(&self) -> Totals {
        self.lock().totals.clone()
    }

    /// Frames so far.
    pub fn frames(&self) -> u64 {
        self.lock().totals.frames
    }

    /// Whether the input has a pace of its own, as a camera has; known once frames come.
    pub fn is_live(&self) -> bool {
        let mut query = gst::query::Latency::new();
        self.sink.peer_query(&mut query) && query.result().0
    }

    /// Frames per second that the caps promise; `None` where they do not say.
    pub fn framerate(&self) -> Option<f64> {
        framerate(self.lock().totals.caps.as_ref()?)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counters are as good after a panic elsewhere as before.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, buffer: &gst::BufferRef) {
        let mut state = self.lock();
        state.totals.first.get_or_insert_with(Instant::now);
        if state.entered.len() < IN_FLIGHT {
            state.entered.push_back((buffer.pts(), Instant::now()));
        }
    }

    fn leave(&self, pad: &gst::Pad, buffer: &gst::BufferRef) {
        let mut state = self.lock();
        let State {
            totals,
            entered,
            objects,
        } = &mut *state;
        let now = Instant::now();
        // In order; what is before this frame in the queue was dropped on the way.
        let entered_at = entered
            .iter()
            .position(|(pts, _)| *pts == buffer.pts())
            .and_then(|at| entered.drain(..=at).next_back());
        let latency = entered_at.map(|(_, since)| now - since);
        latency
            .into_iter()
            .for_each(|latency| totals.latency.add(latency));
        if let Some(first) = totals.first {
            totals.seconds.add((now - first).as_secs_f64(), latency);
        }
        if objects::read(buffer, objects) == vigil_analytics::Look::Inferred {
            totals.inferred += 1;
        }
        for object in objects.iter() {
            let label = object.label_str();
            match object.track {
                Some(track) if !totals.tracks.contains_key(&track.id) => {
                    totals.tracks.insert(track.id, label.to_owned());
                }
                Some(_) => (),
                None => *totals.untracked.entry(label.to_owned()).or_default() += 1,
            }
        }
        if totals.caps.is_none() {
            totals.caps = pad.current_caps();
        }
        totals.frames += 1;
        totals.last = Some(now);
    }
}

/// Frames per second of raw video; `None` where the caps do not say.
pub fn framerate(caps: &gst::Caps) -> Option<f64> {
    let rate = caps.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
    (rate.numer() > 0 && rate.denom() > 0)
        .then(|| f64::from(rate.numer()) / f64::from(rate.denom()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_figures() {
        let mut seconds = Seconds::default();
        let ms = |ms| Some(Duration::from_millis(ms));
        for i in 0..10 {
            seconds.add(0.05 + 0.1 * f64::from(i), ms(4));
        }
        for i in 0..20 {
            seconds.add(1.01 + 0.05 * f64::from(i), ms(16));
        }
        // Nothing for a second, then one that was not timed.
        seconds.add(3.05, None);
        let told = seconds.until(3.15);
        let fps: Vec<_> = told.iter().map(|second| second.fps.round()).collect();
        assert_eq!(fps, [10.0, 20.0, 0.0]);
        let latency: Vec<_> = told.iter().map(|second| second.latency_ms).collect();
        assert!(
            latency[0].is_some_and(|ms| (3.5..4.5).contains(&ms)),
            "{latency:?}"
        );
        assert!(
            latency[1].is_some_and(|ms| (14.0..18.0).contains(&ms)),
            "{latency:?}"
        );
        assert_eq!(latency[2], None);
        assert_eq!(seconds.until(3.5).len(), 4);
        assert!(told.windows(2).all(|pair| pair[0].end < pair[1].end));
    }
}
