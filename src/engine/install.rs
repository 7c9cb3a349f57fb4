//! Models on the card: where they are, and how one gets there whole or not at all.
//!
//! A model is installed as `DIR/NAME/` with its manifest (`model.toml`), its network and its file of labels.
//! Everything arrives in `DIR/.incoming/`, is checked there, synced, and moved to its place by one rename, so that a
//! power cut leaves the old state or the new one. What a cut download brought stays there and is gone on with.

use std::fs::File;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::download::{Progress, download};
use super::hash::{sha256, sha256_file};
use super::manifest::{Manifest, ManifestError};
use super::pack::{Pack, is_pack};

/// Largest file taken when the caller sets no limit: 1 GiB, above any network a trap can run.
pub const DEFAULT_LIMIT: u64 = 1 << 30;

/// Largest manifest or file of labels taken: 4 MiB (iNaturalist's 10,000 taxa take half of one).
const TEXT_LIMIT: u64 = 4 << 20;

/// Why a model was not installed. What was there before still is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InstallError {
    /// The server cannot be reached.
    #[error("cannot reach {url}: {reason}; check the address and the network")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// The network's words.
        reason: String,
    },
    /// The server says no.
    #[error("{url}: the server answers {status}{}", if *status == 404 { " (not found)" } else { "" })]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The transfer stopped too often.
    #[error("{url}: cut after {kept} bytes ({reason}); they are kept, run the same command again to go on")]
    Cut {
        /// What was asked for.
        url: String,
        /// Bytes there so far.
        kept: u64,
        /// The network's words.
        reason: String,
    },
    /// More bytes than allowed.
    #[error("{from} is larger than the limit of {limit} bytes; raise it with --max-bytes if that is right")]
    TooLarge {
        /// Where it comes from.
        from: String,
        /// The limit.
        limit: u64,
    },
    /// Other bytes than expected.
    #[error("{from}: the SHA-256 is {got}, expected {expected}; nothing was installed")]
    Hash {
        /// Where it comes from.
        from: String,
        /// What was expected.
        expected: String,
        /// What came.
        got: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {reason}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// There is something of that name already.
    #[error("{} is there already; add --replace to put the new one in its place", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The source cannot be a model.
    #[error("{from}: {reason}")]
    Source {
        /// Where it comes from.
        from: String,
        /// Why not.
        reason: String,
    },
    /// Its manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl InstallError {
    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        InstallError::Io { path: path.to_owned(), reason: error.to_string() }
    }
}

/// What to install and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// A manifest (`.toml`), a folder with one, or a network; a path or an http(s) URL.
    pub source: String,
    /// The network's SHA-256, if the user knows it.
    pub sha256: Option<String>,
    /// Largest file taken, in bytes.
    pub limit: u64,
    /// Whether to put it in the place of one that is there.
    pub replace: bool,
}

/// What was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The model's folder, or the network's file where there was no manifest.
    pub path: PathBuf,
    /// The network's SHA-256.
    pub sha256: String,
    /// The network's size in bytes.
    pub bytes: u64,
    /// Whether it came with a manifest and can be used as it is.
    pub complete: bool,
}

/// The folder of models when the user names none: `TRAPLINE_MODELS`, else the platform's folder for data. `env` gives
/// the values of environment variables.
pub fn default_dir(env: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|v| !v.as_os_str().is_empty());
    set("TRAPLINE_MODELS").or_else(|| {
        let data = if cfg!(windows) {
            set("APPDATA")
        } else if cfg!(target_os = "macos") {
            set("HOME").map(|home| home.join("Library/Application Support"))
        } else {
            set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")))
        };
        data.map(|data| data.join("trapline/models"))
    })
}

/// The manifests of every model installed in `dir`, by name, those of packs one by one; a folder that is not there has
/// none.
pub fn installed(dir: &Path) -> Result<Vec<PathBuf>, InstallError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(InstallError::io(dir, &e)),
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|p| !is_hidden(p) && (p.is_dir() || p.extension().is_some_and(|e| e == "toml")))
        .collect();
    found.sort();
    let each = found.into_iter().flat_map(|path| match Pack::load(&path) {
        Ok(pack) if is_pack(&path) => pack.all().map(Path::to_owned).collect(),
        // One that cannot be read is told by whoever opens it.
        _ => vec![path],
    });
    Ok(each.collect())
}

