//! Good scripts, bad scripts, and what is said about them.

use super::{Point, Script, ScriptError};
use crate::scene::{Class, SceneKind};

const OBJECT: &str = "[[object]]\nclass = \"person\"\n";

#[test]
fn a_script_is_read_as_it_stands() {
    let script = Script::from_toml(
        "background = \"corridor\"\n\
         [[object]]\n\
         class = \"person\"\n\
         path = [[0, -0.1, 0.8], [2.5, 0.5, 0.9], [1e1, 1.1, 0.9]]\n\
         [[object]]\n\
         path = [[-3.0, 0x0, 1]] # before the stream begins\n\
         class = \"truck\"\n",
        "s",
    )
    .unwrap();
    assert_eq!(script.background, SceneKind::Corridor);
    let point = |time, x, y| Point { time, x, y };
    let [person, truck] = script.objects.as_slice() else {
        panic!("{script:?}")
    };
    assert_eq!((person.class, truck.class), (Class::Person, Class::Truck));
    let way = [
        point(0.0, -0.1, 0.8),
        point(2.5, 0.5, 0.9),
        point(10.0, 1.1, 0.9),
    ];
    assert_eq!(person.points, way);
    assert_eq!(truck.points, [point(-3.0, 0.0, 1.0)]);
}

#[test]
fn an_empty_script_is_an_empty_street() {
    let script = Script::from_toml("", "s").unwrap();
    assert_eq!(script.background, SceneKind::Street);
    assert!(script.objects.is_empty());
}

#[test]
fn bad_scripts_are_refused_with_line_column_and_remedy() {
    let path = |points: &str| format!("{OBJECT}path = {points}\n");
    let cases = [
        (
            "background = \"streat\"".into(),
            "line 1, column 14: unknown background \"streat\": did you mean \"street\"? Known: street, crossing",
        ),
        ("background = 3".into(), "expected one of street, crossing"),
        (
            "\n  objects = []".into(),
            "line 2, column 3: unknown field \"objects\" of the script: did you mean \"object\"?",
        ),
        (
            "object = 5".into(),
            "line 1, column 10: object: expected a list of objects, each begun by [[object]], found a number",
        ),
        (
            "[object]\nclass = \"car\"".into(),
            "each begun by [[object]], found a table",
        ),
        (
            "object = [1]".into(),
            "column 11: object: expected class and path, found a number",
        ),
        (
            "[[object]]\nclass = \"bycicle\"\npath = [[0,0,0]]".into(),
            "line 2, column 9: unknown class \"bycicle\": did you mean \"bicycle\"? Known: person",
        ),
        (
            "[[object]]\nclas = \"car\"\npath = [[0,0,0]]".into(),
            "line 2, column 1: unknown field \"clas\" of the object: did you mean \"class\"? Known: class, path",
        ),
        (
            "[[object]]\npath = [[0,0,0]]".into(),
            "line 1, column 1: the object has no class: add class = ",
        ),
        (
            OBJECT.into(),
            "line 1, column 1: the object has no path: add path = ",
        ),
        (path("[]"), "line 3, column 8: path: it is empty"),
        (path("\"left\""), "path: expected a list of points"),
        (
            path("[0, 1, 2]"),
            "column 9: path: expected a point [time, x, y] of three numbers, found a number",
        ),
        (path("[[0, 1]]"), "found a list of 2"),
        (
            path("[[0, 1, true]]"),
            "column 16: path: expected a point [time, x, y] of three numbers, found a truth value as y",
        ),
        (
            path("[\n  [0, 0.5, 0.5],\n  [1, 0.5, 0.5],\n  [1.0, 0.5, 0.5],\n]"),
            "line 6, column 4: path: times must ascend: point 3 is at 1 s, after one at 1 s",
        ),
        (
            path("[[2,0,0],[1,0,0]]"),
            "line 3, column 18: path: times must ascend: point 2 is at 1 s, after one at 2 s",
        ),
        (
            path("[[nan, 0, 0]]"),
            "line 3, column 10: path: time is NaN: it must be finite",
        ),
        (
            path("[[0, inf, 0]]"),
            "line 3, column 13: path: x is inf: it must be finite",
        ),
        (path("[[0, 0, -inf]]"), "path: y is -inf: it must be finite"),
        (path("[[0, 0, 1e999]]"), "path: y is"),
        (
            path("[[0, 640, 360]]"),
            "path: x is 640: it is in widths of the picture, from -10 to 10",
        ),
        (path("[[1e300, 0, 0]]"), "it is in seconds"),
        (path("[[0, 0, 99999999999999999999]]"), "line 3, column 16"),
        // Characters, not bytes.
        (
            "# é\n\"é\" = 1".into(),
            "line 2, column 1: unknown field \"é\"",
        ),
        ("x = \"é\" é".into(), "line 1, column 9"),
        ("[[object]".into(), "line 1, column"),
        (
            "background = \"street\"\nbackground = \"crowd\"".into(),
            "line 2, column 1: duplicate key",
        ),
    ];
    for (text, expected) in cases {
        let error = Script::from_toml(&text, "walk.toml").unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("script walk.toml, line "), "{error}");
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn files_that_are_no_scripts_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("latin1"), b"background = \"caf\xe9\"").unwrap();
    std::fs::File::create(path("video"))
        .and_then(|file| file.set_len(20 << 20))
        .unwrap();
    for (name, expected) in [
        ("missing", "No such file"),
        ("", "it is no regular file"),
        ("latin1", "it is not UTF-8"),
        ("video", "larger than 16 MiB"),
    ] {
        let error = Script::from_file(&path(name)).unwrap_err().to_string();
        let named = error.contains(path(name).to_str().unwrap());
        assert!(named && error.contains(expected), "{name}: {error}");
    }
    std::fs::write(path("good"), "background = \"crowd\"").unwrap();
    let good = Script::from_file(&path("good")).unwrap();
    assert_eq!(good.background, SceneKind::Crowd);
    assert!(matches!(
        Script::from_file(&path("latin1")),
        Err(ScriptError::Read { .. })
    ));
}
