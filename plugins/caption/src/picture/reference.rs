//! What [`super::Scaler`] and [`super::Picture::rgb`] do, written as plainly as it can be: a pixel at
//! a time, and nothing rounded.

#![cfg(test)]

use super::scale::{Span, TAPS};
use vigil_analytics::frame::FrameView;
use vigil_analytics::frame::color::ColorMap;

/// The R, G, B of pixel (x, y) of a copy of this size, and by how much each may be off when samples
/// are rounded to whole levels.
pub fn pixel(
    frame: &FrameView<'_>,
    [x, y]: [usize; 2],
    [width, height]: [usize; 2],
) -> [(f32, f32); 3] {
    let format = frame.format();
    let samples = format.pixels.components().map(|component| {
        let (sub_x, sub_y) = (component.sub_x, component.sub_y);
        let columns = format.width.div_ceil(1 << sub_x);
        let rows = format.height.div_ceil(1 << sub_y);
        let xs = Span::new(x >> sub_x, width.div_ceil(1 << sub_x), columns, usize::MAX);
        let ys = Span::new(y >> sub_y, height.div_ceil(1 << sub_y), rows, TAPS);
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
        let rounding: f32 = color.m[i].iter().map(|m| m.abs() * 0.5).sum();
        let level = (level + color.offset[i]).clamp(0.0, 255.0);
        (level, rounding + 0.51)
    })
}
