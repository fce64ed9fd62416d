//! The properties that a user sets.

use crate::bytetrack::{Config, ConfigError};
use gst::glib;
use gst::prelude::*;

const NS_PER_MS: u64 = 1_000_000;

/// Values of the properties.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    high_threshold: f32,
    low_threshold: f32,
    new_threshold: f32,
    min_similarity: f32,
    min_similarity_low: f32,
    min_similarity_new: f32,
    duplicate_iou: f32,
    confirm_hits: u32,
    max_lost_ms: u32,
    max_coast_ms: u32,
    max_gap_ms: u32,
    max_objects: u32,
    per_class: bool,
    pub coast: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let config = Config::default();
        Self {
            high_threshold: config.high_threshold,
            low_threshold: config.low_threshold,
            new_threshold: config.new_threshold,
            min_similarity: config.min_similarity,
            min_similarity_low: config.min_similarity_low,
            min_similarity_new: config.min_similarity_new,
            duplicate_iou: config.duplicate_iou,
            confirm_hits: config.confirm_hits,
            max_lost_ms: (config.max_lost / NS_PER_MS) as u32,
            max_coast_ms: (config.max_coast / NS_PER_MS) as u32,
            max_gap_ms: 5000,
            max_objects: config.max_objects as u32,
            per_class: config.per_class,
            coast: true,
        }
    }
}

impl Settings {
    /// The tracker's settings, if they can be used together.
    pub fn check(&self) -> Result<Config, ConfigError> {
        let config = Config {
            high_threshold: self.high_threshold,
            low_threshold: self.low_threshold,
            new_threshold: self.new_threshold,
            min_similarity: self.min_similarity,
            min_similarity_low: self.min_similarity_low,
            min_similarity_new: self.min_similarity_new,
            confirm_hits: self.confirm_hits,
            max_lost: u64::from(self.max_lost_ms) * NS_PER_MS,
            max_coast: u64::from(self.max_coast_ms) * NS_PER_MS,
            duplicate_iou: self.duplicate_iou,
            per_class: self.per_class,
            max_objects: self.max_objects as usize,
        };
        config.check()?;
        Ok(config)
    }

    /// The longest gap between two buffers that tracks outlive, in nanoseconds.
    pub fn max_gap(&self) -> u64 {
        match self.max_gap_ms {
            0 => u64::MAX,
            ms => u64::from(ms) * NS_PER_MS,
        }
    }

    /// Sets one property; the value's type has been checked by GObject.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match property(name).map(|property| &property.field) {
            Some(Field::Share(field)) => store(value, field(self)),
            Some(Field::Count(field, ..)) => store(value, field(self)),
            Some(Field::Switch(field)) => store(value, field(self)),
            None => {}
        }
    }

    /// One property's value.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        let mut this = self.clone();
        Some(match property(name)?.field {
            Field::Share(field) => field(&mut this).to_value(),
            Field::Count(field, ..) => field(&mut this).to_value(),
            Field::Switch(field) => field(&mut this).to_value(),
        })
    }

    /// The properties' specifications.
    pub fn specs() -> Vec<glib::ParamSpec> {
        PROPERTIES.iter().map(Property::spec).collect()
    }
}

fn store<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value, field: &mut T) {
    if let Ok(value) = value.get() {
        *field = value;
    }
}

fn property(name: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.name == name)
}

/// A property, and which setting it is.
struct Property {
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    field: Field,
}

enum Field {
    /// Between 0 and 1.
    Share(fn(&mut Settings) -> &mut f32),
    /// Of this minimum and maximum.
    Count(fn(&mut Settings) -> &mut u32, u32, u32),
    Switch(fn(&mut Settings) -> &mut bool),
}

