//! A run for one burst, on a trap whose power is switched on for it: the camera exposes while the networks load, and a
//! burst that nothing can judge is kept all the same.

use std::thread::JoinHandle;
use std::time::Duration;

use super::pipeline::Judges;
use super::start;
use crate::config::Thresholds;
use crate::hal::{Camera, DeviceError, Shot};
use crate::image::Rgb;
use crate::vision::judge::Frame;
use crate::vision::{Detection, Judgement};

type Taken = (Box<dyn Camera>, Result<Vec<Shot>, DeviceError>);

/// A camera that was asked for its first burst before anybody was ready for it.
pub struct Early {
    taking: Option<JoinHandle<Taken>>,
    camera: Option<Box<dyn Camera>>,
}

impl Early {
    /// Asks `camera` for `frames` pictures `interval` apart, now.
    pub fn ask(mut camera: Box<dyn Camera>, frames: usize, interval: Duration) -> std::io::Result<Early> {
        start::reached("camera asked");
        let take = move || {
            let shots = camera.burst(frames, interval);
            (camera, shots)
        };
        let taking = std::thread::Builder::new().name("camera".to_owned()).spawn(take)?;
        Ok(Early { taking: Some(taking), camera: None })
    }
}

impl Camera for Early {
    /// The pictures that were asked for at the start, whatever is asked now; later ones as the camera gives them.
    fn burst(&mut self, frames: usize, interval: Duration) -> Result<Vec<Shot>, DeviceError> {
        if let Some(taking) = self.taking.take() {
            let (camera, shots) =
                taking.join().map_err(|_| gone("the program failed while it took pictures"))?;
            self.camera = Some(camera);
            return shots;
        }
        self.camera.as_mut().ok_or_else(|| gone("it was lost at the start"))?.burst(frames, interval)
    }

    fn aims(&self) -> bool {
        false
    }

    fn idle(&mut self) {
        if let Some(camera) = &mut self.camera {
            camera.idle();
        }
    }

    fn journaled(&mut self) {
        if let Some(camera) = &mut self.camera {
            camera.journaled();
        }
    }
}

fn gone(what: &str) -> DeviceError {
    let cure = "start the trap again; report it with the log".to_owned();
    DeviceError { device: "camera".to_owned(), what: what.to_owned(), cure }
}

/// Stands in for a judge whose networks cannot be opened: every burst is kept and flagged, none is an empty.
pub struct Unable(pub String);

impl Judges for Unable {
    fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
        Judgement::failed(frames.len(), &self.0)
    }

    fn end_sequence(&mut self) {}

    fn learnt(&self) -> Option<Vec<u8>> {
        None
    }

    fn recall(&mut self, _learnt: &[u8]) {}

    fn merge(&self, bursts: &[Judgement]) -> Judgement {
        Judgement::failed(bursts.iter().map(|burst| burst.frames.len()).sum(), &self.0)
    }

    fn retune(&mut self, _thresholds: &Thresholds) {}

    fn glance(&mut self, _picture: &Rgb) -> Option<Result<Vec<Detection>, String>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::event::Outcome;

    struct Counting(u32);

    impl Camera for Counting {
        fn burst(&mut self, frames: usize, _: Duration) -> Result<Vec<Shot>, DeviceError> {
            self.0 += 1;
            let taken = DateTime::from_timestamp(i64::from(self.0), 0).unwrap_or_default();
            Ok((0..frames).map(|_| Shot { taken, jpeg: Ok(vec![]) }).collect())
        }
    }

    struct Panics;

    impl Camera for Panics {
        fn burst(&mut self, _: usize, _: Duration) -> Result<Vec<Shot>, DeviceError> {
            panic!("a driver's fault")
        }
    }

    #[test]
    fn the_first_burst_is_that_of_the_start_and_the_next_a_new_one() {
        let mut early = Early::ask(Box::new(Counting(0)), 2, Duration::ZERO).unwrap();
        assert_eq!(early.burst(2, Duration::ZERO).unwrap()[0].taken.timestamp(), 1);
        assert_eq!(early.burst(3, Duration::ZERO).unwrap()[2].taken.timestamp(), 2);
    }

    #[test]
    fn a_camera_that_fails_at_the_start_is_an_error_each_time() {
        let mut early = Early::ask(Box::new(Panics), 2, Duration::ZERO).unwrap();
        assert!(early.burst(2, Duration::ZERO).is_err());
        assert!(early.burst(2, Duration::ZERO).is_err());
    }

    #[test]
    fn without_networks_a_burst_is_failed_and_never_empty() {
        let mut unable = Unable("no detector".to_owned());
        let judged = unable.judge(&[Ok(&[1u8][..]), Err("dark")]);
        assert_eq!(judged.outcome, Outcome::Failed);
        assert!(judged.frames.iter().all(|frame| frame.failed.as_deref() == Some("no detector")));
        assert_eq!(unable.merge(&[judged]).frames.len(), 2);
    }
}
