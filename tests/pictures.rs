//! The pictures cameras write, and the broken ones cards give back: each is decoded right or refused with a reason.
//!
//! The small files under `tests/data` were written by Pillow 12 from one ramp of 40x24 pixels
//! (`r = 6x, g = 10y, b = 255 - 6x`, quality 90); the expected pixels are Pillow's own decoding of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use proptest::prelude::*;
use trapline::image::{Header, ImageError, Want, decode, encode_jpeg, luma, resize};

const BASELINE: &[u8] = include_bytes!("data/baseline.jpg");
const PROGRESSIVE: &[u8] = include_bytes!("data/progressive.jpg");
const GREY: &[u8] = include_bytes!("data/grey.jpg");
const CMYK: &[u8] = include_bytes!("data/cmyk.jpg");
const RESTARTS: &[u8] = include_bytes!("data/restarts.jpg");

/// The shared photos, or `None` with a word on why; a missing folder fails where `CI` is set.
fn photos() -> Option<Vec<PathBuf>> {
    let shared =
        std::env::var_os("TRAPLINE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let root = shared.join("photos");
    if !root.is_dir() {
        let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
        assert!(!ci, "{} is missing", root.display());
        println!("skipped: no photos under {}", root.display());
        return None;
    }
    let is_jpeg = |p: &PathBuf| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg"));
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(&root)
        .into_iter()
        .map(|entry| entry.expect("a readable folder").into_path())
        .filter(is_jpeg)
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no photo under {}", root.display());
    Some(found)
}

#[test]
fn every_kind_of_jpeg_gives_the_pixels_pillow_gives() {
    // (file, pixels at (x, y) = (4,4), (36,4), (4,20), (36,20), (20,12)).
    let colour = [[25, 40, 231], [216, 40, 40], [23, 201, 231], [216, 201, 38], [121, 121, 133]];
    let grey = [57, 93, 151, 187, 122].map(|v| [v; 3]);
    let ink = [[24, 40, 232], [216, 40, 40], [24, 200, 232], [216, 200, 40], [120, 120, 136]];
    let files = [
        ("baseline", BASELINE, colour),
        ("progressive", PROGRESSIVE, colour),
        ("grey", GREY, grey),
        ("cmyk", CMYK, ink),
        ("restarts", RESTARTS, colour),
    ];
    for (name, bytes, expected) in files {
        let picture = decode(bytes, Want::Full).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((picture.width, picture.height), (40, 24), "{name}");
        for ((x, y), pixel) in [(4, 4), (36, 4), (4, 20), (36, 20), (20, 12)].into_iter().zip(expected) {
            let at = 3 * (y * 40 + x);
            let got = &picture.data[at..at + 3];
            let near = got.iter().zip(pixel).all(|(a, b)| a.abs_diff(b) <= 4);
            assert!(near, "{name} at {x},{y}: {got:?} instead of {pixel:?}");
        }
    }
}

#[test]
fn a_scaled_picture_is_never_below_the_wish_and_never_needlessly_large() {
    // 40x24 at 1/8, 1/4, 1/2, 1/1 is 5x3, 10x6, 20x12, 40x24.
    let size = |want| decode(BASELINE, want).map(|p| (p.width, p.height)).unwrap();
    assert_eq!(size(Want::LongSide(5)), (5, 3));
    assert_eq!(size(Want::LongSide(6)), (10, 6));
    assert_eq!(size(Want::LongSide(20)), (20, 12));
    assert_eq!(size(Want::LongSide(21)), (40, 24));
    assert_eq!(size(Want::LongSide(4000)), (40, 24));
    assert_eq!(size(Want::AtLeast { width: 5, height: 6 }), (10, 6));
    assert_eq!(size(Want::AtLeast { width: 11, height: 1 }), (20, 12));
    assert_eq!(size(Want::Full), (40, 24));
}

#[test]
fn a_scaled_picture_shows_the_same_scene() {
    // Averaging 2x2 pixels of the full picture is an independent way to the half-size one.
    let full = resize(&decode(BASELINE, Want::Full).unwrap(), 20, 12).unwrap();
    let half = decode(BASELINE, Want::LongSide(20)).unwrap();
    let (full, half) = (luma(&full), luma(&half));
    let worst = full.data.iter().zip(&half.data).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= 12, "off by {worst}");
}

