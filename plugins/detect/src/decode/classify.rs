//! Classifiers: for each head of the model its best classes.

use super::{DecodeError, OutputView, Thresholds, view};
use crate::model::{ClassHead, Scores};

/// A class with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Class {
    /// Class id, an index into the model's labels: ids count on from head to head.
    pub class: u32,
    /// Score, 0..=1.
    pub score: f32,
}

/// What a head of a classifier says of a picture: its classes that are wanted, best first.
pub type HeadClasses = Vec<Class>;

/// Reads the outputs of a classifier.
#[derive(Debug)]
pub struct ClassDecoder {
    heads: Vec<ClassHead>,
    scores: Vec<f32>,
    found: Vec<HeadClasses>,
}

impl ClassDecoder {
    /// A decoder for these heads.
    pub fn new(heads: &[ClassHead]) -> Self {
        let most = heads.iter().map(|head| head.classes).max().unwrap_or(0);
        Self {
            heads: heads.to_vec(),
            scores: Vec::with_capacity(most),
            found: Vec::new(),
        }
    }

    /// As [`super::Decoder::decode`]; `indices` are those of the outputs of the heads.
    ///
    /// A head of which no class is wanted gives an empty list.
    pub fn decode(
        &mut self,
        outputs: &[OutputView],
        indices: &[usize],
        thresholds: &Thresholds,
    ) -> Result<(), DecodeError> {
        self.found.clear();
        let mut first = 0;
        for (role, head) in self.heads.iter().enumerate() {
            let output = view(outputs, indices, role)?;
            if output.data.len() != head.classes {
                return Err(DecodeError::Shape {
                    shape: output.shape.to_vec(),
                    values: output.data.len(),
                    expected: [1, head.classes],
                });
            }
            score(head.scores, output.data, &mut self.scores);
            self.found.push(best(&self.scores, first, thresholds));
            first += head.classes as u32;
        }
        Ok(())
    }

    /// What was decoded last, taken away.
    pub fn take(&mut self) -> Vec<HeadClasses> {
        std::mem::take(&mut self.found)
    }
}

/// The scores of a head's values. What is no number stays none, and takes no share of the others'.
fn score(scores: Scores, values: &[f32], out: &mut Vec<f32>) {
    out.clear();
    match scores {
        Scores::Final => out.extend_from_slice(values),
        Scores::Sigmoid => out.extend(values.iter().map(|value| 1.0 / (1.0 + (-value).exp()))),
        Scores::Softmax => {
            let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            // Below the highest, no exponential overflows. Of an infinite one, the rest is nothing.
            let share = |value: f32| match value == highest {
                true => 1.0,
                false => (value - highest).exp(),
            };
            out.extend(values.iter().map(|value| share(*value)));
            let sum: f32 = out.iter().filter(|share| !share.is_nan()).sum();
            out.iter_mut().for_each(|share| *share /= sum);
        }
    }
}

