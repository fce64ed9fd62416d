//! Running a plan: an engine, which is shared, and execution contexts, one for each worker.

use super::abi::{Family, Owned, Shape, call, text};
use super::error::TensorRtError;
use super::library::Library;
use super::plan::Plan;
use super::tensor::{DataType, Profile, Tensor, written};
use crate::driver::{CUdeviceptr, Context, Stream};
use std::ffi::{CString, c_char};
use std::sync::Arc;

const IO_INPUT: i32 = 1;
const LOCATION_DEVICE: i32 = 0;
const FORMAT_LINEAR: i32 = 0;
const SELECT_MIN: i32 = 0;
const SELECT_OPT: i32 = 1;
const SELECT_MAX: i32 = 2;
/// `ExecutionContextAllocationStrategy::kSTATIC`: memory for the largest shape, taken once.
const STATIC: i32 = 0;

/// A network that is ready to run on one GPU. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    object: Owned,
    runtime: Owned,
    tensors: Vec<Tensor>,
    names: Vec<CString>,
    memory: usize,
    plan_bytes: usize,
    context: Context,
    library: Library,
}

// SAFETY: what is called of an engine that is shared is const, or makes an execution context, which
// TensorRT allows from several threads at once.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // TensorRT wants engines gone before their runtime.
        // They give back memory of the context that is current. A context that is lost cannot be
        // made that any more; TensorRT then finds nothing to give back.
        let _current = self.context.enter();
        self.object.destroy();
        self.runtime.destroy();
    }
}

impl Engine {
    /// An engine of a plan, in this context.
    ///
    /// `trusted` says that code in the plan may be run: version-compatible plans carry the runtime
    /// that they were built with.
    ///
    /// # Errors
    /// [`TensorRtError::Plan`] where TensorRT does not take it, with what it says;
    /// [`TensorRtError::OutOfMemory`]; the driver's.
    pub fn load(
        library: &Library,
        context: &Context,
        plan: &Plan,
        trusted: bool,
    ) -> Result<Self, TensorRtError> {
        plan.check(library.version())?;
        let _current = context.enter()?;
        let family = library.family();
        let runtime = library.create_runtime()?;
        let object = library.owned("deserializeCudaEngine", || {
            let (data, size) = (plan.bytes().as_ptr().cast(), plan.bytes().len());
            // SAFETY: the runtime is alive and not shared yet; the plan is `size` bytes.
            unsafe {
                call!(
                    family,
                    runtime.raw(),
                    VRuntime.set_engine_host_code_allowed(trusted)
                );
                let this = super::abi::implementation(runtime.raw());
                use super::abi::{table, v8, v10, v11};
                match family {
                    Family::V8 => {
                        let call = (*table::<v8::VRuntime>(this)).deserialize_cuda_engine;
                        call(this, data, size, std::ptr::null_mut())
                    }
                    Family::V10 => {
                        ((*table::<v10::VRuntime>(this)).deserialize_cuda_engine)(this, data, size)
                    }
                    Family::V11 => {
                        ((*table::<v11::VRuntime>(this)).deserialize_cuda_engine)(this, data, size)
                    }
                }
            }
        });
        let object = object.map_err(|error| refused(library, context, plan, error))?;
        let names = names(family, &object)?;
        let tensors = (names.iter())
            .map(|name| inspect(family, &object, name))
            .collect();
        let memory = device_memory(family, &object);
        Ok(Self(Arc::new(Inner {
            object,
            runtime,
            tensors,
            names,
            memory,
            plan_bytes: plan.bytes().len(),
            context: context.clone(),
            library: library.clone(),
        })))
    }

