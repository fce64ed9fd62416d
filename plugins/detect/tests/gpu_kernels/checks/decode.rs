//! Boxes of random outputs.

use super::numbers::FITS;
use super::{Gpu, Random, bytes_of, half, to_half};
use gstvigildetect::decode::{Decoder, Detection, OutputView, Thresholds};
use gstvigildetect::model::{
    ClassSet, Head, HeadKind, InputSpec, LabelsSource, ModelSpec, OutputRef,
};
use gstvigildetect::preprocess::{Fit, Letterbox};
use vigil_nvidia::kernels::head::{Wanted, result_bytes};
use vigil_nvidia::kernels::source::Placement;
use vigil_nvidia::kernels::{
    ColorMap, Detected, HeadParams, HeadPlan, Layout, NumberType, PictureParams, Planes, Precision,
    ResultHeader, Samples, SourceFormat,
};

/// Width and height of the input.
const SIZE: [u32; 2] = [320, 224];
const STRIDES: [u32; 3] = [8, 16, 32];

fn spec(head: Head) -> ModelSpec {
    let output = |index| OutputRef {
        index,
        name: format!("output{index}"),
    };
    ModelSpec {
        input: InputSpec::of_yolo("images", SIZE.into(), None),
        outputs: (0..3).map(output).collect(),
        kind: HeadKind::Yolov8,
        doubts: Vec::new(),
        head,
        labels: Vec::new(),
        labels_source: LabelsSource::Numbered,
    }
}

fn plan(head: &Head, precision: Precision, labels: NumberType) -> HeadPlan {
    let (layout, rows, classes) = match *head {
        Head::V8 {
            classes,
            anchors,
            transposed: false,
        } => (Layout::V8, anchors, classes),
        Head::V8 {
            classes, anchors, ..
        } => (Layout::V8Transposed, anchors, classes),
        Head::V5 { classes, anchors } => (Layout::V5, anchors, classes),
        Head::YoloxRaw { classes, .. } => (Layout::Yolox, cells(), classes),
        Head::YoloNas { classes, anchors } => (Layout::YoloNas, anchors, classes),
        Head::EndToEnd { max } => (Layout::EndToEnd, max, 0),
        Head::Detr { classes, queries } => (Layout::Detr, queries, classes),
        Head::DetrRows { classes, queries } => (Layout::DetrRows, queries, classes),
        Head::DetrDecoded { queries, .. } => (Layout::DetrDecoded, queries, 0),
        _ => unreachable!("heads that the kernels read"),
    };
    let grid = |&stride: &u32| [SIZE[0].div_ceil(stride), SIZE[1].div_ceil(stride), stride];
    HeadPlan {
        layout,
        rows,
        classes,
        grids: match layout {
            Layout::Yolox => STRIDES.iter().map(grid).collect(),
            _ => Vec::new(),
        },
        precision,
        labels,
        size: SIZE,
    }
}

fn cells() -> usize {
    let cells = |stride: &u32| SIZE[0].div_ceil(*stride) * SIZE[1].div_ceil(*stride);
    STRIDES.iter().map(cells).sum::<u32>() as usize
}

/// Shape and values of each output of a picture.
type Outputs = Vec<(Vec<usize>, Vec<f32>)>;

/// Now and then a value that no model should give.
fn spoiled(random: &mut Random, value: f32) -> f32 {
    match random.below(150) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => -value,
        _ => value,
    }
}

/// Scores of which many are alike, and most are low.
fn score(random: &mut Random, low: bool) -> f32 {
    let value = random.below(64) as f32 / 64.0;
    let value = if low && random.below(8) > 0 {
        value * 0.2
    } else {
        value
    };
    spoiled(random, value)
}

/// Centre and size in parts of `unit`, such that many boxes overlap.
fn centred(random: &mut Random, unit: [f32; 2]) -> [f32; 4] {
    let place = |r: &mut Random, n: usize| r.below(n) as f32 / n as f32;
    let (cx, cy) = (place(random, 24) * unit[0], place(random, 16) * unit[1]);
    let size = |r: &mut Random| 0.02 + 0.25 * r.share();
    let (w, h) = (size(random) * unit[0], size(random) * unit[1]);
    [cx, cy, w, h].map(|v| spoiled(random, v))
}

fn corners(random: &mut Random) -> [f32; 4] {
    let [cx, cy, w, h] = centred(random, SIZE.map(|v| v as f32));
    [cx - w / 2.0, cy - h / 2.0, cx + w / 2.0, cy + h / 2.0]
}

