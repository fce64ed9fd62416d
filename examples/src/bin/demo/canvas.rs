//! The drawing that the contact sheet needs: text, frames, lines and dots on an RGB image, with
//! smooth edges.

use image::{Rgb, RgbImage};

use crate::Result;
use crate::text::{Face, Style};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// A rectangle in pixels: x, y, width, height.
pub type Rect = (i64, i64, i64, i64);

/// An image to draw on.
pub struct Canvas {
    image: RgbImage,
    face: Face,
}

impl Canvas {
    /// A canvas of one colour.
    pub fn new(width: u32, height: u32, colour: Colour) -> Result<Self> {
        Ok(Self {
            image: RgbImage::from_pixel(width, height, Rgb(colour)),
            face: Face::new()?,
        })
    }

    /// The image as it is now.
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// Puts a picture with its top left corner at `x`, `y`.
    pub fn picture(&mut self, picture: &RgbImage, x: i64, y: i64) {
        image::imageops::replace(&mut self.image, picture, x, y);
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, (x, y, w, h): Rect, colour: Colour) {
        for y in y..y + h {
            for x in x..x + w {
                self.blend(x, y, colour, 1.0);
            }
        }
    }

    /// Draws the edges of a rectangle, `thickness` pixels inwards, within `clip`.
    pub fn outline(&mut self, rect: Rect, thickness: i64, colour: Colour, alpha: f32, clip: Rect) {
        let (x, y, w, h) = rect;
        let t = thickness.min(w / 2).min(h / 2).max(1);
        for (x, y, w, h) in [
            (x, y, w, t),
            (x, y + h - t, w, t),
            (x, y + t, t, h - 2 * t),
            (x + w - t, y + t, t, h - 2 * t),
        ] {
            let (x0, x1) = (x.max(clip.0), (x + w).min(clip.0 + clip.2));
            let (y0, y1) = (y.max(clip.1), (y + h).min(clip.1 + clip.3));
            for y in y0..y1 {
                for x in x0..x1 {
                    self.blend(x, y, colour, alpha);
                }
            }
        }
    }

    /// Draws a line of `width` pixels between two points, within `clip`.
    pub fn line(
        &mut self,
        (from, to): ((f32, f32), (f32, f32)),
        width: f32,
        colour: Colour,
        alpha: f32,
        clip: Rect,
    ) {
        let reach = width / 2.0 + 1.0;
        let range = |a: f32, b: f32, start: i64, size: i64| {
            let low = (a.min(b) - reach).floor() as i64;
            let high = (a.max(b) + reach).ceil() as i64;
            low.max(start)..high.min(start + size)
        };
        for y in range(from.1, to.1, clip.1, clip.3) {
            for x in range(from.0, to.0, clip.0, clip.2) {
                let distance = distance((x as f32 + 0.5, y as f32 + 0.5), from, to);
                let coverage = (width / 2.0 + 0.5 - distance).clamp(0.0, 1.0);
                self.blend(x, y, colour, coverage * alpha);
            }
        }
    }

    /// Draws a disc around a point.
    pub fn dot(&mut self, centre: (f32, f32), radius: f32, colour: Colour) {
        let (width, height) = self.image.dimensions();
        let all = (0, 0, i64::from(width), i64::from(height));
        self.line((centre, centre), radius * 2.0, colour, 1.0, all);
    }

    /// Writes text with its top left corner at `x`, `y`; returns where it ends.
    pub fn text(&mut self, text: &str, x: f32, y: f32, size: f32, colour: Colour) -> f32 {
        let Self { image, face } = self;
        let style = Style { size, bold: 0.0 };
        face.draw(text, (x, y), style, |glyph, x, y| {
            let rows = glyph.coverage.chunks_exact(glyph.width);
            for (y, row) in (i64::from(y)..).zip(rows) {
                for (x, coverage) in (i64::from(x)..).zip(row) {
                    blend(image, x, y, colour, f32::from(*coverage) / 255.0);
                }
            }
        })
    }

    /// Width of a text in pixels.
    pub fn text_width(&self, text: &str, size: f32) -> f32 {
        self.face.width(text, size)
    }

    /// As much of a text as fits into `width`, with an ellipsis where that is not all.
    pub fn fit(&self, text: &str, size: f32, width: f32) -> String {
        self.face.fit(text, size, width)
    }

    fn blend(&mut self, x: i64, y: i64, colour: Colour, alpha: f32) {
        blend(&mut self.image, x, y, colour, alpha);
    }
}

fn blend(image: &mut RgbImage, x: i64, y: i64, colour: Colour, alpha: f32) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
        return;
    };
    if let Some(pixel) = image.get_pixel_mut_checked(x, y) {
        for (under, over) in pixel.0.iter_mut().zip(colour) {
            let mixed = f32::from(*under) * (1.0 - alpha) + f32::from(over) * alpha;
            *under = mixed.round().clamp(0.0, 255.0) as u8;
        }
    }
}

/// Distance of a point to a segment.
fn distance(point: (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length2 = dx * dx + dy * dy;
    let along = ((point.0 - from.0) * dx + (point.1 - from.1) * dy) / length2.max(f32::EPSILON);
    let along = along.clamp(0.0, 1.0);
    (point.0 - from.0 - along * dx).hypot(point.1 - from.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_outside_the_canvas_is_harmless() {
        let mut canvas = Canvas::new(4, 4, [0; 3]).unwrap();
        let all = (-100, -100, 200, 200);
        canvas.fill((-5, -5, 20, 20), [9; 3]);
        canvas.outline((-5, 2, 20, 20), 3, [9; 3], 1.0, all);
        canvas.line(((-9.0, 2.0), (9.0, 2.0)), 2.0, [9; 3], 1.0, all);
        canvas.dot((0.0, 0.0), 9.0, [9; 3]);
        canvas.text("outside", -3.0, -9.0, 30.0, [9; 3]);
        assert!(canvas.image().pixels().all(|pixel| pixel.0 == [9; 3]));
    }
}
