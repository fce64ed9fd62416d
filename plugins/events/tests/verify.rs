//! Events that wait until somebody downstream says whether they are true.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use common::*;
use gst::prelude::*;
use gst_check::Harness;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::mpsc;
use vigil_analytics::event_meta;
use vigil_analytics::verdict::{self, Answer, Ask, Verdict};

/// [`ZONE`], with more fields.
fn rules(more: &str) -> String {
    let verify = format!(
        r#""min-sightings": 1, "verify": "Is it a {{label}}?", "verify-timeout-ms": 600000{more}"#
    );
    ZONE.replace(r#""min-sightings": 1"#, &verify)
}

struct Setup {
    element: gst::Element,
    video: Harness,
    bus: gst::Bus,
}

/// An element, before somebody who verifies or nobody.
fn setup(more: &str, verifier: bool) -> Setup {
    let element = element(Some(&rules(more)));
    let bus = bus_of(&element);
    let src = element.static_pad("src").unwrap();
    src.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| {
        let answered = info
            .query_mut()
            .is_some_and(|query| verifier && verdict::answer(query));
        match answered {
            true => gst::PadProbeReturn::Handled,
            false => gst::PadProbeReturn::Ok,
        }
    });
    let mut video = Harness::with_element(&element, Some("sink"), Some("src"));
    video.set_live(false);
    video.set_src_caps_str(CAPS);
    Setup {
        element,
        video,
        bus,
    }
}

impl Setup {
    fn pad(&self) -> Harness {
        Harness::with_element(&self.element, None, Some("events"))
    }

    /// Pushes frame `n` and gives what waits on it, and what is told.
    fn frame(&mut self, n: u64) -> (Vec<String>, Vec<String>) {
        self.video.push(to_and_fro(n)).unwrap();
        let buffer = self.video.pull().unwrap();
        let ids = |all: Vec<gst::Structure>| all.iter().map(|e| e.get("id").unwrap()).collect();
        (
            ids(event_meta::read_pending(&buffer)),
            ids(event_meta::read(&buffer)),
        )
    }

    fn answer(&mut self, event: &str, answer: Answer) -> bool {
        let verdict = Verdict {
            answer,
            reason: None,
            text: Some("somebody".into()),
            ..Verdict::none(event, "")
        };
        self.video.push_upstream_event(verdict.to_event())
    }

    /// `zone.entered start true` of all messages so far.
    fn posted(&self) -> Vec<String> {
        let message = || self.bus.pop_filtered(&[gst::MessageType::Element]);
        std::iter::from_fn(message)
            .map(|m| told(m.structure().unwrap()))
            .collect()
    }

    fn verification(&self) -> gst::Structure {
        let stats: gst::Structure = self.element.property("stats");
        stats.get("verification").unwrap()
    }

    fn count(&self, field: &str) -> u64 {
        self.verification().get(field).unwrap()
    }

    fn unanswered(&self, why: &str) -> u64 {
        let table: gst::Structure = self.verification().get("unanswered").unwrap();
        table.get(why).unwrap_or(0)
    }
}

fn told(structure: &gst::StructureRef) -> String {
    let text = |field: &str| structure.get::<String>(field).unwrap();
    let data: gst::Structure = structure.get("data").unwrap();
    format!(
        "{} {} {:?}",
        text("event"),
        text("phase"),
        data.get::<bool>("verified").ok()
    )
}

#[test]
fn an_event_waits_for_yes_and_keeps_its_id_and_time() {
    let mut setup = setup("", true);
    let mut pad = setup.pad();
    setup.video.push(to_and_fro(0)).unwrap();
    let buffer = setup.video.pull().unwrap();
    let pending = event_meta::read_pending(&buffer);
    assert!(event_meta::read(&buffer).is_empty() && pending.len() == 1);
    let ask = Ask::read(&pending[0]);
    assert_eq!(ask.question.as_deref(), Some("Is it a {label}?"));
    assert_eq!(ask.timeout, Some(600_000_000_000));
    let id: String = pending[0].get("id").unwrap();
    for n in 1..4 {
        assert_eq!(setup.frame(n), (vec![], vec![]));
    }
    assert_eq!((setup.posted().len(), setup.count("pending")), (0, 1));
    assert!(setup.answer(&id, Answer::Yes));
    let buffer = pad.pull().unwrap();
    let event = record(&buffer);
    assert_eq!(
        (event["id"].as_str(), event["pts"].as_u64()),
        (Some(&*id), Some(0))
    );
    assert_eq!(event["frame"]["number"], 0);
    assert_eq!(event["data"]["verified"], true);
    assert_eq!(event["data"]["verification"]["text"], "somebody");
    // On the pad time does not go back.
    assert_eq!(buffer.pts().unwrap().mseconds(), 300);
    assert_eq!(setup.frame(4), (vec![], vec![id.clone()]));
    assert_eq!(setup.posted(), ["zone.entered start Some(true)"]);
    let (pending, ended) = setup.frame(5);
    assert_eq!((pending.len(), ended), (0, vec![id]));
    assert_eq!(setup.posted(), ["zone.exited end Some(true)"]);
    assert_eq!((setup.count("verified"), setup.count("pending")), (1, 0));
}

