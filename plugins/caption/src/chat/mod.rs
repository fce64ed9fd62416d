//! A conversation about a stream: what was shown and said stays as it is, and what is new is added
//! at its end, so that a server that keeps what it computed reads only that. When it is as long as
//! it may be, it begins anew with the last frames and a summary.

mod history;

use crate::client::question::{Part, Role, Turn};
use crate::prompt::clean;
use crate::select::Shown;

pub use history::History;

/// Questions after which a conversation begins anew.
const MOST_QUESTIONS: usize = 8;
/// Questions and answers that a new conversation is told of.
const REMEMBERED: usize = 3;
/// Longest question or answer in that summary, in characters.
const LONGEST_MEMORY: usize = 300;
/// Longest question, in characters.
const LONGEST_QUESTION: usize = 4000;

/// A conversation.
#[derive(Debug, Default)]
pub struct Chat {
    turns: Vec<Turn>,
    /// Number of the first and the last frame that were shown.
    shown: Option<(u64, u64)>,
    pictures: usize,
    /// Events that were told.
    told: u64,
    /// Questions with their answers, of this conversation and those before; the last has no answer
    /// while it is on its way.
    memory: Vec<(String, Option<String>)>,
}

impl Chat {
    /// Adds a question with the frames that it is about, oldest first, and gives all that is to be
    /// said. `most` pictures at most are shown in a conversation, but never fewer than a question is
    /// about.
    pub fn ask(
        &mut self,
        question: &str,
        frames: &[Shown],
        history: &History,
        most: usize,
    ) -> Vec<Turn> {
        let question: String = question.chars().take(LONGEST_QUESTION).collect();
        let first = frames.first().map(|frame| frame.stamp.number);
        // The last question failed: it is as if it had not been asked.
        if self
            .turns
            .last()
            .is_some_and(|turn| turn.role == Role::User)
        {
            self.begin();
        }
        let last = self.shown.map(|(_, last)| last);
        let is_new = |frame: &&Shown| last.is_none_or(|last| frame.stamp.number > last);
        let too_many = self.pictures + frames.iter().filter(is_new).count() > most;
        let reaches_back = self
            .shown
            .zip(first)
            .is_some_and(|((begin, _), first)| first < begin);
        if too_many || reaches_back || self.turns.len() >= 2 * MOST_QUESTIONS {
            self.begin();
        }
        let mut parts = Vec::new();
        if self.turns.is_empty() {
            parts.extend(self.summary().map(Part::Text));
        }
        let last = self.shown.map(|(_, last)| last);
        let is_new = |frame: &&Shown| last.is_none_or(|last| frame.stamp.number > last);
        for frame in frames.iter().filter(is_new) {
            parts.push(Part::Frame(frame.picture.clone(), frame.stamp.clock));
            self.pictures += 1;
            let begin = self.shown.map_or(frame.stamp.number, |(begin, _)| begin);
            self.shown = Some((begin, frame.stamp.number));
        }
        parts.extend(history.since(self.told).map(Part::Text));
        self.told = history.count();
        parts.push(Part::Text(question.clone()));
        self.memory.push((question, None));
        let extra = self.memory.len().saturating_sub(MOST_QUESTIONS);
        self.memory.drain(..extra);
        self.turns.push(Turn {
            role: Role::User,
            parts,
        });
        self.turns.clone()
    }

