//! What the metadata of a YOLO model say, one `key=value` a line, and the labels that a user sets.

#![no_main]

use gstvigildetect::model::{
    Dim, ElemType, OnnxInfo, TensorInfo, Wishes, parse_classes, parse_labels, plan_input,
    recognise_as,
};
use libfuzzer_sys::fuzz_target;

fn tensor(name: &str, dims: &[usize]) -> TensorInfo {
    TensorInfo {
        name: name.into(),
        elem_type: ElemType::F32,
        dims: dims.iter().map(|dim| Dim::Fixed(*dim)).collect(),
    }
}

fuzz_target!(|text: &str| {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let info = OnnxInfo {
        inputs: vec![tensor("images", &[1, 3, 64, 64])],
        outputs: vec![tensor("output0", &[1, 6, 84])],
        metadata: pairs.map(|(k, v)| (k.into(), v.into())).collect(),
        ..OnnxInfo::default()
    };
    let Ok(plan) = plan_input(&info, None) else {
        return;
    };
    let labels = parse_labels(text).ok().flatten();
    for labels in [None, labels] {
        let wishes = Wishes {
            labels,
            ..Wishes::default()
        };
        let shapes = info.fixed_output_shapes().unwrap_or_default();
        if let Ok(spec) = recognise_as(&info, &plan, &shapes, &wishes) {
            assert_eq!(Some(spec.labels.len()), spec.head.classes());
            let _ = parse_classes(text, &spec.labels);
        }
    }
});
