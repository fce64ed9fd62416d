//! An I420 picture to draw on: what decoders give and encoders take, so nothing is converted.
//!
//! Colours are blended in the picture's own colour space. Chroma has half the resolution: a chroma
//! sample takes the mean coverage of the four pixels that share it.

use gst_video::{VideoColorMatrix, VideoColorRange, VideoColorimetry};

use super::stencil::{Art, Runs, StencilRef};
use crate::canvas::Colour;

/// A colour in the picture's colour space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    y: u8,
    u: u8,
    v: u8,
}

impl Ink {
    /// The colour `[red, green, blue]` (ITU-T H.273, §8.3, equations 41 to 46).
    pub fn new([r, g, b]: Colour, colorimetry: &VideoColorimetry) -> Self {
        let (kr, kb) = match colorimetry.matrix() {
            VideoColorMatrix::Bt709 => (0.2126, 0.0722),
            VideoColorMatrix::Bt2020 => (0.2627, 0.0593),
            VideoColorMatrix::Smpte240m => (0.212, 0.087),
            VideoColorMatrix::Fcc => (0.30, 0.11),
            // BT.601, which is what is meant where nothing is said.
            _ => (0.299, 0.114),
        };
        let [r, g, b] = [r, g, b].map(|value| f32::from(value) / 255.0);
        let y = kr * r + (1.0 - kr - kb) * g + kb * b;
        let (cb, cr) = ((b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr)));
        let (black, luma, chroma) = match colorimetry.range() {
            VideoColorRange::Range0_255 => (0.0, 255.0, 255.0),
            _ => (16.0, 219.0, 224.0),
        };
        let code = |value: f32| value.round().clamp(0.0, 255.0) as u8;
        Self {
            y: code(black + luma * y),
            u: code(128.0 + chroma * cb),
            v: code(128.0 + chroma * cr),
        }
    }
}

/// A rectangle in whole pixels; it may reach outside the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

impl Area {
    /// Whether both cover a pixel in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }
}

/// Rows of bytes.
pub struct Plane<'a> {
    /// From the first pixel of the first row on.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

impl Plane<'_> {
    fn row(&mut self, y: usize, from: usize, to: usize) -> &mut [u8] {
        let start = y * self.stride;
        &mut self.data[start + from..start + to]
    }
}

/// What drawing needs beside the picture, kept from one picture to the next.
#[derive(Default)]
pub struct Brush {
    /// Coverage of a row of chroma samples.
    chroma: Vec<u8>,
    /// The same, times four, while it is summed.
    sums: Vec<u16>,
    /// Full coverage for a row of pixels.
    full: Vec<u8>,
}

/// A picture.
pub struct Surface<'a> {
    /// Width in pixels.
    pub width: i32,
    /// Height in pixels.
    pub height: i32,
    luma: Plane<'a>,
    chroma: [Plane<'a>; 2],
    brush: &'a mut Brush,
}

