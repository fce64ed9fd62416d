//! The properties that a user sets.

use super::SceneChoice;
use crate::scene::SceneOptions;
use crate::scene::script::{Script, ScriptError};
use crate::truth::imperfect::Flaws;
use gst::glib;
use gst::prelude::*;
use std::path::Path;
use std::sync::Arc;
use vigil_analytics::property::store;

/// Values of the properties, as set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    scene: SceneChoice,
    script: Option<String>,
    seed: u64,
    objects: u32,
    speed: f64,
    noise: f64,
    light: f64,
    shake: f64,
    pub is_live: bool,
    ground_truth: bool,
    ground_truth_tracks: bool,
    pub ground_truth_file: Option<String>,
    miss_rate: f64,
    jitter: f64,
    false_positive_rate: f64,
    score_noise: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let scene = SceneOptions::default();
        Self {
            scene: SceneChoice::default(),
            script: None,
            seed: scene.seed,
            objects: scene.objects,
            speed: scene.speed,
            noise: 0.1,
            light: scene.light,
            shake: scene.shake,
            is_live: false,
            ground_truth: false,
            ground_truth_tracks: true,
            ground_truth_file: None,
            miss_rate: 0.0,
            jitter: 0.0,
            false_positive_rate: 0.0,
            score_noise: 0.0,
        }
    }
}

/// What may change from frame to frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FrameSettings {
    pub noise: f64,
    /// Whether truth is written on the buffer.
    pub ground_truth: bool,
    /// Whether that includes identities.
    pub tracks: bool,
    pub flaws: Flaws,
}

/// Properties that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    #[error(
        "property scene is script, but property script is not set: give the path of a TOML file, \
         for example script=walk.toml"
    )]
    NoScript,
    #[error("property script: {0}")]
    Script(#[from] ScriptError),
}

impl Settings {
    /// The scene. Reads the script, so this is nothing for the streaming thread.
    pub fn scene(&self) -> Result<SceneOptions, SettingsError> {
        let script = match (given(&self.script), self.scene) {
            (Some(path), _) => Some(Arc::new(Script::from_file(Path::new(path))?)),
            (None, SceneChoice::Script) => return Err(SettingsError::NoScript),
            (None, _) => None,
        };
        Ok(SceneOptions {
            kind: self.scene.kind(),
            seed: self.seed,
            objects: self.objects,
            speed: self.speed,
            light: self.light,
            shake: self.shake,
            script,
        })
    }

    /// Where truth is written, if anywhere.
    pub fn truth_path(&self) -> Option<&Path> {
        given(&self.ground_truth_file).map(Path::new)
    }

    /// What holds for the next frame.
    pub fn frame(&self) -> FrameSettings {
        FrameSettings {
            noise: self.noise,
            ground_truth: self.ground_truth,
            tracks: self.ground_truth_tracks,
            flaws: Flaws {
                miss_rate: self.miss_rate,
                jitter: self.jitter,
                false_positive_rate: self.false_positive_rate,
                score_noise: self.score_noise,
            },
        }
    }

    /// Sets one property; the value's type has been checked by GObject.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match property(name).map(|property| &property.field) {
            Some(Field::Scene(field)) => store(value, field(self)),
            Some(Field::Text(field)) => store(value, field(self)),
            Some(Field::Seed(field)) => store(value, field(self)),
            Some(Field::Count(field, _)) => store(value, field(self)),
            Some(Field::Number(field, _)) => store(value, field(self)),
            Some(Field::Switch(field)) => store(value, field(self)),
            None => {}
        }
    }

    /// One property's value.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        let mut this = self.clone();
        Some(match property(name)?.field {
            Field::Scene(field) => field(&mut this).to_value(),
            Field::Text(field) => field(&mut this).to_value(),
            Field::Seed(field) => field(&mut this).to_value(),
            Field::Count(field, _) => field(&mut this).to_value(),
            Field::Number(field, _) => field(&mut this).to_value(),
            Field::Switch(field) => field(&mut this).to_value(),
        })
    }

    /// The properties' specifications.
    pub fn specs() -> Vec<glib::ParamSpec> {
        PROPERTIES.iter().map(Property::spec).collect()
    }
}

/// An empty text counts as none.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

fn property(name: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.name == name)
}

/// A property, and which setting it is.
struct Property {
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    /// Whether it may change while playing; else it holds from the next change to PAUSED on.
    live: bool,
    field: Field,
}

enum Field {
    Scene(fn(&mut Settings) -> &mut SceneChoice),
    Text(fn(&mut Settings) -> &mut Option<String>),
    Seed(fn(&mut Settings) -> &mut u64),
    /// From 0 to this.
    Count(fn(&mut Settings) -> &mut u32, u32),
    /// From 0 to this.
    Number(fn(&mut Settings) -> &mut f64, f64),
    Switch(fn(&mut Settings) -> &mut bool),
}

/// Finishes a specification, with when it may be changed.
macro_rules! build {
    ($self:ident, $builder:expr) => {{
        let builder = $builder.nick($self.nick).blurb($self.blurb);
        if $self.live {
            builder.mutable_playing().build()
        } else {
            builder.mutable_ready().build()
        }
    }};
}

