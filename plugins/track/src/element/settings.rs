//! The properties that a user sets.

mod appearance;

use crate::track::{Algorithm, Config, ConfigError};
use gst::glib;
use gst::prelude::*;
use vigil_analytics::property::store;

/// What the property `algorithm` offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstVigilTrackAlgorithm")]
#[repr(i32)]
enum AlgorithmChoice {
    #[default]
    #[enum_value(name = "Ours: in seconds, for all kinds of scenes", nick = "vigil")]
    Vigil,
    #[enum_value(name = "SORT (2016), as published", nick = "sort")]
    Sort,
    #[enum_value(name = "ByteTrack (2022), as published", nick = "bytetrack")]
    ByteTrack,
    #[enum_value(name = "OC-SORT (2023), as published", nick = "ocsort")]
    OcSort,
}

impl From<AlgorithmChoice> for Algorithm {
    fn from(choice: AlgorithmChoice) -> Self {
        match choice {
            AlgorithmChoice::Vigil => Self::Vigil,
            AlgorithmChoice::Sort => Self::Sort,
            AlgorithmChoice::ByteTrack => Self::ByteTrack,
            AlgorithmChoice::OcSort => Self::OcSort,
        }
    }
}

/// What ends all tracks, besides their age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Default, glib::Enum)]
#[enum_type(name = "GstVigilTrackResetOn")]
#[repr(i32)]
pub(super) enum ResetOn {
    #[enum_value(name = "Nothing: they only age", nick = "never")]
    Never,
    #[default]
    #[enum_value(
        name = "Flushes, other streams and segments, jumps in time, other pictures",
        nick = "flush"
    )]
    Flush,
    #[enum_value(name = "Those, and buffers flagged DISCONT", nick = "discont")]
    Discont,
}

/// Whether objects are looked for on frames that no detector looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstVigilTrackVisual")]
#[repr(i32)]
pub(super) enum VisualChoice {
    #[enum_value(name = "Objects are coasted by their motion alone", nick = "off")]
    Off,
    #[default]
    #[enum_value(name = "Where frames are raw video in system memory", nick = "auto")]
    Auto,
    #[enum_value(name = "The same, with a warning where they are not", nick = "on")]
    On,
}

/// Values of the properties. What is negative, or a count of 0, is left to the algorithm.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    algorithm: AlgorithmChoice,
    high_threshold: f32,
    low_threshold: f32,
    new_track_threshold: f32,
    match_iou: f32,
    max_age: f64,
    min_hits: u32,
    per_class: bool,
    classes: Option<String>,
    pub coast: bool,
    coast_max: f64,
    max_tracks: u32,
    pub reset_on: ResetOn,
    pub visual: VisualChoice,
    appearance: appearance::Appearance,
}

impl Default for Settings {
    fn default() -> Self {
        let config = Config::default();
        Self {
            algorithm: AlgorithmChoice::default(),
            high_threshold: -1.0,
            low_threshold: -1.0,
            new_track_threshold: -1.0,
            match_iou: -1.0,
            max_age: -1.0,
            min_hits: 0,
            per_class: config.per_class,
            classes: None,
            coast: true,
            coast_max: config.coast_max as f64 / 1e9,
            max_tracks: config.max_tracks as u32,
            reset_on: ResetOn::default(),
            visual: VisualChoice::default(),
            appearance: appearance::Appearance::default(),
        }
    }
}

fn share(value: f32) -> Option<f32> {
    (value >= 0.0).then_some(value)
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1e9) as u64
}

impl Settings {
    /// The tracker's settings, if they can be used together.
    pub fn check(&self) -> Result<Config, ConfigError> {
        let config = Config {
            algorithm: self.algorithm.into(),
            high_threshold: share(self.high_threshold),
            low_threshold: share(self.low_threshold),
            new_track_threshold: share(self.new_track_threshold),
            match_iou: share(self.match_iou),
            min_hits: (self.min_hits > 0).then_some(self.min_hits),
            max_age: (self.max_age >= 0.0).then(|| nanoseconds(self.max_age)),
            coast_max: nanoseconds(self.coast_max),
            per_class: self.per_class,
            max_tracks: self.max_tracks as usize,
        };
        config.check()?;
        Ok(config)
    }

