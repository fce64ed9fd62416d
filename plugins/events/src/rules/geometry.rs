//! Anchors, zones and lines.
//!
//! Sides and intersections are decided by Shewchuk's adaptive exact predicates ("Adaptive
//! Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates", 1997), as the `geo`
//! crate has them, so that touching and crossing differ exactly and not by a tolerance.

use geo::algorithm::kernels::{Kernel, Orientation, RobustKernel};
use geo::{BoundingRect, Coord, Intersects, LineString, Polygon, Rect};
use vigil_analytics::BBox;

/// A point in the units of the zone or line that it is compared with; y grows downwards.
pub type Point = Coord<f64>;

/// What coordinates are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// Fractions of the frame's width and height, 0..1.
    Normalized,
    /// Pixels of the frame.
    Pixels,
}

/// Which point of a box stands for the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Where it stands on the ground: the middle of the bottom edge.
    BottomCenter,
    /// The middle of the box.
    Center,
    /// The middle of the top edge.
    TopCenter,
    /// The middle of the left edge.
    LeftCenter,
    /// The middle of the right edge.
    RightCenter,
}

impl Anchor {
    /// The point in pixels.
    fn of(self, bbox: BBox) -> Point {
        let (x, y) = (f64::from(bbox.x), f64::from(bbox.y));
        let (w, h) = (f64::from(bbox.w), f64::from(bbox.h));
        let (fx, fy) = match self {
            Self::BottomCenter => (0.5, 1.0),
            Self::Center => (0.5, 0.5),
            Self::TopCenter => (0.5, 0.0),
            Self::LeftCenter => (0.0, 0.5),
            Self::RightCenter => (1.0, 0.5),
        };
        Point {
            x: x + w * fx,
            y: y + h * fy,
        }
    }

    /// The point in `units` in a frame of this size; `None` where the size is needed and not
    /// known, and for boxes that are no numbers.
    pub fn place(self, bbox: BBox, units: Units, width: u32, height: u32) -> Option<Point> {
        let point = self.of(bbox);
        let point = match units {
            Units::Pixels => point,
            Units::Normalized if width == 0 || height == 0 => return None,
            Units::Normalized => Point {
                x: point.x / f64::from(width),
                y: point.y / f64::from(height),
            },
        };
        (point.x.is_finite() && point.y.is_finite()).then_some(point)
    }
}

/// Why a shape is refused. Points and edges are counted from 0; edge `i` goes from point `i` to
/// the next.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// A coordinate is not within the frame.
    #[error("{}", out_of_range(*.value, *.units))]
    OutOfRange {
        /// Which point.
        point: usize,
        /// Its coordinate that is wrong.
        value: f64,
        /// What it is measured in.
        units: Units,
    },
    /// A polygon with less than three corners.
    #[error("a zone needs 3 points or more, this one has {0}")]
    TooFewPoints(usize),
    /// A polygon with more corners than anybody draws.
    #[error("a zone has {max} points at most, this one has {0}", max = Zone::MAX_POINTS)]
    TooManyPoints(usize),
    /// A corner that is given twice.
    #[error(
        "points {} and {} are the same ({}, {}): list each corner once",
        .first + 1, .second + 1, .at.x, .at.y
    )]
    SamePoint {
        /// Where it is first.
        first: usize,
        /// Where it is again.
        second: usize,
        /// The point.
        at: Point,
    },
    /// All corners are on one line.
    #[error("the zone has no area: all its points are on one line")]
    ZeroArea,
    /// Two edges meet that are not neighbours.
    #[error(
        "the polygon crosses itself: the edge after point {} meets the edge after point {}; \
         list the corners in order around the zone",
        .first + 1, .second + 1
    )]
    SelfCrossing {
        /// One edge.
        first: usize,
        /// The other edge.
        second: usize,
    },
    /// A line from a point to itself.
    #[error("the line has no length: from and to are the same point ({}, {})", .0.x, .0.y)]
    ZeroLength(Point),
}

fn out_of_range(value: f64, units: Units) -> String {
    match units {
        Units::Normalized if value.is_finite() && value > 1.0 => format!(
            "{value} is outside 0..1: coordinates are fractions of the frame's width and height; \
             for pixels add units = \"pixels\""
        ),
        Units::Normalized => format!("{value} is outside 0..1"),
        Units::Pixels => {
            format!("{value} is no pixel position: 0 or more, up to the size of the frame")
        }
    }
}

