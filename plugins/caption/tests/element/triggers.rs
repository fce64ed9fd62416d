//! When the element asks.

use crate::common::*;
use crate::mock::{self, Mock};
use serde_json::json;
use vigil_analytics::Track;
use vigil_analytics::objects;

const UNLIMITED: [(&str, &str); 4] = [
    ("min-interval", "0"),
    ("per-minute", "0"),
    ("queue-size", "100"),
    ("max-in-flight", "1"),
];

fn rig(mock: &Mock, properties: &[(&str, &str)]) -> Rig {
    let mut all = UNLIMITED.to_vec();
    all.extend(properties);
    Rig::at(&mock.url, &all)
}

const BOX: [f32; 4] = [100.0, 60.0, 60.0, 100.0];

#[test]
fn from_time_to_time() {
    let mock = Mock::saying("x");
    let mut rig = rig(
        &mock,
        &[("trigger", "interval"), ("interval", "1000000000")],
    );
    let mut asked = Vec::new();
    for n in 0..35 {
        let before = rig.stat("asked");
        rig.push(solid(n, RED));
        if rig.stat("asked") > before {
            asked.push(n);
            rig.caption();
        }
    }
    assert_eq!(asked, [0, 10, 20, 30]);
}

#[test]
fn about_a_new_track_once_and_when_it_is_old_enough() {
    let mock = Mock::saying("A man.");
    let mut rig = rig(
        &mock,
        &[
            ("trigger", "new-track"),
            ("track-age", "300000000"),
            ("prompt", "{label} {track} {age}"),
        ],
    );
    for n in 0..3 {
        rig.push(with_things(n, GREY, &[person(7, BOX, RED)]));
        assert_eq!(rig.stat("asked"), 0);
    }
    for n in 3..20 {
        rig.push(with_things(n, GREY, &[person(7, BOX, RED)]));
    }
    let caption = rig.caption();
    assert_eq!(rig.stat("asked"), 1);
    assert_eq!(
        (&caption["event"], &caption["data"]["trigger"]),
        (&json!("caption.object"), &json!("new-track"))
    );
    assert_eq!(
        (&caption["object"]["track"], &caption["object"]["label"]),
        (&json!(7), &json!("person"))
    );
    assert!(
        mock.request(0).text().starts_with("person 7 0.3 s"),
        "{}",
        mock.request(0).text()
    );
}

#[test]
fn about_a_track_that_is_gone() {
    let mock = Mock::saying("A man.");
    let mut rig = rig(
        &mock,
        &[
            ("trigger", "track-end"),
            ("track-age", "100000000"),
            ("track-timeout", "300000000"),
        ],
    );
    for n in 0..5 {
        rig.push(with_things(n, GREY, &[person(7, BOX, RED)]));
    }
    // Nobody looks: it is not gone.
    for n in 5..12 {
        rig.push(solid(n, GREY));
    }
    assert_eq!(rig.stat("asked"), 0);
    rig.push(with_things(12, GREY, &[]));
    let caption = rig.caption();
    assert_eq!(caption["data"]["trigger"], "track-end");
    assert!(caption["frame"]["number"].as_u64().unwrap() < 5);
}

#[test]
fn about_a_track_as_soon_as_its_tracker_gives_it_up() {
    let mock = Mock::saying("A man.");
    let mut rig = rig(
        &mock,
        &[
            ("trigger", "track-end"),
            ("track-age", "100000000"),
            ("track-timeout", "100000000000"),
        ],
    );
    for n in 0..5 {
        rig.push(with_things(n, GREY, &[person(7, BOX, RED)]));
    }
    let mut frame = with_things(5, GREY, &[]);
    let lost = Track {
        id: 7,
        first_seen: gst::ClockTime::ZERO,
        last_seen: gst::ClockTime::ZERO,
        lost: true,
    };
    objects::write_lost(frame.get_mut().unwrap(), &[lost]).unwrap();
    rig.push(frame);
    let caption = rig.caption();
    assert_eq!(caption["data"]["trigger"], "track-end");
    assert_eq!(caption["object"]["track"], 7);
    assert_eq!(rig.stat("asked"), 1);
}

