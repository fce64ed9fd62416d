use super::*;
use crate::onnx::*;

/// Writes small ONNX files.
#[derive(Default)]
struct Model {
    graph: Writer,
}

impl Model {
    fn node(mut self, operator: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        self.graph
            .bytes(GRAPH_NODE, &node(operator, inputs, outputs, &[]));
        self
    }

    fn node_with(
        mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[Vec<u8>],
    ) -> Self {
        self.graph
            .bytes(GRAPH_NODE, &node(operator, inputs, outputs, attributes));
        self
    }

    fn weights(mut self, name: &str, values: &[f32]) -> Self {
        self.graph.bytes(GRAPH_INITIALIZER, &floats(name, values));
        self
    }

    fn value(mut self, field: u32, name: &str, kind: i64) -> Self {
        let (mut element, mut tensor, mut value) = (Writer::new(), Writer::new(), Writer::new());
        element.int(TENSOR_TYPE_ELEMENT, kind);
        tensor.bytes(TYPE_TENSOR, &element.done());
        value
            .text(VALUE_NAME, name)
            .bytes(VALUE_TYPE, &tensor.done());
        self.graph.bytes(field, &value.done());
        self
    }

    fn graph(self) -> Vec<u8> {
        self.graph.done()
    }

    /// With a field that nobody knows.
    fn done(self) -> Vec<u8> {
        let (mut opset, mut model) = (Writer::new(), Writer::new());
        opset.int(OPSET_VERSION, 17);
        model
            .int(1, 8)
            .bytes(MODEL_OPSET, &opset.done())
            .bytes(MODEL_GRAPH, &self.graph.done());
        model.text(999, "of tomorrow");
        model.done()
    }
}

fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut node = Writer::new();
    for name in inputs {
        node.text(NODE_INPUT, name);
    }
    for name in outputs {
        node.text(NODE_OUTPUT, name);
    }
    node.text(NODE_NAME, &format!("/{operator}"))
        .text(NODE_OPERATOR, operator);
    for attribute in attributes {
        node.bytes(NODE_ATTRIBUTE, attribute);
    }
    node.done()
}

fn floats(name: &str, values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut tensor = Writer::new();
    tensor
        .int(TENSOR_DIMS, values.len() as i64)
        .int(TENSOR_TYPE, FLOAT);
    tensor.text(TENSOR_NAME, name).bytes(TENSOR_RAW, &raw);
    tensor.done()
}

fn to(kind: i64) -> Vec<u8> {
    let mut attribute = Writer::new();
    attribute
        .text(ATTRIBUTE_NAME, "to")
        .int(ATTRIBUTE_INT, kind)
        .int(ATTRIBUTE_TYPE, 2);
    attribute.done()
}

/// The nodes of a converted file, as `Operator(inputs)outputs`.
fn nodes(onnx: &[u8]) -> Vec<String> {
    let model = fields(onnx).unwrap();
    let graph = model.iter().find(|f| f.number == MODEL_GRAPH).unwrap();
    let nodes = fields(graph.bytes()).unwrap();
    let nodes = nodes
        .iter()
        .filter(|f| f.number == GRAPH_NODE)
        .map(|f| graph::Node::read(f, 1).unwrap());
    nodes
        .map(|n| {
            format!(
                "{}({}){}",
                n.operator,
                n.inputs.join(","),
                n.outputs.join(",")
            )
        })
        .collect()
}

fn converted(onnx: &[u8], options: &HalfOptions) -> (Vec<String>, Report) {
    let converted = convert(onnx, options).unwrap();
    (nodes(&converted.onnx), converted.report)
}

/// Types of weights and values of a converted file, by name.
fn types(onnx: &[u8]) -> std::collections::BTreeMap<String, i64> {
    let model = fields(onnx).unwrap();
    let bytes = model
        .iter()
        .find(|f| f.number == MODEL_GRAPH)
        .unwrap()
        .bytes();
    let graph = graph::Graph::read(bytes, 17).unwrap();
    graph
        .types
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), *kind))
        .collect()
}

fn net() -> Model {
    Model::default()
        .value(GRAPH_INPUT, "x", FLOAT)
        .value(GRAPH_OUTPUT, "y", FLOAT)
        .weights("w", &[0.5, 1.0])
}

