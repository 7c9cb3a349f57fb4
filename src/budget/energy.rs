//! A day's energy in three ways of running, and how many days a battery lasts.

use serde::Serialize;

use super::gps::Receiver;
use super::{Days24, Given};
use crate::board::{Chemistry, Energy, GpsWiring};
use crate::config::Config;

/// What a converter from the battery's voltage to 5 V gives on.
const CONVERTER: f64 = 0.85;

/// Seconds of a day.
pub(super) const DAY_S: f64 = 86_400.0;

/// Seconds the camera runs beside the burst's own pictures: exposure settles.
const SETTLE_S: f64 = 2.0;

/// Share of the nominal capacity that may be taken, and where that is from.
fn usable(chemistry: Chemistry) -> (f64, &'static str) {
    match chemistry {
        Chemistry::LiIon => (0.9, "assumed: to 3.3 V a cell"),
        Chemistry::LiFePo4 => (0.9, "assumed: to 10 %"),
        Chemistry::Lead => (0.5, "assumed: half, for a life of some hundred cycles"),
        Chemistry::Alkaline => (0.9, "assumed: to 0.9 V a cell at a low current"),
        Chemistry::NiMh => (0.9, "assumed: to 1 V a cell"),
    }
}

/// Share of the capacity at a temperature, and where that is from: points (°C, share) with lines between them.
fn warm(chemistry: Chemistry, celsius: f64) -> (f64, &'static str) {
    let (points, from): (&[(f64, f64)], _) = match chemistry {
        Chemistry::LiIon => {
            (&[(-20.0, 0.5), (-10.0, 0.7), (0.0, 0.85), (25.0, 1.0)], "assumed: a discharge over days")
        }
        Chemistry::LiFePo4 => {
            (&[(-20.0, 0.4), (-10.0, 0.6), (0.0, 0.8), (25.0, 1.0)], "assumed: a discharge over days")
        }
        Chemistry::Alkaline => {
            (&[(-20.0, 0.2), (-10.0, 0.4), (0.0, 0.6), (20.0, 1.0)], "assumed: a discharge over days")
        }
        Chemistry::NiMh => {
            (&[(-20.0, 0.5), (-10.0, 0.7), (0.0, 0.85), (20.0, 1.0)], "assumed: a discharge over days")
        }
        Chemistry::Lead => (
            &[(-20.0, 0.52), (0.0, 0.84), (5.0, 0.88), (10.0, 0.9), (15.0, 0.94), (20.0, 0.99), (25.0, 1.0)],
            "cited: Discover Energy, temperature effect on capacity, over 60 min (below 0 °C continued: assumed)",
        ),
    };
    let (mut before, mut share) = (points[0], points[0].1);
    for point in points {
        if celsius >= point.0 {
            (before, share) = (*point, point.1);
        } else if celsius > before.0 {
            share = before.1 + (point.1 - before.1) * (celsius - before.0) / (point.0 - before.0);
            break;
        }
    }
    (share, from)
}

/// A battery.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Battery {
    /// For people.
    pub name: String,
    /// Nominal watt-hours.
    pub wh: f64,
    /// What it is made of.
    pub chemistry: Chemistry,
}

/// Usual batteries: name, watt-hours (cells times nominal voltage times capacity), chemistry.
pub const BATTERIES: [(&str, f64, Chemistry); 4] = [
    ("4 x 18650, 3.4 Ah", 4.0 * 3.6 * 3.4, Chemistry::LiIon),
    ("power bank, 20 Ah", 3.7 * 20.0, Chemistry::LiIon),
    ("12 V lead, 12 Ah", 12.0 * 12.0, Chemistry::Lead),
    ("12.8 V LiFePO4, 20 Ah", 12.8 * 20.0, Chemistry::LiFePo4),
];

/// Days that a battery lasts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Days {
    /// The battery.
    pub battery: Battery,
    /// Watt-hours that it gives at this temperature.
    pub gives_wh: f64,
    /// Days.
    pub days: f64,
}

/// A way of running.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Way {
    /// `always on`, `sleep`, `power cut`.
    pub name: &'static str,
    /// What it means on this board.
    pub means: &'static str,
    /// Watt-hours a day between bursts.
    pub rest_wh: f64,
    /// Watt-hours a day for bursts, from waking to the journal.
    pub bursts_wh: f64,
    /// Watt-hours a day for sending.
    pub sending_wh: f64,
    /// Watt-hours a day of the satellite receiver; absent where the board has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gps_wh: Option<f64>,
    /// Watt-hours a day.
    pub day_wh: f64,
    /// By battery.
    pub days: Vec<Days>,
}

/// Hours from sunrise to sunset at a latitude with the sun at a declination, both in degrees (the geometry of the
/// sphere: cos h = -tan φ tan δ; refraction adds some minutes).
pub fn day_length_h(latitude: f64, declination: f64) -> f64 {
    let cos = -latitude.to_radians().tan() * declination.to_radians().tan();
    24.0 / std::f64::consts::PI * cos.clamp(-1.0, 1.0).acos()
}

