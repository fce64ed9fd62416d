use proptest::prelude::*;
use serde_json::Map;
use std::borrow::Cow;

use super::*;
use crate::event::{Frame, SCHEMA};

/// Control items that supersede those of the same letter.
#[derive(Debug, Clone, PartialEq)]
struct Mark(char);

impl Control for Mark {
    fn supersedes(&self, earlier: &Self) -> bool {
        self == earlier
    }
}

const FRAME: Frame = Frame {
    number: 0,
    width: 0,
    height: 0,
};

fn event(phase: Phase, id: &str) -> Record {
    Record {
        pts: None,
        payload: Payload::Event(Arc::new(Event {
            schema: Cow::Borrowed(SCHEMA),
            id: id.into(),
            parents: Vec::new(),
            event: "test".into(),
            phase,
            stream: String::new(),
            pts: None,
            time: None,
            frame: FRAME,
            rule: None,
            zone: None,
            line: None,
            object: None,
            data: Map::new(),
        })),
    }
}

fn objects() -> Record {
    Record {
        pts: None,
        payload: Payload::Objects(Arc::new(ObjectsRecord {
            schema: Cow::Borrowed(SCHEMA),
            stream: String::new(),
            pts: None,
            time: None,
            frame: FRAME,
            inferred: true,
            objects: Vec::new(),
        })),
    }
}

/// `+a` starts a, `-a` ends it, `~a` updates it, `!a` is an instant, `o` a record of objects.
fn record(text: &str) -> Record {
    let id = &text[1..];
    match text.as_bytes()[0] {
        b'+' => event(Phase::Start, id),
        b'-' => event(Phase::End, id),
        b'~' => event(Phase::Update, id),
        b'!' => event(Phase::Instant, id),
        _ => objects(),
    }
}

fn text(record: &Record) -> String {
    match record.phase() {
        Some(Phase::Start) => format!("+{}", record.id()),
        Some(Phase::End) => format!("-{}", record.id()),
        Some(Phase::Update) => format!("~{}", record.id()),
        Some(Phase::Instant) => format!("!{}", record.id()),
        None => "o".into(),
    }
}

fn push(queue: &mut Queue<Mark>, records: &str) {
    for text in records.split_whitespace() {
        queue.push(record(text));
    }
}

/// Takes up to `n` records out and confirms them.
fn deliver(queue: &mut Queue<Mark>, n: usize) -> String {
    let mut out = Vec::new();
    while out.len() < n {
        match queue.pop() {
            Some(Item::Record(record)) => {
                queue.confirm(&record);
                out.push(text(&record));
            }
            Some(_) => {}
            None => break,
        }
    }
    out.join(" ")
}

#[test]
fn what_matters_least_is_dropped_first_and_oldest_first() {
    // Room for 4 records: what is delivered before, what comes, what is left.
    for (delivered, pushed, left) in [
        ("", "o +a o !i +b", "+a o !i +b"),
        ("", "!i +a +b +c o", "!i +a +b +c"),
        ("", "!i +a !j +b +c", "+a !j +b +c"),
        ("", "+a +b +c +d !i", "+a +b +c +d"),
        ("", "+a ~a +b +c +d", "+a +b +c +d"),
        ("", "+a +b -a +c +d", "+b +c +d"),
        ("", "+a +b -b +c -a", "+a +c -a"),
        ("", "+a +b +c +d +e", "+b +c +d +e"),
        // The end of a start that was dropped is dropped too.
        ("", "+a +b +c +d +e -a ~a", "+b +c +d +e"),
        // An end without room takes its waiting start with it.
        ("", "+a +b +c +d -c", "+a +b +d"),
        // The end of a delivered start always has room.
        ("+x", "+a +b +c +d -x", "+b +c +d -x"),
        ("+v +w +x +y +z", "-v -w -x -y -z", "-v -w -x -y -z"),
        ("+v +w +x +y +z", "-v -w -x -y -z +a o !i", "-v -w -x -y -z"),
        // What the pad never heard of does not end.
        ("", "-n ~n +a", "+a"),
    ] {
        let mut queue = Queue::new(4);
        push(&mut queue, delivered);
        let n = delivered.split_whitespace().count().min(4);
        if n > 0 {
            // Fill and empty in turn: the queue has room for four.
            queue = Queue::new(4);
            for start in delivered.split_whitespace() {
                push(&mut queue, start);
                assert_eq!(deliver(&mut queue, 1), start);
            }
        }
        push(&mut queue, pushed);
        assert_eq!(
            deliver(&mut queue, usize::MAX),
            left,
            "{delivered} | {pushed}"
        );
    }
}

#[test]
fn every_record_is_accounted_for() {
    let mut queue = Queue::new(2);
    push(&mut queue, "+a o o +b +c -a !i");
    deliver(&mut queue, 1);
    let counts = queue.counts();
    let sum = counts.delivered + counts.dropped + counts.discarded + queue.len() as u64;
    assert_eq!(counts.received, sum);
    assert_eq!(counts.received, 7);
}

