//! Objects that are new, and objects that are gone.

use std::collections::HashMap;

/// A track on a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub track: u64,
    /// The tracker gave it up.
    pub lost: bool,
}

/// What became of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is there for long enough.
    New(u64),
    /// It was there for long enough, and is gone; so often was asked about it.
    Gone(u64, u32),
    /// It is gone and was never there for long.
    Dropped(u64),
}

#[derive(Debug)]
struct Life {
    first: u64,
    last: u64,
    told: bool,
    asked: u32,
}

/// The tracks of a stream.
#[derive(Debug)]
pub struct Tracks {
    age: u64,
    patience: u64,
    lives: HashMap<u64, Life>,
}

impl Tracks {
    /// Tracks are new when they are `age` nanoseconds old, and gone when no look found them for
    /// `patience`.
    pub fn new(age: u64, patience: u64) -> Self {
        Self {
            age,
            patience,
            lives: HashMap::new(),
        }
    }

    /// Takes in what was seen at this time. Without a look (`looked`), absence means nothing.
    pub fn look(&mut self, now: u64, looked: bool, seen: &[Seen], out: &mut Vec<Change>) {
        for &Seen { track, lost } in seen {
            if lost {
                self.end(track, out);
                continue;
            }
            let life = self.lives.entry(track).or_insert(Life {
                first: now,
                last: now,
                told: false,
                asked: 0,
            });
            life.last = now;
            if !life.told && now.saturating_sub(life.first) >= self.age {
                life.told = true;
                out.push(Change::New(track));
            }
        }
        if looked {
            let patience = self.patience;
            let gone = |(track, life): (&u64, &mut Life)| {
                // Strictly: with no patience at all, what is here must stay.
                (now.saturating_sub(life.last) > patience).then_some(*track)
            };
            let first = self.lives.iter_mut().find_map(gone);
            if first.is_some() {
                let all: Vec<u64> = self.lives.iter_mut().filter_map(gone).collect();
                all.into_iter().for_each(|track| self.end(track, out));
            }
        }
    }

    fn end(&mut self, track: u64, out: &mut Vec<Change>) {
        if let Some(life) = self.lives.remove(&track) {
            out.push(if life.told {
                Change::Gone(track, life.asked)
            } else {
                Change::Dropped(track)
            });
        }
    }

    /// How often was asked about a track.
    pub fn asked(&self, track: u64) -> u32 {
        self.lives.get(&track).map_or(0, |life| life.asked)
    }

    /// Somebody asks about a track.
    pub fn ask(&mut self, track: u64) {
        if let Some(life) = self.lives.get_mut(&track) {
            life.asked += 1;
        }
    }

    /// When a track was seen first, in nanoseconds.
    pub fn first(&self, track: u64) -> Option<u64> {
        Some(self.lives.get(&track)?.first)
    }

    /// Forgets all: another stream, or another part of it.
    pub fn clear(&mut self) {
        self.lives.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(tracks: &mut Tracks, looks: &[(u64, bool, &[u64])]) -> Vec<Change> {
        let mut out = Vec::new();
        for &(now, looked, seen) in looks {
            let seen: Vec<_> = seen
                .iter()
                .map(|&track| Seen { track, lost: false })
                .collect();
            tracks.look(now, looked, &seen, &mut out);
        }
        out
    }

    #[test]
    fn a_track_is_new_when_it_is_old_enough() {
        let mut tracks = Tracks::new(10, 5);
        let out = looks(
            &mut tracks,
            &[
                (0, true, &[7]),
                (5, true, &[7]),
                (10, true, &[7, 8]),
                (12, true, &[7, 8]),
            ],
        );
        assert_eq!(out, [Change::New(7)]);
        assert_eq!((tracks.first(7), tracks.first(9)), (Some(0), None));
    }

    #[test]
    fn skipped_frames_are_no_absence() {
        let mut tracks = Tracks::new(0, 5);
        let out = looks(
            &mut tracks,
            &[(0, true, &[7]), (20, false, &[]), (21, true, &[7])],
        );
        assert_eq!(out, [Change::New(7)]);
        let out = looks(&mut tracks, &[(26, true, &[]), (27, true, &[])]);
        assert_eq!(out, [Change::Gone(7, 0)]);
    }

    #[test]
    fn what_was_there_for_a_moment_is_not_announced_as_gone() {
        let mut tracks = Tracks::new(10, 0);
        let out = looks(&mut tracks, &[(0, true, &[7]), (1, true, &[])]);
        assert_eq!(out, [Change::Dropped(7)]);
    }

    #[test]
    fn a_lost_track_is_gone_at_once() {
        let mut tracks = Tracks::new(0, 1000);
        let mut out = looks(&mut tracks, &[(0, true, &[7])]);
        tracks.ask(7);
        assert_eq!((tracks.asked(7), tracks.asked(8)), (1, 0));
        tracks.look(
            1,
            false,
            &[Seen {
                track: 7,
                lost: true,
            }],
            &mut out,
        );
        tracks.look(
            2,
            false,
            &[Seen {
                track: 7,
                lost: true,
            }],
            &mut out,
        );
        assert_eq!(out, [Change::New(7), Change::Gone(7, 1)]);
    }
}
