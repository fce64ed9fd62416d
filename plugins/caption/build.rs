//! Version, commit and release date for `gst_plugin_define!`.
fn main() {
    gst_plugin_version_helper::info()
}
