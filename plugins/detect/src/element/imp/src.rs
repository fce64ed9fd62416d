//! The source pad: its task takes things out of the lane in order, writes metadata and pushes.
//! Events and queries of downstream come on threads of downstream's.

use super::super::session::{Failure, Found, Frame, Session};
use super::{CAT, VigilDetect, lock, restarts};
use crate::objects::Answer;
use crate::schedule::{Closed, Output};
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl VigilDetect {
    pub(super) fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        if let gst::EventView::Reconfigure(_) = event.view() {
            let mut flow = lock(&self.flow);
            if *flow == Err(gst::FlowError::NotLinked) {
                // It is linked now.
                *flow = Ok(gst::FlowSuccess::Ok);
            }
        }
        if let gst::EventView::Qos(qos) = event.view() {
            let (kind, _, diff, timestamp) = qos.get();
            if let Some(timestamp) = timestamp {
                let late = u64::try_from(diff).unwrap_or(0);
                let earliest = match kind {
                    // As GstBaseTransform: late by so much, and so is what comes next.
                    gst::QOSType::Underflow if late > 0 => timestamp.nseconds() + 2 * late,
                    _ => 0,
                };
                self.earliest.store(earliest, Ordering::Relaxed);
            }
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    pub(super) fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let query = match query.view_mut() {
            gst::QueryViewMut::Latency(query) => query,
            gst::QueryViewMut::Context(_) => return self.query_context(pad, query),
            _ => return gst::Pad::query_default(pad, Some(&*self.obj()), query),
        };
        let mut upstream = gst::query::Latency::new();
        if !self.sinkpad.peer_query(&mut upstream) {
            return false;
        }
        let (live, min, max) = upstream.result();
        let ours = match self.session() {
            Some(session) if live => gst::ClockTime::from_nseconds(
                u64::try_from(session.latency().as_nanos()).unwrap_or(u64::MAX),
            ),
            _ => gst::ClockTime::ZERO,
        };
        gst::debug!(
            CAT,
            imp = self,
            "Latency: {ours} on top of live {live}, {min} to {max:?}"
        );
        query.set(live, min + ours, max.map(|max| max + ours));
        true
    }

    pub(super) fn src_activate(&self, active: bool) -> Result<(), gst::LoggableError> {
        if active {
            if let Some(session) = self.session() {
                session.lane.resume();
            }
            self.reset_flow();
            if !self.start_task() {
                return Err(gst::loggable_error!(CAT, "Failed to start the task"));
            }
        } else {
            if let Some(session) = self.session() {
                session.lane.flush();
            }
            self.srcpad
                .stop_task()
                .map_err(|error| gst::loggable_error!(CAT, "Failed to stop the task: {error}"))?;
        }
        Ok(())
    }

    pub(super) fn start_task(&self) -> bool {
        let imp = self.ref_counted();
        self.srcpad
            .start_task(move || imp.src_task())
            .inspect_err(|error| gst::error!(CAT, imp = self, "No task: {error}"))
            .is_ok()
    }

    /// Takes one thing out of the lane and pushes it downstream.
    fn src_task(&self) {
        let Some(session) = self.session() else {
            let _ = self.srcpad.pause_task();
            return;
        };
        let pushed = match session.lane.pop() {
            Err(Closed) => {
                let _ = self.srcpad.pause_task();
                return;
            }
            Ok(Output::Event(event)) => {
                gst::log!(CAT, obj = self.srcpad, "Pushing {event:?}");
                self.srcpad.push_event(event);
                return;
            }
            Ok(Output::Skipped(frame)) => self.push_skipped(&session, frame),
            Ok(Output::Overdue(frame)) => {
                self.frame_is_overdue(&session);
                self.push_skipped(&session, frame)
            }
            Ok(Output::Done(frame, result, latency)) => {
                self.push_inferred(&session, frame, result, latency)
            }
        };
        if let Err(error) = pushed {
            self.stop_frames(&session, error);
        }
    }

    /// Takes no more frames, since downstream does not. Events go on where they are still of use:
    /// the end, to a downstream that had enough, and what a downstream that is linked later needs.
    fn stop_frames(&self, session: &Session, error: gst::FlowError) {
        gst::debug!(CAT, imp = self, "Downstream says {error}");
        // What was planned for frames that are dropped now comes to nothing.
        session.restart_objects();
        if matches!(error, gst::FlowError::Eos | gst::FlowError::NotLinked) {
            // Locked meanwhile, so that a restart that comes in is seen either here or there.
            let mut flow = lock(&self.flow);
            let barrier = |event: &gst::Event| error == gst::FlowError::Eos && restarts(event);
            if !session.lane.drop_frames(barrier) {
                *flow = Err(error);
            }
        } else {
            *lock(&self.flow) = Err(error);
            session.lane.flush();
            let _ = self.srcpad.pause_task();
        }
        self.report_lost_end(error);
    }

    fn push(
        &self,
        session: &Session,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if (*lock(&self.flow)).is_err() {
            // Entered while downstream said that it takes no more.
            return Ok(gst::FlowSuccess::Ok);
        }
        session.stats().leaves();
        self.srcpad.push(buffer)
    }

    fn push_skipped(
        &self,
        session: &Session,
        frame: Frame,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut buffer = frame.buffer.clone();
        self.mark_skipped(session, frame, &mut buffer);
        self.read_nvds(session, &mut buffer)?;
        self.write_nvds(session, &mut buffer)?;
        self.push(session, buffer)
    }

    /// Says that nobody looked at a frame; of objects, what is known of them is told nevertheless.
    fn mark_skipped(&self, session: &Session, frame: Frame, buffer: &mut gst::Buffer) {
        if frame.plan.is_some() {
            self.tell_of_objects(session, frame, Vec::new(), buffer);
        } else {
            drop(frame);
            vigil_analytics::objects::mark_skipped(buffer);
        }
    }

    /// Writes what is known of the objects of a frame; returns how many were found inside of them.
    fn tell_of_objects(
        &self,
        session: &Session,
        frame: Frame,
        answers: Vec<Answer>,
        buffer: &mut gst::Buffer,
    ) -> usize {
        let size = frame.format.views.frame();
        let plan = frame.plan.clone();
        // Its share in the buffer would make that one a copy.
        drop(frame);
        let Some((second, plan)) = session.second.as_ref().zip(plan) else {
            return 0;
        };
        match session.annotate_objects(second, &plan, answers, buffer, size) {
            Ok(found) => found,
            Err(error) => {
                self.metadata_is_incomplete(&error);
                0
            }
        }
    }

    fn metadata_is_incomplete(&self, error: &gst::glib::BoolError) {
        gst::warning!(
            CAT,
            imp = self,
            "Metadata of a frame is incomplete: {error}"
        );
    }

    fn push_inferred(
        &self,
        session: &Session,
        frame: Frame,
        result: Result<Found, Failure>,
        latency: Duration,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut buffer = frame.buffer.clone();
        match result {
            Ok(found) if frame.plan.is_some() => {
                let timings = found.timings;
                let found = self.tell_of_objects(session, frame, found.answers, &mut buffer);
                session.stats().inferred(found, timings, latency);
                self.write_nvds(session, &mut buffer)?;
            }
            Ok(found) if !found.batch.is_empty() => {
                drop(frame);
                self.write_batch(session, &mut buffer, &found, latency)?;
            }
            Ok(found) => {
                drop(frame);
                self.read_nvds(session, &mut buffer)?;
                if let Err(error) = session.annotate(buffer.make_mut(), found, latency) {
                    self.metadata_is_incomplete(&error);
                }
                self.write_nvds(session, &mut buffer)?;
            }
            Err(Failure::Frame(reason)) => {
                session.stats().failed += 1;
                gst::element_imp_warning!(self, gst::StreamError::Decode, ("{reason}"));
                self.mark_skipped(session, frame, &mut buffer);
            }
            Err(Failure::Engine(reason)) => {
                session.stats().failed += 1;
                gst::element_imp_error!(self, gst::LibraryError::Failed, ("{reason}"));
                return Err(gst::FlowError::Error);
            }
        }
        self.push(session, buffer)
    }

    fn frame_is_overdue(&self, session: &Session) {
        session.stats().overdue += 1;
        if session.raise_latency() {
            gst::info!(
                CAT,
                imp = self,
                "Inference is slower than in its trial: latency is {:?} now",
                session.latency()
            );
            let message = gst::message::Latency::builder().src(&*self.obj()).build();
            let _ = self.obj().post_message(message);
        }
    }
}
