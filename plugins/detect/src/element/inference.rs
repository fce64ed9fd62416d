//! What the workers of a network do: preprocess, infer, decode; on a GPU, see [`crate::gpu`].

use super::details::{Extras, NEEDS_V1_26};
use super::finder::SharedThresholds;
use super::gpu::memory::{Mapped, Readers};
use super::session::{Failure, Found, Frame, lock};
use crate::decode::{Details, Thresholds};
use crate::detector::{Detector, LoadedModel, Picture, Timings};
use crate::engine::gpu::{GpuEngine, error_of};
use crate::engine::{EngineError, Runner};
use crate::gpu::{GpuDetector, GpuError, GpuSource};
use crate::objects::Answer;
use crate::preprocess::{Fit, Resize, Sampling};
use crate::schedule::{Division, Taken, Work};
use crate::views::{Part, Views};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vigil_analytics::frame::video::frame_view;

/// What is each stream's own.
pub(super) struct StreamTerms {
    pub thresholds: SharedThresholds,
    pub sampling: Sampling,
    /// Whether the model's outputs go with each frame.
    pub attach_tensors: bool,
    /// Pictures that were sent from system memory to a GPU's.
    pub uploads: Arc<AtomicU64>,
}

/// A model's work on frames of any stream.
pub(super) struct Inference {
    loaded: Arc<LoadedModel>,
    /// The trial's runner and its threads, until the first worker takes it.
    trial: Mutex<Option<(Box<dyn Runner>, usize)>>,
    /// Of a GPU, until the first worker takes it.
    first: Mutex<Option<Box<GpuDetector>>>,
}

impl Inference {
    /// With the runner that the model was tried with, of so many threads. On a GPU the first worker's
    /// memory is taken now, so that it is known whether there is any.
    ///
    /// # Errors
    /// Not even one picture fits into the GPU's memory, or what is allowed of it.
    pub fn new(
        loaded: Arc<LoadedModel>,
        trial: Box<dyn Runner>,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let mut this = Self {
            loaded,
            trial: Mutex::new(Some((trial, threads))),
            first: Mutex::default(),
        };
        if let Some(engine) = this.on_gpu() {
            // Its memory is for the pipeline now.
            drop(lock(&this.trial).take());
            let gpu = this.gpu_detector(engine, this.loaded.batch)?;
            this.first = Mutex::new(Some(gpu));
        }
        Ok(this)
    }

    /// The engine, if pictures are prepared on a GPU. Kernels do not resample as Pillow does, which is
    /// what classifiers are fed.
    fn on_gpu(&self) -> Option<Arc<dyn GpuEngine>> {
        let is_for_kernels = self.loaded.spec.input.fit != Fit::CentreCrop;
        let engine = self.loaded.engine.clone();
        engine.on_gpu().filter(|_| is_for_kernels)
    }

    fn gpu_detector(
        &self,
        engine: Arc<dyn GpuEngine>,
        batch: usize,
    ) -> Result<Box<GpuDetector>, EngineError> {
        let mut gpu = GpuDetector::new(engine, &self.loaded.spec, batch)?;
        gpu.want_masks(NEEDS_V1_26.is_none());
        Ok(Box::new(gpu))
    }

    fn hands_on_gpu(&self, engine: Arc<dyn GpuEngine>, batch: usize) -> Result<Hands, EngineError> {
        let readers = Readers::new(engine.gpu().context());
        let first = lock(&self.first).take();
        let gpu = match first {
            Some(gpu) => gpu,
            None => self.gpu_detector(engine, batch)?,
        };
        Ok(Hands {
            tensors: None,
            most: gpu.capacity(),
            gpu: Some(gpu),
            readers: Some(readers),
            made_room: false,
        })
    }

    fn detector(&self, runner: Box<dyn Runner>) -> Detector {
        let mut detector = Detector::new(&self.loaded.spec, runner, Sampling::default());
        detector.want_masks(NEEDS_V1_26.is_none());
        detector
    }
}

