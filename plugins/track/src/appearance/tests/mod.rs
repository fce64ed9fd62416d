//! Who is who, look by look.

mod decisions;
mod workers;

use super::{Identities, Request, Rules};
use crate::geometry::Rect;
use crate::track::{Detection, Ended, Time, TrackedObject};

const MS: Time = 1_000_000;

/// A standing person on a picture of 640×480.
fn at(x: f32) -> Rect {
    Rect::new(x, 100.0, 40.0, 100.0)
}

/// What somebody looks like: a direction for each hue, 30° apart.
fn look_of(hue: f32) -> Vec<f32> {
    let angle = (hue * 30.0).to_radians();
    vec![angle.cos(), angle.sin()]
}

/// An object on a look: its track, where it is, and what it looks like to the model.
#[derive(Clone, Copy)]
struct Seen {
    track: u64,
    bbox: Rect,
    hue: f32,
    class: u32,
}

fn seen(track: u64, x: f32, hue: f32) -> Seen {
    Seen {
        track,
        bbox: at(x),
        hue,
        class: 0,
    }
}

/// A stream of looks in front of [`Identities`].
struct Looks {
    identities: Identities,
    first_seen: Vec<(u64, Time)>,
    requests: Vec<Request>,
    /// Whether crops come back on the look on which they were asked for.
    at_once: bool,
    /// Whether crops come back at all.
    answers: bool,
    /// The crops of the last look, with what they look like.
    on_their_way: Vec<(Request, Time, f32)>,
}

impl Looks {
    fn new(rules: Rules) -> Self {
        Self {
            identities: Identities::new(rules),
            first_seen: Vec::new(),
            requests: Vec::new(),
            at_once: true,
            answers: true,
            on_their_way: Vec::new(),
        }
    }

    fn answer(&mut self) {
        for (request, time, hue) in self.on_their_way.drain(..) {
            let feature = look_of(hue);
            (self.identities).answer(request.track, time, request.sight, Some(&feature));
        }
    }

    /// A look: what comes out for each object, in their order.
    fn look(&mut self, ms: Time, objects: &[Seen]) -> Vec<Option<u64>> {
        let time = ms * MS;
        let detection = |object: &Seen| Detection {
            bbox: object.bbox,
            score: 0.9,
            class: object.class,
        };
        let detections: Vec<_> = objects.iter().map(detection).collect();
        let mut tracked = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            let known = self.first_seen.iter().find(|(id, _)| *id == object.track);
            let first_seen = known.map_or(time, |(_, time)| *time);
            if known.is_none() {
                self.first_seen.push((object.track, time));
            }
            tracked.push(TrackedObject {
                id: object.track,
                class: object.class,
                score: 0.9,
                bbox: object.bbox,
                detection: Some(index),
                first_seen,
                last_seen: time,
            });
        }
        tracked.sort_by_key(|object| object.id);
        if self.answers {
            self.answer();
        }
        self.identities.see(time, &tracked);
        let all = (&tracked[..], &detections[..]);
        (self.identities).wanted(time, all, (640.0, 480.0), !self.at_once, &mut self.requests);
        for request in &self.requests {
            self.identities.asked(time, request);
            let hue = objects.iter().find(|object| object.track == request.track);
            self.on_their_way.push((*request, time, hue.unwrap().hue));
        }
        if self.at_once && self.answers {
            self.answer();
        }
        self.identities.settle(time);
        self.identities.publish(&mut tracked);
        let ids: Vec<_> = tracked.iter().map(|object| object.id).collect();
        assert!(
            ids.windows(2).all(|pair| pair[0] < pair[1]),
            "shared: {ids:?}"
        );
        let id_of = |index| {
            tracked
                .iter()
                .find(|object| object.detection == Some(index))
        };
        (0..objects.len())
            .map(|index| id_of(index).map(|object| object.id))
            .collect()
    }

    fn end(&mut self, track: u64, last_seen_ms: Time) -> Option<u64> {
        let ended = Ended {
            id: track,
            first_seen: 0,
            last_seen: last_seen_ms * MS,
        };
        self.identities.end(&ended).map(|ended| ended.id)
    }
}
