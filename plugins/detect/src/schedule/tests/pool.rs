use super::work::{BAD, LEFT, Lane, Tens, join, pop, rig, submit, terms};
use crate::schedule::{Closed, Mode, Output, Overload, Pool, PoolStats, Submitted};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn frames_leave_in_order_though_workers_finish_out_of_order() {
    let (pool, lanes) = rig(4, 1, "ab");
    thread::scope(|scope| {
        for lane in &lanes {
            scope.spawn(|| {
                for i in 0..200 {
                    if i % 50 == 0 {
                        lane.push("event").unwrap();
                    }
                    submit(lane, [i]);
                }
                lane.push("end").unwrap();
            });
            scope.spawn(|| {
                for i in 0..200 {
                    if i % 50 == 0 {
                        assert_eq!(lane.pop(), Ok(Output::Event("event")));
                    }
                    assert_eq!(pop(lane, 1), [i]);
                }
                assert_eq!(lane.pop(), Ok(Output::Event("end")));
            });
        }
    });
    pool.shut_down();
    let stats = pool.stats();
    assert_eq!((stats.runs, stats.frames, stats.waiting), (400, 400, 0));
}

#[test]
fn lanes_take_turns_and_in_each_the_oldest_frame_is_first() {
    let (pool, lanes) = rig(1, 1, "abc");
    pool.work().permit(Some(0));
    for lane in &lanes {
        submit(lane, 0..3);
    }
    pool.work().permit(None);
    for lane in &lanes {
        assert_eq!(pop(lane, 3), [0, 1, 2]);
    }
    let expected: Vec<_> = (0..3)
        .flat_map(|i| ['a', 'b', 'c'].map(|name| (name, i)))
        .collect();
    assert_eq!(pool.work().order(), expected);
    pool.shut_down();
}

#[test]
fn a_live_frame_is_next_however_many_others_wait() {
    // The live one is there first: the threads are divided but once.
    let (pool, lanes) = rig(1, 1, "Lab");
    pool.work().permit(Some(0));
    submit(&lanes[1], 0..20);
    submit(&lanes[2], 0..20);
    pool.work().wait_for_busy(1);
    submit(&lanes[0], 0..2);
    pool.work().permit(None);
    pop(&lanes[1], 20);
    pop(&lanes[2], 20);
    assert_eq!(pool.work().order()[1..3], [('L', 0), ('L', 1)]);
    pool.shut_down();
}

#[test]
fn live_lanes_that_take_all_there_is_leave_a_turn_to_others_now_and_then() {
    let (pool, lanes) = rig(1, 1, "LMa");
    pool.work().permit(Some(0));
    submit(&lanes[0], 0..30);
    submit(&lanes[1], 0..30);
    submit(&lanes[2], 0..3);
    pool.work().permit(None);
    pop(&lanes[2], 3);
    pop(&lanes[0], 30);
    pop(&lanes[1], 30);
    let order = pool.work().order();
    let of_a = order
        .iter()
        .enumerate()
        .filter(|(_, (name, _))| *name == 'a');
    let places: Vec<_> = of_a.map(|(place, _)| place).collect();
    assert_eq!(places, [8, 17, 26]);
    // And live ones by turns.
    assert_eq!(order[..3], [('L', 0), ('M', 0), ('L', 1)]);
    pool.shut_down();
}

#[test]
fn a_lane_that_nobody_empties_does_not_hold_the_others() {
    let (pool, lanes) = rig(2, 1, "ab");
    let [stuck, other] = &lanes[..] else { panic!() };
    stuck.set_limit(2);
    stuck.set_capacity(4);
    let is_stuck = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            // It takes so many, then waits for good.
            let closed = (0..).find(|i| stuck.submit(Arc::new(*i), Overload::Wait) == Err(Closed));
            is_stuck.store(false, Ordering::SeqCst);
            assert!(closed.is_some());
        });
        for i in 0..300 {
            submit(other, [i]);
            assert_eq!(pop(other, 1), [i]);
        }
        assert!(is_stuck.load(Ordering::SeqCst));
        stuck.flush();
    });
    pool.shut_down();
}

