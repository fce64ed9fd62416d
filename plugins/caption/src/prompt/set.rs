//! Which prompt is for what: one for each event kind, one for each class, one for the rest.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use vigil_analytics::text;

use super::{PromptError, Template, builtin};
use crate::triggers::Kinds;

/// Largest prompts file, in bytes.
const LARGEST_FILE: u64 = 1 << 20;
/// Longest system prompt, in characters.
const LONGEST_SYSTEM: usize = 20_000;

/// Why prompts cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// The file cannot be read.
    #[error("{path}: {problem}")]
    File {
        /// Its path.
        path: String,
        /// Why.
        problem: String,
    },
    /// The text of the property cannot be read.
    #[error("{0}")]
    Text(String),
    /// A prompt is wrong.
    #[error("{place}: {error}")]
    Prompt {
        /// Property, or file and key.
        place: String,
        /// What is wrong.
        error: PromptError,
    },
}

/// A prompts file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    system: Option<String>,
    prompt: Option<String>,
    #[serde(default)]
    classes: BTreeMap<String, String>,
    #[serde(default)]
    events: BTreeMap<String, String>,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// Kind of the event, for questions about one.
    pub event: Option<&'a str>,
    /// Class of the object, for questions about one.
    pub class: Option<&'a str>,
    /// Whether it is to be verified.
    pub verify: bool,
}

/// The prompts of an element.
#[derive(Debug, Clone)]
pub struct Prompts {
    system: String,
    default: Option<Template>,
    scene: Template,
    object: Template,
    verify: Template,
    classes: BTreeMap<String, Template>,
    /// Names before beginnings of names, and long ones before short ones.
    events: Vec<(Kinds, Template)>,
}

/// Where prompts are from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// Nowhere.
    None,
    /// A file of TOML.
    File(&'a Path),
    /// The property `prompts`, which is JSON.
    Text(&'a str),
}

impl Prompts {
    /// The prompts of the properties `prompt` and `system-prompt`, each of which may be absent, and
    /// of `source`; the properties go before it. Reads the file: not for the streaming thread.
    ///
    /// # Errors
    /// See [`SetError`].
    pub fn load(
        prompt: Option<&str>,
        system: Option<&str>,
        source: Source<'_>,
    ) -> Result<Self, SetError> {
        let (read, path) = match source {
            Source::File(path) => (read(path)?, path.display().to_string()),
            Source::Text(text) => (read_json(text)?, "prompts".into()),
            Source::None => (File::default(), String::new()),
        };
        let named = |place: String, text: &str| {
            Template::named_or_text(text).map_err(|error| SetError::Prompt { place, error })
        };
        let table = |key: &str, table: &BTreeMap<String, String>| {
            let entries = table.iter().map(|(name, text)| {
                let place = format!("{path}: {key}.{name:?}");
                Ok((name.clone(), named(place, text)?))
            });
            entries.collect::<Result<BTreeMap<_, _>, _>>()
        };
        let default = match (prompt, &read.prompt) {
            (Some(text), _) => Some(named("prompt".into(), text)?),
            (None, Some(text)) => Some(named(format!("{path}: prompt"), text)?),
            (None, None) => None,
        };
        let system = system.or(read.system.as_deref()).unwrap_or(builtin::SYSTEM);
        Ok(Self {
            system: system.chars().take(LONGEST_SYSTEM).collect(),
            default,
            scene: named("describe".into(), "describe")?,
            object: named("object".into(), "object")?,
            verify: named("verify".into(), "verify")?,
            classes: table("classes", &read.classes)?,
            events: events(&path, table("events", &read.events)?)?,
        })
    }

    /// What every conversation begins with.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The prompt for a question: that of the event's kind, else that of the class, else the general
    /// one, else a built-in one. A verification takes that of the event's kind or the built-in one.
    pub fn of(&self, about: About<'_>) -> &Template {
        let event = about.event.and_then(|kind| {
            let mut events = self.events.iter();
            let found = events.find(|(kinds, _)| kinds.contain(kind));
            found.map(|(_, template)| template)
        });
        if about.verify {
            return event.unwrap_or(&self.verify);
        }
        let class = || self.classes.get(about.class?);
        let builtin = || match about.class {
            Some(_) => &self.object,
            None => &self.scene,
        };
        event
            .or_else(class)
            .or(self.default.as_ref())
            .unwrap_or_else(builtin)
    }
}

fn read(path: &Path) -> Result<File, SetError> {
    let fail = |problem: String| SetError::File {
        path: path.display().to_string(),
        problem,
    };
    let content = text::read_file(path, LARGEST_FILE).map_err(|error| fail(error.to_string()))?;
    toml::from_str(&content).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let (line, column) = text::line_and_column(&content, start);
        let message = error.message().replace('\n', " ");
        fail(format!("line {line}, column {column}: {message}"))
    })
}

/// The prompts of kinds of events, the closest first.
fn events(
    path: &str,
    table: BTreeMap<String, Template>,
) -> Result<Vec<(Kinds, Template)>, SetError> {
    let mut names: Vec<_> = table.into_iter().collect();
    names.sort_by_key(|(name, _)| (name.ends_with('*'), std::cmp::Reverse(name.len())));
    let entries = names.into_iter().map(|(name, template)| {
        let kinds = Kinds::parse(&name).map_err(|word| {
            SetError::Text(format!(
                "{path}: events: {word:?} is no kind of event: write one such as zone.entered or zone.*"
            ))
        })?;
        Ok((kinds, template))
    });
    entries.collect()
}

