//! Frame to tensor as torchvision does with Pillow's pictures ([`Fit::CentreCrop`]): `Image.resize`
//! with `BILINEAR`, of which the middle is kept.
//!
//! When it shrinks, a sample is a mean of all pixels that it covers, weighed by a triangle twice as
//! wide as the factor (a tent filter), so that nothing is passed over; where it does not, of its two
//! neighbours. Columns come first and are rounded to levels, then rows; weights are whole shares of
//! 2²². Source of the arithmetic: `Resample.c` of Pillow (`precompute_coeffs`, 8 bits a channel). Pillow
//! 13 takes the rows first where a picture shrinks more along them; then a level may be the next one.
//!
//! [`Fit::CentreCrop`]: super::Fit::CentreCrop

use super::kernel::Level;
use super::letterbox::Letterbox;
use super::rows::Converter;
use super::{Affine, Chroma};
use super::{FrameFormat, FrameView};
use vigil_analytics::frame::color::ColorMap;

/// Binary logarithm of the sum of weights.
const BITS: u32 = 32 - 8 - 2;

/// What a sample is made of: neighbours from `first` on, with their weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    pub first: usize,
    pub weights: Vec<i32>,
}

impl Weights {
    /// Of sample `i` of `output`, from `source` samples.
    pub fn new(i: usize, source: usize, output: usize) -> Self {
        let scale = source as f64 / output as f64;
        // A triangle is as wide as two source samples at least.
        let support = scale.max(1.0);
        let centre = (i as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(source);
        let share = |at: usize| {
            let distance = (at as f64 - centre + 0.5) / support;
            (1.0 - distance.abs()).max(0.0)
        };
        let shares: Vec<_> = (first..end).map(share).collect();
        let sum: f64 = shares.iter().sum();
        let whole = |share: &f64| (0.5 + share / sum * f64::from(1 << BITS)) as i32;
        Self {
            first,
            weights: shares.iter().map(whole).collect(),
        }
    }

    /// Of the samples of one axis that are kept: `kept` of `scaled`, from `first` on.
    fn of_axis(source: usize, scaled: u32, first: u32, kept: u32) -> Vec<Self> {
        (first..first + kept)
            .map(|i| Self::new(i as usize, source, scaled as usize))
            .collect()
    }

    fn end(&self) -> usize {
        self.first + self.weights.len()
    }
}

/// The level of a weighed sum.
fn level_of(sum: i32) -> u8 {
    ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}

/// What depends on the sizes and formats only.
pub(super) struct Pillow {
    letterbox: Letterbox,
    columns: Vec<Weights>,
    rows: Vec<Weights>,
    converter: Converter,
    /// The first row, and the first column, that are needed.
    start: (usize, usize),
    /// Levels of R, G and B of a row of the frame, as far as they are needed.
    levels: [Vec<i32>; 3],
    /// All rows that are needed, resampled along x: for each, R, G and B.
    scaled: Vec<[Vec<u8>; 3]>,
    sums: Vec<i32>,
}

impl Pillow {
    /// For frames of this format that are fitted in so.
    pub fn new(frame: &FrameFormat, letterbox: Letterbox, chroma: Chroma) -> Self {
        let Letterbox {
            scaled,
            crop,
            content,
            ..
        } = letterbox;
        let columns = Weights::of_axis(frame.width, scaled.0, crop.0, content.0);
        let rows = Weights::of_axis(frame.height, scaled.1, crop.1, content.1);
        let span = |of: &[Weights]| {
            let first = of.iter().map(|one| one.first).min().unwrap_or(0);
            let end = of.iter().map(Weights::end).max().unwrap_or(first);
            (first, end)
        };
        let ((left, right), (top, bottom)) = (span(&columns), span(&rows));
        let pixels = (right - left < frame.width).then(|| (left as u32..right as u32).collect());
        let row = || vec![0; content.0 as usize];
        Self {
            letterbox,
            columns,
            rows,
            converter: Converter::new(*frame, ColorMap::of(frame), chroma, pixels),
            start: (left, top),
            levels: std::array::from_fn(|_| vec![0; right - left]),
            scaled: (top..bottom).map(|_| [row(), row(), row()]).collect(),
            sums: vec![0; content.0 as usize],
        }
    }

