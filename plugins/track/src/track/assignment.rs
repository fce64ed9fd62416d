//! Optimal assignment: which row (track) takes which column (detection), so that the sum of gains
//! is the largest.
//!
//! Pairs that are not allowed (gated out) are simply not mentioned, and a row or column may stay
//! free. That is the assignment problem that ByteTrack solves with `lap.lapjv(cost, extend_cost,
//! cost_limit)`, with gain = cost_limit − cost.
//!
//! Allowed pairs are few where objects are spread over a frame. So they are split into connected
//! components first, most of which are a single pair; each of the others is solved densely by
//! shortest augmenting paths (Jonker and Volgenant, "A shortest augmenting path algorithm for
//! dense and sparse linear assignment problems", Computing 38, 1987), O(n²m) for n ≤ m rows and
//! columns of the component.

/// An allowed pair.
#[derive(Debug, Clone, Copy)]
struct Edge {
    row: u32,
    col: u32,
    gain: f32,
}

/// Marks "none" among indices.
const NONE: u32 = u32::MAX;

/// A solver that keeps its memory from one problem to the next.
///
/// ```
/// use gstvigiltrack::track::assignment::Assignment;
/// let mut assignment = Assignment::default();
/// assignment.start(2, 2);
/// assignment.allow(0, 0, 0.9);
/// assignment.allow(0, 1, 0.8);
/// assignment.allow(1, 0, 0.7);
/// // The pair of the largest gain would leave row 1 free.
/// assert_eq!(assignment.solve(), [(0, 1), (1, 0)]);
/// ```
#[derive(Debug, Default)]
pub struct Assignment {
    rows: usize,
    edges: Vec<Edge>,
    /// Union-find over rows, then columns.
    parent: Vec<u32>,
    /// Edges of one component lie side by side: `sorted[starts[k]..starts[k + 1]]`.
    sorted: Vec<Edge>,
    starts: Vec<u32>,
    component_of: Vec<u32>,
    /// Index within the component of each row and column of the problem.
    local: Vec<u32>,
    members: [Vec<u32>; 2],
    dense: Dense,
    pairs: Vec<(usize, usize)>,
}

impl Assignment {
    /// Begins a problem of this size; what was allowed before is forgotten.
    pub fn start(&mut self, rows: usize, cols: usize) {
        self.rows = rows;
        self.edges.clear();
        self.pairs.clear();
        self.parent.clear();
        self.parent.extend(0..(rows + cols) as u32);
    }

    /// Allows a pair, at most once. Only a gain greater than 0 is better than staying free; a pair
    /// of any other gain (NaN included) is not allowed.
    pub fn allow(&mut self, row: usize, col: usize, gain: f32) {
        if gain > 0.0 && gain.is_finite() {
            let (row, col) = (row as u32, col as u32);
            self.edges.push(Edge { row, col, gain });
            let (a, b) = (self.find(row), self.find(self.rows as u32 + col));
            // The smaller index becomes the root, so that the order of components is that of rows.
            self.parent[a.max(b) as usize] = a.min(b);
        }
    }

    /// The pairs of the best assignment, in order of rows. Each row and column occurs at most
    /// once.
    pub fn solve(&mut self) -> &[(usize, usize)] {
        self.sort_by_component();
        for component in 0..self.starts.len().saturating_sub(1) {
            let range = self.starts[component] as usize..self.starts[component + 1] as usize;
            if range.len() == 1 {
                let edge = self.sorted[range.start];
                self.pairs.push((edge.row as usize, edge.col as usize));
            } else {
                self.solve_component(range);
            }
        }
        self.pairs.sort_unstable();
        &self.pairs
    }

