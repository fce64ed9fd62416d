//! What becomes of events that wait for a verdict.

use proptest::prelude::*;
use vigil_analytics::event::{Frame, SCHEMA};

use super::*;

fn event(id: usize, phase: Phase) -> Event {
    Event {
        schema: SCHEMA.into(),
        id: format!("{id:026}"),
        parents: Vec::new(),
        event: "zone.entered".into(),
        phase,
        stream: "s".into(),
        pts: Some(id as u64),
        time: None,
        frame: Frame {
            number: 0,
            width: 0,
            height: 0,
        },
        rule: Some("door".into()),
        zone: Some("door".into()),
        line: None,
        object: None,
        data: Map::new(),
    }
}

fn rule(otherwise: Otherwise) -> Option<Arc<Verify>> {
    Some(Arc::new(Verify {
        question: None,
        timeout: 1_000_000_000,
        otherwise,
    }))
}

const PUBLISH: Otherwise = Otherwise::Publish;
const DROP: Otherwise = Otherwise::Drop;

fn verdict(id: usize, answer: Answer) -> Verdict {
    Verdict {
        answer,
        reason: None,
        ..Verdict::none(&format!("{id:026}"), "")
    }
}

/// What was told: `0 start true`.
fn story(events: &[Event]) -> Vec<String> {
    let words = |event: &Event| {
        let id: usize = event.id.parse().unwrap();
        let phase = serde_json::to_value(event.phase).unwrap();
        let verified = event
            .data
            .get("verified")
            .map_or("-".into(), Value::to_string);
        format!("{id} {} {verified}", phase.as_str().unwrap())
    };
    events.iter().map(words).collect()
}

fn judge(court: &mut Court, verdict: &Verdict) -> Vec<Event> {
    let mut out = Vec::new();
    assert!(court.judge(verdict, &mut out));
    out
}

#[test]
fn events_of_other_rules_pass() {
    let (mut court, now) = (Court::default(), Instant::now());
    for phase in [Phase::Start, Phase::Update, Phase::End, Phase::Instant] {
        let event = event(0, phase);
        assert_eq!(court.take(event.clone(), None, now), Fate::Told(event));
    }
    assert_eq!((court.pending(), court.deadline()), (0, None));
}

#[test]
fn an_answer_decides_about_an_event_and_its_end() {
    for (answer, otherwise, told) in [
        (Answer::Yes, PUBLISH, Some(true)),
        (Answer::Yes, DROP, Some(true)),
        (Answer::No, PUBLISH, None),
        (Answer::No, DROP, None),
        (Answer::Unsure, PUBLISH, Some(false)),
        (Answer::Unsure, DROP, None),
        (Answer::None, PUBLISH, Some(false)),
        (Answer::None, DROP, None),
    ] {
        for end_first in [false, true] {
            let (mut court, now) = (Court::default(), Instant::now());
            let (start, end) = (event(0, Phase::Start), event(0, Phase::End));
            let verify = rule(otherwise).unwrap();
            let fate = court.take(start.clone(), Some(verify.clone()), now);
            assert_eq!(fate, Fate::Held(start, verify.clone()));
            let mut all = Vec::new();
            if end_first {
                assert_eq!(court.take(end.clone(), Some(verify), now), Fate::Silent);
                all.extend(judge(&mut court, &verdict(0, answer)));
            } else {
                all.extend(judge(&mut court, &verdict(0, answer)));
                if let Fate::Told(end) = court.take(end, Some(verify), now) {
                    all.push(end);
                }
            }
            let expected: Vec<_> = told.map_or(Vec::new(), |verified| {
                vec![format!("0 start {verified}"), format!("0 end {verified}")]
            });
            assert_eq!(
                story(&all),
                expected,
                "{answer:?} {otherwise:?} {end_first}"
            );
            assert!(court.decided.is_empty());
        }
    }
}

