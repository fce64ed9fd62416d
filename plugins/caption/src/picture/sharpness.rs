//! How sharp a part of a frame is.

use vigil_analytics::frame::FrameView;

/// Points along each side at which sharpness is measured.
const POINTS: usize = 24;

/// Mean square of the Laplacian at which sharpness is a half: about that of a face at the resolution
/// at which a detector begins to find it.
const HALF: f32 = 120.0;

/// Sharpness of a frame or a part of one, 0..1: the mean square of the Laplacian of the luma (Pech-
/// Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000, uses its variance) at
/// 24 × 24 points, as m / (m + 120). The neighbours are as far apart as a pixel of a copy of 224
/// would be, so that noise of large pictures does not count as detail.
///
/// Costs some microseconds, whatever the size.
pub fn sharpness(frame: &FrameView<'_>) -> f32 {
    let (width, height) = (frame.format().width, frame.format().height);
    let reach = (width.max(height) / 224).max(1);
    if width < 2 * reach + 1 || height < 2 * reach + 1 {
        return 0.0;
    }
    let (columns, rows) = (width - 2 * reach, height - 2 * reach);
    let mut sum = 0.0;
    let mut count = 0.0;
    for i in 0..POINTS.min(rows) {
        let y = reach + i * rows / POINTS.min(rows);
        let (above, step) = frame.luma_row(y - reach);
        let (here, _) = frame.luma_row(y);
        let (below, _) = frame.luma_row(y + reach);
        for j in 0..POINTS.min(columns) {
            let x = reach + j * columns / POINTS.min(columns);
            let at = |row: &[u8], x: usize| f32::from(row[x * step]);
            let around = at(above, x) + at(below, x) + at(here, x - reach) + at(here, x + reach);
            let laplacian = around - 4.0 * at(here, x);
            sum += laplacian * laplacian;
            count += 1.0;
        }
    }
    let mean = sum / count;
    mean / (mean + HALF)
}
