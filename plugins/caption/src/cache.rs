//! What was said of pictures, so that the same need not be asked again of pictures that show the
//! same.
//!
//! Used on workers; forgets by the time of the stream.

use std::collections::VecDeque;
use std::sync::Arc;
use vigil_analytics::BBox;

use crate::client::question::Part;
use crate::picture::sketch::Sketch;

/// Most answers that are remembered; those that were used longest ago go first.
const MOST: usize = 64;
/// How far an outline may be from another one, in fractions of the picture.
const STIR: f32 = 0.02;

/// What a question is about, as far as it makes the answer.
#[derive(Debug, Clone)]
pub struct Subject {
    track: Option<u64>,
    prompt: Arc<str>,
    shown: Vec<(Sketch, Option<BBox>)>,
}

impl Subject {
    /// Of a question about this track, or the scene: its words, but for the times of frames, and its
    /// pictures.
    pub fn new(track: Option<u64>, prompt: &str, parts: &[Part]) -> Self {
        let shown = parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Picture(picture) | Part::Frame(picture, _) => Some((Sketch::of(picture), None)),
            Part::Marked(picture, part) => Some((Sketch::of(picture), Some(*part))),
        });
        Self {
            track,
            prompt: prompt.into(),
            shown: shown.collect(),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let mut pairs = self.shown.iter().zip(&other.shown);
        self.track == other.track
            && self.prompt == other.prompt
            && self.shown.len() == other.shown.len()
            && pairs.all(|(a, b)| is_near(a.1, b.1) && a.0.is_like(&b.0))
    }
}

fn is_near(a: Option<BBox>, b: Option<BBox>) -> bool {
    let near = |a: f32, b: f32| (a - b).abs() <= STIR;
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => near(a.x, b.x) && near(a.y, b.y) && near(a.w, b.w) && near(a.h, b.h),
        _ => false,
    }
}

struct Entry<T> {
    subject: Subject,
    clock: u64,
    answer: T,
}

/// An answer that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<T> {
    /// The answer.
    pub answer: T,
    /// Whether nothing else was said since, of this track or the scene.
    pub is_last: bool,
}

/// Remembers answers.
pub struct Cache<T> {
    ttl: u64,
    /// Those that were said last are at the end.
    entries: VecDeque<Entry<T>>,
}

impl<T: Clone> Cache<T> {
    /// Remembers for so many nanoseconds of the stream; nothing, if 0.
    pub fn new(ttl: u64) -> Self {
        Self {
            ttl,
            entries: VecDeque::new(),
        }
    }

    /// What was said of the like; it is said again.
    pub fn find(&mut self, subject: &Subject, clock: u64) -> Option<Known<T>> {
        let ttl = self.ttl;
        self.entries
            .retain(|entry| clock.abs_diff(entry.clock) <= ttl);
        let at = self
            .entries
            .iter()
            .rposition(|entry| entry.subject.is_like(subject))?;
        let mut later = self.entries.iter().skip(at + 1);
        let is_last = later.all(|entry| entry.subject.track != subject.track);
        let entry = self.entries.remove(at)?;
        let answer = entry.answer.clone();
        self.entries.push_back(entry);
        Some(Known { answer, is_last })
    }

    /// Remembers what was said at this time of the stream.
    pub fn add(&mut self, subject: Subject, clock: u64, answer: T) {
        if self.ttl == 0 {
            return;
        }
        if self.entries.len() >= MOST {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            subject,
            clock,
            answer,
        });
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;

    fn about(track: Option<u64>, prompt: &str, level: u8) -> Subject {
        let picture = Arc::new(Picture::new(8, 8, &[level; 192]).unwrap());
        Subject::new(track, prompt, &[Part::Frame(picture, level.into())])
    }

    fn marked(x: f32) -> Subject {
        let picture = Arc::new(Picture::new(8, 8, &[90; 192]).unwrap());
        let part = BBox {
            x,
            y: 0.1,
            w: 0.2,
            h: 0.2,
        };
        Subject::new(None, "what?", &[Part::Marked(picture, part)])
    }

    fn known(answer: u32, is_last: bool) -> Option<Known<u32>> {
        Some(Known { answer, is_last })
    }

    #[test]
    fn the_same_of_the_same_is_known_for_a_while() {
        let mut cache = Cache::new(100);
        cache.add(about(Some(7), "what?", 90), 1000, 1);
        assert_eq!(
            cache.find(&about(Some(7), "what?", 92), 1100),
            known(1, true)
        );
        for other in [
            about(Some(8), "what?", 90),
            about(None, "what?", 90),
            about(Some(7), "who?", 90),
            about(Some(7), "what?", 120),
        ] {
            assert_eq!(cache.find(&other, 1000), None, "{other:?}");
        }
        assert_eq!(cache.find(&about(Some(7), "what?", 90), 1101), None);
        // Being told again does not make it younger, and it is gone for good.
        assert_eq!(cache.find(&about(Some(7), "what?", 90), 1000), None);
    }

    #[test]
    fn whether_something_else_was_said_since_is_known() {
        let mut cache = Cache::new(100);
        cache.add(about(None, "what?", 10), 0, 1);
        cache.add(about(None, "what?", 90), 1, 2);
        cache.add(about(Some(7), "what?", 90), 2, 3);
        assert_eq!(cache.find(&about(None, "what?", 90), 3), known(2, true));
        assert_eq!(cache.find(&about(None, "what?", 10), 3), known(1, false));
        assert_eq!(cache.find(&about(None, "what?", 10), 3), known(1, true));
        assert_eq!(cache.find(&about(None, "what?", 90), 3), known(2, false));
    }

    #[test]
    fn another_object_outlined_is_another_question() {
        let mut cache = Cache::new(100);
        cache.add(marked(0.1), 0, 1);
        assert_eq!(cache.find(&marked(0.11), 0), known(1, true));
        assert_eq!(cache.find(&marked(0.5), 0), None);
    }

    #[test]
    fn little_is_remembered_and_nothing_where_that_is_not_wanted() {
        let mut cache = Cache::new(100);
        for track in 0..500 {
            cache.add(about(Some(track), "what?", 90), 0, 1);
        }
        assert_eq!(cache.entries.len(), MOST);
        assert_eq!(cache.find(&about(Some(0), "what?", 90), 0), None);
        assert!(cache.find(&about(Some(499), "what?", 90), 0).is_some());
        cache.clear();
        assert_eq!(cache.find(&about(Some(499), "what?", 90), 0), None);
        let mut off = Cache::new(0);
        off.add(about(None, "what?", 90), 0, 1);
        assert_eq!(off.find(&about(None, "what?", 90), 0), None);
    }
}
