//! `vigilcaption`: asks a vision-language model about chosen frames.
//!
//! Threads, and what runs on them:
//!
//! ```text
//! streaming thread of the video                  workers of the server             thread of the pad
//!   sink ─▶ triggers, small copies ─▶ src          JPEG ─▶ HTTP ─▶ schema ─▶ event    queue ─▶ JSON ─▶ pad
//!              └──▶ lane (queue of jobs) ─────────▶┘                          └──────▶┘
//!              ▲ meta of what came in meanwhile ◀──────────────────────────────┘
//! ```
//!
//! The streaming thread never waits for a server: it only puts jobs into a small queue
//! ([`crate::queue`]). Signals and bus messages come from workers.
//!
//! | module | what |
//! |---|---|
//! | `imp` | the GObject: properties, state changes, requesting and releasing pads |
//! | `signals` | signals, and what the application can ask for |
//! | `events` | events and queries on the pads |
//! | `work` | from READY to PAUSED and back |
//! | `stream` | what one frame does |
//! | `stream::choose` | what of a frame is asked about, and which pictures are taken |
//! | `happening` | events of a `vigilevents` upstream |
//! | `frame` | the pixels of one frame, mapped and copied at most once |
//! | `asker` | questions from what was chosen |
//! | `memory` | questions that need not be asked, because the answer is known |
//! | `answers` | who waits for an answer: from words to events |
//! | `outbox` | where events go: pad, bus, meta, signals |
//! | `awaited` | verdicts that upstream waits for |
//! | `settings` | properties and their check |
//! | `stats` | what the user sees of all this |

use gst::glib;
use gst::prelude::*;

use crate::client::dialect::Dialect;

mod answers;
mod asker;
mod awaited;
mod events;
mod frame;
mod happening;
mod imp;
mod memory;
mod outbox;
mod settings;
mod signals;
mod stats;
mod stream;
mod work;

/// Which server it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilCaptionDialect")]
#[non_exhaustive]
pub enum DialectChoice {
    /// Found out.
    #[default]
    #[enum_value(name = "What the server says of its models", nick = "auto")]
    Auto,
    /// OpenAI's own.
    #[enum_value(name = "OpenAI's interface and nothing else", nick = "openai")]
    OpenAi,
    /// vLLM.
    #[enum_value(name = "vLLM", nick = "vllm")]
    Vllm,
    /// SGLang.
    #[enum_value(name = "SGLang", nick = "sglang")]
    Sglang,
    /// llama-server.
    #[enum_value(name = "llama-server of llama.cpp", nick = "llamacpp")]
    LlamaCpp,
    /// Ollama.
    #[enum_value(name = "Ollama", nick = "ollama")]
    Ollama,
    /// TensorRT-LLM.
    #[enum_value(name = "TensorRT-LLM", nick = "tensorrt-llm")]
    TensorRtLlm,
    /// NIM.
    #[enum_value(name = "NVIDIA NIM", nick = "nim")]
    Nim,
}

impl From<DialectChoice> for Dialect {
    fn from(choice: DialectChoice) -> Self {
        match choice {
            DialectChoice::Auto => Self::Auto,
            DialectChoice::OpenAi => Self::OpenAi,
            DialectChoice::Vllm => Self::Vllm,
            DialectChoice::Sglang => Self::Sglang,
            DialectChoice::LlamaCpp => Self::LlamaCpp,
            DialectChoice::Ollama => Self::Ollama,
            DialectChoice::TensorRtLlm => Self::TensorRtLlm,
            DialectChoice::Nim => Self::Nim,
        }
    }
}

/// What is shown of an object.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstVigilCaptionView")]
#[non_exhaustive]
pub enum ViewChoice {
    /// Cut out.
    #[enum_value(name = "The object cut out, as it was seen best", nick = "crop")]
    Crop,
    /// The whole frame.
    #[enum_value(name = "The whole frame with the object outlined", nick = "frame")]
    Frame,
    /// Both.
    #[default]
    #[enum_value(name = "Both", nick = "both")]
    Both,
}

/// What makes the element ask.
#[glib::flags(name = "GstVigilCaptionTrigger")]
pub enum TriggerFlags {
    /// From time to time.
    #[flags_value(name = "Every `interval`", nick = "interval")]
    INTERVAL = 1,
    /// An object is new.
    #[flags_value(name = "An object is there for `track-age`", nick = "new-track")]
    NEW_TRACK = 2,
    /// An object is gone.
    #[flags_value(name = "An object is gone", nick = "track-end")]
    TRACK_END = 4,
    /// An event of vigilevents.
    #[flags_value(name = "An event of the kinds in `event-kinds`", nick = "event")]
    EVENT = 8,
    /// Another scene.
    #[flags_value(name = "The picture changes as a whole", nick = "scene-change")]
    SCENE_CHANGE = 16,
    /// The application.
    #[flags_value(name = "The signal `trigger`", nick = "manual")]
    MANUAL = 32,
}

glib::wrapper! {
    /// Asks a vision-language model about chosen frames; passes video through untouched, and never
    /// waits for the model.
    ///
    /// ```sh
    /// gst-launch-1.0 filesrc location=video.mp4 ! decodebin3 ! \
    ///     vigildetect model=yolov8n.onnx ! vigiltrack ! vigilevents rules-file=rules.toml ! \
    ///     vigilcaption name=c base-url=http://127.0.0.1:8080/v1 trigger=event+new-track ! fakesink \
    ///     c.captions ! filesink location=captions.jsonl
    /// ```
    pub struct VigilCaption(ObjectSubclass<imp::VigilCaption>)
        @extends gst::Element, gst::Object;
}

/// Registers the element.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "vigilcaption",
        gst::Rank::NONE,
        VigilCaption::static_type(),
    )
}
