//! What people, cars, bicycles, trucks and dogs look like.
//!
//! | file | what |
//! |---|---|
//! | `shape` | polygons in the picture, and the pen that draws things of the world as such |
//! | `person`, `dog`, `bicycle`, `vehicle` | the figures, from their skeletons and blocks |
//! | `palette` | colours |
//!
//! A figure is made anew for each frame: its polygons are painted, give its exact extents, and
//! tell what it hides.

mod bicycle;
mod dog;
mod palette;
mod person;
mod shape;
mod vehicle;

pub use shape::{Color, Pen, Shape, rgb};

use super::Class;
use super::path::Pose;
use super::random::Random;
use super::vector::{Vec3, vec3};
use bicycle::Bicycle;
use dog::Dog;
use person::{Person, Posture};
use vehicle::Vehicle;

/// How something looks: the same for as long as it is in the scene.
#[derive(Debug, Clone, Copy)]
pub enum Figure {
    /// Somebody on foot.
    Person(Person),
    /// Somebody on a bicycle, which is a figure of its own.
    Rider(Person),
    /// A bicycle.
    Bicycle(Bicycle),
    /// A dog.
    Dog(Dog),
    /// A car or a truck.
    Vehicle(Vehicle, Class),
    /// A pole of this radius and height, in metres: hides things, is none itself.
    Pole(f32, f32),
}

impl Figure {
    /// Something of a class; `lit` if its lights are on.
    pub fn new(class: Class, lit: bool, random: &mut Random) -> Self {
        match class {
            Class::Person => Self::Person(Person::new(random)),
            Class::Bicycle => Self::Bicycle(Bicycle::new(random)),
            Class::Dog => Self::Dog(Dog::new(random)),
            Class::Car => Self::Vehicle(Vehicle::car(random, lit), class),
            Class::Truck => Self::Vehicle(Vehicle::truck(random, lit), class),
        }
    }

    /// Somebody for a bicycle.
    pub fn rider(random: &mut Random) -> Self {
        Self::Rider(Person::new(random))
    }

    /// What it is called; `None` for what is no object.
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Person(_) | Self::Rider(_) => Some(Class::Person),
            Self::Bicycle(_) => Some(Class::Bicycle),
            Self::Dog(_) => Some(Class::Dog),
            Self::Vehicle(_, class) => Some(*class),
            Self::Pole(..) => None,
        }
    }

    /// Draws it.
    pub fn draw(&self, pen: &mut Pen, pose: &Pose) {
        match self {
            Self::Person(person) => person.draw(pen, pose, Posture::Upright),
            Self::Rider(person) => {
                // A little behind the middle, on the saddle.
                let mut seated = *pose;
                seated.at = pose.at + pose.heading * -0.2;
                person.draw(pen, &seated, Posture::Riding(Bicycle::pedals(pose)));
            }
            Self::Bicycle(bicycle) => bicycle.draw(pen, pose),
            Self::Dog(dog) => dog.draw(pen, pose),
            Self::Vehicle(vehicle, _) => vehicle.draw(pen, pose),
            Self::Pole(radius, height) => draw_pole(pen, pose, *radius, *height),
        }
    }

    /// Draws what it takes of the light.
    pub fn draw_shadow(&self, pen: &mut Pen, pose: &Pose, color: Color) {
        let round = |pen: &mut Pen, along: f32, across: f32| {
            // The sun is at the left, behind the camera.
            let center = pose.at.up(0.0) + vec3(0.25, 0.0, 0.15);
            let plane = (
                pose.heading.up(0.0) * along,
                pose.heading.right().up(0.0) * across,
            );
            pen.disc(center, 1.0, plane, color);
        };
        match self {
            Self::Person(_) => round(pen, 0.34, 0.3),
            Self::Dog(_) => round(pen, 0.55, 0.22),
            Self::Bicycle(_) => round(pen, 0.95, 0.2),
            Self::Rider(_) => (),
            Self::Vehicle(vehicle, _) => {
                let corners = vehicle.footprint(pose);
                let moved = corners.map(|corner| corner + vec3(0.35, 0.0, 0.2));
                let all: [Vec3; 8] =
                    std::array::from_fn(|i| if i < 4 { corners[i] } else { moved[i - 4] });
                pen.solid(&all, color);
            }
            Self::Pole(radius, _) => round(pen, radius * 2.0, radius * 2.0),
        }
    }
}

fn draw_pole(pen: &mut Pen, pose: &Pose, radius: f32, height: f32) {
    let foot = pose.at.up(0.0);
    let top = pose.at.up(height);
    pen.limb(foot, radius, top, radius * 0.8, rgb(88, 92, 96));
    let lit = vec3(-radius * 0.4, 0.0, 0.0);
    pen.limb(
        foot + lit,
        radius * 0.3,
        top + lit,
        radius * 0.25,
        rgb(126, 130, 134),
    );
}
