//! Events on the buffer that they speak of (`VigilEventsMeta`) and on the bus (`vigil-event`).

use gst::prelude::*;
use std::sync::{Mutex, PoisonError};

use crate::event::Event;
use crate::structure;

/// Name of the `GstCustomMeta` with a buffer's events.
///
/// Its structure has the field `events`: a `GstValueArray` of `GstStructure`, each named [`MESSAGE`]
/// with the fields of the event's JSON. The field `pending`, where it is there, is a list of the same
/// kind: events of this frame that are not told before somebody downstream says that they are true
/// ([`verdict`](crate::verdict)).
pub const META: &str = "VigilEventsMeta";

/// Name of the element message that is posted for each event.
pub const MESSAGE: &str = "vigil-event";

fn register(meta: &str) {
    static LOCK: Mutex<()> = Mutex::new(());
    if gst::meta::CustomMeta::is_registered(meta) {
        return;
    }
    // Two threads that find it missing must not both register it.
    let _guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    if !gst::meta::CustomMeta::is_registered(meta) {
        gst::meta::CustomMeta::register(meta, &[]);
    }
}

/// The event as the structure that bus messages and the meta carry.
pub fn to_structure(event: &Event) -> gst::Structure {
    let value = serde_json::to_value(event).unwrap_or_default();
    structure::from_json(MESSAGE, &value)
}

/// Puts events on `buffer`, which must be writable; they are added to those that are there.
pub fn write(
    buffer: &mut gst::BufferRef,
    events: Vec<gst::Structure>,
) -> Result<(), gst::glib::BoolError> {
    add(buffer, META, "events", events)
}

/// The events of `buffer`, oldest first.
pub fn read(buffer: &gst::BufferRef) -> Vec<gst::Structure> {
    get(buffer, META, "events")
}

/// Puts events on `buffer`, which must be writable, that wait for a verdict.
pub fn write_pending(
    buffer: &mut gst::BufferRef,
    events: Vec<gst::Structure>,
) -> Result<(), gst::glib::BoolError> {
    add(buffer, META, "pending", events)
}

/// The events of `buffer` that wait for a verdict.
pub fn read_pending(buffer: &gst::BufferRef) -> Vec<gst::Structure> {
    get(buffer, META, "pending")
}

/// Adds structures to the list in a field of a custom meta.
pub(crate) fn add(
    buffer: &mut gst::BufferRef,
    meta: &str,
    field: &str,
    structures: Vec<gst::Structure>,
) -> Result<(), gst::glib::BoolError> {
    if structures.is_empty() {
        return Ok(());
    }
    register(meta);
    let all = get(buffer, meta, field)
        .into_iter()
        .chain(structures)
        .map(|structure| structure.to_send_value());
    let all = gst::Array::from_values(all);
    if let Ok(mut meta) = gst::meta::CustomMeta::from_mut_buffer(buffer, meta) {
        meta.mut_structure().set(field, all);
        return Ok(());
    }
    let mut meta = gst::meta::CustomMeta::add(buffer, meta)?;
    meta.mut_structure().set(field, all);
    Ok(())
}

/// The list in a field of a custom meta.
pub(crate) fn get(buffer: &gst::BufferRef, meta: &str, field: &str) -> Vec<gst::Structure> {
    // Found by what it is called, and not by its type: looking that up allocates, for each frame.
    for found in buffer.iter_meta::<gst::Meta>() {
        let Some(custom) = found.try_as_custom_meta() else {
            continue;
        };
        let structure = custom.structure();
        if structure.name() != meta {
            continue;
        }
        let Ok(list) = structure.get::<gst::ArrayRef>(field) else {
            return Vec::new();
        };
        let structures = list.as_slice().iter();
        return structures
            .filter_map(|structure| structure.get::<gst::Structure>().ok())
            .collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_add_up_on_a_buffer() {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        let event = |id: &str| gst::Structure::builder(MESSAGE).field("id", id).build();
        let buffer = buffer.get_mut().unwrap();
        assert!(read(buffer).is_empty());
        write(buffer, vec![event("a"), event("b")]).unwrap();
        write(buffer, vec![event("c")]).unwrap();
        let ids: Vec<_> = read(buffer)
            .iter()
            .map(|e| e.get::<String>("id").unwrap())
            .collect();
        assert_eq!(ids, ["a", "b", "c"]);
    }

    #[test]
    fn what_waits_for_a_verdict_is_no_event_yet() {
        gst::init().unwrap();
        let event = |id: &str| gst::Structure::builder(MESSAGE).field("id", id).build();
        let ids = |all: Vec<gst::Structure>| -> Vec<String> {
            all.iter().map(|one| one.get("id").unwrap()).collect()
        };
        for pending_first in [false, true] {
            let mut buffer = gst::Buffer::new();
            let buffer = buffer.get_mut().unwrap();
            if pending_first {
                write_pending(buffer, vec![event("p")]).unwrap();
                write(buffer, vec![event("a")]).unwrap();
            } else {
                write(buffer, vec![event("a")]).unwrap();
                write_pending(buffer, vec![event("p")]).unwrap();
            }
            assert_eq!(ids(read(buffer)), ["a"]);
            assert_eq!(ids(read_pending(buffer)), ["p"]);
        }
    }
}
