//! The whole way, with a real server and a real, if tiny, model: it is started by the element, sees
//! the pictures, and names their colour.

use crate::common::*;
use crate::llama::Llama;
use gst::prelude::*;
use rustix::process::{Pid, Signal as Kill, kill_process};
use serde_json::json;

/// An element that starts a server with so many slots, if there is one.
fn rig<'a>(llama: &'a Llama, properties: &[(&'a str, &'a str)]) -> Rig {
    let mut all = llama.properties();
    all.extend(properties);
    Rig::of(element(&all))
}

const MANUAL: (&str, &str) = ("trigger", "manual");

#[track_caller]
fn text_of(rig: &mut Rig, n: u64, color: [u8; 3]) -> String {
    rig.act("trigger", &[&None::<String>]).unwrap();
    rig.push(solid(n, color));
    let caption = rig.caption();
    assert_eq!(caption["frame"]["number"], n);
    caption["data"]["text"].as_str().unwrap().to_string()
}

#[test]
fn a_model_names_the_colour_of_each_frame() {
    let Some(llama) = Llama::new(1) else { return };
    let mut rig = rig(&llama, &[MANUAL]);
    for (n, (color, name)) in [(RED, "red"), (GREEN, "green"), (BLUE, "blue"), (RED, "red")]
        .into_iter()
        .enumerate()
    {
        assert_eq!(
            text_of(&mut rig, n as u64, color),
            format!("A video frame that is mostly {name}.")
        );
    }
    let stats = rig.stats();
    assert_eq!(stats.get::<&str>("dialect").unwrap(), "llamacpp");
    assert_eq!(rig.stat("server-starts"), 1);
    assert!(rig.stat("prompt-tokens") > 0);
}

#[test]
fn swapped_channels_would_be_seen() {
    let Some(llama) = Llama::new(1) else { return };
    let mut rig = rig(&llama, &[MANUAL]);
    rig.video.set_src_caps_str(&CAPS.replace("RGB", "BGR"));
    // Red, as bytes: blue, as this format has it.
    assert!(text_of(&mut rig, 0, RED).ends_with("mostly blue."));
}

#[test]
fn the_object_is_seen_and_not_what_is_around_it() {
    let Some(llama) = Llama::new(1) else { return };
    let mut rig = rig(
        &llama,
        &[
            ("trigger", "new-track"),
            ("view", "crop"),
            ("crop-margin", "0"),
            ("track-age", "100000000"),
        ],
    );
    let things = [
        person(1, [20.0, 60.0, 60.0, 100.0], RED),
        person(2, [200.0, 60.0, 60.0, 100.0], GREEN),
    ];
    for n in 0..4 {
        rig.push(with_things(n, BLUE, &things));
    }
    for _ in 0..2 {
        let caption = rig.caption();
        let name = if caption["object"]["track"] == 1 {
            "red"
        } else {
            "green"
        };
        assert!(
            caption["data"]["text"]
                .as_str()
                .unwrap()
                .ends_with(&format!("mostly {name}.")),
            "{caption}"
        );
    }
}

#[test]
fn words_are_streamed() {
    let Some(llama) = Llama::new(1) else { return };
    let mut rig = rig(&llama, &[MANUAL, ("stream", "true")]);
    rig.act("trigger", &[&None::<String>]).unwrap();
    rig.push(solid(0, GREEN));
    let mut texts = Vec::new();
    loop {
        let record = rig.record();
        texts.push(record["data"]["text"].as_str().unwrap().to_string());
        if record["phase"] == "end" {
            break;
        }
    }
    assert!(texts.len() > 5, "{texts:?}");
    assert!(
        texts.windows(2).all(|pair| pair[1].starts_with(&pair[0])),
        "{texts:?}"
    );
    assert_eq!(texts.last().unwrap(), "A video frame that is mostly green.");
}

#[test]
fn an_answer_fits_its_schema() {
    let Some(llama) = Llama::new(1) else { return };
    let schema = r#"{"type": "object", "additionalProperties": false, "required": ["color"], "properties": {"color": {"enum": ["red", "green", "blue"]}}}"#;
    let mut rig = rig(&llama, &[MANUAL, ("response-schema", schema)]);
    rig.act("trigger", &[&None::<String>]).unwrap();
    rig.push(solid(0, GREEN));
    let data = rig.caption()["data"].clone();
    let color = data["json"]["color"].as_str().unwrap();
    assert!(["red", "green", "blue"].contains(&color), "{data}");
    assert_eq!((rig.stat("invalid"), rig.stat("repaired")), (0, 0));
}

