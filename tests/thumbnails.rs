//! Small pictures of real photos, by day and by infrared: each opens, fits 12,000 bytes and shows enough.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use trapline::image::{Header, THUMBNAIL_BYTES, thumbnail};
use trapline::units::BBox;

#[test]
fn thumbnails_of_real_photos_fit_and_open() {
    let shared =
        std::env::var_os("TRAPLINE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let photos = shared.join("photos");
    if !photos.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "{} must be there under CI", photos.display());
        println!("skipped: no photos in {}", photos.display());
        return;
    }
    let boxes =
        [BBox::FULL, BBox { x: 0.3, y: 0.4, w: 0.3, h: 0.25 }, BBox { x: 0.97, y: 0.97, w: 0.02, h: 0.02 }];
    let (mut seen, mut folders) = (0, std::collections::BTreeSet::new());
    for entry in walkdir::WalkDir::new(&photos).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg")) {
            continue;
        }
        // Every third photo of each folder: they come in bursts.
        seen += 1;
        if seen % 3 != 0 {
            continue;
        }
        folders.insert(path.parent().unwrap().to_owned());
        let jpeg = std::fs::read(&path).unwrap();
        let source = Header::read(&jpeg).unwrap();
        for bbox in &boxes {
            let small = thumbnail(&jpeg, bbox, THUMBNAIL_BYTES).unwrap();
            assert!(small.len() <= THUMBNAIL_BYTES, "{}: {} bytes", path.display(), small.len());
            // Read by another decoder than the one that cut it.
            let opened = image::load_from_memory(&small).unwrap();
            let long = opened.width().max(opened.height());
            let enough = 160.min(source.width.max(source.height));
            assert!((enough..=640).contains(&long), "{}: {long} pixels", path.display());
        }
    }
    assert!(folders.len() >= 3, "{folders:?}");
}