#[test]
fn who_reads_an_event_sees_how_it_was_verified() {
    let (mut court, now) = (Court::default(), Instant::now());
    court.take(event(0, Phase::Instant), rule(PUBLISH), now);
    let said = Verdict {
        caption: Some("01JGGWZ0M0E9Q8K4V0B7M7TQ5A".into()),
        text: Some("a man\u{7}\n at the door".into()),
        model: Some("m".into()),
        latency: Some(0.123_456),
        ..verdict(0, Answer::Yes)
    };
    let told = judge(&mut court, &said);
    assert_eq!(
        told[0].data["verification"],
        json!({"answer": "yes", "caption": "01JGGWZ0M0E9Q8K4V0B7M7TQ5A",
               "text": "a man at the door", "model": "m", "latency": 0.123})
    );
    assert_eq!(told[0].pts, Some(0));
    // What others send may be anything.
    court.take(event(1, Phase::Instant), rule(PUBLISH), now);
    let odd = Verdict {
        caption: Some("no id".into()),
        text: Some("x".repeat(10_000)),
        reason: Some("No such thing!".into()),
        ..verdict(1, Answer::None)
    };
    let told = judge(&mut court, &odd);
    let verification = &told[0].data["verification"];
    assert_eq!(verification["reason"], "other");
    assert_eq!(verification["text"].as_str().unwrap().len(), LONGEST_TEXT);
    assert!(verification.get("caption").is_none() && verification.get("answer").is_none());
}

#[test]
fn without_an_answer_in_time_the_rule_decides() {
    let (mut court, now) = (Court::default(), Instant::now());
    court.take(event(0, Phase::Start), rule(PUBLISH), now);
    court.take(event(1, Phase::Start), rule(DROP), now);
    let later = now + Duration::from_millis(600);
    court.take(event(2, Phase::Start), rule(PUBLISH), later);
    assert_eq!(court.deadline(), Some(now + Duration::from_secs(1)));
    let mut out = Vec::new();
    court.expire(now + Duration::from_millis(999), &mut out);
    assert!(out.is_empty());
    court.expire(now + Duration::from_secs(1), &mut out);
    assert_eq!(story(&out), ["0 start false"]);
    assert_eq!(out[0].data["verification"], json!({"reason": "timeout"}));
    assert_eq!(court.deadline(), Some(later + Duration::from_secs(1)));
    // An answer that comes now changes nothing.
    assert!(judge(&mut court, &verdict(0, Answer::No)).is_empty());
    assert!(judge(&mut court, &verdict(1, Answer::Yes)).is_empty());
    let counts = court.counts();
    assert_eq!((counts.unverified, counts.dropped, counts.late), (1, 1, 2));
    assert_eq!(
        counts.unanswered,
        BTreeMap::from([("timeout".to_string(), 2)])
    );
    // One of somebody else's is none of ours.
    assert!(!court.judge(&verdict(77, Answer::Yes), &mut out));
}

#[test]
fn what_nobody_needs_any_more_is_dropped_with_all_that_follows() {
    let (mut court, now) = (Court::default(), Instant::now());
    for id in 0..2 {
        court.take(event(id, Phase::Start), rule(PUBLISH), now);
    }
    court.take(event(1, Phase::End), rule(PUBLISH), now);
    court.clear("flush");
    assert_eq!(court.take(event(0, Phase::End), None, now), Fate::Silent);
    assert_eq!(court.counts().dropped, 2);
    assert_eq!(court.counts().unanswered["flush"], 2);
    assert!(court.decided.is_empty() && court.pending() == 0);
}

#[test]
fn what_waits_is_bounded_whoever_answers() {
    let (mut court, now) = (Court::default(), Instant::now());
    for id in 0..MOST + 5 {
        let fate = court.take(event(id, Phase::Instant), rule(PUBLISH), now);
        assert_eq!(matches!(fate, Fate::Told(_)), id >= MOST, "{id}");
    }
    assert_eq!(court.counts().unanswered["too-many"], 5);
    for id in 0..MOST {
        let reason = format!("r{}", id % 100);
        let none = Verdict::none(&format!("{id:026}"), &reason);
        judge(&mut court, &none);
    }
    assert!(court.counts().unanswered.len() <= MOST_REASONS + 1);
    assert!(court.given_up.len() <= REMEMBERED);
}

