//! Writes bursts as files: JPEGs with EXIF as cameras write them, and `truth.jsonl`.
//!
//! # `truth.jsonl`
//!
//! One JSON object per frame, in the order the frames were taken at each site:
//!
//! ```json
//! {"file":"s003/b00042_1.jpg","burst":42,"frame":1,"site":3,"camera":"CAM07","taken":"2025-04-02T21:14:05.700",
//!  "infrared":true,"cause":"animal","boxes":[{"bbox":[0.12,0.40,0.31,0.28],"category":"animal",
//!  "species":"Lynx lynx","english":"Eurasian lynx","individual":7,"visible":0.93,"pixels":8123}]}
//! ```
//!
//! - `file`: path of the JPEG below the data set's folder; `burst` counts through the whole data set.
//! - `site`: number of the site, from 0; no site is shared between data sets of different seeds.
//! - `cause`: `animal`, `person`, `vehicle`, or for empties `wind`, `sun`, `branch`, `hot-ground`. A frame of an
//!   animal burst may have no boxes: the animal has not come yet, has left, or is hidden.
//! - `bbox`: left, top, width, height of the visible pixels, 0..1 of the picture (strip included in the picture).
//! - `category`: `animal`, `person` or `vehicle`; `species` and `english` are null for the latter two.
//! - `individual`: stable for a species over the whole world (the same number has the same coat everywhere).
//! - `visible`: visible pixels over all pixels of the body, also those hidden or outside the picture.

use std::fs;
use std::io::{BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use exif::experimental::Writer;
use exif::{Field, In, Tag, Value};
use image::codecs::jpeg::JpegEncoder;
use serde_json::json;

use super::dice::{Dice, mix};
use super::plan::BurstPlan;
use super::{Frame, Site};

/// Why a picture or a data set could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}; choose a folder that exists on a disk with room")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A picture could not be encoded as JPEG.
    #[error("cannot encode a frame as JPEG: {0}")]
    Encode(String),
}

/// A frame as the JPEG file a camera would write: EXIF `DateTimeOriginal`, `SubSecTimeOriginal` (milliseconds), `Make`
/// and `Model`. `quality` is 1–100.
pub fn jpeg(frame: &Frame, taken: NaiveDateTime, camera: &str, quality: u8) -> Result<Vec<u8>, WorldError> {
    let mut bytes = Vec::new();
    frame
        .rgb
        .write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100)))
        .map_err(|e| WorldError::Encode(e.to_string()))?;
    let exif = exif_block(taken, camera)?;
    let length = u16::try_from(exif.len() + 8).map_err(|e| WorldError::Encode(e.to_string()))?;
    // APP1 goes right behind the start-of-image marker (EXIF 2.3, 4.5.4).
    let (start, rest) = bytes.split_at(2);
    let mut out = Vec::with_capacity(bytes.len() + exif.len() + 10);
    out.extend_from_slice(start);
    out.extend_from_slice(&[0xff, 0xe1]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(b"Exif\0\0");
    out.extend_from_slice(&exif);
    out.extend_from_slice(rest);
    Ok(out)
}

fn exif_block(taken: NaiveDateTime, camera: &str) -> Result<Vec<u8>, WorldError> {
    let text = |tag: Tag, value: String| Field {
        tag,
        ifd_num: In::PRIMARY,
        value: Value::Ascii(vec![value.into_bytes()]),
    };
    let fields = [
        text(Tag::Make, "Trapline bench".to_owned()),
        text(Tag::Model, camera.to_owned()),
        text(Tag::DateTimeOriginal, taken.format("%Y:%m:%d %H:%M:%S").to_string()),
        text(Tag::SubSecTimeOriginal, taken.format("%3f").to_string()),
    ];
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut block = Cursor::new(Vec::new());
    writer.write(&mut block, false).map_err(|e| WorldError::Encode(e.to_string()))?;
    Ok(block.into_inner())
}

/// A data set to be written.
#[derive(Debug, Clone, Copy)]
pub struct DataSet {
    /// Seeds sites and bursts.
    pub seed: u64,
    /// How many bursts.
    pub bursts: u64,
    /// Width and height of the pictures.
    pub size: (u32, u32),
    /// Share of empty bursts, 0..1.
    pub empties: f32,
}

