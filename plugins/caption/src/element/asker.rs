//! Questions from what was chosen: prompts with their fields, pictures in their order, and who waits
//! for the answer. Runs on the streaming thread, or the application's; what costs time (rendering,
//! JPEG) is left to workers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use ulid::Ulid;
use vigil_analytics::event::ObjectRecord;
use vigil_analytics::time::{self, Timestamp};
use vigil_analytics::verdict::Ask;

use super::answers::{Facts, Waiting};
use super::happening::Happening;
use super::memory::{Memory, Recall};
use super::outbox::Outbox;
use super::settings::Plan;
use crate::chat::{Chat, History};
use crate::client::question::{Part, Question, Role, Turn, time_label};
use crate::prompt::set::About;
use crate::prompt::{Fields, Template};
use crate::queue::{Job, Key, Priority};
use crate::select::{Shot, Shown, Stamp};
use crate::server::Lane;
use crate::server::desk::{Desk, Made, Task};
use crate::triggers::Trigger;

/// What holds for the present frame.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    pub stream: String,
    pub stamp: Stamp,
    pub size: (u32, u32),
    /// Wall clock. In words only where somebody asks: most frames pass unasked.
    pub time: Option<Timestamp>,
}

impl Scene {
    /// The wall clock in words.
    fn words(&self) -> Option<String> {
        self.time.map(time::to_rfc3339)
    }
}

/// Makes jobs and puts them in the lane.
pub(super) struct Asker {
    pub plan: Arc<Plan>,
    pub lane: Lane<Desk>,
    pub outbox: Arc<Outbox>,
    pub chat: Arc<Mutex<Chat>>,
    pub memory: Memory,
}

/// A question but for what all have in common.
struct Draft {
    facts: Facts,
    parts: Vec<Part>,
    template: Template,
    fields: Fields,
    key: Key,
    priority: Priority,
    /// Until when the answer is of use, where somebody waits for it.
    until: Option<Instant>,
    /// Time of the present frame.
    clock: u64,
    id: Ulid,
}

impl Asker {
    /// Asks about the scene: the frames of the window, or this one.
    pub fn scene(
        &self,
        scene: &Scene,
        trigger: Trigger,
        frames: &[Shown],
        own: Option<(Ulid, Option<Template>)>,
    ) {
        let Some((first, last)) = frames.first().zip(frames.last()) else {
            return;
        };
        let (id, template) = own.unwrap_or_else(|| (Ulid::generate(), None));
        let (key, priority) = match trigger {
            Trigger::Interval => (Key::Interval, Priority::Interval),
            Trigger::SceneChange => (Key::Scene, Priority::Interval),
            _ => (Key::Request(id), Priority::Event),
        };
        let mut fields = self.fields(scene, trigger);
        let labels: Vec<_> = frames
            .iter()
            .map(|frame| time_label(frame.stamp.clock))
            .collect();
        fields.set("timestamps", &labels.join(", "));
        fields.set("num_frames", &frames.len().to_string());
        let frame = |shown: &Shown| Part::Frame(shown.picture.clone(), shown.stamp.clock);
        let template = template.unwrap_or_else(|| self.plan.prompts.of(About::default()).clone());
        self.ask(Draft {
            facts: Facts {
                frames: (first.stamp, last.stamp, frames.len()),
                stamp: last.stamp,
                ..self.facts(scene, trigger, "caption.scene", id)
            },
            parts: frames.iter().map(frame).collect(),
            template,
            fields,
            key,
            priority,
            until: None,
            clock: scene.stamp.clock,
            id,
        });
    }

    /// Asks about an object, as it was seen best.
    pub fn object(
        &self,
        scene: &Scene,
        trigger: Trigger,
        track: u64,
        shot: &Shot,
        first: Option<u64>,
    ) {
        let id = Ulid::generate();
        let mut fields = self.fields(scene, trigger);
        set_object(&mut fields, &shot.object);
        set_age(&mut fields, scene, first);
        fields.set("num_frames", "1");
        fields.set("timestamps", &time_label(shot.stamp.clock));
        let about = About {
            class: Some(&shot.object.label),
            ..About::default()
        };
        self.ask(Draft {
            facts: Facts {
                stamp: shot.stamp,
                frames: (shot.stamp, shot.stamp, 1),
                object: Some(shot.object.clone()),
                // The time of the present frame is not that of the shot.
                time: scene.words().filter(|_| scene.stamp == shot.stamp),
                ..self.facts(scene, trigger, "caption.object", id)
            },
            parts: shot_parts(shot),
            template: self.plan.prompts.of(about).clone(),
            fields,
            key: Key::Track(track),
            priority: Priority::Track,
            until: None,
            clock: scene.stamp.clock,
            id,
        });
    }

