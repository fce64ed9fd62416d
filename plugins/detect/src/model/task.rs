//! What models say of an object besides its box.

/// What a model of Ultralytics says of each object besides its box, its class and its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Instance segmentation: a coefficient for each prototype. The prototypes are an output of
    /// their own.
    Segment {
        /// Channels, height and width of the prototypes.
        protos: [usize; 3],
    },
    /// Points such as joints.
    Pose {
        /// How many, at least 1.
        keypoints: usize,
        /// Values of each: x and y in input pixels and, where there are three, a score.
        values: usize,
    },
    /// The box is turned around its centre, by so many radians, clockwise.
    Oriented,
}

impl Task {
    /// Values of each candidate behind those of its box and classes.
    pub fn values(&self) -> usize {
        match self {
            Self::Segment { protos } => protos[0],
            Self::Pose { keypoints, values } => keypoints * values,
            Self::Oriented => 1,
        }
    }
}
