//! Tensors of random frames.

use super::numbers::FITS;
use super::{Gpu, Random, bytes_of, floats, halves, to_half};
use gstvigildetect::model::ChannelOrder;
use gstvigildetect::preprocess::{
    Affine, Chroma, Colorimetry, FrameFormat, FrameView, Letterbox, Matrix, PixelFormat, Plane,
    Preprocessor, Sampling, TensorFormat,
};
use vigil_nvidia::driver::raw::CUarray;
use vigil_nvidia::driver::{DeviceBuffer, Texture};
use vigil_nvidia::kernels::source::Placement;
use vigil_nvidia::kernels::{
    ColorMap, Kinds, PictureParams, Planes, Precision, Samples, SourceFormat, Target,
};

const MATRICES: [Matrix; 5] = [
    Matrix::Bt601,
    Matrix::Bt709,
    Matrix::Bt2020,
    Matrix::Smpte240m,
    Matrix::Fcc,
];

/// Formats that are read through textures, with the channels of each plane's samples.
pub const TEXTURED: [(PixelFormat, &[usize]); 3] = [
    (PixelFormat::Nv12, &[1, 2]),
    (PixelFormat::Rgba, &[4]),
    (PixelFormat::Bgrx, &[4]),
];

/// A frame in memory of the host: planes with their strides.
pub struct Frame {
    pub format: FrameFormat,
    pub planes: Vec<(Vec<u8>, usize)>,
    pub chroma: Chroma,
    /// The part of it that is looked at.
    pub part: [usize; 4],
}

impl Frame {
    pub fn random(random: &mut Random, pixels: PixelFormat) -> Self {
        let format = FrameFormat {
            pixels,
            width: 1 + random.below(120),
            height: 1 + random.below(90),
            colorimetry: Colorimetry {
                matrix: random.pick(&MATRICES),
                full_range: random.below(2) == 0,
                cosited_x: random.below(2) == 0,
                cosited_y: random.below(2) == 0,
            },
        };
        let planes = (0..pixels.planes())
            .map(|plane| {
                let (bytes, rows) = pixels.plane_size(plane, format.width, format.height);
                let stride = bytes + random.below(9);
                // Noise, and now and then the extremes, where colours are clamped.
                let byte = |r: &mut Random| match r.below(4) {
                    0 => 0,
                    1 => 255,
                    _ => r.below(256) as u8,
                };
                let data = (0..stride * (rows - 1) + bytes)
                    .map(|_| byte(random))
                    .collect();
                (data, stride)
            })
            .collect();
        let part = match random.below(3) {
            0 => [0, 0, format.width, format.height],
            _ => {
                let (x, y) = (
                    random.below(format.width) & !1,
                    random.below(format.height) & !1,
                );
                let (w, h) = (format.width - x, format.height - y);
                [x, y, 1 + random.below(w), 1 + random.below(h)]
            }
        };
        let chroma = random.pick(&[Chroma::Nearest, Chroma::Linear]);
        Self {
            format,
            planes,
            chroma,
            part,
        }
    }

