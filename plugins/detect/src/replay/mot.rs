//! Rows in MOTChallenge's format: `frame,id,left,top,width,height,score[,class,…]`.
//!
//! As in Leal-Taixé et al., "MOTChallenge 2015: Towards a benchmark for multi-target tracking", and
//! Milan et al., "MOT16: A benchmark for multi-object tracking": frames and classes count from 1,
//! the corner is in pixels and may be outside the frame. Identities are of no interest here. Data
//! sets differ in what they have in the eighth column: a class (MOT16's and MOT17's ground truth,
//! VisDrone), a coordinate in the world (2D MOT 2015), or something of their own. So it is taken
//! for a class where it is a whole number from -1 on in all rows.

use super::Content;
use super::find::Clock;
use super::store::{Row, Store};
use crate::model::numbered;

/// MOTChallenge's names of the classes, from 1 on (Milan et al., table 5; 13 came with MOT20).
const NAMES: [&str; 13] = [
    "pedestrian",
    "person on vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non motorized vehicle",
    "static person",
    "distractor",
    "occluder",
    "occluder on the ground",
    "occluder full",
    "reflection",
    "crowd",
];

/// The label of a box without a class.
pub(super) const OBJECT: &str = "object";

/// Class numbers up to here are taken for such; beyond, for something else.
const MAX_CLASS: u32 = 9999;

const ROW: &str = "a row is frame,id,left,top,width,height,score[,class,…]";

/// Reads rows one by one.
pub(super) struct Parser {
    labels: Option<Vec<String>>,
    store: Store,
    /// So far the eighth column is a class number in all rows.
    has_classes: bool,
    /// The largest class number.
    max_class: u32,
    /// The first class number that the property `labels` does not name, and its line.
    unnamed: Option<(u32, usize)>,
}

/// What a row says.
struct Values {
    frame: u32,
    row: Row,
    /// `Some(None)` for a class number that says that there is none, `None` for no class number.
    class: Option<Option<u32>>,
}

impl Parser {
    /// `labels` are the names of the classes, from 1 on; `None` for MOTChallenge's.
    pub fn new(labels: Option<Vec<String>>) -> Self {
        Self {
            labels,
            store: Store::default(),
            has_classes: true,
            max_class: 0,
            unnamed: None,
        }
    }

    /// Takes a row, which is not blank.
    pub fn take(&mut self, number: usize, line: &str) -> Result<(), String> {
        let Values {
            frame,
            mut row,
            class,
        } = parse(line)?;
        match class {
            None => self.has_classes = false,
            Some(None) => {}
            Some(Some(class)) => {
                row.class = class;
                self.max_class = self.max_class.max(class);
                let named = |labels: &Vec<String>| (1..=labels.len()).contains(&(class as usize));
                if self.unnamed.is_none() && !self.labels.as_ref().is_none_or(named) {
                    self.unnamed = Some((class, number));
                }
            }
        }
        let at = u64::from(frame) - 1;
        if self.store.last_at() != Some(at) {
            self.store
                .add_frame(at, [0; 2], true)
                .map_err(|_| "there are too many rows".to_owned())?;
        }
        self.store
            .add_row(row)
            .map_err(|_| "there are too many rows".into())
    }

    /// What all rows together say; `Err` with a line and what is wrong there.
    pub fn finish(mut self) -> Result<Content, (usize, String)> {
        let mut warnings = Vec::new();
        if !self.has_classes {
            self.store.clear_classes();
            self.max_class = 0;
        } else if let Some((class, line)) = self.unnamed {
            let count = self.labels.map_or(0, |labels| labels.len());
            return Err((
                line,
                format!("class {class}, but labels names those from 1 to {count}"),
            ));
        }
        self.store.sort();
        self.store.merge();
        let (labels, labels_source) = match self.labels {
            Some(labels) => {
                if self.max_class == 0 && labels.len() > 1 {
                    let count = labels.len();
                    warnings.push(format!(
                        "labels has {count} names, but no row has a class: all objects are \
                         \"{OBJECT}\""
                    ));
                }
                if labels.len() == 1 {
                    // A single name is good for rows without a class too.
                    self.store.clear_classes();
                    (labels, "property")
                } else {
                    (numbered_from_1(labels), "property")
                }
            }
            None if self.max_class == 0 => (vec![OBJECT.into()], "none recorded"),
            None => (default_names(self.max_class), "MOTChallenge"),
        };
        Ok(Content {
            store: self.store,
            clock: Clock::FrameNumber,
            is_complete: true,
            labels,
            labels_source,
            warnings,
        })
    }
}

/// Labels by class number; 0 is for rows without a class.
fn numbered_from_1(labels: impl IntoIterator<Item = String>) -> Vec<String> {
    std::iter::once(OBJECT.into()).chain(labels).collect()
}

fn default_names(max_class: u32) -> Vec<String> {
    let beyond = NAMES.len() + 1..=max_class as usize;
    let names = NAMES.map(String::from).into_iter();
    numbered_from_1(names.chain(beyond.map(numbered)))
}

fn parse(line: &str) -> Result<Values, String> {
    let mut fields = line.split(',').map(str::trim);
    let mut next = |name: &str| {
        let field = fields.next().filter(|field| !field.is_empty());
        let field = field.ok_or_else(|| format!("there is no {name}: {ROW}"))?;
        let value = field.parse::<f64>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| format!("{name} is {field:?}: must be a number ({ROW})"))
    };
    let frame = next("frame")?;
    if frame.fract() != 0.0 || !(1.0..=f64::from(u32::MAX)).contains(&frame) {
        return Err(format!(
            "frame is {frame}: must be a whole number from 1 on"
        ));
    }
    // Nobody's identity, but a file that has none here is of another format.
    next("id")?;
    let mut xywh = [0.0; 4];
    for (value, name) in xywh.iter_mut().zip(["left", "top", "width", "height"]) {
        *value = super::pixels(next(name)?, name)?;
    }
    let score = next("score")? as f32;
    let class = fields.next().map(class_number);
    Ok(Values {
        frame: frame as u32,
        row: Row {
            xywh,
            score,
            class: 0,
        },
        // A row that ends before it has no class.
        class: class.unwrap_or(Some(None)),
    })
}

/// The eighth column: a class number, -1 for none, or something else (`None`).
fn class_number(field: &str) -> Option<Option<u32>> {
    let value = field.parse::<f64>().ok()?;
    if value == -1.0 {
        return Some(None);
    }
    let is_class = value.fract() == 0.0 && (0.0..=f64::from(MAX_CLASS)).contains(&value);
    is_class.then_some(Some(value as u32))
}
