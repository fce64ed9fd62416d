//! From an ONNX file to a plan.

use super::abi::{Family, Owned, call, table, v8, v10, v11};
use super::error::TensorRtError;
use super::library::Library;
use super::logger::Severity;
use super::parser;
use super::profile::add_profile;
use super::progress::{Cancel, Monitor, ProgressCallback};
use super::timing::TimingCache;
use crate::driver::Context;
use crate::onnx::half::{self, HalfOptions};
use crate::onnx::summary::Summary;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

// `BuilderFlag`s that are the same number wherever they exist; 11 has neither.
const FLAG_FP16: i32 = 0;
const FLAG_INT8: i32 = 1;
/// `MemoryPoolType::kWORKSPACE`.
const POOL_WORKSPACE: i32 = 0;

/// Where the precision of an engine comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// From the file, layer by layer: FP32, FP16, or INT8 where it has `QuantizeLinear` nodes.
    #[default]
    File,
    /// FP16: the file is converted first, where its weights are FP32, and each layer is of the type
    /// that it then says. On 8.6, which cannot take types from the file, as [`Fp16Flag`](Self::Fp16Flag).
    Fp16,
    /// TensorRT takes FP16 where it is faster, and FP32 where not. Up to version 10.
    Fp16Flag,
}

impl Precision {
    /// Its name, in keys of the cache and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Fp16 => "fp16",
            Self::Fp16Flag => "fp16-flag",
        }
    }
}

/// How many pictures a run may take, for models that leave that open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    /// The fewest.
    pub min: u32,
    /// How many it shall be fastest at.
    pub opt: u32,
    /// The most.
    pub max: u32,
}

impl Batches {
    /// From one to this many, fastest at the most.
    pub fn up_to(max: u32) -> Self {
        Self {
            min: 1,
            opt: max,
            max,
        }
    }
}

/// How to build.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Where the precision comes from.
    pub precision: Precision,
    /// Pictures a run, where the file leaves it open.
    pub batches: Batches,
    /// Height and width, where the file leaves these open.
    pub size: Option<(u32, u32)>,
    /// Bytes that layers may take while they run; without, all that the GPU has.
    pub workspace: Option<usize>,
    /// From 0, built soonest, to 5, runs fastest; TensorRT's default is 3.
    pub level: Option<u8>,
    /// Layers of FP32 may round what they multiply to 10 bits, which tensor cores do faster. TensorRT
    /// allows that by itself; here it has to be said.
    pub tf32: bool,
    /// The plan carries a runtime, and runs with later versions too, more slowly.
    pub version_compatible: bool,
    /// Which kernels were fastest, from one build to the next: read before, merged and written
    /// after.
    pub timing_cache: Option<PathBuf>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            precision: Precision::default(),
            batches: Batches::up_to(1),
            size: None,
            workspace: None,
            level: None,
            tf32: false,
            version_compatible: false,
            timing_cache: None,
        }
    }
}

/// Builds a plan. Takes seconds to many minutes, and the whole GPU while it measures; the calling
/// thread waits. `progress` is called by TensorRT 10 and later; 8.6 only logs.
///
/// # Errors
/// [`TensorRtError::Parse`] with operator and node; [`TensorRtError::Unbuildable`] for what the file
/// and the options do not agree on; [`TensorRtError::Cancelled`]; [`TensorRtError::CannotBuild`];
/// [`TensorRtError::OutOfMemory`]; [`TensorRtError::Call`] with what TensorRT says.
pub fn build(
    library: &Library,
    context: &Context,
    onnx: &[u8],
    path: &Path,
    options: &BuildOptions,
    progress: ProgressCallback,
    cancel: &Cancel,
) -> Result<Vec<u8>, TensorRtError> {
    let job = Job {
        library,
        path,
        options,
        cancel,
    };
    job.go_on()?;
    library.can_build()?;
    let unbuildable = |reason| job.unbuildable(reason);
    let summary = Summary::of(onnx).map_err(|e| unbuildable(format!("it is no ONNX file: {e}")))?;
    let typing = typing(library, options.precision, &summary).map_err(unbuildable)?;
    let onnx = prepared(library, onnx, path, &typing, &summary).map_err(unbuildable)?;
    job.go_on()?;
    let _current = context.enter()?;
    job.run(
        &onnx,
        &summary,
        &typing,
        &Monitor::new(progress, cancel.clone()),
    )
}

