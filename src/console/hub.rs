//! What is live: the daemon's notes turned into events for every page that listens, and the last of each kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::daemon::live::{AimFrame, Note};
use crate::event::EventKey;

/// Pages that listen at once; the one that came first ends for a new one, for a phone that left its Wi-Fi does not
/// say so.
const LISTENERS: usize = 6;

/// Events that may wait for a page; what comes beyond is lost to it.
const WAITING: usize = 16;

/// Aim frames kept: the one that is shown, and a few for pages that are behind.
const FRAMES: usize = 4;

/// An event as it goes out.
pub(super) type Told = (&'static str, Arc<str>);

/// How the daemon fared since it began.
#[derive(Debug, Clone, Default)]
pub(super) struct Vitals {
    /// The last burst and the time its judgement took.
    pub last: Option<(EventKey, Duration)>,
    /// Why the camera did not answer last, if it does not.
    pub camera: Option<String>,
    /// Bursts of which nothing is left.
    pub lost: u64,
    /// When the trigger fired last.
    pub triggered: Option<DateTime<Utc>>,
    /// Why the last aim frame could not be shown.
    pub aim: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    listeners: VecDeque<Sender<Told>>,
    frames: VecDeque<(u64, Arc<[u8]>)>,
    next: u64,
    vitals: Vitals,
}

/// Where notes come in and events go out.
#[derive(Debug, Default)]
pub(super) struct Hub {
    state: Mutex<State>,
}

impl Hub {
    /// A new listener.
    pub fn listen(&self) -> Receiver<Told> {
        let (send, receive) = channel(WAITING);
        let mut state = self.state();
        state.listeners.retain(|listener| !listener.is_closed());
        if state.listeners.len() >= LISTENERS {
            state.listeners.pop_front();
        }
        state.listeners.push_back(send);
        receive
    }

    /// Whether anybody listens.
    pub fn is_heard(&self) -> bool {
        self.state().listeners.iter().any(|listener| !listener.is_closed())
    }

    /// Sends all listeners away.
    pub fn hush(&self) {
        self.state().listeners.clear();
    }

    /// Tells everybody.
    pub fn tell(&self, name: &'static str, event: &Value) {
        let event: Arc<str> = event.to_string().into();
        for listener in &self.state().listeners {
            // A page that is behind misses it and asks for what it shows again.
            let _ = listener.try_send((name, Arc::clone(&event)));
        }
    }

    /// How the daemon fared.
    pub fn vitals(&self) -> Vitals {
        self.state().vitals.clone()
    }

    /// An aim frame of the last few.
    pub fn frame(&self, id: u64) -> Option<Arc<[u8]>> {
        self.state().frames.iter().find(|(n, _)| *n == id).map(|(_, jpeg)| Arc::clone(jpeg))
    }

    /// The newest aim frame.
    pub fn newest_frame(&self) -> Option<Arc<[u8]>> {
        self.state().frames.back().map(|(_, jpeg)| Arc::clone(jpeg))
    }

    /// Takes a note of the daemon. Gives the burst it is about, for telling of it.
    pub fn take(&self, note: Note) -> Option<EventKey> {
        match note {
            Note::Triggered(at) => {
                self.state().vitals.triggered = Some(at);
                self.tell("pir", &json!({ "at": time(at) }));
            }
            Note::Burst { key, judging } => {
                self.state().vitals.last = Some((key, judging));
                return Some(key);
            }
            Note::Camera(answer) => self.state().vitals.camera = answer.err(),
            Note::Lost => self.state().vitals.lost += 1,
            Note::Aim(frame) => {
                let event = self.keep(&frame);
                self.tell("frame", &event);
            }
        }
        None
    }

    fn keep(&self, frame: &AimFrame) -> Value {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.vitals.aim = frame.jpeg.as_ref().err().cloned();
        if let Ok(jpeg) = &frame.jpeg {
            state.frames.push_back((id, Arc::clone(jpeg)));
            if state.frames.len() > FRAMES {
                state.frames.pop_front();
            }
        }
        let boxes = frame.boxes.iter().map(|b| {
            json!({
                "x": share(b.bbox.x), "y": share(b.bbox.y), "w": share(b.bbox.w), "h": share(b.bbox.h),
                "category": b.category, "confidence": share(b.confidence.get()),
            })
        });
        json!({
            "id": id,
            "taken": time(frame.taken),
            "width": frame.size.0,
            "height": frame.size.1,
            "picture": frame.jpeg.is_ok().then(|| format!("/api/live/frame/{id}")),
            "failed": frame.jpeg.as_ref().err(),
            "boxes": boxes.collect::<Vec<_>>(),
        })
    }

    /// The state stays whole even if a thread died while it held it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As the page reads it.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A share or a score to four decimals.
pub(super) fn share(value: f32) -> Value {
    Value::from((f64::from(value) * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_page_displaces_the_oldest_and_a_slow_one_loses_events_only() {
        let hub = Hub::default();
        let mut first = hub.listen();
        let mut others: Vec<_> = (0..LISTENERS).map(|_| hub.listen()).collect();
        hub.tell("status", &json!(1));
        assert!(first.try_recv().is_err_and(|e| e == tokio::sync::mpsc::error::TryRecvError::Disconnected));
        for _ in 0..3 * WAITING {
            hub.tell("status", &json!(2));
        }
        let got = std::iter::from_fn(|| others[0].try_recv().ok()).count();
        assert_eq!(got, WAITING);
        drop(others);
        assert!(!hub.is_heard());
    }

    #[test]
    fn the_last_few_aim_frames_can_be_fetched() {
        let hub = Hub::default();
        let frame = || AimFrame {
            taken: DateTime::UNIX_EPOCH,
            size: (4, 3),
            jpeg: Ok(Arc::from([1u8].as_slice())),
            boxes: Vec::new(),
        };
        for _ in 0..FRAMES + 2 {
            hub.take(Note::Aim(frame()));
        }
        assert_eq!((0..8).filter(|id| hub.frame(*id).is_some()).collect::<Vec<_>>(), [2, 3, 4, 5]);
        hub.take(Note::Aim(AimFrame { jpeg: Err("dark".to_owned()), ..frame() }));
        assert_eq!(hub.vitals().aim.as_deref(), Some("dark"));
    }
}
