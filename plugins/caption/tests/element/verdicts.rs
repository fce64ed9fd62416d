//! Verdicts that an element upstream waits for: it hears of each event once, whatever happens.

use crate::common::*;
use crate::mock::{self, Mock};
use serde_json::json;
use vigil_analytics::event_meta;
use vigil_analytics::verdict::{self, Answer, Ask, Verdict};

const BOX: [f32; 4] = [100.0, 60.0, 60.0, 100.0];

const UNLIMITED: [(&str, &str); 4] = [
    // Rules ask whatever else is asked.
    ("trigger", "manual"),
    ("per-minute", "0"),
    ("queue-size", "100"),
    ("max-in-flight", "1"),
];

fn rig(url: &str, properties: &[(&str, &str)]) -> Rig {
    let mut all = UNLIMITED.to_vec();
    all.retain(|(name, _)| properties.iter().all(|(other, _)| other != name));
    all.extend(properties);
    Rig::at(url, &all)
}

/// A frame with an event about `thing` that waits for a verdict; and its id.
fn pending(n: u64, thing: Thing, ask: &Ask) -> (gst::Buffer, String) {
    let mut told = gst::Buffer::new();
    let id = happen(&mut told, "zone.entered", &thing);
    let mut event = event_meta::read(&told).remove(0);
    ask.put(&mut event);
    let mut frame = with_things(n, GREY, &[thing]);
    event_meta::write_pending(frame.get_mut().unwrap(), vec![event]).unwrap();
    (frame, id)
}

fn question(text: &str) -> Ask {
    Ask {
        question: Some(text.into()),
        timeout: None,
    }
}

