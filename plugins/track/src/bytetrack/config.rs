//! Thresholds of ByteTrack.

use crate::tracker::Time;

const MS: u64 = 1_000_000;

/// Settings of a [`ByteTrack`](super::ByteTrack); in brackets the name in the authors' code, whose
/// demo has these defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Detections of at least this score are associated first, with all tracks [`track_thresh`].
    pub high_threshold: f32,
    /// Detections of at least this score, and less than `high_threshold`, are associated with what
    /// tracks remain; they never start one [the literal 0.1].
    pub low_threshold: f32,
    /// Detections of at least this score that no track took start one
    /// [`det_thresh = track_thresh + 0.1`].
    pub new_threshold: f32,
    /// Least similarity (intersection over union times score) in the first association
    /// [`1 - match_thresh`].
    pub min_similarity: f32,
    /// Least intersection over union in the second association, that of low scores
    /// [`1 - 0.5`].
    pub min_similarity_low: f32,
    /// Least similarity in the association with unconfirmed tracks [`1 - 0.7`].
    pub min_similarity_new: f32,
    /// Looks in a row that must find an object before it is confirmed; those on the first frame
    /// of all are confirmed at once [2].
    pub confirm_hits: u32,
    /// How long a track is kept after it was first looked for and not found, in nanoseconds
    /// [`track_buffer`, in frames].
    pub max_lost: Time,
    /// How long after its last detection a track is coasted, in nanoseconds.
    pub max_coast: Time,
    /// Of two tracks, one of them lost, that overlap by more than this intersection over union,
    /// the shorter-lived one is ended [`1 - 0.15`].
    pub duplicate_iou: f32,
    /// Associate only detections of the track's own class.
    pub per_class: bool,
    /// At most so many detections of a frame, those of the highest scores, are considered.
    pub max_objects: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            high_threshold: 0.5,
            low_threshold: 0.1,
            new_threshold: 0.6,
            min_similarity: 0.2,
            min_similarity_low: 0.5,
            min_similarity_new: 0.3,
            confirm_hits: 2,
            max_lost: 1000 * MS,
            max_coast: 1000 * MS,
            duplicate_iou: 0.85,
            per_class: true,
            max_objects: 1000,
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// Not a share.
    #[error("{name} is {value}, must be between 0 and 1")]
    NotAShare {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: f32,
    },
    /// No score can be low.
    #[error(
        "low-threshold is {low}, must not be greater than high-threshold, which is {high}: \
         between them lie the scores that keep a track but do not start one"
    )]
    LowAboveHigh {
        /// `low_threshold`.
        low: f32,
        /// `high_threshold`.
        high: f32,
    },
    /// A count that must not be 0.
    #[error("{name} is 0, must be at least 1")]
    Zero {
        /// Name of the setting.
        name: &'static str,
    },
}

impl Config {
    /// Whether the settings can be used together.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (name, value) in [
            ("high-threshold", self.high_threshold),
            ("low-threshold", self.low_threshold),
            ("new-threshold", self.new_threshold),
            ("min-similarity", self.min_similarity),
            ("min-similarity-low", self.min_similarity_low),
            ("min-similarity-new", self.min_similarity_new),
            ("duplicate-iou", self.duplicate_iou),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(ConfigError::NotAShare { name, value });
            }
        }
        if self.low_threshold > self.high_threshold {
            return Err(ConfigError::LowAboveHigh {
                low: self.low_threshold,
                high: self.high_threshold,
            });
        }
        if self.confirm_hits == 0 {
            return Err(ConfigError::Zero {
                name: "confirm-hits",
            });
        }
        if self.max_objects == 0 {
            return Err(ConfigError::Zero {
                name: "max-objects",
            });
        }
        Ok(())
    }

    /// How long motion is extrapolated after the last detection, in nanoseconds.
    pub(super) fn max_motion(&self) -> Time {
        self.max_lost.max(self.max_coast)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_good() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn an_unusable_setting_is_named() {
        type Spoil = fn(&mut Config);
        let cases: [(Spoil, &str); 5] = [
            (|c| c.high_threshold = 1.5, "high-threshold is 1.5"),
            (|c| c.min_similarity = f32::NAN, "min-similarity is NaN"),
            (|c| c.low_threshold = 0.75, "low-threshold is 0.75"),
            (|c| c.confirm_hits = 0, "confirm-hits is 0"),
            (|c| c.max_objects = 0, "max-objects is 0"),
        ];
        for (spoil, expected) in cases {
            let mut config = Config::default();
            spoil(&mut config);
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
