//! Where the picture lies in the model's input, and the way back from there.
//!
//! The sizes are those of the two reference implementations, rounding included, because a box that
//! is off by one pixel of a 320-pixel input is off by six in a 1080p frame:
//!
//! | [`Fit`] | picture | place | source |
//! |---|---|---|---|
//! | `LetterboxCenter` | `round(w·r) × round(h·r)` | `round(pad/2 − 0.1)` | Ultralytics, `LetterBox` and `scale_boxes` |
//! | `LetterboxTopLeft` | `⌊w·r⌋ × ⌊h·r⌋` | 0, 0 | YOLOX, `preproc` |
//! | `Stretch` | the whole input | 0, 0 | RT-DETR and most others |
//! | `CentreCrop` | the whole input, of a larger picture | 0, 0 | torchvision, `Resize` of the shorter side and `CenterCrop`, as Ultralytics' classifiers have it |
//!
//! with `r = min(W/w, H/h)`; `r` above 1 enlarges. For `CentreCrop` the larger picture has the
//! input's length along the axis that decides and `⌊W·h/w⌋` or `⌊H·w/h⌋` along the other one, of
//! which `round((long − short) / 2)` is left off at the beginning.

/// How a picture is brought to the size of a model's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Its shape is kept, it is centred, and the rest is padding.
    LetterboxCenter,
    /// Its shape is kept, it is at the top left, and the rest is padding.
    LetterboxTopLeft,
    /// It fills the input, each axis scaled on its own.
    Stretch,
    /// Its shape is kept, it fills the input, and what is too long is left off on both sides.
    CentreCrop,
}

impl Fit {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::LetterboxCenter,
        Self::LetterboxTopLeft,
        Self::Stretch,
        Self::CentreCrop,
    ];

    /// What files call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LetterboxCenter => "letterbox",
            Self::LetterboxTopLeft => "letterbox-top-left",
            Self::Stretch => "stretch",
            Self::CentreCrop => "centre-crop",
        }
    }

    /// The one that files call so; cards say `letterbox-centre` for `letterbox`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "letterbox-centre" => Some(Self::LetterboxCenter),
            _ => Self::ALL.into_iter().find(|fit| fit.as_str() == name),
        }
    }
}

/// The map between the pixels of a frame and those of a model's input.
///
/// Coordinates are of pixel edges: the picture's right edge is at `x = width`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Letterbox {
    /// Width and height of the frame.
    pub src: (u32, u32),
    /// Width and height of the model's input.
    pub dst: (u32, u32),
    /// Width and height of the picture inside the input, at least 1×1.
    pub content: (u32, u32),
    /// Left and top of the picture inside the input.
    pub offset: (u32, u32),
    /// Width and height that the whole frame is scaled to: more than `content` where some of it is
    /// left off.
    pub scaled: (u32, u32),
    /// Columns and rows of the scaled frame that are left off before the picture.
    pub crop: (u32, u32),
    /// Input pixels per frame pixel, along x and y: before `content` was rounded, as the
    /// references undo it.
    pub gain: (f32, f32),
    /// Where the frame is, if it is a part of another one: the column and row there of its first
    /// pixel.
    pub origin: (u32, u32),
}

impl Letterbox {
    /// The map from frames of `src` to an input of `dst`, each width by height. A size of 0 counts
    /// as 1.
    pub fn new(src: (u32, u32), dst: (u32, u32), fit: Fit) -> Self {
        let (src, dst) = (at_least_one(src), at_least_one(dst));
        let ratio = (
            f64::from(dst.0) / f64::from(src.0),
            f64::from(dst.1) / f64::from(src.1),
        );
        let r = ratio.0.min(ratio.1);
        // In f64 and in this order of operations: YOLOX truncates, and another rounding of the
        // product would lose a whole pixel.
        let scaled = (f64::from(src.0) * r, f64::from(src.1) * r);
        let (content, gain) = match fit {
            Fit::LetterboxCenter => (
                (
                    scaled.0.round_ties_even() as u32,
                    scaled.1.round_ties_even() as u32,
                ),
                (r, r),
            ),
            Fit::LetterboxTopLeft => ((scaled.0 as u32, scaled.1 as u32), (r, r)),
            Fit::Stretch => (dst, ratio),
            Fit::CentreCrop => return Self::cropped(src, dst),
        };
        let content = at_least_one((content.0.min(dst.0), content.1.min(dst.1)));
        let offset = match fit {
            // `round(pad / 2 − 0.1)`: half a pixel goes to the right and the bottom.
            Fit::LetterboxCenter => ((dst.0 - content.0) / 2, (dst.1 - content.1) / 2),
            Fit::LetterboxTopLeft | Fit::Stretch | Fit::CentreCrop => (0, 0),
        };
        Self {
            src,
            dst,
            content,
            offset,
            scaled: content,
            crop: (0, 0),
            gain: (gain.0 as f32, gain.1 as f32),
            origin: (0, 0),
        }
    }

