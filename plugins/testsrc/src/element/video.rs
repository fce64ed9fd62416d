//! Caps and frames of GStreamer as [`crate::convert`] sees them.

use crate::convert::{Colors, Format, PlaneMut, Target};
use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat};

/// Largest frame.
pub(super) const MAX_SIZE: (i32, i32) = (7680, 4320);
/// Most frames a second.
pub(super) const MAX_RATE: i32 = 1000;
/// What is made where downstream leaves it open.
pub(super) const DEFAULT_SIZE: (i32, i32) = (1280, 720);
pub(super) const DEFAULT_RATE: gst::Fraction = gst::Fraction::new_raw(30, 1);

const FORMATS: [(Format, VideoFormat); 12] = [
    (Format::I420, VideoFormat::I420),
    (Format::Nv12, VideoFormat::Nv12),
    (Format::Yv12, VideoFormat::Yv12),
    (Format::Yuy2, VideoFormat::Yuy2),
    (Format::Uyvy, VideoFormat::Uyvy),
    (Format::Rgb, VideoFormat::Rgb),
    (Format::Bgr, VideoFormat::Bgr),
    (Format::Rgbx, VideoFormat::Rgbx),
    (Format::Bgrx, VideoFormat::Bgrx),
    (Format::Rgba, VideoFormat::Rgba),
    (Format::Bgra, VideoFormat::Bgra),
    (Format::Gray8, VideoFormat::Gray8),
];

/// Caps of the pad template.
pub(super) fn template_caps() -> gst::Caps {
    gst_video::VideoCapsBuilder::new()
        .format_list(FORMATS.map(|(_, format)| format))
        .width_range(1..=MAX_SIZE.0)
        .height_range(1..=MAX_SIZE.1)
        .framerate_range(gst::Fraction::new(0, 1)..=gst::Fraction::new(MAX_RATE, 1))
        .build()
}

/// The kind of frames with these caps; `None` for those that cannot be made.
pub(super) fn target(info: &gst_video::VideoInfo) -> Option<Target> {
    let (format, _) = FORMATS
        .iter()
        .find(|(_, format)| *format == info.format())?;
    let colorimetry = info.colorimetry();
    let (kr, kb) = match colorimetry.matrix() {
        VideoColorMatrix::Fcc => (0.30, 0.11),
        VideoColorMatrix::Smpte240m => (0.212, 0.087),
        VideoColorMatrix::Bt2020 => (0.2627, 0.0593),
        VideoColorMatrix::Bt709 => (Colors::BT709.kr, Colors::BT709.kb),
        VideoColorMatrix::Bt601 => (Colors::BT601.kr, Colors::BT601.kb),
        // Caps without colorimetry: GStreamer's own rule for YUV.
        _ if info.height() > 576 => (Colors::BT709.kr, Colors::BT709.kb),
        _ => (Colors::BT601.kr, Colors::BT601.kb),
    };
    let full_range = match colorimetry.range() {
        VideoColorRange::Range0_255 => true,
        VideoColorRange::Range16_235 => false,
        _ => format.is_rgb(),
    };
    Some(Target {
        format: *format,
        width: info.width() as usize,
        height: info.height() as usize,
        colors: Colors { kr, kb, full_range },
    })
}

/// Gives the planes of a mapped frame to `write`.
pub(super) fn with_planes<T>(
    frame: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>,
    write: impl FnOnce(&mut [PlaneMut<'_>]) -> T,
) -> T {
    let mut strides = [0; 4];
    for (ours, stride) in strides.iter_mut().zip(frame.plane_stride()) {
        // A frame upside down has no room for a row, as far as we are concerned: it is refused.
        *ours = usize::try_from(*stride).unwrap_or(0);
    }
    let n = frame.n_planes() as usize;
    let mut strides = strides.into_iter();
    let mut planes = frame.planes_data_mut().map(|data| PlaneMut {
        data,
        stride: strides.next().unwrap_or(0),
    });
    write(&mut planes[..n])
}

/// A pool for frames of these caps: downstream's, if it offers one.
pub(super) fn decide_allocation(
    query: &mut gst::query::Allocation,
) -> Result<(), gst::glib::BoolError> {
    let (Some(caps), _) = query.get_owned() else {
        return Err(gst::glib::bool_error!("allocation without caps"));
    };
    let info = gst_video::VideoInfo::from_caps(&caps)?;
    let offered = query.allocation_pools().next();
    let is_offered = offered.is_some();
    let (pool, size, min, max) = match offered {
        Some((pool, size, min, max)) => (pool, size.max(info.size() as u32), min, max),
        None => (None, info.size() as u32, 0, 0),
    };
    let pool = pool.unwrap_or_else(|| gst_video::VideoBufferPool::new().upcast());
    let mut config = pool.config();
    config.set_params(Some(&caps), size, min, max);
    if query
        .find_allocation_meta::<gst_video::VideoMeta>()
        .is_some()
    {
        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META.as_ref());
    }
    pool.set_config(config)?;
    if is_offered {
        query.set_nth_allocation_pool(0, Some(&pool), size, min, max);
    } else {
        query.add_allocation_pool(Some(&pool), size, min, max);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_format_has_a_layout_like_gstreamers() {
        gst::init().unwrap();
        for (ours, theirs) in FORMATS {
            for (width, height) in [(1, 1), (17, 13), (640, 480)] {
                let info = gst_video::VideoInfo::builder(theirs, width, height)
                    .build()
                    .unwrap();
                let buffer = gst::Buffer::with_size(info.size()).unwrap();
                let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info).unwrap();
                assert_eq!(frame.n_planes() as usize, ours.planes(), "{ours:?}");
                for (plane, data) in frame.planes_data().iter().take(ours.planes()).enumerate() {
                    let (bytes, rows) = ours.plane_size(plane, width as usize, height as usize);
                    let stride = frame.plane_stride()[plane] as usize;
                    let found = (stride >= bytes, data.len() >= stride * (rows - 1) + bytes);
                    assert_eq!(
                        found,
                        (true, true),
                        "{ours:?} {width}x{height} plane {plane}"
                    );
                }
            }
        }
    }

    #[test]
    fn colorimetry_is_taken_from_the_caps() {
        gst::init().unwrap();
        let colors = |caps: &str| {
            let caps: gst::Caps = format!("video/x-raw,framerate=1/1,{caps}").parse().unwrap();
            target(&gst_video::VideoInfo::from_caps(&caps).unwrap())
                .unwrap()
                .colors
        };
        let hd = colors("format=I420,width=1280,height=720");
        assert_eq!(hd, Colors::BT709);
        assert_eq!(colors("format=NV12,width=640,height=480"), Colors::BT601);
        assert_eq!(
            colors("format=NV12,width=640,height=480,colorimetry=bt709"),
            Colors::BT709
        );
        let jpeg = colors("format=I420,width=640,height=480,colorimetry=1:4:0:0");
        assert_eq!((jpeg.kr, jpeg.full_range), (Colors::BT601.kr, true));
        assert!(colors("format=RGB,width=640,height=480").full_range);
        let studio = colors("format=RGB,width=640,height=480,colorimetry=2:1:5:1");
        assert!(!studio.full_range);
    }
}
