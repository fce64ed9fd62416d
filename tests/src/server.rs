//! An RTSP server in the test's own process.

use gst::glib;
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPFilterResult, RTSPMediaFactory, RTSPServer};
use std::error::Error;
use std::thread::JoinHandle;

/// A server on the loopback interface, on a port of its own, with one stream at `/test`.
///
/// It has its own main loop on its own thread; dropped, it closes its connections without a word,
/// as a camera does that loses its power.
pub struct Server {
    server: RTSPServer,
    main_loop: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves what a `gst-launch-1.0` string with a payloader `name=pay0` gives.
    ///
    /// # Errors
    /// There is no loopback interface to listen on.
    pub fn start(launch: &str) -> Result<Self, Box<dyn Error>> {
        let server = RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service("0");
        let factory = RTSPMediaFactory::new();
        // A camera makes one stream, whoever watches.
        factory.set_shared(true);
        factory.set_launch(&format!("( {launch} )"));
        let mounts = server.mount_points().ok_or("no mount points")?;
        mounts.add_factory("/test", factory);
        let context = glib::MainContext::new();
        server.attach(Some(&context))?;
        let main_loop = glib::MainLoop::new(Some(&context), false);
        let running = main_loop.clone();
        let run = move || {
            // Fails only if another thread has the context.
            let _ = context.with_thread_default(|| running.run());
        };
        let thread = std::thread::Builder::new()
            .name("rtsp server".into())
            .spawn(run)?;
        Ok(Self {
            server,
            main_loop,
            thread: Some(thread),
        })
    }

    /// Where the stream is.
    pub fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/test", self.server.bound_port())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.server
            .client_filter(Some(&mut |_, _| RTSPFilterResult::Remove));
        // A loop that does not run yet cannot be quit.
        let main_loop = self.main_loop.clone();
        self.main_loop.context().invoke(move || main_loop.quit());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The launch string of a live camera that sees the ball, if there is an H.264 encoder; a line on
/// standard error if not. It switches itself off after `frames`, if given.
pub fn ball_camera(frames: Option<u64>) -> Option<String> {
    let encoders = [
        (
            "x264enc",
            "tune=zerolatency speed-preset=ultrafast key-int-max=15",
        ),
        ("openh264enc", "gop-size=15"),
    ];
    let there = |name: &str| gst::ElementFactory::find(name).is_some();
    let Some((encoder, options)) = encoders.into_iter().find(|(name, _)| there(name)) else {
        eprintln!("skipped: there is no H.264 encoder (x264enc, openh264enc)");
        return None;
    };
    let frames = frames.map_or(String::new(), |n| format!("num-buffers={n}"));
    Some(format!(
        "videotestsrc is-live=true pattern=ball {frames} ! {} ! {encoder} {options} ! \
         rtph264pay name=pay0 pt=96",
        crate::ball::caps()
    ))
}
