//! The GObject: properties, state changes, requesting and releasing pads.

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vigil_analytics::event_meta;
use vigil_analytics::pads::{self, CAPS, PadKind, Pads};
use vigil_analytics::time::LiveClock;
use vigil_analytics::verdict;

use super::alarm::Alarm;
use super::kind::Kind;
use super::posts::Posts;
use super::settings::{MAX_QUEUE_SIZE, Settings, Source};
use super::state::{Output, State};
use super::verdicts::Pending;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "vigilevents",
        gst::DebugColorFlags::empty(),
        Some("Events from tracked objects"),
    )
});

/// How long shutting down waits for consumers to take the last events.
const PATIENCE: Duration = Duration::from_millis(250);

/// Turns tracked objects into events by rules.
///
/// ```sh
/// gst-launch-1.0 filesrc location=video.mp4 ! decodebin ! videoconvert ! vigildetect model=yolov8n.onnx ! \
///     vigiltrack ! vigilevents name=e rules-file=rules.toml ! fakesink e.events ! filesink location=events.jsonl
/// ```
#[derive(glib::Properties)]
#[properties(wrapper_type = super::VigilEvents)]
pub struct VigilEvents {
    pub(super) sinkpad: gst::Pad,
    srcpad: gst::Pad,
    pub(super) pads: Pads<Kind>,
    #[property(name = "rules", nick = "Rules", blurb = "Rules as JSON; may be changed while playing. The last set of rules and rules-file holds; default: objects appear and leave", type = Option<String>, get = Self::rules, set = Self::set_rules, mutable_playing)]
    #[property(name = "rules-file", nick = "Rules file", blurb = "File with rules in TOML, or in JSON if its name ends in .json; may be changed while playing, which reads it again", type = Option<String>, get = Self::rules_file, set = Self::set_rules_file, mutable_playing)]
    #[property(name = "stream-id", nick = "Stream id", blurb = "Name of the stream in records; default: the readable form of upstream's stream id", type = Option<String>, get, set, member = stream_id, mutable_ready)]
    #[property(name = "queue-size", nick = "Queue size", blurb = "How many records wait for a slow consumer of each metadata pad before some are dropped", type = u32, get, set, member = queue_size, minimum = 1, maximum = MAX_QUEUE_SIZE, default = Settings::default().queue_size, mutable_ready)]
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    posts: Posts,
    alarm: Alarm,
    /// Whether `is_live` holds for this stream.
    pub(super) live_is_known: AtomicBool,
    is_live: AtomicBool,
    /// The last seek that was passed upstream, and what came of it.
    pub(super) upstream: pads::Upstream,
}