#[test]
fn a_start_that_comes_back_may_be_dropped_again() {
    let mut queue = Queue::new(2);
    push(&mut queue, "+a +b");
    let item = queue.pop().unwrap();
    // While it is with the consumer its end is owed …
    push(&mut queue, "-a");
    queue.put_back(item);
    // … and when it is back, the pair may go.
    push(&mut queue, "+c");
    assert_eq!(deliver(&mut queue, usize::MAX), "+b +c");
}

#[test]
fn a_flush_leaves_only_the_ends_of_delivered_starts() {
    let mut queue = Queue::new(9);
    push(&mut queue, "+a +b");
    deliver(&mut queue, 2);
    push(&mut queue, "!i +c -a -c o");
    queue.push_control(Mark('s'));
    queue.push_control(Mark('x'));
    let owed = queue.flush(|mark| mark.0 == 's');
    assert_eq!(owed.iter().map(text).collect::<Vec<_>>(), ["-a"]);
    assert!(matches!(queue.pop(), Some(Item::Control(Mark('s')))));
    assert!(queue.pop().is_none());
    for record in owed {
        queue.release(record);
    }
    push(&mut queue, "-b -c");
    assert_eq!(deliver(&mut queue, usize::MAX), "-a -b");
}

#[test]
fn gaps_but_the_last_become_one_until_they_are_taken() {
    let mut queue: Queue<Mark> = Queue::new(4);
    let gap = |start, end| Gap { start, end };
    queue.push_gap(gap(0, 10));
    queue.push_gap(gap(10, 20));
    queue.push_gap(gap(20, 30));
    assert!(matches!(queue.pop(), Some(Item::Gap(g)) if g == gap(0, 20)));
    assert!(matches!(queue.pop(), Some(Item::Gap(g)) if g == gap(20, 30)));
    assert!(queue.pop().is_none() && queue.is_empty());
    // A record tells the time itself.
    queue.push_gap(gap(20, 30));
    push(&mut queue, "+a");
    queue.push_gap(gap(40, 50));
    assert_eq!(deliver(&mut queue, 1), "+a");
    let Some(item) = queue.pop() else { panic!() };
    queue.push_gap(gap(50, 60));
    queue.put_back(item);
    queue.push_gap(gap(60, 70));
    assert!(matches!(queue.pop(), Some(Item::Gap(g)) if g == gap(40, 60)));
    assert!(matches!(queue.pop(), Some(Item::Gap(g)) if g == gap(60, 70)));
}

#[test]
fn control_items_of_an_endless_playlist_do_not_pile_up() {
    let mut queue = Queue::new(2);
    for _ in 0..1000 {
        for mark in ['s', 'g', 'e'] {
            queue.push_control(Mark(mark));
        }
        push(&mut queue, "!i");
    }
    assert!(queue.items.len() < 40, "{}", queue.items.len());
    // The last of each kind is there, in order.
    let mut marks = String::new();
    while let Some(item) = queue.pop() {
        if let Item::Control(mark) = item {
            marks.push(mark.0);
        }
    }
    assert!(marks.ends_with("sge"), "{marks}");
}

/// A step of a stream: things begin, are updated and end; the consumer takes some.
#[derive(Debug, Clone)]
enum Step {
    Start,
    End(usize),
    Update(usize),
    Instant,
    Objects,
    Deliver(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Start),
        (0usize..8).prop_map(Step::End),
        (0usize..8).prop_map(Step::Update),
        Just(Step::Instant),
        Just(Step::Objects),
        (0usize..4).prop_map(Step::Deliver),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn a_consumer_gets_an_end_for_each_start_and_a_start_for_each_end(steps in steps(), capacity in 1usize..8) {
        let mut queue = Queue::new(capacity);
        let (mut open, mut next) = (Vec::<u32>::new(), 0u32);
        let mut got = Vec::new();
        let take = |queue: &mut Queue<Mark>, n| {
            let line = deliver(queue, n);
            line.split_whitespace().map(str::to_string).collect::<Vec<_>>()
        };
        for step in steps {
            match step {
                Step::Start => {
                    push(&mut queue, &format!("+{next}"));
                    open.push(next);
                    next += 1;
                }
                Step::End(i) if i < open.len() => push(&mut queue, &format!("-{}", open.remove(i))),
                Step::Update(i) if i < open.len() => push(&mut queue, &format!("~{}", open[i])),
                Step::Instant => push(&mut queue, "!i"),
                Step::Objects => push(&mut queue, "o"),
                Step::Deliver(n) => got.extend(take(&mut queue, n)),
                _ => {}
            }
            prop_assert!(queue.len() <= capacity.max(next as usize));
        }
        for id in open {
            push(&mut queue, &format!("-{id}"));
        }
        got.extend(take(&mut queue, usize::MAX));
        let mut started = std::collections::BTreeSet::new();
        for line in got {
            let id = line[1..].to_string();
            match line.as_bytes()[0] {
                b'+' => prop_assert!(started.insert(id)),
                b'-' => prop_assert!(started.remove(&id), "an end without its start"),
                b'~' => prop_assert!(started.contains(&id), "an update without its start"),
                _ => {}
            }
        }
        prop_assert!(started.is_empty(), "starts without their ends: {:?}", started);
        prop_assert!(queue.open.is_empty());
    }
}
