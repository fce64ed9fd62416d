//! DeepStream's metadata: the properties `nvds-meta` and `nvds-component`, and the translation for one
//! stream, on the task of the source pad.

use crate::decode::Detection;
use crate::element::EngineChoice;
use gst::glib;
use gst::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use vigil_analytics::Look;
use vigil_nvidia::deepstream::{Bridge, Direction, Found, Library, NvDsError};

/// Which way objects are translated between DeepStream's metadata and GstAnalytics.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilDetectNvdsMeta")]
#[non_exhaustive]
pub enum NvdsMeta {
    /// Not at all.
    #[default]
    #[enum_value(name = "DeepStream's metadata is passed on untouched", nick = "none")]
    None,
    /// From DeepStream.
    #[enum_value(name = "DeepStream's objects become GstAnalytics' too", nick = "read")]
    Read,
    /// To DeepStream.
    #[enum_value(
        name = "Objects of GstAnalytics become DeepStream's too",
        nick = "write"
    )]
    Write,
    /// Both ways.
    #[enum_value(name = "Both ways", nick = "both")]
    Both,
}

/// Values of the properties, as set.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::element) struct NvdsSettings {
    meta: NvdsMeta,
    component: u32,
}

impl Default for NvdsSettings {
    fn default() -> Self {
        Self {
            meta: NvdsMeta::default(),
            component: 1,
        }
    }
}

impl NvdsSettings {
    /// The translation that is wanted; with `engine=deepstream`, reading where nothing is said.
    ///
    /// # Errors
    /// DeepStream's libraries are not there.
    pub fn open(&self, engine: EngineChoice) -> Result<Option<Nvds>, NvDsError> {
        let direction = match self.meta {
            NvdsMeta::None if engine == EngineChoice::DeepStream => Direction::Read,
            NvdsMeta::None => return Ok(None),
            NvdsMeta::Read => Direction::Read,
            NvdsMeta::Write => Direction::Write,
            NvdsMeta::Both => Direction::Both,
        };
        let library = Arc::new(Library::open()?);
        Ok(Some(Nvds {
            direction,
            component: i32::try_from(self.component).unwrap_or(i32::MAX),
            bridge: Mutex::new(Bridge::new(library.clone())),
            library,
            looked: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        }))
    }

    /// The properties' specifications.
    pub fn specs() -> Vec<glib::ParamSpec> {
        let default = Self::default();
        vec![
            glib::ParamSpecEnum::builder_with_default("nvds-meta", default.meta)
                .nick("DeepStream's metadata")
                .blurb(
                    "Which way objects are translated between DeepStream's metadata and \
                     GstAnalytics: read lets vigiltrack and vigilevents have what nvinfer found, \
                     write lets nvtracker and nvdsosd have what was found here (engine=deepstream \
                     reads by itself)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("nvds-component")
                .nick("DeepStream's component number")
                .blurb("Who found them, of objects that are written: as gie-unique-id of nvinfer")
                .maximum(i32::MAX as u32)
                .default_value(default.component)
                .mutable_ready()
                .build(),
        ]
    }

    /// Sets one of the properties; the value's type has been checked by GObject.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "nvds-meta" => self.meta = value.get().unwrap_or(self.meta),
            _ => self.component = value.get().unwrap_or(self.component),
        }
    }

    /// One of the properties' values; `None` for any other name.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "nvds-meta" => self.meta.to_value(),
            "nvds-component" => self.component.to_value(),
            _ => return None,
        })
    }
}

/// The translation for one stream.
pub(in crate::element) struct Nvds {
    direction: Direction,
    component: i32,
    library: Arc<Library>,
    bridge: Mutex<Bridge>,
    /// Frames that one of DeepStream's detectors looked at, and others.
    looked: AtomicU64,
    skipped: AtomicU64,
}

impl Nvds {
    /// Whether objects found here are written.
    pub fn writes(&self) -> bool {
        self.direction.writes()
    }

    /// Adds DeepStream's objects to those of GstAnalytics, where that is wanted.
    pub fn read(&self, buffer: &mut gst::Buffer) -> Result<(), NvDsError> {
        if !self.direction.reads() {
            return Ok(());
        }
        let counter = match self.bridge().read(buffer.make_mut())? {
            Look::Inferred => &self.looked,
            Look::Skipped => &self.skipped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Adds GstAnalytics' objects to those of DeepStream, where that is wanted.
    pub fn write(&self, buffer: &mut gst::Buffer, labels: &[glib::Quark]) -> Result<(), NvDsError> {
        if !self.direction.writes() {
            return Ok(());
        }
        let class_of = |label| number_of(labels, label);
        self.bridge()
            .write(buffer.make_mut(), self.component, class_of)
    }

    /// Writes what was found on each picture of a batch to its frame of DeepStream's.
    pub fn write_batch(
        &self,
        buffer: &mut gst::Buffer,
        batch: &[(usize, Vec<Detection>)],
        label_of: impl Fn(u32) -> glib::Quark,
    ) -> Result<(), NvDsError> {
        let found = |detection: &Detection| {
            let [x1, y1, x2, y2] = detection.xyxy;
            Found {
                class_id: detection.class as i32,
                label: label_of(detection.class).as_str(),
                rect: [x1, y1, x2 - x1, y2 - y1],
                confidence: detection.score,
                object_id: None,
            }
        };
        let buffer = buffer.make_mut();
        batch.iter().try_for_each(|(batch_id, detections)| {
            let objects = detections.iter().map(found);
            self.library
                .write(buffer, *batch_id, Look::Inferred, self.component, objects)
        })
    }

    /// What follows has nothing to do with what was.
    pub fn reset(&self) {
        self.bridge().reset();
    }

    /// Adds what it knows of itself to the property `stats`.
    pub fn add_to(&self, structure: &mut gst::StructureRef) {
        if self.direction.reads() {
            structure.set("nvds-inferred", self.looked.load(Ordering::Relaxed));
            structure.set("nvds-skipped", self.skipped.load(Ordering::Relaxed));
        }
    }

    fn bridge(&self) -> std::sync::MutexGuard<'_, Bridge> {
        self.bridge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A class's number by its name; -1 for one that the model does not know.
fn number_of(labels: &[glib::Quark], label: glib::Quark) -> i32 {
    let found = labels.iter().position(|known| *known == label);
    found.map_or(-1, |number| number as i32)
}