/// The packs installed in `dir`, by name.
pub fn installed_packs(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    found.retain(|path| !is_hidden(path) && is_pack(path));
    found.sort();
    found
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

/// Installs what `request` says in `dir`, which is made if it is not there.
pub fn install(dir: &Path, request: &Request, progress: Progress<'_>) -> Result<Installed, InstallError> {
    let source = Origin::of(&request.source)?;
    // The same source always comes in by the same door, so that a cut download can be gone on with.
    let door = dir.join(".incoming").join(&sha256(request.source.as_bytes())[..16]);
    std::fs::create_dir_all(&door).map_err(|e| InstallError::io(&door, &e))?;
    let installed = match source.name().to_lowercase().ends_with(".toml") {
        true => install_model(dir, &door, &source, request, progress),
        false => install_network(dir, &door, &source, request, progress),
    };
    // What a cut download brought stays; everything else is of no use.
    if !matches!(installed, Err(InstallError::Cut { .. } | InstallError::Unreachable { .. })) {
        let _ = std::fs::remove_dir_all(&door);
    }
    installed
}

fn install_model(
    dir: &Path,
    door: &Path,
    source: &Origin,
    request: &Request,
    progress: Progress<'_>,
) -> Result<Installed, InstallError> {
    let manifest = door.join("model.toml");
    let text = fetch_text(source, &door.join("manifest.download"))?;
    let bad = |reason: String| InstallError::Source { from: source.to_string(), reason };
    let mut table: Table = text.parse().map_err(|e: toml::de::Error| bad(e.to_string()))?;
    let network = take_beside(&mut table, "file", "network.onnx", source)?
        .ok_or_else(|| bad("the key `file` is missing".into()))?;
    let labels = match table.get_mut("labels") {
        Some(Value::Table(labels)) => take_beside(labels, "file", "labels.txt", source)?,
        _ => None,
    };
    if let Some((name, origin)) = &labels {
        origin.fetch(&door.join(name), TEXT_LIMIT, &mut |_, _| ())?;
    }
    let forms = forms_beside(&mut table, &network.0, source)?;
    std::fs::write(&manifest, table.to_string()).map_err(|e| InstallError::io(&manifest, &e))?;
    let checked = Manifest::load(&manifest)?;
    let target = dir.join(folder_name(&checked.name));
    refuse_existing(&target, request.replace)?;
    let (name, origin) = network;
    let file = door.join(name);
    origin.fetch(&file, request.limit, progress)?;
    let got = checked_hash(&file, &origin, Some(&checked.sha256))?;
    if request.sha256.as_ref().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&got)) {
        checked_hash(&file, &origin, request.sha256.as_deref())?;
    }
    for ((name, origin), form) in forms.iter().zip(&checked.forms) {
        let file = door.join(name);
        origin.fetch(&file, request.limit, progress)?;
        checked_hash(&file, origin, Some(&form.sha256))?;
    }
    let bytes = std::fs::metadata(&file).map_err(|e| InstallError::io(&file, &e))?.len();
    sync_folder(door)?;
    put_in_place(door, &target)?;
    Ok(Installed { path: target, sha256: got, bytes, complete: true })
}

/// A manifest as it is now at its origin.
fn fetch_text(source: &Origin, to: &Path) -> Result<String, InstallError> {
    let io = |e: std::io::Error| InstallError::io(to, &e);
    if to.exists() {
        std::fs::remove_file(to).map_err(io)?;
    }
    source.fetch(to, TEXT_LIMIT, &mut |_, _| ())?;
    let text = std::fs::read_to_string(to).map_err(io)?;
    std::fs::remove_file(to).map_err(io)?;
    Ok(text)
}

fn install_network(
    dir: &Path,
    door: &Path,
    source: &Origin,
    request: &Request,
    progress: Progress<'_>,
) -> Result<Installed, InstallError> {
    let name = source.name();
    let target = dir.join(&name);
    refuse_existing(&target, request.replace)?;
    let file = door.join(&name);
    source.fetch(&file, request.limit, progress)?;
    let got = checked_hash(&file, source, request.sha256.as_deref())?;
    let bytes = std::fs::metadata(&file).map_err(|e| InstallError::io(&file, &e))?.len();
    sync_folder(door)?;
    put_in_place(&file, &target)?;
    Ok(Installed { path: target, sha256: got, bytes, complete: false })
}

/// The file a manifest names under `key`: the name it gets beside the manifest, written there, and where it comes from.
fn take_beside(
    table: &mut Table,
    key: &str,
    default: &str,
    source: &Origin,
) -> Result<Option<(String, Origin)>, InstallError> {
    let Some(Value::String(named)) = table.get_mut(key) else { return Ok(None) };
    let origin = source.beside(named)?;
    let name = Some(origin.name()).filter(|n| !n.is_empty() && n != "model.toml").unwrap_or(default.into());
    *named = name.clone();
    Ok(Some((name, origin)))
}

/// The files of the other forms of a network, which must not bear the name `network` or that of another form.
fn forms_beside(
    table: &mut Table,
    network: &str,
    source: &Origin,
) -> Result<Vec<(String, Origin)>, InstallError> {
    let Some(Value::Array(forms)) = table.get_mut("form") else { return Ok(Vec::new()) };
    let mut found: Vec<(String, Origin)> = Vec::with_capacity(forms.len());
    for (i, form) in forms.iter_mut().enumerate() {
        // Anything else is refused when the manifest is checked.
        let Value::Table(form) = form else { continue };
        let Some((mut name, origin)) = take_beside(form, "file", "form.onnx", source)? else { continue };
        if name == network || found.iter().any(|(other, _)| *other == name) {
            name = format!("form-{}-{name}", i + 1);
            form.insert("file".into(), Value::String(name.clone()));
        }
        found.push((name, origin));
    }
    Ok(found)
}

