//! Where TensorRT's libraries are looked for.
//!
//! The same order as for the other engines: what a variable names is the only place; else beside the
//! plugin, in the cache, where Python's packages are, and where the dynamic linker looks. Versions go
//! before places: 10 is looked for everywhere before 11 is, and 8 comes last.

use super::abi::Family;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use vigil_analytics::place::plugin_folder;

/// Names a library of TensorRT's, or the folder that it is in; nothing else is tried then.
pub const VARIABLE: &str = "VIGIL_TENSORRT";

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// A folder, or a library in it, that is the only place then, before what [`VARIABLE`] says.
    pub folder: Option<PathBuf>,
}

/// A file that may be TensorRT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub family: Family,
    /// The whole library, or the lean one, which can only run plans.
    pub lean: bool,
    /// An absolute path, or a name for the dynamic linker.
    pub path: PathBuf,
}

impl Candidate {
    fn new(family: Family, lean: bool, folder: Option<&Path>) -> Self {
        let kind = if lean { "_lean" } else { "" };
        let name = format!("libnvinfer{kind}.so.{}", family.major());
        Self {
            family,
            lean,
            path: folder.map_or_else(|| name.clone().into(), |folder| folder.join(&name)),
        }
    }

    /// Another library of the same version, such as the parser, where this one is.
    pub fn beside(&self, name: &str) -> PathBuf {
        let name = format!("lib{name}.so.{}", self.family.major());
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.join(name),
            _ => name.into(),
        }
    }
}

impl Search {
    /// What to try, in this order. Whole libraries come before lean ones: only they can build.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        self.candidates_with(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn candidates_with(&self, variable: impl Fn(&str) -> Option<OsString>) -> Vec<Candidate> {
        let named = self
            .folder
            .clone()
            .or_else(|| variable(VARIABLE).map(PathBuf::from));
        let folders = match &named {
            Some(path) if path.is_dir() => vec![path.clone()],
            Some(path) => return vec![named_file(path)],
            None => folders(&variable),
        };
        let mut found = Vec::new();
        for lean in [false, true] {
            for family in Family::ALL {
                let inside = folders
                    .iter()
                    .map(|f| Candidate::new(family, lean, Some(f)));
                found.extend(inside.filter(|candidate| candidate.path.is_file()));
                if named.is_none() {
                    found.push(Candidate::new(family, lean, None));
                }
            }
        }
        found
    }

    /// Where was looked, for the message that there is none.
    pub(super) fn places(&self) -> String {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let named = self
            .folder
            .clone()
            .or_else(|| variable(VARIABLE).map(PathBuf::from));
        match named {
            Some(path) => format!("in {}", path.display()),
            None => {
                let folders = folders(&variable);
                let folders: Vec<_> = folders.iter().map(|f| f.display().to_string()).collect();
                format!("in {} and on the library path", folders.join(", "))
            }
        }
    }
}

/// A file that the user names: its name tells the version and the kind, or else it is tried as the
/// newest that is known, and asked.
fn named_file(path: &Path) -> Candidate {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let major = name
        .split(".so.")
        .nth(1)
        .and_then(|v| v.split('.').next()?.parse().ok());
    let family = Family::ALL.into_iter().find(|f| Some(f.major()) == major);
    Candidate {
        family: family.unwrap_or(Family::V10),
        lean: name.contains("_lean"),
        path: path.to_owned(),
    }
}

/// Folders that may hold the libraries and that the dynamic linker does not know.
fn folders(variable: &impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = plugin_folder().into_iter().collect();
    let cache = variable("VIGIL_CACHE")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("XDG_CACHE_HOME")?).join("vigil")))
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache/vigil")));
    found.extend(cache.map(|cache| cache.join("engines/tensorrt")));
    for packages in python_packages(variable) {
        // The wheels of 8.6 keep everything in one folder, later ones the libraries in their own.
        found.extend(
            [
                "tensorrt_libs",
                "tensorrt_lean_libs",
                "tensorrt",
                "tensorrt_lean",
            ]
            .map(|name| packages.join(name)),
        );
    }
    found.extend(["/usr/local/tensorrt/lib", "/opt/tensorrt/lib"].map(PathBuf::from));
    found.retain(|folder| folder.is_dir());
    found
}

