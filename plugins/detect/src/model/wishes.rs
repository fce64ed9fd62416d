//! What a user says of a model in place of what its file shows: the properties `labels`, `head` and
//! `preprocess`, and the [`Sidecar`] beside the file. Properties come first, then the sidecar, then
//! the file's metadata, then what its shapes show.

use super::sidecar::Sidecar;
use super::{ChannelOrder, HeadKind, InputSpec};
use crate::preprocess::letterbox::Fit;
use toml::{Table, Value};
use vigil_analytics::text;

/// All that a user says of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wishes {
    /// The property `labels`.
    pub labels: Option<Vec<String>>,
    /// The property `head`.
    pub head: Option<HeadKind>,
    /// The property `preprocess`.
    pub input: InputWishes,
    /// What the file beside the model says.
    pub sidecar: Option<Sidecar>,
}

impl Wishes {
    /// The layout to read, and who says so.
    pub(super) fn head(&self) -> Option<(HeadKind, String)> {
        let property = self.head.map(|head| (head, "the property head".into()));
        property.or_else(|| {
            let sidecar = self.sidecar.as_ref()?;
            Some((sidecar.head?, format!("boxes.head in {:?}", sidecar.path)))
        })
    }

    /// Puts what is said of the input over what is usual for the model.
    pub fn apply(&self, spec: &mut InputSpec) {
        if let Some(sidecar) = &self.sidecar {
            sidecar.input.apply(spec);
        }
        self.input.apply(spec);
    }
}

/// How pictures are to be prepared, as far as it is said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InputWishes {
    /// `colour`: order of the channels.
    pub order: Option<ChannelOrder>,
    /// `scale`: a sample is `(level · scale − mean) / std`.
    pub scale: Option<f32>,
    /// `mean`, in the order of the channels.
    pub mean: Option<[f32; 3]>,
    /// `std`, in the order of the channels.
    pub std: Option<[f32; 3]>,
    /// `fit`.
    pub fit: Option<Fit>,
    /// `pad`: level of the bars.
    pub pad: Option<u8>,
}

/// The keys of [`InputWishes`].
pub(super) const INPUT_KEYS: [&str; 6] = ["colour", "scale", "mean", "std", "fit", "pad"];

