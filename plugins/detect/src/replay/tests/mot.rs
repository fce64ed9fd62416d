//! What MOTChallenge's rows say.

use super::*;

#[test]
fn mot_rows_of_a_frame_are_its_objects() {
    // In any order, as ground truth is sorted by identity; ids are of no interest.
    let recording = load(
        "1,-1,10,20,30,40,0.5\n3,7,1,2,3,4,0.9,-1,-1,-1\r\n\n 1, 2.0, 50, 60, 7.5, 8.25, 7e-1 \n",
    )
    .unwrap();
    assert_eq!((recording.format(), recording.records()), (Format::Mot, 2));
    let first = at(&recording, 0).unwrap();
    let boxes: Vec<_> = first.iter().map(|d| (d.score, d.xyxy)).collect();
    let expected = [
        (0.7, [50.0, 60.0, 57.5, 68.25]),
        (0.5, [10.0, 20.0, 40.0, 60.0]),
    ];
    assert_eq!(boxes, expected);
    assert_eq!(labels_of(&recording, &first), ["object"; 2]);
    // The second frame was looked at, what is before the first and after the third was not.
    assert_eq!(at(&recording, 40), Ok(Vec::new()));
    assert_eq!(at(&recording, 80).unwrap().len(), 1);
    assert_eq!(at(&recording, -40), Err(false));
    assert_eq!(at(&recording, 120), Err(false));
}

#[test]
fn the_length_of_the_sequence_says_how_far_was_looked() {
    let rows = "3,-1,1,2,3,4,0.9\n5,-1,1,2,3,4,0.9\n";
    // Length in seqinfo.ini; whether frames 1 to 7 were looked at.
    for (length, looked) in [
        (None, [false, false, true, true, true, false, false]),
        (Some(6), [true, true, true, true, true, true, false]),
        (Some(4), [true, true, true, true, true, false, false]),
    ] {
        let seqinfo = length.map(|length| format!("[Sequence]\nseqLength={length}\n"));
        let recording = load_with(rows, None, seqinfo.as_deref()).unwrap();
        let found: Vec<_> = (0..7).map(|i| at(&recording, 40 * i).is_ok()).collect();
        assert_eq!(found, looked, "{length:?}");
    }
}

#[test]
fn the_eighth_column_is_a_class_where_it_can_be_one_in_all_rows() {
    // Eighth columns, labels, label of each of the rows or what is wrong.
    type Case<'a> = (
        &'a [&'a str],
        Option<&'a [&'a str]>,
        Result<&'a [&'a str], &'a str>,
    );
    let table: &[Case] = &[
        (
            &["1", "3", "-1"],
            None,
            Ok(&["pedestrian", "car", "object"]),
        ),
        (
            &["12", "13", "14", "0"],
            None,
            Ok(&["reflection", "crowd", "class 14", "object"]),
        ),
        (&["1.0", "3.00"], None, Ok(&["pedestrian", "car"])),
        // MOT15's world coordinates, raw scores, nothing at all.
        (&["1", "-3.25"], None, Ok(&["object", "object"])),
        (&["1", "0.94"], None, Ok(&["object", "object"])),
        (&["1", "-2"], None, Ok(&["object", "object"])),
        (&["1", "100000"], None, Ok(&["object", "object"])),
        (
            &["1", "nan", "x"],
            None,
            Ok(&["object", "object", "object"]),
        ),
        (&["-1", "-1"], None, Ok(&["object", "object"])),
        (&["2", "1"], Some(&["a", "b"]), Ok(&["b", "a"])),
        (&["2", "-1"], Some(&["a", "b"]), Ok(&["b", "object"])),
        // One name is good for what has no class, too.
        (&["-1", "1"], Some(&["a"]), Ok(&["a", "a"])),
        (&["0.5", "7"], Some(&["a"]), Ok(&["a", "a"])),
        (
            &["1", "2", "3"],
            Some(&["a", "b"]),
            Err("det.txt:3: class 3, but labels names those from 1 to 2"),
        ),
        (&["0"], Some(&["a", "b"]), Err("det.txt:1: class 0")),
    ];
    for (column, labels, expected) in table {
        let rows: Vec<_> = column
            .iter()
            .enumerate()
            .map(|(i, class)| format!("{},-1,1,2,3,4,0.9,{class}", i + 1))
            .collect();
        let recording = load_with(rows.join("\n"), *labels, None);
        match (recording, expected) {
            (Ok(recording), Ok(expected)) => {
                let found = (0..column.len() as i64).flat_map(|i| at(&recording, 40 * i).unwrap());
                let found: Vec<_> = found.collect();
                assert_eq!(labels_of(&recording, &found), *expected, "{column:?}");
            }
            (Err(error), Err(words)) => assert!(error.contains(words), "{error}"),
            (found, _) => panic!("{column:?}: {:?}", found.map(|recording| recording.labels)),
        }
    }
}

#[test]
fn names_without_classes_are_warned_of() {
    let rows = "1,-1,1,2,3,4,0.9,-1\n";
    let warnings = |labels: &[&str]| {
        let recording = load_with(rows, Some(labels), None).unwrap();
        recording.warnings().join("\n")
    };
    assert!(warnings(&["a", "b"]).contains("labels has 2 names, but no row has a class"));
    assert_eq!(warnings(&["a"]), "");
}

#[test]
fn rows_that_make_no_sense_are_refused_with_their_line() {
    let good = "1,-1,1,2,3,4,0.9";
    for (row, words) in [
        (
            "0,-1,1,2,3,4,0.9",
            "frame is 0: must be a whole number from 1 on",
        ),
        ("1.5,-1,1,2,3,4,0.9", "frame is 1.5"),
        ("-1,-1,1,2,3,4,0.9", "frame is -1"),
        ("5e9,-1,1,2,3,4,0.9", "frame is 5000000000"),
        ("x,-1,1,2,3,4,0.9", "frame is \"x\": must be a number"),
        ("1,a,1,2,3,4,0.9", "id is \"a\""),
        ("1,-1,nan,2,3,4,0.9", "left is \"nan\": must be a number"),
        ("1,-1,1,inf,3,4,0.9", "top is \"inf\""),
        ("1,-1,1,2,-3,4,0.9", "width is -3: must not be negative"),
        (
            "1,-1,1,2,3,-0.5,0.9",
            "height is -0.5: must not be negative",
        ),
        ("1,-1,1e300,2,3,4,0.9", "too large"),
        ("1,-1,1,2,3,4,NaN", "score is \"NaN\""),
        (
            "1,-1,1,2,3,4",
            "there is no score: a row is frame,id,left,top,width,height,score",
        ),
        ("1,-1,1,2,3,4,", "there is no score"),
        ("1 -1 1 2 3 4 0.9", "frame is \"1 -1 1 2 3 4 0.9\""),
        ("frame,id,x,y,w,h,score", "frame is \"frame\""),
        ("{\"pts\":1}", "frame is"),
    ] {
        assert_refused(
            load(format!("{good}\n\n{row}\n{good}\n")),
            &["det.txt:3: ", words],
        );
    }
    assert_refused(load(b"1,-1,1,2,3,4,0.9\n\xff\n"), &["det.txt:2: ", "UTF-8"]);
}
