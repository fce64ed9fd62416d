//! The trackers against ground truth, and against the figures of their authors' own code and of
//! others on the same detections.
//!
//! The sequences and the figures of others are optional local test assets beside the project
//! (`../shared/mot`); without them these tests are skipped.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use gstvigiltrack::track::{Algorithm, Config};
use std::path::{Path, PathBuf};
use vigil_tracking::{Boxes, Run, Scores, Spec};

/// The folder of the sequences, if there is one.
fn assets() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/mot");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: the optional local test assets in ../shared/mot are not there");
    None
}

const SPECS: [&str; 10] = [
    "mot17-yolox:val",
    "mot17-yolox:val@3",
    "mot17-yolox:val@6",
    "mot17-dpm",
    "mot17-frcnn",
    "mot15-frcnn",
    "kitti-car",
    "sports-sim",
    "sports-sim@3",
    "sports90-sim",
];

/// Sequences that the figures of others do not have.
const ONLY_OURS: [&str; 4] = [
    "v_00HRwkvvjtQ_c005",
    "v_1LwtoLPw2TU_c014",
    "v_9MHDmAMxO5I_c006",
    "v_gQNyhv8y0QY_c013",
];

/// Needs calibrated cameras.
const UNFAIR: &str = "ucmctrack-orig";

/// HOTA, MOTA, IDF1 and identity switches of each tracker in `peers.csv` on a spec.
fn peers(assets: &Path, spec: &str) -> Vec<(String, [f64; 4])> {
    let table = std::fs::read_to_string(assets.join("peers.csv")).unwrap();
    let mut peers = Vec::new();
    for line in table.lines() {
        let fields: Vec<_> = line.split(',').collect();
        if fields[1] == spec && fields[0] != UNFAIR {
            let figures = [2, 5, 6, 7].map(|column| fields[column].parse().unwrap());
            peers.push((fields[0].to_owned(), figures));
        }
    }
    assert!(peers.len() > 20, "{spec}");
    peers
}

fn score(assets: &Path, spec: &str, algorithm: Algorithm, boxes: Boxes) -> Scores {
    let spec: Spec = spec.parse().unwrap();
    let mut sequences = spec.sequences(assets).unwrap();
    sequences.retain(|sequence| !ONLY_OURS.contains(&sequence.name.as_str()));
    let run = spec.run(Run {
        boxes,
        ..Run::default()
    });
    run.score(|| Config::of(algorithm).build().unwrap(), &sequences)
}

fn figures(scores: &Scores) -> [f64; 4] {
    [
        scores.hota.hota(),
        scores.clear.mota(),
        scores.identity.idf1(),
        scores.clear.switches() as f64,
    ]
}

/// With the boxes that their authors publish: the same to a tenth of a percent, and so is the
/// evaluation the same as TrackEval's, which made their figures.
#[test]
fn published_trackers_do_what_their_authors_code_does() {
    let Some(assets) = assets() else { return };
    for (algorithm, boxes, name) in [
        (Algorithm::Sort, Boxes::Filtered, "sort-orig"),
        (Algorithm::ByteTrack, Boxes::Filtered, "bytetrack-orig"),
        (Algorithm::OcSort, Boxes::Detected, "ocsort-orig"),
    ] {
        for spec in SPECS {
            let theirs = peers(&assets, spec)
                .into_iter()
                .find_map(|(peer, figures)| (peer == name).then_some(figures))
                .unwrap();
            let ours = figures(&score(&assets, spec, algorithm, boxes));
            println!("{name} {spec}: HOTA, MOTA, IDF1, IDSW {ours:.2?}, theirs {theirs:.2?}");
            for (i, tolerance) in [0.1, 0.3, 0.1, 5.0].into_iter().enumerate() {
                let off = (ours[i] - theirs[i]).abs();
                assert!(off <= tolerance, "{name} {spec}: {ours:?}, not {theirs:?}");
            }
        }
    }
}

