//! Pads, state changes and events of `vigildetect`.
//!
//! Which thread runs what: [`sink`] runs on the upstream streaming thread and only puts things in
//! the lane; [`src`] runs on the task of the source pad, takes them out in order, writes metadata
//! and pushes; inference runs on the session's workers. The model, or the recording, is loaded on
//! the thread that changes the state to PAUSED.

mod sink;
mod src;

use super::session::{Session, StartError, StreamFormat};
use super::settings::Settings;
use crate::detector::LoadError;
use crate::motion::MotionGate;
use crate::replay::{Cursor, ReplayError};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use vigil_analytics::frame::video::FORMATS;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "vigildetect",
        gst::DebugColorFlags::empty(),
        Some("Vigil object detector"),
    )
});

/// Name of the structure in the property `stats`.
const STATS: &str = "vigildetect-stats";

/// What the streaming thread knows of its stream.
#[derive(Default)]
struct Stream {
    format: Option<Arc<StreamFormat>>,
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// Frames that have passed since the last inferred one.
    passed: Option<u32>,
    /// Where a recording stands.
    cursor: Cursor,
    gate: MotionGate,
}

pub struct VigilDetect {
    sinkpad: gst::Pad,
    srcpad: gst::Pad,
    settings: Mutex<Settings>,
    session: Mutex<Option<Arc<Session>>>,
    /// Stats of the last run, once it has ended.
    last_stats: Mutex<Option<gst::Structure>>,
    stream: Mutex<Stream>,
    /// What the last push downstream said; upstream hears of it with its next buffer.
    flow: Mutex<Result<gst::FlowSuccess, gst::FlowError>>,
    /// Upstream has said that the stream ends, so it hears of no answer to a buffer any more.
    ended: AtomicBool,
    /// Running time before which a live frame is too late for inference, from QoS events.
    earliest: AtomicU64,
}

/// Whether a downstream that was at its end takes frames again after this event.
fn restarts(event: &gst::Event) -> bool {
    matches!(
        event.type_(),
        gst::EventType::StreamStart | gst::EventType::Segment
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VigilDetect {
    fn session(&self) -> Option<Arc<Session>> {
        lock(&self.session).clone()
    }

    /// Posts an error where the stream has ended and downstream did not take it: nobody else
    /// would, and an application would wait for the end for good.
    fn report_lost_end(&self, error: gst::FlowError) {
        if !matches!(error, gst::FlowError::Eos | gst::FlowError::Flushing)
            && self.ended.swap(false, Ordering::SeqCst)
        {
            gst::element_imp_error!(
                self,
                gst::StreamError::Failed,
                ("Internal data stream error."),
                ["streaming stopped, downstream says {error}"]
            );
        }
    }

    fn reset_flow(&self) {
        *lock(&self.flow) = Ok(gst::FlowSuccess::Ok);
        self.ended.store(false, Ordering::SeqCst);
        self.earliest.store(0, Ordering::Relaxed);
    }

    fn start(&self) -> Result<(), gst::StateChangeError> {
        *lock(&self.last_stats) = None;
        let settings = lock(&self.settings).clone();
        let session = Session::new(&settings).map_err(|error| {
            match &error {
                StartError::Settings(_) | StartError::Replay(ReplayError::Labels { .. }) => {
                    gst::element_imp_error!(self, gst::ResourceError::Settings, ("{error}"));
                }
                StartError::Load(LoadError::Model(_)) | StartError::Replay(_) => {
                    gst::element_imp_error!(self, gst::ResourceError::OpenRead, ("{error}"));
                }
                StartError::Load(LoadError::Engine(_)) => {
                    gst::element_imp_error!(self, gst::LibraryError::Init, ("{error}"));
                }
            }
            gst::StateChangeError
        })?;
        if let Some(used) = settings.threads_instead() {
            let asked = settings.threads;
            gst::warning!(
                CAT,
                imp = self,
                "threads={asked} is more than is of use on this machine: {used} are taken"
            );
        }
        let finder = &session.finder;
        gst::info!(
            CAT,
            imp = self,
            "Engine {}; {}",
            finder.reason(),
            finder.summary()
        );
        for note in finder.notes() {
            gst::warning!(CAT, imp = self, "{note}");
        }
        for warning in finder.warnings() {
            gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{warning}"));
        }
        *lock(&self.stream) = Stream::default();
        *lock(&self.session) = Some(Arc::new(session));
        Ok(())
    }

    fn stop(&self) {
        // The model is freed; the stats can be read after the end.
        let session = lock(&self.session).take();
        if let Some(session) = session {
            session.stop();
            *lock(&self.last_stats) = Some(Self::stats_of(&session));
        }
    }

    fn stats(&self) -> gst::Structure {
        if let Some(session) = self.session() {
            return Self::stats_of(&session);
        }
        let last = lock(&self.last_stats).clone();
        last.unwrap_or_else(|| gst::Structure::new_empty(STATS))
    }

    fn stats_of(session: &Session) -> gst::Structure {
        let mut structure = gst::Structure::new_empty(STATS);
        let finder = &session.finder;
        structure.set("engine", finder.engine());
        structure.set("engine-reason", finder.reason());
        structure.set("classes", finder.labels().len() as u32);
        finder.add_to(&mut structure);
        if let Some(mode) = session.mode() {
            structure.set("live", mode.live);
            structure.set("workers", mode.workers as u32);
            structure.set("threads-per-worker", mode.threads_per_worker as u32);
            structure.set("runs-per-frame", session.runs());
        }
        structure.set("queued", session.lane.len() as u32);
        session.stats().add_to(&mut structure);
        structure
    }
}

#[glib::object_subclass]
impl ObjectSubclass for VigilDetect {
    const NAME: &'static str = "GstVigilDetect";
    type Type = super::VigilDetect;
    type ParentType = gst::Element;

    fn with_class(klass: &Self::Class) -> Self {
        let template = |name: &str| klass.pad_template(name).unwrap_or_else(|| unreachable!());
        let sinkpad = gst::Pad::builder_from_template(&template("sink"))
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |this| this.sink_chain(buffer),
                )
            })
            .event_function(|_, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_query(pad, query))
            })
            .flags(gst::PadFlags::PROXY_CAPS)
            .build();
        let srcpad = gst::Pad::builder_from_template(&template("src"))
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.src_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.src_query(pad, query))
            })
            .activatemode_function(|_, parent, mode, active| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::loggable_error!(CAT, "Panic activating the source pad")),
                    |this| match mode {
                        gst::PadMode::Push => this.src_activate(active),
                        _ => Err(gst::loggable_error!(CAT, "Only push mode is supported")),
                    },
                )
            })
            .flags(gst::PadFlags::PROXY_CAPS | gst::PadFlags::FIXED_CAPS)
            .build();
        Self {
            sinkpad,
            srcpad,
            settings: Mutex::default(),
            session: Mutex::default(),
            last_stats: Mutex::default(),
            stream: Mutex::default(),
            flow: Mutex::new(Ok(gst::FlowSuccess::Ok)),
            ended: AtomicBool::new(false),
            earliest: AtomicU64::new(0),
        }
    }
}

