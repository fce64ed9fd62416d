//! What the workers of a network do: preprocess, infer, decode.

use super::details::{Extras, NEEDS_V1_26};
use super::finder::SharedThresholds;
use super::session::{Failure, Found, Frame, lock};
use crate::decode::Details;
use crate::detector::{Detector, LoadedModel, Picture, Timings};
use crate::engine::{EngineError, Runner};
use crate::preprocess::Chroma;
use crate::schedule::{Division, Taken, Work};
use crate::views::{Part, Views};
use std::sync::{Arc, Mutex};
use vigil_analytics::frame::video::frame_view;

/// What is each stream's own.
pub(super) struct StreamTerms {
    pub thresholds: SharedThresholds,
    pub chroma: Chroma,
    /// Whether the model's outputs go with each frame.
    pub attach_tensors: bool,
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

/// What one worker needs.
pub(super) struct Hands {
    detector: Detector,
    /// The most pictures in a run: more than the model was loaded for, where more were measured to
    /// gain something.
    most: usize,
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
        let mut detector = Detector::new(&self.loaded.spec, runner, Chroma::default());
        detector.want_masks(NEEDS_V1_26.is_none());
        Ok(Hands {
            detector,
            most: division.batch,
        })
    }

    fn work(&self, hands: &mut Self::Hands, frames: &mut Vec<Taken<Self>>) {
        match hands {
            Ok(hands) => detect(hands, &self.loaded, frames),
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
fn detect(hands: &mut Hands, loaded: &LoadedModel, frames: &mut Vec<Taken<Inference>>) {
    match look(hands, loaded, frames) {
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
                detect(hands, loaded, &mut vec![frame]);
            }
        }
    }
}

/// Looks at all parts of the frames, as many of them in a run as the model takes.
fn look(
    Hands { detector, most }: &mut Hands,
    loaded: &LoadedModel,
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
    let mut seen: Vec<Vec<Picture>> = frames.iter().map(|_| Vec::new()).collect();
    for run in parts.chunks(*most) {
        for (number, (i, part)) in run.iter().enumerate() {
            put(detector, number, &frames[*i], *part)?;
        }
        let picture = |(i, _): &(usize, Part)| {
            Picture::new(thresholds[*i].clone()).keeping_outputs(frames[*i].stream.attach_tensors)
        };
        let mut pictures: Vec<_> = run.iter().map(picture).collect();
        detector
            .run(&mut pictures)
            .map_err(|error| Failure::Engine(error.to_string()))?;
        for ((i, _), picture) in run.iter().zip(pictures) {
            seen[*i].push(picture);
        }
    }
    let frames = frames.iter().zip(seen).zip(thresholds);
    Ok(frames
        .map(|((frame, pictures), thresholds)| {
            let views = &frame.frame().format.views;
            join(
                views,
                pictures,
                thresholds.max_detections,
                &loaded.output_names,
            )
        })
        .collect())
}

/// What is known of a frame by the pictures of its parts.
fn join(views: &Views, pictures: Vec<Picture>, most: usize, names: &[String]) -> Found {
    let mut timings = Timings::default();
    let (mut found, mut details) = (Vec::new(), Vec::new());
    let mut outputs = Vec::new();
    for picture in pictures {
        timings += picture.timings;
        found.push(picture.found);
        details.push(picture.details);
        // They are attached to whole frames only, which are one part.
        outputs = picture.outputs.unwrap_or_default();
    }
    let (detections, places): (Vec<_>, Vec<_>) = views.join(found, most).into_iter().unzip();
    let extras = Extras {
        details: Details::join(details, &places, views.frame()),
        tensors: names.iter().cloned().zip(outputs).collect(),
    };
    Found {
        detections,
        extras,
        timings,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::{LoadOptions, Several};
    use crate::engine::EngineKind;
    use crate::preprocess::{Colorimetry, FrameFormat, FrameView, PixelFormat, Plane};
    use crate::schedule::Mode;

    fn built_in(batch: usize) -> (LoadedModel, Box<dyn Runner>) {
        let options = LoadOptions {
            model: None,
            wishes: Default::default(),
            engine: Some(EngineKind::Rten),
            precision: Default::default(),
            threads: 1,
            input_size: None,
            batch,
        };
        LoadedModel::load(&options).unwrap()
    }

    #[test]
    fn a_worker_that_takes_several_frames_runs_them_together() {
        let (mut loaded, trial) = built_in(0);
        loaded.several = Some(Several {
            engine: built_in(4).0.engine,
            batch: 4,
            gain: 2.0,
        });
        let inference = Inference::new(Arc::new(loaded), trial, 1);
        let grey = [128; 64 * 64];
        let format = FrameFormat {
            pixels: PixelFormat::Gray8,
            width: 64,
            height: 64,
            colorimetry: Colorimetry::default(),
        };
        let plane = Plane {
            data: &grey,
            stride: 64,
        };
        let frame = FrameView::new(format, [plane, Plane::default(), Plane::default()]).unwrap();
        for batch in [1, 4] {
            let division = Division::new(Mode::Latency, 1, batch);
            let mut hands = inference.hands(division).unwrap();
            assert_eq!(hands.most, batch);
            (0..batch).for_each(|number| hands.detector.put(number, &frame, Chroma::default()));
            let mut pictures: Vec<_> = (0..batch).map(|_| Picture::new(Arc::default())).collect();
            hands.detector.run(&mut pictures).unwrap();
        }
    }
}
