//! Speed, latency and the comparison with the truth: what `--run` says.

use maud::{Markup, html};
use serde_json::Value;

use super::chart::{Chart, Scale, Table, WIDTH, few_time_ticks, line_path};
use super::text::{number, percent};
use crate::axis::{Axis, Clock};
use crate::run::Run;
use crate::series::thin;

/// Points of a line, at most.
const POINTS: usize = 400;
/// Rows of the table under a line, at most.
const ROWS: usize = 60;

/// Figures that are fractions of 1: their names, and how people write them.
const FRACTIONS: [(&str, &str); 8] = [
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("hota", "HOTA"),
    ("deta", "DetA"),
    ("assa", "AssA"),
    ("idf1", "IDF1"),
    ("mota", "MOTA"),
];
/// How things were found, best first.
const OUTCOMES: [&str; 3] = ["right", "missed", "false"];

/// The section's content.
pub fn render(run: &Run) -> Markup {
    let fps = run.fps_series.as_deref().unwrap_or_default();
    let latency = run.latency_series.as_deref().unwrap_or_default();
    let has_latency = run.latency_ms.is_some();
    let facts = run.truth_facts();
    html! {
        @if run.fps.is_none() && fps.is_empty() && !has_latency && facts.is_empty() {
            p.note { "Not known: --run gives figures of the run." }
        }
        @if has_latency { (percentiles(run)) }
        div.charts {
            @if !fps.is_empty() {
                (series("Frames per second", "fps", fps, |new, old| new < old))
            }
            @if !latency.is_empty() {
                (series("Latency", "ms", latency, |new, old| new > old))
            }
        }
        @if !facts.is_empty() { (truth(&facts)) }
    }
}

fn percentiles(run: &Run) -> Markup {
    let latency = run.latency_ms.unwrap_or_default();
    let named = [
        ("p50", latency.p50),
        ("p95", latency.p95),
        ("p99", latency.p99),
        ("max", latency.max),
    ];
    let shown: Vec<_> = named
        .iter()
        .filter_map(|(name, ms)| Some((name, (*ms)?)))
        .collect();
    html! {
        div.scroll { table #latency {
            thead { tr { th { "Latency" } @for (name, _) in &shown { th { (name) } } } }
            tbody { tr { td { "ms" } @for (_, ms) in &shown { td { (number(*ms)) } } } }
        } }
    }
}

/// A line over the time of the run. Where there are too many points, those that `matter` more
/// stand for their neighbours.
fn series(title: &str, unit: &str, points: &[(f64, f64)], matter: fn(f64, f64) -> bool) -> Markup {
    let times = || points.iter().map(|(t, _)| *t);
    let first = times().fold(f64::INFINITY, f64::min);
    let last = times().fold(f64::NEG_INFINITY, f64::max);
    let axis = Axis::new(first, last, Clock::Media);
    let highest = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let y = Scale::new(highest, false);
    let drawn = thin(points, POINTS, matter);
    let place = |(t, value): &(f64, f64)| (axis.fraction(*t) * WIDTH, y.y(*value));
    let note = if drawn.len() < points.len() {
        format!(
            "{unit}, over the time of the run; the worst of each {} values",
            points.len().div_ceil(POINTS)
        )
    } else {
        format!("{unit}, over the time of the run")
    };
    let few = thin(points, ROWS, matter);
    let middle = |a: f64, b: f64| axis.fraction((a + b) / 2.0);
    let hits = few.iter().enumerate().map(|(i, (t, value))| {
        let from = i
            .checked_sub(1)
            .map_or(0.0, |before| middle(few[before].0, *t));
        let to = few.get(i + 1).map_or(1.0, |after| middle(*t, after.0));
        (
            from,
            to.max(from),
            format!("{}: {} {unit}", axis.exact(*t), number(*value)),
        )
    });
    let rows = few
        .iter()
        .map(|(t, value)| vec![axis.exact(*t), number(*value)]);
    Chart {
        title,
        note,
        legend: Vec::new(),
        x: few_time_ticks(&axis),
        y,
        marks: html! { path class="line s0" d=(line_path(drawn.iter().map(place))) {} },
        hits: hits.collect(),
        table: Table {
            header: vec!["Time of the run".into(), unit.into()],
            rows: rows.collect(),
        },
    }
    .render()
}

fn truth(facts: &[(String, Value)]) -> Markup {
    let mut facts: Vec<_> = facts.iter().collect();
    facts.sort_by_key(|(name, _)| rank(name));
    html! {
        h3 { "Against the truth" }
        div.tiles.small {
            @for (name, value) in facts {
                div.tile data-figure=(name) { strong { (fact(name, value)) } span { (readable(name)) } }
            }
        }
    }
}

/// The last word of a figure's name: `recall` of `tracks: recall`.
fn last_word(name: &str) -> String {
    name.rsplit(' ').next().unwrap_or(name).to_lowercase()
}

fn fraction(name: &str) -> Option<usize> {
    let last = last_word(name);
    FRACTIONS.iter().position(|(known, _)| *known == last)
}

/// Those that are known first, in their order.
fn rank(name: &str) -> (usize, String) {
    let last = last_word(name);
    let outcome = OUTCOMES.iter().position(|known| *known == last);
    let rank = fraction(name).or(outcome.map(|i| 2 * FRACTIONS.len() + i));
    (rank.unwrap_or(FRACTIONS.len()), name.to_owned())
}

fn readable(name: &str) -> String {
    let start = name.rfind(' ').map_or(0, |space| space + 1);
    match fraction(name) {
        Some(i) => format!("{}{}", &name[..start], FRACTIONS[i].1),
        None => name.to_owned(),
    }
}

fn fact(name: &str, value: &Value) -> String {
    match value {
        Value::Number(n) => match n.as_f64() {
            Some(v) if fraction(name).is_some() && v.abs() <= 1.0 => percent(v),
            Some(v) => number(v),
            None => n.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_named_and_ordered() {
        let mut names = [
            "switches",
            "events: right",
            "hota",
            "events: false",
            "recall",
            "a b",
        ];
        names.sort_by_key(|name| rank(name));
        let names: Vec<_> = names.into_iter().map(readable).collect();
        assert_eq!(
            names,
            [
                "recall",
                "HOTA",
                "a b",
                "switches",
                "events: right",
                "events: false"
            ]
        );
    }

    #[test]
    fn fractions_are_percent_and_counts_are_not() {
        for (name, value, expected) in [
            ("precision", Value::from(0.987), "98.7 %"),
            ("events: right", Value::from(1), "1"),
            ("HOTA", Value::from(1), "100 %"),
            ("tracks: recall", Value::from(0.5), "50 %"),
            ("recall", Value::from(97.5), "97.5"),
            ("switches", Value::from(12_345), "12,345"),
            ("note", Value::from("good"), "good"),
        ] {
            assert_eq!(fact(name, &value), expected, "{name}");
        }
    }
}
