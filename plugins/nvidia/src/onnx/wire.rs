//! Protocol buffers as they are in a file: fields that are read in place, and written back byte for
//! byte unless they are changed.
//!
//! A decoder that makes structs of messages drops what it does not know. Here a message is a list of
//! fields, each with the bytes that it was made of, so that nothing of a model is lost that is not
//! looked at. See <https://protobuf.dev/programming-guides/encoding>.

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid protocol buffer at byte {0} of a message")]
pub struct WireError(pub usize);

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer, `bool` or `enum`.
    Varint(u64),
    /// 8 bytes.
    Fixed64([u8; 8]),
    /// A message, text, bytes, or numbers one after the other.
    Bytes(&'a [u8]),
    /// 4 bytes.
    Fixed32([u8; 4]),
}

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its number in the `.proto` file.
    pub number: u32,
    /// What it holds.
    pub value: Value<'a>,
    /// All of it as it was in the file, with its tag.
    pub raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// Its bytes; empty if it holds a number.
    pub fn bytes(&self) -> &'a [u8] {
        match self.value {
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// Its text; empty if it is none.
    pub fn text(&self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// Its number as a signed one; 0 if it holds bytes.
    pub fn int(&self) -> i64 {
        match self.value {
            Value::Varint(number) => number as i64,
            _ => 0,
        }
    }

    /// Its numbers, of which a file may have one in each field or all in one.
    pub fn ints(&self) -> Result<Vec<i64>, WireError> {
        match self.value {
            Value::Bytes(packed) => {
                let mut at = 0;
                let mut numbers = Vec::new();
                while at < packed.len() {
                    numbers.push(varint(packed, &mut at)? as i64);
                }
                Ok(numbers)
            }
            _ => Ok(vec![self.int()]),
        }
    }
}

/// The fields of a message, in the order of the file.
///
/// # Errors
/// The bytes are no message.
pub fn fields(message: &[u8]) -> Result<Vec<Field<'_>>, WireError> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < message.len() {
        let start = at;
        let tag = varint(message, &mut at)?;
        let number = u32::try_from(tag >> 3)
            .ok()
            .filter(|n| *n > 0)
            .ok_or(WireError(start))?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(message, &mut at)?),
            1 => Value::Fixed64(array(message, &mut at)?),
            2 => {
                let length = varint(message, &mut at)?;
                let end = usize::try_from(length).ok().and_then(|n| at.checked_add(n));
                let end = end
                    .filter(|end| *end <= message.len())
                    .ok_or(WireError(start))?;
                let bytes = &message[at..end];
                at = end;
                Value::Bytes(bytes)
            }
            5 => Value::Fixed32(array(message, &mut at)?),
            _ => return Err(WireError(start)),
        };
        found.push(Field {
            number,
            value,
            raw: &message[start..at],
        });
    }
    Ok(found)
}

fn varint(bytes: &[u8], at: &mut usize) -> Result<u64, WireError> {
    let start = *at;
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).ok_or(WireError(start))?;
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(WireError(start))
}

fn array<const N: usize>(bytes: &[u8], at: &mut usize) -> Result<[u8; N], WireError> {
    let part = bytes
        .get(*at..*at + N)
        .and_then(|part| part.try_into().ok());
    let part = part.ok_or(WireError(*at))?;
    *at += N;
    Ok(part)
}

/// A message that is being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A message of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A field as it was read.
    pub fn raw(&mut self, field: &Field<'_>) -> &mut Self {
        self.0.extend_from_slice(field.raw);
        self
    }

    /// A message, text or bytes.
    pub fn bytes(&mut self, number: u32, bytes: &[u8]) -> &mut Self {
        self.varint(u64::from(number) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// Text.
    pub fn text(&mut self, number: u32, text: &str) -> &mut Self {
        self.bytes(number, text.as_bytes())
    }

    /// A number.
    pub fn int(&mut self, number: u32, value: i64) -> &mut Self {
        self.varint(u64::from(number) << 3);
        self.varint(value as u64);
        self
    }

    /// What was written.
    pub fn done(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut writer = Writer::new();
        writer
            .int(1, -5)
            .text(2, "name")
            .bytes(3, &[0x96, 0x01, 0x02])
            .int(1000, 300);
        let bytes = writer.done();
        let read = fields(&bytes).unwrap();
        assert_eq!(read[0].int(), -5);
        assert_eq!(read[1].text(), "name");
        assert_eq!(read[2].ints().unwrap(), [150, 2]);
        assert_eq!((read[3].number, read[3].int()), (1000, 300));
    }

    #[test]
    fn fields_that_are_not_known_come_out_as_they_went_in() {
        // A number that is written longer than it need be, as a canonical writer would not.
        let message = [
            0x08, 0x80, 0x00, 0x3d, 1, 2, 3, 4, 0x41, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        let mut writer = Writer::new();
        for field in fields(&message).unwrap() {
            writer.raw(&field);
        }
        assert_eq!(writer.done(), message);
    }

    #[test]
    fn bytes_that_are_no_message_are_an_error_and_not_a_panic() {
        for bad in [
            &[0x0a, 5, 1][..],
            &[0x80; 11],
            &[0x0b],
            &[0x0d, 1],
            &[0x00, 1],
            &[
                0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
            ],
        ] {
            assert!(fields(bad).is_err(), "{bad:?}");
        }
    }
}
