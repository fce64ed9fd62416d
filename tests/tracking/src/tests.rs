//! Hand-made cases whose scores follow from the definitions.

use super::*;
use gstvigiltrack::geometry::Rect;

fn at(x: f32) -> Rect {
    Rect::new(x, 0.0, 10.0, 10.0)
}

fn truth(id: u64, x: f32) -> Truth {
    Truth {
        id,
        bbox: at(x),
        evaluated: true,
        distractor: false,
    }
}

fn track(id: u64, x: f32) -> Hypothesis {
    Hypothesis { id, bbox: at(x) }
}

fn score(truth: Vec<Vec<Truth>>, said: &[Vec<Hypothesis>]) -> Scores {
    let sequence = Sequence {
        name: String::new(),
        fps: 30.0,
        times: None,
        detections: vec![Vec::new(); truth.len()],
        truth,
    };
    Scores::of(&sequence, said)
}

/// HOTA, DetA, AssA, MOTA, IDF1 and identity switches.
#[track_caller]
fn assert_scores(scores: &Scores, expected: [f64; 5], switches: u64) {
    let got = [
        scores.hota.hota(),
        scores.hota.deta(),
        scores.hota.assa(),
        scores.clear.mota(),
        scores.identity.idf1(),
    ];
    let near = got
        .iter()
        .zip(expected)
        .all(|(got, expected)| (got - expected).abs() < 1e-9);
    assert!(near, "{got:?}, not {expected:?}");
    assert_eq!(scores.clear.switches(), switches);
}

#[test]
fn a_perfect_tracker_gets_everything() {
    let frames = 0..4;
    let there = frames.clone().map(|_| vec![truth(1, 0.0), truth(2, 50.0)]);
    let said: Vec<_> = frames
        .map(|_| vec![track(9, 50.0), track(4, 0.0)])
        .collect();
    assert_scores(&score(there.collect(), &said), [100.0; 5], 0);
}

#[test]
fn silence_and_invention_get_nothing() {
    let there = vec![vec![truth(1, 0.0)]; 3];
    assert_scores(&score(there.clone(), &[]), [0.0; 5], 0);
    let elsewhere = vec![vec![track(1, 500.0)]; 3];
    assert_scores(&score(there, &elsewhere), [0.0, 0.0, 0.0, -100.0, 0.0], 0);
}

#[test]
fn precision_and_recall_tell_invention_from_silence() {
    let there = vec![vec![truth(1, 0.0), truth(2, 50.0)]; 2];
    let one_right_one_wrong = vec![track(1, 0.0), track(2, 500.0), track(3, 700.0)];
    let scores = score(there, &[one_right_one_wrong]);
    assert_eq!(scores.clear.recall(), 25.0);
    assert!((scores.clear.precision() - 100.0 / 3.0).abs() < 1e-9);
}

#[test]
fn an_identity_that_changes_half_way_costs_association_only() {
    let there = vec![vec![truth(1, 0.0)]; 4];
    let said: Vec<_> = (0..4).map(|i| vec![track(i / 2, 0.0)]).collect();
    // Each half matches for 2 of a union of 4 frames: A(c) = 0.5 for every box.
    let hota = 100.0 * 0.5f64.sqrt();
    assert_scores(&score(there, &said), [hota, 100.0, 50.0, 75.0, 50.0], 1);
}

#[test]
fn a_box_half_off_counts_at_the_thresholds_it_reaches() {
    let there = vec![vec![truth(1, 0.0)]; 2];
    // IoU of 2/3: α of 0.05 … 0.65, 13 of 19.
    let said = vec![vec![track(1, 2.0)]; 2];
    let share = 100.0 * 13.0 / 19.0;
    assert_scores(&score(there, &said), [share, share, share, 100.0, 100.0], 0);
}

#[test]
fn tracking_a_distractor_is_neither_right_nor_wrong() {
    let distractor = Truth {
        evaluated: false,
        distractor: true,
        ..truth(2, 50.0)
    };
    let there = vec![vec![truth(1, 0.0), distractor]; 2];
    for said in [vec![track(1, 0.0)], vec![track(1, 0.0), track(2, 50.0)]] {
        assert_scores(&score(there.clone(), &vec![said; 2]), [100.0; 5], 0);
    }
}

#[test]
fn files_with_nonsense_are_refused_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let error = |expected: &str| {
        let error = Sequence::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    error("seqinfo.ini");
    write("seqinfo.ini", "[Sequence]\nframeRate=0\nseqLength=3\n");
    error("seqinfo.ini:3: frameRate and seqLength must be given");
    write("seqinfo.ini", "[Sequence]\nframeRate=25\nseqLength=3\n");
    error("det.txt");
    write("det.txt", "1,-1,0,0,10,10,0.5\n0,-1,0,0,10,10,0.5\n");
    error("det.txt:2: must be frame (from 1)");
    write(
        "det.txt",
        "1,-1,0,0,10,10,0.5\n\n3,-1,5,0,10,10,0.9,-1,-1\n",
    );
    write(
        "gt.txt",
        "2,7,0,0,10,10,1,1,1\n2,8,0,0,10,10,0,8,1\n2,9,0,0,10,nan,0,8,1\n",
    );
    error("gt.txt:3:");
    write("gt.txt", "2,7,0,0,10,10,1,1,1\n2,8,0,0,10,10,0,8,1\n");
    let sequence = Sequence::read(folder.path()).unwrap();
    let found: Vec<_> = sequence.detections.iter().map(Vec::len).collect();
    assert_eq!(found, [1, 0, 1]);
    assert!(sequence.truth[1][0].evaluated && sequence.truth[1][1].distractor);
    assert_eq!(sequence.clone().every(2).truth.len(), 2);
    assert_eq!(sequence.second_half().detections[1].len(), 1);
}
