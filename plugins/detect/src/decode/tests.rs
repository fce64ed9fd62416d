use super::*;
use crate::model::ClassSet;
use crate::model::{HeadKind, InputSpec, LabelsSource, OutputRef};
use crate::preprocess::letterbox::Fit;
use proptest::prelude::*;

pub fn spec(head: Head) -> ModelSpec {
    ModelSpec {
        input: InputSpec::of_yolo("images", (64, 64), Some(1)),
        outputs: (0..3)
            .map(|index| OutputRef {
                index,
                name: format!("output{index}"),
            })
            .collect(),
        kind: HeadKind::Yolov8,
        doubts: Vec::new(),
        head,
        labels: Vec::new(),
        labels_source: LabelsSource::Numbered,
    }
}

fn v8(classes: usize, anchors: usize) -> Head {
    Head::V8 {
        classes,
        anchors,
        transposed: false,
    }
}

pub fn same_size() -> Letterbox {
    Letterbox::new((64, 64), (64, 64), Fit::LetterboxCenter)
}

fn decode_with(
    head: Head,
    shape: &[usize],
    data: &[f32],
    letterbox: &Letterbox,
    thresholds: &Thresholds,
) -> Vec<Detection> {
    let mut out = Vec::new();
    Decoder::new(&spec(head))
        .decode(
            &[OutputView { shape, data }],
            letterbox,
            thresholds,
            &mut out,
        )
        .unwrap();
    out
}

pub fn decode(head: Head, shape: &[usize], data: &[f32]) -> Vec<Detection> {
    decode_with(head, shape, data, &same_size(), &Thresholds::default())
}

/// As `decode`, of several outputs.
pub fn decode_outputs(head: Head, outputs: &[OutputView]) -> Vec<Detection> {
    let mut out = Vec::new();
    Decoder::new(&spec(head))
        .decode(outputs, &same_size(), &Thresholds::default(), &mut out)
        .unwrap();
    out
}

/// Rows of one candidate each, as `[4 + classes, anchors]` wants them.
fn by_value<const N: usize>(rows: &[[f32; N]]) -> Vec<f32> {
    (0..N)
        .flat_map(|value| rows.iter().map(move |row| row[value]))
        .collect()
}

pub const ONE_BOX: [f32; 4] = [10.0, 20.0, 30.0, 40.0];
pub const CENTRED: [f32; 4] = [20.0, 30.0, 20.0, 20.0];

#[test]
fn yolov8_takes_the_best_class_of_each_candidate() {
    let [cx, cy, w, h] = CENTRED;
    let rows = [
        [cx, cy, w, h, 0.1, 0.9, 0.3],
        [50.0, 50.0, 4.0, 4.0, 0.2, 0.1, 0.0],
    ];
    let expected = [Detection {
        class: 1,
        score: 0.9,
        xyxy: ONE_BOX,
    }];
    assert_eq!(decode(v8(3, 2), &[1, 7, 2], &by_value(&rows)), expected);
    let transposed = Head::V8 {
        classes: 3,
        anchors: 2,
        transposed: true,
    };
    assert_eq!(decode(transposed, &[2, 7], rows.as_flattened()), expected);
}

#[test]
fn yolov5_multiplies_objectness_and_class() {
    let [cx, cy, w, h] = CENTRED;
    let rows = [
        [cx, cy, w, h, 0.5, 0.25, 0.75],
        [50.0, 50.0, 4.0, 4.0, 0.4, 0.5, 0.1],
    ];
    let head = Head::V5 {
        classes: 2,
        anchors: 2,
    };
    let expected = [Detection {
        class: 1,
        score: 0.375,
        xyxy: ONE_BOX,
    }];
    assert_eq!(decode(head, &[1, 2, 7], rows.as_flattened()), expected);
}

#[test]
fn yolox_places_boxes_on_the_grid() {
    // 64×64: cells 8×8, 4×4 and 2×2
    let mut rows = vec![[0.0; 6]; 84];
    // second row, third column of the stride 16 grid
    rows[64 + 4 + 2] = [0.25, 0.5, 1f32.ln(), 2f32.ln(), 0.8, 0.5];
    let head = Head::YoloxRaw {
        classes: 1,
        strides: vec![8, 16, 32],
    };
    let found = decode(head, &[1, 84, 6], rows.as_flattened());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].class, found[0].score), (0, 0.4));
    // centre (2.25, 1.5)·16, size (1, 2)·16
    let expected = [28.0, 8.0, 44.0, 40.0];
    for (have, want) in found[0].xyxy.iter().zip(expected) {
        assert!((have - want).abs() < 1e-4, "{found:?}");
    }
}

