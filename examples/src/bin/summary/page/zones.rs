//! Charts of zones: who is inside, and for how long.

use maud::{Markup, html};

use super::chart::{Chart, Scale, WIDTH, bar_path, few_time_ticks};
use super::counts::{hits, steps, table};
use super::text::{count, duration, number, plural};
use crate::axis::{digits_of, time_step};
use crate::figures::{Figures, Zone};
use crate::series::Histogram;

/// Bins of a dwell histogram, at most about.
const DWELL_BINS: usize = 15;

/// Occupancy and dwell times of each zone.
pub fn render(figures: &Figures) -> Markup {
    html! {
        @if figures.zones.is_empty() { p.note { "No zone was entered." } }
        @if !figures.zones.is_empty() { (overview(figures)) }
        @for zone in &figures.zones {
            div.charts { (render_occupancy(zone, figures)) (render_dwell(zone)) }
        }
    }
}

/// A row for each zone.
fn overview(figures: &Figures) -> Markup {
    let seconds = |value: Option<f64>| value.map_or_else(|| "–".into(), duration);
    html! {
        div.scroll { table #dwell {
            thead { tr {
                @for name in ["Zone", "Ended visits", "Most at once", "Mean dwell", "Median", "95 %", "Longest"] {
                    th { (name) }
                }
            } }
            tbody { @for zone in &figures.zones { tr {
                td { (zone.name) }
                td { (count(zone.dwell.len() as u64)) }
                td { (number(zone.inside.max())) }
                td { (seconds(zone.dwell_mean())) }
                td { (seconds(zone.dwell_percentile(50.0))) }
                td { (seconds(zone.dwell_percentile(95.0))) }
                td { (seconds(zone.dwell_percentile(100.0))) }
            } } }
        } }
    }
}

fn render_occupancy(zone: &Zone, figures: &Figures) -> Markup {
    let bins = &figures.bins;
    let y = Scale::new(zone.inside.max(), true);
    let (path, thinned) = steps(&zone.inside, figures, &y);
    let names = ["mean", "most"];
    let stats = zone.inside.mean_and_peak(bins);
    let rows: Vec<Vec<String>> = (0..bins.count)
        .zip(&stats)
        .map(|(bin, (mean, peak))| vec![bins.label(bin), number(*mean), number(*peak)])
        .collect();
    let thinned = if thinned { ", drawn by peaks" } else { "" };
    Chart {
        title: &format!("{}: objects inside", zone.name),
        note: format!("At most {} at once{thinned}", number(zone.inside.max())),
        legend: Vec::new(),
        x: few_time_ticks(&figures.timeline.axis),
        y,
        marks: html! {
            path class="area s0" d={ (path) "V100z" } {}
            path class="line s0" d=(path) {}
        },
        hits: hits(figures, &names, &rows),
        table: table("Time", &names, rows),
    }
    .render()
}

fn render_dwell(zone: &Zone) -> Markup {
    if zone.dwell.is_empty() {
        return html! {
            figure.chart { figcaption {
                h3 { (zone.name) ": dwell time" }
                p.note { "No visit ended." }
            } }
        };
    }
    let histogram = Histogram::new(&zone.dwell, DWELL_BINS);
    let bars = histogram.counts.len();
    let most = histogram
        .counts
        .iter()
        .map(|[a, b]| a + b)
        .max()
        .unwrap_or(0);
    let y = Scale::new(most as f64, true);
    let slot = 1.0 / bars as f64;
    let counts = histogram.counts.iter().enumerate();
    let names = ["went out", "at least that long"];
    let rows: Vec<Vec<String>> = counts
        .map(|(i, [out, cut])| {
            let bin = bin_label(&histogram, i);
            vec![bin, count(*out as u64), count(*cut as u64)]
        })
        .collect();
    let hits = rows.iter().enumerate().map(|(i, row)| {
        let text = format!("{}: {} went out, {} at least", row[0], row[1], row[2]);
        (i as f64 * slot, (i + 1) as f64 * slot, text)
    });
    let some_cut = zone.dwell.iter().any(|(_, kind)| *kind == 1);
    let legend = [
        ("s0", "went out"),
        (
            "s0 hatched",
            "at least: lost from sight, or the stream ended",
        ),
    ];
    Chart {
        title: &format!("{}: dwell time", zone.name),
        note: dwell_note(zone),
        legend: legend
            .iter()
            .filter(|_| some_cut)
            .map(|(class, name)| (String::from(*class), String::from(*name)))
            .collect(),
        x: dwell_ticks(&histogram),
        y,
        hits: hits.collect(),
        marks: dwell_marks(&histogram, &y),
        table: table("Dwell time", &names, rows),
    }
    .render()
}

/// Visits that ended by going out, and on them those that may have been longer.
fn dwell_marks(histogram: &Histogram, y: &Scale) -> Markup {
    let slot = WIDTH / histogram.counts.len() as f64;
    let bar = |i: usize, from: usize, to: usize| {
        let x = (i as f64 + 0.06) * slot;
        (x, 0.88 * slot, y.y(to as f64), y.y(from as f64))
    };
    let counts = || histogram.counts.iter().enumerate();
    let went_out = bar_path(counts().map(|(i, [out, _])| bar(i, 0, *out)));
    let cut = bar_path(counts().map(|(i, [out, cut])| bar(i, *out, out + cut)));
    html! {
        path class="bar s0" d=(went_out) {}
        path class="bar s0 hatched" d=(cut) {}
    }
}

fn dwell_note(zone: &Zone) -> String {
    let visits = plural(zone.dwell.len(), "visit", "visits");
    match (zone.dwell_mean(), zone.dwell_percentile(50.0)) {
        (Some(mean), Some(median)) => {
            format!(
                "{visits}, {} in the mean, median {}",
                duration(mean),
                duration(median)
            )
        }
        _ => visits,
    }
}

/// `2 – 4 s`; the last bin may hold all that is longer.
fn bin_label(histogram: &Histogram, i: usize) -> String {
    let digits = digits_of(histogram.width);
    let (from, to) = (i as f64 * histogram.width, (i + 1) as f64 * histogram.width);
    if histogram.open_ended && i + 1 == histogram.counts.len() {
        format!("{from:.digits$} s and longer")
    } else {
        format!("{from:.digits$} – {to:.digits$} s")
    }
}

/// Round dwell times with their places, 0..1.
fn dwell_ticks(histogram: &Histogram) -> Vec<(f64, String)> {
    let bars = histogram.counts.len();
    let length = bars as f64 * histogram.width;
    let step = time_step(length, 6).max(histogram.width);
    let digits = digits_of(step);
    let ticks = (0..).map(|i| f64::from(i) * step);
    ticks
        .take_while(|t| *t <= length * (1.0 + 1e-9))
        .map(|t| (t / length, format!("{t:.digits$} s")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dwell_bins_are_named_by_their_ends() {
        let durations: Vec<_> = (0..20).map(|i| (f64::from(i) / 2.0, 0)).collect();
        let histogram = Histogram::new(&durations, 10);
        assert_eq!(bin_label(&histogram, 0), "0 – 1 s");
        let ticks: Vec<_> = dwell_ticks(&histogram)
            .into_iter()
            .map(|(_, l)| l)
            .collect();
        assert_eq!(ticks, ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]);
        let mut long = durations.clone();
        long.push((1000.0, 0));
        let histogram = Histogram::new(&long, 10);
        let last = bin_label(&histogram, histogram.counts.len() - 1);
        assert!(last.ends_with("and longer"), "{last}");
    }
}
