//! Pictures for a model: small RGB copies of frames, or of parts of them.
//!
//! Copying and scaling ([`Scaler`]) is what happens on the streaming thread, so that no buffer of
//! upstream's is held. Marking and JPEG ([`Picture::jpeg`]) are for workers.

mod reference;
mod scale;
mod sharpness;

use base64::Engine;
use std::sync::{Arc, OnceLock};
use vigil_analytics::BBox;

pub use scale::Scaler;
pub use sharpness::sharpness;

/// Smaller pictures are enlarged to this: models refuse, or see nothing on, a few pixels.
pub const LEAST_SIDE: usize = 56;

/// Colour of the box around the object that a question is about, which prompts call red.
const MARK: [u8; 3] = [255, 0, 0];

/// An RGB picture, and its JPEG once somebody asked for it.
#[derive(Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    jpeg: OnceLock<Result<Arc<str>, String>>,
}

impl Picture {
    /// A picture of `width` × `height` pixels, `rgb` row by row without padding. `None` where the
    /// sizes do not fit.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Option<Self> {
        (rgb.len() == width * height * 3 && !rgb.is_empty()).then(|| Self {
            width,
            height,
            rgb,
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

    /// The samples, row by row.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// A copy with an outline around `part`, a box in fractions of the picture.
    #[must_use]
    pub fn marked(&self, part: BBox) -> Self {
        let mut rgb = self.rgb.clone();
        let (w, h) = (self.width as f32, self.height as f32);
        let column = |x: f32| (x * w).clamp(0.0, w - 1.0) as usize;
        let row = |y: f32| (y * h).clamp(0.0, h - 1.0) as usize;
        let (left, right) = (column(part.x), column(part.x + part.w));
        let (top, bottom) = (row(part.y), row(part.y + part.h));
        let line = (self.width.min(self.height) / 120).max(1);
        for y in top..=bottom {
            for x in left..=right {
                let inner = x >= left + line && x + line <= right;
                if inner && y >= top + line && y + line <= bottom {
                    continue;
                }
                let at = (y * self.width + x) * 3;
                if let Some(pixel) = rgb.get_mut(at..at + 3) {
                    pixel.copy_from_slice(&MARK);
                }
            }
        }
        Self {
            rgb,
            jpeg: OnceLock::new(),
            ..*self
        }
    }

    /// The picture as base64 of a baseline JPEG. Made once, with the quality (1..100) that is asked
    /// for first, so that a server sees the same bytes again and can use what it has cached.
    ///
    /// # Errors
    /// A side is longer than JPEG allows.
    pub fn jpeg(&self, quality: u8) -> Result<Arc<str>, String> {
        self.jpeg
            .get_or_init(|| {
                let side = |n: usize| {
                    u16::try_from(n).map_err(|_| format!("{n} pixels are more than JPEG allows"))
                };
                let mut bytes = Vec::new();
                jpeg_encoder::Encoder::new(&mut bytes, quality.clamp(1, 100))
                    .encode(
                        &self.rgb,
                        side(self.width)?,
                        side(self.height)?,
                        jpeg_encoder::ColorType::Rgb,
                    )
                    .map_err(|error| error.to_string())?;
                Ok(base64::engine::general_purpose::STANDARD
                    .encode(bytes)
                    .into())
            })
            .clone()
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
