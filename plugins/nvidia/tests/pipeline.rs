//! The pipeline on a driver without a GPU, with a network whose answer tells which picture it saw.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod fake;

use fake::Cuda;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use vigil_nvidia::driver::raw::CUresult;
use vigil_nvidia::driver::{Context, DeviceBuffer, DriverError, Event, Lost, Stream};
use vigil_nvidia::kernels::head::Wanted;
use vigil_nvidia::kernels::{
    ColorMap, Detected, HeadPlan, Kernels, Layout, NumberType, Planes, Precision, Samples,
    SourceFormat,
};
use vigil_nvidia::pipeline::{
    Finish, HostPlane, Input, Levels, Network, Pipeline, PipelineError, Placement, Recording, Run,
    Settings, Source,
};

/// Width and height of the input; rows of the output.
const SIZE: u32 = 32;
const ROWS: usize = 40;
const CLASSES: usize = 2;

/// Says of each picture one box, whose score is the number at the picture's middle.
struct Teller {
    most: usize,
    recordable: bool,
    /// Device memory of its own for each picture.
    memory: usize,
    held: Option<DeviceBuffer>,
    context: Context,
    enqueued: Arc<AtomicUsize>,
    /// What the work is given; kept as long as graphs may run it.
    runs: Vec<Arc<Work>>,
}

/// What a host function is given.
struct Work {
    pictures: usize,
    input: u64,
    output: u64,
}

unsafe extern "C" fn tell(work: *mut c_void) {
    // SAFETY: `Teller` keeps it, and device memory is open while a stream works.
    unsafe {
        let work = &*work.cast::<Work>();
        let plane = (SIZE * SIZE) as usize;
        let output = (4 + CLASSES) * ROWS;
        for picture in 0..work.pictures {
            let input = (work.input as *const f32).add(picture * 3 * plane);
            let out = (work.output as *mut f32).add(picture * output);
            std::ptr::write_bytes(out, 0, output);
            let middle = *input.add(plane / 2 + SIZE as usize / 2);
            for (row, value) in [16.0, 16.0, 8.0, 8.0, 0.0, middle].into_iter().enumerate() {
                *out.add(row * ROWS + 7) = value;
            }
        }
    }
}

impl Network for Teller {
    fn most_pictures(&self) -> usize {
        self.most
    }

    fn input(&self) -> Input {
        Input {
            width: SIZE,
            height: SIZE,
            precision: Precision::Single,
        }
    }

    fn outputs(&self) -> Vec<usize> {
        vec![(4 + CLASSES) * ROWS * 4]
    }

    fn prepare(&mut self, pictures: usize) -> Result<(), PipelineError> {
        self.held = None;
        if self.memory > 0 {
            self.held = Some(DeviceBuffer::new(&self.context, self.memory * pictures)?);
        }
        Ok(())
    }

    fn enqueue(&mut self, stream: &Stream, run: &Run) -> Result<(), PipelineError> {
        self.enqueued.fetch_add(1, Ordering::Relaxed);
        let work = Arc::new(Work {
            pictures: run.pictures,
            input: run.input,
            output: run.outputs[0],
        });
        self.runs.push(work.clone());
        let driver = self.context.driver();
        let launch = driver.table().cuLaunchHostFunc.unwrap();
        // SAFETY: the work is kept as long as this.
        let code: CUresult =
            unsafe { launch(stream.raw(), tell, Arc::as_ptr(&work).cast_mut().cast()) };
        Ok(driver.check("cuLaunchHostFunc", code)?)
    }

    fn can_be_recorded(&self) -> bool {
        self.recordable
    }
}

fn teller(context: &Context) -> Teller {
    Teller {
        most: 8,
        recordable: true,
        memory: 0,
        held: None,
        context: context.clone(),
        enqueued: Arc::default(),
        runs: Vec::new(),
    }
}

fn wanted(threshold: f32) -> Wanted {
    Wanted {
        thresholds: vec![threshold; CLASSES],
        iou: 0.5,
        limit: 20,
    }
}

fn settings(pictures: usize) -> Settings {
    let plan = HeadPlan {
        layout: Layout::V8,
        rows: ROWS,
        classes: CLASSES,
        grids: Vec::new(),
        precision: Precision::Single,
        labels: NumberType::Float32,
        size: [SIZE; 2],
    };
    Settings {
        levels: Levels {
            scale: [1.0 / 255.0; 3],
            offset: [0.0; 3],
            pad: 114,
            blue_first: false,
        },
        finish: Finish::Boxes(plan, wanted(0.1)),
        pictures,
        budget: None,
        recording: Recording::WherePossible,
    }
}

