//! A model that the fake TensorRT of `plugins/nvidia/tests/fake` can compute, for rehearsals.

use crate::Failure;
use std::path::Path;
use vigil_nvidia::onnx::wire::Writer;

/// Side of the input.
const SIDE: i64 = 32;

/// Boxes of a picture: six samples make one.
const BOXES: i64 = 3 * SIDE * SIDE / 6;

/// `TensorProto.DataType`
const F32: i64 = 1;
const I64: i64 = 7;

/// What samples are multiplied with: left, top, right and bottom, score, class. Boxes are large enough,
/// and the border between classes far enough from any level of 8 bits, for FP16 to change little.
const GAIN: [f32; 6] = [8.0, 8.0, 8.0, 8.0, 1.0, 1.397_26];

/// What is added then.
const OFFSET: [f32; 6] = [0.0, 0.0, 24.0, 24.0, 0.0, 0.0];

/// Writes a model whose boxes are its samples, six in a row. So a sample that is off anywhere makes
/// another box.
pub fn write(path: &Path) -> Result<bool, Failure> {
    std::fs::write(path, model()).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(true)
}

fn model() -> Vec<u8> {
    let gain = floats("gain", &GAIN);
    let offset = floats("offset", &OFFSET);
    let shape: Vec<u8> = [-1, BOXES, 6]
        .iter()
        .flat_map(|n: &i64| n.to_le_bytes())
        .collect();
    let mut graph = Writer::new();
    graph
        .bytes(1, &node("Reshape", ["images", "shape"], "rows"))
        .bytes(1, &node("Mul", ["rows", "gain"], "scaled"))
        .bytes(1, &node("Add", ["scaled", "offset"], "output0"))
        .text(2, "pixels")
        .bytes(5, &tensor("shape", I64, &[3], &shape))
        .bytes(5, &gain)
        .bytes(5, &offset)
        .bytes(11, &value("images", &[3, SIDE, SIDE]))
        .bytes(12, &value("output0", &[BOXES, 6]));
    let (mut opset, mut names, mut model) = (Writer::new(), Writer::new(), Writer::new());
    opset.int(2, 17);
    names.text(1, "names").text(2, "{0: 'dark', 1: 'bright'}");
    model
        .int(1, 8)
        .bytes(7, &graph.done())
        .bytes(8, &opset.done())
        .bytes(14, &names.done());
    model.done()
}

fn node(operator: &str, inputs: [&str; 2], output: &str) -> Vec<u8> {
    let mut node = Writer::new();
    inputs.iter().for_each(|input| {
        node.text(1, input);
    });
    node.text(2, output).text(3, output).text(4, operator);
    node.done()
}

fn floats(name: &str, values: &[f32; 6]) -> Vec<u8> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    tensor(name, F32, &[1, 1, 6], &bytes)
}

fn tensor(name: &str, kind: i64, dims: &[u64], bytes: &[u8]) -> Vec<u8> {
    let mut tensor = Writer::new();
    dims.iter().for_each(|dim| {
        tensor.int(1, *dim as i64);
    });
    tensor.int(2, kind).text(8, name).bytes(9, bytes);
    tensor.done()
}

/// FP32 of this shape behind an open number of pictures.
fn value(name: &str, extents: &[i64]) -> Vec<u8> {
    let (mut shape, mut open) = (Writer::new(), Writer::new());
    open.text(2, "N");
    shape.bytes(1, &open.done());
    for extent in extents {
        let mut dim = Writer::new();
        dim.int(1, *extent);
        shape.bytes(1, &dim.done());
    }
    let (mut tensor, mut kind, mut value) = (Writer::new(), Writer::new(), Writer::new());
    tensor.int(1, F32).bytes(2, &shape.done());
    kind.bytes(1, &tensor.done());
    value.text(1, name).bytes(2, &kind.done());
    value.done()
}
