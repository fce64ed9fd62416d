//! Events and queries on the element's pads.

use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::atomic::Ordering;
use std::time::Duration;
use vigil_analytics::pads::PadKind;
use vigil_analytics::pads::outlet::Outlet;
use vigil_analytics::pads::{self};
use vigil_analytics::verdict;

use super::imp::{Captions, VigilCaption};
use super::stream::State;
use crate::queue::Why;

impl VigilCaption {
    /// Events of the video; each is passed on to it and, where it concerns it, to the pad.
    pub(super) fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStart(_) => {
                // Frees a streaming thread that waits for the last answers.
                self.give_up(Why::Flush);
                for (_, outlet) in self.pads.outlets() {
                    outlet.flush_start(event.clone());
                }
            }
            gst::EventView::FlushStop(_) => {
                self.give_up(Why::Flush);
                self.with_state(State::restart);
                for (_, outlet) in self.pads.outlets() {
                    outlet.flush_stop(event.clone());
                }
            }
            gst::EventView::Eos(_) => {
                self.finish();
                self.with_state(|state| state.ended = Some(event.clone()));
                self.to_pad(&event);
            }
            _ => self.serialized(&event),
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn serialized(&self, event: &gst::Event) {
        match event.view() {
            gst::EventView::StreamStart(stream_start) => {
                self.live_is_known.store(false, Ordering::Relaxed);
                let id = stream_start.stream_id().to_string();
                let is_other = |state: &mut State| {
                    let before = state.stream_start.as_ref();
                    before.is_some_and(|before| before.stream_id() != id.as_str())
                };
                if self.with_state(is_other) == Some(true) {
                    self.give_up(Why::Flush);
                }
                self.with_state(|state| state.stream_start(stream_start.to_owned()));
                self.to_pad(&pads::stream_start(Captions.name(), stream_start));
            }
            gst::EventView::Caps(caps) => {
                self.with_state(|state| state.caps(caps.caps()));
            }
            gst::EventView::Segment(segment) => {
                self.with_state(|state| state.set_segment(event, segment.segment()));
                self.to_pad(event);
            }
            gst::EventView::SegmentDone(_) => self.to_pad(event),
            gst::EventView::Gap(gap) => {
                let (start, duration) = gap.get();
                let start = start.nseconds();
                let end = start.saturating_add(duration.map_or(0, gst::ClockTime::nseconds));
                for (_, outlet) in self.pads.outlets() {
                    outlet.push_gap(pads::queue::Gap { start, end });
                }
            }
            _ => {}
        }
    }

    fn to_pad(&self, event: &gst::Event) {
        for (_, outlet) in self.pads.outlets() {
            outlet.push_event(event.clone());
        }
    }

    /// Gives up all that is asked and all that waits to be asked.
    pub(super) fn give_up(&self, why: Why) {
        let outbox = self.with_state(|state| {
            state.asker.lane.cancel_all(why);
            state.give_up(why.as_str());
            state.asker.outbox.clone()
        });
        // Without the lock: applications are told.
        if let Some(outbox) = outbox {
            outbox.end_all(why.as_str());
        }
    }

    /// The stream ends: asks the last question and waits for the answers, for a bounded time and not
    /// for a server that is down. Runs on the streaming thread, after the last frame.
    fn finish(&self) {
        let asked = self.with_state(|state| {
            state.give_up("eos");
            state.finish();
            let time = Duration::from_nanos(state.plan.settings.eos_timeout);
            (state.asker.outbox.clone(), time)
        });
        let Some((outbox, time)) = asked else {
            return;
        };
        let is_down = || {
            let up = self.with_state(|state| state.asker.lane.is_up());
            up != Some(true)
        };
        outbox.wait(time, is_down);
        self.give_up(Why::Shutdown);
    }

    /// Sticky events for a pad that comes in mid-stream.
    pub(super) fn catch_up(state: &State, outlet: &Outlet) {
        if let Some(event) = &state.stream_start {
            outlet.push_event(pads::stream_start(Captions.name(), event));
        }
        if let Some(event) = &state.segment {
            outlet.push_event(event.clone());
        }
        if let Some(event) = &state.ended {
            outlet.push_event(event.clone());
        }
    }

    /// Events from downstream of the pad `captions`.
    pub(super) fn meta_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            // How late a consumer of captions is says nothing about the video.
            gst::EventView::Qos(_) => true,
            // The video need not be negotiated again because of captions.
            gst::EventView::Reconfigure(_) => {
                self.pads.wake(pad);
                true
            }
            _ => self.upstream_event(pad, event),
        }
    }

    /// Events from downstream of any pad that go upstream.
    pub(super) fn upstream_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        self.upstream.event(pad, self.obj().upcast_ref(), event)
    }

    /// Queries from upstream: whether somebody verifies events.
    pub(super) fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        verdict::answer(query) || gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }

    /// Queries from downstream of the video.
    pub(super) fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        pads::video_query(&self.sinkpad, pad, self.obj().upcast_ref(), query)
    }
}
