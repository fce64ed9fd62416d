//! What properties may be.

use super::*;

#[test]
fn input_sizes_are_a_side_or_two() {
    let parse = |text: &str| {
        Settings {
            input_size: Some(text.into()),
            ..Default::default()
        }
        .parse_input_size()
    };
    assert_eq!(parse("320").unwrap(), Some((320, 320)));
    assert_eq!(parse(" 640x384 ").unwrap(), Some((640, 384)));
    assert_eq!(parse("").unwrap(), None);
    for wrong in ["0", "-1", "640x", "x", "9000", "640x384x3", "big"] {
        let error = parse(wrong).unwrap_err().to_string();
        assert!(error.contains(&format!("\"{wrong}\"")), "{error}");
    }
}

#[test]
fn a_missing_recording_says_what_to_set() {
    let settings = Settings {
        engine: EngineChoice::Replay,
        ..Default::default()
    };
    let error = settings.check().err().unwrap().to_string();
    for part in ["property model", "model=det.txt"] {
        assert!(error.contains(part), "{error}");
    }
}