impl Property {
    fn spec(&self) -> glib::ParamSpec {
        let name = self.name;
        let mut default = Settings::default();
        match self.field {
            Field::Scene(field) => {
                let default = *field(&mut default);
                build!(
                    self,
                    glib::ParamSpecEnum::builder_with_default(name, default)
                )
            }
            Field::Text(_) => build!(self, glib::ParamSpecString::builder(name)),
            Field::Seed(field) => {
                let default = *field(&mut default);
                build!(
                    self,
                    glib::ParamSpecUInt64::builder(name).default_value(default)
                )
            }
            Field::Count(field, maximum) => {
                let builder = glib::ParamSpecUInt::builder(name).maximum(maximum);
                build!(self, builder.default_value(*field(&mut default)))
            }
            Field::Number(field, maximum) => {
                let builder = glib::ParamSpecDouble::builder(name).minimum(0.0);
                let builder = builder.maximum(maximum);
                build!(self, builder.default_value(*field(&mut default)))
            }
            Field::Switch(field) => {
                let default = *field(&mut default);
                build!(
                    self,
                    glib::ParamSpecBoolean::builder(name).default_value(default)
                )
            }
        }
    }
}

const fn property_of(
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    live: bool,
    field: Field,
) -> Property {
    Property {
        name,
        nick,
        blurb,
        live,
        field,
    }
}

const PROPERTIES: [Property; 16] = [
    property_of(
        "scene",
        "Scene",
        "What the scene is; with the property script set, that says what is behind the objects",
        false,
        Field::Scene(|s| &mut s.scene),
    ),
    property_of(
        "script",
        "Script",
        "Path of a TOML file with the way of each object; see the element's page",
        false,
        Field::Text(|s| &mut s.script),
    ),
    property_of(
        "seed",
        "Seed",
        "The same seed gives the same video, byte by byte",
        false,
        Field::Seed(|s| &mut s.seed),
    ),
    property_of(
        "objects",
        "Objects",
        "How many objects there are at a time, about",
        false,
        Field::Count(|s| &mut s.objects, 500),
    ),
    property_of(
        "speed",
        "Speed",
        "Speed of everything that moves (1: natural, 0: it stands still)",
        false,
        Field::Number(|s| &mut s.speed, 100.0),
    ),
    property_of(
        "noise",
        "Noise",
        "The camera's noise (0: none, 1: a standard deviation of 25 levels of 255)",
        true,
        Field::Number(|s| &mut s.noise, 1.0),
    ),
    property_of(
        "light",
        "Light",
        "From night (0) to day (1)",
        false,
        Field::Number(|s| &mut s.light, 1.0),
    ),
    property_of(
        "shake",
        "Shake",
        "How much the camera shakes",
        false,
        Field::Number(|s| &mut s.shake, 1.0),
    ),
    property_of(
        "is-live",
        "Live",
        "Give each frame at its time by the pipeline's clock, and drop those that are too late",
        false,
        Field::Switch(|s| &mut s.is_live),
    ),
    property_of(
        "ground-truth",
        "Ground truth",
        "Put what is on each frame on its buffer, as a detector and a tracker would",
        true,
        Field::Switch(|s| &mut s.ground_truth),
    ),
    property_of(
        "ground-truth-tracks",
        "Ground truth tracks",
        "Whether ground-truth gives objects their identities; without, a tracker downstream can",
        true,
        Field::Switch(|s| &mut s.ground_truth_tracks),
    ),
    property_of(
        "ground-truth-file",
        "Ground truth file",
        "Path of a file for the truth in MOTChallenge's format (gt.txt)",
        false,
        Field::Text(|s| &mut s.ground_truth_file),
    ),
    property_of(
        "miss-rate",
        "Miss rate",
        "Probability that ground-truth leaves an object out",
        true,
        Field::Number(|s| &mut s.miss_rate, 1.0),
    ),
    property_of(
        "jitter",
        "Jitter",
        "Standard deviation of the boxes of ground-truth, as a share of their size",
        true,
        Field::Number(|s| &mut s.jitter, 1.0),
    ),
    property_of(
        "false-positive-rate",
        "False positive rate",
        "Expected number a frame of boxes of ground-truth where nothing is",
        true,
        Field::Number(|s| &mut s.false_positive_rate, 100.0),
    ),
    property_of(
        "score-noise",
        "Score noise",
        "How far scores of ground-truth are below 1, typically",
        true,
        Field::Number(|s| &mut s.score_noise, 1.0),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_is_got_back_as_it_was_set() {
        gst::init().unwrap();
        for spec in Settings::specs() {
            let mut settings = Settings::default();
            let value = match spec.value_type() {
                glib::Type::STRING => "x".to_value(),
                glib::Type::U64 => 7u64.to_value(),
                glib::Type::U32 => 7u32.to_value(),
                glib::Type::F64 => 0.75f64.to_value(),
                glib::Type::BOOL => (!spec.default_value().get::<bool>().unwrap()).to_value(),
                _ => SceneChoice::Crowd.to_value(),
            };
            let default = settings.get(spec.name()).unwrap();
            assert!(
                spec.value_type() == glib::Type::STRING || {
                    format!("{default:?}") == format!("{:?}", spec.default_value())
                }
            );
            settings.set(spec.name(), &value);
            assert_ne!(settings, Settings::default(), "{}", spec.name());
            let back = settings.get(spec.name()).unwrap();
            assert_eq!(format!("{back:?}"), format!("{value:?}"), "{}", spec.name());
        }
    }

    #[test]
    fn a_script_must_be_there_where_it_is_asked_for() {
        let mut settings = Settings {
            scene: SceneChoice::Script,
            ..Settings::default()
        };
        for script in [None, Some(String::new())] {
            settings.script = script;
            let error = settings.scene().unwrap_err().to_string();
            assert!(error.contains("script=walk.toml"), "{error}");
        }
        settings.script = Some("/nowhere/walk.toml".into());
        let error = settings.scene().unwrap_err().to_string();
        assert!(error.starts_with("property script: cannot read script /nowhere/walk.toml"));
    }
}