/// A grey frame of this size.
fn format(size: u32) -> SourceFormat {
    SourceFormat {
        components: [Samples {
            plane: 0,
            offset: 0,
            step: 1,
            sub_x: 0,
            sub_y: 0,
        }; 3],
        color: ColorMap::rgb(true),
        linear_chroma: false,
        cosited_x: false,
        cosited_y: false,
        width: size,
        height: size,
    }
}

fn placement(size: u32) -> Placement {
    Placement {
        part: [0, 0, size, size],
        offset: [0; 2],
        content: [SIZE; 2],
        gain: [SIZE as f32 / size as f32; 2],
    }
}

fn put<N: Network>(
    p: &mut Pipeline<N>,
    slot: usize,
    size: u32,
    level: u8,
) -> Result<(), PipelineError> {
    let data = vec![level; (size * size) as usize];
    let plane = HostPlane {
        data: &data,
        pitch: size as usize,
    };
    let planes = [plane, HostPlane::default(), HostPlane::default()];
    p.put(slot, &format(size), Source::Host(planes), &placement(size))
}

/// The box that stands for a picture of this level and size.
fn expected(size: u32, level: u8) -> Detected {
    let gain = SIZE as f32 / size as f32;
    let xyxy = [12.0, 12.0, 20.0, 20.0].map(|v: f32| v / gain);
    Detected {
        xyxy,
        score: f32::from(level) * (1.0 / 255.0),
        class: 1,
    }
}

/// Runs a batch of pictures with these sizes and levels, and checks what comes back.
fn run<N: Network>(pipeline: &mut Pipeline<N>, pictures: &[(u32, u8)]) {
    for (slot, (size, level)) in pictures.iter().enumerate() {
        put(pipeline, slot, *size, *level).unwrap();
    }
    pipeline.start(pictures.len()).unwrap();
    check(pipeline, pictures);
}

fn check<N: Network>(pipeline: &mut Pipeline<N>, pictures: &[(u32, u8)]) {
    let finished = pipeline.wait().unwrap();
    assert_eq!(finished.pictures(), pictures.len());
    for (i, (size, level)) in pictures.iter().enumerate() {
        assert_eq!(finished.detections(i), [expected(*size, *level)]);
        assert_eq!(finished.candidates(i), 1);
    }
}

#[test]
fn each_picture_of_a_batch_gets_its_own_boxes_in_its_own_pixels() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(4)).unwrap();
    assert_eq!(pipeline.capacity(), 4);
    for pictures in [
        &[(64, 50), (32, 100), (128, 150), (48, 200)][..],
        &[(32, 255)],
    ] {
        run(&mut pipeline, pictures);
    }
    assert_eq!(cuda.calls("pageable"), 0, "all that is copied is pinned");
}

#[test]
fn a_size_is_recorded_once_and_other_frames_need_no_other_recording() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let network = teller(&context);
    let enqueued = network.enqueued.clone();
    let mut pipeline = Pipeline::new(&context, &kernels, network, settings(4)).unwrap();
    for round in 0..5u8 {
        run(
            &mut pipeline,
            &[(64 + u32::from(round), 50 + round), (32, 100 + round)],
        );
        run(&mut pipeline, &[(40, 90 + round)]);
    }
    assert!(pipeline.is_recorded());
    // Of each of the two sizes: one batch as it is, and one recording.
    assert_eq!(enqueued.load(Ordering::Relaxed), 4);
    assert_eq!(cuda.calls("cuGraphInstantiate_v2"), 2);
    assert_eq!(cuda.calls("cuGraphLaunch"), 8);
}

#[test]
fn other_thresholds_hold_from_the_next_batch_on() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    let count = |pipeline: &mut Pipeline<Teller>| {
        put(pipeline, 0, 32, 128).unwrap();
        pipeline.start(1).unwrap();
        pipeline.wait().unwrap().detections(0).len()
    };
    let (low, high) = (wanted(0.1), wanted(0.9));
    let only_first = Wanted {
        thresholds: vec![0.1, f32::INFINITY],
        ..low.clone()
    };
    let none = Wanted {
        limit: 0,
        ..low.clone()
    };
    for (wanted, expected) in [
        (&low, 1),
        (&high, 0),
        (&low, 1),
        (&only_first, 0),
        (&none, 0),
        (&low, 1),
    ] {
        pipeline.want(wanted).unwrap();
        for _ in 0..2 {
            assert_eq!(count(&mut pipeline), expected, "{wanted:?}");
        }
    }
    assert!(pipeline.is_recorded());
    assert_eq!(
        cuda.calls("cuGraphInstantiate_v2"),
        1,
        "recordings are changed in their place"
    );
}

