//! The lines of a text file, one after the other.

use super::error::ReplayError;
use crate::model::ModelError;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

/// A frame of a hundred thousand objects has a line of half of this.
const MAX_LINE_BYTES: usize = 32 << 20;

/// The byte order mark, with which some editors begin UTF-8 text.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// A text without its byte order mark.
pub(super) fn without_bom(head: &[u8]) -> &[u8] {
    head.strip_prefix(BOM).unwrap_or(head)
}

/// Reads a file line by line into one buffer.
pub(super) struct Lines<R> {
    reader: R,
    path: PathBuf,
    number: usize,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// `path` is for messages.
    pub fn new(reader: R, path: &Path) -> Self {
        Self {
            reader,
            path: path.into(),
            number: 0,
            line: Vec::new(),
        }
    }

    /// The next line that is not blank, without white space around it, and its number from 1;
    /// `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<(usize, &str)>, ReplayError> {
        loop {
            if !self.read()? {
                return Ok(None);
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        match std::str::from_utf8(&self.line) {
            Ok(text) => Ok(Some((self.number, text.trim()))),
            Err(_) => Err(self.error("this is not UTF-8 text".into())),
        }
    }

    /// An error in the line that was read last.
    pub fn error(&self, why: String) -> ReplayError {
        ReplayError::Line {
            path: self.path.clone(),
            line: self.number,
            why,
        }
    }

    fn read(&mut self) -> Result<bool, ReplayError> {
        self.line.clear();
        self.number += 1;
        let limit = MAX_LINE_BYTES as u64 + 1;
        let mut reader = (&mut self.reader).take(limit);
        let read = reader.read_until(b'\n', &mut self.line);
        let read = read.map_err(|source| ModelError::Unreadable {
            path: self.path.clone(),
            source,
        })?;
        if self.line.len() > MAX_LINE_BYTES {
            let why = format!("a line of more than {} MiB", MAX_LINE_BYTES >> 20);
            return Err(self.error(why));
        }
        if self.number == 1 && self.line.starts_with(BOM) {
            self.line.drain(..BOM.len());
        }
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Result<(usize, String), String>> {
        let mut lines = Lines::new(bytes, Path::new("a.txt"));
        let mut all = Vec::new();
        loop {
            match lines.next() {
                Ok(Some((number, text))) => all.push(Ok((number, text.to_owned()))),
                Ok(None) => return all,
                Err(error) => all.push(Err(error.to_string())),
            }
        }
    }

    #[test]
    fn blank_lines_are_counted_and_left_out() {
        let read_text = |text: &str| {
            let lines = read(text.as_bytes()).into_iter();
            lines.map(|line| line.unwrap()).collect::<Vec<_>>()
        };
        let expected = |lines: &[(usize, &str)]| {
            let owned = |(number, text): &(usize, &str)| (*number, text.to_string());
            lines.iter().map(owned).collect::<Vec<_>>()
        };
        assert_eq!(
            read_text("\u{feff}1,2\r\n\n  \n 3 \n4"),
            expected(&[(1, "1,2"), (4, "3"), (5, "4")])
        );
        assert_eq!(read_text("\u{feff}\n1"), expected(&[(2, "1")]));
        assert_eq!(read(b""), []);
        assert_eq!(read(b"\n\n"), []);
    }

    #[test]
    fn what_is_no_text_has_a_line_number() {
        let lines = read(b"1\n\xff\xfe\n3\n");
        assert_eq!(lines[1], Err("a.txt:2: this is not UTF-8 text".into()));
        assert_eq!(lines[2], Ok((3, "3".into())));
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut lines = Lines::new(
            std::io::BufReader::new(std::io::repeat(b'1')),
            Path::new("a.txt"),
        );
        let error = lines.next().unwrap_err().to_string();
        assert_eq!(error, "a.txt:1: a line of more than 32 MiB");
        assert!(lines.line.len() <= MAX_LINE_BYTES + 1);
    }
}
