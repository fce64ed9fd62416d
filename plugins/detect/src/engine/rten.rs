//! rten: an ONNX engine in Rust, compiled in, so that the element works with no library installed.

use super::values::{Kept, Values};
use super::{Engine, EngineError, EngineKind, ModelSource, Runner, nth_picture, usable_threads};
use crate::decode::OutputView;
use crate::model::{ConstantInput, ConstantValues};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};
use std::sync::Arc;

const KIND: EngineKind = EngineKind::Rten;

/// An operator of dynamically quantised models. As of 0.27 rten pads its input with 0 where it should
/// be with the input's zero point, so that boxes at the borders of the picture are lost.
const WRONG: &str = "ConvInteger";

/// A model loaded by rten, shared by its runners.
pub struct Rten {
    model: Arc<Model>,
    input: NodeId,
    source: ModelSource,
    /// The other inputs.
    constants: Vec<(NodeId, ConstantInput)>,
    outputs: Vec<(NodeId, String)>,
}

impl Rten {
    /// Loads the model.
    ///
    /// # Errors
    /// rten does not know an operator of the model.
    pub fn load(source: &ModelSource) -> Result<Self, EngineError> {
        let failed = |reason: String| EngineError::Load {
            kind: KIND,
            path: source.path.clone(),
            reason,
        };
        if source.info.operators.contains(WRONG) {
            return Err(failed(format!(
                "its integer convolutions ({WRONG}) come out wrong at the borders; use ONNX Runtime, \
                 or a file in QDQ form"
            )));
        }
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = if source.info.external_data.is_empty() {
            options.load(source.bytes.as_ref().clone())
        } else {
            options.load_file(&source.path)
        }
        .map_err(|error| failed(error.to_string()))?;
        let node = |name: &str| {
            model
                .node_id(name)
                .map_err(|error| failed(error.to_string()))
        };
        let input = node(&source.input.name)?;
        let constants = source
            .input
            .constants
            .iter()
            .map(|input| Ok((node(&input.name)?, input.clone())))
            .collect::<Result<_, _>>()?;
        let outputs = model
            .output_ids()
            .iter()
            .map(|id| {
                let name = model.node_info(*id).and_then(|node| node.name());
                (*id, name.unwrap_or_default().to_owned())
            })
            .collect();
        Ok(Self {
            model: Arc::new(model),
            input,
            source: ModelSource {
                // It has its own.
                bytes: Arc::default(),
                ..source.clone()
            },
            constants,
            outputs,
        })
    }
}

/// rten has no 64-bit integers: it reads those of a file as 32-bit ones.
fn constant(input: &ConstantInput) -> Tensor<i32> {
    let values = match &input.values {
        ConstantValues::I32(values) => values.clone(),
        ConstantValues::I64(values) => values.iter().map(|v| *v as i32).collect(),
    };
    Tensor::from_data(&input.shape, values)
}

impl Engine for Rten {
    fn kind(&self) -> EngineKind {
        KIND
    }

    fn description(&self) -> String {
        "rten (built in)".into()
    }

    fn runner(&self, threads: usize) -> Result<Box<dyn Runner>, EngineError> {
        Ok(Box::new(RtenRunner {
            model: self.model.clone(),
            input_id: self.input,
            output_ids: self.outputs.iter().map(|(id, _)| *id).collect(),
            names: self.outputs.iter().map(|(_, name)| name.clone()).collect(),
            input: vec![0.0; self.source.input_shape().iter().product()],
            picture: self.source.input_shape()[1..].iter().product(),
            source: self.source.clone(),
            constants: self.constants.clone(),
            fed: Vec::new(),
            kept: self.outputs.iter().map(|_| Kept::default()).collect(),
            pool: Arc::new(ThreadPool::with_num_threads(usable_threads(threads))),
        }))
    }
}

struct RtenRunner {
    model: Arc<Model>,
    input_id: NodeId,
    output_ids: Vec<NodeId>,
    names: Vec<String>,
    source: ModelSource,
    input: Vec<f32>,
    /// Samples of one picture.
    picture: usize,
    constants: Vec<(NodeId, ConstantInput)>,
    /// The same as they were fed last.
    fed: Vec<(NodeId, Tensor<i32>)>,
    kept: Vec<Kept>,
    pool: Arc<ThreadPool>,
}

impl RtenRunner {
    /// Has the other inputs for so many pictures.
    fn prepare(&mut self, pictures: usize) {
        let is_right = |(_, tensor): &(_, Tensor<i32>)| tensor.shape().first() == Some(&pictures);
        if self.fed.len() != self.constants.len() || !self.fed.iter().all(is_right) {
            let inputs = self.constants.iter();
            self.fed = inputs
                .map(|(id, input)| (*id, constant(&input.of_pictures(pictures))))
                .collect();
        }
    }
}

impl Runner for RtenRunner {
    fn input_mut(&mut self, picture: usize) -> &mut [f32] {
        nth_picture(&mut self.input, self.picture, picture)
    }

    fn output_names(&self) -> &[String] {
        &self.names
    }

    fn run(
        &mut self,
        pictures: usize,
        read: &mut dyn FnMut(&[OutputView<'_>]),
    ) -> Result<(), EngineError> {
        let shape = self.source.shape_of_run(pictures);
        self.prepare(shape[0]);
        let mut options = RunOptions::default();
        options.thread_pool = Some(self.pool.clone());
        let samples = &self.input[..shape.iter().product()];
        let input = TensorView::from_data(&shape[..], samples);
        let mut inputs = vec![(self.input_id, ValueView::from(input).into())];
        for (id, constant) in &self.fed {
            inputs.push((*id, ValueView::from(constant.view()).into()));
        }
        let outputs = self
            .model
            .run(inputs, &self.output_ids, Some(options))
            .map_err(|error| EngineError::Run {
                kind: KIND,
                reason: error.to_string(),
            })?;
        let outputs: Vec<Value> = outputs.into_iter().map(contiguous).collect();
        let views: Vec<_> = outputs
            .iter()
            .zip(&mut self.kept)
            .map(|(output, kept)| match output {
                Value::FloatTensor(tensor) => {
                    let values = Values::F32(tensor.data().unwrap_or_default());
                    kept.view(tensor.shape().iter().copied(), values)
                }
                Value::Int32Tensor(tensor) => {
                    let values = Values::I32(tensor.data().unwrap_or_default());
                    kept.view(tensor.shape().iter().copied(), values)
                }
                _ => kept.view(std::iter::empty(), Values::Other),
            })
            .collect();
        read(&views);
        Ok(())
    }
}

/// The same values one after the other, as decoders read them.
fn contiguous(value: Value) -> Value {
    match value {
        Value::FloatTensor(tensor) if !tensor.is_contiguous() => tensor.to_tensor().into(),
        Value::Int32Tensor(tensor) if !tensor.is_contiguous() => tensor.to_tensor().into(),
        value => value,
    }
}
