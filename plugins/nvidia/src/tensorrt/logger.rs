//! TensorRT's messages: a C++ object of ours that its library calls, `nvinfer1::ILogger`.
//!
//! Up to version 10 the class has no base and `log` is its first virtual function. From 11 on it is
//! an `IVersionedInterface`, whose two functions and destructor come before it.

use super::abi::{self, Family};
use std::collections::VecDeque;
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// TensorRT cannot go on.
    InternalError,
    /// A call failed.
    Error,
    /// Something was worked around.
    Warning,
    /// What it does.
    Info,
    /// How it does it: very many lines.
    Verbose,
}

impl Severity {
    fn of(number: i32) -> Self {
        match number {
            0 => Self::InternalError,
            1 => Self::Error,
            2 => Self::Warning,
            3 => Self::Info,
            _ => Self::Verbose,
        }
    }
}

/// Who gets the messages. Called by any thread, several at once.
pub type LogCallback = Arc<dyn Fn(Severity, &str) + Send + Sync>;

/// How many errors and warnings are remembered for the message of the call that fails by them.
const REMEMBERED: usize = 8;

struct Line {
    thread: ThreadId,
    severity: Severity,
    text: String,
}

struct Sink {
    callback: LogCallback,
    remembered: Mutex<VecDeque<Line>>,
}

/// The object that TensorRT calls. Its address stays while it lives.
pub(super) struct Logger {
    object: Box<Object>,
}

#[repr(C)]
struct Object {
    table: *const c_void,
    sink: Sink,
}

// SAFETY: the table is constant, the callback may be called by any thread, the rest is locked.
unsafe impl Send for Logger {}
// SAFETY: as above.
unsafe impl Sync for Logger {}

impl std::fmt::Debug for Logger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logger")
    }
}

impl Logger {
    pub fn new(family: Family, callback: LogCallback) -> Self {
        let table = match family {
            Family::V8 | Family::V10 => (&raw const PLAIN).cast(),
            Family::V11 => (&raw const VERSIONED).cast(),
        };
        Self {
            object: Box::new(Object {
                table,
                sink: Sink {
                    callback,
                    remembered: Mutex::default(),
                },
            }),
        }
    }

    /// The `ILogger*`.
    pub fn raw(&self) -> *mut c_void {
        (&raw const *self.object).cast_mut().cast()
    }

    /// A message of ours among TensorRT's.
    pub fn say(&self, severity: Severity, text: &str) {
        (self.object.sink.callback)(severity, text);
    }

    /// Forgets what this thread was told, before a call whose own errors are wanted.
    pub fn forget(&self) {
        let me = std::thread::current().id();
        self.remembered().retain(|line| line.thread != me);
    }

