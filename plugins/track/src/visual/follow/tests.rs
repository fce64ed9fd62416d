use super::*;
use proptest::prelude::*;
use vigil_analytics::frame::{Colorimetry, FrameFormat, PixelFormat};

/// A grey picture to draw on.
#[derive(Clone)]
pub(in crate::visual) struct Canvas {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            data: vec![0; width * height],
        }
    }

    /// Gives each pixel the brightness that `at` says.
    pub fn paint(&mut self, at: impl Fn(usize, usize) -> f32) {
        for y in 0..self.height {
            for x in 0..self.width {
                self.data[y * self.width + x] = at(x, y).round().clamp(0.0, 255.0) as u8;
            }
        }
    }

    pub fn view(&self) -> FrameView<'_> {
        let format = FrameFormat {
            pixels: PixelFormat::Gray8,
            width: self.width,
            height: self.height,
            colorimetry: Colorimetry::default(),
        };
        let plane = vigil_analytics::frame::Plane {
            data: &self.data,
            stride: self.width,
        };
        FrameView::new(format, [plane; 3]).unwrap()
    }
}

/// Spots of some six pixels, no two patterns alike; the background, pattern 0, is paler.
fn texture(pattern: usize, x: f32, y: f32) -> f32 {
    let spot = |x: f32, y: f32| {
        // The finaliser of SplitMix64.
        let mut z = (x as i64 as u64) << 32 ^ (y as i64 as u64) & 0xffff_ffff;
        z = (z ^ (pattern as u64 * 0x51_7c)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let (x, y) = (x / 6.0, y / 6.0);
    let (u, v) = (x - x.floor(), y - y.floor());
    let (x, y) = (x.floor(), y.floor());
    let above = spot(x, y) * (1.0 - u) + spot(x + 1.0, y) * u;
    let below = spot(x, y + 1.0) * (1.0 - u) + spot(x + 1.0, y + 1.0) * u;
    let contrast = if pattern == 0 { 80.0 } else { 200.0 };
    128.0 + contrast * (above * (1.0 - v) + below * v)
}

/// A still background, pattern 0, and objects with patterns of their own from 1 on, the nearest
/// last.
fn draw(boxes: &[Rect]) -> Canvas {
    let mut canvas = Canvas::new(320, 240);
    canvas.paint(|x, y| {
        let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
        let inside = |b: &Rect| x >= b.x && x < b.right() && y >= b.y && y < b.bottom();
        match boxes.iter().rposition(inside) {
            Some(i) => texture(i + 1, x - boxes[i].x, y - boxes[i].y),
            None => texture(0, x, y),
        }
    });
    canvas
}

/// Milliseconds.
const MS: Time = 1_000_000;
/// Between frames: so long that sight counts much more than the prediction.
const FRAME: Time = 200 * MS;

fn object(id: u64, bbox: Rect) -> TrackedObject {
    TrackedObject {
        id,
        class: 0,
        score: 0.9,
        bbox,
        detection: None,
        first_seen: 0,
        last_seen: 0,
    }
}

/// Objects that were detected in these boxes at time 0, ids from 1 on, by a follower that expects
/// skipped frames.
fn follower(frame: &Canvas, boxes: &[Rect]) -> Follower {
    let mut follower = Follower::default();
    look(&mut follower, frame, 0, boxes);
    follower
}

fn look(follower: &mut Follower, frame: &Canvas, time: Time, boxes: &[Rect]) {
    follower.coast(&frame.view(), time, &mut []);
    let detection = |&bbox: &Rect| Detection {
        bbox,
        score: 0.9,
        class: 0,
    };
    let detections: Vec<_> = boxes.iter().map(detection).collect();
    let tracked = |(i, &bbox): (usize, &Rect)| TrackedObject {
        detection: Some(i),
        ..object(i as u64 + 1, bbox)
    };
    let tracked: Vec<_> = boxes.iter().enumerate().map(tracked).collect();
    follower.learn(&frame.view(), time, &tracked, &detections);
}

fn distance(a: Rect, b: Rect) -> f32 {
    let ((ax, ay), (bx, by)) = (a.center(), b.center());
    (ax - bx).hypot(ay - by)
}

#[test]
fn objects_are_followed_where_their_prediction_is_wrong() {
    let start = Rect::new(120.0, 80.0, 50.0, 70.0);
    for (dx, dy) in [(0.0, 0.0), (0.3, -0.2), (1.3, 0.7), (-3.0, 1.0), (5.0, 0.0)] {
        let mut follower = follower(&draw(&[start]), &[start]);
        for i in 1..=10 {
            let t = i as f32;
            let there = Rect::new(start.x + dx * t, start.y + dy * t, start.w, start.h);
            // The prediction: it stands still.
            let mut objects = [object(1, start)];
            follower.coast(&draw(&[there]).view(), i * FRAME, &mut objects);
            let error = distance(objects[0].bbox, there);
            assert!(error < 0.6, "({dx}, {dy}), frame {i}: {error} px");
        }
        assert_eq!(follower.counts().corrected, 10);
    }
}

#[test]
fn the_light_may_change() {
    let start = Rect::new(120.0, 80.0, 50.0, 70.0);
    let there = Rect::new(124.0, 83.0, 50.0, 70.0);
    for (gain, offset) in [(0.4, 10.0), (0.6, 90.0), (1.3, -40.0)] {
        let mut follower = follower(&draw(&[start]), &[start]);
        let mut dark = draw(&[there]);
        let bright = dark.data.clone();
        let width = dark.width;
        dark.paint(|x, y| f32::from(bright[y * width + x]) * gain + offset);
        let mut objects = [object(1, start)];
        follower.coast(&dark.view(), FRAME, &mut objects);
        let error = distance(objects[0].bbox, there);
        assert!(error < 1.0, "{gain}, {offset}: {error} px");
    }
}

#[test]
fn what_is_hidden_goes_on_as_it_went() {
    let walk = |t: f32| Rect::new(60.0 + 3.0 * t, 80.0, 40.0, 60.0);
    let wall = Rect::new(110.0, 60.0, 90.0, 110.0);
    let mut follower = follower(&draw(&[walk(0.0), wall]), &[walk(0.0), wall]);
    for i in 1..=26u64 {
        let there = walk(i as f32);
        let mut objects = [object(1, walk(0.0)), object(2, wall)];
        follower.coast(&draw(&[there, wall]).view(), i * FRAME, &mut objects);
        let error = distance(objects[0].bbox, there);
        // In the end its prediction is off by 78 px.
        assert!(error < 20.0, "frame {i}: {error} px");
        assert!(distance(objects[1].bbox, wall) < 0.5);
    }
    assert!(follower.counts().refused > 0);
}

#[test]
fn another_scene_shows_nobody() {
    let start = Rect::new(120.0, 80.0, 50.0, 70.0);
    let mut follower = follower(&draw(&[start]), &[start]);
    let mut cut = Canvas::new(320, 240);
    for (seed, paint) in [0usize, 1, 2].into_iter().zip([
        (|_, _| 128.0) as fn(usize, usize) -> f32,
        |x, y| (x * 7919 + y * 104_729 + x * y * 31) as f32 % 256.0,
        |x, _| if x < 160 { 16.0 } else { 235.0 },
    ]) {
        cut.paint(paint);
        let mut objects = [object(1, start)];
        follower.coast(&cut.view(), FRAME, &mut objects);
        assert!(distance(objects[0].bbox, start) < 4.0, "{seed}");
    }
    assert!(follower.counts().refused >= 2, "{:?}", follower.counts());
}

#[test]
fn hints_are_of_who_was_seen() {
    let boxes = [
        Rect::new(20.0, 30.0, 40.0, 60.0),
        Rect::new(150.0, 30.0, 40.0, 60.0),
    ];
    let mut follower = follower(&draw(&boxes), &boxes);
    let moved = boxes.map(|b| Rect::new(b.x + 4.0, b.y, b.w, b.h));
    // The second one's prediction is outside of the frame; the third one was never detected.
    let mut objects = vec![
        object(1, boxes[0]),
        object(2, Rect::new(-500.0, 0.0, 40.0, 60.0)),
        object(3, Rect::new(240.0, 150.0, 40.0, 60.0)),
    ];
    follower.hint(&draw(&moved).view(), FRAME, &mut objects);
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].id, 1);
    assert!(distance(objects[0].bbox, moved[0]) < 0.5);
}

