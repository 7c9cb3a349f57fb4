//! Species travel as codes: the codebook is the site's list of taxa, and its hash says which list that was.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Stands for a taxon of the site's [`Codebook`]; 9 bits on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Code(u16);

impl TryFrom<u16> for Code {
    type Error = CodebookError;

    fn try_from(value: u16) -> Result<Self, CodebookError> {
        Code::new(value).ok_or(CodebookError::NoCode(value))
    }
}

impl From<Code> for u16 {
    fn from(code: Code) -> u16 {
        code.0
    }
}

impl Code {
    /// An animal of which nothing more is known.
    pub const ANIMAL: Code = Code(0);
    /// A person.
    pub const PERSON: Code = Code(1);
    /// A vehicle.
    pub const VEHICLE: Code = Code(2);
    /// The first code whose meaning depends on the codebook.
    pub const FIRST: Code = Code(3);
    /// Something that the codebook has no code for.
    pub const OTHER: Code = Code(511);

    /// A code, 0..=511.
    pub fn new(value: u16) -> Option<Self> {
        (value <= Code::OTHER.0).then_some(Code(value))
    }

    /// The value, 0..=511.
    pub fn get(self) -> u16 {
        self.0
    }

    /// What the codes that mean the same in every codebook mean.
    pub fn fixed_name(self) -> Option<&'static str> {
        match self {
            Code::ANIMAL => Some("Animalia"),
            Code::PERSON => Some("Homo sapiens"),
            Code::VEHICLE => Some("vehicle"),
            Code::OTHER => Some("not in the codebook"),
            _ => None,
        }
    }
}

/// Most taxa that a codebook can name.
pub const CODEBOOK_MAX: usize = (Code::OTHER.0 - Code::FIRST.0) as usize;

/// Names for codes; any sorted list without doubles will do, the decoder needs the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codebook<'a, T> {
    names: &'a [T],
}

/// Why a list of taxa is not a codebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodebookError {
    /// More names than there are codes.
    #[error(
        "{0} taxa are more than the {CODEBOOK_MAX} a codebook can name; list the site's own in [species] allow"
    )]
    TooMany(usize),
    /// Not sorted, or a name twice.
    #[error("name {0} of the codebook does not come after the one before; sort the names, each once")]
    NotSorted(usize),
    /// Not a code.
    #[error("{0} is not a code; codes are 0 to 511")]
    NoCode(u16),
}

impl<'a, T: AsRef<str>> Codebook<'a, T> {
    /// Scientific names, sorted by their bytes, each once, without those that have fixed codes.
    pub fn new(names: &'a [T]) -> Result<Self, CodebookError> {
        if names.len() > CODEBOOK_MAX {
            return Err(CodebookError::TooMany(names.len()));
        }
        match names.windows(2).position(|pair| matches!(pair, [a, b] if a.as_ref() >= b.as_ref())) {
            Some(i) => Err(CodebookError::NotSorted(i + 2)),
            None => Ok(Codebook { names }),
        }
    }

    /// The code of a scientific name; [`Code::OTHER`] for one that is not in the book.
    pub fn code(&self, name: &str) -> Code {
        if let Some(fixed) =
            [Code::ANIMAL, Code::PERSON, Code::VEHICLE].into_iter().find(|c| c.fixed_name() == Some(name))
        {
            return fixed;
        }
        let found = self.names.binary_search_by(|known| known.as_ref().cmp(name));
        found.ok().and_then(|i| u16::try_from(i).ok()).map_or(Code::OTHER, |i| Code(Code::FIRST.0 + i))
    }

    /// The name of a code, where this codebook has one.
    pub fn name(&self, code: Code) -> Option<&str> {
        match code.fixed_name() {
            Some(name) => Some(name),
            None => self.names.get(usize::from(code.0 - Code::FIRST.0)).map(AsRef::as_ref),
        }
    }

    /// Tells codebooks apart: the first four bytes, big-endian, of the SHA-256 of the names, each followed by a
    /// line feed.
    pub fn hash(&self) -> u32 {
        let mut hasher = Sha256::new();
        for name in self.names {
            hasher.update(name.as_ref().as_bytes());
            hasher.update(b"\n");
        }
        let digest = hasher.finalize();
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_inverse() {
        let names = ["Canis lupus", "Lynx lynx", "Sus scrofa"];
        let book = Codebook::new(&names).unwrap();
        for name in names.into_iter().chain(["Animalia", "Homo sapiens", "vehicle"]) {
            assert_eq!(book.name(book.code(name)), Some(name));
        }
        assert_eq!(book.code("Lynx lynx").get(), 4);
        assert_eq!(book.code("Gulo gulo"), Code::OTHER);
        assert_eq!(book.name(Code::new(6).unwrap()), None);
    }

    #[test]
    fn the_hash_is_that_of_sha256sum() {
        // printf 'Canis lupus\nLynx lynx\n' | sha256sum
        assert_eq!(Codebook::new(&["Canis lupus", "Lynx lynx"]).unwrap().hash(), HASH);
    }

    const HASH: u32 = 0xf8f520ff;

    #[test]
    fn unsorted_doubled_and_too_many_names_are_refused() {
        assert_eq!(Codebook::new(&["b", "a"]), Err(CodebookError::NotSorted(2)));
        assert_eq!(Codebook::new(&["a", "a"]), Err(CodebookError::NotSorted(2)));
        let many: std::vec::Vec<std::string::String> = (0..600).map(|i| std::format!("{i:04}")).collect();
        assert_eq!(Codebook::new(&many), Err(CodebookError::TooMany(600)));
    }
}
