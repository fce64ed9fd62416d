//! What was measured, as a table and as JSON.

use serde::{Serialize, Serializer, ser::SerializeMap};
use std::fmt;
use std::path::Path;
use vigil_tracking::Scores;

/// The figures of a tracker, shares in percent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    hota: f64,
    deta: f64,
    assa: f64,
    mota: f64,
    idf1: f64,
    idsw: u64,
}

impl Figures {
    pub fn of(scores: &Scores) -> Self {
        // As many digits as mean something; -0 is 0.
        let round = |value: f64| (value * 1000.0).round() / 1000.0 + 0.0;
        Self {
            hota: round(scores.hota.hota()),
            deta: round(scores.hota.deta()),
            assa: round(scores.hota.assa()),
            mota: round(scores.clear.mota()),
            idf1: round(scores.identity.idf1()),
            idsw: scores.clear.switches(),
        }
    }
}

impl Figures {
    /// The mean of each, and the sum of identity switches.
    fn mean(all: &[&Self]) -> Self {
        let mean = |of: fn(&Self) -> f64| {
            all.iter().map(|figures| of(figures)).sum::<f64>() / all.len().max(1) as f64
        };
        Self {
            hota: mean(|figures| figures.hota),
            deta: mean(|figures| figures.deta),
            assa: mean(|figures| figures.assa),
            mota: mean(|figures| figures.mota),
            idf1: mean(|figures| figures.idf1),
            idsw: all.iter().map(|figures| figures.idsw).sum(),
        }
    }
}

/// A tracker on the sequences of a spec.
#[derive(Debug, Serialize)]
pub struct Row {
    pub spec: String,
    pub algorithm: &'static str,
    #[serde(flatten)]
    pub figures: Figures,
    #[serde(serialize_with = "by_name")]
    pub sequences: Vec<(String, Figures)>,
}

fn by_name<S: Serializer>(rows: &[(String, Figures)], to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(rows.len()))?;
    for (name, figures) in rows {
        map.serialize_entry(name, figures)?;
    }
    map.end()
}

/// All rows, and the best others on the same detections, where they are known.
pub struct Report {
    rows: Vec<Row>,
    /// Spec, tracker, HOTA.
    peers: Vec<(String, String, f64)>,
}

impl Report {
    /// Without rows; with the peers of `peers.csv` in a folder, if there is one.
    pub fn new(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("peers.csv")).unwrap_or_default();
        let peer = |line: &str| {
            let mut fields = line.split(',');
            let (tracker, spec) = (fields.next()?.to_owned(), fields.next()?.to_owned());
            Some((spec, tracker, fields.next()?.parse().ok()?))
        };
        Self {
            rows: Vec::new(),
            peers: text.lines().filter_map(peer).collect(),
        }
    }

    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The best of the others on a spec.
    fn best_peer(&self, spec: &str) -> Option<&(String, String, f64)> {
        let peers = self.peers.iter().filter(|(of, ..)| of == spec);
        peers.max_by(|a, b| a.2.total_cmp(&b.2))
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, figures: &Figures) -> fmt::Result {
    let Figures {
        hota,
        deta,
        assa,
        mota,
        idf1,
        idsw,
    } = figures;
    writeln!(
        f,
        "{name:<38} {hota:>6.2} {deta:>6.2} {assa:>6.2} {mota:>6.2} {idf1:>6.2} {idsw:>5}"
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<38} {:>6} {:>6} {:>6} {:>6} {:>6} {:>5}",
            "", "HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW"
        )?;
        let mut last = "";
        for row in &self.rows {
            if row.spec != last {
                last = &row.spec;
                writeln!(f, "\n{last}")?;
                if let Some((_, tracker, hota)) = self.best_peer(last) {
                    writeln!(f, "{:<38} {hota:>6.2}", format!("  best peer: {tracker}"))?;
                }
            }
            line(f, &format!("  {}", row.algorithm), &row.figures)?;
            if row.sequences.len() > 1 {
                for (name, figures) in &row.sequences {
                    line(f, &format!("      {name}"), figures)?;
                }
            }
        }
        writeln!(f, "\nmean of these")?;
        let mut algorithms: Vec<_> = self.rows.iter().map(|row| row.algorithm).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        for algorithm in algorithms {
            let rows = self.rows.iter().filter(|row| row.algorithm == algorithm);
            let figures: Vec<_> = rows.map(|row| &row.figures).collect();
            line(f, &format!("  {algorithm}"), &Figures::mean(&figures))?;
        }
        Ok(())
    }
}
