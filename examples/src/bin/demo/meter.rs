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
        // In order; what is before this frame in the queue was dropped on the way.
        if let Some(at) = entered.iter().position(|(pts, _)| *pts == buffer.pts())
            && let Some((_, since)) = entered.drain(..=at).next_back()
        {
            totals.latency.add(since.elapsed());
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
        totals.last = Some(Instant::now());
    }
}

/// Frames per second of raw video; `None` where the caps do not say.
pub fn framerate(caps: &gst::Caps) -> Option<f64> {
    let rate = caps.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
    (rate.numer() > 0 && rate.denom() > 0)
        .then(|| f64::from(rate.numer()) / f64::from(rate.denom()))
}
