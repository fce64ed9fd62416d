//! The GObject.

use super::appearance::Trouble;
use super::settings::{Settings, VisualChoice};
use super::stats::Stats;
use super::stream::{StartError, Stream};
use crate::track::ConfigError;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::{BaseTransformMode, GenerateOutputSuccess};
use gst_base::subclass::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use vigil_analytics::stats::Latencies;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "vigiltrack",
        gst::DebugColorFlags::empty(),
        Some("Gives objects identities"),
    )
});

/// From `start` to `stop`.
struct State {
    stream: Stream,
    /// Settings last looked at.
    settings: Settings,
    stream_id: Option<String>,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// Where the stream was last.
    last_pts: Option<gst::ClockTime>,
    knows_of_foreign_tracks: bool,
    /// Whether it is known if this stream is live, where that matters.
    knows_if_live: bool,
}

/// What a user should know.
enum Warning {
    /// Settings changed to ones that cannot be used.
    Settings(ConfigError),
    /// Another tracker is upstream.
    ForeignTracks,
    /// `visual` has nothing to see; why.
    Blind(String),
    /// Objects cannot be looked at.
    Appearance(Trouble),
}

/// The element.
#[derive(Default)]
pub struct VigilTrack {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    /// The streaming thread is not to wait: it is flushed, or the element stops.
    hasten: Arc<AtomicBool>,
}

/// What a panic left behind is still the best there is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VigilTrack {
    /// Runs `change` on the state, if the element is started.
    fn with_state(&self, change: impl FnOnce(&mut State)) {
        if let Some(state) = lock(&self.state).as_mut() {
            change(state);
        }
    }

    /// Takes over settings that changed since the last buffer, or says why they cannot be used.
    fn apply_settings(&self, state: &mut State) -> Option<Warning> {
        let settings = lock(&self.settings);
        if *settings == state.settings {
            return None;
        }
        state.settings = settings.clone();
        let error = state.stream.configure(&state.settings).err()?;
        Some(Warning::Settings(error))
    }

    /// Asks whether the stream is live before its first buffer, where that matters.
    fn learn_if_live(&self) {
        let matters = |state: &State| state.stream.appearance.is_some() && !state.knows_if_live;
        if !lock(&self.state).as_ref().is_some_and(matters) {
            return;
        }
        let mut query = gst::query::Latency::new();
        let sink = self.obj().static_pad("sink");
        let live = sink.is_some_and(|sink| sink.peer_query(&mut query)) && query.result().0;
        gst::debug!(CAT, imp = self, "live: {live}");
        self.with_state(|state| {
            state.knows_if_live = true;
            if let Some(appearance) = &mut state.stream.appearance {
                appearance.set_live(live);
            }
        });
    }

    fn process(&self, buffer: &mut gst::Buffer) {
        self.learn_if_live();
        let mut guard = lock(&self.state);
        let Some(state) = guard.as_mut() else {
            return;
        };
        let mut warnings = [self.apply_settings(state), None, None, None];
        match state.stream.process(buffer, state.settings.coast) {
            Ok(outcome) => {
                if outcome.jumped {
                    gst::info!(CAT, imp = self, "jump to {:?}: tracks end", buffer.pts());
                }
                if outcome.foreign && !state.knows_of_foreign_tracks {
                    state.knows_of_foreign_tracks = true;
                    warnings[1] = Some(Warning::ForeignTracks);
                }
            }
            // Video goes on without.
            Err(error) => gst::error!(CAT, imp = self, "cannot write tracks: {error}"),
        }
        if let Some(why) = state.stream.sight.take_complaint() {
            gst::info!(CAT, imp = self, "visual: {why}");
            let asked_for = state.settings.visual == VisualChoice::On;
            warnings[2] = asked_for.then_some(Warning::Blind(why));
        }
        if let Some(appearance) = &mut state.stream.appearance {
            warnings[3] = appearance.take_trouble().map(Warning::Appearance);
        }
        state.last_pts = buffer.pts().or(state.last_pts);
        // An application may ask for `stats` while it handles a message.
        drop(guard);
        for warning in warnings.into_iter().flatten() {
            self.warn(&warning);
        }
    }

    fn warn(&self, warning: &Warning) {
        match warning {
            Warning::Settings(error) => gst::element_imp_warning!(
                self,
                gst::LibraryError::Settings,
                ("property {error}; the settings before that stay in use")
            ),
            Warning::ForeignTracks => gst::element_imp_warning!(
                self,
                gst::StreamError::Failed,
                ("objects already have identities from a tracker upstream, which they keep; \
                  use one tracker only")
            ),
            Warning::Blind(why) => gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                ("visual=on, but {why}: objects are coasted by their motion alone; put \
                  vigiltrack where frames are raw video in system memory, or set visual=auto")
            ),
            Warning::Appearance(Trouble::NoPictures(why)) => gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                ("property appearance: objects cannot be looked at, and are tracked by their boxes \
                  alone; {why}; it takes raw video in system memory, in the formats of vigildetect")
            ),
            Warning::Appearance(Trouble::Failed(why)) => gst::element_imp_warning!(
                self,
                gst::LibraryError::Failed,
                ("property appearance: the model gives nothing for some objects, which are tracked \
                  by their boxes alone; {why}")
            ),
        }
    }

    /// A segment that maps the stream's times to other running times is a cut; one that only
    /// moves its start or stop is not.
    fn take_segment(&self, segment: &gst::Segment) {
        let time_segment = segment.downcast_ref::<gst::ClockTime>().cloned();
        self.with_state(|state| {
            if let (Some(old), Some(new), Some(pts)) =
                (&state.segment, &time_segment, state.last_pts)
                && old.to_running_time_full(pts) != new.to_running_time_full(pts)
            {
                gst::debug!(CAT, imp = self, "new segment: tracks end");
                state.stream.cut();
            }
            state.knows_if_live = false;
            if let Some(segment) = &time_segment {
                state.stream.set_reverse(segment.rate() < 0.0);
            }
            state.segment = time_segment;
        });
    }

    fn take_stream_id(&self, id: &str) {
        self.with_state(|state| {
            if state.stream_id.as_deref().is_some_and(|old| old != id) {
                gst::debug!(CAT, imp = self, "stream {id} starts: tracks end");
                state.stream.cut();
            }
            state.stream_id = Some(id.to_owned());
        });
    }
}