fn outputs(random: &mut Random, head: &Head, low: bool) -> Outputs {
    let pixels = SIZE.map(|v| v as f32);
    let scores = |r: &mut Random, n: usize| (0..n).map(|_| score(r, low)).collect::<Vec<_>>();
    let mut rows = |rows: usize, row: &mut dyn FnMut(&mut Random) -> Vec<f32>| -> Vec<f32> {
        (0..rows).flat_map(|_| row(random)).collect()
    };
    match *head {
        Head::V8 {
            classes,
            anchors,
            transposed,
        } => {
            let data = rows(anchors, &mut |r| {
                [&centred(r, pixels)[..], &scores(r, classes)].concat()
            });
            let values = 4 + classes;
            if transposed {
                return vec![(vec![anchors, values], data)];
            }
            let by_value = (0..values).flat_map(|v| (0..anchors).map(move |a| a * values + v));
            vec![(vec![values, anchors], by_value.map(|i| data[i]).collect())]
        }
        Head::V5 { classes, anchors } => {
            let data = rows(anchors, &mut |r| {
                [&centred(r, pixels)[..], &scores(r, 1 + classes)].concat()
            });
            vec![(vec![anchors, 5 + classes], data)]
        }
        Head::YoloxRaw { classes, .. } => {
            let data = rows(cells(), &mut |r| {
                let place = [0.0; 4].map(|_: f32| spoiled(r, 0.0) + r.share() * 2.0);
                [&place[..], &scores(r, 1 + classes)].concat()
            });
            vec![(vec![cells(), 5 + classes], data)]
        }
        Head::YoloNas { classes, anchors } => vec![
            (
                vec![anchors, 4],
                rows(anchors, &mut |r| corners(r).to_vec()),
            ),
            (
                vec![anchors, classes],
                rows(anchors, &mut |r| scores(r, classes)),
            ),
        ],
        Head::EndToEnd { max } => {
            let data = rows(max, &mut |r| {
                let class = r.below(12) as f32 + r.pick(&[0.0, 0.3, -0.4, 0.5]);
                [&corners(r)[..], &[score(r, low), spoiled(r, class)]].concat()
            });
            vec![(vec![max, 6], data)]
        }
        Head::Detr { classes, queries } => {
            let middle = if low { 160.0 } else { 100.0 };
            let mut logits = |r: &mut Random| {
                let logit = |_| {
                    let value = (r.below(200) as f32 - middle) / 16.0;
                    spoiled(r, value)
                };
                (0..classes).map(logit).collect()
            };
            vec![
                (vec![queries, classes], rows(queries, &mut logits)),
                (
                    vec![queries, 4],
                    rows(queries, &mut |r| centred(r, [1.0; 2]).to_vec()),
                ),
            ]
        }
        Head::DetrRows { classes, queries } => {
            let data = rows(queries, &mut |r| {
                [&centred(r, [1.0; 2])[..], &scores(r, classes)].concat()
            });
            vec![(vec![queries, 4 + classes], data)]
        }
        Head::DetrDecoded { queries, .. } => vec![
            (
                vec![queries],
                rows(queries, &mut |r| vec![r.below(90) as f32 - 2.0]),
            ),
            (
                vec![queries, 4],
                rows(queries, &mut |r| corners(r).to_vec()),
            ),
            (vec![queries], rows(queries, &mut |r| vec![score(r, low)])),
        ],
        _ => unreachable!("heads that the kernels read"),
    }
}

/// The CPU's detections of each picture.
fn on_cpu<'a>(
    head: &Head,
    pictures: &'a [Outputs],
    letterboxes: &[Letterbox],
    thresholds: &Thresholds,
) -> Vec<Vec<Detection>> {
    let mut decoder = Decoder::new(&spec(head.clone()));
    pictures
        .iter()
        .zip(letterboxes)
        .map(|(outputs, letterbox)| {
            let view = |(shape, data): &'a (Vec<usize>, Vec<f32>)| OutputView { shape, data };
            let views: Vec<_> = outputs.iter().map(view).collect();
            let mut found = Vec::new();
            decoder
                .decode(&views, letterbox, thresholds, &mut found)
                .unwrap();
            found
        })
        .collect()
}

/// The kernels' parameters of pictures that lie so in the input.
fn pictures(letterboxes: &[Letterbox]) -> Vec<PictureParams> {
    let samples = Samples {
        plane: 0,
        offset: 0,
        step: 1,
        sub_x: 0,
        sub_y: 0,
    };
    let params = |letterbox: &Letterbox| {
        let format = SourceFormat {
            components: [samples; 3],
            color: ColorMap::rgb(true),
            linear_chroma: false,
            cosited_x: false,
            cosited_y: false,
            width: letterbox.src.0,
            height: letterbox.src.1,
        };
        let placement = Placement {
            part: [
                letterbox.origin.0,
                letterbox.origin.1,
                letterbox.src.0,
                letterbox.src.1,
            ],
            offset: letterbox.offset.into(),
            content: letterbox.content.into(),
            gain: letterbox.gain.into(),
        };
        PictureParams::new(&format, &Planes::Linear([0; 3], [0; 3]), &placement)
    };
    letterboxes.iter().map(params).collect()
}