impl Property {
    fn spec(&self) -> glib::ParamSpec {
        let mut default = Settings::default();
        let Self {
            name, nick, blurb, ..
        } = *self;
        match self.field {
            Field::Share(field) => glib::ParamSpecFloat::builder(name)
                .nick(nick)
                .blurb(blurb)
                .minimum(0.0)
                .maximum(1.0)
                .default_value(*field(&mut default))
                .mutable_playing()
                .build(),
            Field::Count(field, minimum, maximum) => glib::ParamSpecUInt::builder(name)
                .nick(nick)
                .blurb(blurb)
                .minimum(minimum)
                .maximum(maximum)
                .default_value(*field(&mut default))
                .mutable_playing()
                .build(),
            Field::Switch(field) => glib::ParamSpecBoolean::builder(name)
                .nick(nick)
                .blurb(blurb)
                .default_value(*field(&mut default))
                .mutable_playing()
                .build(),
        }
    }
}

/// A day: longer times are a mistake in the unit.
const MAX_MS: u32 = 24 * 3600 * 1000;

const PROPERTIES: [Property; 14] = [
    Property {
        name: "high-threshold",
        nick: "High threshold",
        blurb: "Detections of at least this score are associated first, with all tracks",
        field: Field::Share(|settings| &mut settings.high_threshold),
    },
    Property {
        name: "low-threshold",
        nick: "Low threshold",
        blurb: "Detections of at least this score keep a track, but do not start one",
        field: Field::Share(|settings| &mut settings.low_threshold),
    },
    Property {
        name: "new-threshold",
        nick: "New threshold",
        blurb: "Detections of at least this score that belong to no track start one",
        field: Field::Share(|settings| &mut settings.new_threshold),
    },
    Property {
        name: "min-similarity",
        nick: "Minimum similarity",
        blurb: "Least intersection over union, times the score, of a track and its detection",
        field: Field::Share(|settings| &mut settings.min_similarity),
    },
    Property {
        name: "min-similarity-low",
        nick: "Minimum similarity, low scores",
        blurb: "Least intersection over union of a track and its detection of low score",
        field: Field::Share(|settings| &mut settings.min_similarity_low),
    },
    Property {
        name: "min-similarity-new",
        nick: "Minimum similarity, new tracks",
        blurb: "Least intersection over union, times the score, of a track that is not yet \
                confirmed and its detection",
        field: Field::Share(|settings| &mut settings.min_similarity_new),
    },
    Property {
        name: "duplicate-iou",
        nick: "Duplicate IoU",
        blurb: "Of a lost track and a seen one that overlap by more than this intersection over \
                union, the shorter-lived one ends",
        field: Field::Share(|settings| &mut settings.duplicate_iou),
    },
    Property {
        name: "confirm-hits",
        nick: "Hits to confirm",
        blurb: "Looks in a row that must find an object before it gets an id",
        field: Field::Count(|settings| &mut settings.confirm_hits, 1, 1000),
    },
    Property {
        name: "max-lost-ms",
        nick: "Maximum time lost",
        blurb: "How long a track is kept after it was first looked for and not found, in ms",
        field: Field::Count(|settings| &mut settings.max_lost_ms, 0, MAX_MS),
    },
    Property {
        name: "coast",
        nick: "Coast",
        blurb: "Add predicted objects to buffers that no detector looked at",
        field: Field::Switch(|settings| &mut settings.coast),
    },
    Property {
        name: "max-coast-ms",
        nick: "Maximum time coasted",
        blurb: "How long after its last detection an object is predicted, in ms",
        field: Field::Count(|settings| &mut settings.max_coast_ms, 0, MAX_MS),
    },
    Property {
        name: "max-gap-ms",
        nick: "Maximum gap",
        blurb: "Tracks end where buffers are further apart than this, in ms (0: never)",
        field: Field::Count(|settings| &mut settings.max_gap_ms, 0, MAX_MS),
    },
    Property {
        name: "per-class",
        nick: "Per class",
        blurb: "Associate only detections of the track's own class",
        field: Field::Switch(|settings| &mut settings.per_class),
    },
    Property {
        name: "max-objects",
        nick: "Maximum objects",
        blurb: "At most so many detections of a buffer are tracked, those of the highest scores",
        field: Field::Count(|settings| &mut settings.max_objects, 1, 100_000),
    },
];
