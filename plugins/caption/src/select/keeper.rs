//! The best view of each track so far.

use std::sync::Arc;
use vigil_analytics::frame::FrameView;
use vigil_analytics::{BBox, ObjectRecord};

use super::{Shot, Stamp};
use crate::picture::{Picture, Scaler, fit, sharpness};

/// A better view must be this much better to be worth its copy.
const BETTER: f32 = 1.2;
/// Most tracks whose views are kept; the ones that were seen longest ago go first.
const MOST_TRACKS: usize = 32;
/// What is left of the score of an object that the edge of the frame cuts.
const CUT: f32 = 0.3;
/// A crop that covers more of the frame than this tells nothing that the frame does not.
const FILLS: f32 = 0.6;

/// What is shown of an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// The object cut out.
    pub crop: bool,
    /// The whole frame with the object marked.
    pub frame: bool,
    /// Margin around the object, as a fraction of its size, on each side.
    pub margin: f32,
    /// Longest side of pictures, in pixels.
    pub most: usize,
}

/// A tracked object on a frame.
#[derive(Debug, Clone, Copy)]
pub struct Sighting {
    /// Id of the track.
    pub track: u64,
    /// Where, in pixels of the frame.
    pub bbox: BBox,
    /// Score of the detection, 0..1.
    pub confidence: f32,
    /// Whether anybody may ask about it: others only hide it.
    pub wanted: bool,
}

struct Best {
    track: u64,
    score: f32,
    /// When it was seen last.
    seen: u64,
    shot: Shot,
}

/// Keeps the best view of each track.
pub struct Keeper {
    view: View,
    kept: Vec<Best>,
}

impl Keeper {
    /// Keeps such views.
    pub fn new(view: View) -> Self {
        Self {
            view,
            kept: Vec::new(),
        }
    }

    /// Looks at the objects of a frame and copies the one whose view got better most: one at most,
    /// so that a frame full of objects costs no more than another. `whole` gives the whole frame as
    /// a picture; `record` describes the sighting of this index.
    ///
    /// The score is confidence × sharpness × area in fractions of the frame, less where the frame's
    /// edge cuts the object or where others overlap it.
    pub fn look(
        &mut self,
        frame: &FrameView<'_>,
        stamp: Stamp,
        sightings: &[Sighting],
        scaler: &mut Scaler,
        whole: &mut dyn FnMut(&mut Scaler) -> Arc<Picture>,
        record: &dyn Fn(usize) -> ObjectRecord,
    ) {
        let size = (frame.format().width as f32, frame.format().height as f32);
        let mut chosen: Option<(usize, f32, f32)> = None;
        for (i, sighting) in sightings.iter().enumerate().filter(|(_, s)| s.wanted) {
            let before = self.seen(sighting.track, stamp.clock);
            // Without sharpness, which is 1 at most: most objects end here.
            let most = coarse_score(i, sightings, size);
            let gain = |score: f32| score / before.max(f32::MIN_POSITIVE);
            if most <= before * BETTER || chosen.is_some_and(|(.., best)| gain(most) <= best) {
                continue;
            }
            let sharp = frame.part(pixels(sighting.bbox, 0.0, size));
            // Something is better than nothing, however blurred.
            let score = (most * sharpness(&sharp)).max(f32::MIN_POSITIVE);
            if score > before * BETTER && chosen.is_none_or(|(.., best)| gain(score) > best) {
                chosen = Some((i, score, gain(score)));
            }
        }
        if let Some((i, score, _)) = chosen {
            let Sighting { track, bbox, .. } = sightings[i];
            let shot = self.shoot(frame, stamp, bbox, scaler, whole, record(i));
            self.keep(Best {
                track,
                score,
                seen: stamp.clock,
                shot,
            });
        }
    }

    /// The score of a track so far, which is seen again.
    fn seen(&mut self, track: u64, now: u64) -> f32 {
        let best = self.kept.iter_mut().find(|best| best.track == track);
        best.map_or(0.0, |best| {
            best.seen = now;
            best.score
        })
    }

