//! What has happened so far, as far as it is shown: how many are in each zone, how often each line
//! was crossed, and the latest events.

use gst::ClockTime;
use std::collections::{HashMap, VecDeque};

use crate::happening::Happening;

/// How long a banner stays.
pub const BANNER: ClockTime = ClockTime::from_mseconds(4000);
/// How long it takes to come, and to go.
const FADE: ClockTime = ClockTime::from_mseconds(300);
/// How long a line lights up when it is crossed, and an object's box when something happens to it.
const FLASH: ClockTime = ClockTime::from_mseconds(600);
/// Banners at a time: those before give way.
const MOST: usize = 5;

/// An event that is shown in words.
#[derive(Debug, PartialEq)]
pub struct Banner {
    /// Who did what, where.
    pub text: String,
    /// Of the object.
    pub track: Option<u64>,
    /// When it happened.
    pub since: ClockTime,
}

impl Banner {
    /// How visible it is at a time, 0 to 1.
    pub fn strength(&self, now: ClockTime) -> f32 {
        let age = now.saturating_sub(self.since);
        let share = |time: ClockTime| time.nseconds() as f32 / FADE.nseconds() as f32;
        let going = share(BANNER.saturating_sub(age));
        // Never quite nothing on the frame itself.
        share(age + FADE / 3).min(going).clamp(0.0, 1.0)
    }
}

/// Crossings of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Crossings {
    /// To the right-hand side of somebody who walks along the line.
    pub forward: u64,
    /// To the left-hand side.
    pub backward: u64,
    last: Option<ClockTime>,
}

/// What has happened so far.
#[derive(Default)]
pub struct Board {
    /// Objects in each zone.
    inside: HashMap<String, u64>,
    crossings: HashMap<String, Crossings>,
    /// The latest events, oldest first.
    pub banners: VecDeque<Banner>,
    /// When something happened to an object.
    touched: HashMap<u64, ClockTime>,
    tells_of_objects: bool,
}

impl Board {
    /// Nothing has happened yet. Objects that come and go get banners where `tells_of_objects`.
    pub fn new(tells_of_objects: bool) -> Self {
        Self {
            tells_of_objects,
            ..Self::default()
        }
    }

    /// Takes in what happened at a time.
    pub fn note(&mut self, event: &Happening, now: ClockTime) {
        if let Some(place) = &event.place {
            if let Some(inside) = event.inside {
                self.inside.insert(place.clone(), inside);
            }
            if let Some((forward, backward)) = event.crossings {
                let crossings = Crossings {
                    forward,
                    backward,
                    last: Some(now),
                };
                self.crossings.insert(place.clone(), crossings);
            }
        }
        if event.place.is_none() && !self.tells_of_objects {
            return;
        }
        if let Some(track) = event.track {
            self.touched.insert(track, now);
        }
        self.banners.push_back(Banner {
            text: sentence(event),
            track: event.track,
            since: now,
        });
        while self.banners.len() > MOST {
            self.banners.pop_front();
        }
    }

    /// Forgets what is over at a time.
    pub fn tidy(&mut self, now: ClockTime) {
        let over = |since: ClockTime, time| now.saturating_sub(since) >= time;
        self.banners.retain(|banner| !over(banner.since, BANNER));
        self.touched.retain(|_, since| !over(*since, FLASH));
    }

    /// Objects in a zone.
    pub fn inside(&self, zone: &str) -> u64 {
        self.inside.get(zone).copied().unwrap_or_default()
    }

    /// Crossings of a line.
    pub fn crossings(&self, line: &str) -> Crossings {
        self.crossings.get(line).copied().unwrap_or_default()
    }

    /// How brightly a line shines because it was just crossed, 0 to 1.
    pub fn line_flash(&self, line: &str, now: ClockTime) -> f32 {
        flash(self.crossings(line).last, now)
    }

    /// How brightly an object shines because of what it just did, 0 to 1.
    pub fn object_flash(&self, track: Option<u64>, now: ClockTime) -> f32 {
        flash(
            track.and_then(|track| self.touched.get(&track).copied()),
            now,
        )
    }
}

