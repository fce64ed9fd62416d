//! What a server says: words, usage, errors.

use serde_json::Value;
use std::time::Duration;

use crate::prompt::clean;

/// Longest answer, in bytes. Ten pages are no caption.
pub const LONGEST_ANSWER: usize = 64 << 10;

/// What a question cost, as the server counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the question.
    pub prompt: Option<u64>,
    /// How many of those the server knew already.
    pub cached: Option<u64>,
    /// Tokens of the answer.
    pub completion: Option<u64>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The words.
    pub text: String,
    /// As the server calls it; may be empty.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
    /// Why words are missing, if any are.
    pub cut: Option<&'static str>,
    /// From asking to the first word.
    pub first_token: Duration,
    /// From asking to the last.
    pub total: Duration,
    /// How often the question was asked again.
    pub retries: u32,
}

/// Puts an answer together from the chunks of a stream, or from one whole answer.
#[derive(Debug, Default)]
pub struct Assembly {
    raw: String,
    /// Model, if the server says.
    pub model: String,
    /// Why the answer ended, if the server says.
    pub finish: Option<String>,
    /// Tokens.
    pub usage: Usage,
}

/// What a chunk brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Words.
    Words,
    /// A sign that the model is at work: it thinks.
    Alive,
    /// Neither.
    Nothing,
}

impl Assembly {
    /// Takes a chunk in.
    ///
    /// # Errors
    /// The server's error message, if that is what the chunk is.
    pub fn add(&mut self, chunk: &Value) -> Result<Progress, String> {
        if let Some(message) = error_text(chunk) {
            return Err(message);
        }
        if let Some(model) = chunk["model"].as_str().filter(|_| self.model.is_empty()) {
            self.model = clean::line(model, 200);
        }
        self.add_usage(&chunk["usage"]);
        let choice = &chunk["choices"][0];
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.finish = Some(finish.to_string());
        }
        let said = if choice["delta"].is_object() {
            &choice["delta"]
        } else {
            &choice["message"]
        };
        let words = words(&said["content"]);
        if !words.is_empty() {
            self.raw.push_str(&words);
            return Ok(Progress::Words);
        }
        let thinks = ["reasoning_content", "reasoning"]
            .iter()
            .any(|field| said[field].as_str().is_some_and(|text| !text.is_empty()));
        Ok(if thinks {
            Progress::Alive
        } else {
            Progress::Nothing
        })
    }

    fn add_usage(&mut self, usage: &Value) {
        let number = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64);
        self.usage.prompt = number("/prompt_tokens").or(self.usage.prompt);
        self.usage.completion = number("/completion_tokens").or(self.usage.completion);
        let cached = number("/prompt_tokens_details/cached_tokens");
        self.usage.cached = cached.or(self.usage.cached);
    }

    /// Whether the answer is longer than any may be.
    pub fn is_too_long(&self) -> bool {
        self.raw.len() > LONGEST_ANSWER
    }

    /// The words so far, without what the model thought aloud before.
    pub fn text(&self) -> &str {
        let text = self.raw.trim_start();
        if "<think>".starts_with(text) {
            return "";
        }
        match text.strip_prefix("<think>") {
            Some(thought) => thought
                .split_once("</think>")
                .map_or("", |(_, rest)| rest.trim_start()),
            None => text,
        }
    }
}

/// The words of a message: text, or a list of parts some of which are.
fn words(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

/// The message of an error, in any of the shapes that servers use:
/// `{"error": {"message": …}}`, `{"error": "…"}`, `{"object": "error", "message": …}`,
/// `{"detail": [{"msg": …}]}`, `{"detail": "…"}`.
pub fn error_text(value: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_string);
    let error = &value["error"];
    let found = if !error.is_null() {
        text(&error["message"])
            .or_else(|| text(error))
            .or_else(|| Some(error.to_string()))
    } else if value["object"] == "error" {
        text(&value["message"]).or_else(|| Some("no reason given".into()))
    } else if !value["detail"].is_null() {
        let detail = &value["detail"];
        text(&detail[0]["msg"])
            .or_else(|| text(detail))
            .or_else(|| Some(detail.to_string()))
    } else {
        None
    };
    found.map(|message| clean::line(&message, 300))
}