    /// The part of it that is looked at, as the CPU sees it.
    pub fn view(&self) -> FrameView<'_> {
        let mut planes = [Plane::default(); 3];
        for (plane, (data, stride)) in planes.iter_mut().zip(&self.planes) {
            *plane = Plane {
                data,
                stride: *stride,
            };
        }
        FrameView::new(self.format, planes).unwrap().part(self.part)
    }

    /// Its planes on the GPU.
    pub fn upload(&self, gpu: &Gpu) -> (Vec<DeviceBuffer>, Planes) {
        let buffers: Vec<_> = self.planes.iter().map(|(d, _)| gpu.upload(d)).collect();
        let (mut addresses, mut pitches) = ([0; 3], [0; 3]);
        for (i, (buffer, (_, stride))) in buffers.iter().zip(&self.planes).enumerate() {
            (addresses[i], pitches[i]) = (buffer.pointer(), *stride);
        }
        (buffers, Planes::Linear(addresses, pitches))
    }

    /// Its planes as arrays, where each sample of a plane has so many channels.
    pub fn arrays(&self, gpu: &Gpu, channels: &[usize]) -> Vec<CUarray> {
        let (width, height) = (self.format.width, self.format.height);
        let planes = self.planes.iter().zip(channels).enumerate();
        planes
            .map(|(plane, ((data, stride), channels))| {
                let (bytes, rows) = self.format.pixels.plane_size(plane, width, height);
                // The last texel may end with a sample that no component has.
                let width = bytes.div_ceil(*channels);
                let mut tight = vec![0; width * channels * rows];
                for (y, to) in tight.chunks_exact_mut(width * channels).enumerate() {
                    to[..bytes].copy_from_slice(&data[y * stride..][..bytes]);
                }
                gpu.array([width, *channels], &tight)
            })
            .collect()
    }

    /// What the CPU makes of it.
    pub fn tensor(&self, format: &TensorFormat) -> (Vec<f32>, Letterbox) {
        let view = self.view();
        let mut tensor = vec![0.0; 3 * (format.width * format.height) as usize];
        let format = TensorFormat {
            sampling: Sampling {
                chroma: self.chroma,
                ..Sampling::default()
            },
            ..*format
        };
        let letterbox = Preprocessor::new(format).run(&view, &mut tensor);
        (tensor, letterbox)
    }

    /// Its format, in the words of the kernels.
    pub fn source_format(&self) -> SourceFormat {
        let pixels = self.format.pixels;
        let c = self.format.colorimetry;
        SourceFormat {
            components: pixels.components().map(|c| Samples {
                plane: c.plane,
                offset: c.offset,
                step: c.step,
                sub_x: c.sub_x,
                sub_y: c.sub_y,
            }),
            color: if pixels.is_yuv() {
                ColorMap::yuv(c.matrix.kr_kb(), c.full_range)
            } else {
                ColorMap::rgb(c.full_range)
            },
            linear_chroma: self.chroma == Chroma::Linear,
            cosited_x: c.cosited_x,
            cosited_y: c.cosited_y,
            width: self.format.width as u32,
            height: self.format.height as u32,
        }
    }

    /// What the kernels are told of it.
    pub fn params(&self, planes: &Planes, letterbox: &Letterbox) -> PictureParams {
        let placement = Placement {
            part: self.part.map(|v| v as u32),
            offset: letterbox.offset.into(),
            content: letterbox.content.into(),
            gain: letterbox.gain.into(),
        };
        PictureParams::new(&self.source_format(), planes, &placement)
    }
}

fn tensor_format(random: &mut Random) -> TensorFormat {
    let affine = |r: &mut Random| match r.below(2) {
        0 => Affine::scale(1.0 / 255.0),
        _ => Affine {
            scale: r.share() / 50.0,
            offset: r.share() * 4.0 - 2.0,
        },
    };
    let affine = match random.below(2) {
        0 => [Affine::scale(1.0 / 255.0); 3],
        _ => [affine(random), affine(random), affine(random)],
    };
    TensorFormat {
        width: 1 + random.below(130) as u32,
        height: 1 + random.below(100) as u32,
        fit: random.pick(&FITS),
        order: random.pick(&[ChannelOrder::Rgb, ChannelOrder::Bgr]),
        affine,
        pad: random.below(256) as u8,
        sampling: Sampling::default(),
    }
}

