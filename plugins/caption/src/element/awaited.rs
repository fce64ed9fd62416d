//! Events that upstream holds back until it hears whether they are true: each hears exactly once.

use std::collections::{HashMap, VecDeque};
use vigil_analytics::verdict::Verdict;

/// What is owed upstream.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    /// By id; whether the model is asked.
    open: HashMap<String, bool>,
    /// To be sent.
    verdicts: VecDeque<Verdict>,
}

impl Awaited {
    /// Upstream waits for a verdict about this event.
    pub fn expect(&mut self, event: &str) {
        self.open.insert(event.to_string(), false);
    }

    /// The model is asked about it.
    pub fn asked(&mut self, event: &str) {
        if let Some(asked) = self.open.get_mut(event) {
            *asked = true;
        }
    }

    /// Gives up what the model was not asked about; whether there was anything.
    pub fn drop_unasked(&mut self) -> bool {
        let unasked = |(id, asked): (&String, &bool)| (!asked).then(|| id.clone());
        let unasked: Vec<String> = self.open.iter().filter_map(unasked).collect();
        for id in &unasked {
            self.judge(Verdict::none(id, "no-picture"));
        }
        !unasked.is_empty()
    }

    /// Takes a verdict in, if upstream has not heard of one yet.
    pub fn judge(&mut self, verdict: Verdict) {
        if self.open.remove(&verdict.event).is_some() {
            self.verdicts.push_back(verdict);
        }
    }

    /// Nobody will hear of anything that is asked now.
    pub fn judge_all(&mut self, why: &str) {
        let all = std::mem::take(&mut self.open).into_keys();
        self.verdicts.extend(all.map(|id| Verdict::none(&id, why)));
    }

    /// The next verdict to send.
    pub fn next(&mut self) -> Option<Verdict> {
        self.verdicts.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_analytics::verdict::Answer;

    fn sent(awaited: &mut Awaited) -> Vec<(String, Answer)> {
        std::iter::from_fn(|| awaited.next())
            .map(|verdict| (verdict.event, verdict.answer))
            .collect()
    }

    #[test]
    fn upstream_hears_of_each_event_once() {
        let mut awaited = Awaited::default();
        let yes = |event: &str| Verdict {
            answer: Answer::Yes,
            ..Verdict::none(event, "")
        };
        awaited.judge(yes("nobody asked"));
        for event in ["a", "b", "c"] {
            awaited.expect(event);
        }
        awaited.asked("a");
        awaited.asked("b");
        assert!(awaited.drop_unasked() && !awaited.drop_unasked());
        assert_eq!(sent(&mut awaited), [("c".into(), Answer::None)]);
        awaited.judge(yes("a"));
        awaited.judge_all("server-down");
        awaited.judge(yes("a"));
        awaited.judge(yes("b"));
        assert_eq!(
            sent(&mut awaited),
            [("a".into(), Answer::Yes), ("b".into(), Answer::None)]
        );
    }
}
