//! Downloads that break, lie or meet each other.

use crate::server::{Page, Server};
use crate::workplace::{Workplace, body};
use std::time::Duration;
use vigil_tests::watchdog::within;

const SIZE: usize = 300_000;

fn page() -> Page {
    Page {
        body: body(SIZE),
        etag: Some("\"one\""),
        ranges: true,
        ..Page::default()
    }
}

/// A server with a model, and a card that knows it under the name `model`.
fn served(page: Page) -> (Workplace, Server) {
    let (place, server) = (Workplace::new(), Server::start(page.clone()));
    place.known("model", &format!("{}/model.onnx", server.base), &page.body);
    (place, server)
}

#[test]
fn a_model_is_fetched_checked_and_its_path_is_all_that_is_printed() {
    let _watchdog = within(60);
    let (place, server) = served(page());
    let ended = place.fetch(&["model"]);
    assert_eq!(ended.path(), place.cached("model"));
    assert_eq!(std::fs::read(ended.path()).unwrap(), body(SIZE));
    assert_eq!(place.in_cache(), ["model.onnx", "model.toml"]);
    assert!(ended.stderr.contains("MIT"), "{}", ended.stderr);
    // The second time nothing is asked of the network.
    place.fetch(&["model"]).path();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_file_url_needs_no_network() {
    let _watchdog = within(60);
    let place = Workplace::new();
    let source = place.path("a folder with spaces").join("model.onnx");
    std::fs::create_dir(source.parent().unwrap()).unwrap();
    std::fs::write(&source, body(SIZE)).unwrap();
    let url = format!("file://{}", source.to_str().unwrap().replace(' ', "%20"));
    place.known("model", &url, &body(SIZE));
    assert_eq!(
        std::fs::read(place.fetch(&["model"]).path()).unwrap(),
        body(SIZE)
    );
    std::fs::remove_file(place.cached("model")).unwrap();
    std::fs::remove_file(&source).unwrap();
    place
        .fetch(&["model"])
        .says(1, &["cannot be read", "model.onnx"]);
}

#[test]
fn the_card_beside_the_model_is_one_that_the_tool_reads_again() {
    let _watchdog = within(60);
    let (place, _server) = served(page());
    let folder = place.path("elsewhere");
    let path = place
        .fetch(&["model", "--to", folder.to_str().unwrap()])
        .path();
    assert_eq!(path, folder.join("model.onnx"));
    let written: toml::Table =
        toml::from_str(&std::fs::read_to_string(path.with_extension("toml")).unwrap()).unwrap();
    let card = std::fs::read_to_string(place.path("cards/model.toml")).unwrap();
    assert_eq!(written, toml::from_str::<toml::Table>(&card).unwrap());
    let again = place
        .tool("fetch")
        .arg("--list")
        .env("VIGIL_MODEL_CARDS", &folder)
        .output()
        .unwrap();
    assert!(
        String::from_utf8(again.stdout)
            .unwrap()
            .contains("\nmodel ")
    );
    // A card that somebody has changed by hand stays.
    std::fs::write(path.with_extension("toml"), "# mine").unwrap();
    std::fs::remove_file(&path).unwrap();
    place
        .fetch(&["model", "--to", folder.to_str().unwrap()])
        .path();
    assert_eq!(
        std::fs::read_to_string(path.with_extension("toml")).unwrap(),
        "# mine"
    );
}

#[test]
fn what_is_in_the_cache_is_copied_elsewhere_without_network() {
    let _watchdog = within(60);
    let (place, server) = served(page());
    place.fetch(&["model"]).path();
    let folder = place.path("elsewhere");
    let path = place
        .fetch(&["model", "--to", folder.to_str().unwrap()])
        .path();
    assert_eq!(std::fs::read(path).unwrap(), body(SIZE));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_stopped() {
    let _watchdog = within(60);
    let (place, server) = served(Page {
        cuts: [100_000, 200_000].into(),
        ..page()
    });
    assert_eq!(
        std::fs::read(place.fetch(&["model"]).path()).unwrap(),
        body(SIZE)
    );
    let ranges: Vec<_> = server
        .requests()
        .into_iter()
        .map(|r| (r.range, r.if_range))
        .collect();
    let one = Some("\"one\"".to_owned());
    let expected = [
        (None, None),
        (Some("bytes=100000-".to_owned()), one.clone()),
        (Some("bytes=200000-".to_owned()), one),
    ];
    assert_eq!(ranges, expected);
}

#[test]
fn a_redirect_is_followed_and_what_is_asked_for_goes_along() {
    let _watchdog = within(60);
    let (place, server) = served(Page {
        moved: true,
        cuts: [100_000].into(),
        ..page()
    });
    assert_eq!(
        std::fs::read(place.fetch(&["model"]).path()).unwrap(),
        body(SIZE)
    );
    let last = server.requests().pop().unwrap();
    assert_eq!(last.target, "/moved");
    assert_eq!(last.range.as_deref(), Some("bytes=100000-"));
    assert_eq!(last.if_range.as_deref(), Some("\"one\""));
}

#[test]
fn the_next_run_goes_on_where_the_last_one_gave_up() {
    let _watchdog = within(60);
    let (place, server) = served(Page {
        cuts: [100_000].into(),
        ..page()
    });
    let ended = place.fetch(&["model", "--retries", "0"]);
    ended.says(1, &["broke off", "0.1 MB are there"]);
    assert_eq!(
        std::fs::read(place.fetch(&["model"]).path()).unwrap(),
        body(SIZE)
    );
    assert_eq!(server.requests()[1].range.as_deref(), Some("bytes=100000-"));
    assert_eq!(place.in_cache(), ["model.onnx", "model.toml"]);
}

#[test]
fn a_file_that_changed_in_between_is_fetched_from_the_beginning() {
    let _watchdog = within(60);
    let (place, server) = served(Page {
        body: vec![1; SIZE],
        cuts: [100_000].into(),
        ..page()
    });
    place.known("model", &format!("{}/model.onnx", server.base), &body(SIZE));
    place
        .fetch(&["model", "--retries", "0"])
        .says(1, &["broke off"]);
    server.change(|page| {
        page.body = body(SIZE);
        page.etag = Some("\"two\"");
    });
    assert_eq!(
        std::fs::read(place.fetch(&["model"]).path()).unwrap(),
        body(SIZE)
    );
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_part_that_does_not_belong_to_the_file_is_noticed_and_mended() {
    let _watchdog = within(60);
    // Without an ETag nobody can tell that the file is another one now, until its hash is known.
    let (place, server) = served(Page {
        body: vec![1; SIZE],
        etag: None,
        cuts: [100_000].into(),
        ..page()
    });
    place.known("model", &format!("{}/model.onnx", server.base), &body(SIZE));
    place
        .fetch(&["model", "--retries", "0"])
        .says(1, &["broke off"]);
    server.change(|page| page.body = body(SIZE));
    let ended = place.fetch(&["model"]);
    assert_eq!(std::fs::read(ended.path()).unwrap(), body(SIZE));
    assert!(
        ended.stderr.contains("once more from the beginning"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_server_without_ranges_is_asked_for_the_whole_file_again() {
    let _watchdog = within(60);
    let (place, server) = served(Page {
        ranges: false,
        cuts: [100_000].into(),
        ..page()
    });
    assert_eq!(
        std::fs::read(place.fetch(&["model"]).path()).unwrap(),
        body(SIZE)
    );
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_wrong_file_is_refused_and_nothing_of_it_is_kept() {
    let _watchdog = within(60);
    let web = b"<!DOCTYPE html><html>Please log in".to_vec();
    for (wrong, hint) in [(body(SIZE - 1), "thrown away"), (web, "web page")] {
        let (place, server) = served(page());
        server.change(|page| page.body = wrong.clone());
        let ended = place.fetch(&["model"]);
        let (wanted, found) = (place.sha256(&body(SIZE)), place.sha256(&wrong));
        ended.says(1, &[&wanted, &found, hint]);
        assert_eq!(place.in_cache(), [""; 0]);
    }
}

#[test]
fn a_file_of_another_length_is_not_even_fetched() {
    let _watchdog = within(60);
    let (place, server) = served(page());
    let known = format!(
        "sha256 = \"{}\"\nsize = {}\nwitnesses = 1",
        place.sha256(&body(SIZE)),
        SIZE + 1
    );
    place.card(
        "model",
        "MIT",
        &format!("{}/model.onnx", server.base),
        &known,
    );
    place
        .fetch(&["model"])
        .says(1, &["300000 bytes", "300001", "another"]);
    assert_eq!(place.in_cache(), [""; 0]);
}

#[test]
fn a_damaged_file_in_the_cache_is_replaced() {
    let _watchdog = within(60);
    let (place, _server) = served(page());
    place.fetch(&["model"]).path();
    std::fs::write(place.cached("model"), b"damaged").unwrap();
    let ended = place.fetch(&["model"]);
    assert_eq!(std::fs::read(ended.path()).unwrap(), body(SIZE));
    assert!(
        ended.stderr.contains("is not the file that is wanted"),
        "{}",
        ended.stderr
    );
}

#[test]
fn two_at_once_fetch_one_file_once() {
    let _watchdog = within(60);
    let (place, server) = served(Page {
        pause: Duration::from_millis(40),
        ..page()
    });
    let both: Vec<_> = (0..2)
        .map(|_| {
            let mut tool = place.tool("fetch");
            let tool = tool.arg("model").stdout(std::process::Stdio::piped());
            tool.stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for one in both {
        let ended: crate::workplace::Ended = one.wait_with_output().unwrap().into();
        assert_eq!(std::fs::read(ended.path()).unwrap(), body(SIZE));
    }
    assert_eq!(server.requests().len(), 1);
    assert_eq!(place.in_cache(), ["model.onnx", "model.toml"]);
}

#[test]
fn what_the_server_answers_decides_whether_it_is_asked_again() {
    let _watchdog = within(100);
    let table: &[(&[u16], usize, Result<(), &str>)] = &[
        (&[404], 1, Err("the file is not there")),
        (&[401], 1, Err("login")),
        (&[403], 1, Err("403")),
        (&[410], 1, Err("410")),
        (&[503, 429], 3, Ok(())),
        (&[500, 502, 504], 3, Err("504")),
    ];
    for (statuses, requests, expected) in table {
        let (place, server) = served(Page {
            statuses: statuses.iter().copied().collect(),
            ..page()
        });
        let ended = place.fetch(&["model", "--retries", "2"]);
        match expected {
            Ok(()) => assert_eq!(std::fs::read(ended.path()).unwrap(), body(SIZE)),
            Err(words) => ended.says(1, &[words, &server.base]),
        }
        assert_eq!(server.requests().len(), *requests, "{statuses:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_so() {
    let _watchdog = within(60);
    let place = Workplace::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (url, words) in [
        (
            format!("http://127.0.0.1:{port}/m.onnx"),
            "cannot be reached",
        ),
        ("http://nowhere.invalid/m.onnx".to_owned(), "is not known"),
    ] {
        place.known("model", &url, b"x");
        place
            .fetch(&["model", "--retries", "0"])
            .says(1, &[words, &url]);
    }
}

#[test]
fn a_file_that_does_not_fit_ends_in_words_and_can_be_gone_on_with() {
    let _watchdog = within(60);
    let (place, _server) = served(page());
    let fetch = place.tool("fetch");
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "ulimit -f 200; exec \"$@\"", "sh"])
        .arg(fetch.get_program())
        .arg("model");
    for (key, value) in fetch.get_envs() {
        match value {
            Some(value) => limited.env(key, value),
            None => limited.env_remove(key),
        };
    }
    let ended: crate::workplace::Ended = limited.output().unwrap().into();
    ended.says(
        1,
        &[
            "cannot write to",
            "may not get so large",
            "goes on from there",
        ],
    );
    assert_eq!(
        std::fs::read(place.fetch(&["model"]).path()).unwrap(),
        body(SIZE)
    );
}

#[test]
fn names_that_nobody_has_are_answered_with_the_nearest() {
    let _watchdog = within(60);
    let place = Workplace::new();
    for (name, near) in [
        ("yolox-nanno", "yolox_nano"),
        ("yolo8n", "yolov8n"),
        ("dfine", "dfine_n_coco"),
        ("", "no model is called"),
        ("../../etc/passwd", "no model is called"),
    ] {
        place.fetch(&[name, "--yes"]).says(2, &[near]);
    }
    // Another way to write a name is no other name.
    place
        .fetch(&["YOLOv5-NU"])
        .says(1, &["models/export yolov5nu"]);
    place.fetch(&[]).says(2, &["say which model"]);
    place
        .fetch(&["deimv2_x"])
        .says(1, &["nobody publishes deimv2_x"]);
}

#[test]
fn models_do_not_go_into_the_folder_of_the_cards() {
    let _watchdog = within(60);
    let (place, server) = served(page());
    let cards = place.path("cards");
    place
        .fetch(&["model", "--to", cards.to_str().unwrap()])
        .says(2, &["folder of cards"]);
    assert!(server.requests().is_empty());
}
