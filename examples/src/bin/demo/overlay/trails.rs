//! Where objects came from: their foot points of the last seconds.

use gst::ClockTime;
use std::collections::{BTreeMap, HashMap, VecDeque};
use vigil_analytics::Object;

use super::stencil::{Point, Stencil, draw_line};
use super::surface::{Area, Ink, Surface};

/// How much of its way an object trails.
const LENGTH: ClockTime = ClockTime::from_mseconds(2000);
/// How long an object is known that is not seen; who comes back later counts as another one.
const MEMORY: ClockTime = ClockTime::from_mseconds(10_000);
/// A gap longer than this is not bridged: nobody knows where the object was.
const GAP: ClockTime = ClockTime::from_mseconds(700);
/// A step less than this, in pixels, moves the last point rather than adding one.
const STEP: f32 = 2.0;

/// Where an object was.
struct Step {
    time: ClockTime,
    place: Point,
    /// The object was in sight since the step before.
    joined: bool,
}

struct Trail {
    steps: VecDeque<Step>,
    /// The foot point, without the trembling of boxes.
    smooth: Point,
    seen: ClockTime,
}

/// The ways of all objects.
#[derive(Default)]
pub struct Trails {
    trails: HashMap<u64, Trail>,
    /// Objects seen so far by label.
    seen: BTreeMap<&'static str, u64>,
    scratch: Stencil,
}

impl Trails {
    /// Takes in where objects are at a time.
    pub fn update(&mut self, objects: &[Object], now: ClockTime) {
        for object in objects {
            let Some(track) = object.track else { continue };
            let foot = (
                object.bbox.x + object.bbox.w / 2.0,
                object.bbox.y + object.bbox.h,
            );
            let trail = self.trails.entry(track.id).or_insert_with(|| {
                *self.seen.entry(object.label_str()).or_default() += 1;
                Trail {
                    steps: VecDeque::with_capacity(64),
                    smooth: foot,
                    seen: now,
                }
            });
            trail.add(foot, now);
        }
        let age = |time: ClockTime| now.saturating_sub(time);
        self.trails.retain(|_, trail| {
            while trail.steps.front().is_some_and(|s| age(s.time) > LENGTH) {
                trail.steps.pop_front();
            }
            age(trail.seen) <= MEMORY
        });
    }

    /// Objects seen so far by label.
    pub fn seen(&self) -> &BTreeMap<&'static str, u64> {
        &self.seen
    }

    /// Draws the way of an object as a line of `width` pixels that fades towards its beginning.
    pub fn draw(
        &mut self,
        surface: &mut Surface<'_>,
        track: u64,
        width: f32,
        ink: Ink,
        now: ClockTime,
    ) {
        let Self {
            trails, scratch, ..
        } = self;
        let Some(trail) = trails.get(&track) else {
            return;
        };
        let Some(area) = bounds(&trail.steps, width, (surface.width, surface.height)) else {
            return;
        };
        scratch.width = area.w as usize;
        scratch.coverage.clear();
        scratch.coverage.resize((area.w * area.h) as usize, 0);
        let steps = trail.steps.iter();
        for (from, to) in steps.clone().zip(steps.skip(1)) {
            if !to.joined {
                continue;
            }
            let age = now.saturating_sub(to.time).nseconds() as f32;
            let strength = 1.0 - age / LENGTH.nseconds() as f32;
            let line = (from.place, to.place);
            draw_line(scratch, (area.x, area.y), line, width, strength.max(0.0));
        }
        surface.stencil(scratch.view(), area.x, area.y, ink, 220);
    }
}

impl Trail {
    fn add(&mut self, foot: Point, now: ClockTime) {
        /// Share of the new place in the smooth one.
        const NEW: f32 = 0.5;
        if now < self.seen {
            self.steps.clear();
        }
        let joined = now >= self.seen && now - self.seen <= GAP;
        self.seen = now;
        let mix = |old: f32, new: f32| if joined { old + (new - old) * NEW } else { new };
        let place = (mix(self.smooth.0, foot.0), mix(self.smooth.1, foot.1));
        self.smooth = place;
        // Measured from the last step but one, so that a slow walk leaves a trail too.
        let before = self.steps.iter().nth_back(1).map(|step| step.place);
        let is_near =
            before.is_some_and(|(x, y)| (x - place.0).abs().max((y - place.1).abs()) < STEP);
        match self.steps.back_mut() {
            Some(last) if joined && is_near => (last.time, last.place) = (now, place),
            _ => self.steps.push_back(Step {
                time: now,
                place,
                joined,
            }),
        }
    }
}

