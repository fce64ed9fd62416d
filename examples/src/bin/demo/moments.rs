//! Pictures of the frames on which events happened.
//!
//! A pad probe before the drawing element takes them, in the thread that draws and encodes. How
//! many there will be is not known beforehand, so what is kept is thinned as it grows: few enough
//! for the memory, spread over the whole time, no kind of event crowded out by another.

use gst::prelude::*;
use image::RgbImage;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vigil_analytics::{BBox, objects};

use crate::Result;
use crate::happening::Happening;

/// Moments that are kept while the stream runs, about 400 kB each.
const KEPT: usize = 96;
/// Width of a picture in pixels; its height follows from the video, up to [`MAX_HEIGHT`].
pub const WIDTH: u32 = 448;
/// Greatest height of a picture.
pub const MAX_HEIGHT: u32 = 448;
/// Videos wider than this are shown around the event rather than whole.
const WHOLE_UP_TO: f32 = 960.0;

/// The part of a frame that a picture shows, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// The part.
    pub part: BBox,
    /// Width and height of the frame.
    pub frame: (f32, f32),
}

/// A frame with events.
pub struct Moment {
    /// Time in the stream.
    pub pts: Option<gst::ClockTime>,
    /// What happened, at least one.
    pub events: Vec<Happening>,
    /// All objects on the frame.
    pub objects: Vec<BBox>,
    /// The picture, with nothing drawn on it yet.
    pub picture: RgbImage,
    /// What the picture shows.
    pub view: View,
}

/// Collects moments.
#[derive(Default)]
pub struct Moments {
    collection: Mutex<Collection>,
}

/// What was collected.
#[derive(Default)]
pub struct Collection {
    /// Well spread moments, in the order of time.
    pub kept: Vec<Moment>,
    /// How many there were in all.
    pub seen: usize,
}

impl Moments {
    /// Collects from the buffers of `pad`.
    pub fn attach(pad: &gst::Pad) -> Arc<Self> {
        let moments = Arc::new(Self::default());
        let collect = moments.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer()
                && let Some(moment) = look(pad, buffer)
            {
                collect.keep(moment);
            }
            gst::PadProbeReturn::Ok
        });
        moments
    }

    /// What was collected; nothing is left.
    pub fn take(&self) -> Collection {
        std::mem::take(&mut *self.lock())
    }

    fn keep(&self, moment: Moment) {
        let mut collection = self.lock();
        collection.seen += 1;
        collection.kept.push(moment);
        thin(&mut collection.kept, KEPT);
    }

    fn lock(&self) -> MutexGuard<'_, Collection> {
        self.collection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes moments until `limit` are left: first those that are near others in time, and of a kind
/// that there is much of.
pub fn thin(moments: &mut Vec<Moment>, limit: usize) {
    while moments.len() > limit {
        let worth = worth(
            &moments
                .iter()
                .map(|moment| (seconds(moment), moment.events[0].kind.as_str()))
                .collect::<Vec<_>>(),
        );
        let least = (0..worth.len()).min_by(|a, b| worth[*a].total_cmp(&worth[*b]));
        moments.remove(least.unwrap_or_default());
    }
}

fn seconds(moment: &Moment) -> f64 {
    moment.pts.map_or(0.0, gst::ClockTime::seconds_f64)
}

/// How much would be lost without each of these moments (time in seconds, kind): the time to its
/// neighbours, divided by the number of moments of its kind; the first and the last stay.
fn worth(moments: &[(f64, &str)]) -> Vec<f64> {
    let mut of_kind: HashMap<&str, f64> = HashMap::new();
    for (_, kind) in moments {
        *of_kind.entry(kind).or_default() += 1.0;
    }
    (0..moments.len())
        .map(|i| {
            let (time, kind) = moments[i];
            let before = i.checked_sub(1).map(|j| time - moments[j].0);
            let after = moments.get(i + 1).map(|next| next.0 - time);
            match before.zip(after) {
                // Never 0, so that kinds count among moments of the same time.
                Some((before, after)) => ((before + after).max(0.0) + 0.1) / of_kind[kind],
                // The ends hold the whole time open.
                None => f64::INFINITY,
            }
        })
        .collect()
}

