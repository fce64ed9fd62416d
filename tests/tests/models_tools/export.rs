//! Making files: what is asked for must go together, and what comes out must see the same.

use crate::workplace::{Ended, Workplace, root};
use std::path::{Path, PathBuf};
use std::process::Command;
use vigil_tests::assets;
use vigil_tests::watchdog::within;

fn export(place: &Workplace, arguments: &[&str]) -> Ended {
    place
        .tool("export")
        .args(arguments)
        .output()
        .unwrap()
        .into()
}

#[test]
fn wishes_that_do_not_go_together_are_refused_before_anything_is_made() {
    let _watchdog = within(100);
    let place = Workplace::new();
    for file in ["model.onnx", "model.pt", "model.txt"] {
        std::fs::write(place.path(file), b"").unwrap();
    }
    let path = |name: &str| place.path(name).to_str().unwrap().to_owned();
    let (onnx, pt, txt, folder) = (
        path("model.onnx"),
        path("model.pt"),
        path("model.txt"),
        path("cards"),
    );
    let table: &[(&[&str], &str)] = &[
        (&[], "required: model"),
        (&[&onnx], "say --half or --int8"),
        (&[&onnx, "--int8"], "needs --calibration"),
        (
            &[&onnx, "--int8", "--half", "--calibration", &folder],
            "exclude each other",
        ),
        (
            &[&onnx, "--int8", "--calibration", "/nowhere"],
            "is not a folder",
        ),
        (&[&onnx, "--half", "--dynamic"], "need the weights (.pt)"),
        (&[&onnx, "--half", "--nms"], "need the weights (.pt)"),
        (
            &[&pt, "--imgsz", "333"],
            "multiple of 32 is needed, such as 320",
        ),
        (&[&pt, "--imgsz", "9000"], "8192"),
        (&[&pt, "--imgsz", "big"], "is no size"),
        (&[&pt, "--opset", "9"], "from 13 to 21"),
        (&[&pt, "--format", "engine"], "invalid choice"),
        (
            &[
                &onnx,
                "--int8",
                "--calibration",
                &folder,
                "--calibration-images",
                "0",
            ],
            "1 or more",
        ),
        (&[&txt, "--half"], "a .pt or an .onnx"),
        (&["nothing.pt"], "is not a file"),
        (&["yolov8n"], "models/fetch yolov8n is enough"),
        (&["yolox_s", "--dynamic"], "names no weights"),
        (&["yolov88n", "--half"], "yolov8n"),
    ];
    for (arguments, words) in table {
        export(&place, arguments).says(2, &[words]);
    }
}

#[test]
fn the_licence_of_the_exporter_is_asked_about() {
    let _watchdog = within(60);
    let place = Workplace::new();
    std::fs::write(place.path("best.pt"), b"").unwrap();
    let path = place.path("best.pt");
    export(&place, &[path.to_str().unwrap()]).says(3, &["AGPL-3.0", "Ultralytics", "--yes"]);
}

/// A Python in which the tool's steps run, if one was made already: tests do not fetch gigabytes.
fn python(kind: &str) -> Option<PathBuf> {
    if let Some(own) = std::env::var_os("VIGIL_EXPORT_PYTHON") {
        return Some(own.into());
    }
    let ask = "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1])\n\
               from catalogue.environment import Environment\n\
               print(Environment(sys.argv[2], None, None).folder())";
    let models = root().join("models");
    let output = Command::new("python3")
        .args(["-c", ask])
        .arg(models)
        .arg(kind)
        .output()
        .unwrap();
    let folder = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    if folder.join(".complete").exists() {
        return Some(folder.join("bin/python"));
    }
    eprintln!(
        "skipped: models/export has not made {} yet",
        folder.display()
    );
    None
}

/// A few pictures of the assets in a folder of their own.
fn pictures(place: &Workplace, count: usize) -> Option<PathBuf> {
    let source = assets::find("coco128/images/val2017")?;
    let mut paths: Vec<_> = std::fs::read_dir(source)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    let folder = place.path("pictures");
    std::fs::create_dir(&folder).unwrap();
    for path in paths.iter().take(count) {
        std::fs::copy(path, folder.join(path.file_name().unwrap())).unwrap();
    }
    Some(folder)
}

/// The share of boxes found again, from what the tool said.
fn found_again(stderr: &str) -> f64 {
    let (_, rest) = stderr.split_once("it finds ").unwrap();
    rest.split_once('%').unwrap().0.parse().unwrap()
}

fn with_python(place: &Workplace, python: &Path, arguments: &[&str]) -> Ended {
    let mut tool = place.tool("export");
    tool.args(arguments)
        .arg("--python")
        .arg(python)
        .output()
        .unwrap()
        .into()
}

