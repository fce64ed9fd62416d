use super::*;
use crate::model::parse_classes;
use proptest::prelude::*;

mod json;
mod mot;

const MS: i64 = 1_000_000;

/// A recording of this content, in a folder of its own with `seqinfo.ini` if there is one. Errors
/// name the file only.
fn load_with(
    content: impl AsRef<[u8]>,
    labels: Option<&[&str]>,
    seqinfo: Option<&str>,
) -> Result<Recording, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("det.txt");
    std::fs::write(&path, content).unwrap();
    if let Some(text) = seqinfo {
        std::fs::write(folder.path().join("seqinfo.ini"), text).unwrap();
    }
    let labels = labels.map(|labels| labels.iter().map(|name| name.to_string()).collect());
    let prefix = format!("{}/", folder.path().display());
    Recording::load(&path, labels).map_err(|error| error.to_string().replace(&prefix, ""))
}

fn load(content: impl AsRef<[u8]>) -> Result<Recording, String> {
    load_with(content, None, None)
}

/// All objects of the frame at this time of a video of 25 frames per second, 100×100 pixels; the
/// error says whether a record says that nobody looked.
fn at(recording: &Recording, ms: i64) -> Result<Vec<Detection>, bool> {
    let position = Position {
        pts: Some(ms * MS),
        stream_time: Some(ms * MS),
    };
    let all = Thresholds {
        confidence: 0.0,
        ..Default::default()
    };
    match recording.find(position, Rate::new(25, 1), &mut Cursor::default()) {
        Recorded::Looked(found) => Ok(found.detections((100, 100), &all)),
        Recorded::Skipped(recorded) => Err(recorded),
    }
}

/// Labels of these, best first.
fn labels_of(recording: &Recording, detections: &[Detection]) -> Vec<String> {
    let label = |detection: &Detection| recording.labels()[detection.class as usize].clone();
    detections.iter().map(label).collect()
}

fn assert_refused(error: Result<Recording, String>, parts: &[&str]) {
    let error = error.err().unwrap();
    for part in parts {
        assert!(error.contains(part), "no {part:?} in: {error}");
    }
}

#[test]
fn what_cannot_be_in_a_frame_is_left_out() {
    let rows = [
        "1,-1,10,10,0,10,0.9",   // no area
        "1,-1,-50,10,50,10,0.9", // beside
        "1,-1,100,10,5,10,0.9",
        "1,-1,10,-20,5,10,0.9",
        "1,-1,10,10,10,10,0", // flagged, in ground truth
        "1,-1,10,10,10,10,-0.5",
        "1,-1,-5,90,200,20,0.8", // on the frame in part
    ];
    let recording = load(rows.join("\n")).unwrap();
    let found = at(&recording, 0).unwrap();
    let boxes: Vec<_> = found.iter().map(|d| d.xyxy).collect();
    assert_eq!(boxes, [[0.0, 90.0, 100.0, 100.0]]);
}

