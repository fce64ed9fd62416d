//! Which parts of a frame the network sees: all of it, the area of its regions, tiles of that; and
//! what was found on the parts as one list.
//!
//! Each part is a view of its own into the frame's planes ([`FrameView::part`]), so nothing is
//! copied, and its boxes come out in pixels of the whole frame.
//!
//! [`FrameView::part`]: crate::preprocess::FrameView::part

mod merge;
mod tiles;

pub use tiles::{Tiles, TilesError};

use crate::decode::Detection;
use crate::preprocess::FrameFormat;
use crate::regions::Regions;
use std::sync::Arc;

/// Which parts are wanted, whatever the frame.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewOptions {
    /// Only objects in these; `None` for all.
    pub regions: Option<Arc<Regions>>,
    /// How the area is cut up; `None` for not at all.
    pub tiles: Option<Tiles>,
    /// Share of a tile's side by which it overlaps the next one.
    pub overlap: f32,
    /// Whether the uncut area is looked at besides its tiles.
    pub full: bool,
}

/// A part of a frame: left, top, width and height in pixels.
pub type Part = [usize; 4];

/// Where something was found: the number of the part, and the place in what was found on it.
pub type Place = (usize, usize);

/// The parts of frames of one format and size.
#[derive(Debug, Clone, PartialEq)]
pub struct Views {
    size: (usize, usize),
    parts: Vec<Part>,
    regions: Option<Arc<Regions>>,
}

impl Views {
    /// Of frames of this format, for a model with an input of this width and height, where that is
    /// known.
    pub fn new(options: &ViewOptions, frame: &FrameFormat, input: Option<(u32, u32)>) -> Self {
        let size = (frame.width, frame.height);
        let area = match &options.regions {
            Some(regions) => area(regions, size),
            None => [0, 0, size.0, size.1],
        };
        let tiles = match options.tiles {
            Some(tiles) => tiles.cut(area, options.overlap, input),
            None => vec![area],
        };
        let mut parts = Vec::with_capacity(tiles.len() + 1);
        if tiles.len() > 1 && options.full {
            parts.push(area);
        }
        parts.extend(tiles);
        Self {
            size,
            parts,
            regions: options.regions.clone(),
        }
    }

    /// How many times the model runs for a frame.
    pub fn runs(&self) -> usize {
        self.parts.len()
    }

    /// The parts.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.parts.iter().copied()
    }

    /// Where objects count, where not everywhere.
    pub fn regions(&self) -> Option<&Regions> {
        self.regions.as_deref()
    }

    /// Whether an object with this box, in pixels of the frame, counts.
    pub fn hold(&self, xyxy: [f32; 4]) -> bool {
        let regions = self.regions.as_ref();
        regions.is_none_or(|regions| regions.hold(xyxy, self.size))
    }

    /// Takes out what is not in the regions.
    pub fn keep_inside(&self, detections: &mut Vec<Detection>) {
        detections.retain(|detection| self.hold(detection.xyxy));
    }

    /// What is to be told of a frame, best first: of `found`, a list for each part in their order,
    /// in pixels of the frame, what stands in the regions, and each object that several parts show
    /// only once; no more than `most`. Each with where it was found: the number of the part, and
    /// the place in that part's list.
    pub fn join(&self, found: Vec<Vec<Detection>>, most: usize) -> Vec<(Detection, Place)> {
        let is_one = found.len() == 1;
        let lists = found.into_iter().enumerate();
        let mut found: Vec<_> = lists
            .flat_map(|(part, list)| {
                let list = list.into_iter().enumerate();
                list.map(move |(index, detection)| (detection, (part, index)))
            })
            .collect();
        if !is_one {
            merge::merge(&mut found, &self.parts);
        }
        if let Some(regions) = &self.regions {
            found.retain(|(detection, _)| regions.hold(detection.xyxy, self.size));
        }
        found.truncate(most);
        found
    }

    /// Width and height of the frame.
    pub fn frame(&self) -> (u32, u32) {
        (self.size.0 as u32, self.size.1 as u32)
    }
}

