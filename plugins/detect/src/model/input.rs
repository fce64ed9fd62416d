//! What to feed a model: the first step, before it has run.

use super::classifier;
use super::constant::{ConstantInput, ConstantValues};
use super::error::{ModelError, SUPPORTED};
use super::onnx::{Dim, ElemType, OnnxInfo, TensorInfo};
use super::wishes::Wishes;

/// Largest side of an input, in pixels: beyond it the tensors alone would fill the memory.
const MAX_SIDE: u32 = 8192;
/// Most pictures in a batch that a file may fix.
const MAX_BATCH: usize = 1024;
/// Side of the input of a model that says nothing of it, which is what YOLO models are trained at.
const DEFAULT_SIDE: u32 = 640;
/// Pixels that the coarsest grid's cells have in most detectors, so that the sides of a dynamic
/// input must be multiples of it.
const DEFAULT_STRIDE: u32 = 32;
/// Side of the input of a classifier that says nothing of it, which is what ImageNet's are trained at.
const CLASSIFIER_SIDE: u32 = 224;

/// Why an input has the size that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeSource {
    /// The file fixes it.
    File,
    /// The property `input-size`.
    Requested,
    /// The file beside the model.
    Sidecar,
    /// The model's metadata `imgsz`.
    Metadata,
    /// 640, of a classifier 224, for lack of anything better.
    Default,
}

/// Width and height.
type Size = (u32, u32);

/// What to feed: the tensor `[batch, 3, height, width]`, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputPlan {
    /// As the graph names it.
    pub name: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures in each run; `None` for any number.
    pub batch: Option<usize>,
    /// Why it has this size.
    pub source: SizeSource,
    /// Whether the graph takes 16-bit floats in place of f32; engines convert them.
    pub half: bool,
    /// The other inputs.
    pub constants: Vec<ConstantInput>,
}

impl InputPlan {
    /// The shape to feed for `batch` pictures, or for as many as the file fixes.
    pub fn shape(&self, batch: usize) -> [usize; 4] {
        let batch = self.batch.unwrap_or(batch);
        [batch, 3, self.height as usize, self.width as usize]
    }
}

/// What to feed the model: `requested` is the property `input-size`, width by height, which only a
/// model with a dynamic input leaves free.
///
/// Fails for a model that does not take one batch of pictures, and for a size that does not suit.
pub fn plan_input(info: &OnnxInfo, requested: Option<(u32, u32)>) -> Result<InputPlan, ModelError> {
    plan_input_as(info, requested, &Wishes::default())
}

/// What the metadata `task` may say.
const TASKS: [&str; 5] = ["detect", "segment", "pose", "obb", "classify"];

/// As [`plan_input`], with what the user says of the model.
pub fn plan_input_as(
    info: &OnnxInfo,
    requested: Option<(u32, u32)>,
    wishes: &Wishes,
) -> Result<InputPlan, ModelError> {
    let refuse = |why: String| Err(unsupported(info, &[], why));
    let other_task = |task: &&String| !TASKS.contains(&task.as_str());
    if let Some(task) = info.metadata.get("task").filter(other_task) {
        return refuse(format!(
            "it is made for the task '{task}', not for one of {}",
            TASKS.join(", ")
        ));
    }
    let (input, sizes) = match info.inputs.as_slice() {
        [input] => (input, None),
        [input, sizes] if is_sizes(sizes) => (input, Some(sizes)),
        [sizes, input] if is_sizes(sizes) => (input, Some(sizes)),
        inputs => return refuse(format!("it has {} inputs in place of one", inputs.len())),
    };
    if !input.elem_type.is_float() {
        return refuse(format!(
            "its input is of {}, not of f32 or f16",
            input.elem_type
        ));
    }
    let [batch, channels, height, width] = input.dims.as_slice() else {
        return refuse(format!(
            "its input has {} axes in place of 4",
            input.dims.len()
        ));
    };
    if let Some(why) = wrong_channels(info, channels, width) {
        return refuse(why);
    }
    if let Some(pictures) = batch.fixed().filter(|n| *n > MAX_BATCH) {
        return refuse(format!(
            "it takes batches of {pictures} pictures, more than {MAX_BATCH}"
        ));
    }
    let beside = wishes.sidecar.as_ref().and_then(|sidecar| sidecar.size);
    let default = match classifier::looks_like_one(info, wishes) {
        true => (CLASSIFIER_SIDE, 1),
        false => (DEFAULT_SIDE, DEFAULT_STRIDE),
    };
    let said = (requested, beside);
    let ((width, height), source) = size(info, input, (width, height), said, default)?;
    Ok(InputPlan {
        name: input.name.clone(),
        width,
        height,
        batch: batch.fixed(),
        source,
        half: input.elem_type == ElemType::F16,
        constants: sizes
            .map(|sizes| size_input(sizes, batch.fixed(), (width, height)))
            .into_iter()
            .collect(),
    })
}

