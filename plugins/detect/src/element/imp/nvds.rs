//! DeepStream's metadata on frames that leave: on the task of the source pad.

use super::super::session::{Found, Session};
use super::VigilDetect;
use gst::subclass::prelude::*;
use std::time::Duration;
use vigil_nvidia::deepstream::NvDsError;

impl VigilDetect {
    /// Takes DeepStream's objects over, where that is wanted: before those found here.
    pub(super) fn read_nvds(
        &self,
        session: &Session,
        buffer: &mut gst::Buffer,
    ) -> Result<(), gst::FlowError> {
        let nvds = session.nvds.as_ref();
        self.told(nvds.map_or(Ok(()), |nvds| nvds.read(buffer)))
    }

    /// Gives DeepStream the objects that are on the frame now, where that is wanted.
    pub(super) fn write_nvds(
        &self,
        session: &Session,
        buffer: &mut gst::Buffer,
    ) -> Result<(), gst::FlowError> {
        let nvds = session.nvds.as_ref();
        self.told(nvds.map_or(Ok(()), |nvds| nvds.write(buffer, session.labels())))
    }

    /// Gives DeepStream what was found on each picture of a batch. GstAnalytics could not tell of
    /// which picture a box is.
    pub(super) fn write_batch(
        &self,
        session: &Session,
        buffer: &mut gst::Buffer,
        found: &Found,
        latency: Duration,
    ) -> Result<(), gst::FlowError> {
        let Some(nvds) = session.nvds.as_ref().filter(|nvds| nvds.writes()) else {
            let pictures = found.batch.len();
            gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ("a buffer is a batch of {pictures} pictures, and GstAnalytics speaks of one: put \
                     nvstreamdemux before, and a vigildetect on each of its pads, or set \
                     nvds-meta=write, which gives what is found to DeepStream's elements")
            );
            return Err(gst::FlowError::Error);
        };
        let written = nvds.write_batch(buffer, &found.batch, |class| session.label(class));
        self.told(written)?;
        let objects = found.batch.iter().map(|(_, found)| found.len()).sum();
        session.stats().inferred(objects, found.timings, latency);
        Ok(())
    }

    fn told(&self, result: Result<(), NvDsError>) -> Result<(), gst::FlowError> {
        result.map_err(|error| {
            gst::element_imp_error!(self, gst::StreamError::Format, ("{error}"));
            gst::FlowError::Error
        })
    }
}
