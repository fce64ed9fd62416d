//! Signals, and what the application can ask for.

use gst::glib::subclass::Signal;
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::LazyLock;
use ulid::Ulid;

use super::TriggerFlags;
use super::imp::VigilCaption;
use super::stream::Wanted;
use crate::prompt::Template;
use crate::queue::Why;

/// Longest question or prompt of the application, in bytes.
const LONGEST: usize = 16 << 10;

impl VigilCaption {
    pub(super) fn signal_list() -> &'static [Signal] {
        static SIGNALS: LazyLock<Vec<Signal>> = LazyLock::new(|| {
            vec![
                // What the element says; on threads of its own.
                Signal::builder("caption")
                    .param_types([gst::Structure::static_type()])
                    .build(),
                Signal::builder("token")
                    .param_types([String::static_type(), String::static_type()])
                    .build(),
                Signal::builder("dropped")
                    .param_types([String::static_type(), String::static_type()])
                    .build(),
                Signal::builder("server-state")
                    .param_types([String::static_type()])
                    .build(),
                // What the application wants.
                Signal::builder("trigger")
                    .action()
                    .param_types([Option::<String>::static_type()])
                    .return_type::<Option<String>>()
                    .class_handler(|args| {
                        let element = args[0].get::<super::VigilCaption>().ok()?;
                        let prompt = args[1].get::<Option<String>>().ok()?;
                        Some(element.imp().trigger(prompt.as_deref()).to_value())
                    })
                    .build(),
                Signal::builder("ask")
                    .action()
                    .param_types([String::static_type(), u32::static_type()])
                    .return_type::<Option<String>>()
                    .class_handler(|args| {
                        let element = args[0].get::<super::VigilCaption>().ok()?;
                        let question = args[1].get::<Option<String>>().ok()?.unwrap_or_default();
                        let seconds = args[2].get::<u32>().ok()?;
                        Some(element.imp().ask(&question, seconds).to_value())
                    })
                    .build(),
                Signal::builder("cancel")
                    .action()
                    .param_types([String::static_type()])
                    .return_type::<bool>()
                    .class_handler(|args| {
                        let element = args[0].get::<super::VigilCaption>().ok()?;
                        let id = args[1].get::<Option<String>>().ok()?.unwrap_or_default();
                        Some(element.imp().cancel(&id).to_value())
                    })
                    .build(),
                Signal::builder("reset-chat")
                    .action()
                    .class_handler(|args| {
                        let element = args[0].get::<super::VigilCaption>().ok()?;
                        element.imp().reset_chat();
                        None
                    })
                    .build(),
            ]
        });
        &SIGNALS
    }

    /// Wants a caption of the next frame, by a prompt of its own or the element's. Gives the id of
    /// the request and of the caption to come; none if it cannot be had.
    fn trigger(&self, prompt: Option<&str>) -> Option<String> {
        let template = match prompt.filter(|prompt| !prompt.trim().is_empty()) {
            None => None,
            Some(prompt) if prompt.len() > LONGEST => {
                self.complain("the prompt is longer than 16 KiB");
                return None;
            }
            Some(prompt) => match Template::named_or_text(prompt) {
                Ok(template) => Some(template),
                Err(error) => {
                    self.complain(&format!("prompt: {error}"));
                    return None;
                }
            },
        };
        let id = Ulid::generate();
        let taken = self.with_state(|state| {
            if !state.plan.has(TriggerFlags::MANUAL) {
                return Err("trigger does not contain manual");
            }
            match state.want(Wanted::Caption(id, template)) {
                true => Ok(()),
                false => Err("too many wait for the next frame already"),
            }
        });
        self.told(taken, id)
    }

    /// Asks a question about the last `seconds`. Gives the id of the answer to come; none if it
    /// cannot be had.
    fn ask(&self, question: &str, seconds: u32) -> Option<String> {
        if question.trim().is_empty() || question.len() > LONGEST {
            self.complain("the question is empty, or longer than 16 KiB");
            return None;
        }
        let id = Ulid::generate();
        let taken = self.with_state(|state| {
            match state.question(id, question.to_string(), u64::from(seconds)) {
                true => Ok(()),
                false => Err("too many wait for the next frame already"),
            }
        });
        self.told(taken, id)
    }

    fn told(&self, taken: Option<Result<(), &'static str>>, id: Ulid) -> Option<String> {
        match taken {
            Some(Ok(())) => return Some(id.to_string()),
            Some(Err(error)) => self.complain(error),
            None => self.complain("the element does not play"),
        }
        None
    }

    fn complain(&self, what: &str) {
        gst::element_imp_warning!(
            self,
            gst::LibraryError::Failed,
            ("Nothing is asked: {what}")
        );
    }

    /// Gives a request up, with its connection to the server. False if there is none of this id.
    fn cancel(&self, id: &str) -> bool {
        let Ok(id) = Ulid::from_string(id) else {
            return false;
        };
        let lane = |state: &mut super::stream::State| {
            state.withdraw(id) || state.asker.lane.cancel(id, Why::Cancelled)
        };
        self.with_state(lane).unwrap_or(false)
    }

    /// Begins the conversation anew.
    fn reset_chat(&self) {
        self.with_state(|state| {
            let chat = state.asker.chat.lock();
            chat.unwrap_or_else(std::sync::PoisonError::into_inner)
                .reset();
        });
    }
}
