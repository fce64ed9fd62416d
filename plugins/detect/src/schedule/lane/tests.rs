use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

type TestLane = Lane<Arc<u32>, &'static str, u32>;

#[test]
fn a_live_lane_skips_what_exceeds_its_limit() {
    let lane = TestLane::new(2, 8);
    let submit = |i| lane.submit(Arc::new(i), Overload::Skip).unwrap();
    assert_eq!(submit(0), Submitted::ForWork);
    assert_eq!(submit(1), Submitted::ForWork);
    assert_eq!(submit(2), Submitted::Skipped);
    let job = lane.take().unwrap();
    lane.finish(job, 7);
    assert_eq!(submit(3), Submitted::ForWork);
    assert!(matches!(lane.pop(), Ok(Output::Done(_, 7, _))));
    let job = lane.take().unwrap();
    lane.finish(job, 8);
    assert!(matches!(lane.pop(), Ok(Output::Done(_, 8, _))));
    assert!(matches!(lane.pop(), Ok(Output::Skipped(frame)) if *frame == 2));
}

#[test]
fn a_frame_whose_worker_hangs_is_given_up_and_its_result_dropped() {
    let lane = TestLane::new(1, 8);
    lane.set_patience(Some(Duration::from_millis(20)));
    lane.submit(Arc::new(0), Overload::Skip).unwrap();
    let job = lane.take().unwrap();
    assert!(matches!(lane.pop(), Ok(Output::Overdue(frame)) if *frame == 0));
    // It still occupies its worker.
    assert_eq!(
        lane.submit(Arc::new(1), Overload::Skip),
        Ok(Submitted::Skipped)
    );
    lane.finish(job, 7);
    assert!(matches!(lane.pop(), Ok(Output::Skipped(frame)) if *frame == 1));
    assert!(lane.is_empty());
    assert_eq!(
        lane.submit(Arc::new(2), Overload::Skip),
        Ok(Submitted::ForWork)
    );
}

#[test]
fn a_frame_is_given_up_by_one_who_waited_before_it_came() {
    let lane = Arc::new(TestLane::new(1, 8));
    lane.set_patience(Some(Duration::from_millis(5)));
    let popper = {
        let lane = lane.clone();
        thread::spawn(move || matches!(lane.pop(), Ok(Output::Overdue(_))))
    };
    // Long enough for it to wait; were it not, this would only test less.
    thread::sleep(Duration::from_millis(20));
    lane.submit(Arc::new(0), Overload::Skip).unwrap();
    let job = lane.take().unwrap();
    assert!(popper.join().unwrap());
    lane.finish(job, 7);
}

#[test]
fn a_frame_that_nobody_took_is_given_up_too() {
    let lane = TestLane::new(1, 8);
    lane.set_patience(Some(Duration::from_millis(5)));
    lane.submit(Arc::new(0), Overload::Skip).unwrap();
    assert!(matches!(lane.pop(), Ok(Output::Overdue(_))));
    assert_eq!(
        lane.submit(Arc::new(1), Overload::Skip),
        Ok(Submitted::ForWork)
    );
}

