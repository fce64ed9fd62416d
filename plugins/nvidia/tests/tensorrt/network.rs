//! An engine in the pipeline of a worker.

use crate::fake::{Fake, Session, each};
use crate::model::{expected, model, net, numbers};
use vigil_nvidia::driver::{DeviceBuffer, PinnedBuffer, Stream};
use vigil_nvidia::kernels::Precision;
use vigil_nvidia::pipeline::{Input, Network, Run};
use vigil_nvidia::tensorrt::abi::Family;
use vigil_nvidia::tensorrt::{Batches, BuildOptions, DataType, TensorRtError, TensorRtNetwork};

fn network(session: &Session, onnx: &[u8], max: u32) -> Result<TensorRtNetwork, TensorRtError> {
    let options = BuildOptions {
        batches: Batches::up_to(max),
        ..BuildOptions::default()
    };
    TensorRtNetwork::new(&session.engine(onnx, &options))
}

/// Runs so many pictures, whose numbers are given, and gives as many of the output.
fn run(
    session: &Session,
    network: &mut TensorRtNetwork,
    numbers: &[f32],
    pictures: usize,
) -> Vec<f32> {
    let context = &session.context;
    let stream = Stream::new(context).unwrap();
    let bytes = numbers.len() * 4;
    let mut pinned = PinnedBuffer::new(context, bytes).unwrap();
    let [input, output] = [(); 2].map(|()| DeviceBuffer::new(context, bytes).unwrap());
    let raw: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
    pinned.as_mut_slice().copy_from_slice(&raw);
    let outputs = [output.pointer()];
    let run = Run {
        pictures,
        input: input.pointer(),
        outputs: &outputs,
    };
    // SAFETY: all of it stays until the stream is done.
    unsafe {
        stream
            .upload(input.pointer(), pinned.pointer(), bytes)
            .unwrap()
    };
    network.enqueue(&stream, &run).unwrap();
    // SAFETY: as above.
    unsafe {
        stream
            .download(pinned.pointer(), output.pointer(), bytes)
            .unwrap()
    };
    stream.synchronize().unwrap();
    let words = pinned.as_slice().as_chunks::<4>().0;
    words.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

#[test]
fn a_network_says_what_the_pipeline_has_to_allocate() {
    each("", |_, session| {
        let mut network = network(&session, &net(-1, 0.5), 4).unwrap();
        let input = Input {
            width: 4,
            height: 4,
            precision: Precision::Single,
        };
        assert_eq!((network.most_pictures(), network.input()), (4, input));
        assert_eq!(network.outputs(), [48 * 4]);
        assert_eq!(network.output_names().collect::<Vec<_>>(), ["y"]);
        let shapes: Vec<_> = network.output_shapes().collect();
        assert_eq!(shapes, [(DataType::Float, &[3, 4, 4][..])]);
        network.prepare(4).unwrap();
        let error = network.prepare(5).unwrap_err();
        assert!(
            error.to_string().contains("it was built for 1 to 4"),
            "{error}"
        );
        assert!(!error.is_out_of_memory());
    });
}

#[test]
fn runs_of_changing_size_compute_what_the_file_says() {
    each("", |_, session| {
        let mut network = network(&session, &net(-1, 0.5), 4).unwrap();
        for pictures in [4, 1, 3] {
            network.prepare(pictures).unwrap();
            let numbers = numbers(48 * pictures);
            let found = run(&session, &mut network, &numbers, pictures);
            assert_eq!(found, expected(&numbers, 0.5));
        }
    });
}

#[test]
fn an_engine_of_a_fixed_number_runs_that_many_however_few_are_given() {
    each("", |_, session| {
        let mut network = network(&session, &net(2, 0.5), 1).unwrap();
        assert_eq!(network.most_pictures(), 2);
        assert!(network.prepare(1).is_err());
        network.prepare(2).unwrap();
        let numbers = numbers(96);
        assert_eq!(
            run(&session, &mut network, &numbers, 1),
            expected(&numbers, 0.5)
        );
    });
}

#[test]
fn an_engine_that_takes_no_pictures_is_refused_with_what_it_takes() {
    each("", |_, session| {
        let error = network(&session, &model(&[1, 4, 4, 4], 0.0, &[]), 1)
            .unwrap_err()
            .to_string();
        for part in [
            "pictures × 3 × height × width",
            "input 'x' is 1x4x4x4",
            "Float",
        ] {
            assert!(error.contains(part), "{error}");
        }
    });
}

#[test]
fn a_lack_of_memory_in_the_engine_makes_the_pipeline_try_fewer_pictures() {
    let fake = Fake::new(Family::V10, "out-of-memory=1,fail=enqueueV3");
    let session = fake.session();
    let mut network = network(&session, &net(-1, 0.5), 4).unwrap();
    let stream = Stream::new(&session.context).unwrap();
    let outputs = [2];
    let run = Run {
        pictures: 1,
        input: 1,
        outputs: &outputs,
    };
    let error = network.enqueue(&stream, &run).unwrap_err();
    assert!(error.is_out_of_memory(), "{error}");
}
