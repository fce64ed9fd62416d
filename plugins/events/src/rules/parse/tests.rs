//! Bad rules, and what is said about them.

use crate::rules::Rules;
use crate::rules::geometry::{Anchor, Units};
use crate::rules::model::{Directions, MS};

mod verify;

#[test]
fn toml_and_json_say_the_same() {
    let toml = r#"
        [[object]]
        name = "people"
        labels = ["person"]
        min-confidence = 0.5
        min-sightings = 3
        left-after-ms = 1500

        [[zone]]
        name = "door"
        polygon = [[100, 0], [200, 0], [200, 0x50]]
        units = "pixels"
        anchor = "center"
        enter-after-ms = 0
        exit-after-ms = 1_000

        [[line]]
        name = "gate"
        from = [0, 0.5]
        to = [1, 5e-1]
        direction = "forward"
        margin = 0.01
    "#;
    let json = r#"{
        "line": [{"name": "gate", "from": [0, 0.5], "to": [1, 0.5], "direction": "forward", "margin": 0.01}],
        "zone": [{"name": "door", "polygon": [[100, 0], [200, 0], [200, 80]], "units": "pixels",
                  "anchor": "center", "enter-after-ms": 0, "exit-after-ms": 1000}],
        "object": [{"name": "people", "labels": ["person"], "min-confidence": 0.5,
                    "min-sightings": 3, "left-after-ms": 1500}]
    }"#;
    let rules = Rules::from_toml(toml, "t").unwrap();
    assert_eq!(rules, Rules::from_json(json, "j").unwrap());
    assert_eq!(rules.len(), 3);
    assert_eq!(rules.objects[0].left_after, 1500 * MS);
    assert_eq!(rules.zones[0].zone.units, Units::Pixels);
    assert_eq!(rules.zones[0].anchor, Anchor::Center);
    assert_eq!(rules.zones[0].left_after, 1000 * MS);
    assert_eq!(rules.lines[0].directions, Directions::Forward);
}

#[test]
fn no_rules_are_no_rules() {
    for rules in [Rules::from_toml("", "t"), Rules::from_json("{}", "j")] {
        assert_eq!(rules.unwrap(), Rules::none());
    }
}

const POLYGON: &str = "polygon = [[0.1,0.1],[0.9,0.1],[0.9,0.9]]";

