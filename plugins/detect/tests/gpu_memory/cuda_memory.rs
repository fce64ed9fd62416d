//! `memory:CUDAMemory`, by GStreamer's own `cudaupload` on the fake driver.

use super::common::pixels::pixels;
use super::cuda::{self, Cuda};
use super::{assert_same, assert_says, installed_on};
use gst::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use vigil_analytics::objects::{self, Object};
use vigil_nvidia::memory::cuda::{ElementContext, GstCuda, LIBRARY};

/// A library that GStreamer looks for before it registers its CUDA elements.
fn cuvid() -> libloading::Library {
    let folder = cuda::nvidia().join("tests/fake/cuvid");
    let flags = ["-Wl,-soname,libnvcuvid.so.1"];
    let path = cuda::compile("cuvid", &cuda::sources(&folder, "cpp"), &[folder], &flags);
    // SAFETY: a library of the tests.
    unsafe { libloading::Library::new(&path) }.unwrap()
}

/// Whether GStreamer's CUDA library and elements are there; a line that says why not.
fn has_elements() -> bool {
    super::common::init();
    if let Err(error) = GstCuda::symbols(Path::new(LIBRARY)) {
        eprintln!("skipped: {error}");
        return false;
    }
    let Some(plugin) = gst::Registry::get().find_plugin("nvcodec") else {
        eprintln!("skipped: GStreamer's plugin nvcodec is not installed");
        return false;
    };
    let _ = plugin.load();
    let found = gst::ElementFactory::find("cudaupload").is_some();
    if !found {
        eprintln!("skipped: this nvcodec has no cudaupload without a whole driver");
    }
    found
}

/// Runs a pipeline to its end: what was found on its frames, and the stats of its detector, or an
/// error.
fn run(launch: &str) -> Result<(Vec<Vec<Object>>, gst::Structure), String> {
    let pipeline = gst::parse::launch(launch).unwrap();
    play(pipeline.downcast_ref().unwrap())
}

fn play(pipeline: &gst::Pipeline) -> Result<(Vec<Vec<Object>>, gst::Structure), String> {
    let detect = pipeline.by_name("detect").unwrap();
    let (send, receive) = channel();
    let pad = detect.static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let mut found = Vec::new();
        objects::read(info.buffer().unwrap(), &mut found);
        send.send(found).unwrap();
        gst::PadProbeReturn::Ok
    });
    let started = pipeline.set_state(gst::State::Playing);
    let message = pipeline.bus().unwrap().timed_pop_filtered(
        gst::ClockTime::from_seconds(60),
        &[gst::MessageType::Eos, gst::MessageType::Error],
    );
    let stats = detect.property::<gst::Structure>("stats");
    pipeline.set_state(gst::State::Null).unwrap();
    match message.expect("the pipeline hangs").view() {
        gst::MessageView::Error(error) => Err(format!(
            "{}: {}",
            error.error(),
            error.debug().unwrap_or_default()
        )),
        _ => {
            started.unwrap();
            Ok((receive.try_iter().collect(), stats))
        }
    }
}

#[test]
fn objects_of_frames_from_cudaupload_are_those_of_frames_in_system_memory() {
    let fake = installed_on(Cuda::for_gstreamer());
    let _cuvid = cuvid();
    if !has_elements() {
        return;
    }
    let model = pixels("N");
    let path = model.path();
    let model = path.display();
    for format in ["NV12", "RGBA"] {
        let pipeline = |upload: &str| {
            run(&format!(
                "videotestsrc pattern=snow num-buffers=4 ! \
                 video/x-raw,format={format},width=66,height=50,framerate=25/1 ! {upload} \
                 vigildetect name=detect engine=tensorrt confidence-threshold=0.7 model={model} ! \
                 fakesink"
            ))
            .unwrap()
        };
        // The noise of `snow` is the same in each run of a process only if nobody asked before.
        let (expected, stats) = pipeline("");
        assert_eq!(stats.get::<&str>("memory"), Ok("system"));
        assert_eq!(stats.get::<u64>("uploads"), Ok(4));
        let (found, stats) = pipeline("cudaupload ! video/x-raw(memory:CUDAMemory) !");
        assert_eq!(stats.get::<&str>("memory"), Ok("cuda"));
        assert_eq!(stats.get::<u64>("uploads"), Ok(0));
        assert_eq!(stats.get::<&str>("context"), Ok("primary"));
        assert_eq!((found.len(), expected.len()), (4, 4));
        for (found, expected) in found.iter().zip(&expected) {
            assert_same(found, expected, format);
        }
    }
    // GStreamer keeps its contexts for the process, and the fake would say that they are left.
    std::mem::forget(fake);
}

#[test]
fn memory_of_a_context_that_the_app_brings_is_refused_with_what_helps() {
    let fake = installed_on(Cuda::for_gstreamer());
    let _cuvid = cuvid();
    if !has_elements() {
        return;
    }
    let model = pixels("1");
    let launch = format!(
        "videotestsrc num-buffers=2 ! video/x-raw,format=NV12,width=66,height=50 ! cudaupload ! \
         video/x-raw(memory:CUDAMemory) ! vigildetect name=detect engine=tensorrt model={} ! \
         fakesink",
        model.path().display()
    );
    let pipeline = gst::parse::launch(&launch).unwrap();
    // One that GStreamer makes for the app.
    let app: gst::Element = gst::Bin::new().upcast();
    let theirs = ElementContext::new(Arc::new(GstCuda::open().unwrap()), Some(0));
    theirs.ensure(&app).unwrap();
    let mut query = gst::query::Context::new("gst.cuda.context");
    assert!(theirs.query(&app, query.get_mut().unwrap()));
    pipeline.set_context(&query.context_owned().unwrap());
    let text = play(pipeline.downcast_ref().unwrap()).unwrap_err();
    assert_says(&text, &["CUDA context", "primary", "cudadownload"]);
    std::mem::forget(fake);
}

#[test]
fn cudadownload_brings_frames_to_an_engine_of_the_cpu() {
    let fake = installed_on(Cuda::for_gstreamer());
    let _cuvid = cuvid();
    if !has_elements() {
        return;
    }
    let model = pixels("1");
    let path = model.path();
    let model = path.display();
    let source = "videotestsrc num-buffers=2 ! \
                  video/x-raw,format=NV12,width=66,height=50,framerate=25/1 ! cudaupload ! \
                  video/x-raw(memory:CUDAMemory) !";
    let detect = format!("vigildetect name=detect engine=rten model={model} ! fakesink");
    let (_, stats) = run(&format!("{source} cudadownload ! {detect}")).unwrap();
    assert_eq!(stats.get::<&str>("memory"), Ok("system"));
    let text = run(&format!("{source} {detect}")).unwrap_err();
    assert_says(&text, &["negotiat"]);
    std::mem::forget(fake);
}
