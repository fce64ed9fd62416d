//! Licences that have to be agreed to, and files whose hash nobody knows.

use crate::server::{Page, Server};
use crate::workplace::{Ended, Workplace, body};
use std::io::Write;
use std::process::Stdio;
use vigil_tests::watchdog::within;

fn served() -> (Workplace, Server, String) {
    let (place, page) = (Workplace::new(), Page::default());
    let server = Server::start(Page {
        body: body(1000),
        ..page
    });
    let url = format!("{}/model.onnx", server.base);
    (place, server, url)
}

#[test]
fn a_licence_that_binds_is_shown_and_has_to_be_accepted() {
    let _watchdog = within(100);
    for spdx in ["AGPL-3.0-only", "GPL-3.0-or-later", "LicenseRef-Somebody"] {
        let (place, server, url) = served();
        let known = format!("sha256 = \"{}\"\nwitnesses = 1", place.sha256(&body(1000)));
        place.card("model", spdx, &url, &known);
        let refused = place.fetch(&["model"]);
        refused.says(
            3,
            &[
                spdx,
                "What it means.",
                "https://example.org/LICENSE",
                "--yes",
            ],
        );
        assert!(server.requests().is_empty());
        place.fetch(&["model", "--yes"]).path();
        // It is there: whoever put it there has accepted.
        place.fetch(&["model"]).path();
    }
}

#[test]
fn a_permissive_licence_is_shown_and_not_asked_about() {
    let _watchdog = within(60);
    let (place, _server, url) = served();
    place.known("model", &url, &body(1000));
    let ended = place.fetch(&["model"]);
    ended.path();
    assert!(ended.stderr.contains("MIT") && ended.stderr.contains("What it means."));
}

#[test]
fn on_a_terminal_the_user_is_asked() {
    let _watchdog = within(60);
    if std::process::Command::new("script")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: there is no script(1) to make a terminal with");
        return;
    }
    for (answer, accepted) in [("yes\n", true), ("no\n", false), ("\n", false)] {
        let (place, server, url) = served();
        let known = format!("sha256 = \"{}\"\nwitnesses = 1", place.sha256(&body(1000)));
        place.card("model", "AGPL-3.0-only", &url, &known);
        let fetch = place.tool("fetch");
        let line = format!("{} model", fetch.get_program().to_str().unwrap());
        let mut terminal = std::process::Command::new("script");
        terminal.args(["-q", "-e", "-c", &line, "/dev/null"]);
        for (key, value) in fetch.get_envs() {
            match value {
                Some(value) => terminal.env(key, value),
                None => terminal.env_remove(key),
            };
        }
        let mut child = terminal
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(answer.as_bytes())
            .unwrap();
        let ended: Ended = child.wait_with_output().unwrap().into();
        assert_eq!(
            ended.status,
            if accepted { 0 } else { 3 },
            "{}",
            ended.stdout
        );
        assert!(ended.stdout.contains("Type yes"), "{}", ended.stdout);
        assert_eq!(place.cached("model").is_file(), accepted);
        assert_eq!(server.requests().len(), usize::from(accepted));
    }
}

#[test]
fn a_file_whose_hash_is_not_known_is_trusted_once_and_held_to_it() {
    let _watchdog = within(60);
    let (place, server, url) = served();
    place.card("model", "MIT", &url, "");
    place
        .fetch(&["model"])
        .says(1, &["--trust-first-download", &url]);
    assert!(server.requests().is_empty());
    let ended = place.fetch(&["model", "--trust-first-download"]);
    ended.path();
    let digest = place.sha256(&body(1000));
    assert!(ended.stderr.contains(&digest), "{}", ended.stderr);
    let trusted = std::fs::read_to_string(place.path("cache/models/trusted.json")).unwrap();
    let trusted: serde_json::Value = serde_json::from_str(&trusted).unwrap();
    assert_eq!(trusted[&url]["sha256"], digest.as_str());

    // From now on it is as good as one that its card knows, in both ways.
    std::fs::remove_file(place.cached("model")).unwrap();
    place.fetch(&["model"]).path();
    std::fs::remove_file(place.cached("model")).unwrap();
    server.change(|page| page.body = vec![7; 1000]);
    let refused = place.fetch(&["model", "--trust-first-download"]);
    refused.says(1, &[&digest, &place.sha256(&[7; 1000])]);
}

#[test]
fn what_is_no_model_is_not_trusted() {
    let _watchdog = within(60);
    for (body, hint) in [
        (&b"<html>Welcome to the hotel"[..], "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"{\"error\": \"not found\"}", "JSON"),
        (b"", "empty"),
    ] {
        let (place, server, url) = served();
        server.change(|page| page.body = body.to_vec());
        place.card("model", "MIT", &url, "");
        place
            .fetch(&["model", "--trust-first-download"])
            .says(1, &[hint, "thrown away"]);
        assert_eq!(place.in_cache(), [""; 0]);
    }
}

#[test]
fn a_broken_record_of_trust_is_not_passed_over() {
    let _watchdog = within(60);
    let (place, _server, url) = served();
    place.card("model", "MIT", &url, "");
    std::fs::create_dir_all(place.path("cache/models")).unwrap();
    for broken in ["{", "[]"] {
        std::fs::write(place.path("cache/models/trusted.json"), broken).unwrap();
        place
            .fetch(&["model", "--trust-first-download"])
            .says(1, &["trusted.json"]);
    }
}
