//! The thread of one metadata pad, and how it is stopped whatever the consumer does.
//!
//! [`Outlet`]'s methods are called by the streaming thread and by applications; none of them waits
//! for the consumer, except [`Outlet::stop`], for a bounded time. [`Outlet::run`] is the thread.

use gst::prelude::*;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::delivery::{Delivery, Failure};
use super::queue::{Control, Counts, Gap, Item, Queue, Record};

/// After a consumer that is flushing, or not linked itself, the same item is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// How often at most the application hears that a queue is full.
const WARN_EVERY: Duration = Duration::from_secs(5);
/// How long a consumer may go on with the buffer it has when its pad stops, before it is flushed.
const FINISH: Duration = Duration::from_millis(100);
/// How long a flushed consumer may take to return before its thread is left behind.
const RETURN: Duration = Duration::from_secs(1);

/// A serialized event, which keeps its place among the records.
#[derive(Debug, Clone)]
pub(super) struct Serial(pub gst::Event);

impl Control for Serial {
    fn supersedes(&self, earlier: &Self) -> bool {
        self.0.type_() == earlier.0.type_()
    }
}

/// What the thread does next.
enum Work {
    FlushStop(gst::Event),
    Item(Item<Serial>),
}

struct Inner {
    queue: Queue<Serial>,
    /// Between FLUSH_START and FLUSH_STOP.
    flushing: bool,
    /// A FLUSH_STOP that the thread has to pass on before anything else.
    flush_stop: Option<gst::Event>,
    /// Counts flushes: an item that was taken before the last one is stale.
    epoch: u64,
    /// Ends of delivered starts that wait for the segment after a flush.
    held: Vec<Record>,
    /// The thread is in the consumer's hands, and whether with a record.
    busy: Option<bool>,
    /// The consumer could not take the last item; not before this time again.
    retry_at: Option<Instant>,
    /// The consumer takes no more data: it had an error or is at its end.
    refused: bool,
    stop: bool,
    exited: bool,
    /// When the application was last told that the queue is full, and what was dropped since.
    last_warning: Option<Instant>,
    dropped: u64,
}

/// How stopping went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Records that were never delivered.
    pub discarded: u64,
    /// The consumer did not return; its thread ends when it does.
    pub abandoned: bool,
}

