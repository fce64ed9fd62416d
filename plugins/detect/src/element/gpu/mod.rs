//! What `vigildetect` has to do with NVIDIA GPUs beside running a model there.
//!
//! | file | what is in it |
//! |---|---|
//! | [`memory`] | frames in a GPU's memory: caps, and how the workers read them |
//! | [`context`] | the CUDA context that the elements of a pipeline share |
//! | [`build`] | what is told of a plan's build, and how it is given up |
//! | [`nvds`] | DeepStream's metadata: the properties, and the translation for one stream |
//! | [`deepstream`] | `engine=deepstream`: what DeepStream's elements found, in the network's place |

pub(super) mod build;
pub(super) mod context;
pub(super) mod deepstream;
pub(super) mod memory;
pub(super) mod nvds;
