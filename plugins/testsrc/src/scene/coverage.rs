//! How much of each object is to be seen.

use super::figure::Shape;

/// A picture of who is where, with a sample for each `step`×`step` pixels.
pub struct Coverage {
    width: i32,
    height: i32,
    step: f32,
    /// Who is seen at each sample: its number, from 1.
    owner: Vec<u16>,
    /// By number: samples of all of it, and samples where it is seen.
    counts: Vec<(u32, u32)>,
    /// Row and first and last sample of what a figure covers.
    spans: Vec<(i32, i32, i32)>,
    crossings: Vec<f32>,
}

/// Pictures of up to this many pixels are sampled at each one.
const FINE_UP_TO: u32 = 320 * 240;
/// Nothing farther outside of the picture than this counts, in its widths and heights.
const REACH: i32 = 2;

impl Coverage {
    /// For pictures of `width`×`height` pixels.
    pub fn new(width: u32, height: u32) -> Self {
        let mut step = 1;
        while (width / step) * (height / step) > FINE_UP_TO * 3 {
            step += 1;
        }
        let (columns, rows) = (width.div_ceil(step), height.div_ceil(step));
        Self {
            width: columns as i32,
            height: rows as i32,
            step: step as f32,
            owner: vec![0; columns as usize * rows as usize],
            counts: Vec::new(),
            spans: Vec::new(),
            crossings: Vec::new(),
        }
    }

    /// An empty picture.
    pub fn clear(&mut self) {
        self.owner.fill(0);
        self.counts.clear();
        self.counts.push((0, 0));
    }

    /// Puts a figure before all others; gives its number.
    pub fn cover(&mut self, shape: &Shape) -> u16 {
        self.collect_spans(shape);
        // Parts overlap: what is covered twice counts once.
        self.spans.sort_unstable();
        let number = self.counts.len() as u16;
        let mut whole = 0;
        let mut seen = 0;
        let mut row = i32::MIN;
        let mut end = 0;
        let spans = std::mem::take(&mut self.spans);
        for &(y, first, last) in &spans {
            if y != row {
                row = y;
                end = i32::MIN;
            }
            let first = first.max(end);
            if last <= first {
                continue;
            }
            end = last;
            whole += (last - first) as u32;
            seen += self.claim(y, first, last, number);
        }
        self.spans = spans;
        self.counts.push((whole, seen));
        number
    }

    /// Samples of a row become `number`'s; gives how many of them are in the picture.
    fn claim(&mut self, y: i32, first: i32, last: i32, number: u16) -> u32 {
        let (first, last) = (first.max(0), last.min(self.width));
        if !(0..self.height).contains(&y) || last <= first {
            return 0;
        }
        let start = (y * self.width) as usize;
        for owner in &mut self.owner[start + first as usize..start + last as usize] {
            if *owner != 0 {
                self.counts[usize::from(*owner)].1 -= 1;
            }
            *owner = number;
        }
        (last - first) as u32
    }

    /// The share of a figure that is to be seen, 0..1: inside of the picture and not hidden.
    pub fn visible(&self, number: u16) -> f32 {
        match self.counts.get(usize::from(number)) {
            Some(&(whole, seen)) if whole > 0 => seen as f32 / whole as f32,
            _ => 0.0,
        }
    }

    /// Scan conversion: samples whose centre is inside of a part, by the even-odd rule.
    fn collect_spans(&mut self, shape: &Shape) {
        self.spans.clear();
        let scale = self.step.recip();
        for (contours, _) in shape.parts() {
            let points = contours.clone().flatten();
            let (low, high) = points.fold((f32::MAX, f32::MIN), |(low, high), &(_, y)| {
                (low.min(y), high.max(y))
            });
            let first = ((low * scale - 0.5).ceil() as i32).max(-REACH * self.height);
            let last = ((high * scale - 0.5).floor() as i32).min((1 + REACH) * self.height);
            for row in first..=last {
                self.scan_row(contours.clone(), row, scale);
            }
        }
    }

    fn scan_row<'a>(
        &mut self,
        contours: impl Iterator<Item = &'a [(f32, f32)]>,
        row: i32,
        scale: f32,
    ) {
        let y = (row as f32 + 0.5) / scale;
        self.crossings.clear();
        for contour in contours {
            let Some(&last) = contour.last() else {
                continue;
            };
            let mut from = last;
            for &to in contour {
                if (from.1 <= y) != (to.1 <= y) {
                    self.crossings
                        .push(from.0 + (y - from.1) / (to.1 - from.1) * (to.0 - from.0));
                }
                from = to;
            }
        }
        self.crossings.sort_unstable_by(f32::total_cmp);
        let limit = (
            (-REACH * self.width) as f32,
            ((1 + REACH) * self.width) as f32,
        );
        for pair in self.crossings.chunks_exact(2) {
            let edge = |x: f32| (x * scale - 0.5).ceil().clamp(limit.0, limit.1) as i32;
            let (first, last) = (edge(pair[0]), edge(pair[1]));
            if first < last {
                self.spans.push((row, first, last));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::figure::rgb;

    fn rectangle(left: f32, top: f32, right: f32, bottom: f32) -> Shape {
        let mut shape = Shape::default();
        shape.polygon(
            [(left, top), (right, top), (right, bottom), (left, bottom)],
            rgb(0, 0, 0),
        );
        shape
    }

    #[test]
    fn what_is_hidden_and_what_is_outside_is_not_seen() {
        let mut coverage = Coverage::new(100, 80);
        coverage.clear();
        let whole = coverage.cover(&rectangle(10.0, 10.0, 20.0, 30.0));
        let hidden_half = coverage.cover(&rectangle(40.0, 10.0, 50.0, 30.0));
        let in_front = coverage.cover(&rectangle(45.0, 0.0, 60.0, 70.0));
        let half_outside = coverage.cover(&rectangle(90.0, 40.0, 110.0, 50.0));
        let outside = coverage.cover(&rectangle(-30.0, -30.0, -10.0, -10.0));
        for (number, visible) in [
            (whole, 1.0),
            (hidden_half, 0.5),
            (in_front, 1.0),
            (half_outside, 0.5),
            (outside, 0.0),
        ] {
            assert!(
                (coverage.visible(number) - visible).abs() < 1e-6,
                "{number}"
            );
        }
    }

    #[test]
    fn parts_that_overlap_count_once_and_holes_do_not_count() {
        let mut coverage = Coverage::new(100, 80);
        coverage.clear();
        let mut shape = rectangle(10.0, 10.0, 30.0, 30.0);
        shape.polygon(
            [(20.0, 10.0), (40.0, 10.0), (40.0, 30.0), (20.0, 30.0)],
            rgb(0, 0, 0),
        );
        let union = coverage.cover(&shape);
        assert_eq!(coverage.counts[usize::from(union)].0, 600);
        let mut frame = Shape::default();
        let square = |a: f32, b: f32| [(a, a), (b, a), (b, b), (a, b)];
        frame.between(square(50.0, 60.0), square(52.0, 58.0), rgb(0, 0, 0));
        let ring = coverage.cover(&frame);
        assert_eq!(coverage.counts[usize::from(ring)].0, 100 - 36);
    }
}
