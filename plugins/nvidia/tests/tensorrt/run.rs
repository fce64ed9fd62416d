//! Plan to engine to runs.

use crate::fake::{Fake, Session, each};
use crate::model::{expected, net, numbers};
use vigil_nvidia::driver::{Context, DeviceBuffer, Graph, PinnedBuffer, Stream};
use vigil_nvidia::tensorrt::abi::Family;
use vigil_nvidia::tensorrt::{
    Batches, BuildOptions, DataType, Engine, ExecutionContext, Precision, TensorRtError,
};

/// A worker's own: a context, a stream and the memory of input and output.
struct Worker {
    execution: ExecutionContext,
    stream: Stream,
    there: PinnedBuffer,
    back: PinnedBuffer,
    input: DeviceBuffer,
    output: DeviceBuffer,
}

impl Worker {
    fn new(engine: &Engine, context: &Context, pictures: usize) -> Self {
        let bytes = pictures * 48 * size_of::<f32>();
        let buffer = || DeviceBuffer::new(context, bytes).unwrap();
        let pinned = || PinnedBuffer::new(context, bytes).unwrap();
        Self {
            execution: ExecutionContext::new(engine).unwrap(),
            stream: Stream::new(context).unwrap(),
            there: pinned(),
            back: pinned(),
            input: buffer(),
            output: buffer(),
        }
    }

    fn prepare(&mut self, batch: i64) -> Result<(), TensorRtError> {
        self.execution.set_input_shape("x", &[batch, 3, 4, 4])?;
        // SAFETY: of this context, as large as the largest batch, and kept as long as this.
        unsafe {
            self.execution.set_address("x", self.input.pointer())?;
            self.execution.set_address("y", self.output.pointer())
        }
    }

    /// Queues everything of a run.
    fn queue(&mut self, numbers: &[f32]) -> Result<(), TensorRtError> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.there.as_mut_slice()[..bytes.len()].copy_from_slice(&bytes);
        // SAFETY: all of it stays until the stream is done.
        unsafe {
            self.stream
                .upload(self.input.pointer(), self.there.pointer(), bytes.len())?
        };
        self.execution.enqueue(&self.stream)?;
        // SAFETY: as above.
        unsafe {
            self.stream
                .download(self.back.pointer(), self.output.pointer(), bytes.len())?
        };
        Ok(())
    }

    fn result(&self, count: usize) -> Vec<f32> {
        self.stream.synchronize().unwrap();
        let words = self.back.as_slice().as_chunks::<4>().0;
        words[..count]
            .iter()
            .map(|word| f32::from_le_bytes(*word))
            .collect()
    }

    fn run(&mut self, numbers: &[f32]) -> Result<Vec<f32>, TensorRtError> {
        self.prepare(numbers.len() as i64 / 48)?;
        self.queue(numbers)?;
        Ok(self.result(numbers.len()))
    }
}

fn options(max: u32) -> BuildOptions {
    BuildOptions {
        batches: Batches {
            min: 1,
            opt: max.min(2),
            max,
        },
        ..BuildOptions::default()
    }
}

fn worker(session: &Session, max: u32) -> Worker {
    let engine = session.engine(&net(-1, 0.5), &options(max));
    Worker::new(&engine, &session.context, max as usize)
}

#[test]
fn an_engine_computes_what_its_file_says_on_the_stream_it_is_given() {
    each("", |_, session| {
        let mut worker = worker(&session, 4);
        for batch in [1, 4, 2] {
            let numbers = numbers(batch * 48);
            assert_eq!(worker.run(&numbers).unwrap(), expected(&numbers, 0.5));
        }
    });
}

