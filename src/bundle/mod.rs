//! Signed bundles: models and configuration that reach a trap by card, page or MQTT, and never brick it.
//!
//! A bundle is one file: a line that names the format, the four lines of a minisign signature, and a tar archive, which
//! the signature is of. Nothing of the archive is looked at before the signature holds. What it brings is staged,
//! tried on a burst of the bench world, and put in force by one rename; what stood before stays beside it. A new bundle
//! is on trial: it counts as good after some healthy bursts, and is taken back when starts bring none.
//!
//! | file | what it is for |
//! |---|---|
//! | `seal` | the outer format, keys and signatures |
//! | `manifest` | what a bundle says of itself |
//! | `pack` | making one |
//! | `disk` | the steps on the card, each of which may be the last before the power goes |
//! | `slots` | what is in force, on trial, and what happened |
//! | `install` | from a file to what is in force |
//! | `apply` | a site's configuration with what is in force; the self-test |
//! | `inbox` | the folder on the card |
//! | `site` | all of it, as the verbs, the page and the start use it |

mod apply;
mod disk;
mod inbox;
mod install;
mod manifest;
mod pack;
mod seal;
mod site;
mod slots;

use std::path::PathBuf;

pub use self::apply::{ApplyError, Pieces, compose, self_test};
pub use self::disk::{Disk, RealDisk};
pub use self::inbox::{Taken, take_in};
pub use self::install::{Installed, Target, install, manifest_of};
pub use self::manifest::{MANIFEST, Manifest};
pub use self::pack::{Recipe, pack};
pub use self::seal::{MAGIC, Verified, key_pair, seal, sign, split, verify};
pub use self::site::{Site, StartError};
pub use self::slots::{Happened, Happening, Slots, Standing, State, Trial};

/// What a bundle brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Networks: folders with a manifest each, in the place of `[models] manifests`.
    Models,
    /// Keys over those of the site's configuration file: `trapline.toml`.
    Config,
}

impl Kind {
    /// Both.
    pub const ALL: [Kind; 2] = [Kind::Config, Kind::Models];

    /// Its word in manifests and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Models => "models",
            Kind::Config => "config",
        }
    }
}

/// Why a bundle was not made, not taken, or not found.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Not a bundle at all.
    #[error("{file} is no bundle: {what}; make one with `trapline bundle make`")]
    Foreign {
        /// Which file.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// Larger than the trap takes.
    #[error(
        "{file} has {bytes} bytes, and at most {most} are taken; raise [bundles] max_mb, or make it smaller"
    )]
    TooLarge {
        /// Which file.
        file: String,
        /// Its size.
        bytes: u64,
        /// Most bytes.
        most: u64,
    },
    /// No key that is trusted has signed it, or it was changed since.
    #[error(
        "{file}: {what}; sign it with a key of [bundles] keys, and copy it anew if it was damaged on its way"
    )]
    Signature {
        /// Which file.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// A key that is none.
    #[error("{what}; `trapline bundle keygen` makes keys")]
    Key {
        /// What is wrong.
        what: String,
    },
    /// Signed, and still not what a bundle must be.
    #[error("{file}: {what}; make the bundle anew")]
    Content {
        /// Which file.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// Not newer than what was taken before.
    #[error(
        "{file} is {kind} {version}, and {highest} was taken before; give a bundle a greater version than all before"
    )]
    Old {
        /// Which file.
        file: String,
        /// Its kind.
        kind: &'static str,
        /// Its version.
        version: u64,
        /// The greatest version taken.
        highest: u64,
    },
    /// For other traps.
    #[error("{file} is for {what}; this is {here}")]
    Elsewhere {
        /// Which file.
        file: String,
        /// For what it is.
        what: String,
        /// What this is.
        here: String,
    },
    /// The self-test failed.
    #[error("{file} failed its self-test: {why}; the trap goes on as before")]
    SelfTest {
        /// Which file.
        file: String,
        /// Why.
        why: String,
    },
    /// No key is set.
    #[error("no key is trusted: set [bundles] keys in the configuration to the public key of who may sign")]
    Off,
    /// Nothing to take back.
    #[error("no {0} bundle is in force; `trapline bundle status` shows what is")]
    Nothing(&'static str),
    /// The card.
    #[error("{doing} {}: {source}; look at the card and at who owns the folder", path.display())]
    Io {
        /// What was done.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

impl BundleError {
    /// True for a bundle or a key that is wrong, false for a card that failed.
    pub fn is_input(&self) -> bool {
        !matches!(self, BundleError::Io { .. })
    }

    pub(crate) fn io(
        doing: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> BundleError {
        let path = path.to_owned();
        move |source| BundleError::Io { doing, path, source }
    }
}
