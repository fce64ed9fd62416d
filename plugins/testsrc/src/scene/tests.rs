use super::script::{Point, Script, ScriptObject};
use super::*;
use std::collections::{HashMap, HashSet};

const PLACES: [SceneKind; 4] = [
    SceneKind::Street,
    SceneKind::Crossing,
    SceneKind::Corridor,
    SceneKind::Crowd,
];

fn options(kind: SceneKind) -> SceneOptions {
    SceneOptions {
        kind,
        seed: 5,
        objects: 14,
        shake: 0.3,
        ..SceneOptions::default()
    }
}

/// Alpha of one figure painted alone.
fn mask(scene: &Scene, index: usize) -> Vec<u8> {
    let mut alone = Pixmap::new(scene.width, scene.height).unwrap();
    Brush::default().fill(&scene.shapes[index], (0.0, 0.0), &mut alone.as_mut());
    alone.data().chunks_exact(4).map(|pixel| pixel[3]).collect()
}

/// Left, top, right and bottom edge of what is painted.
fn extents(mask: &[u8], width: u32) -> Option<[f32; 4]> {
    let painted = mask.iter().enumerate().filter(|(_, alpha)| **alpha > 0);
    let points = painted.map(|(at, _)| ((at as u32 % width) as f32, (at as u32 / width) as f32));
    points.fold(None, |edges: Option<[f32; 4]>, (x, y)| {
        let [l, t, r, b] = edges.unwrap_or([x, y, x + 1.0, y + 1.0]);
        Some([l.min(x), t.min(y), r.max(x + 1.0), b.max(y + 1.0)])
    })
}

#[test]
fn pictures_are_the_same_in_any_order() {
    for kind in SceneKind::ALL {
        let mut scene = Scene::new(&options(kind), 320, 180).unwrap();
        scene.render(7.3);
        let (pixels, truth) = (scene.pixels().to_vec(), scene.truth().to_vec());
        for time in [0.0, 4000.0, 1.5] {
            scene.render(time);
        }
        scene.render(7.3);
        assert!(scene.pixels() == pixels, "{kind:?}");
        assert_eq!(scene.truth(), truth, "{kind:?}");
        assert_eq!(truth.is_empty(), kind == SceneKind::Empty, "{kind:?}");
        assert!(
            pixels.chunks_exact(4).all(|pixel| pixel[3] == 255),
            "{kind:?}"
        );
    }
}

#[test]
fn seeds_make_other_scenes() {
    let picture = |seed| {
        let mut scene = Scene::new(
            &SceneOptions {
                seed,
                ..options(SceneKind::Street)
            },
            160,
            90,
        )
        .unwrap();
        scene.render(3.0);
        (scene.pixels().to_vec(), scene.truth().to_vec())
    };
    let (one, other) = (picture(1), picture(2));
    assert_ne!(one.0, other.0);
    assert_ne!(one.1, other.1);
}

