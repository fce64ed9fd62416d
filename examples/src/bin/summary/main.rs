//! Makes one HTML page of an events file: what happened when, how much of it, and how it looked.
//!
//! ```sh
//! summary events.jsonl --objects objects.jsonl --video annotated.mp4 --run run.json --output summary.html
//! ```
//!
//! It reads what the `events` pads of `vigilevents` write (and, if given, the `objects` pads), of
//! any app and of one stream or several. The page is one file that needs no network: style, script,
//! charts and pictures are inside, and its security policy forbids it to load anything else.
//!
//! | module | what | knows |
//! |---|---|---|
//! | [`args`] | the command line | |
//! | [`read`] | JSON Lines to a [`read::Log`], with file and line of what is wrong | the schema |
//! | [`run`] | figures of the run that made the events: `--run` | |
//! | [`axis`] | the axis of time, round numbers | nothing |
//! | [`series`] | means, peaks, percentiles and histograms | nothing |
//! | [`spans`] | starts and ends joined to what lasted | the log |
//! | [`lanes`] | spans and instants laid out in rows | spans |
//! | [`figures`] | everything that the page says | all above |
//! | [`moments`] | which events are shown as pictures | the log |
//! | [`video`] | frames of a video as JPEG: the one place with GStreamer | |
//! | [`page`] | HTML and SVG | the figures |
//!
//! All of it runs in the main thread; GStreamer decodes in its own ones.

mod args;
mod axis;
mod figures;
mod lanes;
mod moments;
mod page;
mod read;
mod run;
mod series;
mod spans;
mod video;

use clap::Parser;
use std::process::ExitCode;

use args::Args;
use figures::Figures;
use moments::Moment;
use read::Log;
use run::Run;

/// What went wrong, for the user.
type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

/// Pictures on a page, at most.
const PICTURES: usize = 24;

fn main() -> ExitCode {
    match summarise(&Args::parse()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("summary: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the page and says what is in it.
fn summarise(args: &Args) -> Result<String> {
    args.check()?;
    let mut log = Log::default();
    log.read_file(&args.events)?;
    if log.events.is_empty() {
        let file = args.events.display();
        log.warnings
            .push(format!("{file} has no events: nothing happened"));
    }
    if let Some(objects) = &args.objects {
        log.read_file(objects)?;
    }
    let run = args.run.as_deref().map(Run::read).transpose()?;
    let run = run.unwrap_or_default();

    let moments = pictures(args, &mut log)?;
    let title = args.title(&run);
    let figures = Figures::of(&log, &run);
    let html = page::render(&title, &figures, &run, &moments);
    std::fs::write(&args.output, &html)
        .map_err(|error| format!("output: {}: {error}", args.output.display()))?;

    // The notes of the page include the warnings.
    for note in &figures.notes {
        eprintln!("summary: {note}");
    }
    let taken = moments.iter().filter(|m| m.picture.is_some()).count();
    Ok(format!(
        "{}: {} events, {taken} pictures, {} kB",
        args.output.display(),
        log.events.len(),
        html.len().div_ceil(1000)
    ))
}

/// The moments to show, with their pictures. A video that cannot be decoded is a warning: the page
/// is worth having without it.
fn pictures(args: &Args, log: &mut Log) -> Result<Vec<Moment>> {
    let Some(video) = &args.video else {
        return Ok(Vec::new());
    };
    let stream = moments::stream_of_video(log, args.video_stream.as_deref())?;
    let mut moments = moments::choose(log, stream, PICTURES);
    let times: Vec<u64> = moments.iter().map(|moment| moment.pts).collect();
    let start = moments::start_of_stream(log, stream);
    match video::grab(video, &times, start) {
        Ok(grabbed) => {
            for (moment, picture) in moments.iter_mut().zip(grabbed.pictures) {
                moment.picture = picture;
            }
            log.warnings.extend(grabbed.warning);
        }
        Err(error) => {
            let video = video.display();
            log.warnings
                .push(format!("{video}: {error}: the page has no pictures"));
        }
    }
    moments.retain(|moment| moment.picture.is_some());
    Ok(moments)
}
