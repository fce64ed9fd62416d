//! `make bench-track`: how well each algorithm tracks, by kind of sequence and by sequence.
//!
//! Everything but the times is the same on each run, and goes to `target/bench/track.json`.

mod leave_out;
mod report;
mod times;

use clap::Parser;
use gstvigiltrack::track::{Algorithm, Config};
use report::{Figures, Report, Row};
use std::error::Error;
use std::path::{Path, PathBuf};
use vigil_tracking::{Boxes, Run, Scores, Sequence, Spec, SpecError};

/// Scores the trackers on sequences with ground truth.
#[derive(Debug, Parser)]
#[command(name = "bench-track")]
struct Arguments {
    /// A folder of `SOURCE/SEQUENCE/{det.txt,gt.txt,seqinfo.ini}`, in MOTChallenge's format; a
    /// `peers.csv` in it is shown beside.
    #[arg(long)]
    mot: PathBuf,
    /// What to score (default: all sources of the folder).
    #[arg(long = "spec", value_name = "SOURCE[:val][@K][%K][~P]")]
    specs: Vec<Spec>,
    /// Algorithms (default: all).
    #[arg(long = "algorithm", value_name = "NAME")]
    algorithms: Vec<String>,
    /// Where JSON goes.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Measure the time of an update, too.
    #[arg(long)]
    times: bool,
    /// Instead of all that: choose the constants of `vigil` anew for each spec by the others, and
    /// say how good they are on the one that had no say (some minutes).
    #[arg(long)]
    leave_one_out: bool,
}

/// How the usual sources are scored; others as a whole.
const USUAL: [(&str, &[&str]); 2] = [
    (
        "mot17-yolox",
        &[
            ":val", ":val@3", ":val@6", ":val%2", ":val%3", ":val%5", ":val~30",
        ],
    ),
    ("sports-sim", &["", "@3"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let algorithms = algorithms(&arguments.algorithms)?;
    let specs = match arguments.specs.is_empty() {
        true => all_specs(&arguments.mot)?,
        false => arguments.specs.clone(),
    };
    if arguments.leave_one_out {
        return leave_one_out(&arguments.mot, specs);
    }
    let mut report = Report::new(&arguments.mot);
    for spec in &specs {
        let sequences = spec.sequences(&arguments.mot)?;
        for &algorithm in &algorithms {
            report.add(score(spec, algorithm, &sequences));
        }
    }
    print!("{report}");
    std::fs::create_dir_all(&arguments.out)?;
    let path = arguments.out.join("track.json");
    std::fs::write(&path, serde_json::to_string_pretty(report.rows())? + "\n")?;
    println!("\nwritten to {}", path.display());
    if arguments.times {
        println!("\n{}", times::table(&algorithms));
    }
    Ok(())
}

/// Specs where the detector looks at all frames that there are: the others are about something
/// else.
fn leave_one_out(mot: &Path, mut specs: Vec<Spec>) -> Result<(), Box<dyn Error>> {
    specs.retain(|spec| spec.interval == 1 && spec.lost == 0);
    if specs.len() < 2 {
        return Err("--leave-one-out needs two specs at least".into());
    }
    let read = |spec: Spec| spec.sequences(mot).map(|sequences| (spec, sequences));
    let specs = specs.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    println!("{}", leave_out::table(&specs));
    Ok(())
}

fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, String> {
    if names.is_empty() {
        return Ok(Algorithm::ALL.to_vec());
    }
    let known = || Algorithm::ALL.iter();
    names
        .iter()
        .map(|name| {
            let found = known().find(|algorithm| algorithm.name() == name);
            found.copied().ok_or_else(|| {
                let names: Vec<_> = known().map(|algorithm| algorithm.name()).collect();
                format!("{name}: no such algorithm, there are {}", names.join(", "))
            })
        })
        .collect()
}

/// A spec, or several, for each source with ground truth.
fn all_specs(root: &Path) -> Result<Vec<Spec>, SpecError> {
    let unreadable = |source| SpecError::Folder {
        path: root.to_owned(),
        source,
    };
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(root).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let has_truth = |folder: &Path| folder.join("gt.txt").is_file();
        let sequences = std::fs::read_dir(&path).into_iter().flatten().flatten();
        if sequences.into_iter().any(|entry| has_truth(&entry.path())) {
            let name = path.file_name().unwrap_or_default();
            sources.push(name.to_string_lossy().into_owned());
        }
    }
    sources.sort();
    let mut specs = Vec::new();
    for source in &sources {
        match USUAL.iter().find(|(name, _)| name == source) {
            Some((_, suffixes)) => {
                for suffix in *suffixes {
                    specs.push(format!("{source}{suffix}").parse()?);
                }
            }
            None => specs.push(Spec::whole(source)),
        }
    }
    Ok(specs)
}

/// Which box the authors of an algorithm publish. The element leaves detections as they are.
fn boxes(algorithm: Algorithm) -> Boxes {
    match algorithm {
        Algorithm::Vigil | Algorithm::OcSort => Boxes::Detected,
        Algorithm::Sort | Algorithm::ByteTrack => Boxes::Filtered,
    }
}

fn score(spec: &Spec, algorithm: Algorithm, sequences: &[Sequence]) -> Row {
    let run = spec.run(Run {
        boxes: boxes(algorithm),
        ..Run::default()
    });
    let mut total = Scores::default();
    let mut by_sequence = Vec::new();
    for sequence in sequences {
        let Ok(mut tracker) = Config::of(algorithm).build() else {
            continue;
        };
        let scores = Scores::of(sequence, &run.track(&mut *tracker, sequence));
        total += &scores;
        by_sequence.push((sequence.name.clone(), Figures::of(&scores)));
    }
    Row {
        spec: spec.to_string(),
        algorithm: algorithm.name(),
        figures: Figures::of(&total),
        sequences: by_sequence,
    }
}
