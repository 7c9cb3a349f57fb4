//! Photos in folders by taxon and individual: `TAXON/INDIVIDUAL/*.jpg`, or with the side they show
//! `TAXON/INDIVIDUAL/left/*.jpg`, as `trapline world --individuals` writes them and people keep them.

use std::path::{Path, PathBuf};

use super::GalleryError;
use crate::units::Flank;

/// A photo and whom it shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// Scientific name of the species: the first folder.
    pub taxon: String,
    /// The individual: the second folder.
    pub name: String,
    /// The side: the third folder, where there is one.
    pub flank: Flank,
    /// The file.
    pub file: PathBuf,
}

impl Shown {
    /// The encounter that a photo is of: its file's name, without the number of one or two digits that ends it after `_`
    /// (`e0012_0.jpg` and `e0012_1.jpg` are of one).
    pub fn encounter(&self) -> String {
        let stem = self.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let number =
            |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        match stem.rsplit_once('_') {
            Some((encounter, last)) if number(last) => encounter.to_owned(),
            _ => stem,
        }
    }

    /// Whether both are of one side of one animal in one encounter.
    pub fn is_with(&self, other: &Shown) -> bool {
        let who = |shown: &Shown| (shown.taxon.clone(), shown.name.clone(), shown.flank, shown.encounter());
        self.file.parent() == other.file.parent() && who(self) == who(other)
    }
}

/// Every photo below `folder`, sorted. A photo or folder in a place that says nothing of whom it shows is an error; other
/// files (notes, lists) and hidden ones are left out.
pub fn scan(folder: &Path) -> Result<Vec<Shown>, GalleryError> {
    let mut found = Vec::new();
    for taxon in entries(folder)? {
        if !taxon.is_dir() {
            stray(&taxon)?;
            continue;
        }
        for individual in entries(&taxon)? {
            if !individual.is_dir() {
                stray(&individual)?;
                continue;
            }
            photos(&individual, &name(&taxon)?, &name(&individual)?, &mut found)?;
        }
    }
    found.sort();
    if found.is_empty() {
        return refused(format!("{} holds no photo", folder.display()));
    }
    Ok(found)
}

/// The photos of an individual.
fn photos(folder: &Path, taxon: &str, who: &str, found: &mut Vec<Shown>) -> Result<(), GalleryError> {
    let mut add = |file: PathBuf, flank| {
        found.push(Shown { taxon: taxon.to_owned(), name: who.to_owned(), flank, file });
    };
    for entry in entries(folder)? {
        if !entry.is_dir() {
            if is_photo(&entry) {
                add(entry, Flank::Unknown);
            }
            continue;
        }
        let Some(flank) = Flank::parse(&name(&entry)?) else {
            return refused(format!("{} is no side of an animal: left, right or unknown", entry.display()));
        };
        for file in entries(&entry)? {
            if is_photo(&file) {
                add(file, flank);
            } else if file.is_dir() {
                return refused(format!("{} is a folder too deep", file.display()));
            }
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, GalleryError> {
    let unread = |e: std::io::Error| GalleryError::Read { file: folder.to_owned(), reason: e.to_string() };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A photo that belongs to nobody is an error, another file is not.
fn stray(file: &Path) -> Result<(), GalleryError> {
    if is_photo(file) {
        refused(format!("{} lies in no individual's folder", file.display()))
    } else {
        Ok(())
    }
}

fn is_photo(file: &Path) -> bool {
    let jpeg = |e: &std::ffi::OsStr| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("jpeg");
    file.extension().is_some_and(jpeg)
}

fn name(path: &Path) -> Result<String, GalleryError> {
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok(name.to_owned()),
        None => refused(format!("the name of {} is no plain text", path.display())),
    }
}

fn refused<T>(what: String) -> Result<T, GalleryError> {
    let cure = "put photos into TAXON/INDIVIDUAL or TAXON/INDIVIDUAL/left and right, such as \"Lynx lynx/Luchs-07/left\"";
    Err(GalleryError::Refused { what, cure: cure.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str) {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, b"x").unwrap();
    }

    #[test]
    fn folders_say_whom_photos_show() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["Lynx lynx/A/left/1.jpg", "Lynx lynx/A/2.JPEG", "Panthera onca/B/right/3.jpg"] {
            write(dir.path(), name);
        }
        for name in ["individuals.jsonl", "Lynx lynx/notes.txt", "Lynx lynx/A/left/.hidden.jpg", ".git/x.jpg"]
        {
            write(dir.path(), name);
        }
        let told: Vec<(String, String, Flank)> =
            scan(dir.path()).unwrap().into_iter().map(|s| (s.taxon, s.name, s.flank)).collect();
        let expected = [
            ("Lynx lynx", "A", Flank::Left),
            ("Lynx lynx", "A", Flank::Unknown),
            ("Panthera onca", "B", Flank::Right),
        ];
        assert_eq!(told, expected.map(|(t, n, f)| (t.to_owned(), n.to_owned(), f)));
    }

    #[test]
    fn names_tell_encounters() {
        let of = |file: &str| {
            let (taxon, name) = (String::new(), String::new());
            Shown { taxon, name, flank: Flank::Left, file: file.into() }
        };
        assert_eq!(of("a/e0012_1.jpg").encounter(), "e0012");
        assert_eq!(of("a/IMG_0012.JPG").encounter(), "IMG_0012");
        assert_eq!(of("a/_7.jpg").encounter(), "");
        assert!(of("a/e1_0.jpg").is_with(&of("a/e1_1.jpg")) && !of("a/e1_0.jpg").is_with(&of("b/e1_1.jpg")));
    }

    #[test]
    fn what_says_nothing_of_whom_it_shows_is_an_error() {
        let said = |name: &str| {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), name);
            scan(dir.path()).unwrap_err().to_string()
        };
        assert!(
            said("1.jpg").contains("1.jpg lies in no individual's folder; put photos into TAXON/INDIVIDUAL")
        );
        assert!(said("Lynx lynx/1.jpg").contains("lies in no individual's folder"));
        assert!(said("Lynx lynx/A/top/1.jpg").contains("is no side of an animal"));
        assert!(said("Lynx lynx/A/left/more/1.jpg").contains("too deep"));
        assert!(said("Lynx lynx/A/notes.txt").contains("holds no photo"));
        assert!(scan(Path::new("no/such/folder")).is_err());
    }
}
