//! The cards themselves: that they are whole, and that what they say of a model holds together.

use crate::workplace::{CARD, Workplace, root};
use std::collections::BTreeMap;
use toml::{Table, Value};
use vigil_tests::watchdog::within;

/// Licences that cards may name, by their SPDX identifiers.
const LICENCES: [&str; 2] = ["Apache-2.0", "AGPL-3.0-only"];

/// Every variant of every card with its family's tables under it, by name.
fn cards() -> BTreeMap<String, Table> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("models")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let mut family: Table = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let Some(Value::Array(variants)) = family.remove("variants") else {
            panic!("{} has no variants", path.display());
        };
        for variant in variants {
            let mut card = family.clone();
            for (key, value) in variant.as_table().unwrap() {
                match (card.get_mut(key), value) {
                    (Some(Value::Table(held)), Value::Table(own)) => held.extend(own.clone()),
                    _ => drop(card.insert(key.clone(), value.clone())),
                }
            }
            let name = card["name"].as_str().unwrap().to_owned();
            assert!(
                found.insert(name.clone(), card).is_none(),
                "{name} is there twice"
            );
        }
    }
    found
}

fn text<'a>(card: &'a Table, table: &str, key: &str) -> &'a str {
    card[table][key].as_str().unwrap()
}

/// Sides of a shape; `None` for an open one.
fn shape(value: &Value) -> Vec<Option<i64>> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(Value::as_integer)
        .collect()
}

#[test]
fn the_models_that_people_use_are_there() {
    let cards = cards();
    for name in [
        "yolox_nano",
        "yolox_tiny",
        "yolox_s",
        "yolox_m",
        "rtdetr_r18vd",
        "rtdetrv2_s",
        "dfine_s_coco",
        "rfdetr_nano",
        "deimv2_n",
        "yolov5nu",
        "yolov8n",
        "yolov9t",
        "yolov10n",
        "yolo11n",
        "yolo26n",
    ] {
        assert!(cards.contains_key(name), "{name}");
    }
}

#[test]
fn every_card_says_who_made_it_what_it_costs_and_how_good_it_is() {
    for (name, card) in cards() {
        assert!(LICENCES.contains(&text(&card, "licence", "spdx")), "{name}");
        for (table, key) in [
            ("licence", "url"),
            ("source", "project"),
            ("figures", "source"),
        ] {
            assert!(
                text(&card, table, key).starts_with("https://"),
                "{name} {table} {key}"
            );
        }
        assert!(text(&card, "licence", "note").len() > 40, "{name}");
        let ap = card["figures"]["ap"].as_float().unwrap();
        assert!((10.0..70.0).contains(&ap), "{name}: {ap}");
        assert_eq!(text(&card, "figures", "dataset"), "COCO val2017");
        let supported = text(&card, "vigildetect", "supported");
        let read = [
            "yolov5",
            "yolov8",
            "yolox",
            "end-to-end",
            "detr",
            "detr-decoded",
        ]
        .contains(&text(&card, "boxes", "head"));
        assert_eq!(supported == "yes", read, "{name}");
        let free = text(&card, "licence", "spdx") == "Apache-2.0";
        let ultralytics = text(&card, "source", "project").contains("ultralytics");
        assert!(!(free && ultralytics), "{name}");
    }
}

#[test]
fn every_file_has_a_url_and_a_hash_or_says_that_nobody_knows_it() {
    for (name, card) in cards() {
        let files: Vec<_> = ["download", "weights"]
            .iter()
            .filter_map(|t| card.get(*t))
            .collect();
        assert!(
            !files.is_empty() || card.contains_key("how"),
            "{name}: no file and no way to make one"
        );
        for file in files {
            let url = file["url"].as_str().unwrap();
            assert!(
                url.starts_with("https://") && !url.contains(char::is_whitespace),
                "{name}: {url}"
            );
            assert!(
                url.ends_with(".onnx") || url.ends_with(".pt"),
                "{name}: {url}"
            );
            let hash = file.get("sha256").map(|hash| hash.as_str().unwrap());
            let witnesses = file.get("witnesses").map(|n| n.as_integer().unwrap());
            assert_eq!(hash.is_some(), witnesses.is_some_and(|n| n > 0), "{name}");
            let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            assert!(
                hash.is_none_or(|h| h.len() == 64 && h.chars().all(hexadecimal)),
                "{name}"
            );
            let size = file.get("size").map(|size| size.as_integer().unwrap());
            assert!(
                size.is_none_or(|size| (1_000_000..600_000_000).contains(&size)),
                "{name}"
            );
        }
    }
}

#[test]
fn no_two_models_have_one_file() {
    let mut seen = BTreeMap::new();
    for (name, card) in cards() {
        for table in ["download", "weights"] {
            for key in ["url", "sha256"] {
                let value = card
                    .get(table)
                    .and_then(|t| t.get(key))
                    .map(|v| v.as_str().unwrap().to_owned());
                if let Some(other) = value.and_then(|value| seen.insert(value, name.clone())) {
                    panic!("{name} and {other} have one {key}");
                }
            }
        }
    }
}

