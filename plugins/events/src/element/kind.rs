//! The metadata pads that there are.

use vigil_analytics::pads::PadKind;

/// What a metadata pad carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Events.
    Events,
    /// One record for each frame.
    Objects,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Events, Self::Objects];

    /// The kind of a pad or a template.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl PadKind for Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Objects => "objects",
        }
    }
}
