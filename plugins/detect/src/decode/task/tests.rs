//! Against Ultralytics' own postprocessing, whose numbers `tests/golden/tasks.py` makes.

use super::*;
use crate::decode::Decoder;
use crate::decode::tests::spec;
use crate::preprocess::letterbox::Fit;
use proptest::prelude::*;

const SIDE: u32 = 64;
/// Cells of the grids of strides 8, 16 and 32 on such an input.
const CELLS: usize = 84;
const CLASSES: usize = 2;

/// Numbers from 0 to below 1, the same as the script's.
struct Random(u32);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = (self.0.wrapping_mul(1_664_525)).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1 << 24)
    }
}

/// The script's output: `[4 + classes + extras, cells]`.
fn output(random: &mut Random, extra: impl Fn(&mut Random) -> Vec<f64>) -> Vec<f32> {
    let columns: Vec<Vec<f64>> = (0..CELLS)
        .map(|_| {
            let [cx, cy, w, h] = std::array::from_fn(|_| random.next());
            let side = f64::from(SIDE);
            let mut column = vec![side * cx, side * cy, 8.0 + 40.0 * w, 8.0 + 40.0 * h];
            column.extend((0..CLASSES).map(|_| random.next().powi(3)));
            column.extend(extra(random));
            column
        })
        .collect();
    let rows = 0..columns[0].len();
    rows.flat_map(|row| columns.iter().map(move |column| column[row] as f32))
        .collect()
}

fn v8(task: Task) -> Head {
    Head::V8Task {
        classes: CLASSES,
        anchors: CELLS,
        task,
    }
}

fn masks_of(channels: usize) -> Task {
    Task::Segment {
        protos: [channels, 16, 16],
    }
}

fn points_of(keypoints: usize, values: usize) -> Task {
    Task::Pose { keypoints, values }
}

/// Decodes outputs for a frame of this size.
fn decode(
    head: Head,
    outputs: &[OutputView],
    frame: (u32, u32),
    confidence: f32,
) -> (Vec<Detection>, Details) {
    let mut decoder = Decoder::new(&spec(head));
    let letterbox = Letterbox::new(frame, (SIDE, SIDE), Fit::LetterboxCenter);
    let thresholds = Thresholds {
        confidence,
        ..Default::default()
    };
    let mut found = Vec::new();
    decoder
        .decode(outputs, &letterbox, &thresholds, &mut found)
        .unwrap();
    let details = decoder.take_details();
    assert_eq!(decoder.take_details(), Details::default());
    (found, details)
}

fn view<'a>(shape: &'a [usize], data: &'a [f32]) -> OutputView<'a> {
    OutputView { shape, data }
}

#[track_caller]
fn assert_near(found: f32, expected: f32, tolerance: f32) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found} is not {expected}"
    );
}

