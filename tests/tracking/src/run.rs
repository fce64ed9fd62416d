//! A tracker over a sequence.

use super::{Hypothesis, Scores, Sequence};
use gstvigiltrack::track::{Time, Tracker};

/// Which box of a track is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boxes {
    /// The detection that it was given: what the element outputs.
    Detected,
    /// The filtered one: what the authors of most trackers output.
    Filtered,
}

/// How a tracker is run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Which box is evaluated.
    pub boxes: Boxes,
    /// The detector looks at every so-manieth frame only; the others are coasted.
    pub interval: usize,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            boxes: Boxes::Detected,
            interval: 1,
        }
    }
}

impl Run {
    /// What `tracker` says of each frame of `sequence`.
    pub fn track(self, tracker: &mut dyn Tracker, sequence: &Sequence) -> Vec<Vec<Hypothesis>> {
        self.track_at(tracker, sequence, |number| sequence.time_of(number))
    }

    /// The same where frames are at other times, which must not go back.
    pub fn track_at(
        self,
        tracker: &mut dyn Tracker,
        sequence: &Sequence,
        time_of: impl Fn(usize) -> Time,
    ) -> Vec<Vec<Hypothesis>> {
        let mut objects = Vec::new();
        let mut said = Vec::with_capacity(sequence.detections.len());
        for (number, detections) in sequence.detections.iter().enumerate() {
            let time = time_of(number);
            if number % self.interval.max(1) == 0 {
                tracker.update(time, detections, &mut objects);
            } else {
                tracker.coast(time, &mut objects);
            }
            let frame = objects.iter().map(|object| Hypothesis {
                id: object.id,
                bbox: match object.detection {
                    Some(index) if self.boxes == Boxes::Detected => detections[index].bbox,
                    _ => object.bbox,
                },
            });
            said.push(frame.collect());
        }
        said
    }

    /// The scores of trackers that `make` makes, one for each sequence, over all of them.
    pub fn score(self, make: impl Fn() -> Box<dyn Tracker>, sequences: &[Sequence]) -> Scores {
        let mut scores = Scores::default();
        for sequence in sequences {
            let said = self.track(&mut *make(), sequence);
            scores += &Scores::of(sequence, &said);
        }
        scores
    }
}
