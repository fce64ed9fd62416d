//! The constants of following by sight.

/// Constants that are not settings, for experiments. No result hangs on one of them: half or twice
/// as much costs about a point of HOTA at every third frame, at every tenth up to four.
/// Lengths are in numbers of a patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Sides of what a patch shows relative to those of the box: the surroundings say where the
    /// object ends.
    pub padding: f32,
    /// Standard deviation of the response that is wanted.
    pub hill: f32,
    /// What is added to the energy of a frequency, relative to the mean of all.
    pub floor: f32,
    /// Standard deviation of how far an object is from its prediction.
    pub reach: f32,
    /// Share of a new picture in what is known of a track's looks.
    pub rate: f32,
    /// Peak-to-sidelobe ratios at which trust begins, and at which it is full.
    pub trust: (f32, f32),
    /// Seconds after its detection at which prediction and sight are equally good: sight is off by
    /// the same at any time, a prediction by more and more.
    pub even: f32,
    /// An object of which another one may cover more than this share is not looked for, nor
    /// learned.
    pub covered: f32,
    /// Boxes with a shorter side, in pixels, show too little.
    pub least_side: f32,
    /// At most so many objects are looked for on a frame, and so many learned: by turns.
    pub max_objects: usize,
    /// Looks in a row, with no frame skipped between them, after which nothing is learned any
    /// more.
    pub patience: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            padding: 2.0,
            hill: 1.5,
            floor: 0.1,
            reach: 8.0,
            rate: 0.5,
            trust: (4.0, 8.0),
            even: 0.035,
            covered: 0.8,
            least_side: 6.0,
            max_objects: 64,
            patience: 30,
        }
    }
}
