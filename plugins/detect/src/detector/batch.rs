//! Several pictures in a run: how many, whether they gain anything, and whose the outputs are.

use crate::decode::OutputView;
use crate::engine::{self, Chosen, Engine, EngineError, ModelSource, Runner};
use crate::model::{InputPlan, ModelError, OnnxInfo};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Up to so many threads, one picture keeps all of them busy on every engine that there is.
const FEW_THREADS: usize = 4;

/// Numbers of pictures that are tried.
const TRIED: [usize; 2] = [2, 4];

/// Each is timed so often, by turns, and the shortest time counts.
const ROUNDS: usize = 3;

/// Less than this many times the pictures a second is no gain: they come later for it.
const LEAST_GAIN: f64 = 1.15;

/// What is nearly as good as the best is as good.
const NEARLY: f64 = 0.95;

/// The same model, for runs of several pictures, which are faster than as many runs.
pub struct Several {
    /// The engine that runs them.
    pub engine: Arc<dyn Engine>,
    /// How many pictures.
    pub batch: usize,
    /// How many times as many pictures a second there are.
    pub gain: f64,
}

impl Several {
    /// Times runs of several pictures on all threads against `alone`, a runner of the same model;
    /// `None` where nothing is gained, or nothing could be. Takes about as long as loading the model
    /// and twenty runs, and is only done where there are many threads.
    pub(super) fn measure(
        source: &ModelSource,
        engine: &dyn Engine,
        alone: &mut dyn Runner,
        threads: usize,
    ) -> Option<Self> {
        if threads <= FEW_THREADS || source.input.batch.is_some() {
            return None;
        }
        let several = ModelSource {
            batch: *TRIED.iter().max()?,
            ..source.clone()
        };
        let Chosen {
            engine, mut runner, ..
        } = engine::choose(&several, Some(engine.kind()), threads).ok()?;
        let mut times = [Duration::MAX; TRIED.len()];
        let mut one = Duration::MAX;
        for _ in 0..ROUNDS {
            one = one.min(time(alone, 1).ok()?);
            for (time_of, pictures) in times.iter_mut().zip(TRIED) {
                *time_of = (*time_of).min(time(&mut *runner, pictures).ok()?);
            }
        }
        let (batch, gain) = best(one, TRIED.into_iter().zip(times))?;
        Some(Self {
            engine,
            batch,
            gain,
        })
    }
}

fn time(runner: &mut dyn Runner, pictures: usize) -> Result<Duration, EngineError> {
    let started = Instant::now();
    runner.run(pictures, &mut |_| {})?;
    Ok(started.elapsed())
}

/// The number of pictures, of those that were timed, with the most of them a second, and how many
/// times those of a picture alone that is.
fn best(
    alone: Duration,
    times: impl Iterator<Item = (usize, Duration)> + Clone,
) -> Option<(usize, f64)> {
    let gain = |(pictures, time): (usize, Duration)| {
        let time = time.max(Duration::from_nanos(1));
        (
            pictures,
            pictures as f64 * alone.as_secs_f64() / time.as_secs_f64(),
        )
    };
    let most = times.clone().map(|timed| gain(timed).1).fold(0.0, f64::max);
    let good = |(_, gain): &(usize, f64)| *gain >= (NEARLY * most).max(LEAST_GAIN);
    times.map(gain).find(good)
}

/// Pictures in a run on a GPU where nobody says how many: enough for what streams send at a time, and
/// few enough for the memory of any GPU.
const ON_GPU: usize = 16;

/// The same for an engine on a GPU, by what is right on a CPU.
pub(super) fn size_on_gpu(wanted: usize, on_cpu: usize) -> usize {
    if wanted == 0 {
        ON_GPU.max(on_cpu)
    } else {
        on_cpu
    }
}

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
pub(super) fn with_share<'o, T>(
    outputs: &[OutputView<'o>],
    number: usize,
    pictures: usize,
    read: impl FnOnce(&[OutputView<'o>]) -> T,
) -> T {
    if pictures == 1 {
        return read(outputs);
    }
    let share = |output: &OutputView<'o>| output.share(number, pictures).unwrap_or(*output);
    let share: Vec<_> = outputs.iter().map(share).collect();
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
    fn the_fewest_pictures_that_gain_nearly_most_are_taken_if_that_is_something() {
        let ms = Duration::from_millis;
        // of one, of two, of four → pictures, times as many a second
        let table = [
            ([10, 20, 40], None),
            ([10, 18, 36], None),
            ([10, 10, 19], Some((2, 2.0))),
            ([10, 12, 13], Some((4, 40.0 / 13.0))),
            ([10, 16, 40], Some((2, 1.25))),
            ([10, 30, 30], Some((4, 40.0 / 30.0))),
        ];
        for ([one, two, four], expected) in table {
            let found = best(ms(one), [(2, ms(two)), (4, ms(four))].into_iter());
            let pictures = |found: Option<(usize, f64)>| found.map(|(pictures, _)| pictures);
            assert_eq!(pictures(found), pictures(expected), "{one} {two} {four}");
            if let (Some((_, found)), Some((_, expected))) = (found, expected) {
                assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
        }
        assert_eq!(best(ms(0), [(2, ms(0))].into_iter()), None);
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
