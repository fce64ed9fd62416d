//! One video through several `vigiltrack`s at once, each of which is shown the detections of some
//! frames only.

use gstvigiltrack::geometry::Rect;
use std::error::Error;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use vigil_analytics::objects::{self, BBox, Detection, Object};
use vigil_analytics::truth_meta;
use vigil_tests::pipeline::Pipeline;
use vigil_tracking::{Hypothesis, Scores, Sequence, Truth};

/// True objects of which less can be seen count neither for nor against.
const VISIBLE: f32 = 0.3;

/// A video with detections on every frame.
pub struct Job {
    /// What gives them, to an `appsink`.
    launch: String,
    /// The truth is on the frames; else it is what is made of every frame.
    has_truth: bool,
}

/// Counts of one setting.
#[derive(Default)]
struct Score {
    scores: Scores,
    /// Sum, and number of objects.
    iou: (f64, f64),
}

/// With and without `visual`.
pub struct Gain {
    pub interval: usize,
    off_and_on: [Score; 2],
}

impl Gain {
    /// HOTA, IDF1, changes of identity and mean IoU on skipped frames, off and on.
    pub fn figures(&self) -> [[f64; 4]; 2] {
        self.off_and_on.each_ref().map(|score| {
            let (sum, count) = score.iou;
            let scores = &score.scores;
            let switches = scores.clear.switches() as f64;
            let mean = sum / count.max(1.0);
            [scores.hota.hota(), scores.identity.idf1(), switches, mean]
        })
    }
}

impl AddAssign<&Self> for Gain {
    fn add_assign(&mut self, other: &Self) {
        for (score, other) in self.off_and_on.iter_mut().zip(&other.off_and_on) {
            score.scores += &other.scores;
            score.iou.0 += other.iou.0;
            score.iou.1 += other.iou.1;
        }
    }
}

/// An element, and what it said of each frame.
struct Tracker {
    harness: gst_check::Harness,
    interval: usize,
    said: Vec<Vec<Hypothesis>>,
}

impl Tracker {
    fn new(interval: usize, visual: &str, caps: &gst::Caps) -> Self {
        let mut harness = gst_check::Harness::new_empty();
        harness.add_parse(&format!("vigiltrack visual={visual}"));
        harness.set_src_caps(caps.clone());
        harness.play();
        Self {
            harness,
            interval,
            said: Vec::new(),
        }
    }

    fn take(&mut self, buffer: &gst::BufferRef, found: &[Object]) -> Result<(), Box<dyn Error>> {
        let number = self.said.len();
        let mut frame = bare(buffer)?;
        if number.is_multiple_of(self.interval) {
            let detection = |object: &Object| Detection {
                label: object.label.unwrap_or(gst::glib::Quark::from_str("object")),
                bbox: object.bbox,
                confidence: object.confidence,
            };
            let detections: Vec<_> = found.iter().map(detection).collect();
            objects::write_detections(frame.make_mut(), &detections)?;
        }
        let frame = self.harness.push_and_pull(frame)?;
        let mut objects = Vec::new();
        objects::read(&frame, &mut objects);
        let tracked = objects.iter().filter_map(|object| {
            Some(Hypothesis {
                id: object.track?.id,
                bbox: rect(object.bbox),
            })
        });
        self.said.push(tracked.collect());
        Ok(())
    }

    fn score(&self, truth: &Sequence) -> Score {
        let mut iou = (0.0, 0.0);
        let frames = truth.truth.iter().zip(&self.said).enumerate();
        for (number, (truth, said)) in frames {
            // Of the first look nobody can know how things move.
            if number.is_multiple_of(self.interval) || number < self.interval {
                continue;
            }
            for truth in truth.iter().filter(|truth| truth.evaluated) {
                let on_it = said.iter().map(|said| said.bbox.iou(truth.bbox));
                iou.0 += f64::from(on_it.fold(0.0, f32::max));
                iou.1 += 1.0;
            }
        }
        Score {
            scores: Scores::of(truth, &self.said),
            iou,
        }
    }
}

/// All that is made of a video.
#[derive(Default)]
struct State {
    /// Off and on for each interval.
    trackers: Vec<[Tracker; 2]>,
    every_frame: Option<Tracker>,
    truth: Vec<Vec<Truth>>,
    error: Option<String>,
}