#[test]
fn an_engine_says_what_it_takes_and_gives() {
    each("", |_, session| {
        let engine = session.engine(&net(-1, 0.5), &options(4));
        let [input, output] = engine.tensors() else {
            panic!("{:?}", engine.tensors())
        };
        assert_eq!(
            (&*input.name, input.is_input, input.data_type),
            ("x", true, DataType::Float)
        );
        assert_eq!((&*output.name, output.is_input), ("y", false));
        assert_eq!(input.shape, [-1, 3, 4, 4]);
        assert!(input.is_linear && input.on_device && output.profile.is_none());
        let profile = input.profile.clone().unwrap();
        assert_eq!(profile.min, [1, 3, 4, 4]);
        assert_eq!(profile.opt, [2, 3, 4, 4]);
        assert_eq!(profile.max, [4, 3, 4, 4]);
        assert_eq!(input.batches(), (1, 4));
        assert_eq!(engine.device_memory(), 4096);
    });
}

#[test]
fn a_batch_beyond_the_profile_is_refused_with_what_fits() {
    each("", |_, session| {
        let mut worker = worker(&session, 4);
        for shape in [&[5, 3, 4, 4][..], &[0, 3, 4, 4], &[1, 3, 4, 5], &[1, 3, 4]] {
            let error = worker.execution.set_input_shape("x", shape).unwrap_err();
            assert!(matches!(error, TensorRtError::Shape { .. }), "{error}");
            let text = error.to_string();
            assert!(
                text.contains("it was built for 1x3x4x4 to 4x3x4x4"),
                "{text}"
            );
        }
        let error = worker
            .execution
            .set_input_shape("z", &[1])
            .unwrap_err()
            .to_string();
        assert!(error.contains("'z'") && error.contains("x, y"), "{error}");
        // And it goes on.
        let numbers = numbers(48);
        assert_eq!(worker.run(&numbers).unwrap(), expected(&numbers, 0.5));
    });
}

#[test]
fn what_is_missing_before_a_run_is_told() {
    each("", |fake, session| {
        let mut worker = worker(&session, 4);
        assert_eq!(worker.execution.missing().unwrap(), ["x"]);
        assert_eq!(worker.execution.shape("y").unwrap(), None);
        let error = worker.queue(&numbers(48)).unwrap_err().to_string();
        assert!(
            error.contains("enqueueV3") && error.contains("missing"),
            "{error}"
        );
        worker.prepare(2).unwrap();
        assert!(worker.execution.missing().unwrap().is_empty());
        assert_eq!(worker.execution.shape("y").unwrap(), Some(vec![2, 3, 4, 4]));
        assert_eq!(fake.calls("enqueueV3"), 1);
    });
}

#[test]
fn workers_share_an_engine_and_run_beside_each_other() {
    each("", |_, session| {
        let engine = session.engine(&net(-1, 0.5), &options(2));
        let mut workers: Vec<_> = (0..3)
            .map(|_| Worker::new(&engine, &session.context, 2))
            .collect();
        drop(engine);
        std::thread::scope(|scope| {
            for (index, worker) in workers.iter_mut().enumerate() {
                scope.spawn(move || {
                    for _ in 0..20 {
                        let numbers: Vec<f32> =
                            numbers(96).iter().map(|n| n + index as f32).collect();
                        assert_eq!(worker.run(&numbers).unwrap(), expected(&numbers, 0.5));
                    }
                });
            }
        });
    });
}

#[test]
fn a_graph_repeats_a_run_with_what_is_in_its_memory_then() {
    each("", |fake, session| {
        let mut worker = worker(&session, 2);
        worker.prepare(1).unwrap();
        let Worker {
            execution,
            stream,
            input,
            output,
            there,
            back,
        } = &mut worker;
        let graph = Graph::capture::<TensorRtError>(stream, |stream| {
            // SAFETY: all of it stays as long as the graph.
            unsafe { stream.upload(input.pointer(), there.pointer(), 192)? };
            execution.enqueue(stream)?;
            // SAFETY: as above.
            unsafe { stream.download(back.pointer(), output.pointer(), 192)? };
            Ok(())
        });
        let graph = graph.unwrap();
        for scale in [1.0, -2.0] {
            let numbers: Vec<f32> = numbers(48).iter().map(|n| n * scale).collect();
            let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
            there.as_mut_slice()[..192].copy_from_slice(&bytes);
            // SAFETY: what it works on is still there.
            unsafe { graph.launch(stream) }.unwrap();
            stream.synchronize().unwrap();
            let words = &back.as_slice().as_chunks::<4>().0[..48];
            let found: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
            assert_eq!(found, expected(&numbers, 0.5));
        }
        assert_eq!(fake.calls("enqueueV3"), 1);
    });
}

