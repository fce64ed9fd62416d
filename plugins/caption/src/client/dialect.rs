//! How servers differ behind one interface, and which one this is.

use serde_json::{Map, Value, json};

use crate::prompt::clean;

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// Found out from what the server says of its models.
    #[default]
    Auto,
    /// OpenAI's own interface, and nothing else.
    OpenAi,
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// llama-server of llama.cpp.
    LlamaCpp,
    /// Ollama.
    Ollama,
    /// TensorRT-LLM.
    TensorRtLlm,
    /// NVIDIA NIM.
    Nim,
}

impl Dialect {
    /// As it is in `stats`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::OpenAi => "openai",
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::LlamaCpp => "llamacpp",
            Self::Ollama => "ollama",
            Self::TensorRtLlm => "tensorrt-llm",
            Self::Nim => "nim",
        }
    }

    /// Whether frames can be sent as one video.
    pub fn takes_jpeg_video(self) -> bool {
        self == Self::Vllm
    }

    /// Adds what has to be said to this server alone: no thinking before the answer, which would
    /// take longer than the answer is worth; and several pictures.
    pub fn extend(self, body: &mut Map<String, Value>, pictures: usize) {
        match self {
            Self::Vllm | Self::LlamaCpp | Self::Sglang => {
                body.insert(
                    "chat_template_kwargs".into(),
                    json!({"enable_thinking": false}),
                );
            }
            Self::Ollama => {
                body.insert("reasoning_effort".into(), json!("none"));
            }
            _ => {}
        }
        if self == Self::LlamaCpp {
            body.insert("cache_prompt".into(), json!(true));
        }
        if self == Self::Sglang && pictures > 1 {
            body.insert("modalities".into(), json!("multi-images"));
        }
    }

    /// Adds the schema that the answer has to fit, where the server takes it.
    pub fn add_schema(self, body: &mut Map<String, Value>, schema: &Value) {
        if self == Self::Nim {
            body.insert("nvext".into(), json!({"guided_json": schema}));
            return;
        }
        body.insert(
            "response_format".into(),
            json!({"type": "json_schema",
                   "json_schema": {"name": "answer", "strict": true, "schema": schema}}),
        );
    }
}

/// What a server said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Which kind it is; never [`Dialect::Auto`].
    pub dialect: Dialect,
    /// What its first model is called; empty where it does not say.
    pub model: String,
    /// Whether the model takes pictures, where the server says so.
    pub sees: Option<bool>,
    /// Whether it may be told when the frames of a video are from: vLLM takes that only with
    /// `--trust-request-mm-kwargs`, and says so when it is asked.
    pub takes_timing: bool,
}

impl Known {
    /// Reads the answer to `GET /models`. A dialect that the user chose stays.
    pub fn from_models(models: &Value, wanted: Dialect) -> Self {
        let first = &models["data"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let owner = text(&first["owned_by"]).to_lowercase();
        let dialect = match (wanted, owner.as_str()) {
            (Dialect::Auto, "vllm") => Dialect::Vllm,
            (Dialect::Auto, "sglang") => Dialect::Sglang,
            (Dialect::Auto, "llamacpp") => Dialect::LlamaCpp,
            (Dialect::Auto, "library" | "ollama") => Dialect::Ollama,
            (Dialect::Auto, "tensorrt_llm" | "tensorrt-llm") => Dialect::TensorRtLlm,
            (Dialect::Auto, _) => Dialect::OpenAi,
            (wanted, _) => wanted,
        };
        let listed = [
            &first["architecture"]["input_modalities"],
            &first["input_modalities"],
        ];
        let names = listed.into_iter().find_map(Value::as_array);
        let capabilities = models["models"][0]["capabilities"].as_array();
        Self {
            dialect,
            model: clean::line(&text(&first["id"]), 200),
            sees: names
                .map(|names| names.iter().any(|name| name == "image"))
                .or_else(|| capabilities.map(|all| all.iter().any(|name| name == "multimodal"))),
            takes_timing: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_what_they_say_of_their_models() {
        for (owner, expected) in [
            ("vllm", Dialect::Vllm),
            ("sglang", Dialect::Sglang),
            ("llamacpp", Dialect::LlamaCpp),
            ("library", Dialect::Ollama),
            ("tensorrt_llm", Dialect::TensorRtLlm),
            ("acme", Dialect::OpenAi),
        ] {
            let models = json!({"data": [{"id": "m", "owned_by": owner}]});
            let known = Known::from_models(&models, Dialect::Auto);
            assert_eq!((known.dialect, known.model.as_str()), (expected, "m"));
            assert_eq!(
                Known::from_models(&models, Dialect::Nim).dialect,
                Dialect::Nim
            );
        }
        let nothing = Known::from_models(&Value::Null, Dialect::Auto);
        assert_eq!(
            (nothing.dialect, nothing.model.as_str(), nothing.sees),
            (Dialect::OpenAi, "", None)
        );
    }

    #[test]
    fn a_model_that_sees_nothing_is_known() {
        for (first, sees) in [
            (
                json!({"architecture": {"input_modalities": ["text"]}}),
                Some(false),
            ),
            (
                json!({"architecture": {"input_modalities": ["text", "image"]}}),
                Some(true),
            ),
            (json!({"id": "x"}), None),
        ] {
            let known = Known::from_models(&json!({"data": [first]}), Dialect::Auto);
            assert_eq!(known.sees, sees);
        }
        let models = json!({"models": [{"capabilities": ["completion"]}], "data": [{}]});
        assert_eq!(Known::from_models(&models, Dialect::Auto).sees, Some(false));
    }
}
