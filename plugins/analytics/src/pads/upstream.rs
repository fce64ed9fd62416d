//! What goes upstream from an element whose video pad and metadata pads end in sinks of their own.

use gst::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Events from downstream of any pad that go upstream. A seek of the pipeline comes by each pad that
/// ends in a sink; upstream is to do it once.
#[derive(Debug, Default)]
pub struct Upstream {
    /// The seek before, and what upstream said to it.
    last_seek: Mutex<Option<(gst::Seqnum, bool)>>,
}

impl Upstream {
    /// Sends an event of one of the element's source pads upstream. Threads of those who send events.
    pub fn event(&self, pad: &gst::Pad, element: &gst::Element, event: gst::Event) -> bool {
        if event.type_() != gst::EventType::Seek {
            return gst::Pad::event_default(pad, Some(element), event);
        }
        let last = || {
            self.last_seek
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let seqnum = event.seqnum();
        match *last() {
            Some((before, result)) if before == seqnum => return result,
            _ => {}
        }
        *last() = Some((seqnum, true));
        let result = gst::Pad::event_default(pad, Some(element), event);
        *last() = Some((seqnum, result));
        result
    }
}

/// Answers a query of the video's source pad: its scheduling is what upstream of `sink` says, but only
/// pushing, since frames are read as they pass.
pub fn video_query(
    sink: &gst::Pad,
    pad: &gst::Pad,
    element: &gst::Element,
    query: &mut gst::QueryRef,
) -> bool {
    if let gst::QueryViewMut::Scheduling(query) = query.view_mut() {
        let mut upstream = gst::query::Scheduling::new();
        if !sink.peer_query(&mut upstream) {
            return false;
        }
        let (flags, min, max, align) = upstream.result();
        query.set(flags, min, max, align);
        query.add_scheduling_modes([gst::PadMode::Push]);
        return true;
    }
    gst::Pad::query_default(pad, Some(element), query)
}
