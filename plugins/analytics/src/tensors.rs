//! Outputs of a model on the frame that they speak of: `GstTensorMeta`, for decoders of tensors.

use gst_analytics::{Tensor, TensorDataType, TensorDimOrder, TensorMeta};

/// An output of a model for one picture, 32-bit floats.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FloatTensor {
    /// As the model names it: the tensor's id.
    pub name: String,
    /// Its axes, with the batch's in front.
    pub dims: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// Floats as the memory of a buffer.
struct Bytes(Vec<f32>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: each float is four bytes, which may have any value and need no alignment.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), size_of_val(&self.0[..])) }
    }
}

/// Adds the tensors to `buffer`, which must be writable, to those that are there. The values are
/// not copied.
pub fn write(buffer: &mut gst::BufferRef, tensors: Vec<FloatTensor>) {
    let tensor = |tensor: FloatTensor| {
        Tensor::new_simple(
            gst::glib::Quark::from_str(&tensor.name),
            TensorDataType::Float32,
            gst::Buffer::from_slice(Bytes(tensor.values)),
            TensorDimOrder::RowMajor,
            &tensor.dims,
        )
    };
    // add() returns the meta that is there.
    let mut meta = TensorMeta::add(buffer);
    let mut all: Vec<Tensor> = meta.as_slice().to_vec();
    all.extend(tensors.into_iter().map(tensor));
    meta.set(all.into());
}

/// The tensors of 32-bit floats on `buffer`.
pub fn read(buffer: &gst::BufferRef) -> Vec<FloatTensor> {
    let Some(meta) = buffer.meta::<TensorMeta>() else {
        return Vec::new();
    };
    let float = |tensor: &Tensor| {
        let bytes = tensor.data().map_readable().ok()?;
        (tensor.data_type() == TensorDataType::Float32).then(|| FloatTensor {
            name: tensor.id().as_str().to_string(),
            dims: tensor.dims().to_vec(),
            values: bytes
                .chunks_exact(size_of::<f32>())
                .map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        })
    };
    meta.as_slice().iter().filter_map(float).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_of_several_models_survive_a_round_trip() {
        gst::init().unwrap();
        let tensor = |name: &str, dims: &[usize]| FloatTensor {
            name: name.into(),
            dims: dims.into(),
            values: (0..dims.iter().product()).map(|i| i as f32 / 3.0).collect(),
        };
        let [a, b, c] = [
            tensor("output0", &[1, 6, 84]),
            tensor("output1", &[1, 2, 3, 4]),
            tensor("other", &[1, 0]),
        ];
        let mut buffer = gst::Buffer::new();
        assert_eq!(read(&buffer), []);
        write(buffer.get_mut().unwrap(), vec![a.clone(), b.clone()]);
        write(buffer.get_mut().unwrap(), vec![c.clone()]);
        assert_eq!(read(&buffer), [a, b, c]);
    }
}
