//! What people add to the journal, and how the trap fared: labels of bursts, how a deployment stands, readings.
//!
//! A [`Notebook`] has a connection of its own, so that a page or a desk can write beside the daemon.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior};
use serde::{Deserialize, Serialize};

use super::error::JournalError;
use super::reader::{Listing, Reader};
use super::schema::{self, Nature};
use super::sealed::Row;
use super::tables::{BOOT, BURST, DEPLOYMENT, HAPPENING, LABEL, MEDIA, READING, SETUP, SUPPLY};
use super::{opening, recording, state};
use crate::deployment::Setup;
use crate::event::{EventKey, Outcome};
use crate::units::ClockQuality;

/// What a person saw in a burst.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// Scientific name; `Homo sapiens` for people, empty for vehicles and animals without a name.
    pub taxon: String,
    /// Rank of `taxon`, lower case; empty where it is not known.
    pub rank: String,
    /// Name in plain words.
    pub label: String,
    /// Individuals, at least 1.
    pub count: u16,
    /// `adult`, `subadult` or `juvenile` (Camtrap DP's words).
    pub life_stage: Option<String>,
    /// `female` or `male`.
    pub sex: Option<String>,
    /// In one's own words.
    pub behavior: Option<String>,
    /// Name of the individual.
    pub individual: Option<String>,
}

/// What a person says of a burst, beside what the networks said.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// When it was said.
    pub at: DateTime<Utc>,
    /// Who says it.
    pub who: String,
    /// Never [`Outcome::Failed`]; [`Outcome::Uncertain`]: a person cannot tell either.
    pub outcome: Outcome,
    /// What was seen; empty for empties.
    pub seen: Vec<Seen>,
    /// Anything else; may be empty.
    pub comment: String,
}

/// A label read back.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLabel {
    /// Its number, for taking it back.
    pub id: u64,
    /// Number of the burst ([`EventKey::number`] of its key).
    pub burst: u32,
    /// What was said.
    pub label: Label,
    /// When it was taken back.
    pub undone: Option<DateTime<Utc>>,
}

/// The labels that stand: for each burst number the newest that was not taken back.
pub fn standing(labels: Vec<StoredLabel>) -> BTreeMap<u32, StoredLabel> {
    labels.into_iter().filter(|l| l.undone.is_none()).map(|l| (l.burst, l)).collect()
}

/// How a deployment stands, read back.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSetup {
    /// The deployment's name.
    pub deployment: String,
    /// Since when this is known.
    pub at: DateTime<Utc>,
    /// `configuration`, `page`, `command` or `gps`.
    pub source: String,
    /// What is known.
    pub setup: Setup,
}

/// A deployment's row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDeployment {
    /// Its name, unique in a journal.
    pub name: String,
    /// Degrees, by the configuration: north, east.
    pub coordinates: Option<(f64, f64)>,
}

/// A start of the daemon, read back.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBoot {
    /// Its number.
    pub number: u32,
    /// The deployment's name.
    pub deployment: String,
    /// When it began, by the trap's clock.
    pub started: DateTime<Utc>,
    /// How far that clock could be trusted.
    pub clock: ClockQuality,
    /// Version of Trapline.
    pub version: String,
}

/// Battery, temperature and card at one moment; what has no gauge is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The start it belongs to.
    pub boot: u32,
    /// When, by the trap's clock.
    pub at: DateTime<Utc>,
    /// How far that clock could be trusted.
    pub clock: ClockQuality,
    /// Millivolts.
    pub battery: Option<u16>,
    /// Degrees Celsius inside the housing.
    pub temperature: Option<i8>,
    /// Free space on the card, percent.
    pub card_free: Option<u8>,
    /// What else the gauges tell.
    pub supply: Supply,
}

/// What gauges tell beside voltage and temperature; what has no gauge is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Supply {
    /// State of charge, 0..=100 percent.
    pub percent: Option<u8>,
    /// Milliamperes out of the battery; negative while it is charged.
    pub milliamps: Option<i32>,
    /// What the computer says of its supply, in the bits of [`crate::event::Power`].
    pub strain: Option<u8>,
    /// Light outside, lux.
    pub lux: Option<u32>,
    /// Readings of gauges that failed since the program was started.
    pub failures: u32,
}