#[test]
fn boxes_are_within_a_pixel_of_what_is_painted() {
    let mut checked = 0;
    for kind in PLACES {
        let mut scene = Scene::new(&options(kind), 640, 360).unwrap();
        for time in [0.4, 9.1, 27.7] {
            scene.look(time);
            let boxes: HashMap<u64, Object> = scene.truth().iter().map(|o| (o.id, *o)).collect();
            for index in 0..scene.actors.len() {
                let Some(object) = boxes.get(&scene.actors[index].id) else {
                    continue;
                };
                let Some(painted) = extents(&mask(&scene, index), scene.width) else {
                    continue;
                };
                let edges = [object.x, object.y, object.x + object.w, object.y + object.h];
                // Where the picture cuts it, the box ends elsewhere than what is seen of it.
                if edges[0] < 0.0 || edges[1] < 0.0 || edges[2] > 640.0 || edges[3] > 360.0 {
                    continue;
                }
                let near = painted.iter().zip(edges).all(|(a, b)| (a - b).abs() <= 1.0);
                assert!(
                    near,
                    "{kind:?} at {time}: {object:?} but painted {painted:?}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 80, "only {checked} were seen");
}

#[test]
fn visible_shares_are_those_of_the_painted_pixels() {
    for kind in PLACES {
        let mut scene = Scene::new(&options(kind), 640, 360).unwrap();
        scene.look(12.3);
        let mut owner = vec![usize::MAX; 640 * 360];
        let mut whole = vec![0usize; scene.actors.len()];
        for (index, whole) in whole.iter_mut().enumerate() {
            for (owner, _) in owner
                .iter_mut()
                .zip(mask(&scene, index))
                .filter(|(_, alpha)| *alpha >= 60)
            {
                *owner = index;
                *whole += 1;
            }
        }
        for object in scene.truth() {
            let index = scene
                .actors
                .iter()
                .position(|actor| actor.id == object.id)
                .unwrap();
            let inside = object.x >= 0.0
                && object.y >= 0.0
                && object.x + object.w <= 640.0
                && object.y + object.h <= 360.0;
            if !inside || whole[index] < 150 {
                continue;
            }
            let seen = owner.iter().filter(|owner| **owner == index).count();
            let share = seen as f32 / whole[index] as f32;
            assert!(
                (share - object.visible).abs() < 0.06,
                "{kind:?}: {object:?}, painted {share}"
            );
        }
    }
}

#[test]
fn identities_last_for_a_life_and_are_never_used_again() {
    for kind in PLACES {
        let mut scene = Scene::new(&options(kind), 320, 180).unwrap();
        let mut classes: HashMap<u64, Class> = HashMap::new();
        let mut here: HashSet<u64> = HashSet::new();
        let mut gone: HashSet<u64> = HashSet::new();
        for step in 0..900 {
            scene.gather(f64::from(step) / 10.0);
            let now: HashMap<_, _> = scene
                .actors
                .iter()
                .filter_map(|actor| Some((actor.id, actor.figure.class()?)))
                .collect();
            for (&id, &class) in &now {
                assert_eq!(*classes.entry(id).or_insert(class), class, "{kind:?}: {id}");
                assert!(!gone.contains(&id), "{kind:?}: {id} came back");
            }
            gone.extend(here.iter().filter(|id| !now.contains_key(id)));
            here = now.into_keys().collect();
        }
        assert!(
            gone.len() > 14,
            "{kind:?}: nobody leaves ({} did)",
            gone.len()
        );
    }
}

#[test]
fn nothing_jumps_but_what_enters_and_leaves_outside_of_the_picture() {
    for kind in PLACES {
        let mut scene = Scene::new(
            &SceneOptions {
                shake: 0.0,
                ..options(kind)
            },
            640,
            360,
        )
        .unwrap();
        let mut before: HashMap<u64, Object> = HashMap::new();
        for step in 0..600 {
            let time = f64::from(step) / 20.0;
            scene.look(time);
            let now: HashMap<u64, Object> = scene.truth().iter().map(|o| (o.id, *o)).collect();
            for (id, object) in &now {
                assert!(object.appeared <= time, "{object:?} at {time}");
                let Some(last) = before.get(id) else {
                    // Who is new was outside, but for the first picture.
                    let margin = 0.2 * object.w.max(24.0);
                    let outside = object.x <= margin
                        || object.y + object.h >= 360.0 - margin
                        || object.x + object.w >= 640.0 - margin;
                    assert!(
                        step == 0 || outside,
                        "{kind:?} at {time}: {object:?} out of nowhere"
                    );
                    continue;
                };
                let moved = (object.x + object.w / 2.0 - last.x - last.w / 2.0).abs();
                assert!(
                    moved < 0.2 * object.w.max(object.h) + 4.0,
                    "{kind:?} at {time}: {last:?} to {object:?}"
                );
            }
            before = now;
        }
    }
}

#[test]
fn a_script_is_followed_to_the_pixel() {
    let point = |time, x, y| Point { time, x, y };
    let object = |class, points: &[Point]| ScriptObject {
        class,
        points: points.to_vec(),
    };
    let script = Script {
        background: SceneKind::Street,
        objects: vec![
            object(Class::Person, &[point(1.0, 0.1, 0.9), point(5.0, 0.9, 0.6)]),
            object(Class::Dog, &[point(2.0, 0.5, 0.8)]),
        ],
    };
    let options = SceneOptions {
        script: Some(Arc::new(script)),
        ..SceneOptions::default()
    };
    let mut scene = Scene::new(&options, 640, 360).unwrap();
    for (time, there) in [
        (0.9, vec![]),
        (1.0, vec![1]),
        (4.9, vec![1, 3]),
        (5.1, vec![3]),
        (1e4, vec![3]),
    ] {
        scene.look(time);
        let mut ids: Vec<_> = scene.truth().iter().map(|o| o.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, there, "at {time}");
    }
    for (time, x, y) in [
        (1.0, 0.1, 0.9),
        (2.0, 0.3, 0.825),
        (3.0, 0.5, 0.75),
        (5.0, 0.9, 0.6),
    ] {
        scene.gather(time);
        let camera = scene.population.layout().camera();
        let foot = camera.project(
            scene
                .actors
                .iter()
                .find(|a| a.id == 1)
                .unwrap()
                .pose
                .at
                .up(0.0),
        );
        assert!(
            (foot.x - x * 640.0).abs() < 1.0 && (foot.y - y * 360.0).abs() < 1.0,
            "{time}: {foot:?}"
        );
    }
}

#[test]
fn every_size_can_be_painted_but_none() {
    for (width, height) in [(1, 1), (17, 13), (1, 2000), (3000, 2), (7680, 4320)] {
        let mut scene = Scene::new(
            &SceneOptions {
                shake: 1.0,
                ..options(SceneKind::Crossing)
            },
            width,
            height,
        )
        .unwrap();
        scene.render(2.0);
        assert_eq!(scene.pixels().len(), (width * height * 4) as usize);
    }
    let error = Scene::new(&SceneOptions::default(), 0, 5)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("0×5"), "{error}");
}

#[test]
fn speed_and_light_do_what_they_say() {
    let mut still = Scene::new(
        &SceneOptions {
            speed: 0.0,
            ..options(SceneKind::Street)
        },
        320,
        180,
    )
    .unwrap();
    let places = |scene: &mut Scene, time| -> Vec<_> {
        scene.gather(time);
        scene.actors.iter().map(|actor| actor.pose.at).collect()
    };
    assert_eq!(places(&mut still, 0.0), places(&mut still, 50.0));
    let mut fast = Scene::new(
        &SceneOptions {
            speed: 2.0,
            ..options(SceneKind::Street)
        },
        320,
        180,
    )
    .unwrap();
    let mut usual = Scene::new(&options(SceneKind::Street), 320, 180).unwrap();
    assert_eq!(places(&mut fast, 4.0), places(&mut usual, 8.0));

    let brightness = |light| {
        let mut scene = Scene::new(
            &SceneOptions {
                light,
                ..options(SceneKind::Street)
            },
            160,
            90,
        )
        .unwrap();
        scene.render(1.0);
        scene
            .pixels()
            .iter()
            .map(|&level| u64::from(level))
            .sum::<u64>()
    };
    let (night, dusk, day) = (brightness(0.0), brightness(0.5), brightness(1.0));
    assert!(night < dusk && dusk < day, "{night} {dusk} {day}");
}

#[test]
fn there_are_as_many_as_asked_for() {
    for kind in PLACES {
        for objects in [0, 1, 12, 60] {
            let scene = &mut Scene::new(
                &SceneOptions {
                    objects,
                    ..options(kind)
                },
                320,
                180,
            )
            .unwrap();
            scene.gather(33.0);
            let there = scene.actors.iter().filter(|actor| actor.id > 0).count();
            assert_eq!(there, objects as usize, "{kind:?}");
        }
    }
}