    /// As [`new`](Self::new) with [`Fit::CentreCrop`], of sizes that are at least 1.
    fn cropped(src: (u32, u32), dst: (u32, u32)) -> Self {
        // In whole numbers, which is what the quotients of doubles come to when they are truncated.
        let along = |side: u32, of: u32, to: u32, least: u32| {
            let long = u64::from(side) * u64::from(of) / u64::from(to);
            u32::try_from(long).unwrap_or(u32::MAX).max(least)
        };
        let width_decides =
            u64::from(dst.0) * u64::from(src.1) >= u64::from(dst.1) * u64::from(src.0);
        let scaled = if width_decides {
            (dst.0, along(dst.0, src.1, src.0, dst.1))
        } else {
            (along(dst.1, src.0, src.1, dst.0), dst.1)
        };
        let gain = |scaled: u32, src: u32| (f64::from(scaled) / f64::from(src)) as f32;
        let crop = |scaled: u32, dst: u32| (f64::from(scaled - dst) / 2.0).round_ties_even() as u32;
        Self {
            src,
            dst,
            content: dst,
            offset: (0, 0),
            scaled,
            crop: (crop(scaled.0, dst.0), crop(scaled.1, dst.1)),
            gain: (gain(scaled.0, src.0), gain(scaled.1, src.1)),
            origin: (0, 0),
        }
    }

    /// The place of the scaled frame's first pixel in the input: left of and above it where some is
    /// left off.
    fn start(&self) -> (f32, f32) {
        (
            self.offset.0 as f32 - self.crop.0 as f32,
            self.offset.1 as f32 - self.crop.1 as f32,
        )
    }

    /// The same map of a frame that is a part of another one, from this column and row of it on:
    /// boxes are then in pixels of the other one.
    #[must_use]
    pub fn within(self, origin: (u32, u32)) -> Self {
        Self { origin, ..self }
    }

    /// A box `[x1, y1, x2, y2]` of the input in pixels of the frame, not clipped: what lies in the
    /// padding is outside the frame.
    pub fn to_source(&self, [x1, y1, x2, y2]: [f32; 4]) -> [f32; 4] {
        let (left, top) = (self.origin.0 as f32, self.origin.1 as f32);
        let start = self.start();
        let x = |v: f32| (v - start.0) / self.gain.0 + left;
        let y = |v: f32| (v - start.1) / self.gain.1 + top;
        [x(x1), y(y1), x(x2), y(y2)]
    }

    /// A box `[x1, y1, x2, y2]` of the frame in pixels of the input.
    pub fn to_input(&self, [x1, y1, x2, y2]: [f32; 4]) -> [f32; 4] {
        let (left, top) = (self.origin.0 as f32, self.origin.1 as f32);
        let start = self.start();
        let x = |v: f32| (v - left) * self.gain.0 + start.0;
        let y = |v: f32| (v - top) * self.gain.1 + start.1;
        [x(x1), y(y1), x(x2), y(y2)]
    }

    /// The part of a box `[x1, y1, x2, y2]`, in frame pixels, that lies in the frame; without area
    /// where none does.
    pub fn clip(&self, [x1, y1, x2, y2]: [f32; 4]) -> [f32; 4] {
        let (left, top) = (self.origin.0 as f32, self.origin.1 as f32);
        let (right, bottom) = (left + self.src.0 as f32, top + self.src.1 as f32);
        [
            x1.clamp(left, right),
            y1.clamp(top, bottom),
            x2.clamp(left, right),
            y2.clamp(top, bottom),
        ]
    }
}

