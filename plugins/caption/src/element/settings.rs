//! What the user sets, and what comes of it.

use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::happening::Happening;
use super::{DialectChoice, TriggerFlags, ViewChoice};
use crate::client::Patience;
use crate::client::question::Options;
use crate::client::secret::Secret;
use crate::client::url::BaseUrl;
use crate::prompt::builtin::VERDICT;
use crate::prompt::set::{Prompts, Source};
use crate::schema::ResponseSchema;
use crate::select::View;
use crate::server::desk::{Identity, Place};
use crate::spawn::Recipe;
use crate::triggers::Kinds;

const S: u64 = 1_000_000_000;

/// The properties.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub base_url: Option<String>,
    pub model: Option<String>,
    /// As it was set; checked with the others.
    pub api_key: Option<Hidden>,
    pub api_key_file: Option<String>,
    pub api_key_env: Option<String>,
    pub dialect: DialectChoice,
    pub extra_body: Option<String>,
    pub spawn: Option<String>,
    pub spawn_model: Option<String>,
    pub spawn_mmproj: Option<String>,
    pub trigger: TriggerFlags,
    pub interval: u64,
    pub track_age: u64,
    pub track_timeout: u64,
    pub event_kinds: Option<String>,
    pub verify: Option<String>,
    pub classes: Option<String>,
    pub scene_threshold: f64,
    pub track_limit: u32,
    pub min_interval: u64,
    pub per_minute: u32,
    pub view: ViewChoice,
    pub crop_margin: f64,
    pub window: u64,
    pub sample_fps: f64,
    pub max_images: u32,
    pub max_side: u32,
    pub jpeg_quality: u32,
    pub video: bool,
    pub prompt: Option<String>,
    pub system_prompt: Option<String>,
    pub prompts: Option<String>,
    pub prompts_file: Option<String>,
    pub response_schema: Option<String>,
    pub max_tokens: u32,
    pub temperature: f64,
    pub seed: i64,
    pub stream: bool,
    pub cache_ttl: u64,
    pub max_in_flight: u32,
    pub queue_size: u32,
    pub max_age: u64,
    pub deadline: u64,
    pub connect_timeout: u64,
    pub first_token_timeout: u64,
    pub idle_timeout: u64,
    pub eos_timeout: u64,
    pub text_duration: u64,
    pub stream_id: Option<String>,
}

/// A key as it was set: not to be printed.
#[derive(Clone)]
pub(super) struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[key]")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: None,
            model: None,
            api_key: None,
            api_key_file: None,
            api_key_env: None,
            dialect: DialectChoice::Auto,
            extra_body: None,
            spawn: None,
            spawn_model: None,
            spawn_mmproj: None,
            trigger: TriggerFlags::INTERVAL | TriggerFlags::MANUAL,
            interval: 10 * S,
            track_age: S / 2,
            track_timeout: S,
            event_kinds: Some("*".into()),
            verify: None,
            classes: None,
            scene_threshold: 0.15,
            track_limit: 2,
            min_interval: S / 2,
            per_minute: 60,
            view: ViewChoice::Both,
            crop_margin: 0.2,
            window: 0,
            sample_fps: 1.0,
            max_images: 16,
            max_side: 448,
            jpeg_quality: 85,
            video: false,
            prompt: None,
            system_prompt: None,
            prompts: None,
            prompts_file: None,
            response_schema: None,
            max_tokens: 100,
            temperature: 0.0,
            seed: -1,
            stream: false,
            cache_ttl: 0,
            max_in_flight: 1,
            queue_size: 4,
            max_age: 10 * S,
            deadline: 30 * S,
            connect_timeout: 2 * S,
            first_token_timeout: 15 * S,
            idle_timeout: 5 * S,
            eos_timeout: 5 * S,
            text_duration: 5 * S,
            stream_id: None,
        }
    }
}

/// What holds from READY to READY: the settings, checked and read.
pub(super) struct Plan {
    pub identity: Identity,
    pub patience: Patience,
    pub options: Arc<Options>,
    pub prompts: Arc<Prompts>,
    pub schema: Option<Arc<ResponseSchema>>,
    pub verdict: Arc<ResponseSchema>,
    pub events: Kinds,
    pub verify: Kinds,
    /// Classes to ask about; all, if empty.
    pub classes: Vec<String>,
    pub view: View,
    pub settings: Settings,
}

impl Plan {
    /// Whether objects of this class are asked about.
    pub fn wants_class(&self, class: &str) -> bool {
        self.classes.is_empty() || self.classes.iter().any(|wanted| wanted == class)
    }

    /// Whether the model is to say of an event whether it is true: a rule upstream wants to know, or
    /// it is of the kinds for which that is set and nobody said so before.
    pub fn verifies(&self, happening: &Happening) -> bool {
        let wanted = || !happening.judged && self.verify.contain(&happening.parent.kind);
        happening.ask.is_some() || wanted()
    }

    /// Whether this trigger is set.
    pub fn has(&self, trigger: TriggerFlags) -> bool {
        self.settings.trigger.contains(trigger)
    }

    /// Whether anything is asked about tracks.
    pub fn keeps_tracks(&self) -> bool {
        self.settings
            .trigger
            .intersects(TriggerFlags::NEW_TRACK | TriggerFlags::TRACK_END | TriggerFlags::EVENT)
    }
}

/// What is wrong with a property.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct SettingsError(String);

