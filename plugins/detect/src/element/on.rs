//! The properties of the second stage, and of classifiers: which objects are looked at, how often, and
//! how many classes are told of.

use super::settings::SettingsError;
use crate::decode::Thresholds;
use crate::model;
use crate::objects::ObjectOptions;
use gst::glib;
use gst::prelude::*;
use vigil_analytics::property::store;

/// What the model looks at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilDetectOn")]
#[non_exhaustive]
pub enum OnChoice {
    /// Frames.
    #[default]
    #[enum_value(name = "Whole frames, or their regions and tiles", nick = "frame")]
    Frame,
    /// The objects that elements before this one found.
    #[enum_value(
        name = "The objects that elements before this one found",
        nick = "objects"
    )]
    Objects,
}

/// Values of the properties, as set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct On {
    pub on: OnChoice,
    pub classes: Option<String>,
    pub objects: ObjectOptions,
    pub class_threshold: f32,
    pub max_classes: u32,
}

impl Default for On {
    fn default() -> Self {
        let thresholds = Thresholds::default();
        Self {
            on: OnChoice::default(),
            classes: None,
            objects: ObjectOptions::default(),
            class_threshold: thresholds.class_score,
            max_classes: thresholds.max_classes as u32,
        }
    }
}

/// These properties contradict others.
#[derive(Debug, thiserror::Error)]
pub(super) enum OnError {
    #[error(
        "property on is objects, but with engine={0} there is no model to look at them: use on=frame, or \
         another engine"
    )]
    NoModel(&'static str),
    #[error(
        "property on is objects, but {0} is set, which is for whole frames: leave one of them out"
    )]
    Frames(&'static str),
    #[error(
        "property tiles is set, but the model is a classifier, whose answer is of a whole picture: leave \
         tiles out"
    )]
    Tiles,
}

impl On {
    /// Which objects are looked at, and how often; `None` where frames are.
    pub fn objects(&self) -> Option<ObjectOptions> {
        let classes = model::class_items(self.classes.as_deref().unwrap_or_default());
        (self.on == OnChoice::Objects).then(|| ObjectOptions {
            classes: classes.map(String::from).collect(),
            ..self.objects.clone()
        })
    }

    /// Whether it goes with an engine of this name that runs no model, and with what needs whole
    /// frames, of which this property is set.
    pub fn check(
        &self,
        without_model: Option<&'static str>,
        needs_frames: Option<&'static str>,
    ) -> Result<(), SettingsError> {
        if self.on == OnChoice::Frame {
            return Ok(());
        }
        if let Some(engine) = without_model {
            return Err(OnError::NoModel(engine).into());
        }
        match needs_frames {
            Some(name) => Err(OnError::Frames(name).into()),
            None => Ok(()),
        }
    }

    /// The properties' specifications.
    pub fn specs() -> Vec<glib::ParamSpec> {
        let default = Self::default();
        let mut specs = vec![
            glib::ParamSpecEnum::builder_with_default("on", default.on)
                .nick("On")
                .blurb("What the model looks at: frames, or the objects that are on them already")
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("on-classes")
                .nick("Classes of objects")
                .blurb(
                    "With on=objects: look at objects with these labels only, separated by ';' or \
                     ',', in any case (default: all)",
                )
                .mutable_playing()
                .build(),
            glib::ParamSpecFloat::builder("class-threshold")
                .nick("Class threshold")
                .blurb("Of a classifier: only classes with this score or a higher one")
                .minimum(0.0)
                .maximum(1.0)
                .default_value(default.class_threshold)
                .mutable_playing()
                .build(),
        ];
        specs.extend(default.number_specs());
        specs
    }

    /// The specifications of those that are numbers; they have these defaults.
    fn number_specs(&self) -> [glib::ParamSpec; 5] {
        let uint = |name, nick, blurb, most, value| {
            glib::ParamSpecUInt::builder(name)
                .nick(nick)
                .blurb(blurb)
                .maximum(most)
                .default_value(value)
                .mutable_playing()
                .build()
        };
        let time = |name, nick, blurb, value| {
            glib::ParamSpecUInt64::builder(name)
                .nick(nick)
                .blurb(blurb)
                .default_value(value)
                .mutable_playing()
                .build()
        };
        [
            uint(
                "max-classes",
                "Maximum classes",
                "Of a classifier: at most so many classes for each of its outputs, the best ones",
                1000,
                self.max_classes,
            ),
            uint(
                "on-min-size",
                "Least size of objects",
                "With on=objects: leave out objects whose shorter side has fewer pixels",
                u32::MAX,
                self.objects.min_size,
            ),
            uint(
                "on-max-objects",
                "Maximum objects",
                "With on=objects: look at so many on a frame at most: first at those with a track, \
                 of these at those that were not looked at for longest, and then at the largest \
                 (0: any number)",
                100_000,
                self.objects.max_objects as u32,
            ),
            time(
                "on-interval",
                "Interval of objects",
                "With on=objects: for how long a look at a tracked object holds, in nanoseconds (0: \
                 look on every frame)",
                self.objects.interval,
            ),
            time(
                "on-max-age",
                "Maximum age of objects",
                "With on=objects: for how long a track that is not seen is remembered, in nanoseconds",
                self.objects.max_age,
            ),
        ]
    }

    /// Sets one property; the value's type has been checked by GObject.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "on" => store(value, &mut self.on),
            "on-classes" => store(value, &mut self.classes),
            "on-min-size" => store(value, &mut self.objects.min_size),
            "on-max-objects" => {
                let mut most = self.objects.max_objects as u32;
                store(value, &mut most);
                self.objects.max_objects = most as usize;
            }
            "on-interval" => store(value, &mut self.objects.interval),
            "on-max-age" => store(value, &mut self.objects.max_age),
            "class-threshold" => store(value, &mut self.class_threshold),
            "max-classes" => store(value, &mut self.max_classes),
            _ => {}
        }
    }

    /// One property's value.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "on" => self.on.to_value(),
            "on-classes" => self.classes.to_value(),
            "on-min-size" => self.objects.min_size.to_value(),
            "on-max-objects" => (self.objects.max_objects as u32).to_value(),
            "on-interval" => self.objects.interval.to_value(),
            "on-max-age" => self.objects.max_age.to_value(),
            "class-threshold" => self.class_threshold.to_value(),
            "max-classes" => self.max_classes.to_value(),
            _ => return None,
        })
    }
}