/// Something that happened to the trap beside its bursts: to its battery, its clock, its sleep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// The start it belongs to.
    pub boot: u32,
    /// When, by the trap's clock.
    pub at: DateTime<Utc>,
    /// How far that clock could be trusted.
    pub clock: ClockQuality,
    /// `battery`, `gauge`, `clock`, `rest`, `watch`, `sleep`, `wake`, `unverified`, `place` or `gps`.
    pub kind: String,
    /// In plain words.
    pub text: String,
}

/// The journal, open for what people add.
#[derive(Debug)]
pub struct Notebook {
    db: Connection,
    path: PathBuf,
    /// Held where no daemon was at work, so that none changes the schema meanwhile.
    _lock: Option<File>,
}

impl Notebook {
    /// Opens an existing journal; a daemon may be at work. A journal of an older version is brought up to today's,
    /// which needs it to be sound and no daemon to be at work.
    pub fn open(path: &Path) -> Result<Notebook, JournalError> {
        if !path.is_file() {
            return Err(JournalError::Missing(path.to_path_buf()));
        }
        let fail = |e| JournalError::sqlite(path, e);
        let db = Connection::open(path).map_err(fail)?;
        db.busy_timeout(Duration::from_secs(10)).map_err(fail)?;
        match schema::nature(&db, path, schema::VERSION)? {
            Nature::Journal => {}
            Nature::New => return Err(JournalError::Missing(path.to_path_buf())),
            Nature::Damaged => {
                let what = "its header and its content contradict each other".to_owned();
                return Err(JournalError::Damaged { path: path.to_path_buf(), what });
            }
        }
        let mut lock = None;
        if schema::version(&db).map_err(fail)? < schema::VERSION {
            lock = Some(opening::lock(path)?);
            schema::apply(&db, &schema::STEPS).map_err(fail)?;
        }
        opening::settings(&db).map_err(fail)?;
        Ok(Notebook { db, path: path.to_path_buf(), _lock: lock })
    }

    /// Writes what a person says of a burst, and gives the label's number.
    pub fn label(&mut self, burst: EventKey, label: &Label) -> Result<u64, JournalError> {
        let number = burst.number;
        let id = self.transaction(|db| {
            let params = [Value::Integer(number.into()), Value::Integer(burst.boot.into())];
            if BURST.select(db, "WHERE id = ? AND boot = ?", &params)?.sound.is_empty() {
                return Ok(None);
            }
            let id = LABEL.next_id(db)?;
            let row = vec![
                id.into(),
                number.into(),
                label.at.timestamp_micros().into(),
                Value::Text(label.who.clone()),
                Value::Text(label.outcome.as_str().to_owned()),
                recording::json(&label.seen),
                Value::Text(label.comment.clone()),
                Value::Null,
            ];
            LABEL.insert(db, row)?;
            Ok(Some(id.unsigned_abs()))
        })?;
        id.ok_or(JournalError::Unknown { what: "burst", number: number.into() })
    }

    /// Takes a label back.
    pub fn undo(&mut self, label: u64, at: DateTime<Utc>) -> Result<(), JournalError> {
        let id = [Value::Integer(i64::try_from(label).unwrap_or(-1))];
        let known = self.transaction(|db| {
            let Some(mut row) = LABEL.select(db, "WHERE id = ?", &id)?.sound.into_iter().next() else {
                return Ok(false);
            };
            if row.integer_or_null("undone_us").is_none() {
                row.set("undone_us", at.timestamp_micros());
                LABEL.update(db, row.into_values())?;
            }
            Ok(true)
        })?;
        if known { Ok(()) } else { Err(JournalError::Unknown { what: "label", number: label }) }
    }

    /// Writes how the deployment of that name stands. Nothing is written where that source said the same last.
    pub fn setup(
        &mut self,
        deployment: &str,
        setup: &Setup,
        source: &str,
        at: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let name = [Value::Text(deployment.to_owned())];
        let known =
            self.transaction(|db| match DEPLOYMENT.select(db, "WHERE name = ?", &name)?.sound.first() {
                Some(row) => write_setup(db, row.integer("id"), setup, source, at).map(|()| true),
                None => Ok(false),
            })?;
        if known { Ok(()) } else { Err(JournalError::Unnamed(deployment.to_owned())) }
    }

    /// The bytes under a name; `None` where there are none or they are damaged.
    pub fn state(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        state::get(&self.db, key).map_err(|e| JournalError::sqlite(&self.path, e))
    }