impl<'a> Surface<'a> {
    /// The picture of `width` × `height` pixels in these planes (Y, U, V), whose chroma planes are
    /// half as large each way, rounded up. `None` where the planes are too small for that.
    pub fn new(
        (width, height): (u32, u32),
        [y, u, v]: [Plane<'a>; 3],
        brush: &'a mut Brush,
    ) -> Option<Self> {
        let (w, h) = (width as usize, height as usize);
        let holds = |plane: &Plane, w: usize, h: usize| {
            h > 0 && plane.stride >= w && plane.data.len() >= (h - 1) * plane.stride + w
        };
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        if !holds(&y, w, h) || !holds(&u, cw, ch) || !holds(&v, cw, ch) {
            return None;
        }
        brush.full.resize(w, 255);
        Some(Self {
            width: i32::try_from(width).ok()?,
            height: i32::try_from(height).ok()?,
            luma: y,
            chroma: [u, v],
            brush,
        })
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, area: Area, ink: Ink, alpha: u8) {
        // Borrowed from the brush for the time of drawing.
        let full = std::mem::take(&mut self.brush.full);
        let width = area.w.clamp(0, self.width) as usize;
        let x = area.x.max(0);
        let w = (area.x + area.w).min(self.width) - x;
        if w > 0 {
            self.rows(Area { x, w, ..area }, ink, alpha, |_| &full[..width]);
        }
        self.brush.full = full;
    }

    /// Draws the edges of a rectangle, `thickness` pixels inwards.
    pub fn outline(&mut self, area: Area, thickness: i32, ink: Ink, alpha: u8) {
        let Area { x, y, w, h } = area;
        let t = thickness.min(w / 2).min(h / 2).max(1);
        for (x, y, w, h) in [
            (x, y, w, t),
            (x, y + h - t, w, t),
            (x, y + t, t, h - 2 * t),
            (x + w - t, y + t, t, h - 2 * t),
        ] {
            self.fill(Area { x, y, w, h }, ink, alpha);
        }
    }

    /// Blends `ink` where `stencil` covers, its top left corner at `x`, `y`.
    pub fn stencil(&mut self, stencil: StencilRef<'_>, x: i32, y: i32, ink: Ink, alpha: u8) {
        let area = Area {
            x,
            y,
            w: stencil.width as i32,
            h: stencil.height() as i32,
        };
        self.rows(area, ink, alpha, |row| stencil.row(row));
    }

    /// Blends `ink` where `art` covers. The art was made for a picture of this size.
    pub fn art(&mut self, art: &Art, ink: Ink, alpha: u8) {
        runs(&mut self.luma, &art.luma, ink.y, alpha);
        let [u, v] = &mut self.chroma;
        runs(u, &art.chroma, ink.u, alpha);
        runs(v, &art.chroma, ink.v, alpha);
    }

    /// Blends rows of coverage, each as wide as `area`; `row` is asked for those inside the picture.
    fn rows<'r>(&mut self, area: Area, ink: Ink, alpha: u8, row: impl Fn(usize) -> &'r [u8]) {
        let (x0, x1) = (area.x.max(0), (area.x + area.w).min(self.width));
        let (y0, y1) = (area.y.max(0), (area.y + area.h).min(self.height));
        if x0 >= x1 || y0 >= y1 || alpha == 0 {
            return;
        }
        let skipped = (x0 - area.x) as usize;
        let (from, to) = (x0 as usize, x1 as usize);
        let coverage = |y: i32| &row((y - area.y) as usize)[skipped..skipped + (to - from)];
        for y in y0..y1 {
            blend(
                self.luma.row(y as usize, from, to),
                coverage(y),
                ink.y,
                alpha,
            );
        }
        let Brush { chroma, sums, .. } = &mut *self.brush;
        let (left, right) = (from / 2, to.div_ceil(2));
        for cy in y0 / 2..(y1 + 1) / 2 {
            sums.clear();
            sums.resize(right - left, 0);
            for y in (2 * cy).max(y0)..(2 * cy + 2).min(y1) {
                add_pairs(sums, coverage(y), from % 2 == 1);
            }
            let cut = (x1 == self.width, 2 * cy + 1 == self.height);
            means(sums, to % 2 == 1 && cut.0, cut.1, chroma);
            let cy = cy as usize;
            let [u, v] = &mut self.chroma;
            blend(u.row(cy, left, right), chroma, ink.u, alpha);
            blend(v.row(cy, left, right), chroma, ink.v, alpha);
        }
    }
}

/// Adds the coverage of pixels to the sums of the samples that they share in pairs; the first pixel
/// is the second of its pair where `odd`.
pub fn add_pairs(sums: &mut [u16], coverage: &[u8], odd: bool) {
    let (sums, coverage) = match (odd, coverage.split_first(), sums.split_first_mut()) {
        (true, Some((first, coverage)), Some((sum, sums))) => {
            *sum += u16::from(*first);
            (sums, coverage)
        }
        _ => (sums, coverage),
    };
    for (sum, pair) in sums.iter_mut().zip(coverage.chunks(2)) {
        *sum += pair.iter().map(|value| u16::from(*value)).sum::<u16>();
    }
}

/// Makes sums of coverage into means. A picture of odd size has samples that fewer pixels share: the
/// last one of each row (`last_is_half`), and all of the last row (`all_are_half`).
pub fn means(sums: &mut [u16], last_is_half: bool, all_are_half: bool, out: &mut Vec<u8>) {
    if let (true, Some(last)) = (last_is_half, sums.last_mut()) {
        *last *= 2;
    }
    let share = if all_are_half { 2 } else { 4 };
    out.clear();
    out.extend(sums.iter().map(|sum| ((sum + share / 2) / share) as u8));
}

fn runs(plane: &mut Plane<'_>, runs: &Runs, value: u8, alpha: u8) {
    for (y, x, coverage) in runs.iter() {
        blend(plane.row(y, x, x + coverage.len()), coverage, value, alpha);
    }
}

