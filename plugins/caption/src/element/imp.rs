//! The GObject: properties, state changes, requesting and releasing pads.

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use vigil_analytics::caption_meta;
use vigil_analytics::frame::video::FORMATS;
use vigil_analytics::pads::{self, CAPS, PadKind, Pads};
use vigil_analytics::time::LiveClock;

use super::settings::{Hidden, Settings};
use super::stream::State;
use super::{DialectChoice, TriggerFlags, ViewChoice, stats};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "vigilcaption",
        gst::DebugColorFlags::empty(),
        Some("Captions by a vision-language model"),
    )
});

/// The one kind of metadata pad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Captions;

impl PadKind for Captions {
    fn name(self) -> &'static str {
        "captions"
    }
}

/// Asks a vision-language model about chosen frames.
#[derive(glib::Properties)]
#[properties(wrapper_type = super::VigilCaption)]
pub struct VigilCaption {
    pub(super) sinkpad: gst::Pad,
    srcpad: gst::Pad,
    pub(super) pads: Pads<Captions>,
    #[property(name = "base-url", nick = "Base URL", blurb = "Where the model's server is: the address of an OpenAI-compatible interface, such as http://127.0.0.1:8080/v1", type = Option<String>, get, set, member = base_url, mutable_ready)]
    #[property(name = "model", nick = "Model", blurb = "Name of the model; default: the server's first", type = Option<String>, get, set, member = model, mutable_ready)]
    #[property(name = "api-key-file", nick = "API key file", blurb = "File with the server's key", type = Option<String>, get, set, member = api_key_file, mutable_ready)]
    #[property(name = "api-key-env", nick = "API key variable", blurb = "Environment variable with the server's key", type = Option<String>, get, set, member = api_key_env, mutable_ready)]
    #[property(name = "dialect", nick = "Dialect", blurb = "Which kind of server it is", type = DialectChoice, get, set, member = dialect, mutable_ready, builder(Settings::default().dialect))]
    #[property(name = "extra-body", nick = "Extra body", blurb = "JSON object with more fields of each request; they go before the element's own", type = Option<String>, get, set, member = extra_body, mutable_ready)]
    #[property(name = "spawn", nick = "Spawn", blurb = "Command of a server to start and keep running instead of base-url, such as llama-server; --host, --port and the model are added", type = Option<String>, get, set, member = spawn, mutable_ready)]
    #[property(name = "spawn-model", nick = "Spawned model", blurb = "Model file (GGUF) for the server that is started", type = Option<String>, get, set, member = spawn_model, mutable_ready)]
    #[property(name = "spawn-mmproj", nick = "Spawned projector", blurb = "File of the model's vision part (GGUF) for the server that is started", type = Option<String>, get, set, member = spawn_mmproj, mutable_ready)]
    #[property(name = "trigger", nick = "Trigger", blurb = "What makes the element ask", type = TriggerFlags, get, set, member = trigger, default = Settings::default().trigger, mutable_ready)]
    #[property(name = "interval", nick = "Interval", blurb = "Nanoseconds of the stream from one question to the next", type = u64, get, set, member = interval, default = Settings::default().interval, mutable_ready)]
    #[property(name = "track-age", nick = "Track age", blurb = "Nanoseconds after which a track is new", type = u64, get, set, member = track_age, default = Settings::default().track_age, mutable_ready)]
    #[property(name = "track-timeout", nick = "Track timeout", blurb = "Nanoseconds without sighting after which a track is gone", type = u64, get, set, member = track_timeout, default = Settings::default().track_timeout, mutable_ready)]
    #[property(name = "event-kinds", nick = "Event kinds", blurb = "Kinds of events to ask about, separated by commas: zone.entered, zone.*, *", type = Option<String>, get, set, member = event_kinds, default = Some("*"), mutable_ready)]
    #[property(name = "verify", nick = "Verify", blurb = "Kinds of events of which the model says whether they are true", type = Option<String>, get, set, member = verify, mutable_ready)]
    #[property(name = "classes", nick = "Classes", blurb = "Classes of objects to ask about for new-track and track-end, separated by commas; default: all", type = Option<String>, get, set, member = classes, mutable_ready)]
    #[property(name = "scene-threshold", nick = "Scene threshold", blurb = "Mean change of brightness from one frame to the next that is another scene, 1 being from black to white", type = f64, get, set, member = scene_threshold, minimum = 0.0, maximum = 1.0, default = Settings::default().scene_threshold, mutable_ready)]
    #[property(name = "track-limit", nick = "Track limit", blurb = "Most questions about one track; 0: no limit", type = u32, get, set, member = track_limit, default = Settings::default().track_limit, mutable_ready)]
    #[property(name = "min-interval", nick = "Minimum interval", blurb = "Fewest nanoseconds of the stream from one question to the next, whatever triggers it", type = u64, get, set, member = min_interval, default = Settings::default().min_interval, mutable_ready)]
    #[property(name = "per-minute", nick = "Per minute", blurb = "Most questions in a minute of the stream, a quarter of them at once; 0: no limit", type = u32, get, set, member = per_minute, default = Settings::default().per_minute, mutable_ready)]
    #[property(name = "view", nick = "View", blurb = "What is shown of an object", type = ViewChoice, get, set, member = view, mutable_ready, builder(Settings::default().view))]
    #[property(name = "crop-margin", nick = "Crop margin", blurb = "Margin around an object that is cut out, as a fraction of its size", type = f64, get, set, member = crop_margin, minimum = 0.0, maximum = 2.0, default = Settings::default().crop_margin, mutable_ready)]
    #[property(name = "window", nick = "Window", blurb = "Nanoseconds of the stream that a question about the scene shows, up to 20 s; 0: one frame", type = u64, get, set, member = window, minimum = 0, maximum = 20_000_000_000, default = Settings::default().window, mutable_ready)]
    #[property(name = "sample-fps", nick = "Sample rate", blurb = "Frames a second of the window", type = f64, get, set, member = sample_fps, minimum = 0.05, maximum = 30.0, default = Settings::default().sample_fps, mutable_ready)]
    #[property(name = "max-images", nick = "Maximum images", blurb = "Most pictures of one question", type = u32, get, set, member = max_images, minimum = 1, maximum = 256, default = Settings::default().max_images, mutable_ready)]
    #[property(name = "max-side", nick = "Maximum side", blurb = "Longest side of a picture in pixels", type = u32, get, set, member = max_side, minimum = 56, maximum = 4096, default = Settings::default().max_side, mutable_ready)]
    #[property(name = "jpeg-quality", nick = "JPEG quality", blurb = "Quality of the pictures", type = u32, get, set, member = jpeg_quality, minimum = 1, maximum = 100, default = Settings::default().jpeg_quality, mutable_ready)]
    #[property(name = "video", nick = "Video", blurb = "Send the frames of a window as one video where the server takes that (vLLM)", type = bool, get, set, member = video, default = Settings::default().video, mutable_ready)]
    #[property(name = "prompt", nick = "Prompt", blurb = "What to ask, with fields such as {label}, or the name of a built-in prompt: describe, object, safety, performance, pattern, creative, verify", type = Option<String>, get, set, member = prompt, mutable_ready)]
    #[property(name = "system-prompt", nick = "System prompt", blurb = "What every question begins with", type = Option<String>, get, set, member = system_prompt, mutable_ready)]
    #[property(name = "prompts", nick = "Prompts", blurb = "What prompts-file has, as JSON: {\"events\": {\"zone.entered\": \"Who entered {zone}?\"}, \"classes\": {}}", type = Option<String>, get, set, member = prompts, mutable_ready)]
    #[property(name = "prompts-file", nick = "Prompts file", blurb = "TOML file with prompts for classes and kinds of events", type = Option<String>, get, set, member = prompts_file, mutable_ready)]
    #[property(name = "response-schema", nick = "Response schema", blurb = "JSON Schema that answers have to fit, or the path of a file with one", type = Option<String>, get, set, member = response_schema, mutable_ready)]
    #[property(name = "max-tokens", nick = "Maximum tokens", blurb = "Most tokens of an answer", type = u32, get, set, member = max_tokens, minimum = 1, maximum = 100_000, default = Settings::default().max_tokens, mutable_ready)]
    #[property(name = "temperature", nick = "Temperature", blurb = "Sampling temperature", type = f64, get, set, member = temperature, minimum = 0.0, maximum = 2.0, default = Settings::default().temperature, mutable_ready)]
    #[property(name = "seed", nick = "Seed", blurb = "Seed of sampling; -1: the server's", type = i64, get, set, member = seed, minimum = -1, maximum = 4_294_967_295, default = Settings::default().seed, mutable_ready)]
    #[property(name = "stream", nick = "Stream", blurb = "Tell words as they come in", type = bool, get, set, member = stream, default = Settings::default().stream, mutable_ready)]
    #[property(name = "cache-ttl", nick = "Cache TTL", blurb = "Nanoseconds of the stream for which a caption holds for pictures that show the same: it is said again and the server is not asked; 0: always ask. Verifications, triggers and questions of the application always ask", type = u64, get, set, member = cache_ttl, default = Settings::default().cache_ttl, mutable_ready)]
    #[property(name = "max-in-flight", nick = "Maximum in flight", blurb = "Requests that may be on their way at once, of all elements that share the server: the highest value holds", type = u32, get, set, member = max_in_flight, minimum = 1, maximum = 64, default = Settings::default().max_in_flight, mutable_ready)]
    #[property(name = "queue-size", nick = "Queue size", blurb = "Questions of this element that may wait", type = u32, get, set, member = queue_size, minimum = 1, maximum = 1024, default = Settings::default().queue_size, mutable_ready)]
    #[property(name = "max-age", nick = "Maximum age", blurb = "Nanoseconds that a question may wait before it is not worth asking", type = u64, get, set, member = max_age, default = Settings::default().max_age, mutable_ready)]
    #[property(name = "deadline", nick = "Deadline", blurb = "Nanoseconds that a question may take with everything that is tried again", type = u64, get, set, member = deadline, minimum = 1_000_000, maximum = 3_600_000_000_000, default = Settings::default().deadline, mutable_ready)]
    #[property(name = "connect-timeout", nick = "Connect timeout", blurb = "Nanoseconds to find and reach the server", type = u64, get, set, member = connect_timeout, minimum = 1_000_000, maximum = 600_000_000_000, default = Settings::default().connect_timeout, mutable_ready)]
    #[property(name = "first-token-timeout", nick = "First token timeout", blurb = "Nanoseconds from the question to the first word", type = u64, get, set, member = first_token_timeout, minimum = 1_000_000, maximum = 3_600_000_000_000, default = Settings::default().first_token_timeout, mutable_ready)]
    #[property(name = "idle-timeout", nick = "Idle timeout", blurb = "Nanoseconds from one word to the next", type = u64, get, set, member = idle_timeout, minimum = 1_000_000, maximum = 3_600_000_000_000, default = Settings::default().idle_timeout, mutable_ready)]
    #[property(name = "eos-timeout", nick = "EOS timeout", blurb = "Nanoseconds that the end of the stream waits for the last answers", type = u64, get, set, member = eos_timeout, default = Settings::default().eos_timeout, mutable_ready)]
    #[property(name = "text-duration", nick = "Text duration", blurb = "Nanoseconds for which a caption is shown where the pad carries text", type = u64, get, set, member = text_duration, default = Settings::default().text_duration, mutable_ready)]
    #[property(name = "stream-id", nick = "Stream id", blurb = "Name of the stream in records; default: the readable form of upstream's stream id", type = Option<String>, get, set, member = stream_id, mutable_ready)]
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    /// Whether `is_live` holds for this stream.
    pub(super) live_is_known: AtomicBool,
    is_live: AtomicBool,
    /// The last seek that was passed upstream, and what came of it.
    pub(super) upstream: pads::Upstream,
}

