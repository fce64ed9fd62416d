//! Our declarations of NVIDIA's structures against its own headers, where those are installed:
//! `DEEPSTREAM_INCLUDE_DIR` names their folder, such as
//! `/opt/nvidia/deepstream/deepstream/sources/includes`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

use std::collections::BTreeMap;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;
use vigil_nvidia::deepstream::raw as ds;
use vigil_nvidia::memory::nvmm::{color, raw as nv};

const VARIABLE: &str = "DEEPSTREAM_INCLUDE_DIR";

/// What the headers say, by name.
fn theirs(includes: &Path) -> BTreeMap<String, usize> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let config = Command::new("pkg-config")
        .args(["--cflags", "gmodule-2.0"])
        .output()
        .unwrap();
    let flags = String::from_utf8(config.stdout).unwrap();
    let header = std::fs::read_to_string(includes.join("nvbufsurface.h")).unwrap();
    let has_cuda_buffers = header.contains("NvBufSurfaceCudaBuffer");
    let result = Command::new("g++")
        .args(["-std=c++17", "-Wno-invalid-offsetof", "-o"])
        .arg(&program)
        .args(has_cuda_buffers.then_some("-DCUDA_BUFFERS"))
        .arg("-I")
        .arg(includes)
        .args(flags.split_whitespace())
        .arg(here.join("tests/layouts/deepstream.cpp"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "{said}");
    let printed = Command::new(&program).output().unwrap().stdout;
    let lines = String::from_utf8(printed).unwrap();
    let pairs = lines.lines().map(|line| {
        let (name, number) = line.split_once(' ').unwrap();
        (name.to_owned(), number.parse().unwrap())
    });
    pairs.collect()
}

