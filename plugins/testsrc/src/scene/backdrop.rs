//! What is behind everything that moves: painted once, with room for a shaking camera around it.

use super::SceneKind;
use super::camera::Camera;
use super::figure::{Color, Pen, Shape, rgb};
use super::layout::Layout;
use super::paint::{Brush, tint};
use super::random::Random;
use super::vector::{Vec3, vec3};
use tiny_skia::Pixmap;

/// A picture that is larger than what is shown of it.
pub struct Backdrop {
    pixels: Pixmap,
    margin: u32,
    width: u32,
    height: u32,
}

impl Backdrop {
    /// Paints the place; `None` if there is not enough memory for the size.
    pub fn paint(
        layout: &Layout,
        kind: SceneKind,
        seed: u64,
        light: f64,
        size: (u32, u32),
        margin: u32,
    ) -> Option<Self> {
        let (width, height) = size;
        let mut pixels = Pixmap::new(width + 2 * margin, height + 2 * margin)?;
        let camera = layout.camera().shifted((margin as f32, margin as f32));
        let mut scenery = Scenery {
            shape: Shape::default(),
            camera,
            random: Random::of(&[seed, 0xbacd]),
        };
        scenery.sky((width + 2 * margin) as f32, (height + 2 * margin) as f32);
        match kind {
            SceneKind::Street | SceneKind::Empty => scenery.street(),
            SceneKind::Crossing => scenery.crossing(),
            SceneKind::Corridor => scenery.corridor(),
            SceneKind::Crowd => scenery.square(),
        }
        Brush::in_light(light).fill(&scenery.shape, (0.0, 0.0), &mut pixels.as_mut());
        roughen(&mut pixels, seed, light);
        Some(Self {
            pixels,
            margin,
            width,
            height,
        })
    }

    /// Copies what a camera moved by `offset` pixels shows into `canvas`, RGBA without padding.
    pub fn show(&self, offset: (i32, i32), canvas: &mut [u8]) {
        let left = (self.margin as i32 - offset.0).clamp(0, 2 * self.margin as i32) as usize;
        let top = (self.margin as i32 - offset.1).clamp(0, 2 * self.margin as i32) as usize;
        let (row, stride) = (self.width as usize * 4, self.pixels.width() as usize * 4);
        let from = self.pixels.data().chunks_exact(stride).skip(top);
        for (to, from) in canvas
            .chunks_exact_mut(row)
            .zip(from)
            .take(self.height as usize)
        {
            to.copy_from_slice(&from[left * 4..left * 4 + row]);
        }
    }
}

/// Multiplies the picture by value noise of three sizes: asphalt, plaster and leaves are not flat.
fn roughen(pixels: &mut Pixmap, seed: u64, light: f64) {
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let unit = (height as f32 / 720.0).max(0.25);
    let octaves = [(90.0 * unit, 0.05), (17.0 * unit, 0.05), (3.0 * unit, 0.06)];
    let mut row = vec![0.0f32; width];
    let glow = tint(light)[0];
    for (y, line) in pixels.data_mut().chunks_exact_mut(width * 4).enumerate() {
        row.fill(1.0);
        for (octave, (size, strength)) in octaves.into_iter().enumerate() {
            add_noise(
                &mut row,
                y as f32 / size,
                size,
                strength,
                seed ^ (octave as u64 * 77),
            );
        }
        for (pixel, factor) in line.chunks_exact_mut(4).zip(&row) {
            for level in &mut pixel[..3] {
                *level = (f32::from(*level) * factor + 1.5 * glow * (factor - 1.0))
                    .clamp(0.0, 255.0) as u8;
            }
        }
    }
}

/// Adds a row of value noise with cells of `size` pixels.
fn add_noise(row: &mut [f32], y: f32, size: f32, strength: f32, seed: u64) {
    let cells = (row.len() as f32 / size) as usize + 2;
    let (line, down) = (y.floor(), y.fract());
    let value = |cell: usize| {
        let at = |line: f32| Random::of(&[seed, line as u64, cell as u64]).unit() - 0.5;
        at(line) * (1.0 - down) + at(line + 1.0) * down
    };
    let values: Vec<f32> = (0..=cells).map(value).collect();
    for (x, level) in row.iter_mut().enumerate() {
        let x = x as f32 / size;
        let (cell, along) = (x as usize, x.fract());
        *level += 2.0 * strength * (values[cell] * (1.0 - along) + values[cell + 1] * along);
    }
}