/// What one worker needs.
pub(super) struct Hands {
    /// Of an engine that takes tensors; on a GPU for what has to be prepared or kept here only, and
    /// made when it is needed.
    tensors: Option<Detector>,
    /// Of a GPU.
    gpu: Option<Box<GpuDetector>>,
    /// Of frames in its memory.
    readers: Option<Readers>,
    /// The most pictures in a run: more than the model was loaded for, where more were measured to
    /// gain something, and fewer where a GPU has no memory for them.
    most: usize,
    /// Memory was given back, so that what failed may be tried again.
    made_room: bool,
}

impl Work for Inference {
    type Frame = Frame;
    type Event = gst::Event;
    type Result = Result<Found, Failure>;
    type Stream = StreamTerms;
    type Hands = Result<Hands, EngineError>;

    fn hands(&self, division: Division) -> Self::Hands {
        if let Some(engine) = self.on_gpu() {
            return self.hands_on_gpu(engine, division.batch);
        }
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
            tensors: Some(self.detector(runner)),
            gpu: None,
            readers: None,
            most: division.batch,
            made_room: false,
        })
    }

    fn work(&self, hands: &mut Self::Hands, frames: &mut Vec<Taken<Self>>) {
        match hands {
            Ok(hands) => self.detect(hands, frames),
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

impl Inference {
    /// Finishes frames with what is found on them.
    fn detect(&self, hands: &mut Hands, frames: &mut Vec<Taken<Self>>) {
        hands.made_room = false;
        match self.look(hands, frames) {
            Ok(found) => {
                for (frame, found) in frames.drain(..).zip(found) {
                    frame.finish(Ok(found));
                }
            }
            Err(_) if hands.made_room => self.detect(hands, frames),
            Err(failure) if frames.len() == 1 => {
                if let Some(frame) = frames.pop() {
                    frame.finish(Err(failure));
                }
            }
            // What is wrong with one of them must not cost the streams of the others anything.
            Err(_) => {
                for frame in frames.drain(..) {
                    self.detect(hands, &mut vec![frame]);
                }
            }
        }
    }

    /// Looks at all parts of the frames, as many of them in a run as the model takes.
    fn look(&self, hands: &mut Hands, frames: &[Taken<Self>]) -> Result<Vec<Found>, Failure> {
        let thresholds: Vec<_> = frames.iter().map(|f| f.stream.thresholds.get()).collect();
        hands.get_ready(self, frames, &thresholds)?;
        let mapped = hands.open(frames)?;
        let batches = frames.iter().zip(&mapped).filter(|(taken, mapped)| {
            taken.frame().plan.is_some() && mapped.as_ref().is_some_and(|m| m.pictures() > 1)
        });
        if batches.count() > 0 {
            return Err(Failure::Engine(
                "on=objects looks at objects of one picture, but the buffer holds several: put \
                 nvstreamdemux before vigildetect"
                    .into(),
            ));
        }
        let parts_of = |i: usize| {
            let pictures = mapped[i].as_ref().map_or(1, Mapped::pictures);
            (0..pictures).flat_map(move |picture| {
                let parts = frames[i].frame().parts();
                parts.into_iter().map(move |part| Piece {
                    frame: i,
                    picture,
                    part,
                })
            })
        };
        let parts: Vec<_> = (0..frames.len()).flat_map(parts_of).collect();
        let mut seen: Vec<Vec<Picture>> = frames.iter().map(|_| Vec::new()).collect();
        let together = |a: &Piece, b: &Piece| {
            let both = [a.frame, b.frame];
            hands.may_share(both.map(|i| (&*frames[i].stream, &*thresholds[i])))
        };
        let alike: Vec<_> = parts.chunk_by(together).collect();
        let most = hands.most;
        for run in alike.into_iter().flat_map(|alike| alike.chunks(most)) {
            for (number, piece) in run.iter().enumerate() {
                let mapped = mapped[piece.frame].as_ref();
                hands.put(number, &frames[piece.frame], mapped, piece)?;
            }
            let picture = |piece: &Piece| {
                Picture::new(thresholds[piece.frame].clone())
                    .keeping_outputs(frames[piece.frame].stream.attach_tensors)
            };
            let mut pictures: Vec<_> = run.iter().map(picture).collect();
            hands.run(&frames[run[0].frame].stream, &mut pictures)?;
            let mut before = None;
            for (piece, mut picture) in run.iter().zip(pictures) {
                if before.replace(piece.frame) == Some(piece.frame) {
                    // The frame had this run already, with another part.
                    picture.timings.inference = Duration::ZERO;
                }
                seen[piece.frame].push(picture);
            }
        }
        let frames = frames.iter().zip(&mapped).zip(seen).zip(thresholds);
        Ok(frames
            .map(|(((frame, mapped), pictures), thresholds)| {
                let frame = frame.frame();
                if frame.plan.is_some() {
                    return answers(pictures);
                }
                let (views, most) = (&frame.format.views, thresholds.max_detections);
                let names = &self.loaded.output_names;
                match mapped {
                    Some(mapped) if mapped.pictures() > 1 => {
                        join_batch(views, mapped, pictures, most, names)
                    }
                    _ => join(views, pictures, most, names),
                }
            })
            .collect())
    }
}

/// What the model looks at in one of its runs.
struct Piece {
    /// Which frame.
    frame: usize,
    /// Which picture of it: there are several in a batch of DeepStream's.
    picture: usize,
    part: Part,
}

impl Hands {
    /// Opens those frames that are in the GPU's memory. They have to be closed before they are
    /// finished with, or whoever writes on their buffers has to copy them.
    fn open(&mut self, frames: &[Taken<Inference>]) -> Result<Vec<Option<Mapped>>, Failure> {
        let (Some(readers), Some(gpu)) = (&mut self.readers, &self.gpu) else {
            return Ok(frames.iter().map(|_| None).collect());
        };
        let open = |taken: &Taken<Inference>| readers.open(taken.frame(), gpu.stream());
        frames.iter().map(open).collect()
    }

    /// Whether pictures of this stream are prepared and decoded on the GPU. Averaging and tensors to
    /// be kept are the CPU's.
    fn is_for_gpu(&self, stream: &StreamTerms) -> bool {
        let on_cpu = stream.attach_tensors || stream.sampling.resize == Resize::Area;
        self.gpu.is_some() && !on_cpu
    }

    /// Whether two pictures can be in one run.
    fn may_share(&self, [(a, of_a), (b, of_b)]: [(&StreamTerms, &Thresholds); 2]) -> bool {
        match (self.is_for_gpu(a), self.is_for_gpu(b)) {
            (true, true) => GpuDetector::may_share(of_a, of_b),
            (a, b) => a == b,
        }
    }

    /// Makes what these frames need and was not there yet.
    fn get_ready(
        &mut self,
        inference: &Inference,
        frames: &[Taken<Inference>],
        thresholds: &[Arc<Thresholds>],
    ) -> Result<(), Failure> {
        let engine_failed = |error: EngineError| Failure::Engine(error.to_string());
        let on_cpu = frames.iter().any(|f| !self.is_for_gpu(&f.stream));
        if self.tensors.is_none() && on_cpu {
            let runner = inference.loaded.engine.runner(1).map_err(engine_failed)?;
            self.tensors = Some(inference.detector(runner));
        }
        if let Some(gpu) = &mut self.gpu {
            let boxes = thresholds.iter().map(|t| t.max_detections).max();
            gpu.make_room(boxes.unwrap_or(0)).map_err(engine_failed)?;
            self.most = gpu.capacity();
        }
        Ok(())
    }

    /// Makes a part of a frame the picture of this number.
    fn put(
        &mut self,
        number: usize,
        taken: &Taken<Inference>,
        mapped: Option<&Mapped>,
        piece: &Piece,
    ) -> Result<(), Failure> {
        let (frame, stream) = (taken.frame(), &*taken.stream);
        let is_for_gpu = self.is_for_gpu(stream);
        let chroma = stream.sampling.chroma;
        let source = mapped.and_then(|mapped| mapped.source(piece.picture, piece.part, chroma));
        if let (Some(source), Some(gpu), true) = (source, &mut self.gpu, is_for_gpu) {
            let put = gpu.put(number, source, chroma);
            return put.map_err(|error| self.gpu_failed(error.into()));
        }
        let mapped = frame.map()?;
        let view = frame_view(frame.format.frame, &mapped)
            .map_err(|error| Failure::Frame(error.to_string()))?;
        let view = view.part(piece.part);
        if is_for_gpu && let Some(gpu) = &mut self.gpu {
            stream.uploads.fetch_add(1, Ordering::Relaxed);
            let put = gpu.put(number, GpuSource::Host(&view), chroma);
            return put.map_err(|error| self.gpu_failed(error.into()));
        }
        if let Some(detector) = &mut self.tensors {
            detector.put(number, &view, stream.sampling);
        }
        Ok(())
    }

    /// Detects on the pictures that were put, all of one way.
    fn run(&mut self, stream: &StreamTerms, pictures: &mut [Picture]) -> Result<(), Failure> {
        if self.is_for_gpu(stream)
            && let Some(gpu) = &mut self.gpu
        {
            let run = gpu.run(pictures);
            return run.map_err(|error| self.gpu_failed(error));
        }
        let Some(detector) = &mut self.tensors else {
            return Ok(());
        };
        detector
            .run(pictures)
            .map_err(|error| Failure::Engine(error.to_string()))
    }

    /// A GPU that is short of memory may do with half as many pictures at a time.
    fn gpu_failed(&mut self, error: GpuError) -> Failure {
        let Some(kind) = self.gpu.as_ref().map(|gpu| gpu.engine().kind()) else {
            return Failure::Engine(error.to_string());
        };
        if error.is_out_of_memory()
            && let Some(gpu) = &mut self.gpu
            && gpu.capacity() > 1
            && gpu.halve().is_ok()
        {
            self.most = gpu.capacity();
            self.made_room = true;
        }
        Failure::Engine(match error {
            GpuError::Pipeline(error) => error_of(kind, &error).to_string(),
            error => error.to_string(),
        })
    }
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
        batch: Vec::new(),
        extras,
        timings,
        answers: Vec::new(),
    }
}

/// What is known of the objects of a frame by the pictures of each.
fn answers(pictures: Vec<Picture>) -> Found {
    let mut timings = Timings::default();
    let answer = |picture: Picture| {
        timings += picture.timings;
        Answer {
            detections: picture.found,
            details: picture.details,
        }
    };
    Found {
        answers: pictures.into_iter().map(answer).collect(),
        timings,
        ..Found::default()
    }
}

/// What is known of each picture of a batch: only boxes can be told of several.
fn join_batch(
    views: &Views,
    mapped: &Mapped,
    pictures: Vec<Picture>,
    most: usize,
    names: &[String],
) -> Found {
    let (mut found, mut pictures) = (Found::default(), pictures.into_iter());
    for picture in 0..mapped.pictures() {
        let parts: Vec<_> = pictures.by_ref().take(views.runs()).collect();
        let one = join(views, parts, most, names);
        found.timings += one.timings;
        let batch_id = mapped.batch_id(picture);
        found.batch.push((batch_id, one.detections));
    }
    found
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
            device: 0,
            gpu_memory: None,
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
        let inference = Inference::new(Arc::new(loaded), trial, 1).unwrap();
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
            let detector = hands.tensors.as_mut().unwrap();
            (0..batch).for_each(|number| detector.put(number, &frame, Sampling::default()));
            let mut pictures: Vec<_> = (0..batch).map(|_| Picture::new(Arc::default())).collect();
            detector.run(&mut pictures).unwrap();
        }
    }
}