#[test]
fn finished_boxes_are_taken_as_they_are() {
    let [x1, y1, x2, y2] = ONE_BOX;
    let rows = [
        [x1, y1, x2, y2, 0.5, 3.0],
        // overlaps the first wholly: not ours to suppress
        [x1, y1, x2, y2, 0.9, 3.0],
        [x1, y1, x2, y2, 0.9, -1.0],
        [x1, y1, x2, y2, 0.9, f32::NAN],
        [x1, y1, x2, y2, 0.9, 1e9],
        [0.0; 6],
    ];
    let found = decode(Head::EndToEnd { max: 300 }, &[1, 6, 6], rows.as_flattened());
    let scores: Vec<_> = found.iter().map(|d| (d.class, d.score)).collect();
    assert_eq!(scores, [(3, 0.9), (3, 0.5)]);
    assert_eq!(decode(Head::EndToEnd { max: 300 }, &[1, 0, 6], &[]), []);
}

#[test]
fn edge_boxes_survive_letterboxing() {
    // 128×72 in 64×64: the picture is 64×36, 14 lines down
    let letterbox = Letterbox::new((128, 72), (64, 64), Fit::LetterboxCenter);
    let rows = [
        // from above the picture's top left corner into it
        [4.0, 14.0, 16.0, 20.0, 0.9],
        // over the whole right side
        [60.0, 32.0, 20.0, 60.0, 0.8],
        // in the padding alone
        [32.0, 4.0, 10.0, 6.0, 0.7],
    ];
    let found = decode_with(
        v8(1, 3),
        &[5, 3],
        &by_value(&rows),
        &letterbox,
        &Thresholds::default(),
    );
    let boxes: Vec<_> = found.iter().map(|d| d.xyxy).collect();
    assert_eq!(boxes, [[0.0, 0.0, 24.0, 20.0], [100.0, 0.0, 128.0, 72.0]]);
}

#[test]
fn thresholds_choose_what_is_given() {
    // far apart, three classes in turn
    let rows: Vec<[f32; 7]> = (0..6)
        .map(|i| {
            let mut row = [5.0 + 10.0 * i as f32, 5.0, 4.0, 4.0, 0.0, 0.0, 0.0];
            row[4 + i % 3] = 0.25 + 0.125 * i as f32;
            row
        })
        .collect();
    let data = by_value(&rows);
    let given = |thresholds: Thresholds| -> Vec<f32> {
        let found = decode_with(v8(3, 6), &[1, 7, 6], &data, &same_size(), &thresholds);
        found.iter().map(|d| d.score).collect()
    };
    let default = Thresholds::default;
    // the score of just the threshold is not above it
    assert_eq!(given(default()), [0.875, 0.75, 0.625, 0.5, 0.375]);
    assert_eq!(
        given(Thresholds {
            confidence: 0.7,
            ..default()
        }),
        [0.875, 0.75]
    );
    assert_eq!(
        given(Thresholds {
            max_detections: 2,
            ..default()
        }),
        [0.875, 0.75]
    );
    assert_eq!(
        given(Thresholds {
            max_detections: 0,
            ..default()
        }),
        [0.0; 0]
    );
    let classes = Some(ClassSet::from_ids([1]));
    assert_eq!(
        given(Thresholds {
            classes,
            ..default()
        }),
        [0.75, 0.375]
    );
}

#[test]
fn values_that_are_not_finite_are_left_out() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let rows = [
        [20.0, 30.0, 20.0, 20.0, nan],
        [20.0, 30.0, 20.0, 20.0, inf],
        [nan, 30.0, 20.0, 20.0, 0.9],
        [20.0, inf, 20.0, 20.0, 0.9],
        [20.0, 30.0, inf, 20.0, 0.9],
        [20.0, 30.0, -20.0, 20.0, 0.9],
        [20.0, 30.0, 0.0, 20.0, 0.9],
        // this one is sound
        [20.0, 30.0, 20.0, 20.0, 0.5],
    ];
    let found = decode(v8(1, 8), &[5, 8], &by_value(&rows));
    assert_eq!(
        found,
        [Detection {
            class: 0,
            score: 0.5,
            xyxy: ONE_BOX
        }]
    );
    // exp(1000) is infinite
    let mut rows = vec![[0.0; 6]; 84];
    rows[0] = [0.0, 0.0, 1000.0, 0.0, 1.0, 1.0];
    let head = Head::YoloxRaw {
        classes: 1,
        strides: vec![8, 16, 32],
    };
    assert_eq!(decode(head, &[84, 6], rows.as_flattened()), []);
}

