//! What happened lately: frames sampled at an even pace, in *epochs*.
//!
//! Servers keep what they computed of a prompt and use it for the next one as far as that begins
//! alike. A window that slides changes its beginning with each frame and loses all of it; so this
//! one only grows, until it is as long as it may be, and then begins anew with its last frame. A
//! question about more than the present epoch gets the one before it too: its prompt begins as
//! prompts did then.

use super::Shown;

/// Sampled frames of the present epoch and the one before.
#[derive(Debug)]
pub struct Window {
    length: u64,
    period: u64,
    most: usize,
    before: Vec<Shown>,
    now: Vec<Shown>,
}

impl Window {
    /// A window of `length` nanoseconds with a frame every `period`, `most` of them at most (and
    /// at least 1).
    pub fn new(length: u64, period: u64, most: usize) -> Self {
        Self {
            length,
            period,
            most: most.max(1),
            before: Vec::new(),
            now: Vec::new(),
        }
    }

    /// Whether the frame at this time is to be sampled.
    pub fn is_due(&self, clock: u64) -> bool {
        match self.now.last() {
            // A millisecond early is in time: PTS are rounded.
            Some(last) => clock + 1_000_000 >= last.stamp.clock.saturating_add(self.period),
            None => true,
        }
    }

    /// Takes a sampled frame in.
    pub fn push(&mut self, shown: Shown) {
        let first = self.now.first().map(|first| first.stamp.clock);
        let too_long =
            first.is_some_and(|first| shown.stamp.clock.saturating_sub(first) > self.length);
        if too_long || self.now.len() >= self.most {
            let carried = self.now.last().cloned();
            // Their memory takes turns.
            std::mem::swap(&mut self.before, &mut self.now);
            self.now.clear();
            // Two frames at least, or each would begin an epoch.
            self.now.extend(carried.filter(|_| self.most > 1));
        }
        self.now.push(shown);
    }

    /// The frames of the present epoch, oldest first.
    pub fn epoch(&self) -> &[Shown] {
        &self.now
    }

    /// The frames of the last `span` nanoseconds before `clock`, oldest first: whole epochs, so that
    /// they may reach further back, but not more than `most`.
    pub fn last(&self, clock: u64, span: u64) -> Vec<Shown> {
        let from = clock.saturating_sub(span);
        let begins = self.now.first().map_or(u64::MAX, |first| first.stamp.clock);
        let reaches = self
            .before
            .iter()
            .any(|shown| shown.stamp.clock >= from && shown.stamp.clock < begins);
        let mut frames = if reaches {
            self.before.clone()
        } else {
            Vec::new()
        };
        // The carried frame is there already.
        let known = frames.last().map(|last| last.stamp.number);
        let new = self
            .now
            .iter()
            .filter(|shown| Some(shown.stamp.number) != known);
        frames.extend(new.cloned());
        let extra = frames.len().saturating_sub(self.most);
        frames.drain(..extra);
        frames
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.before.clear();
        self.now.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;
    use crate::select::Stamp;
    use std::sync::Arc;

    const S: u64 = 1_000_000_000;

    fn shown(second: u64) -> Shown {
        let stamp = Stamp {
            number: second,
            pts: Some(second * S),
            clock: second * S,
        };
        let picture = Arc::new(Picture::new(1, 1, &[0; 3]).unwrap());
        Shown { picture, stamp }
    }

    fn fill(window: &mut Window, seconds: std::ops::Range<u64>) {
        for second in seconds {
            assert!(window.is_due(second * S));
            window.push(shown(second));
        }
    }

    fn seconds(frames: &[Shown]) -> Vec<u64> {
        frames.iter().map(|shown| shown.stamp.number).collect()
    }

    #[test]
    fn a_window_only_grows_and_then_begins_with_its_last_frame() {
        let mut window = Window::new(4 * S, S, 10);
        fill(&mut window, 0..5);
        assert_eq!(seconds(window.epoch()), [0, 1, 2, 3, 4]);
        fill(&mut window, 5..7);
        assert_eq!(seconds(window.epoch()), [4, 5, 6]);
    }

    #[test]
    fn the_number_of_frames_ends_an_epoch_too() {
        let mut window = Window::new(100 * S, S, 3);
        fill(&mut window, 0..4);
        assert_eq!(seconds(window.epoch()), [2, 3]);
        let mut single = Window::new(100 * S, S, 1);
        fill(&mut single, 0..4);
        assert_eq!(seconds(single.epoch()), [3]);
    }

    #[test]
    fn a_question_about_more_begins_as_the_last_epoch_did() {
        let mut window = Window::new(4 * S, S, 10);
        fill(&mut window, 0..7);
        assert_eq!(seconds(&window.last(6 * S, 2 * S)), [4, 5, 6]);
        assert_eq!(seconds(&window.last(6 * S, 3 * S)), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(
            seconds(&window.last(6 * S, u64::MAX)),
            [0, 1, 2, 3, 4, 5, 6]
        );
        let mut short = Window::new(4 * S, S, 5);
        fill(&mut short, 0..8);
        // 0 to 4, then 4 to 7: no more than 5.
        assert_eq!(seconds(&short.last(7 * S, 9 * S)), [3, 4, 5, 6, 7]);
        assert_eq!(seconds(&Window::new(S, S, 5).last(0, S)), [0u64; 0]);
    }

    #[test]
    fn frames_in_between_are_not_sampled() {
        let mut window = Window::new(4 * S, S, 10);
        fill(&mut window, 0..1);
        assert!(!window.is_due(S / 2) && window.is_due(S - 1000) && window.is_due(S));
        window.clear();
        assert!(window.is_due(S / 2));
    }
}
