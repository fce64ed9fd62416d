//! COCO's average precision of what comes out of vigildetect.

use crate::assets;
use crate::pictures::detect_on_pictures;
use crate::pipeline::{Pipeline, found};
use crate::precision::{COCO_OVERLAPS, COCO_SIZES, Tally, Truth};
use gst::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

/// Best detections of a class on a picture that COCO looks at.
const MAX_DETECTIONS: usize = 100;

/// `instances_*.json`: pictures and the objects on them.
#[derive(Deserialize)]
pub struct Instances {
    /// The pictures, in the order of the file.
    pub images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

/// A picture.
#[derive(Deserialize)]
pub struct Image {
    id: u32,
    /// Its file, without a folder.
    pub file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u32,
    category_id: u32,
    /// Left, top, width, height.
    bbox: [f32; 4],
}

#[derive(Deserialize)]
struct Category {
    id: u32,
    name: String,
}

/// What is on pictures, and those.
pub type WithPictures = (Instances, Vec<image::RgbImage>);

impl Instances {
    /// The first 128 pictures of COCO's val2017, with those themselves, if they are there.
    ///
    /// # Errors
    /// A file is there, but is not what it should be.
    pub fn find() -> Result<Option<WithPictures>, Box<dyn Error>> {
        let Some(path) = assets::find("coco128/instances_val128.json") else {
            return Ok(None);
        };
        let instances = Self::read(&path)?;
        let mut pictures = Vec::new();
        for image in &instances.images {
            let name = format!("coco128/images/val2017/{}", image.file_name);
            let Some(path) = assets::find(&name) else {
                return Ok(None);
            };
            pictures.push(open_jpeg(&path)?);
        }
        Ok(Some((instances, pictures)))
    }

    fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
    }

    fn truth(&self, image: &Image) -> Vec<Truth> {
        let names: BTreeMap<u32, &str> = (self.categories.iter())
            .map(|category| (category.id, category.name.as_str()))
            .collect();
        let of_image = |a: &&Annotation| a.image_id == image.id;
        let truth = |a: &Annotation| {
            let [x, y, w, h] = a.bbox;
            Truth {
                name: names[&a.category_id].into(),
                xyxy: [x, y, x + w, y + h],
                counts: true,
            }
        };
        self.annotations
            .iter()
            .filter(of_image)
            .map(truth)
            .collect()
    }
}

/// The pixels of a JPEG file as libjpeg gives them, which are those of the references: decoders
/// differ by a level of colour here and there, and 8-bit models make a hundredth of AP of that.
fn open_jpeg(path: &Path) -> Result<image::RgbImage, Box<dyn Error>> {
    let pipeline = Pipeline::parse(&format!(
        "filesrc location={} ! gdkpixbufdec ! video/x-raw,format=RGB ! appsink name=out sync=false",
        path.display()
    ))?;
    let sink: gst_app::AppSink = pipeline.element("out");
    pipeline.0.set_state(gst::State::Playing)?;
    let sample = sink.pull_sample()?;
    let info = gst_video::VideoInfo::from_caps(sample.caps().ok_or("no caps")?)?;
    let buffer = sample.buffer_owned().ok_or("no buffer")?;
    let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info)
        .map_err(|_| "a buffer without its frame")?;
    let (width, height) = (info.width(), info.height());
    let rows = frame.plane_data(0)?.chunks(info.stride()[0] as usize);
    let pixels = rows
        .take(height as usize)
        .flat_map(|row| &row[..width as usize * 3]);
    image::RgbImage::from_raw(width, height, pixels.copied().collect()).ok_or("no picture".into())
}

/// Average precisions, as COCO has them.
#[derive(Debug, Clone, Copy)]
pub struct Precision {
    /// The mean of those at ten overlaps.
    pub all: f64,
    /// At an overlap of a half.
    pub at_half: f64,
    /// Of small, medium and large objects ([`COCO_SIZES`]).
    pub of_sizes: [f64; 3],
}

impl Precision {
    /// That of a model on pictures. `options` are properties of vigildetect, as in
    /// `gst-launch-1.0`.
    ///
    /// # Errors
    /// The pipeline's.
    pub fn measure(
        model: &Path,
        options: &str,
        instances: &Instances,
        pictures: &[image::RgbImage],
    ) -> Result<Self, Box<dyn Error>> {
        let samples = detect_on_pictures(model, options, pictures)?;
        let mut all = COCO_OVERLAPS.map(Tally::with_overlap);
        let mut of_sizes = COCO_SIZES.map(|sizes| {
            COCO_OVERLAPS.map(|overlap| Tally::with_overlap(overlap).of_sizes(sizes.clone()))
        });
        for (sample, image) in samples.iter().zip(&instances.images) {
            let (_, mut found) = found(sample.buffer().ok_or("a sample without buffer")?);
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
            let mut of_class = BTreeMap::new();
            found.retain(|found| {
                let count = of_class.entry(found.name.clone()).or_insert(0);
                *count += 1;
                *count <= MAX_DETECTIONS
            });
            let truth = instances.truth(image);
            let tallies = all.iter_mut().chain(of_sizes.iter_mut().flatten());
            tallies.for_each(|tally| tally.add(&truth, &found));
        }
        let all = all.each_ref().map(Tally::mean_average_precision);
        let mean = |tallies: &[Tally; 10]| {
            let each = tallies.iter().map(Tally::mean_average_precision);
            each.sum::<f64>() / tallies.len() as f64
        };
        Ok(Self {
            all: all.iter().sum::<f64>() / all.len() as f64,
            at_half: all[0],
            of_sizes: of_sizes.each_ref().map(mean),
        })
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [small, medium, large] = self.of_sizes;
        write!(f, "AP {:.4}, AP50 {:.4}", self.all, self.at_half)?;
        write!(
            f,
            ", small {small:.4}, medium {medium:.4}, large {large:.4}"
        )
    }
}
