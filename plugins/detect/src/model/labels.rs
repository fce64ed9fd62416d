//! Names of classes: the properties `labels` and `classes`.

use super::coco;
use super::error::ModelError;
use super::names;
use std::path::Path;
use vigil_analytics::text;

/// Where the names of a model's classes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelsSource {
    /// The property `labels`.
    User,
    /// The file beside the model.
    Sidecar,
    /// The model's metadata `names`.
    Metadata,
    /// COCO's, because the model has 80 classes and says nothing of them.
    CocoAssumed,
    /// COCO's by its own ids, because the model has 91 classes and says nothing of them.
    CocoIdsAssumed,
    /// `class 0`, `class 1`, … for lack of anything better.
    Numbered,
}

impl LabelsSource {
    /// In words, for a log line or `stats`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "property",
            Self::Sidecar => "file beside the model",
            Self::Metadata => "model metadata",
            Self::CocoAssumed => "COCO assumed for 80 classes",
            Self::CocoIdsAssumed => "COCO's ids assumed for 91 classes",
            Self::Numbered => "numbered",
        }
    }
}

/// The name of a class that has none.
pub fn numbered(id: usize) -> String {
    format!("class {id}")
}

/// The names of a model's `classes` (`None` where the model does not tell how many there are), from
/// the best source there is.
pub(super) fn choose(
    user: Option<Vec<String>>,
    metadata: Option<Vec<String>>,
    classes: Option<usize>,
) -> Result<(Vec<String>, LabelsSource), ModelError> {
    if let Some(labels) = user {
        return match classes {
            Some(classes) if classes != labels.len() => Err(ModelError::LabelCount {
                labels: labels.len(),
                classes,
            }),
            _ => Ok((labels, LabelsSource::User)),
        };
    }
    if let Some(names) = metadata {
        return Ok((names, LabelsSource::Metadata));
    }
    Ok(match classes {
        Some(80) => (
            coco::NAMES.map(String::from).to_vec(),
            LabelsSource::CocoAssumed,
        ),
        Some(91) => (coco::names_by_id(), LabelsSource::CocoIdsAssumed),
        classes => (
            (0..classes.unwrap_or(0)).map(numbered).collect(),
            LabelsSource::Numbered,
        ),
    })
}

/// Largest labels file that is read, in bytes.
const MAX_LABELS_BYTES: u64 = 16 << 20;

/// The property `labels`: names separated by `;`, or the path of a text file with a name on each
/// line. `None` for an empty property.
///
/// Blank lines at the end of the file are left out, one in the middle is an error: class ids are
/// line numbers. Reads the file: not for the streaming thread.
pub fn parse_labels(labels: &str) -> Result<Option<Vec<String>>, ModelError> {
    let fail = |why: String| Err(ModelError::Labels { why });
    if labels.trim().is_empty() {
        return Ok(None);
    }
    let path = Path::new(labels);
    let looks_like_a_path =
        !labels.contains(';') && (labels.contains(['/', '\\']) || path.extension().is_some());
    if path.is_file() || looks_like_a_path {
        return read_labels(path).map(Some);
    }
    if path.is_dir() {
        return fail(format!(
            "{labels:?} is a folder: give a text file with a name on each line"
        ));
    }
    let list = labels.strip_suffix(';').unwrap_or(labels);
    let names: Vec<String> = list
        .split(';')
        .map(|name| name.trim().to_string())
        .collect();
    match names.iter().position(String::is_empty) {
        Some(i) => fail(format!(
            "name {} of {} in the list is empty",
            i + 1,
            names.len()
        )),
        None => check_count(names, || "the list".into()).map(Some),
    }
}