    /// What went wrong since [`forget`](Self::forget), as one line: this thread's messages, or, if
    /// it has none, those of the threads that TensorRT works on. Warnings count where there are no
    /// errors: 8.6 says of a GPU that it cannot use no more than that.
    pub fn take_errors(&self) -> String {
        let me = std::thread::current().id();
        let mut remembered = self.remembered();
        let any = remembered.iter().any(|line| line.thread == me);
        let (taken, kept) = remembered
            .drain(..)
            .partition::<VecDeque<_>, _>(|line| !any || line.thread == me);
        *remembered = kept;
        let worst = taken
            .iter()
            .map(|line| line.severity.max(Severity::Error))
            .min();
        let worst = taken
            .into_iter()
            .filter(|line| Some(line.severity.max(Severity::Error)) == worst);
        let mut lines: Vec<String> = worst.map(|line| line.text).collect();
        lines.dedup();
        lines.join("; ")
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, VecDeque<Line>> {
        let remembered = &self.object.sink.remembered;
        remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink {
    fn log(&self, severity: Severity, text: &str) {
        if severity <= Severity::Warning {
            let mut lines = (self.remembered.lock()).unwrap_or_else(PoisonError::into_inner);
            if lines.len() == REMEMBERED {
                lines.pop_front();
            }
            lines.push_back(Line {
                thread: std::thread::current().id(),
                severity,
                text: text.trim().to_owned(),
            });
        }
        (self.callback)(severity, text);
    }
}

type Log = unsafe extern "C" fn(*mut c_void, i32, *const c_char);
type Nothing = unsafe extern "C" fn(*mut c_void);
pub(super) type Language = unsafe extern "C" fn(*const c_void) -> i32;
pub(super) type Info = unsafe extern "C" fn(*const c_void) -> InterfaceInfo;

/// `ILogger` up to version 10.
#[repr(C)]
struct Plain {
    log: Log,
    complete: Nothing,
    delete: Nothing,
}

/// `ILogger` from version 11 on.
#[repr(C)]
struct Versioned {
    language: Language,
    info: Info,
    complete: Nothing,
    delete: Nothing,
    log: Log,
}

/// What an `IVersionedInterface` says of itself; returned in two registers.
#[repr(C)]
pub(super) struct InterfaceInfo {
    pub kind: *const c_char,
    pub major: i32,
    pub minor: i32,
}

static PLAIN: Plain = Plain {
    log,
    complete: nothing,
    delete: nothing,
};
static VERSIONED: Versioned = Versioned {
    language,
    info,
    complete: nothing,
    delete: nothing,
    log,
};

/// TensorRT never destroys what an application implements.
pub(super) unsafe extern "C" fn nothing(_: *mut c_void) {}

/// `APILanguage::kCPP`.
pub(super) unsafe extern "C" fn language(_: *const c_void) -> i32 {
    0
}

unsafe extern "C" fn info(_: *const c_void) -> InterfaceInfo {
    InterfaceInfo {
        kind: c"ILogger".as_ptr(),
        major: 1,
        minor: 0,
    }
}

unsafe extern "C" fn log(this: *mut c_void, severity: i32, message: *const c_char) {
    // A panic must not unwind into C++.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: TensorRT gives back the object that it was given, which outlives all of its own,
        // and text that ends with a zero.
        let (object, text) = unsafe { (&*this.cast::<Object>(), abi::text(message)) };
        object.sink.log(Severity::of(severity), &text);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `log` as C++ would, by its slot.
    fn call(logger: &Logger, slot: usize, severity: i32, text: &std::ffi::CStr) {
        // SAFETY: the slot is that of `log`.
        unsafe {
            (*abi::table::<Log>(logger.raw()).add(slot))(logger.raw(), severity, text.as_ptr())
        }
    }

    #[test]
    fn messages_arrive_with_their_severity_in_each_layout() {
        for (family, slot) in [(Family::V8, 0), (Family::V10, 0), (Family::V11, 4)] {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let sink = seen.clone();
            let callback: LogCallback =
                Arc::new(move |s, text| sink.lock().unwrap().push((s, text.to_owned())));
            let logger = Logger::new(family, callback);
            call(&logger, slot, 2, c"careful");
            call(&logger, slot, 1, c"broken");
            let expected = [
                (Severity::Warning, "careful".to_owned()),
                (Severity::Error, "broken".to_owned()),
            ];
            assert_eq!(*seen.lock().unwrap(), expected);
            assert_eq!(logger.take_errors(), "broken");
            assert_eq!(logger.take_errors(), "");
        }
    }

    #[test]
    fn a_callback_that_panics_does_not_unwind_into_the_library() {
        let logger = Logger::new(Family::V10, Arc::new(|_, _| panic!("on purpose")));
        call(&logger, 0, 1, c"broken");
        assert_eq!(logger.take_errors(), "broken");
    }

    #[test]
    fn a_warning_is_the_reason_where_there_is_no_error() {
        let logger = Logger::new(Family::V10, Arc::new(|_, _| {}));
        call(&logger, 0, 2, c"no GPU");
        call(&logger, 0, 3, c"by the way");
        assert_eq!(logger.take_errors(), "no GPU");
    }

    #[test]
    fn a_call_reports_its_own_threads_errors_before_those_of_others() {
        let logger = Logger::new(Family::V10, Arc::new(|_, _| {}));
        std::thread::scope(|s| {
            s.spawn(|| call(&logger, 0, 1, c"theirs"));
        });
        call(&logger, 0, 1, c"ours");
        assert_eq!(logger.take_errors(), "ours");
        assert_eq!(logger.take_errors(), "theirs");
    }
}