    /// Asks about an event: the object as it was seen best, and the present frame with it outlined.
    pub fn event(
        &self,
        scene: &Scene,
        happening: &Happening,
        shot: Option<&Shot>,
        whole: Option<Shown>,
    ) {
        let mut parts = Vec::new();
        let mut first = scene.stamp;
        if let Some(shot) = shot.filter(|_| self.plan.view.crop || whole.is_none()) {
            let crop = shot.crop.clone().map(Part::Picture);
            parts.extend(crop.into_iter().inspect(|_| first = shot.stamp));
        }
        if let Some(whole) = whole.filter(|_| self.plan.view.frame || parts.is_empty()) {
            parts.push(match &happening.object {
                Some(object) => Part::Marked(whole.picture, fraction(object, scene.size)),
                None => Part::Picture(whole.picture),
            });
        }
        self.about_event(scene, happening, parts, (first, scene.stamp));
    }

    /// Asks about an event of a while ago: the object as it was seen best.
    pub fn event_of(&self, scene: &Scene, happening: &Happening, shot: &Shot) {
        self.about_event(scene, happening, shot_parts(shot), (shot.stamp, shot.stamp));
    }

    /// Asks about an event with these pictures, which are of frames from the first to the last.
    fn about_event(
        &self,
        scene: &Scene,
        happening: &Happening,
        parts: Vec<Part>,
        frames: (Stamp, Stamp),
    ) {
        let count = parts.len();
        if count == 0 {
            return;
        }
        let (id, parent) = (Ulid::generate(), &happening.parent);
        let verdict = self.plan.verifies(happening);
        let Some(template) = self.template(happening) else {
            return self.outbox.unanswered(&parent.id, "bad-question");
        };
        let mut fields = self.event_fields(scene, happening);
        fields.set("num_frames", &count.to_string());
        fields.set("timestamps", &time_label(frames.1.clock));
        let kind = if verdict {
            "caption.verification"
        } else {
            "caption.event"
        };
        // Nothing takes the place of a question whose answer upstream waits for.
        let key = match happening.ask {
            Some(_) => Key::Request(id),
            None => Key::Event(parent.id.clone()),
        };
        self.ask(Draft {
            facts: Facts {
                object: happening.object.clone(),
                parent: Some(parent.clone()),
                stamp: frames.1,
                // The time of the present frame is not that of another one.
                time: scene.words().filter(|_| scene.stamp == frames.1),
                frames: (frames.0, frames.1, count),
                verdict,
                awaited: happening.ask.is_some(),
                ..self.facts(scene, Trigger::Event, kind, id)
            },
            parts,
            template,
            fields,
            key,
            priority: if verdict {
                Priority::Verification
            } else {
                Priority::Event
            },
            until: happening.ask.as_ref().and_then(until),
            clock: scene.stamp.clock,
            id,
        });
        if happening.ask.is_some() {
            // It is asked all the same: that is how the server is found to be back.
            let down = !self.lane.is_up();
            self.outbox.asked(&parent.id, down.then_some("server-down"));
        }
    }

    /// The words in which is asked about an event; `None` if upstream's question is none.
    fn template(&self, happening: &Happening) -> Option<Template> {
        let ask = happening.ask.as_ref();
        if let Some(question) = ask.and_then(|ask| ask.question.as_deref()) {
            return Template::verification(question).ok();
        }
        let class = happening.object.as_ref();
        let about = About {
            event: Some(&happening.parent.kind),
            class: class.map(|object| object.label.as_ref()),
            verify: self.plan.verifies(happening),
        };
        Some(self.plan.prompts.of(about).clone())
    }

    fn event_fields(&self, scene: &Scene, happening: &Happening) -> Fields {
        let parent = &happening.parent;
        let mut fields = self.fields(scene, Trigger::Event);
        for (name, value) in [
            ("event", parent.kind.as_str()),
            ("phase", &happening.phase),
            ("rule", &happening.rule),
            ("zone", parent.zone.as_deref().unwrap_or_default()),
            ("line", parent.line.as_deref().unwrap_or_default()),
            ("direction", &happening.direction),
            ("duration", &happening.duration),
        ] {
            fields.set(name, value);
        }
        if let Some(object) = &happening.object {
            set_object(&mut fields, object);
            set_age(&mut fields, scene, object.first_seen);
        }
        fields
    }

    /// Asks what somebody wants to know about these frames and what happened so far.
    pub fn question(
        &self,
        scene: &Scene,
        id: Ulid,
        question: &str,
        frames: Vec<Shown>,
        history: &History,
    ) {
        let (chat, history) = (self.chat.clone(), history.clone());
        let (first, last) = match (frames.first(), frames.last()) {
            (Some(first), Some(last)) => (first.stamp, last.stamp),
            _ => (scene.stamp, scene.stamp),
        };
        let facts = Facts {
            stamp: last,
            frames: (first, last, frames.len()),
            question: Some(question.to_string()),
            ..self.facts(scene, Trigger::Ask, "caption.answer", id)
        };
        let plan = self.plan.clone();
        let most = plan.settings.max_images as usize;
        let text = question.to_string();
        let make = move || {
            let mut chat = chat.lock().unwrap_or_else(PoisonError::into_inner);
            Made::Ask(Question {
                system: plan.prompts.system().to_string(),
                turns: chat.ask(&text, &frames, &history, most),
                schema: None,
                options: plan.options.clone(),
            })
        };
        let reply = self.waiting(facts, Some(self.chat.clone()), None);
        self.push(
            (id, Key::Chat, Priority::Person),
            Box::new(make),
            None,
            reply,
        );
    }

