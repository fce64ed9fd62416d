//! CUDA memory of GStreamer's elements, with fakes of the driver and of libgstcuda.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

#[path = "fake/mod.rs"]
mod fake;
#[path = "fake/gst.rs"]
mod fake_gst;

use gst::glib;
use gst::glib::translate::ToGlibPtr;
use gst::prelude::*;
use gst::subclass::prelude::*;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use vigil_nvidia::driver::raw::CUcontext;
use vigil_nvidia::driver::{DeviceBuffer, Stream};
use vigil_nvidia::memory::cuda::{
    ElementContext, GstCuda, GstCudaContext, LIBRARY, Reader, picture_format,
};
use vigil_nvidia::memory::{Matrix, MemoryError, PixelFormat, Planes};

/// libgstcuda, with a state of its own.
struct Fake {
    gst_cuda: Arc<GstCuda>,
    raw: libloading::Library,
    folder: tempfile::TempDir,
}

type RawContext = *mut GstCudaContext;
type RawMemory = *mut gst::ffi::GstMemory;

impl Fake {
    fn new() -> Self {
        Self::with(&["-DFULL"])
    }

    fn with(flags: &[&str]) -> Self {
        gst::init().unwrap();
        let made = fake_gst::compile("gstcuda", flags);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LIBRARY);
        std::fs::copy(made, &path).unwrap();
        Self {
            gst_cuda: Arc::new(GstCuda::open_at(&path).unwrap()),
            // SAFETY: a library of the tests.
            raw: unsafe { libloading::Library::new(&path) }.unwrap(),
            folder,
        }
    }

    fn call<T: Copy>(&self, name: &str) -> T {
        // SAFETY: the test names functions of the fake with their types.
        unsafe { *self.raw.get::<T>(name).unwrap() }
    }

    fn set(&self, text: &CStr) {
        let set: unsafe extern "C" fn(*const c_char) = self.call("vigil_fake_gstcuda_set");
        // SAFETY: a function of the fake.
        unsafe { set(text.as_ptr()) };
    }

    /// A `GstCudaContext` of the driver's context, with a reference.
    fn context(&self, handle: CUcontext, device: u32) -> RawContext {
        let make: unsafe extern "C" fn(*mut c_void, c_uint) -> RawContext =
            self.call("vigil_fake_gstcuda_context");
        // SAFETY: a function of the fake.
        unsafe { make(handle.cast(), device) }
    }

    fn next(&self, context: RawContext) {
        let next: unsafe extern "C" fn(RawContext) = self.call("vigil_fake_gstcuda_next");
        // SAFETY: a function of the fake.
        unsafe { next(context) };
    }

    fn offer(&self, context: RawContext) -> gst::Context {
        let offer: unsafe extern "C" fn(RawContext) -> *mut gst::ffi::GstContext =
            self.call("vigil_fake_gstcuda_offer");
        // SAFETY: a function of the fake.
        unsafe { gst::Context::from_glib_full(offer(context)) }
    }

    /// A buffer with one memory at an address of the device.
    fn buffer(
        &self,
        context: RawContext,
        info: &gst_video::VideoInfo,
        at: u64,
        stream: Option<&Stream>,
        refuses: bool,
    ) -> (gst::Buffer, RawMemory) {
        type Make = unsafe extern "C" fn(
            RawContext,
            *const gst_video::ffi::GstVideoInfo,
            *mut c_void,
            *mut c_void,
            c_int,
            c_int,
        ) -> RawMemory;
        let make: Make = self.call("vigil_fake_gstcuda_memory");
        let handle = stream.map_or(std::ptr::null_mut(), |stream| stream.raw().cast());
        // SAFETY: a function of the fake.
        let memory = unsafe {
            let info = info.to_glib_none().0;
            make(
                context,
                info,
                at as *mut c_void,
                handle,
                stream.is_some().into(),
                refuses.into(),
            )
        };
        let mut buffer = gst::Buffer::new();
        // SAFETY: a memory with a reference, which the buffer takes.
        let memory_of = unsafe { gst::Memory::from_glib_full(memory) };
        buffer.get_mut().unwrap().append_memory(memory_of);
        (buffer, memory)
    }

    /// How often a memory is mapped now, and how often it was waited for.
    fn counts(&self, memory: RawMemory) -> [c_int; 2] {
        ["vigil_fake_gstcuda_maps", "vigil_fake_gstcuda_syncs"].map(|name| {
            let count: unsafe extern "C" fn(RawMemory) -> c_int = self.call(name);
            // SAFETY: a function of the fake.
            unsafe { count(memory) }
        })
    }
}

