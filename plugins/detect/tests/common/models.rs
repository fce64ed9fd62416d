//! Tiny models whose answers are known.

use super::onnx::{Attribute, Graph};
use std::path::{Path, PathBuf};

/// Side of the models' input, in pixels.
pub const SIDE: u32 = 64;

/// Cells of the grids of strides 8, 16 and 32 on that input.
const CELLS: usize = 84;

/// Rows of the finished boxes.
const ROWS: usize = 3;

/// How a tiny model writes its boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[1, 3, 6]`
    EndToEnd,
    /// `[1, 4 + 2, 84]`
    V8,
}

/// A model with two boxes on each picture, in terms of the mean of the picture's samples (0..1):
///
/// | class | score | box in input pixels |
/// |---|---|---|
/// | 0 | mean | 16, 16, 48, 48 |
/// | 1 | 0.5 | 32·mean, 40, 16 + 32·mean, 56 |
///
/// So each picture of its own brightness has a result of its own, which tells it from the others.
#[derive(Debug, Clone)]
pub struct Tiny {
    pub layout: Layout,
    /// Width and height of the input are open.
    pub dynamic: bool,
    pub names: [&'static str; 2],
    /// Work of a run for each unit of brightness, in steps of 65,536 exponentials.
    pub work: u32,
    /// Brightness up to which there is no work.
    pub idle_up_to: f32,
    /// Pictures in a run, as the file has them: a number, or a name where it is open.
    pub batch: &'static str,
}

impl Default for Tiny {
    fn default() -> Self {
        Self {
            layout: Layout::EndToEnd,
            dynamic: false,
            names: ["block", "slider"],
            work: 0,
            idle_up_to: 0.0,
            batch: "1",
        }
    }
}

/// A file that is deleted with its folder.
pub struct ModelFile {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl ModelFile {
    /// A file with this content.
    pub fn new(content: &[u8]) -> Self {
        Self::named("tiny.onnx", content)
    }

    /// The file of a model.
    pub fn of(graph: Graph) -> Self {
        let this = Self::missing();
        graph.write(&this.path());
        this
    }

    /// A file of this name, in a folder of its own.
    pub fn named(name: &'static str, content: impl AsRef<[u8]>) -> Self {
        let this = Self {
            name,
            ..Self::missing()
        };
        std::fs::write(this.path(), content).unwrap();
        this
    }

