//! Puts everything on a picture, from what is behind to what is in front.

use gst::ClockTime;
use gst_video::VideoColorimetry;
use std::fmt::Write;
use vigil_analytics::Object;

use super::board::Board;
use super::layout::{Layout, LineArt, ZoneArt};
use super::stencil::{Plates, Point};
use super::surface::{Area, Ink, Surface};
use super::trails::Trails;
use crate::Result;
use crate::canvas::Colour;
use crate::report::clock;
use crate::text::{Face, Style};

/// Identities take these in turn: neighbours are far apart, and dark text is readable on all.
const IDENTITIES: &[Colour] = &[
    [255, 110, 84],
    [72, 196, 255],
    [255, 214, 64],
    [112, 230, 120],
    [255, 130, 205],
    [188, 156, 255],
    [255, 166, 60],
    [64, 228, 200],
    [236, 240, 120],
    [150, 190, 255],
    [255, 158, 150],
    [170, 240, 84],
    [232, 130, 255],
    [112, 224, 255],
    [255, 196, 144],
    [150, 255, 190],
];
/// An object without an identity.
const UNKNOWN: Colour = [225, 228, 232];
const DARK: Colour = [14, 17, 22];
const LIGHT: Colour = [240, 243, 247];
const MUTED: Colour = [165, 174, 188];

/// What is kept from one picture to the next.
pub struct Tools {
    face: Face,
    plates: Plates,
    /// Where text is on this picture.
    pub taken: Vec<Area>,
    /// The text that is being written.
    line: String,
}

impl Tools {
    /// Tools that were not used yet.
    pub fn new() -> Result<Self> {
        Ok(Self {
            face: Face::new()?,
            plates: Plates::default(),
            taken: Vec::new(),
            line: String::new(),
        })
    }
}

/// Draws one picture.
pub struct Painter<'a> {
    /// The picture.
    pub surface: Surface<'a>,
    /// What is kept from one picture to the next.
    pub tools: &'a mut Tools,
    /// How the picture codes colours.
    pub colorimetry: VideoColorimetry,
    /// Zones and lines.
    pub layout: &'a Layout,
    /// What has happened so far.
    pub board: &'a Board,
    /// When this is.
    pub now: ClockTime,
}

