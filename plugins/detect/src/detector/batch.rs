//! Several pictures in a run: how many, and whose the outputs are.

use crate::decode::OutputView;
use crate::model::{InputPlan, ModelError, OnnxInfo};

/// Pictures in a run, where `wanted` are asked for (0: whatever is right).
pub(super) fn size(info: &OnnxInfo, input: &InputPlan, wanted: usize) -> Result<usize, ModelError> {
    match (input.batch, wanted) {
        // Each run costs as much as a full one.
        (Some(fixed), 0) => Ok(fixed),
        (Some(fixed), wanted) if wanted > fixed => {
            let tensor = info.inputs.iter().find(|tensor| tensor.name == input.name);
            Err(ModelError::BatchSize {
                wanted,
                limit: fixed,
                input: tensor.map(ToString::to_string).unwrap_or_default(),
            })
        }
        (None, 0) => Ok(1),
        (_, wanted) => Ok(wanted),
    }
}

/// Calls `read` with the share of picture `number` in the outputs of a run of `pictures`.
pub(super) fn with_share<T>(
    outputs: &[OutputView<'_>],
    number: usize,
    pictures: usize,
    read: impl FnOnce(&[OutputView<'_>]) -> T,
) -> T {
    if pictures == 1 {
        return read(outputs);
    }
    let share: Vec<_> = outputs
        .iter()
        .map(|output| match output.shape {
            [n, rest @ ..] if *n == pictures => {
                let values = output.data.len() / pictures;
                let data = output.data.get(number * values..(number + 1) * values);
                OutputView {
                    shape: rest,
                    data: data.unwrap_or_default(),
                }
            }
            _ => *output,
        })
        .collect();
    read(&share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{builtin, plan_input};

    #[test]
    fn every_picture_of_a_batch_has_its_share_of_every_output() {
        let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let view = |shape, len| OutputView {
            shape,
            data: &values[..len],
        };
        let outputs = [view(&[2, 3, 4], 24), view(&[2, 3], 6), view(&[7], 7)];
        for number in 0..2 {
            with_share(&outputs, number, 2, |share| {
                let shapes: Vec<_> = share.iter().map(|output| output.shape).collect();
                assert_eq!(shapes, [&[3, 4][..], &[3], &[7]]);
                assert_eq!(share[0].data, &values[number * 12..][..12]);
                assert_eq!(share[1].data, &values[number * 3..][..3]);
                assert_eq!(share[2].data, &values[..7]);
            });
        }
        with_share(&outputs[..1], 0, 1, |whole| {
            assert_eq!(whole[0].shape, [2, 3, 4])
        });
    }

    #[test]
    fn a_run_has_as_many_pictures_as_are_asked_for_and_the_file_allows() {
        let (info, _) = builtin::read().unwrap();
        let input = |batch| InputPlan {
            batch,
            ..plan_input(&info, None).unwrap()
        };
        // of the file, asked for, taken
        let table = [
            (None, 0, Some(1)),
            (None, 8, Some(8)),
            (Some(1), 0, Some(1)),
            (Some(1), 1, Some(1)),
            (Some(4), 0, Some(4)),
            (Some(4), 3, Some(3)),
            (Some(4), 5, None),
            (Some(1), 2, None),
        ];
        for (fixed, wanted, expected) in table {
            let found = size(&info, &input(fixed), wanted);
            if let Err(error) = &found {
                let text = error.to_string();
                for part in [
                    "batch-size",
                    &wanted.to_string(),
                    &fixed.unwrap().to_string(),
                ] {
                    assert!(text.contains(part), "{text}");
                }
            }
            assert_eq!(found.ok(), expected, "{fixed:?} {wanted}");
        }
    }
}
