//! The timing cache: which kernels were fastest in earlier builds, kept in a file that builds of
//! several processes merge into.

use super::abi::{Owned, call};
use super::builder::bytes_of;
use super::file::{self, Lock};
use super::library::Library;
use super::logger::Severity;
use std::ffi::c_void;
use std::path::{Path, PathBuf};

/// A timing cache that a build uses.
pub(super) struct TimingCache<'a> {
    library: &'a Library,
    config: &'a Owned,
    path: PathBuf,
    read: Vec<u8>,
    // Must outlive the build.
    _cache: Option<Owned>,
}

impl<'a> TimingCache<'a> {
    /// Gives a configuration what the file holds, or an empty cache where that is nothing, or of
    /// another GPU or version. Nothing here fails a build: without a cache it only takes longer.
    pub fn open(library: &'a Library, path: &Path, config: &'a Owned) -> Self {
        let read = std::fs::read(path).unwrap_or_default();
        let mut cache = create(library, config, &read).filter(|cache| set(library, config, cache));
        if cache.is_none() && !read.is_empty() {
            let text = format!(
                "the timing cache {} is not of this TensorRT and GPU: starting a new one",
                path.display()
            );
            library.logger().say(Severity::Warning, &text);
            cache = create(library, config, &[]).filter(|cache| set(library, config, cache));
        }
        Self {
            library,
            config,
            path: path.to_owned(),
            read,
            _cache: cache,
        }
    }

    /// Writes what the build has found out, merged with what others have written since.
    pub fn save(self) {
        if let Err(reason) = self.try_save() {
            let text = format!(
                "the timing cache {} is not saved: {reason}",
                self.path.display()
            );
            self.library.logger().say(Severity::Warning, &text);
        }
    }

    fn try_save(&self) -> Result<(), String> {
        let family = self.library.family();
        // SAFETY: the configuration is alive; the cache that it gives is its own.
        let ours = unsafe { call!(family, self.config.raw(), VBuilderConfig.get_timing_cache()) };
        if ours.is_null() {
            return Ok(());
        }
        let text = |error: std::io::Error| error.to_string();
        file::make_folder_of(&self.path).map_err(text)?;
        let _lock = Lock::wait(&file::with_end(&self.path, ".lock"), || true).map_err(text)?;
        let now = std::fs::read(&self.path).unwrap_or_default();
        let theirs = (now != self.read && !now.is_empty())
            .then(|| create(self.library, self.config, &now))
            .flatten();
        let merged = match &theirs {
            Some(theirs) => {
                // SAFETY: both are alive and this thread's alone.
                unsafe { call!(family, theirs.raw(), VTimingCache.combine(ours, false)) };
                theirs.raw()
            }
            None => ours.cast_mut(),
        };
        let bytes = self.library.owned("ITimingCache::serialize", || {
            // SAFETY: as above.
            unsafe { call!(family, merged, VTimingCache.serialize()) }
        });
        let bytes = bytes.map_err(|error| error.to_string())?;
        file::write_atomically(&self.path, &[&bytes_of(family, &bytes)]).map_err(text)
    }
}

fn create(library: &Library, config: &Owned, bytes: &[u8]) -> Option<Owned> {
    let family = library.family();
    let data: *const c_void = bytes.as_ptr().cast();
    let create = || {
        // SAFETY: the configuration is alive; the bytes live through the call.
        unsafe {
            call!(
                family,
                config.raw(),
                VBuilderConfig.create_timing_cache(data, bytes.len())
            )
        }
    };
    library.owned("createTimingCache", create).ok()
}

fn set(library: &Library, config: &Owned, cache: &Owned) -> bool {
    // SAFETY: both are alive, and the cache outlives the build.
    unsafe {
        call!(
            library.family(),
            config.raw(),
            VBuilderConfig.set_timing_cache(cache.raw().cast_const(), false)
        )
    }
}
