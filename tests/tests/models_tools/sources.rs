//! Mirrors, endpoints and proxies.

use crate::server::{Page, Server};
use crate::workplace::{Workplace, body};
use vigil_tests::watchdog::within;

const URL: &str = "https://example.org/releases/1.0/the-model.onnx";
const HUGGING_FACE: &str = "https://huggingface.co/somebody/model/resolve/main/onnx/model.onnx";

fn server() -> Server {
    Server::start(Page {
        body: body(1000),
        ..Page::default()
    })
}

#[test]
fn a_mirror_takes_the_place_of_every_host() {
    let _watchdog = within(60);
    let table = [
        ("{base}", URL, "/example.org/releases/1.0/the-model.onnx"),
        (
            "{base}/mirror/",
            URL,
            "/mirror/example.org/releases/1.0/the-model.onnx",
        ),
        ("{base}/{path}", URL, "/releases/1.0/the-model.onnx"),
        ("{base}/models/{file}", URL, "/models/model.onnx"),
        (
            "{base}/at?url={url}",
            URL,
            "/at?url=https://example.org/releases/1.0/the-model.onnx",
        ),
        (
            "{base}",
            HUGGING_FACE,
            "/huggingface.co/somebody/model/resolve/main/onnx/model.onnx",
        ),
    ];
    for (mirror, url, expected) in table {
        let (place, server) = (Workplace::new(), server());
        place.known("model", url, &body(1000));
        let mirror = mirror.replace("{base}", &server.base);
        let mut fetch = place.tool("fetch");
        // The mirror wins over the other way to say where a model comes from.
        let ended: crate::workplace::Ended = fetch
            .arg("model")
            .env("VIGIL_MODEL_MIRROR", mirror)
            .env("HF_ENDPOINT", "http://127.0.0.1:9")
            .output()
            .unwrap()
            .into();
        ended.path();
        assert_eq!(server.requests()[0].target, expected);
    }
}

#[test]
fn a_mirror_can_be_a_folder_as_wget_makes_it() {
    let _watchdog = within(60);
    let place = Workplace::new();
    place.known("model", URL, &body(1000));
    let folder = place.path("mirror/example.org/releases/1.0");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("the-model.onnx"), body(1000)).unwrap();
    let mut fetch = place.tool("fetch");
    let mirror = format!("file://{}", place.path("mirror").to_str().unwrap());
    let ended: crate::workplace::Ended = fetch
        .arg("model")
        .env("VIGIL_MODEL_MIRROR", mirror)
        .output()
        .unwrap()
        .into();
    ended.path();
}

#[test]
fn hugging_face_has_an_endpoint_of_its_own() {
    let _watchdog = within(60);
    let (place, server) = (Workplace::new(), server());
    place.known("model", HUGGING_FACE, &body(1000));
    let mut fetch = place.tool("fetch");
    let ended: crate::workplace::Ended = fetch
        .arg("model")
        .env("HF_ENDPOINT", format!("{}/hf/", server.base))
        .output()
        .unwrap()
        .into();
    ended.path();
    assert_eq!(
        server.requests()[0].target,
        "/hf/somebody/model/resolve/main/onnx/model.onnx"
    );
}

#[test]
fn proxies_are_used_but_for_hosts_that_need_none() {
    let _watchdog = within(60);
    let (place, server) = (Workplace::new(), server());
    place.known("model", "http://models.invalid/model.onnx", &body(1000));
    let mut fetch = place.tool("fetch");
    let ended: crate::workplace::Ended = fetch
        .arg("model")
        .env("http_proxy", &server.base)
        .output()
        .unwrap()
        .into();
    ended.path();
    assert_eq!(
        server.requests()[0].target,
        "http://models.invalid/model.onnx"
    );

    place.known(
        "direct",
        &format!("{}/direct.onnx", server.base),
        &body(1000),
    );
    let mut fetch = place.tool("fetch");
    let ended: crate::workplace::Ended = fetch
        .args(["direct", "--retries", "0"])
        .env("http_proxy", "http://127.0.0.1:9")
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap()
        .into();
    ended.path();
    assert_eq!(server.requests()[1].target, "/direct.onnx");
}

#[test]
fn settings_that_mean_nothing_are_named() {
    let _watchdog = within(60);
    let place = Workplace::new();
    place.known("model", HUGGING_FACE, &body(10));
    for (variable, value, words) in [
        ("VIGIL_MODEL_MIRROR", "mirror.example", "must be an https"),
        ("VIGIL_MODEL_MIRROR", "http://mirror/{nme}", "{file}"),
        ("VIGIL_MODEL_MIRROR", "http://mirror/{", "{file}"),
        ("HF_ENDPOINT", "hf.example", "must be an https"),
        ("VIGIL_MODEL_CARDS", "/nowhere", "is not a folder"),
    ] {
        let mut fetch = place.tool("fetch");
        let ended: crate::workplace::Ended = fetch
            .arg("model")
            .env(variable, value)
            .output()
            .unwrap()
            .into();
        ended.says(2, &[variable, words]);
    }
}
