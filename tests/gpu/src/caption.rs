//! The step `caption`: how soon a model that captions answers, on a server that is there already.

use crate::machine::Machine;
use crate::record::{Checked, Recorder, Verdict, passed};
use crate::{Common, Failure};
use gst::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How long all answers to a question may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// How often the element is asked how far it is.
const LOOK: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Address of an OpenAI-compatible interface, such as http://127.0.0.1:8000/v1
    #[arg(long)]
    base_url: Option<String>,
    /// Answers of each kind
    #[arg(long, default_value_t = 20)]
    questions: u64,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub enum Question {
    /// A sentence about a picture.
    Caption,
    /// Whether something is there.
    YesNo,
}

impl Question {
    /// As the report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caption => "a sentence",
            Self::YesNo => "yes or no",
        }
    }

    fn properties(self) -> &'static str {
        match self {
            Self::Caption => {
                "prompt=\"Say in one short sentence what is to be seen.\" max-tokens=32"
            }
            Self::YesNo => "prompt=\"Is there a car? Answer yes or no.\" max-tokens=3",
        }
    }
}

/// How soon a server answers a question.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaptionRow {
    pub dialect: String,
    pub model: String,
    pub question: String,
    pub answers: u64,
    pub first_token_p50_ms: f64,
    pub first_token_p95_ms: f64,
    pub total_p50_ms: f64,
    pub total_p95_ms: f64,
}

pub fn run(options: &Options) -> Result<bool, Failure> {
    let common = &options.common;
    let mut recorder = Recorder::new("caption", &common.out, Machine::look(common.device))?;
    gst::init()?;
    // A process can have a plugin once: as a file, where GStreamer has found that, or built in.
    if gst::ElementFactory::find("vigilcaption").is_none() {
        gstvigilcaption::plugin_register_static()?;
    }
    if gst::ElementFactory::find("vigiltestsrc").is_none() {
        gstvigiltestsrc::plugin_register_static()?;
    }
    for question in [Question::Caption, Question::YesNo] {
        let mut row = None;
        recorder.check(question.as_str(), || match &options.base_url {
            None => Ok(Verdict::Skipped(
                "no server is named: --base-url, or VIGIL_GPU_BASE_URL, of one that serves a model which \
                 sees pictures"
                    .into(),
            )),
            Some(url) => measured(url, question, options.questions, &mut row),
        })?;
        recorder.record.captions.extend(row);
        recorder.save()?;
    }
    recorder.finish()
}

fn measured(url: &str, question: Question, answers: u64, row: &mut Option<CaptionRow>) -> Checked {
    // The first one loads what the server has not loaded yet.
    ask(url, question, 1)?;
    let found = ask(url, question, answers.max(1))?;
    let text = format!(
        "{} answers of {} ({})",
        found.answers, found.model, found.dialect
    );
    *row = Some(found);
    passed(text)
}

/// Asks about one picture after the other, until there are so many answers.
fn ask(url: &str, question: Question, answers: u64) -> Result<CaptionRow, Failure> {
    let pipeline = gst::parse::launch(&format!(
        "vigiltestsrc is-live=true ! video/x-raw,format=NV12,width=1280,height=720,framerate=30/1 \
         ! vigilcaption name=caption {} stream=true trigger=interval interval=1000000 min-interval=0 \
           per-minute=0 queue-size=1 eos-timeout=0 first-token-timeout=60000000000 \
           deadline=120000000000 ! fakesink sync=true",
        question.properties()
    ))?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .map_err(|_| "no pipeline")?;
    let caption = pipeline
        .by_name("caption")
        .ok_or("no vigilcaption in the pipeline")?;
    caption.set_property("base-url", url);
    let asked = until(&pipeline, &caption, answers);
    let stats = caption.property::<gst::Structure>("stats");
    pipeline.set_state(gst::State::Null)?;
    asked?;
    let text = |name: &str| {
        stats
            .get::<String>(name)
            .unwrap_or_else(|_| "unknown".into())
    };
    Ok(CaptionRow {
        dialect: text("dialect"),
        model: text("model"),
        question: question.as_str().into(),
        answers: stats.get("answered")?,
        first_token_p50_ms: stats.get("first-token-p50-ms")?,
        first_token_p95_ms: stats.get("first-token-p95-ms")?,
        total_p50_ms: stats.get("total-p50-ms")?,
        total_p95_ms: stats.get("total-p95-ms")?,
    })
}

fn until(pipeline: &gst::Pipeline, caption: &gst::Element, answers: u64) -> Result<(), Failure> {
    let bus = pipeline.bus().ok_or("no bus")?;
    let started = Instant::now();
    pipeline.set_state(gst::State::Playing)?;
    let pause = gst::ClockTime::from_mseconds(LOOK.as_millis() as u64);
    while started.elapsed() < PATIENCE {
        let message = bus.timed_pop_filtered(pause, &[gst::MessageType::Error]);
        if let Some(gst::MessageView::Error(error)) = message.as_ref().map(|m| m.view()) {
            return Err(error.error().to_string().into());
        }
        let stats = caption.property::<gst::Structure>("stats");
        if stats.get::<u64>("answered")? >= answers {
            return Ok(());
        }
        let dropped = stats.get::<gst::Structure>("dropped")?;
        let all = dropped
            .iter()
            .map(|(reason, count)| (reason, count.get::<u64>().unwrap_or(0)));
        let refused = |(reason, count): &(&gst::glib::GStr, u64)| {
            *count > 0 && !["superseded", "expired", "queue-full"].contains(&reason.as_str())
        };
        if let Some((reason, count)) = all.into_iter().find(refused) {
            return Err(format!("{count} questions have no answer: {reason}").into());
        }
    }
    Err(format!("no {answers} answers within {} s", PATIENCE.as_secs()).into())
}
