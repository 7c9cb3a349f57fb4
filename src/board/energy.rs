//! `[energy]`: what a board draws and how long it takes, each figure with where it is from.

use serde::Deserialize;

use super::BoardError;

/// The words that say how much a figure is worth.
const WORTH: [&str; 3] = ["measured", "cited: ", "assumed"];

/// A figure, and where it is from: `measured …`, `cited: source` or `assumed …`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Milliwatts or seconds, as its key says; 0 to 1 000 000.
    pub value: f64,
    /// Where it is from.
    pub from: String,
}

/// Figures never lie outside their range, so comparing them whole is sound.
impl Eq for Figure {}

/// As written and as checked: every key but the last is needed where there is such a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Energy {
    /// On, with nothing to do, milliwatts.
    pub idle_mw: Figure,
    /// Judging, milliwatts.
    pub busy_mw: Figure,
    /// The deepest state from which the sensor itself wakes the board, milliwatts.
    pub sleep_mw: Figure,
    /// From there to the first picture, seconds.
    pub wake_s: Figure,
    /// What stays on when a microcontroller cuts the board's power, milliwatts.
    pub cut_mw: Figure,
    /// From power to the first picture, seconds.
    pub boot_s: Figure,
    /// Meanwhile, milliwatts.
    pub boot_mw: Figure,
    /// Judging a burst with a detector and a classifier for small boards, seconds.
    pub burst_s: Figure,
    /// The camera while it takes pictures, milliwatts.
    pub camera_mw: Figure,
    /// The infrared LED while it is lit, milliwatts.
    pub infrared_mw: Figure,
    /// The sensor, all the time, milliwatts.
    pub sensor_mw: Figure,
    /// The satellite receiver of `[gps]` while it is on, milliwatts; the one key that may be left out.
    pub gps_mw: Option<Figure>,
}

/// For storm control: how long the camera runs for a burst, seconds: three pictures a second apart, as by default, and
/// two seconds to settle, which is assumed.
const PICTURES_S: f64 = 4.0;

impl Energy {
    /// What a burst takes from the board's supply at most, by night, milliwatt-hours.
    pub fn burst_mwh(&self) -> f64 {
        let busy = (PICTURES_S + self.burst_s.value) * self.busy_mw.value;
        let pictures = PICTURES_S * (self.camera_mw.value + self.infrared_mw.value);
        (busy + pictures) / 3600.0
    }

    /// Keys and figures of every board, in the order of the table.
    pub fn figures(&self) -> [(&'static str, &Figure); 11] {
        [
            ("idle_mw", &self.idle_mw),
            ("busy_mw", &self.busy_mw),
            ("sleep_mw", &self.sleep_mw),
            ("wake_s", &self.wake_s),
            ("cut_mw", &self.cut_mw),
            ("boot_s", &self.boot_s),
            ("boot_mw", &self.boot_mw),
            ("burst_s", &self.burst_s),
            ("camera_mw", &self.camera_mw),
            ("infrared_mw", &self.infrared_mw),
            ("sensor_mw", &self.sensor_mw),
        ]
    }

    pub(super) fn check(self, file: &str) -> Result<Energy, BoardError> {
        let receiver = self.gps_mw.iter().map(|figure| ("gps_mw", figure));
        for (key, figure) in self.figures().into_iter().chain(receiver) {
            let (value, allowed) = if !(0.0..=1e6).contains(&figure.value) {
                (figure.value.to_string(), "value = 0 to 1000000")
            } else if !WORTH.iter().any(|word| figure.from.starts_with(word)) || figure.from.ends_with(": ") {
                (
                    format!("from \"{}\"", figure.from),
                    "from = \"measured …\", \"cited: source\" or \"assumed …\"",
                )
            } else {
                continue;
            };
            let key = match self.figures().iter().position(|(name, _)| *name == key) {
                Some(at) => KEYS[at],
                None => "energy.gps_mw",
            };
            let (file, allowed) = (file.to_owned(), allowed.to_owned());
            return Err(BoardError::Range { file, key, value, allowed });
        }
        Ok(self)
    }
}

/// The whole keys, for errors.
const KEYS: [&str; 11] = [
    "energy.idle_mw",
    "energy.busy_mw",
    "energy.sleep_mw",
    "energy.wake_s",
    "energy.cut_mw",
    "energy.boot_s",
    "energy.boot_mw",
    "energy.burst_s",
    "energy.camera_mw",
    "energy.infrared_mw",
    "energy.sensor_mw",
];

#[cfg(test)]
mod tests {
    use crate::board::Profile;

    #[test]
    fn a_figure_without_its_origin_is_refused() {
        let keys = super::KEYS.map(|key| key.trim_start_matches("energy."));
        let table = |from: &str| -> String {
            let lines = keys.map(|key| format!("{key} = {{ value = 5, from = \"{from}\" }}\n"));
            format!("[energy]\n{}", lines.concat())
        };
        let parse = |text: &str| Profile::parse(text, "b.toml").map_err(|e| e.to_string());
        assert!(parse(&table("cited: a data sheet")).unwrap().energy.is_some());
        assert!(parse(&table("somewhere")).unwrap_err().contains("`energy.idle_mw` is from \"somewhere\""));
        assert!(parse(&table("assumed").replace("= 5", "= -1")).unwrap_err().contains("0 to 1000000"));
        assert!(
            parse("[energy]\nidle_mw = { value = 1, from = \"assumed\" }").unwrap_err().contains("busy_mw")
        );
        assert!(parse("[energy]\nidle_mw = 1").is_err());
        assert_eq!(parse("").unwrap().energy, None);
    }
}