fn read_labels(path: &Path) -> Result<Vec<String>, ModelError> {
    let fail = |why: String| ModelError::Labels { why };
    let unreadable = |e: std::io::Error| fail(format!("{path:?} cannot be read: {e}"));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(fail(format!("{path:?} is not a file")));
    }
    if metadata.len() > MAX_LABELS_BYTES {
        return Err(fail(format!(
            "{path:?} has {} bytes: too large for names",
            metadata.len()
        )));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        fail(format!("{path:?}, line {line}: not UTF-8 text"))
    })?;
    let text = text.trim_start_matches('\u{feff}').trim_end();
    if text.is_empty() {
        return Err(fail(format!("{path:?} has no names")));
    }
    let mut names = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let name = line.trim();
        if name.is_empty() {
            return Err(fail(format!(
                "{path:?}, line {}: no name (class ids are line numbers)",
                i + 1
            )));
        }
        if name.chars().any(char::is_control) {
            return Err(fail(format!(
                "{path:?}, line {}: not a name but binary data",
                i + 1
            )));
        }
        names.push(name.to_string());
    }
    check_count(names, || format!("{path:?}"))
}

fn check_count(names: Vec<String>, of: impl Fn() -> String) -> Result<Vec<String>, ModelError> {
    if names.len() > names::MAX_CLASSES {
        let why = format!("{} has {} names, more than any model", of(), names.len());
        return Err(ModelError::Labels { why });
    }
    Ok(names)
}

/// The classes that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassSet(Vec<bool>);

impl ClassSet {
    /// The set of these ids; those beyond any model's are left out.
    pub fn from_ids(ids: impl IntoIterator<Item = u32>) -> Self {
        let mut set = Vec::new();
        for id in ids
            .into_iter()
            .map(|id| id as usize)
            .filter(|id| *id < names::MAX_CLASSES)
        {
            if set.len() <= id {
                set.resize(id + 1, false);
            }
            set[id] = true;
        }
        Self(set)
    }

    /// Whether `class` is wanted.
    #[inline]
    pub fn contains(&self, class: u32) -> bool {
        self.0.get(class as usize).copied().unwrap_or(false)
    }

    /// The ids in the set, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        (0..)
            .zip(&self.0)
            .filter(|(_, wanted)| **wanted)
            .map(|(id, _)| id)
    }
}

/// The property `classes`: names or ids separated by `;` (or `,` where there is no `;`). `None`,
/// which is all classes, for an empty property.
///
/// A name is looked for exactly, then without regard to case, then as an id. `labels` are the
/// model's; where it has fewer names than classes (`labels` empty: not known), any id is accepted.
pub fn parse_classes(classes: &str, labels: &[String]) -> Result<Option<ClassSet>, ModelError> {
    let ids: Vec<u32> = class_items(classes)
        .map(|item| class_id(item, labels))
        .collect::<Result<_, _>>()?;
    Ok((!ids.is_empty()).then(|| ClassSet::from_ids(ids)))
}

