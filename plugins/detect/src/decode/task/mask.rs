//! Masks of objects from prototypes: what YOLACT (<https://arxiv.org/abs/1904.02689>) and after it
//! Ultralytics do.
//!
//! A mask's logit is a sum of the prototypes, each by the object's coefficient for it, which makes a
//! field of a quarter of the input's size. Sampled bilinearly where the frame's pixels are, what is
//! above 0 (a sigmoid above ½) and in the box is the object. That is Ultralytics'
//! `process_mask(upsample=True)`, whose result is on the input, brought to the frame without a
//! second rounding: on a frame of the input's size both are the same.
//!
//! The sum is made for the cells under the box only, and pixels between four cells of one sign take
//! that sign: most of a mask is filled, not calculated.

use super::super::{DecodeError, OutputView};
use crate::preprocess::letterbox::Letterbox;

/// Which pixels of its box an object has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Left of the box, in pixels of the frame.
    pub x: u32,
    /// Top of the box.
    pub y: u32,
    /// Width of the box, at least 1.
    pub width: u32,
    /// Height of the box, at least 1.
    pub height: u32,
    /// Value of the pixels where the object is: 1 to 255.
    pub region: u8,
    /// Row by row: `region` where the object is, else 0.
    pub pixels: Vec<u8>,
}

/// The value of the pixels of a frame's object of this number: its own for each, as far as 255 go.
pub(super) fn region(number: usize) -> u8 {
    1 + (number % 255) as u8
}

impl Mask {
    /// The same as that of the object of this number.
    pub(super) fn numbered(mut self, number: usize) -> Self {
        let region = region(number);
        if self.region != region {
            for pixel in self.pixels.iter_mut().filter(|pixel| **pixel != 0) {
                *pixel = region;
            }
            self.region = region;
        }
        self
    }
}

/// Pixels `start..end` along an axis that lie between the centres of two cells.
#[derive(Debug, Clone, Copy)]
struct Span {
    cells: [usize; 2],
    start: usize,
    end: usize,
}

/// The pixels of an axis of a box, and the cells under them.
#[derive(Debug, Default)]
struct Axis {
    /// The first cell that is needed, and how many are.
    first: usize,
    cells: usize,
    spans: Vec<Span>,
    /// Of each pixel: how much the second cell of its span counts.
    weights: Vec<f32>,
}

impl Axis {
    /// For pixels from `start` to `end` of a frame: where a pixel lies among the `cells` of an input
    /// of so many pixels is `((at + ½) · gain + offset) · cells / input − ½`, never beyond the
    /// outermost centres.
    fn set(&mut self, (start, end): (u32, u32), gain: f32, offset: u32, cells: usize, input: u32) {
        self.spans.clear();
        self.weights.clear();
        let (last, scale) = (cells.saturating_sub(1), cells as f32 / input.max(1) as f32);
        for (i, at) in (start..end).enumerate() {
            let place = ((at as f32 + 0.5) * gain + offset as f32) * scale - 0.5;
            let place = place.clamp(0.0, last as f32);
            let left = place as usize;
            let cells = [left, (left + 1).min(last)];
            self.weights.push(place - left as f32);
            match self.spans.last_mut() {
                Some(span) if span.cells == cells => span.end = i + 1,
                _ => self.spans.push(Span {
                    cells,
                    start: i,
                    end: i + 1,
                }),
            }
        }
        let (first, last) = match (self.spans.first(), self.spans.last()) {
            (Some(first), Some(last)) => (first.cells[0], last.cells[1]),
            _ => (0, 0),
        };
        self.first = first;
        self.cells = last - first + 1;
        for span in &mut self.spans {
            span.cells = span.cells.map(|cell| cell - first);
        }
    }
}

/// Makes masks, with memory that is used again.
#[derive(Debug)]
pub struct Maker {
    /// Whether any are to be made.
    pub wanted: bool,
    /// Channels, height and width of the prototypes.
    shape: [usize; 3],
    /// Width and height of the input.
    input: [u32; 2],
    columns: Axis,
    rows: Axis,
    /// Logits of the cells under the box.
    field: Vec<f32>,
    /// Logits at the height of a row of pixels.
    line: Vec<f32>,
}

impl Maker {
    /// For prototypes of this shape, and an input of this width and height.
    pub fn new(shape: [usize; 3], input: [u32; 2]) -> Self {
        Self {
            wanted: true,
            shape,
            input,
            columns: Axis::default(),
            rows: Axis::default(),
            field: Vec::with_capacity(shape[1] * shape[2]),
            line: Vec::with_capacity(shape[2]),
        }
    }

