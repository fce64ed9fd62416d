//! Layouts that say more of an object than its box: Ultralytics' segmentation, pose and oriented
//! boxes, as candidates (`[4 + classes + values, anchors]`) or finished (`[max, 6 + values]`).
//!
//! Segmentation is known by its second output, the others only by the metadata `task`: their
//! values look like further classes.

use super::single::{says_end_to_end, strides_with};
use super::{Output, Reading, Seen};
use crate::model::{Head, HeadKind, Task};

/// Values of a candidate's box.
const BOX_VALUES: usize = 4;
/// Values of a finished box: corners, score, class.
const FINISHED_VALUES: usize = 6;
/// More than any model has: 133 are those of a whole body.
const MOST_KEYPOINTS: usize = 1000;

/// Which of the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Segment,
    Pose,
    Oriented,
}

/// What is looked for, and who says so.
struct Wanted {
    kind: Kind,
    /// Whether boxes are finished, where somebody says.
    finished: Option<bool>,
    who: String,
}

impl Kind {
    fn of_task(task: &str) -> Option<Self> {
        match task {
            "segment" => Some(Self::Segment),
            "pose" => Some(Self::Pose),
            "obb" => Some(Self::Oriented),
            _ => None,
        }
    }

    /// The task of a head, and whether it is of finished boxes.
    fn of_head(head: HeadKind) -> Option<(Self, bool)> {
        match head {
            HeadKind::Yolov8Segment => Some((Self::Segment, false)),
            HeadKind::Yolov8Pose => Some((Self::Pose, false)),
            HeadKind::Yolov8Oriented => Some((Self::Oriented, false)),
            HeadKind::EndToEndSegment => Some((Self::Segment, true)),
            HeadKind::EndToEndPose => Some((Self::Pose, true)),
            HeadKind::EndToEndOriented => Some((Self::Oriented, true)),
            _ => None,
        }
    }

    fn head(self, finished: bool) -> HeadKind {
        match (self, finished) {
            (Self::Segment, false) => HeadKind::Yolov8Segment,
            (Self::Pose, false) => HeadKind::Yolov8Pose,
            (Self::Oriented, false) => HeadKind::Yolov8Oriented,
            (Self::Segment, true) => HeadKind::EndToEndSegment,
            (Self::Pose, true) => HeadKind::EndToEndPose,
            (Self::Oriented, true) => HeadKind::EndToEndOriented,
        }
    }
}

/// How the outputs are read where the metadata, their shapes or what is `asked` for make them those
/// of a task; `None` where nothing does. `classes` is how many there are, where somebody says.
pub(super) fn reading(
    seen: &Seen,
    asked: Option<HeadKind>,
    classes: Option<usize>,
) -> Result<Option<Reading>, String> {
    let Some(wanted) = wanted(seen, asked) else {
        return Ok(None);
    };
    let main = main_output(seen, &wanted.who)?;
    let protos = match wanted.kind {
        Kind::Segment => Some(protos_for(seen, &wanted.who)?),
        _ => None,
    };
    let rows = Rows::of(seen, main, &wanted);
    let task = match (wanted.kind, protos) {
        (Kind::Segment, Some((_, shape))) => Task::Segment { protos: shape },
        (Kind::Pose, _) => pose(seen, &wanted.who, &rows, classes)?,
        _ => Task::Oriented,
    };
    let head = rows.head(main, task, classes, &wanted.who)?;
    let finished = matches!(head, Head::EndToEndTask { .. });
    let outputs = std::iter::once(main.index).chain(protos.map(|(output, _)| output.index));
    Ok(Some(Reading {
        kind: wanted.kind.head(finished),
        head,
        outputs: outputs.collect(),
    }))
}

