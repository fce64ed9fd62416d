//! The GObject.
//!
//! Frames are drawn and described on the source's own streaming thread. Settings, position,
//! lateness and counters are each behind a mutex of their own, none of which is held while a frame
//! is drawn, so that queries and properties never wait for one. The script is read, and the file
//! for the truth is opened, on the thread that changes the state to PAUSED; the file is written by
//! a thread of its own ([`MotWriter`]).

use super::lateness::Lateness;
use super::settings::Settings;
use super::stats::Stats;
use super::stream::Stream;
use super::timing::Position;
use super::video;
use super::waiter::Waiter;
use crate::truth::mot::MotWriter;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_src::{BaseSrcImplExt, CreateSuccess};
use gst_base::subclass::prelude::*;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

mod frames;
mod queries;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "vigiltestsrc",
        gst::DebugColorFlags::empty(),
        Some("Renders a scene of which everything is known"),
    )
});

/// The element.
#[derive(Default)]
pub struct VigilTestSrc {
    settings: Mutex<Settings>,
    stream: Mutex<Option<Stream>>,
    position: Mutex<Position>,
    lateness: Mutex<Lateness>,
    stats: Mutex<Stats>,
    writer: Mutex<Option<Arc<MotWriter>>>,
    waiter: Waiter,
}

/// What a panic left behind is still the best there is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VigilTestSrc {
    fn writer(&self) -> Option<Arc<MotWriter>> {
        lock(&self.writer).clone()
    }

    /// Reads the script and opens the file of truth.
    fn prepare(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let options = settings
            .scene()
            .map_err(|error| gst::error_msg!(gst::ResourceError::Settings, ("{error}")))?;
        let writer = match settings.truth_path() {
            Some(path) => {
                let writer = MotWriter::create(path).map_err(|error| {
                    gst::error_msg!(
                        gst::ResourceError::OpenWrite,
                        ("property ground-truth-file: {error}")
                    )
                })?;
                Some(Arc::new(writer))
            }
            None => None,
        };
        *lock(&self.writer) = writer;
        *lock(&self.stream) = Some(Stream::new(options));
        *lock(&self.position) = Position::default();
        *lock(&self.lateness) = Lateness::default();
        *lock(&self.stats) = Stats::default();
        Ok(())
    }

    /// Ends all waiting on the streaming thread, or allows it again.
    fn set_unlocked(&self, unlocked: bool) {
        self.waiter.unlock(unlocked);
        if let Some(writer) = self.writer() {
            writer.interrupt(unlocked);
        }
    }

    /// Waits until the truth of all frames is in its file.
    fn flush_truth(&self) {
        if let Some(error) = self.writer().and_then(|writer| writer.flush().err()) {
            gst::element_imp_error!(self, gst::ResourceError::Write, ("{error}"));
        }
    }

    /// Says what can be made where downstream wants something else.
    fn explain_refusal(&self) {
        let pad = self.obj().src_pad().clone();
        if pad.allowed_caps().is_some_and(|caps| caps.is_empty()) {
            let (width, height) = video::MAX_SIZE;
            gst::element_imp_error!(
                self,
                gst::CoreError::Negotiation,
                (
                    "downstream wants {}; frames can be made from 1x1 to {width}x{height} pixels, \
                     at 0/1 to {}/1 frames a second, in the formats of the pad's template",
                    pad.peer_query_caps(None),
                    video::MAX_RATE
                )
            );
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for VigilTestSrc {
    const NAME: &'static str = "GstVigilTestSrc";
    type Type = super::VigilTestSrc;
    type ParentType = gst_base::PushSrc;
}

impl ObjectImpl for VigilTestSrc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let mut specs = Settings::specs();
            specs.push(
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb(
                        "Frames, objects, times of drawing and conversion; see the element's page",
                    )
                    .read_only()
                    .build(),
            );
            specs
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            let stats = lock(&self.stats).clone();
            return stats.to_structure().to_value();
        }
        let value = lock(&self.settings).get(pspec.name());
        value.unwrap_or_else(|| pspec.default_value().clone())
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        obj.set_format(gst::Format::Time);
        // Whoever sees the end of the stream finds the truth in its file.
        let this = self.downgrade();
        let mask = gst::PadProbeType::EVENT_DOWNSTREAM;
        obj.src_pad().add_probe(mask, move |_, info| {
            if let (Some(event), Some(this)) = (info.event(), this.upgrade())
                && event.type_() == gst::EventType::Eos
            {
                this.flush_truth();
            }
            gst::PadProbeReturn::Ok
        });
    }
}

impl GstObjectImpl for VigilTestSrc {}

