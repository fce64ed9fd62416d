//! What was found, held against the truth.

use std::path::Path;
use vigil_analytics::{Event, event};

use crate::Result;
use crate::clip::Clip;
use crate::pipeline::Files;
use crate::truth::boxes::Found;
use crate::truth::{self, Thing, Truth, events, replay};

/// How the run compares with the truth.
pub struct Judgement {
    /// Objects on frames, and their identities.
    pub found: Found,
    /// Events.
    pub events: events::Verdict,
}

impl Judgement {
    /// Compares the files of a run over a rendered clip, by the rules that it had, with the truth of
    /// the clip. Leaves the expected events in their file.
    ///
    /// # Errors
    /// For files that cannot be read, and rules that cannot be run.
    pub fn of(clip: &Clip, rules: &Path, files: &Files) -> Result<Self> {
        let found = truth::found(&files.objects)?;
        let there = Truth::read(&clip.truth, found.len())?;
        let clear = replay::run(&there, clip.format, rules, Thing::counts)?;
        write(&clear, &files.expected)?;
        let glimpsed = replay::run(&there, clip.format, rules, |thing| thing.visible > 0.0)?;
        let expected = events::Expected::new(&clear, &glimpsed);
        Ok(Self {
            found: Found::score(&there.frames, &found),
            events: expected.judge(&events::read(&files.events)?),
        })
    }
}

/// Writes events as JSON Lines.
fn write(events: &[Event], file: &Path) -> Result<()> {
    let lines = events.iter().map(event::to_line);
    let lines = lines.collect::<serde_json::Result<Vec<_>>>()?;
    std::fs::write(file, lines.concat())
        .map_err(|error| format!("{} cannot be written: {error}", file.display()).into())
}
