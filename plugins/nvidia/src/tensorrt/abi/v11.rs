//! Slots of TensorRT 11: written by `tools/tensorrt-slots`, not by hand.
//!
//! Each method is at this slot in 11.0, 11.4.

pub use super::Dims64 as Dims;
use std::ffi::{c_char, c_void};

/// `VHostMemory`, up to the last slot that is used.
#[repr(C)]
pub struct VHostMemory {
    _0: [usize; 2],
    /// Slot 2: `void* data() const`.
    pub data: unsafe extern "C" fn(this: *mut c_void) -> *mut c_void,
    /// Slot 3: `std::size_t size() const`.
    pub size: unsafe extern "C" fn(this: *mut c_void) -> usize,
}

/// `VRuntime`, up to the last slot that is used.
#[repr(C)]
pub struct VRuntime {
    _0: [usize; 3],
    /// Slot 3: `nvinfer1::ICudaEngine* deserializeCudaEngine(void const* blob, std::size_t size)`.
    pub deserialize_cuda_engine: unsafe extern "C" fn(this: *mut c_void, blob: *const c_void, size: usize) -> *mut c_void,
    _4: [usize; 16],
    /// Slot 20: `void setEngineHostCodeAllowed(bool allowed)`.
    pub set_engine_host_code_allowed: unsafe extern "C" fn(this: *mut c_void, allowed: bool),
}

/// `VCudaEngine`, up to the last slot that is used.
#[repr(C)]
pub struct VCudaEngine {
    _0: [usize; 5],
    /// Slot 5: `IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy strategy)`.
    pub create_execution_context: unsafe extern "C" fn(this: *mut c_void, strategy: i32) -> *mut c_void,
    _6: [usize; 2],
    /// Slot 8: `int32_t getNbOptimizationProfiles() const`.
    pub get_nb_optimization_profiles: unsafe extern "C" fn(this: *mut c_void) -> i32,
    _9: [usize; 6],
    /// Slot 15: `Dims getTensorShape(char const* tensorName) const`.
    pub get_tensor_shape: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char) -> Dims,
    /// Slot 16: `DataType getTensorDataType(char const* tensorName) const`.
    pub get_tensor_data_type: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char) -> i32,
    /// Slot 17: `TensorLocation getTensorLocation(char const* tensorName) const`.
    pub get_tensor_location: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char) -> i32,
    _18: [usize; 1],
    /// Slot 19: `TensorIOMode getTensorIOMode(char const* tensorName) const`.
    pub get_tensor_io_mode: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char) -> i32,
    _20: [usize; 2],
    /// Slot 22: `TensorFormat getTensorFormat(char const* tensorName) const`.
    pub get_tensor_format: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char) -> i32,
    /// Slot 23: `char const* getTensorFormatDesc(char const* tensorName) const`.
    pub get_tensor_format_desc: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char) -> *const c_char,
    _24: [usize; 1],
    /// Slot 25: `Dims getProfileShape(char const* tensorName, int32_t profileIndex, OptProfileSelector select) const`.
    pub get_profile_shape: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char, profile_index: i32, select: i32) -> Dims,
    /// Slot 26: `int32_t getNbIOTensors() const`.
    pub get_nb_io_tensors: unsafe extern "C" fn(this: *mut c_void) -> i32,
    /// Slot 27: `char const* getIOTensorName(int32_t index) const`.
    pub get_io_tensor_name: unsafe extern "C" fn(this: *mut c_void, index: i32) -> *const c_char,
    _28: [usize; 16],
    /// Slot 44: `int64_t getDeviceMemorySizeV2() const`.
    pub get_device_memory_size_v2: unsafe extern "C" fn(this: *mut c_void) -> i64,
}

