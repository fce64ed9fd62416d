//! Servers that are wrong, slow or hostile: the video goes on, and somebody is told.

use crate::common::*;
use crate::mock::{self, Mock, Script};
use serde_json::json;
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

const QUICK: [(&str, &str); 5] = [
    ("trigger", "interval"),
    ("deadline", "9000000000"),
    ("connect-timeout", "500000000"),
    ("first-token-timeout", "700000000"),
    ("idle-timeout", "400000000"),
];

/// What becomes of a question.
#[derive(Debug, PartialEq)]
enum Fate {
    /// The words, and why they are cut.
    Said(&'static str, Option<&'static str>),
    /// Why there are none.
    Dropped(&'static str),
}
use Fate::{Dropped, Said};

fn slow(stream: &mut std::net::TcpStream, words: &str) {
    mock::begin(stream);
    mock::send_words(stream, words);
    mock::hang(stream);
}

fn drip(stream: &mut std::net::TcpStream) {
    mock::begin(stream);
    // Signs of life that are no words.
    while stream
        .write_all(b": ping\n\n")
        .and_then(|()| stream.flush())
        .is_ok()
    {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Each fault: its name, what the server does, how often it is asked, what comes of it.
fn table() -> Vec<(&'static str, Box<Script>, usize, Fate)> {
    let status = |status: u16, body: &'static str| -> Box<Script> {
        Box::new(move |_, _, stream| mock::respond(stream, status, "application/json", body))
    };
    let once = |first: u16, headers: &'static str| -> Box<Script> {
        Box::new(move |n, _, stream| match n {
            0 => mock::respond_with(stream, first, headers, "{}"),
            _ => mock::say(stream, &["ok"]),
        })
    };
    vec![
        (
            "hang",
            Box::new(|_, _, stream| mock::hang(stream)),
            1,
            Dropped("first-token-timeout"),
        ),
        (
            "drip",
            Box::new(|_, _, stream| drip(stream)),
            1,
            Dropped("first-token-timeout"),
        ),
        (
            "hang after words",
            Box::new(|_, _, stream| slow(stream, "A st")),
            1,
            Said("A st", Some("idle-timeout")),
        ),
        (
            "closed at once",
            Box::new(|_, _, _| {}),
            5,
            Dropped("connection"),
        ),
        (
            "closed once",
            Box::new(|n, _, stream| {
                if n > 0 {
                    mock::say(stream, &["ok"])
                }
            }),
            2,
            Said("ok", None),
        ),
        (
            "closed after words",
            Box::new(|_, _, stream| {
                mock::begin(stream);
                mock::send_words(stream, "A st");
            }),
            1,
            Said("A st", Some("connection")),
        ),
        (
            "429 with Retry-After",
            once(429, "Retry-After: 0"),
            2,
            Said("ok", None),
        ),
        (
            "429 for an hour",
            Box::new(|_, _, stream| mock::respond_with(stream, 429, "Retry-After: 3600", "{}")),
            1,
            Dropped("rate-limited"),
        ),
        ("503 once", once(503, "X: y"), 2, Said("ok", None)),
        ("500 once", once(500, "X: y"), 2, Said("ok", None)),
        (
            "500 always",
            status(500, r#"{"error": {"message": "boom"}}"#),
            2,
            Dropped("server-error"),
        ),
        (
            "400",
            status(400, r#"{"error": {"message": "too long"}}"#),
            1,
            Dropped("refused"),
        ),
        (
            "404",
            status(404, r#"{"detail": "Not Found"}"#),
            1,
            Dropped("refused"),
        ),
        (
            "422",
            status(422, r#"{"detail": [{"msg": "field required"}]}"#),
            1,
            Dropped("refused"),
        ),
        (
            "an error inside a stream that began well",
            Box::new(|_, _, stream| {
                mock::begin(stream);
                mock::send_words(stream, "A st");
                mock::send(stream, &json!({"error": {"message": "boom", "code": 500}}));
                let _ = stream.write_all(b"data: [DONE]\n\n");
            }),
            1,
            Said("A st", Some("server-error")),
        ),
        (
            "nothing but an error inside a stream",
            Box::new(|_, _, stream| {
                mock::begin(stream);
                mock::send(stream, &json!({"object": "error", "message": "boom"}));
                let _ = stream.write_all(b"data: [DONE]\n\n");
            }),
            2,
            Dropped("server-error"),
        ),
        (
            "an error in a 200",
            status(200, r#"{"error": "model not found"}"#),
            2,
            Dropped("server-error"),
        ),
        (
            "JSON that is cut off",
            Box::new(|_, _, stream| {
                mock::begin(stream);
                mock::send_words(stream, "A st");
                let _ = stream.write_all(b"data: {\"choices\": [{\"del\n\n");
            }),
            1,
            Said("A st", Some("malformed")),
        ),
        (
            "no JSON",
            status(200, "\u{7}nonsense"),
            1,
            Dropped("malformed"),
        ),
        (
            "a web page",
            Box::new(|_, _, stream| {
                mock::respond(stream, 200, "text/html", "<html><title>Log in</title>")
            }),
            1,
            Dropped("malformed"),
        ),
        (
            "an empty answer",
            Box::new(|_, _, stream| mock::say(stream, &[])),
            1,
            Dropped("malformed"),
        ),
        (
            "an answer of 10 MB",
            Box::new(|_, _, stream| {
                mock::begin(stream);
                mock::send_words(stream, "A street");
                let more = " and more".repeat(1000);
                for _ in 0..1200 {
                    mock::send_words(stream, &more);
                }
                mock::end(stream, "stop");
            }),
            1,
            Said("A street", Some("too-large")),
        ),
        (
            "a body of 10 MB",
            Box::new(|_, _, stream| {
                mock::respond(stream, 200, "application/json", &" ".repeat(10 << 20))
            }),
            1,
            Dropped("malformed"),
        ),
        (
            "a whole answer",
            status(
                200,
                r#"{"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}"#,
            ),
            1,
            Said("ok", None),
        ),
        (
            "no UTF-8",
            Box::new(|_, _, stream| {
                mock::begin(stream);
                let _ = stream.write_all(
                    b"data: {\"choices\": [{\"delta\": {\"content\": \"o\xffk\"}}]}\n\n",
                );
                mock::end(stream, "stop");
            }),
            1,
            Said("o\u{fffd}k", None),
        ),
        (
            "a redirect to another host",
            Box::new(|_, _, stream| {
                mock::respond_with(stream, 307, "Location: http://evil.example/v1", "")
            }),
            1,
            Dropped("redirect"),
        ),
        (
            "a redirect to itself",
            Box::new(|n, _, stream| match n {
                0 => mock::respond_with(stream, 308, "Location: /v1/elsewhere", ""),
                _ => mock::say(stream, &["ok"]),
            }),
            2,
            Said("ok", None),
        ),
        (
            "redirects without end",
            Box::new(|_, _, stream| mock::respond_with(stream, 307, "Location: /v1/again", "")),
            4,
            Dropped("redirect"),
        ),
        (
            "thoughts before the answer",
            Box::new(|_, _, stream| {
                mock::begin(stream);
                mock::send(
                    stream,
                    &json!({"choices": [{"delta": {"reasoning_content": "hm"}}]}),
                );
                mock::send_words(stream, "<think>a dog?</think>ok");
                mock::end(stream, "stop");
            }),
            1,
            Said("ok", None),
        ),
    ]
}

#[test]
fn every_fault_of_a_server_has_its_fate_and_the_video_goes_on() {
    for (name, script, asked, fate) in table() {
        let mock = Mock::new(script);
        let mut rig = Rig::at(&mock.url, &QUICK);
        for n in 0..5 {
            rig.push(solid(n, RED));
        }
        match (rig.signal(), fate) {
            (Signal::Caption(_), Said(text, cut)) => {
                let data = rig.caption()["data"].clone();
                let said = data["text"].as_str().unwrap();
                assert!(
                    said.starts_with(text) && said.len() < 70_000,
                    "{name}: {said:.100}"
                );
                assert_eq!(data.get("cut").and_then(|cut| cut.as_str()), cut, "{name}");
                assert_eq!(data["partial"], cut.is_some(), "{name}");
            }
            (Signal::Dropped(_, why), Dropped(expected)) => assert_eq!(why, expected, "{name}"),
            (signal, fate) => panic!("{name}: {signal:?} instead of {fate:?}"),
        }
        assert_eq!(mock.requests().len(), asked, "{name}");
    }
}

#[test]
fn a_server_that_is_not_there_is_left_alone_until_it_is() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut rig = Rig::at(
        &format!("http://{address}/v1"),
        &[
            ("trigger", "interval"),
            ("interval", "100000000"),
            ("min-interval", "0"),
            ("per-minute", "0"),
            ("deadline", "200000000"),
            ("max-age", "3600000000000"),
        ],
    );
    let mut n = 0;
    while !matches!(rig.stats().get::<&str>("server"), Ok("down")) {
        rig.push(solid(n, RED));
        n += 1;
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(
        matches!(rig.wait_for(|s| matches!(s, Signal::Server(_))), Signal::Server(state) if state == "down")
    );
    wait_until("a warning", || {
        rig.warnings()
            .iter()
            .any(|text| text.contains("server is down"))
    });
    // While it is down nothing is asked, whatever waits.
    let dropped = rig.count("dropped", "connection") + rig.count("dropped", "deadline");
    for _ in 0..20 {
        rig.push(solid(n, RED));
        n += 1;
    }
    assert_eq!(
        rig.count("dropped", "connection") + rig.count("dropped", "deadline"),
        dropped
    );
    // It comes up where it was expected.
    let server = std::thread::spawn(move || {
        let listener = TcpListener::bind(address).unwrap();
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut request = [0; 4096];
            let _ = std::io::Read::read(&mut stream, &mut request);
            let is_probe = request.starts_with(b"GET");
            mock::respond(
                &mut stream,
                200,
                "application/json",
                r#"{"data": [{"id": "m"}]}"#,
            );
            if is_probe {
                return;
            }
        }
    });
    rig.wait_for(|signal| *signal == Signal::Server("up".into()));
    server.join().unwrap();
}

#[test]
fn a_wrong_key_is_told_once_and_never_shown() {
    let mock = Mock::new(|_, request, stream| {
        let sent = request
            .headers
            .iter()
            .find(|h| h.starts_with("Authorization") || h.starts_with("authorization"))
            .unwrap()
            .clone();
        mock::respond(
            stream,
            401,
            "application/json",
            // Long enough that a cut goes through the key.
            &json!({"error": {"message": format!("bad key {}", format!("{sent} ").repeat(50))}})
                .to_string(),
        );
    });
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "interval"),
            ("interval", "100000000"),
            ("min-interval", "0"),
            ("api-key", "sk-hunter2"),
        ],
    );
    for n in 0..5 {
        rig.push(solid(n, RED));
        rig.wait_for(|signal| matches!(signal, Signal::Dropped(..)));
    }
    let warnings = rig.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("401") && warnings[0].contains("is the key right?"),
        "{warnings:?}"
    );
    assert!(
        warnings[0].contains("bad key") && !warnings[0].contains("sk-h"),
        "{warnings:?}"
    );
    assert!(!rig.stats().to_string().contains("hunter2"));
    assert!(
        mock.request(0)
            .headers
            .iter()
            .any(|h| h.to_lowercase() == "authorization: bearer sk-hunter2")
    );
}

#[test]
fn the_key_is_not_sent_to_another_host() {
    let thief = Mock::saying("thanks");
    let target = thief.url.clone();
    let mock = Mock::new(move |_, _, stream| {
        mock::respond_with(
            stream,
            307,
            &format!("Location: {target}/chat/completions"),
            "",
        );
    });
    let mut rig = Rig::at(
        &mock.url,
        &[("trigger", "interval"), ("api-key", "sk-hunter2")],
    );
    rig.push(solid(0, RED));
    assert!(matches!(rig.signal(), Signal::Dropped(_, why) if why == "redirect"));
    assert!(thief.requests().is_empty() && thief.probes() == 0);
    assert!(rig.warnings()[0].contains("redirects to http://127.0.0.1"));
}

#[test]
fn a_model_without_eyes_is_told() {
    let mock = Mock::saying("x");
    mock.set_models(json!({"data": [{"id": "text-7b", "owned_by": "llamacpp", "architecture": {"input_modalities": ["text"]}}]}));
    let mut rig = Rig::at(&mock.url, &[("trigger", "interval")]);
    rig.push(solid(0, RED));
    assert!(matches!(rig.signal(), Signal::Dropped(_, why) if why == "no-vision"));
    assert!(rig.warnings()[0].contains("\"text-7b\" takes no pictures"));
    assert!(mock.requests().is_empty());
}

#[test]
fn an_answer_without_end_is_ended_by_the_deadline() {
    let mock = Mock::new(|_, _, stream| {
        mock::begin(stream);
        loop {
            mock::send_words(stream, "and ");
            let chunk = json!({"choices": [{"delta": {"content": "on "}}]});
            if write!(stream, "data: {chunk}\n\n").is_err() || stream.flush().is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let mut rig = Rig::at(
        &mock.url,
        &[
            ("trigger", "interval"),
            ("interval", "100000000"),
            ("min-interval", "0"),
            ("deadline", "300000000"),
        ],
    );
    for n in 0..3 {
        rig.push(solid(n, RED));
        let data = rig.caption()["data"].clone();
        assert!(data["text"].as_str().unwrap().starts_with("and on"));
        assert_eq!(
            (&data["cut"], &data["partial"]),
            (&json!("deadline"), &json!(true))
        );
    }
    // It does answer: it is not down.
    assert_eq!(rig.stats().get::<&str>("server").unwrap(), "up");
}
