//! Whose turn it is: which lane a worker takes its next frame from.

use super::pool::Terms;
use super::workers::{LaneOf, Taken, Work};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After so many frames of live lanes in a row comes one of another lane that waits: live lanes that
/// take all that there is must not hold the others for good.
const LIVE_IN_A_ROW: usize = 8;

/// A lane that workers serve.
pub(super) struct Member<W: Work> {
    /// Later ones have greater numbers.
    pub id: u64,
    pub lane: Arc<LaneOf<W>>,
    pub stream: Arc<W::Stream>,
    pub terms: Terms,
}

/// The lanes, and who had a turn.
pub(super) struct Turns<W: Work> {
    /// In the order of their numbers.
    members: Vec<Member<W>>,
    next: u64,
    /// Number of the lane that had the last turn, of the live ones and of the others.
    last: [u64; 2],
    /// Turns of live lanes since the last one of another lane.
    live_in_a_row: usize,
}

impl<W: Work> Turns<W> {
    pub fn new() -> Self {
        Self {
            members: Vec::new(),
            next: 1,
            last: [0; 2],
            live_in_a_row: 0,
        }
    }

    pub fn members(&self) -> &[Member<W>] {
        &self.members
    }

    pub fn add(&mut self, lane: Arc<LaneOf<W>>, stream: Arc<W::Stream>, terms: Terms) {
        self.members.push(Member {
            id: self.next,
            lane,
            stream,
            terms,
        });
        self.next += 1;
    }

    pub fn remove(&mut self, lane: &LaneOf<W>) {
        self.members
            .retain(|member| !std::ptr::eq(&*member.lane, lane));
    }

    /// Takes the frame whose turn it is: the oldest one of the live lane that had no turn for
    /// longest, or if no live frame waits, of another lane. With `one_each`, of a lane that `frames`
    /// has none of.
    pub fn take(&mut self, frames: &mut Vec<Taken<W>>, one_each: bool) -> bool {
        let is_owed = self.live_in_a_row >= LIVE_IN_A_ROW;
        for live in if is_owed {
            [false, true]
        } else {
            [true, false]
        } {
            if let Some(taken) = self.take_of(live, frames, one_each) {
                self.live_in_a_row = if live { self.live_in_a_row + 1 } else { 0 };
                frames.push(taken);
                return true;
            }
        }
        false
    }

    fn take_of(&mut self, live: bool, frames: &[Taken<W>], one_each: bool) -> Option<Taken<W>> {
        let last = &mut self.last[usize::from(live)];
        let after = self.members.partition_point(|member| member.id <= *last);
        let (before, after) = self.members.split_at(after);
        let mut in_turn = after.iter().chain(before);
        in_turn.find_map(|member| {
            let has_one = || frames.iter().any(|f| Arc::ptr_eq(&f.lane, &member.lane));
            if member.terms.live != live || one_each && has_one() {
                return None;
            }
            let job = member.lane.take()?;
            *last = member.id;
            Some(Taken {
                until: until(job.entered, member.terms.wait),
                lane: member.lane.clone(),
                stream: member.stream.clone(),
                job: Some(job),
            })
        })
    }
}

fn until(entered: Instant, wait: Duration) -> Instant {
    entered.checked_add(wait).unwrap_or(entered)
}
