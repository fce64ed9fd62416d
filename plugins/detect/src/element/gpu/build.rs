//! What is told of a plan's build, and how it is given up.

use crate::engine::tensorrt::{BuildProgress, Watch, set_log};
use gst::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use vigil_nvidia::tensorrt::{Cancel, Severity};

/// Name of the message's structure.
const MESSAGE: &str = "vigil-engine-build";

/// A build of many small steps is told of this often.
const EVERY: Duration = Duration::from_millis(200);

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "vigiltensorrt",
        gst::DebugColorFlags::empty(),
        Some("TensorRT's own log"),
    )
});

/// Has TensorRT log into the debug category `vigiltensorrt`.
pub(in crate::element) fn take_log() {
    LazyLock::force(&CAT);
    set_log(|severity, text| match severity {
        Severity::InternalError | Severity::Error => gst::error!(CAT, "{text}"),
        Severity::Warning => gst::warning!(CAT, "{text}"),
        Severity::Info => gst::info!(CAT, "{text}"),
        Severity::Verbose => gst::trace!(CAT, "{text}"),
    });
}

/// The build that an element waits for, if it does.
#[derive(Default)]
pub(in crate::element) struct Build(Mutex<Option<Cancel>>);

impl Build {
    /// Runs `load`, which may have to build; the element posts messages of how far it is.
    pub fn over<T>(&self, element: &gst::Element, load: impl FnOnce() -> T) -> T {
        let cancel = Cancel::default();
        *self.lock() = Some(cancel.clone());
        let (element, told) = (element.downgrade(), Mutex::new(Told::default()));
        let watch = Watch {
            progress: Arc::new(move |progress| {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                let news = told.news(progress);
                drop(told);
                if let (Some(element), Some(news)) = (element.upgrade(), news) {
                    tell(&element, &news);
                }
            }),
            cancel,
        };
        let loaded = watch.over(load);
        *self.lock() = None;
        loaded
    }

    /// Gives the build up, at its next step. Says whether the element waits for one. From any thread.
    pub fn cancel(&self) -> bool {
        let cancel = self.lock();
        if let Some(cancel) = &*cancel {
            cancel.cancel();
        }
        cancel.is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Cancel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a build that goes on.
#[derive(Default)]
struct Told {
    /// Steps of the phases that have begun and not ended: one can be a part of another.
    phases: HashMap<String, u32>,
    /// When something was told last.
    when: Option<Instant>,
}

impl Told {
    /// What to tell of it: each phase where it begins and ends, and of the steps between one now and
    /// then.
    fn news(&mut self, progress: &BuildProgress) -> Option<BuildProgress> {
        let BuildProgress {
            phase, finished, ..
        } = progress;
        let is_begin = !self.phases.contains_key(phase);
        let steps = *self.phases.entry(phase.clone()).or_insert(progress.steps);
        if *finished {
            self.phases.remove(phase);
        }
        let is_old = self.when.is_none_or(|when| when.elapsed() >= EVERY);
        if !(is_begin || *finished || is_old) {
            return None;
        }
        self.when = Some(Instant::now());
        Some(BuildProgress {
            step: if *finished { steps } else { progress.step },
            steps,
            ..progress.clone()
        })
    }
}

fn tell(element: &gst::Element, progress: &BuildProgress) {
    let BuildProgress {
        phase, step, steps, ..
    } = progress;
    gst::info!(
        CAT,
        obj = element,
        "Building an engine: {phase}, {step} of {steps}"
    );
    let structure = gst::Structure::builder(MESSAGE)
        .field("phase", phase)
        .field("step", *step)
        .field("steps", *steps)
        .build();
    let message = gst::message::Element::builder(structure).src(element);
    let _ = element.post_message(message.build());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_and_their_ends_are_told_of_and_not_each_step() {
        let mut told = Told::default();
        let mut news = |phase: &str, step, steps, finished| {
            let phase = phase.to_owned();
            let progress = BuildProgress {
                phase,
                step,
                steps,
                finished,
            };
            let news = told.news(&progress)?;
            Some((news.step, news.steps))
        };
        assert_eq!(news("all", 0, 2, false), Some((0, 2)));
        assert_eq!(news("tactics", 0, 1000, false), Some((0, 1000)));
        let steps = (1..=1000).filter_map(|step| news("tactics", step, 0, false));
        let steps: Vec<_> = steps.collect();
        assert!(steps.len() < 500 && steps.iter().all(|(_, of)| *of == 1000));
        assert_eq!(news("tactics", 0, 0, true), Some((1000, 1000)));
        assert_eq!(news("all", 0, 0, true), Some((2, 2)));
        assert_eq!(news("tactics", 0, 7, false), Some((0, 7)), "another one");
    }
}
