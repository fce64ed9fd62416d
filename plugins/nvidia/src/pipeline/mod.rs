//! What one worker does on a GPU: pictures in, boxes out, without a wait in between.
//!
//! ```text
//!   put ─► upload (system memory only) ─┐
//!   put ─► …                            ├─► parameters ─► preprocess ─► network ─► decode ─► download ─► event
//!   put ─► …                            ┘   └──────────────── one graph for each batch size ───────────┘
//! ```
//!
//! A [`Pipeline`] belongs to one worker thread, which puts the pictures of a batch, starts it, and
//! waits for it, asleep. It has a stream, a network and buffers of its own, so that two workers have
//! two batches in flight; all that it needs is allocated when it is made.
//!
//! What is the same for each batch of a size is recorded as a [`Graph`] and launched in one call from
//! then on: what differs from picture to picture (addresses, sizes, colours) is in an array that the
//! graph fetches from pinned memory, so that other frames need no other recording. The first batch of
//! a size runs without, because engines prepare themselves then; a network that cannot be recorded
//! always does.

mod batch;
mod buffers;
mod error;
mod finished;
mod network;
mod slot;

pub use crate::kernels::source::Placement;
pub use error::PipelineError;
pub use finished::Finished;
pub use network::{Input, Network, Run};
pub use slot::{HostPlane, Source};

use crate::driver::{Context, Event, Graph, Stream};
use crate::kernels::head::{HeadPlan, Wanted};
use crate::kernels::{Kernels, Kinds, PictureParams, SourceFormat};
use batch::Batch;
use buffers::Buffers;
use slot::Slot;
use std::collections::HashMap;
use std::sync::Arc;

/// From levels 0..=255 to the numbers of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// A number is `level · scale + offset`; for each plane, in the tensor's order.
    pub scale: [f32; 3],
    /// See `scale`.
    pub offset: [f32; 3],
    /// Level around a picture.
    pub pad: u8,
    /// Blue is the first plane.
    pub blue_first: bool,
}

/// What is to come back from the GPU.
#[derive(Debug, Clone, PartialEq)]
pub enum Finish {
    /// Boxes, decoded there. As many as `Wanted::limit` at most, for ever.
    Boxes(HeadPlan, Wanted),
    /// The outputs as they are, to be decoded on the CPU.
    Outputs,
}

/// Whether graphs are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// Where the network can.
    WherePossible,
    /// Never; for comparisons.
    Never,
}

/// How a pipeline is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// From levels to numbers.
    pub levels: Levels,
    /// What is to come back.
    pub finish: Finish,
    /// Pictures of a batch, at most; fewer where memory is short.
    pub pictures: usize,
    /// Bytes of the GPU's memory that buffers may take, beside the engine and uploads.
    pub budget: Option<usize>,
    /// Whether graphs are recorded.
    pub recording: Recording,
}

/// Recorded work, and the settings that it was recorded with.
struct Recorded {
    graph: Graph,
    generation: u64,
}

/// What one worker does on a GPU; see the module's documentation.
pub struct Pipeline<N: Network> {
    // Graphs and events go before what they use.
    graphs: HashMap<(usize, Kinds), Recorded>,
    /// A network that could not be recorded is not tried again.
    records: bool,
    generation: u64,
    running: Option<usize>,
    pictures: Vec<Option<PictureParams>>,
    slots: Vec<Slot>,
    done: Event,
    buffers: Buffers,
    network: N,
    kernels: Kernels,
    stream: Arc<Stream>,
    settings: Settings,
    /// What is wanted since it was made.
    wanted: Option<Wanted>,
    context: Context,
}

impl<N: Network> Pipeline<N> {
    /// A pipeline with the memory for as many pictures as are wanted, the network can take, memory
    /// is there for and the budget allows: half as many, and again, until it fits.
    ///
    /// # Errors
    /// Not even one picture fits; the network's outputs are not what is to be decoded; or the
    /// driver's and the network's own.
    pub fn new(
        context: &Context,
        kernels: &Kernels,
        network: N,
        settings: Settings,
    ) -> Result<Self, PipelineError> {
        let stream = Arc::new(Stream::new(context)?);
        Self::on(&stream, kernels, network, settings)
    }

