use super::*;
use crate::spans::tests::log;

fn figures(log: &Log) -> Figures {
    Figures::of(log, &Run::default())
}

fn objects_line(stream: &str, seconds: u64, objects: &[(&str, u64)]) -> String {
    let objects: Vec<_> = objects
        .iter()
        .map(|(label, track)| {
            format!(r#"{{"track":{track},"label":"{label}","confidence":0.5,"box":{{"x":0,"y":0,"w":1,"h":1}}}}"#)
        })
        .collect();
    format!(
        r#"{{"schema":"vigil/1","stream":"{stream}","pts":{},"frame":{{"number":0,"width":0,"height":0}},"inferred":true,"objects":[{}]}}"#,
        seconds * 1_000_000_000,
        objects.join(",")
    )
}

#[test]
fn zones_tell_who_is_inside_and_for_how_long() {
    let log = log(&[
        ("zone.entered", "start", "A", Some(0.0), r#"{"inside":1}"#),
        ("zone.entered", "start", "B", Some(1.0), r#"{"inside":2}"#),
        (
            "zone.exited",
            "end",
            "A",
            Some(3.0),
            r#"{"duration":2.5,"reason":"outside","inside":1}"#,
        ),
        (
            "zone.exited",
            "end",
            "B",
            Some(4.0),
            r#"{"duration":3.5,"reason":"eos","inside":0}"#,
        ),
    ]);
    let figures = figures(&log);
    let [zone] = &figures.zones[..] else {
        panic!("{figures:?}")
    };
    assert_eq!(
        (zone.name.as_str(), zone.inside.max(), zone.inside.last()),
        ("zone-1", 2.0, 0.0)
    );
    assert_eq!(zone.dwell, [(2.5, 0), (3.5, 1)]);
    assert_eq!(zone.dwell_mean(), Some(3.0));
    assert_eq!(zone.dwell_percentile(50.0), Some(2.5));
}

#[test]
fn lines_are_counted_by_direction_as_the_element_counts() {
    let crossed = |id, at, direction, counts: Option<(u32, u32)>| {
        let counts = counts
            .map(|(f, b)| format!(r#","counts":{{"forward":{f},"backward":{b}}}"#))
            .unwrap_or_default();
        let data = format!(r#"{{"direction":"{direction}"{counts}}}"#);
        ("line.crossed", "instant", id, Some(at), data)
    };
    for (told, expected) in [
        // One forward crossing made no event.
        ([Some((0, 1)), Some((2, 1)), Some((2, 2))], (2.0, 2.0)),
        // The element started again after the first.
        ([Some((0, 1)), Some((1, 0)), Some((1, 1))], (1.0, 2.0)),
        ([None, None, None], (1.0, 2.0)),
    ] {
        let events = [
            crossed("A", 0.0, "backward", told[0]),
            crossed("B", 1.0, "forward", told[1]),
            crossed("C", 2.0, "backward", told[2]),
        ];
        let events: Vec<_> = events
            .iter()
            .map(|(event, phase, id, at, data)| (*event, *phase, *id, *at, data.as_str()))
            .collect();
        let figures = figures(&log(&events));
        let line = &figures.lines[0];
        assert_eq!(
            (line.forward.last(), line.backward.last()),
            expected,
            "{told:?}"
        );
    }
}

#[test]
fn an_object_of_two_rules_is_counted_once() {
    let log = log(&[
        ("object.appeared", "start", "A", Some(1.0), "{}"),
        ("object.appeared", "start", "B", Some(1.0), "{}"),
        (
            "object.left",
            "end",
            "A",
            Some(5.0),
            r#"{"duration":4.0,"reason":"absent"}"#,
        ),
        (
            "object.left",
            "end",
            "B",
            Some(9.0),
            r#"{"duration":8.0,"reason":"absent"}"#,
        ),
    ]);
    let figures = figures(&log);
    assert_eq!(figures.objects, [("person".into(), 1)]);
    assert_eq!(figures.objects_from, ObjectsFrom::Events);
    let (name, means) = &figures.presence[0];
    assert_eq!(name, "person");
    // First seen at 0, last at 8.
    assert!(
        (figures.bins.width - 0.5).abs() < 1e-9,
        "{:?}",
        figures.bins
    );
    assert_eq!(
        (means[0], means[15], means[16]),
        (Some(1.0), Some(1.0), Some(0.0))
    );
}

#[test]
fn objects_of_several_streams_add_up() {
    let mut log = Log::default();
    let lines = [
        objects_line("a", 0, &[("car", 1), ("car", 2)]),
        objects_line("a", 0, &[("car", 1)]),
        objects_line("b", 0, &[("car", 1), ("dog", 2)]),
        objects_line("b", 120, &[("bus", 1)]),
        objects_line("b", 120, &[("bus", 1)]),
    ];
    log.read("o", lines.join("\n").as_bytes()).unwrap();
    let figures = figures(&log);
    // Track 1 of b was a bus more often than a car.
    let expected = [("car", 2), ("bus", 1), ("dog", 1)].map(|(l, n)| (l.to_owned(), n));
    assert_eq!(figures.objects, expected);
    let means = |class: &str| {
        let found = figures.presence.iter().find(|(name, _)| name == class);
        found.unwrap().1.clone()
    };
    let last = figures.bins.count - 1;
    assert_eq!((means("car")[0], means("car")[1]), (Some(2.5), None));
    assert_eq!(
        (means("bus")[last], means("dog")[last]),
        (Some(1.0), Some(0.0))
    );
    assert_eq!(figures.frames, Some(5));
}

#[test]
fn rare_classes_share_a_colour() {
    let labels = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut log = Log::default();
    for (i, label) in labels.iter().enumerate() {
        let many: Vec<_> = (0..20 - i as u64)
            .map(|t| (*label, i as u64 * 100 + t))
            .collect();
        log.read("o", objects_line("s", 0, &many).as_bytes())
            .unwrap();
    }
    let classes = figures(&log).classes;
    assert_eq!(classes.index("a"), 0);
    assert_eq!(
        (classes.index("f"), classes.index("g"), classes.index("?")),
        (5, 6, 6)
    );
    assert_eq!(classes.legend().last(), Some(&(6, "others".into())));
}

#[test]
fn what_is_odd_is_noted() {
    let mut log = log(&[
        (
            "zone.exited",
            "end",
            "A",
            Some(5.0),
            r#"{"duration":1,"reason":"eos","inside":0}"#,
        ),
        ("object.appeared", "start", "B", Some(1.0), "{}"),
        ("object.appeared", "start", "C", None, "{}"),
    ]);
    log.warnings.push("careful".into());
    let notes = figures(&log).notes;
    let expected = [
        "careful",
        "1 end has no start",
        "1 start has no end",
        "1 event says neither",
    ];
    assert_eq!(notes.len(), expected.len());
    for (note, expected) in notes.iter().zip(expected) {
        assert!(note.starts_with(expected), "{note}");
    }
}
