//! The step `check`: on the GPU comes out what comes out on the CPU.

use crate::agree::{self, Alike, Distance};
use crate::frames::{self, Place, Placed, Rgba, can_be};
use crate::kernels::{self, Gpu};
use crate::machine::{Machine, context};
use crate::model::{Floats, OnCpu, OnGpu, Subject};
use crate::record::{Checked, Recorder, Verdict, passed};
use crate::{Common, Failure};
use gstvigildetect::decode::{Detection, OutputView, Thresholds};
use gstvigildetect::detector::Detector;
use gstvigildetect::engine::Runner;
use gstvigildetect::gpu::GpuDetector;
use gstvigildetect::model::ModelSpec;
use gstvigildetect::preprocess::{PixelFormat, Preprocessor, Sampling, TensorFormat};
use std::path::PathBuf;
use std::sync::Arc;
use vigil_nvidia::pipeline::Recording;

/// Scores from which boxes are compared; the first at which a model finds any.
const THRESHOLDS: [f32; 2] = [0.25, 0.05];

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Pictures to look at, besides a street that is drawn
    #[arg(long = "picture")]
    pictures: Vec<PathBuf>,
    /// Size of the street
    #[arg(long, default_value_t = 1280)]
    width: usize,
    /// Size of the street
    #[arg(long, default_value_t = 720)]
    height: usize,
    /// How often each of two workers looks at all frames while the other does
    #[arg(long, default_value_t = 50)]
    rounds: usize,
}

pub fn run(options: &Options) -> Result<bool, Failure> {
    let common = &options.common;
    let machine = Machine::look(common.device);
    let mut recorder = Recorder::new("check", &common.out, machine)?;
    let context = context(common.device)?;
    let gpu = Arc::new(Gpu::new(&context));
    for (name, check) in kernels::ALL {
        recorder.check(format!("kernels: {name}"), || {
            check(&gpu);
            passed("to the bit")
        })?;
    }
    let mut pictures = frames::street(2, options.width, options.height)?;
    for path in &options.pictures {
        pictures.push(frames::read(path)?);
    }
    for subject in &common.models {
        for floats in &common.precision {
            check_model(&mut recorder, options, subject, *floats, &pictures, &gpu)?;
        }
    }
    recorder.finish()
}

fn check_model(
    recorder: &mut Recorder,
    options: &Options,
    subject: &Subject,
    floats: Floats,
    pictures: &[Rgba],
    gpu: &Arc<Gpu>,
) -> Result<(), Failure> {
    let what = |what: &str| format!("{subject}, {}: {what}", floats.as_str());
    let mut model = None;
    recorder.check(what("TensorRT takes the model"), || {
        let on_gpu = subject.on_gpu(floats, &options.common)?;
        let text = on_gpu.loaded.engine.description();
        model = Some(on_gpu);
        passed(text)
    })?;
    let Some(model) = model else { return Ok(()) };
    recorder.check(what("outputs are those of the CPU"), || {
        outputs(subject, &model, floats, pictures)
    })?;
    let mut reference = None;
    recorder.check(what("boxes are those of the CPU"), || {
        let found = Reference::new(subject, &model, floats, pictures)?;
        let verdict = found.compare_places(&model, gpu);
        reference = Some(found);
        verdict
    })?;
    let Some(reference) = reference else {
        return Ok(());
    };
    recorder.check(what("boxes are the same with and without graphs"), || {
        reference.compare_graphs(&model, gpu)
    })?;
    recorder.check(what("two workers at once find what one finds"), || {
        reference.compare_workers(&model, gpu, options.rounds)
    })
}

/// All outputs of pictures of one run, one after the other, as the model names them.
fn outputs_of(
    runner: &mut dyn Runner,
    tensors: &[Vec<f32>],
    pictures: usize,
) -> Result<Vec<Vec<f32>>, Failure> {
    let mut all: Vec<Vec<f32>> = Vec::new();
    for run in tensors.chunks(pictures.max(1)) {
        for (number, tensor) in run.iter().enumerate() {
            runner.input_mut(number).copy_from_slice(tensor);
        }
        runner.run(run.len(), &mut |outputs: &[OutputView]| {
            all.resize_with(outputs.len(), Vec::new);
            for (all, output) in all.iter_mut().zip(outputs) {
                let each = output.data.len() / output.shape.first().copied().unwrap_or(1).max(1);
                all.extend(&output.data[..each * run.len()]);
            }
        })?;
    }
    Ok(all)
}

