//! `vigildetect` in a pipeline.

use super::{Log, NEVER, Watchdog, init};
use gst::prelude::*;

/// A pipeline around an element of the name `detect`.
pub struct Pipeline {
    pub pipeline: gst::Pipeline,
    pub detect: gst::Element,
    pub log: Log,
    _watchdog: Watchdog,
}

impl Pipeline {
    pub fn new(launch: &str) -> Self {
        init();
        let pipeline = gst::parse::launch(launch)
            .unwrap()
            .downcast::<gst::Pipeline>()
            .unwrap();
        let detect = pipeline.by_name("detect").unwrap();
        Self {
            log: Log::on(&detect.static_pad("src").unwrap()),
            pipeline,
            detect,
            _watchdog: Watchdog::new(),
        }
    }

    /// Waits for the end: `Err` with the first error's text, or with what did not come.
    pub fn wait(&self) -> Result<(), String> {
        let bus = self.pipeline.bus().unwrap();
        let timeout = gst::ClockTime::from_seconds(NEVER.as_secs());
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        match bus.timed_pop_filtered(timeout, &kinds) {
            Some(message) => match message.view() {
                gst::MessageView::Error(error) => Err(error.error().to_string()),
                _ => Ok(()),
            },
            None => panic!("neither the end nor an error has come"),
        }
    }

    pub fn run(&self) -> Result<(), String> {
        self.play();
        self.wait()
    }

    pub fn play(&self) {
        self.pipeline.set_state(gst::State::Playing).unwrap();
    }

    /// Waits until the pipeline is in the state that it was told.
    #[track_caller]
    pub fn settle(&self) {
        let timeout = gst::ClockTime::from_seconds(NEVER.as_secs());
        let (changed, ..) = self.pipeline.state(timeout);
        assert!(
            matches!(
                changed,
                Ok(gst::StateChangeSuccess::Success | gst::StateChangeSuccess::NoPreroll)
            ),
            "{changed:?}"
        );
    }

    pub fn stats(&self) -> gst::Structure {
        self.detect.property("stats")
    }

    /// A counter of the stats.
    #[track_caller]
    pub fn stat(&self, name: &str) -> u64 {
        self.stats().get(name).unwrap()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