impl ObjectImpl for VigilDetect {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(Settings::specs);
        PROPERTIES.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let refused = {
            let mut settings = lock(&self.settings);
            let before = settings.clone();
            settings.set(pspec.name(), value);
            let session = self.session();
            let refused = session.and_then(|session| session.update(&settings).err());
            if refused.is_some() {
                *settings = before;
            }
            refused
        };
        if let Some(error) = refused {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                ("{error}; the detector goes on with what was set before")
            );
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match lock(&self.settings).get(pspec.name()) {
            Some(value) => value,
            None => self.stats().to_value(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        for pad in [&self.sinkpad, &self.srcpad] {
            if let Err(error) = obj.add_pad(pad) {
                gst::error!(CAT, imp = self, "No pad: {error}");
            }
        }
    }
}

impl GstObjectImpl for VigilDetect {}

impl ElementImpl for VigilDetect {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Vigil object detector",
                "Filter/Analyzer/Video",
                "Detects objects on video frames with a YOLO model, or replays recorded ones",
                env!("CARGO_PKG_AUTHORS"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst_video::VideoCapsBuilder::new()
                .format_list(FORMATS)
                .build();
            [
                ("sink", gst::PadDirection::Sink),
                ("src", gst::PadDirection::Src),
            ]
            .into_iter()
            .filter_map(|(name, direction)| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
            })
            .collect()
        });
        TEMPLATES.as_ref()
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.start()?,
            gst::StateChange::PausedToReady => {
                // Who waits in the lane holds a pad's stream lock, which deactivation needs.
                if let Some(session) = self.session() {
                    session.lane.flush();
                }
            }
            _ => {}
        }
        let result = self.parent_change_state(transition);
        let failed = transition == gst::StateChange::ReadyToPaused && result.is_err();
        if transition == gst::StateChange::PausedToReady || failed {
            self.stop();
        }
        result
    }
}
