//! Evaluation of trackers against ground truth, with the definitions of TrackEval
//! (Luiten, Hoffhues, 2020), so that figures can be compared with published ones.
//!
//! | file | what |
//! |---|---|
//! | `mot` | sequences in MOTChallenge's file format |
//! | `run` | a tracker over a sequence |
//! | `spec` | which sequences, and what is done to them |
//! | `prepare` | what of it counts: distractors, similarities |
//! | `hota`, `clear`, `identity` | the metrics, a file for each paper |
//!
//! Counts are additive: those of a data set are the sums of those of its sequences.

mod clear;
mod hota;
mod identity;
mod matching;
mod mot;
mod prepare;
mod run;
mod spec;

pub use clear::Clear;
pub use hota::Hota;
pub use identity::Identity;
pub use mot::{ReadError, Sequence, Truth};
pub use prepare::Hypothesis;
pub use run::{Boxes, Run};
pub use spec::{Spec, SpecError};

use std::ops::AddAssign;

/// All metrics of a tracker on a sequence, or on several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// Higher order tracking accuracy.
    pub hota: Hota,
    /// Multi-object tracking accuracy and identity switches.
    pub clear: Clear,
    /// Identification F1.
    pub identity: Identity,
}

impl Scores {
    /// Scores of what a tracker said (by frame) of a sequence.
    pub fn of(sequence: &Sequence, said: &[Vec<Hypothesis>]) -> Self {
        let prepared = prepare::Prepared::new(&sequence.truth, said);
        Self {
            hota: Hota::count(&prepared),
            clear: Clear::count(&prepared),
            identity: Identity::count(&prepared),
        }
    }
}

impl AddAssign<&Self> for Scores {
    fn add_assign(&mut self, other: &Self) {
        self.hota += &other.hota;
        self.clear += &other.clear;
        self.identity += &other.identity;
    }
}

/// A share in percent; 0 of 0 is 0.
fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        100.0 * part / whole
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests;
