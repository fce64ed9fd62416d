//! Networks that elements of this process share: one for all that want the same.

use super::inference::Inference;
use crate::detector::{LoadError, LoadOptions, LoadedModel, ModelFile, ModelKey};
use crate::engine::gpu::WORKERS;
use crate::schedule::{Batch, Pool, Registry};
use std::sync::Arc;

/// The networks in use. The only thing that elements of a process have in common.
static NETWORKS: Registry<ModelKey, SharedNetwork> = Registry::new();

/// A model that an engine has loaded, and the workers that run it. The last element that uses it
/// ends them.
pub(super) struct SharedNetwork {
    pub loaded: Arc<LoadedModel>,
    pub pool: Arc<Pool<Inference>>,
    /// Threads that the pool divides.
    pub threads: usize,
}

impl SharedNetwork {
    /// The network that these options and the file as it is now make, loaded where nobody has it.
    /// Takes its time.
    pub fn get(options: &LoadOptions) -> Result<Arc<Self>, LoadError> {
        let file = ModelFile::read(options)?;
        NETWORKS.get_or_make(file.key(), || {
            let (loaded, runner) = LoadedModel::of_file(file)?;
            let several = loaded.several.as_ref();
            let batch = Batch {
                size: loaded.batch,
                for_latency: several.map_or(loaded.batch, |several| several.batch),
            };
            let loaded = Arc::new(loaded);
            let work = Inference::new(loaded.clone(), runner, options.threads)?;
            let threads = match loaded.engine.kind().is_on_gpu() {
                true => WORKERS,
                false => options.threads,
            };
            Ok(Self {
                loaded,
                pool: Pool::new(work, threads, batch),
                threads,
            })
        })
    }
}

impl Drop for SharedNetwork {
    fn drop(&mut self) {
        self.pool.shut_down();
    }
}