/// The best of the classes that are wanted; of equal scores the one that comes first.
fn best(scores: &[f32], first: u32, thresholds: &Thresholds) -> HeadClasses {
    let mut best = HeadClasses::new();
    if thresholds.max_classes == 0 {
        return best;
    }
    for (class, &score) in (first..).zip(scores) {
        let is_wanted = score >= thresholds.class_score && thresholds.wants(class);
        if !is_wanted || !score.is_finite() {
            continue;
        }
        let score = score.clamp(0.0, 1.0);
        let at = best.partition_point(|better| better.score >= score);
        if at < thresholds.max_classes {
            best.truncate(thresholds.max_classes - 1);
            best.insert(at, Class { class, score });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClassSet;

    fn decode(
        heads: &[(usize, Scores)],
        outputs: &[&[f32]],
        thresholds: &Thresholds,
    ) -> Result<Vec<Vec<(u32, f32)>>, DecodeError> {
        let heads: Vec<_> = heads
            .iter()
            .map(|&(classes, scores)| ClassHead { classes, scores })
            .collect();
        let shapes: Vec<_> = outputs
            .iter()
            .map(|values| [1, values.len(), 1, 1])
            .collect();
        let views: Vec<_> = (outputs.iter().zip(&shapes))
            .map(|(data, shape)| OutputView { shape, data })
            .collect();
        let indices: Vec<_> = (0..outputs.len()).collect();
        let mut decoder = ClassDecoder::new(&heads);
        decoder.decode(&views, &indices, thresholds)?;
        let pairs = |head: HeadClasses| head.iter().map(|c| (c.class, c.score)).collect();
        Ok(decoder.take().into_iter().map(pairs).collect())
    }

    fn top(max_classes: usize, class_score: f32) -> Thresholds {
        Thresholds {
            max_classes,
            class_score,
            ..Thresholds::default()
        }
    }

    #[test]
    fn the_best_classes_of_each_head_come_first_and_ids_count_on() {
        let heads = [(3, Scores::Final), (2, Scores::Final)];
        let outputs: [&[f32]; 2] = [&[0.2, 0.5, 0.3], &[0.9, 0.1]];
        let table = [
            (1, 0.0, vec![vec![(1, 0.5)], vec![(3, 0.9)]]),
            (
                2,
                0.0,
                vec![vec![(1, 0.5), (2, 0.3)], vec![(3, 0.9), (4, 0.1)]],
            ),
            (9, 0.3, vec![vec![(1, 0.5), (2, 0.3)], vec![(3, 0.9)]]),
            (9, 0.6, vec![vec![], vec![(3, 0.9)]]),
            (0, 0.0, vec![vec![], vec![]]),
        ];
        for (most, least, expected) in table {
            let found = decode(&heads, &outputs, &top(most, least)).unwrap();
            assert_eq!(found, expected, "{most} {least}");
        }
        let wanted = Thresholds {
            classes: Some(ClassSet::from_ids([0, 4])),
            ..top(5, 0.0)
        };
        let found = decode(&heads, &outputs, &wanted).unwrap();
        assert_eq!(found, [[(0, 0.2)], [(4, 0.1)]]);
    }

    #[test]
    fn logits_become_scores() {
        let close = |found: Vec<Vec<(u32, f32)>>, expected: &[(u32, f32)]| {
            assert_eq!(found[0].len(), expected.len(), "{found:?}");
            for (found, expected) in found[0].iter().zip(expected) {
                assert_eq!(found.0, expected.0);
                assert!(
                    (found.1 - expected.1).abs() < 1e-6,
                    "{found:?} {expected:?}"
                );
            }
        };
        let logits: &[f32] = &[0.0, 1.0, -1.0];
        let softmax = decode(&[(3, Scores::Softmax)], &[logits], &top(3, 0.0)).unwrap();
        close(
            softmax,
            &[(1, 0.665_240_9), (0, 0.244_728_5), (2, 0.090_030_6)],
        );
        let sigmoid = decode(&[(3, Scores::Sigmoid)], &[logits], &top(3, 0.0)).unwrap();
        close(sigmoid, &[(1, 0.731_058_6), (0, 0.5), (2, 0.268_941_4)]);
        // As large as they get.
        let large: &[f32] = &[1e38, -1e38, 1e38];
        let found = decode(&[(3, Scores::Softmax)], &[large], &top(3, 0.0)).unwrap();
        close(found, &[(0, 0.5), (2, 0.5), (1, 0.0)]);
        // A single class, for which a softmax has but one answer.
        let found = decode(&[(1, Scores::Softmax)], &[&[-3.0]], &top(3, 0.0)).unwrap();
        close(found, &[(0, 1.0)]);
    }

    #[test]
    fn values_that_are_no_numbers_are_left_out() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        for (scores, values, expected) in [
            (Scores::Final, [nan, 0.5, inf], vec![(1, 0.5)]),
            (Scores::Softmax, [nan, 0.0, 0.0], vec![(1, 0.5), (2, 0.5)]),
            (Scores::Softmax, [nan, nan, nan], vec![]),
            (
                Scores::Softmax,
                [0.0, inf, 0.0],
                vec![(1, 1.0), (0, 0.0), (2, 0.0)],
            ),
            (Scores::Sigmoid, [nan, inf, -inf], vec![(1, 1.0), (2, 0.0)]),
            (Scores::Final, [-0.5, 1.5, nan], vec![(1, 1.0)]),
        ] {
            let found = decode(&[(3, scores)], &[&values], &top(3, 0.0)).unwrap();
            assert_eq!(found[0], expected, "{scores:?} {values:?}");
        }
    }

    #[test]
    fn an_output_of_another_size_than_before_is_an_error() {
        let error = decode(&[(3, Scores::Final)], &[&[0.5; 2]], &top(1, 0.0)).unwrap_err();
        assert!(
            matches!(error, DecodeError::Shape { values: 2, .. }),
            "{error}"
        );
        let heads = [(2, Scores::Final), (2, Scores::Final)];
        let error = decode(&heads, &[&[0.5; 2]], &top(1, 0.0)).unwrap_err();
        assert!(
            matches!(error, DecodeError::MissingOutput { .. }),
            "{error}"
        );
    }
}
