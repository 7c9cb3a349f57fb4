//! A site's configuration with what is in force, and the self-test of what is to be.

use std::path::{Path, PathBuf};

use crate::board;
use crate::config::{Config, ConfigError};
use crate::daemon::models;
use crate::event::Outcome;
use crate::vision::judge::Frame;

use super::{Kind, Manifest};

/// The file of a `config` bundle.
const OVERLAY: &str = "trapline.toml";

/// How the file of a gallery ends in a `models` bundle: it counts in the place of the configuration's.
const GALLERY: &str = ".gallery";

/// What no bundle may change: who the trap is, where its records are, whom it trusts.
const OWN: [&str; 5] = ["board", "site.name", "journal", "commands", "bundles"];

/// Width of the pictures that networks are tried on, pixels: small, for the board has other work meanwhile.
const TRIED: u32 = 320;

/// Why a configuration cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file cannot be read.
    #[error("{file}: {reason}; give an existing file")]
    Unreadable {
        /// Which.
        file: String,
        /// The system's words.
        reason: String,
    },
    /// The bundle wants to change what is the trap's own.
    #[error("{file} sets `{key}`, which a bundle may not; leave it out")]
    Own {
        /// Which.
        file: String,
        /// The key.
        key: &'static str,
    },
    /// The result is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Not TOML.
    #[error("{file} is not valid TOML: {reason}")]
    Toml {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
}

/// What is in force: folders of slots, with the manifest of the models.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    /// Of a `config` bundle.
    pub config: Option<PathBuf>,
    /// Of a `models` bundle, and its manifest.
    pub models: Option<(PathBuf, Manifest)>,
}

/// The configuration in `file` (`None`: every key's default) with `pieces` over it.
pub fn compose(file: Option<&Path>, pieces: &Pieces) -> Result<Config, ApplyError> {
    let mut config = match (&pieces.config, file) {
        (None, None) => Config::default(),
        (None, Some(file)) => Config::load(file)?,
        (Some(slot), file) => overlaid(file, &slot.join(OVERLAY))?,
    };
    if let Some((slot, manifest)) = &pieces.models {
        let manifests = manifest.files.keys().filter(|name| name.ends_with("manifest.toml"));
        config.models.manifests = manifests.map(|name| slot.join(name)).collect();
        if let Some(gallery) = manifest.files.keys().find(|name| name.ends_with(GALLERY)) {
            config.models.gallery = Some(slot.join(gallery));
        }
    }
    Ok(config)
}

fn overlaid(file: Option<&Path>, overlay: &Path) -> Result<Config, ApplyError> {
    let read = |path: &Path| -> Result<toml::Table, ApplyError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| ApplyError::Unreadable { file: shown.clone(), reason: e.to_string() })?;
        text.parse().map_err(|e: toml::de::Error| ApplyError::Toml { file: shown, reason: e.to_string() })
    };
    let over = read(overlay)?;
    for key in OWN {
        let mut parts = key.split('.');
        let mut value = parts.next().and_then(|part| over.get(part));
        for part in parts {
            value = value.and_then(|value| value.get(part));
        }
        if value.is_some() {
            return Err(ApplyError::Own { file: overlay.display().to_string(), key });
        }
    }
    let mut base = file.map(read).transpose()?.unwrap_or_default();
    merge(&mut base, over);
    let text = toml::to_string(&base)
        .map_err(|e| ApplyError::Toml { file: overlay.display().to_string(), reason: e.to_string() })?;
    let shown =
        format!("{} with {}", file.map_or("the defaults".into(), Path::to_string_lossy), overlay.display());
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    Ok(Config::parse(&text, &shown, folder)?)
}