fn flash(since: Option<ClockTime>, now: ClockTime) -> f32 {
    since.map_or(0.0, |since| {
        let age = now.saturating_sub(since).nseconds() as f32;
        (1.0 - age / FLASH.nseconds() as f32).max(0.0)
    })
}

/// Who did what, where.
fn sentence(event: &Happening) -> String {
    let who = event.object().unwrap_or_else(|| "something".into());
    let place = event.place.as_deref().unwrap_or_default();
    let after = event
        .duration
        .map(|duration| format!(" after {duration:.1} s"))
        .unwrap_or_default();
    match event.kind.as_str() {
        "object.appeared" => format!("{who} appeared"),
        "object.left" => format!("{who} left{after}"),
        "zone.entered" => format!("{who} entered {place}"),
        "zone.exited" => format!("{who} left {place}{after}"),
        "line.crossed" => match event.forward {
            Some(false) => format!("{who} crossed {place} backward"),
            _ => format!("{who} crossed {place} forward"),
        },
        // A kind of a later version.
        kind => format!("{who}: {kind} {place}").trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> ClockTime {
        ClockTime::from_mseconds(ms)
    }

    fn event(kind: &str, place: Option<&str>) -> Happening {
        Happening {
            kind: kind.into(),
            place: place.map(str::to_owned),
            label: Some("person".into()),
            track: Some(7),
            ..Happening::default()
        }
    }

    #[test]
    fn events_are_told_in_words() {
        for (event, text) in [
            (event("zone.entered", Some("door")), "person 7 entered door"),
            (
                Happening {
                    duration: Some(4.24),
                    ..event("zone.exited", Some("door"))
                },
                "person 7 left door after 4.2 s",
            ),
            (
                Happening {
                    forward: Some(false),
                    ..event("line.crossed", Some("gate"))
                },
                "person 7 crossed gate backward",
            ),
            (event("object.appeared", None), "person 7 appeared"),
            (event("crowd.formed", None), "person 7: crowd.formed"),
        ] {
            assert_eq!(sentence(&event), text);
        }
    }

    #[test]
    fn the_last_event_tells_how_many_there_are() {
        let mut board = Board::default();
        assert_eq!(board.inside("door"), 0);
        for inside in [1, 2] {
            let event = Happening {
                inside: Some(inside),
                ..event("zone.entered", Some("door"))
            };
            board.note(&event, at(0));
        }
        let crossed = Happening {
            crossings: Some((4, 1)),
            ..event("line.crossed", Some("gate"))
        };
        board.note(&crossed, at(100));
        assert_eq!((board.inside("door"), board.inside("gate")), (2, 0));
        let crossings = board.crossings("gate");
        assert_eq!((crossings.forward, crossings.backward), (4, 1));
        assert!(board.line_flash("gate", at(200)) > 0.5);
        assert_eq!(board.line_flash("gate", at(2000)), 0.0);
        assert_eq!(board.line_flash("door", at(200)), 0.0);
    }

    #[test]
    fn banners_come_stay_and_go() {
        let mut board = Board::default();
        board.note(&event("zone.entered", Some("door")), at(1000));
        let strength = |ms| board.banners[0].strength(at(ms));
        assert!(strength(1000) > 0.2 && strength(1000) < 0.5);
        assert_eq!([1300, 3000, 4700].map(strength), [1.0; 3]);
        assert!(strength(4900) < 0.5);
        assert_eq!(strength(6000), 0.0);
        board.tidy(at(4999));
        assert_eq!(board.banners.len(), 1);
        board.tidy(at(5000));
        assert!(board.banners.is_empty());
    }

    #[test]
    fn a_flood_of_events_keeps_the_latest() {
        let mut board = Board::default();
        for ms in 0..50 {
            board.note(&event("zone.entered", Some("door")), at(ms));
        }
        assert_eq!(board.banners.len(), MOST);
        assert_eq!(board.banners.back().map(|b| b.since), Some(at(49)));
    }

    #[test]
    fn who_comes_and_goes_is_told_only_where_asked() {
        let mut board = Board::default();
        board.note(&event("object.appeared", None), at(0));
        assert!(board.banners.is_empty());
        let mut board = Board::new(true);
        board.note(&event("object.appeared", None), at(0));
        assert_eq!(board.banners.len(), 1);
    }
}