    /// The values of the output, which must have the shape of the prototypes.
    pub fn protos<'a>(&self, view: &OutputView<'a>) -> Result<&'a [f32], DecodeError> {
        let shape = match view.shape {
            [1, shape @ ..] if shape.len() == 3 => shape,
            shape => shape,
        };
        let fits = shape == self.shape && view.data.len() == self.shape.iter().product::<usize>();
        fits.then_some(view.data).ok_or(DecodeError::Protos {
            shape: view.shape.to_vec(),
            values: view.data.len(),
            expected: self.shape,
        })
    }

    /// The mask of an object in a box of the frame; `None` where it has no pixel. What is not a
    /// number counts as outside. `region` is what its pixels are set to.
    pub fn make(
        &mut self,
        protos: &[f32],
        coefficient: impl Fn(usize) -> f32,
        region: u8,
        [x1, y1, x2, y2]: [f32; 4],
        letterbox: &Letterbox,
    ) -> Option<Mask> {
        // As Ultralytics' `crop_mask`: the pixels whose number is in the box.
        let pixels = |from: f32, to: f32| (from.ceil() as u32, to.ceil() as u32);
        let (across, down) = (pixels(x1, x2), pixels(y1, y2));
        if across.0 >= across.1 || down.0 >= down.1 {
            return None;
        }
        let [_, height, width] = self.shape;
        let (gain, offset) = (letterbox.gain, letterbox.offset);
        let [input_width, input_height] = self.input;
        // Of a part of a frame, as it was shown to the model.
        let (left, top) = letterbox.origin;
        let within = |(start, end): (u32, u32), origin: u32| {
            (start.saturating_sub(origin), end.saturating_sub(origin))
        };
        (self.columns).set(within(across, left), gain.0, offset.0, width, input_width);
        (self.rows).set(within(down, top), gain.1, offset.1, height, input_height);
        self.sum(protos, coefficient);
        let (width, height) = (across.1 - across.0, down.1 - down.0);
        let mut pixels = vec![0; width as usize * height as usize];
        (self.fill(&mut pixels, width as usize, region)).then_some(Mask {
            x: across.0,
            y: down.0,
            width,
            height,
            region,
            pixels,
        })
    }

    /// Fills `field` with the logits of the cells under the box.
    fn sum(&mut self, protos: &[f32], coefficient: impl Fn(usize) -> f32) {
        let [channels, height, width] = self.shape;
        let (columns, rows) = (&self.columns, &self.rows);
        self.field.clear();
        self.field.resize(columns.cells * rows.cells, 0.0);
        for channel in 0..channels {
            let factor = coefficient(channel);
            let plane = &protos[channel * height * width..][..height * width];
            for (sums, y) in (self.field.chunks_exact_mut(columns.cells)).zip(rows.first..) {
                let values = &plane[y * width + columns.first..][..columns.cells];
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += factor * value;
                }
            }
        }
    }

    /// Sets the pixels that are the object's, and says whether there are any.
    fn fill(&mut self, pixels: &mut [u8], width: usize, region: u8) -> bool {
        let (columns, rows, line) = (&self.columns, &self.rows, &mut self.line);
        let cells = columns.cells;
        let mut any = false;
        for span in &rows.spans {
            let [above, below] = span.cells.map(|row| &self.field[row * cells..][..cells]);
            for y in span.start..span.end {
                let weight = rows.weights[y];
                line.clear();
                let blended = above.iter().zip(below);
                line.extend(blended.map(|(a, b)| (1.0 - weight) * a + weight * b));
                let row = &mut pixels[y * width..][..width];
                for span in &columns.spans {
                    let [left, right] = span.cells.map(|column| line[column]);
                    if left <= 0.0 && right <= 0.0 {
                        continue;
                    }
                    any = true;
                    let row = &mut row[span.start..span.end];
                    if left > 0.0 && right > 0.0 {
                        row.fill(region);
                        continue;
                    }
                    let weights = &columns.weights[span.start..span.end];
                    for (pixel, weight) in row.iter_mut().zip(weights) {
                        let logit = (1.0 - weight) * left + weight * right;
                        *pixel = if logit > 0.0 { region } else { 0 };
                    }
                }
            }
        }
        // Cells above 0 need not reach a pixel.
        any && pixels.contains(&region)
    }
}
