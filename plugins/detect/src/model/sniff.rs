//! What a file that should be an ONNX model seems to be.
//!
//! An ONNX file has no magic number: it is a bare protobuf message, whose fields at the top level
//! are enough to tell a model from a file cut short and from anything else.

/// What the outermost protobuf fields of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outline {
    /// Fields of an ONNX model, up to the last byte.
    Model,
    /// Fields of an ONNX model, the last of which goes on to at least this byte.
    Truncated(u64),
    /// Not an ONNX model.
    Other,
}

/// Walks over the fields of `onnx.ModelProto` without looking into them.
pub fn outline(bytes: &[u8]) -> Outline {
    let len = bytes.len() as u64;
    let mut at = 0;
    while at < bytes.len() {
        let (key, value_at) = match varint(bytes, at) {
            Varint::Value(key, next) => (key, next),
            Varint::CutShort => return Outline::Truncated(len + 1),
            Varint::Malformed => return Outline::Other,
        };
        let Some(wire) = wire_type(key >> 3) else {
            return Outline::Other;
        };
        if key & 7 != wire {
            return Outline::Other;
        }
        let (value, next) = match varint(bytes, value_at) {
            Varint::Value(value, next) => (value, next),
            Varint::CutShort => return Outline::Truncated(len + 1),
            Varint::Malformed => return Outline::Other,
        };
        let end = if wire == VARINT {
            next as u64
        } else {
            (next as u64).saturating_add(value)
        };
        if end > len {
            // The message cannot be larger than protobuf allows: then it is not one.
            return if end <= super::onnx::MAX_BYTES {
                Outline::Truncated(end)
            } else {
                Outline::Other
            };
        }
        at = end as usize;
    }
    Outline::Model
}

const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

/// Wire type of each field of `ModelProto` (onnx.proto, IR version 13).
fn wire_type(field: u64) -> Option<u64> {
    match field {
        // ir_version, model_version
        1 | 5 => Some(VARINT),
        // producer_name, producer_version, domain, doc_string, graph, opset_import,
        // metadata_props, training_info, functions, configuration
        2 | 3 | 4 | 6 | 7 | 8 | 14 | 20 | 25 | 26 => Some(LENGTH_DELIMITED),
        _ => None,
    }
}

enum Varint {
    Value(u64, usize),
    CutShort,
    Malformed,
}

fn varint(bytes: &[u8], at: usize) -> Varint {
    let mut value = 0;
    for i in 0..10 {
        let Some(&byte) = bytes.get(at + i) else {
            return Varint::CutShort;
        };
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Varint::Value(value, at + i + 1);
        }
    }
    Varint::Malformed
}

/// Beginnings of files that people give by mistake, at the offset where they stand.
const MAGIC: &[(usize, &[u8], &str)] = &[
    (
        0,
        b"version https://git-lfs",
        "a Git LFS pointer (run 'git lfs pull' for the file itself)",
    ),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"RIFF", "a RIFF file (WebP, AVI or WAV)"),
    (4, b"ftyp", "an MP4 video"),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
    (
        0,
        b"PK\x03\x04",
        "a zip archive or a PyTorch checkpoint (export it to ONNX)",
    ),
    (
        0,
        b"\x80\x02",
        "a pickled PyTorch checkpoint (export it to ONNX)",
    ),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x89HDF", "an HDF5 file (Keras); export it to ONNX"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (4, b"ORTM", "a model in ONNX Runtime's own .ort format"),
    (0, b"GGUF", "a GGUF model"),
    (0, b"ptrt", "a TensorRT engine"),
    (0, b"ftrt", "a TensorRT engine"),
    (0, b"\x7fELF", "a program or a library"),
    (0, b"%PDF", "a PDF document"),
    (6, b"\0\0{\"", "a safetensors file"),
];

/// What `bytes`, which are no whole ONNX model, seem to be, with an article; `None` where nothing
/// speaks for anything.
pub fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    let magic = MAGIC
        .iter()
        .find(|(at, magic, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
        .map(|(_, _, name)| *name);
    if magic.is_some() {
        return magic;
    }
    if bytes.iter().all(|&b| b == 0) {
        return Some("nothing but zero bytes");
    }
    text(&bytes[..bytes.len().min(4096)])
}

/// What kind of text `head`, the beginning of a file, is; `None` for anything but text.
fn text(head: &[u8]) -> Option<&'static str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character may be cut at the end of the part looked at.
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&head[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let start = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .to_ascii_lowercase();
    Some(
        if start.starts_with("<!doctype html") || start.starts_with("<html") {
            "an HTML page (a download that went wrong?)"
        } else if start.starts_with('<') {
            "an XML file (of an OpenVINO model?)"
        } else if start.starts_with('{') || start.starts_with('[') {
            "a JSON file"
        } else {
            "a text file"
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn common_mistakes_are_named() {
        let table: &[(&[u8], &str)] = &[
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
            (b"PK\x03\x04\0\0", "PyTorch"),
            (b"<!DOCTYPE html><html>", "HTML"),
            (b"<?xml version=\"1.0\"?><net/>", "XML"),
            (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
            (b"nc: 80\nnames: [a, b]\n", "a text file"),
            // "r" is also the key of an ONNX model's metadata
            (b"runs/train/exp", "a text file"),
            ("names: [çà]\n".as_bytes(), "a text file"),
            (b"\xef\xbb\xbf{\"a\":1}", "JSON"),
            (&[0; 64], "zero bytes"),
        ];
        for (bytes, expected) in table {
            assert_ne!(outline(bytes), Outline::Model, "{expected}");
            let found = looks_like(bytes).unwrap_or_default();
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn text_cut_inside_a_character_is_still_text() {
        let text = "é".repeat(4096);
        assert_eq!(looks_like(&text.as_bytes()[1..]), None);
        assert_eq!(
            looks_like(&[b"x", text.as_bytes()].concat()),
            Some("a text file")
        );
    }

    #[test]
    fn what_speaks_for_nothing_is_not_named() {
        assert_eq!(looks_like(&[0xfe, 0xdc, 0, 1]), None);
    }

    #[test]
    fn the_outline_tells_whole_models_from_beginnings() {
        // ir_version 8, producer "x", graph of 3 bytes
        let model = b"\x08\x08\x12\x01x\x3a\x03abc";
        assert_eq!(outline(model), Outline::Model);
        assert_eq!(outline(&model[..9]), Outline::Truncated(10));
        assert_eq!(outline(&model[..6]), Outline::Truncated(7));
        assert_eq!(outline(&model[..1]), Outline::Truncated(2));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            outline(&bytes);
            looks_like(&bytes);
        }
    }
}
