//! Where pictures lie, and memory that is short.

use crate::fake::Cuda;
use crate::teller::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use vigil_nvidia::driver::{Context, DeviceBuffer, Event, Stream};
use vigil_nvidia::kernels::{Kernels, Planes};
use vigil_nvidia::pipeline::{HostPlane, Pipeline, Settings, Source};

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
