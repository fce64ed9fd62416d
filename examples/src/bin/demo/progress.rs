//! The progress bar, on standard error; nothing where that is no terminal.

use gst::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::meter::Meter;
use crate::pipeline::Demo;

/// Over how long the frame rate is averaged.
const WINDOW: Duration = Duration::from_secs(3);

/// A bar for files, a spinner for what has no end.
pub struct Progress {
    bar: ProgressBar,
    pipeline: gst::Pipeline,
    meter: Arc<Meter>,
    frame_limit: Option<u64>,
    time_limit: Option<gst::ClockTime>,
    recent: RefCell<VecDeque<(Instant, u64)>>,
}

impl Progress {
    /// Shows that something is starting.
    pub fn new(demo: &Demo) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(style("{spinner} {msg}"));
        bar.set_message("starting");
        Self {
            bar,
            pipeline: demo.pipeline.clone(),
            meter: demo.meter.clone(),
            frame_limit: demo.frame_limit,
            time_limit: demo.time_limit,
            recent: RefCell::default(),
        }
    }

    /// Frames so far.
    pub fn frames(&self) -> u64 {
        self.meter.frames()
    }

    /// Draws the state of things.
    pub fn tick(&self) {
        let frames = self.meter.frames();
        if frames == 0 {
            self.bar.tick();
            return;
        }
        if self.bar.length().is_none()
            && let Some(total) = self.total()
        {
            self.bar.set_length(total);
            self.bar.set_style(style(
                "{bar:36.cyan/238} {pos}/{len} frames  {msg}  {elapsed} elapsed, {eta} left",
            ));
        } else if self.bar.length().is_none() {
            self.bar
                .set_style(style("{spinner} {pos} frames  {msg}  {elapsed} elapsed"));
        }
        // A total made of duration and frame rate may be off by a few.
        if self.bar.length().is_some_and(|total| frames > total) {
            self.bar.set_length(frames);
        }
        self.bar
            .set_message(format!("{:.1} fps", self.rate(frames)));
        self.bar.set_position(frames);
    }

    /// Prints a line above the bar.
    pub fn say(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("demo: {text}");
        } else {
            self.bar.println(format!("demo: {text}"));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// How many frames there will be, where that can be known.
    fn total(&self) -> Option<u64> {
        let rate = self.meter.framerate();
        let by_time = |time: gst::ClockTime| Some((time.seconds_f64() * rate?).round() as u64);
        let of_file = if self.meter.is_live() {
            None
        } else {
            self.pipeline
                .query_duration::<gst::ClockTime>()
                .and_then(by_time)
        };
        let of_time = self.time_limit.and_then(by_time);
        [of_file, of_time, self.frame_limit]
            .into_iter()
            .flatten()
            .filter(|total| *total > 0)
            .min()
    }

    /// Frames per second over the last few seconds.
    fn rate(&self, frames: u64) -> f64 {
        let now = Instant::now();
        let mut recent = self.recent.borrow_mut();
        recent.push_back((now, frames));
        while recent.len() > 2 && now.duration_since(recent[0].0) > WINDOW {
            recent.pop_front();
        }
        let (since, then) = recent[0];
        let seconds = now.duration_since(since).as_secs_f64();
        if seconds > 0.0 {
            frames.saturating_sub(then) as f64 / seconds
        } else {
            0.0
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // Templates are literals of this file; a wrong one shows as the default style.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
