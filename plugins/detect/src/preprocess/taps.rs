//! Weighted means along one axis of a frame, of any number of samples each.

use super::Chroma;
use super::sites::Axis;

/// What the weights of a mean add up to: they are whole numbers.
pub(super) const WHOLE: i16 = 1 << 14;

/// Whether an axis of `source` pixels shrinks to `output` ones by more than 2, so that two
/// neighbours are not all that an output sample covers.
pub(super) fn shrinks(source: usize, output: usize) -> bool {
    source > 2 * output
}

/// The samples of a component that make each output sample along one axis.
pub(super) struct Taps {
    /// The first sample of each.
    first: Vec<u32>,
    /// [`each`](Self::each) weights of each, zeros at the end.
    weights: Vec<i16>,
    each: usize,
}

impl Taps {
    /// The means that `output` samples are, with the number of weights for each filled up to a
    /// multiple of 8, or to 4.
    pub fn new(axis: Axis, chroma: Chroma, output: usize) -> Self {
        let means: Vec<_> = (0..output).map(|i| mean(axis, chroma, i, output)).collect();
        let most = means.iter().map(|(_, weights)| weights.len()).max();
        let each = match most.unwrap_or(0) {
            0..=4 => 4,
            n => n.next_multiple_of(8),
        };
        let mut taps = Self {
            first: Vec::with_capacity(output),
            weights: Vec::with_capacity(output * each),
            each,
        };
        for (first, shares) in means {
            taps.first.push(first as u32);
            whole(&shares, &mut taps.weights);
            taps.weights.resize(taps.first.len() * each, 0);
        }
        taps
    }

    /// How many weights each has.
    pub fn each(&self) -> usize {
        self.each
    }

    /// The first sample of each.
    pub fn first(&self) -> &[u32] {
        &self.first
    }

    /// The weights of all.
    pub fn weights(&self) -> &[i16] {
        &self.weights
    }

    /// The samples of one, four at a time, with their weights. Of the last four some may be
    /// repeated, with a weight of 0.
    pub fn fours(&self, i: usize) -> impl Iterator<Item = ([usize; 4], [i16; 4])> {
        let first = self.first[i] as usize;
        let weights = &self.weights[i * self.each..][..self.each];
        let fours = weights.chunks_exact(4).enumerate();
        fours
            .map(move |(four, weights)| {
                let at = first + 4 * four;
                let weights: [i16; 4] = std::array::from_fn(|k| weights[k]);
                let sample = |k: usize| if weights[k] == 0 { at } else { at + k };
                (std::array::from_fn(sample), weights)
            })
            .filter(|(_, weights)| *weights != [0; 4])
    }
}

/// The first sample of output sample `i` of `output`, and the shares of it and those after it.
fn mean(axis: Axis, chroma: Chroma, i: usize, output: usize) -> (usize, Vec<f64>) {
    let mut first = None;
    let mut shares: Vec<f64> = Vec::new();
    let mut add = |sample: usize, share: f64| {
        let at = sample - *first.get_or_insert(sample);
        if shares.len() <= at {
            shares.resize(at + 1, 0.0);
        }
        shares[at] += share;
    };
    for (pixel, share) in pixels(axis.pixels, i, output) {
        match chroma {
            Chroma::Nearest => add(axis.shared(pixel), share),
            Chroma::Linear => {
                let tap = axis.between(pixel);
                let second = f64::from(tap.frac);
                add(tap.first, share * (1.0 - second));
                if second > 0.0 {
                    add(tap.first + 1, share * second);
                }
            }
        }
    }
    (first.unwrap_or(0), shares)
}

/// The pixels that make output pixel `i`, in order, with their shares: those that it covers, each
/// by how much of it, or the two that it lies between.
fn pixels(source: usize, i: usize, output: usize) -> Vec<(usize, f64)> {
    let factor = source as f64 / output as f64;
    if shrinks(source, output) {
        let (from, to) = (i as f64 * factor, (i + 1) as f64 * factor);
        let last = (to.ceil() as usize).min(source);
        return (from as usize..last)
            .map(|pixel| {
                let covered = to.min((pixel + 1) as f64) - from.max(pixel as f64);
                (pixel, covered / factor)
            })
            .filter(|(_, share)| *share > 0.0)
            .collect();
    }
    let at = ((i as f64 + 0.5) * factor - 0.5).clamp(0.0, (source - 1) as f64);
    let (pixel, second) = (at as usize, at.fract());
    let mut pixels = vec![(pixel, 1.0 - second)];
    if second > 0.0 {
        pixels.push((pixel + 1, second));
    }
    pixels
}