    /// The same on this stream, for a network that is bound to one. Nobody else may put work on it.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn on(
        stream: &Arc<Stream>,
        kernels: &Kernels,
        mut network: N,
        settings: Settings,
    ) -> Result<Self, PipelineError> {
        let context = &stream.context().clone();
        check_outputs(&network, &settings.finish)?;
        let most = settings.pictures.min(network.most_pictures()).max(1);
        let buffers = allocate(context, &mut network, &settings, most)?;
        let capacity = buffers.capacity;
        Ok(Self {
            graphs: HashMap::new(),
            records: settings.recording == Recording::WherePossible && network.can_be_recorded(),
            generation: 0,
            running: None,
            pictures: vec![None; capacity],
            slots: std::iter::repeat_with(Slot::default)
                .take(capacity)
                .collect(),
            done: Event::new(context)?,
            buffers,
            network,
            kernels: kernels.clone(),
            settings,
            wanted: None,
            context: context.clone(),
            stream: stream.clone(),
        })
    }

    /// Pictures that a batch has room for.
    pub fn capacity(&self) -> usize {
        self.buffers.capacity
    }

    /// Whether batches are recorded, as far as is known.
    pub fn is_recorded(&self) -> bool {
        self.records && !self.graphs.is_empty()
    }

    /// The stream that all work is on: to wait there for events of whoever makes the pictures.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The context that pictures have to be in.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The network.
    pub fn network(&self) -> &N {
        &self.network
    }

    /// Gives memory back: from now on batches have room for half as many pictures, at least one.
    /// For when others need memory, or an upload found none. Pictures that were put are forgotten.
    ///
    /// # Errors
    /// As of [`new`](Self::new); the pipeline is of no use then. A batch is running.
    pub fn halve(&mut self) -> Result<usize, PipelineError> {
        self.must_be_idle()?;
        let capacity = (self.capacity() / 2).max(1);
        // What is recorded names the memory that goes.
        self.graphs.clear();
        self.slots.clear();
        self.pictures = vec![None; capacity];
        self.slots.resize_with(capacity, Slot::default);
        let (context, settings) = (&self.context, &self.settings);
        // The old memory has to go first, to make room for the new one.
        self.buffers = Buffers::none(context)?;
        self.buffers = allocate(context, &mut self.network, settings, capacity)?;
        let capacity = self.capacity();
        self.pictures.truncate(capacity);
        self.slots.truncate(capacity);
        if let Some(wanted) = self.wanted.take() {
            self.want(&wanted)?;
        }
        Ok(capacity)
    }

    /// Other detections from the next batch on: no more of a picture than at first.
    ///
    /// # Errors
    /// A batch is running.
    pub fn want(&mut self, wanted: &Wanted) -> Result<(), PipelineError> {
        self.must_be_idle()?;
        if let Some(boxes) = &mut self.buffers.boxes
            && !boxes.want(wanted)
        {
            self.generation += 1;
        }
        self.wanted = Some(wanted.clone());
        Ok(())
    }

    /// Puts picture `slot`, from 0, of the next batch. Copies what is in system memory and starts
    /// its upload.
    ///
    /// # Errors
    /// There is no such slot, a plane is too short, a batch is running, or the driver's own.
    pub fn put(
        &mut self,
        slot: usize,
        format: &SourceFormat,
        source: Source,
        placement: &Placement,
    ) -> Result<(), PipelineError> {
        self.must_be_idle()?;
        let capacity = self.capacity();
        let place = self.slots.get_mut(slot);
        let place = place.ok_or(PipelineError::Slot { slot, capacity })?;
        let planes = place.put(&self.context, &self.stream, format, source)?;
        self.pictures[slot] = Some(PictureParams::new(format, &planes, placement));
        Ok(())
    }

    /// Starts a batch of the first `pictures`, all of which were put, and returns at once.
    ///
    /// # Errors
    /// A picture was not put, a batch is running, or the driver's and the network's own: nothing is
    /// running then, and pictures have to be put again.
    pub fn start(&mut self, pictures: usize) -> Result<(), PipelineError> {
        self.must_be_idle()?;
        let kinds = self.fill_params(pictures)?;
        let started = self.launch(pictures, kinds);
        let started = started.and_then(|()| Ok(self.done.record(&self.stream)?));
        if started.is_err() {
            // Part of it may be running, and uses what the caller is about to let go.
            let _ = self.stream.synchronize();
            self.clear();
        } else {
            self.running = Some(pictures);
        }
        started
    }

    /// Whether the batch that was started is done, without waiting.
    ///
    /// # Errors
    /// None is running, or the driver's own.
    pub fn is_done(&self) -> Result<bool, PipelineError> {
        match self.running {
            Some(_) => Ok(self.done.is_reached()?),
            None => Err(PipelineError::State { running: false }),
        }
    }

    /// Waits, asleep, until the batch is done, lets its pictures go, and gives its results.
    ///
    /// # Errors
    /// None is running, or the driver's own, such as that the device is lost.
    pub fn wait(&mut self) -> Result<Finished<'_>, PipelineError> {
        let running = self.running.take();
        let pictures = running.ok_or(PipelineError::State { running: false })?;
        let done = self.done.wait();
        self.clear();
        done?;
        Ok(Finished {
            buffers: &self.buffers,
            pictures,
        })
    }

    fn must_be_idle(&self) -> Result<(), PipelineError> {
        match self.running {
            Some(_) => Err(PipelineError::State { running: true }),
            None => Ok(()),
        }
    }

    /// Forgets the pictures of a batch that is over.
    fn clear(&mut self) {
        self.slots.iter_mut().for_each(Slot::clear);
        self.pictures.fill(None);
    }

    /// Writes the pictures' parameters to pinned memory.
    fn fill_params(&mut self, pictures: usize) -> Result<Kinds, PipelineError> {
        let capacity = self.capacity();
        let mut kinds = Kinds::default();
        let to = self
            .buffers
            .pinned_pictures
            .pointer()
            .cast::<PictureParams>();
        for slot in 0..pictures.max(1) {
            let params = self.pictures.get(slot).copied().flatten();
            let params = params.ok_or(PipelineError::Slot { slot, capacity })?;
            kinds.linear |= params.textured == 0;
            kinds.textured |= params.textured == 1;
            // SAFETY: there is room for `capacity` of them, of which this is one, and no copy from it
            // is running; pinned memory is aligned to more than they need.
            unsafe { to.add(slot).write(params) };
        }
        Ok(kinds)
    }

    /// Puts the batch on the stream: as it was recorded, or step by step, and records it then.
    fn launch(&mut self, pictures: usize, kinds: Kinds) -> Result<(), PipelineError> {
        let key = (pictures, kinds);
        if let Some(recorded) = self.graphs.get(&key)
            && recorded.generation == self.generation
        {
            // SAFETY: buffers live as long as the graphs; pictures are kept until they are waited for.
            unsafe { recorded.graph.launch(&self.stream)? };
            return Ok(());
        }
        let mut batch = Batch {
            kernels: &self.kernels,
            network: &mut self.network,
            buffers: &self.buffers,
            levels: &self.settings.levels,
            pictures,
            kinds,
        };
        let _current = self.context.enter()?;
        batch.enqueue(&self.stream)?;
        if !self.records {
            return Ok(());
        }
        // The engine is ready for this size now; recording does no work.
        let recorded = match self.graphs.get_mut(&key) {
            Some(old) => old
                .graph
                .recapture(&self.stream, |stream| batch.enqueue(stream)),
            None => Graph::capture(&self.stream, |stream| batch.enqueue(stream)).map(|graph| {
                let generation = self.generation;
                self.graphs.insert(key, Recorded { graph, generation });
            }),
        };
        match recorded {
            Ok(()) => {
                let generation = self.generation;
                self.graphs
                    .entry(key)
                    .and_modify(|r| r.generation = generation);
                Ok(())
            }
            Err(error) if error.lost().is_some() => Err(error),
            Err(_) => {
                // It goes on without: the batch itself is on its way.
                self.records = false;
                self.graphs.clear();
                Ok(())
            }
        }
    }
}

