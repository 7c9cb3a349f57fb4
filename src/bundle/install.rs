//! From a file to what is in force: verified, staged, tried, switched.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Write};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::manifest::MANIFEST_BYTES;
use super::pack::hash;
use super::slots::{Happened, Slot, Slots};
use super::{BundleError, Disk, Kind, MANIFEST, Manifest, Trial, verify};

/// Which trap this is, and what it takes.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its site's name.
    pub site: String,
    /// Its board profile.
    pub board: String,
    /// Public keys that are trusted.
    pub keys: Vec<String>,
    /// Most bytes of a bundle, and of what it unpacks to.
    pub most: u64,
}

/// A bundle that is in force from the next start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The comment that was signed with it.
    pub comment: String,
    /// What the self-test said.
    pub tested: String,
}

/// Tries a staged folder; says in a sentence how it went.
pub type SelfTest<'a> = dyn FnMut(Kind, &Path) -> Result<String, String> + 'a;

/// Installs the bundle in `file`. What does not go well leaves what was in force, and is written down with its cause.
pub fn install<D: Disk>(
    slots: &Slots<D>,
    file: &Path,
    target: &Target,
    test: &mut SelfTest<'_>,
    now: DateTime<Utc>,
) -> Result<Installed, BundleError> {
    let done = attempt(slots, file, target, test, now);
    if let Err(error) = &done {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        log::error!("bundle not taken: {error}");
        // What refused it may be the card itself: then there is nowhere to write it down.
        let _ = slots.refused(&name, &error.to_string(), now);
        let _ = slots.tidy();
    }
    done
}

fn attempt<D: Disk>(
    slots: &Slots<D>,
    file: &Path,
    target: &Target,
    test: &mut SelfTest<'_>,
    now: DateTime<Utc>,
) -> Result<Installed, BundleError> {
    let name = file.display().to_string();
    if target.keys.is_empty() {
        return Err(BundleError::Off);
    }
    let input = File::open(file).map_err(BundleError::io("opening", file))?;
    let bytes = input.metadata().map_err(BundleError::io("looking at", file))?.len();
    // The lines before the archive are some hundred bytes.
    if bytes > target.most + 4096 {
        return Err(BundleError::TooLarge { file: name, bytes, most: target.most });
    }
    slots.make_folder(&slots.folder)?;
    slots.tidy()?;
    let staging = slots.folder.join("staging");
    let staged = staging.join("slot");
    slots.make_folder(&staged)?;

    // What was verified is what is read later: a copy of our own, not a file on a card that others may write.
    let copy = staging.join("archive.tar");
    let verified = {
        let mut out = File::create(&copy).map_err(BundleError::io("writing", &copy))?;
        let verified = verify(&mut BufReader::new(input), &name, &target.keys, target.most, &mut out)?;
        out.flush().map_err(BundleError::io("writing", &copy))?;
        verified
    };
    let manifest = unpack(slots, &copy, &staged, &name, target)?;
    let (kind, version) = (manifest.kind, manifest.version);
    slots.disk.sync_folder(&staged).map_err(BundleError::io("syncing", &staged))?;
    let tested = test(kind, &staged).map_err(|why| BundleError::SelfTest { file: name, why })?;

    let parent = slots.folder.join("slots");
    slots.make_folder(&parent)?;
    let place = slots.path(kind, version);
    slots.disk.rename(&staged, &place).map_err(BundleError::io("moving", &place))?;
    slots.disk.sync_folder(&parent).map_err(BundleError::io("syncing", &parent))?;
    let text = std::fs::read(place.join(MANIFEST)).map_err(BundleError::io("reading", &place))?;
    // The switch: before it the old one is in force, after it the new one.
    slots.change(|state| {
        let standing = state.kinds.entry(kind).or_default();
        // A bundle that never showed that it is good is nothing to go back to.
        if standing.trial.is_none() {
            standing.previous = standing.current.take();
        }
        standing.current = Some(Slot { version, manifest: hash(&text) });
        standing.highest = version;
        standing.trial = Some(Trial::default());
        let bundle = format!("{} {version}", kind.as_str());
        log::warn!("bundle {bundle} is installed: {tested}; it is in force from the next start on");
        state.happened(now, Happened::Installed, bundle, tested.clone());
    })?;
    slots.tidy()?;
    Ok(Installed { manifest, comment: verified.comment, tested })
}

