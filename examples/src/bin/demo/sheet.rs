//! The contact sheet: a PNG of the moments when events happened.

use std::path::Path;
use vigil_analytics::BBox;

use crate::Result;
use crate::canvas::{Canvas, Colour, Rect};
use crate::happening::Happening;
use crate::moments::{self, Collection, MAX_HEIGHT, Moment, View, WIDTH};
use crate::report::{self, Events, Run};
use crate::scene::{Scene, Shape};

/// Most moments on a sheet.
const MOST: usize = 24;

const MARGIN: i64 = 32;
const GAP: i64 = 20;
const HEADER: i64 = 104;
/// Lines of text under a picture: the event, the object, and how many more there are.
const CAPTION: i64 = 64;

const GROUND: Colour = [17, 19, 23];
const TILE: Colour = [29, 33, 40];
const TEXT: Colour = [236, 239, 244];
const MUTED: Colour = [150, 160, 175];
const OTHERS: Colour = [235, 235, 235];
const SHAPES: Colour = [255, 209, 102];
/// For kinds of events, in alphabetic order: apart from each other for the colour-blind too.
const KINDS: &[Colour] = &[
    [86, 180, 233],
    [230, 159, 0],
    [64, 200, 150],
    [240, 110, 90],
    [204, 121, 167],
    [240, 228, 66],
];

/// Writes the sheet; at least one moment was kept.
pub fn write(
    file: &Path,
    run: &Run,
    events: &Events,
    collection: Collection,
    scene: &Scene,
) -> Result<()> {
    let (mut moments, all) = (collection.kept, collection.seen);
    moments::thin(&mut moments, MOST);
    let grid = Grid::of(&moments);
    let mut sheet = Sheet {
        canvas: Canvas::new(grid.width() as u32, grid.height() as u32, GROUND)?,
        kinds: kinds(events),
        scene,
    };
    sheet.header(run, events, (moments.len(), all), grid.width());
    for (i, moment) in moments.iter().enumerate() {
        sheet.tile(moment, grid.cell(i), grid.picture);
    }
    sheet
        .canvas
        .image()
        .save(file)
        .map_err(|error| format!("{} cannot be written: {error}", file.display()).into())
}

/// The kinds of events in the order of their colours.
fn kinds(events: &Events) -> Vec<String> {
    let mut kinds: Vec<String> = events.by_kind().iter().map(|(k, _)| (*k).into()).collect();
    kinds.sort();
    kinds
}

/// Where the tiles are.
struct Grid {
    columns: i64,
    rows: i64,
    /// Width and height of the area for a picture.
    picture: (i64, i64),
}

impl Grid {
    fn of(moments: &[Moment]) -> Self {
        let n = moments.len().max(1) as i64;
        // One or two pictures would make a sheet too narrow for its header.
        let columns = match n {
            1..=4 => n.max(2),
            5 | 6 | 9 => 3,
            _ => 4,
        };
        let height = moments.iter().map(|m| m.picture.height()).max();
        Self {
            columns,
            rows: (n + columns - 1) / columns,
            picture: (i64::from(WIDTH), i64::from(height.unwrap_or(MAX_HEIGHT))),
        }
    }

    fn width(&self) -> i64 {
        2 * MARGIN + self.columns * (self.picture.0 + GAP) - GAP
    }

    fn height(&self) -> i64 {
        MARGIN + HEADER + self.rows * (self.picture.1 + CAPTION + GAP) - GAP + MARGIN
    }

    fn cell(&self, i: usize) -> (i64, i64) {
        let (row, column) = (i as i64 / self.columns, i as i64 % self.columns);
        (
            MARGIN + column * (self.picture.0 + GAP),
            MARGIN + HEADER + row * (self.picture.1 + CAPTION + GAP),
        )
    }
}

struct Sheet<'a> {
    canvas: Canvas,
    kinds: Vec<String>,
    scene: &'a Scene,
}