#[test]
#[rustfmt::skip]
fn masks_are_ultralytics_own() {
    let table: &[(u32, f32, [f32; 4], usize, usize)] = &[
        // class, score, box, pixels of the mask, sum of their places
        (1, 0.9906, [30.611, 37.034, 40.916, 64.000], 128, 430980),
        (0, 0.9485, [41.688, 0.000, 64.000, 35.283], 427, 502096),
        (1, 0.9436, [0.215, 6.294, 31.843, 47.771], 684, 1094635),
        (1, 0.9409, [8.557, 14.901, 46.044, 62.890], 996, 2481172),
        (0, 0.9387, [17.859, 28.497, 60.859, 46.427], 348, 863491),
        (0, 0.9374, [44.471, 0.000, 64.000, 29.712], 302, 273163),
        (0, 0.9159, [28.425, 0.000, 52.854, 33.514], 355, 314533),
        (0, 0.8767, [8.540, 25.280, 38.462, 40.555], 222, 449650),
        (0, 0.8653, [24.661, 10.707, 33.441, 45.919], 177, 283803),
        (1, 0.8130, [44.870, 9.884, 58.763, 42.324], 191, 280184),
        (0, 0.7408, [26.571, 1.576, 34.634, 14.075], 59, 35690),
        (1, 0.7403, [4.563, 36.888, 39.718, 60.240], 393, 1204844),
        (1, 0.7169, [29.116, 21.944, 51.263, 55.293], 323, 845086),
    ];
    let mut random = Random(1);
    let data = output(&mut random, |r| (0..4).map(|_| 2.0 * r.next() - 1.0).collect());
    let protos: Vec<f32> = (0..4 * 16 * 16).map(|_| (2.0 * random.next() - 1.0) as f32).collect();
    let outputs = [view(&[1, 10, CELLS], &data), view(&[1, 4, 16, 16], &protos)];
    let (found, details) = decode(v8(masks_of(4)), &outputs, (SIDE, SIDE), 0.7);
    assert_eq!((found.len(), details.masks.len()), (table.len(), table.len()));
    let mut regions = std::collections::BTreeSet::from([0]);
    for ((detection, mask), (class, score, xyxy, count, places)) in
        found.iter().zip(&details.masks).zip(table)
    {
        assert_eq!(detection.class, *class);
        assert_near(detection.score, *score, 1e-4);
        for (found, expected) in detection.xyxy.into_iter().zip(*xyxy) {
            assert_near(found, expected, 1e-3);
        }
        let mask = mask.as_ref().unwrap();
        assert!(regions.insert(mask.region));
        let place = |i: usize| {
            let (x, y) = (i as u32 % mask.width, i as u32 / mask.width);
            ((mask.y + y) * SIDE + mask.x + x) as usize
        };
        let set = || mask.pixels.iter().enumerate().filter(|(_, pixel)| **pixel == mask.region);
        assert_eq!((set().count(), set().map(|(i, _)| place(i)).sum::<usize>()), (*count, *places));
    }
}

#[test]
#[rustfmt::skip]
fn keypoints_are_ultralytics_own() {
    let table: &[(u32, f32, [f32; 9])] = &[
        // class, score, keypoints on a frame of 128x96
        (0, 0.9910, [51.89, 0.00, 0.98, 4.67, 96.00, 0.08, 128.00, 15.02, 0.85]),
        (1, 0.9724, [0.00, 0.00, 0.90, 43.43, 96.00, 0.50, 72.61, 70.12, 0.04]),
        (1, 0.9127, [128.00, 36.05, 0.84, 108.40, 0.00, 0.22, 33.52, 0.00, 0.84]),
        (1, 0.9054, [120.07, 16.43, 0.29, 58.73, 0.00, 0.80, 47.16, 64.21, 0.53]),
        (0, 0.8936, [59.92, 31.53, 0.41, 104.33, 0.00, 0.89, 9.94, 0.00, 0.22]),
        (0, 0.8490, [10.94, 32.62, 0.85, 107.27, 16.88, 0.04, 44.29, 96.00, 0.59]),
        (1, 0.8442, [0.00, 17.07, 0.17, 0.00, 34.38, 0.06, 128.00, 18.21, 0.59]),
        (0, 0.8394, [62.95, 56.35, 0.34, 82.71, 96.00, 0.39, 52.28, 96.00, 0.46]),
        (1, 0.8156, [121.58, 96.00, 0.86, 45.76, 96.00, 0.87, 31.58, 0.00, 0.54]),
        (0, 0.8130, [48.89, 72.57, 0.75, 128.00, 37.06, 0.46, 101.58, 96.00, 0.60]),
        (0, 0.8099, [74.18, 4.56, 0.72, 98.09, 0.00, 0.40, 69.85, 90.54, 0.04]),
        (0, 0.8030, [83.71, 41.46, 0.18, 89.14, 96.00, 0.34, 58.07, 96.00, 0.25]),
        (1, 0.7716, [86.09, 5.24, 0.93, 118.36, 77.34, 0.24, 97.43, 86.34, 0.85]),
        (1, 0.7563, [98.06, 82.49, 0.77, 43.03, 0.00, 0.25, 41.51, 69.18, 0.90]),
        (0, 0.7526, [0.00, 40.35, 0.60, 55.99, 60.93, 0.05, 31.98, 51.18, 0.19]),
        (1, 0.7462, [96.13, 94.23, 0.39, 15.46, 0.00, 0.18, 0.00, 0.00, 0.37]),
        (1, 0.7413, [62.76, 23.30, 0.34, 78.28, 96.00, 0.41, 42.11, 0.00, 0.36]),
        (1, 0.7133, [1.09, 14.87, 0.08, 120.76, 53.52, 0.35, 0.00, 96.00, 0.71]),
        (1, 0.7026, [128.00, 13.84, 0.68, 109.23, 0.00, 0.49, 124.53, 75.78, 0.69]),
    ];
    let data = output(&mut Random(2), |r| {
        let mut point = || [96.0 * r.next() - 16.0, 96.0 * r.next() - 16.0, r.next()];
        [point(), point(), point()].as_flattened().to_vec()
    });
    let outputs = [view(&[1, 15, CELLS], &data)];
    let (found, details) = decode(v8(points_of(3, 3)), &outputs, (128, 96), 0.7);
    assert_eq!((found.len(), details.keypoints.len()), (table.len(), 3 * table.len()));
    let points = details.keypoints.chunks_exact(details.keypoints_each);
    for ((detection, points), (class, score, expected)) in found.iter().zip(points).zip(table) {
        assert_eq!(detection.class, *class);
        assert_near(detection.score, *score, 1e-4);
        for (point, expected) in points.iter().zip(expected.chunks_exact(3)) {
            for (found, expected) in [point.x, point.y, point.score].iter().zip(expected) {
                assert_near(*found, *expected, 0.006);
            }
        }
    }
}