fn unref(context: RawContext) {
    // SAFETY: the test's own reference.
    unsafe { gst::ffi::gst_object_unref(context.cast()) };
}

/// NV12 with a pitch that is not the width, as decoders give it.
fn info() -> gst_video::VideoInfo {
    gst::init().unwrap();
    gst_video::VideoInfo::builder(gst_video::VideoFormat::Nv12, 60, 32)
        .stride(&[256, 256])
        .offset(&[0, 256 * 32])
        .build()
        .unwrap()
}

#[test]
fn planes_are_at_their_device_addresses_with_their_pitches() {
    let cuda = fake::Cuda::new("");
    let context = cuda.context();
    let gst_cuda = Fake::new();
    let theirs = gst_cuda.context(context.raw(), 0);
    let memory = DeviceBuffer::new(&context, 256 * 48).unwrap();
    let stream = Stream::new(&context).unwrap();
    let reader = Reader::new(gst_cuda.gst_cuda.clone(), context.clone()).unwrap();
    let (buffer, raw) = gst_cuda.buffer(theirs, &info(), memory.pointer(), Some(&stream), false);
    let frame = reader.map(buffer, &info(), &stream).unwrap();
    assert_eq!(frame.len(), 1);
    let Planes::Device { ptrs, pitches } = frame.first().planes else {
        panic!("{:?}", frame.first().planes);
    };
    assert_eq!(ptrs, [memory.pointer(), memory.pointer() + 256 * 32]);
    assert_eq!(pitches, [256, 256]);
    let format = frame.first().format;
    assert_eq!(
        (format.pixels, format.width, format.height),
        (PixelFormat::Nv12, 60, 32)
    );
    assert_eq!(gst_cuda.counts(raw), [1, 0]);
    let buffer = frame.buffer().to_owned();
    drop(frame);
    assert_eq!(gst_cuda.counts(raw), [0, 0]);
    drop((buffer, reader));
    unref(theirs);
}

#[test]
fn what_the_decoder_has_still_to_do_is_waited_for_on_the_gpu_alone() {
    let cuda = fake::Cuda::new("");
    let context = cuda.context();
    let gst_cuda = Fake::new();
    let theirs = gst_cuda.context(context.raw(), 0);
    let memory = DeviceBuffer::new(&context, 256 * 48).unwrap();
    let (decoder, ours) = (
        Stream::new(&context).unwrap(),
        Stream::new(&context).unwrap(),
    );
    let reader = Reader::new(gst_cuda.gst_cuda.clone(), context.clone()).unwrap();
    for value in [11, 22, 33] {
        // The fake driver works late: this is done when somebody waits for it.
        // SAFETY: the memory stays.
        unsafe { decoder.fill(memory.pointer(), value, memory.bytes()) }.unwrap();
        let (buffer, _) = gst_cuda.buffer(theirs, &info(), memory.pointer(), Some(&decoder), false);
        let frame = reader.map(buffer, &info(), &ours).unwrap();
        let Planes::Device { ptrs, .. } = frame.first().planes else {
            panic!("{:?}", frame.first().planes);
        };
        let mut found = [0u8; 4];
        // SAFETY: the bytes stay until the copy is done.
        unsafe { ours.download(found.as_mut_ptr(), ptrs[1], 4) }.unwrap();
        assert_eq!(
            cuda.calls("cuStreamSynchronize") + cuda.calls("cuEventSynchronize"),
            0
        );
        while !ours.is_done().unwrap() {}
        assert_eq!(found, [value; 4]);
    }
    drop(reader);
    unref(theirs);
}

