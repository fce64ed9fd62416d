//! Reading and writing `NvDsBatchMeta`.

use super::error::NvDsError;
use super::library::Library;
use super::raw::{
    self, BatchMeta, Color, Coords, FrameMeta, LABEL_SIZE, List, Object, Object5, Object9,
    ObjectHead, Rect, Rect9, Text, UNTRACKED,
};
use gst::glib;
use std::ffi::{CStr, c_char};
use vigil_analytics::Look;

/// A frame of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// Its place in the batch: the index of its surface.
    pub batch_id: usize,
    /// Its stream, as `nvstreammux` counts them.
    pub source_id: u32,
    /// Pad of `nvstreammux`.
    pub pad_index: u32,
    /// Number of the frame in its stream.
    pub frame_num: i32,
    /// Whether a detector looked at it.
    pub inferred: bool,
    /// What is on it, in the order of the list.
    pub objects: Vec<NvObject>,
}

/// An object of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NvObject {
    /// Who found it: `gie-unique-id` of an `nvinfer`.
    pub component: i32,
    /// Its class, by that model's count.
    pub class_id: i32,
    /// The name of its class, if it has one.
    pub label: Option<glib::Quark>,
    /// Where, in pixels of the frame: left, top, width, height.
    pub rect: [f32; 4],
    /// A detector's score, 0..1; `None` where no detector found it here, or one that keeps no scores.
    pub confidence: Option<f32>,
    /// A tracker's score, 0..1, where it has one.
    pub tracker_confidence: Option<f32>,
    /// A tracker's identity of it.
    pub object_id: Option<u64>,
    /// Whether it is a part of another object, such as a plate of a car.
    pub is_part: bool,
}

/// An object to be written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    /// Its class, by the model's count.
    pub class_id: i32,
    /// The name of its class.
    pub label: &'a str,
    /// Where, in pixels of the frame: left, top, width, height.
    pub rect: [f32; 4],
    /// Score, 0..1.
    pub confidence: f32,
    /// Identity, where there is one.
    pub object_id: Option<u64>,
}

/// The two layouts of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    DeepStream5,
    DeepStream9,
}

/// The batch of a buffer, locked against DeepStream's other users until it is dropped.
struct Locked<'a> {
    library: &'a Library,
    batch: *mut BatchMeta,
}

impl<'a> Locked<'a> {
    fn of(library: &'a Library, buffer: &gst::BufferRef) -> Result<Self, NvDsError> {
        // SAFETY: the function only looks at the buffer.
        let batch = unsafe { (library.get_batch)(buffer.as_ptr().cast_mut()) };
        if batch.is_null() {
            return Err(NvDsError::NoBatch);
        }
        // SAFETY: the batch lives as long as the buffer; its lock is recursive.
        unsafe { (library.lock)(batch) };
        Ok(Self { library, batch })
    }

    /// The layout of its objects.
    fn layout(&self) -> Result<Layout, NvDsError> {
        // SAFETY: the batch lives, and has its pools as long.
        let pool = unsafe { (*self.batch).obj_pool };
        // SAFETY: null, or as above.
        let size = unsafe { pool.as_ref() }.map_or(0, |pool| pool.element_size);
        match size as usize {
            544 => Ok(Layout::DeepStream5),
            552 => Ok(Layout::DeepStream9),
            _ => Err(NvDsError::Layout(size)),
        }
    }

    fn frames(&self) -> impl Iterator<Item = *mut FrameMeta> {
        // SAFETY: the batch is locked.
        items(unsafe { (*self.batch).frames })
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // SAFETY: locked by `of`.
        unsafe { (self.library.unlock)(self.batch) };
    }
}

/// The elements of a list that stays as it is.
fn items<T>(list: *mut List) -> impl Iterator<Item = *mut T> {
    let mut next = list;
    std::iter::from_fn(move || {
        // SAFETY: null, or a link of a list that is locked by the caller.
        let link = unsafe { next.as_ref() }?;
        next = link.next;
        Some(link.data.cast::<T>())
    })
    .filter(|item| !item.is_null())
}

impl Library {
    /// The frames of a buffer's batch, into `out`, whose allocations are used again.
    ///
    /// # Errors
    /// [`NvDsError::NoBatch`], [`NvDsError::Layout`].
    pub fn read(&self, buffer: &gst::BufferRef, out: &mut Vec<Frame>) -> Result<(), NvDsError> {
        let locked = Locked::of(self, buffer)?;
        let layout = locked.layout()?;
        let mut count = 0;
        for meta in locked.frames() {
            if out.len() == count {
                out.push(Frame::default());
            }
            // SAFETY: an element of the list of frames is a frame.
            unsafe { read_frame(&*meta, layout, &mut out[count]) };
            count += 1;
        }
        out.truncate(count);
        Ok(())
    }

