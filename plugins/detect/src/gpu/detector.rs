//! One worker's detector on a GPU.

use super::{head, picture, wanted};
use crate::decode::{DecodeError, Decoder, Detection, OutputView, Thresholds};
use crate::detector::{Picture, Timings};
use crate::engine::gpu::{GpuEngine, GpuNetwork, OnStream, WORKERS, error_of};
use crate::engine::{EngineError, Kept, Values};
use crate::model::ModelSpec;
use crate::preprocess::{Chroma, FrameView, Letterbox, TensorFormat};
use crate::views::Part;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vigil_nvidia::driver::Stream;
use vigil_nvidia::kernels::SourceFormat;
use vigil_nvidia::kernels::head::{MOST_CONSIDERED, Wanted};
use vigil_nvidia::pipeline::{
    Finish, Finished, Levels, Pipeline, PipelineError, Recording, Settings, Source,
};
use vigil_nvidia::tensorrt::DataType;

/// Boxes of a picture that there is room for at first; more are asked for when more are wanted.
const ROOM: usize = 300;

/// Where a frame is.
#[allow(
    clippy::large_enum_variant,
    reason = "one for each picture, and no allocation for it"
)]
pub enum GpuSource<'a> {
    /// In system memory.
    Host(&'a FrameView<'a>),
    /// A picture of [`vigil_nvidia::memory`]: in the detector's context, and complete as far as its
    /// stream is concerned.
    Picture {
        /// Format and size.
        format: SourceFormat,
        /// Where its samples are.
        source: Source<'a>,
        /// The part that is looked at, all of it inside; `x` and `y` are even.
        part: Part,
    },
}

/// Why pictures have no detections.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// The GPU, or the engine on it.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The outputs are not what they were when the model was loaded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl GpuError {
    /// Whether less memory would have helped: see [`GpuDetector::halve`].
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Pipeline(error) if error.is_out_of_memory())
    }
}

/// What comes back from the GPU.
enum Reader {
    /// Boxes.
    Boxes {
        /// Of which the thresholds are known.
        classes: usize,
        /// Boxes of a picture that there is room for.
        room: usize,
        /// What the pipeline was told last.
        told: Wanted,
    },
    /// Outputs, decoded on the CPU.
    Outputs {
        decoder: Box<Decoder>,
        /// Type, and shape of one picture's, of each.
        tensors: Vec<(DataType, Vec<usize>)>,
        kept: Vec<Kept>,
    },
}

/// A picture that was put.
struct Place {
    letterbox: Letterbox,
    /// Where it is in its frame, if it was put as a frame of its own.
    origin: (u32, u32),
    took: Duration,
}

/// One worker's detector on a GPU: what [`Detector`](crate::detector::Detector) is on a CPU.
pub struct GpuDetector {
    pipeline: Pipeline<Box<dyn GpuNetwork>>,
    tensor: TensorFormat,
    reader: Reader,
    places: Vec<Option<Place>>,
    engine: Arc<dyn GpuEngine>,
    spec: ModelSpec,
    recording: Recording,
}

impl GpuDetector {
    /// A detector for up to `most` pictures a batch, or as many as there is memory for.
    ///
    /// # Errors
    /// The engine's; not even one picture fits into the GPU's memory.
    pub fn new(
        engine: Arc<dyn GpuEngine>,
        spec: &ModelSpec,
        most: usize,
    ) -> Result<Self, EngineError> {
        Self::with_recording(engine, spec, most, Recording::WherePossible)
    }

