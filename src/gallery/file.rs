//! The gallery's file, little-endian:
//!
//! ```text
//! "TRAPGAL\n"                                8 bytes
//! version                                    u16, 1
//! head: network, number of individuals       postcard, as all that follows
//! per individual: taxon, name, note, number of entries
//!     per entry: flank, when, photo, embedding, thumbnail
//! SHA-256 of everything before               32 bytes
//! ```
//!
//! Each record is checked as it is read, so that a file that lies about its lengths ends at the first lie and not in the
//! memory. The checksum tells damage; it is no signature (a bundle has one).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DIMENSION_MAX, ENTRIES_MAX, Entry, Gallery, GalleryError, Network, text};
use crate::store::write_whole;

/// First bytes of every gallery.
const MAGIC: [u8; 8] = *b"TRAPGAL\n";

/// The version written and read here.
const VERSION: u16 = 1;

/// Bytes of the checksum.
const SUM: usize = 32;

/// Longest file read, bytes: 50 000 photos of a network of 64 numbers are 15 MB, thumbnails are a few kB each.
pub const FILE_MAX: u64 = 256 << 20;

/// How far an embedding's length may be from 1: rounding of 32-bit floats.
const UNIT: f32 = 1e-3;

#[derive(Serialize, Deserialize)]
struct Head {
    network: Network,
    individuals: u32,
}

#[derive(Serialize, Deserialize)]
struct Person {
    taxon: String,
    name: String,
    note: String,
    entries: u32,
}

impl Gallery {
    /// Reads and checks the gallery in `file`.
    pub fn load(file: &Path) -> Result<Gallery, GalleryError> {
        let unread = |reason: String| GalleryError::Read { file: file.to_owned(), reason };
        let mut bytes = Vec::new();
        let opened = File::open(file).and_then(|f| f.take(FILE_MAX + 1).read_to_end(&mut bytes));
        opened.map_err(|e| unread(e.to_string()))?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(unread(format!("it is longer than {} MiB, which no gallery is", FILE_MAX >> 20)));
        }
        Gallery::parse(&bytes, file)
    }

    /// The same of bytes that came from `file`.
    pub fn parse(bytes: &[u8], file: &Path) -> Result<Gallery, GalleryError> {
        let damaged = |what: &str| GalleryError::Damaged { file: file.to_owned(), what: what.to_owned() };
        let Some(rest) = bytes.strip_prefix(&MAGIC) else {
            return Err(GalleryError::Foreign { file: file.to_owned() });
        };
        let (&[low, high], _) = rest.split_first_chunk::<2>().ok_or_else(|| damaged("it is cut short"))?;
        let found = u16::from_le_bytes([low, high]);
        if found > VERSION {
            return Err(GalleryError::Newer { file: file.to_owned(), found, known: VERSION });
        }
        let (body, sum) = bytes.split_last_chunk::<SUM>().ok_or_else(|| damaged("it is cut short"))?;
        if found != VERSION || Sha256::digest(body).as_slice() != sum {
            return Err(damaged("its checksum does not fit"));
        }
        let records = body.get(MAGIC.len() + 2..).unwrap_or_default();
        read(records).map_err(|what| damaged(&what))
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, GalleryError> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let head = Head { network: self.network.clone(), individuals: count(self.individuals.len()) };
        put(&mut out, &head)?;
        for individual in &self.individuals {
            let person = Person {
                taxon: individual.taxon.clone(),
                name: individual.name.clone(),
                note: individual.note.clone(),
                entries: count(individual.entries.len()),
            };
            put(&mut out, &person)?;
            for entry in &individual.entries {
                put(&mut out, entry)?;
            }
        }
        let sum = Sha256::digest(&out);
        out.extend_from_slice(&sum);
        Ok(out)
    }

    /// Writes it to `file`: whole, or what was there before stays.
    pub fn save(&self, file: &Path) -> Result<(), GalleryError> {
        let unwritten = |reason: String| GalleryError::Write { file: file.to_owned(), reason };
        let bytes = self.to_bytes()?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(unwritten(format!(
                "it would be longer than {} MiB; leave thumbnails out",
                FILE_MAX >> 20
            )));
        }
        write_whole(file, &bytes).map_err(|e| unwritten(e.to_string()))
    }
}

