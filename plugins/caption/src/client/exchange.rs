//! One request and its answer.

use serde_json::Value;
use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::Patience;
use super::answer::{Answer, Assembly, Progress, body_text};
use super::cancel::Cancel;
use super::failure::Failure;
use super::secret::Secret;
use super::sse::Events;
use super::url::BaseUrl;
use crate::queue::Why;

/// Most bytes of an answer, words and what is around them.
const LARGEST_ANSWER: usize = 4 << 20;
/// Most bytes of an error that are looked at.
const LARGEST_ERROR: u64 = 64 << 10;
/// Redirects within one server that are followed.
const MOST_REDIRECTS: usize = 3;

/// What holds for a request.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The server's key.
    pub key: Option<Secret>,
    /// How long things may take.
    pub patience: Patience,
    /// When all has to be over.
    pub deadline: Instant,
}

/// A request on a connection of its own, so that ending it ends nothing else.
pub struct Exchange<'a> {
    base: &'a BaseUrl,
    terms: Terms,
    agent: Agent,
    cancel: &'a Cancel,
}

impl<'a> Exchange<'a> {
    /// A request to the server at `base`.
    pub fn new(base: &'a BaseUrl, terms: Terms, cancel: &'a Cancel) -> Self {
        let left = terms.deadline.saturating_duration_since(Instant::now());
        let connect = terms.patience.connect;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(connect))
            .timeout_connect(Some(connect))
            .timeout_global(Some(left.max(Duration::from_millis(1))))
            .user_agent(concat!("vigilcaption/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .tls_config(
                TlsConfig::builder()
                    .root_certs(RootCerts::PlatformVerifier)
                    .build(),
            );
        if base.is_loopback() {
            config = config.proxy(None);
        }
        Self {
            base,
            terms,
            agent: config.build().new_agent(),
            cancel,
        }
    }