#[test]
fn a_flush_of_one_lane_leaves_the_others_alone() {
    let (pool, lanes) = rig(1, 1, "abc");
    pool.work().permit(Some(0));
    for lane in &lanes {
        submit(lane, 0..5);
    }
    pool.work().wait_for_busy(1);
    lanes[0].flush();
    assert_eq!(lanes[0].push("no"), Err(Closed));
    lanes[0].resume();
    submit(&lanes[0], 10..12);
    pool.work().permit(None);
    assert_eq!(pop(&lanes[0], 2), [10, 11]);
    for lane in &lanes[1..] {
        assert_eq!(pop(lane, 5), [0, 1, 2, 3, 4]);
    }
    assert!(lanes.iter().all(|lane| lane.is_empty()));
    pool.shut_down();
}

#[test]
fn a_lane_that_leaves_waits_for_its_own_frames_only() {
    let (pool, lanes) = rig(2, 1, "ab");
    let [leaver, other] = &lanes[..] else {
        panic!()
    };
    pool.work().permit(Some(0));
    submit(leaver, 0..5);
    pool.work().wait_for_busy(2);
    submit(other, 0..5);
    let has_left = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            leaver.shut_down();
            pool.leave(leaver);
            leaver.wait_for_workers();
            has_left.store(true, Ordering::SeqCst);
        });
        while pool.stats().lanes == 2 {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(10));
        assert!(!has_left.load(Ordering::SeqCst), "two are worked on");
        pool.work().permit(None);
        assert_eq!(pop(other, 5), [0, 1, 2, 3, 4]);
    });
    let of_leaver = pool
        .work()
        .order()
        .into_iter()
        .filter(|(name, _)| *name == 'a');
    assert_eq!(of_leaver.count(), 2, "those that waited were dropped");
    // Nobody else has it, once the workers have let go.
    while Arc::strong_count(leaver) > 1 {
        thread::yield_now();
    }
    pool.shut_down();
}

#[test]
fn a_pool_that_is_shut_down_finishes_what_is_worked_on_and_is_gone() {
    let (pool, lanes) = rig(2, 1, "ab");
    pool.work().permit(Some(0));
    for lane in &lanes {
        submit(lane, 0..5);
    }
    pool.work().wait_for_busy(2);
    let opener = {
        let pool = pool.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            pool.work().permit(None);
        })
    };
    pool.shut_down();
    opener.join().unwrap();
    let order = pool.work().order();
    assert_eq!(order.len(), 2);
    for (lane, name) in lanes.iter().zip("ab".chars()) {
        let taken = order.iter().filter(|(of, _)| *of == name).count();
        pop(lane, taken);
        lane.shut_down();
    }
    let weak = Arc::downgrade(&pool);
    drop(pool);
    assert!(weak.upgrade().is_none(), "lanes and workers do not keep it");
    assert_eq!(lanes[0].submit(Arc::new(9), Overload::Wait), Err(Closed));
}

#[test]
fn a_panic_costs_the_frame_its_result_and_nobody_else_anything() {
    let (pool, lanes) = rig(1, 1, "ab");
    for lane in &lanes {
        submit(lane, [1, BAD, LEFT, 2]);
    }
    for lane in &lanes {
        assert_eq!(pop(lane, 1), [1]);
        match lane.pop().unwrap() {
            Output::Done(frame, Err(why), _) => {
                assert_eq!((*frame, &*why), (BAD, "panic: bad frame"));
            }
            other => panic!("{other:?}"),
        }
        match lane.pop().unwrap() {
            Output::Skipped(frame) => assert_eq!(*frame, LEFT),
            other => panic!("{other:?}"),
        }
        assert_eq!(pop(lane, 1), [2]);
    }
    assert_eq!(pool.work().hands(), 3, "new ones after each panic");
    pool.shut_down();
}

#[test]
fn threads_are_divided_as_the_lanes_that_are_there_want_it() {
    let pool = Pool::new(Tens::default(), 3, 1);
    let divided = |pool: &Pool<Tens>| {
        let PoolStats { division, .. } = pool.stats();
        (division.mode, division.workers, division.threads)
    };
    let file = join(&pool, 'a', terms(false));
    assert_eq!(divided(&pool), (Mode::Throughput, 3, 1));
    let live = join(&pool, 'L', terms(true));
    assert_eq!(divided(&pool), (Mode::Latency, 1, 3));
    submit(&file, [1, 2]);
    submit(&live, [3]);
    assert_eq!((pop(&file, 2), pop(&live, 1)), (vec![1, 2], vec![3]));
    pool.leave(&live);
    assert_eq!(divided(&pool), (Mode::Throughput, 3, 1));
    submit(&file, [4]);
    assert_eq!(pop(&file, 1), [4]);
    pool.shut_down();
}

