//! A place, what moves in it, and its picture: all of it a function of the options, the size and
//! the time, so that every frame can be had in any order and is the same each time.
//!
//! ```text
//!   layout ──► population ──► figures ──► shapes ──┬─► paint ──► picture
//!   (places)   (who, when)    (skeletons)          ├─► bounds ─► boxes      ┐
//!              script                              └─► coverage ► visibility ┴─► truth
//! ```
//!
//! | module | what |
//! |---|---|
//! | `layout` | places: camera, pavements, lanes, poles |
//! | `population` | who is there at a time; also by a [`script`] |
//! | `path` | ways with times |
//! | `figure` | people, cars, bicycles, trucks and dogs as polygons |
//! | `camera`, `vector` | from metres to pixels |
//! | `backdrop` | what does not move |
//! | `paint`, `coverage` | polygons to pixels, and to how much of each is seen |
//! | `random` | numbers that are the same for ever |
//!
//! The boxes of the truth are those of the very polygons that are painted.

mod backdrop;
mod camera;
mod coverage;
mod figure;
mod layout;
mod paint;
mod path;
mod population;
pub(crate) mod random;
pub mod script;
#[cfg(test)]
mod tests;
mod vector;

use backdrop::Backdrop;
use camera::Shake;
use coverage::Coverage;
use figure::{Pen, Shape, rgb};
use layout::Layout;
use paint::Brush;
use population::{Actor, Population, Scripted};
use std::sync::Arc;
use tiny_skia::{Pixmap, PixmapMut};

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SceneKind {
    /// A street with pavements at both sides.
    #[default]
    Street,
    /// A road that meets another one, with zebra crossings.
    Crossing,
    /// A wide corridor of a shopping centre.
    Corridor,
    /// A square full of people.
    Crowd,
    /// The street, with nobody in it.
    Empty,
}

impl SceneKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Street,
        Self::Crossing,
        Self::Corridor,
        Self::Crowd,
        Self::Empty,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Street => "street",
            Self::Crossing => "crossing",
            Self::Corridor => "corridor",
            Self::Crowd => "crowd",
            Self::Empty => "empty",
        }
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Somebody on foot or on a bicycle.
    Person,
    /// A car.
    Car,
    /// A bicycle, without who rides it.
    Bicycle,
    /// A truck.
    Truck,
    /// A dog.
    Dog,
}

impl Class {
    /// All of them; the place in this list is the number of the class.
    pub const ALL: [Self; 5] = [
        Self::Person,
        Self::Car,
        Self::Bicycle,
        Self::Truck,
        Self::Dog,
    ];

    /// Its name, as COCO has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Car => "car",
            Self::Bicycle => "bicycle",
            Self::Truck => "truck",
            Self::Dog => "dog",
        }
    }
}

/// What a scene is like.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneOptions {
    /// The place.
    pub kind: SceneKind,
    /// The same seed gives the same scene.
    pub seed: u64,
    /// How many objects there are at a time, about.
    pub objects: u32,
    /// Speed of everything that moves: 1 is natural, 0 stands still.
    pub speed: f64,
    /// From 0 (night) to 1 (day).
    pub light: f64,
    /// How much the camera shakes, 0..1.
    pub shake: f64,
    /// What moves where, and when, instead of what the place is usually full of.
    pub script: Option<Arc<script::Script>>,
}

impl Default for SceneOptions {
    fn default() -> Self {
        Self {
            kind: SceneKind::Street,
            seed: 0,
            objects: 12,
            speed: 1.0,
            light: 1.0,
            shake: 0.0,
            script: None,
        }
    }
}

/// A true object in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Object {
    /// Unique in the stream, from 1.
    pub id: u64,
    /// What it is.
    pub class: Class,
    /// Left edge of what is drawn, in pixels; not clipped to the picture.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
    /// The share of its drawn area that is inside of the picture and not hidden by others, 0..1.
    pub visible: f32,
    /// Since when it is in the scene, in seconds.
    pub appeared: f64,
}

/// There is no picture of this size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a picture of {0}×{1} pixels cannot be painted: at least 1×1 and memory for it are needed")]
pub struct SizeError(pub u32, pub u32);

/// A scene in pictures of one size.
pub struct Scene {
    width: u32,
    height: u32,
    light: f64,
    population: Population,
    scripted: Option<Vec<Scripted>>,
    populated: bool,
    shake: Shake,
    backdrop: Backdrop,
    canvas: Pixmap,
    brush: Brush,
    coverage: Coverage,
    actors: Vec<Actor>,
    shapes: Vec<Shape>,
    objects: Vec<Object>,
}

