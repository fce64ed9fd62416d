//! The thread, with models that are slow, fail or panic.

use crate::appearance::{Embed, Job, Outcome, Sight, Worker};
use crate::geometry::Rect;
use std::sync::mpsc::{Receiver, Sender, channel};
use vigil_analytics::frame::{Colorimetry, FrameFormat, FrameView, PixelFormat, Plane};

/// The vector of every crop of a run, or why there is none.
type Run = Result<Vec<f32>, String>;

/// A model that does what it is told for each run.
struct Told {
    runs: Receiver<Run>,
    sizes: Sender<usize>,
    most: usize,
}

impl Embed for Told {
    fn most(&self) -> usize {
        self.most
    }

    fn run(
        &mut self,
        crops: &[FrameView<'_>],
        read: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<(), String> {
        self.sizes.send(crops.len()).unwrap();
        let vector = self.runs.recv().unwrap()?;
        assert!(!vector.is_empty(), "told to panic");
        (0..crops.len()).for_each(|number| read(number, &vector));
        Ok(())
    }
}

fn told(most: usize) -> (Worker, Sender<Run>, Receiver<usize>) {
    let (tell, runs) = channel();
    let (sizes, asked) = channel();
    let embed = Told { runs, sizes, most };
    (Worker::new(Box::new(embed)).unwrap(), tell, asked)
}

fn fill(mut job: Job, track: u64, urgent: bool) -> Job {
    let format = FrameFormat {
        pixels: PixelFormat::Gray8,
        width: 8,
        height: 8,
        colorimetry: Colorimetry::default(),
    };
    let data = [track as u8; 64];
    let plane = Plane {
        data: &data,
        stride: 8,
    };
    let frame = FrameView::new(format, [plane, Plane::default(), Plane::default()]).unwrap();
    job.crop.copy(&frame, Rect::new(1.0, 1.0, 4.0, 4.0));
    (job.track, job.urgent, job.sight) = (track, urgent, Sight::Clear);
    job
}

/// Sends crops of these tracks; gives the ones that were given up for them.
fn send(worker: &Worker, tracks: impl Iterator<Item = u64>, urgent: bool) -> Vec<u64> {
    let mut dropped = Vec::new();
    for track in tracks {
        let job = worker.blank(true, &mut |job| {
            assert_eq!(job.outcome, Outcome::Dropped);
            dropped.push(job.track);
        });
        if let Some(job) = job {
            worker.send(fill(job, track, urgent), true);
        }
    }
    dropped
}

fn outcomes(worker: &Worker) -> Vec<(u64, Outcome)> {
    let mut outcomes = Vec::new();
    worker.read_all(&mut |job| outcomes.push((job.track, job.outcome)));
    outcomes
}

#[test]
fn vectors_come_back_at_unit_length_in_the_order_of_the_crops() {
    let (worker, tell, _asked) = told(1);
    (0..3).for_each(|_| tell.send(Ok(vec![3.0, 4.0])).unwrap());
    send(&worker, 1..4, false);
    let mut found = Vec::new();
    worker.read_all(&mut |job| found.push((job.track, job.feature.clone())));
    let expected: Vec<_> = (1..4).map(|track| (track, vec![0.6, 0.8])).collect();
    assert_eq!(found, expected);
    assert_eq!(worker.report().looks, 3);
    assert_eq!(outcomes(&worker), [], "nothing is told twice");
}

#[test]
fn a_run_that_fails_or_makes_nothing_sensible_is_told_of_and_the_next_one_goes_on() {
    let (worker, tell, _asked) = told(1);
    for run in [
        Err("out of memory".into()),
        Ok(vec![f32::NAN, 1.0]),
        Ok(vec![0.0; 4]),
        Ok(vec![1.0]),
    ] {
        tell.send(run).unwrap();
    }
    let mut errors = Vec::new();
    for (track, expected) in [
        (1, Outcome::Failed),
        (2, Outcome::Failed),
        (3, Outcome::Failed),
        (4, Outcome::Seen),
    ] {
        send(&worker, track..=track, false);
        assert_eq!(outcomes(&worker), [(track, expected)]);
        errors.push(worker.take_error());
    }
    assert_eq!(errors[0].as_deref(), Some("out of memory"));
    assert!(errors[1].as_ref().unwrap().contains("not finite"));
    assert!(errors[2].is_some() && errors[3].is_none());
    assert_eq!(worker.report().failed, 3);
}

#[test]
fn in_a_hurry_nobody_waits_and_the_oldest_crop_for_which_nobody_waits_is_given_up() {
    let (worker, tell, asked) = told(1);
    send(&worker, 0..1, false);
    assert_eq!(asked.recv().unwrap(), 1, "the thread is at the first one");
    // 31 more are there.
    assert!(send(&worker, 1..32, false).is_empty());
    assert_eq!(send(&worker, 100..103, true), [1, 2, 3]);
    assert_eq!(worker.report().dropped, 3);
    // Urgent ones are never given up.
    assert_eq!(send(&worker, 200..240, true).len(), 28);
    assert!(worker.blank(true, &mut |_| {}).is_none());
    (0..32).for_each(|_| tell.send(Ok(vec![1.0])).unwrap());
    let tracks: Vec<_> = outcomes(&worker)
        .into_iter()
        .map(|(track, _)| track)
        .collect();
    let expected: Vec<u64> = [0].into_iter().chain(100..103).chain(200..228).collect();
    assert_eq!(tracks, expected, "urgent ones first, in their order");
}

#[test]
fn without_a_hurry_a_crop_waits_for_its_turn_and_none_is_lost() {
    let (worker, tell, _asked) = told(4);
    (0..100).for_each(|_| tell.send(Ok(vec![1.0])).unwrap());
    let mut tracks = Vec::new();
    for track in 0..100 {
        let job = worker
            .blank(false, &mut |job| tracks.push(job.track))
            .unwrap();
        worker.send(fill(job, track, track % 3 == 0), false);
    }
    worker.read_all(&mut |job| tracks.push(job.track));
    assert_eq!(tracks, (0..100).collect::<Vec<_>>());
    assert_eq!(worker.report().dropped, 0);
}

#[test]
fn several_crops_go_into_one_run_where_the_model_takes_them() {
    let (worker, tell, asked) = told(4);
    send(&worker, 0..1, false);
    assert_eq!(asked.recv().unwrap(), 1);
    send(&worker, 1..7, false);
    (0..3).for_each(|_| tell.send(Ok(vec![1.0])).unwrap());
    assert_eq!(outcomes(&worker).len(), 7);
    assert_eq!(asked.iter().take(2).collect::<Vec<_>>(), [4, 2]);
}

#[test]
fn a_thread_that_dies_is_waited_for_by_nobody() {
    let (worker, tell, _asked) = told(1);
    send(&worker, 0..32, false);
    tell.send(Ok(Vec::new())).unwrap();
    assert_eq!(outcomes(&worker), []);
    assert!(worker.blank(false, &mut |_| {}).is_none());
}
