//! Frames in a GPU's memory: what caps say of them, and how the workers read them.

use crate::element::session::{Failure, Frame};
use crate::gpu::GpuSource;
use crate::preprocess::Chroma;
use crate::views::Part;
use gst_video::VideoFormat;
use std::sync::Arc;
use vigil_analytics::frame::video::FORMATS;
use vigil_nvidia::driver::{Context, Stream};
use vigil_nvidia::memory::cuda::{self, GstCuda};
use vigil_nvidia::memory::{MappedGpuFrame, MemoryError, nvmm};

/// The formats of the pad templates in a GPU's memory.
const GPU_FORMATS: [VideoFormat; 2] = [VideoFormat::Nv12, VideoFormat::Rgba];

/// Which memory a stream's frames are in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::element) enum Memory {
    /// System memory.
    #[default]
    System,
    /// `memory:CUDAMemory`, of GStreamer's own CUDA elements.
    Cuda,
    /// `memory:NVMM`, of NVIDIA's elements.
    Nvmm,
}

impl Memory {
    /// Those that are not system memory.
    const ON_GPU: [Self; 2] = [Self::Cuda, Self::Nvmm];

    /// What fixed caps say; `None` where it is none of these.
    pub fn of(caps: &gst::CapsRef) -> Option<Self> {
        let features = caps.features(0)?;
        let is_system = features.is_empty() || features.contains("memory:SystemMemory");
        let is_gpus = |memory: &Self| features.contains(memory.feature());
        let on_gpu = Self::ON_GPU.into_iter().find(is_gpus);
        on_gpu.or(is_system.then_some(Self::System))
    }

    /// As the caps have it.
    const fn feature(self) -> &'static str {
        match self {
            Self::System => "memory:SystemMemory",
            Self::Cuda => "memory:CUDAMemory",
            Self::Nvmm => "memory:NVMM",
        }
    }

    /// As `stats` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Cuda => "cuda",
            Self::Nvmm => "nvmm",
        }
    }

    /// Whether the CPU does not read it.
    pub const fn is_on_gpu(self) -> bool {
        !matches!(self, Self::System)
    }

    /// The element that brings frames of it to system memory.
    pub const fn way_out(self) -> &'static str {
        match self {
            Self::Nvmm => "nvvideoconvert ! video/x-raw",
            _ => "cudadownload",
        }
    }
}

/// Caps of the pad templates: system memory first.
pub(in crate::element) fn template_caps() -> gst::Caps {
    let mut caps = gst_video::VideoCapsBuilder::new()
        .format_list(FORMATS)
        .build();
    for memory in Memory::ON_GPU {
        let more = gst_video::VideoCapsBuilder::new()
            .features([memory.feature()])
            .format_list(GPU_FORMATS)
            .build();
        caps.make_mut().append(more);
    }
    caps
}

/// Whether these caps are of a GPU's memory and nothing else.
pub(in crate::element) fn is_only_on_gpu(caps: &gst::CapsRef) -> bool {
    let mut all = caps.iter_with_features();
    !caps.is_any() && !caps.is_empty() && all.all(|(_, features)| is_gpus(features))
}

/// The caps without those of a GPU's memory. `ANY` stays as it is.
pub(in crate::element) fn without_gpu(caps: &gst::Caps) -> gst::Caps {
    if caps.is_any() {
        return caps.clone();
    }
    let kept = caps.iter_with_features();
    kept.filter(|(_, features)| !is_gpus(features))
        .map(|(structure, features)| (structure.to_owned(), features.to_owned()))
        .collect()
}

fn is_gpus(features: &gst::CapsFeaturesRef) -> bool {
    let has = |memory: Memory| features.contains(memory.feature());
    Memory::ON_GPU.into_iter().any(has)
}

/// Reads frames in a GPU's memory for one worker, on its thread.
pub(in crate::element) struct Readers {
    context: Context,
    nvmm: nvmm::Reader,
    /// Made with the first frame that is in CUDA memory.
    cuda: Option<cuda::Reader>,
}