/// `VExecutionContext`, up to the last slot that is used.
#[repr(C)]
pub struct VExecutionContext {
    _0: [usize; 20],
    /// Slot 20: `bool setInputShape(char const* tensorName, Dims const& dims)`.
    pub set_input_shape: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char, dims: *const Dims) -> bool,
    /// Slot 21: `Dims getTensorShape(char const* tensorName) const`.
    pub get_tensor_shape: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char) -> Dims,
    _22: [usize; 1],
    /// Slot 23: `bool setTensorAddress(char const* tensorName, void* data)`.
    pub set_tensor_address: unsafe extern "C" fn(this: *mut c_void, tensor_name: *const c_char, data: *mut c_void) -> bool,
    _24: [usize; 3],
    /// Slot 27: `int32_t inferShapes(int32_t nbMaxNames, char const** tensorNames)`.
    pub infer_shapes: unsafe extern "C" fn(this: *mut c_void, nb_max_names: i32, tensor_names: *mut *const c_char) -> i32,
    _28: [usize; 8],
    /// Slot 36: `bool enqueueV3(cudaStream_t stream)`.
    pub enqueue_v3: unsafe extern "C" fn(this: *mut c_void, stream: *mut c_void) -> bool,
}

/// `VBuilder`, up to the last slot that is used.
#[repr(C)]
pub struct VBuilder {
    _0: [usize; 5],
    /// Slot 5: `nvinfer1::IBuilderConfig* createBuilderConfig()`.
    pub create_builder_config: unsafe extern "C" fn(this: *mut c_void) -> *mut c_void,
    /// Slot 6: `nvinfer1::INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags flags)`.
    pub create_network_v2: unsafe extern "C" fn(this: *mut c_void, flags: u32) -> *mut c_void,
    /// Slot 7: `nvinfer1::IOptimizationProfile* createOptimizationProfile()`.
    pub create_optimization_profile: unsafe extern "C" fn(this: *mut c_void) -> *mut c_void,
    _8: [usize; 3],
    /// Slot 11: `nvinfer1::IHostMemory* buildSerializedNetwork(INetworkDefinition& network, IBuilderConfig& config)`.
    pub build_serialized_network: unsafe extern "C" fn(this: *mut c_void, network: *mut c_void, config: *mut c_void) -> *mut c_void,
}

/// `VBuilderConfig`, up to the last slot that is used.
#[repr(C)]
pub struct VBuilderConfig {
    _0: [usize; 8],
    /// Slot 8: `void clearFlag(BuilderFlag builderFlag)`.
    pub clear_flag: unsafe extern "C" fn(this: *mut c_void, builder_flag: i32),
    /// Slot 9: `void setFlag(BuilderFlag builderFlag)`.
    pub set_flag: unsafe extern "C" fn(this: *mut c_void, builder_flag: i32),
    _10: [usize; 13],
    /// Slot 23: `int32_t addOptimizationProfile(IOptimizationProfile const* profile)`.
    pub add_optimization_profile: unsafe extern "C" fn(this: *mut c_void, profile: *const c_void) -> i32,
    _24: [usize; 5],
    /// Slot 29: `nvinfer1::ITimingCache* createTimingCache(void const* blob, std::size_t size) const`.
    pub create_timing_cache: unsafe extern "C" fn(this: *mut c_void, blob: *const c_void, size: usize) -> *mut c_void,
    /// Slot 30: `bool setTimingCache(ITimingCache const& cache, bool ignoreMismatch)`.
    pub set_timing_cache: unsafe extern "C" fn(this: *mut c_void, cache: *const c_void, ignore_mismatch: bool) -> bool,
    /// Slot 31: `nvinfer1::ITimingCache const* getTimingCache() const`.
    pub get_timing_cache: unsafe extern "C" fn(this: *mut c_void) -> *const c_void,
    /// Slot 32: `void setMemoryPoolLimit(MemoryPoolType pool, std::size_t poolSize)`.
    pub set_memory_pool_limit: unsafe extern "C" fn(this: *mut c_void, pool: i32, pool_size: usize),
    _33: [usize; 3],
    /// Slot 36: `void setBuilderOptimizationLevel(int32_t level)`.
    pub set_builder_optimization_level: unsafe extern "C" fn(this: *mut c_void, level: i32),
    _37: [usize; 8],
    /// Slot 45: `void setProgressMonitor(IProgressMonitor* monitor)`.
    pub set_progress_monitor: unsafe extern "C" fn(this: *mut c_void, monitor: *mut c_void),
}