#[test]
fn bad_toml_is_refused_with_line_and_remedy() {
    let zone = |rest: &str| format!("# a comment\n[[zone]]\nname = \"door\"\n{rest}\n");
    let line = |rest: &str| format!("[[line]]\nname = \"gate\"\n{rest}\n");
    let cases = [
        // Shapes.
        (
            zone("polygon = [[0,0],[1,1]]"),
            "line 4, column 11: zone \"door\": polygon: a zone needs 3 points or more, this one has 2",
        ),
        (zone("polygon = []"), "this one has 0"),
        (
            zone("polygon = [\n  [0,0],\n  [1,1],\n  [1,0],\n  [0,1],\n]"),
            "line 7, column 3: zone \"door\": polygon: the polygon crosses itself: the edge after point 1 meets the edge after point 3",
        ),
        (
            zone("polygon = [[0,0],[0.5,0.5],[1,1]]"),
            "line 4, column 11: zone \"door\": polygon: the zone has no area",
        ),
        (
            zone("polygon = [[0,0],[1,0],[1,0],[1,1]]"),
            "line 4, column 24: zone \"door\": polygon: points 2 and 3 are the same (1, 0)",
        ),
        (
            zone("polygon = [\n [0,0],\n [640,0],\n [1,1]]"),
            "line 6, column 2: zone \"door\": polygon: 640 is outside 0..1: coordinates are fractions of the frame's width and height; for pixels add units = \"pixels\"",
        ),
        (
            zone("polygon = [[0,0],[1,0],[1,-0.1]]"),
            "-0.1 is outside 0..1",
        ),
        (
            zone("polygon = [[0,0],[1,0],[1,nan]]"),
            "NaN is outside 0..1",
        ),
        (
            zone("polygon = [[0,0],[1,0],[1,inf]]"),
            "inf is outside 0..1",
        ),
        (
            zone("units=\"pixels\"\npolygon = [[0,0],[1,0],[1,-3]]"),
            "line 5, column 24: zone \"door\": polygon: -3 is no pixel position",
        ),
        (
            zone("units=\"pixels\"\npolygon = [[0,0],[1,0],[1,1e9]]"),
            "1000000000 is no pixel position",
        ),
        (
            zone("polygon = [[0,0],[1,0],[1]]"),
            "column 24: zone \"door\": polygon: expected a point [x, y] of two numbers, found a list of 1 values",
        ),
        (
            zone("polygon = [[0,0],[1,0],[1,\"1\"]]"),
            "polygon: expected a point [x, y] of two numbers",
        ),
        (
            zone("polygon = [0,0,1,0,1,1]"),
            "polygon: expected a point [x, y] of two numbers, found a number",
        ),
        (
            zone("polygon = \"all\""),
            "polygon: expected a list of points, like [[0.1, 0.2], …], found text",
        ),
        (
            zone(""),
            "line 2, column 1: zone \"door\": polygon is missing: add polygon = [[x, y]",
        ),
        (
            line("from=[0.5,0.5]\nto=[0.5,0.5]"),
            "line 4, column 4: line \"gate\": to: the line has no length: from and to are the same point (0.5, 0.5)",
        ),
        (
            line("from=[0,2]\nto=[1,1]"),
            "line 3, column 6: line \"gate\": from: 2 is outside 0..1",
        ),
        (
            line("from=[0,0]\nto=[1,1.5]"),
            "line 4, column 4: line \"gate\": to: 1.5 is outside 0..1",
        ),
        (
            line("from=[0,0]"),
            "line \"gate\": to is missing: add to = [x, y]",
        ),
        // Names.
        (
            zone(POLYGON).replace("name = \"door\"", ""),
            "zone: name is missing",
        ),
        (
            zone(POLYGON).replace("\"door\"", "\" \""),
            "name: expected a name, found empty text",
        ),
        (
            zone(POLYGON).replace("\"door\"", "\"a\\u0007\""),
            "name: control characters are not allowed",
        ),
        (
            zone(POLYGON).replace("\"door\"", "3"),
            "zone: name: expected a name, found a number",
        ),
        (
            format!("{}[[object]]\nname = \"door\"\n", zone(POLYGON)),
            "line 6, column 8: object \"door\": the name is taken by another rule (zone \"door\")",
        ),
        // Kinds and fields.
        (
            "[[zones]]\nname='a'".into(),
            "line 1, column 3: unknown kind of rule \"zones\": did you mean \"zone\"? Known: object, zone, line",
        ),
        (
            "[[counting]]\nname='a'".into(),
            "unknown kind of rule \"counting\". Known: object, zone, line",
        ),
        (
            "units = \"pixels\"".into(),
            "line 1, column 1: unknown kind of rule \"units\"",
        ),
        (
            "[zone]\nname='a'".into(),
            "zone: expected a list of rules (in TOML [[zone]] with double brackets, in JSON \"zone\": [{…}]), found a table",
        ),
        (
            "zone = [1]".into(),
            "zone: expected a table of fields (name, polygon",
        ),
        (
            zone(&format!("{POLYGON}\nlabel = [\"person\"]")),
            "line 5, column 1: zone \"door\": unknown field \"label\": did you mean \"labels\"? Known: name, polygon, units, anchor",
        ),
        (
            zone(&format!("{POLYGON}\nmin_confidence = 0.5")),
            "did you mean \"min-confidence\"?",
        ),
        (
            zone(&format!("{POLYGON}\ncolour = \"red\"")),
            "zone \"door\": unknown field \"colour\". Known: name",
        ),
        // Values.
        (
            zone(&format!("{POLYGON}\nunits = \"pixel\"")),
            "line 5, column 9: zone \"door\": unknown units \"pixel\": did you mean \"pixels\"? Known: normalized, pixels",
        ),
        (
            zone(&format!("{POLYGON}\nanchor = \"bottom\"")),
            "unknown anchor \"bottom\". Known: bottom-center, center, top-center",
        ),
        (
            zone(&format!("{POLYGON}\nanchor = 1")),
            "anchor: expected one of bottom-center, center",
        ),
        (
            line("from=[0,0]\nto=[1,1]\ndirection='forwards'"),
            "unknown direction \"forwards\": did you mean \"forward\"?",
        ),
        (
            line("from=[0,0]\nto=[1,1]\nmargin=5"),
            "margin: 5 is not a number in 0..0.5",
        ),
        (
            zone(&format!("{POLYGON}\nmin-confidence = 50")),
            "min-confidence: 50 is not a number in 0..1",
        ),
        (
            zone(&format!("{POLYGON}\nmin-confidence = \"high\"")),
            "min-confidence: expected a number in 0..1, found text",
        ),
        (
            zone(&format!("{POLYGON}\nmin-sightings = 1.5")),
            "min-sightings: 1.5 is no whole number",
        ),
        (
            zone(&format!("{POLYGON}\nmin-sightings = 0")),
            "min-sightings: 0 is not a number in 1..1000",
        ),
        (
            zone(&format!("{POLYGON}\nenter-after-ms = -1")),
            "enter-after-ms: -1 is not a number in 0..3600000",
        ),
        (
            zone(&format!("{POLYGON}\nexit-after-ms = true")),
            "exit-after-ms: expected a number in 0..3600000, found a truth value",
        ),
        (
            zone(&format!("{POLYGON}\nlabels = \"person\"")),
            "labels: expected a list of texts, like [\"person\"], found text",
        ),
        (
            zone(&format!("{POLYGON}\nlabels = []")),
            "labels: the list is empty: name what is wanted, or leave the field out",
        ),
        (
            zone(&format!("{POLYGON}\nlabels = [1]")),
            "labels: expected a list of texts, found a number",
        ),
        (
            zone(&format!("{POLYGON}\nmin-sightings = 99999999999999999999")),
            "line 5",
        ),
        // The notation itself.
        ("[[zone]\nname='a'".into(), "rules.toml, line 1"),
        (
            "[[zone]]\nname='a'\nname='b'".into(),
            "line 3, column 1: duplicate key",
        ),
        ("zöne = 'é' é".into(), "line 1, column 12"),
    ];
    for (text, expected) in cases {
        let error = Rules::from_toml(&text, "rules.toml")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(expected),
            "{text}\n  gave: {error}\n  not:  {expected}"
        );
        assert!(error.starts_with("rules.toml, line "), "{error}");
    }
}