/// `jpeg` with an EXIF segment that holds nothing but an orientation (TIFF 6.0, big endian, one entry).
fn oriented(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff =
        [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[orientation], &[0; 6]].concat();
    let length = (tiff.len() as u16 + 8).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

#[test]
fn all_eight_orientations_come_out_upright() {
    // The blue corner of the ramp (stored top left) must land where CIPA DC-008 puts row 0 and column 0.
    let corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (1, 0), (1, 1), (0, 1)];
    for (i, (right, bottom)) in corners.into_iter().enumerate() {
        let orientation = i as u8 + 1;
        let bytes = oriented(BASELINE, orientation);
        let expected = if orientation >= 5 { (24, 40) } else { (40, 24) };
        assert_eq!(Header::read(&bytes).unwrap().upright_size(), expected);
        for want in [Want::Full, Want::LongSide(20), Want::AtLeast { width: 12, height: 12 }] {
            let picture = decode(&bytes, want).unwrap();
            let scale = expected.0 / picture.width;
            assert_eq!((picture.width * scale, picture.height * scale), expected, "{orientation}");
            let darkest = |x: u32, y: u32| {
                let at = 3 * (y * picture.width + x) as usize;
                u32::from(picture.data[at]) + u32::from(picture.data[at + 1])
            };
            let (x, y) = (right * (picture.width - 1), bottom * (picture.height - 1));
            assert!(darkest(x, y) < 40, "orientation {orientation}: {} at {x},{y}", darkest(x, y));
        }
    }
}

#[test]
fn what_is_no_picture_is_refused_with_a_reason() {
    let refused = |bytes: &[u8]| decode(bytes, Want::Full).unwrap_err();
    assert_eq!(refused(&[]), ImageError::Empty);
    assert_eq!(refused(b"GIF89a").to_string(), "not a JPEG: it starts with 47 49 46 38");
    assert!(matches!(refused(&[0; 4096]), ImageError::NotJpeg { .. }));
    assert!(matches!(refused(&BASELINE[..2]), ImageError::Truncated(_)));
    assert!(matches!(refused(&[0xFF, 0xD8, 0xFF, 0xD9]), ImageError::Corrupt(_)));
}