impl Readers {
    /// For a worker whose model is in this context.
    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            nvmm: nvmm::Reader::new(context.clone()),
            cuda: None,
        }
    }

    /// The pictures of a frame, which stay where they are; `None` for a frame in system memory. Work
    /// that is put on `stream` afterwards finds them finished.
    pub fn open(&mut self, frame: &Frame, stream: &Stream) -> Result<Option<Mapped>, Failure> {
        let mapped = match frame.format.memory {
            Memory::System => return Ok(None),
            Memory::Nvmm => self.nvmm.map(frame.buffer.clone()),
            Memory::Cuda => self.cuda().and_then(|reader| {
                let info = &frame.format.info;
                reader.map(frame.buffer.clone(), info, stream)
            }),
        };
        let mapped = Mapped(Arc::new(mapped.map_err(failure)?));
        mapped.check_size(frame)?;
        Ok(Some(mapped))
    }

    fn cuda(&mut self) -> Result<&cuda::Reader, MemoryError> {
        let reader = match self.cuda.take() {
            Some(reader) => reader,
            None => cuda::Reader::new(Arc::new(GstCuda::open()?), self.context.clone())?,
        };
        Ok(self.cuda.insert(reader))
    }
}

/// A frame in a GPU's memory: one picture, or a batch of them.
pub(in crate::element) struct Mapped(Arc<MappedGpuFrame>);

impl Mapped {
    /// How many pictures there are.
    pub fn pictures(&self) -> usize {
        self.0.len()
    }

    /// A picture's place in its batch.
    pub fn batch_id(&self, picture: usize) -> usize {
        let found = self.0.pictures().nth(picture);
        found.map_or(picture, |picture| picture.index)
    }

    /// A part of one of the pictures, for the GPU. It is kept until the GPU has read it.
    pub fn source(&self, picture: usize, part: Part, chroma: Chroma) -> Option<GpuSource<'_>> {
        let picture = self.0.pictures().nth(picture)?;
        Some(GpuSource::Picture {
            format: picture.format.for_kernels(chroma == Chroma::Linear),
            source: picture.source(&self.0),
            part,
        })
    }

    /// Boxes are in pixels of the caps, so that pictures must be of that size, or larger by what the
    /// decoder needs.
    fn check_size(&self, frame: &Frame) -> Result<(), Failure> {
        let (width, height) = frame.format.views.frame();
        let is_small =
            |p: &vigil_nvidia::memory::Picture| p.format.width < width || p.format.height < height;
        match self.0.pictures().find(is_small) {
            None => Ok(()),
            Some(picture) => Err(Failure::Frame(format!(
                "caps say {width}x{height}, but picture {} of the buffer is {}x{}: the element before \
                 vigildetect gives other sizes than it says (a batch of one size comes from \
                 nvstreammux with width and height set)",
                picture.index, picture.format.width, picture.format.height,
            ))),
        }
    }
}

/// What is wrong with a buffer may be right with the next one; what is wrong with where it is, is
/// wrong with all of them.
fn failure(error: MemoryError) -> Failure {
    let text = error.to_string();
    match error {
        MemoryError::Map(_) | MemoryError::NoMemory { .. } | MemoryError::TooShort { .. } => {
            Failure::Frame(text)
        }
        _ => Failure::Engine(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(text: &str) -> gst::Caps {
        gst::init().unwrap();
        text.parse().unwrap()
    }

    #[test]
    fn caps_say_which_memory_it_is() {
        for (text, memory) in [
            ("video/x-raw,format=NV12", Some(Memory::System)),
            ("video/x-raw(memory:SystemMemory)", Some(Memory::System)),
            ("video/x-raw(memory:CUDAMemory)", Some(Memory::Cuda)),
            ("video/x-raw(memory:NVMM)", Some(Memory::Nvmm)),
            ("video/x-raw(memory:DMABuf)", None),
        ] {
            assert_eq!(Memory::of(&caps(text)), memory, "{text}");
        }
    }

    #[test]
    fn without_a_gpu_only_system_memory_is_left() {
        let all = {
            gst::init().unwrap();
            template_caps()
        };
        assert_eq!(all.size(), 3);
        let left = without_gpu(&all);
        assert_eq!(left.size(), 1);
        assert!(!is_only_on_gpu(&all) && !is_only_on_gpu(&left));
        let gpus = caps("video/x-raw(memory:NVMM); video/x-raw(memory:CUDAMemory)");
        assert!(is_only_on_gpu(&gpus));
        assert!(without_gpu(&gpus).is_empty());
        assert!(without_gpu(&gst::Caps::new_any()).is_any());
    }
}