fn encoded(values: &[f32], as_labels: bool, plan: &HeadPlan) -> Vec<u8> {
    match (as_labels, plan.labels, plan.precision) {
        (true, NumberType::Int32, _) => values
            .iter()
            .flat_map(|v| (*v as i32).to_ne_bytes())
            .collect(),
        (true, NumberType::Int64, _) => values
            .iter()
            .flat_map(|v| (*v as i64).to_ne_bytes())
            .collect(),
        (_, _, Precision::Half) => values
            .iter()
            .flat_map(|v| to_half(*v).to_ne_bytes())
            .collect(),
        _ => values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
    }
}

/// The kernels' detections of each picture.
fn on_gpu(
    gpu: &Gpu,
    plan: &HeadPlan,
    given: &[Outputs],
    letterboxes: &[Letterbox],
    wanted: &Wanted,
) -> Vec<Vec<Detected>> {
    let count = given.len();
    let outputs: Vec<_> = (0..plan.layout.outputs())
        .map(|i| {
            let is_labels = plan.layout == Layout::DetrDecoded && i == 0;
            let all: Vec<f32> = given
                .iter()
                .flat_map(|outputs| outputs[i].1.clone())
                .collect();
            assert_eq!(all.len(), count * plan.output_len(i));
            gpu.upload(&encoded(&all, is_labels, plan))
        })
        .collect();
    let pictures = gpu.upload(bytes_of(&pictures(letterboxes)));
    let thresholds = gpu.upload(bytes_of(&wanted.thresholds));
    let scratch = plan.scratch(wanted.limit);
    let [keys, kept, results] =
        [scratch.keys, scratch.kept, scratch.result].map(|b| gpu.room(b * count));
    let counts = gpu.room(4 * count);
    let mut pointers = [0; 3];
    for (pointer, output) in pointers.iter_mut().zip(&outputs) {
        *pointer = output.pointer();
    }
    let head = HeadParams {
        outputs: pointers,
        thresholds: thresholds.pointer(),
        keys: keys.pointer(),
        counts: counts.pointer(),
        kept: kept.pointer(),
        results: results.pointer(),
        ..plan.params(wanted)
    };
    // SAFETY: all of it stays until the results are downloaded.
    unsafe {
        let (kernels, at) = (&gpu.kernels, pictures.pointer());
        kernels
            .decode(&gpu.stream, at, count as u32, plan.precision, &head)
            .unwrap();
    }
    let bytes = gpu.download(&results);
    let result = |bytes: &[u8]| {
        // SAFETY: the kernels have written a header and as many detections as it says.
        unsafe {
            let header = bytes.as_ptr().cast::<ResultHeader>().read_unaligned();
            let first = bytes
                .as_ptr()
                .add(size_of::<ResultHeader>())
                .cast::<Detected>();
            (0..header.count as usize)
                .map(|i| first.add(i).read_unaligned())
                .collect()
        }
    };
    bytes
        .chunks_exact(result_bytes(plan.limit(wanted.limit)))
        .map(result)
        .collect()
}

fn letterbox(random: &mut Random) -> Letterbox {
    let size = (20 + random.below(900) as u32, 20 + random.below(700) as u32);
    let origin = (2 * random.below(50) as u32, 2 * random.below(50) as u32);
    Letterbox::new(size, SIZE.into(), random.pick(&FITS)).within(origin)
}

/// Compares boxes, scores and order, to the bit, and says how many boxes there are.
fn compare(cpu: &[Vec<Detection>], gpu: &[Vec<Detected>], what: &str) -> usize {
    assert_eq!(cpu.len(), gpu.len());
    for (cpu, gpu) in cpu.iter().zip(gpu) {
        assert_eq!(cpu.len(), gpu.len(), "{what}");
        for (cpu, gpu) in cpu.iter().zip(gpu) {
            let cpu = (cpu.class, cpu.xyxy, cpu.score);
            assert_eq!((gpu.class, gpu.xyxy, gpu.score), cpu, "{what}");
        }
    }
    cpu.iter().map(Vec::len).sum()
}

