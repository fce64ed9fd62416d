//! From shapes to pixels.

use super::figure::{Color, Shape};
use tiny_skia::{FillRule, Paint, Path, PathBuilder, PixmapMut, Transform};

/// Fills shapes, anti-aliased; keeps the memory of its paths.
#[derive(Default)]
pub struct Brush {
    spare: Option<Path>,
    /// Factors of red, green and blue: the light of the day.
    tint: Option<[f32; 3]>,
}

impl Brush {
    /// A brush in the light of 0 (night) to 1 (day).
    pub fn in_light(light: f64) -> Self {
        Self {
            spare: None,
            tint: Some(tint(light)),
        }
    }

    /// Fills all parts of `shape`, moved by `offset` pixels. A part that has its own light (a lamp)
    /// is painted as it is.
    pub fn fill(&mut self, shape: &Shape, offset: (f32, f32), canvas: &mut PixmapMut) {
        let mut paint = Paint {
            anti_alias: true,
            ..Paint::default()
        };
        for (contours, color) in shape.parts() {
            let mut builder = self.spare.take().map_or_else(PathBuilder::new, Path::clear);
            for contour in contours {
                for (index, &(x, y)) in contour.iter().enumerate() {
                    let (x, y) = (x + offset.0, y + offset.1);
                    if index == 0 {
                        builder.move_to(x, y)
                    } else {
                        builder.line_to(x, y)
                    }
                }
                builder.close();
            }
            let Some(path) = builder.finish() else {
                continue;
            };
            let Color {
                rgb: [r, g, b],
                alpha,
            } = self.lit(color);
            paint.set_color_rgba8(r, g, b, alpha);
            canvas.fill_path(
                &path,
                &paint,
                FillRule::EvenOdd,
                Transform::identity(),
                None,
            );
            self.spare = Some(path);
        }
    }

    fn lit(&self, color: Color) -> Color {
        let Some(tint) = self.tint else { return color };
        // Lamps shine.
        if color.rgb[0] == 255 {
            return color;
        }
        let mut rgb = color.rgb;
        for (level, factor) in rgb.iter_mut().zip(tint) {
            *level = (f32::from(*level) * factor).round() as u8;
        }
        Color { rgb, ..color }
    }
}

/// What is left of red, green and blue in the light of 0 (night, bluish) to 1 (day).
pub fn tint(light: f64) -> [f32; 3] {
    let light = light.clamp(0.0, 1.0) as f32;
    [0.22, 0.25, 0.33].map(|night| night + (1.0 - night) * light)
}