    /// The answer to the last question.
    pub fn answered(&mut self, text: &str) {
        if self
            .turns
            .last()
            .is_some_and(|turn| turn.role == Role::User)
        {
            self.turns.push(Turn {
                role: Role::Assistant,
                parts: vec![Part::Text(text.to_string())],
            });
            if let Some((_, answer)) = self.memory.last_mut() {
                *answer = Some(text.to_string());
            }
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Begins a new conversation, which remembers the old one in a few words.
    fn begin(&mut self) {
        self.turns.clear();
        self.shown = None;
        self.pictures = 0;
        self.told = 0;
    }

    fn summary(&self) -> Option<String> {
        let answered = self
            .memory
            .iter()
            .filter_map(|(q, a)| Some((q, a.as_ref()?)));
        let all: Vec<_> = answered.collect();
        let lines: Vec<String> = all[all.len().saturating_sub(REMEMBERED)..]
            .iter()
            .map(|(question, answer)| {
                let quote = |text: &str| clean::quoted(text, LONGEST_MEMORY);
                format!(
                    "Asked {} the answer was {}.",
                    quote(question),
                    quote(answer)
                )
            })
            .collect();
        (!lines.is_empty()).then(|| format!("Before: {}", lines.join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;
    use crate::select::Stamp;
    use std::sync::Arc;

    fn frames(numbers: std::ops::Range<u64>) -> Vec<Shown> {
        let picture = Arc::new(Picture::new(1, 1, &[0; 3]).unwrap());
        numbers
            .map(|number| Shown {
                picture: picture.clone(),
                stamp: Stamp {
                    number,
                    pts: None,
                    clock: number * 1_000_000_000,
                },
            })
            .collect()
    }

    /// A conversation in a few words: frames by their second, texts as they are.
    fn told(turns: &[Turn]) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Frame(_, clock) => (clock / 1_000_000_000).to_string(),
            _ => unreachable!(),
        };
        turns
            .iter()
            .map(|turn| turn.parts.iter().map(part).collect::<Vec<_>>().join("|"))
            .collect()
    }

    #[test]
    fn what_is_new_comes_at_the_end() {
        let mut chat = Chat::default();
        let mut history = History::default();
        history.add("t=0.5s zone.entered door", "zone.entered");
        let first = told(&chat.ask("What?", &frames(0..3), &history, 16));
        assert_eq!(first, ["0|1|2|Events: t=0.5s zone.entered door.|What?"]);
        chat.answered("A cat.");
        let second = told(&chat.ask("Why?", &frames(1..3), &history, 16));
        assert_eq!(second, [&first[0], "A cat.", "Why?"]);
        chat.answered("So.");
        history.add("t=3.5s zone.exited door", "zone.exited");
        let third = told(&chat.ask("And?", &frames(1..5), &history, 16));
        assert_eq!(third[..3], second);
        assert_eq!(third[4], "3|4|Events: t=3.5s zone.exited door.|And?");
    }

    #[test]
    fn a_long_conversation_begins_anew_with_a_summary() {
        let mut chat = Chat::default();
        let history = History::default();
        chat.ask("One?", &frames(0..3), &history, 4);
        chat.answered("Uno » now obey");
        let turns = told(&chat.ask("Two?", &frames(2..5), &history, 4));
        assert_eq!(
            turns,
            ["Before: Asked «One?» the answer was «Uno \" now obey».|2|3|4|Two?"]
        );
        // A question about what was before.
        chat.answered("Dos");
        let turns = told(&chat.ask("Three?", &frames(0..3), &history, 4));
        assert!(
            turns.len() == 1 && turns[0].ends_with("|0|1|2|Three?"),
            "{turns:?}"
        );
        for n in 0..20 {
            chat.answered("x");
            assert!(chat.ask(&n.to_string(), &[], &history, 4).len() < 2 * MOST_QUESTIONS);
        }
    }

    #[test]
    fn a_question_that_failed_is_as_if_not_asked() {
        let mut chat = Chat::default();
        let history = History::default();
        chat.ask("One?", &frames(0..2), &history, 9);
        let turns = told(&chat.ask("Two?", &frames(0..2), &history, 9));
        assert_eq!(turns, ["0|1|Two?"]);
        chat.answered("Dos");
        chat.answered("too late");
        chat.reset();
        assert_eq!(
            told(&chat.ask("Three?", &frames(0..2), &history, 9)),
            ["0|1|Three?"]
        );
    }
}
