//! The driver's types on a driver without a GPU.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod fake;

use fake::Cuda;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use vigil_nvidia::driver::memory::{MemoryKind, Rows};
use vigil_nvidia::driver::{
    Context, DeviceBuffer, Driver, DriverError, Event, Graph, Lost, Module, PinnedBuffer,
    PointerInfo, Stream,
};

#[test]
fn a_gpu_says_what_it_is() {
    let cuda = Cuda::new("devices=2,capability=86");
    let driver = cuda.driver();
    assert_eq!((driver.device_count(), driver.version()), (2, 12040));
    let device = driver.device(1).unwrap();
    assert_eq!(device.to_string(), "GPU 1 (Fake GPU 1, sm_86)");
    assert_eq!(device.uuid(), "GPU-01122334-4556-6778-899a-abbccddeef00");
    assert_eq!((device.memory(), device.is_integrated()), (8 << 30, false));
    let error = driver.device(2).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no GPU 2: this machine has 2, counted from 0"
    );
}

#[test]
fn a_driver_that_does_not_start_says_why_and_what_helps() {
    for (faults, expected) in [
        (
            "init=803",
            [
                "803 (CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
                "restart after an update",
            ],
        ),
        ("init=100", ["has no GPU", "CUDA_VISIBLE_DEVICES"]),
        ("devices=0", ["has no GPU", "nvidia-smi"]),
        ("init=12345", ["cuInit gave 12345 (error 12345)", ""]),
    ] {
        let cuda = Cuda::new(faults);
        let error = Driver::at(&cuda.path()).unwrap_err().to_string();
        for expected in expected {
            assert!(error.contains(expected), "{faults}: {error}");
        }
    }
}

#[test]
fn pinned_memory_goes_to_the_device_and_back() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let stream = Stream::new(&context).unwrap();
    let mut there = PinnedBuffer::new(&context, 1000).unwrap();
    let back = PinnedBuffer::new(&context, 1000).unwrap();
    let device = DeviceBuffer::new(&context, 1000).unwrap();
    let second = DeviceBuffer::new(&context, 4000).unwrap();
    let done = Event::new(&context).unwrap();
    there
        .as_mut_slice()
        .iter_mut()
        .enumerate()
        .for_each(|(i, b)| *b = i as u8);
    // SAFETY: all of it stays until the stream is done.
    unsafe {
        stream
            .upload(device.pointer(), there.pointer(), 1000)
            .unwrap();
        // 20 rows of 50 bytes, to a pitch of 200 and back.
        let (tight, wide) = (
            Rows::Device(device.pointer(), 50),
            Rows::Device(second.pointer(), 200),
        );
        stream.copy_rows(wide, tight, 50, 20).unwrap();
        stream.fill(device.pointer(), 0, 1000).unwrap();
        stream.copy_rows(tight, wide, 50, 20).unwrap();
        stream
            .download(back.pointer(), device.pointer(), 1000)
            .unwrap();
    }
    done.record(&stream).unwrap();
    // Nothing has run: nobody has waited.
    assert!(back.as_slice().iter().all(|b| *b == 0));
    assert!(!done.is_reached().unwrap());
    done.wait().unwrap();
    assert!(done.is_reached().unwrap() && stream.is_done().unwrap());
    assert_eq!(back.as_slice(), there.as_slice());
    assert_eq!(cuda.calls("pageable"), 0);
}

#[test]
fn a_stream_waits_for_an_event_of_another_one() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let (first, second) = (
        Stream::new(&context).unwrap(),
        Stream::new(&context).unwrap(),
    );
    let buffer = DeviceBuffer::new(&context, 64).unwrap();
    let out = PinnedBuffer::new(&context, 64).unwrap();
    let event = Event::new(&context).unwrap();
    // SAFETY: all of it stays until both streams are done.
    unsafe {
        first.fill(buffer.pointer(), 7, 64).unwrap();
        event.record(&first).unwrap();
        second.wait_for(&event).unwrap();
        second
            .download(out.pointer(), buffer.pointer(), 64)
            .unwrap();
    }
    second.synchronize().unwrap();
    assert_eq!(out.as_slice(), [7; 64]);
}

#[test]
fn a_pointer_tells_whose_it_is() {
    let cuda = Cuda::new("devices=2");
    let driver = cuda.driver();
    let context = Context::primary(&driver.device(1).unwrap()).unwrap();
    let buffer = DeviceBuffer::new(&context, 64).unwrap();
    let pinned = PinnedBuffer::new(&context, 64).unwrap();
    let of = |pointer| PointerInfo::of(&driver, pointer).unwrap();
    let info = of(buffer.pointer() + 63).unwrap();
    assert_eq!(
        (info.kind, info.context, info.device),
        (MemoryKind::Device, context.raw(), 1)
    );
    assert_eq!(of(pinned.pointer() as u64).unwrap().kind, MemoryKind::Host);
    assert_eq!(of(&raw const info as u64), None);
}