fn heads(random: &mut Random, boxes: usize) -> Vec<Head> {
    let classes = 1 + random.below(9);
    let (anchors, queries) = (1 + random.below(boxes), 1 + random.below(boxes));
    vec![
        Head::V8 {
            classes,
            anchors,
            transposed: false,
        },
        Head::V8 {
            classes,
            anchors,
            transposed: true,
        },
        Head::V5 { classes, anchors },
        Head::YoloxRaw {
            classes,
            strides: STRIDES.to_vec(),
        },
        Head::YoloNas { classes, anchors },
        Head::EndToEnd { max: queries },
        Head::Detr { classes, queries },
        Head::DetrRows { classes, queries },
        Head::DetrDecoded {
            classes: None,
            queries,
        },
    ]
}

/// Runs both on as many pictures of a head, and says how many boxes there were.
fn check(gpu: &Gpu, random: &mut Random, head: &Head, low: bool) -> usize {
    let precision = random.pick(&[Precision::Single, Precision::Half]);
    let labels = random.pick(&[
        NumberType::Int32,
        NumberType::Int64,
        match precision {
            Precision::Single => NumberType::Float32,
            Precision::Half => NumberType::Float16,
        },
    ]);
    let plan = plan(head, precision, labels);
    let batch = 1 + random.below(3);
    let mut given: Vec<_> = (0..batch).map(|_| outputs(random, head, low)).collect();
    if precision == Precision::Half {
        // The CPU gets what is left of them.
        let values = given.iter_mut().flatten().flat_map(|(_, values)| values);
        values.for_each(|v| *v = half(to_half(*v)));
    }
    let letterboxes: Vec<_> = (0..batch).map(|_| letterbox(random)).collect();
    let thresholds = Thresholds {
        confidence: random.pick(&[0.0, 0.25, 0.5, 0.9]),
        iou: random.pick(&[0.1, 0.45, 0.7, 1.0]),
        max_detections: random.pick(&[0, 1, 10, 300, 5000]),
        classes: match random.below(3) {
            0 => Some(ClassSet::from_ids([0, 2, 3, 70])),
            _ => None,
        },
        ..Thresholds::default()
    };
    let threshold = |class| match &thresholds.classes {
        Some(set) if !set.contains(class) => f32::INFINITY,
        _ => thresholds.confidence,
    };
    let wanted = Wanted {
        thresholds: (0..100).map(threshold).collect(),
        iou: thresholds.iou,
        limit: thresholds.max_detections,
    };
    let cpu = on_cpu(head, &given, &letterboxes, &thresholds);
    let what = format!("{head:?} {precision:?} {labels:?} {thresholds:?}");
    compare(
        &cpu,
        &on_gpu(gpu, &plan, &given, &letterboxes, &wanted),
        &what,
    )
}

pub fn the_same_boxes_come_out_of_each_layout(gpu: &Gpu) {
    let mut random = Random(3);
    let mut boxes = 0;
    for _ in 0..25 {
        for head in heads(&mut random, 700) {
            boxes += check(gpu, &mut random, &head, true);
        }
    }
    assert!(boxes > 5000, "only {boxes} boxes were compared");
}

pub fn thousands_of_candidates_that_tie_are_sorted_and_suppressed_alike(gpu: &Gpu) {
    let mut random = Random(5);
    // More than are sorted in shared memory, and more than are looked at.
    let (classes, anchors, transposed) = (3, 8400, false);
    let v8 = Head::V8 {
        classes,
        anchors,
        transposed,
    };
    let (classes, queries) = (40, 900);
    let detr = Head::Detr { classes, queries };
    let mut boxes = 0;
    for _ in 0..8 {
        for head in [&v8, &detr] {
            boxes += check(gpu, &mut random, head, false);
        }
    }
    assert!(boxes > 3000, "only {boxes} boxes were compared");
}

pub fn each_class_has_its_own_threshold(gpu: &Gpu) {
    let head = Head::V8 {
        classes: 3,
        anchors: 3,
        transposed: true,
    };
    let row = |x: f32, scores: [f32; 3]| [&[x, 50.0, 20.0, 20.0][..], &scores].concat();
    let rows = [
        row(20.0, [0.6, 0.0, 0.0]),
        row(80.0, [0.0, 0.6, 0.0]),
        row(140.0, [0.0, 0.0, 0.6]),
    ];
    let given = vec![vec![(vec![3, 7], rows.concat())]];
    let letterboxes = [Letterbox::new(SIZE.into(), SIZE.into(), Fit::Stretch)];
    let wanted = Wanted {
        thresholds: vec![0.5, 0.7, f32::INFINITY],
        iou: 0.5,
        limit: 10,
    };
    let plan = plan(&head, Precision::Single, NumberType::Float32);
    let found = on_gpu(gpu, &plan, &given, &letterboxes, &wanted);
    let expected = Detected {
        xyxy: [10.0, 40.0, 30.0, 60.0],
        score: 0.6,
        class: 0,
    };
    assert_eq!(found, [[expected]]);
}