    fn find(&mut self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            let grandparent = self.parent[self.parent[node as usize] as usize];
            self.parent[node as usize] = grandparent;
            node = grandparent;
        }
        node
    }

    /// Counting sort of the edges by component.
    fn sort_by_component(&mut self) {
        self.starts.clear();
        self.component_of.clear();
        self.component_of.resize(self.parent.len(), NONE);
        for i in 0..self.edges.len() {
            let root = self.find(self.edges[i].row) as usize;
            if self.component_of[root] == NONE {
                self.component_of[root] = self.starts.len() as u32;
                self.starts.push(0);
            }
            self.starts[self.component_of[root] as usize] += 1;
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += std::mem::replace(start, sum);
        }
        self.sorted.clear();
        self.sorted.resize(
            self.edges.len(),
            Edge {
                row: 0,
                col: 0,
                gain: 0.0,
            },
        );
        for i in 0..self.edges.len() {
            let edge = self.edges[i];
            let root = self.find(edge.row) as usize;
            let slot = &mut self.starts[self.component_of[root] as usize];
            self.sorted[*slot as usize] = edge;
            *slot += 1;
        }
        // Each start has become its component's end: shift them back.
        if !self.starts.is_empty() {
            self.starts.insert(0, 0);
        }
    }

    fn solve_component(&mut self, range: std::ops::Range<usize>) {
        let Self {
            rows,
            sorted,
            local,
            members,
            dense,
            pairs,
            parent,
            ..
        } = self;
        local.resize(parent.len().max(local.len()), NONE);
        for side in members.iter_mut() {
            side.clear();
        }
        let edges = &sorted[range];
        for edge in edges {
            for (side, node) in [(0, edge.row), (1, *rows as u32 + edge.col)] {
                if local[node as usize] == NONE {
                    local[node as usize] = members[side].len() as u32;
                    members[side].push(node);
                }
            }
        }
        // The shorter side becomes the rows of the dense problem.
        let (short, long) = if members[0].len() <= members[1].len() {
            (0, 1)
        } else {
            (1, 0)
        };
        dense.start(members[short].len(), members[long].len());
        for edge in edges {
            let nodes = [edge.row, *rows as u32 + edge.col];
            let at = |side: usize| local[nodes[side] as usize] as usize;
            dense.set_cost(at(short), at(long), -f64::from(edge.gain));
        }
        for (row, col) in dense.solve() {
            let mut nodes = [0; 2];
            nodes[short] = members[short][row];
            nodes[long] = members[long][col];
            pairs.push((nodes[0] as usize, nodes[1] as usize - *rows));
        }
        for &node in members.iter().flatten() {
            local[node as usize] = NONE;
        }
    }
}

/// Minimum-cost assignment on a dense matrix with at most as many rows as columns, by shortest
/// augmenting paths with dual variables.
#[derive(Debug, Default)]
pub struct Dense {
    rows: usize,
    cols: usize,
    cost: Vec<f64>,
    /// Dual variable of each row.
    u: Vec<f64>,
    /// Dual variable of each column.
    v: Vec<f64>,
    /// Row that each column is assigned to.
    row_of: Vec<u32>,
    /// Reduced cost of the shortest path found so far to each column.
    shortest: Vec<f64>,
    /// Column before each column on that path.
    previous: Vec<u32>,
    /// Whether the path to a column is known to be the shortest.
    ready: Vec<bool>,
}

impl Dense {
    /// Begins a problem with all costs 0; `rows` must not exceed `cols`.
    pub fn start(&mut self, rows: usize, cols: usize) {
        debug_assert!(rows <= cols, "{rows} rows, {cols} columns");
        self.rows = rows;
        self.cols = cols;
        refill(&mut self.cost, rows * cols, 0.0);
    }

    /// Sets the cost of a pair; a negative one is better than staying free.
    pub fn set_cost(&mut self, row: usize, col: usize, cost: f64) {
        self.cost[row * self.cols + col] = cost;
    }

    /// The pairs of negative cost of an assignment of minimum sum.
    pub fn solve(&mut self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let (rows, cols) = (self.rows, self.cols);
        refill(&mut self.u, rows, 0.0);
        refill(&mut self.v, cols, 0.0);
        refill(&mut self.row_of, cols, NONE);
        refill(&mut self.previous, cols, NONE);
        for row in 0..rows {
            self.augment(row);
        }
        (0..cols).filter_map(move |col| {
            let row = self.row_of[col] as usize;
            (row < rows && self.cost[row * cols + col] < 0.0).then_some((row, col))
        })
    }

    /// Assigns `free_row`, moving other rows along the cheapest path of changes.
    fn augment(&mut self, free_row: usize) {
        let cols = self.cols;
        refill(&mut self.shortest, cols, f64::INFINITY);
        refill(&mut self.ready, cols, false);
        let (mut row, mut from, mut length) = (free_row, NONE, 0.0);
        let end = loop {
            let costs = &self.cost[row * cols..(row + 1) * cols];
            let base = length - self.u[row];
            let (mut nearest, mut next) = (f64::INFINITY, 0);
            for (col, &cost) in costs.iter().enumerate() {
                if self.ready[col] {
                    continue;
                }
                let through_row = base + cost - self.v[col];
                if through_row < self.shortest[col] {
                    self.shortest[col] = through_row;
                    self.previous[col] = from;
                }
                if self.shortest[col] < nearest {
                    nearest = self.shortest[col];
                    next = col;
                }
            }
            length = nearest;
            self.ready[next] = true;
            if self.row_of[next] == NONE {
                break next;
            }
            row = self.row_of[next] as usize;
            from = next as u32;
        };
        self.update_duals(free_row, length);
        let mut col = end as u32;
        while col != NONE {
            let before = self.previous[col as usize];
            self.row_of[col as usize] = match before {
                NONE => free_row as u32,
                before => self.row_of[before as usize],
            };
            col = before;
        }
    }

