//! TensorRT's binary interface: what an object looks like in memory, and where its methods are.
//!
//! TensorRT is C++, and its public classes (`IRuntime`, `ICudaEngine`, …) are thin: two words, a
//! pointer to a table of virtual functions and a pointer to the implementation, an `apiv::V…` whose
//! virtual methods do the work. This module calls those by their place in the table. Which place is
//! which is in [`v8`], [`v10`] and [`v11`]: `tools/tensorrt-slots` writes them from a list of the
//! classes of each version, and `tests/tensorrt/abi_check.cpp` compares every slot, signature and
//! number with TensorRT's own headers wherever these are installed. Inside a major version methods
//! are only ever added at the end; only those are called that the lowest minor has.
//!
//! The calling convention is that of the Itanium C++ ABI, which Linux uses on x86-64 and on aarch64:
//! a method is a C function whose first argument is `this`. A class that is trivial to copy is
//! returned as C returns a struct. `Dims` is larger than two words, so it is returned in memory:
//! on x86-64 the hidden pointer is the first argument (`rdi`) and `this` the second (`rsi`), on
//! aarch64 it is in `x8` and `this` stays in `x0`. For `extern "C" fn(this, …) -> Dims` Rust does
//! exactly that on both. (Microsoft's ABI has the two the other way round, which is of no concern
//! here.) `Dims` by value as an argument, as 8.6 takes it, goes on the stack or by a pointer to a
//! copy, again as for C. `bool` is a byte that is 0 or 1, every `enum` here is an `int32_t`.
//!
//! A virtual destructor has two slots, the complete one and the deleting one; objects are destroyed
//! by the deleting one, which is what `delete` calls, so that each is freed by the library that made
//! it.

#[rustfmt::skip]
pub mod v10;
#[rustfmt::skip]
pub mod v11;
#[rustfmt::skip]
pub mod v8;

use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;

/// A version of the binary interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// TensorRT 8.6.
    V8,
    /// TensorRT 10.
    V10,
    /// TensorRT 11.
    V11,
}

impl Family {
    /// All, the one that is looked for first in front.
    pub const ALL: [Self; 3] = [Self::V10, Self::V11, Self::V8];

    /// The number at the end of the libraries' names.
    pub fn major(self) -> i32 {
        match self {
            Self::V8 => 8,
            Self::V10 => 10,
            Self::V11 => 11,
        }
    }
}

/// What `Dims` can hold.
pub const MAX_DIMS: usize = 8;

/// `Dims` of TensorRT 8: extents of 32 bits.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Dims32 {
    count: i32,
    extents: [i32; MAX_DIMS],
}

/// `Dims` of TensorRT 10 and later: extents of 64 bits.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Dims64 {
    count: i32,
    extents: [i64; MAX_DIMS],
}

/// Extents of a tensor, the outermost first; -1 is one that is not fixed. At most [`MAX_DIMS`].
pub type Shape = Vec<i64>;

macro_rules! dims {
    ($dims:ident, $extent:ty) => {
        impl From<&[i64]> for $dims {
            /// Extents behind the eighth are dropped, and what does not fit becomes the largest
            /// value that does: TensorRT then refuses the shape.
            fn from(shape: &[i64]) -> Self {
                let count = shape.len().min(MAX_DIMS);
                let mut extents = [0; MAX_DIMS];
                for (to, from) in extents.iter_mut().zip(shape) {
                    *to = <$extent>::try_from(*from).unwrap_or(<$extent>::MAX);
                }
                Self {
                    count: count as i32,
                    extents,
                }
            }
        }

        impl $dims {
            /// The extents; none where TensorRT says that there is no such shape (a count of -1).
            pub fn shape(self) -> Option<Shape> {
                let count = usize::try_from(self.count)
                    .ok()
                    .filter(|n| *n <= MAX_DIMS)?;
                Some(
                    self.extents[..count]
                        .iter()
                        .map(|e| i64::from(*e))
                        .collect(),
                )
            }
        }
    };
}
dims!(Dims32, i32);
dims!(Dims64, i64);

/// The implementation behind a public object.
///
/// # Safety
/// `object` must be a live object of a class that only has an implementation: not a parser.
pub(super) unsafe fn implementation(object: *mut c_void) -> *mut c_void {
    // SAFETY: by the caller; the second word is `mImpl`.
    unsafe { *object.cast::<*mut c_void>().add(1) }
}

/// Where the virtual functions of an object are.
///
/// # Safety
/// `object` must be a live C++ object of a class with virtual functions, and `T` their table.
pub(super) unsafe fn table<T>(object: *mut c_void) -> *const T {
    // SAFETY: by the caller; the first word points to the table.
    unsafe { *object.cast::<*const T>() }
}