#[test]
fn lanes_share_the_frames_in_flight_and_one_that_works_alone_has_them_all() {
    let pool = Pool::new(Tens::default(), 4, 1);
    let lanes: Vec<_> = ('a'..='h')
        .map(|name| join(&pool, name, terms(false)))
        .collect();
    assert!(lanes.iter().all(|lane| lane.limit() == 2));
    // The others send nothing: all four workers get something of this one.
    pool.work().permit(Some(0));
    thread::scope(|scope| {
        scope.spawn(|| submit(&lanes[0], 0..9));
        pool.work().wait_for_busy(4);
        pool.work().permit(None);
        assert_eq!(pop(&lanes[0], 9), (0..9).collect::<Vec<_>>());
    });
    assert!((4..=8).contains(&lanes[0].limit()), "{}", lanes[0].limit());
    for lane in &lanes[1..] {
        pool.leave(lane);
    }
    assert_eq!(lanes[0].limit(), 8);
    pool.shut_down();
}

/// Numbers that look random, the same in each run.
fn random(seed: &mut u32) -> u32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *seed >> 16
}

/// A stream that is fed, flushed and ended at random, by one thread, and emptied by another.
fn stream(pool: &Arc<Pool<Tens>>, name: char, seed: u32) {
    let lane = join(pool, name, terms(name.is_uppercase()));
    let overload = if name.is_uppercase() {
        Overload::Skip
    } else {
        Overload::Wait
    };
    thread::scope(|scope| {
        let popper = scope.spawn(|| {
            let mut last = None;
            let mut came = 0;
            loop {
                match lane.pop() {
                    Ok(Output::Event("end")) => return came,
                    Ok(Output::Event(_)) => {}
                    Ok(Output::Done(frame, result, _)) => {
                        let is_right = match result {
                            Ok(result) => result == *frame * 10,
                            Err(why) => why == "panic: bad frame",
                        };
                        assert!(is_right, "{frame}");
                        assert!(last < Some(*frame), "{last:?} {frame}");
                        last = Some(*frame);
                        came += 1;
                    }
                    Ok(Output::Skipped(frame)) => {
                        assert!(last < Some(*frame), "{last:?} {frame}");
                        last = Some(*frame);
                        came += 1;
                    }
                    Ok(Output::Overdue(frame)) => panic!("{frame}"),
                    // Flushed: it begins again.
                    Err(Closed) => thread::yield_now(),
                }
            }
        });
        let mut seed = seed;
        let (mut sent, mut lost) = (0, false);
        for i in 0..400 {
            match random(&mut seed) % 100 {
                0 => {
                    lane.flush();
                    lost = true;
                    lane.resume();
                }
                1 => lane.push("event").unwrap(),
                _ => {
                    let submitted = lane.submit(Arc::new(600 + i), overload).unwrap();
                    assert!(submitted == Submitted::ForWork || overload == Overload::Skip);
                    sent += 1;
                }
            }
        }
        lane.push("end").unwrap();
        let came = popper.join().unwrap();
        assert!(came <= sent, "{name}: {came} of {sent}");
        assert!(lost || came == sent, "{name}: {came} of {sent}");
    });
    lane.shut_down();
    pool.leave(&lane);
    lane.wait_for_workers();
}

#[test]
fn streams_that_come_go_and_flush_at_random_lose_and_double_nothing() {
    for (threads, batch) in [(1, 1), (3, 1), (2, 4)] {
        let pool = Pool::new(Tens::default(), threads, batch);
        thread::scope(|scope| {
            for (seed, name) in (0..).zip("abcLdM".chars()) {
                let pool = &pool;
                scope.spawn(move || {
                    for round in 0..5 {
                        stream(pool, name, seed * 100 + round);
                    }
                });
            }
        });
        let stats = pool.stats();
        assert_eq!((stats.lanes, stats.waiting), (0, 0));
        pool.shut_down();
    }
}

#[test]
fn nothing_keeps_a_lane_that_was_never_served() {
    let (pool, lanes) = rig(1, 1, "a");
    let stranger = Lane::new(1, 1);
    pool.leave(&stranger);
    submit(&lanes[0], [1]);
    assert_eq!(pop(&lanes[0], 1), [1]);
    pool.shut_down();
}