    fn ask(&self, draft: Draft) {
        let plan = self.plan.clone();
        let schema = if draft.facts.verdict {
            Some(plan.verdict.clone())
        } else {
            plan.schema.clone()
        };
        let (template, fields, mut parts) = (draft.template, draft.fields, draft.parts);
        let recall = self.memory.of(&draft.facts, draft.clock);
        let known = recall.clone();
        let make = move || {
            let prompt = template.render(&fields);
            if let Some(made) = known.and_then(|known| known.find(&prompt, &parts)) {
                return made;
            }
            parts.push(Part::Text(prompt));
            Made::Ask(Question {
                system: plan.prompts.system().to_string(),
                turns: vec![Turn {
                    role: Role::User,
                    parts,
                }],
                schema,
                options: plan.options.clone(),
            })
        };
        let reply = self.waiting(draft.facts, None, recall);
        let place = (draft.id, draft.key, draft.priority);
        self.push(place, Box::new(make), draft.until, reply);
    }

    fn push(
        &self,
        (id, key, priority): (Ulid, Key, Priority),
        question: Box<dyn FnOnce() -> Made + Send>,
        until: Option<Instant>,
        reply: Waiting,
    ) {
        self.lane.push(Job {
            id,
            key,
            priority,
            made: Instant::now(),
            task: Task {
                question,
                patience: self.plan.patience,
                until,
                reply: Box::new(reply),
            },
        });
    }

    fn waiting(
        &self,
        facts: Facts,
        chat: Option<Arc<Mutex<Chat>>>,
        recall: Option<Recall>,
    ) -> Waiting {
        Waiting {
            facts,
            outbox: self.outbox.clone(),
            generation: self.outbox.ask(),
            asked: Instant::now(),
            stream: self.plan.settings.stream,
            chat,
            recall,
            told: None,
        }
    }

    fn facts(&self, scene: &Scene, trigger: Trigger, kind: &'static str, id: Ulid) -> Facts {
        Facts {
            id: id.to_string(),
            kind,
            trigger,
            stream: scene.stream.clone(),
            stamp: scene.stamp,
            size: scene.size,
            time: scene.words(),
            object: None,
            parent: None,
            question: None,
            frames: (scene.stamp, scene.stamp, 1),
            verdict: false,
            awaited: false,
        }
    }

    fn fields(&self, scene: &Scene, trigger: Trigger) -> Fields {
        let mut fields = Fields::default();
        fields.set("stream", &scene.stream);
        fields.set("time", &scene.words().unwrap_or_default());
        fields.set("width", &scene.size.0.to_string());
        fields.set("height", &scene.size.1.to_string());
        fields.set("trigger", trigger.as_str());
        fields
    }
}

/// Until when an answer is of use: upstream does not wait for longer.
fn until(ask: &Ask) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_nanos(ask.timeout?))
}

fn set_object(fields: &mut Fields, object: &ObjectRecord) {
    let bbox = object.bbox;
    fields.set("label", &object.label);
    if let Some(track) = object.track {
        fields.set("track", &track.to_string());
    }
    fields.set("confidence", &format!("{:.2}", object.confidence));
    let text = format!(
        "x {:.0}, y {:.0}, {:.0} by {:.0}",
        bbox.x, bbox.y, bbox.w, bbox.h
    );
    fields.set("box", &text);
}

fn set_age(fields: &mut Fields, scene: &Scene, first: Option<u64>) {
    if let Some(first) = first {
        let age = scene.stamp.clock.saturating_sub(first) as f64 / 1e9;
        fields.set("age", &format!("{age:.1} s"));
    }
}

fn shot_parts(shot: &Shot) -> Vec<Part> {
    let crop = shot.crop.clone().map(Part::Picture);
    let frame = shot
        .frame
        .clone()
        .map(|frame| Part::Marked(frame, shot.part));
    crop.into_iter().chain(frame).collect()
}

/// An object's box in fractions of the frame.
fn fraction(object: &ObjectRecord, size: (u32, u32)) -> vigil_analytics::BBox {
    let (w, h) = (f64::from(size.0.max(1)), f64::from(size.1.max(1)));
    let bbox = object.bbox;
    vigil_analytics::BBox {
        x: (bbox.x / w) as f32,
        y: (bbox.y / h) as f32,
        w: (bbox.w / w) as f32,
        h: (bbox.h / h) as f32,
    }
}
