//! What is run: the user's words, with what stands in where nothing was said.

use std::path::PathBuf;

use crate::Result;
use crate::args::{self, Args};
use crate::clip::{self, Clip};

/// What a rendered street is asked, where the user asks nothing else.
const RULES: &str = include_str!("../../../rules/demo.toml");

/// What is run.
pub struct Job {
    /// The input, for GStreamer.
    pub uri: String,
    /// The input, for people.
    pub input: String,
    /// The detector, for people.
    pub model: String,
    /// What to report.
    pub rules: Option<PathBuf>,
    /// The rendered clip, where that is the input.
    pub clip: Option<Clip>,
}

impl Job {
    /// Settles what is run; renders the clip where there is no input and no clip yet.
    ///
    /// # Errors
    /// For a file that is not there, and a clip that cannot be rendered.
    pub fn prepare(args: &Args) -> Result<Self> {
        args.check()?;
        let model = match &args.model {
            Some(model) => args::file_name(model),
            None => "the built-in detector".into(),
        };
        if let Some(input) = &args.input {
            let uri = args::uri(input)?;
            if args.model.is_none() {
                eprintln!("{NOTE}");
            }
            return Ok(Self {
                uri,
                input: args::input_name(input),
                model,
                rules: args.rules.clone(),
                clip: None,
            });
        }
        let rules = match &args.rules {
            Some(rules) => rules.clone(),
            None => {
                let rules = args.output.join("rules.toml");
                std::fs::write(&rules, RULES)
                    .map_err(|error| format!("{} cannot be written: {error}", rules.display()))?;
                rules
            }
        };
        let clip = clip::get(&clip::Options::of(args), &args.output)?;
        Ok(Self {
            uri: args::uri(&clip.video.to_string_lossy())?,
            input: "a rendered street".into(),
            model,
            rules: Some(rules),
            clip: Some(clip),
        })
    }
}

const NOTE: &str = "\
demo: NOTE: no model was given, so the built-in detector looks. It was trained on rendered scenes
      only: on other video it misses much and invents some. For real video give a model:
      make demo MODEL=yolov8n.onnx INPUT=…";