fn put(out: &mut Vec<u8>, record: &impl Serialize) -> Result<(), GalleryError> {
    let written = postcard::to_extend(record, std::mem::take(out));
    *out = written.map_err(|e| GalleryError::Refused {
        what: format!("the gallery cannot be written ({e})"),
        cure: "tell the makers of Trapline".to_owned(),
    })?;
    Ok(())
}

/// The next record.
fn take<T: DeserializeOwned>(rest: &mut &[u8]) -> Result<T, String> {
    let (record, left) =
        postcard::take_from_bytes(rest).map_err(|e| format!("a record cannot be read ({e})"))?;
    *rest = left;
    Ok(record)
}

fn read(mut rest: &[u8]) -> Result<Gallery, String> {
    let head: Head = take(&mut rest)?;
    let dimension = head.network.dimension as usize;
    if !(1..=DIMENSION_MAX).contains(&dimension) {
        return Err(format!("embeddings of {dimension} numbers"));
    }
    let mut gallery = Gallery::new(head.network);
    let mut left = ENTRIES_MAX;
    for _ in 0..head.individuals {
        let person: Person = take(&mut rest)?;
        for (what, given, empty) in [
            ("a species", &person.taxon, false),
            ("a name", &person.name, false),
            ("a note", &person.note, true),
        ] {
            text(what, given, empty).map_err(|_| format!("{what} is no plain text"))?;
        }
        let key = (person.taxon.as_str(), person.name.as_str());
        let before = gallery.individuals.last().map(|i| (i.taxon.as_str(), i.name.as_str()));
        if person.entries == 0 || before.is_some_and(|before| before >= key) {
            return Err(format!("{} has no encounter, or is there twice", person.name));
        }
        left = left.checked_sub(person.entries as usize).ok_or("more encounters than a gallery holds")?;
        for _ in 0..person.entries {
            let entry: Entry = take(&mut rest)?;
            let length = entry.embedding.iter().map(|v| v * v).sum::<f32>().sqrt();
            // NaN is in no range.
            if entry.embedding.len() != dimension || !(1.0 - UNIT..=1.0 + UNIT).contains(&length) {
                return Err(format!("an embedding of {} is none", person.name));
            }
            if entry.thumbnail.as_ref().is_some_and(|jpeg| !jpeg.starts_with(&[0xFF, 0xD8])) {
                return Err(format!("a thumbnail of {} is no JPEG", person.name));
            }
            gallery.add(&person.taxon, &person.name, entry).map_err(|e| e.to_string())?;
        }
        if !person.note.is_empty() {
            gallery.note(&person.taxon, &person.name, &person.note).map_err(|e| e.to_string())?;
        }
    }
    if rest.is_empty() { Ok(gallery) } else { Err(format!("{} bytes too many", rest.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Flank;

    fn network() -> Network {
        Network { name: "net".into(), version: "1".into(), sha256: [7; 32], dimension: 4 }
    }

    fn entry(embedding: [f32; 4], flank: Flank) -> Entry {
        Entry {
            flank,
            when: Some(1_700_000_000),
            photo: "a.jpg".into(),
            embedding: embedding.to_vec(),
            thumbnail: Some(vec![0xFF, 0xD8, 0xFF, 0xD9]),
        }
    }

    fn gallery() -> Gallery {
        let mut gallery = Gallery::new(network());
        gallery.add("Lynx lynx", "Luchs-07", entry([1.0, 0.0, 0.0, 0.0], Flank::Left)).unwrap();
        gallery.add("Lynx lynx", "Luchs-03", entry([0.0, 3.0, 4.0, 0.0], Flank::Unknown)).unwrap();
        gallery.note("Lynx lynx", "Luchs-07", "notch in the left ear").unwrap();
        gallery
    }

    fn said(bytes: &[u8]) -> String {
        Gallery::parse(bytes, Path::new("g")).unwrap_err().to_string()
    }

    /// `body` with the checksum it needs.
    fn sealed(mut body: Vec<u8>) -> Vec<u8> {
        let sum = Sha256::digest(&body);
        body.extend_from_slice(&sum);
        body
    }

    #[test]
    fn what_is_written_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("lynx.gallery");
        gallery().save(&file).unwrap();
        let back = Gallery::load(&file).unwrap();
        assert_eq!(back, gallery());
        let names: Vec<&str> = back.individuals().iter().map(|i| i.name.as_str()).collect();
        assert_eq!(names, ["Luchs-03", "Luchs-07"]);
        // By hand: 3, 4 of length 5.
        assert_eq!(back.individuals()[0].entries[0].embedding, [0.0, 0.6, 0.8, 0.0]);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn no_damage_passes_and_none_panics() {
        let whole = gallery().to_bytes().unwrap();
        for at in 0..whole.len() {
            assert!(Gallery::parse(&whole[..at], Path::new("g")).is_err(), "cut at {at}");
            for flip in [1, 0x80, 0xFF] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                assert!(Gallery::parse(&bytes, Path::new("g")).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn a_hostile_file_with_a_fitting_checksum_is_an_error_or_a_sound_gallery() {
        let whole = gallery().to_bytes().unwrap();
        let body = &whole[..whole.len() - SUM];
        for at in MAGIC.len()..body.len() {
            for value in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut bytes = body.to_vec();
                bytes[at] = value;
                if let Ok(read) = Gallery::parse(&sealed(bytes), Path::new("g")) {
                    let unit =
                        |e: &Entry| (e.embedding.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 0.01;
                    assert!(read.individuals().iter().flat_map(|i| &i.entries).all(unit), "byte {at}");
                }
            }
        }
        // Lengths of gigabytes in a file of a few bytes.
        let mut bytes = body[..10].to_vec();
        bytes.extend([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
        assert!(said(&sealed(bytes)).contains("damaged"));
        let mut many = MAGIC.to_vec();
        many.extend(VERSION.to_le_bytes());
        put(&mut many, &Head { network: network(), individuals: u32::MAX }).unwrap();
        let person = Person { taxon: "a".into(), name: "b".into(), note: String::new(), entries: u32::MAX };
        put(&mut many, &person).unwrap();
        assert!(said(&sealed(many)).contains("more encounters than a gallery holds"));
    }

    #[test]
    fn other_files_and_later_versions_are_told_apart_from_damage() {
        assert_eq!(said(b"SQLite format 3\0"), "g is no gallery; make one with `trapline gallery build`");
        let mut bytes = gallery().to_bytes().unwrap();
        bytes[8] = 9;
        assert!(said(&bytes).contains("version 9, this program reads version 1; update Trapline"));
        let missing = Gallery::load(Path::new("no/such")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read the gallery no/such"), "{missing}");
    }

    #[test]
    fn another_network_is_refused_with_the_cure() {
        let other = Network { sha256: [8; 32], ..network() };
        let said = gallery().check(&other, Path::new("g")).unwrap_err().to_string();
        assert!(said.contains("made with net 1 (sha256 070707070707…)"), "{said}");
        assert!(said.contains("trapline gallery build"), "{said}");
        assert_eq!(gallery().check(&network(), Path::new("g")), Ok(()));
    }

    #[test]
    fn what_no_gallery_takes_is_refused() {
        let mut all = gallery();
        let mut add = |taxon: &str, name: &str, embedding: Vec<f32>| {
            let entry = Entry { embedding, ..entry([1.0; 4], Flank::Left) };
            all.add(taxon, name, entry).map_err(|e| e.to_string())
        };
        assert!(add("Lynx lynx", " ", vec![1.0; 4]).unwrap_err().contains("the individual's name"));
        assert!(add("", "A", vec![1.0; 4]).unwrap_err().contains("scientific name"));
        assert!(add("Lynx lynx", "two\nlines", vec![1.0; 4]).unwrap_err().contains("on one line"));
        assert!(add("Lynx lynx", "A", vec![1.0; 3]).unwrap_err().contains("3 numbers, not 4"));
        assert!(add("Lynx lynx", "A", vec![0.0; 4]).unwrap_err().contains("no direction"));
        assert!(add("Lynx lynx", "A", vec![f32::NAN; 4]).unwrap_err().contains("no direction"));
        assert_eq!(all, gallery());
        assert!(all.note("Lynx lynx", "Nobody", "x").is_err());
    }
}