#[test]
fn memory_without_a_stream_is_waited_for_by_its_own_library() {
    let cuda = fake::Cuda::new("");
    let context = cuda.context();
    let memory = DeviceBuffer::new(&context, 256 * 48).unwrap();
    let stream = Stream::new(&context).unwrap();
    // GStreamer before 1.24 has neither streams nor a way to wait.
    for (flag, syncs) in [("-DFULL", 1), ("-DBEFORE_1_24", 0)] {
        let gst_cuda = Fake::with(&[flag]);
        let theirs = gst_cuda.context(context.raw(), 0);
        let reader = Reader::new(gst_cuda.gst_cuda.clone(), context.clone()).unwrap();
        let (buffer, raw) = gst_cuda.buffer(theirs, &info(), memory.pointer(), None, false);
        let frame = reader.map(buffer, &info(), &stream).unwrap();
        assert_eq!(gst_cuda.counts(raw), [1, syncs]);
        drop((frame, reader));
        unref(theirs);
    }
}

#[test]
fn memory_that_cannot_be_read_from_here_is_refused_with_why() {
    let cuda = fake::Cuda::new("devices=2");
    let context = cuda.context();
    let gst_cuda = Fake::new();
    let memory = DeviceBuffer::new(&context, 256 * 48).unwrap();
    let stream = Stream::new(&context).unwrap();
    let reader = Reader::new(gst_cuda.gst_cuda.clone(), context.clone()).unwrap();
    let (other, elsewhere) = (cuda.foreign_context(0), cuda.foreign_context(1));
    let [ours, other_gst, elsewhere_gst] = [(context.raw(), 0), (other, 0), (elsewhere, 1)]
        .map(|(raw, gpu)| gst_cuda.context(raw, gpu));
    let map = |theirs, at, refuses, info: &gst_video::VideoInfo| {
        let (buffer, _) = gst_cuda.buffer(theirs, &self::info(), at, None, refuses);
        reader.map(buffer, info, &stream).unwrap_err()
    };
    let at = memory.pointer();
    assert_eq!(
        map(other_gst, at, false, &info()),
        MemoryError::OtherContext
    );
    let found = map(elsewhere_gst, at, false, &info());
    assert_eq!(found, MemoryError::OtherGpu { found: 1, ours: 0 });
    let refused = map(ours, at, true, &info()).to_string();
    assert!(
        refused.contains("refused to be mapped as NV12 60x32"),
        "{refused}"
    );
    let null = map(std::ptr::null_mut(), at, false, &info()).to_string();
    assert!(null.contains("no CUDA context"), "{null}");
    let p010 = gst_video::VideoInfo::builder(gst_video::VideoFormat::P01010le, 60, 32).build();
    let format = map(ours, at, false, &p010.unwrap()).to_string();
    assert!(format.contains("P010_10LE is not supported"), "{format}");
    assert!(
        format.contains("NV12, RGBA, BGRA, RGBx, BGRx are"),
        "{format}"
    );
    for buffer in [gst::Buffer::new(), gst::Buffer::with_size(4096).unwrap()] {
        let error = reader.map(buffer, &info(), &stream).unwrap_err();
        assert_eq!(error, MemoryError::NotCuda);
    }
    drop(reader);
    [ours, other_gst, elsewhere_gst].into_iter().for_each(unref);
    [other, elsewhere]
        .into_iter()
        .for_each(|raw| cuda.destroy(raw));
}

#[test]
fn colorimetry_is_that_of_the_caps() {
    gst::init().unwrap();
    for (caps, matrix, full_range) in [
        (
            "format=NV12,width=1920,height=1080,colorimetry=bt709",
            Matrix::Bt709,
            false,
        ),
        (
            "format=NV12,width=640,height=480,colorimetry=1:4:0:0",
            Matrix::Bt601,
            true,
        ),
        (
            "format=NV12,width=3840,height=2160,colorimetry=bt2020",
            Matrix::Bt2020,
            false,
        ),
        ("format=NV12,width=320,height=240", Matrix::Bt601, false),
        ("format=NV12,width=1280,height=720", Matrix::Bt709, false),
    ] {
        let caps: gst::Caps = format!("video/x-raw,framerate=1/1,{caps}").parse().unwrap();
        let format = picture_format(&gst_video::VideoInfo::from_caps(&caps).unwrap()).unwrap();
        let found = (format.colorimetry.matrix, format.colorimetry.full_range);
        assert_eq!(found, (matrix, full_range), "{caps}");
    }
}

