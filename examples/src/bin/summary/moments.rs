//! Which events are shown as pictures.

use std::collections::{BTreeMap, HashMap, HashSet};
use vigil_analytics::Event;

use crate::Result;
use crate::read::{Log, Stamp};
use crate::video::Picture;

/// A frame on which something happened.
#[derive(Debug)]
pub struct Moment {
    /// PTS of the frame in nanoseconds.
    pub pts: u64,
    /// When it was, as the event says it.
    pub stamp: Stamp,
    /// What happened; the first is what the moment was chosen for.
    pub events: Vec<Event>,
    /// The frame, once it was found.
    pub picture: Option<Picture>,
}

/// The stream that a video shows.
///
/// # Errors
/// For a name that no stream has.
pub fn stream_of_video(log: &mut Log, name: Option<&str>) -> Result<usize> {
    let names: Vec<&str> = log.streams.iter().map(|s| s.name.as_str()).collect();
    match name {
        Some(name) => names
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| {
                let known = names.join("\", \"");
                format!("video-stream: there is no stream \"{name}\", but \"{known}\"").into()
            }),
        None if names.len() > 1 => {
            let text = format!(
                "the pictures are those of stream \"{}\", the first of {}: --video-stream says which",
                names[0],
                names.len()
            );
            log.warnings.push(text);
            Ok(0)
        }
        None => Ok(0),
    }
}

/// PTS of a stream's first frame, in nanoseconds; `None` where the records do not tell.
///
/// Containers move the times of a video: most files begin at 0, whatever the PTS were. What does
/// not change is that the first frame is the first.
pub fn start_of_stream(log: &Log, stream: usize) -> Option<u64> {
    let (first, pts) = log.streams.get(stream)?.first?;
    if first == 0 {
        return Some(pts);
    }
    let events = log.events.iter().filter(|entry| entry.stream == stream);
    let frames: Vec<(f64, f64)> = events
        .filter_map(|entry| Some((entry.event.frame.number as f64, entry.stamp.pts? as f64)))
        .collect();
    let (first, pts) = (first as f64, pts as f64);
    let last = frames.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let interval = (last.1 - pts) / (last.0 - first);
    // Where frames come at equal intervals, the numbers lead back to the first.
    let is_even = frames
        .iter()
        .all(|(number, at)| (pts + (number - first) * interval - at).abs() < interval / 2.0);
    (interval > 0.0 && is_even).then(|| (pts - first * interval).max(0.0).round() as u64)
}

/// At most `most` moments of a stream, in their order: every kind of event at every place has its
/// share, and each is spread over the time.
pub fn choose(log: &Log, stream: usize, most: usize) -> Vec<Moment> {
    let mut groups: BTreeMap<(&str, &str), Vec<(u64, usize)>> = BTreeMap::new();
    let mut on_frame: HashMap<u64, Vec<usize>> = HashMap::new();
    for (index, entry) in log.events.iter().enumerate() {
        let (Some(pts), true) = (entry.stamp.pts, entry.stream == stream) else {
            continue;
        };
        let event = &entry.event;
        let place = event.zone.as_deref().or(event.line.as_deref());
        let group = (event.event.as_ref(), place.unwrap_or_default());
        groups.entry(group).or_default().push((pts, index));
        on_frame.entry(pts).or_default().push(index);
    }
    for events in groups.values_mut() {
        events.sort_unstable();
    }
    let mut chosen = spread(&groups.into_values().collect::<Vec<_>>(), most);
    chosen.sort_unstable();
    chosen
        .into_iter()
        .map(|(pts, index)| {
            let others = on_frame[&pts].iter().filter(|other| **other != index);
            let all = std::iter::once(&index).chain(others);
            Moment {
                pts,
                stamp: log.events[index].stamp,
                events: all.map(|i| log.events[*i].event.clone()).collect(),
                picture: None,
            }
        })
        .collect()
}

/// Up to `most` (time, index) of groups, each sorted by time: shares as equal as the groups allow.
/// The whole time is cut into equal parts, and those are dealt to the groups in turn, so that each
/// group is spread over the time and the pictures are too. No time twice.
fn spread(groups: &[Vec<(u64, usize)>], most: usize) -> Vec<(u64, usize)> {
    let times = || groups.iter().flatten().map(|(pts, _)| *pts);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Vec::new();
    };
    let mut taken = HashSet::new();
    let mut chosen = Vec::new();
    let dealt = deal(groups, most);
    for (part, group) in dealt.iter().enumerate() {
        let middle = (2 * part + 1) as f64 / (2 * dealt.len()) as f64;
        let target = first + ((last - first) as f64 * middle) as u64;
        let nearest = groups[*group]
            .iter()
            .filter(|(pts, _)| !taken.contains(pts))
            .min_by_key(|(pts, _)| pts.abs_diff(target));
        if let Some(found) = nearest {
            taken.insert(found.0);
            chosen.push(*found);
        }
    }
    chosen
}