/// Something that may come.
#[derive(Debug, Clone)]
enum Step {
    Begin(usize, bool, bool),
    End(usize),
    Judge(usize, u8),
    Pass(u64),
    Abandon,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..12usize, any::<bool>(), any::<bool>())
            .prop_map(|(id, instant, publish)| Step::Begin(id, instant, publish)),
        4 => (0..12usize).prop_map(Step::End),
        4 => (0..12usize, 0..4u8).prop_map(|(id, answer)| Step::Judge(id, answer)),
        2 => (0..700u64).prop_map(Step::Pass),
        1 => Just(Step::Abandon),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn each_event_is_settled_once(steps in steps()) {
        let (mut court, mut now) = (Court::default(), Instant::now());
        let mut begun: HashMap<usize, bool> = HashMap::new();
        let mut ended = std::collections::HashSet::new();
        let mut told: Vec<Event> = Vec::new();
        let mut refuted = Vec::new();
        for step in steps {
            let mut out = Vec::new();
            match step {
                Step::Begin(id, instant, publish) if !begun.contains_key(&id) => {
                    begun.insert(id, instant);
                    let phase = if instant { Phase::Instant } else { Phase::Start };
                    let otherwise = if publish { PUBLISH } else { DROP };
                    let fate = court.take(event(id, phase), rule(otherwise), now);
                    prop_assert!(matches!(fate, Fate::Held(..)));
                }
                Step::End(id) if begun.get(&id) == Some(&false) && ended.insert(id) => {
                    if let Fate::Told(end) = court.take(event(id, Phase::End), None, now) {
                        out.push(end);
                    }
                }
                Step::Judge(id, answer) => {
                    let answers = [Answer::Yes, Answer::No, Answer::Unsure, Answer::None];
                    let answer = answers[usize::from(answer)];
                    let before = court.counts().refuted;
                    court.judge(&verdict(id, answer), &mut out);
                    if court.counts().refuted > before {
                        refuted.push(id);
                    }
                }
                Step::Pass(ms) => {
                    now += Duration::from_millis(ms);
                    court.expire(now, &mut out);
                }
                Step::Abandon => court.abandon_all("eos", &mut out),
                Step::Clear => court.clear("flush"),
                _ => {}
            }
            told.extend(out);
            let counts = court.counts().clone();
            let settled = counts.verified + counts.refuted + counts.unverified + counts.dropped;
            prop_assert_eq!(settled as usize + court.pending(), begun.len());
            let unanswered: u64 = counts.unanswered.values().sum();
            prop_assert_eq!(unanswered, counts.unverified + counts.dropped);
        }
        let mut last = Vec::new();
        court.abandon_all("shutdown", &mut last);
        told.extend(last);
        let of = |id: usize, first: bool| {
            let id = format!("{id:026}");
            told.iter().filter(|e| e.id == id && (e.phase != Phase::End) == first).count()
        };
        let mut starts = 0;
        for (&id, instant) in &begun {
            let (first, end) = (of(id, true), of(id, false));
            starts += first as u64;
            prop_assert!(first <= 1 && end <= first);
            prop_assert!(!refuted.contains(&id) || first == 0);
            // Every start has its end.
            prop_assert_eq!(end, first * usize::from(!instant && ended.contains(&id)));
        }
        let counts = court.counts();
        prop_assert_eq!(starts, counts.verified + counts.unverified);
        prop_assert_eq!(refuted.len() as u64, counts.refuted);
        // And comes after it.
        for (i, event) in told.iter().enumerate().filter(|(_, e)| e.phase == Phase::End) {
            prop_assert!(told[..i].iter().any(|start| start.id == event.id));
        }
        prop_assert!(court.decided.len() <= begun.len());
    }
}
