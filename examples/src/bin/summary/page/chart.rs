//! Charts: HTML for text, SVG for marks.
//!
//! The SVG is stretched to the room that there is and holds no text, so that text keeps its size on
//! a phone; its colours are classes of the style sheet, so that they follow the reader's light or
//! dark mode. Libraries that draw charts as SVG fix text, sizes and colours inside.
//!
//! Marks live in 0..[`WIDTH`] × 0..100, y downwards.

use maud::{Markup, html};
use std::fmt::Write;

use super::text::{coordinate, number};
use crate::axis::{Axis, value_step};

/// Width of the drawing in its own units.
pub const WIDTH: f64 = 1000.0;

/// Ticks on the axis of time of a chart, at most about.
const TICKS: usize = 6;

/// A chart.
pub struct Chart<'a> {
    /// What it shows.
    pub title: &'a str,
    /// A line under the title.
    pub note: String,
    /// Classes of the style sheet with their meanings; none where one thing is shown.
    pub legend: Vec<(String, String)>,
    /// Positions 0..1 and labels along the axis to the right.
    pub x: Vec<(f64, String)>,
    /// The axis upwards.
    pub y: Scale,
    /// The drawing.
    pub marks: Markup,
    /// Parts of the width, 0..1, with what to say of them.
    pub hits: Vec<(f64, f64, String)>,
    /// The same as numbers: a header and rows.
    pub table: Table,
}

/// Numbers of a chart, for those who cannot see it or want to copy them.
#[derive(Debug, Default)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// As many cells in each as in the header.
    pub rows: Vec<Vec<String>>,
}

/// From 0 to a round number above all values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    max: f64,
    step: f64,
}

impl Scale {
    /// For values up to `max`.
    pub fn new(max: f64, whole: bool) -> Self {
        // Numbers from files may be anything that JSON can hold.
        let max = max.clamp(0.0, 1e300);
        let step = value_step(max, 4, whole);
        let max = (max / step - 1e-9).ceil().max(1.0) * step;
        Self { max, step }
    }

    /// Where a value is: 100 at the bottom, 0 at the top.
    pub fn y(&self, value: f64) -> f64 {
        100.0 - 100.0 * (value / self.max).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let step = self.step;
        (0..=(self.max / step).round() as usize).map(move |i| i as f64 * step)
    }
}

/// Ticks of an axis of time as positions 0..1.
pub fn time_ticks(axis: &Axis, most: usize) -> Vec<(f64, String)> {
    let ticks = axis.ticks(most).into_iter();
    ticks.map(|(t, label)| (axis.fraction(t), label)).collect()
}

/// The same for a chart of half the page's width.
pub fn few_time_ticks(axis: &Axis) -> Vec<(f64, String)> {
    time_ticks(axis, TICKS)
}

impl Chart<'_> {
    /// The chart as a figure.
    pub fn render(&self) -> Markup {
        html! {
            figure.chart {
                figcaption {
                    h3 { (self.title) }
                    @if !self.note.is_empty() { p.note { (self.note) } }
                    @if !self.legend.is_empty() { (legend(&self.legend)) }
                }
                div.plot {
                    div.y aria-hidden="true" {
                        @for value in self.y.ticks() {
                            span style={ "top:" (coordinate(self.y.y(value))) "%" } { (number(value)) }
                        }
                    }
                    svg viewBox={ "0 0 " (WIDTH) " 100" } preserveAspectRatio="none" role="img" aria-label=(self.title) {
                        path.grid d=(self.grid()) {}
                        (self.marks)
                        @for (from, to, text) in &self.hits {
                            rect.m.hit x=(coordinate(from * WIDTH)) y="0" height="100"
                                width=(coordinate((to - from) * WIDTH)) { title { (text) } }
                        }
                    }
                    (time_labels(&self.x))
                }
                (self.table.render())
            }
        }
    }

    fn grid(&self) -> String {
        let mut path = String::new();
        for value in self.y.ticks() {
            // Writing to a string cannot fail.
            let _ = write!(path, "M0 {}H{WIDTH}", coordinate(self.y.y(value)));
        }
        path
    }
}

impl Table {
    /// Folded away.
    pub fn render(&self) -> Markup {
        html! {
            @if !self.rows.is_empty() {
                details {
                    summary { "Numbers" }
                    div.scroll {
                        table {
                            thead { tr { @for cell in &self.header { th { (cell) } } } }
                            tbody {
                                @for row in &self.rows { tr { @for cell in row { td { (cell) } } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Colours and what they mean.
pub fn legend(entries: &[(String, String)]) -> Markup {
    html! {
        ul.legend {
            @for (class, name) in entries { li { i class={ "key " (class) } {} (name) } }
        }
    }
}

/// The labels under a drawing.
pub fn time_labels(ticks: &[(f64, String)]) -> Markup {
    html! {
        div.x aria-hidden="true" {
            @for (at, label) in ticks {
                span class=[edge(*at)] style={ "left:" (coordinate(at * 100.0)) "%" } { (label) }
            }
        }
    }
}

/// Labels at the ends stay inside.
fn edge(at: f64) -> Option<&'static str> {
    match at {
        at if at < 0.03 => Some("first"),
        at if at > 0.97 => Some("last"),
        _ => None,
    }
}

/// A path through points.
pub fn line_path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (i, (x, y)) in points.into_iter().enumerate() {
        let command = if i == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{command}{} {}", coordinate(x), coordinate(y));
    }
    path
}

/// A path that goes on at its height until the next point, from the bottom left to the right edge.
pub fn step_path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::from("M0 100");
    for (x, y) in points {
        let _ = write!(path, "H{}V{}", coordinate(x), coordinate(y));
    }
    let _ = write!(path, "H{WIDTH}");
    path
}

/// Bars (x, width, top, bottom) as one path; those without height are left out.
pub fn bar_path(bars: impl IntoIterator<Item = (f64, f64, f64, f64)>) -> String {
    let mut path = String::new();
    for (x, width, top, bottom) in bars {
        if bottom - top > 1e-6 {
            let (x, width) = (coordinate(x), coordinate(width));
            let (height, bottom) = (coordinate(bottom - top), coordinate(bottom));
            let _ = write!(path, "M{x} {bottom}h{width}v-{height}h-{width}z");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        for (max, whole, top, ticks) in [
            (0.0, true, 1.0, 2),
            (1.0, true, 1.0, 2),
            (7.0, true, 8.0, 5),
            (93.0, false, 100.0, 5),
            (9.0, true, 10.0, 3),
            (0.3, false, 0.3, 4),
        ] {
            let scale = Scale::new(max, whole);
            assert!((scale.max - top).abs() < 1e-9, "{max}: {scale:?}");
            assert_eq!(scale.ticks().count(), ticks, "{max}");
            assert_eq!((scale.y(0.0), scale.y(scale.max)), (100.0, 0.0));
        }
    }

    #[test]
    fn paths_are_what_they_say() {
        assert_eq!(line_path([(0.0, 1.0), (2.5, 3.0)]), "M0 1L2.5 3");
        assert_eq!(step_path([(10.0, 50.0)]), "M0 100H10V50H1000");
        assert_eq!(
            bar_path([(0.0, 10.0, 40.0, 100.0), (10.0, 10.0, 100.0, 100.0)]),
            "M0 100h10v-60h-10z"
        );
    }
}
