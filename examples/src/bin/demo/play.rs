//! Runs the pipeline to its end.

use gst::glib;
use gst::prelude::*;
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use crate::pipeline::Demo;
use crate::progress::Progress;
use crate::{Error, Result};

/// Runs the pipeline to its end, its failure or Ctrl-C; says whether the input is live.
pub fn play(demo: &Demo) -> Result<bool> {
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