/// Where Python keeps packages: of the environment that is active, the user's, the system's.
fn python_packages(variable: &impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .into_iter()
        .filter_map(|name| variable(name).map(PathBuf::from))
        .collect();
    roots.extend(variable("HOME").map(|home| PathBuf::from(home).join(".local")));
    roots.extend(["/usr/local", "/usr"].map(PathBuf::from));
    let mut found = Vec::new();
    for root in roots {
        let Ok(entries) = std::fs::read_dir(root.join("lib")) else {
            continue;
        };
        let mut versions: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("python3"))
            .map(|entry| entry.path())
            .collect();
        versions.sort();
        for version in versions.into_iter().rev() {
            found.extend(["site-packages", "dist-packages"].map(|name| version.join(name)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Candidate]) -> Vec<String> {
        found.iter().map(|c| c.path.display().to_string()).collect()
    }

    #[test]
    fn version_10_comes_before_11_and_8_and_whole_ones_before_lean_ones() {
        let found = names(&Search::default().candidates_with(|_| None));
        let found: Vec<_> = found.iter().filter(|name| !name.contains('/')).collect();
        let expected = [
            "libnvinfer.so.10",
            "libnvinfer.so.11",
            "libnvinfer.so.8",
            "libnvinfer_lean.so.10",
            "libnvinfer_lean.so.11",
            "libnvinfer_lean.so.8",
        ];
        assert_eq!(found, expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_folder_that_is_named_is_the_only_place() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "libnvinfer.so.11",
            "libnvinfer.so.8",
            "libnvinfer_lean.so.10",
            "libnvinfer.so.9",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let expected: Vec<_> = [
            "libnvinfer.so.11",
            "libnvinfer.so.8",
            "libnvinfer_lean.so.10",
        ]
        .map(|name| folder.path().join(name).display().to_string())
        .into();
        let by_setting = Search {
            folder: Some(folder.path().into()),
        };
        assert_eq!(
            names(&by_setting.candidates_with(|_| Some("/elsewhere".into()))),
            expected
        );
        let by_variable =
            |name: &str| (name == VARIABLE).then(|| folder.path().as_os_str().to_owned());
        assert_eq!(
            names(&Search::default().candidates_with(by_variable)),
            expected
        );
    }

    #[test]
    fn a_file_that_is_named_is_taken_for_what_its_name_says() {
        for (name, family, lean) in [
            ("/x/libnvinfer.so.8", Family::V8, false),
            ("/x/libnvinfer.so.8.6.1", Family::V8, false),
            ("/x/libnvinfer_lean.so.11", Family::V11, true),
            ("/x/libnvinfer.so", Family::V10, false),
        ] {
            let search = Search {
                folder: Some(name.into()),
            };
            let expected = Candidate {
                family,
                lean,
                path: name.into(),
            };
            assert_eq!(search.candidates_with(|_| None), [expected]);
        }
    }

    #[test]
    fn the_libraries_of_pythons_packages_are_found() {
        let environment = tempfile::tempdir().unwrap();
        let libraries = environment
            .path()
            .join("lib/python3.12/site-packages/tensorrt_libs");
        std::fs::create_dir_all(&libraries).unwrap();
        let file = libraries.join("libnvinfer.so.10");
        std::fs::write(&file, "").unwrap();
        let found = Search::default()
            .candidates_with(|n| (n == "VIRTUAL_ENV").then(|| environment.path().into()));
        assert_eq!(found[0].path, file);
        assert_eq!(
            found[0].beside("nvonnxparser"),
            libraries.join("libnvonnxparser.so.10")
        );
        assert_eq!(
            found[1].beside("nvonnxparser"),
            PathBuf::from("libnvonnxparser.so.10")
        );
    }
}
