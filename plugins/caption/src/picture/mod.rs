//! Pictures for a model: small copies of frames, or of parts of them.
//!
//! Making the copy ([`Scaler`]) is what happens on the streaming thread, so that no buffer of
//! upstream's is held. It stays in the frame's own colours, with as little chroma as the frame had:
//! R, G, B ([`Picture::rgb`]), marks and JPEG ([`Rgb`]) are for workers.

mod pool;
mod reference;
mod rgb;
mod scale;
mod sharpness;
pub mod sketch;

use std::sync::{Arc, OnceLock};
use vigil_analytics::frame::color::ColorMap;

use pool::Spare;

pub use rgb::Rgb;
pub use scale::Scaler;
pub use sharpness::sharpness;

/// Smaller pictures are enlarged to this: models refuse, or see nothing on, a few pixels.
pub const LEAST_SIDE: usize = 56;

/// The samples of one colour component of a picture: where they are, and how they are subsampled.
#[derive(Debug, Clone, Copy, Default)]
struct Component {
    start: usize,
    width: usize,
    height: usize,
    sub_x: u32,
    sub_y: u32,
}

impl Component {
    /// The next component of a picture of this size: behind `start`.
    fn new(start: usize, (width, height): (usize, usize), sub_x: u32, sub_y: u32) -> Self {
        Self {
            start,
            width: width.div_ceil(1 << sub_x),
            height: height.div_ceil(1 << sub_y),
            sub_x,
            sub_y,
        }
    }

    fn end(self) -> usize {
        self.start + self.width * self.height
    }

    /// Row `y` of the component, which may be a subsampled one.
    fn row(self, samples: &[u8], y: usize) -> &[u8] {
        let at = self.start + y.min(self.height - 1) * self.width;
        samples.get(at..at + self.width).unwrap_or_default()
    }
}

/// A small picture, and its JPEG once somebody asked for it.
#[derive(Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    components: [Component; 3],
    color: ColorMap,
    samples: Spare,
    jpeg: OnceLock<Result<Arc<str>, String>>,
}

impl Picture {
    /// A picture of `width` × `height` pixels, `rgb` row by row without padding. `None` where the
    /// sizes do not fit.
    pub fn new(width: usize, height: usize, rgb: &[u8]) -> Option<Self> {
        if rgb.len() != width * height * 3 || rgb.is_empty() {
            return None;
        }
        let plane = |i: usize| rgb.iter().skip(i).step_by(3).copied();
        let samples = plane(0).chain(plane(1)).chain(plane(2)).collect();
        let component = |i| Component::new(i * width * height, (width, height), 0, 0);
        Some(Self {
            width,
            height,
            components: [component(0), component(1), component(2)],
            color: ColorMap::rgb(true),
            samples: Spare::own(samples),
            jpeg: OnceLock::new(),
        })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// In R, G, B. For workers.
    pub fn rgb(&self) -> Rgb {
        let mut rgb = Rgb::black(self.width, self.height);
        for y in 0..self.height {
            let [a, b, c] = self
                .components
                .map(|part| (part.row(&self.samples, y >> part.sub_y), part.sub_x));
            let at = |(row, sub_x): (&[u8], u32), x: usize| {
                f32::from(row.get(x >> sub_x).copied().unwrap_or_default())
            };
            for (x, pixel) in rgb.row_mut(y).chunks_exact_mut(3).enumerate() {
                let samples = [at(a, x), at(b, x), at(c, x)];
                for (i, level) in pixel.iter_mut().enumerate() {
                    let m = self.color.m[i];
                    let value = m[0] * samples[0] + m[1] * samples[1] + m[2] * samples[2];
                    *level = (value + self.color.offset[i]).round().clamp(0.0, 255.0) as u8;
                }
            }
        }
        rgb
    }

    /// The picture as base64 of a baseline JPEG. Made once, with the quality (1..100) that is asked
    /// for first, so that a server sees the same bytes again and can use what it has cached.
    ///
    /// # Errors
    /// A side is longer than JPEG allows.
    pub fn jpeg(&self, quality: u8) -> Result<Arc<str>, String> {
        let jpeg = self.jpeg.get_or_init(|| self.rgb().jpeg(quality));
        jpeg.clone()
    }
}

/// The size of a picture of `width` × `height` whose longer side is `most` at most and whose
/// shorter one is [`LEAST_SIDE`] at least, where both can be had.
pub fn fit(width: usize, height: usize, most: usize) -> (usize, usize) {
    let (width, height, most) = (width.max(1), height.max(1), most.max(1));
    let longer = width.max(height);
    let shorter = width.min(height);
    let mut scale = (most as f64 / longer as f64).min(1.0);
    if (shorter as f64) * scale < LEAST_SIDE as f64 {
        scale = (LEAST_SIDE as f64 / shorter as f64).min(most as f64 / longer as f64);
    }
    let side = |n: usize| ((n as f64 * scale).round() as usize).max(1);
    (side(width), side(height))
}

#[cfg(test)]
mod tests;
