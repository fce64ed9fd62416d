//! Captions on the buffer that comes next after their answer did (`VigilCaptionMeta`).
//!
//! A caption speaks of a frame that has long passed: its fields `pts` and `frame` say which.

use crate::event_meta;

/// Name of the `GstCustomMeta` with captions.
///
/// Its structure has one field, `captions`: a `GstValueArray` of `GstStructure`, each with the fields
/// of the caption's JSON.
pub const META: &str = "VigilCaptionMeta";

/// Puts captions on `buffer`, which must be writable; they are added to those that are there.
pub fn write(
    buffer: &mut gst::BufferRef,
    captions: Vec<gst::Structure>,
) -> Result<(), gst::glib::BoolError> {
    event_meta::add(buffer, META, "captions", captions)
}

/// The captions on `buffer`, oldest first.
pub fn read(buffer: &gst::BufferRef) -> Vec<gst::Structure> {
    event_meta::get(buffer, META, "captions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_and_events_do_not_mix() {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        let buffer = buffer.get_mut().unwrap();
        let named = |id: &str| {
            gst::Structure::builder(event_meta::MESSAGE)
                .field("id", id)
                .build()
        };
        write(buffer, vec![named("a")]).unwrap();
        event_meta::write(buffer, vec![named("b")]).unwrap();
        write(buffer, vec![named("c")]).unwrap();
        let ids = |all: Vec<gst::Structure>| -> Vec<String> {
            all.iter().map(|one| one.get("id").unwrap()).collect()
        };
        assert_eq!(ids(read(buffer)), ["a", "c"]);
        assert_eq!(ids(event_meta::read(buffer)), ["b"]);
    }
}