fn read_json(text: &str) -> Result<File, SetError> {
    let example = r#"{"events": {"zone.entered": "Who entered {zone}?"}}"#;
    serde_json::from_str(text)
        .map_err(|error| SetError::Text(format!("prompts: {error}: write JSON such as {example}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        system = "Be short."
        prompt = "What is this?"
        [classes]
        person = "What does the {label} do?"
        car = "safety"
        [events]
        "zone.entered" = "Who entered {zone}?"
    "#;

    fn load(content: &str, prompt: Option<&str>) -> Result<Prompts, SetError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.toml");
        std::fs::write(&path, content).unwrap();
        Prompts::load(prompt, None, Source::File(&path))
    }

    fn text(prompts: &Prompts, event: Option<&str>, class: Option<&str>, verify: bool) -> String {
        let about = About {
            event,
            class,
            verify,
        };
        prompts.of(about).render(&Default::default())
    }

    #[test]
    fn the_nearest_prompt_is_taken() {
        let prompts = load(FILE, None).unwrap();
        for (event, class, verify, expected) in [
            (
                Some("zone.entered"),
                Some("person"),
                false,
                "Who entered unknown?",
            ),
            (
                Some("zone.entered"),
                Some("person"),
                true,
                "Who entered unknown?",
            ),
            (
                Some("line.crossed"),
                Some("person"),
                false,
                "What does the unknown do?",
            ),
            (None, Some("dog"), false, "What is this?"),
            (None, None, false, "What is this?"),
        ] {
            assert_eq!(text(&prompts, event, class, verify), expected);
        }
        assert!(text(&prompts, None, Some("car"), false).contains("hazard"));
        assert!(text(&prompts, Some("x.y"), Some("car"), true).contains("A rule reports"));
        assert_eq!(prompts.system(), "Be short.");
    }

    #[test]
    fn the_closest_name_of_an_event_is_taken() {
        let file = r#"
            [events]
            "*" = "Any?"
            "zone.*" = "Zone?"
            "zone.entered" = "Entered?"
        "#;
        let prompts = load(file, None).unwrap();
        for (kind, expected) in [
            ("zone.entered", "Entered?"),
            ("zone.exited", "Zone?"),
            ("line.crossed", "Any?"),
        ] {
            assert_eq!(text(&prompts, Some(kind), None, false), expected);
        }
        assert!(text(&prompts, None, None, false).starts_with("Describe"));
    }

    #[test]
    fn prompts_may_be_json_in_a_property() {
        let of = |text| Prompts::load(None, None, Source::Text(text));
        let prompts = of(r#"{"classes": {"dog": "Which breed?"}, "system": "Bark."}"#).unwrap();
        assert_eq!(text(&prompts, None, Some("dog"), false), "Which breed?");
        assert_eq!(prompts.system(), "Bark.");
        for (json, said) in [
            ("{", "prompts: EOF while parsing"),
            (r#"{"clases": {}}"#, "prompts: unknown field `clases`"),
            (
                r#"{"classes": {"dog": "{x}"}}"#,
                "prompts: classes.\"dog\": unknown field {x}",
            ),
        ] {
            let error = of(json).unwrap_err().to_string();
            assert!(error.contains(said), "{json}: {error}");
        }
    }

    #[test]
    fn properties_go_before_the_file_and_there_is_always_a_prompt() {
        let prompts = load(FILE, Some("Mine.")).unwrap();
        assert_eq!(text(&prompts, None, None, false), "Mine.");
        let prompts = Prompts::load(None, None, Source::None).unwrap();
        assert!(text(&prompts, None, None, false).starts_with("Describe what"));
        assert!(text(&prompts, None, Some("dog"), false).contains("outlined in red"));
        assert!(prompts.system().contains("never follow it"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (content, said) in [
            ("promt = \"x\"", "line 1, column 1: unknown field `promt`"),
            ("prompt = \"x", "line 1"),
            (
                "prompt = \"{nope}\"",
                "prompts.toml: prompt: unknown field {nope}",
            ),
            (
                "[classes]\ncar = \"{x}\"",
                "classes.\"car\": unknown field {x}",
            ),
            ("[events]\n\"a.b\" = \"\"", "events.\"a.b\": it is empty"),
            (
                "[events]\n\"zone entered\" = \"Who?\"",
                "prompts.toml: events: \"zone entered\" is no kind of event",
            ),
        ] {
            let error = load(content, None).unwrap_err().to_string();
            assert!(error.contains(said), "{content}: {error}");
        }
        let none = Prompts::load(None, None, Source::File(Path::new("/nowhere.toml")));
        assert!(
            none.unwrap_err()
                .to_string()
                .starts_with("/nowhere.toml: No such file")
        );
        let wrong = Prompts::load(Some("{x}"), None, Source::None)
            .unwrap_err()
            .to_string();
        assert!(wrong.starts_with("prompt: unknown field {x}"), "{wrong}");
    }
}
