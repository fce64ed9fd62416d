//! The sink pad: everything here runs on the upstream streaming thread, and only puts things in the
//! lane.

use super::super::finder::{Entry, Mode};
use super::super::gpu::memory::Memory;
use super::super::session::{Frame, Session, StreamFormat};
use super::{CAT, Stream, VigilDetect, lock, restarts};
use crate::motion::MotionSettings;
use crate::replay::Position;
use crate::schedule::{Closed, Overload, Submitted};
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use vigil_analytics::frame::video::{FORMATS, frame_format, frame_view};

/// Where a buffer of this PTS stands in its stream. A segment that does not say where in the stream
/// it is, is taken for the stream itself.
fn position(
    segment: &gst::FormattedSegment<gst::ClockTime>,
    pts: Option<gst::ClockTime>,
) -> Position {
    let signed = |time: gst::ClockTime| i64::try_from(time.nseconds()).unwrap_or(i64::MAX);
    let stream_time = match segment.time() {
        Some(_) => segment.to_stream_time_full(pts),
        None => pts.map(gst::Signed::Positive),
    };
    Position {
        pts: pts.map(signed),
        stream_time: stream_time.map(|time| match time {
            gst::Signed::Positive(time) => signed(time),
            gst::Signed::Negative(time) => -signed(time),
        }),
    }
}

/// Whether the motion gate wants a frame to be looked at. One that cannot be read is, so that it is
/// told of as ever.
fn sees_motion(
    stream: &mut Stream,
    frame: &Frame,
    settings: &MotionSettings,
    session: &Session,
) -> bool {
    let started = Instant::now();
    if frame.buffer.flags().contains(gst::BufferFlags::DISCONT) {
        stream.gate.reset();
    }
    let Ok(mapped) = frame.map() else {
        return true;
    };
    let Ok(view) = frame_view(frame.format.frame, &mapped) else {
        return true;
    };
    let time = frame.buffer.pts().map(gst::ClockTime::nseconds);
    let regions = frame.format.views.regions();
    let wanted = stream.gate.wants(&view, regions, time, settings);
    session.stats().motion.add(started.elapsed());
    wanted
}

impl VigilDetect {
    pub(super) fn sink_chain(
        &self,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let session = self.session().ok_or(gst::FlowError::Flushing)?;
        (*lock(&self.flow))?;
        let mode = session.start(|| self.upstream_is_live());
        let (frame, entry) = {
            let mut stream = lock(&self.stream);
            let format = stream.format.clone().ok_or(gst::FlowError::NotNegotiated)?;
            let mut frame = Frame {
                buffer,
                format,
                plan: None,
            };
            let second = session.second.as_ref();
            frame.plan = second.map(|second| second.plan(&frame, &session.stats));
            let entry = self.enter(&mut stream, &frame, mode, &session);
            (frame, entry)
        };
        let plan = frame.plan.clone();
        let entered = match entry {
            Entry::Work => {
                let overload = if mode.live {
                    Overload::Skip
                } else {
                    Overload::Wait
                };
                session.lane.submit(frame, overload)
            }
            Entry::Done(found) => session
                .lane
                .pass_done(frame, *found)
                .map(|()| Submitted::ForWork),
            Entry::Pass => {
                session.nothing_comes_of(plan.as_deref());
                session.lane.pass(frame).map(|()| Submitted::ForWork)
            }
        };
        match entered {
            Ok(Submitted::ForWork) => {}
            Ok(Submitted::Skipped) => {
                session.stats().skipped_overload += 1;
                session.nothing_comes_of(plan.as_deref());
                lock(&self.stream).gate.did_not_look();
            }
            Err(Closed) => {
                (*lock(&self.flow))?;
                return Err(gst::FlowError::Flushing);
            }
        }
        *lock(&self.flow)
    }

    /// What is to be done with a frame, by what moves, by `interval`, live by QoS, and by who finds
    /// objects.
    fn enter(&self, stream: &mut Stream, frame: &Frame, mode: Mode, session: &Session) -> Entry {
        if frame.has_nothing() {
            session.stats().skipped_unneeded += 1;
            return Entry::Pass;
        }
        let (interval, motion) = {
            let settings = lock(&self.settings);
            (settings.interval, settings.focus.motion())
        };
        if let Some(motion) = motion
            && !sees_motion(stream, frame, &motion, session)
        {
            // The first frame with motion is looked at, whatever the interval.
            stream.passed = None;
            session.stats().skipped_still += 1;
            return Entry::Pass;
        }
        if stream.passed.is_some_and(|passed| passed < interval) {
            stream.passed = stream.passed.map(|passed| passed + 1);
            session.stats().skipped_interval += 1;
            return Entry::Pass;
        }
        let pts = frame.buffer.pts();
        // What is too late is not worth a worker's time.
        if mode.live && mode.workers > 0 {
            let earliest = self.earliest.load(Ordering::Relaxed);
            let running_time = pts.and_then(|pts| stream.segment.to_running_time(pts));
            if running_time.is_some_and(|time| time.nseconds() < earliest) {
                session.stats().skipped_qos += 1;
                return Entry::Pass;
            }
        }
        let position = position(&stream.segment, pts);
        let entry = session.enter(frame, position, &mut stream.cursor);
        let is_look = match &entry {
            Entry::Work => true,
            Entry::Done(found) => found.is_ok(),
            Entry::Pass => false,
        };
        if is_look {
            stream.passed = Some(0);
            stream.gate.looks();
        }
        entry
    }

    fn upstream_is_live(&self) -> bool {
        let mut query = gst::query::Latency::new();
        self.sinkpad.peer_query(&mut query) && query.result().0
    }

