//! DeepStream's metadata as its libraries lay it out: our own declarations of what is used.
//!
//! `NvDsBatchMeta` and `NvDsFrameMeta` have only grown at their ends since DeepStream 5, beyond what
//! is read here. `NvDsObjectMeta` has changed once:
//!
//! | DeepStream | `NvOSD_RectParams` | `obj_label` at | size of `NvDsObjectMeta` |
//! |---|---|---|---|
//! | 5, 6, 7, 8 | 104 | 336 | 544 |
//! | 9 | 112: `rotation_angle` at its end | 344 | 552 |
//!
//! Each batch carries the size in its pool of objects ([`Pool::element_size`]), which tells the two
//! apart without asking for a version; an unknown size is refused. Offsets are checked below, and
//! against the real headers by `tests/layouts.rs` where those are installed.

use std::ffi::{c_char, c_void};

/// `GList`, whose data are pointers to metadata.
#[repr(C)]
pub struct List {
    /// The element.
    pub data: *mut c_void,
    /// The next one, or null.
    pub next: *mut List,
    /// The one before, or null.
    pub prev: *mut List,
}

/// `NvDsBaseMeta`, with which every element begins.
#[repr(C)]
pub struct Base {
    /// The batch that it is of.
    pub batch_meta: *mut BatchMeta,
    /// Which kind it is.
    pub meta_type: i32,
    /// Somebody's.
    pub context: *mut c_void,
    /// How it is copied.
    pub copy_func: *mut c_void,
    /// How it is released.
    pub release_func: *mut c_void,
}

/// The head of `NvDsMetaPool`.
#[repr(C)]
pub struct Pool {
    /// Which kind of elements.
    pub meta_type: i32,
    /// How many there are.
    pub max_elements: u32,
    /// Bytes of each.
    pub element_size: u32,
}

/// The head of `NvDsBatchMeta`.
#[repr(C)]
pub struct BatchMeta {
    /// Its base.
    pub base: Base,
    /// Room for so many frames.
    pub max_frames: u32,
    /// Frames that are there.
    pub num_frames: u32,
    /// `NvDsFrameMeta`s.
    pub frame_pool: *mut Pool,
    /// `NvDsObjectMeta`s.
    pub obj_pool: *mut Pool,
    /// Classifiers, displays, user data, labels.
    pub other_pools: [*mut Pool; 4],
    /// The frames.
    pub frames: *mut List,
}

/// The head of `NvDsFrameMeta`.
#[repr(C)]
pub struct FrameMeta {
    /// Its base.
    pub base: Base,
    /// Pad of `nvstreammux`.
    pub pad_index: u32,
    /// Place in the batch: the index of its surface.
    pub batch_id: u32,
    /// Number of the frame in its stream.
    pub frame_num: i32,
    /// PTS in its stream, in nanoseconds.
    pub buf_pts: u64,
    /// Wall clock, in nanoseconds.
    pub ntp_timestamp: u64,
    /// Which stream.
    pub source_id: u32,
    /// NVIDIA's.
    pub num_surfaces: i32,
    /// Size before `nvstreammux`.
    pub source_width: u32,
    /// Size before `nvstreammux`.
    pub source_height: u32,
    /// NVIDIA's.
    pub surface_type: u32,
    /// NVIDIA's.
    pub surface_index: u32,
    /// Entries of `objects`.
    pub num_objects: u32,
    /// A `gboolean`: a detector looked at the frame.
    pub infer_done: i32,
    /// The objects.
    pub objects: *mut List,
}

/// `NvBbox_Coords`: a box in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C)]
pub struct Coords {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// `NvOSD_ColorParams`: parts of 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
#[allow(missing_docs, reason = "they are what they are called")]
pub struct Color {
    pub red: f64,
    pub green: f64,
    pub blue: f64,
    pub alpha: f64,
}

/// `NvOSD_RectParams` of DeepStream 5 to 8.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Rect {
    /// Where.
    pub coords: Coords,
    /// Pixels of the border that `nvdsosd` draws.
    pub border_width: u32,
    /// Its colour.
    pub border_color: Color,
    /// Whether it is filled.
    pub has_bg_color: u32,
    /// NVIDIA's.
    pub reserved: u32,
    /// What it is filled with.
    pub bg_color: Color,
    /// Whether `color_id` says anything.
    pub has_color_info: i32,
    /// NVIDIA's.
    pub color_id: i32,
}

