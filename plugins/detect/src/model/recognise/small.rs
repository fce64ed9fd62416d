//! Layouts of networks for small devices: NanoDet, in one output or in several, and FastestDet.

use super::single::cells;
use super::{Output, Reading, Seen};
use crate::model::{Head, HeadKind};

/// Strides of NanoDet up to its version 0.4.
const FIRST: [u32; 3] = [8, 16, 32];
/// Strides of NanoDet-Plus.
const PLUS: [u32; 4] = [8, 16, 32, 64];
/// Distances that a distribution covers: of all but one of the published models, and of NanoDet-g.
const BINS: [usize; 2] = [8, 11];
/// Stride of FastestDet's one grid.
const FASTESTDET_STRIDE: u32 = 16;
/// Values of a cell of FastestDet before the classes.
const FASTESTDET_VALUES: usize = 5;

/// What several outputs, or one with four axes, can be; none where they are no such layout.
pub(super) fn readings(seen: &Seen) -> Option<Reading> {
    fastestdet(seen)
        .or_else(|| split(seen, &FIRST))
        .or_else(|| split(seen, &PLUS))
}

/// NanoDet with all grids in one output of so many columns, and whether that is likely.
pub(super) fn nanodet(seen: &Seen, columns: usize, strides: &[u32]) -> Option<(Head, bool)> {
    if strides != FIRST && strides != PLUS {
        return None;
    }
    let of = |bins: usize| {
        let classes = columns
            .checked_sub(4 * bins)
            .filter(|classes| *classes > 0)?;
        // `data` is what its exporter calls the picture.
        let is_likely = classes == 80 || (bins == BINS[0] && seen.plan.name == "data");
        Some((head(strides, classes, bins, false), is_likely))
    };
    let likely = BINS.into_iter().filter_map(of).find(|(_, likely)| *likely);
    likely.or_else(|| of(BINS[0]))
}

fn head(strides: &[u32], classes: usize, bins: usize, split: bool) -> Head {
    Head::NanoDet {
        classes,
        strides: strides.to_vec(),
        bins,
        centred: strides == FIRST,
        split,
    }
}

/// NanoDet with two outputs for each grid: scores and distances.
fn split(seen: &Seen, strides: &[u32]) -> Option<Reading> {
    if seen.outputs.len() != 2 * strides.len() {
        return None;
    }
    let pairs: Option<Vec<_>> = strides.iter().map(|stride| pair(seen, *stride)).collect();
    let pairs = pairs?;
    let (scores, distances) = pairs.first()?;
    let (classes, bins) = (scores.columns()?, distances.columns()? / 4);
    let alike = pairs.iter().all(|(scores, distances)| {
        scores.columns() == Some(classes) && distances.columns() == Some(4 * bins)
    });
    alike.then(|| Reading {
        kind: HeadKind::NanoDet,
        head: head(strides, classes, bins, true),
        outputs: (pairs.iter().map(|(scores, _)| scores.index))
            .chain(pairs.iter().map(|(_, distances)| distances.index))
            .collect(),
    })
}

/// The outputs of one grid, scores first: by name, or by the length of the distributions.
fn pair<'a>(seen: &'a Seen, stride: u32) -> Option<(&'a Output<'a>, &'a Output<'a>)> {
    let rows = cells(seen.plan, &[stride]);
    let of_grid = |output: &&Output| {
        output.is_float() && matches!(*output.shape, [_, n, columns] if n == rows && columns > 0)
    };
    let of_grid: Vec<_> = seen.outputs.iter().filter(of_grid).collect();
    let [a, b] = of_grid[..] else {
        return None;
    };
    let is_distances = |output: &Output| BINS.iter().any(|bins| output.columns() == Some(4 * bins));
    let named = |output: &Output| output.name.contains("dis") || output.name.contains("reg");
    match (is_distances(a), is_distances(b)) {
        (false, true) => Some((a, b)),
        (true, false) => Some((b, a)),
        (true, true) => match (named(a), named(b)) {
            (false, true) => Some((a, b)),
            (true, false) => Some((b, a)),
            _ => None,
        },
        (false, false) => None,
    }
}

