//! What a model is fed beside the picture.

/// An input that is not the picture, and is the same for every picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstantInput {
    /// As the graph names it.
    pub name: String,
    /// Its axes.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: ConstantValues,
}

impl ConstantInput {
    /// The same for so many pictures: its first axis is that of the batch.
    pub fn of_pictures(&self, pictures: usize) -> Self {
        let per_picture = self.shape.iter().skip(1).product();
        let mut shape = self.shape.clone();
        if let Some(batch) = shape.first_mut() {
            *batch = pictures;
        }
        let values = match &self.values {
            ConstantValues::I32(v) => ConstantValues::I32(repeat(v, per_picture, pictures)),
            ConstantValues::I64(v) => ConstantValues::I64(repeat(v, per_picture, pictures)),
        };
        Self {
            name: self.name.clone(),
            shape,
            values,
        }
    }
}

fn repeat<T: Copy>(values: &[T], each: usize, times: usize) -> Vec<T> {
    values.get(..each).unwrap_or(values).repeat(times)
}

/// Values of the type that the graph asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConstantValues {
    /// 32-bit integers.
    I32(Vec<i32>),
    /// 64-bit integers.
    I64(Vec<i64>),
}
