//! Rows of a frame as rows of R, G, B.

use super::Chroma;
use super::kernel::{self, Level};
use super::sites::Axis;
use super::{Component, FrameFormat, FrameView};
use vigil_analytics::frame::color::ColorMap;

/// R, G and B of a row, in 8-bit levels.
pub(super) type RgbRow = [Vec<f32>; 3];

/// Columns of a subsampled component at the places of the pixels.
struct Sited {
    index: Vec<u32>,
    frac: Vec<f32>,
}

/// Converts rows, or those of their pixels that are needed.
pub(super) struct Converter {
    frame: FrameFormat,
    color: ColorMap,
    rgb: RgbRow,
    /// The pixels of a row that are needed, by component: where their samples are in it. `None`
    /// for all pixels.
    picked: Option<[Vec<u32>; 3]>,
    /// One row of each component, one sample for each pixel.
    expanded: [Vec<f32>; 3],
    /// For [`Chroma::Linear`]: columns of each component, and a row of its samples.
    sited: Option<[Sited; 3]>,
    samples: Vec<f32>,
}

impl Converter {
    /// A converter of all pixels of a row, or of `pixels` only.
    pub fn new(
        frame: FrameFormat,
        color: ColorMap,
        chroma: Chroma,
        pixels: Option<Vec<u32>>,
    ) -> Self {
        let pixels = pixels.unwrap_or_default();
        let width = if pixels.is_empty() {
            frame.width
        } else {
            pixels.len()
        };
        let row = || vec![0.0f32; width + 1];
        let rgb = || [row(), row(), row()];
        let components = frame.pixels.components();
        let is_subsampled = components.iter().any(|c| c.sub_x + c.sub_y > 0);
        let sited = (chroma == Chroma::Linear && is_subsampled)
            .then(|| components.map(|component| Sited::new(&frame, &component, &pixels)));
        let picked = (!pixels.is_empty()).then(|| {
            components.map(|c| {
                let sample = |x: &u32| (x >> c.sub_x) * c.step as u32;
                pixels.iter().map(sample).collect()
            })
        });
        Self {
            frame,
            color,
            rgb: rgb(),
            expanded: rgb(),
            sited,
            picked,
            samples: vec![0.0; frame.width + 1],
        }
    }

    /// How many pixels a row has. It has room for one more: a second neighbour of the last one, to
    /// be read with a share of 0.
    pub fn width(&self) -> usize {
        self.expanded[0].len() - 1
    }

    /// R, G and B of row `y`.
    pub fn row(&mut self, level: Level, frame: &FrameView, y: usize) -> &RgbRow {
        for c in 0..3 {
            self.expand(level, frame, c, y);
        }
        let [a, b, c] = &self.expanded;
        kernel::color_row(level, &self.color, [a, b, c], &mut self.rgb);
        &self.rgb
    }

    /// One sample of component `c` for each pixel of row `y`.
    fn expand(&mut self, level: Level, frame: &FrameView, c: usize, y: usize) {
        let component = self.frame.pixels.components()[c];
        let width = self.width();
        let out = &mut self.expanded[c][..width];
        match &self.sited {
            Some(sited) if component.sub_x + component.sub_y > 0 => {
                let tap = Axis::y(&self.frame, &component).between(y);
                let samples = self.frame.width.div_ceil(1 << component.sub_x);
                let row = |y| row_of(frame, &component, samples, y);
                let second = row(if tap.frac == 0.0 {
                    tap.first
                } else {
                    tap.first + 1
                });
                for ((out, a), b) in self
                    .samples
                    .iter_mut()
                    .zip(row(tap.first).iter().step_by(component.step))
                    .zip(second.iter().step_by(component.step))
                {
                    *out = f32::from(*a) + (f32::from(*b) - f32::from(*a)) * tap.frac;
                }
                kernel::blend_columns(level, &self.samples, &sited[c].index, &sited[c].frac, out);
            }
            _ => {
                let samples = self.frame.width.div_ceil(1 << component.sub_x);
                let row = row_of(frame, &component, samples, y >> component.sub_y);
                match &self.picked {
                    Some(picked) => kernel::pick(level, row, &picked[c], out),
                    None => kernel::expand_row(level, row, component.step, component.sub_x, out),
                }
            }
        }
    }
}

/// The bytes of a row from its first sample of a component to its last.
fn row_of<'a>(frame: &FrameView<'a>, component: &Component, samples: usize, y: usize) -> &'a [u8] {
    let bytes = (samples - 1) * component.step + component.offset + 1;
    &frame.row(component.plane, y, bytes)[component.offset..]
}

impl Sited {
    /// For the pixels of a row that are needed; all for none named.
    fn new(frame: &FrameFormat, component: &Component, pixels: &[u32]) -> Self {
        let axis = Axis::x(frame, component);
        let taps: Vec<_> = if pixels.is_empty() {
            (0..frame.width).map(|x| axis.between(x)).collect()
        } else {
            pixels.iter().map(|x| axis.between(*x as usize)).collect()
        };
        Self {
            index: taps.iter().map(|tap| tap.first as u32).collect(),
            frac: taps.iter().map(|tap| tap.frac).collect(),
        }
    }
}
