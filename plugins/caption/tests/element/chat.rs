//! Questions of people.

use crate::common::*;
use crate::mock::{self, Mock};
use gst::prelude::*;
use serde_json::json;

const WINDOW: [(&str, &str); 4] = [
    ("trigger", "event"),
    ("event-kinds", ""),
    ("window", "10000000000"),
    ("sample-fps", "2"),
];

fn ask(rig: &Rig, question: &str) -> String {
    rig.act("ask", &[&question, &10u32]).unwrap()
}

#[test]
fn a_question_is_about_the_window_and_what_happened() {
    let mock = Mock::new(|n, _, stream| mock::say(stream, &[["A man", "Two."][n.min(1)]]));
    let mut rig = Rig::at(&mock.url, &WINDOW);
    for n in 0..11 {
        let thing = person(7, [100.0, 60.0, 60.0, 100.0], RED);
        let mut frame = with_things(n, GREY, &[thing]);
        if n == 4 {
            happen(&mut frame, "zone.entered", &thing);
        }
        rig.push(frame);
    }
    let id = ask(&rig, "Who is there?");
    let answer = rig.caption();
    assert_eq!(
        (answer["id"].as_str(), &answer["event"]),
        (Some(id.as_str()), &json!("caption.answer"))
    );
    assert_eq!(
        (&answer["data"]["text"], &answer["data"]["question"]),
        (&json!("A man"), &json!("Who is there?"))
    );
    assert_eq!(answer["data"]["frames"]["count"], 3);
    let first = mock.request(0);
    assert_eq!(first.pictures().len(), 3);
    assert!(
        first
            .text()
            .contains("Events: t=0.4s zone.entered person #7 door."),
        "{}",
        first.text()
    );
    // The next question begins with all that was said.
    ask(&rig, "How many?");
    assert_eq!(rig.caption()["data"]["text"], "Two.");
    let messages = |n: usize| mock.request(n).body["messages"].as_array().unwrap().clone();
    let (first, second) = (messages(0), messages(1));
    assert_eq!(second[..first.len()], first);
    assert_eq!(
        second[first.len()],
        json!({"role": "assistant", "content": "A man"})
    );
    assert_eq!(
        second[first.len() + 1]["content"],
        json!([{"type": "text", "text": "How many?"}])
    );
    // And a new conversation knows nothing.
    rig.element.emit_by_name::<()>("reset-chat", &[]);
    ask(&rig, "Who?");
    rig.caption();
    assert_eq!(messages(2).len(), first.len());
}

#[test]
fn without_a_window_a_question_waits_for_the_next_frame() {
    let mock = Mock::saying("Red.");
    let mut rig = Rig::at(&mock.url, &[("trigger", "manual")]);
    rig.push(solid(0, BLUE));
    ask(&rig, "What colour?");
    rig.push(solid(1, RED));
    assert_eq!(rig.caption()["frame"]["number"], 1);
    assert!(rig.act("ask", &[&" ", &1u32]).is_none());
}

#[test]
fn a_question_can_be_taken_back_and_the_server_hears_of_it() {
    let mock = Mock::hung();
    let mut rig = Rig::at(&mock.url, &WINDOW);
    rig.push(solid(0, RED));
    let first = ask(&rig, "One?");
    let second = ask(&rig, "Two?");
    mock.request(0);
    let cancel = |id: &str| rig.element.emit_by_name::<bool>("cancel", &[&id]);
    assert!(cancel(&second));
    assert_eq!(rig.signal(), Signal::Dropped(second, "cancelled".into()));
    assert!(cancel(&first));
    assert_eq!(
        rig.signal(),
        Signal::Dropped(first.clone(), "cancelled".into())
    );
    wait_until("the server's hearing of it", || mock.closed() == 1);
    assert!(!cancel(&first) && !cancel("nonsense"));
    assert_eq!(rig.count("dropped", "cancelled"), 2);
}

#[test]
fn what_began_ends_when_it_is_taken_back() {
    let mock = Mock::new(|_, _, stream| {
        mock::begin(stream);
        mock::send_words(stream, "Well,");
        mock::hang(stream);
    });
    let mut properties = WINDOW.to_vec();
    properties.push(("stream", "true"));
    let mut rig = Rig::at(&mock.url, &properties);
    rig.push(solid(0, RED));
    let id = ask(&rig, "One?");
    assert_eq!(rig.record()["phase"], "start");
    assert!(rig.element.emit_by_name::<bool>("cancel", &[&id]));
    let end = rig.record();
    assert_eq!(
        (&end["phase"], &end["data"]["cut"]),
        (&json!("end"), &json!("cancelled"))
    );
    assert_eq!(
        (end["id"].as_str(), &end["data"]["text"]),
        (Some(id.as_str()), &json!("Well,"))
    );
}