impl State {
    fn take(&mut self, sample: &gst::Sample, intervals: &[usize]) -> Result<(), Box<dyn Error>> {
        let (buffer, caps) = (
            sample.buffer().ok_or("no buffer")?,
            sample.caps().ok_or("no caps")?.to_owned(),
        );
        if self.every_frame.is_none() {
            let pair = |&k: &usize| ["off", "on"].map(|visual| Tracker::new(k, visual, &caps));
            self.trackers = intervals.iter().map(pair).collect();
        }
        let mut found = Vec::new();
        objects::read(buffer, &mut found);
        for tracker in self.trackers.iter_mut().flatten() {
            tracker.take(buffer, &found)?;
        }
        let every_frame = self
            .every_frame
            .get_or_insert_with(|| Tracker::new(1, "off", &caps));
        every_frame.take(buffer, &found)?;
        let mut truth = truth_meta::Truth::default();
        truth_meta::read(buffer, &mut truth);
        let (width, height) = (truth.width as f32, truth.height as f32);
        let visible = truth.objects.iter().filter_map(|object| {
            let bbox = clip(rect(object.bbox), width, height)?;
            Some(Truth {
                id: object.id,
                bbox,
                evaluated: object.visible >= VISIBLE,
                distractor: object.visible < VISIBLE,
            })
        });
        self.truth.push(visible.collect());
        Ok(())
    }
}

impl Job {
    /// A source that knows what is on its frames.
    pub fn rendered(source: String) -> Self {
        Self {
            launch: format!("{source} ! appsink name=out sync=false"),
            has_truth: true,
        }
    }

    /// A file, looked at by a model.
    pub fn video(file: &Path, model: &Path) -> Self {
        Self {
            launch: format!(
                "filesrc location=\"{}\" ! decodebin3 ! vigildetect model=\"{}\" input-size=640 \
                 confidence-threshold=0.1 ! appsink name=out sync=false",
                file.display(),
                model.display()
            ),
            has_truth: false,
        }
    }

    /// What is gained where a detector looks at every so-manieth frame.
    pub fn run(&self, intervals: &[usize]) -> Result<Vec<Gain>, Box<dyn Error>> {
        let state = Arc::new(Mutex::new(State::default()));
        let pipeline = Pipeline::parse(&self.launch)?;
        let (shared, wanted) = (state.clone(), intervals.to_vec());
        let frames = pipeline.collect("out", move |sample| {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = state.take(sample, &wanted) {
                state.error.get_or_insert(error.to_string());
            }
        });
        pipeline.play(3600)?;
        drop(pipeline);
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error.take() {
            return Err(error.into());
        }
        let truth = if self.has_truth {
            std::mem::take(&mut state.truth)
        } else {
            let said = state.every_frame.as_ref().map(|tracker| &tracker.said);
            said.into_iter()
                .flatten()
                .map(|said| as_truth(said))
                .collect()
        };
        let sequence = Sequence {
            name: String::new(),
            fps: 0.0,
            times: None,
            detections: vec![Vec::new(); frames.count()],
            truth,
        };
        let gain = |(pair, &interval): (&[Tracker; 2], &usize)| Gain {
            interval,
            off_and_on: pair.each_ref().map(|tracker| tracker.score(&sequence)),
        };
        Ok(state.trackers.iter().zip(intervals).map(gain).collect())
    }
}

fn as_truth(said: &[Hypothesis]) -> Vec<Truth> {
    let truth = |said: &Hypothesis| Truth {
        id: said.id,
        bbox: said.bbox,
        evaluated: true,
        distractor: false,
    };
    said.iter().map(truth).collect()
}

fn rect(bbox: BBox) -> Rect {
    Rect::new(bbox.x, bbox.y, bbox.w, bbox.h)
}

fn clip(bbox: Rect, width: f32, height: f32) -> Option<Rect> {
    let (x, y) = (bbox.x.max(0.0), bbox.y.max(0.0));
    let (w, h) = (bbox.right().min(width) - x, bbox.bottom().min(height) - y);
    (w >= 1.0 && h >= 1.0).then_some(Rect::new(x, y, w, h))
}

/// The frame without anything that was found on it.
fn bare(buffer: &gst::BufferRef) -> Result<gst::Buffer, Box<dyn Error>> {
    let parts = gst::BufferCopyFlags::MEMORY | gst::BufferCopyFlags::TIMESTAMPS;
    let mut frame = buffer.copy_region(parts, ..)?;
    if let Some(meta) = buffer.meta::<gst_video::VideoMeta>() {
        gst_video::VideoMeta::add_full(
            frame.make_mut(),
            gst_video::VideoFrameFlags::empty(),
            meta.format(),
            meta.width(),
            meta.height(),
            meta.offset(),
            meta.stride(),
        )?;
    }
    Ok(frame)
}