/// The one default setting, on all kinds of sequences.
#[test]
fn the_default_is_better_than_the_best_of_the_others_everywhere() {
    let Some(assets) = assets() else { return };
    let mut ours = [0.0; 2];
    let mut idf1_of_peers = std::collections::BTreeMap::<String, Vec<f64>>::new();
    for spec in SPECS {
        let peers = peers(&assets, spec);
        let best = |i: usize| peers.iter().map(|peer| peer.1[i]).fold(0.0, f64::max);
        let figures = figures(&score(&assets, spec, Algorithm::Vigil, Boxes::Detected));
        println!("{spec}: {figures:.2?}, best of the others {:.2}", best(0));
        assert!(
            figures[0] >= best(0),
            "{spec}: {figures:?}, not {}",
            best(0)
        );
        ours[0] += figures[0] / SPECS.len() as f64;
        ours[1] += figures[2] / SPECS.len() as f64;
        let mut switches = 0.0;
        for (name, figures) in &peers {
            let all = idf1_of_peers.entry(name.clone()).or_default();
            all.push(figures[2]);
            if name == "bytetrack-orig" {
                switches = figures[3];
            }
        }
        println!("identity switches {}, ByteTrack's {switches}", figures[3]);
        assert!(figures[3] <= switches, "{spec}: {figures:?}");
    }
    let whole = idf1_of_peers
        .values()
        .filter(|all| all.len() == SPECS.len());
    let best_idf1 = whole
        .map(|all| all.iter().sum::<f64>() / SPECS.len() as f64)
        .fold(0.0, f64::max);
    println!(
        "mean HOTA {:.2}, IDF1 {:.2} (others at most {best_idf1:.2})",
        ours[0], ours[1]
    );
    assert!(ours[0] >= 57.0 && ours[1] > best_idf1);
}

/// Frames that nobody looked at, a lower frame rate and a bad network are time, not misses.
#[test]
fn frames_that_are_not_there_cost_little() {
    let Some(assets) = assets() else { return };
    let hota = |spec: &str| {
        score(&assets, spec, Algorithm::Vigil, Boxes::Detected)
            .hota
            .hota()
    };
    let all = hota("mot17-yolox:val");
    for (suffix, cost) in [("%2", 2.0), ("%3", 3.0), ("%5", 5.0), ("@3", 2.0)] {
        let less = hota(&format!("mot17-yolox:val{suffix}"));
        println!("{suffix}: HOTA {less:.2}, {all:.2} with all frames");
        assert!(less >= all - cost, "{suffix}: {less:.2}, {all:.2}");
    }
}

/// Three in ten frames lost at random and the times of the others off by up to a third of a frame:
/// compared on the frames that are left.
#[test]
fn a_bad_network_costs_little() {
    let Some(assets) = assets() else { return };
    let spec: Spec = "mot17-yolox:val".parse().unwrap();
    let (mut whole, mut damaged) = (Scores::default(), Scores::default());
    for sequence in spec.sequences(&assets).unwrap() {
        let rest = sequence.damaged(30);
        let make = || Config::default().build().unwrap();
        let said = Run::default().track(&mut *make(), &sequence);
        // Frames of the whole that are left: each time is within a third of a frame.
        let numbers: Vec<usize> = (0..rest.truth.len())
            .map(|i| (rest.time_of(i) as f64 / 1e9 * sequence.fps).round() as usize)
            .collect();
        let said: Vec<_> = numbers.iter().map(|&number| said[number].clone()).collect();
        whole += &Scores::of(&rest, &said);
        damaged += &Scores::of(&rest, &Run::default().track(&mut *make(), &rest));
    }
    let (whole, damaged) = (whole.hota.hota(), damaged.hota.hota());
    println!("HOTA {damaged:.2} with 30 % of frames lost, {whole:.2} with all");
    assert!(damaged >= whole - 1.0);
}

/// The same figures on each run, on whatever machine.
#[test]
fn figures_are_the_same_on_each_run() {
    let Some(assets) = assets() else { return };
    for algorithm in Algorithm::ALL {
        let once = || score(&assets, "mot17-frcnn", algorithm, Boxes::Detected);
        assert_eq!(once(), once(), "{algorithm:?}");
    }
}