/// The box around all regions, in whole pixels.
fn area(regions: &Regions, (width, height): (usize, usize)) -> Part {
    let [x1, y1, x2, y2] = regions.bounds();
    let whole = |from: f64, to: f64, side: usize| {
        // Even, as parts begin where chroma samples do.
        let start = ((from * side as f64).floor() as usize).min(side - 1) & !1;
        let end = (to * side as f64).ceil() as usize;
        (start, end.clamp(start + 1, side) - start)
    };
    let ((x, w), (y, h)) = (whole(x1, x2, width), whole(y1, y2, height));
    [x, y, w, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::{Colorimetry, PixelFormat};

    fn options(regions: &str, tiles: &str) -> ViewOptions {
        ViewOptions {
            regions: Regions::parse(regions).unwrap().map(Arc::new),
            tiles: Tiles::parse(tiles).unwrap(),
            overlap: 0.2,
            full: true,
        }
    }

    fn views(options: &ViewOptions, width: usize, height: usize) -> Views {
        let format = FrameFormat {
            pixels: PixelFormat::I420,
            width,
            height,
            colorimetry: Colorimetry::default(),
        };
        Views::new(options, &format, Some((640, 640)))
    }

    #[test]
    fn without_regions_and_tiles_the_network_sees_the_frame() {
        let views = views(&options("", ""), 641, 361);
        assert_eq!(views.parts, [[0, 0, 641, 361]]);
    }

    #[test]
    fn with_regions_it_sees_the_box_around_them() {
        for (regions, size, part) in [
            ("[[0.25, 0.5, 0.75, 1]]", (640, 360), [160, 180, 320, 180]),
            // whole and even pixels around it
            (
                "[[0.2501, 0.5001, 0.751, 0.9]]",
                (642, 362),
                [160, 180, 323, 146],
            ),
            (
                "[[0, 0, 0.1, 0.1], [[0.5, 0.5], [0.75, 0.5], [0.5, 0.75]]]",
                (640, 360),
                [0, 0, 480, 270],
            ),
            ("[[0.999, 0.999, 1, 1]]", (640, 360), [638, 358, 2, 2]),
            ("[[0.5, 0.5, 1, 1]]", (1, 1), [0, 0, 1, 1]),
            ("[[0.5, 0.5, 0.50001, 0.50001]]", (3, 3), [0, 0, 2, 2]),
        ] {
            let views = views(&options(regions, ""), size.0, size.1);
            assert_eq!(views.parts, [part], "{regions}");
        }
    }

    #[test]
    fn tiles_cut_up_the_area_which_is_seen_whole_too() {
        let mut options = options("[[0.5, 0, 1, 1]]", "2x1");
        let cut = views(&options, 1280, 360);
        assert_eq!(
            cut.parts,
            [[640, 0, 640, 360], [640, 0, 356, 360], [924, 0, 356, 360]]
        );
        options.full = false;
        assert_eq!(views(&options, 1280, 360).parts, cut.parts[1..]);
        // Nothing to cut.
        options.full = true;
        assert_eq!(views(&options, 2, 2).parts, [[0, 0, 2, 2]]);
    }

    #[test]
    fn what_stands_outside_all_regions_is_left_out() {
        let views = views(
            &options("[[0, 0, 0.5, 1], [0.75, 0, 1, 0.5]]", ""),
            640,
            360,
        );
        let at = |x: f32, bottom: f32| Detection {
            class: 0,
            score: 0.5,
            xyxy: [x - 10.0, bottom - 40.0, x + 10.0, bottom],
        };
        let mut found = vec![
            at(100.0, 300.0),
            at(400.0, 300.0),
            at(600.0, 100.0),
            at(600.0, 300.0),
        ];
        views.keep_inside(&mut found);
        assert_eq!(found, [at(100.0, 300.0), at(600.0, 100.0)]);
    }
}