/// Mixes `value` into `samples`: by `coverage` times `alpha`, both of 255.
fn blend(samples: &mut [u8], coverage: &[u8], value: u8, alpha: u8) {
    /// Divides by 255, rounded, without a division; exact for products of two bytes.
    fn over_255(product: u16) -> u16 {
        let product = product + 128;
        (product + (product >> 8)) >> 8
    }
    let (value, alpha) = (u16::from(value), u16::from(alpha));
    for (sample, coverage) in samples.iter_mut().zip(coverage) {
        let share = over_255(u16::from(*coverage) * alpha);
        *sample = over_255(u16::from(*sample) * (255 - share) + value * share) as u8;
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A grey picture with planes of its own.
    pub struct Picture {
        pub size: (u32, u32),
        pub planes: [Vec<u8>; 3],
        pub brush: Brush,
    }

    impl Picture {
        pub fn new(width: u32, height: u32) -> Self {
            let (cw, ch) = (width.div_ceil(2), height.div_ceil(2));
            let plane = |w: u32, h: u32| vec![128; (w * h) as usize];
            Self {
                size: (width, height),
                planes: [plane(width, height), plane(cw, ch), plane(cw, ch)],
                brush: Brush::default(),
            }
        }

        pub fn surface(&mut self) -> Surface<'_> {
            let stride = self.size.0 as usize;
            let [y, u, v] = &mut self.planes;
            let plane = |data, stride| Plane { data, stride };
            let half = stride.div_ceil(2);
            let planes = [plane(y, stride), plane(u, half), plane(v, half)];
            Surface::new(self.size, planes, &mut self.brush).unwrap()
        }

        pub fn luma(&self, x: u32, y: u32) -> u8 {
            self.planes[0][(y * self.size.0 + x) as usize]
        }

        pub fn chroma(&self, x: u32, y: u32) -> (u8, u8) {
            let at = (y / 2 * self.size.0.div_ceil(2) + x / 2) as usize;
            (self.planes[1][at], self.planes[2][at])
        }

        pub fn is_untouched(&self) -> bool {
            self.planes.iter().flatten().all(|sample| *sample == 128)
        }
    }

    const RED: Ink = Ink {
        y: 82,
        u: 90,
        v: 240,
    };

    fn area(x: i32, y: i32, w: i32, h: i32) -> Area {
        Area { x, y, w, h }
    }

    #[test]
    fn colours_have_the_codes_of_their_standard() {
        gst::init().unwrap();
        for (colour, standard, expected) in [
            ([255, 0, 0], "bt601", [81, 90, 240]),
            ([255, 0, 0], "bt709", [63, 102, 240]),
            ([255, 255, 255], "bt709", [235, 128, 128]),
            ([255, 255, 255], "1:4:0:0", [255, 128, 128]),
            ([0, 0, 0], "bt601", [16, 128, 128]),
        ] {
            let colorimetry = standard.parse::<VideoColorimetry>().unwrap();
            let Ink { y, u, v } = Ink::new(colour, &colorimetry);
            assert_eq!([y, u, v], expected, "{colour:?} in {standard}");
        }
    }

    #[test]
    fn a_rectangle_covers_its_pixels_and_its_share_of_chroma() {
        let mut picture = Picture::new(9, 7);
        picture.surface().fill(area(3, 2, 3, 2), RED, 255);
        for y in 0..7 {
            for x in 0..9 {
                let inside = (3..6).contains(&x) && (2..4).contains(&y);
                let expected = if inside { 82 } else { 128 };
                assert_eq!(picture.luma(x, y), expected, "{x}, {y}");
            }
        }
        assert_eq!(picture.chroma(4, 2), (90, 240));
        // Half of the sample's four pixels: those with x = 3.
        assert_eq!(picture.chroma(2, 2), (109, 184));
        assert_eq!(picture.chroma(6, 2), (128, 128));
        assert_eq!(picture.chroma(4, 4), (128, 128));
    }

    #[test]
    fn what_is_translucent_is_mixed() {
        let mut picture = Picture::new(4, 4);
        picture.surface().fill(area(0, 0, 4, 4), RED, 128);
        assert_eq!(picture.luma(1, 1), 105);
        assert_eq!(picture.chroma(1, 1), (109, 184));
    }

    #[test]
    fn what_is_outside_is_left_out() {
        let mut picture = Picture::new(5, 5);
        for outside in [
            area(-9, 0, 9, 5),
            area(5, 0, 9, 5),
            area(0, -9, 5, 9),
            area(0, 5, 5, 9),
            area(2, 2, 0, 3),
            area(2, 2, -4, -4),
        ] {
            picture.surface().fill(outside, RED, 255);
            picture.surface().outline(outside, 2, RED, 0);
        }
        assert!(picture.is_untouched());
        picture.surface().fill(area(-100, -100, 300, 300), RED, 255);
        assert!(picture.planes[0].iter().all(|sample| *sample == 82));
        assert!(picture.planes[1].iter().all(|sample| *sample == 90));
    }

    #[test]
    fn planes_that_are_too_small_are_refused() {
        let mut brush = Brush::default();
        let [mut y, mut u, mut v] = [vec![0; 15], vec![0; 4], vec![0; 4]];
        let planes =
            [(&mut y, 4), (&mut u, 2), (&mut v, 2)].map(|(data, stride)| Plane { data, stride });
        assert!(Surface::new((4, 4), planes, &mut brush).is_none());
    }
}