#[test]
fn a_network_becomes_half_between_its_float_ends() {
    let onnx = net()
        .node("Conv", &["x", "w"], &["c"])
        .node("Relu", &["c"], &["y"])
        .done();
    let options = HalfOptions {
        keep_tail: false,
        ..HalfOptions::default()
    };
    let (nodes, report) = converted(&onnx, &options);
    let expected = [
        "Cast(x)x__f16",
        "Conv(x__f16,w)c",
        "Relu(c)y__f16",
        "Cast(y__f16)y",
    ];
    assert_eq!(nodes, expected);
    assert_eq!(
        (report.half_nodes, report.float_nodes, report.casts),
        (2, 0, 2)
    );
    let types = types(&convert(&onnx, &options).unwrap().onnx);
    let expected = [("x", FLOAT), ("y", FLOAT), ("w", FLOAT16), ("c", FLOAT16)];
    for (name, kind) in expected {
        assert_eq!(types[name], kind, "{name}");
    }
}

#[test]
fn what_comes_after_the_last_heavy_node_stays_float() {
    let onnx = net()
        .node("Conv", &["x", "w"], &["c"])
        .node("Mul", &["c", "w"], &["y"])
        .done();
    let (nodes, report) = converted(&onnx, &HalfOptions::default());
    // The weights are asked for in both precisions.
    let expected = [
        "Cast(x)x__f16",
        "Conv(x__f16,w__f16)c",
        "Cast(c)c__f32",
        "Mul(c__f32,w)y",
    ];
    assert_eq!(nodes, expected);
    assert_eq!((report.half_nodes, report.float_nodes), (1, 1));
}

#[test]
fn inputs_and_outputs_can_become_half_as_well() {
    let onnx = net().node("Conv", &["x", "w"], &["y"]).done();
    let options = HalfOptions {
        half_io: true,
        ..HalfOptions::default()
    };
    assert_eq!(converted(&onnx, &options).0, ["Conv(x,w)y"]);
    let types = types(&convert(&onnx, &options).unwrap().onnx);
    assert_eq!((types["x"], types["y"]), (FLOAT16, FLOAT16));
}

#[test]
fn the_scales_of_a_resize_stay_float_while_it_becomes_half() {
    let onnx = net()
        .weights("scales", &[1.0, 1.0, 2.0, 2.0])
        .node("Resize", &["x", "", "scales"], &["r"])
        .node("Conv", &["r", "w"], &["y"])
        .done();
    let (nodes, _) = converted(&onnx, &HalfOptions::default());
    assert_eq!(nodes[1], "Resize(x__f16,,scales)r");
    let types = types(&convert(&onnx, &HalfOptions::default()).unwrap().onnx);
    assert_eq!(types["scales"], FLOAT);
}

#[test]
fn arithmetic_on_indices_stays_float() {
    let onnx = net()
        .node("Shape", &["x"], &["s"])
        .node_with("Cast", &["s"], &["sf"], &[to(FLOAT)])
        .node("Mul", &["sf", "w"], &["grid"])
        .node("Add", &["x", "grid"], &["a"])
        .node("Conv", &["a", "w"], &["y"])
        .done();
    let (nodes, _) = converted(&onnx, &HalfOptions::default());
    let expected = [
        "Mul(sf,w)grid",
        "Cast(grid)grid__f16",
        "Add(x__f16,grid__f16)a",
    ];
    for node in expected {
        assert!(
            nodes.iter().any(|n| n == node),
            "{node} is not in {nodes:?}"
        );
    }
}

#[test]
fn a_cast_to_float_of_pictures_becomes_one_to_half() {
    let onnx = Model::default()
        .value(GRAPH_INPUT, "x", UINT8)
        .value(GRAPH_OUTPUT, "y", FLOAT)
        .weights("w", &[1.0])
        .node_with("Cast", &["x"], &["f"], &[to(FLOAT)])
        .node("Conv", &["f", "w"], &["y"])
        .done();
    let onnx = convert(&onnx, &HalfOptions::default()).unwrap().onnx;
    assert_eq!(
        nodes(&onnx),
        ["Cast(x)f", "Conv(f,w)y__f16", "Cast(y__f16)y"]
    );
    assert_eq!(types(&onnx)["f"], FLOAT16);
}

#[test]
fn operators_without_a_half_variant_and_those_of_others_get_floats() {
    for operator in ["CumSum", "GridSample", "NonMaxSuppression", "Frobnicate"] {
        let options = HalfOptions {
            keep: vec!["Frobnicate".into()],
            ..HalfOptions::default()
        };
        let onnx = net()
            .node("Conv", &["x", "w"], &["c"])
            .node(operator, &["c"], &["k"])
            .node("Conv", &["k", "w"], &["y"])
            .done();
        let (nodes, _) = converted(&onnx, &options);
        assert!(
            nodes
                .iter()
                .any(|n| n.starts_with(&format!("{operator}(c__f32)"))),
            "{nodes:?}"
        );
    }
}

