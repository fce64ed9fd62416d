//! The constants of the tracker.

/// Constants that are not settings: found by search over sequences of crowds, vehicles and sports
/// and copies of them with noise, and checked on kinds of sequence that were left out of it.
/// Lengths are relative to the height of a box, times in nominal frames of 1/30 s.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Standard deviation of a position's own noise in a frame.
    pub position_noise: f32,
    /// Standard deviation of a velocity's noise in a frame.
    pub velocity_noise: f32,
    /// Velocity noise of a size relative to that of a position (a variance).
    pub size_noise: f32,
    /// Standard deviation of a measurement of score 1.
    pub measurement_noise: f32,
    /// How much larger it is at score 0.
    pub doubt_noise: f32,
    /// Standard deviation of a place that was told as a hint.
    pub hint_noise: f32,
    /// Surprise at which the noise is as above: distance of a detection from its prediction.
    pub usual_surprise: f32,
    /// Share of a new surprise in the track's memory of them.
    pub surprise_memory: f32,
    /// By how much boxes grow, relative to their size, for surprise above the usual one.
    pub reach: f32,
    /// What the velocity of a size keeps of itself in a frame that was looked at in vain.
    pub growth_kept: f32,
    /// Weight of the last observation beside the prediction.
    pub last_weight: f32,
    /// Loss for a score unlike the last one.
    pub score_weight: f32,
    /// What a pair loses for each second that the track was looked for in vain.
    pub age_cost: f32,
    /// What a pair gains where the track was found at the last look.
    pub seen_bonus: f32,
    /// Least similarity of a detection of low score.
    pub match_low: f32,
    /// Looks in vain up to which a track takes detections of low score.
    pub low_misses: u32,
    /// Least similarity of an unconfirmed track, whose boxes grow by `new_reach`.
    pub match_new: f32,
    /// See `match_new`.
    pub new_reach: f32,
    /// No track starts on a detection that overlaps another one's by more than this.
    pub duplicate_iou: f32,
    /// From this share of the high threshold on, a detection may be an object of which the
    /// detector is never sure.
    pub doubtful_share: f32,
    /// Such an object gets an id when the time for which it was found, in seconds, times what its
    /// score is above that share, is this.
    pub doubtful_proof: f32,
    /// A detection of at least this score counts twice where looks are far apart.
    pub sure_score: f32,
    /// Looks are far apart from this time on.
    pub far_apart: f32,
    /// By how much boxes grow in the search for the camera's motion.
    pub camera_reach: f32,
    /// So many times its standard error the camera's motion must be to count.
    pub camera_doubt: f32,
    /// Share of the camera's motion that velocities take over.
    pub camera_memory: f32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            position_noise: 0.045,
            velocity_noise: 0.005,
            size_noise: 0.2,
            measurement_noise: 0.087,
            doubt_noise: 1.7,
            hint_noise: 0.2,
            usual_surprise: 0.066,
            surprise_memory: 0.088,
            reach: 3.0,
            growth_kept: 0.39,
            last_weight: 0.65,
            score_weight: 0.13,
            age_cost: 0.057,
            seen_bonus: 0.093,
            match_low: 0.54,
            low_misses: 2,
            match_new: 0.085,
            new_reach: 0.08,
            duplicate_iou: 0.6,
            doubtful_share: 0.55,
            doubtful_proof: 0.25,
            sure_score: 0.7,
            far_apart: 2.5,
            camera_reach: 0.44,
            camera_doubt: 3.5,
            camera_memory: 0.74,
        }
    }
}
