//! The properties that say where on a frame to look, and on which frames.

use super::settings::SettingsError;
use crate::motion::MotionSettings;
use crate::regions::Regions;
use crate::views::{Tiles, TilesError, ViewOptions};
use gst::glib;
use gst::prelude::*;
use std::sync::Arc;
use vigil_analytics::property::store;

/// Values of the properties, as set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Focus {
    pub motion_gate: bool,
    pub motion: MotionSettings,
    pub regions: Option<String>,
    pub tiles: Option<String>,
    pub tile_overlap: f32,
    pub tiles_full: bool,
}

impl Default for Focus {
    fn default() -> Self {
        Self {
            motion_gate: false,
            motion: MotionSettings::default(),
            regions: None,
            tiles: None,
            tile_overlap: 0.2,
            tiles_full: true,
        }
    }
}

/// One of these properties that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum FocusError {
    #[error("property regions: {0}")]
    Regions(String),
    #[error("property tiles is {0}")]
    Tiles(TilesError),
}

fn is_set(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| !text.trim().is_empty())
}

impl Focus {
    /// Which parts of frames to look at.
    pub fn views(&self) -> Result<ViewOptions, SettingsError> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let regions = Regions::parse(&text(&self.regions)).map_err(FocusError::Regions)?;
        Ok(ViewOptions {
            regions: regions.map(Arc::new),
            tiles: Tiles::parse(&text(&self.tiles)).map_err(FocusError::Tiles)?,
            overlap: self.tile_overlap,
            full: self.tiles_full,
        })
    }

    /// The property for which the model sees parts of frames; `None` where it sees them whole.
    pub fn cuts_frames(&self) -> Option<&'static str> {
        is_set(&self.regions).then_some("regions").or(self.tiles())
    }

    /// The name of the property `tiles`, where it is set.
    pub fn tiles(&self) -> Option<&'static str> {
        is_set(&self.tiles).then_some("tiles")
    }

    /// How the motion gate decides; `None` where there is none.
    pub fn motion(&self) -> Option<MotionSettings> {
        self.motion_gate.then_some(self.motion)
    }

    /// The properties' specifications.
    pub fn specs() -> Vec<glib::ParamSpec> {
        let default = Self::default();
        let mut specs = Self::motion_specs(&default);
        specs.extend([
            glib::ParamSpecString::builder("regions")
                .nick("Regions")
                .blurb(
                    "Detect only in these: a JSON list of polygons [[x, y], …] and boxes [x1, y1, \
                     x2, y2] in fractions of the frame, for example [[0.1, 0.2, 0.5, 0.9]]; the \
                     model sees the box around all of them, and objects count that stand in one \
                     (default: the whole frame)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("tiles")
                .nick("Tiles")
                .blurb(
                    "Cut the frame, or the box around its regions, into overlapping tiles for \
                     small objects: COLUMNSxROWS such as 3x2, or auto for as many as show it \
                     without shrinking it, 4x4 at most; the model runs once for each (default: \
                     none)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecFloat::builder("tile-overlap")
                .nick("Tile overlap")
                .blurb("Share of a tile's width and height by which it overlaps the next one")
                .minimum(0.0)
                .maximum(0.9)
                .default_value(default.tile_overlap)
                .mutable_ready()
                .build(),
            glib::ParamSpecBoolean::builder("tiles-full")
                .nick("Full picture besides tiles")
                .blurb(
                    "Whether the picture is also looked at whole, for what is larger than a tile",
                )
                .default_value(default.tiles_full)
                .mutable_ready()
                .build(),
        ]);
        specs
    }

    fn motion_specs(default: &Self) -> Vec<glib::ParamSpec> {
        let time = |name, nick, blurb, value| {
            glib::ParamSpecUInt64::builder(name)
                .nick(nick)
                .blurb(blurb)
                .default_value(value)
                .mutable_playing()
                .build()
        };
        vec![
            glib::ParamSpecBoolean::builder("motion-gate")
                .nick("Motion gate")
                .blurb("Pass frames without inference while nothing moves")
                .default_value(default.motion_gate)
                .mutable_playing()
                .build(),
            glib::ParamSpecFloat::builder("motion-threshold")
                .nick("Motion threshold")
                .blurb(
                    "Levels of luma, of 255, by which the mean of a cell of 16x16 pixels must \
                     differ from what is usual there; more where the noise is stronger",
                )
                .minimum(0.5)
                .maximum(255.0)
                .default_value(default.motion.threshold)
                .mutable_playing()
                .build(),
            time(
                "motion-hold",
                "Motion hold",
                "For how long frames are still inferred after the last motion, in nanoseconds",
                default.motion.hold,
            ),
            time(
                "motion-max-age",
                "Motion maximum age",
                "A frame is inferred at least so often, in nanoseconds, whatever moves (0: only \
                 where something does)",
                default.motion.max_age,
            ),
        ]
    }

    /// Sets one property; the value's type has been checked by GObject.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "motion-gate" => store(value, &mut self.motion_gate),
            "motion-threshold" => store(value, &mut self.motion.threshold),
            "motion-hold" => store(value, &mut self.motion.hold),
            "motion-max-age" => store(value, &mut self.motion.max_age),
            "regions" => store(value, &mut self.regions),
            "tiles" => store(value, &mut self.tiles),
            "tile-overlap" => store(value, &mut self.tile_overlap),
            "tiles-full" => store(value, &mut self.tiles_full),
            _ => {}
        }
    }

    /// One property's value.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "motion-gate" => self.motion_gate.to_value(),
            "motion-threshold" => self.motion.threshold.to_value(),
            "motion-hold" => self.motion.hold.to_value(),
            "motion-max-age" => self.motion.max_age.to_value(),
            "regions" => self.regions.to_value(),
            "tiles" => self.tiles.to_value(),
            "tile-overlap" => self.tile_overlap.to_value(),
            "tiles-full" => self.tiles_full.to_value(),
            _ => return None,
        })
    }
}
