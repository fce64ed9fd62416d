//! What others ask: latency, duration, conversion between times and frame numbers, seeking.

use super::{VigilTestSrc, lock};
use gst::GenericFormattedValue;
use gst::format::Default as Frames;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

impl VigilTestSrc {
    /// Answers a query, or leaves it to the base class.
    pub(super) fn answer(&self, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Latency(query) => self.answer_latency(query),
            gst::QueryViewMut::Duration(query) => self.answer_duration(query),
            gst::QueryViewMut::Convert(query) => self.answer_convert(query),
            gst::QueryViewMut::Seeking(query) if query.format() == gst::Format::Default => {
                let is_seekable = !self.obj().is_live();
                query.set(is_seekable, Frames::ZERO, Frames::NONE);
                true
            }
            _ => false,
        }
    }

    /// A frame is drawn in the time of the one before it, as a camera takes it.
    fn answer_latency(&self, query: &mut gst::query::Latency) -> bool {
        let timing = lock(&self.position).timing();
        let Some(duration) = timing.and_then(|timing| timing.duration(0)) else {
            return false;
        };
        let duration = gst::ClockTime::from_nseconds(duration);
        query.set(self.obj().is_live(), duration, gst::ClockTime::NONE);
        true
    }

    /// The stream goes on for ever, unless `num-buffers` ends it.
    fn answer_duration(&self, query: &mut gst::query::Duration) -> bool {
        let Ok(frames) = u64::try_from(self.obj().num_buffers()) else {
            return false;
        };
        let timing = lock(&self.position).timing();
        let moving = timing.filter(|timing| timing.is_moving());
        match (query.format(), moving) {
            (gst::Format::Time, Some(timing)) => {
                query.set(gst::ClockTime::from_nseconds(timing.time(frames)));
                true
            }
            (gst::Format::Default, _) => {
                query.set(Frames::from_u64(frames));
                true
            }
            _ => false,
        }
    }

    fn answer_convert(&self, query: &mut gst::query::Convert) -> bool {
        let Some(timing) = lock(&self.position).timing() else {
            return false;
        };
        let (value, to) = query.get();
        match (value, to) {
            (GenericFormattedValue::Time(Some(time)), gst::Format::Default) => {
                query.set(time, Frames::from_u64(timing.at(time.nseconds())));
                true
            }
            (GenericFormattedValue::Default(Some(number)), gst::Format::Time) => {
                query.set(number, gst::ClockTime::from_nseconds(timing.time(*number)));
                true
            }
            _ => false,
        }
    }
}