#[test]
#[rustfmt::skip]
fn oriented_boxes_are_ultralytics_own() {
    let table: &[(u32, f32, [f32; 5])] = &[
        // class, score, box on a frame of 128x96: centre, size, angle
        (1, 0.9972, [52.675, 71.642, 80.976, 81.805, 1.229]),
        (0, 0.9719, [25.723, 41.059, 80.777, 53.387, 0.968]),
        (1, 0.9486, [61.857, 19.186, 33.817, 44.314, 1.226]),
        (1, 0.9425, [53.427, 82.195, 18.623, 36.004, 1.054]),
        (0, 0.9133, [101.971, 57.186, 32.309, 41.500, 1.237]),
        (1, 0.9091, [125.491, 80.833, 41.029, 74.562, 1.409]),
        (1, 0.8457, [107.497, 60.261, 87.795, 49.078, 1.254]),
        (1, 0.8431, [124.713, -4.149, 70.385, 86.898, 0.826]),
        (0, 0.8414, [43.023, -4.319, 21.101, 18.793, 0.458]),
        (0, 0.8317, [101.985, 12.969, 50.316, 27.265, 1.233]),
        (0, 0.8217, [60.408, 5.209, 16.248, 18.863, 0.350]),
        (0, 0.8053, [64.219, 92.668, 33.694, 31.130, 1.180]),
        (1, 0.7950, [26.877, 3.545, 83.792, 74.372, 1.340]),
        (1, 0.7830, [3.757, 58.024, 52.952, 17.811, 0.541]),
        (0, 0.7056, [20.981, 103.079, 68.097, 24.112, 0.202]),
    ];
    let data = output(&mut Random(3), |r| vec![(r.next() - 0.25) * std::f64::consts::PI]);
    let outputs = [view(&[1, 7, CELLS], &data)];
    let (found, details) = decode(v8(Task::Oriented), &outputs, (128, 96), 0.7);
    assert_eq!((found.len(), details.oriented.len()), (table.len(), table.len()));
    for ((detection, oriented), (class, score, expected)) in
        found.iter().zip(&details.oriented).zip(table)
    {
        assert_eq!(detection.class, *class);
        assert_near(detection.score, *score, 1e-4);
        let OrientedBox { cx, cy, w, h, angle } = *oriented;
        for (found, expected) in [cx, cy, w, h, angle].into_iter().zip(*expected) {
            assert_near(found, expected, 6e-4);
        }
        let [x1, y1, x2, y2] = oriented.hull();
        let clipped = [x1.max(0.0), y1.max(0.0), x2.min(128.0), y2.min(96.0)];
        assert_eq!(detection.xyxy, clipped);
    }
}

