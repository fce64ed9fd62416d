//! Where the shared library of an engine is looked for.

use super::{EngineError, EngineKind};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use vigil_analytics::place::plugin_folder;

/// What is known of an engine's library before it is found.
#[derive(Debug)]
pub(super) struct Search {
    /// The engine.
    pub kind: EngineKind,
    /// Environment variables that name a file, or a folder that it is in; the first one counts.
    pub variables: &'static [&'static str],
    /// Its file, `lib….so`, which may be followed by a version.
    pub file: &'static str,
    /// Folder below the cache's `engines`, as `./dev engines` makes it.
    pub fetched: &'static str,
    /// Names that the dynamic linker may know it by.
    pub system: &'static [&'static str],
    /// What it must be, for the message that there is none.
    pub needed: &'static str,
}

impl Search {
    /// The first library that `open` takes.
    ///
    /// # Errors
    /// [`EngineError::Missing`] with each place and why it was none.
    pub fn open<T>(&self, open: impl FnMut(&Path) -> Result<T, String>) -> Result<T, EngineError> {
        self.open_in(&self.candidates(), open)
    }

    /// The first library of these that `open` takes.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn open_in<T>(
        &self,
        candidates: &[PathBuf],
        mut open: impl FnMut(&Path) -> Result<T, String>,
    ) -> Result<T, EngineError> {
        let mut tried = Vec::new();
        for path in candidates {
            match open(path) {
                Ok(library) => return Ok(library),
                Err(error) => tried.push(format!("{} ({error})", path.display())),
            }
        }
        Err(EngineError::Missing {
            kind: self.kind,
            reason: format!(
                "tried {}. {} is found beside the plugin, in the cache (./dev engines fetches \
                 it), on the library path, or where {} says",
                tried.join(", "),
                self.needed,
                self.variables[0],
            ),
        })
    }

    /// Where the library may be, in this order:
    ///
    /// 1. what the first variable says that is set: nothing else is tried then;
    /// 2. beside the plugin;
    /// 3. the cache that `./dev engines` fills;
    /// 4. the dynamic linker's path, then the folders that systems keep libraries in, where only
    ///    files with a version may be.
    pub fn candidates(&self) -> Vec<PathBuf> {
        self.candidates_with(variable)
    }

    fn candidates_with(&self, variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
        if let Some(path) = self.variables.iter().find_map(|name| variable(name)) {
            let path = PathBuf::from(path);
            let inside = in_folder(&path, self.file);
            return if inside.is_empty() {
                vec![path]
            } else {
                inside
            };
        }
        let mut found = Vec::new();
        let folders = [plugin_folder(), self.fetched_folder(&variable)];
        for folder in folders.into_iter().flatten() {
            found.extend(in_folder(&folder, self.file));
        }
        found.extend(self.system.iter().map(PathBuf::from));
        for folder in system_folders(variable("LD_LIBRARY_PATH")) {
            found.extend(in_folder(&folder, self.file));
        }
        found
    }

    /// The folder that `./dev engines` puts this engine in, if it has.
    pub fn fetched(&self) -> Option<PathBuf> {
        self.fetched_folder(variable)
            .filter(|folder| !in_folder(folder, self.file).is_empty())
    }

    fn fetched_folder(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let cache = variable("VIGIL_CACHE")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(variable("XDG_CACHE_HOME")?).join("vigil")))
            .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache/vigil")))?;
        Some(cache.join("engines").join(self.fetched))
    }
}

/// Opens a library, to look at it or to hear from the dynamic linker what is wrong with it.
///
/// # Errors
/// The linker's own words.
pub(super) fn dlopen(path: &Path) -> Result<libloading::Library, String> {
    // SAFETY: the user, or the system, says that this is an engine; what else it may be runs its
    // constructors, as with any library that a plugin is told to load.
    unsafe { libloading::Library::new(path) }.map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        cause.unwrap_or_else(|| error.to_string())
    })
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The files in a folder that are called `file`, or so with a version behind it, the newest first.
fn in_folder(folder: &Path, file: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<(bool, Vec<u64>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(file)?;
            let numbers = version
                .split('.')
                .skip(1)
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?;
            (version.is_empty() || version.starts_with('.'))
                .then(|| (version.is_empty(), numbers, entry.path()))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, _, path)| path).collect()
}

/// Where systems keep shared libraries, what `LD_LIBRARY_PATH` says first.
fn system_folders(library_path: Option<OsString>) -> Vec<PathBuf> {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let mut folders: Vec<PathBuf> = library_path
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|folder| folder.is_absolute())
        .collect();
    folders.push("/usr/local/lib".into());
    folders.push(Path::new("/usr/lib").join(triplet));
    folders.push("/usr/lib64".into());
    folders.push("/usr/lib".into());
    folders
}

#[cfg(test)]
mod tests {
    use super::super::{onnxruntime, openvino};
    use super::*;

    const ALL: [&Search; 2] = [&onnxruntime::SEARCH, &openvino::SEARCH];

    #[test]
    fn a_library_that_is_named_is_the_only_one_tried() {
        for search in ALL {
            for name in search.variables {
                let found = search.candidates_with(|n| (n == *name).then(|| "/x/lib.so".into()));
                assert_eq!(found, [PathBuf::from("/x/lib.so")]);
            }
        }
    }

    #[test]
    fn a_folder_that_is_named_gives_the_libraries_in_it_the_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        for search in ALL {
            for end in ["", ".2", ".10.1", ".10", ".txt", "x"] {
                let file = folder.path().join(format!("{}{end}", search.file));
                std::fs::write(file, "").unwrap();
            }
            let name = search.variables[0];
            let found = search.candidates_with(|n| (n == name).then(|| folder.path().into()));
            let expected = ["", ".10.1", ".10", ".2"]
                .map(|end| folder.path().join(format!("{}{end}", search.file)));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_cache_comes_before_the_system() {
        for search in ALL {
            let cache = tempfile::tempdir().unwrap();
            let folder = cache.path().join("engines").join(search.fetched);
            let found =
                || search.candidates_with(|n| (n == "VIGIL_CACHE").then(|| cache.path().into()));
            assert_eq!(found()[0], PathBuf::from(search.system[0]));
            std::fs::create_dir_all(&folder).unwrap();
            let file = folder.join(format!("{}.1.2.3", search.file));
            std::fs::write(&file, "").unwrap();
            assert_eq!(found()[..2], [file, search.system[0].into()]);
        }
    }

    #[test]
    fn libraries_with_a_version_in_their_name_are_found_on_the_library_path() {
        let folder = tempfile::tempdir().unwrap();
        for search in ALL {
            let file = folder.path().join(format!("{}.2641", search.file));
            std::fs::write(&file, "").unwrap();
            let found =
                search.candidates_with(|n| (n == "LD_LIBRARY_PATH").then(|| folder.path().into()));
            assert!(found.contains(&file), "{found:?}");
        }
    }

    #[test]
    fn the_version_that_is_looked_for_is_the_one_that_is_fetched() {
        for search in ALL {
            let (name, version) = search.fetched.split_once('-').unwrap();
            let pins = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/engines");
            let pin = std::fs::read_to_string(format!("{pins}/{name}.txt")).unwrap();
            assert!(pin.contains(&format!("\n{name}=={version} ")), "{pin}");
        }
    }

    #[test]
    fn the_folder_of_the_code_is_found() {
        let test = std::env::current_exe().unwrap();
        assert_eq!(plugin_folder().as_deref(), test.parent());
    }
}