impl ElementImpl for VigilTestSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Vigil test source",
                "Source/Video",
                "Renders a scene of people and vehicles, and says what is on each frame",
                env!("CARGO_PKG_AUTHORS"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = video::template_caps();
            let (direction, presence) = (gst::PadDirection::Src, gst::PadPresence::Always);
            let template = gst::PadTemplate::new("src", direction, presence, &caps);
            template.into_iter().collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => {
                let is_live = lock(&self.settings).is_live;
                self.obj().set_live(is_live);
                // Not in start(): where that fails, the base class adds an error that says nothing.
                self.prepare().map_err(|error| {
                    self.post_error_message(error);
                    gst::StateChangeError
                })?;
            }
            gst::StateChange::PlayingToPaused => self.waiter.pause(),
            // The base class does not take back what it unlocked for a pause.
            gst::StateChange::PausedToPlaying => self.set_unlocked(false),
            _ => {}
        }
        self.parent_change_state(transition)
    }
}

impl BaseSrcImpl for VigilTestSrc {
    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.stream) = None;
        let writer = lock(&self.writer).take();
        if let Some(writer) = writer {
            writer.interrupt(false);
            writer
                .flush()
                .map_err(|error| gst::error_msg!(gst::ResourceError::Write, ("{error}")))?;
        }
        Ok(())
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        self.set_unlocked(true);
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        self.set_unlocked(false);
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        !self.obj().is_live()
    }

    fn do_seek(&self, segment: &mut gst::Segment) -> bool {
        let Some(segment) = segment.downcast_mut::<gst::ClockTime>() else {
            return false;
        };
        if segment.rate() <= 0.0 {
            gst::warning!(
                CAT,
                imp = self,
                "cannot play backwards (rate {})",
                segment.rate()
            );
            return false;
        }
        segment.set_time(segment.start());
        let time = segment.position().unwrap_or_default();
        lock(&self.position).seek(time.nseconds());
        lock(&self.lateness).forget();
        true
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        self.answer(query) || BaseSrcImplExt::parent_query(self, query)
    }

    fn event(&self, event: &gst::Event) -> bool {
        match event.view() {
            // Refused before the pipeline is flushed for it.
            gst::EventView::Seek(seek) if seek.get().0 <= 0.0 => {
                gst::warning!(CAT, imp = self, "cannot play backwards: {seek:?}");
                return false;
            }
            gst::EventView::Qos(qos) => {
                let (_, _, diff, time) = qos.get();
                if let Some(time) = time {
                    lock(&self.lateness).tell(time.nseconds(), diff);
                }
            }
            gst::EventView::Latency(latency) => {
                let latency = latency.latency().nseconds();
                lock(&self.lateness).set_latency(latency);
            }
            _ => {}
        }
        self.parent_event(event)
    }

    fn fixate(&self, mut caps: gst::Caps) -> gst::Caps {
        caps.truncate();
        if let Some(structure) = caps.make_mut().structure_mut(0) {
            structure.fixate_field_nearest_int("width", video::DEFAULT_SIZE.0);
            structure.fixate_field_nearest_int("height", video::DEFAULT_SIZE.1);
            structure.fixate_field_nearest_fraction("framerate", video::DEFAULT_RATE);
            if structure.has_field("pixel-aspect-ratio") {
                let square = gst::Fraction::new(1, 1);
                structure.fixate_field_nearest_fraction("pixel-aspect-ratio", square);
            }
            if structure.has_field("interlace-mode") {
                structure.fixate_field_str("interlace-mode", "progressive");
            }
        }
        self.parent_fixate(caps)
    }

    fn negotiate(&self) -> Result<(), gst::LoggableError> {
        self.parent_negotiate()
            .inspect_err(|_| self.explain_refusal())
    }

    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let refused = |error: String| gst::loggable_error!(CAT, "{caps}: {error}");
        let info = gst_video::VideoInfo::from_caps(caps).map_err(|e| refused(e.to_string()))?;
        let (frames, period) = (info.fps().numer(), info.fps().denom());
        let settings = lock(&self.settings).frame();
        {
            let mut stream = lock(&self.stream);
            let stream = stream
                .as_mut()
                .ok_or_else(|| refused("not started".into()))?;
            stream.set_info(info, settings).map_err(|error| {
                gst::element_imp_error!(self, gst::CoreError::Negotiation, ("{error}: {caps}"));
                refused(error.to_string())
            })?;
        }
        lock(&self.position).set_rate(frames as u32, period as u32);
        self.parent_set_caps(caps)
    }

    fn decide_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        video::decide_allocation(query)
            .map_err(|error| gst::loggable_error!(CAT, "no pool: {error}"))?;
        self.parent_decide_allocation(query)
    }
}

impl PushSrcImpl for VigilTestSrc {
    fn create(
        &self,
        _buffer: Option<&mut gst::BufferRef>,
    ) -> Result<CreateSuccess, gst::FlowError> {
        self.next_buffer().map(CreateSuccess::NewBuffer)
    }
}