#[test]
fn graphs_inside_a_node_keep_their_precision_and_what_they_capture() {
    let branch = Model::default()
        .value(GRAPH_OUTPUT, "b", FLOAT)
        .node("Relu", &["c"], &["b"])
        .graph();
    let mut attribute = Writer::new();
    attribute
        .text(ATTRIBUTE_NAME, "then_branch")
        .bytes(ATTRIBUTE_GRAPH, &branch);
    let onnx = net()
        .value(GRAPH_INPUT, "which", BOOL)
        .node("Conv", &["x", "w"], &["c"])
        .node_with("If", &["which"], &["i"], &[attribute.done()])
        .node("Conv", &["i", "w"], &["y"])
        .done();
    let onnx = convert(&onnx, &HalfOptions::default()).unwrap().onnx;
    let nodes = nodes(&onnx);
    let expected = [
        "Conv(x__f16,w)c",
        "Cast(c)c__f32",
        "If(which)i",
        "Cast(i)i__f16",
        "Conv(i__f16,w)y__f16",
    ];
    assert_eq!(nodes[1..6], expected);
    assert!(onnx.windows(6).any(|part| part == b"c__f32"));
    let model = fields(&onnx).unwrap();
    let graph = model.iter().find(|f| f.number == MODEL_GRAPH).unwrap();
    let graph = graph::Graph::read(graph.bytes(), 17).unwrap();
    let branch = graph.nodes.iter().find(|n| n.operator == "If").unwrap();
    assert_eq!(branch.captured, ["c__f32"]);
}

#[test]
fn constants_are_made_in_each_precision_that_is_used() {
    let mut value = Writer::new();
    value
        .text(ATTRIBUTE_NAME, "value")
        .bytes(ATTRIBUTE_TENSOR, &floats("", &[2.0]))
        .int(ATTRIBUTE_TYPE, 4);
    let onnx = net()
        .node_with("Constant", &[], &["k"], &[value.done()])
        .node("Mul", &["x", "k"], &["m"])
        .node("Conv", &["m", "w"], &["c"])
        .node("Add", &["c", "k"], &["y"])
        .done();
    let (nodes, _) = converted(&onnx, &HalfOptions::default());
    let expected = [
        "Constant()k",
        "Constant()k__f16",
        "Cast(x)x__f16",
        "Mul(x__f16,k__f16)m",
        "Conv(m,w)c",
        "Cast(c)c__f32",
        "Add(c__f32,k)y",
    ];
    assert_eq!(nodes, expected);
}

#[test]
fn weights_beyond_half_are_clamped_and_told_or_keep_their_node_float() {
    let onnx = net()
        .weights("large", &[1e6, -1e-9, f32::INFINITY])
        .node("Conv", &["x", "large"], &["y"])
        .done();
    let (_, report) = converted(&onnx, &HalfOptions::default());
    assert_eq!((report.clamped, report.vanished), (1, 1));
    assert!(
        report.to_string().contains("1 weights were too large"),
        "{report}"
    );
    let options = HalfOptions {
        keep_large: true,
        ..HalfOptions::default()
    };
    let (nodes, report) = converted(&onnx, &options);
    assert_eq!(nodes, ["Conv(x,large)y"]);
    assert_eq!((report.clamped, report.half_nodes), (0, 0));
}

#[test]
fn what_is_not_looked_at_stays_in_the_file() {
    let onnx = net().node("Conv", &["x", "w"], &["y"]).done();
    let converted = convert(&onnx, &HalfOptions::default()).unwrap().onnx;
    let unknown = fields(&converted)
        .unwrap()
        .into_iter()
        .find(|f| f.number == 999)
        .unwrap();
    assert_eq!(unknown.text(), "of tomorrow");
}

#[test]
fn a_file_that_is_half_already_comes_out_as_it_was() {
    let onnx = net().node("Conv", &["x", "w"], &["y"]).done();
    let options = HalfOptions {
        half_io: true,
        ..HalfOptions::default()
    };
    let once = convert(&onnx, &options).unwrap().onnx;
    assert_eq!(convert(&once, &options).unwrap().onnx, once);
}

