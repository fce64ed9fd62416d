//! The element `vigiltestsrc`: a thin shell around [`crate::scene`], [`crate::convert`] and
//! [`crate::truth`].

mod imp;
mod lateness;
mod settings;
mod stats;
mod stream;
mod timing;
mod truth;
mod video;
mod waiter;

use crate::scene::SceneKind;
use gst::glib;
use gst::prelude::*;

/// What the scene is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilTestSrcScene")]
#[non_exhaustive]
pub enum SceneChoice {
    /// A street.
    #[default]
    #[enum_value(
        name = "A street with pavements, people, cars and bicycles",
        nick = "street"
    )]
    Street,
    /// A crossing.
    #[enum_value(name = "Two roads that meet, with zebra crossings", nick = "crossing")]
    Crossing,
    /// A corridor.
    #[enum_value(name = "A wide corridor indoors, with people", nick = "corridor")]
    Corridor,
    /// A crowd.
    #[enum_value(name = "A square full of people", nick = "crowd")]
    Crowd,
    /// Nobody.
    #[enum_value(name = "The street, with nobody in it", nick = "empty")]
    Empty,
    /// A script.
    #[enum_value(name = "What the property script says", nick = "script")]
    Script,
}

impl SceneChoice {
    /// The place; that of a script is in its file.
    fn kind(self) -> SceneKind {
        match self {
            Self::Street | Self::Script => SceneKind::Street,
            Self::Crossing => SceneKind::Crossing,
            Self::Corridor => SceneKind::Corridor,
            Self::Crowd => SceneKind::Crowd,
            Self::Empty => SceneKind::Empty,
        }
    }
}

glib::wrapper! {
    /// Renders a scene of which everything is known, and says so in metadata.
    ///
    /// ```sh
    /// gst-launch-1.0 vigiltestsrc ground-truth=true ! \
    ///     objectdetectionoverlay ! videoconvert ! autovideosink
    /// ```
    ///
    /// The same properties give the same frames, byte by byte, also after a seek.
    pub struct VigilTestSrc(ObjectSubclass<imp::VigilTestSrc>)
        @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}

/// Registers the element.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "vigiltestsrc",
        gst::Rank::NONE,
        VigilTestSrc::static_type(),
    )
}
