//! What rendering a scene costs, in all and in steps.

use super::table::{Table, median};
use gstvigiltestsrc::convert::{Colors, Converter, Format, PlaneMut, Target};
use gstvigiltestsrc::scene::{Scene, SceneKind, SceneOptions};
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
const FRAMES: u32 = 60;

/// Frames of 1280×720 in I420 with noise, drawn and converted on one thread.
pub fn scene(repeat: usize) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(
        "scene",
        "vigiltestsrc's core, 1280x720 I420 with noise, one thread",
        &["fps", "render ms", "convert ms"],
    );
    for kind in SceneKind::ALL {
        for objects in [20, 100] {
            let options = SceneOptions {
                kind,
                objects,
                ..SceneOptions::default()
            };
            let figures = (0..repeat.max(1)).map(|_| frames(&options));
            let figures = figures.collect::<Result<Vec<_>, _>>()?;
            let middle = |i: usize| median(figures.iter().map(|figure| figure[i]).collect());
            let (render, convert) = (middle(0), middle(1));
            table.row(
                format!("{} {objects}", kind.as_str()),
                &[1e3 / (render + convert), render, convert],
            );
        }
    }
    table.note("the scene's name, and how many objects there are at a time, about");
    Ok(table)
}

/// Mean times of drawing and of converting a frame, in milliseconds.
fn frames(options: &SceneOptions) -> Result<[f64; 2], Box<dyn Error>> {
    let mut scene = Scene::new(options, WIDTH as u32, HEIGHT as u32)?;
    let target = Target {
        format: Format::I420,
        width: WIDTH,
        height: HEIGHT,
        colors: Colors::BT709,
    };
    let mut converter = Converter::new(target, options.seed, 0.1);
    let mut planes: Vec<(Vec<u8>, usize)> = (0..Format::I420.planes())
        .map(|plane| {
            let (stride, rows) = Format::I420.plane_size(plane, WIDTH, HEIGHT);
            (vec![0; stride * rows], stride)
        })
        .collect();
    let mut seconds = [0.0; 2];
    for number in 0..FRAMES {
        let time = f64::from(number) / 30.0;
        let started = Instant::now();
        scene.render(black_box(time));
        let drawn = Instant::now();
        let mut views: Vec<PlaneMut<'_>> = planes
            .iter_mut()
            .map(|(data, stride)| PlaneMut {
                data,
                stride: *stride,
            })
            .collect();
        converter.run(scene.pixels(), number.into(), black_box(&mut views))?;
        seconds[0] += (drawn - started).as_secs_f64();
        seconds[1] += drawn.elapsed().as_secs_f64();
    }
    Ok(seconds.map(|seconds| seconds * 1e3 / f64::from(FRAMES)))
}