    /// The labels to be tracked; none for all of them.
    pub fn classes(&self) -> Vec<glib::Quark> {
        let names = self.classes.as_deref().unwrap_or_default().split(',');
        let names = names.map(str::trim).filter(|name| !name.is_empty());
        names.map(glib::Quark::from_str).collect()
    }

    /// The longest gap between two buffers that tracks outlive, in nanoseconds.
    pub fn max_gap(&self) -> u64 {
        nanoseconds(self.max_age).max(MAX_GAP_NS)
    }

    /// Sets one property; the value's type has been checked by GObject.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match property(name).map(|property| &property.field) {
            Some(Field::Share(field)) => store(value, field(self)),
            Some(Field::Seconds(field, _)) => store(value, field(self)),
            Some(Field::Count(field, ..)) => store(value, field(self)),
            Some(Field::Switch(field)) => store(value, field(self)),
            Some(Field::Text(field) | Field::TextInReady(field)) => store(value, field(self)),
            Some(Field::Distance(field)) => store(value, field(self)),
            Some(Field::Engine) => store(value, &mut self.appearance.engine),
            Some(Field::Algorithm) => store(value, &mut self.algorithm),
            Some(Field::ResetOn) => store(value, &mut self.reset_on),
            Some(Field::Visual) => store(value, &mut self.visual),
            None => {}
        }
    }

    /// One property's value.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        let mut this = self.clone();
        Some(match property(name)?.field {
            Field::Share(field) => field(&mut this).to_value(),
            Field::Seconds(field, _) => field(&mut this).to_value(),
            Field::Count(field, ..) => field(&mut this).to_value(),
            Field::Switch(field) => field(&mut this).to_value(),
            Field::Text(field) | Field::TextInReady(field) => field(&mut this).to_value(),
            Field::Distance(field) => field(&mut this).to_value(),
            Field::Engine => this.appearance.engine.to_value(),
            Field::Algorithm => this.algorithm.to_value(),
            Field::ResetOn => this.reset_on.to_value(),
            Field::Visual => this.visual.to_value(),
        })
    }

    /// The properties' specifications.
    pub fn specs() -> Vec<glib::ParamSpec> {
        properties().map(Property::spec).collect()
    }
}

fn property(name: &str) -> Option<&'static Property> {
    properties().find(|property| property.name == name)
}

fn properties() -> impl Iterator<Item = &'static Property> {
    PROPERTIES.iter().chain(&appearance::PROPERTIES)
}

/// A property, and which setting it is.
struct Property {
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    field: Field,
}

enum Field {
    /// Between 0 and 1; -1 for the algorithm's own.
    Share(fn(&mut Settings) -> &mut f32),
    /// A time, with its minimum.
    Seconds(fn(&mut Settings) -> &mut f64, f64),
    /// Of this minimum and maximum.
    Count(fn(&mut Settings) -> &mut u32, u32, u32),
    Switch(fn(&mut Settings) -> &mut bool),
    Text(fn(&mut Settings) -> &mut Option<String>),
    /// One that is looked at on the way to PAUSED.
    TextInReady(fn(&mut Settings) -> &mut Option<String>),
    /// Between 0 and 2.
    Distance(fn(&mut Settings) -> &mut f32),
    Engine,
    Algorithm,
    ResetOn,
    Visual,
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
                .minimum(-1.0)
                .maximum(1.0)
                .default_value(*field(&mut default))
                .mutable_playing()
                .build(),
            Field::Seconds(field, minimum) => glib::ParamSpecDouble::builder(name)
                .nick(nick)
                .blurb(blurb)
                .minimum(minimum)
                .maximum(MAX_SECONDS)
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
            Field::Text(_) => glib::ParamSpecString::builder(name)
                .nick(nick)
                .blurb(blurb)
                .mutable_playing()
                .build(),
            Field::TextInReady(_) => glib::ParamSpecString::builder(name)
                .nick(nick)
                .blurb(blurb)
                .mutable_ready()
                .build(),
            Field::Distance(field) => glib::ParamSpecFloat::builder(name)
                .nick(nick)
                .blurb(blurb)
                .minimum(0.0)
                .maximum(2.0)
                .default_value(*field(&mut default))
                .mutable_playing()
                .build(),
            Field::Engine => {
                glib::ParamSpecEnum::builder_with_default(name, default.appearance.engine)
                    .nick(nick)
                    .blurb(blurb)
                    .mutable_ready()
                    .build()
            }
            Field::Algorithm => glib::ParamSpecEnum::builder_with_default(name, default.algorithm)
                .nick(nick)
                .blurb(blurb)
                .mutable_playing()
                .build(),
            Field::ResetOn => glib::ParamSpecEnum::builder_with_default(name, default.reset_on)
                .nick(nick)
                .blurb(blurb)
                .mutable_playing()
                .build(),
            Field::Visual => glib::ParamSpecEnum::builder_with_default(name, default.visual)
                .nick(nick)
                .blurb(blurb)
                .mutable_playing()
                .build(),
        }
    }
}

