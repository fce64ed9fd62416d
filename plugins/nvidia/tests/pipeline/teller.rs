//! A network whose answer tells which picture it saw, and batches for it.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use vigil_nvidia::driver::raw::CUresult;
use vigil_nvidia::driver::{Context, DeviceBuffer, Stream};
use vigil_nvidia::kernels::head::Wanted;
use vigil_nvidia::kernels::{
    ColorMap, Detected, HeadPlan, Layout, NumberType, Precision, Samples, SourceFormat,
};
use vigil_nvidia::pipeline::{
    Finish, HostPlane, Input, Levels, Network, Pipeline, PipelineError, Placement, Recording, Run,
    Settings, Source,
};

/// Width and height of the input; rows of the output.
pub const SIZE: u32 = 32;
pub const ROWS: usize = 40;
pub const CLASSES: usize = 2;

/// Says of each picture one box, whose score is the number at the picture's middle.
pub struct Teller {
    pub most: usize,
    pub recordable: bool,
    /// Device memory of its own for each picture.
    pub memory: usize,
    pub held: Option<DeviceBuffer>,
    pub context: Context,
    pub enqueued: Arc<AtomicUsize>,
    /// What the work is given; kept as long as graphs may run it.
    pub runs: Vec<Arc<Work>>,
}

/// What a host function is given.
pub struct Work {
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

pub fn teller(context: &Context) -> Teller {
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

pub fn wanted(threshold: f32) -> Wanted {
    Wanted {
        thresholds: vec![threshold; CLASSES],
        iou: 0.5,
        limit: 20,
    }
}

pub fn settings(pictures: usize) -> Settings {
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
pub fn format(size: u32) -> SourceFormat {
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

pub fn placement(size: u32) -> Placement {
    Placement {
        part: [0, 0, size, size],
        offset: [0; 2],
        content: [SIZE; 2],
        gain: [SIZE as f32 / size as f32; 2],
    }
}

pub fn put<N: Network>(
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
pub fn expected(size: u32, level: u8) -> Detected {
    let gain = SIZE as f32 / size as f32;
    let xyxy = [12.0, 12.0, 20.0, 20.0].map(|v: f32| v / gain);
    Detected {
        xyxy,
        score: f32::from(level) * (1.0 / 255.0),
        class: 1,
    }
}

/// Runs a batch of pictures with these sizes and levels, and checks what comes back.
pub fn run<N: Network>(pipeline: &mut Pipeline<N>, pictures: &[(u32, u8)]) {
    for (slot, (size, level)) in pictures.iter().enumerate() {
        put(pipeline, slot, *size, *level).unwrap();
    }
    pipeline.start(pictures.len()).unwrap();
    check(pipeline, pictures);
}

pub fn check<N: Network>(pipeline: &mut Pipeline<N>, pictures: &[(u32, u8)]) {
    let finished = pipeline.wait().unwrap();
    assert_eq!(finished.pictures(), pictures.len());
    for (i, (size, level)) in pictures.iter().enumerate() {
        assert_eq!(finished.detections(i), [expected(*size, *level)]);
        assert_eq!(finished.candidates(i), 1);
    }
}