#[test]
fn a_network_that_cannot_be_recorded_runs_without() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let network = Teller {
        recordable: false,
        ..teller(&context)
    };
    let mut pipeline = Pipeline::new(&context, &kernels, network, settings(2)).unwrap();
    run(&mut pipeline, &[(32, 77)]);
    run(&mut pipeline, &[(32, 78)]);
    assert_eq!(cuda.calls("cuStreamBeginCapture_v2"), 0);
    // And one that says it can and does not.
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    cuda.set("fail=cuGraphInstantiate_v2:1:801");
    for level in [70, 80, 90] {
        run(&mut pipeline, &[(32, level)]);
    }
    assert!(!pipeline.is_recorded());
    assert_eq!(cuda.calls("cuGraphInstantiate_v2"), 1);
}

#[test]
fn two_workers_have_two_batches_in_flight() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let pipeline = || Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    let (mut first, mut second) = (pipeline(), pipeline());
    for round in 0..3 {
        let (a, b) = ([(32, 60 + round), (64, 70)], [(32, 80 + round)]);
        put(&mut first, 0, 32, 60 + round).unwrap();
        put(&mut first, 1, 64, 70).unwrap();
        first.start(2).unwrap();
        put(&mut second, 0, 32, 80 + round).unwrap();
        second.start(1).unwrap();
        assert!(!first.is_done().unwrap() && !second.is_done().unwrap());
        check(&mut second, &b);
        check(&mut first, &a);
    }
}

#[test]
fn a_picture_on_the_gpu_is_kept_until_its_batch_is_done_and_waits_for_its_maker() {
    struct Kept(#[allow(dead_code)] DeviceBuffer, Arc<AtomicUsize>);
    impl Drop for Kept {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    let (theirs, event) = (
        Stream::new(&context).unwrap(),
        Event::new(&context).unwrap(),
    );
    let dropped = Arc::new(AtomicUsize::new(0));
    for level in [40, 50, 60] {
        let before = dropped.load(Ordering::Relaxed);
        let buffer = DeviceBuffer::new(&context, 100 * 64).unwrap();
        let planes = Planes::Linear([buffer.pointer(), 0, 0], [100, 0, 0]);
        // SAFETY: the pipeline keeps it until the batch, which waits for this, is done.
        unsafe { theirs.fill(buffer.pointer(), level, buffer.bytes()) }.unwrap();
        event.record(&theirs).unwrap();
        pipeline.stream().wait_for(&event).unwrap();
        let keep = Box::new(Kept(buffer, dropped.clone()));
        let source = Source::Device { planes, keep };
        pipeline
            .put(0, &format(64), source, &placement(64))
            .unwrap();
        pipeline.start(1).unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), before);
        check(&mut pipeline, &[(64, level)]);
        assert_eq!(dropped.load(Ordering::Relaxed), before + 1);
    }
}

#[test]
fn outputs_come_back_as_they_are_where_the_cpu_decodes() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let settings = Settings {
        finish: Finish::Outputs,
        ..settings(3)
    };
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings).unwrap();
    for _ in 0..3 {
        put(&mut pipeline, 0, 32, 51).unwrap();
        put(&mut pipeline, 1, 32, 102).unwrap();
        pipeline.start(2).unwrap();
        let finished = pipeline.wait().unwrap();
        for (picture, score) in [(0, 0.2f32), (1, 0.4)] {
            let output = finished.output(0, picture);
            assert_eq!(output.len(), (4 + CLASSES) * ROWS * 4);
            let at = (5 * ROWS + 7) * 4;
            let found = f32::from_ne_bytes(output[at..at + 4].try_into().unwrap());
            assert!((found - score).abs() < 1e-6, "{found}");
            assert!(finished.detections(picture).is_empty());
        }
        assert!(finished.output(0, 2).is_empty() && finished.output(1, 0).is_empty());
    }
}

#[test]
fn batches_are_halved_until_they_fit() {
    // The network takes 1 MiB a picture, and there are less than 3.
    for (memory, budget, expected) in [
        (0, None, 8),
        (1 << 20, None, 2),
        (0, Some(62_000), 4),
        (0, Some(16_000), 1),
    ] {
        let cuda = Cuda::new("memory=3000000");
        let context = cuda.context();
        let kernels = Kernels::load(&context).unwrap();
        let network = Teller {
            memory,
            ..teller(&context)
        };
        let settings = Settings {
            budget,
            ..settings(64)
        };
        let mut pipeline = Pipeline::new(&context, &kernels, network, settings).unwrap();
        assert_eq!(pipeline.capacity(), expected);
        let pictures: Vec<_> = (0..expected).map(|i| (32, 100 + i as u8)).collect();
        run(&mut pipeline, &pictures);
        let used = cuda.used(0);
        assert_eq!(pipeline.halve().unwrap(), (expected / 2).max(1));
        assert!(expected == 1 || cuda.used(0) < used);
        run(&mut pipeline, &pictures[..(expected / 2).max(1)]);
    }
}