    /// What the server says of its models.
    ///
    /// # Errors
    /// It does not say.
    pub fn models(&self) -> Result<Value, Failure> {
        let mut response = self.send("models", None)?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(response));
        }
        let body = self.read_all(&mut response)?;
        serde_json::from_slice(&body).map_err(|_| Failure::Malformed(self.tell(&body)))
    }

    /// Asks. `on_text` gets the whole answer so far each time that words come in.
    ///
    /// # Errors
    /// There is not one word of an answer.
    pub fn chat(&self, body: &Value, on_text: &mut dyn FnMut(&str)) -> Result<Answer, Failure> {
        let sent = Instant::now();
        self.alarm(self.terms.patience.first_token, Why::FirstToken);
        let body = body.to_string();
        let mut response = self.send("chat/completions", Some(body.as_bytes()))?;
        if !response.status().is_success() {
            return Err(self.refusal(response));
        }
        let mut assembly = Assembly::default();
        let mut first = None;
        let is_stream = response
            .body()
            .mime_type()
            .is_some_and(|mime| mime == "text/event-stream");
        let result = if is_stream {
            self.stream(response, &mut assembly, &mut first, sent, on_text)
        } else {
            self.whole(&mut response, &mut assembly, &mut first, sent, on_text)
        };
        self.cancel.detach();
        let text = assembly.text().trim_end().to_string();
        let cut = match result {
            Ok(cut) => cut,
            Err(failure) if text.is_empty() => return Err(failure),
            Err(failure) => Some(failure.as_str()),
        };
        if text.is_empty() && cut.is_none() {
            return Err(Failure::Malformed("it is empty".into()));
        }
        Ok(Answer {
            text,
            cut,
            model: assembly.model,
            usage: assembly.usage,
            first_token: first.unwrap_or_else(|| sent.elapsed()),
            total: sent.elapsed(),
            retries: 0,
        })
    }

    /// Reads a stream of chunks; gives why words are missing, if any are.
    fn stream(
        &self,
        response: Response<Body>,
        assembly: &mut Assembly,
        first: &mut Option<Duration>,
        sent: Instant,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Option<&'static str>, Failure> {
        let reader = response
            .into_body()
            .into_with_config()
            .limit(LARGEST_ANSWER as u64 * 2)
            .reader();
        let mut events = Events::new(reader, LARGEST_ANSWER);
        loop {
            let data = match events.next_data() {
                Ok(data) => data,
                Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                    return Ok(Some("too-large"));
                }
                Err(error) => return Err(self.lost(&error)),
            };
            let Some(data) = data else {
                // Without any end the connection was lost.
                // So it is when it was ended from here.
                return match (assembly.finish.is_some(), self.ended()) {
                    (true, _) => Ok(cut_by(assembly)),
                    (false, Some(why)) => Err(Failure::Stopped(why)),
                    (false, None) => Err(Failure::Connection(
                        "it closed in the middle of an answer".into(),
                    )),
                };
            };
            if data.trim() == "[DONE]" {
                return Ok(cut_by(assembly));
            }
            let chunk: Value = serde_json::from_str(&data)
                .map_err(|_| Failure::Malformed(self.tell(data.as_bytes())))?;
            self.take(&chunk, assembly, first, sent, on_text)?;
            if assembly.is_too_long() {
                return Ok(Some("too-large"));
            }
            if let Some(why) = self.cancel.why() {
                return Err(Failure::Stopped(why));
            }
        }
    }

    /// Reads an answer that comes as a whole: the server does not stream, or this is its error.
    fn whole(
        &self,
        response: &mut Response<Body>,
        assembly: &mut Assembly,
        first: &mut Option<Duration>,
        sent: Instant,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Option<&'static str>, Failure> {
        let body = self.read_all(response)?;
        let answer: Value =
            serde_json::from_slice(&body).map_err(|_| Failure::Malformed(self.tell(&body)))?;
        self.take(&answer, assembly, first, sent, on_text)?;
        Ok(if assembly.is_too_long() {
            Some("too-large")
        } else {
            cut_by(assembly)
        })
    }

    fn take(
        &self,
        chunk: &Value,
        assembly: &mut Assembly,
        first: &mut Option<Duration>,
        sent: Instant,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<(), Failure> {
        let before = assembly.text().len();
        let progress = assembly
            .add(chunk)
            .map_err(|message| Failure::Stream(self.scrub(&message)))?;
        if progress != Progress::Nothing {
            self.alarm(self.terms.patience.idle, Why::Idle);
        }
        if assembly.text().len() != before {
            first.get_or_insert_with(|| sent.elapsed());
            on_text(assembly.text());
        }
        Ok(())
    }

    fn alarm(&self, after: Duration, why: Why) {
        let at = Instant::now() + after;
        if at < self.terms.deadline {
            self.cancel.alarm(at, why);
        } else {
            self.cancel.alarm(self.terms.deadline, Why::Deadline);
        }
    }

    /// Sends a request, and again where the server itself says it is elsewhere on it.
    fn send(&self, path: &str, body: Option<&[u8]>) -> Result<Response<Body>, Failure> {
        self.cancel.attach(&self.agent).map_err(Failure::Stopped)?;
        let mut url = self.base.join(path);
        for _ in 0..=MOST_REDIRECTS {
            let response = self
                .send_once(&url, body)
                .map_err(|error| self.lost_on_send(&error))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get("location");
            let location = location
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            url = self.base.redirect(location).map_err(|to| {
                Failure::Redirect(self.scrub(&crate::prompt::clean::line(&to, 200)))
            })?;
        }
        Err(Failure::Redirect("itself, again and again".into()))
    }

    fn send_once(&self, url: &str, body: Option<&[u8]>) -> Result<Response<Body>, ureq::Error> {
        let key = self.terms.key.as_ref().map(Secret::header);
        match body {
            None => {
                let request = self.agent.get(url);
                match key {
                    Some(key) => request.header("Authorization", key).call(),
                    None => request.call(),
                }
            }
            Some(body) => {
                let request = self
                    .agent
                    .post(url)
                    .header("Content-Type", "application/json")
                    .header("Accept", "text/event-stream, application/json");
                match key {
                    Some(key) => request.header("Authorization", key).send(body),
                    None => request.send(body),
                }
            }
        }
    }

    /// What a response that is no answer says.
    fn refusal(&self, mut response: Response<Body>) -> Failure {
        let status = response.status();
        let seconds = response.headers().get("retry-after");
        let seconds = seconds.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        let mut body = Vec::new();
        // What cannot be read of an error is no other error.
        let _ = response
            .body_mut()
            .as_reader()
            .take(LARGEST_ERROR)
            .read_to_end(&mut body);
        if let Some(why) = self.cancel.why() {
            return Failure::Stopped(why);
        }
        let hint = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => " (is the key right?)",
            StatusCode::NOT_FOUND => " (are base-url and model right?)",
            _ => "",
        };
        Failure::Status {
            status: status.as_u16(),
            message: format!("{}{hint}", self.tell(&body)),
            retry_after: seconds.map(Duration::from_secs),
        }
    }

    fn read_all(&self, response: &mut Response<Body>) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        let reader = response
            .body_mut()
            .with_config()
            .limit(LARGEST_ANSWER as u64 * 2)
            .reader();
        reader
            .take(LARGEST_ANSWER as u64 + 1)
            .read_to_end(&mut body)
            .map_err(|error| self.lost(&error))?;
        if body.len() > LARGEST_ANSWER {
            return Err(Failure::Malformed("it is larger than 4 MiB".into()));
        }
        Ok(body)
    }

    /// The connection was lost, by itself or because it was ended from here.
    fn lost(&self, error: &std::io::Error) -> Failure {
        match self.ended() {
            Some(why) => Failure::Stopped(why),
            None => Failure::Connection(self.scrub(&error.to_string())),
        }
    }

    /// Why the connection was ended from here, if it was: the client may look at the clock before
    /// the alarm goes off.
    fn ended(&self) -> Option<Why> {
        let is_over = Instant::now() >= self.terms.deadline;
        self.cancel.why().or(is_over.then_some(Why::Deadline))
    }

    fn lost_on_send(&self, error: &ureq::Error) -> Failure {
        match (self.ended(), error) {
            (Some(why), _) => Failure::Stopped(why),
            (None, ureq::Error::Timeout(ureq::Timeout::Global)) => Failure::Stopped(Why::Deadline),
            (None, error) => Failure::Connection(self.scrub(&error.to_string())),
        }
    }

    /// What a body that is no answer says, without the key: not whole, nor what a cut leaves of it,
    /// nor as JSON may have written it.
    fn tell(&self, body: &[u8]) -> String {
        let plain = self.scrub(&String::from_utf8_lossy(body));
        self.scrub(&body_text(plain.as_bytes()))
    }

    fn scrub(&self, text: &str) -> String {
        match &self.terms.key {
            Some(key) => key.scrub(text),
            None => text.to_string(),
        }
    }
}

/// Why the server itself cut the answer, if it did.
fn cut_by(assembly: &Assembly) -> Option<&'static str> {
    (assembly.finish.as_deref() == Some("length")).then_some("length")
}