/// A day: longer times are a mistake in the unit.
const MAX_SECONDS: f64 = 24.0 * 3600.0;
/// Buffers further apart than this are another scene.
const MAX_GAP_NS: u64 = 5_000_000_000;

const PROPERTIES: [Property; 14] = [
    Property {
        name: "algorithm",
        nick: "Algorithm",
        blurb: "Which tracker",
        field: Field::Algorithm,
    },
    Property {
        name: "high-threshold",
        nick: "High threshold",
        blurb: "Detections of at least this score are associated first, with all tracks \
                (-1: the algorithm's own)",
        field: Field::Share(|settings| &mut settings.high_threshold),
    },
    Property {
        name: "low-threshold",
        nick: "Low threshold",
        blurb: "Detections of at least this score keep a track, but do not start one \
                (-1: the algorithm's own)",
        field: Field::Share(|settings| &mut settings.low_threshold),
    },
    Property {
        name: "new-track-threshold",
        nick: "New track threshold",
        blurb: "Detections of at least this score that belong to no track start one \
                (-1: the algorithm's own)",
        field: Field::Share(|settings| &mut settings.new_track_threshold),
    },
    Property {
        name: "match-iou",
        nick: "Match IoU",
        blurb: "Least similarity, an intersection over union, of a track and its detection in \
                the first association (-1: the algorithm's own)",
        field: Field::Share(|settings| &mut settings.match_iou),
    },
    Property {
        name: "max-age",
        nick: "Maximum age",
        blurb: "How long a track is kept after its last detection, in seconds \
                (-1: the algorithm's own)",
        field: Field::Seconds(|settings| &mut settings.max_age, -1.0),
    },
    Property {
        name: "min-hits",
        nick: "Minimum hits",
        blurb: "Looks that must find an object before it gets an id (0: the algorithm's own)",
        field: Field::Count(|settings| &mut settings.min_hits, 0, 1000),
    },
    Property {
        name: "per-class",
        nick: "Per class",
        blurb: "Associate only detections of the track's own class",
        field: Field::Switch(|settings| &mut settings.per_class),
    },
    Property {
        name: "classes",
        nick: "Classes",
        blurb: "Labels of the objects to track, separated by commas (empty: all)",
        field: Field::Text(|settings| &mut settings.classes),
    },
    Property {
        name: "coast",
        nick: "Coast",
        blurb: "Add predicted objects to buffers that no detector looked at",
        field: Field::Switch(|settings| &mut settings.coast),
    },
    Property {
        name: "coast-max",
        nick: "Maximum coast",
        blurb: "How long after its last detection an object is predicted, in seconds",
        field: Field::Seconds(|settings| &mut settings.coast_max, 0.0),
    },
    Property {
        name: "max-tracks",
        nick: "Maximum tracks",
        blurb: "At most so many tracks are kept, and so many detections of a buffer considered, \
                those of the highest scores",
        field: Field::Count(|settings| &mut settings.max_tracks, 1, 100_000),
    },
    Property {
        name: "reset-on",
        nick: "Reset on",
        blurb: "What ends all tracks; ids go on counting in any case",
        field: Field::ResetOn,
    },
    Property {
        name: "visual",
        nick: "Visual",
        blurb: "Look for coasted objects by what they look like, where frames can be read",
        field: Field::Visual,
    },
];
