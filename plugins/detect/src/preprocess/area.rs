//! Frame to tensor where it shrinks by more than 2: each output sample is the mean of the area that
//! it covers, as `cv2.resize` with `INTER_AREA` has it.
//!
//! Between two neighbours, as [`bilinear`](super::bilinear) has it, nothing is passed over up to a
//! factor of 2, where both ways give the same; beyond it whole rows and columns are, and what is
//! thin flickers. So it goes by axis: one that shrinks by more than 2 is covered (a box filter as
//! wide as the factor), any other one has two neighbours.
//!
//! A mean of colours is the colour of the means, but for what is clamped. So the components are
//! averaged as they are, each in its own plane with the chroma that its pixels have ([`Taps`]), and
//! only then become R, G and B: of 4:2:0 that is half the samples to read, and a colour for each
//! output sample only. First come the rows of a plane, all its bytes alike, then the columns.
//!
//! Weights are whole 16384ths, sums exact, rows are kept in 128ths of a level; what comes out has
//! fractions of a level.

use super::kernel::{self, Level};
use super::letterbox::Letterbox;
use super::sites::Axis;
use super::taps::Taps;
use super::{Affine, Chroma};
use super::{FrameFormat, FrameView};
use vigil_analytics::frame::color::ColorMap;

/// The rows of one plane.
struct Rows {
    taps: Taps,
    /// Weighed bytes of a row.
    sums: Vec<i32>,
}

/// The columns of one component.
struct Columns {
    plane: usize,
    offset: usize,
    step: usize,
    taps: Taps,
    /// How many samples a row has.
    samples: usize,
    /// They, and zeros as far as weights reach.
    row: Vec<i16>,
    means: Vec<f32>,
}

/// What depends on the sizes and formats only.
pub(super) struct Area {
    letterbox: Letterbox,
    /// `None` where samples are R, G, B in 0..255.
    color: Option<ColorMap>,
    rows: Vec<Rows>,
    columns: [Columns; 3],
}

impl Area {
    pub fn new(frame: &FrameFormat, letterbox: Letterbox, chroma: Chroma) -> Self {
        let (width, height) = (letterbox.content.0 as usize, letterbox.content.1 as usize);
        let components = frame.pixels.components();
        let rows_of = |plane: usize| {
            // The components of a plane have the same rows.
            let component = components.iter().find(|c| c.plane == plane)?;
            let (bytes, _) = frame.pixels.plane_size(plane, frame.width, frame.height);
            Some(Rows {
                taps: Taps::new(Axis::y(frame, component), chroma, height),
                sums: vec![0; bytes],
            })
        };
        let columns = components.map(|component| {
            let axis = Axis::x(frame, &component);
            let taps = Taps::new(axis, chroma, width);
            Columns {
                plane: component.plane,
                offset: component.offset,
                step: component.step,
                samples: axis.samples,
                row: vec![0; axis.samples + taps.each()],
                taps,
                means: vec![0.0; width],
            }
        });
        let color = ColorMap::of(frame);
        Self {
            letterbox,
            color: (!color.is_identity()).then_some(color),
            rows: (0..frame.pixels.planes()).filter_map(rows_of).collect(),
            columns,
        }
    }

    /// Fills the picture's part of the planes R, G, B, whose rows are `width` apart; `affine` is for
    /// R, G, B too.
    pub fn run(
        &mut self,
        level: Level,
        frame: &FrameView,
        affine: [Affine; 3],
        width: usize,
        [red, green, blue]: [&mut [f32]; 3],
    ) {
        let Letterbox {
            offset, content, ..
        } = self.letterbox;
        let place = |y: usize| {
            let at = (offset.1 as usize + y) * width + offset.0 as usize;
            at..at + content.0 as usize
        };
        for y in 0..content.1 as usize {
            self.average(level, frame, y);
            let place = place(y);
            let out = [
                &mut red[place.clone()],
                &mut green[place.clone()],
                &mut blue[place],
            ];
            let means = self.columns.each_ref().map(|c| c.means.as_slice());
            match &self.color {
                Some(color) => kernel::area::store_colors(level, color, means, affine, out),
                None => {
                    for ((means, affine), out) in means.into_iter().zip(affine).zip(out) {
                        kernel::area::store_means(level, means, affine, out);
                    }
                }
            }
        }
    }

    /// Makes the means of the samples that output row `y` covers.
    fn average(&mut self, level: Level, frame: &FrameView, y: usize) {
        for (plane, rows) in self.rows.iter_mut().enumerate() {
            let bytes = rows.sums.len();
            for (number, (samples, weights)) in rows.taps.fours(y).enumerate() {
                let samples = samples.map(|y| frame.row(plane, y, bytes));
                kernel::area::add_rows(level, samples, weights, number == 0, &mut rows.sums);
            }
        }
        for columns in &mut self.columns {
            let sums = &self.rows[columns.plane].sums[columns.offset..];
            let row = &mut columns.row[..columns.samples];
            kernel::area::narrow(level, sums, columns.step, row);
            let taps = &columns.taps;
            let (first, weights, each) = (taps.first(), taps.weights(), taps.each());
            let (row, means) = (&columns.row, &mut columns.means);
            kernel::area::weigh_columns(level, row, first, weights, each, means);
        }
    }
}