/// `NvOSD_RectParams` of DeepStream 9.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Rect9 {
    /// What all have.
    pub rect: Rect,
    /// Of a turned box, in degrees by the header; radians by `nvinfer`'s. Neither read nor written.
    pub rotation_angle: f32,
}

/// `NvOSD_MaskParams`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[allow(missing_docs, reason = "not used")]
pub struct Mask {
    pub data: *mut f32,
    pub size: u32,
    pub threshold: f32,
    pub width: u32,
    pub height: u32,
}

/// `NvOSD_TextParams`: what `nvdsosd` writes.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Text {
    /// From `g_malloc`; the pool frees it.
    pub display_text: *mut c_char,
    /// Pixels from the left.
    pub x_offset: u32,
    /// Pixels from the top.
    pub y_offset: u32,
    /// Never freed.
    pub font_name: *const c_char,
    /// In points.
    pub font_size: u32,
    /// Of the letters.
    pub font_color: Color,
    /// Whether there is a background.
    pub set_bg_color: i32,
    /// Of the background.
    pub bg_color: Color,
}

/// Bytes of `obj_label`, with the zero at its end.
pub const LABEL_SIZE: usize = 128;

/// `NvDsObjectMeta` up to its rectangle, which all versions agree on.
#[repr(C)]
pub struct ObjectHead {
    /// Its base.
    pub base: Base,
    /// What it is a part of: the car of a plate.
    pub parent: *mut ObjectHead,
    /// Who found it.
    pub unique_component_id: i32,
    /// Its class, by the model's count.
    pub class_id: i32,
    /// Its identity, or [`UNTRACKED`].
    pub object_id: u64,
    /// Where a detector found it.
    pub detector_bbox: Coords,
    /// Where a tracker has it.
    pub tracker_bbox: Coords,
    /// Score; below 0 for none.
    pub confidence: f32,
    /// Score; below 0 for none.
    pub tracker_confidence: f32,
}

/// `NvDsObjectMeta`, with either rectangle.
#[repr(C)]
pub struct Object<R> {
    /// What all versions agree on.
    pub head: ObjectHead,
    /// Where it is by whoever spoke last.
    pub rect: R,
    /// Its mask.
    pub mask: Mask,
    /// Its text.
    pub text: Text,
    /// Name of its class.
    pub label: [c_char; LABEL_SIZE],
    /// Classifiers' and users' lists.
    pub lists: [*mut List; 2],
    /// Users' and NVIDIA's.
    pub reserved: [i64; 8],
}

/// `NvDsObjectMeta` of DeepStream 5 to 8.
pub type Object5 = Object<Rect>;
/// `NvDsObjectMeta` of DeepStream 9.
pub type Object9 = Object<Rect9>;

/// `UNTRACKED_OBJECT_ID`.
pub const UNTRACKED: u64 = u64::MAX;

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Base>() == 40);
    assert!(offset_of!(Pool, element_size) == 8);
    assert!(offset_of!(BatchMeta, num_frames) == 44);
    assert!(offset_of!(BatchMeta, obj_pool) == 56);
    assert!(offset_of!(BatchMeta, frames) == 96);
    assert!(offset_of!(FrameMeta, pad_index) == 40);
    assert!(offset_of!(FrameMeta, batch_id) == 44);
    assert!(offset_of!(FrameMeta, buf_pts) == 56);
    assert!(offset_of!(FrameMeta, source_id) == 72);
    assert!(offset_of!(FrameMeta, num_objects) == 96);
    assert!(offset_of!(FrameMeta, infer_done) == 100);
    assert!(offset_of!(FrameMeta, objects) == 104);
    assert!(size_of::<Rect>() == 104);
    assert!(offset_of!(Rect, border_color) == 24);
    assert!(offset_of!(Rect, bg_color) == 64);
    assert!(size_of::<Rect9>() == 112);
    assert!(size_of::<Mask>() == 24);
    assert!(size_of::<Text>() == 104);
    assert!(offset_of!(ObjectHead, unique_component_id) == 48);
    assert!(offset_of!(ObjectHead, class_id) == 52);
    assert!(offset_of!(ObjectHead, object_id) == 56);
    assert!(offset_of!(ObjectHead, confidence) == 96);
    assert!(size_of::<ObjectHead>() == 104);
    assert!(offset_of!(Object5, text) == 232);
    assert!(offset_of!(Object5, label) == 336);
    assert!(size_of::<Object5>() == 544);
    assert!(offset_of!(Object9, text) == 240);
    assert!(offset_of!(Object9, label) == 344);
    assert!(size_of::<Object9>() == 552);
};
