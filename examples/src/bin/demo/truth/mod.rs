//! Comparison of what was found with what was there, for video whose truth is known.
//!
//! | module | what |
//! |---|---|
//! | [`boxes`] | precision, recall and the tracking metrics, of the objects on each frame |
//! | [`replay`] | the events that follow from the truth, by the same rules |
//! | [`events`] | which of the events were to be told |
//!
//! An object of which less than half is seen, because it is behind another or leaving the picture,
//! counts neither way: nobody can say whether it should be found, nor when what it does should be
//! told.

pub mod boxes;
pub mod events;
pub mod replay;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use vigil_analytics::BBox;
use vigil_analytics::event::ObjectsRecord;

use crate::Result;

/// Share of an object that has to be seen for it to count.
const HALF: f32 = 0.5;

/// Where the truth of a video is written.
#[derive(Debug, Clone, PartialEq)]
pub struct TruthFiles {
    /// In MOTChallenge's format: frame, identity, box, 1, class, visible share. Its classes are
    /// those of MOTChallenge, which knows no trucks.
    pub boxes: PathBuf,
    /// Records of the `objects` pad: which class an identity is.
    pub objects: PathBuf,
}

/// An object on a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Thing {
    /// Unique in the video; `None` for what was found and has no track (yet).
    pub id: Option<u64>,
    /// What it is.
    pub label: String,
    /// Where, in pixels.
    pub bbox: BBox,
    /// The share of it that is seen, 0 to 1.
    pub visible: f32,
}

impl Thing {
    /// Whether so much of it is seen that it should be found.
    pub fn counts(&self) -> bool {
        self.visible >= HALF
    }
}

/// The objects of each frame, from the first on.
#[derive(Debug, Default)]
pub struct Truth {
    /// By frame.
    pub frames: Vec<Vec<Thing>>,
}

impl Truth {
    /// Reads what a renderer wrote; of the first `frames` frames.
    ///
    /// # Errors
    /// For a file that cannot be read, and a line that makes no sense.
    pub fn read(files: &TruthFiles, frames: usize) -> Result<Self> {
        let mut labels = HashMap::new();
        for record in records(&files.objects)? {
            for object in record.objects {
                if let Some(track) = object.track {
                    labels.entry(track).or_insert(object.label.into_owned());
                }
            }
        }
        let name = files.boxes.display();
        let text = std::fs::read_to_string(&files.boxes).map_err(|e| format!("{name}: {e}"))?;
        let mut this = Self {
            frames: vec![Vec::new(); frames],
        };
        for (number, line) in (1..).zip(text.lines()) {
            let (frame, id, bbox, visible) = parse(line)
                .ok_or_else(|| format!("{name}, line {number}: no object of MOTChallenge's"))?;
            let label = match labels.get(&id) {
                Some(label) => label,
                // Behind others from first to last: nobody ever saw what it is.
                None if visible == 0.0 => continue,
                None => return Err(format!("{name}, line {number}: what is object {id}?").into()),
            };
            if let Some(frame) = this.frames.get_mut(frame - 1) {
                frame.push(Thing {
                    id: Some(id),
                    label: label.clone(),
                    bbox,
                    visible,
                });
            }
        }
        Ok(this)
    }
}

/// What was found: the records of an `objects` pad as frames.
pub fn found(file: &Path) -> Result<Vec<Vec<Thing>>> {
    let frames = records(file)?.into_iter().map(|record| {
        let objects = record.objects.into_iter().map(|object| Thing {
            id: object.track,
            label: object.label.into_owned(),
            bbox: BBox {
                x: object.bbox.x as f32,
                y: object.bbox.y as f32,
                w: object.bbox.w as f32,
                h: object.bbox.h as f32,
            },
            visible: 1.0,
        });
        objects.collect()
    });
    Ok(frames.collect())
}

/// The lines of an `objects` pad.
fn records(file: &Path) -> Result<Vec<ObjectsRecord>> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("{name}, line {number}: {error}").into())
    };
    (1..).zip(text.lines()).map(line).collect()
}

/// Frame (from 1), identity, box and visible share of a line.
fn parse(line: &str) -> Option<(usize, u64, BBox, f32)> {
    let fields: Option<Vec<f64>> = line
        .split(',')
        .map(|field| field.trim().parse().ok())
        .collect();
    let [frame, id, x, y, w, h, _, _, visible] = fields?[..] else {
        return None;
    };
    let [x, y, w, h] = [x, y, w, h].map(|value| value as f32);
    let frame = (frame >= 1.0).then_some(frame as usize)?;
    Some((frame, id as u64, BBox { x, y, w, h }, visible as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path, boxes: &str) -> TruthFiles {
        let object = |track: u64, label: &str| {
            serde_json::json!({"track": track, "label": label, "confidence": 1.0,
                "box": {"x": 0, "y": 0, "w": 1, "h": 1}})
        };
        let record = serde_json::json!({
            "schema": "vigil/1", "stream": "s", "inferred": true,
            "frame": {"number": 0, "width": 10, "height": 10},
            "objects": [object(1, "person"), object(2, "truck")],
        });
        let files = TruthFiles {
            boxes: folder.join("gt.txt"),
            objects: folder.join("truth.jsonl"),
        };
        std::fs::write(&files.boxes, boxes).unwrap();
        std::fs::write(&files.objects, format!("{record}\n")).unwrap();
        files
    }

    #[test]
    fn truth_is_boxes_with_classes_and_whether_they_count() {
        let folder = tempfile::tempdir().unwrap();
        let text = "1,2,10,20,30,40.5,1,3,0.5\n1,9,10,20,30,40,1,1,0.000\n\
                    3,1,1,2,3,4,1,1,0.49\n4,1,1,2,3,4,1,1,1\n";
        let truth = Truth::read(&files(folder.path(), text), 3).unwrap();
        let truck = Thing {
            id: Some(2),
            label: "truck".into(),
            bbox: BBox {
                x: 10.0,
                y: 20.0,
                w: 30.0,
                h: 40.5,
            },
            visible: 0.5,
        };
        assert_eq!(truth.frames[0], [truck]);
        assert!(truth.frames[1].is_empty() && truth.frames.len() == 3);
        assert!(truth.frames[0][0].counts() && !truth.frames[2][0].counts());
        assert_eq!(truth.frames[2][0].label, "person");
    }

    #[test]
    fn lines_that_make_no_sense_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for (text, expected) in [
            (
                "1,2,10,20,30,40.5,1,3,1\n0,2,10,20,30,40,1,3,1\n",
                "gt.txt, line 2: no object",
            ),
            ("1,2,10\n", "line 1: no object"),
            ("a,b,c,d,e,f,g,h,i\n", "line 1: no object"),
            ("1,9,10,20,30,40,1,3,1\n", "line 1: what is object 9?"),
        ] {
            let error = Truth::read(&files(folder.path(), text), 3).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        let error = found(&folder.path().join("none.jsonl")).unwrap_err();
        assert!(error.to_string().contains("none.jsonl"), "{error}");
    }
}
