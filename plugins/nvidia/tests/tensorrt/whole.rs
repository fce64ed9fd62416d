//! All of it at once: an ONNX file becomes an engine by the cache, and a worker's pipeline puts
//! pictures of system memory in and gets the engine's outputs back.

use crate::fake::{Fake, Session, each, folder};
use crate::model::net;
use std::sync::Arc;
use vigil_nvidia::kernels::{ColorMap, Kernels, Samples, SourceFormat};
use vigil_nvidia::pipeline::{
    Finish, HostPlane, Levels, Pipeline, Placement, Recording, Settings, Source,
};
use vigil_nvidia::tensorrt::abi::Family;
use vigil_nvidia::tensorrt::{Batches, BuildOptions, Cache, Cancel, Key, TensorRtNetwork, build};

/// Width and height of the network's input, which pictures have too.
const SIZE: u32 = 4;

fn pipeline(session: &Session, cache: &Cache, pictures: usize) -> Pipeline<TensorRtNetwork> {
    let onnx = net(-1, 0.5);
    let options = BuildOptions {
        batches: Batches::up_to(4),
        timing_cache: Some(cache.timing_path(&session.library, &session.context)),
        ..BuildOptions::default()
    };
    let (library, context) = (&session.library, &session.context);
    let key = Key::new(library, context, &onnx, &options);
    let cancel = Cancel::default();
    let path = "net.onnx".as_ref();
    let engine = cache.engine(library, context, &key, &cancel, || {
        build(
            library,
            context,
            &onnx,
            path,
            &options,
            Arc::new(|_| {}),
            &cancel,
        )
    });
    let network = TensorRtNetwork::new(&engine.unwrap()).unwrap();
    let settings = Settings {
        levels: Levels {
            scale: [1.0 / 255.0; 3],
            offset: [0.0; 3],
            pad: 114,
            blue_first: false,
        },
        finish: Finish::Outputs,
        pictures,
        budget: None,
        recording: Recording::WherePossible,
    };
    let kernels = Kernels::load(context).unwrap();
    Pipeline::new(context, &kernels, network, settings).unwrap()
}

/// Puts grey pictures of these levels, runs them, and checks what comes back.
fn run(pipeline: &mut Pipeline<TensorRtNetwork>, levels: &[u8]) {
    let format = SourceFormat {
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
        width: SIZE,
        height: SIZE,
    };
    let placement = Placement {
        part: [0, 0, SIZE, SIZE],
        offset: [0; 2],
        content: [SIZE; 2],
        gain: [1.0; 2],
    };
    for (slot, level) in levels.iter().enumerate() {
        let data = [*level; (SIZE * SIZE) as usize];
        let plane = HostPlane {
            data: &data,
            pitch: SIZE as usize,
        };
        let planes = [plane, HostPlane::default(), HostPlane::default()];
        pipeline
            .put(slot, &format, Source::Host(planes), &placement)
            .unwrap();
    }
    pipeline.start(levels.len()).unwrap();
    let finished = pipeline.wait().unwrap();
    for (picture, level) in levels.iter().enumerate() {
        let expected = f32::from(*level) * (1.0 / 255.0) * 0.3 + 0.5;
        let output = finished.output(0, picture);
        assert_eq!(output.len(), 48 * 4);
        for word in output.as_chunks::<4>().0 {
            let found = f32::from_le_bytes(*word);
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }
}

#[test]
fn pictures_become_an_engines_outputs_and_each_size_is_recorded_once() {
    each("", |fake, session| {
        let (_folder, path) = folder();
        let cache = Cache::at(path);
        let mut pipeline = pipeline(&session, &cache, 4);
        for round in 0..4u8 {
            run(&mut pipeline, &[10 + round, 200, 255 - round]);
            run(&mut pipeline, &[90 + round]);
        }
        assert!(pipeline.is_recorded());
        // The first batch of each size, and its recording.
        assert_eq!(fake.calls("enqueueV3"), 4);
    });
}

#[test]
fn a_second_start_takes_the_plan_and_a_second_worker_the_same_engine_file() {
    each("", |fake, session| {
        let (_folder, path) = folder();
        let cache = Cache::at(path);
        let mut workers = [(); 2].map(|()| pipeline(&session, &cache, 2));
        for level in [0, 77, 255] {
            workers
                .iter_mut()
                .for_each(|worker| run(worker, &[level, 255 - level]));
        }
        assert_eq!(fake.calls("buildSerializedNetwork"), 1);
    });
}

#[test]
fn where_memory_is_short_a_worker_takes_fewer_pictures_and_goes_on() {
    let fake = Fake::new(Family::V10, "");
    let (_folder, path) = folder();
    let session = fake.session();
    let mut pipeline = pipeline(&session, &Cache::at(path), 4);
    assert_eq!(pipeline.capacity(), 4);
    run(&mut pipeline, &[1, 2, 3, 4]);
    assert_eq!(pipeline.halve().unwrap(), 2);
    run(&mut pipeline, &[5, 6]);
}