/// Calls a method of the implementation behind a public object, in the table of its version. To be
/// used in an unsafe block that says why object and arguments are right. `Dims` in the arguments is
/// that version's.
macro_rules! call {
    ($family:expr, $object:expr, $class:ident.$method:ident($($arg:expr),* $(,)?) $(.$then:ident())?) => {{
        let this = $crate::tensorrt::abi::implementation($object);
        $crate::tensorrt::abi::call!(@all $family, this, $class.$method($($arg),*) $(.$then())?)
    }};
    (@all $family:expr, $this:expr, $class:ident.$method:ident($($arg:expr),*) $(.$then:ident())?) => {
        match $family {
            $crate::tensorrt::abi::Family::V8 =>
                $crate::tensorrt::abi::call!(@one v8, $this, $class.$method($($arg),*) $(.$then())?),
            $crate::tensorrt::abi::Family::V10 =>
                $crate::tensorrt::abi::call!(@one v10, $this, $class.$method($($arg),*) $(.$then())?),
            $crate::tensorrt::abi::Family::V11 =>
                $crate::tensorrt::abi::call!(@one v11, $this, $class.$method($($arg),*) $(.$then())?),
        }
    };
    (@one $version:ident, $this:expr, $class:ident.$method:ident($($arg:expr),*) $(.$then:ident())?) => {{
        #[allow(unused_imports)]
        use $crate::tensorrt::abi::$version::Dims;
        let this = $this;
        let table = $crate::tensorrt::abi::table::<$crate::tensorrt::abi::$version::$class>(this);
        ((*table).$method)(this, $($arg),*) $(.$then())?
    }};
}
pub(super) use call;

/// An object of TensorRT's that is ours to destroy.
#[derive(Debug)]
pub(super) struct Owned {
    object: Option<NonNull<c_void>>,
    delete: usize,
}

// SAFETY: TensorRT's objects have no thread of their own. Which of their methods may be called by
// several threads at once is for the types that hold them to keep.
unsafe impl Send for Owned {}

impl Owned {
    /// Takes over an object whose destructor is its first virtual function, as all have but parsers.
    /// `None` for null.
    ///
    /// # Safety
    /// `object` must be null or such an object, and nobody else's.
    pub unsafe fn new(object: *mut c_void) -> Option<Self> {
        let object = NonNull::new(object)?;
        Some(Self {
            object: Some(object),
            delete: 1,
        })
    }

    /// As [`new`](Self::new), for an ONNX parser.
    ///
    /// # Safety
    /// `object` must be null or a parser of this version, and nobody else's.
    pub unsafe fn parser(family: Family, object: *mut c_void) -> Option<Self> {
        let delete = match family {
            Family::V8 => std::mem::offset_of!(v8::IParser, delete),
            Family::V10 => std::mem::offset_of!(v10::IParser, delete),
            Family::V11 => std::mem::offset_of!(v11::IParser, delete),
        } / size_of::<usize>();
        let object = NonNull::new(object)?;
        Some(Self {
            object: Some(object),
            delete,
        })
    }

    /// The object.
    pub fn raw(&self) -> *mut c_void {
        self.object.map_or(std::ptr::null_mut(), NonNull::as_ptr)
    }

    /// Destroys it now, while what it needs for that is at hand, rather than when it is dropped.
    /// Nothing may be called of it any more.
    pub fn destroy(&mut self) {
        type Delete = unsafe extern "C" fn(*mut c_void);
        let Some(object) = self.object.take() else {
            return;
        };
        // SAFETY: the object is alive and ours, and the slot is its deleting destructor's.
        unsafe {
            let table = table::<Delete>(object.as_ptr());
            (*table.add(self.delete))(object.as_ptr());
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.destroy();
    }
}

/// Text of TensorRT's; empty for null.
///
/// # Safety
/// `text` must be null or end with a zero.
pub(super) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the caller.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_survives_either_width() {
        for shape in [vec![], vec![1], vec![-1, 3, 640, 640], vec![1; MAX_DIMS]] {
            assert_eq!(Dims32::from(&shape[..]).shape(), Some(shape.clone()));
            assert_eq!(Dims64::from(&shape[..]).shape(), Some(shape));
        }
        assert_eq!(size_of::<Dims32>(), 36);
        assert_eq!(size_of::<Dims64>(), 72);
    }

    #[test]
    fn a_shape_that_is_none_is_not_an_empty_one() {
        for count in [-1, 9] {
            let dims = Dims64 {
                count,
                extents: [0; MAX_DIMS],
            };
            assert_eq!(dims.shape(), None);
        }
    }

    #[test]
    fn the_generated_tables_end_where_their_last_slot_is() {
        assert_eq!(
            std::mem::offset_of!(v8::VExecutionContext, enqueue_v3),
            44 * 8
        );
        assert_eq!(
            std::mem::offset_of!(v10::VExecutionContext, enqueue_v3),
            37 * 8
        );
        assert_eq!(
            std::mem::offset_of!(v11::VExecutionContext, enqueue_v3),
            36 * 8
        );
        // The destructor in the middle takes two.
        assert_eq!(std::mem::offset_of!(v8::IParser, delete), 15 * 8);
        assert_eq!(std::mem::offset_of!(v10::IParser, delete), 9 * 8);
        assert_eq!(std::mem::offset_of!(v11::IParser, delete), 7 * 8);
    }
}
