//! Questions to a server: what a worker does with one, and which elements share a server.

use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;
use ulid::Ulid;

use super::breaker::Health;
use super::{Backend, Lane, Server, Terms};
use crate::client::answer::Answer;
use crate::client::cancel::Cancel;
use crate::client::dialect::Dialect;
use crate::client::failure::Failure;
use crate::client::question::{Part, Question, Role, Turn};
use crate::client::secret::Secret;
use crate::client::url::BaseUrl;
use crate::client::{Client, Endpoint, Patience};
use crate::prompt::clean;
use crate::queue::Why;
use crate::spawn::{Log, Recipe, Supervisor};

/// Requests in a row that fail before the server is taken to be down.
const FAILURES: u32 = 2;

/// Who waits for an answer. All methods are called on workers, but [`dropped`](Reply::dropped), which
/// may be called on any thread; none may wait.
pub trait Reply: Send {
    /// Words came in; `text` is all of them.
    fn progress(&mut self, text: &str);
    /// The answer is there.
    fn answered(self: Box<Self>, outcome: Outcome);
    /// There is none: one word why, and the story where there is one.
    fn dropped(self: Box<Self>, why: &'static str, story: Option<String>);
}

/// An answer, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The answer.
    pub answer: Answer,
    /// What it says by the response schema.
    pub json: Option<Value>,
    /// Why it does not fit the response schema.
    pub schema_error: Option<String>,
    /// Whether the model was told what did not fit and answered again.
    pub repaired: bool,
    /// The id of the caption that this repeats, where nobody was asked.
    pub cached: Option<String>,
}

/// What comes of a question when its turn comes.
pub enum Made {
    /// It is asked.
    Ask(Question),
    /// The answer is known.
    Known(Box<Outcome>),
    /// There is nothing to say, and why.
    Nothing(&'static str),
}

/// A question, and who waits for the answer.
pub struct Task {
    /// Makes the question: when its turn comes, so that it knows all that was said before.
    pub question: Box<dyn FnOnce() -> Made + Send>,
    /// How long it may take.
    pub patience: Patience,
    /// Until when the answer is of use, if not for as long as that.
    pub until: Option<Instant>,
    /// Who waits.
    pub reply: Box<dyn Reply>,
}

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// It is there.
    At(BaseUrl),
    /// It is started here.
    Spawned(Recipe),
}

/// What elements must agree on to share a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Where it is.
    pub place: Place,
    /// Its key.
    pub key: Option<Secret>,
    /// How it speaks.
    pub dialect: Dialect,
}

/// Asks a server.
pub struct Desk {
    client: Client,
    supervisor: Option<Supervisor>,
    probing: Patience,
}