/// Which group each part of the time is for.
fn deal(groups: &[Vec<(u64, usize)>], most: usize) -> Vec<usize> {
    // Small groups first: what they cannot use is for the others.
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|group| groups[*group].len());
    let mut room = most;
    let mut parts = Vec::new();
    for (i, group) in order.iter().enumerate() {
        let share = room.div_ceil(order.len() - i).min(groups[*group].len());
        room -= share;
        parts.extend((0..share).map(|n| ((2 * n + 1) as f64 / (2 * share) as f64, *group)));
    }
    parts.sort_by(|a, b| a.0.total_cmp(&b.0));
    parts.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::tests::log;

    fn times(moments: &[Moment]) -> Vec<u64> {
        moments.iter().map(|m| m.pts / 1_000_000_000).collect()
    }

    #[test]
    fn rare_kinds_are_shown_and_the_whole_time_is() {
        let mut events: Vec<_> = (0..300)
            .map(|t| ("object.appeared", "start", "A", Some(f64::from(t)), "{}"))
            .collect();
        events.push(("line.crossed", "instant", "B", Some(150.5), "{}"));
        let moments = choose(&log(&events), 0, 11);
        let times = times(&moments);
        assert_eq!(times.len(), 11);
        assert!(moments.iter().any(|m| m.events[0].event == "line.crossed"));
        assert!(times[0] < 30 && times[10] > 270, "{times:?}");
        assert!(times.windows(2).all(|w| w[1] - w[0] <= 45), "{times:?}");
    }

    #[test]
    fn kinds_that_are_as_frequent_take_turns() {
        let kinds = ["zone.entered", "line.crossed", "object.appeared"];
        let events: Vec<_> = (0..300)
            .map(|t| (kinds[t % 3], "instant", "A", Some(t as f64), "{}"))
            .collect();
        let moments = choose(&log(&events), 0, 6);
        assert_eq!(times(&moments).len(), 6);
        let kinds: HashSet<_> = moments[..3]
            .iter()
            .map(|m| m.events[0].event.clone())
            .collect();
        assert_eq!(kinds.len(), 3);
        let gaps = times(&moments)
            .windows(2)
            .map(|w| w[1] - w[0])
            .collect::<Vec<_>>();
        assert!(gaps.iter().all(|gap| (40..60).contains(gap)), "{gaps:?}");
    }

    #[test]
    fn a_frame_is_shown_once_with_all_its_events() {
        let log = log(&[
            ("object.appeared", "start", "A", Some(1.0), "{}"),
            ("zone.entered", "start", "B", Some(1.0), "{}"),
            ("zone.entered", "start", "C", Some(2.0), "{}"),
            ("zone.entered", "start", "D", None, "{}"),
        ]);
        let moments = choose(&log, 0, 24);
        assert_eq!(times(&moments), [1, 2]);
        let ids: Vec<_> = moments[0].events.iter().map(|e| e.id.as_str()).collect();
        assert_eq!(ids, ["B", "A"]);
    }

    #[test]
    fn never_more_than_asked_for() {
        let events: Vec<_> = (0..40)
            .map(|t| ("zone.entered", "start", "A", Some(f64::from(t)), "{}"))
            .collect();
        let log = log(&events);
        for most in [0, 1, 7, 40, 100] {
            assert_eq!(choose(&log, 0, most).len(), most.min(40));
        }
        assert!(choose(&log, 1, 10).is_empty());
    }

    #[test]
    fn the_first_frame_is_found_where_frames_are_even() {
        let log = |frames: &[(u64, u64)]| {
            let mut log = Log::default();
            for (number, ms) in frames {
                let line = format!(
                    r#"{{"schema":"vigil/1","id":"A","event":"e","phase":"instant","stream":"s","pts":{},"frame":{{"number":{number},"width":0,"height":0}},"data":{{}}}}"#,
                    ms * 1_000_000
                );
                log.read("t", line.as_bytes()).unwrap();
            }
            log
        };
        for (frames, expected) in [
            (&[(0, 70), (5, 900)][..], Some(70)),
            (&[(7, 770), (0, 70)], Some(70)),
            (&[(20, 2500), (10, 1500), (45, 5000)], Some(500)),
            // As a file's times are rounded.
            (&[(3, 101), (6, 201), (9, 299)], Some(2)),
            // A stream that stood still, one frame only, PTS that go back.
            (&[(10, 1000), (20, 2000), (30, 9000)], None),
            (&[(10, 1000), (10, 1000)], None),
            (&[(10, 1000), (20, 500)], None),
            (&[], None),
        ] {
            let start = start_of_stream(&log(frames), 0);
            assert_eq!(start.map(|ns| ns / 1_000_000), expected, "{frames:?}");
        }
    }

    #[test]
    fn the_stream_of_a_video_is_found_by_name() {
        let mut one = log(&[("zone.entered", "start", "A", Some(1.0), "{}")]);
        assert_eq!(stream_of_video(&mut one, None).unwrap(), 0);
        assert_eq!(stream_of_video(&mut one, Some("cam")).unwrap(), 0);
        assert!(one.warnings.is_empty());
        let error = stream_of_video(&mut one, Some("cam-2")).unwrap_err();
        assert!(
            error.to_string().contains("\"cam-2\", but \"cam\""),
            "{error}"
        );
    }
}
