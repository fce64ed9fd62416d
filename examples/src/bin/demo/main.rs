//! The demo: detects, tracks and turns into events what a video or a camera shows, and leaves an
//! annotated video, the events as JSON Lines, a contact sheet of the moments when they happened,
//! and a page that sums it up. Where there is nothing to look at it renders a street, and says how
//! well it did.
//!
//! | module | what |
//! |---|---|
//! | [`args`], [`job`] | the command line, and what follows from it |
//! | [`clip`] | the street that is rendered |
//! | [`pipeline`], [`play`] | the elements, and how the stream is brought to its end |
//! | [`meter`] | frames, latency and objects, counted by pad probes in the streaming threads |
//! | [`overlay`] | the drawing on the video |
//! | [`moments`] | pictures of frames with events, kept well spread over time |
//! | [`happening`] | events as pictures show them |
//! | [`scene`] | zones and lines of the rules file, to be drawn |
//! | [`sheet`], [`canvas`], [`text`] | the contact sheet, and the drawing it is made of |
//! | [`truth`], [`judge`] | what was found, held against what was there |
//! | [`progress`] | the progress bar |
//! | [`report`], [`record`], [`summary`] | what is printed, written and shown at the end |
//!
//! The main thread runs a GLib main loop: bus messages, the progress bar's timer and Ctrl-C come
//! there. What the probes count is behind a mutex each, held for microseconds.

mod args;
mod canvas;
mod clip;
mod happening;
mod job;
mod judge;
mod meter;
mod moments;
mod overlay;
mod pipeline;
mod play;
mod progress;
mod record;
mod report;
mod scene;
mod sheet;
mod summary;
mod text;
mod truth;

use clap::Parser;
use gst::prelude::*;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use args::Args;
use job::Job;
use judge::Judgement;
use pipeline::{Demo, Files};
use report::{Events, Run};

/// What went wrong, for the user.
type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

fn main() -> ExitCode {
    match demo(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demo(args: &Args) -> Result<()> {
    args.check()?;
    gst::init()?;
    std::fs::create_dir_all(&args.output).map_err(|error| {
        let folder = args.output.display();
        format!("output: the folder {folder} cannot be made: {error}")
    })?;
    let job = Job::prepare(args)?;
    let files = Files::of(&args.output);
    files.clear()?;
    let demo = Demo::build(args, &job, &files)?;

    let started = Instant::now();
    let played = play::play(&demo);
    let elapsed = started.elapsed();
    let stats = demo.stats();
    demo.pipeline.set_state(gst::State::Null)?;
    let live = played?;
    let run = Run {
        job,
        live,
        elapsed,
        meter: demo.meter.totals(),
        stats,
        drawing: demo.overlay.cost(),
    };
    if run.meter.frames == 0 {
        return Err("the input gave no frame".into());
    }
    conclude(&run, &demo, &files)
}

/// Writes and prints the results.
fn conclude(run: &Run, demo: &Demo, files: &Files) -> Result<()> {
    let events = Events::read(&files.events)?;
    print(|out| report::print(out, run, &events))?;
    let moments = demo.moments.take();
    if !moments.kept.is_empty() {
        let scene = scene::Scene::of(run.job.rules.as_deref());
        sheet::write(&files.sheet, run, &events, moments, &scene)?;
    }
    let judgement = match (&run.job.clip, &run.job.rules) {
        (Some(clip), Some(rules)) => Some(Judgement::of(clip, rules, files)?),
        _ => None,
    };
    if let Some(judgement) = &judgement {
        print(|out| report::print_judgement(out, judgement))?;
    }
    record::write(&files.run, run, judgement.as_ref())?;
    summary::write(files);
    print(|out| report::print_files(out, files))
}

/// Prints. That nobody reads it to its end (`demo | head`) is no failure: the results are in files.
fn print(report: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    match report(&mut io::stdout().lock()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