#[test]
fn of_many_objects_each_has_its_turn() {
    let tuning = Tuning {
        max_objects: 3,
        ..Tuning::default()
    };
    let boxes: Vec<_> = (0..8)
        .map(|i| Rect::new(4.0 + 39.0 * i as f32, 90.0, 30.0, 50.0))
        .collect();
    let still = draw(&boxes);
    let mut follower = Follower::new(tuning);
    for i in 0..3 {
        look(&mut follower, &still, i * MS, &boxes);
    }
    assert_eq!(
        follower.targets.len(),
        8,
        "all are learned by the third look"
    );
    let moved: Vec<_> = boxes
        .iter()
        .map(|b| Rect::new(b.x + 2.0, b.y + 1.0, b.w, b.h))
        .collect();
    let mut objects = Vec::new();
    for i in 1..=3 {
        objects.clear();
        objects.extend((0..8).map(|i| object(i as u64 + 1, boxes[i])));
        follower.coast(&draw(&moved).view(), (2 + i) * FRAME, &mut objects);
    }
    let counts = follower.counts();
    assert_eq!((counts.corrected, counts.deferred), (9, 15));
    let seen = |target: &Target| target.seen > target.detected;
    assert!(follower.targets.iter().all(seen));
}

#[test]
fn where_no_frame_is_skipped_nothing_is_learned() {
    let boxes = [Rect::new(100.0, 80.0, 50.0, 70.0)];
    let frame = draw(&boxes);
    let mut follower = Follower::default();
    assert!(!follower.is_awake());
    look(&mut follower, &frame, 0, &boxes);
    assert!(follower.is_awake());
    assert_eq!(follower.targets.len(), 1);
    let tracked = [TrackedObject {
        detection: Some(0),
        ..object(1, boxes[0])
    }];
    let detections = [Detection {
        bbox: boxes[0],
        score: 0.9,
        class: 0,
    }];
    for i in 1..40 {
        follower.learn(&frame.view(), i * MS, &tracked, &detections);
    }
    assert!(!follower.is_awake());
    assert_eq!(follower.targets.len(), 0);
}