    /// Inputs and outputs, in the engine's order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.0.tensors
    }

    /// Inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &Tensor> {
        self.0.tensors.iter().filter(|tensor| tensor.is_input)
    }

    /// Outputs.
    pub fn outputs(&self) -> impl Iterator<Item = &Tensor> {
        self.0.tensors.iter().filter(|tensor| !tensor.is_input)
    }

    /// Bytes of GPU memory that each execution context takes for what is between the layers; the
    /// weights, which are shared, come on top.
    pub fn device_memory(&self) -> usize {
        self.0.memory
    }

    /// Bytes of its plan: about as many as its weights take on the GPU.
    pub fn plan_bytes(&self) -> usize {
        self.0.plan_bytes
    }

    /// Where it runs.
    pub fn context(&self) -> &Context {
        &self.0.context
    }

    /// Whose it is.
    pub fn library(&self) -> &Library {
        &self.0.library
    }

    fn index(&self, name: &str) -> Result<usize, TensorRtError> {
        let names = || -> Vec<_> { self.tensors().iter().map(|t| t.name.as_str()).collect() };
        (self.tensors().iter().position(|t| t.name == name)).ok_or_else(|| TensorRtError::Shape {
            what: format!("a tensor '{name}'"),
            needed: format!("it has {}", names().join(", ")),
        })
    }
}

/// One run at a time of an engine; made once for each worker, and used by one thread at a time.
#[derive(Debug)]
pub struct ExecutionContext {
    object: Owned,
    engine: Engine,
}

impl Drop for ExecutionContext {
    fn drop(&mut self) {
        let _current = self.engine.context().enter();
        self.object.destroy();
    }
}

impl ExecutionContext {
    /// Takes [`device_memory`](Engine::device_memory) from the GPU.
    ///
    /// # Errors
    /// [`TensorRtError::OutOfMemory`]; the driver's.
    pub fn new(engine: &Engine) -> Result<Self, TensorRtError> {
        let _current = engine.context().enter()?;
        let library = engine.library();
        let object = library.owned("createExecutionContext", || {
            // SAFETY: the engine is alive, and may make contexts from any thread.
            unsafe {
                use super::abi::{table, v8, v10, v11};
                let this = super::abi::implementation(engine.0.object.raw());
                match library.family() {
                    Family::V8 => {
                        ((*table::<v8::VCudaEngine>(this)).create_execution_context)(this)
                    }
                    Family::V10 => {
                        ((*table::<v10::VCudaEngine>(this)).create_execution_context)(this, STATIC)
                    }
                    Family::V11 => {
                        ((*table::<v11::VCudaEngine>(this)).create_execution_context)(this, STATIC)
                    }
                }
            }
        })?;
        Ok(Self {
            object,
            engine: engine.clone(),
        })
    }

    /// Whose it is.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Chooses the shape of an input for the runs that follow.
    ///
    /// # Errors
    /// [`TensorRtError::Shape`] where the engine was not built for it.
    pub fn set_input_shape(&mut self, name: &str, shape: &[i64]) -> Result<(), TensorRtError> {
        let index = self.engine.index(name)?;
        let tensor = &self.engine.tensors()[index];
        check_shape(tensor, shape)?;
        let _current = self.engine.context().enter()?;
        let library = self.engine.library();
        let c_name = self.engine.0.names[index].as_ptr();
        library.done("setInputShape", || {
            // SAFETY: the context is alive and used by this thread alone; name and shape live
            // through the call.
            unsafe {
                call!(
                    library.family(),
                    self.object.raw(),
                    VExecutionContext.set_input_shape(c_name, &Dims::from(shape))
                )
            }
        })
    }

    /// The shape that a tensor has in the next run; none while it depends on an input's that is not
    /// set, or on what that input will hold.
    ///
    /// # Errors
    /// There is no such tensor.
    pub fn shape(&self, name: &str) -> Result<Option<Shape>, TensorRtError> {
        let name = self.engine.0.names[self.engine.index(name)?].as_ptr();
        let family = self.engine.library().family();
        // SAFETY: as in `set_input_shape`.
        let shape = unsafe {
            call!(
                family,
                self.object.raw(),
                VExecutionContext.get_tensor_shape(name).shape()
            )
        };
        Ok(shape.filter(|shape| shape.iter().all(|extent| *extent >= 0)))
    }

