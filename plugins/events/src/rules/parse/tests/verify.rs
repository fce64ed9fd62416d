//! What rules say about verification.

use std::path::Path;

use crate::rules::Rules;
use crate::rules::model::{MS, Otherwise, Verify};

#[test]
fn rules_say_what_is_verified() {
    let rule = |rest: &str| {
        let toml = format!("[[object]]\nname='o'\n{rest}");
        Rules::from_toml(&toml, "t").unwrap().objects[0]
            .verify
            .clone()
    };
    assert_eq!(rule(""), None);
    assert_eq!(rule("verify = false"), None);
    let verify = rule("verify = true").unwrap();
    assert_eq!(
        (
            verify.question.as_deref(),
            verify.timeout / MS,
            verify.otherwise
        ),
        (None, Verify::TIMEOUT_MS, Otherwise::Publish)
    );
    let question = "Does the {label} at {zone} climb {{over}}?";
    let verify = rule(&format!(
        "verify = '{question}'\nverify-timeout-ms = 1500\nverify-otherwise = 'drop'"
    ))
    .unwrap();
    assert_eq!(
        (
            verify.question.as_deref(),
            verify.timeout / MS,
            verify.otherwise
        ),
        (Some(question), 1500, Otherwise::Drop)
    );
    // Every kind of rule has it, in both notations.
    let json = r#"{"zone": [{"name": "z", "polygon": [[0,0],[1,0],[1,1]], "verify": true}],
        "line": [{"name": "l", "from": [0,0], "to": [1,1], "verify": "Is it?"}]}"#;
    let rules = Rules::from_json(json, "j").unwrap();
    assert!(rules.zones[0].verify.is_some() && rules.lines[0].verify.is_some());
    assert!(rules.verify() && !Rules::default().verify());
}

#[test]
fn what_cannot_be_verified_is_refused_with_rule_and_key() {
    for (rest, expected) in [
        (
            "verify = 1",
            "line 3, column 10: object \"o\": verify: expected a question, or true for one for all kinds of events, found a number",
        ),
        ("verify = ' '", "object \"o\": verify: expected a question"),
        (
            "verify = 'Is it {lable}?'",
            "object \"o\": verify: unknown field {lable}: did you mean \"label\"?",
        ),
        (
            "verify = 'Is it {label?'",
            "object \"o\": verify: a brace that has no partner",
        ),
        (
            "verify = true\nverify-timeout-ms = 0",
            "object \"o\": verify-timeout-ms: 0 is not a number in 1..3600000",
        ),
        (
            "verify = true\nverify-timeout-ms = true",
            "object \"o\": verify-timeout-ms: expected a number in 1..3600000, found a truth value",
        ),
        (
            "verify = true\nverify-otherwise = 'publsh'",
            "object \"o\": unknown verify-otherwise \"publsh\": did you mean \"publish\"?",
        ),
        (
            "verify-otherwise = 'drop'",
            "object \"o\": verify-otherwise: says nothing where nothing is verified: add verify = true",
        ),
        (
            "verify = false\nverify-timeout-ms = 5",
            "object \"o\": verify-timeout-ms: says nothing where nothing is verified",
        ),
        (
            "verfy = true",
            "unknown field \"verfy\": did you mean \"verify\"?",
        ),
    ] {
        let toml = format!("[[object]]\nname='o'\n{rest}\n");
        let error = Rules::from_toml(&toml, "t").unwrap_err().to_string();
        assert!(error.contains(expected), "gave: {error}\nnot: {expected}");
    }
    let long = format!("[[object]]\nname='o'\nverify='{}'", "x".repeat(1001));
    let error = Rules::from_toml(&long, "t").unwrap_err().to_string();
    assert!(error.contains("longer than 1000 characters"), "{error}");
}

#[test]
fn the_documentation_has_the_defaults_that_it_says() {
    let page = include_str!("../../../../../../docs/vigilevents.md");
    let block = page.split("## Verification").nth(1).unwrap();
    let block = block.split("```toml\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let short: String = (block.lines())
        .filter(|line| !line.starts_with("verify-"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let spelled_out = Rules::from_toml(block, "docs").unwrap();
    assert_eq!(Rules::from_toml(&short, "short").unwrap(), spelled_out);
    assert!(short.len() < block.len() && spelled_out.verify());
}

#[test]
fn the_examples_are_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rules");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let rules = Rules::from_file(&file.unwrap().path()).unwrap_or_else(|e| panic!("{e}"));
        assert!(!rules.is_empty());
        files += 1;
    }
    assert!(files >= 5);
}
