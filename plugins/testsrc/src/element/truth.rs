//! Truth on a buffer: `GstAnalyticsODMtd`, `GstAnalyticsTrackingMtd` and `VigilTruthMeta`.

use crate::scene::{Class, Object};
use crate::truth::imperfect::{Finding, Flaws};
use crate::truth::whole;
use gst::glib::{BoolError, Quark};
use vigil_analytics::objects::{self, Detection, Track};
use vigil_analytics::truth_meta::{self, TrueObject, Truth};

/// A frame that is to be described.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub seed: u64,
    pub pts: gst::ClockTime,
    pub size: (u32, u32),
    /// Whether objects get their identities.
    pub tracks: bool,
}

/// Writes truth; keeps its memory from frame to frame.
pub(super) struct Describer {
    labels: [Quark; Class::ALL.len()],
    visible: Vec<Object>,
    findings: Vec<Finding>,
    detections: Vec<Detection>,
    written: Vec<objects::Object>,
    tracks: Vec<(u32, Track)>,
    truth: Truth,
}

impl Describer {
    pub fn new() -> Self {
        Self {
            labels: Class::ALL.map(|class| Quark::from_str(class.as_str())),
            visible: Vec::new(),
            findings: Vec::new(),
            detections: Vec::new(),
            written: Vec::new(),
            tracks: Vec::new(),
            truth: Truth::default(),
        }
    }

    /// Puts what a detector with these flaws finds on `buffer`, with the identities of what is
    /// really there, and the truth itself.
    pub fn describe(
        &mut self,
        buffer: &mut gst::BufferRef,
        frame: Frame,
        truth: &[Object],
        flaws: Flaws,
    ) -> Result<(), BoolError> {
        // Nobody finds what cannot be seen at all.
        self.visible.clear();
        self.visible
            .extend(truth.iter().filter(|object| object.visible > 0.0));
        let time = frame.pts.nseconds();
        flaws.look(
            frame.seed,
            time,
            &self.visible,
            frame.size,
            &mut self.findings,
        );
        self.write_findings(buffer)?;
        if frame.tracks {
            self.write_tracks(buffer, frame.pts)?;
        }
        (self.truth.width, self.truth.height) = frame.size;
        self.truth.objects.clear();
        let labels = &self.labels;
        self.truth
            .objects
            .extend(truth.iter().map(|object| TrueObject {
                id: object.id,
                label: labels[object.class as usize],
                visible: object.visible,
                bbox: whole(object),
            }));
        truth_meta::write(buffer, &self.truth)
    }

    fn write_findings(&mut self, buffer: &mut gst::BufferRef) -> Result<(), BoolError> {
        self.detections.clear();
        let labels = &self.labels;
        self.detections
            .extend(self.findings.iter().map(|finding| Detection {
                label: labels[finding.class as usize],
                bbox: finding.bbox,
                confidence: finding.score,
            }));
        objects::write_detections(buffer, &self.detections)
    }

    fn write_tracks(
        &mut self,
        buffer: &mut gst::BufferRef,
        pts: gst::ClockTime,
    ) -> Result<(), BoolError> {
        // The detections as they were written, with the ids of their mtds, in the same order.
        objects::read(buffer, &mut self.written);
        self.tracks.clear();
        for (finding, written) in self.findings.iter().zip(&self.written) {
            let Some(object) = finding.object.and_then(|i| self.visible.get(i)) else {
                continue;
            };
            let appeared = (object.appeared.max(0.0) * 1e9) as u64;
            let track = Track {
                id: object.id,
                first_seen: gst::ClockTime::from_nseconds(appeared).min(pts),
                last_seen: pts,
                lost: false,
            };
            self.tracks.push((written.id, track));
        }
        objects::write_tracks(buffer, &self.tracks)
    }
}