const BOX: [f32; 4] = [10.0, 20.0, 30.0, 40.0];

#[test]
fn finished_boxes_have_their_values_behind_the_class() {
    let [x1, y1, x2, y2] = BOX;
    let rows = [
        [x1, y1, x2, y2, 0.9, 1.0, 12.0, 22.0, 0.5, 64.0, 65.0, 0.25],
        [0.0; 12],
    ];
    let head = |task| Head::EndToEndTask { max: 2, task };
    let output = view(&[1, 2, 12], rows.as_flattened());
    let (found, details) = decode(head(points_of(2, 3)), &[output], (SIDE, SIDE), 0.25);
    let detection = Detection {
        class: 1,
        score: 0.9,
        xyxy: BOX,
    };
    assert_eq!(found, [detection]);
    let point = |x, y, score| Keypoint { x, y, score };
    assert_eq!(
        details.keypoints,
        [point(12.0, 22.0, 0.5), point(64.0, 64.0, 0.25)]
    );
    // Pairs have no score of their own.
    let (_, details) = decode(head(points_of(3, 2)), &[output], (SIDE, SIDE), 0.25);
    assert_eq!(details.keypoints[0], point(12.0, 22.0, 1.0));
    // Oriented ones are centre and size, and finished: none suppresses another.
    let turned = [[20.0, 30.0, 20.0, 10.0, 0.9, 1.0, 0.1]; 2];
    let output = view(&[1, 2, 7], turned.as_flattened());
    let (found, details) = decode(head(Task::Oriented), &[output], (SIDE, SIDE), 0.25);
    assert_eq!((found.len(), details.oriented.len()), (2, 2));
    let OrientedBox {
        cx,
        cy,
        w,
        h,
        angle,
    } = details.oriented[0];
    assert_eq!([cx, cy, w, h, angle], [20.0, 30.0, 20.0, 10.0, 0.1]);
}

/// One candidate of class 0 with these values of the task, and 83 of score 0.
fn single(values: &[f32]) -> Vec<f32> {
    let [x1, y1, x2, y2] = BOX;
    let centred = [(x1 + x2) / 2.0, (y1 + y2) / 2.0, x2 - x1, y2 - y1];
    let first = centred.iter().chain(&[0.9, 0.0]).chain(values);
    first
        .flat_map(|value| [&[*value][..], &[0.0; CELLS - 1]].concat())
        .collect()
}

#[test]
fn masks_lie_in_the_box_and_an_empty_one_is_none() {
    // Prototypes: everywhere; left of the middle; nowhere.
    let protos: Vec<f32> = (0..3 * 256)
        .map(|i| match (i / 256, i % 16) {
            (0, _) => 1.0,
            (1, x) => 7.5 - x as f32,
            _ => -1.0,
        })
        .collect();
    let mask = |coefficients: [f32; 3]| {
        let data = single(&coefficients);
        let outputs = [view(&[1, 9, CELLS], &data), view(&[3, 16, 16], &protos)];
        let (found, details) = decode(v8(masks_of(3)), &outputs, (128, 96), 0.25);
        assert_eq!((found.len(), details.masks.len()), (1, 1));
        details.masks[0].clone()
    };
    let all = mask([1.0, 0.0, 0.0]).unwrap();
    // The box, less the padding of 8 rows above, twice as large.
    assert_eq!((all.x, all.y, all.width, all.height), (20, 24, 40, 40));
    assert_eq!(all.pixels, [1; 1600]);
    let left = mask([0.0, 1.0, 0.0]).unwrap();
    assert_eq!((left.x, left.width), (20, 40));
    for row in left.pixels.chunks_exact(40) {
        // Prototypes change sign at the middle of the input, 64 of the frame: right of the box.
        assert_eq!(row, [1; 40]);
    }
    assert_eq!(mask([0.0, 0.0, 1.0]), None);
    for strange in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        let _ = mask([strange, 1.0, strange]);
    }
    assert_eq!(mask([f32::NAN, 1.0, 1.0]), None);
}