// ----------------------------------------------------------------------- contexts of elements

mod imp {
    use super::*;

    /// An element that shares contexts as one of ours does.
    #[derive(Default)]
    pub struct Sharing(pub OnceLock<ElementContext>);

    #[glib::object_subclass]
    impl ObjectSubclass for Sharing {
        const NAME: &'static str = "VigilTestSharing";
        type Type = super::Sharing;
        type ParentType = gst::Element;
    }

    impl ObjectImpl for Sharing {}
    impl GstObjectImpl for Sharing {}
    impl ElementImpl for Sharing {
        fn set_context(&self, context: &gst::Context) {
            let shared = self.0.get().unwrap();
            shared.set_context(self.obj().upcast_ref(), context);
            self.parent_set_context(context);
        }
    }
}

glib::wrapper! {
    pub struct Sharing(ObjectSubclass<imp::Sharing>) @extends gst::Element, gst::Object;
}

fn element(gst_cuda: &Fake, device: Option<u32>) -> Sharing {
    let element: Sharing = glib::Object::new();
    let shared = ElementContext::new(gst_cuda.gst_cuda.clone(), device);
    assert!(element.imp().0.set(shared).is_ok());
    element
}

fn ensure(element: &Sharing) -> Result<vigil_nvidia::memory::cuda::SharedContext, MemoryError> {
    element.imp().0.get().unwrap().ensure(element.upcast_ref())
}

#[test]
fn an_element_takes_the_context_that_the_app_offers_while_it_is_asked() {
    let cuda = fake::Cuda::new("");
    let gst_cuda = Fake::new();
    let raw = cuda.foreign_context(0);
    let theirs = gst_cuda.context(raw, 0);
    let element = element(&gst_cuda, None);
    let (bus, offer) = (gst::Bus::new(), gst_cuda.offer(theirs));
    element.set_bus(Some(&bus));
    let asked = element.clone();
    // Answers at once, on the thread that asks: the element comes to its own set_context within
    // ensure().
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::NeedContext(need) = message.view() {
            assert_eq!(need.context_type(), "gst.cuda.context");
            asked.set_context(&offer);
        }
        gst::BusSyncReply::Drop
    });
    let shared = ensure(&element).unwrap();
    assert_eq!((shared.handle(), shared.device()), (raw, 0));
    let context = shared.context(&cuda.driver()).unwrap();
    assert_eq!(context.raw(), raw);
    // Its neighbours may have it too.
    let mut query = gst::query::Context::new("gst.cuda.context");
    let ours = element.imp().0.get().unwrap();
    assert!(ours.query(element.upcast_ref(), query.get_mut().unwrap()));
    assert!(query.context_owned().is_some());
    let mut other = gst::query::Context::new("gst.gl.GLDisplay");
    assert!(!ours.query(element.upcast_ref(), other.get_mut().unwrap()));
    ours.clear();
    assert!(ours.get().is_none());
    assert!(!ours.query(element.upcast_ref(), query.get_mut().unwrap()));
    bus.unset_sync_handler();
    element.set_bus(None);
    drop((context, shared));
    unref(theirs);
    cuda.destroy(raw);
}

#[test]
fn an_element_makes_a_context_where_there_is_none_and_takes_only_its_own_gpu() {
    let cuda = fake::Cuda::new("devices=2");
    let gst_cuda = Fake::new();
    let (raw, wrong) = (cuda.foreign_context(1), cuda.foreign_context(0));
    let (theirs, wrong_gst) = (gst_cuda.context(raw, 1), gst_cuda.context(wrong, 0));
    let element = element(&gst_cuda, Some(1));
    element.set_context(&gst_cuda.offer(wrong_gst));
    assert!(element.imp().0.get().unwrap().get().is_none());
    gst_cuda.set(c"no-context");
    let error = ensure(&element).unwrap_err().to_string();
    assert!(error.contains("can make no context for GPU 1"), "{error}");
    gst_cuda.set(c"ok");
    gst_cuda.next(theirs);
    assert_eq!(ensure(&element).unwrap().handle(), raw);
    // Again the same.
    assert_eq!(ensure(&element).unwrap().handle(), raw);
    drop(element);
    [theirs, wrong_gst].into_iter().for_each(unref);
    [raw, wrong].into_iter().for_each(|raw| cuda.destroy(raw));
}

