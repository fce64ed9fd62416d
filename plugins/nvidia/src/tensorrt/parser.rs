//! Reading an ONNX file into a network, and saying what of it cannot be read.

use super::abi::{self, Family, Owned, table, text, v8, v10, v11};
use super::error::{ParseProblem, TensorRtError};
use super::library::Library;
use crate::onnx::summary::Summary;
use std::ffi::{CString, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `nvonnxparser::ErrorCode`, those that say that an operator is not known, whatever its use.
const UNSUPPORTED_NODE: i32 = 8;

/// Reads an ONNX file into a network. What is returned holds the weights, and must be kept until the
/// network has been built.
///
/// # Safety
/// `network` must be an `INetworkDefinition` of this library that outlives what is returned.
///
/// # Errors
/// [`TensorRtError::Parse`] with each problem; [`TensorRtError::CannotBuild`] without a parser.
pub(super) unsafe fn parse(
    library: &Library,
    network: *mut c_void,
    onnx: &[u8],
    path: &Path,
    summary: &Summary,
) -> Result<Owned, TensorRtError> {
    // SAFETY: by the caller.
    let parser = unsafe { library.create_parser(network)? };
    // The path is where weights in files of their own are looked for.
    let path_text = CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
    let (raw, data, path_text) = (parser.raw(), onnx.as_ptr().cast(), path_text.as_ptr());
    // SAFETY: the parser is alive; the file and its name live through the call.
    let parsed = unsafe {
        match library.family() {
            Family::V8 => ((*table::<v8::IParser>(raw)).parse)(raw, data, onnx.len(), path_text),
            Family::V10 => ((*table::<v10::IParser>(raw)).parse)(raw, data, onnx.len(), path_text),
            Family::V11 => ((*table::<v11::IParser>(raw)).parse)(raw, data, onnx.len(), path_text),
        }
    };
    if parsed {
        return Ok(parser);
    }
    // SAFETY: the parser is alive.
    let mut problems = unsafe { problems(library.family(), &parser, summary) };
    if problems.is_empty() {
        let log = library.logger().take_errors();
        problems.push(ParseProblem {
            unsupported: false,
            operator: String::new(),
            node: String::new(),
            index: None,
            text: if log.is_empty() {
                "TensorRT's parser does not take the file, and does not say why".into()
            } else {
                log
            },
        });
    }
    Err(TensorRtError::Parse {
        model: path.to_owned(),
        problems,
    })
}

/// # Safety
/// The parser must be one of this version.
unsafe fn problems(family: Family, parser: &Owned, summary: &Summary) -> Vec<ParseProblem> {
    let raw = parser.raw();
    // SAFETY: by the caller; errors are the parser's own and live as long as it does.
    unsafe {
        let count = match family {
            Family::V8 => ((*table::<v8::IParser>(raw)).get_nb_errors)(raw),
            Family::V10 => ((*table::<v10::IParser>(raw)).get_nb_errors)(raw),
            Family::V11 => ((*table::<v11::IParser>(raw)).get_nb_errors)(raw),
        };
        (0..count)
            .filter_map(|i| {
                let error = match family {
                    Family::V8 => ((*table::<v8::IParser>(raw)).get_error)(raw, i),
                    Family::V10 => ((*table::<v10::IParser>(raw)).get_error)(raw, i),
                    Family::V11 => ((*table::<v11::IParser>(raw)).get_error)(raw, i),
                };
                (!error.is_null()).then(|| problem(family, error.cast_mut(), summary))
            })
            .collect()
    }
}

/// # Safety
/// `error` must be an `IParserError` of this version.
unsafe fn problem(family: Family, error: *mut c_void, summary: &Summary) -> ParseProblem {
    macro_rules! get {
        ($($method:ident)|+) => {
            match family {
                Family::V8 => ($(((*table::<v8::IParserError>(error)).$method)(error)),+),
                Family::V10 => ($(((*table::<v10::IParserError>(error)).$method)(error)),+),
                Family::V11 => ($(((*table::<v11::IParserError>(error)).$method)(error)),+),
            }
        };
    }
    // SAFETY: by the caller.
    unsafe {
        let (code, node, line) = get!(code | node | line);
        let (description, file) = get!(desc | file);
        let (name, operator) = match family {
            Family::V8 => (String::new(), String::new()),
            Family::V10 => {
                let at = table::<v10::IParserError>(error);
                (
                    text(((*at).node_name)(error)),
                    text(((*at).node_operator)(error)),
                )
            }
            Family::V11 => {
                let at = table::<v11::IParserError>(error);
                (
                    text(((*at).node_name)(error)),
                    text(((*at).node_operator)(error)),
                )
            }
        };
        let description = text(description);
        let file = text(file);
        let index = usize::try_from(node).ok();
        // 8.6 gives the index only: the file has the rest.
        let known = index.and_then(|index| summary.nodes.get(index));
        let or = |given: String, known: Option<&str>| match given.as_str() {
            "" => known.unwrap_or_default().to_owned(),
            _ => given,
        };
        ParseProblem {
            unsupported: code == UNSUPPORTED_NODE || description.contains("No importer registered"),
            operator: or(operator, known.map(|node| node.operator.as_str())),
            node: or(name, known.map(|node| node.name.as_str())),
            index,
            text: match file.rsplit('/').next() {
                None | Some("") => description,
                Some(file) => format!("{description} [{file}:{line}]"),
            },
        }
    }
}

/// What a network takes, by name.
pub(super) struct Input {
    pub name: CString,
    pub shape: abi::Shape,
}

/// The inputs of a network.
///
/// # Safety
/// `network` must be an `INetworkDefinition` of this version.
pub(super) unsafe fn inputs(family: Family, network: *mut c_void) -> Vec<Input> {
    // SAFETY: by the caller; tensors are the network's and live as long as it does.
    unsafe {
        let count = abi::call!(family, network, VNetworkDefinition.get_nb_inputs());
        (0..count)
            .map(|i| abi::call!(family, network, VNetworkDefinition.get_input(i)))
            .filter(|tensor| !tensor.is_null())
            .map(|tensor| Input {
                name: CString::new(text(abi::call!(family, tensor, VTensor.get_name())))
                    .unwrap_or_default(),
                shape: abi::call!(family, tensor, VTensor.get_dimensions().shape())
                    .unwrap_or_default(),
            })
            .collect()
    }
}
