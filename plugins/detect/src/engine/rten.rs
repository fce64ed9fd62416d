//! rten: an ONNX engine in Rust, compiled in, so that the element works with no library installed.

use super::{Engine, EngineError, EngineKind, ModelSource, Runner, usable_threads};
use crate::decode::OutputView;
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};
use std::sync::Arc;

const KIND: EngineKind = EngineKind::Rten;

/// A model loaded by rten, shared by its runners.
pub struct Rten {
    model: Arc<Model>,
    input: NodeId,
    shape: [usize; 4],
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
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = if source.info.external_data.is_empty() {
            options.load(source.bytes.as_ref().clone())
        } else {
            options.load_file(&source.path)
        }
        .map_err(|error| failed(error.to_string()))?;
        let input = model
            .node_id(&source.input.name)
            .map_err(|error| failed(error.to_string()))?;
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
            shape: source.input_shape(),
            outputs,
        })
    }
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
            shape: self.shape,
            input: vec![0.0; self.shape.iter().product()],
            pool: Arc::new(ThreadPool::with_num_threads(usable_threads(threads))),
        }))
    }
}

struct RtenRunner {
    model: Arc<Model>,
    input_id: NodeId,
    output_ids: Vec<NodeId>,
    names: Vec<String>,
    shape: [usize; 4],
    input: Vec<f32>,
    pool: Arc<ThreadPool>,
}

impl Runner for RtenRunner {
    fn input_mut(&mut self) -> &mut [f32] {
        &mut self.input[..self.shape[1..].iter().product()]
    }

    fn output_names(&self) -> &[String] {
        &self.names
    }

    fn run(&mut self, read: &mut dyn FnMut(&[OutputView<'_>])) -> Result<(), EngineError> {
        let mut options = RunOptions::default();
        options.thread_pool = Some(self.pool.clone());
        let input = TensorView::from_data(&self.shape[..], &*self.input);
        let values = self
            .model
            .run(
                vec![(self.input_id, ValueView::from(input).into())],
                &self.output_ids,
                Some(options),
            )
            .map_err(|error| EngineError::Run {
                kind: KIND,
                reason: error.to_string(),
            })?;
        let tensors: Vec<Option<Tensor<f32>>> = values
            .into_iter()
            .map(|value| match value {
                // Contiguous, as decoders read them.
                Value::FloatTensor(tensor) if tensor.is_contiguous() => Some(tensor),
                Value::FloatTensor(tensor) => Some(tensor.to_tensor()),
                _ => None,
            })
            .collect();
        let views: Vec<_> = tensors
            .iter()
            .map(|tensor| match tensor {
                Some(tensor) => OutputView {
                    shape: tensor.shape(),
                    data: tensor.data().unwrap_or_default(),
                },
                None => OutputView {
                    shape: &[],
                    data: &[],
                },
            })
            .collect();
        read(&views);
        Ok(())
    }
}