/// What we say: the same for all versions, and by the versions' sizes.
fn ours(theirs: &BTreeMap<String, usize>) -> BTreeMap<&'static str, usize> {
    let mut ours = BTreeMap::new();
    let mut all = |pairs: &[(&'static str, usize)]| ours.extend(pairs.iter().copied());
    all(&[
        ("NvBufSurface.gpuId", offset_of!(nv::Surface, gpu_id)),
        (
            "NvBufSurface.batchSize",
            offset_of!(nv::Surface, batch_size),
        ),
        (
            "NvBufSurface.numFilled",
            offset_of!(nv::Surface, num_filled),
        ),
        (
            "NvBufSurface.isContiguous",
            offset_of!(nv::Surface, is_contiguous),
        ),
        ("NvBufSurface.memType", offset_of!(nv::Surface, mem_type)),
        (
            "NvBufSurface.surfaceList",
            offset_of!(nv::Surface, surface_list),
        ),
        ("NvBufSurfaceParams.width", offset_of!(nv::Params, width)),
        ("NvBufSurfaceParams.height", offset_of!(nv::Params, height)),
        ("NvBufSurfaceParams.pitch", offset_of!(nv::Params, pitch)),
        (
            "NvBufSurfaceParams.colorFormat",
            offset_of!(nv::Params, color_format),
        ),
        ("NvBufSurfaceParams.layout", offset_of!(nv::Params, layout)),
        (
            "NvBufSurfaceParams.bufferDesc",
            offset_of!(nv::Params, buffer_desc),
        ),
        (
            "NvBufSurfaceParams.dataSize",
            offset_of!(nv::Params, data_size),
        ),
        (
            "NvBufSurfaceParams.dataPtr",
            offset_of!(nv::Params, data_ptr),
        ),
        (
            "NvBufSurfaceParams.planeParams",
            offset_of!(nv::Params, plane_params),
        ),
        (
            "NvBufSurfaceParams.planeParams.num_planes",
            offset_of!(nv::Params, plane_params.num_planes),
        ),
        (
            "NvBufSurfaceParams.planeParams.width",
            offset_of!(nv::Params, plane_params.width),
        ),
        (
            "NvBufSurfaceParams.planeParams.height",
            offset_of!(nv::Params, plane_params.height),
        ),
        (
            "NvBufSurfaceParams.planeParams.pitch",
            offset_of!(nv::Params, plane_params.pitch),
        ),
        (
            "NvBufSurfaceParams.planeParams.offset",
            offset_of!(nv::Params, plane_params.offset),
        ),
        (
            "NvBufSurfaceParams.mappedAddr",
            offset_of!(nv::Params, mapped_addr),
        ),
        (
            "NvBufSurfaceParams.mappedAddr.eglImage",
            offset_of!(nv::Params, egl_image),
        ),
        ("NVBUF_MEM_CUDA_PINNED", nv::MEM_CUDA_PINNED as usize),
        ("NVBUF_MEM_CUDA_DEVICE", nv::MEM_CUDA_DEVICE as usize),
        ("NVBUF_MEM_CUDA_UNIFIED", nv::MEM_CUDA_UNIFIED as usize),
        ("NVBUF_MEM_SURFACE_ARRAY", nv::MEM_SURFACE_ARRAY as usize),
        ("NVBUF_MEM_SYSTEM", nv::MEM_SYSTEM as usize),
        (
            "NVBUF_LAYOUT_BLOCK_LINEAR",
            nv::LAYOUT_BLOCK_LINEAR as usize,
        ),
    ]);
    all(&[
        (
            "NvDsMetaPool.element_size",
            offset_of!(ds::Pool, element_size),
        ),
        (
            "NvDsBatchMeta.num_frames_in_batch",
            offset_of!(ds::BatchMeta, num_frames),
        ),
        (
            "NvDsBatchMeta.obj_meta_pool",
            offset_of!(ds::BatchMeta, obj_pool),
        ),
        (
            "NvDsBatchMeta.frame_meta_list",
            offset_of!(ds::BatchMeta, frames),
        ),
        (
            "NvDsFrameMeta.pad_index",
            offset_of!(ds::FrameMeta, pad_index),
        ),
        (
            "NvDsFrameMeta.batch_id",
            offset_of!(ds::FrameMeta, batch_id),
        ),
        (
            "NvDsFrameMeta.frame_num",
            offset_of!(ds::FrameMeta, frame_num),
        ),
        ("NvDsFrameMeta.buf_pts", offset_of!(ds::FrameMeta, buf_pts)),
        (
            "NvDsFrameMeta.source_id",
            offset_of!(ds::FrameMeta, source_id),
        ),
        (
            "NvDsFrameMeta.num_obj_meta",
            offset_of!(ds::FrameMeta, num_objects),
        ),
        (
            "NvDsFrameMeta.bInferDone",
            offset_of!(ds::FrameMeta, infer_done),
        ),
        (
            "NvDsFrameMeta.obj_meta_list",
            offset_of!(ds::FrameMeta, objects),
        ),
        ("NvDsObjectMeta.parent", offset_of!(ds::ObjectHead, parent)),
        (
            "NvDsObjectMeta.unique_component_id",
            offset_of!(ds::ObjectHead, unique_component_id),
        ),
        (
            "NvDsObjectMeta.class_id",
            offset_of!(ds::ObjectHead, class_id),
        ),
        (
            "NvDsObjectMeta.object_id",
            offset_of!(ds::ObjectHead, object_id),
        ),
        (
            "NvDsObjectMeta.detector_bbox_info",
            offset_of!(ds::ObjectHead, detector_bbox),
        ),
        (
            "NvDsObjectMeta.tracker_bbox_info",
            offset_of!(ds::ObjectHead, tracker_bbox),
        ),
        (
            "NvDsObjectMeta.confidence",
            offset_of!(ds::ObjectHead, confidence),
        ),
        (
            "NvDsObjectMeta.tracker_confidence",
            offset_of!(ds::ObjectHead, tracker_confidence),
        ),
    ]);
    match theirs["NvBufSurfaceParams"] {
        384 => all(&[
            ("NvBufSurface", 64),
            ("NvBufSurfaceParams", size_of::<nv::Params384>()),
        ]),
        _ => all(&[
            ("NvBufSurface", 72),
            ("NvBufSurfaceParams", size_of::<nv::Params416>()),
            (
                "NvBufSurfaceParams.mappedAddr.cudaPtr",
                offset_of!(nv::Params416, cuda_ptr),
            ),
            (
                "NvBufSurfaceCudaBuffer.dataPtr",
                offset_of!(nv::CudaBuffer, data_ptr),
            ),
        ]),
    }
    match theirs["NvDsObjectMeta"] {
        544 => all(&object::<ds::Object5>(
            offset_of!(ds::Object5, rect),
            offset_of!(ds::Object5, text),
            offset_of!(ds::Object5, label),
        )),
        _ => all(&object::<ds::Object9>(
            offset_of!(ds::Object9, rect),
            offset_of!(ds::Object9, text),
            offset_of!(ds::Object9, label),
        )),
    }
    ours
}

/// What depends on the rectangle's version.
fn object<T>(rect: usize, text: usize, label: usize) -> [(&'static str, usize); 13] {
    [
        ("NvDsObjectMeta", size_of::<T>()),
        ("NvDsObjectMeta.rect_params", rect),
        (
            "NvDsObjectMeta.rect_params.border_width",
            rect + offset_of!(ds::Rect, border_width),
        ),
        (
            "NvDsObjectMeta.rect_params.border_color",
            rect + offset_of!(ds::Rect, border_color),
        ),
        (
            "NvDsObjectMeta.rect_params.has_bg_color",
            rect + offset_of!(ds::Rect, has_bg_color),
        ),
        (
            "NvDsObjectMeta.text_params.display_text",
            text + offset_of!(ds::Text, display_text),
        ),
        (
            "NvDsObjectMeta.text_params.x_offset",
            text + offset_of!(ds::Text, x_offset),
        ),
        (
            "NvDsObjectMeta.text_params.font_params.font_name",
            text + offset_of!(ds::Text, font_name),
        ),
        (
            "NvDsObjectMeta.text_params.font_params.font_size",
            text + offset_of!(ds::Text, font_size),
        ),
        (
            "NvDsObjectMeta.text_params.font_params.font_color",
            text + offset_of!(ds::Text, font_color),
        ),
        (
            "NvDsObjectMeta.text_params.set_bg_clr",
            text + offset_of!(ds::Text, set_bg_color),
        ),
        (
            "NvDsObjectMeta.text_params.text_bg_clr",
            text + offset_of!(ds::Text, bg_color),
        ),
        ("NvDsObjectMeta.obj_label", label),
    ]
}

#[test]
fn our_declarations_have_the_layout_of_the_installed_headers() {
    let Some(includes) = std::env::var_os(VARIABLE) else {
        eprintln!("skipped: {VARIABLE} is not set");
        return;
    };
    let theirs = theirs(Path::new(&includes));
    let ours = ours(&theirs);
    for (name, number) in &theirs {
        if let Some(format) = name.strip_prefix("NVBUF_COLOR_FORMAT_") {
            assert_eq!(color::name(*number as u32), format);
            assert!(color::decode(*number as u32).is_ok(), "{name}");
            continue;
        }
        assert_eq!(ours.get(name.as_str()), Some(number), "{name}");
    }
    assert!(theirs.len() >= 70, "only {} numbers", theirs.len());
}