/// A build.
struct Job<'a> {
    library: &'a Library,
    path: &'a Path,
    options: &'a BuildOptions,
    cancel: &'a Cancel,
}

impl Job<'_> {
    fn unbuildable(&self, reason: String) -> TensorRtError {
        TensorRtError::Unbuildable {
            model: self.path.to_owned(),
            reason,
        }
    }

    /// # Errors
    /// It was given up.
    fn go_on(&self) -> Result<(), TensorRtError> {
        if self.cancel.is_cancelled() {
            return Err(TensorRtError::Cancelled {
                model: self.path.to_owned(),
            });
        }
        Ok(())
    }

    /// What TensorRT has to do with it. The context is current.
    fn run(
        &self,
        onnx: &[u8],
        summary: &Summary,
        typing: &Typing,
        monitor: &Monitor,
    ) -> Result<Vec<u8>, TensorRtError> {
        let (library, family) = (self.library, self.library.family());
        // Each is destroyed before those above it, as TensorRT wants.
        let builder = library.create_builder()?;
        let network = library.owned("createNetworkV2", || {
            let flags = typing.network_flags;
            // SAFETY: the builder is alive, and this thread's alone, here and below.
            unsafe { call!(family, builder.raw(), VBuilder.create_network_v2(flags)) }
        })?;
        let config = library.owned("createBuilderConfig", || {
            // SAFETY: as above.
            unsafe { call!(family, builder.raw(), VBuilder.create_builder_config()) }
        })?;
        // SAFETY: the network outlives the parser.
        let _parser = unsafe { parser::parse(library, network.raw(), onnx, self.path, summary)? };
        // SAFETY: the network is one of this version.
        let inputs = unsafe { parser::inputs(family, network.raw()) };
        let unbuildable = |reason| self.unbuildable(reason);
        add_profile(
            library,
            &builder,
            &config,
            &inputs,
            self.options,
            &unbuildable,
        )?;
        configure(library, &builder, &config, self.options, typing);
        set_monitor(family, &config, monitor);
        let timing = self.options.timing_cache.as_deref();
        let timing = timing.map(|file| TimingCache::open(library, file, &config));
        self.go_on()?;
        let plan = library.owned("buildSerializedNetwork", || {
            let (network, config) = (network.raw(), config.raw());
            // SAFETY: all three are alive; the parser keeps the weights.
            unsafe {
                call!(
                    family,
                    builder.raw(),
                    VBuilder.build_serialized_network(network, config)
                )
            }
        });
        // What TensorRT says of a build that it was told to give up is of no interest.
        self.go_on()?;
        let plan = bytes_of(family, &plan?);
        if let Some(timing) = timing {
            timing.save();
        }
        Ok(plan)
    }
}

/// What follows of precision, version and file.
struct Typing {
    network_flags: u32,
    convert: bool,
    fp16_flag: bool,
    int8_flag: bool,
}

fn typing(library: &Library, precision: Precision, file: &Summary) -> Result<Typing, String> {
    // `kEXPLICIT_BATCH` of 8.6 and `kSTRONGLY_TYPED` of 10; 11 has both always.
    let (explicit_batch, strongly_typed) = (1, 2);
    let by_flag = |network_flags| Typing {
        network_flags,
        convert: false,
        fp16_flag: precision != Precision::File || file.is_half,
        int8_flag: file.is_quantised,
    };
    let by_file = |network_flags| Typing {
        network_flags,
        convert: precision == Precision::Fp16 && !file.is_half,
        fp16_flag: false,
        int8_flag: false,
    };
    match (library.family(), precision) {
        (Family::V8, _) => Ok(by_flag(explicit_batch)),
        (Family::V10, Precision::Fp16Flag) => Ok(by_flag(0)),
        (Family::V10, _) => Ok(by_file(strongly_typed)),
        (Family::V11, Precision::Fp16Flag) => Err(format!(
            "TensorRT {} has no flag for FP16 any more: choose fp16, which converts the file",
            library.version()
        )),
        (Family::V11, _) => Ok(by_file(0)),
    }
}