fn outputs(subject: &Subject, model: &OnGpu, floats: Floats, pictures: &[Rgba]) -> Checked {
    let OnCpu {
        loaded: cpu,
        runner: mut on_cpu,
        instead,
    } = subject.on_cpu()?;
    let format = TensorFormat::new(&model.loaded.spec.input, Sampling::default());
    let tensors: Vec<_> = pictures
        .iter()
        .map(|picture| {
            let frame = picture.frame(PixelFormat::Rgb);
            let mut tensor = vec![0.0; 3 * (format.width * format.height) as usize];
            Preprocessor::new(format).run(&frame.view(), &mut tensor);
            tensor
        })
        .collect();
    let expected = outputs_of(&mut *on_cpu, &tensors, 1)?;
    let mut on_gpu = model.loaded.engine.runner(1)?;
    let found = outputs_of(&mut *on_gpu, &tensors, model.loaded.batch)?;
    if found.len() != expected.len() {
        return Err(format!("{} outputs for {}", found.len(), expected.len()).into());
    }
    let mut worst = Distance::default();
    for (name, (found, expected)) in cpu.output_names.iter().zip(found.iter().zip(&expected)) {
        let distance = agree::distance(found, expected).map_err(|e| format!("{name}: {e}"))?;
        worst = Distance {
            count: worst.count + distance.count,
            worst: worst.worst.max(distance.worst),
            mean: worst.mean.max(distance.mean),
        };
    }
    let text = format!(
        "{} numbers, worst {:.1e}, mean {:.1e}, allowed {:.0e} of the number (of 1 below), against {}{instead}",
        worst.count,
        worst.worst,
        worst.mean,
        floats.tolerance(),
        cpu.engine.description()
    );
    match worst.worst <= floats.tolerance() {
        true => passed(text),
        false => Err(text.into()),
    }
}

/// What the CPU finds on the frames.
struct Reference {
    frames: Vec<Arc<crate::kernels::preprocess::Frame>>,
    found: Vec<Vec<Detection>>,
    thresholds: Arc<Thresholds>,
    tolerance: f32,
}

impl Reference {
    fn new(
        subject: &Subject,
        model: &OnGpu,
        floats: Floats,
        pictures: &[Rgba],
    ) -> Result<Self, Failure> {
        let OnCpu {
            loaded: cpu,
            runner,
            ..
        } = subject.on_cpu()?;
        let mut detector = Detector::new(&cpu.spec, runner, Sampling::default());
        let formats = PixelFormat::ALL.into_iter().enumerate();
        let frames: Vec<_> = formats
            .map(|(i, pixels)| Arc::new(pictures[i % pictures.len()].frame(pixels)))
            .collect();
        if model.loaded.spec.head != cpu.spec.head {
            return Err("both engines see another head in the model".into());
        }
        for confidence in THRESHOLDS {
            let thresholds = Thresholds {
                confidence,
                ..Thresholds::default()
            };
            let mut found = Vec::new();
            for frame in &frames {
                let mut boxes = Vec::new();
                detector.detect(&frame.view(), &thresholds, &mut boxes)?;
                found.push(boxes);
            }
            if found.iter().any(|boxes| !boxes.is_empty()) || confidence == THRESHOLDS[1] {
                return Ok(Self {
                    frames,
                    found,
                    thresholds: Arc::new(thresholds),
                    tolerance: floats.tolerance(),
                });
            }
        }
        unreachable!("the last threshold returns")
    }

    fn find(
        &self,
        detector: &mut GpuDetector,
        frames: &[Placed],
    ) -> Result<Vec<Vec<Detection>>, Failure> {
        frames::find(detector, frames, &self.thresholds)
    }