/// Energy in each way of running, and the figures that were added to those given.
pub fn energy(
    config: &Config,
    board: &Energy,
    gps: Option<&GpsWiring>,
    days: &Days24,
    batteries: &[Battery],
    sending_mwh: Option<&Given>,
) -> (Vec<Way>, Vec<Given>) {
    let pictures_s =
        config.burst.frames.saturating_sub(1) as f64 * config.burst.interval.as_secs_f64() + SETTLE_S;
    let (bursts, judging_s) = (days.bursts.value, days.burst_s.value);
    let busy_s = pictures_s + judging_s;
    let wh = |mw_s: f64| mw_s / 3.6e6;
    // Of one burst, above what the board draws: camera, infrared light.
    let extra = pictures_s * (board.camera_mw.value + days.dark.value * board.infrared_mw.value);
    let burst = busy_s * board.busy_mw.value + extra;
    let sensor = DAY_S * board.sensor_mw.value;
    let sending = sending_mwh.map_or(0.0, |given| given.value / 1000.0);
    let receiver = gps.map(|wiring| Receiver::of(wiring, board));
    let way = |name, means, rest: f64, per_burst: f64, bursts_s: f64, powered_s: f64| {
        let quiet = (DAY_S - bursts * bursts_s).max(0.0);
        let (rest_wh, bursts_wh) =
            (wh(quiet * rest + sensor) / CONVERTER, wh(bursts * per_burst) / CONVERTER);
        let sending_wh = sending / CONVERTER;
        let gps_wh = receiver.as_ref().map(|one| wh(one.mw_s(powered_s)) / CONVERTER);
        let day_wh = rest_wh + bursts_wh + sending_wh + gps_wh.unwrap_or(0.0);
        let lasts = |battery: &Battery| {
            let gives =
                battery.wh * usable(battery.chemistry).0 * warm(battery.chemistry, days.celsius.value).0;
            Days { battery: battery.clone(), gives_wh: gives, days: gives / day_wh }
        };
        let days = batteries.iter().map(lasts).collect();
        Way { name, means, rest_wh, bursts_wh, sending_wh, gps_wh, day_wh, days }
    };
    let ways = vec![
        way("always on", "the board idles between bursts", board.idle_mw.value, burst, busy_s, DAY_S),
        way(
            "sleep",
            "the deepest state the sensor wakes it from (sleep_mw, wake_s)",
            board.sleep_mw.value,
            burst + board.wake_s.value * board.boot_mw.value,
            busy_s + board.wake_s.value,
            DAY_S,
        ),
        way(
            "power cut",
            "a microcontroller cuts the power (cut_mw, boot_s)",
            board.cut_mw.value,
            burst + board.boot_s.value * board.boot_mw.value,
            busy_s + board.boot_s.value,
            (bursts * (busy_s + board.boot_s.value)).min(DAY_S),
        ),
    ];
    let mut more = vec![
        Given::new(
            "camera and light per burst",
            pictures_s,
            "s",
            "computed from [burst], and 2 s to settle (assumed)",
        ),
        Given::new("converter to 5 V", CONVERTER * 100.0, "%", "assumed"),
    ];
    more.extend(receiver.iter().flat_map(Receiver::given));
    let mut told = Vec::new();
    for battery in batteries.iter().filter(|battery| !told.contains(&battery.chemistry)).collect::<Vec<_>>() {
        if told.contains(&battery.chemistry) {
            continue;
        }
        told.push(battery.chemistry);
        let name = match battery.chemistry {
            Chemistry::LiIon => "Li-ion",
            Chemistry::LiFePo4 => "LiFePO4",
            Chemistry::Lead => "lead",
            Chemistry::Alkaline => "alkaline",
            Chemistry::NiMh => "NiMH",
        };
        let ((usable, from), (warm, warmth)) =
            (usable(battery.chemistry), warm(battery.chemistry, days.celsius.value));
        more.push(Given::new(&format!("{name}: may be taken"), usable * 100.0, "%", from));
        more.push(Given::new(
            &format!("{name}: left at that temperature"),
            (warm * 100.0).round(),
            "%",
            warmth,
        ));
    }
    (ways, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_as_long_as_the_almanac_says() {
        // Berlin (52.5° N): 16 h 50 min on the longest day, 7 h 39 min on the shortest (timeanddate.com); refraction
        // and the sun's width are some 10 min of either.
        for (declination, hours) in [(23.44, 16.83), (-23.44, 7.65), (0.0, 12.0)] {
            let found = day_length_h(52.5, declination);
            assert!((found - hours).abs() < 0.25, "{found} {hours}");
        }
        assert_eq!((day_length_h(80.0, 23.44), day_length_h(80.0, -23.44)), (24.0, 0.0));
    }

    #[test]
    fn the_cold_takes_its_share() {
        assert_eq!(warm(Chemistry::Lead, 5.0).0, 0.88);
        assert_eq!(warm(Chemistry::LiIon, 30.0).0, 1.0);
        assert_eq!(warm(Chemistry::LiIon, -40.0).0, 0.5);
        assert!((warm(Chemistry::LiIon, 12.5).0 - 0.925).abs() < 1e-9);
        assert!((warm(Chemistry::LiIon, -15.0).0 - 0.6).abs() < 1e-9);
    }
}