#[test]
fn no_masks_are_made_where_none_are_wanted() {
    let data = single(&[1.0; 4]);
    let protos = [1.0; 1024];
    let outputs = [view(&[1, 10, CELLS], &data), view(&[1, 4, 16, 16], &protos)];
    let mut decoder = Decoder::new(&spec(v8(masks_of(4))));
    decoder.want_masks(false);
    let letterbox = Letterbox::new((64, 64), (64, 64), Fit::LetterboxCenter);
    let mut found = Vec::new();
    let thresholds = Thresholds::default();
    decoder
        .decode(&outputs, &letterbox, &thresholds, &mut found)
        .unwrap();
    assert_eq!((found.len(), decoder.take_details().masks.len()), (1, 0));
}

#[test]
fn keypoints_that_are_no_numbers_are_at_the_origin_without_score() {
    let strange = [
        f32::NAN,
        1.0,
        0.5,
        1.0,
        f32::INFINITY,
        0.5,
        1.0,
        1.0,
        f32::NAN,
        1.0,
        1.0,
        7.0,
    ];
    let data = single(&strange);
    let (found, details) = decode(
        v8(points_of(4, 3)),
        &[view(&[1, 18, CELLS], &data)],
        (SIDE, SIDE),
        0.25,
    );
    assert_eq!(found.len(), 1);
    assert_eq!(details.keypoints[..3], [Keypoint::default(); 3]);
    assert_eq!(details.keypoints[3].score, 1.0);
}

#[test]
fn outputs_of_another_shape_are_errors() {
    let data = single(&[1.0; 4]);
    let protos = [1.0; 1024];
    let right = view(&[1, 10, CELLS], &data);
    let table: &[(&[OutputView], &str)] = &[
        (&[right], "gave 1 outputs"),
        (&[right, view(&[1, 4, 16, 15], &protos)], "[1, 4, 16, 15]"),
        (&[right, view(&[1, 4, 16, 16], &protos[1..])], "1023 values"),
        (
            &[right, view(&[2, 4, 16, 8], &protos)],
            "expected [4, 16, 16]",
        ),
        (&[view(&[1, 9, CELLS], &data), right], "[1, 9, 84]"),
        (&[view(&[1, 10, CELLS], &data[1..]), right], "839 values"),
    ];
    let letterbox = Letterbox::new((64, 64), (64, 64), Fit::LetterboxCenter);
    for (outputs, part) in table {
        let mut decoder = Decoder::new(&spec(v8(masks_of(4))));
        let mut found = Vec::new();
        let thresholds = Thresholds::default();
        let error = decoder.decode(outputs, &letterbox, &thresholds, &mut found);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert!(found.is_empty());
    }
}