    /// Adds objects to a frame of a buffer's batch, and says there that a detector looked, also for
    /// no objects. What others wrote stays; an object of theirs with the same box and label is the
    /// same one, and is given the identity instead of being added again.
    ///
    /// `look` says whether a detector looked at the frame (`bInferDone`), or these are a tracker's
    /// predictions. `component` tells DeepStream's elements who found them, as `gie-unique-id` does.
    ///
    /// # Errors
    /// [`NvDsError::NoBatch`], [`NvDsError::Layout`], [`NvDsError::NoFrame`],
    /// [`NvDsError::NoObject`]. Objects that were added before an error stay.
    pub fn write<'a>(
        &self,
        buffer: &mut gst::BufferRef,
        batch_id: usize,
        look: Look,
        component: i32,
        objects: impl IntoIterator<Item = Found<'a>>,
    ) -> Result<(), NvDsError> {
        let locked = Locked::of(self, buffer)?;
        let layout = locked.layout()?;
        // SAFETY: an element of the list of frames is a frame.
        let is_it = |frame: &*mut FrameMeta| unsafe { (**frame).batch_id } as usize == batch_id;
        let Some(frame) = locked.frames().find(is_it) else {
            // SAFETY: as above.
            let ids = locked.frames().map(|frame| unsafe { (*frame).batch_id });
            let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
            return Err(NvDsError::NoFrame {
                wanted: batch_id,
                found: match ids.is_empty() {
                    true => "none".into(),
                    false => ids.join(", "),
                },
            });
        };
        // SAFETY: the frame lives and is locked.
        let mut theirs: Vec<_> = items::<ObjectHead>(unsafe { (*frame).objects }).collect();
        for found in objects {
            // SAFETY: objects of the frame have the size of the layout.
            let same = |object: &*mut ObjectHead| unsafe { is_same(*object, layout, &found) };
            if let Some(at) = theirs.iter().position(same) {
                // SAFETY: as above; nobody else has it while the batch is locked.
                identify(unsafe { &mut *theirs.swap_remove(at) }, &found);
                continue;
            }
            // SAFETY: the batch lives; the pool grows as needed.
            let object = unsafe { (self.acquire_object)(locked.batch) };
            if object.is_null() {
                return Err(NvDsError::NoObject);
            }
            // SAFETY: an object of the pool has the size of the layout, and is nobody else's yet.
            unsafe {
                match layout {
                    Layout::DeepStream5 => fill(&mut *object.cast::<Object5>(), component, &found),
                    Layout::DeepStream9 => fill(&mut *object.cast::<Object9>(), component, &found),
                }
                (self.add_object)(frame, object, std::ptr::null_mut());
            }
        }
        if look == Look::Inferred {
            // SAFETY: the frame lives and is locked.
            unsafe { (*frame).infer_done = glib::ffi::GTRUE };
        }
        Ok(())
    }
}

/// Whether an object that is there is the one that is to be written.
///
/// # Safety
/// The object must be of this layout, and locked.
unsafe fn is_same(object: *const ObjectHead, layout: Layout, found: &Found) -> bool {
    fn compare<R: Rectangle>(object: &Object<R>, found: &Found) -> bool {
        let Coords {
            left,
            top,
            width,
            height,
        } = object.rect.plain().coords;
        let sides = [left, top, width, height].into_iter().zip(found.rect);
        let is_near = |(a, b): (f32, f32)| (a - b).abs() <= SAME_BOX;
        // One without a name has been given one by whoever read it.
        let has_name = object.label[0] != 0;
        sides.into_iter().all(is_near) && (!has_name || object.label == label_text(found.label))
    }
    // SAFETY: the caller's promise.
    unsafe {
        match layout {
            Layout::DeepStream5 => compare(&*object.cast::<Object5>(), found),
            Layout::DeepStream9 => compare(&*object.cast::<Object9>(), found),
        }
    }
}

/// Gives an object the identity that was found, if one was.
fn identify(object: &mut ObjectHead, found: &Found) {
    let Some(id) = found.object_id else { return };
    let [left, top, width, height] = found.rect;
    object.object_id = id;
    object.tracker_bbox = Coords {
        left,
        top,
        width,
        height,
    };
    object.tracker_confidence = found.confidence;
}

/// # Safety
/// The frame and its objects must be of this layout, and locked.
unsafe fn read_frame(meta: &FrameMeta, layout: Layout, out: &mut Frame) {
    out.batch_id = meta.batch_id as usize;
    out.source_id = meta.source_id;
    out.pad_index = meta.pad_index;
    out.frame_num = meta.frame_num;
    out.inferred = meta.infer_done != glib::ffi::GFALSE;
    out.objects.clear();
    for object in items::<ObjectHead>(meta.objects) {
        // SAFETY: the caller's promise.
        out.objects.push(unsafe {
            match layout {
                Layout::DeepStream5 => read_object(&*object.cast::<Object5>()),
                Layout::DeepStream9 => read_object(&*object.cast::<Object9>()),
            }
        });
    }
}

fn read_object<R: Rectangle>(object: &Object<R>) -> NvObject {
    let head = &object.head;
    let Coords {
        left,
        top,
        width,
        height,
    } = object.rect.plain().coords;
    let score = |score: f32| (score >= 0.0).then(|| score.min(1.0));
    NvObject {
        component: head.unique_component_id,
        class_id: head.class_id,
        label: label_of(&object.label),
        rect: [left, top, width, height],
        confidence: score(head.confidence),
        tracker_confidence: score(head.tracker_confidence),
        object_id: (head.object_id != UNTRACKED).then_some(head.object_id),
        is_part: !head.parent.is_null(),
    }
}