impl Painter<'_> {
    /// Draws everything. The objects are in the order in which they are drawn.
    pub fn picture(mut self, objects: &[Object], trails: &mut Trails) {
        let layout = self.layout;
        self.tools.taken.clear();
        layout.zones.iter().for_each(|zone| self.zone(zone));
        layout.lines.iter().for_each(|line| self.line(line));
        let width = 2.6 * layout.scale.of;
        for object in objects {
            if let Some(track) = object.track {
                let ink = self.ink(colour(Some(track.id)));
                trails.draw(&mut self.surface, track.id, width, ink, self.now);
            }
        }
        objects.iter().for_each(|object| self.outline(object));
        for zone in &layout.zones {
            let inside = self.board.inside(&zone.name);
            self.name(&zone.name, Some(inside), zone.tag, zone.colour);
        }
        layout.lines.iter().for_each(|line| self.counts(line));
        self.panel(objects, trails);
        self.banners();
        // Last, for these can move out of the way of what is there.
        let known = objects.iter().filter(|object| object.track.is_some());
        known.for_each(|object| self.label(object));
    }

    fn ink(&self, colour: Colour) -> Ink {
        Ink::new(colour, &self.colorimetry)
    }

    fn zone(&mut self, zone: &ZoneArt) {
        let (dark, ink) = (self.ink(DARK), self.ink(zone.colour));
        let fill = if self.board.inside(&zone.name) > 0 {
            46
        } else {
            24
        };
        self.surface.art(&zone.fill, ink, fill);
        self.surface.art(&zone.edges[0], dark, 90);
        self.surface.art(&zone.edges[1], ink, 235);
    }

    fn line(&mut self, line: &LineArt) {
        let flash = self.board.line_flash(&line.name, self.now);
        let (dark, ink) = (self.ink(DARK), self.ink(mix(line.colour, [255; 3], flash)));
        self.surface.art(&line.edges[0], dark, 110);
        if flash > 0.0 {
            self.surface.art(&line.edges[0], ink, (flash * 220.0) as u8);
        }
        self.surface.art(&line.edges[1], ink, 245);
    }

    /// A line's name, and on each side an arrow with how many went that way.
    fn counts(&mut self, line: &LineArt) {
        self.name(&line.name, None, line.tag, line.colour);
        let crossings = self.board.crossings(&line.name);
        let ink = self.ink(line.colour);
        let counts = [crossings.forward, crossings.backward];
        for ((arrow, (x, y)), count) in line.sides.iter().zip(counts) {
            self.surface.art(arrow, ink, 245);
            let text = count.to_string();
            let scale = self.layout.scale;
            let half = (self.tools.face.width(&text, scale.text) / 2.0) as i32 + scale.px(6.0);
            let corner = (*x as i32 - half, *y as i32 - scale.px(10.0));
            self.plate_with(&text, corner, line.colour, 235);
        }
    }

    /// The name of a place, with a number where there is one.
    fn name(&mut self, name: &str, number: Option<u64>, (x, y): Point, colour: Colour) {
        let text = match number {
            Some(number) => format!("{name}  {number}"),
            None => name.to_owned(),
        };
        let scale = self.layout.scale;
        let corner = (x as i32, y as i32 - scale.px(10.0));
        self.plate_with(&text, corner, colour, 235);
    }

    /// Dark text on a plate of a colour, moved into the picture where it is not.
    fn plate_with(&mut self, text: &str, (x, y): (i32, i32), colour: Colour, alpha: u8) {
        let area = self.room_for(text);
        let area = self.inside(Area { x, y, ..area });
        self.plate(area, colour, alpha, 4.0);
        let (dark, pad) = (self.ink(DARK), self.layout.scale.px(6.0));
        self.text(text, (area.x + pad, area.y), dark, alpha.max(200));
        self.tools.taken.push(area);
    }

    /// The size of a plate for a text. Whole steps, so that few plates have to be made.
    fn room_for(&self, text: &str) -> Area {
        const STEP: i32 = 4;
        let scale = self.layout.scale;
        let width = self.tools.face.width(text, scale.text).ceil() as i32 + 2 * scale.px(6.0);
        Area {
            x: 0,
            y: 0,
            w: (width + STEP - 1) / STEP * STEP,
            h: scale.px(20.0),
        }
    }

    fn inside(&self, area: Area) -> Area {
        Area {
            x: area.x.min(self.surface.width - area.w).max(0),
            y: area.y.min(self.surface.height - area.h).max(0),
            ..area
        }
    }

    fn plate(&mut self, area: Area, colour: Colour, alpha: u8, radius: f32) {
        let (ink, radius) = (self.ink(colour), self.layout.scale.px(radius));
        let plate = self.tools.plates.get(area.w, area.h, radius);
        self.surface.stencil(plate, area.x, area.y, ink, alpha);
    }

    /// Writes a line in a row of a plate whose top left corner is `x`, `y`; returns where it ends.
    fn text(&mut self, text: &str, (x, y): (i32, i32), ink: Ink, alpha: u8) -> i32 {
        let scale = self.layout.scale;
        let style = Style {
            size: scale.text,
            bold: 0.45 * scale.of,
        };
        let top = y as f32 + (scale.px(20.0) as f32 - scale.text * 1.13) / 2.0;
        let surface = &mut self.surface;
        let paint = |glyph: &crate::text::Glyph, x, y| {
            surface.stencil(glyph.view(), x, y, ink, alpha);
        };
        self.tools.face.draw(text, (x as f32, top), style, paint) as i32
    }

    fn outline(&mut self, object: &Object) {
        let scale = self.layout.scale;
        let track = object.track.map(|track| track.id);
        let flash = self.board.object_flash(track, self.now);
        let area = area(object);
        let (dark, ink) = (
            self.ink(DARK),
            self.ink(mix(colour(track), [255; 3], flash * 0.8)),
        );
        let grown = |by: i32| Area {
            x: area.x - by,
            y: area.y - by,
            w: area.w + 2 * by,
            h: area.h + 2 * by,
        };
        if track.is_none() {
            // What the tracker does not trust yet.
            return self.surface.outline(area, 1, ink, 90);
        }
        // A prediction is fainter than what was seen.
        let alpha = if object.is_coasted(Some(self.now)) {
            110
        } else {
            245
        };
        let thick = scale.stroke + (flash * 2.5 * scale.of) as i32;
        let out = thick - scale.stroke;
        self.surface.outline(grown(out + 1), 1, dark, 100);
        self.surface.outline(grown(out), thick, ink, alpha);
        self.surface.outline(grown(-scale.stroke), 1, dark, 70);
    }

    /// Who it is: above the box, or wherever no label is yet.
    fn label(&mut self, object: &Object) {
        let mut line = std::mem::take(&mut self.tools.line);
        line.clear();
        line.push_str(object.label_str());
        // Writing to a string does not fail.
        if let Some(track) = object.track {
            let _ = write!(line, " {}", track.id);
        }
        let coasted = object.is_coasted(Some(self.now));
        if !coasted {
            let percent = (object.confidence * 100.0).round();
            let _ = write!(line, "  {percent}%");
        }
        let (size, near) = (self.room_for(&line), area(object));
        let stroke = self.layout.scale.stroke;
        let places = [
            (near.x - 1, near.y - size.h - 1),
            (near.x - 1, near.y + near.h + 1),
            (near.x + near.w - size.w, near.y - size.h - 1),
            (near.x + stroke, near.y + stroke),
        ];
        let free = |area: &Area| !self.tools.taken.iter().any(|other| other.meets(area));
        let mut areas = places
            .map(|(x, y)| self.inside(Area { x, y, ..size }))
            .into_iter();
        let first = areas.clone().next().unwrap_or(size);
        let area = areas.find(free).unwrap_or(first);
        let colour = colour(object.track.map(|track| track.id));
        let alpha = if coasted { 130 } else { 230 };
        self.plate_with(&line, (area.x, area.y), colour, alpha);
        self.tools.line = line;
    }

    /// How many of each kind are in view, and were so far.
    fn panel(&mut self, objects: &[Object], trails: &Trails) {
        let scale = self.layout.scale;
        let (row, pad, column) = (scale.px(20.0), scale.px(10.0), scale.px(64.0));
        let names = trails.seen().keys();
        let widest = names
            .map(|name| self.tools.face.width(name, scale.text))
            .fold(scale.of * 60.0, f32::max) as i32;
        let (x, y) = (scale.px(14.0), scale.px(14.0));
        let rows = trails.seen().len() as i32 + 1;
        let area = Area {
            x,
            y,
            w: widest + 2 * column + 2 * pad,
            h: rows * row + pad,
        };
        self.plate(area, DARK, 195, 8.0);
        self.tools.taken.push(area);
        let (light, muted) = (self.ink(LIGHT), self.ink(MUTED));
        let top = y + pad / 2;
        let ends = [1, 2].map(|i| x + pad + widest + i * column);
        self.text(&clock(self.now), (x + pad, top), muted, 255);
        self.text_ending("in view", (ends[0], top), muted);
        self.text_ending("so far", (ends[1], top), muted);
        for (i, (label, seen)) in (1..).zip(trails.seen()) {
            let y = top + i * row;
            let is_one = |o: &&Object| o.track.is_some() && o.label_str() == *label;
            let in_view = objects.iter().filter(is_one).count();
            self.text(label, (x + pad, y), light, 255);
            self.text_ending(&in_view.to_string(), (ends[0], y), light);
            self.text_ending(&seen.to_string(), (ends[1], y), muted);
        }
    }

    fn text_ending(&mut self, text: &str, (end, y): (i32, i32), ink: Ink) {
        let width = self.tools.face.width(text, self.layout.scale.text);
        self.text(text, (end - width as i32, y), ink, 255);
    }

    /// The latest events, the newest lowest.
    fn banners(&mut self) {
        let scale = self.layout.scale;
        let (height, gap, pad) = (scale.px(26.0), scale.px(5.0), scale.px(12.0));
        let x = scale.px(14.0);
        let mut y = self.surface.height - scale.px(14.0) - height;
        for banner in self.board.banners.iter().rev() {
            let strength = banner.strength(self.now);
            let alpha = |full: f32| (full * strength) as u8;
            let width = self.room_for(&banner.text).w + 2 * pad;
            let area = Area {
                x,
                y,
                w: width,
                h: height,
            };
            self.plate(area, DARK, alpha(185.0), 6.0);
            self.tools.taken.push(area);
            let mark = Area {
                x: x + scale.px(6.0),
                y: y + scale.px(6.0),
                w: scale.px(5.0),
                h: height - 2 * scale.px(6.0),
            };
            self.plate(mark, colour(banner.track), alpha(255.0), 2.0);
            let light = self.ink(LIGHT);
            let inset = (height - scale.px(20.0)) / 2;
            self.text(
                &banner.text,
                (x + pad + scale.px(8.0), y + inset),
                light,
                alpha(255.0),
            );
            y -= height + gap;
        }
    }
}

fn colour(track: Option<u64>) -> Colour {
    track.map_or(UNKNOWN, |track| {
        IDENTITIES[(track % IDENTITIES.len() as u64) as usize]
    })
}

/// `share` of the way from one colour to another.
fn mix(from: Colour, to: Colour, share: f32) -> Colour {
    let mix = |i: usize| {
        let (from, to) = (f32::from(from[i]), f32::from(to[i]));
        (from + (to - from) * share) as u8
    };
    [mix(0), mix(1), mix(2)]
}

/// An object's box in whole pixels, however far outside the picture.
fn area(object: &Object) -> Area {
    const FAR: f32 = 1e5;
    let mut bbox = object.bbox;
    for value in [&mut bbox.x, &mut bbox.y, &mut bbox.w, &mut bbox.h] {
        *value = value.clamp(-FAR, FAR);
    }
    let (x, y, w, h) = bbox.to_pixels();
    Area { x, y, w, h }
}
