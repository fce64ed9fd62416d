//! Optional local test assets: `../shared/assets`, described by the README there.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Path of an asset, if the assets are there; a line on standard error if not.
pub fn find(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/assets");
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: the optional local test asset {name} is not there");
    None
}

/// A box of a reference.
#[derive(Debug, Clone, Deserialize)]
pub struct ReferenceBox {
    /// Class id.
    pub cls: u32,
    /// Class name.
    pub name: String,
    /// Score, 0..1.
    pub score: f32,
    /// Corners in pixels of the source.
    pub xyxy: [f32; 4],
}

/// A reference file: what an independent decoder found with the same model.
#[derive(Debug, Deserialize)]
pub struct Reference {
    /// The model's file, relative to the assets.
    pub file: String,
    /// Boxes by picture.
    #[serde(default)]
    pub images: BTreeMap<String, Vec<ReferenceBox>>,
    /// Boxes by frame of a video.
    #[serde(default)]
    pub frames: Vec<Vec<ReferenceBox>>,
}

/// Reads a reference of the assets, if they are there.
///
/// # Errors
/// The file is there but is no reference.
pub fn reference(name: &str) -> Result<Option<Reference>, Box<dyn std::error::Error>> {
    let Some(path) = find(&format!("reference/{name}.json")) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(path)?;
    Ok(Some(serde_json::from_str(&text)?))
}