/// The label as a quark, without an allocation if it is known already.
fn label_of(label: &[c_char; LABEL_SIZE]) -> Option<glib::Quark> {
    use glib::translate::FromGlib;
    // SAFETY: chars are bytes.
    let bytes = unsafe { std::slice::from_raw_parts(label.as_ptr().cast::<u8>(), LABEL_SIZE) };
    let end = bytes.iter().position(|byte| *byte == 0)?;
    if end == 0 {
        return None;
    }
    let text = CStr::from_bytes_with_nul(&bytes[..=end]).ok()?;
    // What is not UTF-8 is no name that anybody could compare with.
    text.to_str().ok()?;
    // SAFETY: a string that ends with a zero, and a number of GLib's for it.
    Some(unsafe { glib::Quark::from_glib(glib::ffi::g_quark_from_string(text.as_ptr())) })
}

/// What both versions of a rectangle have.
trait Rectangle {
    fn plain(&self) -> &Rect;
    fn plain_mut(&mut self) -> &mut Rect;
}

impl Rectangle for Rect {
    fn plain(&self) -> &Rect {
        self
    }
    fn plain_mut(&mut self) -> &mut Rect {
        self
    }
}

impl Rectangle for Rect9 {
    fn plain(&self) -> &Rect {
        &self.rect
    }
    fn plain_mut(&mut self) -> &mut Rect {
        &mut self.rect
    }
}

/// What `nvdsosd` draws where nobody says otherwise: as `nvinfer` has it.
const BORDER: u32 = 3;
const RED: Color = color(1.0, 0.0, 0.0, 1.0);
const WHITE: Color = color(1.0, 1.0, 1.0, 1.0);
const BLACK: Color = color(0.0, 0.0, 0.0, 1.0);
const FONT: &CStr = c"Serif";
const FONT_SIZE: u32 = 11;
/// Boxes whose sides differ by no more are the same one; GstAnalytics has whole pixels.
const SAME_BOX: f32 = 0.5;
/// Score of somebody who keeps none.
const NO_SCORE: f32 = -0.1;

const fn color(red: f64, green: f64, blue: f64, alpha: f64) -> Color {
    Color {
        red,
        green,
        blue,
        alpha,
    }
}

fn fill<R: Rectangle>(object: &mut Object<R>, component: i32, found: &Found) {
    let [left, top, width, height] = found.rect;
    let coords = Coords {
        left,
        top,
        width,
        height,
    };
    let head = &mut object.head;
    head.unique_component_id = component;
    head.class_id = found.class_id;
    head.object_id = found.object_id.unwrap_or(UNTRACKED);
    head.detector_bbox = coords;
    head.tracker_bbox = match found.object_id {
        Some(_) => coords,
        None => Coords::default(),
    };
    head.confidence = found.confidence;
    head.tracker_confidence = match found.object_id {
        Some(_) => found.confidence,
        None => NO_SCORE,
    };
    let rect = object.rect.plain_mut();
    rect.coords = coords;
    rect.border_width = BORDER;
    rect.border_color = RED;
    rect.has_bg_color = 0;
    let text = label_text(found.label);
    object.text = Text {
        // SAFETY: a string that ends with a zero; the pool frees the copy.
        display_text: unsafe { glib::ffi::g_strdup(text.as_ptr()) },
        // Casts of floats stop at 0 and at the largest number.
        x_offset: left as u32,
        y_offset: (top - 10.0) as u32,
        font_name: FONT.as_ptr(),
        font_size: FONT_SIZE,
        font_color: WHITE,
        set_bg_color: glib::ffi::GTRUE,
        bg_color: BLACK,
    };
    object.label = text;
}

/// A label as `obj_label` holds it: cut where it is too long, between two characters.
fn label_text(label: &str) -> [c_char; LABEL_SIZE] {
    let label = label.split('\0').next().unwrap_or_default();
    let mut end = label.len().min(LABEL_SIZE - 1);
    while !label.is_char_boundary(end) {
        end -= 1;
    }
    let mut text = [0; LABEL_SIZE];
    for (to, from) in text.iter_mut().zip(&label.as_bytes()[..end]) {
        *to = *from as c_char;
    }
    text
}

const _: () = assert!(size_of::<raw::Object5>() == 544 && size_of::<raw::Object9>() == 552);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_between_characters_and_end_with_a_zero() {
        let back = |label: &str| label_of(&label_text(label)).map(|quark| quark.as_str().as_str());
        assert_eq!(back("person"), Some("person"));
        assert_eq!(back(""), None);
        assert_eq!(back("car\0park"), Some("car"));
        let long = "ä".repeat(100);
        assert_eq!(back(&long), Some(&long[..126]));
        assert_eq!(label_of(&[b'x' as c_char; LABEL_SIZE]), None);
    }
}