#[test]
fn each_allocation_may_fail_and_nothing_is_left_of_what_was_made() {
    let mut failed = 0;
    for nth in 1..40 {
        let cuda = Cuda::new("");
        let context = cuda.context();
        let kernels = Kernels::load(&context).unwrap();
        cuda.set(&format!("oom-at={nth}"));
        let mut pipeline =
            Pipeline::new(&context, &kernels, teller(&context), settings(4)).unwrap();
        failed += usize::from(pipeline.capacity() < 4);
        // An upload that finds no memory says so, and the batch can be put again.
        if let Err(error) = put(&mut pipeline, 0, 64, 99) {
            assert!(error.is_out_of_memory(), "{error}");
        }
        cuda.set("oom-at=0");
        run(&mut pipeline, &[(64, 99)]);
    }
    assert!((5..39).contains(&failed), "{failed} of them were needed");
}

#[test]
fn not_even_one_picture_is_refused_with_figures() {
    let cuda = Cuda::new("memory=3000000");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let refused = |network, settings| {
        let error = Pipeline::new(&context, &kernels, network, settings)
            .err()
            .unwrap();
        assert!(error.is_out_of_memory());
        error.to_string()
    };
    let budget = Settings {
        budget: Some(1000),
        ..settings(4)
    };
    let text = refused(teller(&context), budget);
    assert!(
        text.contains("a single picture needs 0.0 MiB of GPU memory beside"),
        "{text}"
    );
    let text = refused(
        Teller {
            memory: 4 << 20,
            ..teller(&context)
        },
        settings(4),
    );
    assert_eq!(
        text,
        "out of GPU memory: cuMemAlloc of 4.0 MiB, 2.9 MiB are free"
    );
}

#[test]
fn a_device_that_is_lost_at_any_call_is_a_typed_error() {
    for nth in [1, 2, 5, 9, 14, 20, 30, 45, 70, 100] {
        let cuda = Cuda::new("devices=2,lost-code=700");
        let driver = cuda.driver();
        let contexts = [0, 1].map(|i| Context::primary(&driver.device(i).unwrap()).unwrap());
        let [lost, fine] = contexts.map(|context| {
            let kernels = Kernels::load(&context).unwrap();
            Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap()
        });
        let (mut lost, mut fine) = (lost, fine);
        cuda.set(&format!("lost-at={nth}"));
        let mut batch = || -> Result<(), PipelineError> {
            for _ in 0..40 {
                put(&mut lost, 0, 32, 90)?;
                lost.start(1)?;
                lost.wait()?;
            }
            Ok(())
        };
        let error = batch().unwrap_err();
        assert_eq!(error.lost(), Some(Lost::Fault), "call {nth}: {error}");
        run(&mut fine, &[(32, 91)]);
        drop((lost, fine));
        // Nothing can be given back to a device that is lost: that is left, and nothing else.
        let report = cuda.report();
        assert!(
            report.lines().all(|line| line.ends_with(" left")),
            "{report}"
        );
        std::mem::forget(cuda);
    }
}

#[test]
fn batches_that_make_no_sense_are_refused() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut p = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    let text = |result: Result<(), PipelineError>| result.unwrap_err().to_string();
    assert_eq!(text(p.start(1)), "picture 0 of a batch that has room for 2");
    assert_eq!(
        text(put(&mut p, 2, 32, 1)),
        "picture 2 of a batch that has room for 2"
    );
    assert_eq!(text(p.wait().map(drop)), "a batch was not started");
    let short = [
        HostPlane {
            data: &[0; 100],
            pitch: 32,
        },
        HostPlane::default(),
        HostPlane::default(),
    ];
    let result = p.put(0, &format(32), Source::Host(short), &placement(32));
    assert_eq!(
        text(result),
        "plane 0 of a picture has 100 bytes, 1024 are needed"
    );
    put(&mut p, 0, 32, 128).unwrap();
    p.start(1).unwrap();
    assert_eq!(text(put(&mut p, 1, 32, 1)), "a batch is still running");
    assert_eq!(text(p.start(1)), "a batch is still running");
    check(&mut p, &[(32, 128)]);
    let mut wrong = settings(2);
    let Finish::Boxes(plan, _) = &mut wrong.finish else {
        unreachable!()
    };
    plan.rows += 1;
    let error = Pipeline::new(&context, &kernels, teller(&context), wrong)
        .err()
        .unwrap();
    let expected = "output 0 of the engine has 960 bytes a picture, 984 are to be decoded";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_pipeline_that_goes_while_it_works_leaves_nothing() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    put(&mut pipeline, 0, 32, 128).unwrap();
    pipeline.start(1).unwrap();
}