/// A logit by its definition: of the cell centres around a pixel of the frame, in f64.
fn logit(
    protos: &[f32],
    coefficients: &[f32],
    shape: [usize; 3],
    at: [u32; 2],
    l: &Letterbox,
) -> f64 {
    let [_, height, width] = shape;
    let place = |at: u32, gain: f32, offset: u32, cells: usize, input: u32| {
        let on_input = (f64::from(at) + 0.5) * f64::from(gain) + f64::from(offset);
        let place = on_input * cells as f64 / f64::from(input) - 0.5;
        place.clamp(0.0, cells as f64 - 1.0)
    };
    let x = place(at[0], l.gain.0, l.offset.0, width, l.dst.0);
    let y = place(at[1], l.gain.1, l.offset.1, height, l.dst.1);
    let cell = |cx: usize, cy: usize| -> f64 {
        let (cx, cy) = (cx.min(width - 1), cy.min(height - 1));
        let of = |(k, c): (usize, &f32)| {
            f64::from(*c) * f64::from(protos[(k * height + cy) * width + cx])
        };
        coefficients.iter().enumerate().map(of).sum()
    };
    let (left, top) = (x as usize, y as usize);
    let (fx, fy) = (x.fract(), y.fract());
    let row = |cy| cell(left, cy) * (1.0 - fx) + cell(left + 1, cy) * fx;
    row(top) * (1.0 - fy) + row(top + 1) * fy
}

proptest! {
    #[test]
    fn masks_are_those_of_the_definition(
        seed in any::<u32>(),
        frame in (1u32..200, 1u32..200),
        at in prop::array::uniform4(0f32..1.0),
    ) {
        let shape = [3, 16, 16];
        let mut random = Random(seed);
        let mut next = || (2.0 * random.next() - 1.0) as f32;
        let protos: Vec<f32> = (0..3 * 256).map(|_| next()).collect();
        let coefficients: Vec<f32> = (0..3).map(|_| next()).collect();
        let letterbox = Letterbox::new(frame, (SIDE, SIDE), Fit::LetterboxCenter);
        let (w, h) = (frame.0 as f32, frame.1 as f32);
        let xyxy = [at[0].min(at[2]) * w, at[1].min(at[3]) * h, at[0].max(at[2]) * w, at[1].max(at[3]) * h];
        let mut maker = mask::Maker::new(shape, [SIDE, SIDE]);
        // Memory of another mask must not show.
        let _ = maker.make(&protos, |_| 1.0, 7, [0.0, 0.0, w, h], &letterbox);
        let made = maker.make(&protos, |i| coefficients[i], 9, xyxy, &letterbox);
        for y in 0..frame.1 {
            for x in 0..frame.0 {
                let (fx, fy) = (x as f32, y as f32);
                let inside = fx >= xyxy[0] && fx < xyxy[2] && fy >= xyxy[1] && fy < xyxy[3];
                let logit = logit(&protos, &coefficients, shape, [x, y], &letterbox);
                if inside && logit.abs() < 1e-4 {
                    continue;
                }
                let pixel = made.as_ref().is_some_and(|mask| {
                    let (left, top) = (x.wrapping_sub(mask.x), y.wrapping_sub(mask.y));
                    left < mask.width && top < mask.height
                        && mask.pixels[(top * mask.width + left) as usize] == 9
                });
                prop_assert_eq!(pixel, inside && logit > 0.0, "{} {}", x, y);
            }
        }
    }

    #[test]
    fn nothing_is_too_strange(
        values in prop::collection::vec(prop_oneof![
            Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::MAX),
            Just(f32::MIN_POSITIVE), -1e3f32..1e3, 0f32..1.0], 10 * CELLS + 1024),
        frame in (1u32..100, 1u32..100),
    ) {
        let (data, protos) = values.split_at(10 * CELLS);
        for (head, rows) in [
            (v8(masks_of(4)), 10),
            (v8(points_of(2, 2)), 10),
            (v8(Task::Oriented), 7),
        ] {
            let shape = [1, rows, CELLS];
            let outputs = [
                view(&shape, &data[..rows * CELLS]),
                view(&[1, 4, 16, 16], protos),
            ];
            let (found, details) = decode(head, &outputs, frame, 0.1);
            let n = found.len();
            for detection in found {
                let [x1, y1, x2, y2] = detection.xyxy;
                prop_assert!(0.0 <= x1 && x1 < x2 && x2 <= frame.0 as f32);
                prop_assert!(0.0 <= y1 && y1 < y2 && y2 <= frame.1 as f32);
            }
            prop_assert!([0, n].contains(&details.masks.len()));
            prop_assert!([0, n].contains(&details.oriented.len()));
            prop_assert_eq!(details.keypoints.len(), n * details.keypoints_each);
            for mask in details.masks.iter().flatten() {
                prop_assert!(mask.x + mask.width <= frame.0 && mask.y + mask.height <= frame.1);
            }
        }
    }
}