#[test]
fn another_shape_than_the_models_is_an_error() {
    let data = [0.0; 14];
    let mut decoder = Decoder::new(&spec(v8(3, 2)));
    let mut out = vec![Detection {
        class: 0,
        score: 1.0,
        xyxy: ONE_BOX,
    }];
    let mut run = |outputs: &[OutputView]| {
        decoder.decode(outputs, &same_size(), &Thresholds::default(), &mut out)
    };
    assert_eq!(
        run(&[]),
        Err(DecodeError::MissingOutput { count: 0, index: 0 })
    );
    let shapes: [&[usize]; 5] = [&[1, 2, 7], &[2, 7, 1], &[7], &[7, 3], &[usize::MAX, 7, 2]];
    for shape in shapes {
        let error = run(&[OutputView { shape, data: &data }]).unwrap_err();
        assert!(
            matches!(error, DecodeError::Shape { .. }),
            "{shape:?}: {error}"
        );
    }
    let error = run(&[OutputView {
        shape: &[7, 2],
        data: &data[..13],
    }])
    .unwrap_err();
    assert!(
        error.to_string().contains("13 values, expected [7, 2]"),
        "{error}"
    );
    // nothing is left of what was there before
    assert_eq!(out, []);
}

#[test]
fn decoding_reserves_its_memory_beforehand() {
    let heads = [
        (v8(3, 84), [7, 84]),
        (
            Head::V5 {
                classes: 2,
                anchors: 84,
            },
            [84, 7],
        ),
        (
            Head::YoloxRaw {
                classes: 2,
                strides: vec![8, 16, 32],
            },
            [84, 7],
        ),
    ];
    for (head, shape) in heads {
        let mut decoder = Decoder::new(&spec(head));
        let room = decoder.candidates.capacity();
        let data = vec![0.9; 84 * 7];
        let thresholds = Thresholds {
            iou: 0.99,
            ..Default::default()
        };
        let mut out = Vec::with_capacity(300);
        for _ in 0..2 {
            let view = OutputView {
                shape: &shape,
                data: &data,
            };
            decoder
                .decode(&[view], &same_size(), &thresholds, &mut out)
                .unwrap();
            assert_eq!(decoder.candidates.len(), 84);
            assert_eq!(decoder.candidates.capacity(), room);
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_model_says_is_in_the_frame_or_not_given(
        head in 0usize..11,
        src in (1u32..5000, 1u32..5000),
        data in prop::collection::vec(
            prop_oneof![
                6 => -100f32..100.0, 4 => 0f32..1.0, 1 => any::<f32>(), 1 => Just(f32::NAN)],
            84 * 7),
    ) {
        let strides = vec![8, 16, 32];
        let (head, shapes): (_, &[&[usize]]) = match head {
            0 => (v8(3, 84), &[&[7, 84]]),
            1 => (Head::V5 { classes: 2, anchors: 84 }, &[&[84, 7]]),
            2 => (Head::YoloxRaw { classes: 2, strides }, &[&[84, 7]]),
            3 => (
                Head::NanoDet { classes: 1, strides: vec![16], bins: 8, centred: false, split: false },
                &[&[16, 33]],
            ),
            9 => (
                Head::NanoDet { classes: 3, strides: vec![16], bins: 7, centred: true, split: true },
                &[&[16, 3], &[16, 28]],
            ),
            10 => (Head::FastestDet { classes: 20, stride: 16 }, &[&[25, 4, 4]]),
            4 => (Head::YoloNas { classes: 3, anchors: 84 }, &[&[84, 4], &[84, 3]]),
            5 => (Head::Detr { classes: 3, queries: 84 }, &[&[84, 3], &[84, 4]]),
            6 => (Head::DetrRows { classes: 3, queries: 84 }, &[&[84, 7]]),
            7 => (Head::DetrDecoded { classes: None, queries: 84 }, &[&[84], &[84, 4], &[84]]),
            _ => (Head::EndToEnd { max: 98 }, &[&[98, 6]]),
        };
        let mut at = 0;
        let views: Vec<_> = shapes
            .iter()
            .map(|&shape| {
                let start = at;
                at += shape.iter().product::<usize>();
                OutputView { shape, data: &data[start..at] }
            })
            .collect();
        let letterbox = Letterbox::new(src, (64, 64), Fit::LetterboxCenter);
        let thresholds = Thresholds { max_detections: 20, ..Default::default() };
        let mut found = Vec::new();
        Decoder::new(&spec(head)).decode(&views, &letterbox, &thresholds, &mut found).unwrap();
        prop_assert!(found.len() <= 20);
        prop_assert!(found.is_sorted_by(|a, b| a.score >= b.score));
        for d in found {
            let [x1, y1, x2, y2] = d.xyxy;
            prop_assert!(d.score > 0.25 && d.score <= 1.0);
            prop_assert!(0.0 <= x1 && x1 < x2 && x2 <= src.0 as f32);
            prop_assert!(0.0 <= y1 && y1 < y2 && y2 <= src.1 as f32);
        }
    }
}
