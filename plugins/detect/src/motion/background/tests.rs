use super::*;

const COLUMNS: usize = 40;
const LINES: usize = 24;
const FPS: f32 = 25.0;
const THRESHOLD: f32 = 2.0;

/// Gaussian numbers, the same for the same seed.
struct Gauss(u64);

impl Gauss {
    fn unit(&mut self) -> f32 {
        // Knuth's constants for a linear congruential generator of 64 bits.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) as f32 + 0.5) / (1u64 << 24) as f32
    }

    fn next(&mut self) -> f32 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f32::consts::TAU * self.unit()).cos()
    }
}

/// A scene of cells with noise, and what a background says of it.
struct Scene {
    background: Background,
    gauss: Gauss,
    noise: f32,
    frame: u32,
}

impl Scene {
    fn new(noise: f32, seed: u64) -> Self {
        Self {
            background: Background::new(COLUMNS, vec![true; COLUMNS * LINES], 16.0),
            gauss: Gauss(seed),
            noise,
            frame: 0,
        }
    }

    /// Shows a frame to which `add` adds to the level that a cell, by column and line, has.
    fn show(&mut self, add: impl Fn(usize, usize, f32) -> f32) -> bool {
        let means: Vec<f32> = (0..COLUMNS * LINES)
            .map(|i| {
                let (x, y) = (i % COLUMNS, i / COLUMNS);
                // Ground, dark to bright, with some texture.
                let level = 40.0 + 5.0 * y as f32 + ((x * 7 + y * 3) % 11) as f32;
                add(x, y, level) + self.noise * self.gauss.next()
            })
            .collect();
        let step = if self.frame == 0 { 0.0 } else { 1.0 / FPS };
        self.frame += 1;
        self.background.moves(&means, step, THRESHOLD)
    }

    /// Seconds of the scene as it is, and on how many frames something moved.
    fn rest(&mut self, seconds: f32) -> u32 {
        let frames = (seconds * FPS) as u32;
        (0..frames)
            .map(|_| u32::from(self.show(|_, _, level| level)))
            .sum()
    }

    /// After this all is known, and nothing moves.
    fn settled(noise: f32, seed: u64) -> Self {
        let mut scene = Self::new(noise, seed);
        scene.rest(2.0);
        scene
    }
}

#[test]
fn everything_moves_until_noise_is_known() {
    let mut scene = Scene::new(0.5, 1);
    assert_eq!(scene.rest(1.0), FPS as u32);
    assert_eq!(scene.rest(10.0), 0);
    scene.background.forget();
    assert_eq!(scene.rest(1.0), FPS as u32);
    assert_eq!(scene.rest(10.0), 0);
}

#[test]
fn noise_of_any_strength_is_no_motion() {
    for noise in [0.0, 0.2, 0.5, 1.0, 2.0, 5.0] {
        for seed in 0..4 {
            let mut scene = Scene::settled(noise, seed);
            assert_eq!(scene.rest(60.0), 0, "noise {noise}, seed {seed}");
        }
    }
}

#[test]
fn noise_that_grows_is_learned_again() {
    let mut scene = Scene::settled(0.3, 3);
    scene.noise = 2.0;
    scene.rest(20.0);
    assert_eq!(scene.rest(60.0), 0);
}

#[test]
fn one_cell_that_changes_for_two_frames_is_motion() {
    // Level by which it differs, and noise.
    for (by, noise) in [(2.5, 0.0), (3.0, 0.3), (-8.0, 1.0), (16.0, 2.0)] {
        let mut scene = Scene::settled(noise, 9);
        let there = |x, y, level| if (x, y) == (11, 7) { level + by } else { level };
        scene.show(there);
        assert!(scene.show(there), "{by} in noise of {noise}");
    }
}

#[test]
fn something_that_moves_a_cell_a_frame_is_motion() {
    let mut scene = Scene::settled(0.5, 5);
    let moved = (0..8).filter(|n| {
        scene.show(|x, y, level| {
            if (x, y) == (3 + n, 7) {
                level + 12.0
            } else {
                level
            }
        })
    });
    assert!(moved.count() >= 6);
}

#[test]
fn a_flash_of_a_single_cell_on_a_single_frame_is_none() {
    let mut scene = Scene::settled(0.5, 7);
    for _ in 0..10 {
        let flash = |x, y, level| {
            if (x, y) == (11, 7) {
                level + 25.0
            } else {
                level
            }
        };
        assert!(!scene.show(flash));
        assert_eq!(scene.rest(4.0), 0);
    }
}