/// `VNetworkDefinition`, up to the last slot that is used.
#[repr(C)]
pub struct VNetworkDefinition {
    _0: [usize; 12],
    /// Slot 12: `int32_t getNbLayers() const`.
    pub get_nb_layers: unsafe extern "C" fn(this: *mut c_void) -> i32,
    _13: [usize; 1],
    /// Slot 14: `int32_t getNbInputs() const`.
    pub get_nb_inputs: unsafe extern "C" fn(this: *mut c_void) -> i32,
    /// Slot 15: `ITensor* getInput(int32_t index) const`.
    pub get_input: unsafe extern "C" fn(this: *mut c_void, index: i32) -> *mut c_void,
}

/// `VOptimizationProfile`, up to the last slot that is used.
#[repr(C)]
pub struct VOptimizationProfile {
    _0: [usize; 2],
    /// Slot 2: `bool setDimensions(char const* inputName, OptProfileSelector select, Dims const& dims)`.
    pub set_dimensions: unsafe extern "C" fn(this: *mut c_void, input_name: *const c_char, select: i32, dims: *const Dims) -> bool,
    _3: [usize; 4],
    /// Slot 7: `bool isValid() const`.
    pub is_valid: unsafe extern "C" fn(this: *mut c_void) -> bool,
}

/// `VTensor`, up to the last slot that is used.
#[repr(C)]
pub struct VTensor {
    _0: [usize; 3],
    /// Slot 3: `char const* getName() const`.
    pub get_name: unsafe extern "C" fn(this: *mut c_void) -> *const c_char,
    _4: [usize; 1],
    /// Slot 5: `Dims getDimensions() const`.
    pub get_dimensions: unsafe extern "C" fn(this: *mut c_void) -> Dims,
}

/// `VTimingCache`, up to the last slot that is used.
#[repr(C)]
pub struct VTimingCache {
    _0: [usize; 2],
    /// Slot 2: `nvinfer1::IHostMemory* serialize() const`.
    pub serialize: unsafe extern "C" fn(this: *mut c_void) -> *mut c_void,
    /// Slot 3: `bool combine(ITimingCache const& inputCache, bool ignoreMismatch)`.
    pub combine: unsafe extern "C" fn(this: *mut c_void, input_cache: *const c_void, ignore_mismatch: bool) -> bool,
}

/// `IParser`, up to the last slot that is used.
#[repr(C)]
pub struct IParser {
    /// Slot 0: `bool parse(void const* serialized_onnx_model, size_t serialized_onnx_model_size, const char* model_path = nullptr)`.
    pub parse: unsafe extern "C" fn(this: *mut c_void, serialized_onnx_model: *const c_void, serialized_onnx_model_size: usize, model_path: *const c_char) -> bool,
    _1: [usize; 2],
    /// Slot 3: `int getNbErrors() const`.
    pub get_nb_errors: unsafe extern "C" fn(this: *mut c_void) -> i32,
    /// Slot 4: `IParserError const* getError(int index) const`.
    pub get_error: unsafe extern "C" fn(this: *mut c_void, index: i32) -> *const c_void,
    _5: [usize; 2],
    /// Slot 7: `~IParser()`.
    pub delete: unsafe extern "C" fn(this: *mut c_void),
}

/// `IParserError`, up to the last slot that is used.
#[repr(C)]
pub struct IParserError {
    /// Slot 0: `ErrorCode code() const`.
    pub code: unsafe extern "C" fn(this: *mut c_void) -> i32,
    /// Slot 1: `char const* desc() const`.
    pub desc: unsafe extern "C" fn(this: *mut c_void) -> *const c_char,
    /// Slot 2: `char const* file() const`.
    pub file: unsafe extern "C" fn(this: *mut c_void) -> *const c_char,
    /// Slot 3: `int line() const`.
    pub line: unsafe extern "C" fn(this: *mut c_void) -> i32,
    /// Slot 4: `char const* func() const`.
    pub func: unsafe extern "C" fn(this: *mut c_void) -> *const c_char,
    /// Slot 5: `int node() const`.
    pub node: unsafe extern "C" fn(this: *mut c_void) -> i32,
    /// Slot 6: `char const* nodeName() const`.
    pub node_name: unsafe extern "C" fn(this: *mut c_void) -> *const c_char,
    /// Slot 7: `char const* nodeOperator() const`.
    pub node_operator: unsafe extern "C" fn(this: *mut c_void) -> *const c_char,
}
