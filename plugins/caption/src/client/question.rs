//! What is asked, and its JSON.
//!
//! What stays the same comes first, what is new last: the words for every question, then frames in
//! the order of time, then the question. Servers keep what they computed of a prompt's beginning.

use serde_json::{Map, Value, json};
use std::sync::Arc;
use vigil_analytics::BBox;

use super::dialect::Known;
use crate::picture::Picture;
use crate::schema::ResponseSchema;

/// Field of a request with the timing of its video.
pub const TIMING: &str = "media_io_kwargs";

/// A part of what is said.
#[derive(Debug, Clone)]
pub enum Part {
    /// Words.
    Text(String),
    /// A picture.
    Picture(Arc<Picture>),
    /// A picture with an object outlined: a box in fractions of the picture.
    Marked(Arc<Picture>, BBox),
    /// One of the frames of a window, at this time of the stream in nanoseconds.
    Frame(Arc<Picture>, u64),
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We.
    User,
    /// The model, earlier.
    Assistant,
}

/// Something that is said.
#[derive(Debug, Clone)]
pub struct Turn {
    /// By whom.
    pub role: Role,
    /// What.
    pub parts: Vec<Part>,
}

/// How the answer is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which model; else the server's first.
    pub model: Option<String>,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// Sampling temperature.
    pub temperature: f64,
    /// Seed of sampling.
    pub seed: Option<u32>,
    /// Quality of JPEGs, 1..100.
    pub quality: u8,
    /// Send the frames of a window as one video, where the server's dialect has that.
    pub video: bool,
    /// Fields to add to the request, which go before ours.
    pub extra: Map<String, Value>,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    /// What every question begins with; may be empty.
    pub system: String,
    /// What was said so far, ours last.
    pub turns: Vec<Turn>,
    /// What the answer has to fit.
    pub schema: Option<Arc<ResponseSchema>>,
    /// How the answer is made.
    pub options: Arc<Options>,
}

impl Question {
    /// How many pictures it shows.
    pub fn pictures(&self) -> usize {
        let parts = self.turns.iter().flat_map(|turn| &turn.parts);
        parts.filter(|part| !matches!(part, Part::Text(_))).count()
    }

    /// The body of the request. Encodes pictures: for workers.
    ///
    /// # Errors
    /// A picture cannot be a JPEG.
    pub fn body(&self, known: &Known) -> Result<Value, String> {
        let options = &self.options;
        let mut body = Map::new();
        let model = options.model.as_deref().unwrap_or(&known.model);
        let model = if model.is_empty() { "default" } else { model };
        body.insert("model".into(), model.into());
        let mut messages = Vec::new();
        if !self.system.is_empty() {
            messages.push(json!({"role": "system", "content": self.system}));
        }
        let video = options.video && known.dialect.takes_jpeg_video();
        for turn in &self.turns {
            messages.push(self.message(turn, video, known.takes_timing)?);
        }
        body.insert("messages".into(), messages.into());
        body.insert("max_tokens".into(), options.max_tokens.into());
        body.insert("temperature".into(), options.temperature.into());
        if let Some(seed) = options.seed {
            body.insert("seed".into(), seed.into());
        }
        body.insert("stream".into(), true.into());
        body.insert("stream_options".into(), json!({"include_usage": true}));
        known.dialect.extend(&mut body, self.pictures());
        if let Some(times) = self.video_times().filter(|_| video && known.takes_timing) {
            body.insert(TIMING.into(), video_timing(&times));
        }
        if let Some(schema) = &self.schema {
            known.dialect.add_schema(&mut body, schema.json());
        }
        body.extend(options.extra.clone());
        Ok(body.into())
    }

