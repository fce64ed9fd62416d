//! What the workers of a network do: preprocess, infer, decode.

use super::finder::SharedThresholds;
use super::frame::frame_view;
use super::session::{Failure, Found, Frame, lock};
use crate::detector::{Detector, LoadedModel, Picture};
use crate::engine::{EngineError, Runner};
use crate::preprocess::Chroma;
use crate::schedule::{Division, Taken, Work};
use std::sync::{Arc, Mutex};

/// What is each stream's own.
pub(super) struct StreamTerms {
    pub thresholds: SharedThresholds,
    pub chroma: Chroma,
}

/// What one worker needs.
pub(super) struct Hands {
    detector: Detector,
    /// Those of the present run.
    pictures: Vec<Picture>,
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
    type Hands = Result<Hands, EngineError>;

    fn hands(&self, division: Division) -> Self::Hands {
        let several = self.loaded.several.as_ref();
        let several = several.filter(|_| division.batch > self.loaded.batch);
        let engine = several.map_or(&self.loaded.engine, |several| &several.engine);
        engine.plan_runners(division.workers, division.threads);
        let trial = lock(&self.trial).take();
        // One of other threads, or for fewer pictures, is no longer of use.
        let trial = trial.filter(|(_, threads)| *threads == division.threads && several.is_none());
        let runner = match trial {
            Some((runner, _)) => runner,
            None => engine.runner(division.threads)?,
        };
        Ok(Hands {
            detector: Detector::new(&self.loaded.spec, runner, Chroma::default()),
            pictures: Vec::with_capacity(division.batch),
        })
    }

    fn work(&self, hands: &mut Self::Hands, frames: &mut Vec<Taken<Self>>) {
        match hands {
            Ok(hands) => detect(hands, frames),
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

fn detect(hands: &mut Hands, frames: &mut Vec<Taken<Inference>>) {
    let mut number = 0;
    while let Some(frame) = frames.get(number) {
        match put(&mut hands.detector, number, frame) {
            Ok(()) => number += 1,
            Err(failure) => frames.remove(number).finish(Err(failure)),
        }
    }
    if frames.is_empty() {
        return;
    }
    let thresholds = frames.iter().map(|frame| frame.stream.thresholds.get());
    hands.pictures.clear();
    hands.pictures.extend(thresholds.map(Picture::new));
    match hands.detector.run(&mut hands.pictures) {
        Ok(()) => {
            for (frame, picture) in frames.drain(..).zip(hands.pictures.drain(..)) {
                frame.finish(Ok(Found {
                    detections: picture.found,
                    timings: picture.timings,
                }));
            }
        }
        Err(error) if frames.len() == 1 => fail(frames, &error.to_string()),
        // What is wrong with one of them must not cost the streams of the others anything.
        Err(_) => {
            for frame in frames.drain(..) {
                detect(hands, &mut vec![frame]);
            }
        }
    }
}

/// Makes a frame the picture of this number.
fn put(detector: &mut Detector, number: usize, taken: &Taken<Inference>) -> Result<(), Failure> {
    let frame = taken.frame();
    let mapped =
        gst_video::VideoFrameRef::from_buffer_ref_readable(&frame.buffer, &frame.format.info)
            .map_err(|_| {
                Failure::Frame(format!(
                    "a buffer of {} bytes does not hold a {}x{} {} frame",
                    frame.buffer.size(),
                    frame.format.info.width(),
                    frame.format.info.height(),
                    frame.format.info.format(),
                ))
            })?;
    let view = frame_view(frame.format.frame, &mapped)
        .map_err(|error| Failure::Frame(error.to_string()))?;
    detector.put(number, &view, taken.stream.chroma);
    Ok(())
}
