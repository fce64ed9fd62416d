use super::*;
use crate::preprocess::{Colorimetry, PixelFormat, Plane};

const MS: Time = 1_000_000;
const WIDTH: usize = 64;
const HEIGHT: usize = 48;

/// A gate, the time of the next frame, and what it is told of.
struct Rig {
    gate: MotionGate,
    settings: MotionSettings,
    regions: Option<Regions>,
    size: (usize, usize),
    now: Time,
}

impl Rig {
    fn new(settings: MotionSettings) -> Self {
        Self {
            gate: MotionGate::default(),
            settings,
            regions: None,
            size: (WIDTH, HEIGHT),
            now: 7_000 * MS,
        }
    }

    /// A grey frame with a square of another brightness somewhere, 40 ms after the last one.
    fn show(&mut self, square: Option<(usize, usize)>) -> bool {
        let (width, height) = self.size;
        let mut data = vec![90u8; width * height];
        if let Some((left, top)) = square {
            for y in top..top + 8 {
                data[y * width + left..][..8].fill(140);
            }
        }
        let format = FrameFormat {
            pixels: PixelFormat::Gray8,
            width,
            height,
            colorimetry: Colorimetry::default(),
        };
        let plane = Plane {
            data: &data,
            stride: width,
        };
        let frame = FrameView::new(format, [plane, Plane::default(), Plane::default()]).unwrap();
        self.now += 40 * MS;
        let now = Some(self.now);
        let wants = self
            .gate
            .wants(&frame, self.regions.as_ref(), now, &self.settings);
        if wants {
            self.gate.looks();
        }
        wants
    }

    /// How many of so many frames, all alike, were looked at.
    fn still(&mut self, frames: u32) -> u32 {
        (0..frames).map(|_| u32::from(self.show(None))).sum()
    }

    /// A rig whose scene has been still for long.
    fn closed(settings: MotionSettings) -> Self {
        let mut rig = Self::new(settings);
        rig.still(200);
        rig
    }

    /// Something comes and stays for two frames; whether the second was looked at.
    fn motion(&mut self) -> bool {
        self.show(Some((24, 24)));
        self.show(Some((24, 24)))
    }
}

const NO_AGE: MotionSettings = MotionSettings {
    threshold: 2.0,
    hold: 1000 * MS,
    max_age: 0,
};

#[test]
fn the_gate_is_open_at_first_then_while_something_moves_and_for_the_hold_time() {
    let mut rig = Rig::new(NO_AGE);
    // A second of learning and a second of hold.
    let first = rig.still(200);
    assert!((50..=52).contains(&first), "{first}");
    assert!(rig.motion());
    // Until it is gone from what is usual, and for 25 frames more.
    let after = rig.still(200);
    assert!((25..125).contains(&after), "{after}");
    assert_eq!(rig.still(200), 0);
}

#[test]
fn a_frame_is_looked_at_when_the_last_look_is_too_old() {
    let settings = MotionSettings {
        max_age: 400 * MS,
        ..NO_AGE
    };
    let mut rig = Rig::closed(settings);
    // Every tenth frame.
    assert_eq!(rig.still(100), 10);
    // One that was not looked at after all is made up for at once.
    while !rig.show(None) {}
    rig.gate.did_not_look();
    assert!(rig.show(None));
    assert!(!rig.show(None));
}

#[test]
fn a_frame_without_time_is_always_looked_at() {
    let mut rig = Rig::closed(NO_AGE);
    let data = vec![90; WIDTH * HEIGHT];
    let format = FrameFormat {
        pixels: PixelFormat::Gray8,
        width: WIDTH,
        height: HEIGHT,
        colorimetry: Colorimetry::default(),
    };
    let plane = Plane {
        data: &data,
        stride: WIDTH,
    };
    let frame = FrameView::new(format, [plane, Plane::default(), Plane::default()]).unwrap();
    assert!(rig.gate.wants(&frame, None, None, &NO_AGE));
    assert!(!rig.show(None));
}

#[test]
fn a_reset_a_jump_of_time_and_another_size_begin_anew() {
    type Change = fn(&mut Rig);
    let changes: [(&str, Change); 4] = [
        ("reset", |rig| rig.gate.reset()),
        ("back", |rig| rig.now -= 3_000 * MS),
        ("far ahead", |rig| rig.now += 60_000 * MS),
        ("another size", |rig| rig.size = (80, 60)),
    ];
    for (name, change) in changes {
        let mut rig = Rig::closed(NO_AGE);
        assert_eq!(rig.still(10), 0);
        change(&mut rig);
        let looked = rig.still(200);
        assert!((50..=52).contains(&looked), "{name}: {looked}");
    }
}

#[test]
fn only_what_moves_in_the_regions_opens() {
    for (regions, opens) in [
        ("[[0.25, 0.25, 0.5, 0.75]]", true),
        ("[[[0, 0], [0.5, 0.5], [0, 1]]]", true),
        ("[[0.6, 0, 1, 1]]", false),
        ("[[0, 0, 1, 0.3], [0.7, 0.3, 1, 1]]", false),
    ] {
        let mut rig = Rig::new(NO_AGE);
        rig.regions = Regions::parse(regions).unwrap();
        rig.still(200);
        assert_eq!(rig.motion(), opens, "{regions}");
    }
}

#[test]
fn a_higher_threshold_lets_less_through() {
    for (threshold, opens) in [(2.0, true), (30.0, true), (60.0, false)] {
        let mut rig = Rig::closed(MotionSettings {
            threshold,
            ..NO_AGE
        });
        assert_eq!(rig.motion(), opens, "{threshold}");
    }
}