/// No video is larger than this, in pixels.
const MAX_PIXELS: f64 = 65_536.0;

fn check_range(points: &[Point], units: Units) -> Result<(), ShapeError> {
    let max = match units {
        Units::Normalized => 1.0,
        Units::Pixels => MAX_PIXELS,
    };
    for (i, point) in points.iter().enumerate() {
        for value in [point.x, point.y] {
            if !(0.0..=max).contains(&value) {
                return Err(ShapeError::OutOfRange {
                    point: i,
                    value,
                    units,
                });
            }
        }
    }
    Ok(())
}

fn orientation(a: Point, b: Point, c: Point) -> Orientation {
    RobustKernel::orient2d(a, b, c)
}

/// Whether `c`, known to be on the infinite line through `a` and `b`, is between them.
fn is_between(a: Point, b: Point, c: Point) -> bool {
    let within = |a: f64, b: f64, c: f64| (a.min(b)..=a.max(b)).contains(&c);
    within(a.x, b.x, c.x) && within(a.y, b.y, c.y)
}

/// Whether the closed segments `a`–`b` and `c`–`d` have a point in common.
fn segments_meet(a: Point, b: Point, c: Point, d: Point) -> bool {
    geo::Line::new(a, b).intersects(&geo::Line::new(c, d))
}

/// A simple polygon; its edge belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// What its coordinates are measured in.
    pub units: Units,
    polygon: Polygon<f64>,
    bounds: Rect<f64>,
}

impl Zone {
    /// Most corners that a zone may have: checking each pair of edges stays quick.
    pub const MAX_POINTS: usize = 500;

    /// A zone with these corners, in either sense of rotation. A last point equal to the first is
    /// taken as closing the ring.
    ///
    /// # Errors
    /// Where the points do not bound a simple polygon within the frame.
    pub fn new(points: &[Point], units: Units) -> Result<Self, ShapeError> {
        check_range(points, units)?;
        let corners = match points {
            [first, .., last] if points.len() > 3 && first == last => &points[..points.len() - 1],
            _ => points,
        };
        if corners.len() < 3 {
            return Err(ShapeError::TooFewPoints(corners.len()));
        }
        if corners.len() > Self::MAX_POINTS {
            return Err(ShapeError::TooManyPoints(corners.len()));
        }
        check_simple(corners)?;
        let polygon = Polygon::new(LineString::new(corners.to_vec()), Vec::new());
        let bounds = polygon.bounding_rect().ok_or(ShapeError::ZeroArea)?;
        Ok(Self {
            units,
            polygon,
            bounds,
        })
    }

    /// Whether `point` is inside or on the edge.
    pub fn contains(&self, point: Point) -> bool {
        self.bounds.intersects(&point) && self.polygon.intersects(&point)
    }

    /// Whether a zone in pixels reaches outside a frame of this size.
    pub fn reaches_outside(&self, width: f64, height: f64) -> bool {
        let max = self.bounds.max();
        self.units == Units::Pixels && (max.x > width || max.y > height)
    }
}

fn check_simple(corners: &[Point]) -> Result<(), ShapeError> {
    let n = corners.len();
    for second in 1..n {
        if let Some(first) = corners[..second].iter().position(|p| *p == corners[second]) {
            let at = corners[second];
            return Err(ShapeError::SamePoint { first, second, at });
        }
    }
    let on_one_line = |p: &Point| orientation(corners[0], corners[1], *p) == Orientation::Collinear;
    if corners.iter().all(on_one_line) {
        return Err(ShapeError::ZeroArea);
    }
    let edge = |i: usize| (corners[i], corners[(i + 1) % n]);
    for first in 0..n {
        for second in first + 1..n {
            let ((a, b), (c, d)) = (edge(first), edge(second));
            let meet = if second == first + 1 {
                folds_back(a, b, d)
            } else if first == 0 && second == n - 1 {
                folds_back(c, d, b)
            } else {
                segments_meet(a, b, c, d)
            };
            if meet {
                return Err(ShapeError::SelfCrossing { first, second });
            }
        }
    }
    Ok(())
}

