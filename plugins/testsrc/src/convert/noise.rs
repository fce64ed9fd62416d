//! A camera's noise.

use crate::scene::random::Random;

/// Where a row's noise may begin: small enough that the table stays in a core's own cache, large
/// enough that rows differ.
const STARTS: usize = 1 << 16;

/// Gaussian noise, drawn once, and read from another place for each row of each frame: that looks
/// like fresh noise and costs a table's reading.
#[derive(Debug)]
pub(super) struct Noise {
    seed: u64,
    table: Vec<i8>,
}

impl Noise {
    /// Noise of this standard deviation, in levels, for rows of up to `width` pixels.
    pub fn new(seed: u64, deviation: f64, width: usize) -> Self {
        let mut random = Random::of(&[seed, 0x006e_6f69_7365]);
        let table = (0..STARTS + width)
            .map(|_| (gaussian(&mut random) * deviation).round() as i8)
            .collect();
        Self { seed, table }
    }

    /// What is added to row `y` of the frame that shows `time`, a level for each pixel.
    pub fn row(&self, time: u64, y: usize, width: usize) -> &[i8] {
        let start = Random::of(&[self.seed, time, y as u64]).next() as usize % STARTS;
        &self.table[start..][..width]
    }
}

/// A number of normal distribution, nearly: the sum of twelve even ones, which is the same on each
/// machine since no logarithm is taken.
pub(crate) fn gaussian(random: &mut Random) -> f64 {
    let mut sum = 0;
    for _ in 0..3 {
        let bits = random.next();
        sum += (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum::<u64>();
    }
    (sum as f64 - 12.0 * 32767.5) / 65536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 5000;

    #[test]
    fn noise_is_of_the_deviation_that_was_asked_for() {
        for deviation in [0.0, 0.5, 3.0, 25.0] {
            let noise = Noise::new(7, deviation, WIDTH);
            let n = noise.table.len() as f64;
            let mean = noise.table.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
            let squares = noise.table.iter().map(|v| f64::from(*v).powi(2));
            let found = (squares.sum::<f64>() / n).sqrt();
            assert!(
                mean.abs() < 0.02 * deviation.max(1.0),
                "{deviation}: {mean}"
            );
            // Rounding adds a variance of 1/12.
            let expected = if deviation > 0.0 {
                (deviation * deviation + 1.0 / 12.0).sqrt()
            } else {
                0.0
            };
            assert!(
                (found - expected).abs() <= 0.03 * expected,
                "{deviation}: {found}"
            );
        }
    }

    #[test]
    fn rows_and_frames_have_noise_of_their_own() {
        let noise = Noise::new(7, 10.0, WIDTH);
        let row = noise.row(1, 1, WIDTH).to_vec();
        assert_eq!(row, Noise::new(7, 10.0, WIDTH).row(1, 1, WIDTH));
        for (other, what) in [
            (noise.row(1, 2, WIDTH), "row"),
            (noise.row(2, 1, WIDTH), "frame"),
            (Noise::new(8, 10.0, WIDTH).row(1, 1, WIDTH), "seed"),
        ] {
            let same = row.iter().zip(other).filter(|(a, b)| a == b).count();
            assert!(same < WIDTH / 10, "{what}: {same}");
        }
    }
}
