//! Cutting an area into tiles that overlap, as SAHI does (Akyon et al., "Slicing Aided Hyper
//! Inference and Fine-tuning for Small Object Detection", ICIP 2022), so that small objects are
//! shown to the network larger than they are on the whole picture.

use super::Part;

/// The most tiles along a side.
const MAX: usize = 16;

/// The most tiles along a side that are taken without having been asked for.
const MAX_AUTO: usize = 4;

/// No tile is smaller than this, in pixels: there would be nothing to see on it.
const LEAST_SIDE: usize = 32;

/// How an area is cut up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tiles {
    /// Into so many columns and rows.
    Grid(usize, usize),
    /// Into as many as bring the picture to the model without shrinking it, four a side at most.
    Auto,
}

/// A text that says no tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" must be COLUMNSxROWS such as 3x2, from 1x1 to {MAX}x{MAX}, or auto for as many as \
     show the picture without shrinking it"
)]
pub struct TilesError(String);

impl Tiles {
    /// From the text of the property; `None` for an empty one.
    ///
    /// # Errors
    /// It is neither a grid nor `auto`.
    pub fn parse(text: &str) -> Result<Option<Self>, TilesError> {
        let wrong = || TilesError(text.to_owned());
        let count = |text: &str| {
            let count = text.trim().parse().ok();
            count.filter(|count| (1..=MAX).contains(count))
        };
        match text.trim() {
            "" => Ok(None),
            "auto" => Ok(Some(Self::Auto)),
            grid => {
                let (columns, rows) = grid.split_once(['x', 'X']).ok_or_else(wrong)?;
                let (columns, rows) = count(columns).zip(count(rows)).ok_or_else(wrong)?;
                Ok(Some(Self::Grid(columns, rows)))
            }
        }
    }

    /// The tiles of an area, row by row, all of one size, with an overlap of this share of their
    /// sides or a little more; fewer where they would be smaller than 32 pixels. A model with an
    /// input of this size is to see them.
    pub(super) fn cut(
        self,
        [x, y, width, height]: Part,
        overlap: f32,
        input: Option<(u32, u32)>,
    ) -> Vec<Part> {
        let (columns, rows) = match self {
            Self::Grid(columns, rows) => (columns, rows),
            Self::Auto => {
                let (w, h) = input.unwrap_or((u32::MAX, u32::MAX));
                (
                    enough(width, w as usize, overlap),
                    enough(height, h as usize, overlap),
                )
            }
        };
        let (w, lefts) = cut(width, columns, overlap);
        let (h, tops) = cut(height, rows, overlap);
        tops.iter()
            .flat_map(|top| lefts.iter().map(move |left| [x + left, y + top, w, h]))
            .collect()
    }
}

/// Side of each of `n` tiles along a side, before it is made whole.
fn side_of(side: usize, n: usize, overlap: f32) -> f64 {
    side as f64 / (n as f64 - (n - 1) as f64 * f64::from(overlap))
}

/// The least number of tiles that are no larger than the model's input.
fn enough(side: usize, input: usize, overlap: f32) -> usize {
    (1..MAX_AUTO)
        .find(|n| side_of(side, *n, overlap) <= input as f64)
        .unwrap_or(MAX_AUTO)
}

/// Cuts one side: the side of a tile, and where they begin, which is at even pixels.
fn cut(side: usize, n: usize, overlap: f32) -> (usize, Vec<usize>) {
    let n = n.min(side / LEAST_SIDE).max(1);
    if n == 1 {
        return (side, vec![0]);
    }
    let mut tile = (side_of(side, n, overlap).ceil() as usize).min(side);
    // The last one must begin at an even pixel, too, and an odd length leaves no gap.
    tile += (side - tile) & 1;
    if tile % 2 == 1 {
        tile = (tile + 2).min(side);
    }
    let room = side - tile;
    let start = |i: usize| (i * room / (n - 1)) & !1;
    (tile, (0..n).map(start).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_grid_is_columns_by_rows() {
        for (text, expected) in [
            ("", None),
            (" ", None),
            ("3x2", Some(Tiles::Grid(3, 2))),
            (" 1 X 16 ", Some(Tiles::Grid(1, 16))),
            ("auto", Some(Tiles::Auto)),
        ] {
            assert_eq!(Tiles::parse(text), Ok(expected), "{text}");
        }
        for text in ["3", "3x", "x", "0x2", "3x17", "3x2x1", "-1x2", "automatic"] {
            let error = Tiles::parse(text).unwrap_err().to_string();
            for part in [
                &format!("\"{text}\"") as &str,
                "3x2",
                "1x1 to 16x16",
                "auto",
            ] {
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn tiles_overlap_by_the_share_that_is_asked_for() {
        // As SAHI cuts 1000 by 400 into slices of 385 by 400 with an overlap of 0.2.
        let tiles = Tiles::Grid(3, 1).cut([0, 0, 1000, 400], 0.2, None);
        assert_eq!(
            tiles,
            [[0, 0, 386, 400], [306, 0, 386, 400], [614, 0, 386, 400]]
        );
        let tiles = Tiles::Grid(2, 2).cut([10, 20, 100, 100], 0.0, None);
        assert_eq!(
            tiles,
            [
                [10, 20, 50, 50],
                [60, 20, 50, 50],
                [10, 70, 50, 50],
                [60, 70, 50, 50]
            ]
        );
    }

    #[test]
    fn auto_takes_as_many_as_show_the_picture_without_shrinking_it() {
        for (area, input, count) in [
            ((640, 360), (640, 640), 1),
            ((1280, 720), (640, 640), 3 * 2),
            ((1920, 1080), (640, 640), 4 * 2),
            ((1920, 1080), (1920, 1088), 1),
            // no more than four a side
            ((7680, 4320), (320, 320), 16),
            ((1, 1), (320, 320), 1),
        ] {
            let tiles = Tiles::Auto.cut([0, 0, area.0, area.1], 0.2, Some(input));
            assert_eq!(tiles.len(), count, "{area:?} for {input:?}");
        }
        assert_eq!(Tiles::Auto.cut([0, 0, 5000, 5000], 0.2, None).len(), 1);
    }

    #[test]
    fn an_area_too_small_for_the_grid_is_cut_into_fewer() {
        for ((width, height), count) in [((1, 1), 1), ((63, 63), 1), ((64, 31), 2), ((500, 70), 30)]
        {
            let tiles = Tiles::Grid(16, 16).cut([0, 0, width, height], 0.2, None);
            assert_eq!(tiles.len(), count, "{width}x{height}");
        }
    }

    proptest! {
        #[test]
        fn tiles_are_alike_and_cover_the_area_and_nothing_else(
            (width, height) in (1usize..5000, 1usize..3000),
            (columns, rows) in (1usize..=16, 1usize..=16),
            overlap in 0.0f32..0.9,
        ) {
            let tiles = Tiles::Grid(columns, rows).cut([0, 0, width, height], overlap, None);
            for (axis, side) in [(0, width), (1, height)] {
                let length = tiles[0][axis + 2];
                let mut starts: Vec<_> = tiles.iter().map(|tile| tile[axis]).collect();
                starts.sort_unstable();
                prop_assert!(tiles.iter().all(|tile| tile[axis + 2] == length));
                prop_assert!(starts.iter().all(|start| start % 2 == 0));
                prop_assert_eq!(starts[0], 0);
                prop_assert_eq!(starts[starts.len() - 1] + length, side);
                prop_assert!(starts.windows(2).all(|pair| pair[1] <= pair[0] + length));
            }
        }
    }
}
