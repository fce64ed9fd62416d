//! A correlation filter: answers a patch with a hill where the learned picture is. It is that of
//! Bolme, Beveridge, Draper, Lui, "Visual object tracking using adaptive correlation filters"
//! (MOSSE), CVPR 2010.

use super::fft::{AREA, Fft, Grid, Plane, SIDE, ZERO};

/// What a track looks like: 12 KiB.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    /// Wanted response times learned pictures.
    product: Grid,
    /// Energy of learned pictures.
    energy: Plane,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            product: Grid::ZERO,
            energy: ZERO,
        }
    }
}

/// Where a learned picture was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    /// How far to the right of the middle of the patch, in numbers of the patch.
    pub dx: f32,
    /// How far below the middle.
    pub dy: f32,
    /// How much higher the hill is than what is around it, in standard deviations of that: the
    /// peak-to-sidelobe ratio.
    pub psr: f32,
}

/// Numbers that belong to the hill on each side of its top.
const HILL: usize = 5;

impl Filter {
    /// Takes over this share (0..1) of a picture, given as its spectrum. `wanted` is the spectrum
    /// of the wanted response, a [`hill`]; it is real.
    pub fn learn(&mut self, picture: &Grid, wanted: &Plane, rate: f32) {
        let kept = 1.0 - rate;
        for (y, wanted) in wanted.iter().enumerate() {
            let (product_re, product_im) = (&mut self.product.re[y], &mut self.product.im[y]);
            let (re, im) = (&picture.re[y], &picture.im[y]);
            for x in 0..SIDE {
                let share = rate * wanted[x];
                product_re[x] = kept * product_re[x] + share * re[x];
                product_im[x] = kept * product_im[x] - share * im[x];
                let energy = re[x] * re[x] + im[x] * im[x];
                self.energy[y][x] = kept * self.energy[y][x] + rate * energy;
            }
        }
    }

    /// The response to a patch, given as its spectrum, in any unit. Frequencies of less energy
    /// than `floor`, relative to the mean of all, count less.
    pub fn respond(&self, patch: &Grid, floor: f32, fft: &Fft, response: &mut Grid) {
        let mean = self.energy.as_flattened().iter().sum::<f32>() / AREA as f32;
        let floor = floor * mean + f32::MIN_POSITIVE;
        for y in 0..SIDE {
            let (product_re, product_im) = (&self.product.re[y], &self.product.im[y]);
            let (re, im) = (&patch.re[y], &patch.im[y]);
            for x in 0..SIDE {
                let scale = 1.0 / (self.energy[y][x] + floor);
                response.re[y][x] = scale * (product_re[x] * re[x] - product_im[x] * im[x]);
                response.im[y][x] = scale * (product_re[x] * im[x] + product_im[x] * re[x]);
            }
        }
        fft.backward(response);
    }
}

/// How far a number is from the first one, in a plane that repeats itself.
fn signed(i: usize) -> f32 {
    let i = i as f32;
    if i < SIDE as f32 / 2.0 {
        i
    } else {
        i - SIDE as f32
    }
}

/// A bell of this standard deviation around the first number, in a plane that repeats itself.
pub(super) fn hill(deviation: f32) -> Plane {
    let mut plane = ZERO;
    for (y, row) in plane.iter_mut().enumerate() {
        for (x, v) in row.iter_mut().enumerate() {
            let distance = signed(x).powi(2) + signed(y).powi(2);
            *v = (-0.5 * distance / (deviation * deviation)).exp();
        }
    }
    plane
}

