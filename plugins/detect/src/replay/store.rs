//! What a recording holds in memory: rows of 24 bytes, and an entry of 32 bytes for each frame.

/// A recorded box, in pixels of the recorded frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    /// Left, top, width, height.
    pub xywh: [f32; 4],
    /// As recorded, of any range.
    pub score: f32,
    /// Index into the labels.
    pub class: u32,
}

/// What was recorded of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// When: nanoseconds, or the frame's number from 0.
    pub at: u64,
    /// Index of the first of its rows.
    first: u32,
    /// How many rows it has.
    count: u32,
    /// Width and height of the recorded frame, in pixels; 0 where they are not known.
    pub size: [u32; 2],
    /// A detector looked at the frame.
    pub inferred: bool,
}

/// Frames in the order of their times, and what is on them.
#[derive(Debug, Default)]
pub(super) struct Store {
    entries: Vec<Entry>,
    rows: Vec<Row>,
}

/// A file has more rows than can be counted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Store {
    /// Adds a frame, in any order.
    pub fn add_frame(&mut self, at: u64, size: [u32; 2], inferred: bool) -> Result<(), Full> {
        let first = u32::try_from(self.rows.len()).map_err(|_| Full)?;
        self.entries.push(Entry {
            at,
            first,
            count: 0,
            size,
            inferred,
        });
        Ok(())
    }

    /// When the frame is that was added last.
    pub fn last_at(&self) -> Option<u64> {
        self.entries.last().map(|entry| entry.at)
    }

    /// Adds a box to the frame that was added last.
    pub fn add_row(&mut self, row: Row) -> Result<(), Full> {
        if let Some(entry) = self.entries.last_mut() {
            if self.rows.len() >= u32::MAX as usize {
                return Err(Full);
            }
            entry.count += 1;
            self.rows.push(row);
        }
        Ok(())
    }

    /// All boxes.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Forgets the classes of all boxes.
    pub fn clear_classes(&mut self) {
        for row in &mut self.rows {
            row.class = 0;
        }
    }

    /// Puts the frames in the order of their times; of equal times, in that of the file.
    pub fn sort(&mut self) {
        if !self.entries.is_sorted_by_key(|entry| entry.at) {
            self.entries.sort_by_key(|entry| entry.at);
        }
    }

    /// Makes one frame of all that are at the same time. They must be sorted.
    pub fn merge(&mut self) {
        if !self.entries.windows(2).any(|pair| pair[0].at == pair[1].at) {
            return;
        }
        let mut merged = Self {
            entries: Vec::new(),
            rows: Vec::with_capacity(self.rows.len()),
        };
        for entry in &self.entries {
            let first = merged.rows.len() as u32;
            merged.rows.extend_from_slice(self.rows_of(entry));
            match merged.entries.last_mut() {
                Some(last) if last.at == entry.at => last.count += entry.count,
                _ => merged.entries.push(Entry { first, ..*entry }),
            }
        }
        *self = merged;
    }

    /// Puts the boxes of each frame in the order of their scores, the best first, and gives back
    /// memory that is not needed.
    pub fn finish(&mut self) {
        for entry in &self.entries {
            let rows = entry.first as usize..(entry.first + entry.count) as usize;
            if let Some(rows) = self.rows.get_mut(rows) {
                rows.sort_by(|a, b| b.score.total_cmp(&a.score));
            }
        }
        self.entries.shrink_to_fit();
        self.rows.shrink_to_fit();
    }

    /// The frames.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is on a frame.
    pub fn rows_of(&self, entry: &Entry) -> &[Row] {
        let rows = entry.first as usize..(entry.first + entry.count) as usize;
        self.rows.get(rows).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(score: f32, x: f32) -> Row {
        Row {
            xywh: [x, 0.0, 1.0, 1.0],
            score,
            class: 0,
        }
    }

    /// By frame: time and places of its boxes.
    fn content(store: &Store) -> Vec<(u64, Vec<f32>)> {
        let places = |entry| store.rows_of(entry).iter().map(|row| row.xywh[0]).collect();
        store
            .entries()
            .iter()
            .map(|entry| (entry.at, places(entry)))
            .collect()
    }

    #[test]
    fn frames_are_sorted_and_their_boxes_best_first() {
        let mut store = Store::default();
        for (at, rows) in [
            (7, vec![(0.5, 1.0), (0.9, 2.0)]),
            (3, vec![]),
            (5, vec![(0.1, 3.0)]),
            (3, vec![(0.5, 4.0), (0.5, 5.0), (0.7, 6.0)]),
        ] {
            store.add_frame(at, [0; 2], true).unwrap();
            for (score, x) in rows {
                store.add_row(row(score, x)).unwrap();
            }
        }
        store.sort();
        store.finish();
        let apart = [
            (3, vec![]),
            (3, vec![6.0, 4.0, 5.0]),
            (5, vec![3.0]),
            (7, vec![2.0, 1.0]),
        ];
        assert_eq!(content(&store), apart);
        store.merge();
        assert_eq!(content(&store), apart[1..]);
    }

    #[test]
    fn a_row_is_as_small_as_the_documentation_says() {
        assert_eq!((size_of::<Row>(), size_of::<Entry>()), (24, 32));
    }
}
