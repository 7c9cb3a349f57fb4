//! The page: on a phone over the trap's own Wi-Fi, or on a laptop over a card brought home.
//!
//! It reads the journal and the daemon's notes, and writes what people add. It never holds the daemon up: notes come
//! through a queue that the pipeline never waits at, requests are answered by threads of low priority, and everything
//! a caller can ask for is bounded.
//!
//! | file | what it is for |
//! |---|---|
//! | `switch` | when the trap's page can be reached |
//! | `serve`, `guard` | connections and their limits; what every request must pass |
//! | `secret`, `door` | the trap's secret, lock-out, sessions |
//! | `api`, `browse`, `people`, `trap`, `bundles`, `downloads`, `files` | the calls, by what they are about |
//! | `book`, `show`, `hub` | a journal in memory, bursts as JSON, what is live |
//! | `doctor`, `settings` | checks and the configuration's keys, as data |
//! | `pictures`, `individuals`, `assets` | pictures by number, those of a gallery, the page's own files |

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

mod api;
mod assets;
mod book;
mod browse;
mod bundles;
mod doctor;
mod door;
mod downloads;
mod files;
mod guard;
mod hub;
mod individuals;
mod people;
mod pictures;
mod refusal;
pub mod secret;
mod serve;
mod settings;
mod show;
pub mod switch;
mod trap;

use self::book::Book;
use self::door::Door;
use self::hub::Hub;
use self::pictures::Thumbnails;
use self::switch::Switch;
use crate::board::Profile;
use crate::config::Config;
use crate::daemon::live::Live;
use crate::daemon::taxa::Known;
use crate::gallery::Gallery;
use crate::hal::{Asks, Clock, Gauges};
use crate::store::JournalError;

/// Why the page could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The journal did not do what was asked.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Nothing can listen there.
    #[error("the page cannot listen on {at}: {reason}; give another address in [console] listen, or --port")]
    Listen {
        /// The address.
        at: SocketAddr,
        /// The system's words.
        reason: std::io::Error,
    },
    /// The system gave no thread, signal or file.
    #[error("the page cannot start: {0}; try again, and look at the system's limits")]
    System(#[from] std::io::Error),
    /// The system gave no random numbers.
    #[error("no random numbers: {0}; try again once the system has started up")]
    Random(String),
    /// The secret's hash cannot be made or read.
    #[error("the page's secret: {0}; make a new one with `trapline console secret`")]
    Secret(String),
}

/// The trap behind the page.
pub struct Trap {
    /// The daemon's notes and what it can be asked for.
    pub live: Arc<Live>,
    /// What the site chose.
    pub config: Config,
    /// The file it came from, if there is one.
    pub file: Option<PathBuf>,
    /// Tells the time, and takes a better one.
    pub clock: Arc<dyn Clock>,
    /// The board's profile, where it is known.
    pub profile: Option<Profile>,
    /// Battery and temperature.
    pub gauges: Mutex<Box<dyn Gauges>>,
    /// The models that judge.
    pub models: Vec<String>,
    /// This start.
    pub boot: u32,
    /// Whether there is no hardware to switch off.
    pub bench: bool,
    /// Takes wishes for a burst.
    pub asks: Arc<dyn Asks>,
    /// When the page can be reached.
    pub switch: Arc<Switch>,
}

/// A laptop with journals.
#[derive(Debug, Default)]
pub struct Desk {
    /// Opens the door once.
    key: Mutex<Option<String>>,
    /// A job at work.
    busy: Mutex<bool>,
    jobs: AtomicU64,
}

enum Side {
    Trap(Box<Trap>),
    Desk(Desk),
}

/// A journal to open: its file and the folder of its pictures.
#[derive(Debug, Clone)]
pub struct Volume {
    /// The journal.
    pub journal: PathBuf,
    /// Where pictures that the trap kept lie.
    pub media: PathBuf,
}

