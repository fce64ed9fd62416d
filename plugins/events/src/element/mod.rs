//! `vigilevents`: turns tracked objects into events by rules.
//!
//! Threads, and what runs on them:
//!
//! ```text
//! streaming thread of the video            one thread per metadata pad
//!   sink ─▶ rules ─▶ meta, bus ─▶ src        queue ─▶ JSON ─▶ pad ─▶ consumer
//!              └──▶ queue of each pad ───────────┘
//! ```
//!
//! Where rules say `verify`, events come from two more threads: that of whoever says whether they are
//! true, and, where nobody does, one that looks at the clock.
//!
//! The streaming thread never waits for a metadata pad: it only puts records into that pad's
//! bounded queue ([`vigil_analytics::pads`]).
//!
//! | module | what |
//! |---|---|
//! | `imp` | the GObject: properties, state changes, requesting and releasing pads |
//! | `events` | events and queries on the pads |
//! | `state` | what one frame does |
//! | `verdicts` | events that wait until somebody downstream says whether they are true |
//! | `alarm` | the thread that ends such waiting in time |
//! | `posts` | messages for the bus, in their order |
//! | `kind` | which metadata pads there are; [`vigil_analytics::pads`] has their queues and threads |
//! | `settings` | properties and their check |

use gst::glib;
use gst::prelude::*;

mod alarm;
mod events;
mod imp;
mod kind;
mod posts;
mod settings;
mod state;
mod verdicts;

glib::wrapper! {
    /// Turns tracked objects into events by rules; passes video through untouched.
    pub struct VigilEvents(ObjectSubclass<imp::VigilEvents>)
        @extends gst::Element, gst::Object;
}

/// Registers the element.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "vigilevents",
        gst::Rank::NONE,
        VigilEvents::static_type(),
    )
}
