//! Text as coverage of pixels: laid out by the font's own metrics, with each glyph's picture made
//! once and kept.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont};
use std::collections::HashMap;

use crate::Result;
use crate::overlay::StencilRef;

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Height of the font in pixels.
    pub size: f32,
    /// How much fatter than the font it is, in pixels: for small text on video.
    pub bold: f32,
}

/// The picture of a glyph.
#[derive(Debug, Default)]
pub struct Glyph {
    /// From the pen's position, rounded down, to the left edge.
    left: i32,
    /// From the baseline to the top edge.
    top: i32,
    /// Width in pixels.
    pub width: usize,
    /// Coverage, row by row.
    pub coverage: Vec<u8>,
}

impl Glyph {
    /// As it is drawn.
    pub fn view(&self) -> StencilRef<'_> {
        StencilRef {
            width: self.width,
            coverage: &self.coverage,
        }
    }
}

/// What decides a glyph's picture: sizes in 64ths of a pixel, the pen's fraction of a pixel in
/// quarters.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    glyph: u16,
    size: u16,
    bold: u8,
    phase: u8,
}

/// The font, with the glyphs that were drawn so far.
pub struct Face {
    font: FontRef<'static>,
    glyphs: HashMap<Key, Glyph>,
}

impl Face {
    /// The font that is built in.
    pub fn new() -> Result<Self> {
        Ok(Self {
            font: FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT)?,
            glyphs: HashMap::new(),
        })
    }

    /// Lays out text with its top left corner at `x`, `y`, gives `paint` each glyph with the place
    /// of its top left corner, and returns where the text ends.
    pub fn draw(
        &mut self,
        text: &str,
        (x, y): (f32, f32),
        style: Style,
        mut paint: impl FnMut(&Glyph, i32, i32),
    ) -> f32 {
        let Self { font, glyphs } = self;
        let scaled = font.as_scaled(PxScale::from(style.size));
        let baseline = (y + scaled.ascent()).round() as i32;
        let mut pen = x;
        let mut last = None;
        for c in text.chars() {
            let id = font.glyph_id(c);
            if let Some(last) = last {
                pen += scaled.kern(last, id);
            }
            let phase = ((pen - pen.floor()) * 4.0) as u8;
            let key = Key {
                glyph: id.0,
                size: (style.size * 64.0) as u16,
                bold: (style.bold * 64.0) as u8,
                phase,
            };
            let glyph = glyphs
                .entry(key)
                .or_insert_with(|| picture(font, id, style, f32::from(phase) / 4.0));
            if glyph.width > 0 {
                paint(glyph, pen.floor() as i32 + glyph.left, baseline + glyph.top);
            }
            pen += scaled.h_advance(id);
            last = Some(id);
        }
        pen
    }

    /// Width of a text in pixels.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        let scaled = self.font.as_scaled(PxScale::from(size));
        let mut width = 0.0;
        let mut last = None;
        for c in text.chars() {
            let id = scaled.glyph_id(c);
            width += last.map_or(0.0, |last| scaled.kern(last, id)) + scaled.h_advance(id);
            last = Some(id);
        }
        width
    }

    /// As much of a text as fits into `width`, with an ellipsis where that is not all.
    pub fn fit(&self, text: &str, size: f32, width: f32) -> String {
        if self.width(text, size) <= width {
            return text.to_owned();
        }
        let mut short = text.to_owned();
        while short.pop().is_some() {
            let candidate = format!("{}…", short.trim_end());
            if self.width(&candidate, size) <= width {
                return candidate;
            }
        }
        String::new()
    }
}

/// Draws a glyph whose pen is `phase` of a pixel right of a whole one.
fn picture(font: &FontRef<'_>, id: GlyphId, style: Style, phase: f32) -> Glyph {
    let outline = |x: f32| {
        let glyph = id.with_scale_and_position(style.size, ab_glyph::point(x, 0.0));
        font.outline_glyph(glyph)
    };
    let Some(thin) = outline(phase) else {
        return Glyph::default(); // A space.
    };
    let bounds = thin.px_bounds();
    let (left, top) = (bounds.min.x as i32, bounds.min.y as i32);
    let width = (bounds.width() + style.bold.ceil()) as usize;
    let height = bounds.height() as usize;
    let mut coverage = vec![0u8; width * height];
    let mut put = |outline: &ab_glyph::OutlinedGlyph| {
        let shift = outline.px_bounds().min.x as i32 - left;
        outline.draw(|x, y, covered| {
            let (x, y) = (x as usize + shift.max(0) as usize, y as usize);
            if x < width && y < height {
                // The light face is thin on a dark ground: a little more of it reads better.
                let covered = (covered.clamp(0.0, 1.0).powf(0.75) * 255.0) as u8;
                let pixel = &mut coverage[y * width + x];
                *pixel = (*pixel).max(covered);
            }
        });
    };
    put(&thin);
    if style.bold > 0.0 {
        // Each stroke is as much wider as the second picture is shifted.
        [0.5, 1.0]
            .iter()
            .filter_map(|part| outline(phase + style.bold * part))
            .for_each(|shifted| put(&shifted));
    }
    Glyph {
        left,
        top,
        width,
        coverage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ink(bold: f32) -> (u64, f32) {
        let mut face = Face::new().unwrap();
        let mut sum = 0;
        let style = Style { size: 16.0, bold };
        let end = face.draw("person 7", (3.3, 0.0), style, |glyph, x, y| {
            assert!(x >= 2 && y >= 0 && glyph.coverage.len() % glyph.width == 0);
            sum += glyph.coverage.iter().map(|c| u64::from(*c)).sum::<u64>();
        });
        (sum, end)
    }

    #[test]
    fn bold_text_has_more_ink_in_the_same_room() {
        let (thin, end) = ink(0.0);
        let (fat, same_end) = ink(0.6);
        assert!(fat > thin * 5 / 4, "{fat} of {thin}");
        assert_eq!(end, same_end);
    }

    #[test]
    fn width_is_where_the_text_ends() {
        let mut face = Face::new().unwrap();
        for text in ["", "person 7", "AVAVA Te", "…"] {
            let style = Style {
                size: 20.0,
                bold: 0.0,
            };
            let end = face.draw(text, (10.0, 5.0), style, |_, _, _| {});
            assert!((end - 10.0 - face.width(text, 20.0)).abs() < 1e-3, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_shortened() {
        let face = Face::new().unwrap();
        let text = "a name that is much too long";
        let fitted = face.fit(text, 16.0, 80.0);
        assert!(fitted.ends_with('…') && text.starts_with(fitted.trim_end_matches('…')));
        assert!(face.width(&fitted, 16.0) <= 80.0);
        assert_eq!(face.fit("short", 16.0, 80.0), "short");
    }
}
