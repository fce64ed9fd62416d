//! `seqinfo.ini`, with which MOTChallenge says what the video of a sequence is like.

use super::error::ReplayError;
use super::find::Rate;
use super::lines::Lines;
use crate::model::ModelError;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

/// Name of the file.
pub const NAME: &str = "seqinfo.ini";

/// What a sequence says of its video.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SequenceInfo {
    /// Where it says so.
    pub path: PathBuf,
    /// Frames per second.
    pub rate: Option<Rate>,
    /// Width and height of the frames that were recorded, in pixels; 0 where they are not given.
    pub size: [u32; 2],
    /// How many frames there are.
    pub length: Option<u64>,
}

impl SequenceInfo {
    /// Reads the file beside `recording`, else the one in the folder above, as MOTChallenge has it
    /// (`<sequence>/det/det.txt`, `<sequence>/seqinfo.ini`); `None` where there is neither.
    ///
    /// # Errors
    /// A value that makes no sense.
    pub fn beside(recording: &Path) -> Result<Option<Self>, ReplayError> {
        let folder = recording.parent().unwrap_or(Path::new(""));
        for path in [folder.join(NAME), folder.join("..").join(NAME)] {
            match File::open(&path) {
                Ok(file) => return Self::read(BufReader::new(file), &path).map(Some),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(ModelError::Unreadable { path, source }.into()),
            }
        }
        Ok(None)
    }

    fn read(reader: impl BufRead, path: &Path) -> Result<Self, ReplayError> {
        let mut this = Self {
            path: path.into(),
            ..Default::default()
        };
        let mut lines = Lines::new(reader, path);
        while let Some((_, line)) = lines.next()? {
            if let Err(why) = this.take(line) {
                return Err(lines.error(why));
            }
        }
        Ok(this)
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        let Some((key, value)) = line.split_once('=') else {
            return Ok(());
        };
        let (key, value) = (key.trim(), value.trim());
        let whole = || {
            let number = value.parse::<u32>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("{key} is {value:?}: must be a whole number from 1 on"))
        };
        match key {
            "frameRate" => {
                let rate = value.parse().ok().and_then(Rate::from_fps);
                self.rate = Some(rate.ok_or_else(|| {
                    format!(
                        "frameRate is {value:?}: must be frames per second, such as 25 or 29.97"
                    )
                })?);
            }
            "imWidth" => self.size[0] = whole()?,
            "imHeight" => self.size[1] = whole()?,
            "seqLength" => self.length = Some(whole()?.into()),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SequenceInfo, String> {
        SequenceInfo::read(text.as_bytes(), Path::new(NAME)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_given_is_taken() {
        let info = read(
            "[Sequence]\r\nname=MOT17-05\nframeRate = 14\nseqLength=837\nimWidth=640\nimHeight=480\n\
             imExt=.jpg\n",
        )
        .unwrap();
        assert_eq!(info.rate, Rate::new(14, 1));
        assert_eq!((info.size, info.length), ([640, 480], Some(837)));
        let info = read("[Sequence]\nframeRate=29.97\n").unwrap();
        assert_eq!(info.rate, Rate::new(29_970_000, 1_000_000));
        assert_eq!((info.size, info.length), ([0, 0], None));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_line() {
        for (line, words) in [
            ("frameRate=0", "frames per second"),
            ("frameRate=NaN", "frames per second"),
            ("frameRate=fast", "\"fast\""),
            ("frameRate=1e300", "frames per second"),
            ("imWidth=-1", "whole number"),
            ("imHeight=0", "whole number"),
            ("seqLength=1.5", "whole number"),
        ] {
            let error = read(&format!("[Sequence]\n{line}\n")).unwrap_err();
            assert!(error.starts_with("seqinfo.ini:2: "), "{error}");
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn it_is_looked_for_beside_and_above() {
        let folder = tempfile::tempdir().unwrap();
        let det = folder.path().join("det");
        std::fs::create_dir(&det).unwrap();
        let recording = det.join("det.txt");
        assert_eq!(SequenceInfo::beside(&recording).unwrap(), None);
        let rate = || SequenceInfo::beside(&recording).unwrap().unwrap().rate;
        std::fs::write(folder.path().join(NAME), "frameRate=30").unwrap();
        assert_eq!(rate(), Rate::new(30, 1));
        std::fs::write(det.join(NAME), "frameRate=25").unwrap();
        assert_eq!(rate(), Rate::new(25, 1));
    }
}