/// What the kernels make of pictures that are described so.
fn run(
    gpu: &Gpu,
    pictures: &[PictureParams],
    format: &TensorFormat,
    precision: Precision,
) -> Vec<u8> {
    let len = pictures.len() * 3 * (format.width * format.height) as usize;
    let tensor = gpu.room(len * precision.bytes());
    let params = gpu.upload(bytes_of(pictures));
    let target = Target {
        tensor: tensor.pointer(),
        width: format.width,
        height: format.height,
        scale: format.affine.map(|a| a.scale),
        offset: format.affine.map(|a| a.offset),
        pad: f32::from(format.pad),
        reversed: u32::from(format.order == ChannelOrder::Bgr),
    };
    let kinds = Kinds {
        linear: pictures.iter().any(|p| p.textured == 0),
        textured: pictures.iter().any(|p| p.textured == 1),
    };
    let count = pictures.len() as u32;
    // SAFETY: all of it stays until the tensor is downloaded.
    unsafe {
        let (kernels, at) = (&gpu.kernels, params.pointer());
        kernels
            .preprocess(&gpu.stream, at, count, kinds, precision, &target)
            .unwrap();
    }
    gpu.download(&tensor)
}

/// Compares what the kernels make of a batch with what the CPU makes of each of its frames.
fn compare(gpu: &Gpu, frames: &[Frame], planes: &[Planes], format: &TensorFormat, what: &str) {
    let expected: Vec<_> = frames.iter().map(|frame| frame.tensor(format)).collect();
    let params: Vec<_> = frames
        .iter()
        .zip(planes)
        .zip(&expected)
        .map(|((frame, planes), (_, letterbox))| frame.params(planes, letterbox))
        .collect();
    let expected: Vec<f32> = expected
        .into_iter()
        .flat_map(|(tensor, _)| tensor)
        .collect();
    let single = floats(&run(gpu, &params, format, Precision::Single));
    let half = halves(&run(gpu, &params, format, Precision::Half));
    assert_eq!((single.len(), half.len()), (expected.len(), expected.len()));
    for (i, expected) in expected.iter().enumerate() {
        let (single, half) = (single[i], half[i]);
        assert_eq!(
            single.to_bits(),
            expected.to_bits(),
            "{what}: {single} for {expected} at {i}"
        );
        let nearest = super::half(to_half(*expected));
        assert_eq!(half, nearest, "{what}: {half} for {expected} at {i}");
    }
}

pub fn frames_of_each_format_become_the_tensor_that_the_cpu_makes(gpu: &Gpu) {
    let mut random = Random(7);
    for pixels in PixelFormat::ALL {
        for round in 0..12 {
            let format = tensor_format(&mut random);
            let batch = 1 + random.below(3);
            let frames: Vec<_> = (0..batch)
                .map(|_| Frame::random(&mut random, pixels))
                .collect();
            let uploads = frames.iter().map(|frame| frame.upload(gpu));
            let (_buffers, planes): (Vec<_>, Vec<_>) = uploads.unzip();
            compare(
                gpu,
                &frames,
                &planes,
                &format,
                &format!("{pixels:?}, round {round}"),
            );
        }
    }
}

pub fn arrays_are_read_through_textures_beside_frames_that_are_not(gpu: &Gpu) {
    let mut random = Random(11);
    for (pixels, channels) in TEXTURED {
        for round in 0..8 {
            let format = tensor_format(&mut random);
            let frames = [
                Frame::random(&mut random, pixels),
                Frame::random(&mut random, pixels),
            ];
            let arrays = frames[0].arrays(gpu, channels);
            // SAFETY: the arrays are destroyed after the textures.
            let texture = |array| unsafe { Texture::new(&gpu.context, array) }.unwrap();
            let textures: Vec<_> = arrays.iter().map(|array| texture(*array)).collect();
            let mut handles = [0; 3];
            for (handle, texture) in handles.iter_mut().zip(&textures) {
                *handle = texture.raw();
            }
            let (_buffers, linear) = frames[1].upload(gpu);
            let planes = [Planes::Textured(handles), linear];
            compare(
                gpu,
                &frames,
                &planes,
                &format,
                &format!("{pixels:?}, round {round}"),
            );
            drop(textures);
            for array in arrays {
                gpu.destroy_array(array);
            }
        }
    }
}