#[test]
fn eight_bits_see_what_the_floats_see() {
    let _watchdog = within(500);
    let place = Workplace::new();
    let (Some(model), Some(python)) = (assets::find("models/yolov8n.onnx"), python("onnx")) else {
        return;
    };
    let Some(folder) = pictures(&place, 24) else {
        return;
    };
    let to = place.path("made");
    let arguments = [
        model.to_str().unwrap(),
        "--int8",
        "--calibration",
        folder.to_str().unwrap(),
        "--calibration-images",
        "12",
        "--to",
        to.to_str().unwrap(),
    ];
    let ended = with_python(&place, &python, &arguments);
    let path = ended.path();
    assert_eq!(path, to.join("yolov8n_int8.onnx"));
    assert!(
        ended
            .stderr
            .contains("12 pictures it was not calibrated with"),
        "{}",
        ended.stderr
    );
    assert!(found_again(&ended.stderr) >= 93.0, "{}", ended.stderr);
    // A third of the size, and it still says what it is.
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    assert!(size(&path) * 3 < size(&model));
    let bytes = std::fs::read(&path).unwrap();
    let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    for word in [
        &b"QuantizeLinear"[..],
        b"Ultralytics",
        b"0: 'person'",
        b"imgsz",
    ] {
        assert!(has(word), "{}", String::from_utf8_lossy(word));
    }
    let again = [
        path.to_str().unwrap(),
        "--int8",
        "--calibration",
        folder.to_str().unwrap(),
    ];
    with_python(&place, &python, &again).says(1, &["quantised already"]);
}

#[test]
fn sixteen_bits_change_next_to_nothing() {
    let _watchdog = within(300);
    let place = Workplace::new();
    let (Some(model), Some(python)) = (assets::find("models/yolox_nano.onnx"), python("onnx"))
    else {
        return;
    };
    let Some(folder) = pictures(&place, 8) else {
        return;
    };
    let to = place.path("made");
    let arguments = [
        model.to_str().unwrap(),
        "--half",
        "--calibration",
        folder.to_str().unwrap(),
        "--to",
        to.to_str().unwrap(),
    ];
    let ended = with_python(&place, &python, &arguments);
    assert_eq!(ended.path(), to.join("yolox_nano_fp16.onnx"));
    assert!(found_again(&ended.stderr) >= 99.0, "{}", ended.stderr);
}

#[test]
fn files_that_cannot_be_made_into_others_end_in_words() {
    let _watchdog = within(300);
    let place = Workplace::new();
    let Some(python) = python("onnx") else { return };
    let folder = place.path("pictures");
    std::fs::create_dir(&folder).unwrap();
    let broken = place.path("broken.onnx");
    std::fs::write(&broken, b"\x08\x08nothing").unwrap();
    let calibration = folder.to_str().unwrap();
    let broken = broken.to_str().unwrap();
    with_python(&place, &python, &[broken, "--half"]).says(1, &["broken.onnx", "no ONNX model"]);

    let model = vigil_tests::ball::write_model(place.folder.path()).unwrap();
    let model = model.to_str().unwrap();
    let int8 = [model, "--int8", "--calibration", calibration];
    with_python(&place, &python, &int8).says(1, &["holds no pictures"]);
    std::fs::write(folder.join("cut.jpg"), b"\xff\xd8\xff\xe0").unwrap();
    with_python(&place, &python, &int8).says(1, &["cut.jpg", "cannot be read as a picture"]);
    let left = std::fs::read_dir(place.folder.path()).unwrap().count();
    assert_eq!(left, 5, "scratch folders were left behind");
}

#[test]
fn weights_become_a_model_by_ultralytics() {
    let _watchdog = within(590);
    let place = Workplace::new();
    let Some(python) = python("pytorch") else {
        return;
    };
    let ask = "import ultralytics; m = ultralytics.YOLO('yolov8n.yaml'); m.ckpt = {}; m.save('untrained.pt')";
    let made = Command::new(&python)
        .args(["-c", ask])
        .current_dir(place.folder.path())
        .env("YOLO_CONFIG_DIR", place.folder.path())
        .output()
        .unwrap();
    if !made.status.success() {
        eprintln!("skipped: {} has no Ultralytics", python.display());
        return;
    }
    let weights = place.path("untrained.pt");
    let arguments = [weights.to_str().unwrap(), "--imgsz", "320x192", "--yes"];
    let ended = with_python(&place, &python, &arguments);
    assert_eq!(ended.path(), place.path("untrained_320x192.onnx"));
    assert!(
        ended.stderr.contains("yolov8, input 320x192"),
        "{}",
        ended.stderr
    );
    std::fs::write(place.path("broken.pt"), b"nothing").unwrap();
    let broken = place.path("broken.pt");
    with_python(&place, &python, &[broken.to_str().unwrap(), "--yes"])
        .says(1, &["broken.pt", "Ultralytics cannot export"]);
}
