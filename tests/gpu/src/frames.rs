//! Pictures: a street that is drawn, and files, in every format of video.

use crate::Failure;
use crate::kernels::Gpu;
use crate::kernels::preprocess::{Frame, TEXTURED};
use gstvigildetect::decode::{Detection, Thresholds};
use gstvigildetect::detector::Picture;
use gstvigildetect::gpu::{GpuDetector, GpuSource};
use gstvigildetect::preprocess::{Chroma, Colorimetry, FrameFormat, Matrix, PixelFormat};
use gstvigiltestsrc::scene::{Scene, SceneOptions};
use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use vigil_nvidia::driver::raw::CUarray;
use vigil_nvidia::driver::{DeviceBuffer, Texture};
use vigil_nvidia::kernels::Planes;
use vigil_nvidia::pipeline::Source;

/// A picture as red, green, blue and something, a byte each.
#[derive(Clone)]
pub struct Rgba {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

/// So many pictures of a street, one second after the other.
pub fn street(count: usize, width: usize, height: usize) -> Result<Vec<Rgba>, Failure> {
    let mut scene = Scene::new(&SceneOptions::default(), width as u32, height as u32)?;
    Ok((0..count)
        .map(|second| {
            scene.render(second as f64);
            Rgba {
                width,
                height,
                pixels: scene.pixels().to_vec(),
            }
        })
        .collect())
}

/// A picture of a file.
pub fn read(path: &Path) -> Result<Rgba, Failure> {
    let picture = image::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let picture = picture.to_rgba8();
    Ok(Rgba {
        width: picture.width() as usize,
        height: picture.height() as usize,
        pixels: picture.into_raw(),
    })
}

impl Rgba {
    fn at(&self, x: usize, y: usize) -> [f32; 3] {
        let (x, y) = (x.min(self.width - 1), y.min(self.height - 1));
        let at = 4 * (y * self.width + x);
        [0, 1, 2].map(|i| f32::from(self.pixels[at + i]))
    }

    /// The same in a format of video; colours as of BT.709, limited range, where it is YUV.
    pub fn frame(&self, pixels: PixelFormat) -> Frame {
        let format = FrameFormat {
            pixels,
            width: self.width,
            height: self.height,
            colorimetry: Colorimetry {
                matrix: Matrix::Bt709,
                full_range: !pixels.is_yuv(),
                ..Colorimetry::default()
            },
        };
        let mut planes: Vec<_> = (0..pixels.planes())
            .map(|plane| {
                let (bytes, rows) = pixels.plane_size(plane, self.width, self.height);
                // As decoders have them: rows begin at multiples of something.
                let stride = bytes.next_multiple_of(64);
                (vec![255u8; stride * rows], stride)
            })
            .collect();
        let components = pixels.components().into_iter().enumerate();
        for (i, c) in components.take(if pixels == PixelFormat::Gray8 { 1 } else { 3 }) {
            let (data, stride) = &mut planes[c.plane];
            let columns = self.width.div_ceil(1 << c.sub_x);
            for y in 0..self.height.div_ceil(1 << c.sub_y) {
                for x in 0..columns {
                    let rgb = self.at(x << c.sub_x, y << c.sub_y);
                    let level = match pixels {
                        PixelFormat::Gray8 => luma(rgb),
                        _ if pixels.is_yuv() => yuv(rgb)[i],
                        _ => rgb[i],
                    };
                    data[y * *stride + c.offset + x * c.step] = level.round() as u8;
                }
            }
        }
        Frame {
            format,
            planes,
            chroma: Chroma::Nearest,
            part: [0, 0, self.width, self.height],
        }
    }
}

fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn yuv(rgb: [f32; 3]) -> [f32; 3] {
    let y = luma(rgb);
    let (u, v) = ((rgb[2] - y) / 1.8556, (rgb[0] - y) / 1.5748);
    let (luma, chroma) = (219.0 / 255.0, 224.0 / 255.0);
    [16.0 + y * luma, 128.0 + u * chroma, 128.0 + v * chroma]
}

/// Where frames are when the detector is given them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In system memory.
    Host,
    /// In memory of the GPU, row after row.
    Device,
    /// In arrays of the GPU, as decoders' block-linear surfaces are.
    Texture,
}

impl Place {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Device => "device",
            Self::Texture => "texture",
        }
    }
}

/// A frame where a detector is given it.
#[derive(Clone)]
pub struct Placed {
    pub frame: Arc<Frame>,
    planes: Option<Planes>,
    /// What the planes are in.
    keep: Arc<dyn Any + Send + Sync>,
}

