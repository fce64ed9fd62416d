//! The outputs of a model as they are, for others who decode them.

use crate::decode::OutputView;

/// One output for one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct RawOutput {
    /// Its axes. That of the batch, where the output has one, is 1.
    pub dims: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl RawOutput {
    /// Copies the share of picture `number` in the outputs of a run of `pictures`.
    pub fn of_picture(outputs: &[OutputView], number: usize, pictures: usize) -> Vec<Self> {
        let copy = |output: &OutputView| match output.share(number, pictures) {
            Some(share) => Self {
                dims: [&[1], share.shape].concat(),
                values: share.data.to_vec(),
            },
            None => Self {
                dims: output.shape.to_vec(),
                values: output.data.to_vec(),
            },
        };
        outputs.iter().map(copy).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_is_kept_with_a_batch_of_one() {
        let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let view = |shape, len| OutputView {
            shape,
            data: &values[..len],
        };
        let raw = |dims: &[usize], len: usize| RawOutput {
            dims: dims.into(),
            values: values[..len].into(),
        };
        let outputs = [view(&[2, 3, 4], 24), view(&[2], 2), view(&[7], 7)];
        let expected = [raw(&[1, 3, 4], 12), raw(&[1], 1), raw(&[7], 7)];
        assert_eq!(RawOutput::of_picture(&outputs, 0, 2), expected);
        let second = RawOutput::of_picture(&outputs, 1, 2);
        assert_eq!(second[0].values, values[12..]);
        assert_eq!((second[1].values[0], &second[2]), (1.0, &expected[2]));
        let one = [view(&[1, 6, 4], 24)];
        assert_eq!(RawOutput::of_picture(&one, 0, 1), [raw(&[1, 6, 4], 24)]);
    }
}
