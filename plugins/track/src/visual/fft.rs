//! The two-dimensional Fourier transform of the one size that patches have.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;
use std::sync::Arc;

/// Side of a patch, a power of two.
pub const SIDE: usize = 32;
/// Numbers of a patch.
pub const AREA: usize = SIDE * SIDE;

/// Real numbers, row by row.
pub type Plane = [[f32; SIDE]; SIDE];

/// A plane of zeros.
pub const ZERO: Plane = [[0.0; SIDE]; SIDE];

/// Complex numbers: a patch, or its spectrum. Spectra are kept transposed, which saves a step and
/// which nobody but [`Fft`] needs to know: what is done to them is done number by number.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Real parts.
    pub re: Plane,
    /// Imaginary parts.
    pub im: Plane,
}

impl Grid {
    /// All zeros.
    pub const ZERO: Self = Self { re: ZERO, im: ZERO };
}

/// The transforms of both directions.
#[derive(Clone)]
pub struct Fft {
    forward: Arc<dyn rustfft::Fft<f32>>,
    backward: Arc<dyn rustfft::Fft<f32>>,
}

impl std::fmt::Debug for Fft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fft").finish_non_exhaustive()
    }
}

impl Default for Fft {
    fn default() -> Self {
        let mut planner = FftPlanner::new();
        Self {
            forward: planner.plan_fft_forward(SIDE),
            backward: planner.plan_fft_inverse(SIDE),
        }
    }
}

impl Fft {
    /// A patch becomes its spectrum.
    pub fn forward(&self, grid: &mut Grid) {
        both_axes(&*self.forward, grid);
    }

    /// A spectrum becomes the patch, [`AREA`] times as large in value.
    pub fn backward(&self, grid: &mut Grid) {
        both_axes(&*self.backward, grid);
    }
}

/// Transforms rows, and what were columns before; allocates nothing.
fn both_axes(fft: &dyn rustfft::Fft<f32>, grid: &mut Grid) {
    const ZERO: Complex<f32> = Complex { re: 0.0, im: 0.0 };
    let (mut there, mut back) = ([ZERO; AREA], [ZERO; AREA]);
    let parts = grid.re.as_flattened().iter().zip(grid.im.as_flattened());
    for (number, (re, im)) in there.iter_mut().zip(parts) {
        *number = Complex { re: *re, im: *im };
    }
    // The other array is room to work in, of which so small a transform needs little or none.
    fft.process_with_scratch(&mut there, &mut back);
    transpose(&there, &mut back);
    fft.process_with_scratch(&mut back, &mut there);
    let (re, im) = (grid.re.as_flattened_mut(), grid.im.as_flattened_mut());
    for ((number, re), im) in back.iter().zip(re).zip(im) {
        (*re, *im) = (number.re, number.im);
    }
}

fn transpose(from: &[Complex<f32>; AREA], to: &mut [Complex<f32>; AREA]) {
    for (x, row) in to.chunks_exact_mut(SIDE).enumerate() {
        for (number, row) in row.iter_mut().zip(from.chunks_exact(SIDE)) {
            *number = row[x];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn patch() -> Grid {
        let mut grid = Grid::ZERO;
        for y in 0..SIDE {
            for x in 0..SIDE {
                grid.re[y][x] = ((x * 7 + y * 13) % 31) as f32 - 15.0;
                grid.im[y][x] = ((x * 11 + y * 5) % 23) as f32 - 11.0;
            }
        }
        grid
    }

    #[test]
    fn a_spectrum_is_what_the_definition_says() {
        let patch = patch();
        let mut spectrum = patch.clone();
        Fft::default().forward(&mut spectrum);
        for (u, v) in [(0, 0), (1, 0), (0, 1), (5, 19), (31, 16), (16, 31)] {
            let (mut re, mut im) = (0.0, 0.0);
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let turn = -TAU * ((u * x + v * y) % SIDE) as f64 / SIDE as f64;
                    let (a, b) = (f64::from(patch.re[y][x]), f64::from(patch.im[y][x]));
                    re += a * turn.cos() - b * turn.sin();
                    im += a * turn.sin() + b * turn.cos();
                }
            }
            // Transposed: column frequency first.
            let found = (spectrum.re[u][v], spectrum.im[u][v]);
            let error = (f64::from(found.0) - re).hypot(f64::from(found.1) - im);
            assert!(error < 0.02, "({u}, {v}): {found:?} is not ({re}, {im})");
        }
    }

    #[test]
    fn back_again_it_is_the_patch() {
        let patch = patch();
        let mut grid = patch.clone();
        let fft = Fft::default();
        fft.forward(&mut grid);
        fft.backward(&mut grid);
        for (there, back) in [(&patch.re, &grid.re), (&patch.im, &grid.im)] {
            for (a, b) in there.as_flattened().iter().zip(back.as_flattened()) {
                assert!((a - b / AREA as f32).abs() < 1e-4);
            }
        }
    }
}