fn wanted(seen: &Seen, asked: Option<HeadKind>) -> Option<Wanted> {
    if let Some(head) = asked {
        let (kind, finished) = Kind::of_head(head)?;
        return Some(Wanted {
            kind,
            finished: Some(finished),
            who: format!("{} is asked for", head.as_str()),
        });
    }
    let finished = says_end_to_end(seen.info).then_some(true);
    match seen.info.metadata.get("task") {
        Some(task) => Some(Wanted {
            kind: Kind::of_task(task)?,
            finished,
            who: format!("its metadata says task={task}"),
        }),
        None => looks_like_segmentation(seen).then(|| Wanted {
            kind: Kind::Segment,
            finished,
            who: "its outputs look like boxes and prototypes of masks".into(),
        }),
    }
}

/// One output with three axes and one with four, whose channels are as many as there are values
/// behind those of the boxes and of one class at least.
fn looks_like_segmentation(seen: &Seen) -> bool {
    let [a, b] = &seen.outputs[..] else {
        return false;
    };
    let (main, protos) = if a.shape.len() == 3 { (a, b) } else { (b, a) };
    let ([_, rows, columns], [_, channels, ..]) = (main.shape, protos.shape) else {
        return false;
    };
    let candidates = *rows > BOX_VALUES + channels && strides_with(seen.plan, *columns).is_some();
    protos_shape(seen, protos).is_some() && (candidates || *columns == FINISHED_VALUES + channels)
}

/// The one output with three axes.
fn main_output<'a>(seen: &'a Seen, who: &str) -> Result<&'a Output<'a>, String> {
    let mut with_three = seen.outputs.iter().filter(|o| o.shape.len() == 3);
    match (with_three.next(), with_three.next()) {
        (Some(output), None) if output.is_float() => Ok(output),
        (Some(output), None) => Err(format!(
            "its output is of {}, not of f32 or f16",
            output.elem_type
        )),
        (first, _) => Err(format!(
            "{who}, which has one output with 3 axes, but it has {}",
            first.map_or("none", |_| "several"),
        )),
    }
}

fn protos_shape(seen: &Seen, output: &Output) -> Option<[usize; 3]> {
    match *output.shape {
        [_, channels, height, width]
            if output.is_float()
                && channels > 0
                && (1..=seen.plan.height as usize).contains(&height)
                && (1..=seen.plan.width as usize).contains(&width) =>
        {
            Some([channels, height, width])
        }
        _ => None,
    }
}

fn protos_for<'a>(seen: &'a Seen, who: &str) -> Result<(&'a Output<'a>, [usize; 3]), String> {
    let with_four = || seen.outputs.iter().filter(|o| o.shape.len() == 4);
    let found = with_four().find_map(|output| Some((output, protos_shape(seen, output)?)));
    found.ok_or_else(|| {
        let quarter = |side: u32| side / 4;
        let have = match with_four().next() {
            Some(output) => format!("{:?} is {:?} of {}", output.name, output.shape, output.elem_type),
            None => "there is none".into(),
        };
        format!(
            "{who}, which needs an output of prototypes for masks, [N,32,{},{}] of f32 or f16, and {have}",
            quarter(seen.plan.height),
            quarter(seen.plan.width),
        )
    })
}

/// The axes of the main output.
struct Rows {
    finished: bool,
    /// Values of each candidate, or of each finished box.
    values: usize,
    /// How many candidates, or finished boxes.
    count: usize,
    /// Whether there is a candidate for each cell of the grids.
    fits_grid: bool,
}

impl Rows {
    fn of(seen: &Seen, output: &Output, wanted: &Wanted) -> Self {
        let (rows, columns) = (output.shape[1], output.shape[2]);
        let fits_grid = rows > BOX_VALUES && strides_with(seen.plan, columns).is_some();
        let finished = wanted.finished.unwrap_or(!fits_grid);
        let (values, count) = if finished {
            (columns, rows)
        } else {
            (rows, columns)
        };
        Self {
            finished,
            values,
            count,
            fits_grid: finished || fits_grid,
        }
    }