/// The page's server, whatever is behind it.
pub struct Console {
    side: Side,
    books: Vec<Book>,
    door: Mutex<Door>,
    hub: Arc<Hub>,
    hosts: Vec<String>,
    known: Vec<Known>,
    /// Who was met before.
    gallery: Option<Gallery>,
    thumbnails: Thumbnails,
    /// One secret is tried at a time: each takes 19 MiB and most of a second.
    guesses: Semaphore,
    /// One download is made at a time.
    downloads: Arc<Semaphore>,
    /// One bundle is taken at a time.
    uploads: Semaphore,
    /// Pictures decoded at a time.
    decoders: Semaphore,
    /// Held while the configuration file is written.
    writing: Mutex<()>,
    /// The configuration file was changed since the start.
    changed: AtomicBool,
}

/// Bytes of thumbnails in memory: a screen of the trap's page; a long scroll on a laptop.
const THUMBNAILS: [usize; 2] = [4 << 20, 96 << 20];

impl Console {
    /// The page of a trap. `known` are the names its models can give.
    pub fn of_trap(trap: Trap, known: Vec<Known>) -> Result<Console, ConsoleError> {
        let volume =
            Volume { journal: trap.config.journal.path.clone(), media: trap.config.journal.media.clone() };
        let hosts = trap.config.console.hosts.clone();
        // The judge opened it before; a page without it is better than none.
        let gallery = trap.config.models.gallery.as_deref().and_then(|file| match Gallery::load(file) {
            Ok(gallery) => Some(gallery),
            Err(error) => {
                log::error!("the page: {error}");
                None
            }
        });
        Ok(Console { gallery, ..Console::new(Side::Trap(Box::new(trap)), &[volume], hosts, known)? })
    }

    /// With a gallery to show beside what was seen.
    pub fn with_gallery(self, gallery: Option<Gallery>) -> Console {
        Console { gallery, ..self }
    }

    /// The page of a laptop, and the key that opens its door once.
    pub fn of_desk(volumes: &[Volume], known: Vec<Known>) -> Result<(Console, String), ConsoleError> {
        let key: String = secret::random::<16>()?.iter().map(|b| format!("{b:02x}")).collect();
        let desk = Desk { key: Mutex::new(Some(key.clone())), ..Desk::default() };
        Ok((Console::new(Side::Desk(desk), volumes, vec!["localhost".to_owned()], known)?, key))
    }

    fn new(
        side: Side,
        volumes: &[Volume],
        hosts: Vec<String>,
        known: Vec<Known>,
    ) -> Result<Console, ConsoleError> {
        let several = volumes.len() > 1;
        let open = |(i, v): (usize, &Volume)| Book::open(&v.journal, &v.media, i, several);
        let books = volumes.iter().enumerate().map(open).collect::<Result<_, _>>()?;
        let [small, large] = THUMBNAILS;
        let (thumbnails, decoders) = match &side {
            Side::Trap(_) => (small, 1),
            Side::Desk(_) => (large, 4),
        };
        Ok(Console {
            side,
            books,
            door: Mutex::default(),
            hub: Arc::default(),
            hosts,
            known,
            gallery: None,
            thumbnails: Thumbnails::new(thumbnails),
            guesses: Semaphore::new(1),
            downloads: Arc::new(Semaphore::new(1)),
            uploads: Semaphore::new(1),
            decoders: Semaphore::new(decoders),
            writing: Mutex::default(),
            changed: AtomicBool::new(false),
        })
    }

    fn trap(&self) -> Option<&Trap> {
        match &self.side {
            Side::Trap(trap) => Some(trap),
            Side::Desk(_) => None,
        }
    }

    fn desk(&self) -> Option<&Desk> {
        match &self.side {
            Side::Trap(_) => None,
            Side::Desk(desk) => Some(desk),
        }
    }

    fn book(&self, index: usize) -> Option<&Book> {
        self.books.get(index)
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.trap().map_or_else(chrono::Utc::now, |trap| trap.clock.utc().0)
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        held(&self.door)
    }
}

/// What a thread that died left is whole all the same: every change here is one assignment.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub use self::serve::{Stop, desk};
pub use self::switch::start;