    fn message(&self, turn: &Turn, video: bool, timing: bool) -> Result<Value, String> {
        if turn.role == Role::Assistant {
            let text: String = turn.parts.iter().map(text_of).collect();
            return Ok(json!({"role": "assistant", "content": text}));
        }
        let mut content = Vec::new();
        let (mut frames, mut times) = (Vec::new(), Vec::new());
        for part in &turn.parts {
            match part {
                Part::Text(text) => content.push(json!({"type": "text", "text": text})),
                Part::Picture(picture) => content.push(self.image(picture)?),
                Part::Marked(picture, part) => {
                    let marked = picture.rgb().marked(*part);
                    content.push(image(&marked.jpeg(self.options.quality)?));
                }
                Part::Frame(picture, clock) if video => {
                    frames.push(picture.jpeg(self.options.quality)?);
                    times.push(time_label(*clock));
                }
                Part::Frame(picture, clock) => {
                    content.push(json!({"type": "text", "text": time_label(*clock)}));
                    content.push(self.image(picture)?);
                }
            }
        }
        if !frames.is_empty() {
            let url = format!("data:video/jpeg;base64,{}", frames.join(","));
            content.insert(0, json!({"type": "video_url", "video_url": {"url": url}}));
            if !timing {
                let text = format!("The frames of the video are from {}.", times.join(", "));
                content.insert(1, json!({"type": "text", "text": text}));
            }
        }
        Ok(json!({"role": "user", "content": content}))
    }

    fn image(&self, picture: &Picture) -> Result<Value, String> {
        Ok(image(&picture.jpeg(self.options.quality)?))
    }

    /// Times of the frames of the window, in seconds from the first.
    fn video_times(&self) -> Option<Vec<f64>> {
        let frames = self.turns.iter().flat_map(|turn| &turn.parts);
        let clocks: Vec<u64> = frames
            .filter_map(|part| match part {
                Part::Frame(_, clock) => Some(*clock),
                _ => None,
            })
            .collect();
        let first = *clocks.first()?;
        Some(
            clocks
                .iter()
                .map(|clock| clock.saturating_sub(first) as f64 / 1e9)
                .collect(),
        )
    }
}