#[test]
fn a_follow_up_question_uses_what_the_server_knows() {
    let Some(llama) = Llama::new(1) else { return };
    let mut rig = rig(
        &llama,
        &[
            ("trigger", "manual"),
            ("window", "20000000000"),
            ("sample-fps", "1"),
            ("max-side", "448"),
        ],
    );
    for n in 0..41 {
        rig.push(solid(n, BLUE));
    }
    let ask = |question: &str| rig.act("ask", &[&question, &20u32]).unwrap();
    ask("What colour is it?");
    let first = rig.caption();
    assert_eq!(first["data"]["text"], "A video frame that is mostly blue.");
    assert_eq!(first["data"]["frames"]["count"], 5);
    ask("And now?");
    let tokens = rig.caption()["data"]["tokens"].clone();
    let (prompt, cached) = (
        tokens["prompt"].as_u64().unwrap(),
        tokens["cached"].as_u64().unwrap(),
    );
    println!("{cached} of {prompt} tokens of the prompt were known");
    assert!(cached * 10 >= prompt * 9, "{cached} of {prompt}");
}

#[test]
fn a_growing_window_uses_what_the_server_knows() {
    let Some(llama) = Llama::new(1) else { return };
    let mut rig = rig(
        &llama,
        &[
            ("trigger", "interval"),
            ("interval", "4000000000"),
            ("window", "20000000000"),
            ("sample-fps", "1"),
            ("prompt", "What?"),
        ],
    );
    let mut cached = Vec::new();
    for n in 0..121 {
        rig.push(solid(n, RED));
        if n > 0 && n % 40 == 0 {
            let tokens = rig.caption()["data"]["tokens"].clone();
            let share =
                tokens["cached"].as_f64().unwrap_or(0.0) / tokens["prompt"].as_f64().unwrap();
            cached.push(share);
        }
    }
    // Five frames, nine, thirteen: all but the new ones are known.
    assert!(cached[1] > 0.5 && cached[2] > 0.65, "{cached:?}");
}

#[test]
fn a_server_that_is_killed_in_the_middle_comes_back_and_the_question_is_answered() {
    let Some(llama) = Llama::new(1) else { return };
    let mut rig = rig(&llama, &[MANUAL]);
    assert!(text_of(&mut rig, 0, RED).ends_with("red."));
    let pid = rig.stats().get::<u32>("server-pid").unwrap();
    rig.act("trigger", &[&None::<String>]).unwrap();
    rig.push(solid(1, GREEN));
    kill_process(Pid::from_raw(pid as i32).unwrap(), Kill::KILL).unwrap();
    // Frames pass meanwhile.
    for n in 2..200 {
        rig.push(solid(n, BLUE));
    }
    let caption = rig.caption();
    assert_eq!(
        (&caption["frame"]["number"], &caption["data"]["text"]),
        (&json!(1), &json!("A video frame that is mostly green."))
    );
    // Whether the kill came before the answer or after it, the server comes back.
    wait_until("another server", || rig.stat("server-starts") == 2);
    assert!(text_of(&mut rig, 200, BLUE).ends_with("blue."));
    let second = rig.stats().get::<u32>("server-pid").unwrap();
    rig.element.set_state(gst::State::Null).unwrap();
    wait_until("its end", || !is_alive(second));
}

fn is_alive(pid: u32) -> bool {
    // A zombie is dead, only not yet collected.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

#[test]
fn a_cancelled_question_frees_the_server() {
    let Some(llama) = Llama::new(1) else { return };
    let properties = [
        ("trigger", "manual"),
        ("window", "20000000000"),
        ("sample-fps", "1"),
        ("max-images", "30"),
    ];
    let mut rig = rig(&llama, &properties);
    assert!(text_of(&mut rig, 0, RED).ends_with("red."));
    for n in 1..200 {
        rig.push(solid(n, RED));
    }
    // Twenty frames take the server a while; with its one slot taken, nothing else would be answered.
    for _ in 0..5 {
        let id = rig.act("ask", &[&"What?", &20u32]).unwrap();
        wait_until("its turn", || rig.stat("in-flight") == 1);
        assert!(rig.element.emit_by_name::<bool>("cancel", &[&id]));
        let dropped =
            |signal: &Signal| matches!(signal, Signal::Dropped(_, why) if why == "cancelled");
        rig.wait_for(dropped);
        rig.element.emit_by_name::<()>("reset-chat", &[]);
    }
    assert!(rig.act("trigger", &[&None::<String>]).is_some());
    rig.push(solid(200, RED));
    assert!(
        rig.caption()["data"]["text"]
            .as_str()
            .unwrap()
            .ends_with("red.")
    );
}

#[test]
fn elements_share_the_server_that_one_of_them_started() {
    let Some(llama) = Llama::new(2) else { return };
    let mut one = rig(&llama, &[MANUAL]);
    assert!(text_of(&mut one, 0, RED).ends_with("red."));
    let mut other = rig(&llama, &[MANUAL]);
    assert!(text_of(&mut other, 0, BLUE).ends_with("blue."));
    let pid = |rig: &Rig| rig.stats().get::<u32>("server-pid").unwrap();
    assert_eq!(pid(&one), pid(&other));
    one.element.set_state(gst::State::Null).unwrap();
    assert!(text_of(&mut other, 1, GREEN).ends_with("green."));
}
