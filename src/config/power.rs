//! `[power]`: when the trap stands watch, and what it gives up as the battery falls, as written and checked.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::check::Ranges;

/// As written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// Windows of watch; empty: always.
    pub hours: Vec<String>,
    /// Windows while the battery is low; empty: the same.
    pub low_hours: Vec<String>,
    /// Percent.
    pub low: i64,
    /// Percent.
    pub critical: i64,
    /// Percent above a threshold at which it is left again.
    pub rise: i64,
    /// Minutes that a threshold must be passed for.
    pub settle_min: i64,
    /// What is given up at low.
    pub shed: Vec<Shed>,
    /// Hours of a sleep at critical.
    pub critical_sleep_h: i64,
    /// Hours of the longest sleep.
    pub sleep_most_h: i64,
    /// Minutes below which a sleep is not worth it.
    pub sleep_least_min: i64,
    /// Minutes awake after every start.
    pub grace_min: i64,
    /// Seconds that the machine wakes before the watch.
    pub wake_early_s: i64,
    /// Seconds that `run --once` waits for its messages.
    pub once_send_s: i64,
}

impl Default for Raw {
    fn default() -> Self {
        Raw {
            hours: Vec::new(),
            low_hours: Vec::new(),
            // A third and a tenth of the charge: weeks and days of a trap that lasts months.
            low: 30,
            critical: 10,
            rise: 10,
            settle_min: 10,
            shed: vec![Shed::Uplink, Shed::Judge],
            critical_sleep_h: 12,
            // An alarm that fails costs a day at most.
            sleep_most_h: 24,
            // A start costs a minute at full power: less than a quarter of an hour asleep saves next to nothing.
            sleep_least_min: 15,
            // So long somebody who stands at the trap finds it awake.
            grace_min: 5,
            // A computer that was off has to start first; how long it takes is the board's (docs/power.md).
            wake_early_s: 90,
            // A LoRaWAN join and one uplink with its two windows take some 20 s (facts of the modems).
            once_send_s: 60,
        }
    }
}

/// What a trap can give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shed {
    /// Messages wait.
    Uplink,
    /// Bursts are kept unjudged.
    Judge,
}

/// One end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Minutes after midnight UTC.
    Clock(u16),
    /// Minutes after (negative: before) sunrise.
    Sunrise(i16),
    /// Minutes after (negative: before) sunset.
    Sunset(i16),
}

/// A window of watch that comes every day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its begin.
    pub from: Edge,
    /// Its end, the next one after its begin.
    pub until: Edge,
}

impl Window {
    /// Whether it needs to know where the trap stands.
    pub fn by_the_sun(&self) -> bool {
        !matches!((self.from, self.until), (Edge::Clock(_), Edge::Clock(_)))
    }
}

impl FromStr for Edge {
    type Err = ();

    fn from_str(text: &str) -> Result<Edge, ()> {
        let text = text.trim();
        for (name, edge) in [("sunrise", Edge::Sunrise as fn(i16) -> Edge), ("sunset", Edge::Sunset)] {
            if let Some(offset) = text.strip_prefix(name) {
                let signed = offset.starts_with(['+', '-']) || offset.is_empty();
                let minutes: i16 = if offset.is_empty() { 0 } else { offset.parse().map_err(drop)? };
                return if signed && (-720..=720).contains(&minutes) { Ok(edge(minutes)) } else { Err(()) };
            }
        }
        let (hours, minutes) = text.split_once(':').ok_or(())?;
        let number = |digits: &str, below: u16| {
            let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse().ok().filter(|n: &u16| plain && *n < below)
        };
        Ok(Edge::Clock(60 * number(hours, 24).ok_or(())? + number(minutes, 60).ok_or(())?))
    }
}

impl FromStr for Window {
    type Err = ();

    fn from_str(text: &str) -> Result<Window, ()> {
        let (from, until) = text.split_once("..").ok_or(())?;
        let window = Window { from: from.parse()?, until: until.parse()? };
        if window.from == window.until { Err(()) } else { Ok(window) }
    }
}

/// Checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Power {
    /// Windows of watch; empty: always.
    pub hours: Vec<Window>,
    /// Windows while the battery is low; empty: as `hours`.
    pub low_hours: Vec<Window>,
    /// Below this many percent the battery is low, 0..=100; 0: it never is.
    pub low: u8,
    /// Below this many percent it is critical, less than `low`; 0: it never is.
    pub critical: u8,
    /// So many percent above a threshold it is left again, 1..=50.
    pub rise: u8,
    /// So long a threshold must be passed.
    pub settle: Duration,
    /// At low, messages wait.
    pub shed_uplink: bool,
    /// At low, bursts are kept unjudged.
    pub shed_judge: bool,
    /// Length of a sleep at critical.
    pub critical_sleep: Duration,
    /// Longest sleep.
    pub longest: Duration,
    /// Shortest sleep.
    pub shortest: Duration,
    /// Awake for so long after a start in any case.
    pub grace: Duration,
    /// So much earlier than the watch the machine wakes.
    pub early: Duration,
    /// A run for one burst waits so long for its messages to leave.
    pub once_send: Duration,
}

