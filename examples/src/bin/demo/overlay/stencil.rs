//! Coverage of pixels, 0 to 255: what a shape is before it has a colour.
//!
//! [`tiny_skia`] turns paths into coverage. A [`Stencil`] can be put anywhere; [`Art`] is made for
//! one place of one picture and keeps only what covers, for what is drawn on every frame.

use std::collections::HashMap;
use tiny_skia::{FillRule, Mask, Path, PathBuilder, Stroke, Transform};

use super::surface::{add_pairs, means};

/// A point in pixels.
pub type Point = (f32, f32);

/// Rows of coverage.
#[derive(Debug, Clone, Default)]
pub struct Stencil {
    /// Width in pixels; never 0 where there is coverage.
    pub width: usize,
    /// Row by row.
    pub coverage: Vec<u8>,
}

/// A stencil that is somebody else's.
#[derive(Debug, Clone, Copy)]
pub struct StencilRef<'a> {
    /// Width in pixels.
    pub width: usize,
    /// Row by row.
    pub coverage: &'a [u8],
}

impl Stencil {
    /// As it is drawn.
    pub fn view(&self) -> StencilRef<'_> {
        StencilRef {
            width: self.width,
            coverage: &self.coverage,
        }
    }
}

impl<'a> StencilRef<'a> {
    /// Height in pixels.
    pub fn height(self) -> usize {
        self.coverage.len().checked_div(self.width).unwrap_or(0)
    }

    /// The coverage of a row.
    pub fn row(self, y: usize) -> &'a [u8] {
        &self.coverage[y * self.width..(y + 1) * self.width]
    }
}

/// Pieces of rows that cover something.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    /// Row, first column, where its coverage starts and ends.
    pieces: Vec<(usize, usize, usize, usize)>,
    coverage: Vec<u8>,
}

impl Runs {
    /// Row, first column and coverage of each piece.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize, &[u8])> {
        let piece = |&(y, x, from, to)| (y, x, &self.coverage[from..to]);
        self.pieces.iter().map(piece)
    }

    /// Adds what a row covers, which begins at column `x`.
    fn add(&mut self, y: usize, x: usize, row: &[u8]) {
        let mut at = 0;
        for piece in row.split(|coverage| *coverage == 0) {
            if !piece.is_empty() {
                let from = self.coverage.len();
                self.coverage.extend_from_slice(piece);
                self.pieces.push((y, x + at, from, self.coverage.len()));
            }
            at += piece.len() + 1;
        }
    }
}

/// A shape in its place on a picture, in both of I420's resolutions.
#[derive(Debug, Clone, Default)]
pub struct Art {
    /// Of pixels.
    pub luma: Runs,
    /// Of chroma samples.
    pub chroma: Runs,
}

impl Art {
    /// The inside of a polygon on a picture of this size.
    pub fn polygon(points: &[Point], size: (u32, u32)) -> Self {
        path(points, true).map_or_else(Self::default, |path| Self::of(&path, size))
    }

    /// A line of `width` pixels through points, back to the first where `closed`.
    pub fn line(points: &[Point], closed: bool, width: f32, size: (u32, u32)) -> Self {
        let stroke = Stroke {
            width,
            line_cap: tiny_skia::LineCap::Round,
            line_join: tiny_skia::LineJoin::Round,
            ..Stroke::default()
        };
        path(points, closed)
            .and_then(|path| path.stroke(&stroke, 1.0))
            .map_or_else(Self::default, |path| Self::of(&path, size))
    }