#[test]
fn a_flush_frees_everybody_who_waits_and_leaves_nothing_behind() {
    let lane = Arc::new(TestLane::new(1, 1));
    let seen = Arc::new(AtomicUsize::new(0));
    lane.submit(Arc::new(0), Overload::Wait).unwrap();
    let late = lane.take().unwrap();
    let waiters: Vec<_> = (0..3)
        .map(|i| {
            let (lane, seen) = (lane.clone(), seen.clone());
            thread::spawn(move || {
                let closed = match i {
                    0 => lane.submit(Arc::new(1), Overload::Wait).is_err(),
                    1 => lane.pop().is_err(),
                    _ => lane.drain().is_err(),
                };
                assert!(closed);
                seen.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(seen.load(Ordering::SeqCst), 0);
    lane.flush();
    for waiter in waiters {
        waiter.join().unwrap();
    }
    assert_eq!(lane.push("x"), Err(Closed));
    lane.resume();
    // The result of before the flush goes nowhere, even with a new frame in the lane.
    lane.submit(Arc::new(5), Overload::Skip).unwrap();
    lane.finish(late, 9);
    lane.push("y").unwrap();
    assert!(matches!(lane.pop(), Ok(Output::Skipped(frame)) if *frame == 5));
    assert_eq!(lane.pop(), Ok(Output::Event("y")));
    assert!(lane.is_empty());
}

#[test]
fn a_lane_of_great_capacity_takes_live_frames_while_nothing_leaves() {
    let lane = TestLane::new(2, 8);
    lane.set_capacity(100);
    let submitted: Vec<_> = (0..100)
        .map(|i| lane.submit(Arc::new(i), Overload::Skip).unwrap())
        .collect();
    assert_eq!(submitted[..2], [Submitted::ForWork; 2]);
    assert_eq!(submitted[2..], [Submitted::Skipped; 98]);
    assert_eq!(lane.len(), 100);
}

#[test]
fn dropped_frames_leave_the_events_and_what_comes_after_the_barrier() {
    // what enters, what leaves: one that is worked on, one that waits, one that is passed
    for (barrier, expected) in [("none", &["a", "b"][..]), ("b", &["a", "b", "frame"])] {
        let lane = TestLane::new(2, 8);
        lane.submit(Arc::new(0), Overload::Skip).unwrap();
        let late = lane.take().unwrap();
        lane.push("a").unwrap();
        lane.submit(Arc::new(1), Overload::Skip).unwrap();
        lane.submit(Arc::new(2), Overload::Skip).unwrap();
        lane.push("b").unwrap();
        lane.pass(Arc::new(3)).unwrap();
        assert_eq!(lane.drop_frames(|event| *event == barrier), barrier == "b");
        // Its frame is gone; the one that nobody had taken is no longer in flight.
        lane.finish(late, 9);
        for expected in expected {
            match lane.pop().unwrap() {
                Output::Event(event) => assert_eq!(event, *expected),
                Output::Skipped(frame) => assert_eq!((*frame, *expected), (3, "frame")),
                other => panic!("{other:?}"),
            }
        }
        assert!(lane.is_empty());
        for i in 4..6 {
            let submitted = lane.submit(Arc::new(i), Overload::Skip);
            assert_eq!(submitted, Ok(Submitted::ForWork));
        }
    }
}

#[test]
fn results_find_their_frame_though_others_were_dropped() {
    let lane = TestLane::new(4, 8);
    lane.push("a").unwrap();
    lane.submit(Arc::new(0), Overload::Skip).unwrap();
    lane.push("b").unwrap();
    lane.submit(Arc::new(1), Overload::Skip).unwrap();
    let jobs = [lane.take().unwrap(), lane.take().unwrap()];
    lane.drop_frames(|event| *event == "b");
    for (result, job) in (10..).zip(jobs) {
        lane.finish(job, result);
    }
    assert_eq!(lane.pop(), Ok(Output::Event("a")));
    assert_eq!(lane.pop(), Ok(Output::Event("b")));
    assert!(matches!(lane.pop(), Ok(Output::Done(frame, 11, _)) if *frame == 1));
}

#[test]
fn results_that_need_no_worker_keep_their_place_and_wait_for_room() {
    let lane = Arc::new(TestLane::new(1, 3));
    lane.submit(Arc::new(0), Overload::Wait).unwrap();
    lane.push("event").unwrap();
    lane.pass_done(Arc::new(1), 10).unwrap();
    // Three entries are in: the fourth waits until one has left.
    let full = {
        let lane = lane.clone();
        thread::spawn(move || lane.pass_done(Arc::new(2), 20))
    };
    let job = lane.take().unwrap();
    lane.finish(job, 0);
    let mut left = Vec::new();
    while left.len() < 4 {
        left.push(match lane.pop().unwrap() {
            Output::Done(frame, result, _) => (Some(*frame), result),
            Output::Event(_) => (None, 0),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        left,
        [(Some(0), 0), (None, 0), (Some(1), 10), (Some(2), 20)]
    );
    full.join().unwrap().unwrap();
    lane.flush();
    assert_eq!(lane.pass_done(Arc::new(3), 30), Err(Closed));
}

#[test]
fn a_frame_that_is_given_up_goes_on_without_work_in_its_place() {
    let lane = TestLane::new(2, 8);
    for i in 0..2 {
        lane.submit(Arc::new(i), Overload::Skip).unwrap();
    }
    let jobs = [lane.take().unwrap(), lane.take().unwrap()];
    let [first, second] = jobs;
    lane.finish(second, 9);
    lane.give_up(first);
    assert!(matches!(lane.pop(), Ok(Output::Skipped(frame)) if *frame == 0));
    assert!(matches!(lane.pop(), Ok(Output::Done(frame, 9, _)) if Arc::strong_count(&frame) == 1));
    assert_eq!(
        lane.submit(Arc::new(2), Overload::Skip),
        Ok(Submitted::ForWork)
    );
}

#[test]
fn a_lane_has_more_in_flight_only_where_all_of_it_is_with_workers() {
    let lane = TestLane::new(1, 8);
    assert!(!lane.raise_limit(3), "there is room");
    lane.submit(Arc::new(0), Overload::Skip).unwrap();
    assert!(!lane.raise_limit(3), "one waits");
    assert_eq!(lane.waiting(), 1);
    let job = lane.take().unwrap();
    assert!(!lane.raise_limit(1), "so many it has");
    assert!(lane.raise_limit(3));
    assert_eq!(lane.limit(), 2);
    let submitted = [1, 2].map(|i| lane.submit(Arc::new(i), Overload::Skip).unwrap());
    assert_eq!(submitted, [Submitted::ForWork, Submitted::Skipped]);
    lane.finish(job, 0);
}

#[test]
fn the_bell_rings_for_frames_that_wait_for_a_worker_and_for_no_others() {
    let lane = TestLane::new(1, 8);
    let rings = Arc::new(AtomicUsize::new(0));
    let count = rings.clone();
    lane.set_bell(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    lane.push("event").unwrap();
    lane.pass(Arc::new(0)).unwrap();
    lane.submit(Arc::new(1), Overload::Skip).unwrap();
    lane.submit(Arc::new(2), Overload::Skip).unwrap();
    assert_eq!(rings.load(Ordering::SeqCst), 1);
}
