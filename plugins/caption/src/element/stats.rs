//! What the user sees of all this: the property `stats`.

use std::collections::BTreeMap;

use super::outbox::Counters;
use super::stream::State;

fn table(name: &str, counts: &BTreeMap<&'static str, u64>) -> gst::Structure {
    let mut structure = gst::Structure::new_empty(name);
    for (why, n) in counts {
        structure.set(*why, *n);
    }
    structure
}

/// The fields of a state that is at work.
pub(super) fn of(state: &State, mut stats: gst::structure::Builder) -> gst::structure::Builder {
    let asker = &state.asker;
    let counters: Counters = asker.outbox.counters();
    let (waiting, running) = asker.lane.load();
    let desk = asker.lane.backend();
    let known = desk.client().known();
    let costs = &state.costs;
    stats = stats
        .field("frames", costs.frames)
        .field("frames-taken", costs.taken)
        .field("idle-p50-ms", costs.idle.percentile_ms(50.0))
        .field("idle-p99-ms", costs.idle.percentile_ms(99.0))
        .field("taking-p50-ms", costs.taking.percentile_ms(50.0))
        .field("taking-p99-ms", costs.taking.percentile_ms(99.0))
        .field("asked", counters.asked)
        .field("answered", counters.answered)
        .field("partial", counters.partial)
        .field("cached", counters.cached)
        .field("invalid", counters.invalid)
        .field("repaired", counters.repaired)
        .field("retries", counters.retries)
        .field("waiting", waiting as u64)
        .field("in-flight", running as u64)
        .field("dropped", table("dropped", &counters.dropped))
        .field("limited", table("limited", &counters.limited))
        .field("prompt-tokens", counters.prompt_tokens)
        .field("cached-tokens", counters.cached_tokens)
        .field("completion-tokens", counters.completion_tokens)
        .field(
            "first-token-p50-ms",
            counters.first_token.percentile_ms(50.0),
        )
        .field(
            "first-token-p95-ms",
            counters.first_token.percentile_ms(95.0),
        )
        .field("total-p50-ms", counters.total.percentile_ms(50.0))
        .field("total-p95-ms", counters.total.percentile_ms(95.0))
        .field("server", if asker.lane.is_up() { "up" } else { "down" });
    if let Some(known) = known {
        stats = stats
            .field("dialect", known.dialect.as_str())
            .field("model", &known.model);
    }
    if let Some(supervisor) = desk.supervisor() {
        stats = stats
            .field("server-starts", supervisor.starts())
            .field("server-pid", supervisor.pid().unwrap_or(0));
    }
    stats
}