#[test]
fn who_is_gone_is_forgotten_and_its_filter_used_again() {
    let boxes = [
        Rect::new(20.0, 30.0, 40.0, 60.0),
        Rect::new(150.0, 30.0, 40.0, 60.0),
    ];
    let frame = draw(&boxes);
    let mut follower = follower(&frame, &boxes);
    look(&mut follower, &frame, MS, &boxes[..1]);
    assert_eq!((follower.targets.len(), follower.free.len()), (1, 1));
    look(&mut follower, &frame, 2 * MS, &boxes);
    assert_eq!((follower.filters.len(), follower.free.len()), (2, 0));
    follower.forget();
    assert_eq!((follower.targets.len(), follower.free.len()), (0, 2));
    let mut objects = [object(1, boxes[0])];
    follower.coast(&frame.view(), 3 * MS, &mut objects);
    assert_eq!(objects[0].bbox, boxes[0]);
}

#[test]
fn offsets_follow_a_change_of_resolution() {
    let start = Rect::new(120.0, 80.0, 50.0, 70.0);
    let there = Rect::new(128.0, 80.0, 50.0, 70.0);
    let mut follower = follower(&draw(&[start]), &[start]);
    let mut objects = [object(1, start)];
    follower.coast(&draw(&[there]).view(), FRAME, &mut objects);
    follower.rescale(0.5, 0.25);
    let (dx, dy) = follower.targets[0].offset;
    assert!((dx - 4.0).abs() < 0.3 && dy.abs() < 0.1, "({dx}, {dy})");
}

proptest! {
    #[test]
    fn no_box_is_too_odd(
        boxes in proptest::collection::vec(
            (-400f32..700.0, -400f32..700.0, 0f32..900.0, 0f32..900.0), 1..5),
        odd in 0usize..6,
    ) {
        let frame = draw(&[]);
        let mut boxes: Vec<_> = boxes.iter().map(|b| Rect::new(b.0, b.1, b.2, b.3)).collect();
        let strange = [
            Rect::new(f32::NAN, 0.0, 10.0, 10.0),
            Rect::new(0.0, 0.0, f32::INFINITY, 10.0),
            Rect::new(1e30, 1e30, 1.0, 1.0),
            Rect::new(-9e6, -9e6, 9.9e6, 9.9e6),
            Rect::new(0.0, 0.0, -5.0, -5.0),
            Rect::new(319.5, 239.5, 0.5, 0.5),
        ];
        boxes.push(strange[odd]);
        let mut follower = follower(&frame, &boxes);
        let all = |(i, &bbox): (usize, &Rect)| object(i as u64 + 1, bbox);
        let mut objects: Vec<_> = boxes.iter().enumerate().map(all).collect();
        follower.coast(&frame.view(), 5, &mut objects);
        follower.hint(&frame.view(), 6, &mut objects);
        for object in &objects {
            let before = boxes[object.id as usize - 1];
            prop_assert_eq!((object.bbox.w, object.bbox.h), (before.w, before.h));
            prop_assert!(object.bbox.is_sane());
        }
    }
}
