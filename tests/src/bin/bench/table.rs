//! Figures as a table and as JSON.

use serde_json::{Map, Value, json};
use std::fmt;

/// One benchmark's figures: a row for each case, a column for each figure.
pub struct Table {
    /// Name of the JSON file.
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    columns: Vec<&'static str>,
    rows: Vec<(String, Vec<Option<f64>>)>,
    notes: Vec<String>,
}

impl Table {
    pub fn new(name: &'static str, title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self {
            name,
            title: title.into(),
            columns: columns.to_vec(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn row(&mut self, case: impl Into<String>, figures: &[f64]) {
        self.rows
            .push((case.into(), figures.iter().copied().map(Some).collect()));
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub fn to_json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|(case, figures)| {
                let mut row = Map::new();
                row.insert("case".into(), json!(case));
                for (column, figure) in self.columns.iter().zip(figures) {
                    row.insert((*column).into(), json!(figure));
                }
                Value::Object(row)
            })
            .collect();
        json!({"benchmark": self.name, "title": self.title, "rows": rows, "notes": self.notes})
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        let width = self.rows.iter().map(|(case, _)| case.len()).max();
        let width = width.unwrap_or(0).max(8);
        write!(f, "  {:width$}", "")?;
        for column in &self.columns {
            write!(f, " {:>14}", column)?;
        }
        writeln!(f)?;
        for (case, figures) in &self.rows {
            write!(f, "  {case:width$}")?;
            for figure in figures {
                match figure {
                    Some(figure) if figure.abs() >= 100.0 => write!(f, " {figure:>14.0}")?,
                    Some(figure) => write!(f, " {figure:>14.3}")?,
                    None => write!(f, " {:>14}", "-")?,
                }
            }
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        Ok(())
    }
}

/// The middle of some figures; 0 for none.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}
