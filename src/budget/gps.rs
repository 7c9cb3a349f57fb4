//! What a satellite receiver takes of a day's energy.

use super::Given;
use super::energy::DAY_S;
use crate::board::{Energy, GpsWiring};

/// Of a receiver whose figure the profile does not say.
const USUAL: (f64, &str) =
    (96.0, "cited: u-blox SAM-M8Q data sheet UBX-16012619, table 8: 32 mA at 3 V until the first fix");

/// A receiver, its power, and how long it has that.
pub(super) struct Receiver {
    mw: Given,
    /// Seconds a day that it is asked, where a line gives it power only then; `None`: it has power while the board has.
    asked_s: Option<f64>,
    on: Given,
}

impl Receiver {
    /// The receiver of a board with these figures.
    pub(super) fn of(wiring: &GpsWiring, board: &Energy) -> Receiver {
        let mw = match &board.gps_mw {
            Some(figure) => Given::new("gps_mw", figure.value, "mW", &figure.from),
            None => Given::new("gps_mw", USUAL.0, "mW", USUAL.1),
        };
        // It is asked again only after `every`, counted from a fix: each time as long as it is waited for, at the most.
        let (wait, every) = (wiring.wait.as_secs_f64(), wiring.every.as_secs_f64());
        let asked_s = wiring.power.as_ref().map(|_| (DAY_S / every * wait).min(DAY_S));
        let on = match asked_s {
            Some(asked) => Given::new(
                "satellite receiver is on",
                asked / 60.0,
                "min/day",
                "computed from [gps]: wait_s once in every_h, at the longest while there is a fix each time",
            ),
            None => Given::new(
                "satellite receiver is on",
                DAY_S / 60.0,
                "min/day",
                "computed from [gps]: without power_line it is on while the board has power (power cut: while the \
                 board is on)",
            ),
        };
        Receiver { mw, asked_s, on }
    }

    /// Milliwatt-seconds of a day in which the board has power for `powered_s`.
    pub(super) fn mw_s(&self, powered_s: f64) -> f64 {
        self.mw.value * self.asked_s.unwrap_or(powered_s).min(powered_s)
    }

    /// Its figures.
    pub(super) fn given(&self) -> [Given; 2] {
        [self.mw.clone(), self.on.clone()]
    }
}
