//! `trapline bundle`: signed bundles of models or configuration, made on a laptop and installed on a trap.

use std::io::Cursor;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use chrono::Utc;
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::burst_line::say;
use super::{Done, Failure};
use crate::board;
use crate::bundle::{self, BundleError, Kind, Manifest, Recipe, Site, State};
use crate::config::Config;
use crate::store::Notebook;

/// The password of a secret key.
const PASSWORD: &str = "TRAPLINE_BUNDLE_PASSWORD";

/// Under this name the journal keeps how bundles fared.
const JOURNALED: &str = "bundles";

/// Shown at the end of every `--help` of this verb.
const EXAMPLES: &str = "\
Examples:
  trapline bundle keygen --out ranger
  trapline bundle make --kind models --version 7 --key ranger.key --out models-7.bundle models/
  trapline bundle make --kind config --version 3 --site 'ridge-*' --key ranger.key --out c3.bundle overlay/
  trapline bundle verify models-7.bundle --public RWQ...
  trapline bundle install models-7.bundle --config /etc/trapline/trapline.toml
  trapline bundle status --config /etc/trapline/trapline.toml

A folder of kind config holds trapline.toml with the keys that differ; one of kind models holds a folder per network.
The secret key's password is taken from the environment variable TRAPLINE_BUNDLE_PASSWORD. Stock minisign can sign as
well: `make --unsigned`, `minisign -S`, then `trapline bundle sign --signature`. Over MQTT a bundle of up to 1 MiB goes
to the trap's command topic; larger ones (networks) travel by card or page.";

/// Arguments of `trapline bundle`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Word {
    /// Networks
    Models,
    /// Keys of the configuration
    Config,
}

impl From<Word> for Kind {
    fn from(word: Word) -> Kind {
        match word {
            Word::Models => Kind::Models,
            Word::Config => Kind::Config,
        }
    }
}

