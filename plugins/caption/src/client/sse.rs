//! A stream of server-sent events (WHATWG HTML, section 9.2), as far as chat servers use it: the
//! `data` of each event.

use std::io::{self, ErrorKind, Read};

/// Longest event, in bytes: a token with its log-probabilities is some kilobytes.
const LONGEST_EVENT: usize = 1 << 20;

/// Reads events from a stream of bytes.
pub struct Events<R> {
    reader: R,
    /// Read and not yet looked at, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// Bytes that may still come.
    budget: usize,
    /// The last line ended with CR: a LF that follows belongs to it.
    after_cr: bool,
    ended: bool,
}

impl<R: Read> Events<R> {
    /// Events of a stream of `budget` bytes at most.
    pub fn new(reader: R, budget: usize) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            budget,
            after_cr: false,
            ended: false,
        }
    }

    /// The data of the next event; `None` at the end of the stream. Comments, by which servers keep
    /// a connection open, are passed over. An event that the end cuts off counts where it has data.
    ///
    /// # Errors
    /// Those of the stream; `FileTooLarge` where an event or the stream is longer than it may be.
    pub fn next_data(&mut self) -> io::Result<Option<String>> {
        let mut data: Option<Vec<u8>> = None;
        while let Some(line) = self.line()? {
            if line.is_empty() {
                if data.is_some() {
                    break;
                }
                continue;
            }
            let Some(value) = line.strip_prefix(b"data") else {
                continue;
            };
            let value = match value.strip_prefix(b":") {
                Some(value) => value.strip_prefix(b" ").unwrap_or(value),
                None if value.is_empty() => value,
                None => continue,
            };
            match &mut data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => data = Some(value.to_vec()),
            }
            if data.as_ref().is_some_and(|data| data.len() > LONGEST_EVENT) {
                return Err(too_large());
            }
        }
        Ok(data.map(|data| String::from_utf8_lossy(&data).into_owned()))
    }

    /// The next line without its end: LF, CR or CR LF.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut looked = self.start;
        loop {
            if self.after_cr && self.start < self.buffer.len() {
                self.after_cr = false;
                if self.buffer[self.start] == b'\n' {
                    self.start += 1;
                }
                looked = looked.max(self.start);
            }
            let end = self.buffer[looked..]
                .iter()
                .position(|b| matches!(b, b'\n' | b'\r'));
            if let Some(end) = end.map(|end| looked + end) {
                let line = self.buffer[self.start..end].to_vec();
                self.after_cr = self.buffer[end] == b'\r';
                self.start = end + 1;
                return Ok(Some(line));
            }
            looked = self.buffer.len();
            if self.ended {
                let rest = self.buffer.split_off(self.start);
                self.start = self.buffer.len();
                return Ok((!rest.is_empty()).then_some(rest));
            }
            if looked - self.start > LONGEST_EVENT {
                return Err(too_large());
            }
            self.fill()?;
            looked -= self.compact();
        }
    }

    /// Throws away what was looked at, and says how much that was.
    fn compact(&mut self) -> usize {
        let start = std::mem::take(&mut self.start);
        self.buffer.drain(..start);
        start
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; 8192];
        let n = loop {
            match self.reader.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.ended = n == 0;
        self.budget = self.budget.checked_sub(n).ok_or_else(too_large)?;
        self.buffer.extend_from_slice(&chunk[..n]);
        Ok(())
    }
}

fn too_large() -> io::Error {
    io::Error::new(ErrorKind::FileTooLarge, "the answer is too large")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives bytes in pieces of these sizes.
    struct Pieces<'a>(&'a [u8], Vec<usize>);

    impl Read for Pieces<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = self.1.pop().unwrap_or(1).min(self.0.len()).min(out.len());
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn events(stream: &[u8], pieces: Vec<usize>) -> Vec<String> {
        let mut events = Events::new(Pieces(stream, pieces), 1 << 20);
        std::iter::from_fn(|| events.next_data().unwrap()).collect()
    }

    #[test]
    fn events_are_read_whatever_their_lines_end_with() {
        for (stream, expected) in [
            ("data: a\n\ndata: b\n\n", vec!["a", "b"]),
            ("data: a\r\n\r\ndata:b\r\n\r\n", vec!["a", "b"]),
            ("data: a\r\rdata: b\r\r", vec!["a", "b"]),
            (": ping\n\ndata: a\n\n: ping\n\n", vec!["a"]),
            ("event: x\nid: 7\ndata: a\ndata: b\n\n", vec!["a\nb"]),
            ("data\n\ndatabase: x\n\ndata:  a\n\n", vec!["", " a"]),
            ("data: cut off", vec!["cut off"]),
            ("{\"no\": \"event\"}", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(events(stream.as_bytes(), vec![]), expected, "{stream:?}");
        }
        // Not UTF-8.
        assert_eq!(events(b"data: a\xffb\n\n", vec![]), ["a\u{fffd}b"]);
    }

    #[test]
    fn endless_lines_and_streams_are_given_up() {
        let mut endless = Events::new(io::repeat(b'x'), usize::MAX);
        assert_eq!(
            endless.next_data().unwrap_err().kind(),
            ErrorKind::FileTooLarge
        );
        let many = "data: xyz\n".repeat(1 << 19);
        let mut many = Events::new(many.as_bytes(), usize::MAX);
        assert_eq!(
            many.next_data().err().map(|error| error.kind()),
            Some(ErrorKind::FileTooLarge)
        );
        let mut long = Events::new(io::repeat(b'\n'), 100_000);
        assert_eq!(
            long.next_data().unwrap_err().kind(),
            ErrorKind::FileTooLarge
        );
    }

    proptest! {
        #[test]
        fn where_the_stream_is_cut_into_pieces_does_not_matter(
            data in prop::collection::vec("[a-zäß€😀 ]{0,12}", 0..8),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            pieces in prop::collection::vec(1usize..9, 0..60),
        ) {
            let stream: String = data
                .iter()
                .map(|data| format!(": c{end}data: {data}{end}{end}"))
                .collect();
            prop_assert_eq!(events(stream.as_bytes(), pieces), data);
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            events(&bytes, vec![3, 1, 7]);
        }
    }
}