impl Scene {
    /// A scene in pictures of `width`×`height` pixels. Paints the backdrop: takes milliseconds for
    /// small pictures and about a second for 7680×4320.
    ///
    /// # Errors
    /// A side is 0, or there is not enough memory.
    pub fn new(options: &SceneOptions, width: u32, height: u32) -> Result<Self, SizeError> {
        let kind = options
            .script
            .as_ref()
            .map_or(options.kind, |script| script.background);
        let layout = Layout::new(kind, options.seed, width, height);
        let shake = Shake::new(options.seed, options.shake, height);
        let error = SizeError(width, height);
        let canvas = Pixmap::new(width, height).ok_or(error)?;
        let size = (width, height);
        let margin = shake.margin();
        let backdrop = Backdrop::paint(&layout, kind, options.seed, options.light, size, margin)
            .ok_or(error)?;
        let scripted = options.script.as_ref().map(|script| {
            population::scripted(script, &layout, size, options.seed, options.light < 0.4)
        });
        Ok(Self {
            width,
            height,
            light: options.light,
            population: Population::new(options, layout),
            scripted,
            populated: kind != SceneKind::Empty,
            shake,
            backdrop,
            canvas,
            brush: Brush::in_light(options.light),
            coverage: Coverage::new(width, height),
            actors: Vec::new(),
            shapes: Vec::new(),
            objects: Vec::new(),
        })
    }

    /// Draws the picture at `time`, in seconds of the stream, and finds what is on it.
    pub fn render(&mut self, time: f64) {
        self.look(time);
        let offset = self.shake.at(time);
        self.backdrop.show(offset, self.canvas.data_mut());
        let Some(mut canvas) =
            PixmapMut::from_bytes(self.canvas.data_mut(), self.width, self.height)
        else {
            return;
        };
        let layout = self.population.layout();
        let camera = layout.camera().shifted((offset.0 as f32, offset.1 as f32));
        let mut shadows = Shape::default();
        let dark = rgb(12, 14, 20).faint((40.0 + 60.0 * self.light) as u8);
        for actor in &self.actors {
            actor.figure.draw_shadow(
                &mut Pen {
                    shape: &mut shadows,
                    camera: &camera,
                },
                &actor.pose,
                dark,
            );
        }
        self.brush.fill(&shadows, (0.0, 0.0), &mut canvas);
        for shape in &self.shapes[..self.actors.len()] {
            self.brush.fill(shape, (0.0, 0.0), &mut canvas);
        }
    }

    /// Finds what is in the picture at `time` without drawing it.
    pub fn look(&mut self, time: f64) {
        self.gather(time);
        let offset = self.shake.at(time);
        let camera = self
            .population
            .layout()
            .camera()
            .shifted((offset.0 as f32, offset.1 as f32));
        self.shapes
            .resize_with(self.shapes.len().max(self.actors.len()), Shape::default);
        self.coverage.clear();
        for (actor, shape) in self.actors.iter().zip(&mut self.shapes) {
            shape.clear();
            actor.figure.draw(
                &mut Pen {
                    shape,
                    camera: &camera,
                },
                &actor.pose,
            );
            self.coverage.cover(shape);
        }
        self.objects.clear();
        let picture = (self.width as f32, self.height as f32);
        for (index, (actor, shape)) in self.actors.iter().zip(&self.shapes).enumerate() {
            let (Some(class), Some((left, top, right, bottom))) =
                (actor.figure.class(), shape.bounds())
            else {
                continue;
            };
            let visible = self.coverage.visible((index + 1) as u16);
            if right <= 0.0 || bottom <= 0.0 || left >= picture.0 || top >= picture.1 {
                continue;
            }
            self.objects.push(Object {
                id: actor.id,
                class,
                x: left,
                y: top,
                w: right - left,
                h: bottom - top,
                visible,
                appeared: actor.since,
            });
        }
    }

    /// Everybody who is there, in painting order.
    fn gather(&mut self, time: f64) {
        self.actors.clear();
        if let Some(scripted) = &self.scripted {
            for actor in scripted {
                actor.at(time, &mut self.actors);
            }
        } else if self.populated {
            self.population.at(time, &mut self.actors);
        }
        self.actors
            .extend(population::poles(self.population.layout()));
        let camera = self.population.layout().camera();
        // What is beside or behind the camera is not in the picture.
        self.actors
            .retain(|actor| camera.depth(actor.pose.at.up(0.0)) > NEAREST);
        self.actors.sort_by(|a, b| {
            population::painting_order(a).total_cmp(&population::painting_order(b))
        });
    }

    /// The picture drawn last: RGBA, opaque, rows of `width` × 4 bytes.
    pub fn pixels(&self) -> &[u8] {
        self.canvas.data()
    }

    /// What is on the picture drawn last, the farthest first: everything of which at least a part
    /// of the box is inside, whether it is hidden or not.
    pub fn truth(&self) -> &[Object] {
        &self.objects
    }
}

/// Nearer to the camera nothing is drawn, in metres.
const NEAREST: f32 = 1.2;
