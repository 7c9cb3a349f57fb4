//! Individuals that were met before: one small file, and whether an animal is one of them.
//!
//! A [`Gallery`] holds, for each individual, what an embedder made of its photos. It is of one network: vectors of
//! another one mean something else, so a gallery says with which it was made and is refused with any other
//! ([`Gallery::check`]). A question (the mean of an animal's crops) is answered by the individuals it is most like
//! ([`Gallery::ask`]), and the embedder's calibration makes that known, unsure or new.
//!
//! | file | what it is for |
//! |---|---|
//! | `file` | the bytes: read whole or not at all, written whole or not at all |
//! | `asking` | nearest individuals, flank by flank, and the decision |
//! | [`folder`] | photos in folders by taxon, individual and flank |
//! | [`identify`] | a judged burst: its animals, their crops, their names |
//!
//! Not a register of animals: two individuals that look alike to the network are one to it, and an animal whose other
//! side alone is in the gallery is never told as new.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::manifest::Manifest;
use crate::units::Flank;

mod asking;
mod file;
pub mod folder;
pub mod identify;

pub use asking::{Answer, Nearest, cosine, mean};
pub use file::FILE_MAX;

/// Longest name, note and taxon, bytes.
pub const TEXT_MAX: usize = 200;

/// Numbers in an embedding, at most: four times the widest in use (MiewID, 2152).
pub const DIMENSION_MAX: usize = 8192;

/// Entries of a gallery, at most.
pub const ENTRIES_MAX: usize = 50_000;

/// Which network made the embeddings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its name, for people.
    pub name: String,
    /// Its version, for people.
    pub version: String,
    /// SHA-256 of its file.
    pub sha256: [u8; 32],
    /// Numbers in an embedding.
    pub dimension: u32,
}

impl Network {
    /// Of a checked manifest and the length of its embeddings.
    pub fn of(manifest: &Manifest, dimension: usize) -> Network {
        let mut sha256 = [0; 32];
        for (byte, two) in sha256.iter_mut().zip(manifest.sha256.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(two).unwrap_or_default();
            // The manifest was checked to have 64 such digits.
            *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        }
        Network {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            sha256,
            dimension: u32::try_from(dimension).unwrap_or(u32::MAX),
        }
    }

    /// As people are told: `lynx-embedder 2 (sha256 1f2e3d4c5b6a…)`.
    pub fn told(&self) -> String {
        let prefix: String = self.sha256.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("{} {} (sha256 {prefix}…)", self.name, self.version)
    }
}

/// One encounter with an individual: a photo, or the mean of several of one burst.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which side it shows.
    pub flank: Flank,
    /// When it was taken, seconds since 1970 (UTC, or the camera's own clock where it tells no zone).
    pub when: Option<i64>,
    /// The name of its first photo, for people.
    pub photo: String,
    /// What the network made of it (the mean of what it made of each photo), of length 1.
    pub embedding: Vec<f32>,
    /// A small JPEG of its first photo.
    pub thumbnail: Option<Vec<u8>>,
}

/// One animal.
#[derive(Debug, Clone, PartialEq)]
pub struct Individual {
    /// Scientific name of its species.
    pub taxon: String,
    /// What it is called, unique within its species.
    pub name: String,
    /// In one's own words; may be empty.
    pub note: String,
    /// Encounters with it.
    pub entries: Vec<Entry>,
}

impl Individual {
    /// Encounters that show one side.
    pub fn of(&self, flank: Flank) -> usize {
        self.entries.iter().filter(|entry| entry.flank == flank).count()
    }
}

/// Individuals, and the network by which they are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Gallery {
    /// What made the embeddings.
    pub network: Network,
    /// Sorted by taxon and name.
    individuals: Vec<Individual>,
}

/// Why a gallery cannot be used or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GalleryError {
    /// It cannot be read.
    #[error("cannot read the gallery {}: {reason}", file.display())]
    Read {
        /// The gallery.
        file: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// It cannot be written.
    #[error("cannot write the gallery {}: {reason}", file.display())]
    Write {
        /// The gallery.
        file: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Another kind of file.
    #[error("{} is no gallery; make one with `trapline gallery build`", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// Of a later version of the program.
    #[error("{} is a gallery of version {found}, this program reads version {known}; update Trapline", file.display())]
    Newer {
        /// The gallery.
        file: PathBuf,
        /// Its version.
        found: u16,
        /// What is known here.
        known: u16,
    },
    /// Not what was written.
    #[error("the gallery {} is damaged: {what}; copy it anew or build it again", file.display())]
    Damaged {
        /// The gallery.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Made with another network.
    #[error(
        "the gallery {} was made with {made_with}, and {network} is given: their embeddings cannot be compared; use that \
         network, or build the gallery again from its photos with this one (`trapline gallery build`)",
        file.display()
    )]
    OtherNetwork {
        /// The gallery.
        file: PathBuf,
        /// The network of the gallery.
        made_with: String,
        /// The network that is there.
        network: String,
    },
    /// Something that a gallery does not take.
    #[error("{what}; {cure}")]
    Refused {
        /// What.
        what: String,
        /// What to do.
        cure: String,
    },
}