fn image(jpeg: &str) -> Value {
    let url = format!("data:image/jpeg;base64,{jpeg}");
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn text_of(part: &Part) -> &str {
    match part {
        Part::Text(text) => text,
        _ => "",
    }
}

/// What stands before a frame: its time.
pub fn time_label(clock: u64) -> String {
    format!("t={:.1}s", clock as f64 / 1e9)
}

/// vLLM's timing of a video that is a list of JPEGs: indices into a video of ten frames a second.
fn video_timing(times: &[f64]) -> Value {
    const FPS: f64 = 10.0;
    let indices: Vec<u64> = times
        .iter()
        .map(|time| (time * FPS).round() as u64)
        .collect();
    let duration = times.last().copied().unwrap_or(0.0);
    json!({"video": {
        "fps": FPS,
        "frames_indices": indices,
        "total_num_frames": indices.last().map_or(0, |last| last + 1),
        "duration": duration,
        "do_sample_frames": false,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::dialect::Dialect;
    use crate::prompt::builtin::VERDICT;

    fn picture() -> Arc<Picture> {
        Arc::new(Picture::new(8, 8, &[100; 192]).unwrap())
    }

    fn question(options: Options) -> Question {
        let part = BBox {
            x: 0.1,
            y: 0.1,
            w: 0.5,
            h: 0.5,
        };
        let user = |parts| Turn {
            role: Role::User,
            parts,
        };
        Question {
            system: "Look.".into(),
            turns: vec![
                user(vec![
                    Part::Frame(picture(), 12_400_000_000),
                    Part::Frame(picture(), 13_400_000_000),
                    Part::Text("What?".into()),
                ]),
                Turn {
                    role: Role::Assistant,
                    parts: vec![Part::Text("That.".into())],
                },
                user(vec![
                    Part::Picture(picture()),
                    Part::Marked(picture(), part),
                    Part::Text("Why?".into()),
                ]),
            ],
            schema: Some(Arc::new(ResponseSchema::parse(VERDICT).unwrap())),
            options: Arc::new(options),
        }
    }

    fn body(dialect: Dialect, options: Options) -> Value {
        let known = Known {
            dialect,
            model: "m".into(),
            sees: None,
            takes_timing: true,
        };
        question(options).body(&known).unwrap()
    }

    #[test]
    fn what_stays_comes_before_what_is_new() {
        let body = body(
            Dialect::OpenAi,
            Options {
                max_tokens: 9,
                quality: 80,
                ..Default::default()
            },
        );
        assert_eq!(
            body["messages"][0],
            json!({"role": "system", "content": "Look."})
        );
        let content = body["messages"][1]["content"].as_array().unwrap();
        assert_eq!(content[0]["text"], "t=12.4s");
        assert!(
            content[1]["image_url"]["url"]
                .as_str()
                .unwrap()
                .starts_with("data:image/jpeg;base64,/9j/")
        );
        assert_eq!(
            (content[2]["text"].as_str(), content[4]["text"].as_str()),
            (Some("t=13.4s"), Some("What?"))
        );
        assert_eq!(
            body["messages"][2],
            json!({"role": "assistant", "content": "That."})
        );
        assert_eq!(
            (&body["stream"], &body["max_tokens"], &body["model"]),
            (&json!(true), &json!(9), &json!("m"))
        );
        // A server that knows only OpenAI's fields might refuse others.
        for field in [
            "chat_template_kwargs",
            "cache_prompt",
            "seed",
            "modalities",
            "nvext",
        ] {
            assert!(body.get(field).is_none(), "{field}");
        }
    }

    #[test]
    fn each_dialect_gets_its_own_fields() {
        for (dialect, field, expected) in [
            (
                Dialect::Vllm,
                "/chat_template_kwargs/enable_thinking",
                json!(false),
            ),
            (Dialect::LlamaCpp, "/cache_prompt", json!(true)),
            (Dialect::Sglang, "/modalities", json!("multi-images")),
            (Dialect::Ollama, "/reasoning_effort", json!("none")),
            (
                Dialect::Ollama,
                "/response_format/type",
                json!("json_schema"),
            ),
            (
                Dialect::TensorRtLlm,
                "/response_format/json_schema/strict",
                json!(true),
            ),
            (Dialect::Nim, "/nvext/guided_json/type", json!("object")),
        ] {
            let body = body(
                dialect,
                Options {
                    quality: 80,
                    ..Default::default()
                },
            );
            assert_eq!(body.pointer(field), Some(&expected), "{dialect:?} {field}");
        }
    }

    #[test]
    fn a_window_is_one_video_where_that_can_be() {
        let options = Options {
            video: true,
            quality: 80,
            ..Default::default()
        };
        let vllm = body(Dialect::Vllm, options.clone());
        let url = vllm["messages"][1]["content"][0]["video_url"]["url"]
            .as_str()
            .unwrap();
        assert!(url.starts_with("data:video/jpeg;base64,") && url.matches(",/9j/").count() == 2);
        let timing = &vllm["media_io_kwargs"]["video"];
        assert_eq!(
            (&timing["frames_indices"], &timing["duration"]),
            (&json!([0, 10]), &json!(1.0))
        );
        let llama = body(Dialect::LlamaCpp, options);
        assert!(llama.get("media_io_kwargs").is_none() && !llama.to_string().contains("video_url"));
    }

    #[test]
    fn times_are_told_in_words_where_they_cannot_be_told_otherwise() {
        let options = Options {
            video: true,
            quality: 80,
            ..Default::default()
        };
        let known = Known {
            dialect: Dialect::Vllm,
            model: "m".into(),
            sees: None,
            takes_timing: false,
        };
        let body = question(options).body(&known).unwrap();
        let content = &body["messages"][1]["content"];
        assert_eq!(content[0]["type"], "video_url");
        assert_eq!(
            content[1]["text"],
            "The frames of the video are from t=12.4s, t=13.4s."
        );
        assert!(body.get(TIMING).is_none());
    }

    #[test]
    fn the_users_fields_go_before_ours() {
        let extra = json!({"cache_prompt": false, "top_k": 3})
            .as_object()
            .unwrap()
            .clone();
        let options = Options {
            model: Some("mine".into()),
            seed: Some(7),
            extra,
            quality: 80,
            ..Default::default()
        };
        let body = body(Dialect::LlamaCpp, options);
        assert_eq!(
            (&body["cache_prompt"], &body["top_k"]),
            (&json!(false), &json!(3))
        );
        assert_eq!((&body["model"], &body["seed"]), (&json!("mine"), &json!(7)));
    }
}
