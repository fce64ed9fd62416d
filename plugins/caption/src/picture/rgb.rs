//! Pictures in R, G, B: what is outlined in them, and JPEG. For workers.

use base64::Engine;
use std::sync::Arc;
use vigil_analytics::BBox;

/// Colour of the box around the object that a question is about, which prompts call red.
pub(super) const MARK: [u8; 3] = [255, 0, 0];

/// A picture in R, G, B.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Rgb {
    pub(super) fn black(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            data: vec![0; width * height * 3],
        }
    }

    /// The levels, row by row.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    pub(super) fn row_mut(&mut self, y: usize) -> &mut [u8] {
        let row = self.width * 3;
        self.data
            .get_mut(y * row..(y + 1) * row)
            .unwrap_or_default()
    }

    /// With an outline around `part`, a box in fractions of the picture.
    #[must_use]
    pub fn marked(mut self, part: BBox) -> Self {
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
                if let Some(pixel) = self.data.get_mut(at..at + 3) {
                    pixel.copy_from_slice(&MARK);
                }
            }
        }
        self
    }

    /// As base64 of a baseline JPEG of this quality, 1..100.
    ///
    /// # Errors
    /// A side is longer than JPEG allows.
    pub fn jpeg(&self, quality: u8) -> Result<Arc<str>, String> {
        let side = |n: usize| {
            u16::try_from(n).map_err(|_| format!("{n} pixels are more than JPEG allows"))
        };
        let mut bytes = Vec::new();
        jpeg_encoder::Encoder::new(&mut bytes, quality.clamp(1, 100))
            .encode(
                &self.data,
                side(self.width)?,
                side(self.height)?,
                jpeg_encoder::ColorType::Rgb,
            )
            .map_err(|error| error.to_string())?;
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        Ok(text.into())
    }
}
