//! Pictures through vigildetect.

use crate::pipeline::Pipeline;
use gst::prelude::*;
use std::error::Error;
use std::path::Path;

/// Width and height of the smallest input with sides of multiples of 32 that a picture of this width
/// and height fits into when its longer side is `side`: what Ultralytics' predict takes where a
/// model's axes are dynamic (`LetterBox` with `auto`).
pub fn rectangle((width, height): (u32, u32), side: u32) -> (u32, u32) {
    let ratio = f64::from(side) / f64::from(width.max(height).max(1));
    let of = |length: u32| {
        let length = (f64::from(length) * ratio).round_ties_even() as u32;
        length.next_multiple_of(32).max(32)
    };
    (of(width), of(height))
}

/// Width and height of a video's frames.
///
/// # Errors
/// The pipeline's.
pub fn frame_size(video: &Path) -> Result<(u32, u32), Box<dyn Error>> {
    let pipeline = Pipeline::parse(&format!(
        "filesrc location=\"{}\" ! decodebin3 ! video/x-raw ! appsink name=out sync=false",
        video.display()
    ))?;
    let sink: gst_app::AppSink = pipeline.element("out");
    pipeline.0.set_state(gst::State::Playing)?;
    let sample = sink.pull_sample()?;
    let info = gst_video::VideoInfo::from_caps(sample.caps().ok_or("no caps")?)?;
    Ok((info.width(), info.height()))
}

/// The frames that leave vigildetect for RGB pictures of any sizes, in order. `options` are its
/// properties, as in `gst-launch-1.0`.
///
/// # Errors
/// The pipeline's, or that it gave more or fewer frames than there are pictures.
pub fn detect_on_pictures(
    model: &Path,
    options: &str,
    pictures: &[image::RgbImage],
) -> Result<Vec<gst::Sample>, Box<dyn Error>> {
    let pipeline = Pipeline::parse(&format!(
        "appsrc name=in format=time ! vigildetect model={} {options} ! \
         appsink name=out sync=false",
        model.display()
    ))?;
    let source: gst_app::AppSrc = pipeline.element("in");
    let sink: gst_app::AppSink = pipeline.element("out");
    pipeline.0.set_state(gst::State::Playing)?;
    for (i, picture) in pictures.iter().enumerate() {
        let info = gst_video::VideoInfo::builder(
            gst_video::VideoFormat::Rgb,
            picture.width(),
            picture.height(),
        )
        .fps(gst::Fraction::new(1, 1))
        .build()?;
        // Rows of GStreamer's RGB are padded to 4 bytes.
        let stride = info.stride()[0] as usize;
        let mut data = vec![0; info.size()];
        for (row, pixels) in data
            .chunks_mut(stride)
            .zip(picture.as_raw().chunks(picture.width() as usize * 3))
        {
            row[..pixels.len()].copy_from_slice(pixels);
        }
        let mut buffer = gst::Buffer::from_mut_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_seconds(i as u64));
        }
        source.push_sample(
            &gst::Sample::builder()
                .buffer(&buffer)
                .caps(&info.to_caps()?)
                .build(),
        )?;
    }
    source.end_of_stream()?;
    let mut samples = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        samples.push(sample);
    }
    if let Some(message) = pipeline
        .0
        .bus()
        .and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]))
    {
        return Err(format!("{message:?}").into());
    }
    if samples.len() != pictures.len() {
        let (frames, pictures) = (samples.len(), pictures.len());
        return Err(format!("{frames} frames for {pictures} pictures").into());
    }
    Ok(samples)
}
