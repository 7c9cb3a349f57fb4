//! The site of a verb: its configuration and board, and what the command line puts in their place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::engine::EngineArgs;
use crate::board::{self, BoardError, Profile};
use crate::config::{Config, ConfigError, Journal};

/// Which site, on which board.
#[derive(Debug, Clone, clap::Args)]
pub struct SiteArgs {
    /// What the site chose (TOML); cross/trapline.toml shows every key. Default: every key's default
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Board profile, or "auto" for that of this computer; overrides the configuration's
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
    /// Folder of board profiles
    #[arg(long, value_name = "DIR", default_value = "boards")]
    boards: PathBuf,
    /// Where the device tree is that "auto" goes by
    #[arg(long, value_name = "DIR", default_value = board::DEVICE_TREE, hide = true)]
    device_tree: PathBuf,
}

/// Why a site is not to be had; all of it is wrong input.
#[derive(Debug, thiserror::Error)]
pub(super) enum SiteError {
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its board.
    #[error(transparent)]
    Board(#[from] BoardError),
}

impl SiteArgs {
    /// The configuration, with the board that is meant.
    pub(super) fn load(&self) -> Result<Config, SiteError> {
        let mut config = match &self.config {
            Some(file) => Config::load(file)?,
            None => Config::default(),
        };
        if let Some(board) = &self.board {
            config.board.clone_from(board);
        }
        if config.board == board::AUTO {
            config.board = board::detect(&self.device_tree, &self.boards)?;
        }
        Ok(config)
    }

    /// The board of a configuration from [`SiteArgs::load`].
    pub(super) fn profile(&self, config: &Config) -> Result<Profile, BoardError> {
        board::find(&config.board, &self.boards)
    }
}

/// What goes before the configuration for this time.
#[derive(Debug, Clone, clap::Args)]
pub struct InsteadArgs {
    /// Journal; overrides the configuration's. Pictures go to a folder NAME-media beside it, messages for the card to
    /// NAME-outbox
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Model: a manifest or a folder with one; repeatable, one per role. Overrides the configuration's
    #[arg(long, value_name = "FILE")]
    model: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineArgs,
}

impl InsteadArgs {
    /// The journal that was given.
    pub(super) fn journal(&self) -> Option<&Path> {
        self.journal.as_deref()
    }

    /// The configuration with what was given in its place.
    pub(super) fn change(&self, mut config: Config) -> Config {
        if let Some(journal) = &self.journal {
            config.journal = beside(journal);
            config.out.directory.path = neighbour(journal, "-outbox");
        }
        if !self.model.is_empty() {
            config.models.manifests.clone_from(&self.model);
        }
        self.engine.change(&mut config.models);
        config
    }
}

/// A journal at `path` with its own folder of pictures beside it.
pub(super) fn beside(path: &Path) -> Journal {
    Journal { path: path.to_owned(), media: neighbour(path, "-media") }
}

/// A folder beside a journal, named after it.
pub(super) fn neighbour(journal: &Path, ending: &str) -> PathBuf {
    let mut folder = journal.file_stem().map(OsString::from).unwrap_or_default();
    folder.push(ending);
    journal.with_file_name(folder)
}
