//! Random numbers that are the same everywhere and for ever: the same seed gives the same picture.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Numbers of their own for each sequence of `keys`.
    pub fn of(keys: &[u64]) -> Self {
        let mut state = Self(0);
        for &key in keys {
            state.0 ^= key.wrapping_mul(GOLDEN);
            state.0 = state.next();
        }
        state
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// From `low` to below `high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// One of the `items`, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = (self.next() >> 32) as usize % items.len();
        &items[index]
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_are_the_same_for_ever() {
        let mut random = Random::of(&[7, 1]);
        let numbers: Vec<_> = (0..3).map(|_| random.next()).collect();
        let again: Vec<_> = {
            let mut random = Random::of(&[7, 1]);
            (0..3).map(|_| random.next()).collect()
        };
        assert_eq!(numbers, again);
        assert_ne!(numbers[0], Random::of(&[1, 7]).next());
        // The first number of SplitMix64 seeded with 0, as its authors' code gives it.
        assert_eq!(Random(0).next(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn the_range_is_filled_evenly() {
        let mut random = Random::of(&[3]);
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[random.range(0.0, 10.0) as usize] += 1;
        }
        assert!(
            counts.iter().all(|&n| (850..1150).contains(&n)),
            "{counts:?}"
        );
    }
}