    /// Where a tensor is in the runs that follow.
    ///
    /// # Safety
    /// The memory must be of this engine's context, hold the tensor's shape, and stay until the runs
    /// are done.
    ///
    /// # Errors
    /// There is no such tensor, or TensorRT does not take the address.
    pub unsafe fn set_address(
        &mut self,
        name: &str,
        address: CUdeviceptr,
    ) -> Result<(), TensorRtError> {
        let index = self.engine.index(name)?;
        let library = self.engine.library();
        let name = self.engine.0.names[index].as_ptr();
        library.done("setTensorAddress", || {
            let address = address as usize as *mut std::ffi::c_void;
            // SAFETY: as in `set_input_shape`; the address by the caller.
            unsafe {
                call!(
                    library.family(),
                    self.object.raw(),
                    VExecutionContext.set_tensor_address(name, address)
                )
            }
        })
    }

    /// Inputs and outputs for which something is missing before it can run; empty when nothing is.
    ///
    /// # Errors
    /// The shapes contradict each other.
    pub fn missing(&self) -> Result<Vec<String>, TensorRtError> {
        let mut names = vec![std::ptr::null::<c_char>(); self.engine.tensors().len()];
        let library = self.engine.library();
        library.logger().forget();
        // SAFETY: as in `set_input_shape`; `names` has room for as many as are told.
        let count = unsafe {
            call!(
                library.family(),
                self.object.raw(),
                VExecutionContext.infer_shapes(names.len() as i32, names.as_mut_ptr())
            )
        };
        let count = usize::try_from(count).map_err(|_| library.failed("inferShapes"))?;
        // SAFETY: that many names have been filled in, and are the engine's.
        Ok(names
            .iter()
            .take(count)
            .map(|name| unsafe { text(*name) })
            .collect())
    }

    /// Queues one run. Returns when it is queued; an error of the run itself comes out of the
    /// stream later.
    ///
    /// # Errors
    /// [`TensorRtError::Driver`] where the GPU is lost; [`TensorRtError::OutOfMemory`];
    /// [`TensorRtError::Call`] with what TensorRT says.
    pub fn enqueue(&mut self, stream: &Stream) -> Result<(), TensorRtError> {
        let _current = self.engine.context().enter()?;
        let library = self.engine.library();
        let run = || {
            let stream = stream.raw().cast();
            // SAFETY: the context is alive and used by this thread alone; the stream is of the same
            // context; memory by the caller of `set_address`.
            unsafe {
                call!(
                    library.family(),
                    self.object.raw(),
                    VExecutionContext.enqueue_v3(stream)
                )
            }
        };
        library.done("enqueueV3", run).map_err(|error| {
            // A stream of a lost context says so, in better words than TensorRT's.
            match stream.is_done() {
                Err(driver) if driver.lost().is_some() => driver.into(),
                _ => error,
            }
        })
    }
}

/// Whether an input takes a shape, before TensorRT is asked, which only logs.
fn check_shape(tensor: &Tensor, shape: &[i64]) -> Result<(), TensorRtError> {
    let fits = shape.len() == tensor.shape.len()
        && match &tensor.profile {
            Some(profile) => (shape.iter().zip(&profile.min).zip(&profile.max))
                .all(|((extent, min), max)| (min..=max).contains(&extent)),
            None => shape == tensor.shape,
        };
    if fits {
        return Ok(());
    }
    let needed = match &tensor.profile {
        Some(p) if p.min != p.max => {
            format!(
                "it was built for {} to {}",
                written(&p.min),
                written(&p.max)
            )
        }
        Some(p) => format!("it was built for {}", written(&p.max)),
        None => format!("it was built for {}", written(&tensor.shape)),
    };
    Err(TensorRtError::Shape {
        what: format!("{} for input '{}'", written(shape), tensor.name),
        needed,
    })
}