#[test]
fn a_run_that_cannot_be_queued_is_an_error_with_its_reason_and_the_next_goes_on() {
    for (faults, memory) in [
        ("fail=enqueueV3:2", false),
        ("out-of-memory=1,fail=enqueueV3:2", true),
    ] {
        each(faults, |_, session| {
            let mut worker = worker(&session, 1);
            let numbers = numbers(48);
            worker.run(&numbers).unwrap();
            let error = worker.run(&numbers).unwrap_err();
            assert_eq!(error.is_out_of_memory(), memory, "{error}");
            assert!(error.to_string().contains("enqueueV3"), "{error}");
            assert_eq!(worker.run(&numbers).unwrap(), expected(&numbers, 0.5));
        });
    }
}

#[test]
fn a_context_for_which_there_is_no_memory_says_so() {
    each(
        "out-of-memory=1,fail=createExecutionContext",
        |_, session| {
            let engine = session.engine(&net(1, 0.5), &options(1));
            let error = ExecutionContext::new(&engine).unwrap_err();
            assert!(error.is_out_of_memory(), "{error}");
            assert!(error.to_string().contains("a smaller batch"), "{error}");
        },
    );
}

#[test]
fn a_gpu_that_is_lost_is_told_from_a_run_that_failed() {
    for family in Family::ALL {
        let fake = Fake::new(family, "");
        let session = fake.session();
        let mut worker = worker(&session, 1);
        let numbers = numbers(48);
        worker.run(&numbers).unwrap();
        worker.prepare(1).unwrap();
        fake.cuda.set("lost-at=2");
        let error = worker.queue(&numbers).unwrap_err();
        assert!(error.lost().is_some(), "{error}");
        assert!(error.to_string().contains("restart the process"), "{error}");
        // What a lost device has still is gone with it: there is nobody to give it back to.
        std::mem::forget((fake, session, worker));
    }
}

#[test]
fn half_precision_is_near_to_single_and_not_the_same() {
    each("", |_, session| {
        let options = BuildOptions {
            precision: Precision::Fp16,
            ..options(2)
        };
        let engine = session.engine(&net(-1, 0.5), &options);
        let mut worker = Worker::new(&engine, &session.context, 2);
        let numbers = numbers(96);
        let (found, expected) = (worker.run(&numbers).unwrap(), expected(&numbers, 0.5));
        assert_ne!(found, expected);
        for (found, expected) in found.iter().zip(&expected) {
            let near = 1e-2 * expected.abs().max(0.1);
            assert!(
                (found - expected).abs() <= near,
                "{found} is not {expected}"
            );
        }
    });
}

#[test]
fn engines_on_two_gpus_do_not_touch_each_other() {
    for family in Family::ALL {
        let fake = Fake::new(family, "");
        fake.cuda.set("devices=2");
        let library = fake.open().unwrap();
        let mut workers: Vec<_> = (0..2)
            .map(|ordinal| {
                let device = fake.cuda.driver().device(ordinal).unwrap();
                let context = Context::primary(&device).unwrap();
                let session = Session {
                    library: library.clone(),
                    context,
                };
                worker(&session, 2)
            })
            .collect();
        for round in 0..3 {
            for (ordinal, worker) in workers.iter_mut().enumerate() {
                let shift = (round * 2 + ordinal) as f32;
                let numbers: Vec<f32> = numbers(48).iter().map(|n| n + shift).collect();
                assert_eq!(worker.run(&numbers).unwrap(), expected(&numbers, 0.5));
            }
        }
    }
}