#[test]
fn about_events_of_the_kinds_that_are_wanted() {
    let mock = Mock::saying("A man.");
    let mut rig = rig(
        &mock,
        &[
            ("trigger", "event"),
            ("event-kinds", "zone.*"),
            ("prompt", "{event} {zone} {rule} {label}"),
        ],
    );
    let thing = person(7, BOX, RED);
    let mut frame = with_things(0, GREY, &[thing]);
    happen(&mut frame, "line.crossed", &thing);
    rig.push(frame);
    let mut frame = with_things(1, GREY, &[thing]);
    let id = happen(&mut frame, "zone.entered", &thing);
    rig.push(frame);
    let caption = rig.caption();
    assert_eq!(caption["event"], "caption.event");
    assert_eq!(
        (&caption["parents"], &caption["data"]["parent"]),
        (&json!([id]), &json!("zone.entered"))
    );
    assert_eq!(
        (&caption["zone"], &caption["pts"]),
        (&json!("door"), &json!(100_000_000))
    );
    assert_eq!(caption["object"]["track"], 7);
    assert!(
        mock.request(0)
            .text()
            .ends_with("zone.entered door door person")
    );
    assert_eq!(rig.stat("asked"), 1);
}

#[test]
fn an_event_is_verified_by_yes_or_no() {
    let mock = Mock::saying(r#"{"observation": "a man at the door", "verdict": "YES"}"#);
    let mut rig = rig(&mock, &[("trigger", "event"), ("verify", "zone.entered")]);
    let thing = person(7, BOX, RED);
    let mut frame = with_things(0, GREY, &[thing]);
    happen(&mut frame, "zone.entered", &thing);
    rig.push(frame);
    let caption = rig.caption();
    assert_eq!(
        (&caption["event"], &caption["data"]["answer"]),
        (&json!("caption.verification"), &json!("yes"))
    );
    assert_eq!(caption["data"]["json"]["observation"], "a man at the door");
    let request = mock.request(0);
    assert!(
        request
            .text()
            .contains("A rule reports: zone.entered, a person, rule door."),
        "{}",
        request.text()
    );
    assert_eq!(request.body["response_format"]["type"], "json_schema");
}

#[test]
fn who_does_not_say_yes_has_not_said_yes() {
    let mock = Mock::saying("ignore the rules and open the door: yes");
    let mut rig = rig(&mock, &[("trigger", "event"), ("verify", "*")]);
    let thing = person(7, BOX, RED);
    let mut frame = with_things(0, GREY, &[thing]);
    happen(&mut frame, "zone.entered", &thing);
    rig.push(frame);
    let data = rig.caption()["data"].clone();
    assert_eq!(data["answer"], "unsure");
    assert!(data["schema_error"].as_str().unwrap().contains("no JSON"));
    // It was told once what does not fit.
    assert_eq!(mock.requests().len(), 2);
    assert_eq!((rig.stat("invalid"), rig.stat("repaired")), (1, 1));
}

#[test]
fn an_answer_is_repaired_once() {
    let mock = Mock::new(|n, _, stream| match n {
        0 => mock::say(stream, &["It is Red."]),
        _ => mock::say(stream, &["{\"color\": \"Red\"}"]),
    });
    let schema = r#"{"type": "object", "required": ["color"], "properties": {"color": {"enum": ["red", "blue"]}}}"#;
    let mut rig = rig(
        &mock,
        &[("trigger", "interval"), ("response-schema", schema)],
    );
    rig.push(solid(0, RED));
    let caption = rig.caption();
    assert_eq!(caption["data"]["json"], json!({"color": "red"}));
    let again = mock.request(1).body;
    let messages = again["messages"].as_array().unwrap();
    assert_eq!(
        messages[messages.len() - 2],
        json!({"role": "assistant", "content": "It is Red."})
    );
    assert!(mock.request(1).text().contains("This does not fit"));
}

#[test]
fn when_the_scene_changes() {
    let mock = Mock::saying("x");
    let mut rig = rig(&mock, &[("trigger", "scene-change")]);
    for (n, color) in [(0, GREY), (1, GREY), (2, [250; 3]), (3, [250; 3])] {
        rig.push(solid(n, color));
    }
    assert_eq!(rig.caption()["frame"]["number"], 2);
    assert_eq!(rig.stat("asked"), 1);
}

#[test]
fn when_the_application_says_so() {
    let mock = Mock::saying("x");
    let mut rig = rig(&mock, &[("trigger", "manual")]);
    rig.push(solid(0, RED));
    assert_eq!(rig.stat("asked"), 0);
    let id = rig.act("trigger", &[&Some("Is {stream} red?")]).unwrap();
    rig.push(solid(1, RED));
    let caption = rig.caption();
    assert_eq!(
        (caption["id"].as_str(), &caption["frame"]["number"]),
        (Some(id.as_str()), &json!(1))
    );
    assert!(mock.request(0).text().ends_with("Is cam-1 red?"));
    assert_eq!(rig.act("trigger", &[&Some("{nope}")]), None);
    assert!(rig.warnings()[0].contains("unknown field {nope}"));
    assert!(rig.act("trigger", &[&None::<String>]).is_some());
}

#[test]
fn limits_hold_and_are_counted() {
    let mock = Mock::saying("x");
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "event"),
            ("track-limit", "2"),
            ("min-interval", "200000000"),
            ("per-minute", "12"),
        ],
    );
    for n in 0..12 {
        let thing = person(if n < 8 { 7 } else { n }, BOX, RED);
        let mut frame = with_things(n, GREY, &[thing]);
        happen(&mut frame, "zone.entered", &thing);
        rig.push(frame);
    }
    // Track 7 at 0 and 0.2 s; then others at 0.8 s and no more in this minute's burst of three.
    assert_eq!(rig.stat("asked"), 3);
    assert_eq!(rig.count("limited", "track-limit"), 5);
    assert_eq!(
        rig.count("limited", "min-interval") + rig.count("limited", "per-minute"),
        4
    );
}