/// `BASELINE` with another size in its frame header (SOF0: marker, length, precision, height, width).
fn claiming(jpeg: &[u8], marker: u8, width: u16, height: u16) -> Vec<u8> {
    let sof = jpeg.windows(2).position(|w| w == [0xFF, marker]).unwrap();
    let mut bytes = jpeg.to_vec();
    bytes[sof + 5..sof + 7].copy_from_slice(&height.to_be_bytes());
    bytes[sof + 7..sof + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[test]
fn absurd_dimensions_are_refused_before_anything_is_allocated() {
    for want in [Want::Full, Want::LongSide(100)] {
        let error = decode(&claiming(BASELINE, 0xC0, 65500, 65500), want).unwrap_err();
        assert!(matches!(error, ImageError::TooLarge { width: 65500, height: 65500, .. }), "{error}");
        assert!(error.to_string().contains("64 megapixels"), "{error}");
    }
    // 60 megapixels pass the first limit; progressive, they need 60e6 * (3 + 3 + 2 * 3) bytes = 686 MiB.
    let error = decode(&claiming(PROGRESSIVE, 0xC2, 10_000, 6_000), Want::Full).unwrap_err();
    assert_eq!(error, ImageError::TooLarge { width: 10_000, height: 6_000, need_mib: 686 });
    let error = decode(&claiming(BASELINE, 0xC0, 0, 24), Want::Full).unwrap_err();
    assert!(matches!(error, ImageError::Corrupt(_)), "{error}");
    // A size the data do not fill is a truncated picture, not a grey one.
    let error = decode(&claiming(BASELINE, 0xC0, 400, 240), Want::Full).unwrap_err();
    assert!(matches!(error, ImageError::Truncated(_)), "{error}");
}

#[test]
fn a_picture_cut_short_is_an_error_even_with_a_tidy_end() {
    for (name, whole) in
        [("baseline", BASELINE), ("grey", GREY), ("progressive", PROGRESSIVE), ("restarts", RESTARTS)]
    {
        let sos = whole.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap();
        for cut in sos + 16..whole.len() - 6 {
            assert!(decode(&whole[..cut], Want::Full).is_err(), "{name} cut at {cut}");
        }
        if name != "progressive" {
            for cut in sos + 16..whole.len() - 6 {
                let tidy = [&whole[..cut], &[0xFF, 0xD9]].concat();
                assert!(decode(&tidy, Want::Full).is_err(), "{name} cut at {cut} and closed");
            }
        }
    }
}

#[test]
fn bytes_after_the_end_are_allowed() {
    let padded = [BASELINE, &[0; 512], b"vendor trailer"].concat();
    assert_eq!(decode(&padded, Want::Full), decode(BASELINE, Want::Full));
}

#[test]
fn fill_bytes_before_the_end_marker_are_allowed() {
    let (picture, end) = BASELINE.split_at(BASELINE.len() - 2);
    let filled = [picture, &[0xFF; 3], end].concat();
    assert_eq!(decode(&filled, Want::Full), decode(BASELINE, Want::Full));
}

#[test]
fn every_shared_photo_decodes_and_half_of_it_does_not() {
    let Some(photos) = photos() else { return };
    for path in photos {
        let bytes = std::fs::read(&path).expect("a readable photo");
        let header = Header::read(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let picture =
            decode(&bytes, Want::LongSide(416)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (width, height) = header.upright_size();
        let scale = width.div_ceil(picture.width);
        assert_eq!((width.div_ceil(scale), height.div_ceil(scale)), (picture.width, picture.height));
        assert!(picture.width.max(picture.height) >= 416 && [1, 2, 4, 8].contains(&scale));
        let half = [&bytes[..bytes.len() / 2], &[0xFF, 0xD9]].concat();
        assert!(decode(&half, Want::LongSide(416)).is_err(), "half of {}", path.display());
    }
}

#[test]
fn cameras_tell_their_name_and_time() {
    let Some(photos) = photos() else { return };
    let header = |name: &str| {
        let path = photos.iter().find(|p| p.ends_with(name)).unwrap_or_else(|| panic!("{name} is missing"));
        Header::read(&std::fs::read(path).expect("a readable photo")).unwrap()
    };
    // As Pillow and labels.csv have it.
    let peru = header("peru/EK000004.JPG");
    assert_eq!(peru.taken.unwrap().local.to_string(), "2014-07-02 02:54:52");
    assert_eq!((peru.width, peru.height, peru.make), (3264, 2448, None));
    let reconyx = header("southwest/MDF207.jpg");
    assert!(reconyx.taken.is_some());
}

/// 1 MP to 24 MP, as traps write them.
#[test]
fn one_to_twenty_four_megapixels() {
    for (width, height) in [(1280, 800), (6000, 4000)] {
        let data = (0..3 * width * height).map(|i: u32| (i / 7 % 251) as u8).collect();
        let bytes = encode_jpeg(&trapline::image::Rgb { width, height, data }, 50).unwrap();
        let picture = decode(&bytes, Want::Full).unwrap();
        assert_eq!((picture.width, picture.height), (width, height));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(
        which in 0..5usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = [BASELINE, PROGRESSIVE, GREY, CMYK, RESTARTS][which].to_vec();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        let _ = Header::read(&bytes);
        for want in [Want::Full, Want::LongSide(9)] {
            if let Ok(picture) = decode(&bytes, want) {
                prop_assert_eq!(picture.data.len() as u64, 3 * u64::from(picture.width) * u64::from(picture.height));
            }
        }
    }
}