#[test]
fn outputs_are_as_large_as_the_input_makes_them() {
    for (name, card) in cards() {
        let size = shape(&card["input"]["size"]);
        let input = shape(&card["input"]["shape"]);
        assert_eq!(input.len(), 4, "{name}");
        for (axis, side) in [(2, 1), (3, 0)] {
            assert!(input[axis].is_none() || input[axis] == size[side], "{name}");
        }
        let classes = card["classes"]["count"].as_integer().unwrap();
        let outputs = card["outputs"].as_array().unwrap();
        let first = shape(&outputs[0]["shape"]);
        let cells: i64 = card["boxes"].get("strides").map_or(0, |strides| {
            let along = |side: Option<i64>, stride: i64| side.unwrap() / stride;
            let strides = strides
                .as_array()
                .unwrap()
                .iter()
                .map(|s| s.as_integer().unwrap());
            strides.map(|s| along(size[0], s) * along(size[1], s)).sum()
        });
        let holds: Vec<_> = outputs
            .iter()
            .map(|o| o["holds"].as_str().unwrap())
            .collect();
        match text(&card, "boxes", "head") {
            "yolov8" => {
                assert_eq!(first[1], Some(4 + classes), "{name}");
                assert!(first[2].is_none() || first[2] == Some(cells), "{name}");
            }
            "yolox" => assert_eq!(first[1..], [Some(cells), Some(5 + classes)], "{name}"),
            "end-to-end" => assert_eq!(first[2], Some(6), "{name}"),
            "detr" => {
                assert_eq!(holds, ["logits", "boxes"], "{name}");
                assert_eq!(first[2], Some(classes), "{name}");
            }
            "detr-decoded" => {
                assert_eq!(holds, ["labels", "boxes", "scores"], "{name}");
                assert_eq!(
                    card["extra-inputs"][0]["holds"].as_str(),
                    Some("source-size"),
                    "{name}"
                );
            }
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn the_list_has_every_model_and_the_readme_only_such() {
    let _watchdog = within(60);
    let place = Workplace::new();
    let list = place.tool("fetch").arg("--list").output().unwrap();
    assert!(list.status.success());
    let list = String::from_utf8(list.stdout).unwrap();
    let listed: Vec<_> = list
        .lines()
        .skip(1)
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let cards = cards();
    assert_eq!(listed.len(), cards.len());
    assert!(cards.keys().all(|name| listed.contains(&name.as_str())));

    let readme = std::fs::read_to_string(root().join("models/README.md")).unwrap();
    // The table of models has five columns, that of the layout two.
    let rows = readme
        .lines()
        .filter(|line| line.matches(" | ").count() == 4)
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let mut seen = 0;
    for (name, rest) in rows {
        let card = cards.get(name).unwrap_or_else(|| panic!("README: {name}"));
        let ap = card["figures"]["ap"].as_float().unwrap();
        assert!(
            rest.contains(&format!("| {ap:.1} |")),
            "README: {name} has AP {ap}"
        );
        assert!(
            rest.contains(text(card, "licence", "spdx").trim_end_matches("-only")),
            "README: {name}"
        );
        seen += 1;
    }
    assert!(seen >= 8, "the README's table has {seen} models");
}

#[test]
fn a_card_that_is_wrong_is_named_with_what_is_wrong() {
    let _watchdog = within(60);
    let good = CARD
        .replace("{name}", "mine")
        .replace("{spdx}", "MIT")
        .replace("{download}", "url = \"https://example.org/m.onnx\"");
    let table = [
        ("card = 1", "card = 2", "format 1"),
        ("[source]", "[source", "no TOML file"),
        ("name = \"mine\"", "name = \"My Model\"", "lower-case"),
        ("name = \"mine\"", "", "has no name"),
        (
            "colour = \"rgb\"",
            "color = \"rgb\"",
            "did you mean colour?",
        ),
        ("colour = \"rgb\"", "colour = \"grey\"", "one of rgb, bgr"),
        ("pad = 114", "", "[input] pad is missing"),
        ("pad = 114", "pad = \"grey\"", "must be a whole number"),
        ("std = [1, 1, 1]", "std = [1, 0, 1]", "must not hold 0"),
        ("size = [160, 160]", "size = [160]", "a width and a height"),
        ("count = 1", "count = 2", "there are 1 names"),
        ("names = [\"ball\"]", "names = \"coco\"", "coco80"),
        (
            "https://example.org/m.onnx",
            "ftp://example.org/m.onnx",
            "must be an https",
        ),
        (
            "[download]",
            "[download]\nsha256 = \"ABC\"",
            "64 hexadecimal digits",
        ),
        (
            "[licence]\n",
            "[license]\n",
            "license is no key of a card (did you mean licence?)",
        ),
    ];
    for (from, to, words) in table {
        assert!(good.contains(from), "{from}");
        let place = Workplace::new();
        std::fs::write(place.path("cards/mine.toml"), good.replacen(from, to, 1)).unwrap();
        place.fetch(&["mine"]).says(1, &["mine.toml", words]);
    }
}
