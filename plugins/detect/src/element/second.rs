//! The second stage as the element has it: objects from metadata into the plan of a frame, and what is
//! told of them into metadata.

use super::details::{self, Extras};
use super::session::{Frame, Session, bbox, lock};
use super::stats::Stats;
use crate::decode::{Details, Detection, HeadClasses};
use crate::objects::{Answer, Candidate, Memory, ObjectOptions, Plan, Planner, Told};
use gst::glib;
use std::sync::{Arc, Mutex};
use vigil_analytics::{Class, Look, Object, classes, objects, parts};

/// For how many objects a live stream waits, before it is known how many there are.
pub(super) const EXPECTED_OBJECTS: u32 = 4;

/// What the streaming thread works with.
#[derive(Default)]
struct Planning {
    planner: Planner,
    found: Vec<Object>,
}

/// What `on=objects` needs. Each lock is held for one frame's objects, never over work.
pub(super) struct SecondStage {
    options: Mutex<Arc<ObjectOptions>>,
    /// The streaming thread's; the output thread says what came to nothing.
    planning: Mutex<Planning>,
    /// The output thread's.
    memory: Mutex<Memory>,
}

impl SecondStage {
    pub fn new(options: ObjectOptions) -> Self {
        Self {
            options: Mutex::new(Arc::new(options)),
            planning: Mutex::default(),
            memory: Mutex::default(),
        }
    }

    /// Takes over options that may change while playing.
    pub fn set_options(&self, options: ObjectOptions) {
        *lock(&self.options) = Arc::new(options);
    }

    fn options(&self) -> Arc<ObjectOptions> {
        lock(&self.options).clone()
    }

    /// Tracks from now on are others than those before. Any thread.
    pub fn restart(&self) {
        lock(&self.planning).planner.restart();
    }

    /// What is to be done for the objects of a frame; counts those that are left out. Streaming thread.
    pub fn plan(&self, frame: &Frame, stats: &Mutex<Stats>) -> Arc<Plan> {
        let options = self.options();
        let mut planning = lock(&self.planning);
        let Planning { planner, found } = &mut *planning;
        let pts = frame.buffer.pts();
        let was_seen = objects::read(&frame.buffer, found) == Look::Inferred;
        let candidates = found.iter().map(|object| Candidate {
            id: object.id,
            label: object.label_str(),
            xyxy: [
                object.bbox.x,
                object.bbox.y,
                object.bbox.x + object.bbox.w,
                object.bbox.y + object.bbox.h,
            ],
            track: object.track.map(|track| track.id),
            predicted: !was_seen
                || object.is_coasted(pts)
                || object.track.is_some_and(|track| track.lost),
        });
        let views = &frame.format.views;
        let (width, height) = views.frame();
        let (plan, counts) = planner.plan(
            &options,
            pts.map(gst::ClockTime::nseconds),
            (width as usize, height as usize),
            candidates,
            |xyxy| views.hold(xyxy),
        );
        drop(planning);
        if counts != Default::default() {
            let mut stats = lock(stats);
            stats.objects_too_small += counts.too_small;
            stats.objects_over_limit += counts.over_limit;
        }
        Arc::new(plan)
    }

    /// Nothing comes of the looks of this frame: the next one has them. Any thread.
    pub fn undo(&self, plan: &Plan) {
        if plan.has_looks() {
            lock(&self.planning).planner.undo(plan);
        }
    }

    /// What is told of the objects of a frame. Output thread.
    fn tell(&self, plan: &Plan, answers: Vec<Answer>) -> Vec<Told> {
        lock(&self.memory).tell(plan, answers, self.options().max_age)
    }
}

impl Session {
    /// Writes what is known of the objects of a frame on its buffer; `answers` are those of its looks,
    /// or none where nothing came of them. Returns how many objects were found inside of them.
    pub fn annotate_objects(
        &self,
        second: &SecondStage,
        plan: &Plan,
        answers: Vec<Answer>,
        buffer: &mut gst::Buffer,
        frame: (u32, u32),
    ) -> Result<usize, glib::BoolError> {
        if answers.is_empty() {
            second.undo(plan);
        }
        if plan.objects.is_empty() {
            return Ok(0);
        }
        let told = second.tell(plan, answers);
        if told.is_empty() {
            return Ok(0);
        }
        {
            let mut stats = self.stats();
            let fresh = told.iter().filter(|told| told.is_fresh).count() as u64;
            stats.objects_inferred += fresh;
            stats.objects_reused += told.len() as u64 - fresh;
        }
        let mut found = 0;
        let buffer = buffer.make_mut();
        for told in told {
            let heads = self.classes(&told.answer.details.classes);
            classes::write(buffer, Some(told.object.id), &heads)?;
            found += self.write_inside(buffer, told, frame)?;
        }
        Ok(found)
    }

    /// Writes what was found inside of an object; returns how much that is.
    fn write_inside(
        &self,
        buffer: &mut gst::BufferRef,
        told: Told,
        frame: (u32, u32),
    ) -> Result<usize, glib::BoolError> {
        if told.answer.detections.is_empty() {
            return Ok(0);
        }
        let (detections, details) = if told.is_fresh {
            let answer = Arc::unwrap_or_clone(told.answer);
            let details = Details {
                frame,
                ..answer.details
            };
            (self.detections(&answer.detections), details)
        } else {
            let carried = told.answer.carried(told.from, told.object.xyxy, frame);
            (self.detections(&carried), Details::default())
        };
        let extras = Extras {
            details,
            ..Extras::default()
        };
        if detections.is_empty() {
            return Ok(0);
        }
        let ids = details::write(buffer, &detections, extras)?;
        parts::write(buffer, told.object.id, &ids)?;
        Ok(ids.len())
    }

    /// Detections as metadata have them.
    pub fn detections(&self, found: &[Detection]) -> Vec<objects::Detection> {
        let detection = |found: &Detection| objects::Detection {
            label: self.label(found.class),
            bbox: bbox(found.xyxy),
            confidence: found.score,
        };
        found.iter().map(detection).collect()
    }

    /// Classes of each head as metadata have them.
    pub fn classes(&self, heads: &[HeadClasses]) -> Vec<Vec<Class>> {
        let class = |class: &crate::decode::Class| Class {
            label: self.label(class.class),
            confidence: class.score,
        };
        let head = |head: &HeadClasses| head.iter().map(class).collect();
        heads.iter().map(head).collect()
    }
}
