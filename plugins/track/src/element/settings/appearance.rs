//! The properties of identities by what objects look like.

use super::{Field, Property, Settings, nanoseconds};
use crate::appearance::{Rules, model::Options};
use gst::glib;
use gstvigildetect::engine::EngineKind;
use gstvigildetect::model::InputWishes;

/// What the property `appearance-engine` offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstVigilTrackEngine")]
#[repr(i32)]
pub(in crate::element) enum EngineChoice {
    #[default]
    #[enum_value(name = "The best that is there", nick = "auto")]
    Auto,
    #[enum_value(name = "TensorRT, on an NVIDIA GPU", nick = "tensorrt")]
    TensorRt,
    #[enum_value(name = "OpenVINO", nick = "openvino")]
    OpenVino,
    #[enum_value(name = "ONNX Runtime", nick = "onnxruntime")]
    OnnxRuntime,
    #[enum_value(name = "rten, which is built in", nick = "rten")]
    Rten,
}

impl From<EngineChoice> for Option<EngineKind> {
    fn from(choice: EngineChoice) -> Self {
        match choice {
            EngineChoice::Auto => None,
            EngineChoice::TensorRt => Some(EngineKind::TensorRt),
            EngineChoice::OpenVino => Some(EngineKind::OpenVino),
            EngineChoice::OnnxRuntime => Some(EngineKind::OnnxRuntime),
            EngineChoice::Rten => Some(EngineKind::Rten),
        }
    }
}

/// Values of these properties.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::element) struct Appearance {
    model: Option<String>,
    pub(super) engine: EngineChoice,
    preprocess: Option<String>,
    threshold: f32,
    interval: f64,
    max_age: f64,
    wait: f64,
}

impl Default for Appearance {
    fn default() -> Self {
        let rules = Rules::default();
        let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
        Self {
            model: None,
            engine: EngineChoice::default(),
            preprocess: None,
            threshold: rules.threshold,
            interval: seconds(rules.interval),
            max_age: seconds(rules.max_age),
            wait: seconds(rules.wait),
        }
    }
}

impl Settings {
    /// What identities go by.
    pub fn appearance_rules(&self) -> Rules {
        let Appearance {
            threshold,
            interval,
            max_age,
            wait,
            ..
        } = self.appearance;
        Rules {
            threshold,
            interval: nanoseconds(interval),
            max_age: nanoseconds(max_age),
            wait: nanoseconds(wait),
            per_class: self.per_class,
        }
    }

    /// The model that is to be loaded; `None` for none.
    ///
    /// # Errors
    /// What is wrong with `appearance-preprocess`.
    pub fn appearance_model(&self) -> Result<Option<Options>, String> {
        let said = &self.appearance;
        let Some(path) = said.model.as_deref().filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let preprocess = InputWishes::parse(said.preprocess.as_deref().unwrap_or_default())
            .map_err(|why| format!("property appearance-preprocess: {why}"))?;
        Ok(Some(Options {
            path: path.into(),
            engine: said.engine.into(),
            preprocess,
        }))
    }
}

pub(super) const PROPERTIES: [Property; 7] = [
    Property {
        name: "appearance",
        nick: "Appearance model",
        blurb: "Path of an ONNX model that makes a vector of a picture of an object (ReID); objects \
                that come back get their identity again (empty: off)",
        field: Field::TextInReady(|settings| &mut settings.appearance.model),
    },
    Property {
        name: "appearance-engine",
        nick: "Appearance engine",
        blurb: "What runs that model",
        field: Field::Engine,
    },
    Property {
        name: "appearance-preprocess",
        nick: "Appearance preprocessing",
        blurb: "How pictures are prepared for that model, as key=value separated by semicolons: \
                colour, scale, mean, std, fit, pad (empty: as ImageNet's, stretched)",
        field: Field::TextInReady(|settings| &mut settings.appearance.preprocess),
    },
    Property {
        name: "appearance-threshold",
        nick: "Appearance threshold",
        blurb: "Cosine distance up to which two looks are of the same object",
        field: Field::Distance(|settings| &mut settings.appearance.threshold),
    },
    Property {
        name: "appearance-interval",
        nick: "Appearance interval",
        blurb: "Time between two looks at an object whose identity is known, in seconds",
        field: Field::Seconds(|settings| &mut settings.appearance.interval, 0.0),
    },
    Property {
        name: "appearance-max-age",
        nick: "Appearance maximum age",
        blurb: "How long after its last detection an identity is remembered, in seconds",
        field: Field::Seconds(|settings| &mut settings.appearance.max_age, 0.0),
    },
    Property {
        name: "appearance-wait",
        nick: "Appearance wait",
        blurb: "How long an identity may be withheld until it is clear whose it is, in seconds",
        field: Field::Seconds(|settings| &mut settings.appearance.wait, 0.0),
    },
];
