//! What a user says comes before what the file shows.

use super::{I640, TWO, ULTRALYTICS, info};
use crate::model::input::plan_input;
use crate::model::recognise::recognise_as;
use crate::model::{
    ChannelOrder, Head, HeadKind, InputSpec, InputWishes, LabelsSource, ModelError, ModelSpec,
    OnnxInfo, Sidecar, Wishes,
};
use crate::preprocess::letterbox::Fit;

fn recognise(info: &OnnxInfo, wishes: &Wishes) -> Result<ModelSpec, ModelError> {
    let plan = plan_input(info, None)?;
    recognise_as(info, &plan, &info.fixed_output_shapes().unwrap(), wishes)
}

fn asking(head: HeadKind) -> Wishes {
    Wishes {
        head: Some(head),
        ..Wishes::default()
    }
}

fn beside(sidecar: Sidecar) -> Wishes {
    let path = "m.toml".into();
    Wishes {
        sidecar: Some(Sidecar { path, ..sidecar }),
        ..Wishes::default()
    }
}

#[test]
fn any_head_that_fits_can_be_asked_for() {
    use HeadKind::{Detr, DetrRows, EndToEnd, NanoDet, YoloNas, Yolov6, Yolov8, Yolox};
    let (yolox, nano) = (&["o f32 1,8400,85"], "o f32 1,8500,92");
    let pair: &[&str] = &["boxes f32 1,300,4", "scores f32 1,300,7"];
    let table: [(&[&str], _); 11] = [
        (yolox, Yolox),
        (yolox, Yolov6),
        (yolox, Yolov8),
        (&["o f32 1,8400,6"], EndToEnd),
        (&["o f32 1,8400,6"], Yolox),
        (&["o f32 1,300,6"], EndToEnd),
        (&[nano], NanoDet),
        (&[nano], Yolox),
        (&["o f32 1,300,84"], DetrRows),
        (pair, Detr),
        (pair, YoloNas),
    ];
    for (outputs, kind) in table {
        // whatever the metadata make of it
        for metadata in [&[][..], &[ULTRALYTICS]] {
            let spec = recognise(&info(&[I640], outputs, metadata), &asking(kind));
            let spec = spec.unwrap_or_else(|e| panic!("{outputs:?} {kind:?}: {e}"));
            assert_eq!((spec.kind, spec.doubts), (kind, vec![]), "{outputs:?}");
        }
    }
}

#[test]
fn a_head_that_does_not_fit_is_refused_with_those_that_do() {
    let info = info(&[I640], &["o f32 1,84,8400"], &[]);
    let error = recognise(&info, &asking(HeadKind::Yolov5)).unwrap_err();
    let text = error.to_string();
    for part in [
        "property head asks for yolov5",
        "those of yolov8",
        "1,84,8400",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let sidecar = Sidecar {
        head: Some(HeadKind::Detr),
        ..Sidecar::default()
    };
    let text = recognise(&info, &beside(sidecar)).unwrap_err().to_string();
    assert!(
        text.contains("boxes.head in \"m.toml\" asks for detr"),
        "{text}"
    );
}

#[test]
fn properties_come_before_the_file_beside_the_model_before_its_metadata() {
    let fit = |name| [("fit", name)];
    let stretched = info(&[I640], &["o f32 1,84,8400"], &fit("stretch"));
    let sidecar = Sidecar {
        head: Some(HeadKind::Yolov8),
        input: InputWishes {
            fit: Some(Fit::LetterboxTopLeft),
            pad: Some(7),
            ..InputWishes::default()
        },
        ..Sidecar::default()
    };
    let mut wishes = beside(sidecar);
    let input = recognise(&stretched, &wishes).unwrap().input;
    assert_eq!((input.fit, input.pad), (Fit::LetterboxTopLeft, 7));
    wishes.input.fit = Some(Fit::LetterboxCenter);
    let input = recognise(&stretched, &wishes).unwrap().input;
    assert_eq!((input.fit, input.pad), (Fit::LetterboxCenter, 7));
    wishes.head = Some(HeadKind::Yolov5);
    let error = recognise(&stretched, &wishes).unwrap_err().to_string();
    assert!(error.contains("property head"), "{error}");
}

#[test]
fn everything_of_the_input_can_be_said() {
    let info = info(&["data f32 1,3,416,416"], &["o f32 1,3598,112"], &[]);
    let mut wishes = Wishes {
        input: InputWishes::parse("colour=rgb").unwrap(),
        ..Wishes::default()
    };
    // Mean and deviation stay with their colours.
    let input = recognise(&info, &wishes).unwrap().input;
    let (mean, std) = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);
    assert_eq!(
        (input.order, input.mean, input.std),
        (ChannelOrder::Rgb, mean, std)
    );
    wishes.input =
        InputWishes::parse("colour=rgb;scale=2;mean=1,2,3;std=4,5,6;fit=stretch;pad=9").unwrap();
    let expected = InputSpec {
        scale: 2.0,
        mean: [1.0, 2.0, 3.0],
        std: [4.0, 5.0, 6.0],
        fit: Fit::Stretch,
        pad: 9,
        ..input
    };
    assert_eq!(recognise(&info, &wishes).unwrap().input, expected);
}

#[test]
fn names_come_from_the_user_the_file_beside_the_model_or_its_metadata() {
    let model = info(&[I640], &["o f32 1,6,8400"], &[TWO]);
    let names = |names: &[&str]| Some(names.iter().map(|n| n.to_string()).collect::<Vec<_>>());
    let mut wishes = beside(Sidecar {
        names: names(&["Katze", "Hund"]),
        ..Sidecar::default()
    });
    let spec = recognise(&model, &wishes).unwrap();
    assert_eq!(spec.labels_source, LabelsSource::Sidecar);
    assert_eq!(spec.label(1), "Hund");
    wishes.labels = names(&["chat", "chien"]);
    let spec = recognise(&model, &wishes).unwrap();
    assert_eq!(
        (spec.labels_source, spec.label(1)),
        (LabelsSource::User, "chien".into())
    );
    // Damaged names of the model do not matter then.
    wishes.labels = None;
    let damaged = info(&[I640], &["o f32 1,6,8400"], &[("names", "{0: ")]);
    assert!(recognise(&damaged, &wishes).is_ok());
}

#[test]
fn the_count_of_classes_beside_the_model_decides_between_layouts() {
    let model = info(&[I640], &["o f32 1,8400,7"], &[]);
    let count = |count| {
        beside(Sidecar {
            count: Some(count),
            ..Sidecar::default()
        })
    };
    let spec = recognise(&model, &count(3)).unwrap();
    assert!(matches!(spec.head, Head::V8 { classes: 3, .. }));
    assert_eq!(recognise(&model, &count(2)).unwrap().kind, HeadKind::Yolox);
    let error = recognise(&model, &count(9)).unwrap_err().to_string();
    assert!(
        error.contains("2 classes, but \"m.toml\" speaks of 9"),
        "{error}"
    );
}