/// Whether the path `a`, `b`, `c` turns back on itself at `b`.
fn folds_back(a: Point, b: Point, c: Point) -> bool {
    orientation(a, b, c) == Orientation::Collinear && (is_between(a, b, c) || is_between(b, c, a))
}

/// A segment that objects cross; its ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// What its coordinates are measured in.
    pub units: Units,
    from: Point,
    to: Point,
}

/// A side of a line, seen on the screen by somebody who walks from its `from` to its `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The left hand; above a line that goes to the right.
    Left,
    /// The right hand; below a line that goes to the right.
    Right,
}

/// Which way a line was crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// From the left-hand to the right-hand side; downwards over a line that goes to the right.
    Forward,
    /// From the right-hand to the left-hand side.
    Backward,
}

impl Crossing {
    fn to_side(side: Side) -> Self {
        match side {
            Side::Right => Self::Forward,
            Side::Left => Self::Backward,
        }
    }
}

impl Line {
    /// A line between two points.
    ///
    /// # Errors
    /// Where it has no length or is not within the frame.
    pub fn new(from: Point, to: Point, units: Units) -> Result<Self, ShapeError> {
        check_range(&[from, to], units)?;
        if from == to {
            return Err(ShapeError::ZeroLength(from));
        }
        Ok(Self { units, from, to })
    }

    /// The side on which `point` is; `None` exactly on the infinite line.
    pub fn side(&self, point: Point) -> Option<Side> {
        match orientation(self.from, self.to, point) {
            // y grows downwards, so a counterclockwise turn goes to the right on the screen.
            Orientation::CounterClockwise => Some(Side::Right),
            Orientation::Clockwise => Some(Side::Left),
            Orientation::Collinear => None,
        }
    }

    /// Distance of `point` from the infinite line with x scaled by `aspect` (width by height of
    /// the frame for normalized units, else 1): in units of y.
    pub fn distance(&self, point: Point, aspect: f64) -> f64 {
        let (dx, dy) = ((self.to.x - self.from.x) * aspect, self.to.y - self.from.y);
        let (px, py) = ((point.x - self.from.x) * aspect, point.y - self.from.y);
        (dx * py - dy * px).abs() / dx.hypot(dy)
    }

    /// Whether a line in pixels reaches outside a frame of this size.
    pub fn reaches_outside(&self, width: f64, height: f64) -> bool {
        let (x, y) = (self.from.x.max(self.to.x), self.from.y.max(self.to.y));
        self.units == Units::Pixels && (x > width || y > height)
    }

    /// Whether the step from `p` to `q`, known to be strictly on different sides, passes between
    /// the ends of the line or through one.
    fn is_passed_by(&self, p: Point, q: Point) -> bool {
        orientation(p, q, self.from) != orientation(p, q, self.to)
    }
}

/// Contact of a path with the infinite line: points exactly on it since the path was last beside.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Contact {
    /// The first point was between the ends.
    arrived_within: bool,
    /// The last point was between the ends.
    leaves_within: bool,
}

/// The path of one point relative to a [`Line`]: where it crosses, decided exactly.
///
/// A path that stops on the line has not crossed yet; it crosses when it goes on to the other
/// side, and does not when it goes back. One that runs along the line crosses only if it came to
/// the line and left it between the ends.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Path {
    /// The last point strictly beside the line, and its side.
    beside: Option<(Point, Side)>,
    contact: Option<Contact>,
}

impl Path {
    /// Goes on to `point` in a straight line, and says whether that crossed.
    pub fn step(&mut self, line: &Line, point: Point) -> Option<Crossing> {
        let Some(side) = line.side(point) else {
            let within = is_between(line.from, line.to, point);
            let contact = self.contact.get_or_insert(Contact {
                arrived_within: within,
                leaves_within: within,
            });
            contact.leaves_within = within;
            return None;
        };
        let contact = self.contact.take();
        let before = self.beside.replace((point, side));
        let (from, from_side) = before?;
        if from_side == side {
            return None;
        }
        let within = match contact {
            Some(contact) => contact.arrived_within && contact.leaves_within,
            None => line.is_passed_by(from, point),
        };
        within.then(|| Crossing::to_side(side))
    }
}
