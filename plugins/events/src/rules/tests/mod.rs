//! The engine against small worlds: boxes that move, and what must come of it.

use serde_json::Value;
use vigil_analytics::{BBox, event};

use super::*;

#[path = "../../../tests/common/schema.rs"]
mod schema;

mod lines;
mod objects;
mod paths;
mod zones;

/// Milliseconds between the frames of a [`World`].
const STEP_MS: u64 = 100;

/// An engine, a clock of 10 frames a second, and all events so far.
struct World {
    engine: Engine,
    ms: u64,
    number: u64,
    events: Vec<Value>,
}

impl World {
    fn new(rules: &str) -> Self {
        let rules = Rules::from_toml(rules, "rules.toml").unwrap_or_else(|e| panic!("{e}"));
        Self {
            engine: Engine::new(rules),
            ms: 0,
            number: 0,
            events: Vec::new(),
        }
    }

    fn take(&mut self, occurrences: Vec<Occurrence>) {
        let context = Context {
            stream: "test".into(),
            pts: Some(self.ms * 1_000_000),
            time: None,
            frame: event::Frame {
                number: self.number,
                width: 100,
                height: 100,
            },
        };
        for occurrence in occurrences {
            let event = serde_json::to_value(occurrence.into_event(&context)).unwrap();
            schema::validate(&event);
            self.events.push(event);
        }
    }

    fn frame(&mut self, looked: bool, objects: &[Observation]) {
        let frame = Frame {
            time: self.ms * 1_000_000,
            width: 100,
            height: 100,
            looked,
        };
        let mut out = Vec::new();
        self.engine.process(&frame, objects, &mut out);
        self.take(out);
        self.ms += STEP_MS;
        self.number += 1;
    }

    /// A frame that a detector looked at.
    fn look(&mut self, objects: &[Observation]) {
        self.frame(true, objects);
    }

    fn looks(&mut self, n: usize, objects: &[Observation]) {
        for _ in 0..n {
            self.look(objects);
        }
    }

    /// Frames that no detector looked at.
    fn skip(&mut self, n: usize) {
        for _ in 0..n {
            self.frame(false, &[]);
        }
    }

    fn end_all(&mut self, reason: Reason) {
        let mut out = Vec::new();
        self.engine.end_all(reason, &mut out);
        self.take(out);
    }

    fn replace(&mut self, rules: &str) {
        let rules = Rules::from_toml(rules, "rules.toml").unwrap();
        let mut out = Vec::new();
        self.engine.replace(rules, &mut out);
        self.take(out);
    }

    /// The events so far, and forgets them: `zone.entered 1` is of track 1.
    fn happened(&mut self) -> Vec<String> {
        self.events
            .drain(..)
            .map(|event| {
                let name = event["event"].as_str().unwrap();
                format!("{name} {}", event["object"]["track"])
            })
            .collect()
    }
}

/// Track `track`, a person, whose bottom centre is at (`x`, `y`) of a frame of 100 x 100.
fn person(track: u64, x: f32, y: f32) -> Observation {
    Observation {
        track,
        label: "person",
        confidence: 0.9,
        bbox: BBox {
            x: x - 2.0,
            y: y - 8.0,
            w: 4.0,
            h: 8.0,
        },
        first_seen: 0,
        coasted: false,
        lost: false,
    }
}

#[test]
fn the_schema_refuses_what_is_not_of_it() {
    let mut world = World::new("[[object]]\nname='o'\nmin-sightings=1");
    world.look(&[person(1, 5.0, 5.0)]);
    let good = world.events.pop().unwrap();
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 8] = [
        ("an unknown field", |e| e["colour"] = 1.into()),
        ("an unknown event", |e| e["event"] = "object.danced".into()),
        ("a start that ends", |e| e["phase"] = "end".into()),
        ("an id that is no ULID", |e| e["id"] = "1".into()),
        ("data of another event", |e| e["data"]["inside"] = 1.into()),
        ("a zone where there is none", |e| e["zone"] = "z".into()),
        ("another schema", |e| e["schema"] = "vigil/2".into()),
        ("an object without a box", |e| {
            e["object"].as_object_mut().unwrap().remove("box");
        }),
    ];
    for (what, change) in changes {
        let mut event = good.clone();
        change(&mut event);
        assert!(!schema::errors(&event).is_empty(), "{what} is accepted");
    }
}
