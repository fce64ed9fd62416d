//! The shapes that a network is built for, where its file leaves them open.

use super::abi::{Family, Owned, Shape, call, table, v8, v10, v11};
use super::builder::{Batches, BuildOptions};
use super::error::TensorRtError;
use super::library::Library;
use super::parser::Input;
use super::tensor::written;
use std::ffi::c_void;

/// The three shapes of an input that leaves extents open; none for one that does not.
fn open_shapes(input: &Input, options: &BuildOptions) -> Result<Option<[Shape; 3]>, String> {
    if input.shape.iter().all(|extent| *extent >= 0) {
        return Ok(None);
    }
    let mut shapes = [
        options.batches.min,
        options.batches.opt,
        options.batches.max,
    ]
    .map(|batch| {
        let mut shape = input.shape.clone();
        if shape.first() == Some(&-1) {
            shape[0] = i64::from(batch);
        }
        shape
    });
    if let Some((height, width)) = options.size {
        for shape in shapes.iter_mut().filter(|shape| shape.len() == 4) {
            for (at, extent) in [(2, height), (3, width)] {
                if shape[at] == -1 {
                    shape[at] = i64::from(extent);
                }
            }
        }
    }
    if shapes[0].contains(&-1) {
        return Err(format!(
            "its input '{}' is {}: the size of the pictures has to be chosen",
            input.name.to_string_lossy(),
            written(&input.shape),
        ));
    }
    Ok(Some(shapes))
}

/// Gives a configuration one profile of all inputs that leave extents open, if any do.
pub(super) fn add_profile(
    library: &Library,
    builder: &Owned,
    config: &Owned,
    inputs: &[Input],
    options: &BuildOptions,
    unbuildable: &impl Fn(String) -> TensorRtError,
) -> Result<(), TensorRtError> {
    let Batches { min, opt, max } = options.batches;
    if min < 1 || opt < min || max < opt {
        return Err(unbuildable(format!(
            "batches of {min}, {opt} and {max} are none: 1 ≤ fewest ≤ best ≤ most is needed"
        )));
    }
    let mut open = Vec::new();
    for input in inputs {
        if let Some(shapes) = open_shapes(input, options).map_err(unbuildable)? {
            open.push((input, shapes));
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let family = library.family();
    // SAFETY: the builder is alive, and owns the profile; so below.
    let profile = unsafe {
        call!(
            family,
            builder.raw(),
            VBuilder.create_optimization_profile()
        )
    };
    if profile.is_null() {
        return Err(library.failed("createOptimizationProfile"));
    }
    for (input, shapes) in &open {
        for (select, shape) in (0..).zip(shapes) {
            library.done("setDimensions", || {
                // SAFETY: as above; name and shape live through the call.
                unsafe { set_dimensions(family, profile, input, select, shape) }
            })?;
        }
    }
    // SAFETY: as above.
    let (valid, index) = unsafe {
        (
            call!(family, profile, VOptimizationProfile.is_valid()),
            call!(
                family,
                config.raw(),
                VBuilderConfig.add_optimization_profile(profile)
            ),
        )
    };
    if !valid || index < 0 {
        return Err(library.failed("addOptimizationProfile"));
    }
    Ok(())
}

/// # Safety
/// `profile` must be an `IOptimizationProfile` of this version.
unsafe fn set_dimensions(
    family: Family,
    profile: *mut c_void,
    input: &Input,
    select: i32,
    shape: &[i64],
) -> bool {
    let name = input.name.as_ptr();
    // SAFETY: by the caller. 8.6 takes the dimensions by value.
    unsafe {
        let this = super::abi::implementation(profile);
        match family {
            Family::V8 => {
                let call = (*table::<v8::VOptimizationProfile>(this)).set_dimensions;
                call(this, name, select, shape.into())
            }
            Family::V10 => {
                let call = (*table::<v10::VOptimizationProfile>(this)).set_dimensions;
                call(this, name, select, &v10::Dims::from(shape))
            }
            Family::V11 => {
                let call = (*table::<v11::VOptimizationProfile>(this)).set_dimensions;
                call(this, name, select, &v11::Dims::from(shape))
            }
        }
    }
}