#[test]
fn bad_json_is_refused_with_line_and_remedy() {
    let zone = |rest: &str| format!("{{\n \"zone\": [{{\"name\": \"door\",\n  {rest}}}]}}");
    let ok = r#""polygon": [[0.1,0.1],[0.9,0.1],[0.9,0.9]]"#;
    let cases = [
        (
            zone(r#""polygon": [[0,0],[1,1]]"#),
            "line 3, column 14: zone \"door\": polygon: a zone needs 3 points",
        ),
        (
            zone("\"polygon\": [[0,0],\n[2,0],[1,1]]"),
            "line 4, column 1: zone \"door\": polygon: 2 is outside 0..1",
        ),
        (
            zone(&format!("{ok},\n \"ancor\": \"center\"")),
            "line 4, column 2: zone \"door\": unknown field \"ancor\": did you mean \"anchor\"?",
        ),
        (
            zone(&format!("{ok}, \"anchor\": null")),
            "anchor: expected one of bottom-center, center, top-center, left-center, right-center, found null",
        ),
        (
            zone(&format!("{ok}, \"name\": \"b\"")),
            "line 3, column 47: \"name\" is given twice",
        ),
        (
            zone(""),
            "line 3, column 3: no valid JSON: key must be a string",
        ),
        (zone("\"polygon\": [[0,0"), "line 3"),
        ("".into(), "line 1, column 1: no valid JSON: EOF"),
        (
            "[[zone]]\nname = 'a'".into(),
            "line 1, column 3: no valid JSON",
        ),
        (
            "[]".into(),
            "line 1, column 1: expected lists of rules by kind (object, zone, line), found a list",
        ),
        (
            "{\"zone\": {\"name\": \"a\"}}".into(),
            "zone: expected a list of rules",
        ),
        (
            "{\"zone\": [[[[[[[[[[[[1]]]]]]]]]]]]}".into(),
            "nested too deeply",
        ),
        (
            "{\"object\": [{\"name\": \"é\", \"x\": 1}]}".into(),
            "line 1, column 27: object \"é\": unknown field \"x\"",
        ),
        (
            "{\"zone\": [{\"n\\u0061mee\": 1}]}".into(),
            "unknown field \"namee\": did you mean \"name\"?",
        ),
        (
            "{\"line\": [{\"name\": \"a\", \"from\": [1e999, 0], \"to\": [1, 1]}]}".into(),
            "line 1",
        ),
    ];
    for (text, expected) in cases {
        let error = Rules::from_json(&text, "rules").unwrap_err().to_string();
        assert!(
            error.contains(expected),
            "{text}\n  gave: {error}\n  not:  {expected}"
        );
        assert!(error.starts_with("rules, line "), "{error}");
    }
}

#[test]
fn files_that_are_no_rules_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for (path, expected) in [
        (dir.path().join("missing.toml"), "cannot read rules-file"),
        (dir.path().to_path_buf(), "it is no regular file"),
        (write("binary.toml", &[0xff, 0xfe, 0x00]), "it is not UTF-8"),
        (
            write("video.toml", &vec![b'#'; 2 << 20]),
            "is larger than 1 MiB",
        ),
        (
            write("bad.toml", b"\n[[zoom]]"),
            "bad.toml, line 2, column 3: unknown kind",
        ),
        (
            write("bad.json", b"{\n\"zoom\": []}"),
            "bad.json, line 2, column 1: unknown kind",
        ),
    ] {
        let error = Rules::from_file(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "gave: {error}\nnot: {expected}");
    }
    let good = write("good.toml", b"[[object]]\nname = \"all\"\n");
    assert_eq!(Rules::from_file(&good).unwrap().len(), 1);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in "[\\[\\]{}\":,=a-z0-9.\n é-]{0,60}") {
        let _ = Rules::from_toml(&text, "t");
        let _ = Rules::from_json(&text, "j");
    }
}

#[test]
fn the_example_of_the_documentation_has_the_defaults_that_it_says() {
    let page = include_str!("../../../../../docs/vigilevents.md");
    let block = page.split("```toml\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let spelled_out = Rules::from_toml(block, "docs").unwrap();
    let required = ["name", "polygon", "from", "to", "labels", "[["];
    let short: String = block
        .lines()
        .filter(|line| required.iter().any(|field| line.starts_with(field)))
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(short.len() < block.len() / 2);
    assert_eq!(Rules::from_toml(&short, "short").unwrap(), spelled_out);
}
