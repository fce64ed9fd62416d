//! Compiled models, shared by runners.
//!
//! A compiled model has its threads and its streams fixed. A stream is what one runner uses at a
//! time: with fewer streams than runners, they wait for each other. So each runner has a stream of
//! its own, and a model is compiled again where there is none left.

use super::super::Precision;
use super::library::{Library, words};
use openvino::{CompiledModel, DeviceType, InferenceError, Model, PropertyKey, RwPropertyKey};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A model compiled for so many runners of so many threads each.
pub(super) struct Compiled {
    model: Mutex<CompiledModel>,
    threads: usize,
    streams: usize,
}

impl Compiled {
    /// Calls `work` with the model, which no other thread uses meanwhile.
    pub fn with<T>(
        &self,
        work: impl FnOnce(&mut CompiledModel) -> Result<T, InferenceError>,
    ) -> Result<T, String> {
        work(&mut lock(&self.model)).map_err(words)
    }
}

struct State {
    /// Runners that are expected, and threads of each.
    planned: (usize, usize),
    /// Each runner holds one of these.
    compiled: Vec<Weak<Compiled>>,
}

/// All that a model has been compiled to.
pub(super) struct Pool {
    library: Arc<Library>,
    model: Model,
    precision: Precision,
    state: Mutex<State>,
}

impl Pool {
    /// Compiles nothing yet.
    pub fn new(library: Arc<Library>, model: Model, precision: Precision) -> Self {
        Self {
            library,
            model,
            precision,
            state: Mutex::new(State {
                planned: (1, 1),
                compiled: Vec::new(),
            }),
        }
    }

    /// So many runners of so many threads each are about to be made.
    pub fn plan(&self, runners: usize, threads: usize) {
        lock(&self.state).planned = (runners.max(1), threads);
    }

    /// A compiled model with a stream for one more runner of so many threads. Who asks meanwhile
    /// waits for the compilation and shares it.
    pub fn get(&self, threads: usize) -> Result<Arc<Compiled>, String> {
        let mut state = lock(&self.state);
        state.compiled.retain(|model| model.strong_count() > 0);
        let free = |model: &Arc<Compiled>| {
            // Its runners, and this one.
            model.threads == threads && Arc::strong_count(model) <= model.streams
        };
        let mut models = state.compiled.iter().filter_map(Weak::upgrade);
        if let Some(model) = models.find(free) {
            return Ok(model);
        }
        drop(models);
        let (runners, of_threads) = state.planned;
        let streams = if of_threads == threads { runners } else { 1 };
        let model = Arc::new(self.compile(threads, streams)?);
        state.compiled.push(Arc::downgrade(&model));
        Ok(model)
    }

    fn compile(&self, threads: usize, streams: usize) -> Result<Compiled, String> {
        use RwPropertyKey::{
            HintEnableCpuPinning, HintInferencePrecision, HintPerformanceMode, InferenceNumThreads,
            NumStreams,
        };
        let hint = if streams == 1 {
            "LATENCY"
        } else {
            "THROUGHPUT"
        };
        // The settings are the library's: nobody else may change them until they have been used.
        let mut core = self.library.core();
        let settings = [
            // Said always: OpenVINO's own choice is bf16 where the CPU has it.
            (HintInferencePrecision, self.precision.as_str()),
            (HintPerformanceMode, hint),
            (NumStreams, &streams.to_string()),
            (InferenceNumThreads, &(threads * streams).to_string()),
            // The threads that call are the application's, and other elements need the cores too.
            (HintEnableCpuPinning, "NO"),
        ];
        core.set_properties(&DeviceType::CPU, settings)
            .map_err(words)?;
        let model = core
            .compile_model(&self.model, DeviceType::CPU)
            .map_err(words)?;
        drop(core);
        self.check_precision(&model)?;
        Ok(Compiled {
            model: Mutex::new(model),
            threads,
            streams,
        })
    }

    /// OpenVINO takes f32 in silence where the CPU has no bf16.
    fn check_precision(&self, model: &CompiledModel) -> Result<(), String> {
        let key = PropertyKey::Rw(RwPropertyKey::HintInferencePrecision);
        let taken = model.get_property(&key).map_err(words)?;
        let wanted = self.precision.as_str();
        // bf16 is reported as "bf16" or "bfloat16", f32 as "f32" or "float".
        if self.precision == Precision::Bf16 && !taken.starts_with("bf") {
            return Err(format!(
                "precision={wanted} is not there on this CPU (OpenVINO takes {taken}); use \
                 precision=f32"
            ));
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a panic is the report of a test")]
mod tests {
    use super::super::super::EngineError;
    use super::super::library;
    use super::*;
    use crate::model::builtin;

    /// A pool for the built-in model, where OpenVINO is.
    fn pool(precision: Precision) -> Option<Pool> {
        let library = match library::get() {
            Ok(library) => library,
            Err(error @ EngineError::Missing { .. }) => {
                assert_eq!(library::SEARCH.fetched(), None, "{error}");
                println!("skipped: {error}");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let model = library.core().read_model_from_buffer(builtin::BYTES, None);
        Some(Pool::new(library, model.unwrap(), precision))
    }

    fn property(model: &Compiled, key: RwPropertyKey) -> String {
        let key = PropertyKey::Rw(key);
        let value = model.with(|model| model.get_property(&key).map(|value| value.to_string()));
        value.unwrap()
    }

    #[test]
    fn what_is_asked_for_is_what_openvino_takes() {
        let Some(pool) = pool(Precision::F32) else {
            return;
        };
        let cores = std::thread::available_parallelism().unwrap().get();
        // runners, threads of each
        for (streams, threads) in [(1, 1), (1, cores), (cores, 1)] {
            pool.plan(streams, threads);
            let model = pool.get(threads).unwrap();
            assert_eq!((model.streams, model.threads), (streams, threads));
            let all = (streams * threads).to_string();
            let expected = [
                (RwPropertyKey::HintInferencePrecision, "f32"),
                (RwPropertyKey::NumStreams, &streams.to_string()),
                (RwPropertyKey::InferenceNumThreads, &all),
                (RwPropertyKey::HintEnableCpuPinning, "NO"),
            ];
            for (key, value) in expected {
                let what = format!("{key:?} of {streams} x {threads}");
                assert_eq!(property(&model, key), value, "{what}");
            }
        }
    }

    #[test]
    fn a_model_is_compiled_once_for_the_runners_that_were_planned_and_again_for_more() {
        let Some(pool) = pool(Precision::F32) else {
            return;
        };
        pool.plan(2, 1);
        let (first, second) = (pool.get(1).unwrap(), pool.get(1).unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        let third = pool.get(1).unwrap();
        assert!(!Arc::ptr_eq(&first, &third));
        let other = pool.get(2).unwrap();
        assert_eq!((other.streams, other.threads), (1, 2));
        // A place that was left is taken again.
        drop(second);
        assert!(Arc::ptr_eq(&first, &pool.get(1).unwrap()));
        drop((first, third, other));
        pool.get(1).unwrap();
        assert_eq!(lock(&pool.state).compiled.len(), 1, "the others are gone");
    }
}
