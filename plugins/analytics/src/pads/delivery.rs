//! Pushing what comes out of a queue on its pad: caps, segment, lines, gaps. Runs on the pad's
//! thread only.

use gst::prelude::*;

use super::outlet::Serial;
use super::queue::{Caption, Gap, Item, Payload, Record};
use crate::event;

/// Why an item was not delivered.
pub(super) enum Failure {
    /// It can be tried again: the consumer is flushing, or not linked itself.
    Later,
    /// The consumer takes no more; what to tell the application, if anything.
    Refused(Option<String>),
}

/// What goes into a buffer, and its duration in nanoseconds.
type Bytes = (Vec<u8>, Option<u64>);

/// What the pad's consumer knows so far.
pub(super) struct Delivery {
    pad: gst::Pad,
    caps: Option<gst::Caps>,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
}

impl Delivery {
    pub fn new(pad: gst::Pad) -> Self {
        Self {
            pad,
            caps: None,
            segment: None,
        }
    }

    pub fn flush_stop(&mut self, event: gst::Event) {
        self.pad.push_event(event);
    }

    pub fn deliver(&mut self, item: &Item<Serial>) -> Result<(), Failure> {
        match item {
            Item::Control(Serial(event)) => self.event(event),
            Item::Record(record) => self.record(record),
            Item::Gap(gap) => self.gap(*gap),
        }
    }

    fn event(&mut self, event: &gst::Event) -> Result<(), Failure> {
        match event.view() {
            gst::EventView::StreamStart(_) => self.caps = None,
            gst::EventView::Segment(segment) => {
                self.negotiate()?;
                self.segment = segment.segment().downcast_ref().cloned();
            }
            _ => {}
        }
        self.push_event(event.clone())
    }

    fn push_event(&self, event: gst::Event) -> Result<(), Failure> {
        if self.pad.push_event(event) || !self.is_unavailable() {
            return Ok(());
        }
        Err(Failure::Later)
    }

    /// Whether an event was refused only for now.
    fn is_unavailable(&self) -> bool {
        !self.pad.is_linked() || self.pad.pad_flags().contains(gst::PadFlags::FLUSHING)
    }

    fn gap(&mut self, gap: Gap) -> Result<(), Failure> {
        self.negotiate()?;
        let start = self.within_segment(gst::ClockTime::from_nseconds(gap.start));
        let end = gst::ClockTime::from_nseconds(gap.end);
        let duration = end.checked_sub(start).filter(|d| !d.is_zero());
        let event = gst::event::Gap::builder(start).duration(duration).build();
        self.push_event(event)
    }

    fn record(&mut self, record: &Record) -> Result<(), Failure> {
        self.negotiate()?;
        let Some((bytes, duration)) = self.bytes(&record.payload)? else {
            return Ok(());
        };
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            let pts = record.pts.map(gst::ClockTime::from_nseconds);
            buffer.set_pts(pts.map(|pts| self.within_segment(pts)));
            buffer.set_duration(duration.map(gst::ClockTime::from_nseconds));
        }
        match self.pad.push(buffer) {
            Ok(_) => Ok(()),
            Err(gst::FlowError::Flushing | gst::FlowError::NotLinked) => Err(Failure::Later),
            Err(gst::FlowError::Eos) => Err(Failure::Refused(None)),
            Err(error) => Err(Failure::Refused(Some(format!(
                "its consumer refuses data ({error:?}); no more records until it is linked again"
            )))),
        }
    }

    /// What a record is to this consumer, with its duration in nanoseconds; nothing, if it is only
    /// a part of words that are shown when they are whole.
    fn bytes(&self, payload: &Payload) -> Result<Option<Bytes>, Failure> {
        let line = match payload {
            Payload::Caption(caption) if self.takes_text() => {
                let bytes = caption.text.as_bytes().to_vec();
                return Ok(caption
                    .is_whole()
                    .then_some((bytes, Some(caption.duration))));
            }
            Payload::Event(event) | Payload::Caption(Caption { event, .. }) => {
                event::to_line(event.as_ref())
            }
            Payload::Objects(objects) => event::to_line(objects.as_ref()),
        };
        let line = line.map_err(|error| {
            Failure::Refused(Some(format!("cannot write a record as JSON: {error}")))
        })?;
        Ok(Some((line, None)))
    }

    fn takes_text(&self) -> bool {
        let name = |caps: &gst::Caps| Some(caps.structure(0)?.name().as_str() == "text/x-raw");
        self.caps.as_ref().and_then(name).unwrap_or(false)
    }

    /// Sinks drop what is outside the segment; the end of something that began before a seek is.
    fn within_segment(&self, pts: gst::ClockTime) -> gst::ClockTime {
        let Some(segment) = &self.segment else {
            return pts;
        };
        let pts = segment.start().map_or(pts, |start| pts.max(start));
        segment.stop().map_or(pts, |stop| pts.min(stop))
    }

    /// Sends caps where the consumer has none yet or asks for others.
    fn negotiate(&mut self) -> Result<(), Failure> {
        if !self.pad.check_reconfigure() && self.caps.is_some() {
            return Ok(());
        }
        let result = self.send_caps();
        if result.is_err() {
            self.pad.mark_reconfigure();
        }
        result
    }

    fn send_caps(&mut self) -> Result<(), Failure> {
        let template = self.pad.pad_template_caps();
        let mut caps = self.pad.peer_query_caps(Some(&template));
        if caps.is_empty() {
            if self.is_unavailable() {
                return Err(Failure::Later);
            }
            return Err(Failure::Refused(Some(format!(
                "its consumer takes none of {template}"
            ))));
        }
        caps.fixate();
        if self.caps.as_ref() != Some(&caps) {
            self.push_event(gst::event::Caps::new(&caps))?;
            self.caps = Some(caps);
        }
        Ok(())
    }
}