impl Sheet<'_> {
    fn colour(&self, kind: &str) -> Colour {
        let index = self.kinds.iter().position(|known| known == kind);
        KINDS[index.unwrap_or_default() % KINDS.len()]
    }

    /// Title, figures, and the colours with how often each kind happened.
    fn header(&mut self, run: &Run, events: &Events, shown: (usize, usize), width: i64) {
        let (x, y) = (MARGIN as f32, MARGIN as f32 - 8.0);
        let room = (width - 2 * MARGIN) as f32;
        let title = self.canvas.fit(&run.job.input, 34.0, room * 0.7);
        let end = self.canvas.text(&title, x, y, 34.0, TEXT);
        let model = self
            .canvas
            .fit(&run.job.model, 20.0, room - (end - x) - 24.0);
        self.canvas.text(&model, end + 20.0, y + 11.0, 20.0, MUTED);

        let mut facts = vec![format!("{} frames", run.meter.frames)];
        facts.extend(run.video());
        facts.push(format!("objects: {}", report::list(&run.objects())));
        facts.push(match shown {
            (some, all) if some < all => format!("{some} of {all} moments"),
            (some, _) => format!("{some} moments"),
        });
        let facts = self.canvas.fit(&facts.join("  ·  "), 18.0, room);
        self.canvas.text(&facts, x, y + 44.0, 18.0, MUTED);

        let mut pen = x;
        for (kind, n) in events.by_kind() {
            let label = format!("{n} {kind}");
            if pen + self.canvas.text_width(&label, 18.0) + 24.0 > x + room {
                break;
            }
            let colour = self.colour(kind);
            self.canvas.dot((pen + 6.0, y + 84.0), 6.0, colour);
            pen = self.canvas.text(&label, pen + 20.0, y + 73.0, 18.0, TEXT) + 28.0;
        }
    }

    fn tile(&mut self, moment: &Moment, (x, y): (i64, i64), (width, height): (i64, i64)) {
        self.canvas.fill((x, y, width, height + CAPTION), TILE);
        let (w, h) = moment.picture.dimensions();
        let (w, h) = (i64::from(w), i64::from(h));
        let at = (x + (width - w) / 2, y + (height - h) / 2, w, h);
        self.canvas.picture(&moment.picture, at.0, at.1);

        let place = Placement {
            view: moment.view,
            at,
        };
        for shape in &self.scene.shapes {
            let names = moment.events.iter().filter_map(|e| e.place.as_ref());
            let mine = names.clone().any(|name| *name == shape.name);
            let alpha = if mine { 0.95 } else { 0.45 };
            draw_shape(&mut self.canvas, shape, &place, alpha);
        }
        for bbox in &moment.objects {
            self.canvas.outline(place.rect(*bbox), 1, OTHERS, 0.55, at);
        }
        for event in &moment.events {
            if let Some(bbox) = event.bbox {
                let colour = self.colour(&event.kind);
                self.canvas.outline(place.rect(bbox), 3, colour, 1.0, at);
            }
        }
        self.caption(moment, (x, y + height), width);
    }

    fn caption(&mut self, moment: &Moment, (x, y): (i64, i64), width: i64) {
        let (left, right) = (x as f32 + 14.0, (x + width) as f32 - 14.0);
        let time = moment.pts.map(report::clock).unwrap_or_default();
        let time_x = right - self.canvas.text_width(&time, 17.0);
        self.canvas.text(&time, time_x, y as f32 + 9.0, 17.0, MUTED);

        // What is rare among all events says most about the moment, but the first is what it was
        // kept for.
        let first = &moment.events[0];
        let colour = self.colour(&first.kind);
        self.canvas.dot((left + 6.0, y as f32 + 20.0), 6.0, colour);
        let kind = self.canvas.fit(&first.kind, 20.0, time_x - left - 36.0);
        self.canvas
            .text(&kind, left + 20.0, y as f32 + 7.0, 20.0, TEXT);

        let mut detail = describe(first);
        if let more @ 1.. = moment.events.len() - 1 {
            detail.push_str(&format!("   + {more} more"));
        }
        let detail = self.canvas.fit(&detail, 17.0, right - left - 20.0);
        self.canvas
            .text(&detail, left + 20.0, y as f32 + 34.0, 17.0, MUTED);
    }
}

/// `person 7, door`.
fn describe(event: &Happening) -> String {
    let parts = [event.object(), event.place.clone()];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    parts.join("  ·  ")
}

/// Where a part of a frame is on the sheet.
struct Placement {
    view: View,
    at: Rect,
}

impl Placement {
    fn point(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let part = self.view.part;
        (
            self.at.0 as f32 + (x - part.x) / part.w * self.at.2 as f32,
            self.at.1 as f32 + (y - part.y) / part.h * self.at.3 as f32,
        )
    }

    fn rect(&self, bbox: BBox) -> Rect {
        let (left, top) = self.point((bbox.x, bbox.y));
        let (right, bottom) = self.point((bbox.x + bbox.w, bbox.y + bbox.h));
        let (x, y) = (left.round() as i64, top.round() as i64);
        (x, y, right.round() as i64 - x, bottom.round() as i64 - y)
    }
}

fn draw_shape(canvas: &mut Canvas, shape: &Shape, place: &Placement, alpha: f32) {
    let (width, height) = place.view.frame;
    let scale = if shape.pixels {
        (1.0, 1.0)
    } else {
        (width, height)
    };
    let points: Vec<_> = shape
        .points
        .iter()
        .map(|(x, y)| place.point((x * scale.0, y * scale.1)))
        .collect();
    let mut sides: Vec<_> = points.windows(2).map(|pair| (pair[0], pair[1])).collect();
    if let (true, Some(first), Some(last)) = (shape.closed, points.first(), points.last()) {
        sides.push((*last, *first));
    }
    // A dark rim, so that it is seen on a white wall too.
    for (width, colour, alpha) in [(4.0, GROUND, alpha * 0.6), (2.0, SHAPES, alpha)] {
        for side in &sides {
            canvas.line(*side, width, colour, alpha, place.at);
        }
    }
    // Beside the first corner, where that is in the picture with room for the name.
    if let Some((x, y)) = points.first() {
        let (x, y) = (x + 6.0, y + 2.0);
        let (left, top, w, h) = place.at;
        let fits_x =
            x >= left as f32 && x + canvas.text_width(&shape.name, 14.0) < (left + w) as f32;
        if fits_x && y >= top as f32 && y + 14.0 < (top + h) as f32 {
            for (dx, dy) in [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)] {
                canvas.text(&shape.name, x + dx, y + dy, 14.0, GROUND);
            }
            canvas.text(&shape.name, x, y, 14.0, SHAPES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_land_where_their_part_of_the_frame_is_shown() {
        let bbox = |x, y, w, h| BBox { x, y, w, h };
        let place = Placement {
            view: View {
                part: bbox(100.0, 50.0, 200.0, 100.0),
                frame: (400.0, 200.0),
            },
            at: (10, 20, 400, 200),
        };
        assert_eq!(place.rect(bbox(100.0, 50.0, 20.0, 10.0)), (10, 20, 40, 20));
        assert_eq!(
            place.rect(bbox(200.0, 100.0, 50.0, 50.0)),
            (210, 120, 100, 100)
        );
    }
}