/// The queue of one metadata pad and its thread, from READY to READY.
pub struct Outlet {
    pad: gst::Pad,
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Outlet {
    /// Starts the thread of `pad`.
    pub fn start(
        pad: &gst::Pad,
        capacity: usize,
        element: &gst::Element,
    ) -> std::io::Result<(Arc<Self>, JoinHandle<()>)> {
        let outlet = Arc::new(Self {
            pad: pad.clone(),
            inner: Mutex::new(Inner {
                queue: Queue::new(capacity),
                flushing: false,
                flush_stop: None,
                epoch: 0,
                held: Vec::new(),
                busy: None,
                retry_at: None,
                refused: false,
                stop: false,
                exited: false,
                last_warning: None,
                dropped: 0,
            }),
            changed: Condvar::new(),
        });
        let thread = std::thread::Builder::new()
            .name(format!("{}:{}", element.name(), pad.name()))
            .spawn({
                let (outlet, element) = (outlet.clone(), element.downgrade());
                move || outlet.run(&element)
            })?;
        Ok((outlet, thread))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a record. Gives the number of dropped records when it is time to say so.
    pub fn push(&self, record: Record) -> Option<u64> {
        let mut inner = self.lock();
        inner.dropped += inner.queue.push(record);
        self.changed.notify_all();
        let due = inner
            .last_warning
            .is_none_or(|at| at.elapsed() >= WARN_EVERY);
        if inner.dropped == 0 || !due {
            return None;
        }
        inner.last_warning = Some(Instant::now());
        Some(std::mem::take(&mut inner.dropped))
    }

    /// Says that nothing happened.
    pub fn push_gap(&self, gap: Gap) {
        self.lock().queue.push_gap(gap);
        self.changed.notify_all();
    }

    /// Queues a serialized event.
    pub fn push_event(&self, event: gst::Event) {
        let mut inner = self.lock();
        let ends_wait = matches!(event.type_(), gst::EventType::Segment);
        if event.type_() == gst::EventType::Eos {
            inner.release_held();
        }
        inner.queue.push_control(Serial(event));
        if ends_wait {
            inner.release_held();
        }
        self.changed.notify_all();
    }

    /// Queues an end for after the flush: it needs the segment that follows.
    pub fn hold(&self, record: Record) {
        let mut inner = self.lock();
        if let Some(record) = inner.queue.hold(record) {
            inner.held.push(record);
        }
    }

    /// Passes FLUSH_START on; not serialized, so it overtakes everything.
    pub fn flush_start(&self, event: gst::Event) {
        {
            let mut inner = self.lock();
            inner.flushing = true;
            inner.flush_stop = None;
            inner.epoch += 1;
        }
        self.pad.push_event(event);
    }

    /// Has the thread pass FLUSH_STOP on. What waited is discarded, but for the ends of delivered
    /// starts.
    pub fn flush_stop(&self, event: gst::Event) {
        let mut inner = self.lock();
        inner.flushing = false;
        inner.flush_stop = Some(event);
        let keep = |event: &Serial| event.0.type_() == gst::EventType::StreamStart;
        let owed = inner.queue.flush(keep);
        inner.held.extend(owed);
        inner.refused = false;
        inner.retry_at = None;
        self.changed.notify_all();
    }

    /// The pad was linked, or its consumer wants to negotiate: what failed may now succeed.
    pub fn wake(&self) {
        let mut inner = self.lock();
        inner.refused = false;
        inner.retry_at = None;
        self.changed.notify_all();
    }

    /// Counters, and how many records wait.
    pub fn counts(&self) -> (Counts, usize) {
        let inner = self.lock();
        (inner.queue.counts(), inner.queue.len())
    }

    /// Stops the thread, after giving the consumer `patience` to take what waits, if it takes
    /// anything at all. Returns after [`FINISH`] + [`RETURN`] more at most, even if the consumer
    /// never does.
    pub fn stop(&self, thread: JoinHandle<()>, patience: Duration) -> Stopped {
        // The consumer may call from its own buffer's chain function.
        let own = thread.thread().id() == std::thread::current().id();
        if !own {
            self.lock().release_held();
            self.wait(patience, |inner| inner.is_settled(self.pad.is_linked()));
        }
        self.lock().stop = true;
        self.changed.notify_all();
        let mut exited = !own && self.wait(FINISH, |inner| inner.exited);
        if !exited && !own {
            self.pad.push_event(gst::event::FlushStart::new());
            exited = self.wait(RETURN, |inner| inner.exited);
            if exited {
                self.pad.push_event(gst::event::FlushStop::new(false));
            }
        }
        if exited && thread.join().is_err() {
            gst::warning!(gst::CAT_RUST, obj = self.pad, "the pad's thread panicked");
        }
        let inner = self.lock();
        let in_flight = usize::from(inner.busy == Some(true));
        Stopped {
            discarded: (inner.queue.len() + inner.held.len() + in_flight) as u64,
            abandoned: !exited && !own,
        }
    }

    /// Waits until `done` or `timeout`, and says whether it is done.
    fn wait(&self, timeout: Duration, done: impl Fn(&Inner) -> bool) -> bool {
        let inner = self.lock();
        let (inner, _) = self
            .changed
            .wait_timeout_while(inner, timeout, |inner| !done(inner))
            .unwrap_or_else(PoisonError::into_inner);
        done(&inner)
    }

    // ------------------------------------------------------------ the pad's thread

    fn run(&self, element: &gst::glib::WeakRef<gst::Element>) {
        let mut delivery = Delivery::new(self.pad.clone());
        while let Some((work, epoch, refused)) = self.next() {
            match work {
                Work::FlushStop(event) => {
                    delivery.flush_stop(event);
                    self.done();
                }
                Work::Item(Item::Record(record)) if refused => {
                    self.lock().queue.discard(&record);
                    self.done();
                }
                Work::Item(item) => {
                    let result = delivery.deliver(&item);
                    if let Some(reason) = self.finish(item, epoch, result) {
                        warn(element, &self.pad, &reason);
                    }
                }
            }
        }
        self.lock().exited = true;
        self.changed.notify_all();
    }

    /// Waits for something to do; `None` when it is time to stop.
    fn next(&self) -> Option<(Work, u64, bool)> {
        let mut inner = self.lock();
        loop {
            if inner.stop {
                return None;
            }
            if let Some(work) = inner.take(self.pad.is_linked()) {
                inner.busy = Some(matches!(work, Work::Item(Item::Record(_))));
                return Some((work, inner.epoch, inner.refused));
            }
            let retry_in = inner
                .retry_at
                .map(|at| at.saturating_duration_since(Instant::now()));
            inner = match retry_in {
                Some(time) => {
                    let waited = self.changed.wait_timeout(inner, time.max(RETRY / 10));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => (self.changed.wait(inner)).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn done(&self) {
        self.lock().busy = None;
        self.changed.notify_all();
    }

    /// Settles what became of an item. Gives what the application should hear.
    fn finish(
        &self,
        item: Item<Serial>,
        epoch: u64,
        result: Result<(), Failure>,
    ) -> Option<String> {
        let mut inner = self.lock();
        inner.busy = None;
        inner.retry_at = None;
        self.changed.notify_all();
        match (result, item) {
            (Ok(()), Item::Record(record)) => inner.queue.confirm(&record),
            (Ok(()), _) => {}
            (Err(Failure::Later), item) if inner.epoch == epoch => {
                inner.retry_at = Some(Instant::now() + RETRY);
                inner.queue.put_back(item);
            }
            (Err(Failure::Later), item) => inner.put_back_stale(item),
            (Err(Failure::Refused(reason)), item) => {
                if let Item::Record(record) = &item {
                    inner.queue.discard(record);
                }
                inner.refused = true;
                return reason;
            }
        }
        None
    }
}

impl Inner {
    /// Takes what can be done now.
    fn take(&mut self, linked: bool) -> Option<Work> {
        if self.flushing {
            return None;
        }
        if let Some(event) = self.flush_stop.take() {
            return Some(Work::FlushStop(event));
        }
        let waiting = self.retry_at.is_some_and(|at| Instant::now() < at);
        if !linked || waiting {
            return None;
        }
        self.queue.pop().map(Work::Item)
    }

    /// Nothing is left to do, or nothing can be done.
    fn is_settled(&self, linked: bool) -> bool {
        let stuck = !linked || self.flushing || self.retry_at.is_some();
        self.busy.is_none() && (stuck || self.queue.is_empty())
    }

    fn release_held(&mut self) {
        for record in std::mem::take(&mut self.held) {
            self.queue.release(record);
        }
    }

    /// An item that was in the consumer's hands when a flush came.
    fn put_back_stale(&mut self, item: Item<Serial>) {
        match item {
            Item::Record(record) if self.queue.is_owed(&record) => self.held.push(record),
            Item::Record(record) => self.queue.discard(&record),
            Item::Control(event) if event.0.type_() == gst::EventType::StreamStart => {
                self.queue.put_back(Item::Control(event));
            }
            _ => {}
        }
    }
}

fn warn(element: &gst::glib::WeakRef<gst::Element>, pad: &gst::Pad, reason: &str) {
    if let Some(element) = element.upgrade() {
        gst::element_warning!(
            element,
            gst::StreamError::Failed,
            ("Pad {}: {reason}", pad.name())
        );
    }
}