/// What the body of an error says, whatever it is: JSON, a web page, or anything else.
pub fn body_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let trimmed = text.trim_start();
    if let Ok(value) = serde_json::from_str::<Value>(trimmed) {
        let message = error_text(&value).or_else(|| value["message"].as_str().map(str::to_string));
        if let Some(message) = message {
            return clean::line(&message, 300);
        }
    }
    if trimmed.starts_with('<') {
        let lower = trimmed.to_ascii_lowercase();
        let title = lower.find("<title>").zip(lower.find("</title>"));
        let title = title.and_then(|(start, end)| trimmed.get(start + 7..end));
        return match title {
            Some(title) => format!(
                "a web page, «{}»: is base-url right?",
                clean::line(title, 100)
            ),
            None => "a web page: is base-url right?".into(),
        };
    }
    match clean::line(trimmed, 300) {
        text if text.is_empty() => "no reason given".into(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn delta(content: Value) -> Value {
        json!({"choices": [{"delta": {"content": content}, "finish_reason": null}]})
    }

    #[test]
    fn words_come_in_chunks_and_usage_at_the_end() {
        let mut assembly = Assembly::default();
        let role =
            json!({"model": "m", "choices": [{"delta": {"role": "assistant", "content": null}}]});
        assert_eq!(assembly.add(&role), Ok(Progress::Nothing));
        assert_eq!(assembly.add(&delta(json!("A"))), Ok(Progress::Words));
        assert_eq!(
            assembly.add(&delta(json!([{"type": "text", "text": " cat"}]))),
            Ok(Progress::Words)
        );
        let end = json!({"choices": [{"delta": {}, "finish_reason": "length"}]});
        assert_eq!(assembly.add(&end), Ok(Progress::Nothing));
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 7}}});
        assert_eq!(assembly.add(&usage), Ok(Progress::Nothing));
        assert_eq!(assembly.text(), "A cat");
        assert_eq!(
            (assembly.model.as_str(), assembly.finish.as_deref()),
            ("m", Some("length"))
        );
        let expected = Usage {
            prompt: Some(9),
            cached: Some(7),
            completion: Some(2),
        };
        assert_eq!(assembly.usage, expected);
    }

    #[test]
    fn thoughts_are_no_words() {
        let mut assembly = Assembly::default();
        let thought = json!({"choices": [{"delta": {"reasoning_content": "hm"}}]});
        assert_eq!(assembly.add(&thought), Ok(Progress::Alive));
        for (piece, text) in [
            ("\n<th", ""),
            ("ink>is it", ""),
            (" a cat?</think>\n\n", ""),
            ("A cat", "A cat"),
        ] {
            assembly.add(&delta(json!(piece))).unwrap();
            assert_eq!(assembly.text(), text);
        }
        let mut plain = Assembly::default();
        plain.add(&delta(json!("<b>A"))).unwrap();
        assert_eq!(plain.text(), "<b>A");
    }

    #[test]
    fn errors_are_read_in_every_shape() {
        for (body, said) in [
            (
                r#"{"error": {"message": "too long", "code": 400}}"#,
                "too long",
            ),
            (r#"{"error": "model not found"}"#, "model not found"),
            (r#"{"error": {"code": 3}}"#, "{\"code\":3}"),
            (r#"{"object": "error", "message": "flat"}"#, "flat"),
            (
                r#"{"detail": [{"msg": "field required"}]}"#,
                "field required",
            ),
            (r#"{"detail": "Not Found"}"#, "Not Found"),
            (r#"{"message": "plain"}"#, "plain"),
            (
                "<html><head><title>502 Bad\nGateway</title>",
                "«502 Bad Gateway»",
            ),
            ("<!DOCTYPE html>", "a web page"),
            ("oops\u{7}", "oops"),
            ("", "no reason given"),
        ] {
            assert!(
                body_text(body.as_bytes()).contains(said),
                "{body}: {}",
                body_text(body.as_bytes())
            );
        }
        assert!(body_text(b"\xff\xfe<|im_start|>").contains("< |im_start"));
        assert!(body_text(&[b'x'; 99_999]).chars().count() <= 300);
        assert_eq!(error_text(&json!({"choices": []})), None);
    }
}