/// Which trap.
#[derive(Debug, clap::Args)]
struct Trap {
    /// What the site chose (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Board profile; overrides the configuration's
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a pair of keys: NAME.key (secret) and NAME.pub, whose last line goes into [bundles] keys
    #[command(after_help = EXAMPLES)]
    Keygen {
        /// Name of the two files
        #[arg(long, value_name = "NAME")]
        out: PathBuf,
        /// Keep the secret key without a password
        #[arg(long)]
        no_password: bool,
    },
    /// Make a bundle from a folder
    #[command(after_help = EXAMPLES)]
    Make {
        /// Everything in it goes into the bundle
        folder: PathBuf,
        /// What it brings
        #[arg(long)]
        kind: Word,
        /// Greater than that of every bundle of this kind before
        #[arg(long, value_name = "N")]
        version: u64,
        /// Site it is for, * for any run of characters; repeatable
        #[arg(long, value_name = "PATTERN", default_value = "*")]
        site: Vec<String>,
        /// Board profile it is for; repeatable
        #[arg(long, value_name = "PATTERN", default_value = "*")]
        board: Vec<String>,
        /// One line for people
        #[arg(long, value_name = "TEXT", default_value = "")]
        describe: String,
        /// Secret key
        #[arg(long, value_name = "FILE", required_unless_present = "unsigned")]
        key: Option<PathBuf>,
        /// Write the archive alone, to be signed elsewhere
        #[arg(long, conflicts_with = "key")]
        unsigned: bool,
        /// File to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign an archive that `make --unsigned` wrote
    #[command(after_help = EXAMPLES)]
    Sign {
        /// The archive
        archive: PathBuf,
        /// Secret key
        #[arg(long, value_name = "FILE", required_unless_present = "signature")]
        key: Option<PathBuf>,
        /// A signature that minisign made of it
        #[arg(long, value_name = "FILE", conflicts_with = "key")]
        signature: Option<PathBuf>,
        /// File to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Check a bundle's signature and say what it is
    #[command(after_help = EXAMPLES)]
    Verify {
        /// The bundle
        file: PathBuf,
        /// Public key; repeatable
        #[arg(long, value_name = "KEY", required_unless_present = "config")]
        public: Vec<String>,
        /// Take the keys of this configuration
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Verify, try and install a bundle; it is in force from the next start on
    #[command(after_help = EXAMPLES)]
    Install {
        /// The bundle
        file: PathBuf,
        #[command(flatten)]
        trap: Trap,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// What is in force, on trial, and what happened
    #[command(after_help = EXAMPLES)]
    Status {
        #[command(flatten)]
        trap: Trap,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take the bundle in force back: the one before it counts from the next start on
    #[command(after_help = EXAMPLES)]
    Revert {
        /// Which
        kind: Word,
        #[command(flatten)]
        trap: Trap,
    },
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    match args.what {
        What::Keygen { out, no_password } => keygen(&out, no_password),
        What::Make { folder, kind, version, site, board, describe, key, unsigned: _, out } => {
            let recipe =
                Recipe { kind: kind.into(), version, sites: site, boards: board, description: describe };
            let (manifest, archive) = bundle::pack(&folder, &recipe).map_err(told)?;
            let bytes = match key {
                None => archive,
                Some(key) => signed(&archive, &key, &title(&manifest))?,
            };
            write(&out, &bytes)?;
            let _ = say(&format!("{}: {}, {} bytes", out.display(), title(&manifest), bytes.len()));
            Ok(())
        }
        What::Sign { archive, key, signature, out } => {
            let bytes = read(&archive)?;
            let sealed = match (key, signature) {
                (Some(key), _) => signed(&bytes, &key, "trapline bundle")?,
                (None, Some(signature)) => {
                    let text = std::fs::read_to_string(&signature).map_err(Failure::input)?;
                    bundle::seal(&text, &bytes)
                }
                (None, None) => return Err(Failure::Input(anyhow!("give --key or --signature"))),
            };
            write(&out, &sealed)
        }
        What::Verify { file, mut public, config, json } => {
            let mut most = u64::MAX;
            if let Some(config) = config {
                let config = Config::load(&config).map_err(Failure::input)?;
                public.extend(config.bundles.keys);
                most = config.bundles.most;
            }
            verify(&file, &public, most, json)
        }
        What::Install { file, trap, json } => {
            let site = site(&trap)?;
            let done = site.install(&file, Utc::now());
            note(&site);
            let installed = done.map_err(told)?;
            let text = format!(
                "{} is installed, signed \"{}\"; {}; in force from the next start on",
                title(&installed.manifest),
                installed.comment,
                installed.tested
            );
            let object = json!({ "manifest": installed.manifest, "comment": installed.comment, "tested": installed.tested });
            let _ = say(&if json { object.to_string() } else { text });
            Ok(())
        }
        What::Status { trap, json } => {
            let site = site(&trap)?;
            status(&site, json);
            Ok(())
        }
        What::Revert { kind, trap } => {
            let site = site(&trap)?;
            let done = site.slots().revert(kind.into(), "somebody asked for it", Utc::now());
            note(&site);
            done.map_err(told)?;
            status(&site, false);
            Ok(())
        }
    }
}

fn told(error: BundleError) -> Failure {
    if error.is_input() { Failure::input(error) } else { Failure::runtime(error) }
}

fn title(manifest: &Manifest) -> String {
    let about =
        if manifest.description.is_empty() { String::new() } else { format!(" ({})", manifest.description) };
    format!("{} {}{about}", manifest.kind.as_str(), manifest.version)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).with_context(|| file.display().to_string()).map_err(Failure::Input)
}

fn write(file: &Path, bytes: &[u8]) -> Done {
    std::fs::write(file, bytes).with_context(|| file.display().to_string()).map_err(Failure::Runtime)
}

fn keygen(out: &Path, no_password: bool) -> Done {
    let password = match (no_password, std::env::var(PASSWORD)) {
        (true, _) => None,
        (false, Ok(password)) if !password.is_empty() => Some(password),
        _ => {
            return Err(Failure::Input(anyhow!(
                "set {PASSWORD} to the key's password, or give --no-password"
            )));
        }
    };
    let (public, secret) = bundle::key_pair(password).map_err(told)?;
    let (key, seen) = (out.with_extension("key"), out.with_extension("pub"));
    // For the owner alone, and never over a key that is there.
    let mut open = std::fs::OpenOptions::new();
    let file = open.write(true).create_new(true).mode(0o600).open(&key);
    let mut file = file.with_context(|| key.display().to_string()).map_err(Failure::Input)?;
    std::io::Write::write_all(&mut file, secret.as_bytes()).map_err(Failure::runtime)?;
    write(&seen, format!("untrusted comment: trapline bundle public key\n{public}\n").as_bytes())?;
    let _ =
        say(&format!("{} is secret: keep it off the traps. For [bundles] keys:\n{public}", key.display()));
    Ok(())
}

fn signed(archive: &[u8], key: &Path, comment: &str) -> Result<Vec<u8>, Failure> {
    let secret =
        std::fs::read_to_string(key).with_context(|| key.display().to_string()).map_err(Failure::Input)?;
    let password = std::env::var(PASSWORD).ok().filter(|password| !password.is_empty());
    let signature = bundle::sign(archive, &secret, password, comment).map_err(told)?;
    Ok(bundle::seal(&signature, archive))
}

fn verify(file: &Path, keys: &[String], most: u64, as_json: bool) -> Done {
    let bytes = read(file)?;
    let name = file.display().to_string();
    let mut archive = Vec::new();
    let verified = bundle::verify(&mut Cursor::new(&bytes), &name, keys, most, &mut archive).map_err(told)?;
    let manifest = bundle::manifest_of(&archive, &name).map_err(told)?;
    if as_json {
        let _ = say(&json!({ "manifest": manifest, "comment": verified.comment, "bytes": verified.bytes })
            .to_string());
        return Ok(());
    }
    let _ = say(&format!("{name}: {}, signed \"{}\"", title(&manifest), verified.comment));
    let _ = say(&format!("sites {}, boards {}", manifest.sites.join(" "), manifest.boards.join(" ")));
    for (name, hash) in &manifest.files {
        let _ = say(&format!("{hash}  {name}"));
    }
    Ok(())
}

fn site(trap: &Trap) -> Result<Site, Failure> {
    let mut base = Config::load(&trap.config).map_err(Failure::input)?;
    if let Some(board) = &trap.board {
        base.board.clone_from(board);
    }
    if base.board == board::AUTO {
        base.board =
            board::detect(Path::new(board::DEVICE_TREE), Path::new("boards")).map_err(Failure::input)?;
    }
    Ok(Site { file: Some(trap.config.clone()), base })
}

/// Writes into the journal how bundles fared, where there is one.
pub(super) fn note(site: &Site) {
    let journal = &site.base.journal.path;
    if !site.is_on() || !journal.is_file() {
        return;
    }
    let noted = serde_json::to_vec(&site.state().log).map_err(anyhow::Error::from);
    let noted = noted.and_then(|log| Ok(Notebook::open(journal)?.put_state(JOURNALED, &log)?));
    if let Err(error) = noted {
        log::error!("{} does not tell of the bundles: {error}", journal.display());
    }
}

fn status(site: &Site, as_json: bool) {
    let state: State = site.state();
    if as_json {
        let _ = say(&json!({ "on": site.is_on(), "kinds": state.kinds, "log": state.log }).to_string());
        return;
    }
    if !site.is_on() {
        let _ = say("no key is trusted ([bundles] keys): every bundle is refused");
    }
    for kind in Kind::ALL {
        let standing = state.of(kind);
        let name = kind.as_str();
        let line = match (&standing.current, &standing.trial) {
            (None, _) => format!("{name}: none in force (taken up to version {})", standing.highest),
            (Some(slot), None) => format!("{name}: {} in force, good", slot.version),
            (Some(slot), Some(trial)) => format!(
                "{name}: {} in force, on trial ({} of {} healthy bursts)",
                slot.version, trial.bursts, site.base.bundles.good_after_bursts
            ),
        };
        let before =
            standing.previous.map(|slot| format!("; before it {}", slot.version)).unwrap_or_default();
        let _ = say(&(line + &before));
    }
    for happening in &state.log {
        let why = if happening.why.is_empty() { String::new() } else { format!(": {}", happening.why) };
        let at = happening.at.format("%Y-%m-%d %H:%M");
        let _ = say(&format!("{at}  {} {}{why}", happening.bundle, happening.what.as_str()));
    }
}
