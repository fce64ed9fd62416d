//! Talking to a server with an OpenAI-compatible interface: blocking HTTP, one connection for each
//! request, no runtime of its own.
//!
//! Everything here runs on workers. A request is ended from outside by its [`Cancel`], which shuts
//! its sockets down; that is how deadlines work too, so that a server that sends a byte a minute is
//! no better off than one that sends none.
//!
//! | module | what |
//! |---|---|
//! | [`url`] | where the server is |
//! | [`secret`] | the key, which nobody gets to see |
//! | [`dialect`] | how servers differ, and which one this is |
//! | [`question`] | what is asked; its JSON |
//! | [`exchange`] | one request and its answer |
//! | [`sse`] | a stream of server-sent events |
//! | [`answer`] | what the events say |
//! | [`failure`] | what can go wrong, and whether to try again |
//! | [`cancel`] | ending a request |

pub mod answer;
pub mod cancel;
pub mod dialect;
pub mod exchange;
pub mod failure;
pub mod question;
pub mod secret;
pub mod sse;
pub mod url;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::queue::Why;
use answer::Answer;
use cancel::Cancel;
use dialect::{Dialect, Known};
use exchange::{Exchange, Terms};
use failure::{Failure, Policy};
use question::{Question, TIMING};
use secret::Secret;
use url::BaseUrl;

/// Where a server is now; one that was started here may be nowhere for a while.
pub trait Endpoint: Send + Sync {
    /// Where it is, if it can be asked.
    fn base(&self) -> Option<BaseUrl>;
}

impl Endpoint for BaseUrl {
    fn base(&self) -> Option<BaseUrl> {
        Some(self.clone())
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// All of a request, with everything that is tried again.
    pub deadline: Duration,
    /// Resolving a name, and connecting, each.
    pub connect: Duration,
    /// From sending the question to the first word.
    pub first_token: Duration,
    /// From one word to the next.
    pub idle: Duration,
}

/// Whether the server answers only without the timing of a video.
fn refuses_timing(answer: &Result<Answer, Failure>) -> bool {
    matches!(answer, Err(Failure::Status { status: 400..500, message, .. }) if message.contains(TIMING))
}

/// One server.
pub struct Client {
    endpoint: Arc<dyn Endpoint>,
    key: Option<Secret>,
    dialect: Dialect,
    known: Mutex<Option<Arc<Known>>>,
}

impl Client {
    /// A client of the server at `endpoint`.
    pub fn new(endpoint: Arc<dyn Endpoint>, key: Option<Secret>, dialect: Dialect) -> Self {
        Self {
            endpoint,
            key,
            dialect,
            known: Mutex::new(None),
        }
    }

    /// What is known of the server so far.
    pub fn known(&self) -> Option<Arc<Known>> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the server answers at all, whatever it says.
    pub fn probe(&self, patience: Patience) -> bool {
        let cancel = Cancel::default();
        let Some(base) = self.endpoint.base() else {
            return false;
        };
        let terms = self.terms(patience, Instant::now() + patience.connect * 2);
        let up = match Exchange::new(&base, terms, &cancel).models() {
            Ok(_) => true,
            Err(failure) => !failure.is_servers_fault(),
        };
        if up {
            // It may be another one that came up in its place.
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        up
    }

    /// Asks, and tries again what may be tried again. `on_text` gets the whole answer so far each
    /// time that words come in.
    ///
    /// An answer that broke off is an answer that says so ([`Answer::cut`]).
    ///
    /// # Errors
    /// There is not one word of an answer.
    pub fn ask(
        &self,
        question: &Question,
        patience: Patience,
        cancel: &Cancel,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Answer, Failure> {
        let began = Instant::now();
        let deadline = began + patience.deadline;
        let mut policy = Policy::default();
        loop {
            cancel.alarm(deadline, Why::Deadline);
            let attempt = self.attempt(question, patience, deadline, cancel, on_text);
            let failure = match attempt {
                Ok(mut answer) => {
                    answer.total = began.elapsed();
                    answer.retries = policy.retries();
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            let Some(wait) = policy.wait(&failure) else {
                return Err(failure);
            };
            if Instant::now() + wait >= deadline {
                return Err(failure);
            }
            // Whoever waits to try again waits for no word.
            cancel.alarm(deadline, Why::Deadline);
            cancel.sleep(wait).map_err(Failure::Stopped)?;
        }
    }

    fn attempt(
        &self,
        question: &Question,
        patience: Patience,
        deadline: Instant,
        cancel: &Cancel,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Answer, Failure> {
        let base = self.endpoint.base().ok_or(Failure::NotReady)?;
        let terms = self.terms(patience, deadline);
        let known = match self.known() {
            Some(known) => known,
            None => self.learn(&base, terms.clone(), cancel)?,
        };
        if known.sees == Some(false) && question.pictures() > 0 {
            return Err(Failure::NoVision(known.model.clone()));
        }
        let body = question
            .body(&known)
            .map_err(|error| Failure::Malformed(format!("a picture cannot be sent: {error}")))?;
        let ask = |body: &serde_json::Value, on_text: &mut dyn FnMut(&str)| {
            Exchange::new(&base, terms.clone(), cancel).chat(body, on_text)
        };
        let answer = ask(&body, &mut *on_text);
        if !refuses_timing(&answer) || body.get(TIMING).is_none() {
            return answer;
        }
        let known = Known {
            takes_timing: false,
            ..Known::clone(&known)
        };
        let body = question
            .body(&known)
            .map_err(|error| Failure::Malformed(format!("a picture cannot be sent: {error}")))?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(known));
        ask(&body, on_text)
    }

    fn terms(&self, patience: Patience, deadline: Instant) -> Terms {
        Terms {
            key: self.key.clone(),
            patience,
            deadline,
        }
    }

    /// Finds out which server this is and what its model is called. A server that does not tell is
    /// taken for one like OpenAI's.
    fn learn(&self, base: &BaseUrl, terms: Terms, cancel: &Cancel) -> Result<Arc<Known>, Failure> {
        let models = match Exchange::new(base, terms, cancel).models() {
            Ok(models) => models,
            Err(failure) if failure.is_servers_fault() || failure.is_refusal() => {
                return Err(failure);
            }
            Err(_) => serde_json::Value::Null,
        };
        let known = Arc::new(Known::from_models(&models, self.dialect));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }
}