impl Default for Power {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Power {
            hours: Vec::new(),
            low_hours: Vec::new(),
            low: 30,
            critical: 10,
            rise: 10,
            settle: minutes(10),
            shed_uplink: true,
            shed_judge: true,
            critical_sleep: minutes(12 * 60),
            longest: minutes(24 * 60),
            shortest: minutes(15),
            grace: minutes(5),
            early: Duration::from_secs(90),
            once_send: Duration::from_secs(60),
        }
    }
}

pub(super) fn check(raw: Raw, placed: bool, ranges: &Ranges<'_>) -> Result<Power, ConfigError> {
    let percent = |key, value, least: u32, most: u32| {
        ranges.whole(key, value, least..=most).map(|n| u8::try_from(n).unwrap_or(100))
    };
    let time = |key, value, range, seconds: u64| {
        ranges.whole(key, value, range).map(|n| Duration::from_secs(seconds * u64::from(n)))
    };
    let low = percent("power.low", raw.low, 0, 100)?;
    let critical = percent("power.critical", raw.critical, 0, 100)?;
    if critical > 0 && critical >= low {
        return ranges.refuse("power.critical", critical, &format!("0, or less than power.low, {low}"));
    }
    Ok(Power {
        hours: windows("power.hours", &raw.hours, placed, ranges)?,
        low_hours: windows("power.low_hours", &raw.low_hours, placed, ranges)?,
        low,
        critical,
        rise: percent("power.rise", raw.rise, 1, 50)?,
        settle: time("power.settle_min", raw.settle_min, 0..=1440, 60)?,
        shed_uplink: raw.shed.contains(&Shed::Uplink),
        shed_judge: raw.shed.contains(&Shed::Judge),
        critical_sleep: time("power.critical_sleep_h", raw.critical_sleep_h, 1..=168, 3600)?,
        longest: time("power.sleep_most_h", raw.sleep_most_h, 1..=168, 3600)?,
        shortest: time("power.sleep_least_min", raw.sleep_least_min, 2..=1440, 60)?,
        grace: time("power.grace_min", raw.grace_min, 1..=60, 60)?,
        early: time("power.wake_early_s", raw.wake_early_s, 0..=3600, 1)?,
        once_send: time("power.once_send_s", raw.once_send_s, 0..=600, 1)?,
    })
}

fn windows(
    key: &str,
    given: &[String],
    placed: bool,
    ranges: &Ranges<'_>,
) -> Result<Vec<Window>, ConfigError> {
    given
        .iter()
        .map(|text| {
            let shown = format!("\"{text}\"");
            let Ok(window) = text.parse::<Window>() else {
                let allowed = "FROM..UNTIL, each HH:MM in UTC, sunrise or sunset, with minutes: \"sunset-30..sunrise+30\"";
                return ranges.refuse(key, shown, allowed);
            };
            if window.by_the_sun() && !placed {
                let allowed = "times in UTC only, as long as site.latitude and site.longitude are not known; or \
                               site.receiver = true, where the board has a satellite receiver";
                return ranges.refuse(key, shown, allowed);
            }
            Ok(window)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    fn parse(text: &str) -> Result<Power, String> {
        let text = format!("[site]\nlatitude = 46.5\nlongitude = 25.3\n[power]\n{text}");
        Config::parse(&text, "site.toml", Path::new("")).map(|c| c.power).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_written_by_default_is_the_default() {
        assert_eq!(parse("").unwrap(), Power::default());
    }

    #[test]
    fn windows_are_times_or_the_suns() {
        let power = parse("hours = ['sunset-30..sunrise+45', '12:00..13:30']").unwrap();
        let night = Window { from: Edge::Sunset(-30), until: Edge::Sunrise(45) };
        assert_eq!(power.hours, [night, Window { from: Edge::Clock(720), until: Edge::Clock(810) }]);
        for wrong in
            ["24:00..01:00", "sunset30..sunrise", "sunset", "6:00..7:00", "08:00..08:00", "sunset+900..06:00"]
        {
            let said = parse(&format!("hours = ['{wrong}']")).unwrap_err();
            assert!(
                said.starts_with(&format!("site.toml: key `power.hours` is \"{wrong}\"; allowed")),
                "{said}"
            );
        }
        let nowhere =
            Config::parse("[power]\nlow_hours = ['sunset..23:00']", "s", Path::new("")).unwrap_err();
        assert!(nowhere.to_string().contains("site.latitude"), "{nowhere}");
        let found = "[site]\nreceiver = true\n[power]\nlow_hours = ['sunset..23:00']";
        assert!(Config::parse(found, "s", Path::new("")).is_ok(), "a receiver will say where it stands");
    }

    #[test]
    fn thresholds_stand_in_order() {
        assert!(parse("critical = 30").unwrap_err().contains("less than power.low, 30"));
        assert!(parse("low = 0\ncritical = 0").is_ok());
        assert!(parse("shed = ['camera']").unwrap_err().contains("uplink, judge"));
    }
}
