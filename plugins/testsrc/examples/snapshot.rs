//! Writes pictures of each scene, for looking at: `snapshot FOLDER [OBJECTS [SEED]]`, PPM with the boxes of
//! the truth; and says how fast they were drawn.

use gstvigiltestsrc::scene::{Object, Scene, SceneKind, SceneOptions};
use std::io::Write;

const SIZE: (u32, u32) = (1280, 720);

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".into());
    let number = |argument: Option<String>, default| {
        argument.and_then(|n| n.parse().ok()).unwrap_or(default)
    };
    let objects = number(arguments.next(), 20);
    let seed = u64::from(number(arguments.next(), 1));
    for kind in SceneKind::ALL {
        let options = SceneOptions {
            kind,
            seed,
            objects,
            ..SceneOptions::default()
        };
        let Ok(mut scene) = Scene::new(&options, SIZE.0, SIZE.1) else {
            continue;
        };
        let started = std::time::Instant::now();
        const FRAMES: u32 = 100;
        let mut looking = std::time::Duration::ZERO;
        for frame in 0..FRAMES {
            let time = f64::from(frame) / 10.0;
            let before = std::time::Instant::now();
            scene.look(time);
            looking += before.elapsed();
            scene.render(time);
        }
        let took = (started.elapsed() - looking) / FRAMES;
        println!(
            "{}: {took:?} a frame, {:?} of it to look",
            kind.as_str(),
            looking / FRAMES
        );
        for frame in 0..3 {
            scene.render(f64::from(frame) * 4.0 + 2.0);
            let name = format!("{folder}/{}-{frame}.ppm", kind.as_str());
            write_picture(&name, scene.pixels(), scene.truth())?;
        }
    }
    Ok(())
}

fn write_picture(name: &str, rgba: &[u8], objects: &[Object]) -> std::io::Result<()> {
    let mut rgb: Vec<u8> = rgba
        .chunks_exact(4)
        .flat_map(|pixel| pixel[..3].to_vec())
        .collect();
    let (width, height) = (SIZE.0 as i32, SIZE.1 as i32);
    let mut dot = |x: i32, y: i32, color: [u8; 3]| {
        if (0..width).contains(&x) && (0..height).contains(&y) {
            let at = (y * width + x) as usize * 3;
            rgb[at..at + 3].copy_from_slice(&color);
        }
    };
    for object in objects {
        let color = if object.visible >= 0.5 {
            [255, 255, 0]
        } else {
            [255, 0, 255]
        };
        let (left, top) = (object.x as i32, object.y as i32);
        let (right, bottom) = ((object.x + object.w) as i32, (object.y + object.h) as i32);
        (left..=right).for_each(|x| [top, bottom].into_iter().for_each(|y| dot(x, y, color)));
        (top..=bottom).for_each(|y| [left, right].into_iter().for_each(|x| dot(x, y, color)));
    }
    let mut file = std::io::BufWriter::new(std::fs::File::create(name)?);
    writeln!(file, "P6 {width} {height} 255")?;
    file.write_all(&rgb)
}