impl VigilEvents {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f` on the state, if the element is at work; then tells applications what came of it,
    /// without the lock. Any thread.
    pub(super) fn run<T>(
        &self,
        f: impl FnOnce(&mut State, &mut Output) -> T,
    ) -> Option<(T, Output)> {
        let mut out = Output::default();
        let result = {
            let mut guard = self.state();
            let state = guard.as_mut()?;
            let result = f(state, &mut out);
            state.end_events();
            self.alarm.set(state.court.deadline());
            // Under the lock: what happens next is told next, whoever tells it.
            self.posts.push(&out.structures);
            result
        };
        self.tell(&out);
        Some((result, out))
    }

    // ------------------------------------------------------------ properties

    fn rules(&self) -> Option<String> {
        self.settings().source.inline()
    }

    fn set_rules(&self, text: Option<String>) {
        let text = text.filter(|text| !text.trim().is_empty());
        self.set_source(text.map_or(Source::Default, Source::Inline));
    }

    fn rules_file(&self) -> Option<String> {
        self.settings().source.file()
    }

    fn set_rules_file(&self, path: Option<String>) {
        let path = path.filter(|path| !path.is_empty()).map(PathBuf::from);
        self.set_source(path.map_or(Source::Default, Source::File));
    }

    /// At work, rules are read here, on the application's thread, and hold from the next frame on.
    fn set_source(&self, source: Source) {
        if self.state().is_none() {
            self.settings().source = source;
            return;
        }
        match source.load() {
            Ok(rules) => {
                self.settings().source = source;
                if rules.verify()
                    && let Err(error) = self.start_alarm()
                {
                    gst::element_imp_warning!(
                        self,
                        gst::CoreError::Thread,
                        ("cannot start a thread: {error}. Events wait for verdicts until the end")
                    );
                }
                self.run(|state, _| state.next_rules = Some(rules));
            }
            Err(error) => gst::element_imp_warning!(
                self,
                gst::LibraryError::Settings,
                ("{error}. The rules stay as they were")
            ),
        }
    }

    fn stats(&self) -> gst::Structure {
        let mut stats = gst::Structure::builder("vigilevents-stats");
        if let Some(state) = self.state().as_ref() {
            let counters = &state.counters;
            stats = stats
                .field("frames", counters.frames)
                .field("inferred-frames", counters.inferred)
                .field("events", counters.events)
                .field("open", state.engine.open() as u64)
                .field("tracks", state.engine.tracks() as u64)
                .field("rules", state.engine.rules() as u64)
                .field("verification", state.verification())
                .field("latency-p50-ms", counters.latencies.percentile_ms(50.0))
                .field("latency-p95-ms", counters.latencies.percentile_ms(95.0))
                .field("latency-p99-ms", counters.latencies.percentile_ms(99.0))
                .field("latency-max-ms", counters.latencies.max_ms());
        }
        for (name, pad) in pads::stats(&self.pads) {
            stats = stats.field(name, pad);
        }
        stats.build()
    }

    // ------------------------------------------------------------ video

    fn chain(&self, mut buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let live = self.live_clock();
        let taken = self.run(|state, out| state.frame(&buffer, live.as_ref(), out));
        let Some(((), mut out)) = taken else {
            return Err(gst::FlowError::Flushing);
        };
        let mut events = std::mem::take(&mut out.late);
        events.append(&mut out.structures);
        if !out.pending.is_empty() {
            // Asked without the lock: the query passes other elements.
            if verdict::is_there(&self.srcpad) {
                let pending = out.pending.iter().map(Pending::structure).collect();
                self.put(event_meta::write_pending(buffer.make_mut(), pending));
            } else if let Some((_, out)) = self.run(|state, told| state.nobody(&out.pending, told))
            {
                events.extend(out.structures);
            }
        }
        if !events.is_empty() {
            self.put(event_meta::write(buffer.make_mut(), events));
        }
        self.srcpad.push(buffer)
    }

    fn put(&self, result: Result<(), glib::BoolError>) {
        if let Err(error) = result {
            gst::warning!(CAT, imp = self, "cannot put events on the buffer: {error}");
        }
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

    /// Posts warnings, and the events that wait to be posted.
    fn tell(&self, out: &Output) {
        let obj = self.obj();
        for warning in &out.warnings {
            gst::element_imp_warning!(self, gst::StreamError::Failed, ("{warning}"));
        }
        self.posts.post(|structure| {
            let message = gst::message::Element::builder(structure).src(&*obj);
            // Fails only where there is no bus.
            let _ = obj.post_message(message.build());
        });
    }

    /// Starts the thread that ends waiting for verdicts, if it does not run yet.
    fn start_alarm(&self) -> std::io::Result<()> {
        let obj = self.obj();
        let element = obj.downgrade();
        self.alarm
            .start(&format!("{}:verdicts", obj.name()), move || {
                if let Some(element) = element.upgrade() {
                    element.imp().run(|state, out| state.expire(out));
                }
            })
    }

    // ------------------------------------------------------------ from READY to PAUSED and back

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings().clone();
        let rules = settings
            .check()
            .map_err(|error| gst::error_msg!(gst::LibraryError::Settings, ("{error}")))?;
        gst::info!(
            CAT,
            imp = self,
            "{} rules from {:?}",
            rules.len(),
            settings.source
        );
        let verify = rules.verify();
        *self.state() = Some(State::new(rules, settings.stream_id));
        self.live_is_known.store(false, Ordering::Relaxed);
        let alarm = if verify { self.start_alarm() } else { Ok(()) };
        alarm.and_then(|()| self.start_pads()).map_err(|error| {
            gst::error_msg!(gst::CoreError::Thread, ("cannot start a thread: {error}"))
        })
    }

    /// Starts the threads of pads that have none, where the element is at work.
    fn start_pads(&self) -> std::io::Result<()> {
        let capacity = self.settings().queue_size as usize;
        let mut guard = self.state();
        let Some(state) = guard.as_mut() else {
            return Ok(());
        };
        for (kind, outlet) in self.pads.start(capacity, self.obj().upcast_ref())? {
            Self::catch_up(state, kind, &outlet);
            match kind {
                Kind::Events => state.events = Some(outlet),
                Kind::Objects => state.objects = Some(outlet),
            }
        }
        Ok(())
    }

    /// Ends what is open and stops the threads; does not hang whatever consumers do.
    fn stop(&self) {
        let mut out = Output::default();
        if let Some(mut state) = self.state().take() {
            state.shut_down(&mut out);
            self.posts.push(&out.structures);
        }
        self.alarm.stop();
        self.tell(&out);
        for (pad, n) in self.pads.stop(self.obj().upcast_ref(), PATIENCE) {
            gst::info!(
                CAT,
                obj = pad,
                "{n} records were not delivered before the shutdown"
            );
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for VigilEvents {
    const NAME: &'static str = "GstVigilEvents";
    type Type = super::VigilEvents;
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
            posts: Posts::default(),
            alarm: Alarm::default(),
            live_is_known: AtomicBool::new(false),
            is_live: AtomicBool::new(false),
            upstream: pads::Upstream::default(),
        }
    }
}

/// Metadata pads and the video's src pad both lead to the sink.
fn to_sink(_: &gst::Pad, parent: Option<&gst::Object>) -> gst::Iterator<gst::Pad> {
    VigilEvents::catch_panic_pad_function(
        parent,
        || gst::Iterator::from_vec(Vec::new()),
        |imp| gst::Iterator::from_vec(vec![imp.sinkpad.clone()]),
    )
}

fn pad_builder(
    class: &<VigilEvents as ObjectSubclass>::Class,
    name: &str,
) -> gst::PadBuilder<gst::Pad> {
    match class.pad_template(name) {
        Some(template) => gst::Pad::builder_from_template(&template),
        // Not reached: the templates are below.
        None => gst::Pad::builder(gst::PadDirection::Unknown),
    }
}

// `stats` is not derived: the derive macro knows no `GstStructure`.
impl ObjectImpl for VigilEvents {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let stats = glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Counters, queues and latency")
                .read_only()
                .build();
            // The derived ones come first: their ids are their positions.
            let mut properties = VigilEvents::derived_properties().to_vec();
            properties.push(stats);
            properties
        });
        &PROPERTIES
    }

    fn set_property(&self, id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.derived_set_property(id, value, pspec);
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

impl GstObjectImpl for VigilEvents {}

impl ElementImpl for VigilEvents {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Vigil events",
                "Analyzer/Video",
                "Turns tracked objects into events by rules",
                "The Vigil developers",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let any = gst::Caps::new_any();
            let (src, sink) = (gst::PadDirection::Src, gst::PadDirection::Sink);
            let (always, request) = (gst::PadPresence::Always, gst::PadPresence::Request);
            let events = Kind::Events.name();
            let objects = Kind::Objects.name();
            [
                gst::PadTemplate::new("sink", sink, always, &any),
                gst::PadTemplate::new("src", src, always, &any),
                gst::PadTemplate::new(events, src, request, &CAPS),
                gst::PadTemplate::new(objects, src, request, &CAPS),
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
        let kind = Kind::of(template.name_template())?;
        let obj = self.obj();
        let wire = |pad: gst::PadBuilder<gst::Pad>| {
            pad.event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.meta_event(pad, event))
            })
            .iterate_internal_links_function(to_sink)
        };
        let (element, active) = (obj.upcast_ref(), self.state().is_some());
        self.pads
            .request(kind, template, element, active, wire, || self.start_pads())
            .inspect_err(|error| gst::warning!(CAT, imp = self, "{error}"))
            .ok()
    }

    /// Returns within 1.1 s even if the pad's consumer hangs.
    fn release_pad(&self, pad: &gst::Pad) {
        let obj = self.obj();
        self.pads.release(pad, obj.upcast_ref(), "records", |kind| {
            if let Some(state) = self.state().as_mut() {
                match kind {
                    Kind::Events => state.events = None,
                    Kind::Objects => state.objects = None,
                }
            }
        });
    }
}