#[test]
fn a_borrowed_context_is_used_and_left_alone() {
    struct Owner(Arc<AtomicUsize>);
    impl Drop for Owner {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let cuda = Cuda::new("devices=2");
    let driver = cuda.driver();
    let theirs = cuda.foreign_context(1);
    let dropped = Arc::new(AtomicUsize::new(0));
    // SAFETY: destroyed below, after all that uses it is gone.
    let context = unsafe { Context::borrowed(&driver, theirs, Owner(dropped.clone())) }.unwrap();
    assert_eq!(context.device().ordinal(), 1);
    let ours = Context::primary(&driver.device(1).unwrap()).unwrap();
    assert!(!ours.is_same(&context));
    let buffer = DeviceBuffer::new(&context, 64).unwrap();
    drop(context);
    assert_eq!(
        dropped.load(Ordering::Relaxed),
        0,
        "the buffer still needs it"
    );
    drop(buffer);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    // It is still a context: only its owner destroys it.
    cuda.destroy(theirs);
}

#[test]
fn a_context_is_current_only_between_its_guards() {
    let cuda = Cuda::new("devices=2");
    let driver = cuda.driver();
    let contexts = [0, 1].map(|i| Context::primary(&driver.device(i).unwrap()).unwrap());
    let current = || {
        let mut raw = std::ptr::null_mut();
        // SAFETY: `raw` receives the handle.
        unsafe { (driver.table().cuCtxGetCurrent)(&raw mut raw) };
        raw
    };
    assert!(current().is_null());
    let outer = contexts[0].enter().unwrap();
    {
        let _inner = contexts[1].enter().unwrap();
        assert_eq!(current(), contexts[1].raw());
    }
    assert_eq!(current(), contexts[0].raw());
    drop(outer);
    assert!(current().is_null());
}

#[test]
fn work_on_memory_of_another_context_is_refused() {
    let cuda = Cuda::new("");
    let (context, theirs) = (cuda.context(), cuda.foreign_context(0));
    // SAFETY: destroyed below.
    let other = unsafe { Context::borrowed(&cuda.driver(), theirs, ()) }.unwrap();
    let stream = Stream::new(&context).unwrap();
    let buffer = DeviceBuffer::new(&other, 64).unwrap();
    // SAFETY: both stay.
    let error = unsafe { stream.fill(buffer.pointer(), 0, 64) }.unwrap_err();
    assert!(
        matches!(error, DriverError::Call { code: 1, .. }),
        "{error}"
    );
    assert_eq!(
        cuda.report().lines().next(),
        Some("cuMemsetD8Async with memory of another context")
    );
    drop((buffer, other, stream, context));
    cuda.destroy(theirs);
    // The complaint stays in the report, which is what dropping it looks at.
    std::mem::forget(cuda);
}

#[test]
fn an_allocation_that_fails_says_how_much_was_asked_for_and_there() {
    let cuda = Cuda::new("memory=4194304");
    let context = cuda.context();
    let kept = DeviceBuffer::new(&context, 3 << 20).unwrap();
    let error = DeviceBuffer::new(&context, 2 << 20).unwrap_err();
    assert!(error.is_out_of_memory());
    let text = "out of GPU memory: cuMemAlloc of 2.0 MiB, 1.0 MiB are free";
    assert_eq!(error.to_string(), text);
    let info = context.memory_info().unwrap();
    assert_eq!((info.free, info.total), (1 << 20, 4 << 20));
    drop(kept);
    assert!(DeviceBuffer::new(&context, 2 << 20).is_ok());
}

#[test]
fn a_lost_device_stays_lost_and_says_what_helps_and_others_go_on() {
    for (code, cause, help) in [
        (719, Lost::Fault, "restart the process"),
        (700, Lost::Fault, "other GPUs go on"),
        (214, Lost::Hardware, "nvidia-smi -q -d ECC"),
    ] {
        let cuda = Cuda::new(&format!("devices=2,lost-code={code}"));
        let driver = cuda.driver();
        let [lost, fine] = [0, 1].map(|i| Context::primary(&driver.device(i).unwrap()).unwrap());
        cuda.set("lost-at=1");
        let error = Stream::new(&lost).unwrap_err();
        assert_eq!(error.lost(), Some(cause), "{error}");
        assert!(
            cause.is_sticky() && error.to_string().contains(help),
            "{error}"
        );
        assert!(lost.memory_info().unwrap_err().lost().is_some());
        Stream::new(&fine).unwrap();
    }
}

#[test]
fn a_context_that_somebody_destroyed_is_told_from_a_lost_device() {
    let cuda = Cuda::new("");
    let theirs = cuda.foreign_context(0);
    // SAFETY: not kept, on purpose: an owner that breaks its promise must not break us.
    let context = unsafe { Context::borrowed(&cuda.driver(), theirs, ()) }.unwrap();
    cuda.destroy(theirs);
    let error = Stream::new(&context).unwrap_err();
    assert_eq!(error.lost(), Some(Lost::Destroyed));
    assert!(!Lost::Destroyed.is_sticky());
}

#[test]
fn what_is_recorded_runs_at_each_launch_with_what_is_there_then() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let stream = Stream::new(&context).unwrap();
    let mut from = PinnedBuffer::new(&context, 16).unwrap();
    let to = PinnedBuffer::new(&context, 16).unwrap();
    let device = DeviceBuffer::new(&context, 16).unwrap();
    let pointers = (from.pointer(), to.pointer(), device.pointer());
    let work = move |bytes: usize| {
        let (from, to, device) = pointers;
        move |stream: &Stream| {
            // SAFETY: all of it stays until the stream is done.
            unsafe {
                stream.upload(device, from, bytes)?;
                stream.download(to, device, bytes)
            }
        }
    };
    let mut graph = Graph::capture::<DriverError>(&stream, work(16)).unwrap();
    stream.synchronize().unwrap();
    assert_eq!(to.as_slice(), [0; 16], "recording does nothing");
    for value in [3, 4] {
        from.as_mut_slice().fill(value);
        // SAFETY: as above.
        unsafe { graph.launch(&stream) }.unwrap();
        stream.synchronize().unwrap();
        assert_eq!(to.as_slice(), [value; 16]);
    }
    let recaptured = |graph: &mut Graph, from: &mut PinnedBuffer, bytes: usize, value: u8| {
        from.as_mut_slice().fill(value);
        // SAFETY: as above.
        unsafe { graph.launch(&stream) }.unwrap();
        stream.synchronize().unwrap();
        assert_eq!(to.as_slice().iter().filter(|b| **b == value).count(), bytes);
    };
    let instantiated = cuda.calls("cuGraphInstantiate_v2");
    graph.recapture::<DriverError>(&stream, work(8)).unwrap();
    assert_eq!(
        cuda.calls("cuGraphInstantiate_v2"),
        instantiated,
        "changed in its place"
    );
    recaptured(&mut graph, &mut from, 8, 5);
    // Other work than before cannot be changed in its place.
    let (pointer, out) = (device.pointer(), to.pointer());
    graph
        .recapture::<DriverError>(&stream, |stream| {
            // SAFETY: as above.
            unsafe {
                stream.fill(pointer, 9, 16)?;
                stream.download(out, pointer, 16)
            }
        })
        .unwrap();
    assert_eq!(cuda.calls("cuGraphInstantiate_v2"), instantiated + 1);
    recaptured(&mut graph, &mut from, 16, 9);
}

