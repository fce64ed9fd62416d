//! Where this code is.

use std::path::PathBuf;

/// Folder of the shared object (or program) that this code is in: of the plugin, since this crate is
/// linked into each on its own. Libraries that are found at run time are looked for there first.
pub fn plugin_folder() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let here = plugin_folder as fn() -> Option<PathBuf> as usize;
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        if !(start..end).contains(&here) {
            return None;
        }
        let path = PathBuf::from(rest.splitn(5, ' ').last()?.trim_start());
        path.parent().map(PathBuf::from)
    })
}
