//! Objects on frames: how many were found, and how well they kept their identities.
//!
//! A box is right where it overlaps the true one of the same class by an IoU of 0.5 or more, one to
//! one. The metrics are those of `vigil_tracking`, counted for each class by itself and added
//! up, so that a large class weighs more than a rare one (as "detection averaged" in TrackEval).

use gstvigiltrack::geometry::Rect;
use std::collections::BTreeSet;
use vigil_analytics::BBox;
use vigil_tracking::{Clear, Hypothesis, Scores, Sequence, Truth as TrueBox};

use super::Thing;

/// How well objects were found and followed.
#[derive(Debug, Default)]
pub struct Found {
    /// Of everything that was found, with a track or without: precision and recall.
    pub boxes: Clear,
    /// Of what has a track.
    pub tracks: Scores,
}

impl Found {
    /// Compares what was found (by frame) with what was there, all classes together.
    pub fn score(there: &[Vec<Thing>], found: &[Vec<Thing>]) -> Self {
        let with_track = |frame: &Vec<Thing>| -> Vec<Thing> {
            let known = frame.iter().filter(|thing| thing.id.is_some());
            known.cloned().collect()
        };
        let tracked: Vec<_> = found.iter().map(with_track).collect();
        Self {
            boxes: score(there, found).clear,
            tracks: score(there, &tracked),
        }
    }
}

fn score(there: &[Vec<Thing>], found: &[Vec<Thing>]) -> Scores {
    let things = || there.iter().chain(found).flatten();
    let labels: BTreeSet<&str> = things().map(|thing| thing.label.as_str()).collect();
    let mut scores = Scores::default();
    for label in labels {
        scores += &score_class(label, there, found);
    }
    scores
}

fn score_class(label: &str, there: &[Vec<Thing>], found: &[Vec<Thing>]) -> Scores {
    let of_class = |frame: &[Thing]| -> Vec<Thing> {
        let mine = frame.iter().filter(|thing| thing.label == label);
        mine.cloned().collect()
    };
    let truth: Vec<_> = there
        .iter()
        .map(|frame| of_class(frame).iter().map(true_box).collect())
        .collect();
    // What has no track is another thing on each frame.
    let mut nobody = u64::MAX;
    let mut hypothesis = |thing: &Thing| Hypothesis {
        id: thing.id.unwrap_or_else(|| {
            nobody -= 1;
            nobody
        }),
        bbox: rect(thing.bbox),
    };
    let said: Vec<_> = found
        .iter()
        .map(|frame| of_class(frame).iter().map(&mut hypothesis).collect())
        .collect();
    let sequence = Sequence {
        name: label.to_owned(),
        // The metrics know frames, not times.
        fps: 1.0,
        times: None,
        detections: vec![Vec::new(); truth.len()],
        truth,
    };
    Scores::of(&sequence, &said)
}

fn true_box(thing: &Thing) -> TrueBox {
    TrueBox {
        // All true objects have one.
        id: thing.id.unwrap_or_default(),
        bbox: rect(thing.bbox),
        evaluated: thing.counts(),
        distractor: !thing.counts(),
    }
}

fn rect(bbox: BBox) -> Rect {
    Rect::new(bbox.x, bbox.y, bbox.w, bbox.h)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(id: u64, label: &str, x: f32) -> Thing {
        Thing {
            id: Some(id),
            label: label.into(),
            bbox: BBox {
                x,
                y: 0.0,
                w: 10.0,
                h: 10.0,
            },
            visible: 1.0,
        }
    }

    fn hidden(thing: Thing) -> Thing {
        Thing {
            visible: 0.49,
            ..thing
        }
    }

    /// Precision and recall in percent.
    fn figures(there: Vec<Thing>, found: Vec<Thing>) -> (f64, f64) {
        let boxes = Found::score(&[there], &[found]).boxes;
        (boxes.precision(), boxes.recall())
    }

    #[test]
    fn boxes_count_by_place_and_class() {
        let (person, car) = (thing(1, "person", 0.0), thing(2, "car", 50.0));
        for (found, expected) in [
            (vec![person.clone(), car.clone()], (100.0, 100.0)),
            (vec![person.clone()], (100.0, 50.0)),
            // In the right place, as something else.
            (vec![person.clone(), thing(2, "truck", 50.0)], (50.0, 50.0)),
            // IoU of 7 in 13, and of 6 in 14.
            (vec![thing(1, "person", 3.0), car.clone()], (100.0, 100.0)),
            (vec![thing(1, "person", 4.0), car.clone()], (50.0, 50.0)),
            // Twice the same.
            (
                vec![person.clone(), car.clone(), thing(3, "car", 50.0)],
                (200.0 / 3.0, 100.0),
            ),
            (vec![], (0.0, 0.0)),
        ] {
            let there = vec![person.clone(), car.clone()];
            let got = figures(there, found.clone());
            assert!(
                (got.0 - expected.0).abs() < 1e-9 && (got.1 - expected.1).abs() < 1e-9,
                "{found:?}: {got:?}"
            );
        }
    }

    #[test]
    fn what_is_mostly_hidden_counts_neither_way() {
        let there = vec![thing(1, "person", 0.0), hidden(thing(2, "person", 50.0))];
        let both = vec![thing(1, "person", 0.0), thing(2, "person", 50.0)];
        assert_eq!(figures(there.clone(), both), (100.0, 100.0));
        let one = vec![thing(1, "person", 0.0)];
        assert_eq!(figures(there, one), (100.0, 100.0));
    }

    #[test]
    fn what_has_no_track_is_found_and_not_followed() {
        let there = vec![vec![thing(1, "person", 0.0)]; 4];
        let mut found = there.clone();
        found[0][0].id = None;
        found[1][0].id = None;
        let scores = Found::score(&there, &found);
        assert_eq!(scores.boxes.recall(), 100.0);
        assert_eq!(scores.tracks.clear.recall(), 50.0);
        assert_eq!(scores.tracks.clear.switches(), 0);
    }

    #[test]
    fn identities_are_told_apart_by_class() {
        let frame = || vec![thing(1, "person", 0.0), thing(2, "car", 50.0)];
        let scores = Found::score(&vec![frame(); 4], &vec![frame(); 4]).tracks;
        assert_eq!((scores.hota.hota(), scores.clear.switches()), (100.0, 0));
        // From the third frame on, the car has another identity.
        let found = [
            frame(),
            frame(),
            vec![thing(1, "person", 0.0), thing(9, "car", 50.0)],
        ];
        let scores = Found::score(&vec![frame(); 3], &found).tracks;
        assert_eq!(scores.clear.switches(), 1);
        assert!(scores.hota.hota() < 100.0 && scores.clear.recall() == 100.0);
    }
}