/// The top of a response each of whose numbers counts as much as `prior` says.
pub(super) fn find(response: &Plane, prior: &Plane) -> Found {
    let (mut x, mut y, mut top) = (0, 0, f32::NEG_INFINITY);
    for (row, (numbers, priors)) in response.iter().zip(prior).enumerate() {
        for (column, (v, prior)) in numbers.iter().zip(priors).enumerate() {
            if v * prior > top {
                (x, y, top) = (column, row, v * prior);
            }
        }
    }
    let peak = response[y][x];
    let at = |i: usize, step: usize| (i + step) % SIDE;
    let (left, right) = (response[y][at(x, SIDE - 1)], response[y][at(x, 1)]);
    let (above, below) = (response[at(y, SIDE - 1)][x], response[at(y, 1)][x]);
    Found {
        dx: signed(x) + vertex(left, peak, right),
        dy: signed(y) + vertex(above, peak, below),
        psr: peak_to_sidelobe(response, x, y),
    }
}

/// MOSSE's measure of how clear a response is, §3.5.
fn peak_to_sidelobe(response: &Plane, x: usize, y: usize) -> f32 {
    let is_hill = |i: usize, top: usize| (i + SIDE + HILL - top) % SIDE <= 2 * HILL;
    let beside: [bool; SIDE] = std::array::from_fn(|column| !is_hill(column, x));
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for (row, numbers) in response.iter().enumerate() {
        let aside = !is_hill(row, y);
        for (v, beside) in numbers.iter().zip(beside) {
            let counts = f32::from(u8::from(aside || beside));
            sum += counts * v;
            squares += counts * v * v;
            count += counts;
        }
    }
    let mean = sum / count;
    let deviation = (squares / count - mean * mean).max(0.0).sqrt();
    (response[y][x] - mean) / (deviation + f32::MIN_POSITIVE)
}

/// Where the parabola through three values has its top, from the middle one.
fn vertex(before: f32, middle: f32, after: f32) -> f32 {
    let bend = 2.0 * middle - before - after;
    if bend > 0.0 {
        (0.5 * (after - before) / bend).clamp(-0.5, 0.5)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with structure, moved by whole numbers; it repeats itself.
    fn picture(dx: usize, dy: usize) -> Grid {
        let mut grid = Grid::ZERO;
        for y in 0..SIDE {
            for x in 0..SIDE {
                let (u, v) = ((x + SIDE - dx) % SIDE, (y + SIDE - dy) % SIDE);
                grid.re[y][x] = ((u * u * 7 + v * 13 + u * v * 3) % 31) as f32 - 15.0;
            }
        }
        grid
    }

    fn learned(fft: &Fft) -> Filter {
        let mut wanted = Grid {
            re: hill(1.5),
            im: ZERO,
        };
        fft.forward(&mut wanted);
        let mut spectrum = picture(0, 0);
        fft.forward(&mut spectrum);
        let mut filter = Filter::default();
        filter.learn(&spectrum, &wanted.re, 1.0);
        filter
    }

    #[test]
    fn a_learned_picture_is_found_where_it_moved_to() {
        let fft = Fft::default();
        let filter = learned(&fft);
        for (dx, dy) in [(0, 0), (3, 0), (0, 5), (7, 30), (29, 2)] {
            let mut spectrum = picture(dx, dy);
            fft.forward(&mut spectrum);
            let mut response = Grid::ZERO;
            filter.respond(&spectrum, 0.1, &fft, &mut response);
            let found = find(&response.re, &hill(20.0));
            let error = (found.dx - signed(dx)).hypot(found.dy - signed(dy));
            assert!(error < 0.05 && found.psr > 8.0, "({dx}, {dy}): {found:?}");
        }
    }

    #[test]
    fn nothing_learned_or_nothing_to_see_is_nothing_found() {
        let fft = Fft::default();
        let mut spectrum = picture(0, 0);
        fft.forward(&mut spectrum);
        for (filter, patch) in [(Filter::default(), spectrum), (learned(&fft), Grid::ZERO)] {
            let mut response = Grid::ZERO;
            filter.respond(&patch, 0.1, &fft, &mut response);
            let found = find(&response.re, &hill(8.0));
            assert!(found.psr < 1.0 && found.dx.is_finite(), "{found:?}");
        }
    }
}
