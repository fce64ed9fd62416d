//! What was said of objects, for as long as it holds.

use super::{Answer, Plan, Planned, forget_more, forget_old};
use crate::decode::Details;
use std::collections::HashMap;
use std::sync::Arc;

/// What was said of a track.
#[derive(Debug)]
struct Kept {
    answer: Arc<Answer>,
    /// Where the object was then.
    xyxy: [f32; 4],
    seen: Option<u64>,
}

/// What is told of an object.
#[derive(Debug)]
pub struct Told {
    /// The object.
    pub object: Planned,
    /// What is said of it.
    pub answer: Arc<Answer>,
    /// Where it was when that was said.
    pub from: [f32; 4],
    /// Whether it was looked at on this frame.
    pub is_fresh: bool,
}

/// What of an answer holds for later frames: not masks and points, which are of the frame that they
/// were seen on.
fn to_keep(answer: &Arc<Answer>) -> Arc<Answer> {
    let classes_only = Details {
        classes: answer.details.classes.clone(),
        ..Details::default()
    };
    if answer.details == classes_only {
        return answer.clone();
    }
    Arc::new(Answer {
        detections: answer.detections.clone(),
        details: classes_only,
    })
}

/// Keeps what was said of tracks. It is given the plans of all frames, in their order.
#[derive(Debug, Default)]
pub struct Memory {
    epoch: u64,
    tracks: HashMap<u64, Kept>,
}

impl Memory {
    /// Of how many tracks something is known.
    pub fn tracks(&self) -> usize {
        self.tracks.len()
    }

    /// What is told of the objects of a frame: what its looks gave, and what is known of the other
    /// objects. `answers` are those of the looks in their order, or none where nothing came of
    /// them. Tracks that have not been seen for `max_age` nanoseconds are forgotten.
    pub fn tell(&mut self, plan: &Plan, answers: Vec<Answer>, max_age: u64) -> Vec<Told> {
        if plan.epoch != self.epoch {
            self.tracks.clear();
            self.epoch = plan.epoch;
        }
        forget_old(&mut self.tracks, plan.time, max_age, |kept| kept.seen);
        let mut answers = answers.into_iter();
        let mut told = Vec::new();
        for &object in &plan.objects {
            let tell = |answer, from, is_fresh| Told {
                object,
                answer,
                from,
                is_fresh,
            };
            if let Some(answer) = object.look.and_then(|_| answers.next()) {
                let answer = Arc::new(answer);
                if let Some(track) = object.track {
                    let kept = Kept {
                        answer: to_keep(&answer),
                        xyxy: object.xyxy,
                        seen: plan.time,
                    };
                    self.tracks.insert(track, kept);
                }
                told.push(tell(answer, object.xyxy, true));
            } else if let Some(known) = object.track.and_then(|track| self.tracks.get_mut(&track)) {
                known.seen = plan.time;
                told.push(tell(known.answer.clone(), known.xyxy, false));
            }
        }
        forget_more(&mut self.tracks, |kept| kept.seen);
        told
    }
}