/// The moment of a buffer that has events, with its picture.
fn look(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<Moment> {
    let events = Happening::of(buffer);
    if events.is_empty() {
        return None;
    }
    let info = gst_video::VideoInfo::from_caps(pad.current_caps()?.as_ref()).ok()?;
    let mut all = Vec::new();
    objects::read(buffer, &mut all);
    let boxes: Vec<_> = events.iter().filter_map(|event| event.bbox).collect();
    let view = view((info.width() as f32, info.height() as f32), &boxes);
    // A frame in a GPU's memory has no picture here.
    let picture = picture(buffer, &info, view).ok()?;
    Some(Moment {
        pts: buffer.pts(),
        events,
        objects: all.iter().map(|object| object.bbox).collect(),
        picture,
        view,
    })
}

/// What to show of a frame of this size with events in these places: all of it, or, where it is so
/// large that people would be specks, the surroundings in the frame's own shape.
fn view(frame: (f32, f32), boxes: &[BBox]) -> View {
    let (width, height) = frame;
    let whole = BBox {
        x: 0.0,
        y: 0.0,
        w: width,
        h: height,
    };
    if width <= WHOLE_UP_TO || boxes.is_empty() {
        return View { part: whole, frame };
    }
    let fold = |of: fn(&BBox) -> f32, pick: fn(f32, f32) -> f32| {
        boxes.iter().map(of).reduce(pick).unwrap_or_default()
    };
    let (left, right) = (fold(|b| b.x, f32::min), fold(|b| b.x + b.w, f32::max));
    let (top, bottom) = (fold(|b| b.y, f32::min), fold(|b| b.y + b.h, f32::max));
    let scale = (2.0 * (right - left) / width)
        .max(1.6 * (bottom - top) / height)
        .clamp(0.5, 1.0);
    let (w, h) = (width * scale, height * scale);
    // Chroma is shared by two pixels each way.
    let even = |v: f32| (v / 2.0).floor() * 2.0;
    let x = even(((left + right - w) / 2.0).clamp(0.0, width - w));
    let y = even(((top + bottom - h) / 2.0).clamp(0.0, height - h));
    View {
        part: BBox {
            x,
            y,
            w: even(w),
            h: even(h),
        },
        frame,
    }
}

/// Converts and scales a part of a frame in one go.
fn picture(buffer: &gst::BufferRef, info: &gst_video::VideoInfo, view: View) -> Result<RgbImage> {
    let part = view.part;
    let (par_n, par_d) = (info.par().numer().max(1), info.par().denom().max(1));
    let aspect = part.w / part.h * par_n as f32 / par_d as f32;
    let height = ((WIDTH as f32 / aspect) as u32).clamp(16, MAX_HEIGHT);
    let width = ((height as f32 * aspect) as u32).clamp(16, WIDTH);

    let target = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, width, height)
        // The converter changes neither.
        .fps(info.fps())
        .interlace_mode(info.interlace_mode())
        .build()?;
    let mut config = gst_video::VideoConverterConfig::new();
    config.set_src_x(part.x as i32);
    config.set_src_y(part.y as i32);
    config.set_src_width(Some(part.w as i32));
    config.set_src_height(Some(part.h as i32));
    let converter = gst_video::VideoConverter::new(info, &target, Some(config))?;

    let source = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info)
        .map_err(|_| "the frame cannot be mapped")?;
    let mut scaled = gst::Buffer::with_size(target.size())?;
    {
        let scaled = scaled.get_mut().ok_or("a new buffer is not writable")?;
        let mut scaled = gst_video::VideoFrameRef::from_buffer_ref_writable(scaled, &target)
            .map_err(|_| "the picture cannot be mapped")?;
        converter.frame_ref(&source, &mut scaled);
    }
    let rows = scaled.map_readable()?;
    let stride = target.stride()[0] as usize;
    Ok(RgbImage::from_fn(width, height, |x, y| {
        let at = y as usize * stride + x as usize * 3;
        image::Rgb([rows[at], rows[at + 1], rows[at + 2]])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(seconds: u64, kind: &str) -> Moment {
        let happening = Happening {
            kind: kind.into(),
            ..Happening::default()
        };
        Moment {
            pts: Some(gst::ClockTime::from_seconds(seconds)),
            events: vec![happening],
            objects: vec![],
            picture: RgbImage::new(1, 1),
            view: view((1.0, 1.0), &[]),
        }
    }

    #[test]
    fn thinning_keeps_rare_kinds_and_the_whole_time() {
        let mut moments: Vec<_> = (0..300)
            .map(|t| {
                moment(
                    t,
                    if t == 150 {
                        "line.crossed"
                    } else {
                        "object.appeared"
                    },
                )
            })
            .collect();
        thin(&mut moments, 10);
        let times: Vec<_> = moments.iter().map(|m| seconds(m) as u64).collect();
        assert_eq!(times.len(), 10);
        assert!(times.contains(&150), "{times:?}");
        assert!(times[0] < 60 && times[9] > 240, "{times:?}");
        assert!(times.windows(2).all(|w| w[1] - w[0] < 100), "{times:?}");
    }

    #[test]
    fn large_frames_are_shown_around_the_event_and_small_ones_whole() {
        let bbox = |x, y| BBox {
            x,
            y,
            w: 60.0,
            h: 120.0,
        };
        assert_eq!(view((480.0, 360.0), &[bbox(1.0, 2.0)]).part.w, 480.0);
        for (x, y) in [(0.0, 0.0), (1860.0, 960.0), (900.0, 500.0)] {
            let part = view((1920.0, 1080.0), &[bbox(x, y)]).part;
            assert_eq!((part.w, part.h), (960.0, 540.0));
            assert!(part.x <= x && part.x + part.w >= x + 60.0, "{part:?}");
            assert!(part.y <= y && part.y + part.h >= y + 120.0, "{part:?}");
            assert!(part.x + part.w <= 1920.0 && part.y + part.h <= 1080.0);
        }
        let apart = view((1920.0, 1080.0), &[bbox(0.0, 0.0), bbox(1800.0, 900.0)]);
        assert_eq!(apart.part.w, 1920.0);
    }
}
