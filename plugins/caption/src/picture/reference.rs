//! What [`super::Scaler`] does, written as plainly as it can be: a pixel at a time.

#![cfg(test)]

use super::scale::{Span, TAPS};
use vigil_analytics::frame::FrameView;
use vigil_analytics::frame::color::ColorMap;

/// The R, G, B of pixel (x, y) of a copy of this size.
pub fn pixel(frame: &FrameView<'_>, [x, y]: [usize; 2], [width, height]: [usize; 2]) -> [f32; 3] {
    let format = frame.format();
    let samples = format.pixels.components().map(|component| {
        let columns = format.width.div_ceil(1 << component.sub_x);
        let rows = format.height.div_ceil(1 << component.sub_y);
        let row_taps = if component.plane == 0 { TAPS } else { TAPS / 2 };
        let xs = Span::new(x, width, columns, usize::MAX);
        let ys = Span::new(y, height, rows, row_taps);
        let mut sum = 0.0;
        for y in ys.iter() {
            for x in xs.iter() {
                let at = component.offset + x * component.step;
                sum += f32::from(frame.row(component.plane, y, at + 1)[at]);
            }
        }
        sum / (xs.count() * ys.count()) as f32
    });
    let color = ColorMap::of(format);
    std::array::from_fn(|i| {
        let level: f32 = (0..3).map(|j| color.m[i][j] * samples[j]).sum();
        (level + color.offset[i]).clamp(0.0, 255.0)
    })
}