    /// Fills the planes R, G, B, whose rows are `width` apart; `affine` is for R, G, B too.
    pub fn run(
        &mut self,
        level: Level,
        frame: &FrameView,
        affine: [Affine; 3],
        width: usize,
        mut planes: [&mut [f32]; 3],
    ) {
        let (left, top) = self.start;
        for (y, scaled) in (top..).zip(&mut self.scaled) {
            let row = self.converter.row(level, frame, y);
            for ((row, levels), out) in row.iter().zip(&mut self.levels).zip(scaled) {
                for (level, value) in levels.iter_mut().zip(row) {
                    *level = *value as i32;
                }
                for (out, column) in out.iter_mut().zip(&self.columns) {
                    let pixels = &levels[column.first - left..column.end() - left];
                    let weighed = pixels.iter().zip(&column.weights);
                    *out = level_of(weighed.map(|(pixel, weight)| pixel * weight).sum());
                }
            }
        }
        let content_width = self.letterbox.content.0 as usize;
        for (y, row) in self.rows.iter().enumerate() {
            for (c, (plane, affine)) in planes.iter_mut().zip(affine).enumerate() {
                self.sums.fill(0);
                let sources = &self.scaled[row.first - top..row.end() - top];
                for (source, weight) in sources.iter().zip(&row.weights) {
                    for (sum, level) in self.sums.iter_mut().zip(&source[c]) {
                        *sum += i32::from(*level) * weight;
                    }
                }
                let out = &mut plane[y * width..][..content_width];
                for (out, sum) in out.iter_mut().zip(&self.sums) {
                    *out = affine.sample(f32::from(level_of(*sum)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fit;
    use super::super::tests::pattern;
    use super::*;

    /// Weights as shares.
    fn shares(i: usize, source: usize, output: usize) -> (usize, Vec<f64>) {
        let Weights { first, weights } = Weights::new(i, source, output);
        let share = |weight: &i32| f64::from(*weight) / f64::from(1 << BITS);
        (first, weights.iter().map(share).collect())
    }

    #[test]
    fn weights_are_triangles_over_what_a_sample_covers() {
        // The same size, half of it, twice of it, at the edges and in the middle.
        let table: [(usize, usize, usize, usize, &[f64]); 6] = [
            (0, 4, 4, 0, &[1.0, 0.0]),
            (2, 4, 4, 1, &[0.0, 1.0, 0.0]),
            (0, 8, 4, 0, &[3.0 / 7.0, 3.0 / 7.0, 1.0 / 7.0]),
            (1, 8, 4, 1, &[0.125, 0.375, 0.375, 0.125]),
            (0, 2, 4, 0, &[1.0]),
            (1, 2, 4, 0, &[0.75, 0.25]),
        ];
        for (i, source, output, first, expected) in table {
            let (found_first, found) = shares(i, source, output);
            // What has no weight may be left out.
            let found: Vec<_> = (found_first..)
                .zip(found)
                .filter(|(_, w)| *w > 0.0)
                .collect();
            let expected: Vec<_> = (first..).zip(expected).filter(|(_, w)| **w > 0.0).collect();
            assert_eq!(found.len(), expected.len(), "{i} of {output}: {found:?}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.0, expected.0, "{i} of {output}");
                assert!(
                    (found.1 - expected.1).abs() < 1e-6,
                    "{i} of {output}: {found:?}"
                );
            }
        }
    }

    /// Width and height of a picture, side of its middle, and what that is: levels of red, and the sums
    /// of those of green and blue.
    type Known = ((usize, usize), u32, &'static [u8], [u32; 2]);

    #[test]
    fn levels_are_those_of_torchvision() {
        // From CenterCrop(side)(Resize(side)(picture)) of torchvision on Pillow's pictures, run in
        // Python.
        let table: [Known; 3] = [
            (
                (23, 17),
                5,
                &[
                    127, 137, 120, 137, 123, 131, 144, 134, 154, 138, 139, 130, 137, 126, 139, 117,
                    113, 124, 110, 133, 124, 135, 121, 86, 146,
                ],
                [3140, 3306],
            ),
            (
                (4, 3),
                6,
                &[
                    9, 28, 46, 65, 83, 102, 33, 53, 73, 94, 113, 134, 80, 104, 127, 151, 174, 197,
                    128, 154, 165, 159, 170, 197, 175, 204, 186, 120, 102, 132, 198, 229, 197, 100,
                    68, 99,
                ],
                [4821, 5193],
            ),
            (
                (40, 9),
                4,
                &[
                    83, 143, 124, 110, 132, 129, 102, 120, 153, 143, 121, 115, 147, 152, 157, 160,
                ],
                [2054, 2089],
            ),
        ];
        for ((width, height), side, red, sums) in table {
            let picture = pattern(width, height, 13);
            let view = picture.view();
            let letterbox =
                Letterbox::new((width as u32, height as u32), (side, side), Fit::CentreCrop);
            let mut planes = vec![vec![0.0; (side * side) as usize]; 3];
            let [r, g, b] = &mut planes[..] else {
                unreachable!()
            };
            Pillow::new(view.format(), letterbox, Chroma::Nearest).run(
                Level::detect(),
                &view,
                [Affine::scale(1.0); 3],
                side as usize,
                [r, g, b],
            );
            let found: Vec<_> = planes[0].iter().map(|level| *level as u8).collect();
            assert_eq!(found, red, "{width}x{height}");
            let sum = |c: usize| planes[c].iter().map(|level| *level as u32).sum::<u32>();
            assert_eq!([sum(1), sum(2)], sums, "{width}x{height}");
        }
    }

    #[test]
    fn a_picture_of_one_level_keeps_it_at_every_factor() {
        for (source, output) in [(1, 224), (224, 1), (1080, 224), (223, 224), (5000, 7)] {
            for i in 0..output {
                let sum: i32 = Weights::new(i, source, output).weights.iter().sum();
                for level in [0, 1, 127, 255] {
                    assert_eq!(
                        level_of(level * sum),
                        level as u8,
                        "{i}: {source} to {output}"
                    );
                }
            }
        }
    }
}
