//! Layouts of one output.

use super::{Output, Reading, Seen, small};
use crate::model::onnx::OnnxInfo;
use crate::model::{Head, HeadKind, InputPlan};

/// Strides of the grids that detectors have: the usual three, the four of "P6" models, the four of
/// "P2" models for small objects, and the two of the "tiny" ones.
const STRIDE_SETS: [&[u32]; 4] = [&[8, 16, 32], &[8, 16, 32, 64], &[4, 8, 16, 32], &[16, 32]];
/// Anchor boxes per cell of YOLOv5 and v7.
const V5_BOXES_PER_CELL: usize = 3;
/// Queries of RT-DETR.
const RTDETR_QUERIES: usize = 300;
/// Values per finished box.
const END_TO_END_VALUES: usize = 6;

/// All layouts that the one output's shape allows, the likeliest first. What is `asked` for need not
/// be likely.
pub(super) fn readings(seen: &Seen, asked: Option<HeadKind>) -> Result<Vec<Reading>, String> {
    let (output, rows, columns) = detections(seen)?;
    let shape = Shape {
        rows,
        columns,
        plan: seen.plan,
    };
    let heads = heads(seen, output.name, &shape, asked);
    if heads.is_empty() {
        return Err(shape.why_unknown());
    }
    let reading = |(kind, head)| Reading {
        kind,
        head,
        outputs: vec![output.index],
    };
    Ok(heads.into_iter().map(reading).collect())
}

/// The output that holds the boxes, and its two axes after the batch.
fn detections<'a>(seen: &'a Seen) -> Result<(&'a Output<'a>, usize, usize), String> {
    let mut found = None;
    for output in &seen.outputs {
        match *output.shape {
            [_, rows, columns] if found.is_none() => found = Some((output, rows, columns)),
            [_, _, _] => return Err("it has several outputs with 3 axes in place of one".into()),
            // The three raw grids that YOLOv5 gives besides its boxes.
            [_, _, _, _, _] => {}
            _ => {
                return Err(format!(
                    "output {:?} has {} axes in place of 3",
                    output.name,
                    output.shape.len()
                ));
            }
        }
    }
    let found = found.ok_or("it has no output with 3 axes")?;
    if found.0.is_float() {
        Ok(found)
    } else {
        Err(format!(
            "its output is of {}, not of f32 or f16",
            found.0.elem_type
        ))
    }
}

/// The two axes of the output, and the input that they are to be understood by.
struct Shape<'a> {
    rows: usize,
    columns: usize,
    plan: &'a InputPlan,
}

/// Cells of all grids of these strides on the input.
pub(super) fn cells(plan: &InputPlan, strides: &[u32]) -> usize {
    let along = |side: u32, stride: u32| side.div_ceil(stride) as usize;
    strides
        .iter()
        .map(|&s| along(plan.width, s) * along(plan.height, s))
        .sum()
}

/// The strides of the grids that have so many cells.
pub(super) fn strides_with(plan: &InputPlan, wanted: usize) -> Option<&'static [u32]> {
    STRIDE_SETS
        .into_iter()
        .find(|strides| cells(plan, strides) == wanted)
}

impl Shape<'_> {
    fn strides_with(&self, cells: usize) -> Option<&'static [u32]> {
        strides_with(self.plan, cells)
    }

    fn why_unknown(&self) -> String {
        format!(
            "its output [N,{},{}] is no known detector's: an input of {}x{} has {} grid cells",
            self.rows,
            self.columns,
            self.plan.width,
            self.plan.height,
            cells(self.plan, STRIDE_SETS[0]),
        )
    }
}

/// All layouts that the shape allows, the likeliest first.
fn heads(seen: &Seen, name: &str, shape: &Shape, asked: Option<HeadKind>) -> Vec<(HeadKind, Head)> {
    let Shape { rows, columns, .. } = *shape;
    let finished = (HeadKind::EndToEnd, Head::EndToEnd { max: rows });
    let is_finished = match asked {
        Some(kind) => kind == HeadKind::EndToEnd,
        None => says_end_to_end(seen.info),
    };
    if is_finished && columns == END_TO_END_VALUES {
        return vec![finished];
    }
    let mut heads = Vec::new();
    if rows > 4 && shape.strides_with(columns).is_some() {
        let head = Head::V8 {
            classes: rows - 4,
            anchors: columns,
            transposed: false,
        };
        heads.push((HeadKind::Yolov8, head));
    }
    if columns > 5
        && rows.is_multiple_of(V5_BOXES_PER_CELL)
        && shape.strides_with(rows / V5_BOXES_PER_CELL).is_some()
    {
        let head = Head::V5 {
            classes: columns - 5,
            anchors: rows,
        };
        heads.push((HeadKind::Yolov5, head));
    }
    if let Some(strides) = shape.strides_with(rows).filter(|_| columns > 4) {
        heads.extend(one_row_per_cell(seen, name, shape, strides, asked));
    }
    if heads.is_empty() && columns == END_TO_END_VALUES && !says_rtdetr(seen.info) {
        heads.push(finished);
    }
    let may_be_queries = from_ultralytics(seen.info)
        && (says_rtdetr(seen.info) || (heads.is_empty() && rows == RTDETR_QUERIES));
    if columns > 4 && (may_be_queries || asked == Some(HeadKind::DetrRows)) {
        let head = Head::DetrRows {
            classes: columns - 4,
            queries: rows,
        };
        heads.push((HeadKind::DetrRows, head));
    }
    heads
}

