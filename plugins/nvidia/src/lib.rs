//! NVIDIA GPUs, with nothing of NVIDIA's needed to build and nothing needed at run time by those who
//! have no such GPU: the driver, TensorRT and GStreamer's CUDA library are opened when asked for.
//!
//! | module | what it does |
//! |---|---|
//! | [`driver`] | the CUDA driver: contexts, streams, memory, kernels, graphs |
//! | [`kernels`] | pictures to tensors, outputs to boxes, on the GPU |
//! | [`pipeline`] | what one worker does on a GPU: pictures in, boxes out |
//! | [`deepstream`] | DeepStream's metadata, to and from GstAnalytics |
//! | [`memory`] | pictures in GPU memory: `memory:NVMM` and `memory:CUDAMemory` |
//! | [`onnx`] | ONNX files: what is in them, and the same network in FP16 |
//! | [`tensorrt`] | TensorRT 8.6, 10 and 11: ONNX to plan, plan to runs on a stream |

pub mod deepstream;
pub mod driver;
pub mod kernels;
pub mod memory;
pub mod onnx;
pub mod pipeline;
pub mod tensorrt;