    /// Keeps bytes under a name, replacing those before.
    pub fn put_state(&mut self, key: &str, value: &[u8]) -> Result<(), JournalError> {
        self.transaction(|db| state::put(db, key, value))
    }

    /// A photo of a folder lies elsewhere now.
    pub fn moved(&mut self, media: u64, path: &str) -> Result<(), JournalError> {
        let id = [Value::Integer(i64::try_from(media).unwrap_or(-1))];
        let known = self.transaction(|db| {
            let rows = MEDIA.select(db, "WHERE id = ? AND owned = 0", &id)?.sound;
            let Some(mut row) = rows.into_iter().next() else { return Ok(false) };
            row.set("path", path.to_owned());
            MEDIA.update(db, row.into_values()).map(|()| true)
        })?;
        if known { Ok(()) } else { Err(JournalError::Unknown { what: "photo", number: media }) }
    }

    /// The same journal, for reading.
    pub fn reader(&self) -> Result<Reader, JournalError> {
        Reader::open_readonly(&self.path)
    }

    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let path = &self.path;
        let fail = |e| JournalError::sqlite(path, e);
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let done = work(&tx).map_err(fail)?;
        tx.commit().map_err(fail)?;
        Ok(done)
    }
}

/// How a deployment stands by the newest word, and whose word that is; empty where nobody said anything.
pub(super) fn newest_setup(db: &Connection, deployment: i64) -> rusqlite::Result<(String, Setup)> {
    let rows = SETUP.select(db, "WHERE deployment = ? ORDER BY id DESC LIMIT 1", &[deployment.into()])?;
    let newest = rows.sound.first().and_then(|row| {
        let setup = serde_json::from_str(row.text("details")).ok()?;
        Some((row.text("source").to_owned(), setup))
    });
    Ok(newest.unwrap_or_default())
}

/// Writes how a deployment stands, unless that source said the same last time: a start with the configuration of ever
/// does not undo what the page said since.
pub(super) fn write_setup(
    db: &Connection,
    deployment: i64,
    setup: &Setup,
    source: &str,
    at: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let details = recording::json(setup);
    let known = [deployment.into(), Value::Text(source.to_owned())];
    let newest = SETUP.select(db, "WHERE deployment = ? AND source = ? ORDER BY id DESC LIMIT 1", &known)?;
    if newest.sound.first().is_some_and(|row| Value::Text(row.text("details").to_owned()) == details) {
        return Ok(());
    }
    let (at, source) = (at.timestamp_micros().into(), Value::Text(source.to_owned()));
    SETUP.insert(db, vec![SETUP.next_id(db)?.into(), deployment.into(), at, source, details])
}

/// Writes a reading.
pub(super) fn write_reading(db: &Connection, reading: &Reading) -> rusqlite::Result<()> {
    let optional = |value: Option<i64>| value.map_or(Value::Null, Value::Integer);
    let id = READING.next_id(db)?;
    let row = vec![
        id.into(),
        reading.boot.into(),
        reading.at.timestamp_micros().into(),
        Value::Text(reading.clock.as_str().to_owned()),
        optional(reading.battery.map(i64::from)),
        optional(reading.temperature.map(i64::from)),
        optional(reading.card_free.map(i64::from)),
    ];
    READING.insert(db, row)?;
    let supply = &reading.supply;
    if *supply == Supply::default() {
        return Ok(());
    }
    let row = vec![
        SUPPLY.next_id(db)?.into(),
        id.into(),
        optional(supply.percent.map(i64::from)),
        optional(supply.milliamps.map(i64::from)),
        optional(supply.strain.map(i64::from)),
        optional(supply.lux.map(i64::from)),
        supply.failures.into(),
    ];
    SUPPLY.insert(db, row)
}

/// Writes a happening.
pub(super) fn write_happening(db: &Connection, happening: &Happening) -> rusqlite::Result<()> {
    let row = vec![
        HAPPENING.next_id(db)?.into(),
        happening.boot.into(),
        happening.at.timestamp_micros().into(),
        Value::Text(happening.clock.as_str().to_owned()),
        Value::Text(happening.kind.clone()),
        Value::Text(happening.text.clone()),
    ];
    HAPPENING.insert(db, row)
}

impl Reader {
    /// What happened to the trap beside its bursts, in the order it came.
    pub fn happenings(&self) -> Result<Listing<Happening>, JournalError> {
        self.all(&HAPPENING, |row| Happening {
            boot: narrow(row, "boot"),
            at: time(row, "at_us"),
            clock: ClockQuality::parse(row.text("clock")).unwrap_or(ClockQuality::Unset),
            kind: row.text("kind").to_owned(),
            text: row.text("text").to_owned(),
        })
    }