/// The names and ids in the property `classes`.
pub fn class_items(classes: &str) -> impl Iterator<Item = &str> {
    let separator = if classes.contains(';') { ';' } else { ',' };
    classes
        .split(separator)
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

fn class_id(item: &str, labels: &[String]) -> Result<u32, ModelError> {
    let fail = |why: String| Err(ModelError::Classes { why });
    let lower = item.to_lowercase();
    let named = labels
        .iter()
        .position(|l| l == item)
        .or_else(|| labels.iter().position(|l| l.to_lowercase() == lower));
    if let Some(id) = named {
        return Ok(id as u32);
    }
    match item.parse::<usize>() {
        Ok(id) if id < labels.len() || (labels.is_empty() && id < names::MAX_CLASSES) => {
            Ok(id as u32)
        }
        Ok(id) if labels.is_empty() => fail(format!("{id} is too large for a class id")),
        Ok(id) => fail(format!(
            "the model has no class {id}: its ids are 0 to {}",
            labels.len() - 1
        )),
        Err(_) if labels.is_empty() => fail(format!(
            "the model does not name its classes: give ids in place of {item:?}, or set labels"
        )),
        Err(_) => fail(format!(
            "the model has no class {item:?}{}",
            suggestion(&lower, labels)
        )),
    }
}

fn suggestion(item: &str, labels: &[String]) -> String {
    let mut near: Vec<(usize, &String)> = labels
        .iter()
        .filter_map(|label| {
            let lower = label.to_lowercase();
            let distance = text::distance(item, &lower);
            let longest = item.chars().count().max(lower.chars().count());
            let contains =
                item.len() > 2 && lower.contains(item) || lower.len() > 2 && item.contains(&lower);
            (distance <= 1.max(longest / 3) || contains).then_some((distance, label))
        })
        .collect();
    near.sort();
    let list = |names: &mut dyn Iterator<Item = &String>| {
        names
            .map(|n| format!("'{n}'"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if near.is_empty() {
        let more = if labels.len() > 5 { ", …" } else { "" };
        return format!(
            "; its classes are {}{more}",
            list(&mut labels.iter().take(5))
        );
    }
    format!(
        "; did you mean {}?",
        list(&mut near.iter().take(3).map(|(_, l)| *l))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| n.to_string()).collect()
    }

    #[test]
    fn labels_are_a_list_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_string()
        };
        let table = [
            ("person;car".to_string(), &["person", "car"][..]),
            (" person ; stop sign;".into(), &["person", "stop sign"]),
            ("person".into(), &["person"]),
            ("a/b;c.d".into(), &["a/b", "c.d"]),
            (
                file("unix.txt", "person\nstop sign\n\n\n"),
                &["person", "stop sign"],
            ),
            (
                file("dos.names", "\u{feff}person\r\ncar\r\n"),
                &["person", "car"],
            ),
            (file("noend", "person\nкот"), &["person", "кот"]),
        ];
        for (labels, expected) in table {
            assert_eq!(
                parse_labels(&labels).unwrap().unwrap(),
                expected,
                "{labels:?}"
            );
        }
        assert_eq!(parse_labels("").unwrap(), None);
    }

    #[test]
    fn wrong_labels_say_where() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_string()
        };
        let table = [
            ("person;;car".to_string(), "name 2 of 3"),
            ("/does/not/exist.txt".into(), "/does/not/exist.txt"),
            ("coco.names".into(), "coco.names"),
            (folder.path().to_str().unwrap().into(), "not a file"),
            (file("empty.txt", b"\n\n"), "empty.txt"),
            (file("gap.txt", b"a\n\nb\n"), "gap.txt\", line 2"),
            (
                file("latin1.txt", b"a\ncaf\xe9\n"),
                "latin1.txt\", line 2: not UTF-8",
            ),
            (
                file("zero.txt", b"a\n\0\x01b\n"),
                "zero.txt\", line 2: not a name",
            ),
        ];
        for (labels, why) in table {
            let error = parse_labels(&labels).unwrap_err().to_string();
            assert!(error.contains(why), "{labels:?}: {error}");
        }
    }

    #[test]
    fn classes_are_names_or_ids() {
        let labels = strings(&["person", "Car", "stop sign", "7"]);
        let table: &[(&str, &[u32])] = &[
            ("person", &[0]),
            ("car, PERSON", &[0, 1]),
            ("0;stop sign", &[0, 2]),
            ("7", &[3]),
            ("2,2", &[2]),
        ];
        for (classes, expected) in table {
            let set = parse_classes(classes, &labels).unwrap().unwrap();
            assert_eq!(set.ids().collect::<Vec<_>>(), *expected, "{classes}");
        }
        assert_eq!(parse_classes(" ; ", &labels).unwrap(), None);
        assert!(parse_classes("41", &[]).unwrap().unwrap().contains(41));
    }

    #[test]
    fn an_unknown_class_names_its_neighbours() {
        let coco: Vec<String> = coco::NAMES.map(String::from).to_vec();
        let table = [
            ("persn", "did you mean 'person'?"),
            ("light", "'traffic light'"),
            ("trafic-light", "'traffic light'"),
            ("80", "its ids are 0 to 79"),
            ("-1", "no class \"-1\""),
            (
                "licence plate of a lorry",
                "its classes are 'person', 'bicycle'",
            ),
        ];
        for (classes, why) in table {
            let error = parse_classes(classes, &coco).unwrap_err().to_string();
            assert!(error.contains(why), "{classes}: {error}");
        }
        assert!(
            parse_classes("person", &[])
                .unwrap_err()
                .to_string()
                .contains("give ids")
        );
    }

    #[test]
    fn a_set_of_classes_contains_what_it_was_made_of() {
        let set = ClassSet::from_ids([3, 0]);
        assert_eq!(
            (0..6).filter(|c| set.contains(*c)).collect::<Vec<_>>(),
            [0, 3]
        );
    }
}
