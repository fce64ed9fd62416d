//! What happened in a stream, in words: the last events one by one, those before as counts.

use std::collections::{BTreeMap, VecDeque};

use crate::prompt::clean;

/// Events that are remembered one by one.
const MOST: usize = 40;
/// Kinds that are counted; there are few, but their names come from other elements.
const MOST_KINDS: usize = 32;
/// Longest line, in characters.
const LONGEST: usize = 160;

/// The events of a stream.
#[derive(Debug, Clone, Default)]
pub struct History {
    lines: VecDeque<String>,
    kinds: VecDeque<String>,
    /// Events so far.
    count: u64,
    /// Events that are no longer remembered one by one, by kind.
    older: BTreeMap<String, u64>,
}

impl History {
    /// Takes an event in: what happened, and its kind.
    pub fn add(&mut self, line: &str, kind: &str) {
        self.count += 1;
        self.lines.push_back(clean::line(line, LONGEST));
        self.kinds.push_back(clean::line(kind, 60));
        if self.lines.len() > MOST {
            self.lines.pop_front();
            if let Some(kind) = self.kinds.pop_front()
                && (self.older.len() < MOST_KINDS || self.older.contains_key(&kind))
            {
                *self.older.entry(kind).or_default() += 1;
            }
        }
    }

    /// Events so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What happened after the first `told` events, in words; nothing if nothing did.
    pub fn since(&self, told: u64) -> Option<String> {
        let new = usize::try_from(self.count.saturating_sub(told)).unwrap_or(usize::MAX);
        if new == 0 {
            return None;
        }
        let skip = self.lines.len().saturating_sub(new);
        let lines: Vec<_> = self.lines.iter().skip(skip).map(String::as_str).collect();
        let older = if new > self.lines.len() {
            self.counts()
        } else {
            String::new()
        };
        Some(format!("Events: {older}{}.", lines.join("; ")))
    }

    fn counts(&self) -> String {
        let counts: Vec<_> = self
            .older
            .iter()
            .map(|(kind, n)| format!("{n} × {kind}"))
            .collect();
        match counts.is_empty() {
            true => String::new(),
            false => format!("earlier {}; ", counts.join(", ")),
        }
    }

    /// Forgets all: another stream.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_told_and_those_before_are_counted() {
        let mut history = History::default();
        assert_eq!(history.since(0), None);
        for n in 0..45 {
            history.add(
                &format!("t={n} a\nb"),
                if n % 2 == 0 { "even" } else { "odd" },
            );
        }
        let all = history.since(0).unwrap();
        assert!(
            all.starts_with("Events: earlier 3 × even, 2 × odd; t=5 a b; t=6 a b; "),
            "{all}"
        );
        assert_eq!(history.since(43).unwrap(), "Events: t=43 a b; t=44 a b.");
        assert_eq!(history.since(history.count()), None);
        history.clear();
        assert_eq!(history.since(0), None);
    }
}
