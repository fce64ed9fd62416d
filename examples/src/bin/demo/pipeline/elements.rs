//! Making and setting elements, with errors for the user.

use gst::glib;
use gst::prelude::*;
use std::path::Path;

use crate::{Error, Result};

/// A queue of a few frames, whatever their size.
pub fn queue() -> Result<gst::Element> {
    let queue = make("queue")?;
    queue.set_property("max-size-buffers", 4u32);
    queue.set_property("max-size-bytes", 0u32);
    queue.set_property("max-size-time", 0u64);
    Ok(queue)
}

/// Makes an element.
///
/// # Errors
/// Where it is not installed: says which it is and where it comes from.
pub fn make(factory: &str) -> Result<gst::Element> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        let hint = if factory.starts_with("vigil") {
            "build the plugins and put their folder on GST_PLUGIN_PATH (make demo does both)"
        } else {
            "it belongs to GStreamer's base, good or bad plugins"
        };
        Error::from(format!("the element {factory} is not there: {hint}"))
    })
}

/// Sets a property from text.
///
/// # Errors
/// Where the element has no such property, or it does not take the value.
pub fn set(element: &gst::Element, property: &str, text: &str) -> Result<()> {
    let name = element.name();
    let spec = element
        .find_property(property)
        .ok_or_else(|| format!("{name} has no property {property}"))?;
    let value = glib::Value::deserialize_with_pspec(text, &spec)
        .map_err(|_| format!("{property} of {name} does not take the value '{text}'"))?;
    element.set_property_from_value(property, &value);
    Ok(())
}

/// A pad that is always there.
pub fn pad(element: &gst::Element, name: &str) -> Result<gst::Pad> {
    element
        .static_pad(name)
        .ok_or_else(|| format!("{} has no pad {name}", element.name()).into())
}

/// Removes a file of an earlier run.
pub fn remove(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} cannot be replaced: {error}", file.display()).into())
        }
        _ => Ok(()),
    }
}
