//! How pictures are prepared for each family.

use super::{Reading, Seen};
use crate::model::classifier::says_classify;
use crate::model::{ChannelOrder, Head, HeadKind, InputSpec, Wishes};
use crate::preprocess::letterbox::Fit;

/// The key of the metadata that says how a picture is brought to the input's size.
const FIT: &str = "fit";

/// Mean and deviation of ImageNet's pictures, in 0..1, as PyTorch's backbones are trained with.
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// Mean and deviation of levels in NanoDet's configurations, blue first.
const NANODET: ([f32; 3], [f32; 3]) = ([103.53, 116.28, 123.675], [57.375, 57.12, 58.395]);

/// Classes of a model that is trained with COCO's own ids, which have gaps, as RF-DETR is.
const COCO_IDS: usize = 91;

/// What the input is fed with: by habit of the family, as the file itself says, or the user.
pub(super) fn input_spec(
    seen: &Seen,
    reading: &Reading,
    wishes: &Wishes,
) -> Result<InputSpec, String> {
    let plan = seen.plan;
    let mut spec = InputSpec::of_yolo(&plan.name, (plan.width, plan.height), plan.batch);
    match reading.kind {
        // SuperGradients fits pictures for YOLO-NAS into 636×636 of 640×640; that is not followed.
        HeadKind::Yolov8
        | HeadKind::Yolov5
        | HeadKind::Yolov6
        | HeadKind::YoloNas
        | HeadKind::EndToEnd
        | HeadKind::Yolov8Segment
        | HeadKind::Yolov8Pose
        | HeadKind::Yolov8Oriented
        | HeadKind::EndToEndSegment
        | HeadKind::EndToEndPose
        | HeadKind::EndToEndOriented => {}
        HeadKind::NanoDet => {
            spec.order = ChannelOrder::Bgr;
            spec.scale = 1.0;
            (spec.mean, spec.std) = NANODET;
            if matches!(reading.head, Head::NanoDet { centred: true, .. }) {
                // Up to version 0.4 configurations say `keep_ratio: True`, in black bars.
                spec.pad = 0;
            } else {
                spec.fit = Fit::Stretch;
            }
        }
        HeadKind::FastestDet => {
            spec.order = ChannelOrder::Bgr;
            spec.fit = Fit::Stretch;
        }
        HeadKind::Yolox => {
            spec.order = ChannelOrder::Bgr;
            spec.scale = 1.0;
            spec.fit = Fit::LetterboxTopLeft;
        }
        HeadKind::Classify | HeadKind::ClassifyLogits | HeadKind::ClassifySigmoid => {
            of_classifier(&mut spec, seen, reading.kind);
        }
        HeadKind::Detr | HeadKind::DetrRows | HeadKind::DetrDecoded => {
            spec.fit = Fit::Stretch;
            // DEIMv2 from S on, and RF-DETR.
            if seen.info.has_dino_weights || is_rfdetr(seen, reading) {
                (spec.mean, spec.std) = IMAGENET;
            }
        }
    }
    if let Some(name) = seen.info.metadata.get(FIT) {
        spec.fit = Fit::from_name(name).ok_or_else(|| {
            format!(
                "its metadata asks for the fit {name:?}, where {} are known",
                Fit::ALL.map(Fit::as_str).join(", ")
            )
        })?;
    }
    wishes.apply(&mut spec);
    Ok(spec)
}

/// What classifiers are fed with.
fn of_classifier(spec: &mut InputSpec, seen: &Seen, kind: HeadKind) {
    spec.fit = Fit::Stretch;
    if says_classify(seen.info) {
        // Ultralytics' `classify_transforms`, which stretches where the input is no square.
        if spec.width == spec.height {
            spec.fit = Fit::CentreCrop;
        }
    } else if kind == HeadKind::ClassifyLogits {
        // torchvision, timm, the ONNX model zoo.
        (spec.mean, spec.std) = IMAGENET;
    }
}

/// RF-DETR's own exporter names its outputs `dets` and `labels`; in Hugging Face's exports, where
/// names are the same for all, what tells is that it has COCO's ids for classes.
fn is_rfdetr(seen: &Seen, reading: &Reading) -> bool {
    let own_names = reading
        .outputs
        .iter()
        .any(|index| seen.outputs[*index].name == "dets");
    own_names || matches!(reading.head, Head::Detr { classes, .. } if classes == COCO_IDS)
}
