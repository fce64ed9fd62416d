//! ONNX files that the fake computes.

use vigil_nvidia::onnx::wire::Writer;

/// `y = relu(x · 0.3 + b)` on `batch` × 3 × 4 × 4, where a batch of -1 is open.
pub fn net(batch: i64, bias: f32) -> Vec<u8> {
    model(&[batch, 3, 4, 4], bias, &[])
}

/// The same with nodes of these operators in front.
pub fn model(shape: &[i64], bias: f32, operators: &[&str]) -> Vec<u8> {
    let mut graph = Writer::new();
    let mut last = "x".to_owned();
    for (index, operator) in operators.iter().enumerate() {
        let next = format!("v{index}");
        graph.bytes(1, &node(operator, &[&last], &next));
        last = next;
    }
    graph.bytes(1, &node("Mul", &[&last, "scale"], "scaled"));
    graph.bytes(1, &node("Add", &["scaled", "bias"], "sum"));
    graph.bytes(1, &node("Relu", &["sum"], "y"));
    graph
        .bytes(5, &weights("scale", 0.3))
        .bytes(5, &weights("bias", bias));
    graph
        .bytes(11, &value("x", shape))
        .bytes(12, &value("y", shape));
    let (mut opset, mut model) = (Writer::new(), Writer::new());
    opset.int(2, 17);
    model
        .int(1, 8)
        .bytes(8, &opset.done())
        .bytes(7, &graph.done());
    model.done()
}

fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut node = Writer::new();
    for input in inputs {
        node.text(1, input);
    }
    node.text(2, output)
        .text(3, &format!("/head/{output}"))
        .text(4, operator);
    node.done()
}

fn weights(name: &str, value: f32) -> Vec<u8> {
    let mut tensor = Writer::new();
    tensor
        .int(1, 1)
        .int(2, 1)
        .text(8, name)
        .bytes(9, &value.to_le_bytes());
    tensor.done()
}

fn value(name: &str, extents: &[i64]) -> Vec<u8> {
    let mut shape = Writer::new();
    for extent in extents {
        let mut dim = Writer::new();
        if *extent < 0 {
            dim.text(2, "N");
        } else {
            dim.int(1, *extent);
        }
        shape.bytes(1, &dim.done());
    }
    let (mut tensor, mut kind, mut value) = (Writer::new(), Writer::new(), Writer::new());
    tensor.int(1, 1).bytes(2, &shape.done());
    kind.bytes(1, &tensor.done());
    value.text(1, name).bytes(2, &kind.done());
    value.done()
}

/// What the network gives, computed as it says.
pub fn expected(input: &[f32], bias: f32) -> Vec<f32> {
    input.iter().map(|x| (x * 0.3 + bias).max(0.0)).collect()
}

/// Numbers on both sides of zero.
pub fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.37).sin() * 5.0).collect()
}
