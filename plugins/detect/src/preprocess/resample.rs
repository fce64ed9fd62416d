//! Frame rows to tensor rows.

use super::color::ColorMap;
use super::frame::{FrameFormat, FrameView};
use super::kernel::{self, Level};
use super::letterbox::Letterbox;
use super::rows::Converter;
use super::{Affine, Chroma, TensorFormat};

/// Where an output sample comes from: two neighbours and the share of the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tap {
    pub first: usize,
    pub frac: f32,
}

impl Tap {
    /// Between the two of `n` samples that are nearest to position `at`, edges replicated.
    pub fn at(at: f64, n: usize) -> Self {
        let at = at.clamp(0.0, (n - 1) as f64);
        Self {
            first: at as usize,
            frac: at.fract() as f32,
        }
    }
}

/// The taps along one axis, pixel centres at half integers.
fn taps(source: usize, output: usize) -> Vec<Tap> {
    let ratio = source as f64 / output as f64;
    (0..output)
        .map(|i| Tap::at((i as f64 + 0.5) * ratio - 0.5, source))
        .collect()
}

/// How a blended row becomes an output row.
enum Columns {
    /// As it is.
    Same,
    /// Pairs of neighbours, one for each output column: the share of the second.
    Pairs(Vec<f32>),
    /// Neighbours anywhere in the row: index of the first, and the share of the second.
    Anywhere(Vec<u32>, Vec<f32>),
}

impl Columns {
    /// For a row of all pixels of the frame, `step` samples apart.
    fn of_whole_rows(taps: &[Tap], step: usize) -> Self {
        let is_same = |(x, tap): (usize, &Tap)| tap.first == x && tap.frac == 0.0;
        if step == 1 && taps.iter().enumerate().all(is_same) {
            return Self::Same;
        }
        let index = taps.iter().map(|tap| (tap.first * step) as u32).collect();
        Self::Anywhere(index, taps.iter().map(|tap| tap.frac).collect())
    }

    /// For a row of those pixels only that some output column needs, and which pixels they are;
    /// `None` where that is no saving.
    fn of_picked_pixels(taps: &[Tap], width: usize) -> Option<(Self, Vec<u32>)> {
        let firsts = taps.iter().map(|tap| tap.first as u32);
        if taps.len() < width && taps.iter().all(|tap| tap.frac == 0.0) {
            return Some((Self::Same, firsts.collect()));
        }
        if 2 * taps.len() >= width {
            return None;
        }
        let last = width as u32 - 1;
        let pixels = firsts.flat_map(|x| [x, (x + 1).min(last)]).collect();
        Some((
            Self::Pairs(taps.iter().map(|tap| tap.frac).collect()),
            pixels,
        ))
    }
}

/// Where rows of R, G, B come from.
enum Source {
    /// Packed R, G, B (or grey) in 0..255: offsets of the three in a pixel, and its bytes. Rows
    /// are blended as they are.
    Packed { offsets: [usize; 3], step: usize },
    /// Anything else: rows are converted first.
    Converted(Box<Converter>),
}

/// What depends on the sizes and formats only; made when they change.
pub(super) struct Plan {
    pub frame: FrameFormat,
    pub letterbox: Letterbox,
    /// Address of the tensor whose borders have been painted.
    pub painted: Option<usize>,
    rows: Vec<Tap>,
    columns: Columns,
    source: Source,
    /// A blend of two rows of the frame: one row of packed samples, or R, G and B.
    blended: [Vec<f32>; 3],
}

impl Plan {
    pub fn new(frame: FrameFormat, tensor: &TensorFormat) -> Self {
        let letterbox = Letterbox::new(
            (frame.width as u32, frame.height as u32),
            (tensor.width, tensor.height),
            tensor.fit,
        );
        let taps_x = taps(frame.width, letterbox.content.0 as usize);
        let (source, columns, samples) = Self::source(&frame, tensor.chroma, &taps_x);
        let blended = vec![0.0; samples];
        Self {
            frame,
            letterbox,
            painted: None,
            rows: taps(frame.height, letterbox.content.1 as usize),
            columns,
            source,
            blended: [blended.clone(), blended.clone(), blended],
        }
    }

    /// Where rows come from, how their columns are blended, and how many samples a row has.
    fn source(frame: &FrameFormat, chroma: Chroma, taps: &[Tap]) -> (Source, Columns, usize) {
        let color = ColorMap::of(frame);
        if color.is_identity() {
            let components = frame.pixels.components();
            let step = components[0].step;
            let offsets = components.map(|component| component.offset);
            let columns = Columns::of_whole_rows(taps, step);
            // The second neighbour of the last column is read, with a share of 0.
            let samples = (frame.width + 1) * step;
            return (Source::Packed { offsets, step }, columns, samples);
        }
        let (columns, pixels) = match Columns::of_picked_pixels(taps, frame.width) {
            Some((columns, pixels)) => (columns, Some(pixels)),
            None => (Columns::of_whole_rows(taps, 1), None),
        };
        let converter = Converter::new(*frame, color, chroma, pixels);
        let samples = converter.width() + 1;
        (Source::Converted(Box::new(converter)), columns, samples)
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
        if let Source::Converted(converter) = &mut self.source {
            converter.forget();
        }
        for (y, tap) in self.rows.iter().enumerate() {
            let (rows, step) = blend(&mut self.source, &mut self.blended, level, frame, *tap);
            let at = (top + y) * width + left;
            for ((row, plane), affine) in rows.into_iter().zip(&mut planes).zip(affine) {
                let out = &mut plane[at..at + content_width];
                match &self.columns {
                    Columns::Same => kernel::store_columns(level, row, affine, out),
                    Columns::Pairs(frac) => kernel::blend_pairs(level, row, frac, affine, out),
                    Columns::Anywhere(index, frac) => {
                        kernel::sample_columns(level, row, step, index, frac, affine, out);
                    }
                }
            }
        }
    }
}

/// R, G and B of the blend of a tap's rows, and how far apart their samples are. `blended` is where
/// it is made, if it is not a row that is there already.
fn blend<'a>(
    source: &'a mut Source,
    blended: &'a mut [Vec<f32>; 3],
    level: Level,
    frame: &FrameView,
    tap: Tap,
) -> ([&'a [f32]; 3], usize) {
    match source {
        Source::Packed { offsets, step } => {
            let format = frame.format();
            let out = &mut blended[0][..format.width * *step];
            // A row's last pixel may end before its step does.
            let bytes = format.pixels.plane_size(0, format.width, 1).0;
            let first = frame.row(0, tap.first, bytes);
            if tap.frac == 0.0 {
                kernel::widen_row(level, first, out);
            } else {
                let second = frame.row(0, tap.first + 1, bytes);
                kernel::blend_bytes(level, first, second, tap.frac, out);
            }
            (offsets.map(|offset| &blended[0][offset..]), *step)
        }
        Source::Converted(converter) => {
            let width = converter.width();
            let second = tap.first + usize::from(tap.frac != 0.0);
            let [first, second] = converter.rows(level, frame, tap.first, second);
            if tap.frac == 0.0 {
                return (first.each_ref().map(|channel| &channel[..]), 1);
            }
            for (channel, out) in blended.iter_mut().enumerate() {
                let out = &mut out[..width];
                kernel::blend_rows(level, &first[channel], &second[channel], tap.frac, out);
            }
            (blended.each_ref().map(|channel| &channel[..]), 1)
        }
    }
}
