//! Several frames in one run.

use super::work::{Lane, Tens, join, pop, rig, submit, terms};
use crate::schedule::{Batch, Mode, Pool, Terms};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

fn pool_of(batch: usize, names: &str, terms: Terms) -> (Arc<Pool<Tens>>, Vec<Arc<Lane>>) {
    let pool = Pool::new(Tens::default(), 1, batch);
    let lanes: Vec<_> = names.chars().map(|name| join(&pool, name, terms)).collect();
    (pool, lanes)
}

#[test]
fn what_waits_is_worked_on_together_up_to_the_size_of_a_batch() {
    let (pool, lanes) = rig(1, 4, "abc");
    pool.work().permit(Some(0));
    submit(&lanes[0], [0]);
    pool.work().wait_for_busy(1);
    submit(&lanes[1], [1, 2]);
    submit(&lanes[2], [3, 4, 5]);
    pool.work().permit(None);
    assert_eq!(pop(&lanes[0], 1), [0]);
    assert_eq!(pop(&lanes[1], 2), [1, 2]);
    assert_eq!(pop(&lanes[2], 3), [3, 4, 5]);
    let expected = [
        vec![('a', 0)],
        vec![('b', 1), ('c', 3), ('b', 2), ('c', 4)],
        vec![('c', 5)],
    ];
    assert_eq!(pool.work().runs(), expected);
    let stats = pool.stats();
    assert_eq!((stats.runs, stats.frames), (3, 6));
    pool.shut_down();
}

#[test]
fn a_frame_waits_for_others_as_long_as_it_may_and_no_longer_than_the_batch_is_full() {
    let wait = |wait| Terms {
        wait,
        ..terms(false)
    };
    let (pool, lanes) = pool_of(3, "ab", wait(LONG));
    submit(&lanes[0], [0]);
    thread::sleep(Duration::from_millis(20));
    assert_eq!(pool.work().runs().len(), 0);
    submit(&lanes[1], [1]);
    submit(&lanes[0], [2]);
    assert_eq!(
        (pop(&lanes[0], 2), pop(&lanes[1], 1)),
        (vec![0, 2], vec![1])
    );
    assert_eq!(pool.work().runs(), [[('a', 0), ('b', 1), ('a', 2)]]);
    // One of them is less patient.
    let hasty = join(&pool, 'c', wait(Duration::from_millis(5)));
    submit(&lanes[0], [3]);
    submit(&hasty, [4]);
    assert_eq!((pop(&lanes[0], 1), pop(&hasty, 1)), (vec![3], vec![4]));
    pool.shut_down();
}

#[test]
fn for_latency_a_frame_does_not_wait_for_the_next_one_of_its_stream() {
    let live = Terms {
        wait: LONG,
        ..terms(true)
    };
    assert_eq!(live.mode, Mode::Latency);
    let (pool, lanes) = pool_of(3, "LM", live);
    submit(&lanes[0], [0, 1]);
    submit(&lanes[1], [2]);
    assert_eq!(pop(&lanes[1], 1), [2]);
    submit(&lanes[1], [3]);
    assert_eq!(
        (pop(&lanes[0], 2), pop(&lanes[1], 1)),
        (vec![0, 1], vec![3])
    );
    let runs = pool.work().runs();
    assert_eq!(runs, [[('L', 0), ('M', 2)], [('L', 1), ('M', 3)]]);
    pool.shut_down();
}

#[test]
fn who_waits_for_a_batch_is_not_held_by_a_lane_that_leaves_or_by_the_end() {
    let patient = Terms {
        wait: LONG,
        ..terms(false)
    };
    let (pool, lanes) = pool_of(3, "ab", patient);
    submit(&lanes[0], [0]);
    lanes[1].shut_down();
    // Not before the frame has been taken.
    while lanes[0].waiting() > 0 {
        thread::yield_now();
    }
    pool.leave(&lanes[1]);
    assert_eq!(pop(&lanes[0], 1), [0]);
    submit(&lanes[0], [1]);
    while lanes[0].waiting() > 0 {
        thread::yield_now();
    }
    pool.shut_down();
    assert_eq!(pop(&lanes[0], 1), [1]);
}

#[test]
fn runs_are_larger_where_all_threads_share_one_and_there_are_lanes_to_fill_it() {
    let batch = Batch {
        size: 1,
        for_latency: 4,
    };
    let pool = Pool::new(Tens::default(), 3, batch);
    let size = |pool: &Pool<Tens>| pool.stats().division.batch;
    let first = join(&pool, 'L', terms(true));
    assert_eq!(size(&pool), 1, "there are no others");
    let second = join(&pool, 'a', terms(false));
    assert_eq!(size(&pool), 4);
    submit(&first, [1]);
    submit(&second, [2]);
    assert_eq!((pop(&first, 1), pop(&second, 1)), (vec![1], vec![2]));
    let third = join(&pool, 'b', terms(false));
    pool.leave(&first);
    assert_eq!(size(&pool), 1, "each thread has a run of its own");
    submit(&third, [3]);
    assert_eq!(pop(&third, 1), [3]);
    pool.shut_down();
}