#[test]
fn a_context_of_somebody_elses_serves_as_well() {
    let cuda = Cuda::new("devices=2");
    let theirs = cuda.foreign_context(1);
    {
        // SAFETY: destroyed below, after all that uses it is gone.
        let context = unsafe { Context::borrowed(&cuda.driver(), theirs, ()) }.unwrap();
        let kernels = Kernels::load(&context).unwrap();
        let mut theirs = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
        let ours = cuda.context();
        let kernels = Kernels::load(&ours).unwrap();
        let mut ours = Pipeline::new(&ours, &kernels, teller(&ours), settings(2)).unwrap();
        for level in 100..103 {
            run(&mut theirs, &[(32, level)]);
            run(&mut ours, &[(32, level + 50)]);
        }
    }
    cuda.destroy(theirs);
}

#[test]
fn an_engine_that_fails_leaves_a_pipeline_that_works() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(2)).unwrap();
    cuda.set("fail=cuLaunchHostFunc:1:1");
    put(&mut pipeline, 0, 32, 128).unwrap();
    let error = pipeline.start(1).unwrap_err();
    let is_call = matches!(
        &error,
        PipelineError::Driver(DriverError::Call { code: 1, .. })
    );
    assert!(is_call, "{error}");
    run(&mut pipeline, &[(32, 129)]);
}

#[test]
fn pictures_of_gpu_memory_are_read_where_they_lie() {
    use vigil_nvidia::driver::Texture;
    use vigil_nvidia::memory::picture as memory;
    let cuda = Cuda::new("");
    let context = cuda.context();
    let kernels = Kernels::load(&context).unwrap();
    let mut pipeline = Pipeline::new(&context, &kernels, teller(&context), settings(3)).unwrap();
    let format = memory::PictureFormat {
        pixels: memory::PixelFormat::Nv12,
        width: 64,
        height: 64,
        colorimetry: memory::Colorimetry::video(memory::Matrix::Bt709, true),
    };
    // Grey of three levels: in arrays, in linear memory and in system memory.
    let (luma, grey) = (
        [100u8, 150, 200].map(|level| vec![level; 64 * 64]),
        vec![128u8; 64 * 32],
    );
    let arrays = [(1, &luma[0]), (2, &grey)]
        .map(|(channels, data)| cuda.array(&context, [64 / channels, channels], data));
    // SAFETY: the arrays are destroyed after the textures.
    let textures = arrays.map(|array| unsafe { Texture::new(&context, array) }.unwrap());
    let stream = Stream::new(&context).unwrap();
    let linear = [&luma[1], &grey].map(|data| {
        let buffer = DeviceBuffer::new(&context, data.len()).unwrap();
        // SAFETY: the stream is waited for.
        unsafe { stream.upload(buffer.pointer(), data.as_ptr(), data.len()) }.unwrap();
        buffer
    });
    stream.synchronize().unwrap();
    let ptrs = linear.each_ref().map(DeviceBuffer::pointer);
    let on_device = [
        memory::Planes::Textures {
            textures: textures.each_ref().map(Texture::raw),
        },
        memory::Planes::Device {
            ptrs,
            pitches: [64; 2],
        },
    ];
    let [first, second] = [&luma[2], &grey].map(|data| HostPlane { data, pitch: 64 });
    for _ in 0..3 {
        let sources = on_device.map(|planes| Source::Device {
            planes: planes.on_device().unwrap(),
            keep: Box::new(()),
        });
        let host = Source::Host([first, second, HostPlane::default()]);
        for (slot, source) in sources.into_iter().chain([host]).enumerate() {
            let format = format.for_kernels(false);
            pipeline.put(slot, &format, source, &placement(64)).unwrap();
        }
        pipeline.start(3).unwrap();
        check(&mut pipeline, &[(64, 100), (64, 150), (64, 200)]);
    }
    drop(textures);
    for array in arrays {
        cuda.destroy_array(&context, array);
    }
}
