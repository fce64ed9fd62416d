//! Whose turn it is.

use crate::queue::Priority;

/// One turn in so many goes to whoever was served longest ago, whatever it asks: nobody starves
/// because others always have something that matters more.
const FAIR: u64 = 4;

/// Which lane is served in this turn: of each its most important job, if any, and the turn in which
/// it was served last. What matters most goes first, and among equals who was served longest ago.
pub fn choose(lanes: &[(Option<Priority>, u64)], turn: u64) -> Option<usize> {
    let by_age = turn % FAIR == FAIR - 1;
    let waiting = lanes
        .iter()
        .enumerate()
        .filter_map(|(i, (priority, served))| {
            let priority = (*priority)?;
            Some((
                if by_age { None } else { Some(priority) },
                std::cmp::Reverse(*served),
                i,
            ))
        });
    waiting
        .max_by_key(|(priority, served, i)| (*priority, *served, std::cmp::Reverse(*i)))
        .map(|(.., i)| i)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves lanes that always have this to ask, and counts.
    fn serve(lanes: &[Option<Priority>], turns: u64) -> Vec<u64> {
        let mut state: Vec<_> = lanes.iter().map(|priority| (*priority, 0)).collect();
        let mut counts = vec![0; lanes.len()];
        for turn in 0..turns {
            if let Some(i) = choose(&state, turn) {
                counts[i] += 1;
                state[i].1 = turn + 1;
            }
        }
        counts
    }

    #[test]
    fn equals_are_served_alike() {
        assert_eq!(serve(&[Some(Priority::Interval); 100], 1000), [10; 100]);
        assert_eq!(serve(&[None, Some(Priority::Track), None], 5), [0, 5, 0]);
        assert_eq!(choose(&[], 0), None);
    }

    #[test]
    fn what_matters_more_comes_first_and_nobody_starves() {
        let mut lanes = vec![Some(Priority::Interval); 9];
        lanes.push(Some(Priority::Verification));
        let counts = serve(&lanes, 400);
        assert!(counts[9] >= 300, "{counts:?}");
        assert!(counts[..9].iter().all(|&n| n >= 9), "{counts:?}");
    }
}
