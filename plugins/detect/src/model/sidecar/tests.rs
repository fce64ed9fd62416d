use super::*;
use crate::model::ChannelOrder;
use crate::preprocess::letterbox::Fit;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Sidecar, String> {
    Sidecar::parse(Path::new("m.toml"), text)
}

#[test]
fn a_card_says_how_a_model_is_fed_and_read() {
    let sidecar = parse(
        r#"
        card = 1
        name = "mine"
        [boxes]
        head = "nanodet"
        nms = true
        [input]
        type = "f32"
        size = [416, 320]
        colour = "bgr"
        scale = 1
        mean = [103.53, 116.28, 123.675]
        std = [57.375, 57.12, 58.395]
        fit = "letterbox-centre"
        pad = 0
        [classes]
        names = ["cat", "dog"]
        count = 2
        [licence]
        whatever = "is there"
        "#,
    )
    .unwrap();
    let expected = Sidecar {
        path: "m.toml".into(),
        head: Some(HeadKind::NanoDet),
        size: Some((416, 320)),
        input: InputWishes {
            order: Some(ChannelOrder::Bgr),
            scale: Some(1.0),
            mean: Some([103.53, 116.28, 123.675]),
            std: Some([57.375, 57.12, 58.395]),
            fit: Some(Fit::LetterboxCenter),
            pad: Some(0),
        },
        names: Some(vec!["cat".into(), "dog".into()]),
        count: Some(2),
        output_names: Vec::new(),
    };
    assert_eq!(sidecar, expected);
    let outputs =
        "[[outputs]]\nname = 'a'\nholds = 'scores'\n[[outputs]]\nname = 'b'\nnames = ['x', 'y']";
    let names = vec![("b".to_string(), vec!["x".to_string(), "y".into()])];
    assert_eq!(parse(outputs).unwrap().output_names, names);
    let of = |names: &str| parse(&format!("classes.names = \"{names}\"")).unwrap();
    assert_eq!(of("coco80").classes(), Some(80));
    assert_eq!(of("coco91").names.unwrap()[1], "person");
    assert_eq!(parse("classes.count = 7").unwrap().classes(), Some(7));
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    let table: &[(&str, &[&str])] = &[
        ("outputs = 1", &["outputs", "[[outputs]]"]),
        (
            "[[outputs]]\nnames = ['x']",
            &["outputs.names", "outputs.name"],
        ),
        (
            "[[outputs]]\nname = 'a'\nnames = 3",
            &["outputs.names", "\"a\"", "list of names"],
        ),
        (
            "[[outputs]]\nname = 'a'\nnames = ['x']\n[[outputs]]\nname = 'a'\nnames = ['y']",
            &["\"a\" twice"],
        ),
        ("a = ", &["line 1, column 5"]),
        ("[input]\nfit = [", &["line 2"]),
        (
            "[[variants]]\nname = 'a'",
            &["[[variants]]", "models/fetch"],
        ),
        ("[inputs]", &["inputs", "did you mean \"input\""]),
        ("input = 3", &["input is 3", "[input]"]),
        (
            "input.color = 'bgr'",
            &["input.color", "did you mean \"colour\""],
        ),
        ("input.colour = 'grey'", &["input.colour", "rgb or bgr"]),
        ("input.size = [0, 640]", &["input.size", "1 to 8192"]),
        ("input.size = 640", &["input.size", "[width, height]"]),
        ("input.mean = [0, 0]", &["input.mean", "three numbers"]),
        ("input.std = [1, 1, 0]", &["input.std", "above 0"]),
        ("input.scale = 'x'", &["input.scale", "above 0"]),
        ("input.pad = -1", &["input.pad", "0 to 255"]),
        ("boxes.head = 'yolov3'", &["boxes.head", "yolov5"]),
        ("boxes.head = 8", &["boxes.head is 8", "yolov8"]),
        (
            "boxes.heads = 'x'",
            &["boxes.heads", "did you mean \"head\""],
        ),
        ("classes.names = 'voc'", &["classes.names", "coco80"]),
        ("classes.names = []", &["classes.names", "a list of names"]),
        ("classes.names = [1]", &["classes.names", "a list of names"]),
        ("classes.count = 0", &["classes.count", "1 to 65535"]),
        (
            "classes.names = ['a']\nclasses.count = 2",
            &["classes.count is 2", "are 1"],
        ),
    ];
    for (text, parts) in table {
        let error = parse(text).unwrap_err();
        for part in *parts {
            assert!(error.contains(part), "{text}: no {part:?} in: {error}");
        }
    }
}

#[test]
fn it_lies_beside_the_model_under_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("street.v2.onnx");
    assert_eq!(Sidecar::beside(&model).unwrap(), None);
    let path = folder.path().join("street.v2.toml");
    std::fs::write(&path, "boxes.head = 'yolox'").unwrap();
    let sidecar = Sidecar::beside(&model).unwrap().unwrap();
    assert_eq!(
        (sidecar.head, &sidecar.path),
        (Some(HeadKind::Yolox), &path)
    );
    for (content, part) in [(&b"x = 1"[..], "no key"), (b"\xff", "UTF-8")] {
        std::fs::write(&path, content).unwrap();
        let error = Sidecar::beside(&model).unwrap_err().to_string();
        assert!(
            error.contains("street.v2.toml") && error.contains(part),
            "{error}"
        );
    }
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    let error = Sidecar::beside(&model).unwrap_err().to_string();
    assert!(error.contains("too many"), "{error}");
}

#[test]
fn the_cards_of_the_catalogue_are_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let mut cards = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let mut card: Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let variants = card.remove("variants").unwrap();
        for variant in variants.as_array().unwrap() {
            let mut whole = card.clone();
            for (key, value) in variant.as_table().unwrap() {
                match (whole.get_mut(key), value) {
                    (Some(Value::Table(table)), Value::Table(over)) => table.extend(over.clone()),
                    _ => drop(whole.insert(key.clone(), value.clone())),
                }
            }
            let sidecar = parse(&whole.to_string()).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            assert!(sidecar.head.is_some() && sidecar.size.is_some(), "{path:?}");
            cards += 1;
        }
    }
    assert!(cards > 30, "{cards}");
}

proptest! {
    #[test]
    fn no_file_is_too_strange(text in "(\\[?\\[?(input|boxes|classes|card|[a-z]{1,5})[.\\]]?\n?(head|size|mean|names|fit)? ?= ?(\\[[0-9., \"a-z]{0,12}\\]?|\"[^\n]{0,8}\"?|[0-9.e+-]{1,25})\n){0,5}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn damaged_cards_never_panic(at in 0usize..400, with in any::<char>()) {
        const CARD: &str = "[boxes]\nhead = \"yolox\"\n[input]\nsize = [416, 416]\nmean = [0.0, 0.0, 1e3]\n\
            std = [1, 1, 1]\nfit = \"stretch\"\n[classes]\nnames = [\"a\", \"b\"]\ncount = 2\n";
        let mut text: Vec<char> = CARD.chars().collect();
        let at = at % text.len();
        text[at] = with;
        let _ = parse(&text.into_iter().collect::<String>());
    }
}