    /// Shows an object as it is on this frame, whatever was seen of it before.
    pub fn shoot(
        &self,
        frame: &FrameView<'_>,
        stamp: Stamp,
        bbox: BBox,
        scaler: &mut Scaler,
        whole: &mut dyn FnMut(&mut Scaler) -> Arc<Picture>,
        object: ObjectRecord,
    ) -> Shot {
        let size = (frame.format().width as f32, frame.format().height as f32);
        let around = pixels(bbox, self.view.margin, size);
        let covered = (around[2] * around[3]) as f32 / (size.0 * size.1);
        let wants_crop = self.view.crop && covered <= FILLS;
        let crop = wants_crop.then(|| {
            let part = frame.part(around);
            let (width, height) = (part.format().width, part.format().height);
            let (width, height) = fit(width, height, self.view.most);
            Arc::new(scaler.copy(&part, width, height))
        });
        let frame = if self.view.frame || crop.is_none() {
            Some(whole(scaler))
        } else {
            None
        };
        Shot {
            crop,
            frame,
            part: BBox {
                x: bbox.x / size.0,
                y: bbox.y / size.1,
                w: bbox.w / size.0,
                h: bbox.h / size.1,
            },
            object,
            stamp,
        }
    }

    fn keep(&mut self, best: Best) {
        self.kept.retain(|other| other.track != best.track);
        if self.kept.len() >= MOST_TRACKS
            && let Some(oldest) = (0..self.kept.len()).min_by_key(|&i| self.kept[i].seen)
        {
            self.kept.swap_remove(oldest);
        }
        self.kept.push(best);
    }

    /// The best view of a track so far.
    pub fn best(&self, track: u64) -> Option<&Shot> {
        let best = self.kept.iter().find(|best| best.track == track)?;
        Some(&best.shot)
    }

    /// Forgets a track that is over.
    pub fn forget(&mut self, track: u64) {
        self.kept.retain(|best| best.track != track);
    }

    /// Forgets all tracks.
    pub fn clear(&mut self) {
        self.kept.clear();
    }
}

/// A box with a margin in whole pixels of the frame: x, y, width, height; at least 1 pixel.
fn pixels(bbox: BBox, margin: f32, (width, height): (f32, f32)) -> [usize; 4] {
    let (dx, dy) = (bbox.w * margin, bbox.h * margin);
    let x = (bbox.x - dx).clamp(0.0, width - 1.0);
    let y = (bbox.y - dy).clamp(0.0, height - 1.0);
    let right = (bbox.x + bbox.w + dx).clamp(x + 1.0, width);
    let bottom = (bbox.y + bbox.h + dy).clamp(y + 1.0, height);
    [
        x as usize,
        y as usize,
        (right - x).ceil() as usize,
        (bottom - y).ceil() as usize,
    ]
}

/// The score of a sighting if it were perfectly sharp.
fn coarse_score(i: usize, sightings: &[Sighting], (width, height): (f32, f32)) -> f32 {
    let Sighting {
        bbox, confidence, ..
    } = sightings[i];
    let area = bbox.w * bbox.h;
    let is_sane = [bbox.x, bbox.y, area, confidence]
        .iter()
        .all(|v| v.is_finite());
    if !is_sane || bbox.w <= 0.0 || bbox.h <= 0.0 {
        return 0.0;
    }
    let (edge_x, edge_y) = (width * 0.005, height * 0.005);
    let cut = bbox.x <= edge_x
        || bbox.y <= edge_y
        || bbox.x + bbox.w >= width - edge_x
        || bbox.y + bbox.h >= height - edge_y;
    let hidden = sightings
        .iter()
        .enumerate()
        .filter(|(j, _)| *j != i)
        .map(|(_, other)| overlap(bbox, other.bbox) / area)
        .fold(0.0f32, f32::max)
        .min(1.0);
    let whole = if cut { CUT } else { 1.0 };
    confidence.clamp(0.0, 1.0) * (area / (width * height)).min(1.0) * whole * (1.0 - hidden)
}

/// Area that two boxes share.
fn overlap(a: BBox, b: BBox) -> f32 {
    let w = (a.x + a.w).min(b.x + b.w) - a.x.max(b.x);
    let h = (a.y + a.h).min(b.y + b.h) - a.y.max(b.y);
    w.max(0.0) * h.max(0.0)
}

#[cfg(test)]
mod tests;
