//! vigilcaption: what it costs the streaming thread, whether servers that fail hold up the video, how
//! soon a server hears that an answer is not wanted any more, and whether many streams get their turn.

mod cost;
mod fair;
mod pace;
mod server;

use super::table::{Table, median};
use gst::prelude::*;
use gst_check::Harness;
use server::{Habit, Server};
use std::error::Error;
use std::time::{Duration, Instant};

pub use cost::cost;
pub use fair::fair;
pub use pace::pace;

fn element(url: &str, properties: &[(&str, &str)]) -> Result<gst::Element, Box<dyn Error>> {
    let element = gst::ElementFactory::make("vigilcaption").build()?;
    element.set_property("base-url", url);
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    Ok(element)
}

/// The `p`-th percentile (0..100) of figures; 0 of none.
fn percentile(figures: &mut [f64], p: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let rank = (figures.len() as f64 * p / 100.0).ceil() as usize;
    figures.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// From an application's cancel to the server's noticing.
pub fn cancel(repeat: usize) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "caption-cancel",
        "vigilcaption: from cancel to the server's noticing",
        &["ms"],
    );
    let server = Server::start(Habit::Hang)?;
    let element = element(&server.url(), &[("trigger", "manual")])?;
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps_str("video/x-raw,format=RGB,width=320,height=240,framerate=25/1");
    let patience = Duration::from_secs(30);
    let mut times = Vec::new();
    for n in 0..repeat.max(1) as u64 * 7 {
        let id: Option<String> = element.emit_by_name("trigger", &[&None::<String>]);
        let mut frame = gst::Buffer::from_mut_slice(vec![100u8; 320 * 240 * 3]);
        frame.make_mut().set_pts(n * gst::ClockTime::SECOND);
        harness.push(frame)?;
        server.asked.recv_timeout(patience)?;
        let cancelled = Instant::now();
        element.emit_by_name::<bool>("cancel", &[&id.ok_or("no id")?]);
        times.push((server.left.recv_timeout(patience)? - cancelled).as_secs_f64() * 1e3);
    }
    table.row("while the server is silent", &[median(times)]);
    Ok(table)
}