fn at_least_one((w, h): (u32, u32)) -> (u32, u32) {
    (w.max(1), h.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_and_places_are_the_references_own() {
        use Fit::*;
        // (source, input, fit) → (content, offset); letterboxes from the lines of
        // Ultralytics' LetterBox(auto=False) and YOLOX' preproc, run in Python
        let table = [
            (
                (1920, 1080),
                (640, 640),
                LetterboxCenter,
                (640, 360),
                (0, 140),
            ),
            ((480, 360), (640, 640), LetterboxCenter, (640, 480), (0, 80)),
            (
                (810, 1080),
                (640, 640),
                LetterboxCenter,
                (480, 640),
                (80, 0),
            ),
            ((768, 432), (320, 320), LetterboxCenter, (320, 180), (0, 70)),
            // 353 of 640 lines: the odd line of padding goes to the bottom
            (
                (1280, 706),
                (640, 640),
                LetterboxCenter,
                (640, 353),
                (0, 143),
            ),
            ((1, 1), (640, 640), LetterboxCenter, (640, 640), (0, 0)),
            ((7680, 16), (640, 640), LetterboxCenter, (640, 1), (0, 319)),
            ((7680, 4), (640, 640), LetterboxCenter, (640, 1), (0, 319)),
            (
                (7680, 4320),
                (640, 640),
                LetterboxCenter,
                (640, 360),
                (0, 140),
            ),
            ((17, 13), (640, 384), LetterboxCenter, (502, 384), (69, 0)),
            ((480, 360), (416, 416), LetterboxTopLeft, (416, 312), (0, 0)),
            (
                (810, 1080),
                (416, 416),
                LetterboxTopLeft,
                (312, 416),
                (0, 0),
            ),
            (
                (1280, 706),
                (416, 416),
                LetterboxTopLeft,
                (416, 229),
                (0, 0),
            ),
            ((7680, 4), (416, 416), LetterboxTopLeft, (416, 1), (0, 0)),
            ((480, 360), (320, 320), Stretch, (320, 320), (0, 0)),
            ((0, 0), (320, 320), Stretch, (320, 320), (0, 0)),
        ];
        for (src, dst, fit, content, offset) in table {
            let l = Letterbox::new(src, dst, fit);
            assert_eq!(
                (l.content, l.offset),
                (content, offset),
                "{src:?} {dst:?} {fit:?}"
            );
        }
    }

    #[test]
    fn a_cropped_picture_is_scaled_and_cut_as_torchvision_does() {
        // From the lines of torchvision's Resize(side) and CenterCrop, run in Python; the last two
        // are of inputs that are no squares, which they do not know.
        let table = [
            ((1920, 1080), (224, 224), (398, 224), (87, 0)),
            ((1080, 1920), (224, 224), (224, 398), (0, 87)),
            ((480, 640), (224, 224), (224, 298), (0, 37)),
            ((227, 224), (224, 224), (227, 224), (2, 0)),
            ((225, 224), (224, 224), (225, 224), (0, 0)),
            ((224, 229), (224, 224), (224, 229), (0, 2)),
            ((1, 1), (224, 224), (224, 224), (0, 0)),
            ((1, 9), (224, 224), (224, 2016), (0, 896)),
            ((0, 0), (224, 224), (224, 224), (0, 0)),
            ((100, 100), (200, 100), (200, 200), (0, 50)),
            ((100, 100), (100, 200), (200, 200), (50, 0)),
        ];
        for (src, dst, scaled, crop) in table {
            let l = Letterbox::new(src, dst, Fit::CentreCrop);
            assert_eq!((l.scaled, l.crop), (scaled, crop), "{src:?} {dst:?}");
            assert_eq!((l.content, l.offset), (dst, (0, 0)), "{src:?} {dst:?}");
        }
        let l = Letterbox::new((200, 100), (50, 50), Fit::CentreCrop);
        assert_eq!(
            l.to_source([0.0, 0.0, 50.0, 50.0]),
            [50.0, 0.0, 150.0, 100.0]
        );
    }

    #[test]
    fn corners_of_the_picture_are_corners_of_the_frame() {
        let l = Letterbox::new((1920, 1080), (640, 640), Fit::LetterboxCenter);
        assert_eq!(
            l.to_source([0.0, 140.0, 640.0, 500.0]),
            [0.0, 0.0, 1920.0, 1080.0]
        );
        let l = Letterbox::new((480, 360), (320, 320), Fit::Stretch);
        assert_eq!(
            l.to_source([160.0, 160.0, 320.0, 320.0]),
            [240.0, 180.0, 480.0, 360.0]
        );
    }

    #[test]
    fn a_box_that_reaches_into_the_padding_is_clipped_not_lost() {
        let l = Letterbox::new((1920, 1080), (640, 640), Fit::LetterboxCenter);
        let clipped = l.clip(l.to_source([600.0, 100.0, 700.0, 200.0]));
        assert_eq!(clipped, [1800.0, 0.0, 1920.0, 180.0]);
    }

    #[test]
    fn boxes_of_a_part_are_in_pixels_of_the_whole() {
        let l = Letterbox::new((640, 320), (320, 320), Fit::LetterboxCenter).within((100, 50));
        let whole = l.to_source([0.0, 80.0, 320.0, 240.0]);
        assert_eq!(whole, [100.0, 50.0, 740.0, 370.0]);
        assert_eq!(l.to_input(whole), [0.0, 80.0, 320.0, 240.0]);
        assert_eq!(l.clip([0.0, 0.0, 900.0, 60.0]), [100.0, 50.0, 740.0, 60.0]);
    }

    fn any_map() -> impl Strategy<Value = Letterbox> {
        let size = || (1u32..=7680, 1u32..=7680);
        (size(), size(), 0..Fit::ALL.len())
            .prop_map(|(src, dst, fit)| Letterbox::new(src, dst, Fit::ALL[fit]))
    }

    proptest! {
        #[test]
        fn the_picture_lies_inside_the_input(l in any_map()) {
            prop_assert!(l.content.0 >= 1 && l.content.1 >= 1);
            prop_assert!(l.offset.0 + l.content.0 <= l.dst.0);
            prop_assert!(l.offset.1 + l.content.1 <= l.dst.1);
        }

        #[test]
        fn a_letterboxed_picture_touches_two_sides_and_keeps_its_shape(l in any_map()) {
            // Of a stretched or cropped one only the first half holds.
            let short = (l.dst.0 - l.content.0).min(l.dst.1 - l.content.1);
            // YOLOX truncates, so that a product just below the whole number loses one pixel.
            prop_assert!(short <= 1, "{l:?}");
            if l.gain.0 == l.gain.1 && l.scaled == l.content {
                for (content, src) in [(l.content.0, l.src.0), (l.content.1, l.src.1)] {
                    let exact = src as f32 * l.gain.0;
                    prop_assert!((content as f32 - exact).abs() <= 1.01, "{l:?}");
                }
            }
        }

        #[test]
        fn to_source_undoes_to_input(
            l in any_map(),
            at in prop::array::uniform4(0.0f32..=1.0),
        ) {
            let (w, h) = (l.src.0 as f32, l.src.1 as f32);
            let b = [at[0] * w, at[1] * h, at[2] * w, at[3] * h];
            let back = l.to_source(l.to_input(b));
            // Half an ulp of an input coordinate, seen in the frame.
            let tolerance = |gain: f32, side: u32| 1e-3f32.max(side as f32 * 2e-7 / gain);
            for i in 0..4 {
                let side = |dst: u32, scaled: u32| dst.max(scaled);
                let t = if i % 2 == 0 {
                    tolerance(l.gain.0, side(l.dst.0, l.scaled.0))
                } else {
                    tolerance(l.gain.1, side(l.dst.1, l.scaled.1))
                };
                prop_assert!((back[i] - b[i]).abs() <= t, "{b:?} became {back:?}");
            }
        }

        #[test]
        fn both_maps_keep_order(l in any_map(), a in 0.0f32..8000.0, step in 0.0f32..100.0) {
            let b = [a, a, a + step, a + step];
            for [x1, y1, x2, y2] in [l.to_source(b), l.to_input(b), l.clip(b)] {
                prop_assert!(x1 <= x2 && y1 <= y2);
            }
        }

        #[test]
        fn clipped_boxes_lie_in_the_frame(l in any_map(), b in prop::array::uniform4(-1e5f32..1e5)) {
            let [x1, y1, x2, y2] = l.clip(b);
            for (v, side) in [(x1, l.src.0), (y1, l.src.1), (x2, l.src.0), (y2, l.src.1)] {
                prop_assert!((0.0..=side as f32).contains(&v));
            }
        }
    }
}
