//! What the element does for frames in a GPU's memory: caps, the shared context, and refusals.

use super::super::EngineChoice;
use super::super::gpu::memory::{self, Memory};
use super::super::session::Session;
use super::{CAT, VigilDetect, lock};
use crate::engine;
use gst::prelude::*;
use gst::subclass::prelude::*;

impl VigilDetect {
    /// Why frames in this memory are refused, and what would be right; `None` where they are taken.
    pub(super) fn refuses(&self, session: &Session, memory: Memory) -> Option<String> {
        if !memory.is_on_gpu() {
            return None;
        }
        let why = match lock(&self.settings).focus.motion() {
            Some(_) => Some("property motion-gate is true, which the CPU reads frames for".into()),
            None => session.finder.refuses_gpu_memory(),
        }?;
        Some(format!(
            "frames are in a GPU's memory (memory {}), but {why}; or put {} before vigildetect",
            memory.as_str(),
            memory.way_out()
        ))
    }

    /// The default answer, without a GPU's memory where it is not taken, so that decoders which can
    /// do without it do.
    pub(super) fn sink_query_caps(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let answered = gst::Pad::query_default(pad, Some(&*self.obj()), query);
        let refusal = (self.session()).and_then(|session| self.refuses(&session, Memory::Cuda));
        let (Some(why), true) = (refusal, answered) else {
            return answered;
        };
        match query.view_mut() {
            gst::QueryViewMut::Caps(query) => {
                if query.filter().is_some_and(memory::is_only_on_gpu) {
                    gst::warning!(CAT, imp = self, "Upstream can only give {why}");
                }
                if let Some(caps) = query.result_owned() {
                    query.set_result(&memory::without_gpu(&caps));
                }
            }
            gst::QueryViewMut::AcceptCaps(query) if memory::is_only_on_gpu(query.caps()) => {
                query.set_result(false);
            }
            _ => {}
        }
        true
    }

    /// Says why, where caps come that were refused when they were asked for: whoever sends them
    /// would only say that they are not negotiated.
    pub(super) fn watch_refused_caps(&self) {
        let this = self.obj().downgrade();
        let mask = gst::PadProbeType::EVENT_DOWNSTREAM;
        self.sinkpad.add_probe(mask, move |_, info| {
            if let Some(event) = info.event()
                && let gst::EventView::Caps(caps) = event.view()
                && let Some(this) = this.upgrade()
            {
                this.imp().tell_of_refusal(caps.caps());
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn tell_of_refusal(&self, caps: &gst::CapsRef) {
        let memory = Memory::of(caps).unwrap_or_default();
        let refusal = (self.session()).and_then(|session| self.refuses(&session, memory));
        if let Some(why) = refusal {
            gst::element_imp_error!(self, gst::CoreError::Negotiation, ("{why}"));
        }
    }

    /// Offers the model's CUDA context to the elements before, if the model may be on a GPU. Before
    /// they ask for one, so on the way to READY.
    pub(super) fn offer_cuda_context(&self) {
        let (choice, device) = {
            let settings = lock(&self.settings);
            (settings.engine, settings.device)
        };
        let wanted = match choice {
            EngineChoice::Replay | EngineChoice::DeepStream => return,
            choice => choice.kind(),
        };
        if wanted.is_some_and(|kind| !kind.is_on_gpu()) {
            return;
        }
        let offered = engine::may_be_on_gpu(wanted).map_err(|error| error.to_string());
        let offered = offered.and_then(|()| self.cuda.offer(self.obj().upcast_ref(), device));
        if let Err(why) = offered {
            // Who has no such frames does not care, and who has hears of it then.
            gst::info!(CAT, imp = self, "No CUDA context is shared: {why}");
        }
    }

    /// Answers a neighbour that looks for a context.
    pub(super) fn query_context(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        self.cuda.query(self.obj().upcast_ref(), query)
            || gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }
}
