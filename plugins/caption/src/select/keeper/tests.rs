use super::*;
use std::borrow::Cow;
use vigil_analytics::event::BoxRecord;
use vigil_analytics::frame::{Colorimetry, FrameFormat, PixelFormat, Plane};

const SIZE: usize = 200;

/// Grey noise: sharp everywhere; flat where `flat` says.
fn frame_of(flat: bool) -> Vec<u8> {
    let level = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7) as u8;
    (0..SIZE * SIZE)
        .map(|i| if flat { 90 } else { level(i) })
        .collect()
}

fn view(data: &[u8]) -> FrameView<'_> {
    let format = FrameFormat {
        pixels: PixelFormat::Gray8,
        width: SIZE,
        height: SIZE,
        colorimetry: Colorimetry {
            full_range: true,
            ..Default::default()
        },
    };
    FrameView::new(format, [Plane { data, stride: SIZE }; 3]).unwrap()
}

fn object() -> ObjectRecord {
    let bbox = BBox {
        x: 0.0,
        y: 0.0,
        w: 1.0,
        h: 1.0,
    };
    ObjectRecord {
        track: None,
        label: Cow::Borrowed(""),
        confidence: 0.5,
        bbox: BoxRecord::from(bbox),
        first_seen: None,
        coasted: false,
        keypoints: Vec::new(),
        classes: Vec::new(),
        part_of: None,
    }
}

fn keeper() -> Keeper {
    Keeper::new(View {
        crop: true,
        frame: true,
        margin: 0.2,
        most: 100,
    })
}

/// A sighting of track 1 of this box and confidence, 0..10.
fn sighting(x: f32, y: f32, w: f32, h: f32, confidence: f32) -> Sighting {
    Sighting {
        track: 1,
        bbox: BBox { x, y, w, h },
        confidence,
        wanted: true,
    }
}

fn look(keeper: &mut Keeper, data: &[u8], number: u64, sightings: &[Sighting]) {
    let stamp = Stamp {
        number,
        pts: None,
        clock: number,
    };
    let frame = view(data);
    let mut whole = |scaler: &mut Scaler| Arc::new(scaler.copy(&frame, 50, 50));
    keeper.look(
        &frame,
        stamp,
        sightings,
        &mut Scaler::default(),
        &mut whole,
        &|_| object(),
    );
}

/// Which frame's view is kept of track 1 after the first and a second sighting.
fn kept_after(first: (bool, &[Sighting]), second: (bool, &[Sighting])) -> u64 {
    let mut keeper = keeper();
    for (number, (flat, sightings)) in [first, second].into_iter().enumerate() {
        look(&mut keeper, &frame_of(flat), number as u64, sightings);
    }
    keeper.best(1).unwrap().stamp.number
}

#[test]
fn the_better_view_is_kept() {
    let usual = [sighting(60.0, 60.0, 40.0, 40.0, 0.5)];
    let other = Sighting {
        track: 2,
        wanted: false,
        ..sighting(60.0, 60.0, 40.0, 20.0, 0.9)
    };
    for (what, second, flat, expected) in [
        (
            "larger",
            vec![sighting(60.0, 60.0, 60.0, 60.0, 0.5)],
            false,
            1,
        ),
        (
            "more certain",
            vec![sighting(60.0, 60.0, 40.0, 40.0, 0.9)],
            false,
            1,
        ),
        (
            "hardly better",
            vec![sighting(60.0, 60.0, 41.0, 40.0, 0.5)],
            false,
            0,
        ),
        (
            "smaller",
            vec![sighting(60.0, 60.0, 20.0, 40.0, 0.5)],
            false,
            0,
        ),
        (
            "larger, but blurred",
            vec![sighting(60.0, 60.0, 60.0, 60.0, 0.5)],
            true,
            0,
        ),
        (
            "larger, but cut by the edge",
            vec![sighting(0.0, 60.0, 60.0, 60.0, 0.5)],
            false,
            0,
        ),
        (
            "more certain, but half hidden",
            vec![sighting(60.0, 60.0, 40.0, 40.0, 0.9), other],
            false,
            0,
        ),
        (
            "no number",
            vec![sighting(f32::NAN, 60.0, 80.0, 80.0, 0.9)],
            false,
            0,
        ),
    ] {
        let got = kept_after((false, &usual), (flat, &second));
        assert_eq!(got, expected, "{what}");
    }
    // A blurred one is better than none, and a sharp one than it.
    assert_eq!(kept_after((true, &usual), (false, &usual)), 1);
}

#[test]
fn the_crop_has_a_margin_and_the_frame_says_where_it_is() {
    let mut keeper = keeper();
    look(
        &mut keeper,
        &frame_of(false),
        7,
        &[sighting(60.0, 60.0, 50.0, 100.0, 0.5)],
    );
    let shot = keeper.best(1).unwrap();
    let crop = shot.crop.as_ref().unwrap();
    // 70 × 140 pixels with the margin, 100 at most.
    assert_eq!((crop.width(), crop.height()), (50, 100));
    assert_eq!(shot.frame.as_ref().unwrap().width(), 50);
    assert_eq!((shot.part.x, shot.part.h), (0.3, 0.5));
    assert_eq!(shot.stamp.number, 7);
}

#[test]
fn an_object_that_fills_the_frame_is_not_cut_out() {
    let mut keeper = keeper();
    look(
        &mut keeper,
        &frame_of(false),
        0,
        &[sighting(5.0, 5.0, 180.0, 180.0, 0.5)],
    );
    assert!(keeper.best(1).unwrap().crop.is_none());
}

#[test]
fn tracks_that_were_seen_longest_ago_are_forgotten_first() {
    let mut keeper = keeper();
    let data = frame_of(false);
    for track in 0..40u64 {
        let sighting = Sighting {
            track,
            ..sighting(60.0, 60.0, 40.0, 40.0, 0.5)
        };
        look(&mut keeper, &data, track, &[sighting]);
    }
    assert!(keeper.best(7).is_none() && keeper.best(8).is_some() && keeper.best(39).is_some());
    keeper.forget(39);
    assert!(keeper.best(39).is_none());
    keeper.clear();
    assert!(keeper.best(38).is_none());
}

#[test]
fn one_copy_a_frame_is_made_and_the_rest_get_their_turn() {
    let mut keeper = keeper();
    let data = frame_of(false);
    let row: Vec<_> = (0..4)
        .map(|i| Sighting {
            track: i,
            ..sighting(10.0 + 45.0 * i as f32, 60.0, 40.0, 40.0, 0.5)
        })
        .collect();
    for n in 1..=4 {
        look(&mut keeper, &data, n, &row);
        let kept = (0..4).filter(|&track| keeper.best(track).is_some()).count();
        assert_eq!(kept as u64, n);
    }
}