#[glib::object_subclass]
impl ObjectSubclass for VigilTrack {
    const NAME: &'static str = "GstVigilTrack";
    type Type = super::VigilTrack;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for VigilTrack {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let mut specs = Settings::specs();
            specs.push(
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Buffers, tracks, time of an update; see the element's page")
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
            let state = lock(&self.state);
            let stats = match state.as_ref() {
                Some(state) => state.stream.stats(),
                None => Stats::default().to_structure(&Latencies::default()),
            };
            drop(state);
            return stats.to_value();
        }
        let value = lock(&self.settings).get(pspec.name());
        value.unwrap_or_else(|| pspec.default_value().clone())
    }

    fn constructed(&self) {
        self.parent_constructed();
        // Frames are never touched, and buffers without caps are as good as any: in passthrough
        // the base class asks for neither. `generate_output` adds the metadata.
        self.obj().set_passthrough(true);
    }
}

impl GstObjectImpl for VigilTrack {}

impl ElementImpl for VigilTrack {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Vigil object tracker",
                "Filter/Analyzer/Video",
                "Gives detected objects identities that last, and predicts them on skipped frames",
                "The Vigil developers",
            )
        });
        Some(&METADATA)
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::PausedToReady {
            self.hasten.store(true, Ordering::Relaxed);
        }
        self.parent_change_state(transition)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            [
                ("sink", gst::PadDirection::Sink),
                ("src", gst::PadDirection::Src),
            ]
            .into_iter()
            .filter_map(|(name, direction)| {
                let caps = gst::Caps::new_any();
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
            })
            .collect()
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for VigilTrack {
    const MODE: BaseTransformMode = BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        // The state change waits for the model, as vigildetect's does.
        let mut stream = Stream::new(&settings).map_err(|error| match error {
            StartError::Settings(_) => {
                gst::error_msg!(gst::LibraryError::Settings, ("{error}"))
            }
            StartError::Appearance(_) => {
                gst::error_msg!(gst::ResourceError::OpenRead, ("{error}"))
            }
        })?;
        self.hasten.store(false, Ordering::Relaxed);
        if let Some(appearance) = &mut stream.appearance {
            appearance.set_stop(self.hasten.clone());
        }
        *lock(&self.state) = Some(State {
            stream,
            settings,
            stream_id: None,
            segment: None,
            last_pts: None,
            knows_of_foreign_tracks: false,
            knows_if_live: false,
        });
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let state = lock(&self.state).take();
        // Waits for a model's run in hand: without the lock, which `stats` takes.
        drop(state);
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        self.with_state(|state| {
            state.stream.set_caps(incaps);
            if let Some(appearance) = &mut state.stream.appearance {
                appearance.set_caps(incaps);
            }
        });
        self.parent_set_caps(incaps, outcaps)
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::StreamStart(event) => self.take_stream_id(event.stream_id()),
            gst::EventView::Segment(event) => self.take_segment(event.segment()),
            gst::EventView::FlushStart(_) => self.hasten.store(true, Ordering::Relaxed),
            gst::EventView::FlushStop(_) => {
                self.hasten.store(false, Ordering::Relaxed);
                self.with_state(|state| {
                    state.stream.cut();
                    state.segment = None;
                    state.last_pts = None;
                });
            }
            gst::EventView::Eos(_) => self.with_state(|state| state.stream.cut()),
            _ => {}
        }
        self.parent_sink_event(event)
    }

    fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let Some(mut buffer) = self.take_queued_buffer() else {
            return Ok(GenerateOutputSuccess::NoOutput);
        };
        self.process(&mut buffer);
        Ok(GenerateOutputSuccess::Buffer(buffer))
    }
}
