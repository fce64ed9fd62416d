//! Charts of what was counted over time: objects, and crossings of lines.

use maud::{Markup, html};

use super::chart::{Chart, Scale, Table, WIDTH, bar_path, few_time_ticks, step_path};
use super::text::{count, duration, number};
use super::timeline::class_name;
use crate::axis::Bins;
use crate::figures::{Figures, Line, ObjectsFrom};
use crate::series::Steps;

/// Points of a stepped line; more are drawn by the peaks of bins.
const POINTS: usize = 500;

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
    let bars = stacked(figures, &y);
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
    let legend = names.iter().zip(&bars);
    Chart {
        title: "Objects at once",
        note: format!("Mean number in {}, {note}", duration(bins.width)),
        legend: legend
            .map(|(name, (colour, _))| (format!("c{colour}"), (*name).to_owned()))
            .collect(),
        x: few_time_ticks(&figures.timeline.axis),
        y,
        marks,
        hits: hits(figures, &names, &rows),
        table: table("Time", &names, rows),
    }
    .render()
}

/// The bars of each class on those of the classes before it: their colour and their path.
fn stacked(figures: &Figures, y: &Scale) -> Vec<(usize, String)> {
    let bins = &figures.bins;
    let mut below = vec![0.0; bins.count];
    let colours = figures.classes.legend().into_iter();
    colours
        .zip(&figures.presence)
        .map(|((colour, _), (_, means))| {
            let bars = means.iter().enumerate().map(|(bin, mean)| {
                let from = below[bin];
                below[bin] += mean.unwrap_or(0.0);
                let (x, width) = column(figures, bins, bin);
                (x * WIDTH, width * WIDTH, y.y(below[bin]), y.y(from))
            });
            (colour, bar_path(bars))
        })
        .collect()
}

/// Where a bin is on the axis, 0..1: its start and its width.
fn column(figures: &Figures, bins: &Bins, bin: usize) -> (f64, f64) {
    let axis = &figures.timeline.axis;
    let (from, to) = bins.range(bin);
    let x = axis.fraction(from);
    (x, axis.fraction(to) - x)
}

/// What to say of each bin: its row of the table.
pub fn hits(figures: &Figures, names: &[&str], rows: &[Vec<String>]) -> Vec<(f64, f64, String)> {
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

pub fn table(first: &str, names: &[&str], rows: Vec<Vec<String>>) -> Table {
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
pub fn steps(steps: &Steps, figures: &Figures, y: &Scale) -> (String, bool) {
    let axis = &figures.timeline.axis;
    let (points, thinned) = steps.drawn(&axis.bins(POINTS / 2, 0.0), POINTS);
    let points = points
        .iter()
        .map(|(t, value)| (axis.fraction(*t) * WIDTH, y.y(*value)));
    (step_path(points), thinned)
}
