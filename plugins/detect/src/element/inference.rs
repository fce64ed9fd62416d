//! What the workers of a network do: preprocess, infer, decode.

use super::finder::SharedThresholds;
use super::frame::frame_view;
use super::session::{Failure, Found, Frame, lock};
use crate::decode::Detection;
use crate::detector::{Detector, LoadedModel, Picture, Timings};
use crate::engine::{EngineError, Runner};
use crate::preprocess::Chroma;
use crate::schedule::{Division, Taken, Work};
use crate::views::Part;
use std::sync::{Arc, Mutex};

/// What is each stream's own.
pub(super) struct StreamTerms {
    pub thresholds: SharedThresholds,
    pub chroma: Chroma,
}

/// A model's work on frames of any stream.
pub(super) struct Inference {
    loaded: Arc<LoadedModel>,
    /// The trial's runner and its threads, until the first worker takes it.
    trial: Mutex<Option<(Box<dyn Runner>, usize)>>,
}

impl Inference {
    /// With the runner that the model was tried with, of so many threads.
    pub fn new(loaded: Arc<LoadedModel>, trial: Box<dyn Runner>, threads: usize) -> Self {
        Self {
            loaded,
            trial: Mutex::new(Some((trial, threads))),
        }
    }
}

impl Work for Inference {
    type Frame = Frame;
    type Event = gst::Event;
    type Result = Result<Found, Failure>;
    type Stream = StreamTerms;
    type Hands = Result<Detector, EngineError>;

    fn hands(&self, division: Division) -> Self::Hands {
        let engine = &self.loaded.engine;
        engine.plan_runners(division.workers, division.threads);
        let trial = lock(&self.trial).take();
        // One of other threads is no longer of use.
        let trial = trial.filter(|(_, threads)| *threads == division.threads);
        let runner = match trial {
            Some((runner, _)) => runner,
            None => engine.runner(division.threads)?,
        };
        Ok(Detector::new(&self.loaded.spec, runner, Chroma::default()))
    }

    fn work(&self, hands: &mut Self::Hands, frames: &mut Vec<Taken<Self>>) {
        match hands {
            Ok(detector) => detect(detector, self.loaded.batch, frames),
            Err(error) => fail(frames, &error.to_string()),
        }
    }

    fn failed(&self, why: &str) -> Self::Result {
        Err(Failure::Engine(why.to_owned()))
    }
}

/// All of them have the same result: none.
fn fail(frames: &mut Vec<Taken<Inference>>, why: &str) {
    for frame in frames.drain(..) {
        frame.finish(Err(Failure::Engine(why.to_owned())));
    }
}

/// Finishes frames with what is found on them.
fn detect(detector: &mut Detector, most: usize, frames: &mut Vec<Taken<Inference>>) {
    match look(detector, most, frames) {
        Ok(found) => {
            for (frame, found) in frames.drain(..).zip(found) {
                frame.finish(Ok(found));
            }
        }
        Err(failure) if frames.len() == 1 => {
            if let Some(frame) = frames.pop() {
                frame.finish(Err(failure));
            }
        }
        // What is wrong with one of them must not cost the streams of the others anything.
        Err(_) => {
            for frame in frames.drain(..) {
                detect(detector, most, &mut vec![frame]);
            }
        }
    }
}

/// Looks at all parts of the frames, up to `most` of them in a run.
fn look(
    detector: &mut Detector,
    most: usize,
    frames: &[Taken<Inference>],
) -> Result<Vec<Found>, Failure> {
    let thresholds: Vec<_> = frames.iter().map(|f| f.stream.thresholds.get()).collect();
    let parts_of = |i: usize| {
        frames[i]
            .frame()
            .format
            .views
            .parts()
            .map(move |part| (i, part))
    };
    let parts: Vec<_> = (0..frames.len()).flat_map(parts_of).collect();
    let mut found: Vec<Vec<Vec<Detection>>> = vec![Vec::new(); frames.len()];
    let mut timings = vec![Timings::default(); frames.len()];
    for run in parts.chunks(most.max(1)) {
        for (number, (i, part)) in run.iter().enumerate() {
            put(detector, number, &frames[*i], *part)?;
        }
        let mut pictures: Vec<_> = (run.iter())
            .map(|(i, _)| Picture::new(thresholds[*i].clone()))
            .collect();
        detector
            .run(&mut pictures)
            .map_err(|error| Failure::Engine(error.to_string()))?;
        for ((i, _), picture) in run.iter().zip(pictures) {
            timings[*i] += picture.timings;
            found[*i].push(picture.found);
        }
    }
    let joined = frames.iter().zip(found).zip(thresholds).zip(timings);
    let joined = joined.map(|(((frame, found), thresholds), timings)| Found {
        detections: (frame.frame().format.views).join(found, thresholds.max_detections),
        timings,
    });
    Ok(joined.collect())
}

/// Makes a part of a frame the picture of this number.
fn put(
    detector: &mut Detector,
    number: usize,
    taken: &Taken<Inference>,
    part: Part,
) -> Result<(), Failure> {
    let frame = taken.frame();
    let mapped = frame.map()?;
    let view = frame_view(frame.format.frame, &mapped)
        .map_err(|error| Failure::Frame(error.to_string()))?;
    detector.put(number, &view.part(part), taken.stream.chroma);
    Ok(())
}
