//! Values of GObject properties.

use gst::glib;

/// Puts a property's value into `setting`. A value of another type changes nothing: GObject has
/// checked it before.
pub fn store<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value, setting: &mut T) {
    if let Ok(value) = value.get() {
        *setting = value;
    }
}
