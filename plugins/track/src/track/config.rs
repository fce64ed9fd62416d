//! Settings of a tracker.

use super::bytetrack::ByteTrack;
use super::ocsort::OcSort;
use super::sort::Sort;
use super::vigil::Vigil;
use super::{Time, Tracker};

/// Which tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// Ours.
    #[default]
    Vigil,
    /// Bewley et al., 2016.
    Sort,
    /// Zhang et al., 2022.
    ByteTrack,
    /// Cao et al., 2023.
    OcSort,
}

impl Algorithm {
    /// All there are, the default first.
    pub const ALL: [Self; 4] = [Self::Vigil, Self::Sort, Self::ByteTrack, Self::OcSort];

    /// Its name as users write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vigil => "vigil",
            Self::Sort => "sort",
            Self::ByteTrack => "bytetrack",
            Self::OcSort => "ocsort",
        }
    }

    /// Its rules where nothing is set.
    pub fn rules(self) -> Rules {
        match self {
            Self::Vigil => super::vigil::RULES,
            Self::Sort => super::sort::RULES,
            Self::ByteTrack => super::bytetrack::RULES,
            Self::OcSort => super::ocsort::RULES,
        }
    }
}

/// How long a track is kept after it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// So many nanoseconds.
    Time(Time),
    /// So many looks, however far apart: what the published trackers count.
    Looks(u32),
}

/// What an algorithm goes by: its own values, or those that were set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Detections of at least this score are associated first.
    pub high: f32,
    /// Detections of at least this score keep a track, but do not start one.
    pub low: f32,
    /// Detections of at least this score that belong to no track start one.
    pub new: f32,
    /// Least similarity of a track and its detection in the first association.
    pub match_iou: f32,
    /// Looks that must find an object before it gets an id.
    pub min_hits: u32,
    /// How long a track is kept.
    pub max_age: Age,
}

/// Settings of a tracker. `None` leaves a value to the algorithm.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which tracker.
    pub algorithm: Algorithm,
    /// See [`Rules::high`].
    pub high_threshold: Option<f32>,
    /// See [`Rules::low`].
    pub low_threshold: Option<f32>,
    /// See [`Rules::new`].
    pub new_track_threshold: Option<f32>,
    /// See [`Rules::match_iou`].
    pub match_iou: Option<f32>,
    /// See [`Rules::min_hits`].
    pub min_hits: Option<u32>,
    /// How long a track is kept after it was last seen, in nanoseconds.
    pub max_age: Option<Time>,
    /// How long after its last detection a track is coasted, in nanoseconds.
    pub coast_max: Time,
    /// Associate only detections of the track's own class.
    pub per_class: bool,
    /// At most so many tracks are kept, and so many detections of a frame considered: those of
    /// the highest scores.
    pub max_tracks: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            high_threshold: None,
            low_threshold: None,
            new_track_threshold: None,
            match_iou: None,
            min_hits: None,
            max_age: None,
            coast_max: 1_000_000_000,
            per_class: true,
            max_tracks: 2000,
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
        /// [`Rules::low`].
        low: f32,
        /// [`Rules::high`].
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
    /// The defaults of an algorithm.
    pub fn of(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            ..Self::default()
        }
    }

    /// What the algorithm goes by.
    pub fn rules(&self) -> Rules {
        let own = self.algorithm.rules();
        let high = self.high_threshold.unwrap_or(own.high);
        // What was not set follows what was: a new track needs no less than a kept one.
        let low = self.low_threshold.unwrap_or(own.low.min(high));
        let new = match (self.new_track_threshold, self.high_threshold) {
            (Some(new), _) => new,
            (None, Some(high)) => (high + own.new - own.high).clamp(0.0, high.max(1.0)),
            (None, None) => own.new,
        };
        Rules {
            high,
            low,
            new,
            match_iou: self.match_iou.unwrap_or(own.match_iou),
            min_hits: self.min_hits.unwrap_or(own.min_hits),
            max_age: self.max_age.map_or(own.max_age, Age::Time),
        }
    }

    /// Whether the settings can be used together.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (name, value) in [
            ("high-threshold", self.high_threshold),
            ("low-threshold", self.low_threshold),
            ("new-track-threshold", self.new_track_threshold),
            ("match-iou", self.match_iou),
        ] {
            if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
                return Err(ConfigError::NotAShare { name, value });
            }
        }
        let Rules { low, high, .. } = self.rules();
        if low > high {
            return Err(ConfigError::LowAboveHigh { low, high });
        }
        if self.min_hits == Some(0) {
            return Err(ConfigError::Zero { name: "min-hits" });
        }
        if self.max_tracks == 0 {
            return Err(ConfigError::Zero { name: "max-tracks" });
        }
        Ok(())
    }

    /// A tracker of these settings, if they can be used.
    pub fn build(&self) -> Result<Box<dyn Tracker>, ConfigError> {
        self.check()?;
        Ok(match self.algorithm {
            Algorithm::Vigil => Box::new(Vigil::new(self)),
            Algorithm::Sort => Box::new(Sort::new(self)),
            Algorithm::ByteTrack => Box::new(ByteTrack::new(self)),
            Algorithm::OcSort => Box::new(OcSort::new(self)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_the_algorithms_own() {
        for algorithm in Algorithm::ALL {
            let config = Config::of(algorithm);
            assert_eq!(config.check(), Ok(()));
            assert_eq!(config.rules(), algorithm.rules());
        }
        let config = Config {
            high_threshold: Some(0.3),
            max_age: Some(7),
            ..Config::of(Algorithm::ByteTrack)
        };
        let rules = config.rules();
        assert_eq!((rules.high, rules.max_age), (0.3, Age::Time(7)));
        assert!((rules.new - 0.4).abs() < 1e-6, "{} follows", rules.new);
    }

    #[test]
    fn an_unusable_setting_is_named() {
        type Spoil = fn(&mut Config);
        let cases: [(Spoil, &str); 5] = [
            (|c| c.high_threshold = Some(1.5), "high-threshold is 1.5"),
            (|c| c.match_iou = Some(f32::NAN), "match-iou is NaN"),
            (|c| c.low_threshold = Some(0.75), "low-threshold is 0.75"),
            (|c| c.min_hits = Some(0), "min-hits is 0"),
            (|c| c.max_tracks = 0, "max-tracks is 0"),
        ];
        for (spoil, expected) in cases {
            let mut config = Config::default();
            spoil(&mut config);
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(config.build().is_err());
        }
    }
}
