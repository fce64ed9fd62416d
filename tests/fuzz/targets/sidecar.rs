//! The file beside a model, and what it does to one.

#![no_main]

use gstvigildetect::model::{Dim, ElemType, TensorInfo};
use gstvigildetect::model::{OnnxInfo, Sidecar, Wishes, plan_input_as, recognise_as};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fn tensor(name: &str, dims: [Dim; 3]) -> TensorInfo {
    TensorInfo {
        name: name.into(),
        elem_type: ElemType::F32,
        dims: dims.into(),
    }
}

fuzz_target!(|text: &str| {
    let sidecar = match Sidecar::parse(Path::new("model.toml"), text) {
        Ok(sidecar) => sidecar,
        Err(why) => {
            assert!(!why.is_empty());
            return;
        }
    };
    let open = || Dim::Symbol("side".into());
    let mut info = OnnxInfo {
        inputs: vec![tensor("images", [Dim::Fixed(3), open(), open()])],
        outputs: vec![tensor("output0", [Dim::Fixed(1), open(), open()])],
        ..OnnxInfo::default()
    };
    info.inputs[0].dims.insert(0, Dim::Fixed(1));
    let wishes = Wishes {
        sidecar: Some(sidecar),
        ..Wishes::default()
    };
    if let Ok(plan) = plan_input_as(&info, None, &wishes) {
        let cells = [8, 16, 32].map(|s| (plan.width / s) as usize * (plan.height / s) as usize);
        let shape = vec![1, 84, cells.iter().sum()];
        let _ = recognise_as(&info, &plan, &[("output0".into(), shape)], &wishes);
    }
});