    /// As [`new`](Self::new), with or without graphs: to compare both.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn with_recording(
        engine: Arc<dyn GpuEngine>,
        spec: &ModelSpec,
        most: usize,
        recording: Recording,
    ) -> Result<Self, EngineError> {
        let (pipeline, reader) = make(&*engine, spec, most, ROOM, recording)?;
        Ok(Self {
            places: std::iter::repeat_with(|| None)
                .take(pipeline.capacity())
                .collect(),
            pipeline,
            tensor: TensorFormat::new(&spec.input, Default::default()),
            reader,
            engine,
            spec: spec.clone(),
            recording,
        })
    }

    /// Whether masks are to be made, where the model can: they are unless this is told.
    pub fn want_masks(&mut self, wanted: bool) {
        if let Reader::Outputs { decoder, .. } = &mut self.reader {
            decoder.want_masks(wanted);
        }
    }

    /// The engine that it runs.
    pub fn engine(&self) -> &dyn GpuEngine {
        &*self.engine
    }

    /// Pictures that a batch has room for.
    pub fn capacity(&self) -> usize {
        self.pipeline.capacity()
    }

    /// Whether batches are recorded as graphs, as far as is known.
    pub fn is_recorded(&self) -> bool {
        self.pipeline.is_recorded()
    }

    /// The stream that pictures are read on: work that makes them is to be waited for there.
    pub fn stream(&self) -> &Stream {
        self.pipeline.stream()
    }

    /// Makes a frame the picture of this number of the next batch, counted from 0. What is in system
    /// memory is copied before this returns, to be sent to the GPU. `chroma` is for frames in system
    /// memory; a picture's format says so itself.
    ///
    /// # Errors
    /// A plane is too short; the driver's.
    pub fn put(
        &mut self,
        number: usize,
        source: GpuSource,
        chroma: Chroma,
    ) -> Result<(), PipelineError> {
        let started = Instant::now();
        let size = |width: usize, height: usize| (width as u32, height as u32);
        let fit = |src| {
            let dst = (self.tensor.width, self.tensor.height);
            Letterbox::new(src, dst, self.tensor.fit)
        };
        let (format, source, letterbox, part, origin) = match source {
            GpuSource::Host(view) => {
                let format = view.format();
                let src = size(format.width, format.height);
                let planes = Source::Host(picture::host_planes(view));
                let letterbox = fit(src).within(view.origin());
                let format = picture::source_format(format, chroma);
                let part = [0, 0, src.0, src.1];
                (format, planes, letterbox, part, view.origin())
            }
            GpuSource::Picture {
                format,
                source,
                part,
            } => {
                let part @ [x, y, width, height] = part.map(|v| v as u32);
                let letterbox = fit((width, height)).within((x, y));
                (format, source, letterbox, part, (0, 0))
            }
        };
        let placement = picture::placement(&letterbox, part);
        self.pipeline.put(number, &format, source, &placement)?;
        if let Some(place) = self.places.get_mut(number) {
            *place = Some(Place {
                letterbox,
                origin,
                took: started.elapsed(),
            });
        }
        Ok(())
    }

    /// Detects objects on the pictures that were put, as many as there are here, all of which have
    /// the same `iou`: see [`may_share`](Self::may_share). The calling thread sleeps meanwhile.
    ///
    /// # Errors
    /// The engine's; nothing is found then.
    pub fn run(&mut self, pictures: &mut [Picture]) -> Result<(), GpuError> {
        let started = Instant::now();
        self.want(pictures)?;
        self.pipeline.start(pictures.len())?;
        let finished = self.pipeline.wait()?;
        let inference = started.elapsed();
        for (number, (picture, place)) in pictures.iter_mut().zip(&self.places).enumerate() {
            let Some(place) = place else { continue };
            let started = Instant::now();
            match &mut self.reader {
                Reader::Boxes { .. } => boxes(&finished, number, place, picture),
                Reader::Outputs {
                    decoder,
                    tensors,
                    kept,
                } => outputs(decoder, tensors, kept, &finished, number, place, picture)?,
            }
            picture.timings = Timings {
                preprocess: place.took,
                inference,
                decode: started.elapsed(),
            };
        }
        Ok(())
    }

    /// Whether two pictures can be in one batch.
    pub fn may_share(a: &Thresholds, b: &Thresholds) -> bool {
        wanted::alike(a, b)
    }

    /// Gives half of the memory for pictures back, for a driver that has none left.
    ///
    /// # Errors
    /// The engine's; the detector is of no use then.
    pub fn halve(&mut self) -> Result<usize, PipelineError> {
        let capacity = self.pipeline.halve()?;
        self.places.clear();
        self.places.resize_with(capacity, || None);
        Ok(capacity)
    }

    /// Tells the GPU which boxes are wanted, where that has changed.
    fn want(&mut self, pictures: &[Picture]) -> Result<(), PipelineError> {
        let Reader::Boxes {
            classes,
            room,
            told,
        } = &mut self.reader
        else {
            return Ok(());
        };
        let all: Vec<_> = pictures.iter().map(|p| p.thresholds.clone()).collect();
        let mut now = wanted::wanted(&all, *classes);
        now.limit = now.limit.min(*room);
        if now != *told {
            self.pipeline.want(&now)?;
            *told = now;
        }
        Ok(())
    }

    /// Makes room for more boxes of a picture, where these streams want more than there is.
    ///
    /// # Errors
    /// The engine's; the detector is as it was then.
    pub fn make_room(&mut self, boxes: usize) -> Result<(), EngineError> {
        let Reader::Boxes { room, .. } = &self.reader else {
            return Ok(());
        };
        if boxes.min(MOST_CONSIDERED) > *room {
            let (most, recording) = (self.capacity(), self.recording);
            let (pipeline, reader) = make(&*self.engine, &self.spec, most, boxes, recording)?;
            (self.pipeline, self.reader) = (pipeline, reader);
            self.places.clear();
            self.places.resize_with(self.pipeline.capacity(), || None);
        }
        Ok(())
    }
}

