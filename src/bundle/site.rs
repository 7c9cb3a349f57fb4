//! A trap's bundles as its verbs, its page and its start use them.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::{
    BundleError, Installed, Kind, Pieces, RealDisk, Slots, State, Taken, Target, compose, install, self_test,
    take_in,
};
use crate::config::Config;
use crate::daemon::models::{self, Networks};

/// A trap: its configuration file, and what that says, board and all.
#[derive(Debug, Clone)]
pub struct Site {
    /// The file.
    pub file: Option<PathBuf>,
    /// What it says, without what bundles say.
    pub base: Config,
}

impl Site {
    /// Whether anybody may bring bundles.
    pub fn is_on(&self) -> bool {
        !self.base.bundles.keys.is_empty()
    }

    /// The folder of what is in force.
    pub fn slots(&self) -> Slots<RealDisk> {
        Slots::new(&self.base.bundles.folder, RealDisk)
    }

    /// What is in force and what happened.
    pub fn state(&self) -> State {
        self.slots().state()
    }

    fn target(&self) -> Target {
        Target {
            site: self.base.site.name.clone(),
            board: self.base.board.clone(),
            keys: self.base.bundles.keys.clone(),
            most: self.base.bundles.most,
        }
    }

    /// What is in force, whole.
    fn pieces(&self, now: DateTime<Utc>) -> Result<Pieces, BundleError> {
        let slots = self.slots();
        Ok(Pieces {
            config: slots.in_force(Kind::Config, now)?.map(|(path, _)| path),
            models: slots.in_force(Kind::Models, now)?,
        })
    }

    /// Tries a staged folder together with what is in force.
    fn test(&self, kind: Kind, staged: &Path, now: DateTime<Utc>) -> Result<String, String> {
        let pieces = self.pieces(now).map_err(|e| e.to_string())?.with(kind, staged)?;
        let mut config = compose(self.file.as_deref(), &pieces).map_err(|e| e.to_string())?;
        config.board.clone_from(&self.base.board);
        self_test(&config)
    }

    /// Installs a file.
    pub fn install(&self, file: &Path, now: DateTime<Utc>) -> Result<Installed, BundleError> {
        let mut test = |kind, staged: &Path| self.test(kind, staged, now);
        install(&self.slots(), file, &self.target(), &mut test, now)
    }

    /// Installs what came as bytes.
    pub fn install_bytes(&self, bytes: &[u8], now: DateTime<Utc>) -> Result<Installed, BundleError> {
        if !self.is_on() {
            return Err(BundleError::Off);
        }
        let file = self.incoming()?;
        std::fs::write(&file, bytes).map_err(BundleError::io("writing", &file))?;
        let done = self.install(&file, now);
        // Best effort: the next one writes over it.
        let _ = std::fs::remove_file(&file);
        done
    }

    /// Where a bundle that is not on the card yet may be put.
    pub fn incoming(&self) -> Result<PathBuf, BundleError> {
        let slots = self.slots();
        slots.make_folder(&slots.folder)?;
        Ok(slots.folder.join("incoming"))
    }

    /// A start: counts it, takes in what lies on the card, and gives the configuration and the networks in force. What
    /// cannot be used is taken back at once. `finish` adds what the command line overrides.
    pub fn start(
        &self,
        finish: &dyn Fn(Config) -> Config,
        now: DateTime<Utc>,
    ) -> Result<(Config, Networks, Vec<Taken>), StartError> {
        if !self.is_on() {
            let config = finish(self.base.clone());
            let networks = models::open(&config.models)?;
            return Ok((config, networks, Vec::new()));
        }
        let slots = self.slots();
        // A card that fails must not end the watch: the bundles are left out, and it is told.
        if let Err(error) = slots.begin(self.base.bundles.starts, now) {
            log::error!("bundles: {error}");
        }
        let mut test = |kind, staged: &Path| self.test(kind, staged, now);
        let taken = take_in(&slots, &self.base.bundles.inbox, &self.target(), &mut test, now);
        loop {
            let pieces = self.pieces(now).unwrap_or_else(|error| {
                log::error!("bundles: {error}; the trap starts without them");
                Pieces::default()
            });
            let config = match compose(self.file.as_deref(), &pieces) {
                Ok(mut config) => {
                    config.board.clone_from(&self.base.board);
                    finish(config)
                }
                Err(error) => {
                    self.back(&pieces, &[Kind::Config], &error.to_string(), now)?;
                    continue;
                }
            };
            match models::open(&config.models) {
                Ok(networks) => return Ok((config, networks, taken)),
                Err(error) if pieces.config.is_none() && pieces.models.is_none() => return Err(error.into()),
                Err(error) => self.back(&pieces, &[Kind::Models, Kind::Config], &error.to_string(), now)?,
            }
        }
    }

    /// Takes the first of `kinds` back that is in force.
    fn back(&self, pieces: &Pieces, kinds: &[Kind], why: &str, now: DateTime<Utc>) -> Result<(), StartError> {
        let there = |kind: &&Kind| match kind {
            Kind::Config => pieces.config.is_some(),
            Kind::Models => pieces.models.is_some(),
        };
        let Some(kind) = kinds.iter().find(there) else { return Err(StartError::Site(why.to_owned())) };
        log::error!("the {} bundle is taken back: {why}", kind.as_str());
        self.slots().revert(*kind, why, now)?;
        Ok(())
    }
}

/// Why a trap cannot start at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The networks of its own configuration.
    #[error(transparent)]
    Models(#[from] models::ModelsError),
    /// Its own configuration.
    #[error("{0}")]
    Site(String),
    /// The card does not let a bundle that fails be taken back.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}