/// The layouts with a row for each cell.
fn one_row_per_cell(
    seen: &Seen,
    name: &str,
    shape: &Shape,
    strides: &[u32],
    asked: Option<HeadKind>,
) -> Vec<(HeadKind, Head)> {
    let Shape { rows, columns, .. } = *shape;
    let transposed = Head::V8 {
        classes: columns - 4,
        anchors: rows,
        transposed: true,
    };
    let mut heads = vec![(HeadKind::Yolov8, transposed)];
    if from_ultralytics(seen.info) && asked.is_none() {
        return heads;
    }
    if columns > 5 {
        // 84 values can be 80 classes or, with objectness, 79: nobody's number.
        let at = usize::from(columns - 4 == 80);
        heads.splice(at..at, with_objectness(seen.info, name, shape, strides));
    }
    if let Some((head, is_likely)) = small::nanodet(seen, columns, strides) {
        let at = if is_likely { 0 } else { heads.len() };
        heads.insert(at, (HeadKind::NanoDet, head));
    }
    heads
}

/// YOLOX and YOLOv6, the likelier one first. Their shapes are the same; what tells is that YOLOv6
/// calls its output `outputs` (YOLOX `output`), and that only YOLOX has exponentials in its boxes.
fn with_objectness(
    info: &OnnxInfo,
    name: &str,
    shape: &Shape,
    strides: &[u32],
) -> [(HeadKind, Head); 2] {
    let yolov6 = Head::V5 {
        classes: shape.columns - 5,
        anchors: shape.rows,
    };
    let mut heads = [
        (HeadKind::Yolox, yolox_head(info, shape, strides)),
        (HeadKind::Yolov6, yolov6),
    ];
    if name == "outputs" && !info.operators.contains("Exp") {
        heads.reverse();
    }
    heads
}

/// YOLOX' own exporter leaves the decoding of the grid to the reader, unless it is told otherwise.
/// What tells is the exponential of the width and height, which nothing else in the network needs.
fn yolox_head(info: &OnnxInfo, shape: &Shape, strides: &[u32]) -> Head {
    let classes = shape.columns - 5;
    if info.operators.contains("Exp") {
        Head::V5 {
            classes,
            anchors: shape.rows,
        }
    } else {
        Head::YoloxRaw {
            classes,
            strides: strides.to_vec(),
        }
    }
}

fn from_ultralytics(info: &OnnxInfo) -> bool {
    let has = |key| info.metadata.contains_key(key);
    info.metadata
        .get("author")
        .is_some_and(|author| author == "Ultralytics")
        || (has("names") && has("stride"))
}

/// Whether Ultralytics says that it is its RT-DETR.
fn says_rtdetr(info: &OnnxInfo) -> bool {
    let description = info.metadata.get("description");
    description.is_some_and(|text| text.to_lowercase().contains("rtdetr"))
}

/// Whether Ultralytics says that its boxes are finished: a head without NMS, or one inside.
pub(super) fn says_end_to_end(info: &OnnxInfo) -> bool {
    let end2end = info.metadata.get("end2end").is_some_and(|v| v == "True");
    let args = info.metadata.get("args").map_or("", String::as_str);
    end2end || args.contains("'nms': True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ChannelOrder;
    use crate::model::recognise::tests::{Metadata, info, recognise_fixed};
    use crate::preprocess::letterbox::Fit;

    #[test]
    fn yolov6_and_yolox_are_told_apart_by_what_their_exporters_write() {
        use HeadKind::{Yolov6, Yolox};
        let decoded = Head::V5 {
            classes: 80,
            anchors: 8400,
        };
        let raw = Head::YoloxRaw {
            classes: 80,
            strides: vec![8, 16, 32],
        };
        let table = [
            ("output", "Conv", Yolox, &raw, Yolov6),
            ("outputs", "Conv", Yolov6, &decoded, Yolox),
            ("output", "Exp", Yolox, &decoded, Yolov6),
            ("outputs", "Exp", Yolox, &decoded, Yolov6),
        ];
        for (name, operator, kind, head, doubt) in table {
            let output = format!("{name} f32 1,8400,85");
            let mut info = info(&["images f32 1,3,640,640"], &[&output], &[]);
            info.operators.insert(operator.into());
            let spec = recognise_fixed(&info, None).unwrap();
            assert_eq!((spec.kind, &spec.head), (kind, head), "{name} {operator}");
            assert_eq!(spec.doubts, [doubt], "{name} {operator}");
            let order = match kind {
                Yolov6 => ChannelOrder::Rgb,
                _ => ChannelOrder::Bgr,
            };
            assert_eq!(spec.input.order, order);
        }
    }

    #[test]
    fn rtdetr_of_ultralytics_is_known_by_its_queries_or_its_description() {
        let author = ("author", "Ultralytics");
        let said = (
            "description",
            "Ultralytics RTDETR-l model trained on coco.yaml",
        );
        let table: [(_, Metadata, _); 5] = [
            ("1,300,84", &[author], Some((80, 300))),
            ("1,500,84", &[author, said], Some((80, 500))),
            ("1,300,6", &[author, said], Some((2, 300))),
            ("1,300,6", &[author], None),
            ("1,2101,84", &[author], None),
        ];
        for (shape, metadata, expected) in table {
            let output = format!("output0 f32 {shape}");
            let model = info(&["images f32 1,3,640,640"], &[&output], metadata);
            let spec = recognise_fixed(&model, None).ok();
            let queries = spec.filter(|spec| spec.kind == HeadKind::DetrRows);
            let found = queries.map(|spec| {
                assert_eq!(spec.input.fit, Fit::Stretch);
                spec.head
            });
            let expected = expected.map(|(classes, queries)| Head::DetrRows { classes, queries });
            assert_eq!(found, expected, "{shape} {metadata:?}");
        }
    }
}