/// The manifest of an archive whose signature held.
pub fn manifest_of(archive: &[u8], name: &str) -> Result<Manifest, BundleError> {
    let content = |what: String| BundleError::Content { file: name.to_owned(), what };
    let mut archive = tar::Archive::new(archive);
    let first = archive.entries().and_then(|mut entries| entries.next().transpose());
    let Some(entry) = first.map_err(|e| content(e.to_string()))? else {
        return Err(content("it is empty".to_owned()));
    };
    if entry.path().map(|path| path != Path::new(MANIFEST)).unwrap_or(true) {
        return Err(content(format!("it does not begin with {MANIFEST}")));
    }
    let mut text = String::new();
    entry.take(MANIFEST_BYTES).read_to_string(&mut text).map_err(|e| content(e.to_string()))?;
    Manifest::parse(&text, name)
}

/// Unpacks an archive whose signature held: its manifest first, then its files, each as the manifest has it.
fn unpack<D: Disk>(
    slots: &Slots<D>,
    archive: &Path,
    folder: &Path,
    name: &str,
    target: &Target,
) -> Result<Manifest, BundleError> {
    let content = |what: String| BundleError::Content { file: name.to_owned(), what };
    let input = File::open(archive).map_err(BundleError::io("opening", archive))?;
    let mut archive = tar::Archive::new(BufReader::new(input));
    let mut entries = archive.entries().map_err(|e| content(e.to_string()))?;
    let mut next = || -> Result<Option<(String, Vec<u8>)>, BundleError> {
        let Some(entry) = entries.next() else { return Ok(None) };
        let mut entry = entry.map_err(|e| content(e.to_string()))?;
        let inside = entry.path().map_err(|e| content(e.to_string()))?.to_string_lossy().into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(content(format!("{inside} is no plain file")));
        }
        let most = if inside == MANIFEST { MANIFEST_BYTES } else { target.most };
        if entry.size() > most {
            return Err(content(format!("{inside} is too large")));
        }
        let mut bytes = Vec::new();
        entry.by_ref().take(most).read_to_end(&mut bytes).map_err(|e| content(e.to_string()))?;
        Ok(Some((inside, bytes)))
    };
    let first = next()?.filter(|(inside, _)| inside == MANIFEST);
    let Some((_, text)) = first else { return Err(content(format!("it does not begin with {MANIFEST}"))) };
    let text = String::from_utf8(text).map_err(|_| content(format!("{MANIFEST} is no text")))?;
    let manifest = Manifest::parse(&text, name)?;
    if !manifest.fits(&target.site, &target.board) {
        let what = format!("sites {} on boards {}", manifest.sites.join(", "), manifest.boards.join(", "));
        let here = format!("{} on {}", target.site, target.board);
        return Err(BundleError::Elsewhere { file: name.to_owned(), what, here });
    }
    let highest = slots.state().of(manifest.kind).highest;
    if manifest.version <= highest {
        let (file, kind) = (name.to_owned(), manifest.kind.as_str());
        return Err(BundleError::Old { file, kind, version: manifest.version, highest });
    }
    let put = |inside: &str, bytes: &[u8]| {
        let path = folder.join(inside);
        let failed = || BundleError::io("writing", &path);
        if let Some(parent) = path.parent() {
            slots.make_folder(parent)?;
        }
        slots.disk.write(&path, &mut Cursor::new(bytes)).map_err(failed())?;
        slots.disk.sync(&path).map_err(failed())?;
        slots.disk.sync_folder(path.parent().unwrap_or(folder)).map_err(failed())
    };
    put(MANIFEST, text.as_bytes())?;
    let mut missing: Vec<&String> = manifest.files.keys().collect();
    while let Some((inside, bytes)) = next()? {
        let Some(wanted) = manifest.files.get(&inside) else {
            return Err(content(format!("{inside} is not in its manifest")));
        };
        if hash(&bytes) != *wanted {
            return Err(content(format!("{inside} is not what its manifest says")));
        }
        put(&inside, &bytes)?;
        missing.retain(|name| **name != inside);
    }
    if let Some(name) = missing.first() {
        return Err(content(format!("{name} is missing")));
    }
    Ok(manifest)
}