impl<N: Network> Drop for Pipeline<N> {
    fn drop(&mut self) {
        // What was kept for the batch goes when nobody reads it any more.
        if self.running.is_some() {
            let _ = self.done.wait();
        }
    }
}

/// Memory for as many pictures as fit, beginning with `most`.
fn allocate<N: Network>(
    context: &Context,
    network: &mut N,
    settings: &Settings,
    most: usize,
) -> Result<Buffers, PipelineError> {
    let mut pictures = most;
    loop {
        let made = within_budget(network, settings, pictures)
            .and_then(|()| network.prepare(pictures))
            .and_then(|()| Buffers::new(context, network, &settings.finish, pictures));
        match made {
            Err(error) if error.is_out_of_memory() && pictures > 1 => pictures /= 2,
            made => return made,
        }
    }
}

fn within_budget(
    network: &dyn Network,
    settings: &Settings,
    pictures: usize,
) -> Result<(), PipelineError> {
    let needed = Buffers::needed(network, &settings.finish, pictures);
    match settings.budget {
        Some(budget) if needed > budget => Err(PipelineError::Budget { needed, budget }),
        _ => Ok(()),
    }
}

fn check_outputs(network: &dyn Network, finish: &Finish) -> Result<(), PipelineError> {
    let Finish::Boxes(plan, _) = finish else {
        return Ok(());
    };
    let outputs = network.outputs();
    for index in 0..plan.layout.outputs() {
        let found = outputs.get(index).copied().unwrap_or(0);
        let needed = plan.output_bytes(index);
        if found != needed {
            return Err(PipelineError::Output {
                index,
                found,
                needed,
            });
        }
    }
    Ok(())
}
