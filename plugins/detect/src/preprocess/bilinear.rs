//! Frame rows to tensor rows, as `cv2.resize` with `INTER_LINEAR` has it, to the bit: weights are
//! whole 2048ths; a row that is resampled along x is kept in 128ths of a level, rounded down; the
//! shares of two such rows in quarters, rounded down; and the sum of those is rounded to a level.

use super::kernel::{self, Level};
use super::letterbox::Letterbox;
use super::rows::Converter;
use super::{Affine, Chroma, Component, FrameFormat, FrameView};
use vigil_analytics::frame::color::ColorMap;

/// Two neighbours and their weights, in 2048ths.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    neighbours: [usize; 2],
    weights: [f32; 2],
}

impl Pair {
    /// What of `source` samples makes output sample `i` of `output`, as in `cv2.resize` with
    /// `INTER_LINEAR`: pixel centres at half integers, positions and weights as f32.
    fn new(i: usize, source: usize, output: usize) -> Self {
        let ratio = source as f64 / output as f64;
        let at = ((i as f64 + 0.5) * ratio - 0.5) as f32;
        let first = at.floor();
        let frac = at - first;
        let last = source as i64 - 1;
        let neighbour = |i: i64| i.clamp(0, last) as usize;
        Self {
            neighbours: [neighbour(first as i64), neighbour(first as i64 + 1)],
            weights: [1.0 - frac, frac].map(|share| (share * kernel::PARTS).round_ties_even()),
        }
    }

    /// Along x, where OpenCV gives all weight to a sample at the edge; along y it gives two shares
    /// to the same row, which rounding tells apart.
    fn along_x(self) -> Self {
        let [first, second] = self.neighbours;
        if first == second {
            return Self {
                neighbours: [first, second],
                weights: [kernel::PARTS, 0.0],
            };
        }
        self
    }

    /// Whether it is one sample of the source.
    fn is_one(&self) -> bool {
        self.weights[1] == 0.0
    }
}

/// The pairs along one axis.
fn pairs(source: usize, output: usize) -> impl Iterator<Item = Pair> {
    (0..output).map(move |i| Pair::new(i, source, output))
}

/// How a row of the frame is resampled along x.
enum Columns {
    /// Not at all.
    Same,
    /// Pairs of neighbours, one for each output column, with their weights.
    Pairs(Vec<[f32; 2]>),
    /// Neighbours anywhere in the row: index of the first, and the weights of both.
    Anywhere(Vec<u32>, Vec<[f32; 2]>),
}

impl Columns {
    /// For a row of all pixels of the frame.
    fn of_whole_rows(pairs: &[Pair]) -> Self {
        let is_same = |(x, pair): (usize, &Pair)| pair.neighbours[0] == x && pair.is_one();
        if pairs.iter().enumerate().all(is_same) {
            return Self::Same;
        }
        let index = pairs.iter().map(|pair| pair.neighbours[0] as u32).collect();
        Self::Anywhere(index, pairs.iter().map(|pair| pair.weights).collect())
    }

    /// For a row of those pixels only that some output column needs, and which pixels they are;
    /// `None` where that is no saving.
    fn of_picked_pixels(pairs: &[Pair], width: usize) -> Option<(Self, Vec<u32>)> {
        let firsts = pairs.iter().map(|pair| pair.neighbours[0] as u32);
        if pairs.len() < width && pairs.iter().all(Pair::is_one) {
            return Some((Self::Same, firsts.collect()));
        }
        if 2 * pairs.len() >= width {
            return None;
        }
        let pixels = (pairs.iter().flat_map(|pair| pair.neighbours)).map(|x| x as u32);
        let pixels = pixels.collect();
        Some((
            Self::Pairs(pairs.iter().map(|pair| pair.weights).collect()),
            pixels,
        ))
    }
}

/// Where rows come from.
enum Source {
    /// Packed R, G, B (or grey) in 0..255, resampled as they are: for each of the three the bytes
    /// of both neighbours, and their weights.
    Packed([Vec<[u32; 2]>; 3], Vec<[f32; 2]>),
    /// Anything else: rows are converted first.
    Converted(Box<Converter>, Columns),
}

/// Which of the two kept rows holds which row of the frame.
const NONE: usize = usize::MAX;

/// R, G and B of a row of the frame, resampled along x.
type Resampled = [Vec<i16>; 3];

/// What depends on the sizes and formats only.
pub(super) struct Bilinear {
    letterbox: Letterbox,
    rows: Vec<Pair>,
    source: Source,
    /// The last two rows, which neighbouring output rows share.
    kept: [(usize, Resampled); 2],
}