/// The file, in FP16 where that is wanted.
fn prepared<'a>(
    library: &Library,
    onnx: &'a [u8],
    path: &Path,
    typing: &Typing,
    file: &Summary,
) -> Result<Cow<'a, [u8]>, String> {
    if !typing.convert {
        return Ok(Cow::Borrowed(onnx));
    }
    let options = HalfOptions {
        folder: file
            .has_external_data
            .then(|| path.parent().unwrap_or(Path::new("")).to_owned()),
        ..HalfOptions::default()
    };
    let converted = half::convert(onnx, &options).map_err(|e| e.to_string())?;
    library
        .logger()
        .say(Severity::Info, &converted.report.to_string());
    Ok(Cow::Owned(converted.onnx))
}

fn configure(
    library: &Library,
    builder: &Owned,
    config: &Owned,
    options: &BuildOptions,
    typing: &Typing,
) {
    let family = library.family();
    let version_compatible = match family {
        Family::V8 => 15,
        Family::V10 => 13,
        Family::V11 => 12,
    };
    if !options.tf32 {
        // `kTF32`; 8.6 has a flag more before it.
        let flag = if family == Family::V8 { 7 } else { 6 };
        // SAFETY: the configuration is alive and this thread's alone, here and below.
        unsafe { call!(family, config.raw(), VBuilderConfig.clear_flag(flag)) };
    }
    let flags = [
        (typing.fp16_flag, FLAG_FP16),
        (typing.int8_flag, FLAG_INT8),
        (options.version_compatible, version_compatible),
    ];
    for (_, flag) in flags.into_iter().filter(|(wanted, _)| *wanted) {
        // SAFETY: as above.
        unsafe { call!(family, config.raw(), VBuilderConfig.set_flag(flag)) };
    }
    if let Some(bytes) = options.workspace {
        // SAFETY: as above.
        unsafe {
            call!(
                family,
                config.raw(),
                VBuilderConfig.set_memory_pool_limit(POOL_WORKSPACE, bytes)
            )
        };
    }
    if let Some(level) = options.level {
        let level = i32::from(level.min(5));
        // SAFETY: as above.
        unsafe {
            call!(
                family,
                config.raw(),
                VBuilderConfig.set_builder_optimization_level(level)
            )
        };
    }
    if typing.fp16_flag && !has_fast_fp16(family, builder) {
        let text = "this GPU is no faster in FP16 than in FP32";
        library.logger().say(Severity::Warning, text);
    }
}

fn has_fast_fp16(family: Family, builder: &Owned) -> bool {
    // SAFETY: the builder is alive and this thread's alone.
    unsafe {
        let this = super::abi::implementation(builder.raw());
        match family {
            Family::V8 => ((*table::<v8::VBuilder>(this)).platform_has_fast_fp16)(this),
            Family::V10 => ((*table::<v10::VBuilder>(this)).platform_has_fast_fp16)(this),
            // It serves no GPU that is not.
            Family::V11 => true,
        }
    }
}

fn set_monitor(family: Family, config: &Owned, monitor: &Monitor) {
    // SAFETY: the configuration is alive, and gone before the monitor.
    unsafe {
        let this = super::abi::implementation(config.raw());
        match family {
            Family::V8 => {}
            Family::V10 => {
                ((*table::<v10::VBuilderConfig>(this)).set_progress_monitor)(this, monitor.raw())
            }
            Family::V11 => {
                ((*table::<v11::VBuilderConfig>(this)).set_progress_monitor)(this, monitor.raw())
            }
        }
    }
}

/// A copy of what an `IHostMemory` holds.
pub(super) fn bytes_of(family: Family, memory: &Owned) -> Vec<u8> {
    // SAFETY: the object is alive, and what it points to lives as long as it.
    unsafe {
        let data = call!(family, memory.raw(), VHostMemory.data());
        let size = call!(family, memory.raw(), VHostMemory.size());
        if data.is_null() {
            return Vec::new();
        }
        std::slice::from_raw_parts(data.cast::<u8>(), size).to_vec()
    }
}