    fn of(path: &Path, size: (u32, u32)) -> Self {
        let bounds = path.bounds();
        // Its part inside the picture, from an even corner, so that pixels and samples agree.
        let even = |v: f32| (v.max(0.0) as u32) / 2 * 2;
        let (x, y) = (even(bounds.left() - 1.0), even(bounds.top() - 1.0));
        let end = |v: f32, size: u32| ((v + 2.0).max(0.0) as u32).min(size);
        let right = end(bounds.right(), size.0);
        let bottom = end(bounds.bottom(), size.1);
        let (w, h) = (right.saturating_sub(x), bottom.saturating_sub(y));
        let Some(stencil) = rasterise(path, (x as f32, y as f32), (w, h)) else {
            return Self::default();
        };
        let (view, x, y) = (stencil.view(), x as usize, y as usize);
        let mut this = Self::default();
        for row in 0..view.height() {
            this.luma.add(y + row, x, view.row(row));
        }
        let (mut sums, mut samples) = (Vec::new(), Vec::new());
        for row in (0..view.height()).step_by(2) {
            sums.clear();
            sums.resize(view.width.div_ceil(2), 0u16);
            for row in row..(row + 2).min(view.height()) {
                add_pairs(&mut sums, view.row(row), false);
            }
            let cut = (
                x + view.width == size.0 as usize,
                y + row + 1 == size.1 as usize,
            );
            means(&mut sums, view.width % 2 == 1 && cut.0, cut.1, &mut samples);
            this.chroma.add((y + row) / 2, x / 2, &samples);
        }
        this
    }
}

/// Rounded rectangles, by size and radius, made when first asked for.
#[derive(Default)]
pub struct Plates {
    made: HashMap<(u32, u32, u32), Stencil>,
}

impl Plates {
    /// More than a picture needs; sizes follow from texts, which may be of any number.
    const MOST: usize = 256;

    /// A rectangle with rounded corners.
    pub fn get(&mut self, width: i32, height: i32, radius: i32) -> StencilRef<'_> {
        let [w, h, r] = [width, height, radius].map(|v| v.max(0) as u32);
        if self.made.len() >= Self::MOST {
            self.made.clear();
        }
        let plate = self.made.entry((w, h, r));
        plate.or_insert_with(|| rounded(w, h, r)).view()
    }
}

fn rounded(width: u32, height: u32, radius: u32) -> Stencil {
    let (w, h) = (width as f32, height as f32);
    let r = (radius as f32).min(w / 2.0).min(h / 2.0);
    // Of a quarter of a circle: the distance of a Bézier curve's handle from its end.
    let k = r * (1.0 - 0.552_284_8);
    let mut path = PathBuilder::new();
    path.move_to(r, 0.0);
    path.line_to(w - r, 0.0);
    path.cubic_to(w - k, 0.0, w, k, w, r);
    path.line_to(w, h - r);
    path.cubic_to(w, h - k, w - k, h, w - r, h);
    path.line_to(r, h);
    path.cubic_to(k, h, 0.0, h - k, 0.0, h - r);
    path.line_to(0.0, r);
    path.cubic_to(0.0, k, k, 0.0, r, 0.0);
    path.close();
    path.finish()
        .and_then(|path| rasterise(&path, (0.0, 0.0), (width, height)))
        .unwrap_or_default()
}

fn path(points: &[Point], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, others) = points.split_first()?;
    path.move_to(first.0, first.1);
    for (x, y) in others {
        path.line_to(*x, *y);
    }
    if closed {
        path.close();
    }
    path.finish()
}

/// The coverage of a path in a rectangle of this corner and size; `None` where that is empty.
fn rasterise(path: &Path, (x, y): Point, (w, h): (u32, u32)) -> Option<Stencil> {
    let mut mask = Mask::new(w, h)?;
    let shift = Transform::from_translate(-x, -y);
    mask.fill_path(path, FillRule::Winding, true, shift);
    Some(Stencil {
        width: w as usize,
        coverage: mask.take(),
    })
}