    /// Keeps reduced costs of assigned pairs at 0 and of all others at or above it.
    fn update_duals(&mut self, free_row: usize, length: f64) {
        self.u[free_row] += length;
        for col in 0..self.cols {
            if self.ready[col] {
                let slack = length - self.shortest[col];
                self.v[col] -= slack;
                if self.row_of[col] != NONE {
                    self.u[self.row_of[col] as usize] += slack;
                }
            }
        }
    }
}

fn refill<T: Clone>(vec: &mut Vec<T>, len: usize, value: T) {
    vec.clear();
    vec.resize(len, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The largest sum of gains, by trying every assignment.
    fn brute_force(gains: &[Vec<f32>], row: usize, taken: u32) -> f64 {
        if row == gains.len() {
            return 0.0;
        }
        let mut best = brute_force(gains, row + 1, taken);
        for (col, &gain) in gains[row].iter().enumerate() {
            if gain > 0.0 && taken & (1 << col) == 0 {
                let rest = brute_force(gains, row + 1, taken | 1 << col);
                best = best.max(f64::from(gain) + rest);
            }
        }
        best
    }

    fn solve(assignment: &mut Assignment, gains: &[Vec<f32>], cols: usize) -> Vec<(usize, usize)> {
        assignment.start(gains.len(), cols);
        for (row, gains) in gains.iter().enumerate() {
            for (col, &gain) in gains.iter().enumerate() {
                assignment.allow(row, col, gain);
            }
        }
        assignment.solve().to_vec()
    }

    #[test]
    fn nothing_allowed_gives_nothing() {
        let mut assignment = Assignment::default();
        for (rows, cols) in [(0, 0), (3, 0), (0, 3), (3, 3)] {
            assignment.start(rows, cols);
            assert_eq!(assignment.solve(), []);
        }
        assignment.start(1, 1);
        for gain in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assignment.allow(0, 0, gain);
        }
        assert_eq!(assignment.solve(), []);
    }

    #[test]
    fn a_pair_is_given_up_where_both_gain_more_elsewhere() {
        let gains = [vec![0.9, 0.8], vec![0.8, 0.0]];
        let pairs = solve(&mut Assignment::default(), &gains, 2);
        assert_eq!(pairs, [(0, 1), (1, 0)]);
    }

    #[test]
    fn one_good_pair_is_better_than_two_poor_ones() {
        let gains = [vec![0.9, 0.2], vec![0.2, 0.0]];
        let pairs = solve(&mut Assignment::default(), &gains, 2);
        assert_eq!(pairs, [(0, 0)]);
    }

    fn problem() -> impl Strategy<Value = (usize, Vec<Vec<f32>>)> {
        (0usize..8, 0usize..8, 0.0f32..1.0).prop_flat_map(|(rows, cols, density)| {
            let gain = (0.0f32..1.0, 0.0f32..1.0)
                .prop_map(move |(keep, gain)| if keep < density { gain } else { 0.0 });
            let row = proptest::collection::vec(gain, cols);
            (Just(cols), proptest::collection::vec(row, rows))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_assignment_is_better(problems in proptest::collection::vec(problem(), 1..4)) {
            // One solver for several problems: nothing of the last may show in the next.
            let mut assignment = Assignment::default();
            for (cols, gains) in problems {
                let pairs = solve(&mut assignment, &gains, cols);
                let sum: f64 = pairs.iter().map(|&(row, col)| f64::from(gains[row][col])).sum();
                prop_assert!((sum - brute_force(&gains, 0, 0)).abs() < 1e-6);
                let mut rows: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
                let mut taken: Vec<_> = pairs.iter().map(|pair| pair.1).collect();
                rows.dedup();
                taken.sort_unstable();
                taken.dedup();
                prop_assert_eq!((rows.len(), taken.len()), (pairs.len(), pairs.len()));
                for (row, col) in pairs {
                    prop_assert!(gains[row][col] > 0.0);
                }
            }
        }
    }
}
