//! When to ask, by the time of the stream: nothing here depends on how fast the stream is played.
//!
//! | module | what |
//! |---|---|
//! | [`tracks`] | objects that are new, and objects that are gone |
//! | [`cuts`] | changes of the scene |
//! | [`limits`] | how often: for each track, for the stream, in a minute |

pub mod cuts;
pub mod limits;
pub mod tracks;

/// What makes the element ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// Time has passed.
    Interval,
    /// An object is there for a while.
    NewTrack,
    /// An object is gone.
    TrackEnd,
    /// Something happened to an object.
    Event,
    /// The picture is another one.
    SceneChange,
    /// The application said so.
    Manual,
    /// Somebody has a question.
    Ask,
}

impl Trigger {
    /// As it is in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::NewTrack => "new-track",
            Self::TrackEnd => "track-end",
            Self::Event => "event",
            Self::SceneChange => "scene-change",
            Self::Manual => "manual",
            Self::Ask => "ask",
        }
    }
}

/// Which kinds of events are meant: names, `*` for all, or names that end in `.*`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kinds(Vec<String>);

impl Kinds {
    /// Kinds separated by commas.
    ///
    /// # Errors
    /// The word that cannot be the name of an event kind.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_*".contains(c);
        let mut kinds = Vec::new();
        for word in words {
            let star_inside = word.find('*').is_some_and(|at| at + 1 != word.len());
            if !word.chars().all(allowed) || star_inside {
                return Err(word.to_string());
            }
            kinds.push(word.to_string());
        }
        Ok(Self(kinds))
    }

    /// Whether this kind is among them. What captioners said is no event to caption.
    pub fn contain(&self, kind: &str) -> bool {
        !kind.starts_with("caption.")
            && self.0.iter().any(|known| match known.strip_suffix('*') {
                Some(beginning) => kind.starts_with(beginning),
                None => kind == known,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_names_and_beginnings_of_names() {
        let kinds = Kinds::parse("zone.*, line.crossed,").unwrap();
        for (kind, expected) in [
            ("zone.entered", true),
            ("zone.exited", true),
            ("line.crossed", true),
            ("line.crossed.twice", false),
            ("object.left", false),
        ] {
            assert_eq!(kinds.contain(kind), expected, "{kind}");
        }
        let all = Kinds::parse("*").unwrap();
        assert!(all.contain("anything") && !all.contain("caption.scene"));
        assert!(!Kinds::parse("").unwrap().contain("zone.entered"));
        for (wrong, word) in [("a,b c", "b c"), ("z*ne", "z*ne"), ("\u{7}", "\u{7}")] {
            assert_eq!(Kinds::parse(wrong), Err(word.to_string()));
        }
    }
}
