//! Whether two pictures show the same: a coarse sketch of each, and how far they are apart.
//!
//! The usual perceptual hashes keep of a picture whether it gets brighter or darker from one cell to
//! the next. That is blind to colour, undecided on flat ground, and overlooks what is small, all of
//! which matters to a question about a scene: a light that turns green, a person far away. So a
//! sketch keeps the mean samples of a fine grid, and two pictures are alike if *no* cell differs much:
//! whoever is in doubt asks the model.

use super::{Component, Picture};

/// Cells along each side.
const CELLS: usize = 32;
/// Change of a cell's mean, in levels of 255, that noise and compression make.
const NOISE: u8 = 6;

/// What a picture looks like from afar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    size: (usize, usize),
    cells: Vec<u8>,
}

impl Sketch {
    /// Of a picture. Costs about as much as reading it once.
    pub fn of(picture: &Picture) -> Self {
        let mut cells = Vec::with_capacity(3 * CELLS * CELLS);
        for component in picture.components {
            sketch(component, &picture.samples, &mut cells);
        }
        Self {
            size: (picture.width, picture.height),
            cells,
        }
    }

    /// Whether nothing worth a question is different.
    pub fn is_like(&self, other: &Self) -> bool {
        let mut cells = self.cells.iter().zip(&other.cells);
        self.size == other.size
            && self.cells.len() == other.cells.len()
            && cells.all(|(a, b)| a.abs_diff(*b) <= NOISE)
    }
}

fn sketch(component: Component, samples: &[u8], cells: &mut Vec<u8>) {
    // Smaller pictures have a cell for each sample.
    let (columns, rows) = (component.width.min(CELLS), component.height.min(CELLS));
    let edge = |i: usize, cells: usize, samples: usize| i * samples / cells;
    let mut sums = [0u32; CELLS];
    for cell_y in 0..rows {
        sums.fill(0);
        let (top, bottom) = (
            edge(cell_y, rows, component.height),
            edge(cell_y + 1, rows, component.height),
        );
        for y in top..bottom {
            let row = component.row(samples, y);
            for (cell_x, sum) in sums.iter_mut().take(columns).enumerate() {
                let (left, right) = (
                    edge(cell_x, columns, component.width),
                    edge(cell_x + 1, columns, component.width),
                );
                let cell = row.get(left..right).unwrap_or_default();
                *sum += cell.iter().map(|&sample| u32::from(sample)).sum::<u32>();
            }
        }
        for (cell_x, sum) in sums.iter().take(columns).enumerate() {
            let width =
                edge(cell_x + 1, columns, component.width) - edge(cell_x, columns, component.width);
            let count = (width * (bottom - top)).max(1) as u32;
            cells.push((sum / count) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 448;

    /// A grey street with noise of this amplitude, and something on it.
    fn scene(noise: u32, thing: Option<([usize; 4], [u8; 3])>) -> Sketch {
        let mut state = 1u32;
        let mut rgb: Vec<u8> = (0..SIZE * SIZE)
            .flat_map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let shade = 60 + (i / SIZE / 4) as u32 + (state >> 16) % (noise + 1);
                [shade as u8; 3]
            })
            .collect();
        if let Some(([x, y, w, h], color)) = thing {
            for row in y..y + h {
                for column in x..x + w {
                    rgb[(row * SIZE + column) * 3..][..3].copy_from_slice(&color);
                }
            }
        }
        Sketch::of(&Picture::new(SIZE, SIZE, &rgb).unwrap())
    }

    #[test]
    fn noise_is_no_change_and_a_person_far_away_is_one() {
        let street = scene(0, None);
        assert!(street.is_like(&scene(8, None)));
        let person = [201, 130, 14, 30];
        let seen = scene(0, Some((person, [20, 20, 20])));
        assert!(!street.is_like(&seen) && !seen.is_like(&street));
    }

    #[test]
    fn a_light_of_another_colour_is_a_change() {
        let light = [100, 100, 20, 20];
        let (red, green) = ([230, 20, 20], [20, 200, 20]);
        let before = scene(0, Some((light, red)));
        assert!(!before.is_like(&scene(0, Some((light, green)))));
        assert!(before.is_like(&scene(4, Some((light, red)))));
    }

    #[test]
    fn pictures_of_other_sizes_are_not_alike() {
        let of = |w, h| Sketch::of(&Picture::new(w, h, &vec![90; w * h * 3]).unwrap());
        assert!(of(40, 30).is_like(&of(40, 30)));
        assert!(!of(40, 30).is_like(&of(30, 40)));
        assert!(of(1, 1).is_like(&of(1, 1)));
    }
}
