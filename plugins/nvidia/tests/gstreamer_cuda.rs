//! GStreamer's own CUDA library and elements, on the fake driver: what they give is what we read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

#[path = "fake/mod.rs"]
mod fake;

use gst::prelude::*;
use gst_video::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use vigil_nvidia::driver::{Context, Driver, Stream};
use vigil_nvidia::memory::Planes;
use vigil_nvidia::memory::cuda::{ElementContext, GstCuda, LIBRARY, Reader, SharedContext};

/// The fake driver under the name that GStreamer looks for: one that is loaded already is taken.
fn driver() -> (libloading::Library, PathBuf) {
    let (cuda, kernels) = (
        fake::nvidia().join("tests/fake/cuda"),
        fake::nvidia().join("src/kernels"),
    );
    let mut files = fake::sources(&cuda, "cpp");
    files.extend(fake::sources(&kernels, "cu"));
    let flags = ["-Wl,-soname,libcuda.so.1"];
    let path = fake::compile("cuda-for-gstreamer", &files, &[cuda, kernels], &flags);
    // SAFETY: a library of the tests.
    (unsafe { libloading::Library::new(&path) }.unwrap(), path)
}

/// A library that GStreamer looks for before it registers its CUDA elements.
fn cuvid() -> libloading::Library {
    let folder = fake::nvidia().join("tests/fake/cuvid");
    let flags = ["-Wl,-soname,libnvcuvid.so.1"];
    let path = fake::compile("cuvid", &fake::sources(&folder, "cpp"), &[folder], &flags);
    // SAFETY: a library of the tests.
    unsafe { libloading::Library::new(&path) }.unwrap()
}

/// `None`, and a line that says why, where this system has no such library.
fn gst_cuda() -> Option<Arc<GstCuda>> {
    gst::init().unwrap();
    if let Err(error) = GstCuda::symbols(Path::new(LIBRARY)) {
        eprintln!("skipped: {error}");
        return None;
    }
    Some(Arc::new(GstCuda::open().unwrap()))
}

#[test]
fn gstreamers_library_makes_the_context_that_an_element_needs() {
    let (_kept, path) = driver();
    let Some(gst_cuda) = gst_cuda() else { return };
    let driver = Driver::at(&path).unwrap();
    let element: gst::Element = gst::Bin::new().upcast();
    let shared = ElementContext::new(gst_cuda, Some(0));
    let context = shared.ensure(&element).unwrap();
    assert_eq!(context.device(), 0);
    // One that its neighbours are given too, and that we can work in.
    let mut query = gst::query::Context::new("gst.cuda.context");
    assert!(shared.query(&element, query.get_mut().unwrap()));
    assert!(query.context_owned().is_some());
    let ours = context.context(&driver).unwrap();
    assert_eq!(ours.raw(), context.handle());
    Stream::new(&ours).unwrap().synchronize().unwrap();
    assert_eq!(shared.ensure(&element).unwrap().handle(), context.handle());
}

#[test]
fn gstreamers_library_takes_the_primary_context_that_we_offer() {
    let (_kept, path) = driver();
    let Some(gst_cuda) = gst_cuda() else { return };
    let driver = Driver::at(&path).unwrap();
    let primary = Context::primary(&driver.device(0).unwrap()).unwrap();
    let element: gst::Element = gst::Bin::new().upcast();
    let shared = ElementContext::new(gst_cuda, None);
    assert!(shared.offer(&element, &primary));
    let context = shared.ensure(&element).unwrap();
    assert_eq!((context.handle(), context.device()), (primary.raw(), 0));
}

