//! The rules as they are after parsing: checked, with defaults filled in.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::geometry::{Anchor, Line, Zone};

/// Nanoseconds in a millisecond: rules are written in ms, the engine counts in ns.
pub(crate) const MS: u64 = 1_000_000;

/// All rules of one element.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Objects appearing and leaving.
    pub objects: Vec<ObjectRule>,
    /// Zones entered and exited.
    pub zones: Vec<ZoneRule>,
    /// Lines crossed.
    pub lines: Vec<LineRule>,
}

impl Default for Rules {
    /// What holds where no rules were given: every object appears and leaves.
    fn default() -> Self {
        Self {
            objects: vec![ObjectRule {
                name: "objects".into(),
                filter: Filter::default(),
                left_after: ObjectRule::LEFT_AFTER_MS * MS,
                verify: None,
            }],
            zones: Vec::new(),
            lines: Vec::new(),
        }
    }
}

impl Rules {
    /// No rules: nothing ever happens.
    pub fn none() -> Self {
        Self {
            objects: Vec::new(),
            zones: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.objects.len() + self.zones.len() + self.lines.len()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether events of any rule wait for a verdict.
    pub fn verify(&self) -> bool {
        let objects = self.objects.iter().map(|rule| &rule.verify);
        let zones = self.zones.iter().map(|rule| &rule.verify);
        let lines = self.lines.iter().map(|rule| &rule.verify);
        objects.chain(zones).chain(lines).any(Option::is_some)
    }

    /// Names of the rules that need the size of the frame: those in normalized coordinates.
    pub fn needing_frame_size(&self) -> Vec<&str> {
        let zones = self.zones.iter().map(|rule| (&rule.name, rule.zone.units));
        let lines = self.lines.iter().map(|rule| (&rule.name, rule.line.units));
        zones
            .chain(lines)
            .filter(|(_, units)| *units == super::geometry::Units::Normalized)
            .map(|(name, _)| &**name)
            .collect()
    }

    /// Names of the rules in pixels that reach outside a frame of this size.
    pub fn outside_frame(&self, width: u32, height: u32) -> Vec<&str> {
        let (width, height) = (f64::from(width), f64::from(height));
        let zones = self
            .zones
            .iter()
            .filter(|rule| rule.zone.reaches_outside(width, height))
            .map(|rule| &*rule.name);
        let lines = self
            .lines
            .iter()
            .filter(|rule| rule.line.reaches_outside(width, height))
            .map(|rule| &*rule.name);
        zones.chain(lines).collect()
    }
}

/// Which objects count for a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Class names; empty means every class.
    pub labels: BTreeSet<String>,
    /// Least score of a sighting, 0..1.
    pub min_confidence: f32,
    /// How many sightings that match it takes until an object counts; from then on it counts
    /// whatever its label and score become, so that a flickering class ends nothing.
    pub min_sightings: u32,
}

impl Filter {
    /// Default of [`Filter::min_sightings`]: one sighting alone is often a false one.
    pub const MIN_SIGHTINGS: u32 = 2;

    /// Whether one sighting matches.
    pub fn matches(&self, label: &str, confidence: f32) -> bool {
        confidence >= self.min_confidence && (self.labels.is_empty() || self.labels.contains(label))
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            labels: BTreeSet::new(),
            min_confidence: 0.0,
            min_sightings: Self::MIN_SIGHTINGS,
        }
    }
}

/// `verify`: an event of the rule waits until somebody downstream says whether it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// What is asked; without, whether the rule's report is true.
    pub question: Option<String>,
    /// Nanoseconds of wall-clock time after which there is no answer.
    pub timeout: u64,
    /// What becomes of an event without an answer.
    pub otherwise: Otherwise,
}

impl Verify {
    /// Default of [`Verify::timeout`] in milliseconds: longer than a captioner keeps a question.
    pub const TIMEOUT_MS: u64 = 60_000;
    /// Longest [`Verify::question`], in characters.
    pub const LONGEST: usize = 1000;
}

/// What becomes of an event of which nobody says whether it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It is told, as not verified.
    Publish,
    /// It is not told.
    Drop,
}

/// `[[object]]`: `object.appeared` and `object.left`.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectRule {
    /// Unique among all rules.
    pub name: Arc<str>,
    /// Which objects count.
    pub filter: Filter,
    /// Nanoseconds of looked-at absence after which an object has left.
    pub left_after: u64,
    /// Whether events wait for a verdict.
    pub verify: Option<Arc<Verify>>,
}

impl ObjectRule {
    /// Default of [`ObjectRule::left_after`] in milliseconds.
    pub const LEFT_AFTER_MS: u64 = 1000;
}

/// `[[zone]]`: `zone.entered` and `zone.exited`.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneRule {
    /// Unique among all rules; also the name of the zone.
    pub name: Arc<str>,
    /// Which objects count.
    pub filter: Filter,
    /// Where.
    pub zone: Zone,
    /// Which point of an object's box is looked at.
    pub anchor: Anchor,
    /// Nanoseconds that an object must stay inside before it has entered.
    pub enter_after: u64,
    /// Nanoseconds that an object must stay outside before it has exited.
    pub exit_after: u64,
    /// Nanoseconds of looked-at absence after which an object is no longer inside.
    pub left_after: u64,
    /// Whether events wait for a verdict.
    pub verify: Option<Arc<Verify>>,
}

impl ZoneRule {
    /// Default of [`ZoneRule::enter_after`] in milliseconds.
    pub const ENTER_AFTER_MS: u64 = 200;
    /// Default of [`ZoneRule::exit_after`] in milliseconds: longer than entering, so that a box
    /// that trembles on the edge makes one visit, not many.
    pub const EXIT_AFTER_MS: u64 = 500;
}

/// Which crossings of a line make events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directions {
    /// Every crossing.
    Both,
    /// Only from the left-hand to the right-hand side of the line.
    Forward,
    /// Only from the right-hand to the left-hand side of the line.
    Backward,
}

/// `[[line]]`: `line.crossed`.
#[derive(Debug, Clone, PartialEq)]
pub struct LineRule {
    /// Unique among all rules; also the name of the line.
    pub name: Arc<str>,
    /// Which objects count.
    pub filter: Filter,
    /// Where.
    pub line: Line,
    /// Which point of an object's box is looked at.
    pub anchor: Anchor,
    /// How far beyond the line an object must be before the crossing counts: a fraction of the
    /// frame's height, or pixels where the line is in pixels.
    pub margin: f64,
    /// Which crossings make events; all are counted.
    pub directions: Directions,
    /// Whether events wait for a verdict.
    pub verify: Option<Arc<Verify>>,
}

impl LineRule {
    /// Default of [`LineRule::margin`] for normalized lines: 5 px of 1080, a detector's jitter.
    pub const MARGIN: f64 = 0.005;
    /// Default of [`LineRule::margin`] for lines in pixels.
    pub const MARGIN_PIXELS: f64 = 4.0;
}
