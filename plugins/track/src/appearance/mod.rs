//! Who an object is by what it looks like: identities that outlive their tracks.
//!
//! A tracker goes by boxes. Who was hidden or away for longer than it keeps a track comes back as
//! somebody new, and who is found again where somebody else was lost may be taken for them. A model
//! that makes a vector of a picture (re-identification, "ReID") can tell: pictures of one object
//! give vectors in nearly the same direction.
//!
//! | file | what |
//! |---|---|
//! | `feature` | vectors of unit length, and how far apart two are |
//! | `sight` | how much of an object its box shows |
//! | `gallery` | what is known of each identity |
//! | `strangers` | how alike different objects look |
//! | `identities` | which identity a track has: the decisions |
//! | `crop` | a copy of the part of a frame that shows an object |
//! | `model` | from an ONNX file to vectors of crops |
//! | `worker` | the thread on which that runs |
//!
//! The tracker knows nothing of this. It numbers its tracks; [`Identities`] stands behind it and
//! says which identity each track is. So it does the same for every algorithm.
//!
//! What is taken from where: the mean that follows what was seen, and crops of clear sight only
//! (JDE, Wang et al., ECCV 2020; StrongSORT, Du et al., TMM 2023); cosine distances with a gate
//! (DeepSORT, Wojke et al., ICIP 2017); in front is whose box ends lower (the ground plane, as in
//! BoostTrack, Stanojevic & Todorovic, 2024).

mod crop;
mod feature;
mod gallery;
mod identities;
pub mod model;
mod sight;
mod strangers;
mod worker;

pub use crop::Crop;
pub use identities::{Identities, Request};
pub use sight::{Sight, sight};
pub use worker::{Embed, Job, Outcome, Report, Worker};

use crate::track::Time;

/// What identities go by. Times are in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Cosine distance, 0..2, up to which two appearances are of the same object.
    pub threshold: f32,
    /// Between two looks at an object whose identity is known.
    pub interval: Time,
    /// How long after it was last seen an identity is remembered.
    pub max_age: Time,
    /// How long an identity may be withheld while it is not clear whose it is.
    pub wait: Time,
    /// An identity stays with its class.
    pub per_class: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            threshold: 0.2,
            interval: 1_000_000_000,
            max_age: 10_000_000_000,
            wait: 300_000_000,
            per_class: true,
        }
    }
}

#[cfg(test)]
mod tests;