impl Gallery {
    /// One with nobody in it.
    pub fn new(network: Network) -> Gallery {
        Gallery { network, individuals: Vec::new() }
    }

    /// Everybody in it, sorted by taxon and name.
    pub fn individuals(&self) -> &[Individual] {
        &self.individuals
    }

    /// Encounters in all.
    pub fn len(&self) -> usize {
        self.individuals.iter().map(|individual| individual.entries.len()).sum()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.individuals.is_empty()
    }

    /// Whether somebody of that species is in it.
    pub fn has(&self, taxon: &str) -> bool {
        self.individuals.iter().any(|individual| individual.taxon == taxon)
    }

    /// The individual of that name, of that species where one is given.
    pub fn find(&self, taxon: Option<&str>, name: &str) -> Option<&Individual> {
        let of = |i: &&Individual| i.name == name && taxon.is_none_or(|taxon| i.taxon == taxon);
        self.individuals.iter().find(of)
    }

    /// Adds an encounter with an individual, who is taken in where it is not known yet. The embedding is brought to length 1;
    /// what no gallery takes (an empty name, an embedding of another length, too much) is an error.
    pub fn add(&mut self, taxon: &str, name: &str, mut entry: Entry) -> Result<(), GalleryError> {
        text("the species' scientific name", taxon, false)?;
        text("the individual's name", name, false)?;
        if self.len() >= ENTRIES_MAX {
            return refused(
                format!("a gallery holds {ENTRIES_MAX} encounters"),
                "make one gallery per species",
            );
        }
        let expected = self.network.dimension as usize;
        if entry.embedding.len() != expected {
            let what = format!("an embedding of {} numbers, not {expected}", entry.embedding.len());
            return refused(what, "use the network the gallery was made with");
        }
        entry.embedding = mean([entry.embedding.as_slice()]).ok_or_else(|| GalleryError::Refused {
            what: format!("the embedding of {} has no direction", entry.photo),
            cure: "leave this photo out".to_owned(),
        })?;
        entry.photo = entry.photo.chars().filter(|c| !c.is_control()).take(TEXT_MAX / 4).collect();
        let place = self
            .individuals
            .binary_search_by(|i| (i.taxon.as_str(), i.name.as_str()).cmp(&(taxon, name)))
            .unwrap_or_else(|place| {
                let new = Individual {
                    taxon: taxon.to_owned(),
                    name: name.to_owned(),
                    note: String::new(),
                    entries: Vec::new(),
                };
                self.individuals.insert(place, new);
                place
            });
        if let Some(individual) = self.individuals.get_mut(place) {
            individual.entries.push(entry);
        }
        Ok(())
    }

    /// Writes a note on an individual, in the place of what was there.
    pub fn note(&mut self, taxon: &str, name: &str, note: &str) -> Result<(), GalleryError> {
        text("the note", note, true)?;
        match self.individuals.iter_mut().find(|i| i.taxon == taxon && i.name == name) {
            Some(individual) => note.clone_into(&mut individual.note),
            None => {
                return refused(
                    format!("nobody in the gallery is called {name}"),
                    "see `trapline gallery list`",
                );
            }
        }
        Ok(())
    }

    /// Refuses a gallery that another network made; `file` is the gallery's.
    pub fn check(&self, network: &Network, file: &Path) -> Result<(), GalleryError> {
        if self.network.sha256 == network.sha256 && self.network.dimension == network.dimension {
            return Ok(());
        }
        Err(GalleryError::OtherNetwork {
            file: file.to_owned(),
            made_with: self.network.told(),
            network: network.told(),
        })
    }
}

/// Whether a text is one a gallery takes.
fn text(what: &str, text: &str, empty: bool) -> Result<(), GalleryError> {
    let blank = text.trim().is_empty() && !empty;
    if blank || text.len() > TEXT_MAX || text.chars().any(char::is_control) {
        let least = if empty { 0 } else { 1 };
        let cure = format!("give {least} to {TEXT_MAX} bytes of plain text on one line");
        return refused(format!("{what} is {text:?}"), &cure);
    }
    Ok(())
}

fn refused<T>(what: String, cure: &str) -> Result<T, GalleryError> {
    Err(GalleryError::Refused { what, cure: cure.to_owned() })
}
