//! Making a bundle's archive from a folder.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::manifest::plain;
use super::{BundleError, Kind, MANIFEST, Manifest};

/// What a bundle is to say of itself.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What it brings.
    pub kind: Kind,
    /// Greater than that of every one before.
    pub version: u64,
    /// Sites it is for.
    pub sites: Vec<String>,
    /// Boards it is for.
    pub boards: Vec<String>,
    /// One line for people.
    pub description: String,
}

/// The SHA-256 of bytes, in hex digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The archive of all files below `folder`: the same bytes for the same files, whoever makes it.
pub fn pack(folder: &Path, recipe: &Recipe) -> Result<(Manifest, Vec<u8>), BundleError> {
    let content = |what: String| BundleError::Content { file: folder.display().to_string(), what };
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|e| content(e.to_string()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let name = inside.to_string_lossy().into_owned();
        if !plain(&name) {
            return Err(content(format!(
                "\"{name}\": names have letters, digits, - _ . and at most two folders"
            )));
        }
        let bytes = std::fs::read(entry.path()).map_err(BundleError::io("reading", entry.path()))?;
        files.insert(name, bytes);
    }
    let manifest = Manifest {
        kind: recipe.kind,
        version: recipe.version,
        sites: recipe.sites.clone(),
        boards: recipe.boards.clone(),
        description: recipe.description.clone(),
        files: files.iter().map(|(name, bytes)| (name.clone(), hash(bytes))).collect(),
    };
    let text = toml::to_string(&manifest).map_err(|e| content(e.to_string()))?;
    Manifest::parse(&text, &folder.display().to_string())?;
    let mut archive = tar::Builder::new(Vec::new());
    let first = [(MANIFEST, text.as_bytes())];
    let rest = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    for (name, bytes) in first.into_iter().chain(rest) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        archive.append_data(&mut header, name, bytes).map_err(|e| content(e.to_string()))?;
    }
    let archive = archive.into_inner().map_err(|e| content(e.to_string()))?;
    Ok((manifest, archive))
}
