//! How alike different objects look in this scene, to this model.
//!
//! A threshold alone cannot know: to one model two people in dark coats are nearly the same, to
//! another two looks at one person are further apart. But a stream shows again and again objects that
//! are beside each other and so are different. Their distances say how often a stranger is as near
//! as somebody who may have come back.

/// Width of a bin of distances.
const BIN: f32 = 0.005;
/// Distances up to 1 are told apart; what is further is as far as can be.
const BINS: usize = 200;
/// Beyond so many distances the older half counts half.
const MOST: f32 = 4096.0;

/// Distances between objects that are certainly different, by bin.
#[derive(Debug, Clone)]
pub(super) struct Strangers {
    bins: [f32; BINS],
    total: f32,
}

impl Default for Strangers {
    fn default() -> Self {
        Self {
            bins: [0.0; BINS],
            total: 0.0,
        }
    }
}

impl Strangers {
    /// Two that are different are so far apart.
    pub fn add(&mut self, distance: f32) {
        self.bins[bin(distance)] += 1.0;
        self.total += 1.0;
        if self.total > MOST {
            self.bins.iter_mut().for_each(|count| *count *= 0.5);
            self.total = self.bins.iter().sum();
        }
    }

    /// Share of strangers that are as near as this or nearer; `None` while none are known.
    pub fn as_near(&self, distance: f32) -> Option<f32> {
        let nearer: f32 = self.bins[..=bin(distance)].iter().sum();
        (self.total > 0.0).then_some(nearer / self.total)
    }
}

fn bin(distance: f32) -> usize {
    ((distance / BIN) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearness_counts_by_how_many_strangers_are_nearer() {
        let mut strangers = Strangers::default();
        assert_eq!(strangers.as_near(2.0), None);
        for i in 0..100 {
            strangers.add(0.2 + i as f32 * 0.005);
        }
        for (distance, expected) in [(0.0, 0.0), (0.19, 0.0), (0.3, 0.2), (0.6, 0.8), (2.0, 1.0)] {
            let found = strangers.as_near(distance).unwrap();
            assert!((found - expected).abs() < 0.02, "{distance}: {found}");
        }
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut strangers = Strangers::default();
        (0..10_000).for_each(|_| strangers.add(0.1));
        (0..20_000).for_each(|_| strangers.add(0.9));
        assert!(strangers.as_near(0.5).unwrap() < 0.02);
        assert!(strangers.total <= MOST);
    }
}