/// A folder's name for a model's: letters, digits, `.`, `_` and `-`.
fn folder_name(model: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = model.chars().map(safe).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "model".into() } else { name.into() }
}

pub(super) fn refuse_existing(target: &Path, replace: bool) -> Result<(), InstallError> {
    if target.exists() && !replace { Err(InstallError::Exists { path: target.to_owned() }) } else { Ok(()) }
}

fn checked_hash(file: &Path, from: &Origin, expected: Option<&str>) -> Result<String, InstallError> {
    let got = sha256_file(file).map_err(|e| InstallError::io(file, &e))?;
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(&got) => {
            Err(InstallError::Hash { from: from.to_string(), expected: expected.to_ascii_lowercase(), got })
        }
        _ => Ok(got),
    }
}

/// Moves `from` to `target`, which may be there, and makes it last.
pub(super) fn put_in_place(from: &Path, target: &Path) -> Result<(), InstallError> {
    let io = |e: std::io::Error| InstallError::io(target, &e);
    let old =
        target.with_file_name(format!(".{}.old", target.file_name().unwrap_or_default().to_string_lossy()));
    if target.is_dir() {
        // A folder cannot be renamed onto another that is not empty.
        let _ = std::fs::remove_dir_all(&old);
        std::fs::rename(target, &old).map_err(io)?;
    }
    std::fs::rename(from, target).map_err(io)?;
    if let Some(parent) = target.parent() {
        sync(parent)?;
    }
    if old.exists() {
        std::fs::remove_dir_all(&old).map_err(io)?;
    }
    Ok(())
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), InstallError> {
    for entry in std::fs::read_dir(folder).map_err(|e| InstallError::io(folder, &e))? {
        sync(&entry.map_err(|e| InstallError::io(folder, &e))?.path())?;
    }
    sync(folder)
}

/// Makes a file or a folder's list of names last through a power cut.
fn sync(path: &Path) -> Result<(), InstallError> {
    if cfg!(windows) && path.is_dir() {
        return Ok(());
    }
    File::open(path).and_then(|file| file.sync_all()).map_err(|e| InstallError::io(path, &e))
}

/// Where a file comes from.
#[derive(Debug, Clone)]
enum Origin {
    Url(String),
    File(PathBuf),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Url(url) => f.write_str(url),
            Origin::File(path) => path.display().fmt(f),
        }
    }
}

impl Origin {
    /// From what the user wrote; a folder stands for the one manifest in it.
    fn of(text: &str) -> Result<Origin, InstallError> {
        if is_url(text) {
            return Ok(Origin::Url(text.to_owned()));
        }
        if text.contains("://") {
            let reason = "not a path, and not an address that begins with https:// or http://".into();
            return Err(InstallError::Source { from: text.into(), reason });
        }
        Ok(Origin::File(super::manifest::manifest_in(Path::new(text))?))
    }

    /// Its last component, without a URL's query.
    fn name(&self) -> String {
        match self {
            Origin::Url(url) => {
                let path = url.split(['?', '#']).next().unwrap_or_default();
                path.rsplit('/').next().unwrap_or_default().to_owned()
            }
            Origin::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// The file that `named`, written in the manifest at this origin, means.
    fn beside(&self, named: &str) -> Result<Origin, InstallError> {
        match self {
            _ if is_url(named) => Ok(Origin::Url(named.to_owned())),
            Origin::File(manifest) => Ok(Origin::File(super::keys::expand(manifest, named)?)),
            Origin::Url(url) => {
                // No way out of the manifest's own folder, nor into the variables of this machine.
                let plain = |part: &str| !part.is_empty() && part != ".." && !part.contains(['$', '\\', ':']);
                if !named.split('/').all(plain) {
                    let reason = format!("`{named}` is not a file beside the manifest");
                    return Err(InstallError::Source { from: url.clone(), reason });
                }
                let base = url
                    .split(['?', '#'])
                    .next()
                    .and_then(|u| u.rsplit_once('/'))
                    .map_or("", |(base, _)| base);
                Ok(Origin::Url(format!("{base}/{named}")))
            }
        }
    }

    /// Brings the file to `to`, at most `limit` bytes.
    fn fetch(&self, to: &Path, limit: u64, progress: Progress<'_>) -> Result<(), InstallError> {
        match self {
            // Brought by an earlier, cut try.
            Origin::Url(_) if to.exists() => Ok(()),
            Origin::Url(url) => download(url, to, limit, progress),
            Origin::File(path) => {
                let size = std::fs::metadata(path).map_err(|e| InstallError::io(path, &e))?.len();
                if size > limit {
                    return Err(InstallError::TooLarge { from: path.display().to_string(), limit });
                }
                std::fs::copy(path, to).map_err(|e| InstallError::io(path, &e))?;
                progress(size, Some(size));
                Ok(())
            }
        }
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}
