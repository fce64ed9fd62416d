//! Who works when: frames enter in order, are worked on by several threads, and leave in order.
//!
//! ```text
//!  streaming thread          worker threads            output thread (task of the src pad)
//!  chain() ──submit()──►  take() … finish()  ──►  pop() ──► metadata on the buffer ──► push
//!  events  ──push()───────────────────────────────►  (in their place between the frames)
//! ```
//!
//! All three meet in one [`Lane`] for each stream, whose lock is held for moving a slot only, never
//! over work. A lane has a limit of frames in flight. At the limit a stream from a file waits
//! ([`Overload::Wait`]); a live stream passes the frame on without inference
//! ([`Overload::Skip`]), so that the video is never stalled by the model. A live lane also gives a
//! frame up whose result does not come in time: see [`Lane::set_patience`].
//!
//! The workers belong to a [`Pool`], which serves any number of lanes by turns, live ones first.
//! Streams that want the same of the same model find its pool in a [`Registry`].

mod lane;
mod pool;
mod registry;
mod turns;
mod workers;

pub use lane::{Closed, Job, Lane, Output, Overload, Submitted};
pub use pool::{Batch, Pool, PoolStats, Terms};
pub use registry::Registry;
pub use workers::{Division, Mode, Taken, Work};

#[cfg(test)]
mod tests;
