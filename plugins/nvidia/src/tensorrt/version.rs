//! Versions of TensorRT.

use super::abi::Family;

/// A version, as the library and the files that it writes have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Binary interface.
    pub major: i32,
    /// Methods are added with it.
    pub minor: i32,
    /// Corrections.
    pub patch: i32,
}

impl Version {
    /// From what `getInferLibVersion` returns: thousands up to version 9, ten thousands from 10 on.
    pub fn of_number(number: i32) -> Self {
        let unit = if number < 10_000 { 1_000 } else { 10_000 };
        Self {
            major: number / unit,
            minor: number % unit / 100,
            patch: number % 100,
        }
    }

    /// The number that the `create…_INTERNAL` functions are told.
    pub fn number(self) -> i32 {
        let unit = if self.major < 10 { 1_000 } else { 10_000 };
        self.major * unit + self.minor * 100 + self.patch
    }

    /// The binary interface, if it is one that is known here.
    pub fn family(self) -> Option<Family> {
        match (self.major, self.minor) {
            (8, 6..) => Some(Family::V8),
            (10, _) => Some(Family::V10),
            (11, _) => Some(Family::V11),
            _ => None,
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_each_major_writes_them() {
        for (number, text, family) in [
            (8401, "8.4.1", None),
            (8600, "8.6.0", Some(Family::V8)),
            (8601, "8.6.1", Some(Family::V8)),
            (9300, "9.3.0", None),
            (100_000, "10.0.0", Some(Family::V10)),
            (101_601, "10.16.1", Some(Family::V10)),
            (110_400, "11.4.0", Some(Family::V11)),
            (120_000, "12.0.0", None),
        ] {
            let version = Version::of_number(number);
            assert_eq!(version.to_string(), text);
            assert_eq!(version.number(), number);
            assert_eq!(version.family(), family);
        }
    }
}