    /// All labels, those taken back as well, in the order they were given. See [`standing`].
    pub fn labels(&self) -> Result<Listing<StoredLabel>, JournalError> {
        self.all(&LABEL, label)
    }

    /// How deployments stand, in the order it was written; the newest of a deployment counts.
    pub fn setups(&self) -> Result<Listing<StoredSetup>, JournalError> {
        let names = self.deployment_names()?;
        self.all(&SETUP, |row| StoredSetup {
            deployment: names.get(&row.integer("deployment")).cloned().unwrap_or_default(),
            at: time(row, "at_us"),
            source: row.text("source").to_owned(),
            setup: serde_json::from_str(row.text("details")).unwrap_or_default(),
        })
    }

    /// The deployments of this journal, in the order they began.
    pub fn deployments(&self) -> Result<Listing<StoredDeployment>, JournalError> {
        self.all(&DEPLOYMENT, |row| StoredDeployment {
            name: row.text("name").to_owned(),
            coordinates: row.real_or_null("latitude").zip(row.real_or_null("longitude")),
        })
    }

    /// Every start of the daemon, in order.
    pub fn boots(&self) -> Result<Listing<StoredBoot>, JournalError> {
        let names = self.deployment_names()?;
        self.all(&BOOT, |row| StoredBoot {
            number: narrow(row, "id"),
            deployment: names.get(&row.integer("deployment")).cloned().unwrap_or_default(),
            started: time(row, "started_us"),
            clock: ClockQuality::parse(row.text("clock")).unwrap_or(ClockQuality::Unset),
            version: row.text("version").to_owned(),
        })
    }

    /// Battery, temperature and card over time, in order.
    pub fn readings(&self) -> Result<Listing<Reading>, JournalError> {
        let supplies = self.all(&SUPPLY, |row| (row.integer("reading"), supply(row)))?;
        let of: BTreeMap<i64, Supply> = supplies.items.into_iter().collect();
        let mut readings = self.all(&READING, |row| Reading {
            boot: narrow(row, "boot"),
            at: time(row, "at_us"),
            clock: ClockQuality::parse(row.text("clock")).unwrap_or(ClockQuality::Unset),
            battery: row.integer_or_null("battery").and_then(|v| v.try_into().ok()),
            temperature: row.integer_or_null("temperature").and_then(|v| v.try_into().ok()),
            card_free: row.integer_or_null("card_free").and_then(|v| v.try_into().ok()),
            supply: of.get(&row.integer("id")).copied().unwrap_or_default(),
        })?;
        readings.damaged.extend(supplies.damaged);
        Ok(readings)
    }

    fn deployment_names(&self) -> Result<BTreeMap<i64, String>, JournalError> {
        let rows = self.all(&DEPLOYMENT, |row| (row.integer("id"), row.text("name").to_owned()))?;
        Ok(rows.items.into_iter().collect())
    }
}

fn supply(row: &Row) -> Supply {
    Supply {
        percent: row.integer_or_null("percent").and_then(|v| v.try_into().ok()),
        milliamps: row.integer_or_null("milliamps").and_then(|v| v.try_into().ok()),
        strain: row.integer_or_null("strain").and_then(|v| v.try_into().ok()),
        lux: row.integer_or_null("lux").and_then(|v| v.try_into().ok()),
        failures: narrow(row, "failures"),
    }
}

fn label(row: &Row) -> StoredLabel {
    StoredLabel {
        id: row.integer("id").unsigned_abs(),
        burst: narrow(row, "burst"),
        label: Label {
            at: time(row, "at_us"),
            who: row.text("who").to_owned(),
            outcome: Outcome::parse(row.text("outcome")).unwrap_or(Outcome::Uncertain),
            seen: serde_json::from_str(row.text("seen")).unwrap_or_default(),
            comment: row.text("comment").to_owned(),
        },
        undone: row.integer_or_null("undone_us").and_then(DateTime::from_timestamp_micros),
    }
}

fn time(row: &Row, column: &str) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(row.integer(column)).unwrap_or_default()
}

fn narrow(row: &Row, column: &str) -> u32 {
    u32::try_from(row.integer(column)).unwrap_or(u32::MAX)
}