/// The part of a picture of this size that a line through the steps touches.
fn bounds(steps: &VecDeque<Step>, width: f32, size: (i32, i32)) -> Option<Area> {
    if steps.len() < 2 {
        return None;
    }
    let fold = |of: fn(&Point) -> f32, pick: fn(f32, f32) -> f32| {
        steps.iter().map(|step| of(&step.place)).reduce(pick)
    };
    let reach = width / 2.0 + 1.0;
    let span = |of: fn(&Point) -> f32, size: i32| {
        let from = ((fold(of, f32::min)? - reach).floor() as i32).clamp(0, size);
        let to = ((fold(of, f32::max)? + reach).ceil() as i32).clamp(0, size);
        (from < to).then_some((from, to - from))
    };
    let ((x, w), (y, h)) = (span(|p| p.0, size.0)?, span(|p| p.1, size.1)?);
    Some(Area { x, y, w, h })
}

#[cfg(test)]
mod tests {
    use super::super::surface::tests::Picture;
    use super::*;
    use gst_video::VideoColorimetry;
    use vigil_analytics::{BBox, Track};

    fn at(ms: u64) -> ClockTime {
        ClockTime::from_mseconds(ms)
    }

    /// An object whose foot is at `x`, 20.
    fn object(id: u64, x: f32) -> Object {
        gst::init().unwrap();
        Object {
            id: 0,
            label: Some(gst::glib::Quark::from_str("person")),
            bbox: BBox {
                x: x - 5.0,
                y: 0.0,
                w: 10.0,
                h: 20.0,
            },
            confidence: 0.9,
            track: Some(Track {
                id,
                first_seen: at(0),
                last_seen: at(0),
                lost: false,
            }),
        }
    }

    fn luma(trails: &mut Trails, now: u64) -> Vec<u8> {
        let mut picture = Picture::new(100, 40);
        let colorimetry = "bt601".parse::<VideoColorimetry>().unwrap();
        let white = Ink::new([255; 3], &colorimetry);
        trails.draw(&mut picture.surface(), 1, 3.0, white, at(now));
        (0..100).map(|x| picture.luma(x, 20)).collect()
    }

    #[test]
    fn a_trail_fades_towards_its_beginning_and_ends_after_two_seconds() {
        let mut trails = Trails::default();
        for i in 0..40 {
            trails.update(&[object(1, 10.0 + 2.0 * i as f32)], at(i * 100));
        }
        let row = luma(&mut trails, 3900);
        assert!(row[..44].iter().all(|v| *v == 128), "{row:?}");
        assert!(
            row[84] > 200 && row[68] < row[84] && row[52] < row[68],
            "{row:?}"
        );
        assert!(row[52] > 128);
    }

    #[test]
    fn an_object_that_was_away_has_no_trail_through_the_unknown() {
        let mut trails = Trails::default();
        for (ms, x) in [(0, 10.0), (100, 14.0), (1500, 80.0), (1600, 84.0)] {
            trails.update(&[object(1, x)], at(ms));
        }
        let row = luma(&mut trails, 1600);
        assert!(row[20..75].iter().all(|v| *v == 128), "{row:?}");
        assert!(row[81] > 128);
    }

    #[test]
    fn each_object_is_counted_once_and_forgotten_in_time() {
        let mut trails = Trails::default();
        for ms in [0, 100, 5000] {
            trails.update(&[object(1, 9.0), object(2, 50.0)], at(ms));
        }
        assert_eq!(trails.seen().get("person"), Some(&2));
        trails.update(&[], at(15_001));
        assert!(trails.trails.is_empty());
    }

    #[test]
    fn standing_objects_and_backward_times_do_no_harm() {
        let mut trails = Trails::default();
        for ms in (0..3000).chain(0..10) {
            trails.update(&[object(1, 9.0)], at(ms));
            assert!(trails.trails[&1].steps.len() < 5);
        }
        trails.update(&[object(1, -1e9), object(3, f32::NAN)], at(20));
        luma(&mut trails, 20);
    }
}
