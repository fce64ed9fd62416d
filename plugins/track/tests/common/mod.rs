//! An element between two pads of ours.

use gst::prelude::*;
use std::sync::Once;
use vigil_analytics::objects::{self, BBox, Detection, Look, Object};

/// Makes GStreamer and the plugin under test known.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstvigiltrack::plugin_register_static().unwrap();
    });
}

/// Milliseconds.
pub fn clock(ms: u64) -> gst::ClockTime {
    gst::ClockTime::from_mseconds(ms)
}

/// A standing person, 40×100 pixels.
pub fn person(x: f32) -> Detection {
    person_with_score(x, 0.9)
}

pub fn person_with_score(x: f32, confidence: f32) -> Detection {
    Detection {
        label: gst::glib::Quark::from_str("person"),
        bbox: BBox {
            x,
            y: 100.0,
            w: 40.0,
            h: 100.0,
        },
        confidence,
    }
}

/// A buffer that nobody looked at.
pub fn buffer(pts_ms: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::new();
    buffer.get_mut().unwrap().set_pts(clock(pts_ms));
    buffer
}

/// A buffer that a detector looked at.
pub fn look_at(pts_ms: u64, detections: &[Detection]) -> gst::Buffer {
    let mut buffer = buffer(pts_ms);
    objects::write_detections(buffer.get_mut().unwrap(), detections).unwrap();
    buffer
}

/// What is on a buffer.
pub fn read(buffer: &gst::Buffer) -> (Look, Vec<Object>) {
    let mut objects = Vec::new();
    let look = objects::read(buffer, &mut objects);
    (look, objects)
}

/// A playing `vigiltrack`, fed and emptied by the test, and its bus.
pub struct Rig {
    harness: gst_check::Harness,
    bus: gst::Bus,
}

impl Rig {
    /// With these properties, on 640×480 at 25 frames a second.
    pub fn new(properties: &str) -> Self {
        let caps = "video/x-raw,format=I420,width=640,height=480,framerate=25/1";
        Self::with_caps(properties, caps)
    }

    /// On these caps; none at all for an empty string.
    pub fn with_caps(properties: &str, caps: &str) -> Self {
        init();
        let mut harness = gst_check::Harness::new_empty();
        harness.add_parse(&format!("vigiltrack {properties}"));
        let bus = gst::Bus::new();
        harness.element().unwrap().set_bus(Some(&bus));
        harness.play();
        let mut this = Self { harness, bus };
        this.start(caps);
        this
    }

    /// Begins a stream.
    pub fn start(&mut self, caps: &str) {
        self.event(gst::event::StreamStart::new("test"));
        if !caps.is_empty() {
            self.caps(caps);
        }
        self.segment(&gst::FormattedSegment::<gst::ClockTime>::new());
    }

    pub fn element(&self) -> gst::Element {
        let element = self.harness.element().unwrap();
        match element.downcast::<gst::Bin>() {
            Ok(bin) => bin.iterate_elements().next().unwrap().unwrap(),
            Err(element) => element,
        }
    }

    pub fn event(&mut self, event: gst::Event) {
        assert!(self.harness.push_event(event));
    }

    pub fn caps(&mut self, caps: &str) {
        let caps: gst::Caps = caps.parse().unwrap();
        self.event(gst::event::Caps::new(&caps));
    }

    pub fn segment(&mut self, segment: &gst::FormattedSegment<gst::ClockTime>) {
        self.event(gst::event::Segment::new(segment));
    }

    /// What comes out for a buffer.
    pub fn push(&mut self, buffer: gst::Buffer) -> gst::Buffer {
        self.harness.push_and_pull(buffer).unwrap()
    }

    pub fn stats(&self) -> gst::Structure {
        self.element().property("stats")
    }

    pub fn stat(&self, name: &str) -> u64 {
        self.stats().get(name).unwrap()
    }

    /// Texts of the warnings on the bus.
    pub fn warnings(&self) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(message) = self.bus.pop_filtered(&[gst::MessageType::Warning]) {
            if let gst::MessageView::Warning(warning) = message.view() {
                texts.push(format!("{} {:?}", warning.error(), warning.debug()));
            }
        }
        texts
    }
}
