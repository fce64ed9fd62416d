//! DeepStream's metadata libraries without DeepStream: batches on buffers, made and looked at apart from
//! their layouts.

#![allow(missing_docs, reason = "a test's own")]
#![allow(dead_code, reason = "each test uses a part of it")]

use super::fake_gst;
use std::ffi::{c_char, c_int, c_uint};
use std::sync::Arc;
use vigil_nvidia::deepstream::Library;

pub const UNTRACKED: u64 = u64::MAX;
pub const NO_SCORE: f32 = -0.1;

/// What the fake tells of an object, whatever its layout.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Plain {
    pub component: c_int,
    pub class_id: c_int,
    pub id: u64,
    pub rect: [f32; 4],
    pub detector: [f32; 4],
    pub tracker: [f32; 4],
    pub confidence: f32,
    pub tracker_confidence: f32,
    pub border_width: c_uint,
    pub border_red: f64,
    pub text_x: c_uint,
    pub text_y: c_uint,
    pub font_size: c_uint,
    pub label: [c_char; 128],
    pub text: [c_char; 128],
    pub font: [c_char; 32],
}

pub type Buffer = *mut gst::ffi::GstBuffer;

/// The fake libraries of a version, with a state of their own, and ours on top of them.
pub struct Fake {
    pub library: Arc<Library>,
    meta: libloading::Library,
    gst_meta: libloading::Library,
    folder: tempfile::TempDir,
}

/// A folder with the libraries of a version: one file under both names.
pub fn folder(version: &str) -> tempfile::TempDir {
    let define = format!("-DDEEPSTREAM={version}");
    let made = fake_gst::compile("deepstream", &[&define]);
    let folder = tempfile::tempdir().unwrap();
    for name in ["libnvds_meta.so", "libnvdsgst_meta.so"] {
        std::fs::copy(&made, folder.path().join(name)).unwrap();
    }
    folder
}

impl Fake {
    pub fn new(version: &str) -> Self {
        gst::init().unwrap();
        let folder = folder(version);
        let path = |name| folder.path().join(name);
        // SAFETY: libraries of the tests.
        let open = |name| unsafe { libloading::Library::new(path(name)) }.unwrap();
        Self {
            library: Arc::new(Library::open_in(folder.path()).unwrap()),
            meta: open("libnvds_meta.so"),
            gst_meta: open("libnvdsgst_meta.so"),
            folder,
        }
    }

    /// Where the libraries are.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn call<T: Copy>(&self, name: &str) -> T {
        // SAFETY: the test names functions of the fakes with their types.
        unsafe { *self.gst_meta.get::<T>(name).unwrap() }
    }

    pub fn set(&self, text: &std::ffi::CStr) {
        type Set = unsafe extern "C" fn(*const c_char);
        for library in [&self.meta, &self.gst_meta] {
            // SAFETY: a function of the fake.
            unsafe { library.get::<Set>("vigil_fake_nvds_set").unwrap()(text.as_ptr()) };
        }
    }

    /// Locks that are held by this thread.
    pub fn depth(&self) -> c_int {
        type Depth = unsafe extern "C" fn() -> c_int;
        // SAFETY: a function of the fake.
        unsafe { self.meta.get::<Depth>("vigil_fake_nvds_depth").unwrap()() }
    }

    pub fn buffer(&self, frames: c_uint, ms: u64) -> gst::Buffer {
        let mut buffer = gst::Buffer::new();
        buffer
            .get_mut()
            .unwrap()
            .set_pts(gst::ClockTime::from_mseconds(ms));
        self.attach(&buffer, frames);
        buffer
    }

    /// Makes a buffer a batch of so many frames.
    pub fn attach(&self, buffer: &gst::Buffer, frames: c_uint) {
        let attach: unsafe extern "C" fn(Buffer, c_uint) = self.call("vigil_fake_nvds_attach");
        // SAFETY: a function of the fake, and a buffer.
        unsafe { attach(buffer.as_mut_ptr(), frames) };
    }

    pub fn infer_done(&self, buffer: &gst::Buffer, frame: c_uint) {
        let set: unsafe extern "C" fn(Buffer, c_uint, c_int) =
            self.call("vigil_fake_nvds_infer_done");
        // SAFETY: as above.
        unsafe { set(buffer.as_mut_ptr(), frame, 1) };
    }

    pub fn is_infer_done(&self, buffer: &gst::Buffer, frame: c_uint) -> bool {
        let get: unsafe extern "C" fn(Buffer, c_uint) -> c_int =
            self.call("vigil_fake_nvds_is_infer_done");
        // SAFETY: as above.
        unsafe { get(buffer.as_mut_ptr(), frame) != 0 }
    }

    pub fn add(&self, buffer: &gst::Buffer, frame: c_uint, object: &Plain, is_part: bool) {
        let add: unsafe extern "C" fn(Buffer, c_uint, *const Plain, c_int) =
            self.call("vigil_fake_nvds_add");
        // SAFETY: as above.
        unsafe { add(buffer.as_mut_ptr(), frame, object, is_part.into()) };
    }

    pub fn objects(&self, buffer: &gst::Buffer, frame: c_uint) -> Vec<Plain> {
        let count: unsafe extern "C" fn(Buffer, c_uint) -> c_uint =
            self.call("vigil_fake_nvds_count");
        let get: unsafe extern "C" fn(Buffer, c_uint, c_uint, *mut Plain) =
            self.call("vigil_fake_nvds_get");
        // SAFETY: as above; zeros are a Plain.
        unsafe {
            let mut all =
                vec![std::mem::zeroed::<Plain>(); count(buffer.as_mut_ptr(), frame) as usize];
            for (i, plain) in all.iter_mut().enumerate() {
                get(buffer.as_mut_ptr(), frame, i as c_uint, plain);
            }
            all
        }
    }
}

/// An object as `nvinfer` writes one.
pub fn object(class_id: i32, label: &str, rect: [f32; 4], confidence: f32) -> Plain {
    // SAFETY: zeros are a Plain.
    let mut plain: Plain = unsafe { std::mem::zeroed() };
    plain.component = 1;
    plain.class_id = class_id;
    plain.id = UNTRACKED;
    plain.rect = rect;
    plain.confidence = confidence;
    plain.tracker_confidence = NO_SCORE;
    for (to, from) in plain.label.iter_mut().zip(label.bytes()) {
        *to = from as c_char;
    }
    plain
}

pub fn text(chars: &[c_char]) -> String {
    let bytes = chars.iter().map(|c| *c as u8);
    String::from_utf8(bytes.take_while(|b| *b != 0).collect()).unwrap()
}