#[test]
fn an_element_offers_the_primary_context_unless_the_app_has_another() {
    let cuda = fake::Cuda::new("");
    let gst_cuda = Fake::new();
    let primary = cuda.context();
    let (bus, first) = (gst::Bus::new(), element(&gst_cuda, None));
    first.set_bus(Some(&bus));
    let shared = first.imp().0.get().unwrap();
    assert!(shared.offer(first.upcast_ref(), &primary));
    assert_eq!(ensure(&first).unwrap().handle(), primary.raw());
    assert!(
        !shared.offer(first.upcast_ref(), &primary),
        "it has one now"
    );
    let said: Vec<_> = bus.iter().map(|message| message.type_()).collect();
    assert_eq!(
        said,
        [gst::MessageType::NeedContext, gst::MessageType::HaveContext]
    );
    // Whoever took it keeps the primary context, also when the element is gone.
    let taken = ensure(&first).unwrap();
    first.set_bus(None);
    drop((first, primary));
    assert_eq!(cuda.calls("cuDevicePrimaryCtxRelease_v2"), 0);
    drop(taken);
    assert_eq!(cuda.calls("cuDevicePrimaryCtxRelease_v2"), 1);

    let primary = cuda.context();
    let second = element(&gst_cuda, None);
    let raw = cuda.foreign_context(0);
    let theirs = gst_cuda.context(raw, 0);
    let (offer, asked) = (gst_cuda.offer(theirs), second.clone());
    bus.set_flushing(true);
    bus.set_flushing(false);
    bus.set_sync_handler(move |_, message| {
        if message.type_() == gst::MessageType::NeedContext {
            asked.set_context(&offer);
        }
        gst::BusSyncReply::Drop
    });
    second.set_bus(Some(&bus));
    let shared = second.imp().0.get().unwrap();
    assert!(!shared.offer(second.upcast_ref(), &primary));
    assert_eq!(ensure(&second).unwrap().handle(), raw);
    shared.clear();
    bus.unset_sync_handler();
    second.set_bus(None);
    unref(theirs);
    cuda.destroy(raw);
}

// ------------------------------------------------------------------------------- the library

#[test]
fn a_library_that_cannot_be_used_is_told_with_why() {
    gst::init().unwrap();
    let error = GstCuda::open_at(Path::new("/nowhere/libgstcuda.so"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("/nowhere/libgstcuda.so cannot be opened"),
        "{error}"
    );
    let cuda = fake::Cuda::new("");
    let error = GstCuda::open_at(&cuda.path()).unwrap_err().to_string();
    assert!(
        error.contains("has no function gst_cuda_load_library"),
        "{error}"
    );
    let fake = Fake::new();
    fake.set(c"no-driver");
    let error = GstCuda::open_at(&fake.folder.path().join(LIBRARY))
        .unwrap_err()
        .to_string();
    assert!(error.contains("finds no NVIDIA driver"), "{error}");
}

#[test]
fn the_library_of_this_system_has_every_function() {
    gst::init().unwrap();
    let found = match GstCuda::symbols(Path::new(LIBRARY)) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("skipped: {error}");
            return;
        }
    };
    assert!(found.gst_cuda_memory_get_stream.is_some());
    assert!(found.gst_cuda_stream_get_handle.is_some());
    assert!(found.gst_cuda_memory_sync.is_some());
    assert!(found.gst_cuda_context_new_wrapped.is_some());
    assert!(found.gst_context_new_cuda_context.is_some());
    // Without a driver it says so; with one it starts.
    match GstCuda::open() {
        Ok(_) => {}
        Err(error) => assert!(error.to_string().contains("no NVIDIA driver"), "{error}"),
    }
}