#[test]
fn light_that_changes_slowly_or_everywhere_alike_is_no_motion() {
    type Light = fn(f32, usize, f32) -> f32;
    let table: [(&str, Light); 4] = [
        ("dusk: a tenth in a minute", |t, _, level| {
            level * (1.0 - t / 600.0)
        }),
        ("a camera adapts: by a third in a second", |t, _, level| {
            16.0 + (level - 16.0) * (1.0 + (t - 10.0).clamp(0.0, 1.0) / 3.0)
        }),
        ("at once", |t, _, level| {
            if t > 10.0 {
                16.0 + (level - 16.0) * 0.6
            } else {
                level
            }
        }),
        ("a shadow moves over in two minutes", |t, x, level| {
            level * (1.0 - 0.1 * (t / 2.0 - x as f32).clamp(0.0, 20.0) / 20.0)
        }),
    ];
    for (name, light) in table {
        let mut scene = Scene::settled(0.5, 11);
        let moved = (0..(60.0 * FPS) as u32)
            .filter(|n| {
                let time = *n as f32 / FPS;
                scene.show(|x, _, level| light(time, x, level))
            })
            .count();
        assert_eq!(moved, 0, "{name}");
    }
}

#[test]
fn a_slow_walker_in_the_distance_is_motion_all_the_way() {
    // Half a cell wide, 12 levels darker, 0.6 cells a second: a person at 100 m who strolls.
    let mut scene = Scene::settled(0.5, 13);
    let mut since = 0;
    for n in 0..(60.0 * FPS) as u32 {
        let left = 2.0 + 0.6 * n as f32 / FPS;
        let moves = scene.show(|x, y, level| {
            let share = (left + 0.5).min(x as f32 + 1.0) - left.max(x as f32);
            if y == 9 {
                level - 12.0 * share.max(0.0)
            } else {
                level
            }
        });
        since = if moves { 0 } else { since + 1 };
        assert!(n < 25 || since < 2 * FPS as u32, "at rest for 2 s at {n}");
    }
}

#[test]
fn what_stays_is_usual_after_some_seconds_and_so_is_the_gap_that_it_leaves() {
    let mut scene = Scene::settled(0.5, 17);
    let there = |x, y, level| if x < 6 && y > 10 { level + 60.0 } else { level };
    let frames: Vec<_> = (0..200).map(|_| scene.show(there)).collect();
    assert!(frames[2..25].iter().all(|moves| *moves));
    assert!(!frames[150..].contains(&true));
    scene.show(|_, _, level| level);
    assert!(scene.show(|_, _, level| level));
    scene.rest(6.0);
    assert_eq!(scene.rest(10.0), 0);
}

#[test]
fn edges_on_a_camera_that_sways_become_noise() {
    // Every fifth column is an edge, which goes to and fro by up to 3 levels in 2 seconds.
    let mut scene = Scene::settled(0.2, 29);
    let sway = |scene: &mut Scene, seconds: f32| {
        let frames = (seconds * FPS) as u32;
        let moved = (0..frames).filter(|n| {
            let phase = std::f32::consts::TAU * *n as f32 / FPS / 2.0;
            scene.show(|x, _, level| {
                if x % 5 == 0 {
                    level + 3.0 * phase.sin()
                } else {
                    level
                }
            })
        });
        moved.count()
    };
    assert!(sway(&mut scene, 2.0) > 10);
    sway(&mut scene, 120.0);
    assert_eq!(sway(&mut scene, 20.0), 0);
    // Somebody in front of an edge is still seen.
    let there = |x, y, level| {
        if (x, y) == (10, 7) {
            level + 12.0
        } else {
            level
        }
    };
    scene.show(there);
    assert!(scene.show(there));
}

#[test]
fn a_busy_road_stays_watched() {
    // A car over the same cells in half of all seconds, for minutes.
    let mut scene = Scene::settled(0.5, 19);
    for second in 0..120 {
        for frame in 0..FPS as u32 {
            let moves = scene.show(|x, y, level| {
                let car = second % 2 == 0 && y == 12 && x / 4 == frame as usize * 10 / 25;
                if car { level + 25.0 } else { level }
            });
            assert!(moves || second % 2 == 1 || frame < 3, "at {second} s");
        }
    }
}

#[test]
fn only_cells_that_count_are_watched() {
    let counts = (0..COLUMNS * LINES).map(|i| i % COLUMNS < 20).collect();
    let mut scene = Scene::new(0.5, 23);
    scene.background = Background::new(COLUMNS, counts, 16.0);
    scene.rest(2.0);
    for (column, expected) in [(30, false), (20, false), (19, true)] {
        let mut moved = false;
        for _ in 0..3 {
            moved = scene.show(|x, y, level| {
                if (x, y) == (column, 5) {
                    level + 30.0
                } else {
                    level
                }
            });
        }
        assert_eq!(moved, expected, "column {column}");
        scene.rest(8.0);
    }
}

#[test]
fn a_picture_of_one_cell_has_motion_too() {
    let mut background = Background::new(1, vec![true], 0.0);
    for _ in 0..60 {
        background.moves(&[50.0], 0.04, THRESHOLD);
    }
    assert!(!background.moves(&[50.0], 0.04, THRESHOLD));
    background.moves(&[10.0], 0.04, THRESHOLD);
    assert!(background.moves(&[10.0], 0.04, THRESHOLD));
}
