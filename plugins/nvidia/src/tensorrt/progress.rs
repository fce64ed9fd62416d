//! How far a build is: a C++ object of ours that TensorRT 10 and later call,
//! `nvinfer1::IProgressMonitor`, and how a build is given up.

use super::abi;
use super::logger::{Info, InterfaceInfo, Language, language, nothing};
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a build has reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// TensorRT's name of what it does.
    pub phase: String,
    /// The phase that this is a part of; empty if of none.
    pub parent: String,
    /// Steps done.
    pub step: i32,
    /// Steps in all; 0 where only the step that is done is told.
    pub steps: i32,
    /// Whether the phase ends with this.
    pub finished: bool,
}

/// Who is told. Called by the threads of the build, several at once.
pub type ProgressCallback = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Gives a build up, from any thread. TensorRT 10 and later stop at the next step; 8.6 cannot be
/// stopped while it builds, and is only asked before and after. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Gives up.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was given up.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The object that TensorRT calls.
pub(super) struct Monitor {
    object: Box<Object>,
}

#[repr(C)]
struct Object {
    table: *const Table,
    callback: ProgressCallback,
    cancel: Cancel,
}

/// `IProgressMonitor`: an `IVersionedInterface` with three functions of its own.
#[repr(C)]
struct Table {
    language: Language,
    info: Info,
    complete: unsafe extern "C" fn(*mut c_void),
    delete: unsafe extern "C" fn(*mut c_void),
    start: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char, i32),
    step: unsafe extern "C" fn(*mut c_void, *const c_char, i32) -> bool,
    finish: unsafe extern "C" fn(*mut c_void, *const c_char),
}

static TABLE: Table = Table {
    language,
    info,
    complete: nothing,
    delete: nothing,
    start,
    step,
    finish,
};

impl Monitor {
    pub fn new(callback: ProgressCallback, cancel: Cancel) -> Self {
        Self {
            object: Box::new(Object {
                table: &raw const TABLE,
                callback,
                cancel,
            }),
        }
    }

    /// The `IProgressMonitor*`.
    pub fn raw(&self) -> *mut c_void {
        (&raw const *self.object).cast_mut().cast()
    }
}

unsafe extern "C" fn info(_: *const c_void) -> InterfaceInfo {
    InterfaceInfo {
        kind: c"IProgressMonitor".as_ptr(),
        major: 1,
        minor: 0,
    }
}

/// Tells the callback; a panic in it must not unwind into C++.
///
/// # Safety
/// `this` must be an [`Object`]; the texts null or ended by a zero.
unsafe fn tell(
    this: *mut c_void,
    phase: *const c_char,
    parent: *const c_char,
    step: i32,
    steps: i32,
    finished: bool,
) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: by the caller.
        let (object, phase, parent) =
            unsafe { (&*this.cast::<Object>(), abi::text(phase), abi::text(parent)) };
        (object.callback)(&Progress {
            phase,
            parent,
            step,
            steps,
            finished,
        });
    }));
}

unsafe extern "C" fn start(
    this: *mut c_void,
    phase: *const c_char,
    parent: *const c_char,
    steps: i32,
) {
    // SAFETY: TensorRT gives back the object that it was given, and its own texts.
    unsafe { tell(this, phase, parent, 0, steps, false) }
}

unsafe extern "C" fn step(this: *mut c_void, phase: *const c_char, step: i32) -> bool {
    // SAFETY: as above. Steps are counted from 0, and told when they are done.
    unsafe {
        tell(
            this,
            phase,
            std::ptr::null(),
            step.saturating_add(1),
            0,
            false,
        );
        !(*this.cast::<Object>()).cancel.is_cancelled()
    }
}

unsafe extern "C" fn finish(this: *mut c_void, phase: *const c_char) {
    // SAFETY: as above.
    unsafe { tell(this, phase, std::ptr::null(), 0, 0, true) }
}
