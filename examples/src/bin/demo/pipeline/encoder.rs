//! H.264 encoders.

use super::elements::{make, set};
use crate::Result;

/// H.264 encoders with what makes each of them look good and keep up, the most dependable first.
///
/// Without B-frames the times in the file are those of the frames. `x264enc` takes its bit rate
/// (kbit/s) for a limit; that of `openh264enc` is in bit/s, and its default is for a video call of
/// long ago.
const ENCODERS: &[(&str, &[(&str, &str)])] = &[
    (
        "x264enc",
        &[
            ("pass", "qual"),
            ("quantizer", "24"),
            ("bitrate", "6000"),
            ("speed-preset", "superfast"),
            ("bframes", "0"),
            ("key-int-max", "50"),
        ],
    ),
    (
        "openh264enc",
        &[
            ("bitrate", "4000000"),
            ("complexity", "low"),
            ("gop-size", "50"),
        ],
    ),
    ("nvh264enc", &[]),
    ("vah264enc", &[]),
    ("v4l2h264enc", &[]),
];

/// The first encoder that is installed.
pub fn encoder() -> Result<gst::Element> {
    for (name, settings) in ENCODERS {
        let Ok(encoder) = make(name) else { continue };
        for (property, value) in *settings {
            set(&encoder, property, value)?;
        }
        return Ok(encoder);
    }
    let names: Vec<_> = ENCODERS.iter().map(|(name, _)| *name).collect();
    Err(format!(
        "no H.264 encoder is installed; one of these is needed: {} (x264enc is in GStreamer's \
         'ugly' plugins)",
        names.join(", ")
    )
    .into())
}
