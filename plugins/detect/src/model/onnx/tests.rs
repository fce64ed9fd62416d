use super::*;
use proptest::prelude::*;
use prost::Message;

fn value(name: &str, elem_type: i32, dims: &[&str]) -> proto::ValueInfoProto {
    let dim = dims
        .iter()
        .map(|d| proto::DimensionProto {
            dim_value: d.parse().ok(),
            dim_param: d.parse::<i64>().is_err().then(|| d.to_string()),
        })
        .collect();
    let shape = Some(proto::TensorShapeProto { dim });
    let tensor_type = Some(proto::TensorTypeProto { elem_type, shape });
    proto::ValueInfoProto {
        name: name.into(),
        r#type: Some(proto::TypeProto { tensor_type }),
    }
}

fn model() -> proto::ModelProto {
    proto::ModelProto {
        ir_version: 8,
        producer_name: "tester".into(),
        producer_version: "1".into(),
        graph: Some(proto::GraphProto {
            node: vec![proto::NodeProto {
                op_type: "Conv".into(),
                ..Default::default()
            }],
            initializer: vec![proto::TensorProto {
                name: "w".into(),
                ..Default::default()
            }],
            input: vec![
                value("images", 1, &["batch", "3", "640", "-1"]),
                value("w", 1, &["9"]),
            ],
            output: vec![value("output0", 10, &["1", "84", "8400"])],
        }),
        opset_import: vec![
            proto::OperatorSetIdProto {
                domain: "com.microsoft".into(),
                version: 1,
            },
            proto::OperatorSetIdProto {
                domain: String::new(),
                version: 17,
            },
        ],
        metadata_props: vec![proto::StringStringEntryProto {
            key: "task".into(),
            value: "detect".into(),
        }],
    }
}

fn parse(model: &proto::ModelProto) -> Result<OnnxInfo, ModelError> {
    OnnxInfo::parse(Path::new("test.onnx"), &model.encode_to_vec())
}

#[test]
fn a_file_says_what_goes_in_and_out() {
    let info = parse(&model()).unwrap();
    assert_eq!((info.ir_version, info.opset), (8, 17));
    assert_eq!(info.producer, "tester 1");
    assert_eq!(info.metadata["task"], "detect");
    assert!(info.operators.contains("Conv"));
    // the weight that is listed as an input is none
    assert_eq!(info.inputs.len(), 1);
    assert_eq!(info.inputs[0].to_string(), "images f32[batch,3,640,?]");
    assert_eq!(info.inputs[0].fixed_shape(), None);
    assert_eq!(info.outputs[0].to_string(), "output0 f16[1,84,8400]");
    let shapes = info.fixed_output_shapes().unwrap();
    assert_eq!(shapes, [("output0".to_string(), vec![1, 84, 8400])]);
}

#[test]
fn the_layer_that_scores_classes_tells_their_number() {
    let weight = |(name, dims): &(&str, &[i64])| proto::TensorProto {
        name: name.to_string(),
        dims: dims.to_vec(),
        ..Default::default()
    };
    let (enc, dec) = (
        "decoder.enc_score_head.bias",
        "decoder.dec_score_head.2.bias",
    );
    type Weights<'a> = &'a [(&'a str, &'a [i64])];
    let table: [(Weights, _); 5] = [
        (
            &[(enc, &[80]), (dec, &[80]), ("conv.bias", &[64])],
            Some(80),
        ),
        (&[("class_embed.0.bias", &[3])], Some(3)),
        (&[(enc, &[80]), (dec, &[7])], None),
        (&[(enc, &[1, 80])], None),
        (&[(enc, &[-1])], None),
    ];
    for (weights, expected) in table {
        let mut model = model();
        model.graph.as_mut().unwrap().initializer = weights.iter().map(weight).collect();
        let info = parse(&model).unwrap();
        assert_eq!(info.scored_classes, expected, "{weights:?}");
        assert!(!info.has_dino_weights);
    }
    let mut model = model();
    let name = "model.backbone.dinov3.blocks.0.norm1.bias";
    model.graph.as_mut().unwrap().initializer = vec![weight(&(name, &[192]))];
    assert!(parse(&model).unwrap().has_dino_weights);
}

#[test]
fn a_model_without_content_is_damaged() {
    let mut no_graph = model();
    no_graph.graph = None;
    let mut no_nodes = model();
    no_nodes.graph.as_mut().unwrap().node.clear();
    for (model, why) in [(no_graph, "no graph"), (no_nodes, "no operators")] {
        let error = parse(&model).unwrap_err();
        assert!(matches!(error, ModelError::Invalid { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn weights_in_another_file_are_listed_and_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    let mut model = model();
    model.graph.as_mut().unwrap().initializer[0] = proto::TensorProto {
        name: "w".into(),
        external_data: vec![proto::StringStringEntryProto {
            key: "location".into(),
            value: "m.onnx.data".into(),
        }],
        data_location: 1,
        ..Default::default()
    };
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    let error = read(&path).unwrap_err();
    assert!(
        matches!(error, ModelError::MissingExternalData { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("m.onnx.data"), "{error}");
    std::fs::write(folder.path().join("m.onnx.data"), "weights").unwrap();
    assert_eq!(
        read(&path).unwrap().0.external_data,
        [PathBuf::from("m.onnx.data")]
    );
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = model().encode_to_vec();
    for len in 0..bytes.len() {
        if let Ok(info) = OnnxInfo::parse(Path::new("t"), &bytes[..len]) {
            // Cut exactly between two fields of the outermost message, after the graph: all
            // that is missing is metadata.
            assert_eq!(info.inputs.len(), 1, "{len}");
        }
    }
}

proptest! {
    #[test]
    fn damaged_models_never_panic(at in 0usize..200, with in any::<u8>()) {
        let mut bytes = model().encode_to_vec();
        let at = at % bytes.len();
        bytes[at] = with;
        let _ = OnnxInfo::parse(Path::new("t"), &bytes);
    }
}

#[test]
fn the_operator_that_makes_an_output_is_found_behind_what_only_shapes_it() {
    let node = |op: &str, input: &str, output: &str| proto::NodeProto {
        op_type: op.into(),
        input: vec![input.into()],
        output: vec![output.into()],
    };
    let value = |name: &str| proto::ValueInfoProto {
        name: name.into(),
        ..Default::default()
    };
    let graph = proto::GraphProto {
        node: vec![
            node("Gemm", "x", "logits"),
            node("Softmax", "logits", "p"),
            node("Flatten", "p", "flat"),
            node("Cast", "flat", "scores"),
            // round and round
            node("Identity", "b", "a"),
            node("Identity", "a", "b"),
        ],
        output: ["scores", "logits", "a", "x"].map(value).to_vec(),
        ..Default::default()
    };
    assert_eq!(last_operators(&graph), ["Softmax", "Gemm", "", ""]);
}