#[test]
fn weights_in_a_file_of_their_own_become_a_part_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let raw: Vec<u8> = [9.0f32, 0.5, 1.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    std::fs::write(folder.path().join("w.bin"), raw).unwrap();
    let entry = |key: &str, value: &str| {
        let mut entry = Writer::new();
        entry.text(1, key).text(2, value);
        entry.done()
    };
    let mut tensor = Writer::new();
    tensor
        .int(TENSOR_DIMS, 2)
        .int(TENSOR_TYPE, FLOAT)
        .text(TENSOR_NAME, "v")
        .int(TENSOR_LOCATION, 1);
    tensor.bytes(TENSOR_EXTERNAL, &entry("location", "w.bin"));
    tensor.bytes(TENSOR_EXTERNAL, &entry("offset", "4"));
    tensor.bytes(TENSOR_EXTERNAL, &entry("length", "8"));
    let mut model = net();
    model.graph.bytes(GRAPH_INITIALIZER, &tensor.done());
    let onnx = model
        .node("Conv", &["x", "v"], &["c"])
        .node("Mul", &["c", "v"], &["y"])
        .done();

    let error = convert(&onnx, &HalfOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("'v'") && error.contains("folder"), "{error}");
    let options = HalfOptions {
        folder: Some(folder.path().into()),
        ..HalfOptions::default()
    };
    let converted = convert(&onnx, &options).unwrap().onnx;
    let graph = fields(&converted)
        .unwrap()
        .into_iter()
        .find(|f| f.number == MODEL_GRAPH)
        .unwrap();
    let graph = graph::Graph::read(graph.bytes(), 17).unwrap();
    let values = tensor::values(&graph.weights["v"], &HalfOptions::default()).unwrap();
    assert_eq!(values, [0.5, 1.0]);
    std::fs::remove_file(folder.path().join("w.bin")).unwrap();
    let error = convert(&onnx, &options).unwrap_err().to_string();
    assert!(error.contains("w.bin"), "{error}");
}

#[test]
fn what_cannot_be_converted_is_refused_with_the_reason() {
    let quantised = net().node("QuantizeLinear", &["x"], &["y"]).done();
    let mut cut = Writer::new();
    cut.int(TENSOR_DIMS, 3)
        .int(TENSOR_TYPE, FLOAT)
        .text(TENSOR_NAME, "w2")
        .bytes(TENSOR_RAW, &[0; 8]);
    let mut short = net().node("Conv", &["x", "w2"], &["y"]);
    short.graph.bytes(GRAPH_INITIALIZER, &cut.done());
    for (onnx, part) in [
        (quantised, "it is quantised (it has QuantizeLinear nodes)"),
        (short.done(), "'w2': there are 2 numbers, 3 should be"),
        (b"not a model".to_vec(), "no ONNX file"),
        (Vec::new(), "no graph"),
    ] {
        let error = convert(&onnx, &HalfOptions::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// `Loop` in `Loop`, so many levels.
fn nested(levels: usize) -> Vec<u8> {
    let mut graph = net().node("Conv", &["x", "w"], &["y"]).graph();
    for _ in 0..levels {
        let mut attribute = Writer::new();
        attribute
            .text(ATTRIBUTE_NAME, "body")
            .bytes(ATTRIBUTE_GRAPH, &graph);
        graph = net()
            .node_with("Loop", &["x"], &["y"], &[attribute.done()])
            .graph();
    }
    let mut model = Writer::new();
    model.bytes(MODEL_GRAPH, &graph);
    model.done()
}

#[test]
fn graphs_within_graphs_are_an_error_before_they_are_too_deep_for_the_stack() {
    convert(&nested(3), &HalfOptions::default()).unwrap();
    let error = convert(&nested(2000), &HalfOptions::default()).unwrap_err();
    assert!(error.to_string().contains("no ONNX file"), "{error}");
}

#[test]
fn damaged_files_are_errors_or_files_and_never_a_panic() {
    let onnx = net()
        .node("Shape", &["x"], &["s"])
        .node_with("Cast", &["s"], &["f"], &[to(FLOAT)])
        .node("Mul", &["x", "f"], &["m"])
        .node("Conv", &["m", "w"], &["y"])
        .done();
    for length in 0..onnx.len() {
        let _ = convert(&onnx[..length], &HalfOptions::default());
    }
    for at in 0..onnx.len() {
        for bit in 0..8 {
            let mut damaged = onnx.clone();
            damaged[at] ^= 1 << bit;
            let _ = convert(&damaged, &HalfOptions::default());
        }
    }
}