/// Arrays and the textures that look at them, which go first.
struct Arrays {
    textures: Vec<Texture>,
    arrays: Vec<CUarray>,
    gpu: Arc<Gpu>,
}

// SAFETY: arrays are handles, which any thread may use.
unsafe impl Send for Arrays {}
// SAFETY: as above.
unsafe impl Sync for Arrays {}

impl Drop for Arrays {
    fn drop(&mut self) {
        self.textures.clear();
        for array in self.arrays.drain(..) {
            self.gpu.destroy_array(array);
        }
    }
}

/// Whether frames of this format can be there.
pub fn can_be(place: Place, pixels: PixelFormat) -> bool {
    place != Place::Texture || TEXTURED.iter().any(|(format, _)| *format == pixels)
}

impl Placed {
    /// Puts a frame there.
    pub fn new(frame: Arc<Frame>, place: Place, gpu: &Arc<Gpu>) -> Result<Self, Failure> {
        let (planes, keep): (_, Arc<dyn Any + Send + Sync>) = match place {
            Place::Host => (None, Arc::new(())),
            Place::Device => {
                let (buffers, planes): (Vec<DeviceBuffer>, _) = frame.upload(gpu);
                (Some(planes), Arc::new(buffers))
            }
            Place::Texture => {
                let pixels = frame.format.pixels;
                let channels = TEXTURED.iter().find(|(format, _)| *format == pixels);
                let (_, channels) = channels.ok_or("no texture of this format")?;
                let mut held = Arrays {
                    textures: Vec::new(),
                    arrays: frame.arrays(gpu, channels),
                    gpu: gpu.clone(),
                };
                let mut handles = [0; 3];
                for (handle, array) in handles.iter_mut().zip(&held.arrays) {
                    // SAFETY: the array is destroyed after the texture.
                    let texture = unsafe { Texture::new(&gpu.context, *array) }?;
                    *handle = texture.raw();
                    held.textures.push(texture);
                }
                (Some(Planes::Textured(handles)), Arc::new(held))
            }
        };
        // What was uploaded is there before other streams read it.
        gpu.stream.synchronize()?;
        Ok(Self {
            frame,
            planes,
            keep,
        })
    }

    /// Hands it to a detector, by `put`.
    pub fn with_source<T>(&self, put: impl FnOnce(GpuSource) -> T) -> T {
        match &self.planes {
            None => put(GpuSource::Host(&self.frame.view())),
            Some(planes) => put(GpuSource::Picture {
                format: self.frame.source_format(),
                source: Source::Device {
                    planes: *planes,
                    keep: Box::new(self.keep.clone()),
                },
                part: self.frame.part,
            }),
        }
    }
}

/// What a detector finds on frames, in batches as large as it takes.
pub fn find(
    detector: &mut GpuDetector,
    frames: &[Placed],
    thresholds: &Arc<Thresholds>,
) -> Result<Vec<Vec<Detection>>, Failure> {
    let mut found = Vec::new();
    for batch in frames.chunks(detector.capacity()) {
        for (number, frame) in batch.iter().enumerate() {
            frame.with_source(|source| detector.put(number, source, Chroma::Nearest))?;
        }
        let picture = |_: &Placed| Picture::new(thresholds.clone());
        let mut pictures: Vec<_> = batch.iter().map(picture).collect();
        detector.run(&mut pictures)?;
        found.extend(pictures.into_iter().map(|picture| picture.found));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gstvigildetect::preprocess::{Affine, ChannelOrder, Fit, Sampling, TensorFormat};

    #[test]
    fn a_colour_stays_itself_in_each_format() {
        let (width, height) = (8, 6);
        let pixels = [200, 90, 40, 255].repeat(width * height);
        let picture = Rgba {
            width,
            height,
            pixels,
        };
        let format = TensorFormat {
            width: width as u32,
            height: height as u32,
            fit: Fit::Stretch,
            order: ChannelOrder::Rgb,
            affine: [Affine::scale(1.0); 3],
            pad: 0,
            sampling: Sampling::default(),
        };
        for pixels in PixelFormat::ALL {
            let (tensor, _) = picture.frame(pixels).tensor(&format);
            let grey = pixels == PixelFormat::Gray8;
            let expected = if grey {
                [110.0; 3]
            } else {
                [200.0, 90.0, 40.0]
            };
            for (plane, expected) in tensor.chunks(width * height).zip(expected) {
                let worst = plane
                    .iter()
                    .map(|v| (v - expected).abs())
                    .fold(0.0, f32::max);
                assert!(worst <= 2.0, "{pixels:?}: {worst} from {expected}");
            }
        }
    }
}
