//! GStreamer's video frames as frame views.

use super::{Colorimetry, FrameFormat, FrameTooShort, FrameView, Matrix, PixelFormat, Plane};
use gst_video::prelude::*;
use gst_video::{VideoChromaSite, VideoColorMatrix, VideoColorRange, VideoFormat};

/// The formats of the pad templates, the ones that decoders give first.
pub const FORMATS: [VideoFormat; 12] = [
    VideoFormat::Nv12,
    VideoFormat::I420,
    VideoFormat::Yv12,
    VideoFormat::Yuy2,
    VideoFormat::Uyvy,
    VideoFormat::Rgb,
    VideoFormat::Bgr,
    VideoFormat::Rgbx,
    VideoFormat::Bgrx,
    VideoFormat::Rgba,
    VideoFormat::Bgra,
    VideoFormat::Gray8,
];

fn pixel_format(format: VideoFormat) -> Option<PixelFormat> {
    Some(match format {
        VideoFormat::Nv12 => PixelFormat::Nv12,
        VideoFormat::I420 => PixelFormat::I420,
        VideoFormat::Yv12 => PixelFormat::Yv12,
        VideoFormat::Yuy2 => PixelFormat::Yuy2,
        VideoFormat::Uyvy => PixelFormat::Uyvy,
        VideoFormat::Rgb => PixelFormat::Rgb,
        VideoFormat::Bgr => PixelFormat::Bgr,
        VideoFormat::Rgbx => PixelFormat::Rgbx,
        VideoFormat::Bgrx => PixelFormat::Bgrx,
        VideoFormat::Rgba => PixelFormat::Rgba,
        VideoFormat::Bgra => PixelFormat::Bgra,
        VideoFormat::Gray8 => PixelFormat::Gray8,
        _ => return None,
    })
}

/// The format of frames with these caps; `None` for a format that is not in [`FORMATS`].
pub fn frame_format(info: &gst_video::VideoInfo) -> Option<FrameFormat> {
    let pixels = pixel_format(info.format())?;
    Some(FrameFormat {
        pixels,
        width: info.width() as usize,
        height: info.height() as usize,
        colorimetry: colorimetry(info, pixels.is_yuv()),
    })
}

/// What the samples of frames with these caps mean; by GStreamer's own rules where they do not say.
pub fn colorimetry(info: &gst_video::VideoInfo, is_yuv: bool) -> Colorimetry {
    let colorimetry = info.colorimetry();
    let matrix = match colorimetry.matrix() {
        VideoColorMatrix::Bt709 => Matrix::Bt709,
        VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        VideoColorMatrix::Smpte240m => Matrix::Smpte240m,
        VideoColorMatrix::Fcc => Matrix::Fcc,
        VideoColorMatrix::Bt601 => Matrix::Bt601,
        // Caps without colorimetry: GStreamer's own rule for YUV.
        _ if info.height() > 576 => Matrix::Bt709,
        _ => Matrix::Bt601,
    };
    let full_range = match colorimetry.range() {
        VideoColorRange::Range0_255 => true,
        VideoColorRange::Range16_235 => false,
        _ => !is_yuv,
    };
    let site = info.chroma_site();
    // Unknown is taken as MPEG-2 siting, which is what H.264 and later have by default.
    let unknown = site.is_empty();
    Colorimetry {
        matrix,
        full_range,
        cosited_x: unknown || site.contains(VideoChromaSite::H_COSITED),
        cosited_y: !unknown && site.contains(VideoChromaSite::V_COSITED),
    }
}

/// The samples of a mapped frame.
///
/// # Errors
/// A plane is too short for the format.
pub fn frame_view<'a>(
    format: FrameFormat,
    frame: &'a gst_video::VideoFrameRef<&gst::BufferRef>,
) -> Result<FrameView<'a>, FrameTooShort> {
    let mut planes = [Plane::default(); 3];
    for (i, plane) in planes.iter_mut().enumerate().take(format.pixels.planes()) {
        *plane = Plane {
            data: frame.plane_data(i as u32).unwrap_or_default(),
            stride: frame.plane_stride()[i].unsigned_abs() as usize,
        };
    }
    FrameView::new(format, planes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_format_has_a_layout_like_gstreamers() {
        gst::init().unwrap();
        for format in FORMATS {
            let info = gst_video::VideoInfo::builder(format, 17, 13)
                .build()
                .unwrap();
            let ours = frame_format(&info).unwrap();
            let finfo = info.format_info();
            assert_eq!(ours.pixels.planes() as u32, info.n_planes(), "{format}");
            for (i, component) in ours.pixels.components().iter().enumerate() {
                // Grey has one component, taken three times.
                let i = i.min(info.n_components() as usize - 1);
                let theirs = (
                    finfo.plane()[i] as usize,
                    finfo.poffset()[i] as usize,
                    finfo.pixel_stride()[i] as usize,
                    finfo.w_sub()[i],
                    finfo.h_sub()[i],
                );
                let ours = (
                    component.plane,
                    component.offset,
                    component.step,
                    component.sub_x,
                    component.sub_y,
                );
                assert_eq!(ours, theirs, "{format} component {i}");
            }
        }
    }

    #[test]
    fn colorimetry_is_taken_from_the_caps() {
        gst::init().unwrap();
        let format = |caps: &str| {
            let caps = format!("video/x-raw,format=I420,framerate=1/1,{caps}");
            let caps: gst::Caps = caps.parse().unwrap();
            frame_format(&gst_video::VideoInfo::from_caps(&caps).unwrap())
                .unwrap()
                .colorimetry
        };
        let hd = format("width=1920,height=1080,colorimetry=bt709,chroma-site=mpeg2");
        assert_eq!((hd.matrix, hd.full_range), (Matrix::Bt709, false));
        assert!(hd.cosited_x && !hd.cosited_y);
        let jpeg = format("width=640,height=480,colorimetry=1:4:0:0,chroma-site=jpeg");
        assert_eq!((jpeg.matrix, jpeg.full_range), (Matrix::Bt601, true));
        assert!(!jpeg.cosited_x && !jpeg.cosited_y);
        let uhd = format("width=3840,height=2160,colorimetry=bt2020");
        assert_eq!(uhd.matrix, Matrix::Bt2020);
        assert_eq!(format("width=320,height=240").matrix, Matrix::Bt601);
        assert_eq!(format("width=1280,height=720").matrix, Matrix::Bt709);
    }
}
