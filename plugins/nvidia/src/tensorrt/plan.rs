//! Plans: files that hold an engine. Looked at before TensorRT is, which takes some of what is no
//! plan, or a plan of another version, with a message that helps little.

use super::error::TensorRtError;
use super::version::Version;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What plans begin with since version 8.6.
const MAGIC: &[u8; 4] = b"ftrt";
/// Where four bytes tell the version, in files whose second word, the layout of the head, is 0.
const VERSION_AT: usize = 24;
/// No plan is smaller than its head.
const SMALLEST: usize = 28;

/// A plan, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    path: PathBuf,
    bytes: Vec<u8>,
    plan: Range<usize>,
    metadata: Option<Range<usize>>,
    built_by: Option<Version>,
}

impl Plan {
    /// Reads a `.engine` or `.plan`, also one as Ultralytics writes it, which begins with a
    /// description of the model.
    ///
    /// # Errors
    /// [`TensorRtError::File`]; [`TensorRtError::Plan`] where it is none.
    pub fn read(path: &Path) -> Result<Self, TensorRtError> {
        let bytes = std::fs::read(path).map_err(|source| TensorRtError::File {
            path: path.to_owned(),
            source,
        })?;
        Self::of(bytes, path)
    }

    /// A plan of bytes that were read, or just built. `path` is for messages.
    ///
    /// # Errors
    /// [`TensorRtError::Plan`] where it is none.
    pub fn of(bytes: Vec<u8>, path: &Path) -> Result<Self, TensorRtError> {
        let metadata = metadata(&bytes);
        let start = metadata.as_ref().map_or(0, |range| range.end);
        let plan = start..bytes.len();
        let head = &bytes[plan.clone()];
        if !head.starts_with(MAGIC) || head.len() < SMALLEST {
            return Err(TensorRtError::Plan {
                path: path.to_owned(),
                reason: not_a_plan(head),
            });
        }
        let version = (head[4..8] == [0; 4]).then(|| Version {
            major: head[VERSION_AT].into(),
            minor: head[VERSION_AT + 1].into(),
            patch: head[VERSION_AT + 2].into(),
        });
        Ok(Self {
            path: path.to_owned(),
            plan,
            metadata,
            built_by: version.filter(|version| version.major > 0),
            bytes,
        })
    }

    /// What TensorRT is given.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.plan.clone()]
    }

    /// All that was in its file.
    pub fn into_file(self) -> Vec<u8> {
        self.bytes
    }

    /// Where it was read, or is to be written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version that built it, where its head is of a layout that is known.
    pub fn built_by(&self) -> Option<Version> {
        self.built_by
    }

    /// What Ultralytics says of the model, as JSON; none in a plan of anybody else's.
    pub fn metadata(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(self.metadata.clone()?)?).ok()
    }

    /// Whether this version can be worth a try: a plan never runs on an older one. An older plan
    /// may, if it was built to; that is for TensorRT to say.
    ///
    /// # Errors
    /// [`TensorRtError::Plan`] with both versions.
    pub fn check(&self, runtime: Version) -> Result<(), TensorRtError> {
        match self.built_by {
            Some(built) if built > runtime => Err(TensorRtError::Plan {
                path: self.path.clone(),
                reason: format!(
                    "it was built by TensorRT {built}, this is {runtime}: build it again here, or \
                     use TensorRT {built}"
                ),
            }),
            _ => Ok(()),
        }
    }
}

/// Where a description is, behind its length in four bytes, the least first, if the plan comes after
/// it.
fn metadata(bytes: &[u8]) -> Option<Range<usize>> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    let end = usize::try_from(length).ok()?.checked_add(4)?;
    let text = bytes.get(4..end)?;
    (text.first() == Some(&b'{') && bytes[end..].starts_with(MAGIC)).then_some(4..end)
}

fn not_a_plan(bytes: &[u8]) -> String {
    let needed = "a plan of TensorRT 8.6 or newer begins with 'ftrt'";
    match bytes {
        [] => "the file is empty".into(),
        // An ONNX file begins with its version, a small number in field 1.
        [0x08, 1..=20, ..] => {
            format!("it is no TensorRT plan but looks like an ONNX file; {needed}")
        }
        _ if bytes.starts_with(MAGIC) => format!("the plan ends after {} bytes", bytes.len()),
        _ => {
            let begin: Vec<_> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
            format!(
                "it is no TensorRT plan: it begins with {}; {needed}",
                begin.join(" ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(version: [u8; 3]) -> Vec<u8> {
        let mut head = b"ftrt".to_vec();
        head.resize(VERSION_AT, 0);
        head.extend(version);
        head.resize(64, 7);
        head
    }

    fn plan(bytes: Vec<u8>) -> Result<Plan, String> {
        Plan::of(bytes, Path::new("x.engine")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_plan_says_which_version_built_it() {
        let plan = plan(head([10, 3, 1])).unwrap();
        assert_eq!(plan.built_by().unwrap().to_string(), "10.3.1");
        assert_eq!(plan.bytes().len(), 64);
        assert_eq!(plan.metadata(), None);
        let mut other = head([10, 3, 1]);
        other[4] = 9;
        assert_eq!(Plan::of(other, Path::new("x")).unwrap().built_by(), None);
    }

    #[test]
    fn a_description_of_ultralytics_is_taken_off_a_plan() {
        let description = r#"{"task": "detect", "names": {"0": "person"}}"#;
        let mut bytes = (description.len() as u32).to_le_bytes().to_vec();
        bytes.extend(description.bytes());
        bytes.extend(head([8, 6, 1]));
        let plan = plan(bytes).unwrap();
        assert_eq!(plan.metadata(), Some(description));
        assert_eq!(plan.bytes(), head([8, 6, 1]));
    }

    #[test]
    fn what_is_no_plan_is_refused_with_what_it_is() {
        for (bytes, part) in [
            (vec![], "empty"),
            (vec![8, 8, 18, 7], "looks like an ONNX file"),
            (vec![1, 2, 3, 4, 5], "begins with 01 02 03 04"),
            (b"ftrt\0\0".to_vec(), "ends after 6 bytes"),
            (vec![0xff; 100], "begins with ff ff ff ff"),
            (vec![4, 0, 0, 0, b'{', b'}'], "no TensorRT plan"),
        ] {
            let error = plan(bytes).unwrap_err();
            assert!(error.starts_with("x.engine: "), "{error}");
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_plan_of_a_newer_version_is_refused_and_one_of_an_older_is_not() {
        let plan = plan(head([10, 3, 1])).unwrap();
        let version = |number| Version::of_number(number);
        for number in [100_301, 101_600, 110_000] {
            assert!(plan.check(version(number)).is_ok());
        }
        let error = plan.check(version(8601)).unwrap_err().to_string();
        assert!(
            error.contains("built by TensorRT 10.3.1, this is 8.6.1"),
            "{error}"
        );
    }
}