#[test]
fn masks_of_a_part_of_a_frame_are_where_it_is() {
    let mut random = Random(5);
    let data = output(&mut random, |r| {
        (0..4).map(|_| 2.0 * r.next() - 1.0).collect()
    });
    let protos: Vec<f32> = (0..4 * 16 * 16)
        .map(|_| (2.0 * random.next() - 1.0) as f32)
        .collect();
    let outputs = [view(&[1, 10, CELLS], &data), view(&[1, 4, 16, 16], &protos)];
    let (whole, on_whole) = decode(v8(masks_of(4)), &outputs, (80, 50), 0.7);
    let mut decoder = Decoder::new(&spec(v8(masks_of(4))));
    let (dx, dy) = (120, 34);
    let letterbox = Letterbox::new((80, 50), (SIDE, SIDE), Fit::LetterboxCenter).within((dx, dy));
    let thresholds = Thresholds {
        confidence: 0.7,
        ..Default::default()
    };
    let mut part = Vec::new();
    decoder
        .decode(&outputs, &letterbox, &thresholds, &mut part)
        .unwrap();
    let on_part = decoder.take_details();
    assert!(whole.len() > 3 && whole.len() == part.len());
    for (a, b) in on_whole
        .masks
        .iter()
        .flatten()
        .zip(on_part.masks.iter().flatten())
    {
        // Adding the place to a box may round it over a pixel's edge.
        if (a.x + dx, a.y + dy, a.width, a.height) == (b.x, b.y, b.width, b.height) {
            let differ = a
                .pixels
                .iter()
                .zip(&b.pixels)
                .filter(|(a, b)| a != b)
                .count();
            assert!(
                differ * 100 <= a.pixels.len(),
                "{differ} of {}",
                a.pixels.len()
            );
        } else {
            assert!(b.x.abs_diff(a.x + dx) <= 1 && b.y.abs_diff(a.y + dy) <= 1);
        }
    }
}

#[test]
fn details_of_several_parts_are_those_of_the_detections_that_are_left() {
    let points = |first: f32| {
        let point = |i: usize| Keypoint {
            x: first + i as f32,
            y: 0.0,
            score: 1.0,
        };
        (0..4).map(point).collect::<Vec<_>>()
    };
    let mask = |x: u32, region: u8| {
        Some(Mask {
            x,
            y: 0,
            width: 2,
            height: 1,
            region,
            pixels: vec![region, 0],
        })
    };
    // Two parts with two objects of two points each; of the third nothing is known.
    let part = |first: f32, x: u32| Details {
        frame: (64, 64),
        oriented: Vec::new(),
        keypoints: points(first),
        keypoints_each: 2,
        masks: vec![mask(x, 1), mask(x + 10, 2)],
        classes: Vec::new(),
    };
    let parts = vec![part(100.0, 5), part(200.0, 50), Details::default()];
    let joined = Details::join(parts, &[(1, 1), (0, 0)], (640, 360));
    assert_eq!((joined.frame, joined.keypoints_each), ((640, 360), 2));
    let x: Vec<_> = joined.keypoints.iter().map(|point| point.x).collect();
    assert_eq!(x, [202.0, 203.0, 100.0, 101.0]);
    // Each has a value of its own on the whole frame.
    assert_eq!(joined.masks, [mask(60, 1), mask(5, 2)]);
    assert_eq!(Details::join(Vec::new(), &[], (1, 1)).keypoints_each, 0);
}