/// FastestDet: planes of one grid.
fn fastestdet(seen: &Seen) -> Option<Reading> {
    let [output] = &seen.outputs[..] else {
        return None;
    };
    let along = |side: u32| side.div_ceil(FASTESTDET_STRIDE) as usize;
    let [_, planes, rows, columns] = *output.shape else {
        return None;
    };
    let is_grid = rows == along(seen.plan.height) && columns == along(seen.plan.width);
    (is_grid && planes > FASTESTDET_VALUES && output.is_float()).then(|| Reading {
        kind: HeadKind::FastestDet,
        head: Head::FastestDet {
            classes: planes - FASTESTDET_VALUES,
            stride: FASTESTDET_STRIDE,
        },
        outputs: vec![output.index],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::recognise::tests::{Metadata, info, recognise_fixed};
    use crate::model::{ChannelOrder, InputSpec, ModelSpec};
    use crate::preprocess::letterbox::Fit;

    #[test]
    fn nanodet_is_known_by_its_grids_and_distributions() {
        let nanodet = |classes| head(&PLUS, classes, 8, false);
        let first = |bins| head(&FIRST, 80, bins, false);
        let transposed = Head::V8 {
            classes: 30,
            anchors: 3598,
            transposed: true,
        };
        const TWO: Metadata = &[("names", "['a', 'b']")];
        let table: [(_, _, Metadata, _); 8] = [
            ("data f32 1,3,416,416", "1,3598,112", &[], nanodet(80)),
            ("x f32 1,3,416,416", "1,3598,112", &[], nanodet(80)),
            ("data f32 1,3,320,320", "1,2125,112", &[], nanodet(80)),
            ("data f32 1,3,416,416", "1,3598,34", &[], nanodet(2)),
            ("x f32 1,3,416,416", "1,3598,34", TWO, nanodet(2)),
            ("i f32 1,3,320,320", "1,2100,112", &[], first(8)),
            ("i f32 1,3,320,320", "1,2100,124", &[], first(11)),
            // Ultralytics has no such model.
            (
                "data f32 1,3,416,416",
                "1,3598,34",
                &[("author", "Ultralytics")],
                transposed,
            ),
        ];
        for (input, output, metadata, head) in table {
            let info = info(&[input], &[&format!("output f32 {output}")], metadata);
            let spec = recognise_fixed(&info, None).unwrap();
            assert_eq!(spec.head, head, "{input} {output} {metadata:?}");
        }
    }

    #[test]
    fn nanodet_wants_its_own_normalisation() {
        // rows, how pictures are fitted, level of the bars
        for (rows, fit, pad) in [(3598, Fit::Stretch, 114), (3549, Fit::LetterboxCenter, 0)] {
            let output = format!("output f32 1,{rows},112");
            let info = info(&["data f32 1,3,416,416"], &[&output], &[]);
            let spec = recognise_fixed(&info, None).unwrap();
            let expected = InputSpec {
                name: "data".into(),
                width: 416,
                height: 416,
                batch: Some(1),
                order: ChannelOrder::Bgr,
                scale: 1.0,
                mean: [103.53, 116.28, 123.675],
                std: [57.375, 57.12, 58.395],
                fit,
                pad,
            };
            assert_eq!(spec.input, expected);
        }
    }

    fn indices(spec: &ModelSpec) -> Vec<usize> {
        spec.outputs.iter().map(|output| output.index).collect()
    }

    #[test]
    fn outputs_for_each_grid_are_sorted_by_name_or_by_shape() {
        let input = "i f32 1,3,320,320";
        let first = [0, 1, 2, 3, 4, 5];
        let table: [(&[&str], _, _); 5] = [
            (
                &[
                    "cls_pred_stride_8 f32 1,1600,80",
                    "cls_pred_stride_16 f32 1,400,80",
                    "cls_pred_stride_32 f32 1,100,80",
                    "dis_pred_stride_8 f32 1,1600,32",
                    "dis_pred_stride_16 f32 1,400,32",
                    "dis_pred_stride_32 f32 1,100,32",
                ],
                head(&FIRST, 80, 8, true),
                first.to_vec(),
            ),
            // in turns, without names
            (
                &[
                    "a f32 1,1600,80",
                    "b f32 1,1600,32",
                    "c f32 1,400,80",
                    "d f32 1,400,32",
                    "e f32 1,100,80",
                    "f f32 1,100,32",
                ],
                head(&FIRST, 80, 8, true),
                vec![0, 2, 4, 1, 3, 5],
            ),
            // NanoDet-Plus, the smallest grid first
            (
                &[
                    "a f32 1,25,32",
                    "b f32 1,25,1",
                    "c f32 1,100,32",
                    "d f32 1,100,1",
                    "e f32 1,400,32",
                    "f f32 1,400,1",
                    "g f32 1,1600,32",
                    "h f32 1,1600,1",
                ],
                head(&PLUS, 1, 8, true),
                vec![7, 5, 3, 1, 6, 4, 2, 0],
            ),
            // NanoDet-g, whose distributions are longer
            (
                &[
                    "a f32 1,1600,44",
                    "b f32 1,1600,80",
                    "c f32 1,400,44",
                    "d f32 1,400,80",
                    "e f32 1,100,44",
                    "f f32 1,100,80",
                ],
                head(&FIRST, 80, 11, true),
                vec![1, 3, 5, 0, 2, 4],
            ),
            // as many classes as distances: only names tell
            (
                &[
                    "dis_8 f32 1,1600,32",
                    "dis_16 f32 1,400,32",
                    "dis_32 f32 1,100,32",
                    "cls_8 f32 1,1600,32",
                    "cls_16 f32 1,400,32",
                    "cls_32 f32 1,100,32",
                ],
                head(&FIRST, 32, 8, true),
                vec![3, 4, 5, 0, 1, 2],
            ),
        ];
        for (outputs, head, expected) in table {
            let spec = recognise_fixed(&info(&[input], outputs, &[]), None).unwrap();
            assert_eq!((&spec.head, spec.kind), (&head, HeadKind::NanoDet));
            assert_eq!(indices(&spec), expected, "{outputs:?}");
        }
    }

    #[test]
    fn grids_that_do_not_belong_together_are_refused() {
        let input = "i f32 1,3,320,320";
        let table: [&[&str]; 4] = [
            // one is missing, another one is twice there
            &["a f32 1,1600,80", "b f32 1,1600,32", "c f32 1,400,80"],
            &[
                "a f32 1,1600,80",
                "b f32 1,1600,32",
                "c f32 1,400,80",
                "d f32 1,400,32",
                "e f32 1,400,80",
                "f f32 1,400,32",
            ],
            // of other lengths, and nothing tells which are the distances
            &[
                "a f32 1,1600,80",
                "b f32 1,1600,32",
                "c f32 1,400,80",
                "d f32 1,400,44",
                "e f32 1,100,80",
                "f f32 1,100,32",
            ],
            &[
                "a f32 1,1600,32",
                "b f32 1,1600,32",
                "c f32 1,400,32",
                "d f32 1,400,32",
                "e f32 1,100,32",
                "f f32 1,100,32",
            ],
        ];
        for outputs in table {
            let error = recognise_fixed(&info(&[input], outputs, &[]), None);
            assert!(error.is_err(), "{outputs:?}");
        }
    }

    #[test]
    fn fastestdet_is_known_by_its_planes() {
        let input = "input.1 f32 1,3,352,352";
        let spec = recognise_fixed(&info(&[input], &["758 f32 1,85,22,22"], &[]), None).unwrap();
        let (classes, stride) = (80, 16);
        assert_eq!(spec.head, Head::FastestDet { classes, stride });
        let input_spec = &spec.input;
        assert_eq!(
            (input_spec.fit, input_spec.order),
            (Fit::Stretch, ChannelOrder::Bgr)
        );
        assert_eq!(input_spec.scale, 1.0 / 255.0);
        for shape in ["1,85,22,21", "1,5,22,22", "1,85,44,44", "1,85,1,1"] {
            let error = recognise_fixed(&info(&[input], &[&format!("o f32 {shape}")], &[]), None);
            let error = error.unwrap_err().to_string();
            assert!(error.contains("in place of 3"), "{error}");
        }
    }
}