    /// No file yet.
    pub fn missing() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            name: "tiny.onnx",
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Tiny {
    pub fn file(&self) -> ModelFile {
        ModelFile::of(self.graph())
    }

    /// The boxes that the model finds on a picture of this mean: class, score, corners in input
    /// pixels.
    pub fn answer(mean: f32) -> [(usize, f32, [f32; 4]); 2] {
        let x = 32.0 * mean;
        [
            (0, mean, [16.0, 16.0, 48.0, 48.0]),
            (1, 0.5, [x, 40.0, x + 16.0, 56.0]),
        ]
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        let side = if self.dynamic {
            "height,width"
        } else {
            "64,64"
        };
        let images = graph.input("images", &format!("{},3,{side}", self.batch));
        let mean = graph.mean(&images, true);
        let pictures = if self.batch == "1" { 1 } else { -1 };
        let each = graph.ints(&[pictures, 1, 1]);
        let mean = graph.node("Reshape", &[&mean, &each], &[]);
        let (dims, base, slope) = self.tables();
        let dims_i64 = dims.map(|dim| dim as i64);
        let base = graph.floats(&dims_i64, &base);
        let slope = graph.floats(&dims_i64, &slope);
        let moved = graph.node("Mul", &[&slope, &mean], &[]);
        let mut boxes = graph.node("Add", &[&base, &moved], &[]);
        if self.work > 0 {
            let mean = match self.batch {
                "1" => mean,
                _ => graph.node("ReduceMean", &[&mean], &[Attribute::Int("keepdims", 1)]),
            };
            boxes = self.add_work(&mut graph, &boxes, &mean);
        }
        graph.output(
            &boxes,
            "output0",
            &format!("{},{},{}", self.batch, dims[1], dims[2]),
        );
        let [first, second] = self.names;
        graph.metadata("names", &format!("{{0: '{first}', 1: '{second}'}}"));
        graph
    }

    /// Adds nothing, in a way that takes time.
    fn add_work(&self, graph: &mut Graph, boxes: &str, mean: &str) -> String {
        let idle = graph.floats(&[1], &[self.idle_up_to]);
        let work = graph.floats(&[1], &[self.work as f32]);
        let one = graph.ints(&[1]);
        let many = graph.ints(&[65_536]);
        let nothing = graph.floats(&[1], &[0.0]);
        let above = graph.node("Sub", &[mean, &idle], &[]);
        let above = graph.node("Relu", &[&above], &[]);
        let count = graph.node("Mul", &[&above, &work], &[]);
        let count = graph.node("Reshape", &[&count, &one], &[]);
        let count = graph.node("Cast", &[&count], &[Attribute::Int("to", 7)]);
        let shape = graph.node("Concat", &[&count, &many], &[Attribute::Int("axis", 0)]);
        let zeros = graph.node("ConstantOfShape", &[&shape], &[]);
        let ones = graph.node("Exp", &[&zeros], &[]);
        let sum = graph.node("ReduceSum", &[&ones], &[]);
        let sum = graph.node("Reshape", &[&sum, &one], &[]);
        let nothing = graph.node("Mul", &[&sum, &nothing], &[]);
        graph.node("Add", &[boxes, &nothing], &[])
    }

    /// Shape of the output, its values at mean 0, and what a mean of 1 adds.
    fn tables(&self) -> ([usize; 3], Vec<f32>, Vec<f32>) {
        let dims = match self.layout {
            Layout::EndToEnd => [1, ROWS, 6],
            Layout::V8 => [1, 6, CELLS],
        };
        let at = |mean: f32| {
            let mut values = vec![0.0; dims[1] * dims[2]];
            for (row, (class, score, [x1, y1, x2, y2])) in
                Self::answer(mean).into_iter().enumerate()
            {
                match self.layout {
                    Layout::EndToEnd => values[row * 6..][..6].copy_from_slice(&[
                        x1,
                        y1,
                        x2,
                        y2,
                        score,
                        class as f32,
                    ]),
                    Layout::V8 => {
                        // Any two cells will do.
                        let cell = 10 + 40 * row;
                        let centred = [(x1 + x2) / 2.0, (y1 + y2) / 2.0, x2 - x1, y2 - y1];
                        for (i, value) in centred.into_iter().enumerate() {
                            values[i * CELLS + cell] = value;
                        }
                        values[(4 + class) * CELLS + cell] = score;
                    }
                }
            }
            values
        };
        let (dark, bright) = (at(0.0), at(1.0));
        let slope = dark.iter().zip(&bright).map(|(d, b)| b - d).collect();
        (dims, dark, slope)
    }
}

/// How a model of colours tells what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// By Ultralytics' metadata, and names.
    Everything,
    /// By ending in operators that make scores.
    Scores,
    /// Not at all.
    Nothing,
}

/// A classifier of the colour that a picture has on average, with an input of 32 by 32. Its classes
/// are red, green and blue, and the score of each is the mean of the samples of that colour, 0..1.
#[derive(Debug, Clone)]
pub struct Colours {
    /// Pictures in a run, as the file has them.
    pub batch: &'static str,
    pub says: Says,
    /// A second output `[N, 1, 1, 1]`: the mean of all samples.
    pub brightness: bool,
}

impl Default for Colours {
    fn default() -> Self {
        Self {
            batch: "1",
            says: Says::Everything,
            brightness: false,
        }
    }
}

impl Colours {
    pub fn file(&self) -> ModelFile {
        let mut graph = Graph::new();
        let images = graph.input("images", &format!("{},3,32,32", self.batch));
        let axes = Attribute::Ints("axes", &[2, 3]);
        let means = graph.node(
            "ReduceMean",
            &[&images],
            &[axes, Attribute::Int("keepdims", 0)],
        );
        let scores = self.scored(&mut graph, &means);
        graph.output(&scores, "colour", &format!("{},3", self.batch));
        if self.brightness {
            let mean = graph.mean(&images, true);
            let mean = self.scored(&mut graph, &mean);
            graph.output(&mean, "brightness", &format!("{},1,1,1", self.batch));
        }
        if self.says == Says::Everything {
            graph.metadata("task", "classify");
            let more = if self.brightness { ", 3: 'bright'" } else { "" };
            graph.metadata(
                "names",
                &format!("{{0: 'red', 1: 'green', 2: 'blue'{more}}}"),
            );
        }
        ModelFile::of(graph)
    }

    /// The value, made by an operator that makes scores, if that is to be said.
    fn scored(&self, graph: &mut Graph, value: &str) -> String {
        if self.says != Says::Scores {
            return value.into();
        }
        // Far from 0 where a sample is at its end.
        let half = graph.floats(&[1], &[0.5]);
        let centred = graph.node("Sub", &[value, &half], &[]);
        let four = graph.floats(&[1], &[8.0]);
        let steep = graph.node("Mul", &[&centred, &four], &[]);
        graph.node("Sigmoid", &[&steep], &[])
    }
}

/// A model that takes a picture and gives ten values for it, as classifiers do.
pub fn classifier() -> ModelFile {
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,64,64");
    let mean = graph.mean(&images, false);
    let scores = graph.floats(&[1, 10], &[0.1; 10]);
    let scores = graph.node("Mul", &[&scores, &mean], &[]);
    graph.output(&scores, "scores", "1,10");
    ModelFile::of(graph)
}

/// A model that gives these outputs, by name, axes and values, whatever it sees.
pub fn constant(outputs: &[(&str, &[i64], Vec<f32>)], metadata: &[(&str, &str)]) -> ModelFile {
    let mut graph = Graph::new();
    let images = graph.input("images", "1,3,64,64");
    let mean = graph.mean(&images, false);
    let nothing = graph.floats(&[1], &[0.0]);
    let nothing = graph.node("Mul", &[&mean, &nothing], &[]);
    for (name, dims, values) in outputs {
        let value = graph.floats(dims, values);
        let value = graph.node("Add", &[&value, &nothing], &[]);
        let dims: Vec<_> = dims.iter().map(i64::to_string).collect();
        graph.output(&value, name, &dims.join(","));
    }
    for (key, value) in metadata {
        graph.metadata(key, value);
    }
    ModelFile::of(graph)
}