/// Whether an input is `orig_target_sizes` of RT-DETR and its kin: `[N, 2]` of integers, width and
/// height of the picture whose pixels the boxes are to be in.
fn is_sizes(input: &TensorInfo) -> bool {
    let is_pair = matches!(&input.dims[..], [_, two] if two.fixed().is_none_or(|n| n == 2));
    is_pair && [ElemType::I32, ElemType::I64].contains(&input.elem_type)
}

/// With the input's own size, boxes come out in input pixels, as from every other model.
fn size_input(sizes: &TensorInfo, batch: Option<usize>, size: (u32, u32)) -> ConstantInput {
    let pictures = batch.unwrap_or(1);
    let pair = [size.0 as i32, size.1 as i32];
    let values = if sizes.elem_type == ElemType::I32 {
        ConstantValues::I32(pair.repeat(pictures))
    } else {
        ConstantValues::I64(pair.map(i64::from).repeat(pictures))
    };
    ConstantInput {
        name: sizes.name.clone(),
        shape: vec![pictures, 2],
        values,
    }
}

fn wrong_channels(info: &OnnxInfo, channels: &Dim, last: &Dim) -> Option<String> {
    match channels.fixed() {
        Some(3) => None,
        Some(_) if *last == Dim::Fixed(3) => {
            Some("its input has the channels last, [N,H,W,3]: export it with channels first".into())
        }
        Some(n) => Some(format!("its input has {n} channels in place of 3")),
        None => info
            .metadata
            .get("channels")
            .filter(|n| n.trim() != "3")
            .map(|n| format!("its metadata says {n} channels in place of 3")),
    }
}

fn size(
    info: &OnnxInfo,
    input: &TensorInfo,
    axes: (&Dim, &Dim),
    (requested, beside): (Option<Size>, Option<Size>),
    (default_side, default_stride): (u32, u32),
) -> Result<((u32, u32), SizeSource), ModelError> {
    // A side that no u32 holds is refused below like any other that is too large.
    let fixed = |dim: &Dim| dim.fixed().map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let fixed = (fixed(axes.0), fixed(axes.1));
    let said = [
        (requested, SizeSource::Requested),
        (beside, SizeSource::Sidecar),
        (imgsz(info), SizeSource::Metadata),
    ];
    let said = said
        .into_iter()
        .find_map(|(size, source)| Some((size?, source)));
    let (free, source) = said.unwrap_or(((default_side, default_side), SizeSource::Default));
    let size = (fixed.0.unwrap_or(free.0), fixed.1.unwrap_or(free.1));
    if let Some((width, height)) = requested {
        let fail = |why: String| Err(ModelError::InputSize { width, height, why });
        if size != (width, height) {
            let free = |side: Option<u32>| side.map_or("any".into(), |n| n.to_string());
            return fail(format!(
                "the model's input {input} fixes {}x{}; leave input-size unset, or use a model \
                 exported with dynamic axes",
                free(fixed.0),
                free(fixed.1)
            ));
        }
        let stride = stride(info).unwrap_or(default_stride);
        let is_right =
            |side: u32| side.is_multiple_of(stride) && (stride..=MAX_SIDE).contains(&side);
        if fixed != (Some(width), Some(height)) && !(is_right(width) && is_right(height)) {
            return fail(format!(
                "this model needs multiples of {stride} from {stride} to {MAX_SIDE}; {}x{} would \
                 be right",
                nearest(width, stride),
                nearest(height, stride)
            ));
        }
    }
    if size.0.max(size.1) > MAX_SIDE {
        let why = format!("its input is larger than {MAX_SIDE} pixels");
        return Err(unsupported(info, &[], why));
    }
    let source = if fixed.0.is_some() && fixed.1.is_some() {
        SizeSource::File
    } else {
        source
    };
    Ok((size, source))
}

fn nearest(side: u32, stride: u32) -> u32 {
    let max = MAX_SIDE / stride * stride;
    (side.saturating_add(stride / 2) / stride * stride).clamp(stride, max)
}

