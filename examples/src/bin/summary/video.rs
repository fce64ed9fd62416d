//! Frames of a video at given times, as small JPEG pictures.
//!
//! The main thread seeks a paused pipeline to one time after the other and takes the frame that
//! the sink prerolls with; where that does not lead there, it plays the video once instead and keeps
//! the frames that it wants. Decoding is in GStreamer's threads.

use gst::prelude::*;
use image::{ExtendedColorType, ImageEncoder};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;

/// Width of a picture in pixels.
const WIDTH: i32 = 320;
/// How long one frame may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long all of them may take.
const ALL: Duration = Duration::from_secs(180);
/// Containers round times, each in its own way: a frame that is so little later is the one meant.
const ROUNDING: gst::ClockTime = gst::ClockTime::from_mseconds(2);
/// Times later than this, in nanoseconds, are in no video: as many as a seek can tell.
const LATEST: u64 = i64::MAX as u64 / 2;
/// JPEG quality, 1..100.
const QUALITY: u8 = 80;

/// A frame as JPEG.
#[derive(Debug)]
pub struct Picture {
    /// The file's bytes.
    pub jpeg: Vec<u8>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Grabbed {
    /// A picture for each time; `None` for times that the video does not have.
    pub pictures: Vec<Option<Picture>>,
    /// What went wrong on the way.
    pub warning: Option<String>,
}

/// The frames at `times`, which are PTS in nanoseconds, ascending, of a stream whose first frame had
/// the PTS `start`: it is taken to be the video's first one. Without `start`, times are from the
/// beginning of the video.
///
/// # Errors
/// For a file that is not there, has no video, or cannot be decoded at all.
pub fn grab(file: &Path, times: &[u64], start: Option<u64>) -> Result<Grabbed> {
    if !file.is_file() {
        return Err("there is no such file".into());
    }
    if times.is_empty() {
        return Ok(Grabbed::default());
    }
    gst::init()?;
    let mut reader = Reader::open(file)?;
    let first = reader.first_frame();
    let position = |pts: u64| match (start, first) {
        (Some(start), Some(first)) => pts.saturating_sub(start).saturating_add(first.nseconds()),
        _ => pts,
    };
    let times: Vec<_> = times
        .iter()
        .map(|pts| gst::ClockTime::from_nseconds(position(*pts).min(LATEST)))
        .collect();
    let sought = reader.is_seekable().then(|| reader.seek_to_each(&times));
    let pictures = match sought {
        Some(Ok(pictures)) => pictures,
        Some(Err(_)) => {
            reader = Reader::open(file)?;
            reader.play_past(&times)
        }
        None => reader.play_past(&times),
    };
    let missing = pictures.iter().filter(|picture| picture.is_none()).count();
    let warning = match (reader.failure.take(), missing) {
        (_, 0) => None,
        (Some(why), _) => Some(format!(
            "{}: {why}: some moments have no picture",
            file.display()
        )),
        (None, n) => Some(format!(
            "{}: {n} of {} moments are not in the video",
            file.display(),
            times.len()
        )),
    };
    Ok(Grabbed { pictures, warning })
}

struct Reader {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    bus: gst::Bus,
    deadline: Instant,
    /// What stopped it.
    failure: Option<String>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Nothing to do about a failure; the process is about to end.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Reader {
    /// A paused pipeline with its first frame in the sink.
    fn open(file: &Path) -> Result<Self> {
        let uri = gst::glib::filename_to_uri(file.canonicalize()?, None)?;
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "RGB")
            .field("width", WIDTH)
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .build();
        let sink = gst_app::AppSink::builder()
            .caps(&caps)
            .sync(false)
            .max_buffers(1)
            .build();
        let source = gst::ElementFactory::make("uridecodebin3")
            .property("uri", uri.as_str())
            .build()?;
        let convert = gst::ElementFactory::make("videoconvert").build()?;
        let scale = gst::ElementFactory::make("videoscale").build()?;
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([&source, &convert, &scale, sink.upcast_ref()])?;
        gst::Element::link_many([&convert, &scale, sink.upcast_ref()])?;
        only_first_video(&source);
        let target = convert
            .static_pad("sink")
            .ok_or("videoconvert has no sink pad")?;
        source.connect_pad_added(move |_, pad| {
            if !target.is_linked() && pad.name().starts_with("video") {
                // A failure comes back to the source as not-linked, which is told on the bus.
                let _ = pad.link(&target);
            }
        });
        let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
        let reader = Self {
            pipeline,
            sink,
            bus,
            deadline: Instant::now() + ALL,
            failure: None,
        };
        if reader.pipeline.set_state(gst::State::Paused).is_err() {
            // The reason is on the bus already.
            reader.settle()?;
            return Err("it cannot be opened".into());
        }
        reader.settle()?;
        Ok(reader)
    }

    /// When the first frame is shown, in stream time; asked before anything else.
    fn first_frame(&self) -> Option<gst::ClockTime> {
        let sample = self.sink.try_pull_preroll(gst::ClockTime::ZERO)?;
        Some(span(&sample)?.0)
    }

    fn is_seekable(&self) -> bool {
        let mut query = gst::query::Seeking::new(gst::Format::Time);
        self.pipeline.query(&mut query) && query.result().0
    }

