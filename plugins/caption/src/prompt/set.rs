//! Which prompt is for what: one for each event kind, one for each class, one for the rest.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use vigil_analytics::text;

use super::{PromptError, Template, builtin};

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
    events: BTreeMap<String, Template>,
}

impl Prompts {
    /// The prompts of the properties `prompt`, `system-prompt` and `prompts-file`, each of which may
    /// be absent; the properties go before the file. Reads the file: not for the streaming thread.
    ///
    /// # Errors
    /// See [`SetError`].
    pub fn load(
        prompt: Option<&str>,
        system: Option<&str>,
        file: Option<&Path>,
    ) -> Result<Self, SetError> {
        let (read, path) = match file {
            Some(path) => (read(path)?, path.display().to_string()),
            None => (File::default(), String::new()),
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
            events: table("events", &read.events)?,
        })
    }

    /// What every conversation begins with.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The prompt for a question: that of the event's kind, else that of the class, else the general
    /// one, else a built-in one. A verification takes that of the event's kind or the built-in one.
    pub fn of(&self, about: About<'_>) -> &Template {
        let event = about.event.and_then(|kind| self.events.get(kind));
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
        Prompts::load(prompt, None, Some(&path))
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
    fn properties_go_before_the_file_and_there_is_always_a_prompt() {
        let prompts = load(FILE, Some("Mine.")).unwrap();
        assert_eq!(text(&prompts, None, None, false), "Mine.");
        let prompts = Prompts::load(None, None, None).unwrap();
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
        ] {
            let error = load(content, None).unwrap_err().to_string();
            assert!(error.contains(said), "{content}: {error}");
        }
        let none = Prompts::load(None, None, Some(Path::new("/nowhere.toml")));
        assert!(
            none.unwrap_err()
                .to_string()
                .starts_with("/nowhere.toml: No such file")
        );
        let wrong = Prompts::load(Some("{x}"), None, None)
            .unwrap_err()
            .to_string();
        assert!(wrong.starts_with("prompt: unknown field {x}"), "{wrong}");
    }
}
