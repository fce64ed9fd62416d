//! Events on the buffer that they speak of (`VigilEventsMeta`) and on the bus (`vigil-event`).

use gst::prelude::*;
use std::sync::Once;

use crate::event::Event;
use crate::structure;

/// Name of the `GstCustomMeta` with a buffer's events.
///
/// Its structure has one field, `events`: a `GstValueArray` of `GstStructure`, each named
/// [`MESSAGE`] with the fields of the event's JSON.
pub const META: &str = "VigilEventsMeta";

/// Name of the element message that is posted for each event.
pub const MESSAGE: &str = "vigil-event";

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if !gst::meta::CustomMeta::is_registered(META) {
            gst::meta::CustomMeta::register(META, &[]);
        }
    });
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
    if events.is_empty() {
        return Ok(());
    }
    register();
    let mut all: Vec<gst::glib::SendValue> = read(buffer)
        .into_iter()
        .chain(events)
        .map(|event| event.to_send_value())
        .collect();
    let all = gst::Array::from_values(all.drain(..));
    if let Ok(mut meta) = gst::meta::CustomMeta::from_mut_buffer(buffer, META) {
        meta.mut_structure().set("events", all);
        return Ok(());
    }
    let mut meta = gst::meta::CustomMeta::add(buffer, META)?;
    meta.mut_structure().set("events", all);
    Ok(())
}

/// The events of `buffer`, oldest first.
pub fn read(buffer: &gst::BufferRef) -> Vec<gst::Structure> {
    register();
    let Ok(meta) = gst::meta::CustomMeta::from_buffer(buffer, META) else {
        return Vec::new();
    };
    let Ok(events) = meta.structure().get::<gst::ArrayRef>("events") else {
        return Vec::new();
    };
    events
        .as_slice()
        .iter()
        .filter_map(|event| event.get::<gst::Structure>().ok())
        .collect()
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
}