    /// Waits until the pipeline is where it was told to go.
    fn settle(&self) -> Result<()> {
        use gst::MessageView;
        let until = (Instant::now() + PATIENCE).min(self.deadline);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = gst::ClockTime::try_from(left).unwrap_or(gst::ClockTime::ZERO);
            let Some(message) = self.bus.timed_pop(left) else {
                return Err("it takes too long to decode".into());
            };
            match message.view() {
                MessageView::AsyncDone(_) | MessageView::Eos(_) => return Ok(()),
                MessageView::Error(error) => return Err(error.error().to_string().into()),
                MessageView::StreamCollection(found)
                    if video_of(&found.stream_collection()).is_none() =>
                {
                    return Err("it has no video".into());
                }
                _ => (),
            }
        }
    }

    fn seek_to_each(&self, times: &[gst::ClockTime]) -> Result<Vec<Option<Picture>>> {
        times.iter().map(|time| self.seek_to(*time)).collect()
    }

    /// The frame that is shown at `time`; `None` past the end. An error where a seek fails or leads
    /// elsewhere, as in containers without an index.
    fn seek_to(&self, time: gst::ClockTime) -> Result<Option<Picture>> {
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        self.pipeline
            .seek_simple(flags, time + ROUNDING)
            .map_err(|_| format!("it cannot go to {time:.3}"))?;
        self.settle()?;
        let Some(sample) = self.sink.try_pull_preroll(gst::ClockTime::ZERO) else {
            return Ok(None);
        };
        let (from, to) = span(&sample).ok_or("it has no times")?;
        let near = to - from + ROUNDING;
        if time + near < from || time > to + near {
            return Err(format!("going to {time:.3} leads to {from:.3}").into());
        }
        picture(&sample).map(Some)
    }

    /// Plays once and keeps the frame that is shown at each of the times.
    fn play_past(&mut self, times: &[gst::ClockTime]) -> Vec<Option<Picture>> {
        let mut pictures: Vec<Option<Picture>> = times.iter().map(|_| None).collect();
        if let Err(error) = self.play(times, &mut pictures) {
            self.failure = Some(error.to_string());
        }
        pictures
    }

    fn play(&self, times: &[gst::ClockTime], pictures: &mut [Option<Picture>]) -> Result<()> {
        self.pipeline.set_state(gst::State::Playing)?;
        let mut wanted = times.iter().zip(pictures).peekable();
        let mut shown: Option<gst::Sample> = None;
        while wanted.peek().is_some() {
            if Instant::now() > self.deadline {
                return Err("it takes too long to decode".into());
            }
            let patience = gst::ClockTime::from_seconds(PATIENCE.as_secs());
            let next = self.sink.try_pull_sample(patience);
            if next.is_none() && !self.sink.is_eos() {
                let error = self.bus.pop_filtered(&[gst::MessageType::Error]);
                return Err(match error.as_ref().map(|message| message.view()) {
                    Some(gst::MessageView::Error(error)) => error.error().to_string().into(),
                    _ => "it takes too long to decode".into(),
                });
            }
            // What is wanted before the next frame is the one that is shown until then.
            let until = match &next {
                Some(next) => span(next).map(|(from, _)| from),
                None => shown.as_ref().and_then(span).map(|(_, to)| to),
            };
            while let (Some((time, slot)), Some(until), Some(sample)) =
                (wanted.peek_mut(), until, &shown)
                && **time + ROUNDING < until
            {
                **slot = Some(picture(sample)?);
                wanted.next();
            }
            if next.is_none() {
                return Ok(());
            }
            shown = next;
        }
        Ok(())
    }
}

/// From when to when a frame is shown, in stream time; a frame without a duration for a second.
fn span(sample: &gst::Sample) -> Option<(gst::ClockTime, gst::ClockTime)> {
    let buffer = sample.buffer()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let from = segment.to_stream_time(buffer.pts()?)?;
    Some((
        from,
        from + buffer.duration().unwrap_or(gst::ClockTime::SECOND),
    ))
}

/// Lets through the first video stream and nothing else: sound would be decoded for nobody.
fn only_first_video(source: &gst::Element) {
    source.connect("select-stream", false, |arguments| {
        let collection = arguments.get(1)?.get::<gst::StreamCollection>().ok()?;
        let stream = arguments.get(2)?.get::<gst::Stream>().ok()?;
        let wanted = video_of(&collection).is_some_and(|v| v.stream_id() == stream.stream_id());
        Some(i32::from(wanted).to_value())
    });
}

fn video_of(collection: &gst::StreamCollection) -> Option<gst::Stream> {
    let mut streams = collection.iter();
    streams.find(|stream| stream.stream_type().contains(gst::StreamType::VIDEO))
}

fn picture(sample: &gst::Sample) -> Result<Picture> {
    let caps = sample.caps().ok_or("a frame has no caps")?;
    let buffer = sample.buffer().ok_or("a sample has no frame")?;
    let info = gst_video::VideoInfo::from_caps(caps)?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info)?;
    let (width, height) = (info.width(), info.height());
    let (row, stride) = (width as usize * 3, info.stride()[0].unsigned_abs() as usize);
    let plane = frame.plane_data(0)?;
    let rows = plane.chunks(stride).take(height as usize);
    let pixels = rows.flat_map(|line| line.get(..row).unwrap_or_default());
    let pixels: Vec<u8> = pixels.copied().collect();
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, QUALITY).write_image(
        &pixels,
        width,
        height,
        ExtendedColorType::Rgb8,
    )?;
    Ok(Picture {
        jpeg,
        width,
        height,
    })
}
