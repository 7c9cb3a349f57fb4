//! Renders the next scenes on a second thread while this one is judged. The order is the script's, always.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use super::Script;

/// Scenes rendered before they are asked for: enough to hide one slow scene, few enough to hold in memory.
const DEPTH: usize = 2;

/// The pictures of one scene.
pub(super) type Pictures = Vec<Result<Vec<u8>, String>>;

/// How a burst is to be taken.
type Plan = (usize, Duration);

/// A renderer that runs ahead.
pub(super) struct Ahead {
    script: Arc<Script>,
    running: Option<(Plan, Receiver<(u64, Pictures)>)>,
}

impl Ahead {
    /// Starts with the first scene asked for.
    pub(super) fn new(script: Arc<Script>) -> Self {
        Ahead { script, running: None }
    }

    /// The pictures of `scene`; scenes are asked for in rising order, some may be left out. `None` when the
    /// renderer died.
    pub(super) fn take(&mut self, scene: u64, frames: usize, interval: Duration) -> Option<Pictures> {
        let plan = (frames, interval);
        if self.running.as_ref().is_none_or(|(running, _)| *running != plan) {
            self.running = Some((plan, self.start(scene, plan)));
        }
        let (_, rendered) = self.running.as_ref()?;
        loop {
            match rendered.recv() {
                Ok((at, pictures)) if at == scene => return Some(pictures),
                Ok((at, _)) if at < scene => {}
                _ => return None,
            }
        }
    }

    /// Renders from `scene` on until nobody listens any more.
    fn start(&self, scene: u64, (frames, interval): Plan) -> Receiver<(u64, Pictures)> {
        let (send, receive) = sync_channel(DEPTH);
        let script = Arc::clone(&self.script);
        std::thread::spawn(move || {
            let end = script.len().unwrap_or(u64::MAX);
            for at in scene..end {
                if send.send((at, script.pictures(at, frames, interval))).is_err() {
                    break;
                }
            }
        });
        receive
    }
}
