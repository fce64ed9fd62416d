//! Which objects of a frame are looked at.

use super::{Candidate, ObjectOptions, Plan, Planned, forget_more, forget_old};
use crate::views::Part;
use std::cmp::Reverse;
use std::collections::HashMap;

/// An object is looked at again when its area is so many times that of its last look, as `nvinfer`
/// does: it shows more of itself.
const GROWN: f32 = 1.2;

/// Objects that were not looked at for other reasons than a look that still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Too small, or with no part in the frame.
    pub too_small: u64,
    /// More than may be looked at on a frame.
    pub over_limit: u64,
}

/// What is known of a track.
#[derive(Debug, Clone, Copy)]
struct Track {
    /// When it was looked at last; `None` if it was not, or if nothing came of it.
    looked: Option<u64>,
    /// In pixels, at the last look.
    area: f32,
    /// The same of the look before that one, in case that nothing comes of it.
    before: (Option<u64>, f32),
    seen: Option<u64>,
}

/// Says which objects are looked at, frame by frame in their order.
#[derive(Debug, Default)]
pub struct Planner {
    epoch: u64,
    tracks: HashMap<u64, Track>,
}

/// An object that should be looked at.
struct Due {
    /// Place in the plan.
    index: usize,
    looked: Option<u64>,
    area: f32,
    look: Part,
}

impl Planner {
    /// Begins anew: tracks of before are others.
    pub fn restart(&mut self) {
        self.epoch += 1;
        self.tracks.clear();
    }

    /// The plan for a frame of this time, width and height. Where more objects should be looked at
    /// than may be, tracked ones come first, of these the ones whose last look is oldest (none at
    /// all is older still), and then the largest. Only objects whose boxes `stand` are looked at.
    pub fn plan<'a>(
        &mut self,
        options: &ObjectOptions,
        time: Option<u64>,
        size: (usize, usize),
        objects: impl Iterator<Item = Candidate<'a>>,
        stand: impl Fn([f32; 4]) -> bool,
    ) -> (Plan, Counts) {
        let mut counts = Counts::default();
        let mut plan = Plan {
            epoch: self.epoch,
            time,
            objects: Vec::new(),
        };
        forget_old(&mut self.tracks, time, options.max_age, |track| track.seen);
        let mut due = Vec::new();
        for candidate in objects.filter(|candidate| options.wants(candidate.label)) {
            let xyxy = clip(candidate.xyxy, size);
            let (width, height) = (xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]);
            // Not so either where a value is no number.
            let least = (options.min_size as f32).max(f32::MIN_POSITIVE);
            let is_large = width >= least && height >= least;
            let may_look = !candidate.predicted && is_large && stand(xyxy);
            counts.too_small += u64::from(!candidate.predicted && !is_large);
            let known = candidate.track.map(|track| self.see(track, time));
            if may_look && known.is_none_or(|known| known.is_due(width * height, time, options)) {
                due.push(Due {
                    index: plan.objects.len(),
                    looked: known.and_then(|known| known.looked),
                    area: width * height,
                    look: part(xyxy, size),
                });
            } else if candidate.track.is_none() {
                continue;
            }
            plan.objects.push(Planned {
                id: candidate.id,
                track: candidate.track,
                xyxy,
                look: None,
            });
        }
        counts.over_limit = self.choose(due, &mut plan, options.max_objects);
        forget_more(&mut self.tracks, |track| track.seen);
        (plan, counts)
    }

    /// Makes the first `most` of what is due looks of the plan; says how many are left.
    fn choose(&mut self, mut due: Vec<Due>, plan: &mut Plan, most: usize) -> u64 {
        let most = if most == 0 { usize::MAX } else { most };
        if due.len() > most {
            // Without a track an object is new on every frame: such ones would leave the others
            // no turn. Areas are finite and positive, so their bits are in their order.
            due.sort_by_key(|due| {
                let is_untracked = plan.objects[due.index].track.is_none();
                (is_untracked, due.looked, Reverse(due.area.to_bits()))
            });
        }
        for due in due.iter().take(most) {
            let object = &mut plan.objects[due.index];
            object.look = Some(due.look);
            if let Some(known) = object.track.and_then(|track| self.tracks.get_mut(&track)) {
                known.before = (known.looked, known.area);
                (known.looked, known.area) = (plan.time, due.area);
            }
        }
        due.len().saturating_sub(most) as u64
    }

    /// What is known of a track that is seen now.
    fn see(&mut self, track: u64, time: Option<u64>) -> Track {
        let known = self.tracks.entry(track).or_insert(Track {
            looked: None,
            area: 0.0,
            before: (None, 0.0),
            seen: time,
        });
        known.seen = time;
        *known
    }

    /// How many tracks are known.
    pub fn tracks(&self) -> usize {
        self.tracks.len()
    }

    /// Takes back that the objects of this plan were looked at, as nothing came of it.
    pub fn undo(&mut self, plan: &Plan) {
        if plan.epoch != self.epoch {
            return;
        }
        for object in plan.objects.iter().filter(|object| object.look.is_some()) {
            let known = object.track.and_then(|track| self.tracks.get_mut(&track));
            if let Some(known) = known.filter(|known| known.looked == plan.time) {
                (known.looked, known.area) = known.before;
                known.before = (None, 0.0);
            }
        }
    }
}

impl Track {
    fn is_due(&self, area: f32, time: Option<u64>, options: &ObjectOptions) -> bool {
        let (Some(looked), Some(time)) = (self.looked, time) else {
            return true;
        };
        // Where time went back, nobody knows how old the look is.
        let age = time.checked_sub(looked);
        age.is_none_or(|age| age >= options.interval) || area > self.area * GROWN
    }
}

/// The part of a box that lies in the frame; values that are no numbers stay none.
fn clip([x1, y1, x2, y2]: [f32; 4], (width, height): (usize, usize)) -> [f32; 4] {
    let (width, height) = (width as f32, height as f32);
    [
        x1.clamp(0.0, width),
        y1.clamp(0.0, height),
        x2.clamp(0.0, width),
        y2.clamp(0.0, height),
    ]
}

/// The whole pixels around a box in the frame, from even ones on, as parts of frames begin where
/// chroma samples do.
fn part([x1, y1, x2, y2]: [f32; 4], (width, height): (usize, usize)) -> Part {
    let whole = |from: f32, to: f32, side: usize| {
        let start = (from as usize).min(side - 1) & !1;
        let end = (to.ceil() as usize).clamp(start + 1, side);
        (start, end - start)
    };
    let ((x, w), (y, h)) = (whole(x1, x2, width), whole(y1, y2, height));
    [x, y, w, h]
}
