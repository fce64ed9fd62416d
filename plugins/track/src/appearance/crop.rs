//! A copy of the part of a frame that shows an object.

use crate::geometry::Rect;
use vigil_analytics::frame::{FrameFormat, FrameView, Plane};

/// The copy, in the frame's own format. Used again and again, it grows to the largest part and then
/// allocates nothing. Copying is all that the streaming thread does: some microseconds for a person
/// of a 1080p frame.
#[derive(Debug, Default)]
pub struct Crop {
    format: Option<FrameFormat>,
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl Crop {
    /// Copies the whole pixels of `frame` that `bbox` touches, with the even ones around them where
    /// pixels share chroma samples.
    pub fn copy(&mut self, frame: &FrameView, bbox: Rect) {
        let format = frame.format();
        let bbox = bbox.clipped((format.width as f32, format.height as f32));
        let (x, y) = (bbox.x as usize & !1, bbox.y as usize & !1);
        let width = bbox.right().ceil() as usize - x;
        let height = bbox.bottom().ceil() as usize - y;
        let part = frame.part([x, y, width, height]);
        let format = *part.format();
        for plane in 0..format.pixels.planes() {
            let (bytes, rows) = format.pixels.plane_size(plane, format.width, format.height);
            let copy = &mut self.planes[plane];
            copy.clear();
            for row in 0..rows {
                copy.extend_from_slice(part.row(plane, row, bytes));
            }
            self.strides[plane] = bytes;
        }
        self.format = Some(format);
    }

    /// What was copied; `None` before that.
    pub fn view(&self) -> Option<FrameView<'_>> {
        let planes = std::array::from_fn(|plane| Plane {
            data: &self.planes[plane],
            stride: self.strides[plane],
        });
        FrameView::new(self.format?, planes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_analytics::frame::{Colorimetry, PixelFormat};

    #[test]
    fn a_crop_has_the_samples_of_the_frame_in_every_format() {
        for pixels in PixelFormat::ALL {
            let format = FrameFormat {
                pixels,
                width: 37,
                height: 23,
                colorimetry: Colorimetry::default(),
            };
            let data: Vec<(Vec<u8>, usize)> = (0..pixels.planes())
                .map(|plane| {
                    let (bytes, rows) = pixels.plane_size(plane, 37, 23);
                    let stride = bytes + 5;
                    let value = |i: usize| (i * 31 + i / stride * 7 + plane * 101) as u8;
                    ((0..stride * rows).map(value).collect(), stride)
                })
                .collect();
            let plane = |plane: usize| {
                data.get(plane)
                    .map_or(Plane::default(), |(data, stride)| Plane {
                        data,
                        stride: *stride,
                    })
            };
            let frame = FrameView::new(format, [plane(0), plane(1), plane(2)]).unwrap();
            let mut crop = Crop::default();
            assert!(crop.view().is_none());
            for (bbox, part) in [
                (Rect::new(3.5, 4.2, 10.1, 9.9), [2, 4, 12, 11]),
                (Rect::new(-5.0, -5.0, 900.0, 900.0), [0, 0, 37, 23]),
                (Rect::new(36.4, 22.4, 9.0, 9.0), [36, 22, 1, 1]),
                (Rect::new(90.0, 90.0, 9.0, 9.0), [36, 22, 1, 1]),
            ] {
                crop.copy(&frame, bbox);
                let (copy, part) = (crop.view().unwrap(), frame.part(part));
                assert_eq!(copy.format(), part.format(), "{pixels:?} {bbox:?}");
                for plane in 0..pixels.planes() {
                    let format = part.format();
                    let (bytes, rows) = pixels.plane_size(plane, format.width, format.height);
                    for row in 0..rows {
                        let expected = part.row(plane, row, bytes);
                        assert_eq!(copy.row(plane, row, bytes), expected, "{pixels:?}");
                    }
                }
            }
        }
    }
}