/// `[height, width]` or a single side, as Ultralytics writes it; as width, height.
fn imgsz(info: &OnnxInfo) -> Option<(u32, u32)> {
    let text = info.metadata.get("imgsz")?.trim();
    let sides = text
        .trim_start_matches(['[', '('])
        .trim_end_matches([']', ')']);
    let sides: Vec<u32> = sides
        .split(',')
        .map(|side| {
            side.trim()
                .parse()
                .ok()
                .filter(|n| (1..=MAX_SIDE).contains(n))
        })
        .collect::<Option<_>>()?;
    match sides.as_slice() {
        [side] => Some((*side, *side)),
        [height, width] => Some((*width, *height)),
        _ => None,
    }
}

fn stride(info: &OnnxInfo) -> Option<u32> {
    let stride = info.metadata.get("stride")?.trim().parse().ok();
    stride.filter(|s| (1..=256).contains(s))
}

/// The refusal of a model, with all that is known of it. `shapes` are its outputs when it ran.
pub(super) fn unsupported(
    info: &OnnxInfo,
    shapes: &[(String, Vec<usize>)],
    why: String,
) -> ModelError {
    let list = |tensors: &[TensorInfo]| -> String {
        if tensors.is_empty() {
            return "none".into();
        }
        tensors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut found = format!(
        "inputs: {}; outputs: {}",
        list(&info.inputs),
        list(&info.outputs)
    );
    if !shapes.is_empty() && info.fixed_output_shapes().is_none() {
        let shapes: Vec<String> = shapes.iter().map(|(n, s)| format!("{n} {s:?}")).collect();
        found += &format!(" (when run: {})", shapes.join(", "));
    }
    for key in ["task", "kpt_shape", "description"] {
        if let Some(value) = info.metadata.get(key) {
            found += &format!("; {key}: {value}");
        }
    }
    ModelError::Unsupported {
        why,
        found,
        supported: SUPPORTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::recognise::tests::{Metadata, info, tensor};

    #[test]
    fn the_size_comes_from_the_file_the_user_the_metadata_or_habit() {
        use SizeSource::{Default, File, Metadata as FromMetadata, Requested};
        let fixed = "images f32 1,3,384,640";
        let free = "images f32 N,3,H,W";
        let half = "images f32 1,3,H,640";
        // input, metadata, requested → size, source, batch
        let table: [(_, Metadata, _, _, _, _); 9] = [
            (fixed, &[], None, (640, 384), File, Some(1)),
            (fixed, &[], Some((640, 384)), (640, 384), File, Some(1)),
            (
                fixed,
                &[("imgsz", "[320, 320]")],
                None,
                (640, 384),
                File,
                Some(1),
            ),
            (free, &[], None, (640, 640), Default, None),
            (
                free,
                &[("imgsz", "[384, 640]")],
                None,
                (640, 384),
                FromMetadata,
                None,
            ),
            (
                free,
                &[("imgsz", "320")],
                None,
                (320, 320),
                FromMetadata,
                None,
            ),
            (free, &[("imgsz", "what?")], None, (640, 640), Default, None),
            (
                free,
                &[("imgsz", "[640, 640]")],
                Some((320, 192)),
                (320, 192),
                Requested,
                None,
            ),
            (half, &[], Some((640, 320)), (640, 320), Requested, Some(1)),
        ];
        for (input, metadata, requested, size, source, batch) in table {
            let plan = plan_input(&info(&[input], &[], metadata), requested).unwrap();
            assert_eq!((plan.width, plan.height), size, "{input} {metadata:?}");
            assert_eq!(
                (plan.source, plan.batch),
                (source, batch),
                "{input} {metadata:?}"
            );
        }
    }

    #[test]
    fn the_file_beside_the_model_says_what_the_model_leaves_open() {
        use crate::model::Sidecar;
        let beside = |size| Wishes {
            sidecar: Some(Sidecar {
                size: Some(size),
                ..Sidecar::default()
            }),
            ..Wishes::default()
        };
        let imgsz: Metadata = &[("imgsz", "640")];
        // input, requested → size, source
        let table = [
            ("x f32 1,3,H,W", None, (384, 320), SizeSource::Sidecar),
            (
                "x f32 1,3,H,W",
                Some((64, 32)),
                (64, 32),
                SizeSource::Requested,
            ),
            ("x f32 1,3,64,96", None, (96, 64), SizeSource::File),
        ];
        for (input, requested, size, source) in table {
            let info = info(&[input], &[], imgsz);
            let plan = plan_input_as(&info, requested, &beside((384, 320))).unwrap();
            assert_eq!(((plan.width, plan.height), plan.source), (size, source));
        }
    }

    #[test]
    fn the_shape_to_feed_has_the_files_batch() {
        let plan = plan_input(&info(&["x f32 4,3,32,64"], &[], &[]), None).unwrap();
        assert_eq!(plan.shape(1), [4, 3, 32, 64]);
        let plan = plan_input(&info(&["x f32 N,3,32,64"], &[], &[]), None).unwrap();
        assert_eq!(plan.shape(2), [2, 3, 32, 64]);
    }

    #[test]
    fn the_size_of_the_source_is_fed_as_that_of_the_input() {
        let picture = "images f32 N,3,320,640";
        let i64s = |n: usize| ConstantValues::I64([640, 320].repeat(n));
        let i32s = ConstantValues::I32(vec![640, 320]);
        let table = [
            ([picture, "orig_target_sizes i64 N,2"], 1, i64s(1)),
            (["orig_target_sizes i64 N,2", picture], 1, i64s(1)),
            ([picture, "sizes i32 1,2"], 1, i32s),
            (
                ["images f32 4,3,320,640", "orig_target_sizes i64 4,2"],
                4,
                i64s(4),
            ),
        ];
        for (inputs, pictures, values) in table {
            let plan = plan_input(&info(&inputs, &[], &[]), None).unwrap();
            assert_eq!(plan.name, "images");
            assert_eq!(plan.constants.len(), 1, "{inputs:?}");
            assert_eq!(plan.constants[0].shape, [pictures, 2], "{inputs:?}");
            assert_eq!(plan.constants[0].values, values, "{inputs:?}");
        }
    }

    #[test]
    fn a_size_that_does_not_suit_is_refused_with_one_that_does() {
        let table: [(_, Metadata, _, _); 6] = [
            ("x f32 1,3,640,640", &[], (320, 320), "fixes 640x640"),
            ("x f32 1,3,H,640", &[], (320, 320), "fixes 640xany"),
            ("x f32 1,3,H,W", &[], (330, 320), "320x320 would be right"),
            (
                "x f32 1,3,H,W",
                &[("stride", "64")],
                (320, 416),
                "320x448 would be right",
            ),
            ("x f32 1,3,H,W", &[], (0, 320), "32x320 would be right"),
            (
                "x f32 1,3,H,W",
                &[],
                (u32::MAX, 320),
                "8192x320 would be right",
            ),
        ];
        for (input, metadata, (width, height), why) in table {
            let error = plan_input(&info(&[input], &[], metadata), Some((width, height)));
            let text = error.unwrap_err().to_string();
            assert!(
                text.contains(&format!("{width}x{height}")) && text.contains(why),
                "{text}"
            );
        }
    }

    #[test]
    fn inputs_that_are_no_pictures_are_refused() {
        let table: [(&[&str], Metadata, _); 12] = [
            (&[], &[], "0 inputs"),
            (&["a f32 1,3,64,64", "b i64 1,3"], &[], "2 inputs"),
            (&["a f32 1,3,64,64", "b f32 1,2"], &[], "2 inputs"),
            (&["a f64 1,3,64,64"], &[], "of f64"),
            (&["a u8 1,3,64,64"], &[], "of u8"),
            (&["a f32 3,64,64"], &[], "3 axes"),
            (&["a f32 1,64,64,3"], &[], "channels last"),
            (&["a f32 1,1,64,64"], &[], "1 channels"),
            (&["a f32 N,C,H,W"], &[("channels", "1")], "1 channels"),
            (&["a f32 9999,3,64,64"], &[], "batches of 9999"),
            (&["a f32 1,3,64,9999999999"], &[], "larger than 8192"),
            (&["a f32 1,3,64,64"], &[("task", "depth")], "task 'depth'"),
        ];
        for (inputs, metadata, why) in table {
            let info = info(inputs, &["out f32 1,84,84"], metadata);
            let text = plan_input(&info, None).unwrap_err().to_string();
            assert!(text.contains(why), "{text}");
            // what was found, and what is supported
            for input in inputs {
                assert!(text.contains(&tensor(input).to_string()), "{text}");
            }
            assert!(
                text.contains("out f32[1,84,84]") && text.contains(SUPPORTED),
                "{text}"
            );
        }
    }
}