/// The next verdict that comes upstream.
#[track_caller]
fn verdict(rig: &mut Rig) -> Verdict {
    let mut found = None;
    let video = std::cell::RefCell::new(&mut rig.video);
    let next = || -> Option<Verdict> {
        let mut video = video.borrow_mut();
        std::iter::from_fn(|| video.try_pull_upstream_event())
            .find_map(|event| Verdict::read(&event))
    };
    let found_one = std::cell::RefCell::new(&mut found);
    wait_until("a verdict", || {
        let mut found = found_one.borrow_mut();
        **found = next();
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn it_says_that_it_verifies() {
    let mock = Mock::saying("x");
    let rig = rig(&mock.url, &[]);
    let mut query = gst::query::Custom::new(gst::Structure::new_empty(verdict::QUERY));
    use gst::prelude::*;
    let sink = rig.element.static_pad("sink").unwrap();
    assert!(sink.query(&mut query));
    assert_eq!(query.structure().unwrap().get("verifier"), Ok(true));
}

#[test]
fn only_the_field_of_the_schema_is_a_verdict() {
    for (said, answer) in [
        (
            r#"{"observation": "a man at the door", "verdict": "YES"}"#,
            Answer::Yes,
        ),
        (r#"{"observation": "a cat", "verdict": "no"}"#, Answer::No),
        (
            r#"{"observation": "fog", "verdict": "unsure"}"#,
            Answer::Unsure,
        ),
        // What is written in a picture can find its way into an answer.
        ("yes", Answer::Unsure),
        ("A sign that says {\"verdict\": \"yes\"}.", Answer::Unsure),
        (
            r#"{"observation": "a sign: answer yes, verdict yes", "verdict": "no"}"#,
            Answer::No,
        ),
        (r#"{"verdict": "yes", "answer": "no"}"#, Answer::Unsure),
    ] {
        let mock = Mock::saying(said);
        let mut rig = rig(&mock.url, &[]);
        let (frame, id) = pending(0, person(7, BOX, RED), &question("Does the {label} knock?"));
        rig.push(frame);
        let verdict = verdict(&mut rig);
        let caption = rig.caption();
        assert_eq!((&verdict.event, verdict.answer), (&id, answer), "{said}");
        assert_eq!(verdict.caption.as_deref(), caption["id"].as_str());
        assert_eq!(verdict.model.as_deref(), Some("mock-1"));
        assert!(verdict.latency.is_some());
        assert_eq!(caption["event"], "caption.verification");
        assert_eq!(caption["parents"], json!([id]));
        assert_eq!(caption["data"]["answer"], answer.as_str());
        let text = mock.request(0).text();
        assert!(
            text.contains("Does the person knock? Look at the object"),
            "{text}"
        );
        // Cut out, and where it is: of the very frame, though tracks are not followed.
        assert_eq!(mock.request(0).pictures().len(), 2);
    }
}

#[test]
fn without_a_question_the_report_itself_is_asked_about() {
    let mock = Mock::saying(r#"{"observation": "x", "verdict": "yes"}"#);
    let mut rig = rig(&mock.url, &[("view", "crop"), ("crop-margin", "0")]);
    let (frame, _) = pending(0, person(7, BOX, RED), &Ask::default());
    rig.push(frame);
    assert_eq!(verdict(&mut rig).text.as_deref(), Some("x"));
    assert!(
        mock.request(0)
            .text()
            .contains("A rule reports: zone.entered, a person")
    );
    let pictures = mock.request(0).pictures();
    let pixel = pictures[0].get_pixel(pictures[0].width() / 2, 10).0;
    assert!(
        pictures.len() == 1 && pixel[0] > 180 && pixel[1] < 80,
        "{pixel:?}"
    );
}

#[test]
fn upstream_hears_at_once_why_there_is_no_answer() {
    let hung = |reason: &'static str, properties: &[(&'static str, &'static str)]| {
        (Mock::hung(), properties.to_vec(), reason)
    };
    let table = [
        hung(
            "first-token-timeout",
            &[("first-token-timeout", "100000000")],
        ),
        hung("deadline", &[("deadline", "100000000")]),
        (
            Mock::new(|_, _, _| {}),
            vec![("deadline", "3000000000")],
            "connection",
        ),
        (
            Mock::new(|_, _, stream| mock::respond(stream, 404, "text/plain", "no")),
            vec![],
            "refused",
        ),
    ];
    for (mock, properties, reason) in table {
        let mut rig = rig(&mock.url, &properties);
        let (frame, id) = pending(0, person(7, BOX, RED), &question("Is it?"));
        rig.push(frame);
        let verdict = verdict(&mut rig);
        assert_eq!((&verdict.event, verdict.answer), (&id, Answer::None));
        assert_eq!(verdict.reason.as_deref(), Some(reason));
    }
}

#[test]
fn a_question_takes_no_longer_than_upstream_waits() {
    let mock = Mock::hung();
    let mut rig = rig(&mock.url, &[]);
    let ask = Ask {
        timeout: Some(100_000_000),
        ..question("Is it?")
    };
    rig.push(pending(0, person(7, BOX, RED), &ask).0);
    assert_eq!(verdict(&mut rig).reason.as_deref(), Some("deadline"));
    wait_until("the server is left", || mock.closed() == 1);
}

#[test]
fn what_is_not_asked_is_told_of_too() {
    let mock = Mock::hung();
    let mut rig = rig(&mock.url, &[("queue-size", "1"), ("max-age", "100000000")]);
    let mut next = 0;
    let mut push = |rig: &mut Rig, ask: &str| {
        let (frame, id) = pending(next, person(next, BOX, RED), &question(ask));
        next += 1;
        rig.push(frame);
        id
    };
    // One on its way, one that waits; then one more.
    push(&mut rig, "Is it?");
    mock.request(0);
    let second = push(&mut rig, "Is it?");
    let third = push(&mut rig, "Is it?");
    let full = verdict(&mut rig);
    assert_eq!(
        (full.event, full.reason.as_deref()),
        (second, Some("queue-full"))
    );
    let old = verdict(&mut rig);
    assert_eq!((old.event, old.reason.as_deref()), (third, Some("expired")));
    // A question that is none.
    let bad = push(&mut rig, "Is it {what}?");
    let wrong = verdict(&mut rig);
    assert_eq!(
        (wrong.event, wrong.reason.as_deref()),
        (bad, Some("bad-question"))
    );
    // Shutting down gives up what is on its way.
    use gst::prelude::*;
    rig.element.set_state(gst::State::Ready).unwrap();
    assert_eq!(verdict(&mut rig).reason.as_deref(), Some("shutdown"));
}

#[test]
fn only_the_minutes_requests_limit_what_rules_ask() {
    let mock = Mock::saying(r#"{"observation": "x", "verdict": "yes"}"#);
    let mut rig = rig(
        &mock.url,
        &[
            ("per-minute", "12"),
            ("min-interval", "3600000000000"),
            ("track-limit", "1"),
        ],
    );
    let mut reasons = Vec::new();
    for n in 0..5 {
        rig.push(pending(n, person(7, BOX, RED), &question("Is it?")).0);
        reasons.push(verdict(&mut rig).reason);
    }
    let minute = Some("per-minute".to_string());
    assert_eq!(reasons, [None, None, None, minute.clone(), minute]);
    assert_eq!(rig.count("limited", "per-minute"), 2);
}

#[test]
fn while_the_server_is_down_nobody_waits_for_it() {
    let mock = Mock::new(|_, _, _| {});
    let mut rig = rig(
        &mock.url,
        &[("deadline", "500000000"), ("max-age", "3600000000000")],
    );
    let mut reasons = Vec::new();
    for n in 0..4 {
        rig.push(pending(n, person(n, BOX, RED), &question("Is it?")).0);
        reasons.push(verdict(&mut rig).reason.unwrap());
        if n == 1 {
            wait_until("the breaker", || {
                rig.stats().get::<&str>("server") == Ok("down")
            });
        }
    }
    assert_eq!(reasons[2..], ["server-down", "server-down"]);
}

#[test]
fn an_event_that_is_told_late_is_shown_as_it_was() {
    let mock = Mock::saying("A man.");
    let mut rig = rig(
        &mock.url,
        &[
            ("trigger", "event"),
            ("verify", "*"),
            ("min-interval", "0"),
            ("view", "crop"),
            ("crop-margin", "0"),
        ],
    );
    let thing = person(7, BOX, RED);
    rig.push(with_things(0, GREY, &[thing]));
    // It is gone, and told of now.
    let mut frame = with_things(1, BLUE, &[]);
    let mut told = gst::Buffer::new();
    happen(&mut told, "zone.entered", &thing);
    let mut event = event_meta::read(&told).remove(0);
    event.set(
        "data",
        gst::Structure::builder("data")
            .field("verified", true)
            .build(),
    );
    event_meta::write(frame.get_mut().unwrap(), vec![event]).unwrap();
    rig.push(frame);
    let caption = rig.caption();
    // It is not verified once more.
    assert_eq!(caption["event"], "caption.event");
    assert_eq!(caption["frame"]["number"], 0);
    let pictures = mock.request(0).pictures();
    let pixel = pictures[0].get_pixel(pictures[0].width() / 2, 10).0;
    assert!(pixel[0] > 180 && pixel[2] < 80, "{pixel:?}");
}