impl Bilinear {
    pub fn new(frame: FrameFormat, letterbox: Letterbox, chroma: Chroma) -> Self {
        let (width, height) = (letterbox.content.0 as usize, letterbox.content.1 as usize);
        let columns: Vec<_> = pairs(frame.width, width).map(Pair::along_x).collect();
        let row = || (NONE, [vec![0; width], vec![0; width], vec![0; width]]);
        Self {
            letterbox,
            rows: pairs(frame.height, height).collect(),
            source: Self::source(&frame, chroma, &columns),
            kept: [row(), row()],
        }
    }

    /// Where rows come from.
    fn source(frame: &FrameFormat, chroma: Chroma, pairs: &[Pair]) -> Source {
        let color = ColorMap::of(frame);
        if color.is_identity() {
            let byte = |c: &Component| {
                let (step, offset) = (c.step, c.offset);
                let bytes = |pair: &Pair| pair.neighbours.map(|x| (x * step + offset) as u32);
                pairs.iter().map(bytes).collect()
            };
            let weights = pairs.iter().map(|pair| pair.weights).collect();
            return Source::Packed(frame.pixels.components().each_ref().map(byte), weights);
        }
        let (columns, pixels) = match Columns::of_picked_pixels(pairs, frame.width) {
            Some((columns, pixels)) => (columns, Some(pixels)),
            None => (Columns::of_whole_rows(pairs), None),
        };
        let converter = Converter::new(*frame, color, chroma, pixels);
        Source::Converted(Box::new(converter), columns)
    }

    /// Fills the picture's part of the planes R, G, B, whose rows are `width` apart; `affine` is for
    /// R, G, B too.
    pub fn run(
        &mut self,
        level: Level,
        frame: &FrameView,
        affine: [Affine; 3],
        width: usize,
        mut planes: [&mut [f32]; 3],
    ) {
        let (left, top) = (
            self.letterbox.offset.0 as usize,
            self.letterbox.offset.1 as usize,
        );
        let content_width = self.letterbox.content.0 as usize;
        // They are of the last frame.
        self.kept.iter_mut().for_each(|(y, _)| *y = NONE);
        for (y, pair) in self.rows.iter().enumerate() {
            let [first, second] = pair.neighbours;
            let second = if pair.is_one() { first } else { second };
            let i = keep(
                &mut self.source,
                &mut self.kept,
                level,
                frame,
                [first, second],
            );
            let j = keep(
                &mut self.source,
                &mut self.kept,
                level,
                frame,
                [second, first],
            );
            let weights = pair.weights.map(|weight| weight as i16);
            let at = (top + y) * width + left;
            for (c, (plane, affine)) in planes.iter_mut().zip(affine).enumerate() {
                let out = &mut plane[at..at + content_width];
                let (first, second) = (&self.kept[i].1[c], &self.kept[j].1[c]);
                kernel::blend_rows(level, first, second, weights, affine, out);
            }
        }
    }
}

/// Index of row `y` among the kept ones, made if it is not there; `other` stays.
fn keep(
    source: &mut Source,
    kept: &mut [(usize, Resampled); 2],
    level: Level,
    frame: &FrameView,
    [y, other]: [usize; 2],
) -> usize {
    if let Some(i) = kept.iter().position(|(kept, _)| *kept == y) {
        return i;
    }
    let i = usize::from(kept[0].0 == other);
    kept[i].0 = y;
    resample(source, &mut kept[i].1, level, frame, y);
    i
}

/// Resamples row `y` of the frame along x.
fn resample(source: &mut Source, out: &mut Resampled, level: Level, frame: &FrameView, y: usize) {
    match source {
        Source::Packed(bytes, weights) => {
            let format = frame.format();
            // A row's last pixel may end before its step does.
            let row = frame.row(0, y, format.pixels.plane_size(0, format.width, 1).0);
            for (index, out) in bytes.iter().zip(out) {
                kernel::sample_bytes(level, row, index, weights, out);
            }
        }
        Source::Converted(converter, columns) => {
            for (row, out) in converter.row(level, frame, y).iter().zip(out) {
                match columns {
                    Columns::Same => kernel::keep_columns(level, row, out),
                    Columns::Pairs(weights) => kernel::blend_pairs(level, row, weights, out),
                    Columns::Anywhere(index, weights) => {
                        kernel::sample_columns(level, row, index, weights, out);
                    }
                }
            }
        }
    }
}