    /// Values of the box, and of the score and class of a finished one.
    fn first(&self) -> usize {
        if self.finished {
            FINISHED_VALUES
        } else {
            BOX_VALUES
        }
    }

    fn head(
        &self,
        output: &Output,
        task: Task,
        classes: Option<usize>,
        who: &str,
    ) -> Result<Head, String> {
        let (extra, values) = (task.values(), self.values);
        let misfit = |would_be: String| {
            format!(
                "{who}, but its output {:?} has {values} values for each box, where {would_be}",
                output.name
            )
        };
        if self.finished {
            let max = self.count;
            return if values == FINISHED_VALUES + extra {
                Ok(Head::EndToEndTask { max, task })
            } else {
                Err(misfit(format!(
                    "corners, score, class and {} would be {}",
                    described(task),
                    FINISHED_VALUES + extra
                )))
            };
        }
        if !self.fits_grid {
            return Err(format!(
                "{who}, but {} is no number of grid cells of its input",
                self.count
            ));
        }
        let found = values.checked_sub(BOX_VALUES + extra).filter(|n| *n > 0);
        match (found, classes) {
            (Some(found), None) => Ok(self.candidates(found, task)),
            (Some(found), Some(said)) if found == said => Ok(self.candidates(found, task)),
            (_, said) => {
                let said = said.unwrap_or(1);
                Err(misfit(format!(
                    "4 of the box, {said} of the classes and {} would be {}",
                    described(task),
                    BOX_VALUES + said + extra
                )))
            }
        }
    }

    fn candidates(&self, classes: usize, task: Task) -> Head {
        Head::V8Task {
            classes,
            anchors: self.count,
            task,
        }
    }
}

/// What the values of a task are, for a message.
fn described(task: Task) -> String {
    match task {
        Task::Segment { protos } => format!("{} for as many prototypes of masks", protos[0]),
        Task::Pose { keypoints, values } => format!("{values} of each of {keypoints} keypoints"),
        Task::Oriented => "1 of the angle".into(),
    }
}

/// How many keypoints there are: as the metadata `kpt_shape` says, else what is left when the
/// classes are taken away.
fn pose(seen: &Seen, who: &str, rows: &Rows, classes: Option<usize>) -> Result<Task, String> {
    const RIGHT: &str = "[keypoints, 2] or [keypoints, 3], such as [17, 3]";
    if let Some(text) = seen.info.metadata.get("kpt_shape") {
        return kpt_shape(text).ok_or_else(|| {
            format!("{who}, but its metadata kpt_shape is {text:?}: it must be {RIGHT}")
        });
    }
    let classes = if rows.finished {
        0
    } else {
        classes.unwrap_or(1)
    };
    let left = rows.values.saturating_sub(rows.first() + classes);
    let values = [3, 2]
        .into_iter()
        .find(|n| left > 0 && left.is_multiple_of(*n));
    match values {
        Some(values) if left / values <= MOST_KEYPOINTS => Ok(Task::Pose {
            keypoints: left / values,
            values,
        }),
        _ => Err(format!(
            "{who}, but its metadata has no kpt_shape: it must be {RIGHT}"
        )),
    }
}

/// A list of two numbers as Python writes it.
fn kpt_shape(text: &str) -> Option<Task> {
    let inner = text.trim();
    let inner = inner
        .strip_prefix('[')
        .and_then(|s| s.strip_suffix(']'))
        .or_else(|| inner.strip_prefix('(').and_then(|s| s.strip_suffix(')')))?;
    let (keypoints, values) = inner.split_once(',')?;
    let keypoints = keypoints.trim().parse().ok()?;
    let values = values.trim().trim_end_matches(',').parse().ok()?;
    let is_sound = (1..=MOST_KEYPOINTS).contains(&keypoints) && (2..=3).contains(&values);
    is_sound.then_some(Task::Pose { keypoints, values })
}

#[cfg(test)]
mod tests;
