//! Sequences in MOTChallenge's file format: a folder with `seqinfo.ini`, `det.txt` and `gt.txt`.

use gstvigiltrack::geometry::Rect;
use gstvigiltrack::track::{Detection, Time};
use std::path::{Path, PathBuf};

/// Classes of MOTChallenge's ground truth that are neither right nor wrong to track: person on
/// vehicle, static person, distractor, reflection.
const DISTRACTORS: [i32; 4] = [2, 7, 8, 12];
/// The class that is evaluated.
const PEDESTRIAN: i32 = 1;

/// A true object on one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// Identity.
    pub id: u64,
    /// Where, in pixels.
    pub bbox: Rect,
    /// Counts for and against a tracker.
    pub evaluated: bool,
    /// A track that matches it counts neither way.
    pub distractor: bool,
}

/// Detections and truth of a video, by frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// Name of its folder.
    pub name: String,
    /// Frames per second.
    pub fps: f64,
    /// Times of the frames in nanoseconds, where they are not regular.
    pub times: Option<Vec<Time>>,
    /// What a detector found, by frame.
    pub detections: Vec<Vec<Detection>>,
    /// What was there, by frame.
    pub truth: Vec<Vec<Truth>>,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line makes no sense.
    #[error("{}:{line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what would be right.
        message: &'static str,
    },
}

/// A line of `det.txt` or `gt.txt`.
struct Row {
    frame: usize,
    id: i64,
    bbox: Rect,
    /// Score of a detection, flag of a true object.
    value: f32,
    class: i32,
}

impl Sequence {
    /// Reads a sequence from its folder. The files of a data set without ground truth lack
    /// `gt.txt`: then there is no truth on any frame.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let (fps, length) = read_info(&folder.join("seqinfo.ini"))?;
        let mut this = Self {
            name: folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            fps,
            times: None,
            detections: vec![Vec::new(); length],
            truth: vec![Vec::new(); length],
        };
        for row in read_rows(&folder.join("det.txt"))? {
            if let Some(frame) = this.detections.get_mut(row.frame - 1) {
                frame.push(Detection {
                    bbox: row.bbox,
                    score: row.value,
                    class: 0,
                });
            }
        }
        let truth = folder.join("gt.txt");
        for row in if truth.exists() {
            read_rows(&truth)?
        } else {
            Vec::new()
        } {
            if let Some(frame) = this.truth.get_mut(row.frame - 1) {
                frame.push(Truth {
                    id: row.id as u64,
                    bbox: row.bbox,
                    evaluated: row.value != 0.0 && row.class == PEDESTRIAN,
                    distractor: DISTRACTORS.contains(&row.class),
                });
            }
        }
        Ok(this)
    }

    /// The second half, where a detector was trained on the first.
    pub fn second_half(mut self) -> Self {
        let half = self.truth.len() / 2;
        self.detections.drain(..half);
        self.truth.drain(..half);
        self
    }

    /// Every `k`-th frame, from the first on: the video at a lower frame rate.
    pub fn every(mut self, k: usize) -> Self {
        let k = k.max(1);
        self.detections = self.detections.into_iter().step_by(k).collect();
        self.truth = self.truth.into_iter().step_by(k).collect();
        self.fps /= k as f64;
        self
    }
}

impl Sequence {
    /// When a frame is, in nanoseconds.
    pub fn time_of(&self, number: usize) -> Time {
        let irregular = self.times.as_ref().and_then(|times| times.get(number));
        irregular
            .copied()
            .unwrap_or((number as f64 / self.fps * 1e9) as Time)
    }

    /// The frames of these numbers, in order, at the times they had: a stream that lost the
    /// others.
    pub fn only(&self, numbers: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            fps: self.fps,
            times: Some(numbers.iter().map(|&number| self.time_of(number)).collect()),
            detections: numbers
                .iter()
                .map(|&n| self.detections[n].clone())
                .collect(),
            truth: numbers.iter().map(|&n| self.truth[n].clone()).collect(),
        }
    }

    /// A stream on a bad network: `percent` of the frames are lost and the times of the others
    /// are off by up to a third of a frame. Which and by how much is the same on each run.
    pub fn damaged(&self, percent: u32) -> Self {
        let chance = |number: usize, salt: u64| {
            // The finaliser of SplitMix64.
            let mut z = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let kept = |number: &usize| chance(*number, 1) % 100 >= u64::from(percent);
        let numbers: Vec<usize> = (0..self.truth.len()).filter(kept).collect();
        let mut this = self.only(&numbers);
        let third = (1e9 / self.fps / 3.0) as Time;
        for (time, &number) in this.times.iter_mut().flatten().zip(&numbers) {
            *time = (*time + chance(number, 2) % (2 * third + 1)).saturating_sub(third);
        }
        this
    }
}

fn read(path: &Path) -> Result<String, ReadError> {
    std::fs::read_to_string(path).map_err(|source| ReadError::Io {
        path: path.into(),
        source,
    })
}

/// Frame rate and number of frames.
fn read_info(path: &Path) -> Result<(f64, usize), ReadError> {
    let (mut fps, mut length) = (None, None);
    let text = read(path)?;
    for line in text.lines() {
        match line.split_once('=') {
            Some(("frameRate", value)) => fps = value.trim().parse().ok(),
            Some(("seqLength", value)) => length = value.trim().parse().ok(),
            _ => {}
        }
    }
    match (fps, length) {
        (Some(fps), Some(length)) if fps > 0.0 => Ok((fps, length)),
        _ => Err(ReadError::Line {
            path: path.into(),
            line: text.lines().count().max(1),
            message: "frameRate and seqLength must be given, as numbers greater than 0",
        }),
    }
}

fn read_rows(path: &Path) -> Result<Vec<Row>, ReadError> {
    let mut rows = Vec::new();
    for (number, line) in read(path)?.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        rows.push(parse_row(line).ok_or_else(|| ReadError::Line {
            path: path.into(),
            line: number + 1,
            message: "must be frame (from 1), id, left, top, width, height, score[, class, …], \
                      as numbers separated by commas",
        })?);
    }
    Ok(rows)
}

fn parse_row(line: &str) -> Option<Row> {
    let mut fields = line.split(',').map(|field| field.trim().parse::<f64>());
    let mut next = || fields.next()?.ok().filter(|value| value.is_finite());
    let (frame, id) = (next()?, next()?);
    let bbox = [next()?, next()?, next()?, next()?].map(|value| value as f32);
    let value = next()? as f32;
    Some(Row {
        frame: (frame >= 1.0).then_some(frame as usize)?,
        id: id as i64,
        bbox: Rect::new(bbox[0], bbox[1], bbox[2], bbox[3]),
        value,
        class: next().map_or(-1, |class| class as i32),
    })
}