/// Tables go into each other; anything else of `over` replaces what was there.
fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Whether the trap would start with this configuration and judge a burst of the bench world. Says what it found.
pub fn self_test(config: &Config) -> Result<String, String> {
    let networks = models::open(&config.models).map_err(|e| e.to_string())?;
    let names = networks.names();
    let mut judge = models::judges(networks, config).map_err(|e| e.to_string())?;
    let pictures = board::bench_burst(config.burst.frames, TRIED).map_err(|e| e.to_string())?;
    let frames: Vec<Frame<'_>> = pictures.iter().map(|jpeg| Ok(jpeg.as_slice())).collect();
    let begun = std::time::Instant::now();
    let judged = judge.judge(&frames);
    if let Some(why) = judged.faults.first() {
        return Err(why.clone());
    }
    if judged.outcome == Outcome::Failed || frames.is_empty() {
        return Err("a burst of the bench world could not be judged".to_owned());
    }
    let by = if names.is_empty() { "motion".to_owned() } else { names.join(", ") };
    Ok(format!("a bench burst was judged by {by} in {} ms", begun.elapsed().as_millis()))
}

impl Pieces {
    /// The pieces in force with a staged one in the place of its kind.
    pub fn with(mut self, kind: Kind, staged: &Path) -> Result<Pieces, String> {
        match kind {
            Kind::Config => self.config = Some(staged.to_owned()),
            Kind::Models => {
                let text =
                    std::fs::read_to_string(staged.join(super::MANIFEST)).map_err(|e| e.to_string())?;
                let manifest = Manifest::parse(&text, "the staged bundle").map_err(|e| e.to_string())?;
                self.models = Some((staged.to_owned(), manifest));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(base: &str, over: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let (file, slot) = (folder.path().join("site.toml"), folder.path().join("slot"));
        std::fs::create_dir(&slot).unwrap();
        std::fs::write(&file, base).unwrap();
        std::fs::write(slot.join(OVERLAY), over).unwrap();
        compose(Some(&file), &Pieces { config: Some(slot), models: None }).map_err(|e| e.to_string())
    }

    #[test]
    fn keys_of_the_bundle_go_over_those_of_the_site() {
        let config = composed(
            "[burst]\nframes = 5\ngap_s = 60\n[site]\nname = 'ridge'",
            "[burst]\nframes = 2\n[thresholds]\nspecies = 0.9\n[site]\nlocation = 'the ridge'",
        )
        .unwrap();
        assert_eq!((config.burst.frames, config.burst.gap.as_secs()), (2, 60));
        assert_eq!((config.site.name.as_str(), config.site.location.as_str()), ("ridge", "the ridge"));
    }

    #[test]
    fn a_gallery_comes_with_the_networks() {
        let manifest = |files: &[&str]| Manifest {
            kind: Kind::Models,
            version: 1,
            sites: Vec::new(),
            boards: Vec::new(),
            description: String::new(),
            files: files.iter().map(|name| ((*name).to_owned(), String::new())).collect(),
        };
        let config = |files: &[&str]| {
            let models = Some((PathBuf::from("slot"), manifest(files)));
            compose(None, &Pieces { config: None, models }).unwrap().models
        };
        let brought = config(&["e/manifest.toml", "e/net.onnx", "e/lynx.gallery"]);
        assert_eq!(brought.manifests, [Path::new("slot/e/manifest.toml")]);
        assert_eq!(brought.gallery.as_deref(), Some(Path::new("slot/e/lynx.gallery")));
        assert_eq!(config(&["e/manifest.toml"]).gallery, None);
    }

    #[test]
    fn what_is_the_traps_own_stays_its_own() {
        for (over, key) in [
            ("board = 'pi-5'", "board"),
            ("[site]\nname = 'x'", "site.name"),
            ("[journal]\npath = '/tmp/x'", "journal"),
            ("[bundles]\nkeys = []", "bundles"),
        ] {
            assert!(composed("", over).unwrap_err().contains(&format!("sets `{key}`")), "{over}");
        }
        assert!(composed("", "[burst]\nframes = 99").unwrap_err().contains("burst.frames"));
        assert!(composed("", "[burst]\nfrmes = 9").unwrap_err().contains("did you mean"));
    }
}