/// Frames of a pipeline that ends in an appsink's place: a pad probe takes them.
fn frames(pipeline: &str) -> (gst::Pipeline, Vec<(gst::Buffer, gst_video::VideoInfo)>) {
    let pipeline = gst::parse::launch(pipeline).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let (send, receive) = channel();
    let pad = pipeline.by_name("end").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let caps = pad.current_caps().unwrap();
        let info_of = gst_video::VideoInfo::from_caps(&caps).unwrap();
        send.send((info.buffer().unwrap().to_owned(), info_of))
            .unwrap();
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let message = pipeline.bus().unwrap().timed_pop_filtered(
        gst::ClockTime::from_seconds(60),
        &[gst::MessageType::Eos, gst::MessageType::Error],
    );
    let message = message.unwrap();
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    (pipeline, receive.try_iter().collect())
}

/// Loads GStreamer's CUDA elements, which the registry has without a driver.
fn elements() -> bool {
    let registry = gst::Registry::get();
    let Some(plugin) = registry.find_plugin("nvcodec") else {
        eprintln!("skipped: GStreamer's plugin nvcodec is not installed");
        return false;
    };
    let _ = plugin.load();
    if gst::ElementFactory::find("cudaupload").is_none() {
        eprintln!("skipped: this nvcodec has no cudaupload without a whole driver");
        return false;
    }
    true
}

#[test]
fn frames_of_cudaupload_are_read_on_the_device() {
    let (_kept, path) = driver();
    let _cuvid = cuvid();
    let Some(gst_cuda) = gst_cuda() else { return };
    if !elements() {
        return;
    }
    let driver = Driver::at(&path).unwrap();
    for format in ["NV12", "RGBA"] {
        let source = format!(
            "videotestsrc pattern=smpte num-buffers=2 ! \
             video/x-raw,format={format},width=66,height=34,framerate=25/1"
        );
        let (on_cpu, expected) = frames(&format!("{source} ! fakesink name=end"));
        let (pipeline, found) = frames(&format!(
            "{source} ! cudaupload name=up ! video/x-raw(memory:CUDAMemory) ! fakesink name=end"
        ));
        assert_eq!((expected.len(), found.len()), (2, 2));
        on_cpu.set_state(gst::State::Null).unwrap();
        // Ours would be an element of this pipeline, which is asked the same.
        let upload = pipeline.by_name("up").unwrap();
        let context = neighbours(&gst_cuda, &upload).context(&driver).unwrap();
        let reader = Reader::new(gst_cuda.clone(), context.clone()).unwrap();
        let stream = Stream::new(&context).unwrap();
        for ((expected, info), (buffer, found_info)) in expected.iter().zip(found) {
            let frame = reader.map(buffer, &found_info, &stream).unwrap();
            let Planes::Device { ptrs, pitches } = frame.first().planes else {
                panic!("{:?}", frame.first().planes);
            };
            let cpu = gst_video::VideoFrameRef::from_buffer_ref_readable(expected, info).unwrap();
            for plane in 0..info.n_planes() as usize {
                let (row, rows) = frame.first().format.pixels.plane_size(plane, 66, 34);
                let mut bytes = vec![0u8; pitches[plane] * (rows - 1) + row];
                // SAFETY: the bytes stay until the copy is done.
                unsafe { stream.download(bytes.as_mut_ptr(), ptrs[plane], bytes.len()) }.unwrap();
                stream.synchronize().unwrap();
                let theirs = cpu.plane_data(plane as u32).unwrap();
                let stride = cpu.plane_stride()[plane] as usize;
                for y in 0..rows {
                    let found = &bytes[y * pitches[plane]..][..row];
                    assert_eq!(
                        found,
                        &theirs[y * stride..][..row],
                        "{format} {plane} row {y}"
                    );
                }
            }
        }
        drop((reader, stream, context));
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

/// The context of an element, as its neighbour is told of it.
fn neighbours(gst_cuda: &Arc<GstCuda>, element: &gst::Element) -> SharedContext {
    let shared = ElementContext::new(gst_cuda.clone(), None);
    let mut query = gst::query::Context::new("gst.cuda.context");
    assert!(
        element
            .static_pad("src")
            .unwrap()
            .query(query.get_mut().unwrap())
    );
    assert!(shared.set_context(element, &query.context_owned().unwrap()));
    shared.get().unwrap()
}