impl Settings {
    /// Checks everything and reads what has to be read. Does I/O: not for the streaming thread.
    pub fn check(&self) -> Result<Plan, SettingsError> {
        let of = |property: &str, error: String| SettingsError(format!("{property}: {error}"));
        if let Some(id) = &self.stream_id
            && id.chars().any(char::is_control)
        {
            let text = format!("{id:?} has control characters: use readable text, like \"cam-1\"");
            return Err(of("stream-id", text));
        }
        let kinds = |property: &str, text: &Option<String>| {
            Kinds::parse(text.as_deref().unwrap_or_default()).map_err(|word| {
                of(property, format!("{word:?} is no kind of event: write kinds such as zone.entered or zone.*, separated by commas"))
            })
        };
        let prompts = Prompts::load(
            self.prompt.as_deref(),
            self.system_prompt.as_deref(),
            self.prompts_source()?,
        );
        let schema = self.response_schema.as_deref().map(ResponseSchema::load);
        let schema = schema
            .transpose()
            .map_err(|error| of("response-schema", error))?;
        let verdict = ResponseSchema::parse(VERDICT).map_err(|error| of("verify", error))?;
        Ok(Plan {
            identity: Identity {
                place: self.place()?,
                key: self.key()?,
                dialect: self.dialect.into(),
            },
            patience: self.patience(),
            options: Arc::new(self.options()?),
            prompts: Arc::new(prompts.map_err(|error| SettingsError(error.to_string()))?),
            schema: schema.map(Arc::new),
            verdict: Arc::new(verdict),
            events: kinds("event-kinds", &self.event_kinds)?,
            verify: kinds("verify", &self.verify)?,
            classes: list(self.classes.as_deref()),
            view: View {
                crop: self.view != ViewChoice::Frame,
                frame: self.view != ViewChoice::Crop,
                margin: self.crop_margin as f32,
                most: self.max_side as usize,
            },
            settings: self.clone(),
        })
    }

    fn prompts_source(&self) -> Result<Source<'_>, SettingsError> {
        match (&self.prompts, &self.prompts_file) {
            (Some(_), Some(_)) => Err(SettingsError(
                "prompts and prompts-file are both set: unset one".into(),
            )),
            (Some(text), None) => Ok(Source::Text(text)),
            (None, Some(path)) => Ok(Source::File(Path::new(path))),
            (None, None) => Ok(Source::None),
        }
    }

    fn place(&self) -> Result<Place, SettingsError> {
        let spawned = [
            ("spawn-model", &self.spawn_model),
            ("spawn-mmproj", &self.spawn_mmproj),
        ];
        match (&self.base_url, &self.spawn) {
            (Some(_), Some(_)) => Err(SettingsError(
                "base-url and spawn are both set: unset one, the server is either there or started here".into(),
            )),
            (None, None) => Err(SettingsError(
                "there is no server to ask: set base-url, such as http://127.0.0.1:8080/v1, or spawn, such as llama-server".into(),
            )),
            (None, Some(command)) => {
                Recipe::new(command, self.spawn_model.as_deref(), self.spawn_mmproj.as_deref())
                    .map(Place::Spawned)
                    .map_err(SettingsError)
            }
            (Some(url), None) => {
                if let Some((name, _)) = spawned.iter().find(|(_, value)| value.is_some()) {
                    return Err(SettingsError(format!("{name} is set, and spawn is not: set spawn to a command, such as llama-server")));
                }
                BaseUrl::parse(url)
                    .map(Place::At)
                    .map_err(|error| SettingsError(format!("base-url: {error}")))
            }
        }
    }

    fn key(&self) -> Result<Option<Secret>, SettingsError> {
        let set = [
            (
                "api-key",
                self.api_key.as_ref().map(|key| Secret::new(&key.0)),
            ),
            (
                "api-key-file",
                self.api_key_file.as_deref().map(Secret::from_file),
            ),
            (
                "api-key-env",
                self.api_key_env.as_deref().map(Secret::from_env),
            ),
        ];
        let mut set = set.into_iter().filter_map(|(name, key)| Some((name, key?)));
        let Some((name, key)) = set.next() else {
            return Ok(None);
        };
        if let Some((other, _)) = set.next() {
            return Err(SettingsError(format!(
                "{name} and {other} are both set: unset one"
            )));
        }
        key.map(Some)
            .map_err(|error| SettingsError(format!("{name}: {error}")))
    }

    fn patience(&self) -> Patience {
        Patience {
            deadline: Duration::from_nanos(self.deadline),
            connect: Duration::from_nanos(self.connect_timeout),
            first_token: Duration::from_nanos(self.first_token_timeout),
            idle: Duration::from_nanos(self.idle_timeout),
        }
    }

    fn options(&self) -> Result<Options, SettingsError> {
        Ok(Options {
            model: self.model.clone(),
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            seed: u32::try_from(self.seed).ok(),
            quality: u8::try_from(self.jpeg_quality).unwrap_or(100),
            video: self.video,
            extra: self.extra()?,
        })
    }

    fn extra(&self) -> Result<Map<String, Value>, SettingsError> {
        let Some(text) = &self.extra_body else {
            return Ok(Map::new());
        };
        let wrong = |what: String| {
            SettingsError(format!(
                "extra-body: {what}: write a JSON object, such as {{\"top_k\": 20}}"
            ))
        };
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => {
                let ours = ["messages", "stream"]
                    .into_iter()
                    .find(|name| fields.contains_key(*name));
                match ours {
                    Some(name) => Err(SettingsError(format!(
                        "extra-body: {name:?} is the element's own business"
                    ))),
                    None => Ok(fields),
                }
            }
            Ok(_) => Err(wrong("it is no object".into())),
            Err(error) => Err(wrong(format!("it is no JSON ({error})"))),
        }
    }
}

fn list(text: Option<&str>) -> Vec<String> {
    let words = text.unwrap_or_default().split([';', ',']);
    words
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect()
}