/// Draws a line with round ends into `stencil`, whose top left corner is at `origin`, where it
/// covers more than what is there: lines that meet leave no seam.
pub fn draw_line(
    stencil: &mut Stencil,
    origin: (i32, i32),
    (from, to): (Point, Point),
    width: f32,
    strength: f32,
) {
    let (columns, rows) = (stencil.width, stencil.view().height());
    let shift = |(x, y): Point| (x - origin.0 as f32, y - origin.1 as f32);
    let (from, to) = (shift(from), shift(to));
    let reach = width / 2.0 + 1.0;
    let range = |a: f32, b: f32, size: usize| {
        let low = (a.min(b) - reach).floor().max(0.0) as usize;
        let high = (a.max(b) + reach).ceil().max(0.0) as usize;
        low..high.min(size)
    };
    let across = range(from.0, to.0, columns);
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let scale = 1.0 / (dx * dx + dy * dy).max(f32::EPSILON);
    for y in range(from.1, to.1, rows) {
        let row = &mut stencil.coverage[y * columns..(y + 1) * columns];
        let py = y as f32 + 0.5 - from.1;
        for x in across.clone() {
            let px = x as f32 + 0.5 - from.0;
            let along = ((px * dx + py * dy) * scale).clamp(0.0, 1.0);
            let (ox, oy) = (px - along * dx, py - along * dy);
            let distance = (ox * ox + oy * oy).sqrt();
            let covered = (width / 2.0 + 0.5 - distance).clamp(0.0, 1.0);
            let value = (covered * strength * 255.0) as u8;
            row[x] = row[x].max(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(runs: &Runs) -> usize {
        runs.iter().map(|(_, _, coverage)| coverage.len()).sum()
    }

    #[test]
    fn art_covers_its_shape_and_nothing_else() {
        let square = [(3.0, 5.0), (13.0, 5.0), (13.0, 11.0), (3.0, 11.0)];
        let art = Art::polygon(&square, (64, 64));
        let rows: Vec<_> = art.luma.iter().map(|(y, x, c)| (y, x, c.len())).collect();
        assert_eq!(rows, (5..11).map(|y| (y, 3, 10)).collect::<Vec<_>>());
        assert!(art.luma.iter().all(|(_, _, c)| c.iter().all(|c| *c == 255)));
        // Columns 3 to 12 touch samples 1 to 6, rows 5 to 10 samples 2 to 5.
        let samples: Vec<_> = art.chroma.iter().map(|(y, x, c)| (y, x, c.len())).collect();
        assert_eq!(samples, (2..6).map(|y| (y, 1, 6)).collect::<Vec<_>>());
    }

    #[test]
    fn shapes_that_reach_outside_are_cut_off() {
        for points in [
            [
                (-50.0, -50.0),
                (200.0, -50.0),
                (200.0, 200.0),
                (-50.0, 200.0),
            ],
            [(-1e6, -1e6), (1e6, -1e6), (1e6, 1e6), (-1e6, 1e6)],
        ] {
            let art = Art::polygon(&points, (33, 17));
            assert_eq!(covered(&art.luma), 33 * 17);
            assert_eq!(covered(&art.chroma), 17 * 9);
        }
        let outside = [(100.0, 0.0), (120.0, 0.0), (120.0, 20.0)];
        assert_eq!(covered(&Art::polygon(&outside, (64, 64)).luma), 0);
        assert_eq!(
            covered(&Art::line(&[(-9.0, -9.0)], false, 3.0, (8, 8)).luma),
            0
        );
    }

    #[test]
    fn a_rounded_rectangle_lacks_its_corners() {
        let mut plates = Plates::default();
        let plate = plates.get(20, 10, 4);
        assert_eq!((plate.width, plate.height()), (20, 10));
        assert!(plate.row(0)[0] < 40 && plate.row(9)[19] < 40);
        assert!(plate.row(0)[10] > 250 && plate.row(5)[0] > 250);
        for (w, h) in [(0, 5), (5, 0), (-3, 4), (1, 1)] {
            plates.get(w, h, 4);
        }
    }

    #[test]
    fn lines_that_meet_leave_no_seam() {
        let mut stencil = Stencil {
            width: 30,
            coverage: vec![0; 300],
        };
        for (from, to) in [((2.0, 5.0), (15.0, 5.0)), ((15.0, 5.0), (28.0, 5.0))] {
            draw_line(&mut stencil, (0, 0), (from, to), 4.0, 0.5);
        }
        let middle = &stencil.view().row(5)[4..26];
        assert!(middle.iter().all(|coverage| *coverage == 127), "{middle:?}");
        draw_line(
            &mut stencil,
            (0, 0),
            ((-50.0, 99.0), (99.0, -50.0)),
            4.0,
            1.0,
        );
    }
}