fn make(
    engine: &dyn GpuEngine,
    spec: &ModelSpec,
    most: usize,
    room: usize,
    recording: Recording,
) -> Result<(Pipeline<Box<dyn GpuNetwork>>, Reader), EngineError> {
    let budget = engine.room()?;
    let OnStream { network, stream } = engine.network(&spec.outputs)?;
    let types: Vec<_> = network
        .tensors()
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    let room = room.min(MOST_CONSIDERED);
    let (finish, reader) = match head::plan(spec, &types) {
        Some(plan) => {
            let classes = plan.classes.max(spec.labels.len());
            let told = Wanted {
                limit: room,
                ..wanted::wanted(&[Arc::default()], classes)
            };
            let reader = Reader::Boxes {
                classes,
                room,
                told: told.clone(),
            };
            (Finish::Boxes(plan, told), reader)
        }
        None => (Finish::Outputs, Reader::outputs(spec, network.tensors())),
    };
    let input = TensorFormat::new(&spec.input, Default::default());
    let settings = Settings {
        levels: Levels {
            scale: input.affine.map(|a| a.scale),
            offset: input.affine.map(|a| a.offset),
            pad: input.pad,
            blue_first: input.order == crate::preprocess::ChannelOrder::Bgr,
        },
        finish,
        pictures: most,
        budget,
        recording,
    };
    let pipeline = Pipeline::on(&stream, engine.gpu().kernels(), network, settings);
    let pipeline = pipeline.map_err(|error| match error {
        PipelineError::Budget { .. } => EngineError::Run {
            kind: engine.kind(),
            reason: format!("property gpu-memory is too low: {error} to each of {WORKERS} workers"),
        },
        error => error_of(engine.kind(), &error),
    });
    Ok((pipeline?, reader))
}

impl Reader {
    fn outputs(spec: &ModelSpec, tensors: Vec<(DataType, Vec<usize>)>) -> Self {
        // Decoders look for outputs by their places in the file; here they come in the head's order.
        let mut spec = spec.clone();
        for (index, output) in spec.outputs.iter_mut().enumerate() {
            output.index = index;
        }
        Self::Outputs {
            decoder: Box::new(Decoder::new(&spec)),
            kept: tensors.iter().map(|_| Kept::default()).collect(),
            tensors,
        }
    }
}

/// What the GPU found, of which a picture may want less than others of its batch.
fn boxes(finished: &Finished, number: usize, place: &Place, picture: &mut Picture) {
    let (x, y) = (place.origin.0 as f32, place.origin.1 as f32);
    let thresholds = &picture.thresholds;
    let wanted = finished
        .detections(number)
        .iter()
        .filter(|d| d.score > thresholds.confidence && thresholds.wants(d.class))
        .take(thresholds.max_detections)
        .map(|d| Detection {
            class: d.class,
            score: d.score,
            xyxy: [d.xyxy[0] + x, d.xyxy[1] + y, d.xyxy[2] + x, d.xyxy[3] + y],
        });
    picture.found.clear();
    picture.found.extend(wanted);
}

/// Decodes a picture's outputs on the CPU.
fn outputs(
    decoder: &mut Decoder,
    tensors: &[(DataType, Vec<usize>)],
    kept: &mut [Kept],
    finished: &Finished,
    number: usize,
    place: &Place,
    picture: &mut Picture,
) -> Result<(), GpuError> {
    let views: Vec<OutputView> = tensors
        .iter()
        .zip(kept)
        .enumerate()
        .map(|(output, ((kind, shape), kept))| {
            let values = Values::of_bytes(*kind, finished.output(output, number));
            kept.view([1].into_iter().chain(shape.iter().copied()), values)
        })
        .collect();
    let (letterbox, thresholds) = (&place.letterbox, &picture.thresholds);
    decoder.decode(&views, letterbox, thresholds, &mut picture.found)?;
    picture.details = decoder.take_details();
    Ok(())
}
