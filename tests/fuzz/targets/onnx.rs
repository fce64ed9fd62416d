//! A file that may be a model: it is read or refused, and what was read is recognised or refused.

#![no_main]

use gstvigildetect::model::{OnnxInfo, Wishes, plan_input, recognise_as};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let info = match OnnxInfo::parse(Path::new("model.onnx"), bytes) {
        Ok(info) => info,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let Ok(plan) = plan_input(&info, None) else {
        return;
    };
    if let Some(shapes) = info.fixed_output_shapes() {
        let _ = recognise_as(&info, &plan, &shapes, &Wishes::default());
    }
});
