//! Outputs of any type as f32, which is what decoders read.

use super::half;
use crate::decode::OutputView;
use vigil_nvidia::tensorrt::DataType;

/// One output of a run: its shape, and its values where they had to be converted. Kept from run to
/// run, so that nothing is allocated while shapes stay.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    shape: Vec<usize>,
    converted: Vec<f32>,
}

/// The values of an output in the type that the engine gives them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    F32(&'a [f32]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    /// 16-bit floats, as their bits.
    F16(&'a [u16]),
    /// Any other type: read as no values.
    Other,
}

impl<'a> Values<'a> {
    /// The elements of a tensor of TensorRT's; others than decoders read are none.
    pub fn of_bytes(kind: DataType, bytes: &'a [u8]) -> Self {
        fn cast<T: bytemuck::Pod>(bytes: &[u8]) -> &[T] {
            bytemuck::try_cast_slice(bytes).unwrap_or_default()
        }
        match kind {
            DataType::Float => Self::F32(cast(bytes)),
            DataType::Half => Self::F16(cast(bytes)),
            DataType::Int32 => Self::I32(cast(bytes)),
            DataType::Int64 => Self::I64(cast(bytes)),
            _ => Self::Other,
        }
    }
}

impl Kept {
    /// The output as decoders read it. Integers beyond 2²⁴ are rounded; class ids are far below.
    pub fn view<'a>(
        &'a mut self,
        shape: impl Iterator<Item = usize>,
        values: Values<'a>,
    ) -> OutputView<'a> {
        self.shape.clear();
        self.shape.extend(shape);
        self.converted.clear();
        let data = match values {
            Values::F32(data) => data,
            Values::I32(data) => {
                self.converted.extend(data.iter().map(|v| *v as f32));
                &self.converted
            }
            Values::I64(data) => {
                self.converted.extend(data.iter().map(|v| *v as f32));
                &self.converted
            }
            Values::F16(data) => {
                half::widen(data, &mut self.converted);
                &self.converted
            }
            Values::Other => &[],
        };
        OutputView {
            shape: &self.shape,
            data,
        }
    }
}
