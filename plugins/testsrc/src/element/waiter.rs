//! Waiting for a frame's time.
//!
//! The base class could wait too, but it moves the timestamps of a live source by what the first
//! frame came late; here they are the times that the frames show.

use gst::prelude::*;
use gst_base::prelude::*;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it is looked whether a pause has come into force.
const GLANCE: Duration = Duration::from_millis(5);

/// Waits for the clock until it is told not to.
#[derive(Default)]
pub(super) struct Waiter {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Option<gst::SingleShotClockId>,
    /// Nobody may wait now.
    unlocked: bool,
    /// Pauses so far.
    pauses: u64,
    /// Those of them that were waited out.
    outlived: u64,
}

impl Waiter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the element's clock shows `running_time`, and while it is paused; not at all
    /// without a clock.
    ///
    /// # Errors
    /// Flushing, where it was told not to wait for another reason than a pause.
    pub fn wait(
        &self,
        element: &impl IsA<gst_base::BaseSrc>,
        running_time: gst::ClockTime,
    ) -> Result<(), gst::FlowError> {
        let base = element.upcast_ref::<gst_base::BaseSrc>();
        loop {
            let element = base.upcast_ref::<gst::Element>();
            let (Some(clock), Some(base_time)) = (element.clock(), element.base_time()) else {
                return Ok(());
            };
            // Too late is late enough.
            if self.wait_until(&clock, base_time + running_time)
                != Err(gst::ClockError::Unscheduled)
            {
                return Ok(());
            }
            self.wait_out_pause(base)?;
        }
    }

    fn wait_until(
        &self,
        clock: &gst::Clock,
        time: gst::ClockTime,
    ) -> Result<gst::ClockSuccess, gst::ClockError> {
        let id = clock.new_single_shot_id(time);
        {
            let mut state = self.lock();
            if state.unlocked {
                return Err(gst::ClockError::Unscheduled);
            }
            state.outlived = state.pauses;
            state.waiting = Some(id.clone());
        }
        let (result, _) = id.wait();
        self.lock().waiting = None;
        result
    }

    /// A frame that returned here with "flushing" would end the task, which the next change to
    /// PLAYING may have thought to be running: a pause has to be waited out instead.
    fn wait_out_pause(&self, base: &gst_base::BaseSrc) -> Result<(), gst::FlowError> {
        let mut state = self.lock();
        if state.pauses == state.outlived {
            return Err(gst::FlowError::Flushing);
        }
        loop {
            drop(state);
            base.wait_playing()?;
            state = self.lock();
            if !state.unlocked {
                return Ok(());
            }
            // The base class unlocks first and pauses then: in between it still plays.
            let woken = self.changed.wait_timeout(state, GLANCE);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says that a pause is about to come.
    pub fn pause(&self) {
        self.lock().pauses += 1;
    }

    /// Ends waiting, and lets nobody wait until it is taken back.
    pub fn unlock(&self, unlocked: bool) {
        let mut state = self.lock();
        state.unlocked = unlocked;
        if let (true, Some(id)) = (unlocked, state.waiting.take()) {
            id.unschedule();
        }
        drop(state);
        self.changed.notify_all();
    }
}
