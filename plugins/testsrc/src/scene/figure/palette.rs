//! Colours of things.

use super::shape::{Color, rgb};
use crate::scene::random::Random;

pub(super) const SKIN: [Color; 6] = [
    rgb(241, 204, 177),
    rgb(224, 172, 138),
    rgb(198, 134, 96),
    rgb(160, 104, 70),
    rgb(116, 74, 52),
    rgb(82, 54, 40),
];

pub(super) const HAIR: [Color; 6] = [
    rgb(28, 24, 22),
    rgb(58, 40, 28),
    rgb(98, 66, 40),
    rgb(168, 128, 76),
    rgb(150, 146, 142),
    rgb(120, 56, 34),
];

const FUR: [Color; 6] = [
    rgb(196, 154, 100),
    rgb(120, 82, 52),
    rgb(46, 40, 38),
    rgb(226, 218, 204),
    rgb(148, 140, 132),
    rgb(172, 104, 54),
];

const PAINT: [Color; 12] = [
    rgb(226, 228, 230),
    rgb(188, 192, 196),
    rgb(120, 126, 132),
    rgb(54, 58, 64),
    rgb(28, 30, 34),
    rgb(168, 34, 32),
    rgb(36, 70, 138),
    rgb(22, 98, 84),
    rgb(206, 150, 36),
    rgb(222, 206, 172),
    rgb(92, 40, 60),
    rgb(64, 132, 186),
];

/// Of clothes: any hue, more often muted than bright, and many whites and blacks.
pub(super) fn cloth(random: &mut Random) -> Color {
    match random.next() % 8 {
        0 => rgb(232, 232, 228).shaded(random.range(0.85, 1.0)),
        1 => rgb(36, 38, 44).shaded(random.range(0.7, 1.5)),
        2 => rgb(128, 130, 134).shaded(random.range(0.7, 1.3)),
        _ => hue(
            random.unit(),
            random.range(0.3, 0.85),
            random.range(0.35, 0.95),
        ),
    }
}

/// Of trousers and shoes.
pub(super) fn dark_cloth(random: &mut Random) -> Color {
    match random.next() % 5 {
        0 => rgb(42, 56, 92).shaded(random.range(0.8, 1.5)),
        1 => rgb(30, 30, 34).shaded(random.range(0.8, 1.4)),
        2 => rgb(150, 132, 104).shaded(random.range(0.7, 1.2)),
        3 => rgb(96, 98, 102).shaded(random.range(0.6, 1.2)),
        _ => hue(
            random.unit(),
            random.range(0.15, 0.6),
            random.range(0.2, 0.6),
        ),
    }
}

/// Of cars, trucks and bicycles.
pub(super) fn paint(random: &mut Random) -> Color {
    random.pick(&PAINT).shaded(random.range(0.88, 1.12))
}

/// Of dogs.
pub(super) fn fur(random: &mut Random) -> Color {
    random.pick(&FUR).shaded(random.range(0.85, 1.12))
}

/// HSV, each 0..1.
fn hue(hue: f32, saturation: f32, value: f32) -> Color {
    let channel = |offset: f32| {
        let k = (offset + hue * 6.0) % 6.0;
        let level = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        (level * 255.0).round() as u8
    };
    rgb(channel(5.0), channel(3.0), channel(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_go_round() {
        for (turn, expected) in [
            (0.0, [255, 0, 0]),
            (1.0 / 3.0, [0, 255, 0]),
            (2.0 / 3.0, [0, 0, 255]),
        ] {
            assert_eq!(hue(turn, 1.0, 1.0).rgb, expected);
        }
        assert_eq!(hue(0.4, 0.0, 1.0).rgb, [255; 3]);
    }
}