/// Collects what there is to paint.
struct Scenery {
    shape: Shape,
    camera: Camera,
    random: Random,
}

/// Farther to the left and right nothing is painted, in metres.
const WIDE: f32 = 80.0;
/// Nearest ground that is painted, in metres.
const NEAR: f32 = 0.5;

const ASPHALT: Color = rgb(92, 94, 98);
const PAVING: Color = rgb(166, 160, 150);
const KERB: Color = rgb(190, 188, 182);
const MARKING: Color = rgb(226, 226, 220);
const GRASS: Color = rgb(98, 128, 72);

impl Scenery {
    fn sky(&mut self, width: f32, height: f32) {
        let bands = 24;
        for band in 0..bands {
            let share = band as f32 / bands as f32;
            let level = |low: f32, high: f32| (low + (high - low) * share) as u8;
            let color = rgb(
                level(120.0, 214.0),
                level(168.0, 224.0),
                level(214.0, 232.0),
            );
            let (top, bottom) = (height * share, height * (share + 1.1 / bands as f32));
            self.shape.polygon(
                [(0.0, top), (width, top), (width, bottom), (0.0, bottom)],
                color,
            );
        }
    }

    fn pen(&mut self) -> Pen<'_> {
        Pen {
            shape: &mut self.shape,
            camera: &self.camera,
        }
    }

    /// A rectangle on the ground.
    fn floor(&mut self, x: (f32, f32), z: (f32, f32), color: Color) {
        let corners = [
            vec3(x.0, 0.0, z.0),
            vec3(x.1, 0.0, z.0),
            vec3(x.1, 0.0, z.1),
            vec3(x.0, 0.0, z.1),
        ];
        self.pen().face(&corners, color);
    }

    /// An upright rectangle that faces the camera.
    fn wall(&mut self, x: (f32, f32), y: (f32, f32), z: f32, color: Color) {
        let corners = [
            vec3(x.0, y.0, z),
            vec3(x.1, y.0, z),
            vec3(x.1, y.1, z),
            vec3(x.0, y.1, z),
        ];
        self.pen().face(&corners, color);
    }

    /// Slabs on the ground.
    fn slabs(&mut self, x: (f32, f32), z: (f32, f32), size: f32, color: Color) {
        self.floor(x, z, color);
        let joint = color.shaded(0.86);
        let mut at = z.0;
        while at < z.1 {
            self.floor(x, (at, at + 0.03), joint);
            at += size;
        }
        let mut at = x.0;
        while at < x.1 {
            self.floor((at, at + 0.03), z, joint);
            at += size;
        }
    }

    /// A row of houses whose fronts are at `z`.
    fn houses(&mut self, z: f32) {
        let mut x = -34.0;
        while x < 34.0 {
            let width = self.random.range(6.0, 11.0);
            let height = self.random.range(8.0, 15.0);
            let tone = self.random.range(0.7, 1.05);
            let colors = [
                rgb(186, 164, 140),
                rgb(150, 120, 104),
                rgb(176, 178, 180),
                rgb(200, 188, 160),
                rgb(132, 140, 150),
            ];
            let color = self.random.pick(&colors).shaded(tone);
            self.wall((x, x + width), (0.0, height), z, color);
            self.wall((x, x + width), (0.0, 0.6), z, color.shaded(0.75));
            self.windows((x, x + width), height, z);
            x += width;
        }
    }

    fn windows(&mut self, x: (f32, f32), height: f32, z: f32) {
        let columns = ((x.1 - x.0) / 2.3) as i32;
        let step = (x.1 - x.0) / columns.max(1) as f32;
        for column in 0..columns {
            let left = x.0 + step * (column as f32 + 0.25);
            let right = left + step * 0.5;
            let mut floor = 0.0;
            while floor + 2.6 < height {
                let ground_floor = floor == 0.0;
                let shade = self.random.range(0.7, 1.3);
                let glass = rgb(70, 84, 96).shaded(shade);
                let (low, high) = if ground_floor {
                    (0.3, 2.3)
                } else {
                    (floor + 0.9, floor + 2.3)
                };
                if ground_floor && self.random.chance(0.3) {
                    self.wall((left, right), (0.0, 2.2), z, rgb(92, 62, 44).shaded(shade));
                } else {
                    self.wall(
                        (left - 0.08, right + 0.08),
                        (low - 0.08, high + 0.08),
                        z,
                        rgb(222, 220, 214),
                    );
                    self.wall((left, right), (low, high), z, glass);
                }
                floor += 2.9;
            }
        }
    }

    /// A tree: a trunk and a crown of many leaves.
    fn tree(&mut self, x: f32, z: f32, size: f32) {
        let foot = vec3(x, 0.0, z);
        let top = vec3(x, 2.4 * size, z);
        self.pen()
            .limb(foot, 0.16 * size, top, 0.11 * size, rgb(86, 66, 50));
        for _ in 0..26 {
            let offset = vec3(
                self.random.range(-1.0, 1.0),
                self.random.range(-0.7, 1.1),
                self.random.range(-0.3, 0.3),
            );
            let shade = self.random.range(0.65, 1.15);
            let center = top + vec3(0.0, 0.8 * size, 0.0) + offset * size;
            self.pen()
                .ball(center, 0.55 * size, rgb(72, 112, 54).shaded(shade));
        }
    }

    fn dashes(&mut self, z: f32, gap: f32) {
        let mut x = -WIDE;
        while x < WIDE {
            self.floor((x, x + gap), (z - 0.07, z + 0.07), MARKING);
            x += 2.0 * gap;
        }
    }

    fn street(&mut self) {
        self.floor((-WIDE, WIDE), (21.6, 60.0), GRASS);
        self.houses(22.6);
        self.slabs((-30.0, 30.0), (19.8, 22.6), 1.2, PAVING);
        self.floor((-WIDE, WIDE), (11.5, 19.8), ASPHALT);
        self.floor((-WIDE, WIDE), (11.4, 11.62), KERB);
        self.floor((-WIDE, WIDE), (19.7, 19.9), KERB);
        self.dashes(15.75, 2.0);
        for z in [12.8, 18.6] {
            self.floor((-WIDE, WIDE), (z - 0.06, z + 0.06), MARKING.shaded(0.9));
        }
        self.slabs((-16.0, 16.0), (NEAR, 11.4), 1.0, PAVING.shaded(0.96));
        for x in [-13.0, -6.5, 7.5, 13.5] {
            let size = self.random.range(0.9, 1.4);
            self.tree(x, 22.0, size);
        }
    }

    fn crossing(&mut self) {
        self.floor((-WIDE, WIDE), (22.6, 60.0), GRASS);
        self.houses(23.6);
        self.slabs((-34.0, 34.0), (20.6, 23.6), 1.2, PAVING);
        self.slabs((-18.0, 18.0), (NEAR, 11.8), 1.0, PAVING.shaded(0.94));
        self.floor((-WIDE, WIDE), (11.8, 20.6), ASPHALT);
        self.floor((-3.3, 3.3), (NEAR, 12.0), ASPHALT);
        for x in [-3.4, 3.3] {
            self.floor((x, x + 0.14), (NEAR, 11.8), KERB);
        }
        self.floor((-WIDE, WIDE), (20.5, 20.7), KERB);
        self.dashes(17.0, 1.6);
        self.floor((-0.07, 0.07), (NEAR, 10.4), MARKING);
        for side in [-1.0f32, 1.0] {
            let mut z = 12.2;
            while z < 20.2 {
                let (a, b) = (side * 3.4, side * 5.6);
                self.floor((a.min(b), a.max(b)), (z, z + 0.5), MARKING);
                z += 1.0;
            }
        }
        for x in [-12.0, 9.0, 15.0] {
            let size = self.random.range(0.9, 1.3);
            self.tree(x, 23.0, size);
        }
    }

    fn corridor(&mut self) {
        let tone = self.random.range(0.85, 1.05);
        let floor = rgb(182, 176, 166).shaded(tone);
        self.wall((-WIDE, WIDE), (0.0, 12.0), 19.5, rgb(208, 202, 190));
        self.wall((-WIDE, WIDE), (3.0, 3.5), 19.5, rgb(150, 146, 138));
        self.wall((-WIDE, WIDE), (0.0, 0.25), 19.5, rgb(120, 112, 104));
        self.slabs((-30.0, 30.0), (NEAR, 19.5), 1.4, floor);
        let mut x = -22.0;
        while x < 22.0 {
            let width = self.random.range(2.5, 5.0);
            let shop = [
                rgb(84, 104, 132),
                rgb(140, 92, 78),
                rgb(96, 124, 98),
                rgb(150, 138, 92),
                rgb(70, 72, 80),
            ];
            let shade = self.random.range(0.8, 1.3);
            let color = self.random.pick(&shop).shaded(shade);
            self.wall((x, x + width), (0.25, 2.9), 19.5, color);
            self.wall(
                (x + 0.3, x + width - 0.3),
                (0.5, 2.2),
                19.5,
                color.shaded(1.5),
            );
            self.goods((x + 0.4, x + width - 0.4));
            self.wall(
                (x + 0.2, x + width - 0.2),
                (2.35, 2.75),
                19.5,
                color.shaded(0.6),
            );
            x += width + 0.6;
        }
        // Light from the ceiling on the floor.
        for z in [6.0, 10.0, 14.0, 18.0] {
            self.floor((-1.0, 1.0), (z, z + 0.8), rgb(236, 232, 222).faint(70));
        }
    }

    /// What lies in a shop's window: boxes of any colour, which are none of the objects.
    fn goods(&mut self, x: (f32, f32)) {
        let mut at = x.0;
        while at + 0.3 < x.1 {
            let (width, height) = (self.random.range(0.2, 0.5), self.random.range(0.3, 1.2));
            let level = |random: &mut Random| random.range(40.0, 220.0) as u8;
            let color = rgb(
                level(&mut self.random).min(250),
                level(&mut self.random),
                level(&mut self.random),
            );
            self.wall(
                (at, (at + width).min(x.1)),
                (0.5, 0.5 + height),
                19.49,
                color,
            );
            at += width + self.random.range(0.05, 0.4);
        }
    }

    fn square(&mut self) {
        self.floor((-WIDE, WIDE), (22.4, 60.0), GRASS);
        self.houses(23.6);
        self.slabs((-24.0, 24.0), (NEAR, 23.4), 1.6, rgb(176, 166, 150));
        for ring in [3.2f32, 3.0] {
            let color = if ring > 3.1 {
                rgb(140, 128, 112)
            } else {
                rgb(190, 180, 166)
            };
            let plane = (vec3(1.0, 0.0, 0.0), vec3(0.0, 0.0, 1.0));
            self.pen().disc(vec3(1.0, 0.0, 14.0), ring, plane, color);
        }
        for x in [-14.0f32, -8.0, 8.5, 15.0] {
            let size = self.random.range(1.0, 1.5);
            self.tree(x, 22.6, size);
        }
        for x in [-9.0f32, 6.0] {
            self.bench(vec3(x, 0.0, 21.0));
        }
    }

    fn bench(&mut self, at: Vec3) {
        let wood = rgb(120, 84, 52);
        let legs = rgb(50, 50, 54);
        for x in [-0.7, 0.7] {
            self.wall((at.x + x - 0.05, at.x + x + 0.05), (0.0, 0.45), at.z, legs);
        }
        self.wall((at.x - 0.9, at.x + 0.9), (0.42, 0.52), at.z, wood);
        self.wall(
            (at.x - 0.9, at.x + 0.9),
            (0.65, 0.9),
            at.z + 0.1,
            wood.shaded(0.85),
        );
    }
}