#[test]
fn answers_decide_about_starts_and_ends_also_when_the_end_came_first() {
    let table = [
        ("", Answer::Yes, Some(true), "verified"),
        ("", Answer::No, None, "refuted"),
        ("", Answer::Unsure, Some(false), "unverified"),
        ("", Answer::None, Some(false), "unverified"),
        (
            r#", "verify-otherwise": "drop""#,
            Answer::Yes,
            Some(true),
            "verified",
        ),
        (
            r#", "verify-otherwise": "drop""#,
            Answer::Unsure,
            None,
            "dropped",
        ),
        (
            r#", "verify-otherwise": "drop""#,
            Answer::None,
            None,
            "dropped",
        ),
    ];
    for (more, answer, verified, counted) in table {
        for end_first in [false, true] {
            let mut setup = setup(more, true);
            let id = setup.frame(0).0.remove(0);
            if !end_first {
                setup.answer(&id, answer);
            }
            for n in 1..7 {
                setup.frame(n);
            }
            if end_first {
                setup.answer(&id, answer);
            }
            let expected: Vec<_> = verified.map_or(vec![], |verified| {
                vec![
                    format!("zone.entered start Some({verified})"),
                    format!("zone.exited end Some({verified})"),
                ]
            });
            let what = format!("{more} {answer:?} {end_first}");
            assert_eq!(setup.posted(), expected, "{what}");
            for field in ["verified", "refuted", "unverified", "dropped"] {
                assert_eq!(
                    setup.count(field),
                    u64::from(field == counted),
                    "{what}: {field}"
                );
            }
            // What was decided stays so.
            for answer in [Answer::Yes, Answer::No] {
                setup.answer(&id, answer);
            }
            assert!(setup.posted().is_empty());
        }
    }
}

