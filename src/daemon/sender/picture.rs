//! Small pictures of events: queued by key, made when they leave.

use super::Sender;
use crate::event::EventKey;
use crate::hal::Subject;
use crate::image::{THUMBNAIL_BYTES, thumbnail};
use crate::store::JournalError;
use crate::store::record::MediaKind;
use crate::units::BBox;

impl Sender {
    /// Queues the picture that a command asked for; 0 asks for that of the latest event which has one. False where
    /// there is none.
    pub(super) fn picture(&mut self, number: u32) -> Result<bool, JournalError> {
        match self.outbox.pictured(number)? {
            Some(key) => self.queue_picture(key).map(|()| true),
            None => {
                log::warn!("no picture of event {number} is on the card");
                Ok(false)
            }
        }
    }

    pub(super) fn queue_picture(&mut self, key: EventKey) -> Result<(), JournalError> {
        let at = self.now();
        let payload = [key.boot.to_le_bytes(), key.number.to_le_bytes()].concat();
        let name = format!("picture-{}-{}", key.boot, key.number);
        self.outbox.post(&name, Subject::Picture.as_str(), &payload, at)
    }

    /// The picture that a notice names, small; `None`, told, where it is gone or cannot be read.
    pub(super) fn load_picture(&self, payload: &[u8]) -> Result<Option<Vec<u8>>, JournalError> {
        let Some((boot, number)) = payload.split_first_chunk::<4>() else { return Ok(None) };
        let Ok(number) = <[u8; 4]>::try_from(number) else { return Ok(None) };
        let key = EventKey { boot: u32::from_le_bytes(*boot), number: u32::from_le_bytes(number) };
        let Some(stored) = self.outbox.reader().event(key)?.and_then(|found| found.items.into_iter().next())
        else {
            return Ok(None);
        };
        let kept = || stored.media.iter().filter(|file| file.gone.is_none());
        // A crop shows the animal larger than the frame that it was cut from.
        let crop = kept().find(|file| file.media.kind == MediaKind::Crop);
        let Some(file) = crop.or_else(|| kept().next()) else { return Ok(None) };
        let frame = stored.burst.frames.get(file.frame);
        let bbox = frame
            .filter(|_| file.media.kind == MediaKind::Frame)
            .and_then(|frame| {
                frame.boxes.iter().max_by(|a, b| a.confidence.get().total_cmp(&b.confidence.get()))
            })
            .map(|found| found.bbox);
        let path = self.setup.media.join(&file.media.path);
        let made = std::fs::read(&path).map_err(|e| e.to_string()).and_then(|jpeg| {
            thumbnail(&jpeg, &bbox.unwrap_or(BBox::FULL), THUMBNAIL_BYTES).map_err(|e| e.to_string())
        });
        match made {
            Ok(small) => Ok(Some(small)),
            Err(error) => {
                log::warn!("no small picture of {}: {error}", path.display());
                Ok(None)
            }
        }
    }
}
