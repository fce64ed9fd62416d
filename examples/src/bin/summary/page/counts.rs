//! Charts of what was counted: objects, crossings of lines, visits to zones.

use maud::{Markup, html};

use super::chart::{Chart, Scale, Table, WIDTH, bar_path, few_time_ticks, step_path};
use super::text::{count, duration, number, plural};
use super::timeline::class_name;
use crate::axis::{Bins, digits_of, time_step};
use crate::figures::{Figures, Line, ObjectsFrom, Zone};
use crate::series::{Histogram, Steps};

/// Points of a stepped line; more are drawn by the peaks of bins.
const POINTS: usize = 500;
/// Bins of a dwell histogram, at most about.
const DWELL_BINS: usize = 15;

/// Objects at once, by class.
pub fn objects(figures: &Figures) -> Markup {
    if figures.presence.is_empty() {
        return html! {
            p.note { "Neither object.appeared events nor per-frame records (--objects) say which objects were there when." }
        };
    }
    let bins = &figures.bins;
    let classes = &figures.presence;
    let total = |bin: usize| {
        classes
            .iter()
            .filter_map(|(_, means)| means[bin])
            .sum::<f64>()
    };
    let y = Scale::new((0..bins.count).map(total).fold(0.0, f64::max), false);
    let colours = figures.classes.legend();
    let colour = |i: usize| colours.get(i).map_or(0, |(index, _)| *index);
    let mut below = vec![0.0; bins.count];
    let bars: Vec<_> = classes
        .iter()
        .enumerate()
        .map(|(i, (_, means))| {
            let bars = means.iter().enumerate().map(|(bin, mean)| {
                let from = below[bin];
                below[bin] += mean.unwrap_or(0.0);
                let (x, width) = column(figures, bins, bin);
                (x * WIDTH, width * WIDTH, y.y(below[bin]), y.y(from))
            });
            (colour(i), bar_path(bars))
        })
        .collect();
    let marks = html! {
        @for (colour, path) in &bars { path class={ "bar c" (colour) } d=(path) {} }
    };
    let names: Vec<&str> = classes.iter().map(|(name, _)| class_name(name)).collect();
    let cell = |mean: Option<f64>| mean.map_or_else(|| "–".into(), number);
    let rows: Vec<Vec<String>> = (0..bins.count)
        .map(|bin| {
            let means = classes.iter().map(|(_, means)| cell(means[bin]));
            std::iter::once(bins.label(bin)).chain(means).collect()
        })
        .collect();
    let note = match figures.objects_from {
        ObjectsFrom::Frames => "as seen frame by frame",
        ObjectsFrom::Events => "from when they appeared and left",
    };
    let legend = names.iter().enumerate();
    Chart {
        title: "Objects at once",
        note: format!("Mean number in {}, {note}", duration(bins.width)),
        legend: legend
            .map(|(i, name)| (format!("c{}", colour(i)), (*name).to_owned()))
            .collect(),
        x: few_time_ticks(&figures.timeline.axis),
        y,
        marks,
        hits: hits(figures, &names, &rows),
        table: table("Time", &names, rows),
    }
    .render()
}

/// Where a bin is on the axis, 0..1: its start and its width.
fn column(figures: &Figures, bins: &Bins, bin: usize) -> (f64, f64) {
    let axis = &figures.timeline.axis;
    let (from, to) = bins.range(bin);
    let x = axis.fraction(from);
    (x, axis.fraction(to) - x)
}

/// What to say of each bin: its row of the table.
fn hits(figures: &Figures, names: &[&str], rows: &[Vec<String>]) -> Vec<(f64, f64, String)> {
    let hits = rows.iter().enumerate().map(|(bin, row)| {
        let (x, width) = column(figures, &figures.bins, bin);
        let values = names.iter().zip(&row[1..]);
        let values: Vec<_> = values
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        (x, x + width, format!("{}: {}", row[0], values.join(", ")))
    });
    hits.collect()
}

fn table(first: &str, names: &[&str], rows: Vec<Vec<String>>) -> Table {
    let header = std::iter::once(first).chain(names.iter().copied());
    Table {
        header: header.map(String::from).collect(),
        rows,
    }
}

/// Running counts of crossings.
pub fn lines(figures: &Figures) -> Markup {
    html! {
        @if figures.lines.is_empty() { p.note { "No line was crossed." } }
        div.charts { @for line in &figures.lines { (render_line(line, figures)) } }
    }
}

fn render_line(line: &Line, figures: &Figures) -> Markup {
    let bins = &figures.bins;
    let y = Scale::new(line.forward.max().max(line.backward.max()), true);
    let (forward, _) = steps(&line.forward, figures, &y);
    let (backward, _) = steps(&line.backward, figures, &y);
    let ends = [line.forward.ends(bins), line.backward.ends(bins)];
    let names = ["forward", "backward"];
    let rows: Vec<Vec<String>> = (0..bins.count)
        .map(|bin| vec![bins.label(bin), number(ends[0][bin]), number(ends[1][bin])])
        .collect();
    let total = |steps: &Steps| count(steps.last() as u64);
    Chart {
        title: &line.name,
        note: format!(
            "Crossings so far: {} forward, {} backward",
            total(&line.forward),
            total(&line.backward)
        ),
        legend: vec![
            ("s0".into(), "forward".into()),
            ("s1 dashed".into(), "backward".into()),
        ],
        x: few_time_ticks(&figures.timeline.axis),
        y,
        marks: html! {
            path class="line s0" d=(forward) {}
            path class="line s1 dashed" d=(backward) {}
        },
        hits: hits(figures, &names, &rows),
        table: table("Until the end of", &names, rows),
    }
    .render()
}

/// A stepped line, and whether it is drawn by peaks.
fn steps(steps: &Steps, figures: &Figures, y: &Scale) -> (String, bool) {
    let axis = &figures.timeline.axis;
    let (points, thinned) = steps.drawn(&axis.bins(POINTS / 2, 0.0), POINTS);
    let points = points
        .iter()
        .map(|(t, value)| (axis.fraction(*t) * WIDTH, y.y(*value)));
    (step_path(points), thinned)
}

/// Occupancy and dwell times of each zone.
pub fn zones(figures: &Figures) -> Markup {
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
    let bar = |i: usize, from: usize, to: usize| {
        let (x, width) = ((i as f64 + 0.06) * slot * WIDTH, 0.88 * slot * WIDTH);
        (x, width, y.y(to as f64), y.y(from as f64))
    };
    let counts = || histogram.counts.iter().enumerate();
    let went_out = bar_path(counts().map(|(i, [out, _])| bar(i, 0, *out)));
    let cut = bar_path(counts().map(|(i, [out, cut])| bar(i, *out, out + cut)));
    let names = ["went out", "at least that long"];
    let rows: Vec<Vec<String>> = counts()
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
        marks: html! {
            path class="bar s0" d=(went_out) {}
            path class="bar s0 hatched" d=(cut) {}
        },
        table: table("Dwell time", &names, rows),
    }
    .render()
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