impl InputWishes {
    /// Takes one key. `false` for one that is not of [`INPUT_KEYS`].
    ///
    /// # Errors
    /// What is allowed.
    pub(super) fn set(&mut self, key: &str, value: &Value) -> Result<bool, String> {
        match key {
            "colour" => self.order = Some(colour(value)?),
            "scale" => self.scale = Some(positive(value)?),
            "mean" => self.mean = Some(three(value, number)?),
            "std" => self.std = Some(three(value, positive)?),
            "fit" => self.fit = Some(fit(value)?),
            "pad" => self.pad = Some(level(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The property `preprocess`: `key=value;key=value`, lists separated by commas.
    ///
    /// # Errors
    /// The key, and what is allowed.
    pub fn parse(property: &str) -> Result<Self, String> {
        let mut wishes = Self::default();
        let mut seen = Table::new();
        for item in property.split(';').map(str::trim) {
            if item.is_empty() {
                continue;
            }
            let Some((key, text)) = item.split_once('=') else {
                return Err(format!(
                    "\"{item}\" is not key=value, as in colour=bgr;scale=1;mean=103.5,116.3,123.7"
                ));
            };
            let (key, value) = (key.trim(), value(text));
            if !wishes
                .set(key, &value)
                .map_err(|why| format!("{key} is \"{}\": {why}", text.trim()))?
            {
                let problem = format!("there is no key \"{key}\"");
                return Err(text::suggest(&problem, key, &INPUT_KEYS));
            }
            if seen.insert(key.into(), value).is_some() {
                return Err(format!("{key} is there twice"));
            }
        }
        Ok(wishes)
    }

    fn apply(&self, spec: &mut InputSpec) {
        if let Some(order) = self.order.filter(|order| *order != spec.order) {
            spec.order = order;
            // They stay with their colours.
            spec.mean.reverse();
            spec.std.reverse();
        }
        spec.scale = self.scale.unwrap_or(spec.scale);
        spec.mean = self.mean.unwrap_or(spec.mean);
        spec.std = self.std.unwrap_or(spec.std);
        spec.fit = self.fit.unwrap_or(spec.fit);
        spec.pad = self.pad.unwrap_or(spec.pad);
    }
}

/// What is meant by a part of the property: numbers, fractions such as 1/255, lists of them, words.
fn value(text: &str) -> Value {
    let text = text.trim();
    if text.contains(',') {
        return Value::Array(text.split(',').map(value).collect());
    }
    if let Ok(whole) = text.parse() {
        return Value::Integer(whole);
    }
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    match (above.trim().parse::<f64>(), below.trim().parse::<f64>()) {
        (Ok(above), Ok(below)) => Value::Float(above / below),
        _ => Value::String(text.into()),
    }
}

/// A layout by name.
///
/// # Errors
/// The names that there are.
pub fn parse_head(name: &str) -> Result<HeadKind, String> {
    let known = HeadKind::ALL.map(HeadKind::as_str);
    let found = HeadKind::ALL.into_iter().find(|kind| kind.as_str() == name);
    found.ok_or_else(|| text::suggest(&format!("there is no head \"{name}\""), name, &known))
}

fn colour(value: &Value) -> Result<ChannelOrder, String> {
    match value.as_str() {
        Some("rgb") => Ok(ChannelOrder::Rgb),
        Some("bgr") => Ok(ChannelOrder::Bgr),
        _ => Err("it must be rgb or bgr".into()),
    }
}

fn fit(value: &Value) -> Result<Fit, String> {
    value.as_str().and_then(Fit::from_name).ok_or_else(|| {
        "it must be letterbox-centre, letterbox-top-left, stretch or centre-crop".into()
    })
}

fn number(value: &Value) -> Result<f32, String> {
    let number = match value {
        Value::Integer(whole) => *whole as f32,
        Value::Float(number) => *number as f32,
        _ => f32::NAN,
    };
    let is_sound = number.is_finite();
    is_sound
        .then_some(number)
        .ok_or("it must be a number".into())
}

fn positive(value: &Value) -> Result<f32, String> {
    let why = || "it must be a number above 0".to_string();
    let number = number(value).map_err(|_| why())?;
    // A sample of one level must not be lost, nor be infinite.
    (1e-12..=1e12)
        .contains(&number)
        .then_some(number)
        .ok_or_else(why)
}

fn level(value: &Value) -> Result<u8, String> {
    let level = value
        .as_integer()
        .and_then(|level| u8::try_from(level).ok());
    level.ok_or_else(|| "it must be a whole number from 0 to 255".into())
}

fn three(value: &Value, of: fn(&Value) -> Result<f32, String>) -> Result<[f32; 3], String> {
    let values = value.as_array().map_or(&[][..], Vec::as_slice);
    let [a, b, c] = values else {
        return Err("it must be three numbers, one for each channel".into());
    };
    let each = |value| of(value).map_err(|why| format!("of each of the three numbers, {why}"));
    Ok([each(a)?, each(b)?, each(c)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_property_says_how_pictures_are_prepared() {
        let text = " colour=bgr; scale = 1/255 ;mean=0.1,0.2, 0.3;std=1,2,4;fit=stretch;pad=0;";
        let expected = InputWishes {
            order: Some(ChannelOrder::Bgr),
            scale: Some(1.0 / 255.0),
            mean: Some([0.1, 0.2, 0.3]),
            std: Some([1.0, 2.0, 4.0]),
            fit: Some(Fit::Stretch),
            pad: Some(0),
        };
        assert_eq!(InputWishes::parse(text), Ok(expected));
        assert_eq!(InputWishes::parse(""), Ok(InputWishes::default()));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        let table: &[(&str, &[&str])] = &[
            ("bgr", &["\"bgr\"", "key=value"]),
            ("color=bgr", &["color", "did you mean \"colour\"", "scale"]),
            ("colour=grey", &["colour", "\"grey\"", "rgb or bgr"]),
            ("scale=0", &["scale", "above 0"]),
            ("scale=1/0", &["scale", "above 0"]),
            ("scale=nan", &["scale", "above 0"]),
            ("mean=1,2", &["mean", "three numbers"]),
            ("mean=1,2,inf", &["mean", "a number"]),
            ("std=1,0,1", &["std", "above 0"]),
            ("fit=crop", &["fit", "letterbox-centre", "stretch"]),
            ("pad=256", &["pad", "0 to 255"]),
            ("pad=0;pad=1", &["pad", "twice"]),
        ];
        for (text, parts) in table {
            let error = InputWishes::parse(text).unwrap_err();
            for part in *parts {
                assert!(error.contains(part), "{text}: {error}");
            }
        }
    }

    #[test]
    fn heads_have_the_names_of_cards() {
        for kind in HeadKind::ALL {
            assert_eq!(parse_head(kind.as_str()), Ok(kind));
        }
        let error = parse_head("yolo8").unwrap_err();
        assert!(
            error.contains("did you mean \"yolov8\"") && error.contains("nanodet"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn no_property_is_too_strange(text in "((colour|scale|mean|std|fit|pad|.{0,4})=?.{0,12};?){0,4}") {
            let _ = InputWishes::parse(&text);
        }
    }
}
