//! Whether a model whose file leaves the number of pictures open can really be run on several.

use super::{EngineError, EngineKind, ModelSource, Runner};

/// The shapes of all outputs of a run of so many pictures.
pub(super) fn shapes(
    runner: &mut dyn Runner,
    pictures: usize,
) -> Result<Vec<Vec<usize>>, EngineError> {
    let mut shapes = Vec::new();
    runner.run(pictures, &mut |outputs| {
        shapes = outputs.iter().map(|output| output.shape.to_vec()).collect();
    })?;
    Ok(shapes)
}

/// Runs as many pictures as are wanted, and looks whether the outputs are so many times those of
/// one: some files say that the number is open where only one works.
pub(super) fn check(
    runner: &mut dyn Runner,
    model: &ModelSource,
    kind: EngineKind,
    of_one: &[Vec<usize>],
) -> Result<(), EngineError> {
    let wanted = model.most_pictures();
    let refuse = |why: String| {
        Err(EngineError::Load {
            kind,
            path: model.path.clone(),
            reason: format!(
                "property batch-size is {wanted}, but the model takes 1 picture in each run, though \
                 its file leaves their number open: {why}; use batch-size=1"
            ),
        })
    };
    for picture in 0..wanted {
        runner.input_mut(picture).fill(0.5);
    }
    let found = match shapes(runner, wanted) {
        Ok(found) => found,
        Err(error) => return refuse(error.to_string()),
    };
    for ((name, found), one) in runner.output_names().iter().zip(&found).zip(of_one) {
        let is_share = match (found.split_first(), one.split_first()) {
            (Some((batch, found)), Some((1, one))) => *batch == wanted && found == one,
            _ => false,
        };
        if !is_share {
            return refuse(format!(
                "of {wanted} pictures output {name} is {found:?}, of one it is {one:?}"
            ));
        }
    }
    Ok(())
}
