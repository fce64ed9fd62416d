//! Events and queries on the element's pads.

use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::atomic::Ordering;
use vigil_analytics::pads::outlet::Outlet;
use vigil_analytics::pads::{self, PadKind};
use vigil_analytics::verdict::Verdict;

use super::imp::VigilEvents;
use super::kind::Kind;
use super::state::{Output, State};
use crate::rules::Reason;

impl VigilEvents {
    /// Events of the video; each is passed on to it and, where it concerns them, to the metadata
    /// pads.
    pub(super) fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStart(_) => {
                for (_, outlet) in self.pads.outlets() {
                    outlet.flush_start(event.clone());
                }
            }
            gst::EventView::FlushStop(_) => {
                self.run(|state, out| state.flush(&event, out));
            }
            _ => {
                self.run(|state, out| self.serialized(state, &event, out));
            }
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn serialized(&self, state: &mut State, event: &gst::Event, out: &mut Output) {
        match event.view() {
            gst::EventView::StreamStart(stream_start) => {
                state.stream_start(stream_start.to_owned(), out);
                self.live_is_known.store(false, Ordering::Relaxed);
                if let Some(outlet) = &state.events {
                    state
                        .eos
                        .take()
                        .into_iter()
                        .for_each(|eos| outlet.push_event(eos));
                    outlet.push_event(pads::stream_start(Kind::Events.name(), stream_start));
                }
                if let Some(outlet) = &state.objects {
                    outlet.push_event(pads::stream_start(Kind::Objects.name(), stream_start));
                }
            }
            gst::EventView::Caps(caps) => state.caps(caps.caps(), out),
            gst::EventView::Segment(segment) => {
                state.set_segment(event, segment.segment());
                to_all(state, event);
            }
            gst::EventView::Eos(_) => {
                state.end_all(Reason::Eos, out);
                if let Some(outlet) = &state.objects {
                    outlet.push_event(event.clone());
                }
                // The other pad's comes after the last verdict.
                state.eos = Some(event.clone());
                state.ended = Some(event.clone());
            }
            gst::EventView::SegmentDone(_) => to_all(state, event),
            gst::EventView::Gap(gap) => {
                let (start, duration) = gap.get();
                state.upstream_gap(start, duration);
            }
            _ => {}
        }
    }

    /// Sticky events for a metadata pad that comes in mid-stream.
    pub(super) fn catch_up(state: &State, kind: Kind, outlet: &Outlet) {
        if let Some(event) = &state.stream_start {
            outlet.push_event(pads::stream_start(kind.name(), event));
        }
        if let Some(event) = &state.segment {
            outlet.push_event(event.clone());
        }
        // Where events still wait, theirs comes after them.
        let is_over = kind == Kind::Objects || state.eos.is_none();
        if let Some(event) = state.ended.as_ref().filter(|_| is_over) {
            outlet.push_event(event.clone());
        }
    }

    /// Events from downstream of a metadata pad.
    pub(super) fn meta_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            // How late an event sink is says nothing about the video.
            gst::EventView::Qos(_) => true,
            // The video need not be negotiated again because of a metadata pad.
            gst::EventView::Reconfigure(_) => {
                self.pads.wake(pad);
                true
            }
            _ => self.upstream_event(pad, event),
        }
    }

    /// Events from downstream of any pad that go upstream. Verdicts of our own events end here; they
    /// come from threads of those who verify.
    pub(super) fn upstream_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        if let Some(verdict) = Verdict::read(&event)
            && let Some((true, _)) = self.run(|state, out| state.verdict(&verdict, out))
        {
            return true;
        }
        self.upstream.event(pad, self.obj().upcast_ref(), event)
    }

    /// Queries from downstream of the video.
    pub(super) fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        pads::video_query(&self.sinkpad, pad, self.obj().upcast_ref(), query)
    }
}

fn to_all(state: &State, event: &gst::Event) {
    for outlet in state.outlets() {
        outlet.push_event(event.clone());
    }
}
