//! Texts that a user wrote: reading their files, places in them, and what was probably meant by a
//! name.

use std::fs::File;
use std::io::{Error, Read};
use std::path::Path;

/// Why a user's text file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// It is not there, is no regular file, or is not UTF-8.
    #[error(transparent)]
    Failed(#[from] Error),
    /// It is larger than allowed.
    #[error("it is too large")]
    TooLarge,
}

/// Reads a regular file of at most `most` bytes of UTF-8. Blocks on the file system.
///
/// # Errors
/// See [`TextError`].
pub fn read_file(path: &Path, most: u64) -> Result<String, TextError> {
    // Reading a pipe or a device would wait for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Error::other("it is no regular file").into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(TextError::TooLarge);
    }
    let not_utf8 = |error| Error::other(format!("it is not UTF-8: {error}"));
    Ok(String::from_utf8(bytes).map_err(not_utf8)?)
}

/// Line and column, both from 1 and the column in characters, of the byte `offset` in `text`.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// Levenshtein distance of two words, in characters.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The one of the `known` names that `name` is a slip of: at most every third character of it is
/// wrong.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// A problem with a name, what was probably meant, and what is known.
pub fn suggest(problem: &str, name: &str, known: &[&str]) -> String {
    let list = known.join(", ");
    match nearest(name, known) {
        Some(nearest) => format!("{problem}: did you mean \"{nearest}\"? Known: {list}"),
        None => format!("{problem}. Known: {list}"),
    }
}

/// A part of a text with fields in braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Words as they are.
    Text(&'a str),
    /// The name of a field.
    Field(&'a str),
}

/// Splits a text with fields such as `{label}`; `{{` and `}}` are braces themselves. `None` if a brace
/// has no partner.
pub fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (plain, brace) = rest.split_at(at);
        pieces.push(Piece::Text(plain));
        let doubled = brace.starts_with("{{") || brace.starts_with("}}");
        rest = if doubled {
            pieces.push(Piece::Text(&brace[..1]));
            &brace[2..]
        } else {
            let (name, after) = brace.strip_prefix('{')?.split_once('}')?;
            pieces.push(Piece::Field(name));
            after
        };
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let text = "one\nzwölf\n\n";
        for (offset, place) in [
            (0, (1, 1)),
            (4, (2, 1)),
            (9, (2, 5)),
            (11, (3, 1)),
            (99, (4, 1)),
        ] {
            assert_eq!(line_and_column(text, offset), place, "{offset}");
        }
    }

    #[test]
    fn only_small_regular_files_of_text_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "zwölf").unwrap();
        assert_eq!(read_file(&path, 6).unwrap(), "zwölf");
        assert!(matches!(read_file(&path, 5), Err(TextError::TooLarge)));
        std::fs::write(&path, b"\xff").unwrap();
        for (path, said) in [
            (path.as_path(), "not UTF-8"),
            (folder.path(), "no regular file"),
            (&folder.path().join("none"), "No such file"),
        ] {
            let error = read_file(path, 9).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn distances_are_levenshteins() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("кот", "кит", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn only_a_slip_is_suggested() {
        let known = ["person", "car", "bicycle"];
        assert_eq!(nearest("persn", &known), Some("person"));
        assert_eq!(nearest("bycicle", &known), Some("bicycle"));
        assert_eq!(nearest("ship", &known), None);
        assert_eq!(
            suggest("unknown class \"cat\"", "cat", &known),
            "unknown class \"cat\": did you mean \"car\"? Known: person, car, bicycle"
        );
        assert!(suggest("no", "ship", &known).ends_with("no. Known: person, car, bicycle"));
    }

    #[test]
    fn fields_stand_in_braces() {
        use Piece::{Field, Text};
        for (text, expected) in [
            ("", Some(vec![])),
            ("a {b}.", Some(vec![Text("a "), Field("b"), Text(".")])),
            ("{a}{b}", Some(vec![Field("a"), Field("b")])),
            (
                "{{é}} {}",
                Some(vec![Text("{"), Text("é"), Text("}"), Text(" "), Field("")]),
            ),
            ("{a", None),
            ("a}", None),
            ("{", None),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }
}
