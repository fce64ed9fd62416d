//! The pace of the video while servers fail.

use super::super::table::Table;
use super::percentile;
use super::server::{Habit, Server};
use gst::prelude::*;
use std::error::Error;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use vigil_tests::pipeline::Pipeline;

const FPS: u64 = 30;

/// Frames of a live camera that arrive, the time between two of them, and the longest that a frame
/// was in the element. Without the element it is the machine's own: nothing else may be better.
pub fn pace() -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "caption-pace",
        "vigilcaption behind a live camera, 1280x720 at 30 fps, asking each second: gaps in frames",
        &["frames/expected", "p50", "p99", "longest", "in element: ms"],
    );
    let dead = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let dead = format!("http://{dead}/v1");
    let hung = Server::start(Habit::Hang)?.url();
    let slow = Server::start(Habit::Answer(Duration::from_secs(30)))?.url();
    let quick = Server::start(Habit::Answer(Duration::ZERO))?.url();
    for (case, url, seconds) in [
        ("without the element", None, 20),
        ("server answers at once", Some(quick), 20),
        ("server dead", Some(dead), 20),
        ("server hung", Some(hung), 20),
        ("server answers after 30 s", Some(slow), 36),
        ("without the element, again", None, 20),
    ] {
        let figures = run(url.as_deref(), seconds)?;
        table.row(case, &figures);
    }
    Ok(table)
}

fn run(url: Option<&str>, seconds: u64) -> Result<[f64; 5], Box<dyn Error>> {
    let caption = url.map_or("identity name=c".into(), |url| {
        format!(
            "vigilcaption name=c base-url={url} trigger=interval interval=1000000000 \
             deadline=40000000000 first-token-timeout=35000000000 eos-timeout=0"
        )
    });
    let pipeline = Pipeline::parse(&format!(
        "videotestsrc is-live=true num-buffers={} ! \
         video/x-raw,format=I420,width=1280,height=720,framerate={FPS}/1 ! {caption} ! \
         appsink name=out sync=true",
        seconds * FPS
    ))?;
    let inside = time_inside(&pipeline.element("c"))?;
    let arrivals = pipeline.collect("out", |_| Instant::now());
    pipeline.play(seconds * 2 + 10)?;
    let arrivals = arrivals.items();
    let gap = |pair: &[Instant]| (pair[1] - pair[0]).as_secs_f64() * FPS as f64;
    let mut gaps: Vec<f64> = arrivals.windows(2).map(gap).collect();
    // The pace of the camera is that between the first frame and the last.
    let ratio = gaps.len() as f64 / gaps.iter().sum::<f64>();
    let mut of = |p| percentile(&mut gaps, p);
    let longest = *inside.lock().unwrap_or_else(PoisonError::into_inner);
    let longest = longest.as_secs_f64() * 1e3;
    Ok([ratio, of(50.0), of(99.0), of(100.0), longest])
}

/// The longest time from a buffer's coming into an element to its leaving.
fn time_inside(element: &gst::Element) -> Result<Arc<Mutex<Duration>>, Box<dyn Error>> {
    let longest: Arc<Mutex<Duration>> = Arc::default();
    let came: Arc<Mutex<Option<Instant>>> = Arc::default();
    let (coming, leaving) = (came, longest.clone());
    let began = coming.clone();
    let pad = |name| element.static_pad(name).ok_or("an element without a pad");
    pad("sink")?.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        *coming.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        gst::PadProbeReturn::Ok
    });
    pad("src")?.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let began = began.lock().unwrap_or_else(PoisonError::into_inner).take();
        let time = began.map_or(Duration::ZERO, |began| began.elapsed());
        let mut longest = leaving.lock().unwrap_or_else(PoisonError::into_inner);
        *longest = time.max(*longest);
        gst::PadProbeReturn::Ok
    });
    Ok(longest)
}