/// The error of a plan that TensorRT refuses, with what is known of where it was built.
fn refused(
    library: &Library,
    context: &Context,
    plan: &Plan,
    error: TensorRtError,
) -> TensorRtError {
    let TensorRtError::Call { log, .. } = error else {
        return error;
    };
    let (major, minor) = context.device().capability();
    let by = plan
        .built_by()
        .map_or(String::new(), |version| format!(", built by {version},"));
    let said = if log.is_empty() {
        String::new()
    } else {
        format!(" ({log})")
    };
    TensorRtError::Plan {
        path: plan.path().to_owned(),
        reason: format!(
            "TensorRT {} does not take this plan{by} on {} (sm_{major}{minor}){said}. A plan runs on \
             the version and the architecture of GPU that it was built for: build it again here",
            library.version(),
            context.device().name(),
        ),
    }
}

fn names(family: Family, engine: &Owned) -> Result<Vec<CString>, TensorRtError> {
    // SAFETY: the engine is alive; the names are its own.
    let (count, name) = unsafe {
        let count = call!(family, engine.raw(), VCudaEngine.get_nb_io_tensors());
        let name = |i| {
            text(call!(
                family,
                engine.raw(),
                VCudaEngine.get_io_tensor_name(i)
            ))
        };
        (count, name)
    };
    (0..count)
        .map(|index| {
            CString::new(name(index)).map_err(|_| TensorRtError::Call {
                call: "getIOTensorName",
                log: String::new(),
            })
        })
        .collect()
}

fn inspect(family: Family, engine: &Owned, c_name: &CString) -> Tensor {
    let (raw, name) = (engine.raw(), c_name.as_ptr());
    // SAFETY: the engine is alive, and has a tensor of this name.
    unsafe {
        let is_input = call!(family, raw, VCudaEngine.get_tensor_io_mode(name)) == IO_INPUT;
        let profiles = call!(family, raw, VCudaEngine.get_nb_optimization_profiles());
        let bound = |select| {
            call!(
                family,
                raw,
                VCudaEngine.get_profile_shape(name, 0, select).shape()
            )
        };
        let profile = (is_input && profiles > 0)
            .then(|| {
                Some(Profile {
                    min: bound(SELECT_MIN)?,
                    opt: bound(SELECT_OPT)?,
                    max: bound(SELECT_MAX)?,
                })
            })
            .flatten();
        Tensor {
            name: c_name.to_string_lossy().into_owned(),
            is_input,
            shape: call!(family, raw, VCudaEngine.get_tensor_shape(name).shape())
                .unwrap_or_default(),
            data_type: DataType::of(call!(family, raw, VCudaEngine.get_tensor_data_type(name))),
            is_linear: call!(family, raw, VCudaEngine.get_tensor_format(name)) == FORMAT_LINEAR,
            format: text(call!(family, raw, VCudaEngine.get_tensor_format_desc(name))),
            on_device: call!(family, raw, VCudaEngine.get_tensor_location(name)) == LOCATION_DEVICE,
            profile,
        }
    }
}

fn device_memory(family: Family, engine: &Owned) -> usize {
    // SAFETY: the engine is alive.
    unsafe {
        use super::abi::{table, v8, v10, v11};
        let this = super::abi::implementation(engine.raw());
        match family {
            Family::V8 => ((*table::<v8::VCudaEngine>(this)).get_device_memory_size)(this),
            Family::V10 => ((*table::<v10::VCudaEngine>(this)).get_device_memory_size)(this),
            Family::V11 => {
                let bytes = ((*table::<v11::VCudaEngine>(this)).get_device_memory_size_v2)(this);
                usize::try_from(bytes).unwrap_or(0)
            }
        }
    }
}