#[test]
fn with_nobody_to_ask_nothing_waits() {
    for (more, told, fate) in [
        ("", 1, "published unverified"),
        (r#", "verify-otherwise": "drop""#, 0, "dropped"),
    ] {
        let mut setup = setup(more, false);
        let (pending, events) = setup.frame(0);
        // Told on its own frame.
        assert_eq!((pending.len(), events.len()), (0, told));
        for n in 1..40 {
            setup.frame(n);
        }
        let warnings = warnings(&setup.bus);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(
            warnings[0].contains("rule \"left\" says verify"),
            "{warnings:?}"
        );
        assert!(warnings[0].contains(fate), "{warnings:?}");
        assert_eq!(
            (setup.unanswered("no-verifier"), setup.count("pending")),
            (4, 0)
        );
    }
}

#[test]
fn waiting_ends_in_time_while_the_stream_stands_still() {
    let mut setup = setup("", true);
    setup
        .element
        .set_property("rules", rules("").replace("600000", "30"));
    let mut pad = setup.pad();
    setup.frame(0);
    // No frame comes any more.
    let event = record(&pad.pull().unwrap());
    assert_eq!(event["data"]["verified"], false);
    assert_eq!(event["data"]["verification"]["reason"], "timeout");
    assert_eq!(setup.unanswered("timeout"), 1);
    let id = event["id"].as_str().unwrap();
    assert!(setup.answer(id, Answer::No));
    assert_eq!(setup.count("late"), 1);
}

#[test]
fn the_end_of_the_stream_waits_on_the_pad_and_not_on_the_video() {
    let mut setup = setup("", true);
    let mut pad = setup.pad();
    let id = setup.frame(0).0.remove(0);
    setup.video.push_event(gst::event::Eos::new());
    let is_eos = |event: &gst::Event| event.type_() == gst::EventType::Eos;
    assert!(std::iter::from_fn(|| setup.video.try_pull_event()).any(|event| is_eos(&event)));
    assert!(!std::iter::from_fn(|| pad.try_pull_event()).any(|event| is_eos(&event)));
    setup.answer(&id, Answer::Yes);
    let records = [record(&pad.pull().unwrap()), record(&pad.pull().unwrap())];
    assert_eq!(summary(&records[0]), "zone.entered start");
    assert_eq!(records[1]["data"]["reason"], "eos");
    while !is_eos(&pad.pull_event().unwrap()) {}
}

#[test]
fn a_flush_drops_what_waits() {
    let mut setup = setup("", true);
    let mut pad = setup.pad();
    let id = setup.frame(0).0.remove(0);
    setup.video.push_event(gst::event::FlushStart::new());
    setup.video.push_event(gst::event::FlushStop::new(true));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    setup.video.push_event(gst::event::Segment::new(&segment));
    assert_eq!((setup.count("dropped"), setup.unanswered("flush")), (1, 1));
    assert!(setup.answer(&id, Answer::Yes));
    // The next visit is told, and it alone.
    let other = setup.frame(10).0.remove(0);
    setup.answer(&other, Answer::Yes);
    assert_eq!(record(&pad.pull().unwrap())["id"], other.as_str());
    assert_eq!(setup.posted(), ["zone.entered start Some(true)"]);
}

#[test]
fn shutting_down_leaves_nothing_untold() {
    let mut setup = setup("", true);
    setup.frame(0);
    setup.element.set_state(gst::State::Null).unwrap();
    assert_eq!(
        setup.posted(),
        [
            "zone.entered start Some(false)",
            "zone.exited end Some(false)"
        ]
    );
}

#[test]
fn verdicts_about_events_of_others_go_on_upstream() {
    let mut setup = setup("", true);
    setup.frame(0);
    setup.answer("01JGGWZ0M0E9Q8K4V0B7M7TQ5A", Answer::Yes);
    let upstream = || setup.video.try_pull_upstream_event();
    let passed = std::iter::from_fn(upstream)
        .filter_map(|event| Verdict::read(&event))
        .map(|verdict| verdict.event);
    assert_eq!(passed.collect::<Vec<_>>(), ["01JGGWZ0M0E9Q8K4V0B7M7TQ5A"]);
}

/// Frames go by while somebody else answers on threads of their own, in any order and any way: each
/// event is told or refuted, never both; each start has its end, on the pad and on the bus.
#[test]
fn answers_from_other_threads_come_at_any_time() {
    let mut setup = setup("", true);
    setup
        .element
        .set_property("rules", rules("").replace("600000", "5"));
    let mut pad = setup.pad();
    let src = setup.element.static_pad("src").unwrap();
    let (ask, asked) = mpsc::channel::<String>();
    let answers = std::thread::spawn(move || {
        let mut refuted = HashSet::new();
        for (n, event) in asked.iter().enumerate() {
            let answer = [Answer::Yes, Answer::No, Answer::Unsure, Answer::None][n % 4];
            if n % 5 == 0 {
                // Too late, or just in time.
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            let verdict = Verdict {
                answer,
                ..Verdict::none(&event, "busy")
            };
            assert!(src.send_event(verdict.to_event()));
            if answer == Answer::No {
                refuted.insert(event);
            }
        }
        refuted
    });
    let mut held = HashSet::new();
    for n in 0..1500 {
        for id in setup.frame(n).0 {
            held.insert(id.clone());
            ask.send(id).unwrap();
        }
    }
    drop(ask);
    let refuted = answers.join().unwrap();
    setup.video.push_event(gst::event::Eos::new());
    while pad.pull_event().unwrap().type_() != gst::EventType::Eos {}
    let story = |records: Vec<Value>| {
        let mut phases: HashMap<String, Vec<String>> = HashMap::new();
        for record in records {
            let text = |field: &str| record[field].as_str().unwrap().to_string();
            phases.entry(text("id")).or_default().push(text("phase"));
        }
        phases
    };
    let records = std::iter::from_fn(|| pad.try_pull()).map(|buffer| record(&buffer));
    let on_pad = story(records.collect());
    let message = || setup.bus.pop_filtered(&[gst::MessageType::Element]);
    let on_bus = story(
        std::iter::from_fn(message)
            .map(|message| {
                let event = message.structure().unwrap();
                let text = |field: &str| event.get::<String>(field).unwrap();
                serde_json::json!({"id": text("id"), "phase": text("phase")})
            })
            .collect(),
    );
    assert_eq!(held.len(), 150);
    assert!(
        on_pad.values().all(|phases| phases == &["start", "end"]),
        "{on_pad:?}"
    );
    assert_eq!(on_pad, on_bus);
    let told: HashSet<String> = on_pad.into_keys().collect();
    let silent: HashSet<_> = held.difference(&told).cloned().collect();
    // What was refuted too late was told.
    assert!(silent.is_subset(&refuted));
    assert_eq!(setup.count("refuted"), silent.len() as u64);
    let published = setup.count("verified") + setup.count("unverified");
    assert_eq!((published, setup.count("dropped")), (told.len() as u64, 0));
}
