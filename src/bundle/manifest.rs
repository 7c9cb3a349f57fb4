//! What a bundle says of itself: `bundle.toml`, its first entry, read strictly.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::{BundleError, Kind};

/// Its name in the archive.
pub const MANIFEST: &str = "bundle.toml";

/// Most bytes of it, and most files of a bundle.
pub(super) const MANIFEST_BYTES: u64 = 64 << 10;
const FILES: usize = 256;

/// A manifest, as written and as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What it brings.
    pub kind: Kind,
    /// Greater than that of every bundle of its kind before.
    pub version: u64,
    /// Names of sites it is for, `*` for any run of characters.
    #[serde(default = "any")]
    pub sites: Vec<String>,
    /// Board profiles it is for.
    #[serde(default = "any")]
    pub boards: Vec<String>,
    /// One line for people.
    #[serde(default)]
    pub description: String,
    /// Its files and their SHA-256 (64 hex digits).
    pub files: BTreeMap<String, String>,
}

fn any() -> Vec<String> {
    vec!["*".to_owned()]
}

impl Manifest {
    /// Reads and checks `text`; `file` names the bundle in errors.
    pub fn parse(text: &str, file: &str) -> Result<Manifest, BundleError> {
        let content = |what: String| BundleError::Content { file: file.to_owned(), what };
        let manifest: Manifest =
            crate::strict::read(text, MANIFEST).map_err(|error| content(error.to_string()))?;
        if manifest.version == 0 || i64::try_from(manifest.version).is_err() {
            return Err(content(format!("version {} is not 1 to 2^63-1", manifest.version)));
        }
        if manifest.files.is_empty() || manifest.files.len() > FILES {
            return Err(content(format!("{} files, and 1 to {FILES} are allowed", manifest.files.len())));
        }
        for (name, hash) in &manifest.files {
            if !plain(name) || name == MANIFEST {
                return Err(content(format!("\"{name}\" is no name of a file within it")));
            }
            if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
                return Err(content(format!("\"{hash}\" is no SHA-256 in lower case")));
            }
        }
        let main = match manifest.kind {
            Kind::Config => manifest.files.contains_key("trapline.toml"),
            Kind::Models => manifest.files.keys().any(|name| name.ends_with("manifest.toml")),
        };
        if !main {
            let needs = if manifest.kind == Kind::Config { "trapline.toml" } else { "a manifest.toml" };
            return Err(content(format!("{} bundles hold {needs}", manifest.kind.as_str())));
        }
        Ok(manifest)
    }

    /// Whether it is for this trap.
    pub fn fits(&self, site: &str, board: &str) -> bool {
        let any = |patterns: &[String], name: &str| patterns.iter().any(|pattern| like(pattern, name));
        any(&self.sites, site) && any(&self.boards, board)
    }
}

/// A relative path of plain names, at most three deep.
pub(super) fn plain(name: &str) -> bool {
    let parts = Path::new(name).components();
    let depth = parts.clone().count();
    let clean = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b));
    clean
        && (1..=3).contains(&depth)
        && name.len() <= 120
        && !name.contains("//")
        && !name.ends_with('/')
        && parts
            .into_iter()
            .all(|part| matches!(part, Component::Normal(name) if !name.to_string_lossy().starts_with('.')))
}

/// `*` stands for any run of characters.
fn like(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, rest)) => match name.strip_prefix(before) {
            None => false,
            Some(left) => {
                let ends = left.char_indices().map(|(at, _)| at).chain([left.len()]);
                ends.into_iter().any(|at| like(rest, left.get(at..).unwrap_or_default()))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_sites_and_boards() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("ridge-*", "ridge-3", true),
            ("ridge-*", "valley-3", false),
            ("*-3", "ridge-3", true),
            ("pi-*-w", "pi-zero-2-w", true),
            ("pi-*-w", "pi-5", false),
            ("pi-5", "pi-5", true),
        ] {
            assert_eq!(like(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn names_stay_within_the_bundle() {
        for name in ["trapline.toml", "detector/manifest.toml", "a/b/c.onnx"] {
            assert!(plain(name), "{name}");
        }
        for name in
            ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".hidden", "a/.b", "a b", "a/b/c/d", "ä"]
        {
            assert!(!plain(name), "{name}");
        }
    }

    #[test]
    fn a_manifest_is_read_strictly() {
        let hash = "0".repeat(64);
        let good = format!("kind = \"config\"\nversion = 3\n[files]\n\"trapline.toml\" = \"{hash}\"");
        let manifest = Manifest::parse(&good, "b").unwrap();
        assert!(manifest.fits("anywhere", "pi-5"));
        for (text, what) in [
            (good.replace("version = 3", "version = 0"), "version 0"),
            (good.replace("version = 3", "version = 3\nsite = \"x\""), "unknown key `site`"),
            (good.replace("config", "firmware"), "unknown value"),
            (good.replace("trapline.toml", "other.toml"), "hold trapline.toml"),
            (good.replace(&hash, "12"), "SHA-256"),
            (good.replace("\"trapline.toml\"", "\"../trapline.toml\""), "no name"),
        ] {
            let said = Manifest::parse(&text, "b").unwrap_err().to_string();
            assert!(said.contains(what), "{said}");
        }
    }
}