impl Desk {
    fn new(identity: &Identity, probing: Patience, log: Log) -> std::io::Result<Self> {
        let (endpoint, supervisor): (Arc<dyn Endpoint>, _) = match &identity.place {
            Place::At(base) => (Arc::new(base.clone()), None),
            Place::Spawned(recipe) => {
                let supervisor = Supervisor::start(recipe.clone(), log)?;
                (Arc::new(supervisor.clone()), Some(supervisor))
            }
        };
        Ok(Self {
            client: Client::new(endpoint, identity.key.clone(), identity.dialect),
            supervisor,
            probing,
        })
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The server that is kept running, if there is one.
    pub fn supervisor(&self) -> Option<&Supervisor> {
        self.supervisor.as_ref()
    }

    /// Asks, checks the answer, and has it repaired once.
    fn ask(
        &self,
        question: Question,
        patience: Patience,
        cancel: &Cancel,
        reply: &mut dyn Reply,
    ) -> Result<Outcome, Failure> {
        let deadline = Instant::now() + patience.deadline;
        let mut on_text = |text: &str| reply.progress(text);
        let answer = self.client.ask(&question, patience, cancel, &mut on_text)?;
        let Some(schema) = question.schema.clone() else {
            return Ok(Outcome::of(answer));
        };
        let error = match check(&schema, &answer) {
            Ok(json) => return Ok(Outcome::of(answer).with(Ok(json))),
            Err(error) => error,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if answer.cut.is_some() || left.is_zero() {
            return Ok(Outcome::of(answer).with(Err(error)));
        }
        let again = repair(question, &answer.text, &error);
        let patience = Patience {
            deadline: left,
            ..patience
        };
        // Words of the second answer are not told as they come: they would seem to follow the first.
        match self.client.ask(&again, patience, cancel, &mut |_| {}) {
            Ok(mut second) => {
                second.first_token = answer.first_token;
                second.total += answer.total;
                second.retries += answer.retries;
                let checked = check(&schema, &second);
                Ok(Outcome {
                    repaired: true,
                    ..Outcome::of(second).with(checked)
                })
            }
            Err(Failure::Stopped(why)) if why != Why::Deadline => Err(Failure::Stopped(why)),
            Err(_) => Ok(Outcome::of(answer).with(Err(error))),
        }
    }
}

impl Outcome {
    fn of(answer: Answer) -> Self {
        Self {
            answer,
            json: None,
            schema_error: None,
            repaired: false,
            cached: None,
        }
    }

    fn with(mut self, checked: Result<Value, String>) -> Self {
        match checked {
            Ok(json) => self.json = Some(json),
            Err(error) => self.schema_error = Some(clean::line(&error, 300)),
        }
        self
    }
}

fn check(schema: &crate::schema::ResponseSchema, answer: &Answer) -> Result<Value, String> {
    match answer.cut {
        Some(cut) => Err(format!("the answer was cut ({cut})")),
        None => schema.check(&answer.text),
    }
}

/// The question once more, with the answer and what is wrong with it.
fn repair(mut question: Question, answer: &str, error: &str) -> Question {
    question.turns.push(Turn {
        role: Role::Assistant,
        parts: vec![Part::Text(answer.to_string())],
    });
    let text = format!(
        "This does not fit: {}. Answer again, with nothing but JSON that fits this schema: {}",
        clean::line(error, 300),
        question
            .schema
            .as_ref()
            .map_or_else(String::new, |schema| schema.json().to_string()),
    );
    question.turns.push(Turn {
        role: Role::User,
        parts: vec![Part::Text(text)],
    });
    question
}

impl Backend for Desk {
    type Task = Task;

    fn serve(&self, _: Ulid, task: Task, cancel: &Cancel) -> Health {
        let Task {
            question,
            mut patience,
            until,
            mut reply,
        } = task;
        if let Some(until) = until {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                reply.dropped(Why::Expired.as_str(), None);
                return Health::Unknown;
            }
            patience.deadline = patience.deadline.min(left);
        }
        let question = match question() {
            Made::Ask(question) => question,
            Made::Known(outcome) => {
                reply.answered(*outcome);
                return Health::Unknown;
            }
            Made::Nothing(why) => {
                reply.dropped(why, None);
                return Health::Unknown;
            }
        };
        match self.ask(question, patience, cancel, reply.as_mut()) {
            Ok(outcome) => {
                let health = match outcome.answer.cut {
                    Some(cut @ ("connection" | "idle-timeout")) => Health::Down(cut.into()),
                    _ => Health::Up,
                };
                reply.answered(outcome);
                health
            }
            Err(failure) => {
                let hurried = until.is_some_and(|until| Instant::now() >= until);
                let health = match &failure {
                    // Who asked had less time than a server may take.
                    Failure::Stopped(Why::Deadline) if hurried => Health::Unknown,
                    failure if failure.is_servers_fault() => Health::Down(failure.to_string()),
                    Failure::Stopped(_) => Health::Unknown,
                    _ => Health::Up,
                };
                let story = match &failure {
                    Failure::Stopped(_) => None,
                    failure => Some(failure.to_string()),
                };
                reply.dropped(failure.as_str(), story);
                health
            }
        }
    }

    fn give_up(&self, _: Ulid, task: Task, why: Why) {
        task.reply.dropped(why.as_str(), None);
    }

    fn probe(&self) -> bool {
        self.client.probe(self.probing)
    }

    fn stop(&self) {
        if let Some(supervisor) = &self.supervisor {
            supervisor.stop();
        }
    }
}

/// The servers that are asked now. Weak: the last element that goes ends its server.
static SERVERS: Mutex<Vec<(Identity, Weak<Server<Desk>>)>> = Mutex::new(Vec::new());

/// Opens a lane to a server, which is shared with all elements that want the same one. `log` hears
/// of a server that is started for it.
///
/// # Errors
/// A thread cannot be started.
pub fn join(
    identity: Identity,
    patience: Patience,
    terms: Terms,
    log: Log,
) -> std::io::Result<Lane<Desk>> {
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.retain(|(_, server)| server.strong_count() > 0);
    let known = servers.iter().filter(|(other, _)| *other == identity);
    for server in known
        .filter_map(|(_, server)| server.upgrade())
        .collect::<Vec<_>>()
    {
        if let Some(lane) = server.join(terms.clone())? {
            return Ok(lane);
        }
    }
    let server = Server::new(Desk::new(&identity, patience, log)?, FAILURES);
    servers.push((identity, Arc::downgrade(&server)));
    match server.join(terms)? {
        Some(lane) => Ok(lane),
        // Nobody has left it: it is new.
        None => Err(std::io::Error::other("a new server is closed")),
    }
}
