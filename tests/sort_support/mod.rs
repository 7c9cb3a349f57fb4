//! Photos made by the test, with EXIF, and the real binary run on them.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use exif::experimental::Writer;
use exif::{Field, In, Tag, Value};

/// What a camera writes into a photo.
#[derive(Default, Clone, Copy)]
pub struct Stamp<'a> {
    /// `2024:05:01 10:00:00`
    pub time: &'a str,
    /// `25` is a quarter of a second.
    pub fraction: &'a str,
    /// `+02:00`
    pub offset: &'a str,
    pub make: &'a str,
    pub model: &'a str,
}

/// A small grey-brown picture with texture, different for every seed.
pub fn picture(seed: u32) -> Vec<u8> {
    let (width, height) = (96u32, 64u32);
    let pixels: Vec<u8> = (0..width * height)
        .flat_map(|i| {
            let v = (i.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 24) as u8;
            [96 + v / 8, 90 + v / 8, 70 + v / 8]
        })
        .collect();
    let mut out = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 85);
    image::ImageEncoder::write_image(encoder, &pixels, width, height, image::ExtendedColorType::Rgb8)
        .unwrap();
    out
}

/// A picture with EXIF in front, as CIPA DC-008 lays it out: an APP1 segment right behind the start of the image.
pub fn photo(seed: u32, stamp: Stamp) -> Vec<u8> {
    let text = |tag, text: &str| Field {
        tag,
        ifd_num: In::PRIMARY,
        value: Value::Ascii(vec![text.as_bytes().to_vec()]),
    };
    let fields: Vec<Field> = [
        (Tag::Make, stamp.make),
        (Tag::Model, stamp.model),
        (Tag::DateTimeOriginal, stamp.time),
        (Tag::SubSecTimeOriginal, stamp.fraction),
        (Tag::OffsetTimeOriginal, stamp.offset),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(tag, value)| text(tag, value))
    .collect();
    let picture = picture(seed);
    if fields.is_empty() {
        return picture;
    }
    let mut writer = Writer::new();
    fields.iter().for_each(|f| writer.push_field(f));
    let mut tiff = std::io::Cursor::new(Vec::new());
    writer.write(&mut tiff, false).unwrap();
    let tiff = tiff.into_inner();
    let length = u16::try_from(tiff.len() + 8).unwrap().to_be_bytes();
    [&picture[..2], &[0xff, 0xe1], &length, b"Exif\0\0", &tiff, &picture[2..]].concat()
}

/// Writes a file and the folders above it.
pub fn put(path: &Path, bytes: &[u8]) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
    path.to_owned()
}

/// A card of `n` sequences of two photos each, a minute apart, one camera.
pub fn card(dir: &Path, n: u32) -> PathBuf {
    for i in 0..n {
        for (second, name) in [(0, "a"), (1, "b")] {
            let time = format!("2024:05:01 {:02}:{:02}:{second:02}", 10 + i / 60, i % 60);
            let stamp = Stamp { time: &time, make: "TRAP", model: "ONE", ..Stamp::default() };
            put(&dir.join(format!("IMG_{i:04}{name}.JPG")), &photo(i * 2 + second, stamp));
        }
    }
    dir.to_owned()
}

/// `trapline sort` with these arguments, not yet started.
pub fn command<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.arg("sort").args(args);
    command
}

/// Runs it to the end.
pub fn sort<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> Output {
    command(args).output().unwrap()
}

/// What it said on stderr.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The objects on stdout.
pub fn reports(output: &Output) -> Vec<serde_json::Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// File names, sequence by sequence: `a b // c`.
pub fn shape(reports: &[serde_json::Value]) -> String {
    let names = |r: &serde_json::Value| {
        let name = |f: &serde_json::Value| {
            Path::new(f["file"].as_str().unwrap()).file_stem().unwrap().to_string_lossy().into_owned()
        };
        r["frames"].as_array().unwrap().iter().map(name).collect::<Vec<_>>().join(" ")
    };
    reports.iter().map(names).collect::<Vec<_>>().join(" // ")
}

/// Every file below `dir` with its bytes and time of last change.
pub fn state(dir: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut files: Vec<_> = walkdir::WalkDir::new(dir)
        .into_iter()
        .map(Result::unwrap)
        .filter(|e| e.file_type().is_file())
        .map(|e| {
            let modified = e.metadata().unwrap().modified().unwrap();
            (e.path().to_owned(), std::fs::read(e.path()).unwrap(), modified)
        })
        .collect();
    files.sort();
    files
}
