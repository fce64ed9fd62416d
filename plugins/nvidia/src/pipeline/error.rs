//! What can go wrong with a batch.

use crate::driver::{DriverError, Lost};

/// A batch, or the memory for one, that failed.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The driver's.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The engine's.
    #[error(transparent)]
    Network(Box<dyn std::error::Error + Send + Sync>),
    /// A single picture needs more memory than is allowed.
    #[error(
        "a single picture needs {} of GPU memory beside the engine, and {} are allowed",
        Mib(*needed),
        Mib(*budget)
    )]
    Budget {
        /// Bytes for one picture.
        needed: usize,
        /// Bytes that are allowed.
        budget: usize,
    },
    /// The engine's outputs are not what the decoding reads.
    #[error("output {index} of the engine has {found} bytes a picture, {needed} are to be decoded")]
    Output {
        /// Which one.
        index: usize,
        /// What the engine has; 0 where it has no such output.
        found: usize,
        /// What the layout needs.
        needed: usize,
    },
    /// A plane does not hold its rows.
    #[error("plane {plane} of a picture has {found} bytes, {needed} are needed")]
    Plane {
        /// Which one.
        plane: usize,
        /// Bytes that there are.
        found: usize,
        /// Bytes that the format needs.
        needed: usize,
    },
    /// More pictures than there is room for.
    #[error("picture {slot} of a batch that has room for {capacity}")]
    Slot {
        /// Its number, from 0.
        slot: usize,
        /// Room of the batch.
        capacity: usize,
    },
    /// The batch before is not waited for, or there is none to wait for.
    #[error("a batch {}", if *running { "is still running" } else { "was not started" })]
    State {
        /// Whether one is running.
        running: bool,
    },
}

impl PipelineError {
    /// Whether less memory would have helped.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Driver(error) => error.is_out_of_memory(),
            Self::Budget { .. } => true,
            _ => false,
        }
    }

    /// What of the GPU is lost, if anything is.
    pub fn lost(&self) -> Option<Lost> {
        match self {
            Self::Driver(error) => error.lost(),
            _ => None,
        }
    }
}

/// Bytes, for people.
struct Mib(usize);

impl std::fmt::Display for Mib {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} MiB", self.0 as f64 / f64::from(1 << 20))
    }
}
