//! Work that tests can look at and hold up.

use crate::schedule::{Division, Mode, Output, Overload, Pool, Taken, Terms, Work};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

pub type Lane = crate::schedule::Lane<Arc<u32>, &'static str, Result<u32, String>>;

/// A frame of this number makes its worker panic.
pub const BAD: u32 = 666;

/// A frame of this number is not finished.
pub const LEFT: u32 = 777;

#[derive(Default)]
struct State {
    /// Frames that may still be finished; `None` for any number.
    permits: Option<usize>,
    /// What was begun: name of the lane and number of the frame, of each run.
    runs: Vec<Vec<(char, u32)>>,
    /// Runs that are being made.
    busy: usize,
    hands: usize,
}

/// Multiplies by ten.
#[derive(Default)]
pub struct Tens {
    state: Mutex<State>,
    changed: Condvar,
}

impl Tens {
    /// So many runs may end from now on.
    pub fn permit(&self, permits: Option<usize>) {
        self.state.lock().unwrap().permits = permits;
        self.changed.notify_all();
    }

    /// Waits until so many runs are being made at the same time.
    pub fn wait_for_busy(&self, busy: usize) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| state.busy < busy));
    }

    pub fn runs(&self) -> Vec<Vec<(char, u32)>> {
        self.state.lock().unwrap().runs.clone()
    }

    /// All that was worked on, in this order.
    pub fn order(&self) -> Vec<(char, u32)> {
        self.runs().concat()
    }

    /// How often a worker got what it needs.
    pub fn hands(&self) -> usize {
        self.state.lock().unwrap().hands
    }
}

impl Work for Tens {
    type Frame = Arc<u32>;
    type Event = &'static str;
    type Result = Result<u32, String>;
    type Stream = char;
    type Hands = ();

    fn hands(&self, _division: Division) {
        self.state.lock().unwrap().hands += 1;
    }

    fn work(&self, (): &mut (), frames: &mut Vec<Taken<Self>>) {
        let run = frames.iter().map(|f| (*f.stream, **f.frame()));
        let mut state = self.state.lock().unwrap();
        state.runs.push(run.collect());
        state.busy += 1;
        self.changed.notify_all();
        let mut state = (self.changed)
            .wait_while(state, |state| state.permits == Some(0))
            .unwrap();
        state.permits = state.permits.map(|permits| permits - 1);
        state.busy -= 1;
        drop(state);
        if frames.iter().any(|frame| **frame.frame() % 1000 == BAD) {
            std::panic::resume_unwind(Box::new("bad frame"));
        }
        for frame in frames.drain(..).rev() {
            let number = **frame.frame();
            if number % 1000 != LEFT {
                frame.finish(Ok(number * 10));
            }
        }
    }

    fn failed(&self, why: &str) -> Self::Result {
        Err(why.to_owned())
    }
}

pub fn terms(live: bool) -> Terms {
    Terms {
        live,
        mode: if live {
            Mode::Latency
        } else {
            Mode::Throughput
        },
        wait: Duration::ZERO,
        entries_per_frame: 1,
        most_entries: 1000,
    }
}

/// A pool, and one lane for each letter, a capital for a live one, all with room for many frames.
pub fn rig(threads: usize, batch: usize, names: &str) -> (Arc<Pool<Tens>>, Vec<Arc<Lane>>) {
    let pool = Pool::new(Tens::default(), threads, batch);
    let lanes = names
        .chars()
        .map(|name| join(&pool, name, terms(name.is_uppercase())));
    let lanes: Vec<_> = lanes.collect();
    for lane in &lanes {
        lane.set_limit(100);
        lane.set_capacity(1000);
    }
    (pool, lanes)
}

pub fn join(pool: &Arc<Pool<Tens>>, name: char, terms: Terms) -> Arc<Lane> {
    let lane = Arc::new(Lane::new(2, 64));
    pool.join(&lane, name, terms);
    lane
}

pub fn submit(lane: &Lane, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        lane.submit(Arc::new(number), Overload::Wait).unwrap();
    }
}

/// Takes so many finished frames out; they must have the results that they should.
#[track_caller]
pub fn pop(lane: &Lane, count: usize) -> Vec<u32> {
    let frames = (0..count).map(|_| match lane.pop().unwrap() {
        Output::Done(frame, Ok(result), _) => {
            assert_eq!(result, *frame * 10);
            // The worker's share has ended: whoever pops may write to the frame.
            assert_eq!(Arc::strong_count(&frame), 1);
            *frame
        }
        other => panic!("{other:?}"),
    });
    frames.collect()
}