#[test]
fn an_older_driver_records_anew() {
    let cuda = Cuda::old();
    let context = cuda.context();
    let stream = Stream::new(&context).unwrap();
    let device = DeviceBuffer::new(&context, 16).unwrap();
    // SAFETY: it stays.
    let work = |stream: &Stream| unsafe { stream.fill(device.pointer(), 1, 16) };
    let mut graph = Graph::capture(&stream, work).unwrap();
    graph.recapture(&stream, work).unwrap();
    assert_eq!(cuda.calls("cuGraphInstantiate_v2"), 2);
}

#[test]
fn what_cannot_be_recorded_leaves_the_stream_usable() {
    let cuda = Cuda::new("");
    let context = cuda.context();
    let stream = Stream::new(&context).unwrap();
    let error = Graph::capture(&stream, |stream| stream.synchronize()).unwrap_err();
    assert_eq!(error.code(), Some(900));
    let error = Graph::capture(&stream, |_| DeviceBuffer::new(&context, 8).map(drop)).unwrap_err();
    assert_eq!(error.code(), Some(900));
    stream.synchronize().unwrap();
    Graph::capture::<DriverError>(&stream, |_| Ok(())).unwrap();
}

#[test]
fn kernels_that_the_driver_does_not_take_come_with_its_words() {
    let cuda = Cuda::new("capability=50");
    let context = cuda.context();
    let (_, ptx) = vigil_nvidia::kernels::PTX[0];
    for (name, ptx, expected) in [
        (
            "nonsense",
            "no PTX",
            "the kernels nonsense: 218 (CUDA_ERROR_INVALID_PTX)\n    ptxas fatal",
        ),
        (
            "preprocess",
            ptx,
            "209 (CUDA_ERROR_NO_BINARY_FOR_GPU)\n    ptxas fatal   : the target is newer",
        ),
    ] {
        let error = Module::from_ptx(&context, name, ptx)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn our_kernels_are_in_their_modules() {
    let cuda = Cuda::new("capability=53");
    let context = cuda.context();
    vigil_nvidia::kernels::Kernels::load(&context).unwrap();
}