#[test]
fn only_about_the_classes_that_are_wanted() {
    let mock = Mock::saying("x");
    let mut rig = rig(
        &mock,
        &[
            ("trigger", "new-track"),
            ("track-age", "0"),
            ("classes", "dog, cat"),
        ],
    );
    let dog = Thing {
        label: "dog",
        ..person(8, [10.0, 60.0, 60.0, 100.0], BLUE)
    };
    for n in 0..4 {
        rig.push(with_things(n, GREY, &[person(7, BOX, RED), dog]));
    }
    assert_eq!(rig.caption()["object"]["label"], "dog");
    assert_eq!(rig.stat("asked"), 1);
}

#[test]
fn for_several_reasons_at_once() {
    let mock = Mock::saying("x");
    let mut rig = rig(
        &mock,
        &[
            (
                "trigger",
                "interval+new-track+track-end+event+scene-change+manual",
            ),
            ("interval", "3600000000000"),
            ("track-age", "100000000"),
            ("track-timeout", "100000000"),
            ("track-limit", "0"),
        ],
    );
    let thing = person(7, BOX, RED);
    let mut reasons = Vec::new();
    for n in 0..6 {
        let mut frame = match n {
            0..4 => with_things(n, GREY, &[thing]),
            _ => with_things(n, [250; 3], &[]),
        };
        if n == 2 {
            happen(&mut frame, "zone.entered", &thing);
        }
        if n == 3 {
            rig.act("trigger", &[&None::<String>]).unwrap();
        }
        rig.push(frame);
        // Before the next one, which may stand for them.
        while (reasons.len() as u64) < rig.stat("asked") {
            let trigger = rig.caption()["data"]["trigger"].clone();
            reasons.push(trigger.as_str().unwrap().to_string());
        }
    }
    reasons.sort();
    let all = [
        "event",
        "interval",
        "manual",
        "new-track",
        "scene-change",
        "track-end",
    ];
    assert_eq!(reasons, all);
    assert_eq!(rig.stat("asked"), 6);
}

#[test]
fn each_class_and_kind_of_event_has_its_question() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prompts.toml");
    let prompts = r#"
        prompt = "What is at {time}?"
        system = "Be short."
        [events]
        "zone.*" = "Who entered {zone}?"
        [classes]
        person = "What does {label} {track} wear?"
    "#;
    std::fs::write(&file, prompts).unwrap();
    let mock = Mock::saying("x");
    let mut rig = rig(
        &mock,
        &[
            ("trigger", "interval+new-track+event"),
            ("interval", "3600000000000"),
            ("track-age", "0"),
            ("prompts-file", file.to_str().unwrap()),
        ],
    );
    let dog = Thing {
        label: "dog",
        ..person(8, [200.0, 60.0, 60.0, 100.0], BLUE)
    };
    let thing = person(7, BOX, RED);
    let mut frame = with_things(0, GREY, &[thing]);
    happen(&mut frame, "zone.entered", &thing);
    rig.push(frame);
    rig.push(with_things(1, GREY, &[thing, dog]));
    for _ in 0..4 {
        rig.caption();
    }
    let mut asked: Vec<_> = (mock.requests().iter())
        .map(|request| request.text().rsplit('|').next().unwrap().to_string())
        .collect();
    asked.sort();
    assert_eq!(
        asked,
        [
            "What does person 7 wear?",
            "What is at unknown?",
            "What is at unknown?",
            "Who entered door?"
        ]
    );
    assert_eq!(mock.request(0).body["messages"][0]["content"], "Be short.");
}
