//! A set of the catalogue onto the card: all its networks, or nothing.
//!
//! Everything arrives in one folder under `DIR/.incoming/`, each network is checked against the pinned SHA-256, and
//! one rename puts the folder in its place. What an interrupted try brought stays there, is checked, and gone on with.

use std::path::{Path, PathBuf};

use super::catalog::{Entry, Set};
use super::download::{Progress, download};
use super::hash::{sha256, sha256_file};
use super::install::{InstallError, put_in_place, refuse_existing, sync_folder};
use super::manifest::Manifest;
use super::pack::{self, Pack};

/// Where the networks come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirror {
    /// Where they are published.
    Published,
    /// A folder that holds them under any name, a stick for instance.
    Folder(PathBuf),
    /// An address below which they lie under their published names.
    Url(String),
}

impl Mirror {
    /// From what the user wrote; nothing: where they are published.
    pub fn of(text: Option<&str>) -> Mirror {
        match text {
            None => Mirror::Published,
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                Mirror::Url(url.trim_end_matches('/').to_owned())
            }
            Some(folder) => Mirror::Folder(folder.into()),
        }
    }
}

/// Installs `set` as `dir/NAME`. `progress` is told of each network anew.
pub fn install_set(
    dir: &Path,
    set: &Set,
    mirror: &Mirror,
    replace: bool,
    progress: Progress<'_>,
) -> Result<PathBuf, InstallError> {
    let target = dir.join(&set.name);
    refuse_existing(&target, replace)?;
    let door = dir.join(".incoming").join(&sha256(format!("set {}", set.name).as_bytes())[..16]);
    for entry in &set.entries {
        let folder = door.join(&entry.name);
        std::fs::create_dir_all(&folder).map_err(|e| InstallError::io(&folder, &e))?;
        write(&folder.join("model.toml"), entry.manifest)?;
        if let Some((name, text)) = entry.labels {
            write(&folder.join(name), text)?;
        }
        bring(entry, &Manifest::load(&folder)?.file, mirror, progress)?;
        sync_folder(&folder)?;
    }
    // Last, so that what lies at the door is no pack before it is whole.
    write(&door.join(pack::FILE), set.pack)?;
    for model in Pack::load(&door)?.all() {
        Manifest::load(model)?;
    }
    sync_folder(&door)?;
    put_in_place(&door, &target)?;
    Ok(target)
}

fn write(file: &Path, text: &str) -> Result<(), InstallError> {
    std::fs::write(file, text).map_err(|e| InstallError::io(file, &e))
}

/// The network of `entry` to `to`, checked.
fn bring(entry: &Entry, to: &Path, mirror: &Mirror, progress: Progress<'_>) -> Result<(), InstallError> {
    if to.exists() && hash_of(to)? == entry.sha256 {
        progress(entry.bytes, Some(entry.bytes));
        return Ok(());
    }
    let remove = || match to.exists() {
        true => std::fs::remove_file(to).map_err(|e| InstallError::io(to, &e)),
        false => Ok(()),
    };
    remove()?;
    let published = entry.url.rsplit('/').next().unwrap_or_default();
    let from = match mirror {
        Mirror::Folder(folder) => {
            let found = find(folder, entry)?;
            std::fs::copy(&found, to).map_err(|e| InstallError::io(&found, &e))?;
            progress(entry.bytes, Some(entry.bytes));
            found.display().to_string()
        }
        Mirror::Url(base) => format!("{base}/{published}"),
        Mirror::Published => entry.url.clone(),
    };
    if !matches!(mirror, Mirror::Folder(_)) {
        download(&from, to, entry.bytes, progress)?;
    }
    let got = hash_of(to)?;
    if got != entry.sha256 {
        remove()?;
        return Err(InstallError::Hash { from, expected: entry.sha256.clone(), got });
    }
    Ok(())
}

fn hash_of(file: &Path) -> Result<String, InstallError> {
    sha256_file(file).map_err(|e| InstallError::io(file, &e))
}

/// The file of `folder` that is the network, whatever its name.
fn find(folder: &Path, entry: &Entry) -> Result<PathBuf, InstallError> {
    let io = |e: std::io::Error| InstallError::io(folder, &e);
    for file in std::fs::read_dir(folder).map_err(io)? {
        let file = file.map_err(io)?.path();
        let size = std::fs::metadata(&file).map(|m| if m.is_file() { m.len() } else { 0 });
        if size.ok() == Some(entry.bytes) && hash_of(&file)? == entry.sha256 {
            return Ok(file);
        }
    }
    Err(InstallError::Source {
        from: folder.display().to_string(),
        reason: format!(
            "no file in it has the SHA-256 of {} ({} bytes, {})",
            entry.name, entry.bytes, entry.sha256
        ),
    })
}