#[test]
fn boxes_are_scaled_to_the_frame() {
    let seqinfo = "[Sequence]\nimWidth=200\nimHeight=400\n";
    let rows = "1,-1,20,40,60,80,0.9\n";
    let expected = [[10.0, 10.0, 40.0, 30.0]];
    let boxes = |recording: Recording| {
        let found = at(&recording, 0).unwrap();
        found.iter().map(|d| d.xyxy).collect::<Vec<_>>()
    };
    assert_eq!(
        boxes(load_with(rows, None, Some(seqinfo)).unwrap()),
        expected
    );
    assert_eq!(boxes(load(rows).unwrap()), [[20.0, 40.0, 80.0, 100.0]]);
    let object = r#"{"box":{"x":20,"y":40,"w":60,"h":80}}"#;
    let sized = format!(r#"{{"pts":0,"frame":{{"width":200,"height":400}},"objects":[{object}]}}"#);
    assert_eq!(boxes(load(sized).unwrap()), expected);
    // A size that the recorder did not know.
    let unsized_ = format!(r#"{{"pts":0,"frame":{{"width":0,"height":0}},"objects":[{object}]}}"#);
    assert_eq!(boxes(load(unsized_).unwrap()), [[20.0, 40.0, 80.0, 100.0]]);
}

#[test]
fn thresholds_apply_as_they_do_to_models() {
    let rows: Vec<_> = [(0.25, 1), (0.9, 3), (0.5, 1), (0.2499, 1), (1.5, 4)]
        .iter()
        .map(|(score, class)| format!("1,-1,1,2,3,4,{score},{class}"))
        .collect();
    let recording = load(rows.join("\n")).unwrap();
    let found = |change: &dyn Fn(&mut Thresholds)| {
        let mut thresholds = Thresholds::default();
        change(&mut thresholds);
        let position = Position {
            pts: None,
            stream_time: Some(0),
        };
        match recording.find(position, Rate::new(25, 1), &mut Cursor::default()) {
            Recorded::Looked(found) => found.detections((100, 100), &thresholds),
            Recorded::Skipped(_) => panic!("there is a record"),
        }
        .iter()
        .map(|d| d.score)
        .collect::<Vec<_>>()
    };
    assert_eq!(found(&|_| {}), [1.0, 0.9, 0.5, 0.25]);
    assert_eq!(found(&|t| t.confidence = 0.5), [1.0, 0.9, 0.5]);
    assert_eq!(found(&|t| t.max_detections = 2), [1.0, 0.9]);
    // They all overlap.
    assert_eq!(found(&|t| t.iou = 0.0).len(), 4);
    for (classes, expected) in [("pedestrian", &[0.5, 0.25][..]), ("Car;4", &[1.0, 0.9])] {
        let classes = parse_classes(classes, recording.labels()).unwrap();
        assert_eq!(found(&|t| t.classes = classes.clone()), expected);
    }
}

#[test]
fn scores_that_are_no_shares_are_warned_of() {
    for (score, words) in [
        ("87", Some("go up to 87")),
        ("-1", Some("no recorded score is above -1")),
        ("0", Some("no recorded score is above 0")),
        ("1", None),
    ] {
        let recording = load(format!("1,-1,1,2,3,4,{score}\n")).unwrap();
        let warnings = recording.warnings().join("\n");
        match words {
            Some(words) => assert!(warnings.contains(words), "{warnings}"),
            None => assert_eq!(warnings, ""),
        }
    }
}

#[test]
fn files_that_cannot_be_replayed_are_named_for_what_they_are() {
    let onnx = b"\x08\x08\x12\x01x\x3a\x03abc";
    let event = br#"{"schema":"vigil/1","event":"zone.entered","pts":1,"frame":{"number":1}}"#;
    let table: [(&[u8], &str); 9] = [
        (b"", "is empty"),
        (b"\n \n", "has no records"),
        (b"\xef\xbb\xbf\n", "has no records"),
        (event, "has no records, but events: it is the pad objects"),
        (onnx, "an ONNX model (which other engines run)"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (
            b"person\ncar\n",
            "a text file, and not like MOTChallenge rows",
        ),
        (b"[{\"pts\":1}]", "a JSON array"),
        (b"\xfe\xdc\0\x01", "binary data"),
    ];
    for (content, words) in table {
        assert_refused(load(content), &["model ", "det.txt", words]);
    }
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| Recording::load(path, None).unwrap_err().to_string();
    assert!(error(folder.path()).contains("is a folder"));
    assert!(error(&folder.path().join("no.txt")).contains("does not exist"));
    assert!(error(Path::new("/dev/zero")).contains("a pipe or a device"));
    let line = r#"{"pts":0,"objects":[]}"#;
    assert_refused(
        load_with(line, Some(&["a"]), None),
        &["property labels: ", "names of its own"],
    );
    let rows = "1,-1,1,2,3,4,0.9\n";
    assert_refused(
        load_with(rows, None, Some("frameRate=x")),
        &["seqinfo.ini:1: ", "frameRate"],
    );
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "[-+0-9.,eEinfNa {}\\[\\]\":\\n]{0,200}", json in any::<bool>()) {
        let _ = load(format!("{}{text}", if json { "{" } else { "1,-1,1,2,3,4,0.5,1\n" }));
    }

    #[test]
    fn every_frame_of_a_constant_rate_finds_its_own_record(
        num in 1u32..=240_000, den in 1u32..=1001, offset in 0u64..100_000,
    ) {
        let rate = Rate::new(num, den).unwrap();
        prop_assume!(rate.fps() <= 1000.0);
        let rows: String = (1..=20).map(|n| format!("{},-1,{n},2,3,4,0.5\n", n + offset)).collect();
        let recording = load(rows).unwrap();
        for n in 0..20 {
            let ns = u128::from(n + offset) * 1_000_000_000 * u128::from(den) / u128::from(num);
            let position = Position { pts: None, stream_time: Some(ns as i64) };
            let Recorded::Looked(found) = recording.find(position, Some(rate), &mut Cursor::default()) else {
                panic!("frame {n} was not found");
            };
            let thresholds = Thresholds { confidence: 0.0, ..Default::default() };
            let found = found.detections((100, 100), &thresholds);
            prop_assert_eq!(found[0].xyxy[0], (n + 1) as f32);
        }
    }
}