/// Shares as whole numbers that add up to [`WHOLE`]: the sum of the first so many is the one that
/// is nearest to theirs.
fn whole(shares: &[f64], out: &mut Vec<i16>) {
    let all: f64 = shares.iter().sum();
    let (mut sum, mut before) = (0.0, 0);
    out.extend(shares.iter().map(|share| {
        sum += share;
        let so_far = (sum / all * f64::from(WHOLE)).round() as i16;
        so_far - std::mem::replace(&mut before, so_far)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::{Colorimetry, FrameFormat, PixelFormat};

    fn taps(width: usize, component: usize, chroma: Chroma, output: usize) -> Taps {
        let format = FrameFormat {
            pixels: PixelFormat::I420,
            width,
            height: 2,
            colorimetry: Colorimetry {
                cosited_x: false,
                ..Default::default()
            },
        };
        let axis = Axis::x(&format, &PixelFormat::I420.components()[component]);
        Taps::new(axis, chroma, output)
    }

    /// What one output sample is made of, in hundredths.
    fn of(taps: &Taps, i: usize) -> (u32, Vec<i32>) {
        let weights = &taps.weights[i * taps.each..][..taps.each];
        let used = weights.iter().rposition(|weight| *weight != 0).unwrap() + 1;
        let hundredths = weights[..used]
            .iter()
            .map(|w| (i32::from(*w) * 100 + 8192) / 16384);
        (taps.first[i], hundredths.collect())
    }

    #[test]
    fn a_mean_is_of_what_an_output_sample_covers() {
        for (width, output, i, first, shares) in [
            // 3 pixels each
            (12, 4, 1, 3, vec![33, 33, 33]),
            // 2.5 each: a half of one is the next one's
            (10, 4, 0, 0, vec![40, 40, 20]),
            (10, 4, 1, 2, vec![20, 40, 40]),
            // all of them
            (10, 1, 0, 0, vec![10; 10]),
            // by 2 and less, and larger: the two that it lies between
            (8, 4, 1, 2, vec![50, 50]),
            (6, 4, 1, 1, vec![25, 75]),
            (4, 4, 2, 2, vec![100]),
            (2, 4, 1, 0, vec![75, 25]),
            (2, 4, 0, 0, vec![100]),
        ] {
            let found = of(&taps(width, 0, Chroma::Nearest, output), i);
            assert_eq!(found, (first, shares), "{width} to {output}");
        }
    }

    #[test]
    fn chroma_counts_for_the_pixels_that_have_it() {
        // Pixels 3, 4 and 5 have of the samples 1, 2 and 2.
        let shared = of(&taps(12, 1, Chroma::Nearest, 4), 1);
        assert_eq!(shared, (1, vec![33, 67]));
        // They stand at 1.25, 1.75 and 2.25 among the samples.
        let between = of(&taps(12, 1, Chroma::Linear, 4), 1);
        assert_eq!(between, (1, vec![33, 58, 8]));
    }

    #[test]
    fn weights_add_up_whatever_the_size() {
        for (width, output) in [(7680, 1), (7680, 16), (1921, 640), (3, 1), (5, 3), (1, 9)] {
            for component in [0, 1] {
                for chroma in [Chroma::Nearest, Chroma::Linear] {
                    let taps = taps(width, component, chroma, output);
                    assert_eq!(taps.each % 4, 0);
                    for (i, weights) in taps.weights.chunks_exact(taps.each).enumerate() {
                        let sum: i32 = weights.iter().map(|w| i32::from(*w)).sum();
                        assert_eq!(sum, i32::from(WHOLE), "{width} to {output}");
                        let fours: i32 = (taps.fours(i))
                            .map(|(_, w)| w.iter().map(|w| i32::from(*w)).sum::<i32>())
                            .sum();
                        assert_eq!(fours, sum);
                        let last = (taps.fours(i)).flat_map(|(samples, _)| samples).max();
                        assert!(last.unwrap() < width, "{width} to {output}");
                    }
                }
            }
        }
    }
}
