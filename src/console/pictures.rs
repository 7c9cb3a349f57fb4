//! Pictures by their number in the journal: never by a path, never from outside the media folder.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use axum::body::Bytes;
use axum::http::StatusCode;

use super::book::Book;
use super::browse::is_hidden;
use super::refusal::Refusal;
use super::{Console, held};
use crate::image::{Want, decode, encode_jpeg, resize};
use crate::store::Numbered;

/// Widths that may be asked for; 0: as stored.
pub(super) const WIDTHS: [u32; 4] = [0, 96, 320, 800];

/// JPEG quality of thumbnails.
const QUALITY: u8 = 80;

/// Longest file that is shown, bytes: several times the largest JPEG a trail camera writes.
const FILE_MAX: u64 = 128 << 20;

/// Thumbnails in memory, the least used forgotten first.
#[derive(Debug)]
pub(super) struct Thumbnails {
    most: usize,
    held: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    turn: u64,
    bytes: usize,
    pictures: HashMap<(u64, u32), (u64, Bytes)>,
}

impl Thumbnails {
    /// At most so many bytes.
    pub fn new(most: usize) -> Self {
        Thumbnails { most, held: Mutex::default() }
    }

    pub fn get(&self, number: u64, width: u32) -> Option<Bytes> {
        let mut shelf = held(&self.held);
        shelf.turn += 1;
        let turn = shelf.turn;
        let (used, picture) = shelf.pictures.get_mut(&(number, width))?;
        *used = turn;
        Some(picture.clone())
    }

    pub fn put(&self, number: u64, width: u32, picture: Bytes) {
        if picture.len() > self.most {
            return;
        }
        let mut shelf = held(&self.held);
        shelf.turn += 1;
        let turn = shelf.turn;
        shelf.bytes += picture.len();
        if let Some((_, before)) = shelf.pictures.insert((number, width), (turn, picture)) {
            shelf.bytes -= before.len();
        }
        while shelf.bytes > self.most {
            let least = shelf.pictures.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key);
            let Some((_, gone)) = least.and_then(|key| shelf.pictures.remove(&key)) else { return };
            shelf.bytes -= gone.len();
        }
    }

    pub fn clear(&self) {
        *held(&self.held) = Shelf::default();
    }
}

/// The bytes of picture `number`, `width` pixels along its longer side.
pub(super) fn picture(console: &Console, number: u64, width: u32) -> Result<Bytes, Refusal> {
    let (book, file) = shown(console, number)?;
    if let Some(known) = console.thumbnails.get(number, width) {
        return Ok(known);
    }
    let jpeg = read(console, book, &file)?;
    if width == 0 {
        return Ok(jpeg.into());
    }
    let small = smaller(&jpeg, width)?;
    console.thumbnails.put(number, width, small.clone());
    Ok(small)
}

/// The file behind a number, if it may be shown.
fn shown(console: &Console, number: u64) -> Result<(&Book, Numbered), Refusal> {
    let unknown = || Refusal::unknown("picture");
    let (index, own) = Book::split(number);
    let book = console.book(index).ok_or_else(unknown)?;
    let file = book.file(own)?.ok_or_else(unknown)?;
    if let Some((_, why)) = &file.file.gone {
        return Err(Refusal::new(StatusCode::NOT_FOUND, format!("this picture is gone: {why}")));
    }
    let entry = book.entry(file.burst)?.ok_or_else(unknown)?;
    if is_hidden(console, &entry) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "pictures of people are not shown"));
    }
    Ok((book, file))
}

/// Reads the file. One of the trap lies below the media folder, whatever its name says; one of a user's photos is a
/// JPEG, whatever the journal says.
fn read(console: &Console, book: &Book, file: &Numbered) -> Result<Vec<u8>, Refusal> {
    let path = place(console, book, file)?;
    let gone =
        |e: std::io::Error| Refusal::new(StatusCode::NOT_FOUND, format!("this picture cannot be read: {e}"));
    let meta = fs::metadata(&path).map_err(gone)?;
    if !meta.is_file() || meta.len() > FILE_MAX {
        return Err(Refusal::unknown("picture"));
    }
    let bytes = fs::read(&path).map_err(gone)?;
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "this picture is damaged: it does not start as a JPEG does",
        ));
    }
    Ok(bytes)
}

/// Where the file of a number lies.
pub(super) fn place(console: &Console, book: &Book, file: &Numbered) -> Result<PathBuf, Refusal> {
    let gone =
        |e: std::io::Error| Refusal::new(StatusCode::NOT_FOUND, format!("this picture is not there: {e}"));
    let named = Path::new(&file.file.media.path);
    if file.file.owned {
        let root = book.media().canonicalize().map_err(gone)?;
        let path = root.join(named).canonicalize().map_err(gone)?;
        return if path.starts_with(&root) { Ok(path) } else { Err(Refusal::unknown("picture")) };
    }
    if console.desk().is_none() {
        return Err(Refusal::unknown("picture"));
    }
    let photo =
        named.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("jpeg"));
    if !photo {
        return Err(Refusal::unknown("picture"));
    }
    // As given to `trapline sort`: from where the journal lies, or from the working directory.
    let beside = book.path().parent().map(|folder| folder.join(named)).filter(|path| path.exists());
    Ok(beside.unwrap_or_else(|| named.to_owned()))
}

fn smaller(jpeg: &[u8], width: u32) -> Result<Bytes, Refusal> {
    let damaged = |e: crate::image::ImageError| {
        Refusal::new(StatusCode::NOT_FOUND, format!("this picture cannot be shown: {e}"))
    };
    let picture = decode(jpeg, Want::LongSide(width)).map_err(damaged)?;
    let long = picture.width.max(picture.height);
    let side = |length: u32| u32::try_from(u64::from(length) * u64::from(width) / u64::from(long.max(1)));
    let small = match (side(picture.width), side(picture.height)) {
        (Ok(w), Ok(h)) if long > width => resize(&picture, w.max(1), h.max(1)).map_err(damaged)?,
        _ => picture,
    };
    Ok(encode_jpeg(&small, QUALITY).map_err(damaged)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_stay_within_their_bound_and_the_used_ones_stay() {
        let shelf = Thumbnails::new(100);
        let picture = |byte: u8| Bytes::from(vec![byte; 40]);
        shelf.put(1, 96, picture(1));
        shelf.put(2, 96, picture(2));
        assert!(shelf.get(1, 96).is_some());
        shelf.put(3, 96, picture(3));
        assert_eq!(shelf.get(2, 96), None);
        assert_eq!(shelf.get(1, 96), Some(picture(1)));
        shelf.put(4, 96, Bytes::from(vec![0; 200]));
        assert_eq!(shelf.get(4, 96), None);
        assert!(shelf.get(3, 96).is_some());
        shelf.put(3, 96, picture(9));
        let bytes = held(&shelf.held).bytes;
        assert_eq!((bytes, shelf.get(3, 96)), (80, Some(picture(9))));
    }
}
