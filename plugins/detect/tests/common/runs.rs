//! Runs of a model without an element.

use gstvigildetect::engine::Runner;

/// Shapes and values of all outputs for pictures of these brightnesses.
pub fn run(runner: &mut dyn Runner, means: &[f32]) -> Vec<(Vec<usize>, Vec<f32>)> {
    for (picture, mean) in means.iter().enumerate() {
        runner.input_mut(picture).fill(*mean);
    }
    let mut results = Vec::new();
    runner
        .run(means.len(), &mut |outputs| {
            results = outputs
                .iter()
                .map(|output| (output.shape.to_vec(), output.data.to_vec()))
                .collect();
        })
        .unwrap();
    results
}