/// Writes a data set below `dir` (made if absent): a folder of JPEGs per site and `truth.jsonl`; a new site comes every
/// 10 to 25 bursts. Calls `progress` with the number of bursts done.
pub fn export(dir: &Path, set: &DataSet, mut progress: impl FnMut(u64)) -> Result<(), WorldError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| WorldError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let list = dir.join("truth.jsonl");
    let mut truth = BufWriter::new(fs::File::create(&list).map_err(failed(&list))?);
    let mut d = Dice::new(set.seed, 90);
    let (mut burst, mut number) = (0, 0_u64);
    while burst < set.bursts {
        let site = Site::new(mix(set.seed, number));
        let folder = dir.join(format!("s{number:03}"));
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let quality = 62 + d.below(32) as u8;
        for n in 0..(10 + d.below(16) as u64).min(set.bursts - burst) {
            let plan = BurstPlan::draw_with(&site, set.seed, n, set.empties);
            for k in 0..plan.frames {
                let frame = site.render(&plan, k, set.size);
                let file = format!("s{number:03}/b{burst:05}_{k}.jpg");
                let path = dir.join(&file);
                let bytes = jpeg(&frame, plan.taken_at(k), site.camera(), quality)?;
                fs::write(&path, bytes).map_err(failed(&path))?;
                let line = line(&frame, &plan, k, &file, burst, number, site.camera());
                writeln!(truth, "{line}").map_err(failed(&list))?;
            }
            burst += 1;
            progress(burst);
        }
        number += 1;
    }
    truth.flush().map_err(failed(&list))
}

/// One line of `truth.jsonl`.
fn line(
    frame: &Frame,
    plan: &BurstPlan,
    k: usize,
    file: &str,
    burst: u64,
    site: u64,
    camera: &str,
) -> serde_json::Value {
    let boxes: Vec<serde_json::Value> = frame
        .truth
        .iter()
        .map(|t| {
            json!({
                "bbox": t.bbox, "category": t.category.word(), "species": t.species.map(|s| s.scientific()),
                "english": t.species.map(|s| s.english()), "individual": t.individual, "visible": t.visible, "pixels": t.pixels,
            })
        })
        .collect();
    json!({
        "file": file, "burst": burst, "frame": k, "site": site, "camera": camera,
        "taken": plan.taken_at(k).format("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
        "infrared": frame.infrared, "cause": plan.cause.word(), "boxes": boxes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Actor, Being, Cause, Species};
    use chrono::NaiveDate;

    #[test]
    fn a_jpeg_decodes_and_carries_its_time_and_camera() {
        let taken = NaiveDate::from_ymd_opt(2025, 4, 2).unwrap().and_hms_milli_opt(21, 14, 5, 700).unwrap();
        let site = Site::new(3);
        let frame = site.render(&BurstPlan::quiet(taken, 1), 0, (64, 48));
        let bytes = jpeg(&frame, taken, "CAM07", 80).unwrap();
        let decoded = image::load_from_memory(&bytes).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (64, 48));
        let exif = exif::Reader::new().read_from_container(&mut Cursor::new(&bytes)).unwrap();
        let text = |tag| match &exif.get_field(tag, In::PRIMARY).unwrap().value {
            Value::Ascii(v) => String::from_utf8(v[0].clone()).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(Tag::DateTimeOriginal), "2025:04:02 21:14:05");
        assert_eq!(text(Tag::SubSecTimeOriginal), "700");
        assert_eq!((text(Tag::Make).as_str(), text(Tag::Model).as_str()), ("Trapline bench", "CAM07"));
    }

    #[test]
    fn a_data_set_has_a_line_and_a_file_for_every_frame() {
        let dir = tempfile::tempdir().unwrap();
        let set = DataSet { seed: 5, bursts: 12, size: (80, 60), empties: 0.5 };
        let mut told = 0;
        export(dir.path(), &set, |n| told = n).unwrap();
        assert_eq!(told, 12);
        let list = fs::read_to_string(dir.path().join("truth.jsonl")).unwrap();
        let mut bursts = std::collections::BTreeSet::new();
        for line in list.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(dir.path().join(row["file"].as_str().unwrap()).is_file());
            bursts.insert(row["burst"].as_u64().unwrap());
        }
        assert_eq!(bursts.into_iter().collect::<Vec<_>>(), (0..12).collect::<Vec<_>>());
    }

    #[test]
    fn a_line_tells_the_box_the_species_and_the_individual() {
        let taken = NaiveDate::from_ymd_opt(2025, 6, 1).unwrap().and_hms_opt(12, 0, 0).unwrap();
        let site = Site::new(8);
        let mut plan = BurstPlan::quiet(taken, 4);
        plan.cause = Cause::Animal;
        plan.actors.push(Actor::new(&site, Being::Animal(Species::Jaguar), 9, 3.0, 0.0));
        let frame = site.render(&plan, 0, (160, 120));
        let row = line(&frame, &plan, 0, "a.jpg", 2, 1, "X");
        let first = &row["boxes"][0];
        assert_eq!(first["species"], "Panthera onca");
        assert_eq!(
            (first["individual"].as_u64(), first["bbox"].as_array().map(Vec::len)),
            (Some(9), Some(4))
        );
        assert_eq!(
            (row["cause"].as_str(), row["taken"].as_str()),
            (Some("animal"), Some("2025-06-01T12:00:00.000"))
        );
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"x").unwrap();
        let set = DataSet { seed: 5, bursts: 1, size: (80, 60), empties: 0.5 };
        let error = export(&file.join("below"), &set, |_| {}).unwrap_err().to_string();
        assert!(error.contains("below"), "{error}");
    }
}
