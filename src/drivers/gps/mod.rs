//! A satellite receiver that speaks NMEA 0183 on a serial line: it has power only while it is asked, and is believed only
//! once two of its sentences agree.
//!
//! Its time is that of the sentence's coming in, which is up to a second after the time it tells; in the first minutes
//! after a cold start a receiver may not know the leap seconds yet and be some seconds wrong.

pub mod sentence;
pub mod week;

use std::io;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use self::sentence::{Heard, Place};
use super::gpio::Switch;
use super::serial::{Line, Port};
use crate::hal::{DeviceError, Fix, Locator, Sky};

/// A receiver says something every second; after so long without a whole sentence it is silent.
const SILENT: Duration = Duration::from_secs(10);

/// Opens the serial line; called again after every rest and every failure.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn Port>, DeviceError> + Send>;

/// A receiver.
pub struct Receiver {
    name: String,
    open: Opener,
    /// On: it has power.
    power: Option<Box<dyn Switch>>,
    /// Decimal places of the degrees that are told.
    decimals: u8,
    line: Option<Line>,
    /// Since when no whole sentence came.
    silent_since: Instant,
    /// The last fix, and when it came in.
    last: Option<(Place, Instant)>,
    sky: Sky,
    /// Damaged sentences until it was last given power.
    damaged_before: u64,
    turns_told: bool,
}

impl Receiver {
    /// The receiver `name` on the line that `open` gives, powered by `power` while it is asked. Places are told with
    /// `decimals` decimal places of a degree: 3 are about 100 m.
    pub fn new(name: &str, open: Opener, power: Option<Box<dyn Switch>>, decimals: u8) -> Receiver {
        let (line, last, sky) = (None, None, Sky::default());
        let silent_since = Instant::now();
        Receiver {
            name: name.to_owned(),
            open,
            power,
            decimals,
            line,
            silent_since,
            last,
            sky,
            damaged_before: 0,
            turns_told: false,
        }
    }

    fn fault(&self, what: impl Into<String>, cure: &str) -> DeviceError {
        DeviceError { device: self.name.clone(), what: what.into(), cure: cure.to_owned() }
    }

    /// Power, and the line open.
    fn begin(&mut self) -> Result<(), DeviceError> {
        if self.line.is_some() {
            return Ok(());
        }
        if let Some(Err(error)) = self.power.as_mut().map(|pin| pin.on()) {
            return Err(
                self.fault(format!("its power line does not switch: {error}"), "check gps.power_line")
            );
        }
        self.line = Some(Line::new((self.open)()?));
        (self.silent_since, self.last) = (Instant::now(), None);
        self.damaged_before = self.sky.damaged;
        Ok(())
    }

    /// Listens until `until` or a fix that is believed.
    fn listen(&mut self, until: Instant) -> io::Result<Option<Fix>> {
        while let Some(text) = self.next(until)? {
            let now = Instant::now();
            match sentence::heard(&text) {
                Heard::Damaged => {
                    self.sky.damaged += 1;
                    continue;
                }
                Heard::Satellites(used) => self.sky.satellites = Some(used),
                Heard::Other => {}
                Heard::Fix(place) => {
                    let before = self.last.replace((place, now));
                    let passed = |then| TimeDelta::from_std(now.saturating_duration_since(then));
                    let same = before.is_some_and(|(first, then)| {
                        passed(then).is_ok_and(|passed| sentence::agree(&first, &place, passed))
                    });
                    if same {
                        self.heard();
                        return Ok(Some(self.told(&place)));
                    }
                }
            }
            self.heard();
        }
        Ok(None)
    }

    fn next(&mut self, until: Instant) -> io::Result<Option<String>> {
        self.line.as_mut().map_or(Ok(None), |line| line.line(until))
    }

    fn heard(&mut self) {
        self.sky.sentences += 1;
        self.silent_since = Instant::now();
    }

    fn told(&mut self, place: &Place) -> Fix {
        if place.turns > 0 && !std::mem::replace(&mut self.turns_told, true) {
            log::warn!(
                "{}: its count of weeks ran over: its date was brought forward by {} weeks",
                self.name,
                1024 * place.turns
            );
        }
        let step = 10f64.powi(i32::from(self.decimals));
        let rounded = |degrees: f64| (degrees * step).round() / step;
        let at = (rounded(place.at.0), rounded(place.at.1));
        Fix { utc: place.utc, place: Some(at) }
    }