    pub(super) fn sink_event(&self, event: gst::Event) -> bool {
        gst::log!(CAT, obj = self.sinkpad, "Handling event {event:?}");
        let Some(session) = self.session() else {
            return self.srcpad.push_event(event);
        };
        match event.view() {
            gst::EventView::FlushStart(_) => {
                session.lane.flush();
                let handled = self.srcpad.push_event(event);
                let _ = self.srcpad.pause_task();
                return handled;
            }
            gst::EventView::FlushStop(_) => {
                {
                    let mut stream = lock(&self.stream);
                    *stream = Stream {
                        format: stream.format.take(),
                        ..Default::default()
                    };
                }
                session.restart_objects();
                if let Some(nvds) = &session.nvds {
                    nvds.reset();
                }
                self.reset_flow();
                let handled = self.srcpad.push_event(event);
                if !self.srcpad.is_active() {
                    // On the way down: a task started now would never be stopped.
                    return handled;
                }
                session.lane.resume();
                return self.start_task() && handled;
            }
            gst::EventView::Caps(caps) => {
                if let Err(error) = self.take_caps(&session, caps.caps()) {
                    gst::element_imp_error!(self, gst::CoreError::Negotiation, ("{error}"));
                    return false;
                }
            }
            gst::EventView::StreamStart(_) => {
                lock(&self.stream).gate.reset();
                session.restart_objects();
            }
            gst::EventView::Segment(segment) => {
                if let Some(segment) = segment.segment().downcast_ref::<gst::ClockTime>() {
                    let mut stream = lock(&self.stream);
                    if stream.segment != *segment {
                        // Times go on elsewhere, and so may the picture.
                        stream.gate.reset();
                    }
                    stream.segment = segment.clone();
                }
            }
            _ => {}
        }
        if !event.is_serialized() {
            return self.srcpad.push_event(event);
        }
        self.queue_event(&session, event)
    }

    fn queue_event(&self, session: &Session, event: gst::Event) -> bool {
        let restarts = restarts(&event);
        let is_end = event.type_() == gst::EventType::Eos;
        if is_end || restarts {
            self.ended.store(is_end, Ordering::SeqCst);
        }
        let queued = session.lane.push(event).is_ok();
        let mut flow = lock(&self.flow);
        if queued && restarts && *flow == Err(gst::FlowError::Eos) {
            *flow = Ok(gst::FlowSuccess::Ok);
        }
        let flow = *flow;
        if let Err(error) = flow {
            self.report_lost_end(error);
        }
        queued
    }

    fn take_caps(&self, session: &Session, caps: &gst::CapsRef) -> Result<(), String> {
        let info = gst_video::VideoInfo::from_caps(caps)
            .map_err(|_| format!("these caps are no complete video format: {caps}"))?;
        let frame = frame_format(&info)
            .ok_or_else(|| format!("video format {} is not one of {FORMATS:?}", info.format()))?;
        let memory = Memory::of(caps)
            .ok_or_else(|| format!("these caps are of a memory that is not known here: {caps}"))?;
        if let Some(why) = self.refuses(session, memory) {
            return Err(why);
        }
        {
            let mut stats = session.stats();
            stats.memory = memory;
            stats.context = (memory == Memory::Cuda)
                .then(|| self.cuda.whose())
                .flatten();
        }
        if let Some(warning) = session.finder.check_format(&info)? {
            gst::element_imp_warning!(self, gst::StreamError::Format, ("{warning}"));
        }
        let (views, is_slower) = session.views(&frame);
        let format = Arc::new(StreamFormat {
            info,
            frame,
            memory,
            views,
        });
        let before = {
            let mut stream = lock(&self.stream);
            let before = stream.format.replace(format.clone());
            if before
                .as_ref()
                .is_none_or(|before| before.info != format.info)
            {
                stream.gate.reset();
                session.restart_objects();
            }
            before
        };
        if is_slower {
            let message = gst::message::Latency::builder().src(&*self.obj()).build();
            let _ = self.obj().post_message(message);
        }
        let was_interlaced = before.is_some_and(|before| before.info.is_interlaced());
        let info = &format.info;
        if info.is_interlaced() && !was_interlaced {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                (
                    "interlaced video ({:?}) is detected on as if it were progressive: moving \
                     objects are combed; put a deinterlace element before vigildetect",
                    info.interlace_mode()
                )
            );
        }
        gst::info!(CAT, imp = self, "Detecting on {:?}", format.frame);
        Ok(())
    }

    pub(super) fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Allocation(query) => {
                // Frames wait here, so a pool of downstream's could run dry. Upstream uses its
                // own, with enough buffers for those that are in flight, and any strides.
                query.add_allocation_meta::<gst_video::VideoMeta>(None);
                let caps = query.get().0;
                if caps.and_then(Memory::of).is_some_and(Memory::is_on_gpu) {
                    // Only upstream's own pool makes such memory.
                    return true;
                }
                let size = caps
                    .and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok())
                    .map_or(0, |info| info.size() as u32);
                let limit = self.session().map_or(2, |session| session.lane.limit());
                query.add_allocation_pool(None::<&gst::BufferPool>, size, limit as u32 + 1, 0);
                true
            }
            gst::QueryViewMut::Drain(_) => {
                // What is in here first, then what is downstream.
                let drained = self
                    .session()
                    .is_none_or(|session| session.lane.drain().is_ok());
                drained && {
                    gst::Pad::query_default(pad, Some(&*self.obj()), query);
                    true
                }
            }
            gst::QueryViewMut::Caps(_) | gst::QueryViewMut::AcceptCaps(_) => {
                self.sink_query_caps(pad, query)
            }
            gst::QueryViewMut::Context(_) => self.query_context(pad, query),
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }
}
