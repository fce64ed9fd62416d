//! The events that follow from the truth: `vigilevents` with the same rules, over frames that have
//! no picture but the true objects.

use gst::prelude::*;
use std::path::Path;
use vigil_analytics::objects::{read, write_detections, write_tracks};
use vigil_analytics::{Detection, Event, Object, Track};

use super::{Thing, Truth};
use crate::Result;
use crate::pipeline::elements::make;

/// What frames are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Format {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Frames per second.
    pub rate: u32,
}

/// The events of the rules in the file `rules` over those objects of `truth` that `see` picks.
///
/// # Errors
/// For an element that is not installed, and rules that cannot be run.
pub fn run(
    truth: &Truth,
    format: Format,
    rules: &Path,
    see: impl Fn(&Thing) -> bool,
) -> Result<Vec<Event>> {
    let pipeline = gst::Pipeline::new();
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", format.size.0 as i32)
        .field("height", format.size.1 as i32)
        .field("framerate", gst::Fraction::new(format.rate as i32, 1))
        .build();
    let source = gst_app::AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        // Everything is pushed before anything is read.
        .max_bytes(0)
        .build();
    let judge = make("vigilevents")?;
    judge.set_property("rules-file", rules);
    judge.set_property("queue-size", 65_536u32);
    let video = make("fakesink")?;
    let events = gst_app::AppSink::builder().sync(false).build();
    pipeline.add_many([source.upcast_ref(), &judge, &video, events.upcast_ref()])?;
    gst::Element::link_many([source.upcast_ref(), &judge, &video])?;
    judge.link_pads(Some("events"), &events, Some("sink"))?;

    // Where this fails, the reason is on the bus.
    let started = pipeline.set_state(gst::State::Playing).is_ok();
    let mut writer = Writer::default();
    for (number, things) in (0..).zip(&truth.frames) {
        let seen: Vec<_> = things.iter().filter(|thing| see(thing)).collect();
        if !started
            || source
                .push_buffer(writer.frame(number, &seen, format)?)
                .is_err()
        {
            break;
        }
    }
    let ended = started && source.end_of_stream().is_ok();
    let told = if ended { pull(&events) } else { Ok(Vec::new()) };
    let error = pipeline
        .bus()
        .and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
    pipeline.set_state(gst::State::Null)?;
    match error.as_ref().map(|error| error.view()) {
        Some(gst::MessageView::Error(error)) => {
            Err(format!("the events of the truth: {}", error.error()).into())
        }
        _ => told,
    }
}

/// All events, up to the end of the stream or its failure.
fn pull(events: &gst_app::AppSink) -> Result<Vec<Event>> {
    const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);
    let mut told = Vec::new();
    while let Some(sample) = events.try_pull_sample(PATIENCE) {
        let buffer = sample.buffer().ok_or("an event without a buffer")?;
        told.push(serde_json::from_slice(&buffer.map_readable()?)?);
    }
    Ok(told)
}

/// Makes frames of the truth, with what it needs from one to the next.
#[derive(Default)]
struct Writer {
    first_seen: std::collections::HashMap<u64, gst::ClockTime>,
    objects: Vec<Object>,
}

impl Writer {
    /// A frame without a picture, with these objects.
    fn frame(&mut self, number: u64, things: &[&Thing], format: Format) -> Result<gst::Buffer> {
        let pts = |number: u64| {
            let second = gst::ClockTime::SECOND.nseconds();
            gst::ClockTime::from_nseconds(number * second / u64::from(format.rate))
        };
        let (now, next) = (pts(number), pts(number + 1));
        let detections: Vec<_> = things
            .iter()
            .map(|thing| Detection {
                // Of a finite set: the classes that a renderer knows.
                label: gst::glib::Quark::from_str(&thing.label),
                bbox: thing.bbox,
                confidence: 1.0,
            })
            .collect();
        let mut buffer = gst::Buffer::new();
        let frame = buffer.get_mut().ok_or("a new buffer is not writable")?;
        frame.set_pts(now);
        frame.set_duration(next - now);
        write_detections(frame, &detections)?;
        read(frame, &mut self.objects);
        let tracks: Vec<_> = self
            .objects
            .iter()
            .zip(things)
            .map(|(object, thing)| {
                let id = thing.id.unwrap_or_default();
                let track = Track {
                    id,
                    first_seen: *self.first_seen.entry(id).or_insert(now),
                    last_seen: now,
                    lost: false,
                };
                (object.id, track)
            })
            .collect();
        write_tracks(frame, &tracks)?;
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format {
        size: (100, 100),
        rate: 10,
    };

    /// The rules in a file, with the plugin that reads them.
    fn rules(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        gst::init().unwrap();
        gstvigilevents::plugin_register_static().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        std::fs::write(&file, text).unwrap();
        (folder, file)
    }

    #[test]
    fn what_true_objects_do_is_told() {
        let (_folder, rules) = rules(
            "[[zone]]\nname = 'right'\npolygon = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]\n\
             enter-after-ms = 0\nexit-after-ms = 0",
        );
        // Two walk to the right, one of whom is hardly seen.
        let thing = |id, x, visible| Thing {
            id: Some(id),
            label: "person".into(),
            bbox: vigil_analytics::BBox {
                x,
                y: 20.0,
                w: 10.0,
                h: 30.0,
            },
            visible,
        };
        let frame = |i: u32| {
            let x = i as f32 * 10.0;
            vec![thing(1, x, 1.0), thing(2, x, 0.1)]
        };
        let truth = Truth {
            frames: (0..8).map(frame).collect(),
        };
        let events = run(&truth, FORMAT, &rules, Thing::counts).unwrap();
        let told: Vec<_> = events.iter().map(|e| (e.event.as_ref(), e.pts)).collect();
        // The middle of its lower edge is at 55 on the sixth frame.
        let entered = ("zone.entered", Some(500_000_000));
        assert_eq!(told, [entered, ("zone.exited", Some(700_000_000))]);
        assert_eq!(events[0].object.as_ref().and_then(|o| o.track), Some(1));
        let all = run(&truth, FORMAT, &rules, |thing| thing.visible > 0.0).unwrap();
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn wrong_rules_are_told_and_do_not_hang() {
        let (_folder, rules) = rules("[[zone]]\nname = 'a'\n");
        let truth = Truth {
            frames: vec![Vec::new(); 5],
        };
        let error = run(&truth, FORMAT, &rules, |_| true).unwrap_err();
        assert!(error.to_string().contains("polygon"), "{error}");
    }
}
