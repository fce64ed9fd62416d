//! vigilcaption: what it costs the streaming thread, whether servers that fail hold up the video, and
//! how soon a server hears that an answer is not wanted any more.

use super::table::{Table, median};
use gst::prelude::*;
use gst_check::Harness;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use vigil_tests::pipeline::Pipeline;

/// What a server does with a question.
#[derive(Clone, Copy)]
enum Habit {
    /// Nothing, until it is left.
    Hang,
    /// It answers after this time.
    Answer(Duration),
}

/// A server on the loopback interface; tells when questions come and when it is left.
struct Server {
    address: SocketAddr,
    asked: Receiver<()>,
    left: Receiver<Instant>,
}

impl Server {
    fn start(habit: Habit) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (ask, asked) = mpsc::channel();
        let (leave, left) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (ask, leave) = (ask.clone(), leave.clone());
                std::thread::spawn(move || {
                    let Some(is_question) = read(&stream) else {
                        return;
                    };
                    let models = r#"{"data": [{"id": "m", "owned_by": "llamacpp"}]}"#;
                    let answer =
                        r#"{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}"#;
                    if !is_question {
                        return respond(stream, models);
                    }
                    let _ = ask.send(());
                    match habit {
                        Habit::Answer(after) => {
                            std::thread::sleep(after);
                            respond(stream, answer);
                        }
                        Habit::Hang => {
                            let _ = stream.peek(&mut [0; 1]);
                            let _ = leave.send(Instant::now());
                        }
                    }
                });
            }
        });
        Ok(Self {
            address,
            asked,
            left,
        })
    }

    fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// Reads a request; whether it is a question.
fn read(stream: &TcpStream) -> Option<bool> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let is_question = line.starts_with("POST");
    let mut length = 0;
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(is_question)
}

fn respond(mut stream: TcpStream, body: &str) {
    let length = body.len();
    // Nobody may be left to read it.
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

fn element(url: &str, properties: &[(&str, &str)]) -> Result<gst::Element, Box<dyn Error>> {
    let element = gst::ElementFactory::make("vigilcaption").build()?;
    element.set_property("base-url", url);
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    Ok(element)
}

/// What one 1080p frame costs the streaming thread, in microseconds.
pub fn cost() -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "caption",
        "vigilcaption, 1920x1080, streaming thread: us for each frame",
        &["p50", "p99"],
    );
    let server = Server::start(Habit::Hang)?;
    let often = [
        ("trigger", "interval"),
        ("interval", "1"),
        ("min-interval", "0"),
        ("per-minute", "0"),
    ];
    let waiting = [("trigger", "new-track+track-end+event+manual")];
    for (case, format, properties, field, frames) in [
        ("no trigger", "NV12", &waiting[..], "idle", 20_000u64),
        (
            "scene-change alone",
            "NV12",
            &[("trigger", "scene-change")],
            "idle",
            5000,
        ),
        ("frame taken, NV12", "NV12", &often[..], "taking", 300),
        ("frame taken, I420", "I420", &often[..], "taking", 300),
        ("frame taken, RGB", "RGB", &often[..], "taking", 300),
        ("frame taken, BGRA", "BGRA", &often[..], "taking", 300),
    ] {
        let element = element(&server.url(), properties)?;
        let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
        let caps = format!("video/x-raw,format={format},width=1920,height=1080,framerate=25/1");
        harness.set_src_caps_str(&caps);
        let caps: gst::Caps = caps.parse()?;
        let info = gst_video::VideoInfo::from_caps(&caps)?;
        // Several, as a frame of video has not been read by anybody but the decoder.
        let frames_of_video: Vec<_> = (0..8u8)
            .map(|n| gst::Buffer::from_mut_slice(vec![100 + n; info.size()]))
            .collect();
        for n in 0..frames {
            let mut frame = frames_of_video[n as usize % 8].copy();
            frame.make_mut().set_pts(n * 40 * gst::ClockTime::MSECOND);
            harness.push(frame)?;
            drop(harness.pull()?);
        }
        let stats: gst::Structure = element.property("stats");
        let us = |part: &str| {
            Ok::<_, Box<dyn Error>>(stats.get::<f64>(format!("{field}-{part}-ms"))? * 1e3)
        };
        table.row(case, &[us("p50")?, us("p99")?]);
    }
    Ok(table)
}

/// Frames of a live camera that arrive, and the longest time between two of them in frames, while
/// the server fails.
pub fn pace() -> Result<Table, Box<dyn Error>> {
    const FPS: u64 = 30;
    let mut table = Table::new(
        "caption-pace",
        "vigilcaption behind a live camera, 1280x720 at 30 fps, asking each second",
        &["frames/expected", "longest gap in frames"],
    );
    let dead = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let hung = Server::start(Habit::Hang)?;
    let slow = Server::start(Habit::Answer(Duration::from_secs(30)))?;
    let quick = Server::start(Habit::Answer(Duration::ZERO))?;
    for (case, url, seconds) in [
        ("without", None, 8),
        ("server answers at once", Some(quick.url()), 8),
        ("server dead", Some(format!("http://{dead}/v1")), 8),
        ("server hung", Some(hung.url()), 20),
        ("server answers after 30 s", Some(slow.url()), 36),
    ] {
        let caption = url.map_or(String::new(), |url| {
            format!(
                "! vigilcaption base-url={url} trigger=interval interval=1000000000 deadline=40000000000 \
                 first-token-timeout=35000000000 eos-timeout=0"
            )
        });
        let pipeline = Pipeline::parse(&format!(
            "videotestsrc is-live=true num-buffers={} ! \
             video/x-raw,format=I420,width=1280,height=720,framerate={FPS}/1 {caption} ! \
             appsink name=out sync=true",
            seconds * FPS
        ))?;
        let arrivals = pipeline.collect("out", |_| Instant::now());
        pipeline.play(seconds * 2 + 10)?;
        let arrivals = arrivals.items();
        let gaps = arrivals.windows(2).map(|pair| pair[1] - pair[0]);
        let longest = gaps.max().unwrap_or_default().as_secs_f64() * FPS as f64;
        // The pace of the camera is that between the first frame and the last.
        let span = match (arrivals.first(), arrivals.last()) {
            (Some(first), Some(last)) => (*last - *first).as_secs_f64(),
            _ => 0.0,
        };
        let ratio = (arrivals.len() as f64 - 1.0) / (span * FPS as f64);
        table.row(case, &[ratio, longest]);
    }
    Ok(table)
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
