//! A folder, usually on the SD card: the uplink of a trap without a network, read out by whoever comes by.
//!
//! | in the folder | what |
//! |---|---|
//! | `event/`, `health/`, `digest/`, `lost/`, `ack/`, `anchor/` | one JSON file per message, named as the message |
//! | `picture/` | one JPEG file per picture |
//! | `commands/` | files that a ranger puts there: one sealed command each, raw, hexadecimal or base64 |
//! | `commands/*.done` | commands the trap has dealt with |
//!
//! One file per message, because a file that grows cannot be added to whole: each is written beside, synced and
//! renamed, so a file without `.tmp` is always whole. A message that is sent again replaces its own file.
//! [`Receipt::Delivered`] means that file and folder are synced.
//!
//! The folder itself is never created: where the card is not in, its mount point is empty or missing, and messages
//! written there would end up on the system's own card. FAT keeps at most 65,536 entries per folder, some 20,000 of
//! our names; beyond that the card counts as full.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command_text::command_bytes;
use super::whole_file;
use crate::hal::{DeviceError, Downlink, Form, Link, Parcel, Receipt, Subject, Uplink, UplinkError};

/// Its name in configuration, records and messages.
const NAME: &str = "directory";

/// Where commands are looked for.
const COMMANDS: &str = "commands";

/// Ending of commands the trap has dealt with.
const DONE: &str = "done";

/// Longest file taken for a command, bytes: a sealed command is some dozens of bytes, twice that as text.
const MOST_COMMAND_BYTES: u64 = 4096;

/// The directory uplink.
#[derive(Debug)]
pub struct Directory {
    folder: PathBuf,
    /// Names of command files given out; they are renamed when the caller comes back.
    given: BTreeSet<String>,
}

impl Directory {
    /// Writes into `folder`, which must exist when something is sent.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Directory { folder: folder.into(), given: BTreeSet::new() }
    }

    fn write(&self, parcel: &Parcel) -> io::Result<()> {
        let subject = parcel.subject.as_str();
        whole_file::create_folder(&self.folder, subject)?;
        whole_file::write(&self.folder.join(subject), &file_name(parcel), &parcel.body)
    }

    fn trouble(&self, path: &Path, error: &io::Error) -> UplinkError {
        use io::ErrorKind as Kind;
        let cure = match error.kind() {
            Kind::NotFound => "put the card in, or give a folder that exists",
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
                "copy the files off the card and delete them there"
            }
            Kind::ReadOnlyFilesystem => "slide the card's lock back, or replace a card that wore out",
            Kind::PermissionDenied => "let the trap write to the folder",
            _ => "check the card in a computer; replace it if it fails again",
        };
        UplinkError::Down(DeviceError {
            device: NAME.to_owned(),
            what: format!("{}: {error}", path.display()),
            cure: cure.to_owned(),
        })
    }

    /// Marks the commands given out before as dealt with. One that cannot be marked is not given out again before
    /// the next start, when its counter shows that it is old.
    fn mark_given(&mut self) -> io::Result<()> {
        let folder = self.folder.join(COMMANDS);
        while let Some(name) = self.given.first().cloned() {
            match whole_file::rename(&folder, &name, &format!("{name}.{DONE}")) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => self.given.remove(&name),
            };
        }
        Ok(())
    }

    fn new_commands(&mut self) -> io::Result<Vec<Downlink>> {
        let folder = self.folder.join(COMMANDS);
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.folder.is_dir() => return Ok(Vec::new()),
            entries => entries?,
        };
        // In the order of their names, so that a ranger can say which comes first.
        let mut files = BTreeSet::new();
        for entry in entries {
            let entry = entry?;
            // A name that is no text cannot be renamed here; nothing writes such names on purpose.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let about = entry.metadata()?;
            let ours =
                name.starts_with('.') || [DONE, whole_file::TEMPORARY].iter().any(|e| ends_with(&name, e));
            if about.is_file() && !ours && !self.given.contains(&name) {
                files.insert((name, about.len()));
            }
        }
        let mut commands = Vec::new();
        for (name, length) in files {
            if length > MOST_COMMAND_BYTES {
                log::warn!("directory: {name} in {} is no command: {length} bytes", folder.display());
            } else {
                commands.push(Downlink { port: 0, bytes: command_bytes(&fs::read(folder.join(&name))?) });
            }
            self.given.insert(name);
        }
        Ok(commands)
    }
}

impl Uplink for Directory {
    fn name(&self) -> &str {
        NAME
    }

    fn form(&self) -> Form {
        Form::Letter
    }

    fn ready(&mut self, _deadline: Duration) -> Result<Link, UplinkError> {
        match fs::read_dir(&self.folder) {
            Ok(_) => Ok(Link { max_payload: usize::MAX, data_rate: None }),
            Err(e) => Err(self.trouble(&self.folder, &e)),
        }
    }

    fn send(&mut self, parcel: &Parcel, _deadline: Duration) -> Result<Receipt, UplinkError> {
        match self.write(parcel) {
            Ok(()) => Ok(Receipt::Delivered),
            Err(e) => Err(self.trouble(&self.folder.join(parcel.subject.as_str()), &e)),
        }
    }

    /// Looks once and does not wait: a card does not get new files while it is in the trap.
    fn receive(&mut self, _deadline: Duration) -> Result<Vec<Downlink>, UplinkError> {
        if let Err(e) = self.mark_given() {
            log::warn!("directory: commands dealt with cannot be marked in {}: {e}", self.folder.display());
        }
        self.new_commands().map_err(|e| self.trouble(&self.folder.join(COMMANDS), &e))
    }

    fn rest(&mut self) {
        if let Err(e) = self.mark_given() {
            log::warn!("directory: commands dealt with cannot be marked in {}: {e}", self.folder.display());
        }
    }
}

fn ends_with(name: &str, ending: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == ending)
}

/// The parcel's name with an ending. Names are `[a-z0-9-]`; anything else would lead out of the folder.
fn file_name(parcel: &Parcel) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = parcel.name.chars().map(keep).collect();
    let ending = if parcel.subject == Subject::Picture { "jpg" } else { "json" };
    format!("{name}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let parcel = |name: &str| Parcel {
            subject: Subject::Event,
            name: name.into(),
            body: vec![],
            port: 1,
            confirm: false,
        };
        assert_eq!(file_name(&parcel("t1-3-300")), "t1-3-300.json");
        assert_eq!(file_name(&parcel("../../etc/x")), "______etc_x.json");
        assert_eq!(file_name(&Parcel { subject: Subject::Picture, ..parcel("a") }), "a.jpg");
    }
}
