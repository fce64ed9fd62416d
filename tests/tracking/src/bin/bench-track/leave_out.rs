//! `--leave-one-out`: whether the tracker's constants know the sequences that they are scored on.
//!
//! For each spec all constants are chosen anew by the mean HOTA of the other specs, one after the
//! other, among a half to twice what they are; and then the one that had no say is scored.
//! Where constants fit sequences rather than objects, it gets worse.

use gstvigiltrack::track::vigil::{Tuning, Vigil};
use gstvigiltrack::track::{Age, Algorithm, Config};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use vigil_tracking::{Run, Sequence, Spec};

/// What a constant is tried at, times what it is.
const FACTORS: [f32; 4] = [0.5, 0.8, 1.25, 2.0];
/// Others must be better by this much HOTA to be taken: less is noise.
const LEAST_GAIN: f64 = 0.01;

/// Settings of the tracker.
#[derive(Default)]
struct Settings {
    config: Config,
    tuning: Tuning,
}

/// A constant: its name, and how it is multiplied.
type Constant = (&'static str, fn(&mut Settings, f32));

macro_rules! tuned {
    ($($field:ident),*) => {
        [$((stringify!($field), |settings: &mut Settings, factor: f32| settings.tuning.$field *= factor)),*]
    };
}

/// The algorithm's own value of a threshold, times a factor, at most 1.
fn share(own: f32, factor: f32) -> Option<f32> {
    Some((own * factor).min(1.0))
}

/// The defaults of settings, which were tuned, too.
const SETTINGS: [Constant; 5] = [
    ("high-threshold", |settings, factor| {
        settings.config.high_threshold = share(Algorithm::Vigil.rules().high, factor);
    }),
    ("low-threshold", |settings, factor| {
        settings.config.low_threshold = share(Algorithm::Vigil.rules().low, factor);
    }),
    ("new-track-threshold", |settings, factor| {
        settings.config.new_track_threshold = share(Algorithm::Vigil.rules().new, factor);
    }),
    ("match-iou", |settings, factor| {
        settings.config.match_iou = share(Algorithm::Vigil.rules().match_iou, factor);
    }),
    ("max-age", |settings, factor| {
        if let Age::Time(age) = Algorithm::Vigil.rules().max_age {
            settings.config.max_age = Some((age as f64 * f64::from(factor)) as u64);
        }
    }),
];

/// All constants.
fn constants() -> Vec<Constant> {
    let tuning: [Constant; _] = tuned![
        position_noise,
        velocity_noise,
        size_noise,
        measurement_noise,
        doubt_noise,
        usual_surprise,
        surprise_memory,
        reach,
        growth_kept,
        last_weight,
        score_weight,
        age_cost,
        seen_bonus,
        match_low,
        match_new,
        new_reach,
        duplicate_iou,
        doubtful_share,
        doubtful_proof,
        sure_score,
        far_apart,
        camera_reach,
        camera_doubt,
        camera_memory
    ];
    let looks: Constant = ("low_misses", |settings, factor| {
        let misses = settings.tuning.low_misses as f32 * factor;
        settings.tuning.low_misses = misses.round() as u32;
    });
    let mut all = SETTINGS.to_vec();
    all.extend(tuning);
    all.push(looks);
    all
}

/// Scores of settings, each made once.
struct Bench<'a> {
    constants: Vec<Constant>,
    specs: &'a [(Spec, Vec<Sequence>)],
    known: HashMap<Vec<u32>, Vec<f64>>,
}

impl Bench<'_> {
    /// HOTA on each spec with constants at these factors.
    fn hota(&mut self, factors: &[f32]) -> Vec<f64> {
        let key: Vec<u32> = factors.iter().map(|factor| factor.to_bits()).collect();
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let mut settings = Settings::default();
        for (&factor, (_, multiply)) in factors.iter().zip(&self.constants) {
            // One that stays what it is must not be set: that a setting is not given says something.
            if factor != 1.0 {
                multiply(&mut settings, factor);
            }
        }
        let scores = in_parallel(self.specs, |(spec, sequences)| {
            let Settings { config, tuning } = &settings;
            let make = || Box::new(Vigil::with_tuning(config, tuning.clone())) as _;
            spec.run(Run::default()).score(make, sequences).hota.hota()
        });
        self.known.insert(key, scores.clone());
        scores
    }

    /// The factors that are best for all specs but one.
    fn choose_without(&mut self, left_out: usize) -> Vec<f32> {
        let mean = |hota: &[f64]| {
            let others = hota
                .iter()
                .enumerate()
                .filter(|&(spec, _)| spec != left_out);
            others.map(|(_, hota)| hota).sum::<f64>() / (hota.len() - 1) as f64
        };
        let mut chosen = vec![1.0; self.constants.len()];
        let mut best = mean(&self.hota(&chosen));
        for constant in 0..chosen.len() {
            for factor in FACTORS {
                let before = std::mem::replace(&mut chosen[constant], factor);
                let hota = mean(&self.hota(&chosen));
                if hota > best + LEAST_GAIN {
                    best = hota;
                } else {
                    chosen[constant] = before;
                }
            }
        }
        chosen
    }
}

/// What `of` gives of each, by as many threads as there are processors.
fn in_parallel<T: Sync, R: Send>(items: &[T], of: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((index, item)) = Some(next.fetch_add(1, Ordering::Relaxed))
            .and_then(|index| Some((index, items.get(index)?)))
        {
            let result = of(item);
            if let Ok(mut done) = done.lock() {
                done.push((index, result));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|&(index, _)| index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A line for each spec: its HOTA, that with the constants that the others chose, and which.
pub fn table(specs: &[(Spec, Vec<Sequence>)]) -> String {
    let mut bench = Bench {
        constants: constants(),
        specs,
        known: HashMap::new(),
    };
    let usual = bench.hota(&vec![1.0; bench.constants.len()]);
    let mut text = format!(
        "{:<20} {:>7} {:>7}  with what the other specs chose, times what it is\n",
        "left out", "HOTA", "chosen"
    );
    let mut sum = [0.0; 2];
    for (index, (spec, _)) in specs.iter().enumerate() {
        let factors = bench.choose_without(index);
        let hota = bench.hota(&factors)[index];
        let _ = write!(
            text,
            "{:<20} {:>7.2} {hota:>7.2} ",
            spec.to_string(),
            usual[index]
        );
        for (factor, (name, _)) in factors.iter().zip(&bench.constants) {
            if *factor != 1.0 {
                let _ = write!(text, " {name} ×{factor}");
            }
        }
        text.push('\n');
        sum[0] += usual[index];
        sum[1] += hota;
    }
    let [usual, chosen] = sum.map(|sum| sum / specs.len().max(1) as f64);
    let _ = write!(text, "{:<20} {usual:>7.2} {chosen:>7.2}", "mean");
    text
}