impl VigilCaption {
    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f` on the state, if the element is at work. What applications should hear meanwhile they
    /// hear afterwards: they may ask for the state themselves.
    pub(super) fn with_state<T>(&self, f: impl FnOnce(&mut State) -> T) -> Option<T> {
        let mut guard = self.state();
        let state = guard.as_mut()?;
        let outbox = state.asker.outbox.clone();
        outbox.hold();
        let result = f(state);
        drop(guard);
        outbox.release();
        Some(result)
    }

    fn stats(&self) -> gst::Structure {
        let mut structure = gst::Structure::builder("vigilcaption-stats");
        if let Some(state) = self.state().as_ref() {
            structure = stats::of(state, structure);
        }
        for (name, pad) in pads::stats(&self.pads) {
            structure = structure.field(name, pad);
        }
        structure.build()
    }

    // ------------------------------------------------------------ video

    fn chain(&self, mut buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let live = self.live_clock();
        let looked = self.with_state(|state| {
            state.frame(&buffer, live.as_ref());
            let position = state.gap(&buffer);
            let captions = state.asker.outbox.advance(position);
            (captions, std::mem::take(&mut state.warnings))
        });
        let Some((captions, warnings)) = looked else {
            return Err(gst::FlowError::Flushing);
        };
        for warning in warnings {
            gst::element_imp_warning!(self, gst::StreamError::Failed, ("{warning}"));
        }
        if !captions.is_empty()
            && let Err(error) = caption_meta::write(buffer.make_mut(), captions)
        {
            gst::warning!(
                CAT,
                imp = self,
                "cannot put captions on the buffer: {error}"
            );
        }
        self.srcpad.push(buffer)
    }

    /// The pipeline's clock if upstream is live; asks upstream once for each stream.
    fn live_clock(&self) -> Option<LiveClock> {
        if !self.live_is_known.swap(true, Ordering::Relaxed) {
            let mut query = gst::query::Latency::new();
            let live = self.sinkpad.peer_query(&mut query) && query.result().0;
            self.is_live.store(live, Ordering::Relaxed);
        }
        let live = self.is_live.load(Ordering::Relaxed);
        live.then(|| LiveClock::of(self.obj().upcast_ref()))?
    }
}

#[glib::object_subclass]
impl ObjectSubclass for VigilCaption {
    const NAME: &'static str = "GstVigilCaption";
    type Type = super::VigilCaption;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let proxy = gst::PadFlags::PROXY_CAPS
            | gst::PadFlags::PROXY_ALLOCATION
            | gst::PadFlags::PROXY_SCHEDULING;
        let sinkpad = pad_builder(class, "sink")
            .flags(proxy)
            .chain_function(move |_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |imp| imp.chain(buffer),
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.sink_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.sink_query(pad, query))
            })
            .iterate_internal_links_function(|_, parent| {
                Self::catch_panic_pad_function(
                    parent,
                    || gst::Iterator::from_vec(Vec::new()),
                    |imp| gst::Iterator::from_vec(vec![imp.srcpad.clone()]),
                )
            })
            .build();
        let srcpad = pad_builder(class, "src")
            .flags(proxy)
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(
                    parent,
                    || false,
                    |imp| imp.upstream_event(pad, event),
                )
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.src_query(pad, query))
            })
            .iterate_internal_links_function(to_sink)
            .build();
        Self {
            sinkpad,
            srcpad,
            pads: Pads::default(),
            settings: Mutex::default(),
            state: Mutex::new(None),
            live_is_known: AtomicBool::new(false),
            is_live: AtomicBool::new(false),
            upstream: pads::Upstream::default(),
        }
    }
}

/// Metadata pads and the video's src pad both lead to the sink.
fn to_sink(_: &gst::Pad, parent: Option<&gst::Object>) -> gst::Iterator<gst::Pad> {
    VigilCaption::catch_panic_pad_function(
        parent,
        || gst::Iterator::from_vec(Vec::new()),
        |imp| gst::Iterator::from_vec(vec![imp.sinkpad.clone()]),
    )
}

fn pad_builder(
    class: &<VigilCaption as ObjectSubclass>::Class,
    name: &str,
) -> gst::PadBuilder<gst::Pad> {
    match class.pad_template(name) {
        Some(template) => gst::Pad::builder_from_template(&template),
        // Not reached: the templates are below.
        None => gst::Pad::builder(gst::PadDirection::Unknown),
    }
}

// `stats` is not derived: the derive macro knows no `GstStructure`. Nor is `api-key`, which can be
// set and not be read.
impl ObjectImpl for VigilCaption {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let stats = glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Counters, queues and latency")
                .read_only()
                .build();
            let key = glib::ParamSpecString::builder("api-key")
                .nick("API key")
                .blurb("The server's key; can be set and not be read. api-key-file and api-key-env keep it out of command lines")
                .write_only()
                .mutable_ready()
                .build();
            // The derived ones come first: their ids are their positions.
            let mut properties = VigilCaption::derived_properties().to_vec();
            properties.extend([stats, key]);
            properties
        });
        &PROPERTIES
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        Self::signal_list()
    }

    fn set_property(&self, id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if pspec.name() == "api-key" {
            let key = value.get::<Option<String>>().ok().flatten();
            self.settings().api_key = key.map(Hidden);
        } else {
            self.derived_set_property(id, value, pspec);
        }
    }

    fn property(&self, id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            _ => self.derived_property(id, pspec),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        for pad in [&self.sinkpad, &self.srcpad] {
            if let Err(error) = obj.add_pad(pad) {
                gst::error!(CAT, imp = self, "cannot add a pad: {error}");
            }
        }
    }
}

impl GstObjectImpl for VigilCaption {}

impl ElementImpl for VigilCaption {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Vigil caption",
                "Analyzer/Video",
                "Asks a vision-language model about chosen frames",
                "The Vigil developers",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let video = gst_video::VideoCapsBuilder::new()
                .format_list(FORMATS)
                .build();
            let (src, sink) = (gst::PadDirection::Src, gst::PadDirection::Sink);
            let (always, request) = (gst::PadPresence::Always, gst::PadPresence::Request);
            [
                gst::PadTemplate::new("sink", sink, always, &video),
                gst::PadTemplate::new("src", src, always, &video),
                gst::PadTemplate::new(Captions.name(), src, request, &CAPS),
            ]
            .into_iter()
            .filter_map(Result::ok)
            .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => {
                if let Err(error) = self.start() {
                    self.post_error_message(error);
                    self.stop();
                    return Err(gst::StateChangeError);
                }
            }
            gst::StateChange::PausedToReady => self.stop(),
            _ => {}
        }
        let result = self.parent_change_state(transition);
        if transition == gst::StateChange::ReadyToPaused && result.is_err() {
            self.stop();
        }
        result
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let obj = self.obj();
        let wire = |pad: gst::PadBuilder<gst::Pad>| {
            pad.event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.meta_event(pad, event))
            })
            .iterate_internal_links_function(to_sink)
        };
        let (element, active) = (obj.upcast_ref(), self.state().is_some());
        self.pads
            .request(Captions, template, element, active, wire, || {
                self.start_pads()
            })
            .inspect_err(|error| gst::warning!(CAT, imp = self, "{error}"))
            .ok()
    }

    /// Returns within 1.1 s even if the pad's consumer hangs.
    fn release_pad(&self, pad: &gst::Pad) {
        let obj = self.obj();
        self.pads.release(pad, obj.upcast_ref(), "captions", |_| {
            self.with_state(|state| state.asker.outbox.set_outlet(None));
        });
    }
}