    /// Numbers of the frames that can be in a place, and those frames there.
    fn placed(&self, place: Place, gpu: &Arc<Gpu>) -> Result<(Vec<usize>, Vec<Placed>), Failure> {
        let can = |i: &usize| can_be(place, self.frames[*i].format.pixels);
        let numbers: Vec<_> = (0..self.frames.len()).filter(can).collect();
        let placed = numbers
            .iter()
            .map(|i| Placed::new(self.frames[*i].clone(), place, gpu));
        let placed = placed.collect::<Result<_, _>>()?;
        Ok((numbers, placed))
    }

    fn compare_places(&self, model: &OnGpu, gpu: &Arc<Gpu>) -> Checked {
        let spec: &ModelSpec = &model.loaded.spec;
        let mut detector = GpuDetector::new(model.engine.clone(), spec, model.loaded.batch)?;
        let mut alike = Alike::default();
        let mut of_host: Vec<Vec<Detection>> = Vec::new();
        for place in [Place::Host, Place::Device, Place::Texture] {
            let (numbers, placed) = self.placed(place, gpu)?;
            let found = self.find(&mut detector, &placed)?;
            for (i, found) in numbers.iter().zip(&found) {
                let what = format!("{:?} in {}", self.frames[*i].format.pixels, place.as_str());
                let confidence = self.thresholds.confidence;
                let boxes = agree::boxes(found, &self.found[*i], confidence, self.tolerance);
                alike = alike.and(boxes.map_err(|error| format!("{what}: {error}"))?);
                if of_host.get(*i).is_some_and(|host| host != found) {
                    return Err(format!("{what}: other boxes than from system memory").into());
                }
            }
            if place == Place::Host {
                of_host = found;
            }
        }
        if alike.pairs == 0 {
            let text = "nothing is found on these pictures: give some with --picture";
            return Ok(Verdict::Skipped(text.into()));
        }
        passed(format!(
            "{} boxes from {} of {} formats in host, device and texture memory: least IoU {:.4}, scores within {:.4}, threshold {}",
            alike.pairs,
            self.found.iter().filter(|boxes| !boxes.is_empty()).count(),
            self.frames.len(),
            alike.iou,
            alike.score,
            self.thresholds.confidence,
        ))
    }

    fn compare_graphs(&self, model: &OnGpu, gpu: &Arc<Gpu>) -> Checked {
        let (_, frames) = self.placed(Place::Device, gpu)?;
        let mut sets = Vec::new();
        for recording in [Recording::Never, Recording::WherePossible] {
            let (spec, most) = (&model.loaded.spec, model.loaded.batch);
            let mut detector =
                GpuDetector::with_recording(model.engine.clone(), spec, most, recording)?;
            // The first time runs step by step and is recorded, the second one is what was recorded.
            let first = self.find(&mut detector, &frames)?;
            let second = self.find(&mut detector, &frames)?;
            if first != second {
                return Err("the same frames give other boxes the second time".into());
            }
            sets.push((second, detector.is_recorded()));
        }
        match (&sets[0], &sets[1]) {
            ((_, _), (_, false)) => Err("the engine cannot be recorded".into()),
            ((a, _), (b, _)) if a != b => Err("a graph gives other boxes".into()),
            ((a, _), _) => passed(format!("{} boxes", a.iter().map(Vec::len).sum::<usize>())),
        }
    }

    fn compare_workers(&self, model: &OnGpu, gpu: &Arc<Gpu>, rounds: usize) -> Checked {
        let (_, frames) = self.placed(Place::Device, gpu)?;
        let (spec, most) = (&model.loaded.spec, model.loaded.batch);
        let alone = self.find(
            &mut GpuDetector::new(model.engine.clone(), spec, most)?,
            &frames,
        )?;
        let work = || -> Result<(), Failure> {
            let mut detector = GpuDetector::new(model.engine.clone(), spec, most)?;
            for round in 0..rounds {
                if self.find(&mut detector, &frames)? != alone {
                    return Err(format!("other boxes in round {round}").into());
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers = [scope.spawn(work), scope.spawn(work)];
            let ended = workers.map(|worker| worker.join());
            ended.into_iter().try_for_each(|ended| {
                ended.unwrap_or_else(|_| Err("a worker ended in a panic".into()))
            })
        })?;
        passed(format!("{rounds} rounds of {} frames each", frames.len()))
    }
}
