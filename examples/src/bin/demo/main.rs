//! The demo: detects, tracks and turns into events what a video or a camera shows, and leaves an
//! annotated video, the events as JSON Lines and a contact sheet of the moments when they happened.
//!
//! | module | what |
//! |---|---|
//! | [`args`] | the command line |
//! | [`pipeline`] | the elements, and how the stream is brought to its end |
//! | [`meter`] | frames, latency and objects, counted by pad probes in the streaming threads |
//! | [`moments`] | pictures of frames with events, kept well spread over time |
//! | [`scene`] | zones and lines of the rules file, to be drawn |
//! | [`sheet`], [`canvas`] | the contact sheet, and the drawing it is made of |
//! | [`progress`] | the progress bar |
//! | [`report`] | what is printed at the end |
//!
//! The main thread runs a GLib main loop: bus messages, the progress bar's timer and Ctrl-C come
//! there. What the probes count is behind a mutex each, held for microseconds.

mod args;
mod canvas;
mod meter;
mod moments;
mod pipeline;
mod progress;
mod report;
mod scene;
mod sheet;

use clap::Parser;
use gst::glib;
use gst::prelude::*;
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use args::Args;
use pipeline::Demo;
use progress::Progress;

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
    let uri = args.uri()?;
    gst::init()?;
    let scene = scene::Scene::of(args.rules.as_deref());
    std::fs::create_dir_all(&args.output).map_err(|error| {
        let folder = args.output.display();
        format!("output: the folder {folder} cannot be made: {error}")
    })?;
    let demo = Demo::build(args, &uri)?;

    let started = Instant::now();
    let played = play(&demo);
    let elapsed = started.elapsed();
    let stats = demo.stats();
    demo.pipeline.set_state(gst::State::Null)?;
    let live = played?;

    let run = report::Run {
        input: args.input_name(),
        model: args::file_name(&args.model),
        live,
        elapsed,
        meter: demo.meter.totals(),
        stats,
    };
    if run.meter.frames == 0 {
        return Err("the input gave no frame".into());
    }
    let events = report::Events::read(&demo.files.events)?;
    let moments = demo.moments.take();
    let has_sheet = !moments.kept.is_empty();
    if has_sheet {
        sheet::write(&demo.files.sheet, &run, &events, moments, &scene)?;
    }
    report::print(&run, &events, &demo.files, has_sheet);
    Ok(())
}

/// Runs the pipeline to its end, its failure or Ctrl-C; says whether the input is live.
fn play(demo: &Demo) -> Result<bool> {
    let main_loop = glib::MainLoop::new(None, false);
    let failure: Rc<RefCell<Option<Error>>> = Rc::default();
    let progress = Rc::new(Progress::new(demo));

    let bus = demo.pipeline.bus().ok_or("the pipeline has no bus")?;
    let watch = {
        let (main_loop, failure, progress) = (main_loop.clone(), failure.clone(), progress.clone());
        bus.add_watch_local(move |_, message| {
            match on_message(message, &progress) {
                Ok(ControlFlow::Continue(())) => return glib::ControlFlow::Continue,
                Ok(ControlFlow::Break(())) => (),
                Err(error) => *failure.borrow_mut() = Some(error),
            }
            main_loop.quit();
            glib::ControlFlow::Break
        })?
    };
    let signals = [2, 15].map(|signal| stop_on_signal(signal, demo, &main_loop, &progress));
    let timer = {
        let progress = progress.clone();
        glib::timeout_add_local(Duration::from_millis(100), move || {
            progress.tick();
            glib::ControlFlow::Continue
        })
    };

    if let Err(error) = demo.pipeline.set_state(gst::State::Playing) {
        progress.finish();
        // The reason is on the bus already, and nothing else will come.
        let reason = bus.pop_filtered(&[gst::MessageType::Error]);
        return Err(match reason.map(|reason| on_message(&reason, &progress)) {
            Some(Err(reason)) => reason,
            _ => error.into(),
        });
    }
    main_loop.run();
    let live = demo.meter.is_live();
    progress.finish();
    timer.remove();
    signals.into_iter().for_each(glib::SourceId::remove);
    drop(watch);
    failure.take().map_or(Ok(live), Err)
}

/// Breaks at the end of the stream.
fn on_message(message: &gst::Message, progress: &Progress) -> Result<ControlFlow<()>> {
    match message.view() {
        gst::MessageView::Eos(_) => return Ok(ControlFlow::Break(())),
        gst::MessageView::Error(error) => {
            let from = message.src().map(|src| src.name()).unwrap_or_default();
            let detail = error.debug().unwrap_or_default();
            // The first line of the detail is a place in the source, the next what was found there.
            let text = match detail.lines().nth(1) {
                Some(detail) => format!("{from}: {}\n      {detail}", error.error()),
                None => format!("{from}: {}", error.error()),
            };
            return Err(text.into());
        }
        gst::MessageView::Warning(warning) => {
            progress.say(&format!("warning: {}", warning.error()))
        }
        _ => (),
    }
    Ok(ControlFlow::Continue(()))
}

/// The first signal ends the stream, so that the video file is finished; a second one gives up.
fn stop_on_signal(
    signal: i32,
    demo: &Demo,
    main_loop: &glib::MainLoop,
    progress: &Rc<Progress>,
) -> glib::SourceId {
    let (stopper, main_loop, progress) =
        (demo.stopper.clone(), main_loop.clone(), progress.clone());
    let asked = Cell::new(false);
    glib_unix::unix_signal_add_local(signal, move || {
        // Without a frame there is no file to finish, and nothing that an end could wait for.
        if asked.replace(true) || progress.frames() == 0 {
            main_loop.quit();
        } else {
            progress.say("finishing the files (Ctrl-C again gives up) …");
            stopper.stop();
        }
        glib::ControlFlow::Continue
    })
}
