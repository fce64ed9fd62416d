//! The way of a frame on the streaming thread: chosen, drawn, waited for, counted.

use super::{CAT, VigilTestSrc, lock};
use crate::element::stream::Made;
use crate::element::timing::Timing;
use crate::truth::mot::Pushed;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use vigil_analytics::objects;

/// A frame to be made.
struct Frame {
    number: u64,
    pts: gst::ClockTime,
    duration: Option<gst::ClockTime>,
    /// Frames before it were left out.
    discont: bool,
}

impl VigilTestSrc {
    /// The next frame of the stream, at its time.
    pub(super) fn next_buffer(&self) -> Result<gst::Buffer, gst::FlowError> {
        // The pool of decide_allocation(). Waits for a buffer where downstream's pool is small.
        let pool = self.obj().buffer_pool();
        let mut buffer = pool
            .ok_or(gst::FlowError::NotNegotiated)?
            .acquire_buffer(None)?;
        let frame = self.next_frame().ok_or(gst::FlowError::Eos)?;
        let made = self.make(&mut buffer, &frame)?;
        // A frame that is given up here is made again when it goes on.
        self.wait_for(&frame)?;
        self.write_truth(&frame)?;
        lock(&self.position).made(frame.number);
        lock(&self.stats).made(made.visible, made.render, made.convert);
        Ok(buffer)
    }

    /// The frame to be made next; `None` at the end.
    fn next_frame(&self) -> Option<Frame> {
        let position = *lock(&self.position);
        let timing = position.timing()?;
        let number = position.number();
        let segment = self.obj().segment().downcast::<gst::ClockTime>().ok()?;
        let to = self.catch_up(&segment, timing, number).max(number);
        if to > number && !position.is_fresh() {
            self.drop_frames(&segment, timing, number..to);
        }
        let pts = gst::ClockTime::from_nseconds(timing.time(to));
        let is_over = segment.stop().is_some_and(|stop| pts >= stop);
        (timing.has(to) && !is_over).then(|| Frame {
            number: to,
            pts,
            duration: timing.duration(to).map(gst::ClockTime::from_nseconds),
            discont: to > number,
        })
    }

    /// The first frame from `number` on that a live stream has time for.
    fn catch_up(
        &self,
        segment: &gst::FormattedSegment<gst::ClockTime>,
        timing: Timing,
        number: u64,
    ) -> u64 {
        let (true, Some(duration)) = (self.obj().is_live(), timing.duration(number)) else {
            return number;
        };
        let pts = gst::ClockTime::from_nseconds(timing.time(number));
        let Some(running_time) = segment.to_running_time(pts) else {
            return number;
        };
        let now = self.obj().current_running_time().map(|now| now.nseconds());
        let to = lock(&self.lateness).skip_to(running_time.nseconds(), duration, now);
        let to = to.map(gst::ClockTime::from_nseconds);
        match to.and_then(|to| segment.position_from_running_time(to)) {
            Some(position) => timing.not_before(position.nseconds()),
            None => number,
        }
    }

    /// Counts frames that are left out, and says so on the bus.
    fn drop_frames(
        &self,
        segment: &gst::FormattedSegment<gst::ClockTime>,
        timing: Timing,
        numbers: std::ops::Range<u64>,
    ) {
        let (made, dropped) = {
            let mut stats = lock(&self.stats);
            stats.dropped += numbers.end - numbers.start;
            (stats.frames, stats.dropped)
        };
        let pts = gst::ClockTime::from_nseconds(timing.time(numbers.start));
        let end = gst::ClockTime::from_nseconds(timing.time(numbers.end));
        let running_time = segment.to_running_time(pts);
        let now = self.obj().current_running_time();
        let jitter = match (now, running_time) {
            (Some(now), Some(time)) => now.nseconds() as i64 - time.nseconds() as i64,
            _ => 0,
        };
        gst::debug!(CAT, imp = self, "frames {numbers:?} are too late");
        let message = gst::message::Qos::builder(true)
            .src(&*self.obj())
            .running_time(running_time)
            .stream_time(segment.to_stream_time(pts))
            .timestamp(pts)
            .duration(end - pts)
            .values(jitter, 1.0, 1_000_000)
            .stats(
                gst::format::Buffers::from_u64(made),
                gst::format::Buffers::from_u64(dropped),
            )
            .build();
        // There is nobody to tell without a bus.
        let _ = self.obj().post_message(message);
    }

    fn make(&self, buffer: &mut gst::Buffer, frame: &Frame) -> Result<Made, gst::FlowError> {
        let settings = lock(&self.settings).frame();
        if !settings.ground_truth {
            objects::mark_skipped(buffer);
        }
        let buffer = buffer.make_mut();
        buffer.set_pts(frame.pts);
        buffer.set_duration(frame.duration);
        buffer.set_offset(frame.number);
        buffer.set_offset_end(frame.number + 1);
        if frame.discont {
            buffer.set_flags(gst::BufferFlags::DISCONT);
        }
        let mut stream = lock(&self.stream);
        let stream = stream.as_mut().ok_or(gst::FlowError::Flushing)?;
        stream.make(buffer, frame.pts, settings).map_err(|error| {
            gst::element_imp_error!(self, gst::StreamError::Failed, ("{error}"));
            gst::FlowError::Error
        })
    }

    /// Adds the frame that was made last to the file of truth, if there is one.
    fn write_truth(&self, frame: &Frame) -> Result<(), gst::FlowError> {
        let Some(writer) = self.writer() else {
            return Ok(());
        };
        let stream = lock(&self.stream);
        let stream = stream.as_ref().ok_or(gst::FlowError::Flushing)?;
        let (size, truth) = stream.truth();
        let patient = !self.obj().is_live();
        // MOTChallenge counts frames from 1.
        match writer.push(frame.number + 1, size, truth, patient) {
            Ok(Pushed::Yes) => {}
            Ok(Pushed::No) => lock(&self.stats).truth_lost += 1,
            Err(error) => {
                gst::element_imp_error!(self, gst::ResourceError::Write, ("{error}"));
                return Err(gst::FlowError::Error);
            }
        }
        Ok(())
    }

    /// Waits for the time of a live frame.
    fn wait_for(&self, frame: &Frame) -> Result<(), gst::FlowError> {
        let obj = self.obj();
        let segment = obj.segment().downcast::<gst::ClockTime>();
        match segment.map(|segment| segment.to_running_time(frame.pts)) {
            Ok(Some(time)) if obj.is_live() => self.waiter.wait(&*obj, time),
            _ => Ok(()),
        }
    }
}