    /// What is wrong with a receiver that says nothing whole.
    fn silence(&self) -> DeviceError {
        let noise = self.line.as_ref().map(Line::noise).unwrap_or_default();
        let seconds = SILENT.as_secs();
        if noise.garbage + noise.overlong > 0 || self.sky.damaged > self.damaged_before {
            return self.fault(
                format!("no whole sentence came for {seconds} s, only garbage"),
                "check gps.baud (most say 9600), ground and the length of its wires",
            );
        }
        self.fault(
            format!("nothing came for {seconds} s"),
            "check its power, that its TX is at the computer's RX, and gps.port",
        )
    }
}

impl Locator for Receiver {
    fn fix(&mut self, wait: Duration) -> Result<Option<Fix>, DeviceError> {
        let until = Instant::now() + wait;
        self.begin()?;
        match self.listen(until) {
            Ok(None) if self.silent_since.elapsed() >= SILENT => Err(self.silence()),
            Ok(fix) => Ok(fix),
            Err(error) => {
                self.line = None;
                Err(self.fault(
                    format!("its serial line fails: {error}"),
                    "check its plug, and that no other program (gpsd, a serial console) uses the line",
                ))
            }
        }
    }

    fn rest(&mut self) {
        (self.line, self.last) = (None, None);
        if let Some(Err(error)) = self.power.as_mut().map(|pin| pin.off()) {
            log::warn!("{}: its power line does not switch off: {error}", self.name);
        }
    }

    fn sky(&self) -> Sky {
        self.sky
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.rest();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::serial::played::Chunks;
    use super::*;

    struct Noted(Arc<Mutex<Vec<&'static str>>>);

    impl Switch for Noted {
        fn on(&mut self) -> io::Result<()> {
            self.0.lock().unwrap().push("on");
            Ok(())
        }
        fn off(&mut self) -> io::Result<()> {
            self.0.lock().unwrap().push("off");
            Ok(())
        }
    }

    fn sealed(text: &str) -> String {
        format!("${text}*{:02X}\r\n", text.bytes().fold(0, |sum, byte| sum ^ byte))
    }

    fn receiver(texts: Vec<Vec<u8>>, decimals: u8) -> (Receiver, Arc<Mutex<Vec<&'static str>>>) {
        let noted: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let open: Opener = Box::new(move || Ok(Box::new(Chunks::of(&texts)) as Box<dyn Port>));
        (Receiver::new("gps", open, Some(Box::new(Noted(Arc::clone(&noted)))), decimals), noted)
    }

    fn rmc(second: u32) -> Vec<u8> {
        sealed(&format!("GPRMC,1011{second:02}.00,A,4630.1234,N,02518.9876,W,0.0,,261126,,,A")).into_bytes()
    }

    #[test]
    fn a_place_is_rounded_and_the_receiver_has_power_only_while_it_is_asked() {
        for (decimals, north, east) in [(0, 47.0, -25.0), (2, 46.5, -25.32), (4, 46.5021, -25.3165)] {
            let (mut receiver, pin) = receiver(vec![rmc(12), rmc(13)], decimals);
            assert!(pin.lock().unwrap().is_empty(), "nothing before it is asked");
            let fix = receiver.fix(Duration::from_secs(1)).unwrap().unwrap();
            assert_eq!(fix.place, Some((north, east)));
            assert_eq!(fix.utc.to_string(), "2026-11-26 10:11:13 UTC");
            assert_eq!(*pin.lock().unwrap(), ["on"]);
            receiver.rest();
            drop(receiver);
            assert_eq!(*pin.lock().unwrap(), ["on", "off", "off"]);
        }
    }

    #[test]
    fn one_sentence_alone_is_not_believed_and_counts_are_kept() {
        let (mut receiver, _) = receiver(vec![rmc(12), b"$GPRMC,1011\r\n".to_vec()], 3);
        assert_eq!(receiver.fix(Duration::from_millis(50)).unwrap(), None);
        assert_eq!(receiver.sky(), Sky { sentences: 1, damaged: 1, satellites: None });
    }
}
