//! Detection on an NVIDIA GPU: pictures are prepared, inferred and decoded there, and only boxes come
//! back.
//!
//! ```text
//!   GPU memory ────────────────┐
//!   system memory ─► upload ───┴─► preprocess ─► TensorRT ─► decode ─► boxes
//!                                                        └─► outputs ─► decoded on the CPU
//! ```
//!
//! The work itself is `vigil-nvidia`'s [`Pipeline`](vigil_nvidia::pipeline::Pipeline); here is what it
//! has to know of frames ([`picture`]), of models ([`head`]) and of what is wanted ([`wanted`]), in
//! place of what [`preprocess`](crate::preprocess) and [`decode`](crate::decode) do on the CPU.
//! Models whose outputs hold more than boxes (masks, keypoints, turned boxes) are decoded on the CPU.
//!
//! A [`GpuDetector`] belongs to one worker thread; it has a stream of its own, so that the batches of
//! two workers overlap.

mod detector;
mod head;
mod picture;
mod wanted;

pub use detector::{GpuDetector, GpuError, GpuSource};
