//! From the configuration as written to the checked one: ranges, units, paths.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::raw::{self, Raw};
use super::{
    Burst, Config, ConfigError, EffortChoice, EngineChoice, Journal, KeepPeople, KeepSightings, Models,
    ProviderChoice, Retention, SecondHead, Site, Species, Strip, Thresholds, alerts, bundles, console, power,
    sending, watchdog,
};
use crate::deployment::{Setup, SetupError};
use crate::units::Score;

/// Bytes in a megabyte, as cards are sold.
const MB: u64 = 1_000_000;

/// Checks everything; the first value outside its range is the error.
pub(super) fn check(raw: Raw, file: &str, folder: &Path) -> Result<Config, ConfigError> {
    let ranges = Ranges { file };
    let site = ranges.site(raw.site)?;
    let placed = site.coordinates.is_some() || site.receiver;
    let out = raw::Out {
        sending: raw.sending,
        directory: raw.directory,
        lorawan: raw.lorawan,
        mqtt: raw.mqtt,
        webhook: raw.webhook,
        satellite: raw.satellite,
        commands: raw.commands,
    };
    let out = sending::check(out, &site.name, &ranges, folder)?;
    Ok(Config {
        alerts: alerts::check(raw.alert, placed, &out.sending.uplinks, &ranges)?,
        power: power::check(raw.power, placed, &ranges)?,
        out,
        site,
        board: raw.board,
        burst: ranges.burst(raw.burst)?,
        models: ranges.models(raw.models, raw.individuals, folder)?,
        thresholds: ranges.thresholds(raw.thresholds)?,
        species: Species { allow: raw.species.allow, block: raw.species.block },
        strip: ranges.strip(raw.strip)?,
        journal: Journal { path: folder.join(raw.journal.path), media: folder.join(raw.journal.media) },
        retention: ranges.retention(raw.retention)?,
        console: console::check(raw.console, &ranges)?,
        bundles: bundles::check(raw.bundles, &ranges, folder)?,
        watchdog: watchdog::check(&raw.watchdog, &ranges)?,
    })
}

/// The defaults of [`Raw`], written out as they are once checked; a test keeps the two the same.
pub(super) fn defaults() -> Config {
    Config {
        site: Site {
            name: "trap".to_owned(),
            location: String::new(),
            coordinates: None,
            receiver: false,
            setup: Setup::default(),
        },
        board: "bench".to_owned(),
        burst: Burst { frames: 3, interval: Duration::from_secs(1), gap: Duration::from_secs(20) },
        models: Models {
            manifests: Vec::new(),
            ensemble: None,
            seconds: Vec::new(),
            engine: EngineChoice::Auto,
            onnxruntime: None,
            provider: ProviderChoice::Cpu,
            threads: 0,
            effort: EffortChoice::default(),
            look: None,
            frugal_below_mv: 0,
            gallery: None,
        },
        thresholds: Thresholds::default(),
        species: Species::default(),
        strip: Strip { find: true, top: 0.0, bottom: 0.0 },
        journal: Journal { path: "trapline.db".into(), media: "media".into() },
        retention: Retention {
            empties_one_in: None,
            sightings: KeepSightings::Best,
            people: KeepPeople::Count,
            budget: None,
            floor: 200 * MB,
            rare_below: 10,
            keep_unsent: true,
        },
        out: sending::defaults(),
        alerts: Vec::new(),
        console: console::defaults(),
        bundles: bundles::defaults(),
        watchdog: watchdog::defaults(),
        power: power::Power::default(),
    }
}

/// Says no with the file's name.
pub(super) struct Ranges<'a> {
    file: &'a str,
}

impl Ranges<'_> {
    pub(super) fn refuse<T>(&self, key: &str, value: impl Display, allowed: &str) -> Result<T, ConfigError> {
        let (file, key) = (self.file.to_owned(), key.to_owned());
        let (value, allowed) = (value.to_string(), allowed.to_owned());
        Err(ConfigError::Range { file, key, value, allowed })
    }

    /// A whole number within `range`.
    pub(super) fn whole(
        &self,
        key: &'static str,
        value: i64,
        range: RangeInclusive<u32>,
    ) -> Result<u32, ConfigError> {
        match u32::try_from(value) {
            Ok(v) if range.contains(&v) => Ok(v),
            _ => self.refuse(key, value, &format!("{} to {}", range.start(), range.end())),
        }
    }

    /// A number within `range`; NaN never is.
    fn number(&self, key: &'static str, value: f64, range: RangeInclusive<f64>) -> Result<f64, ConfigError> {
        if range.contains(&value) {
            return Ok(value);
        }
        self.refuse(key, value, &format!("{} to {}", range.start(), range.end()))
    }

    /// A probability, 0 to 1.
    pub(super) fn score(&self, key: &'static str, value: f64) -> Result<Score, ConfigError> {
        Ok(Score::new(self.number(key, value, 0.0..=1.0)? as f32))
    }

    fn optional_score(&self, key: &'static str, value: Option<f64>) -> Result<Option<Score>, ConfigError> {
        value.map(|v| self.score(key, v)).transpose()
    }

    fn site(&self, site: raw::Site) -> Result<Site, ConfigError> {
        if site.name.trim().is_empty() || site.name.chars().count() > 64 {
            return self.refuse("site.name", format!("\"{}\"", site.name), "1 to 64 characters");
        }
        let coordinates = match (site.latitude, site.longitude) {
            (Some(north), Some(east)) => Some((
                self.number("site.latitude", north, -90.0..=90.0)?,
                self.number("site.longitude", east, -180.0..=180.0)?,
            )),
            (None, None) => None,
            _ => return self.refuse("site.latitude", "alone", "latitude and longitude, both or neither"),
        };
        let setup = Setup {
            location_id: site.location_id,
            location_name: (!site.location.is_empty()).then(|| site.location.clone()),
            latitude: site.latitude,
            longitude: site.longitude,
            coordinate_uncertainty_m: site.coordinate_uncertainty_m,
            setup_by: site.setup_by,
            camera_id: site.camera_id,
            camera_model: site.camera_model,
            height_m: site.height_m,
            tilt_deg: site.tilt_deg,
            heading_deg: site.heading_deg,
            detection_distance_m: site.detection_distance_m,
            bait: site.bait,
            feature: site.feature,
            habitat: site.habitat,
            groups: site.groups,
            tags: site.tags,
            comments: site.comments,
        };
        match setup.check() {
            Ok(()) => {
                let (name, location, receiver) = (site.name, site.location, site.receiver);
                Ok(Site { name, location, coordinates, receiver, setup })
            }
            Err(SetupError { key, value, allowed }) => self.refuse(&format!("site.{key}"), value, allowed),
        }
    }

    fn burst(&self, burst: raw::Burst) -> Result<Burst, ConfigError> {
        Ok(Burst {
            frames: self.whole("burst.frames", burst.frames, 1..=20)? as usize,
            interval: Duration::from_millis(
                self.whole("burst.interval_ms", burst.interval_ms, 0..=60_000)?.into(),
            ),
            gap: Duration::from_secs(self.whole("burst.gap_s", burst.gap_s, 0..=86_400)?.into()),
        })
    }

    fn models(
        &self,
        models: raw::Models,
        individuals: raw::Individuals,
        folder: &Path,
    ) -> Result<Models, ConfigError> {
        if individuals.gallery.as_ref().is_some_and(|file| file.trim().is_empty()) {
            return self.refuse("individuals.gallery", "empty", "a gallery's file, or leave the key out");
        }
        let second = |second: raw::SecondHead| -> Result<SecondHead, ConfigError> {
            let temperature = second.temperature;
            let within = |t: f64| self.number("models.second.temperature", t, 0.01..=100.0);
            Ok(SecondHead {
                on: second.on,
                model: folder.join(second.model),
                threshold: self.score("models.second.threshold", second.threshold)?,
                temperature: temperature.map(within).transpose()?.map(|t| t as f32),
            })
        };
        Ok(Models {
            manifests: models.manifests.iter().map(|m| folder.join(m)).collect(),
            ensemble: models.ensemble,
            seconds: models.second.into_iter().map(second).collect::<Result<_, _>>()?,
            engine: models.engine,
            onnxruntime: models.onnxruntime.map(|path| folder.join(path)),
            provider: models.provider,
            threads: self.whole("models.threads", models.threads, 0..=64)? as usize,
            effort: models.effort,
            look: models.look,
            frugal_below_mv: self.whole("models.frugal_below_mv", models.frugal_below_mv, 0..=65_535)? as u16,
            gallery: individuals.gallery.map(|file| folder.join(file)),
        })
    }

    fn thresholds(&self, given: raw::Thresholds) -> Result<Thresholds, ConfigError> {
        let empty = self.optional_score("thresholds.empty", given.empty)?;
        let sighting = self.optional_score("thresholds.sighting", given.sighting)?;
        if let (Some(e), Some(s)) = (empty, sighting)
            && e > s
        {
            let allowed = format!("0 to {}, the sighting threshold", s.get());
            return self.refuse("thresholds.empty", e.get(), &allowed);
        }
        let per_species = given.per_species.into_iter();
        Ok(Thresholds {
            empty,
            sighting,
            species: self.optional_score("thresholds.species", given.species)?,
            per_species: per_species
                .map(|(name, v)| Ok((name, self.score("thresholds.per_species", v)?)))
                .collect::<Result<_, ConfigError>>()?,
        })
    }

    fn strip(&self, strip: raw::Strip) -> Result<Strip, ConfigError> {
        Ok(Strip {
            find: strip.find,
            top: self.number("strip.top", strip.top, 0.0..=0.5)? as f32,
            bottom: self.number("strip.bottom", strip.bottom, 0.0..=0.5)? as f32,
        })
    }

    fn retention(&self, kept: raw::Retention) -> Result<Retention, ConfigError> {
        let one_in = self.whole("retention.empties_one_in", kept.empties_one_in, 0..=1_000_000)?;
        let budget = self.whole("retention.budget_mb", kept.budget_mb, 0..=100_000_000)?;
        let floor = self.whole("retention.floor_mb", kept.floor_mb, 0..=100_000_000)?;
        Ok(Retention {
            empties_one_in: (one_in > 0).then_some(one_in),
            sightings: kept.sightings,
            people: kept.people,
            budget: (budget > 0).then_some(u64::from(budget) * MB),
            floor: u64::from(floor) * MB,
            rare_below: self.whole("retention.rare_below", kept.rare_below, 0..=1_000_000)?,
            keep_unsent: kept.keep_unsent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Config::parse(text, "site.toml", Path::new("")).unwrap_err().to_string()
    }

    #[test]
    fn the_annotated_example_shows_every_key_with_its_default() {
        let text = include_str!("../../cross/trapline.toml");
        let example = Config::parse(text, "cross/trapline.toml", Path::new("")).unwrap();
        assert_eq!(example, Config::default());
        assert_eq!(Config::parse("", "empty.toml", Path::new("")).unwrap(), Config::default());
        for key in EVERY_KEY {
            let shown = |line: &str| {
                line.trim_start_matches("# ").split_once('=').is_some_and(|(k, _)| k.trim() == *key)
            };
            assert!(text.lines().any(shown), "cross/trapline.toml does not show `{key}`");
        }
    }

    /// Written by hand: a key added to `Raw` and not here is caught by the allowed lists below.
    const EVERY_KEY: &[&str] = &[
        "board",
        "name",
        "ensemble",
        "look",
        "location",
        "latitude",
        "longitude",
        "receiver",
        "coordinate_uncertainty_m",
        "location_id",
        "setup_by",
        "camera_id",
        "camera_model",
        "height_m",
        "tilt_deg",
        "heading_deg",
        "detection_distance_m",
        "bait",
        "feature",
        "habitat",
        "groups",
        "tags",
        "comments",
        "frames",
        "interval_ms",
        "gap_s",
        "manifests",
        "engine",
        "onnxruntime",
        "provider",
        "threads",
        "effort",
        "frugal_below_mv",
        "gallery",
        "individual",
        "empty",
        "sighting",
        "species",
        "\"Lynx lynx\"",
        "allow",
        "block",
        "find",
        "top",
        "bottom",
        "path",
        "media",
        "empties_one_in",
        "sightings",
        "people",
        "budget_mb",
        "floor_mb",
        "rare_below",
        "keep_unsent",
        "keys",
        "folder",
        "inbox",
        "max_mb",
        "good_after_bursts",
        "good_after_min",
        "starts",
        "device",
        "uplinks",
        "health_hours",
        "digest",
        "expire_days",
        "gather_min",
        "singly_per_day",
        "modem",
        "port",
        "region",
        "sub_band",
        "dev_eui",
        "join_eui",
        "app_key",
        "adr",
        "data_rate",
        "dwell",
        "up_s_per_day",
        "down_per_day",
        "reset_line",
        "power_line",
        "interface",
        "off_after_min",
        "confirm_alerts",
        "broker",
        "version",
        "user",
        "password",
        "ca",
        "certificate",
        "key",
        "prefix",
        "apn",
        "home_assistant",
        "url",
        "token",
        "score",
        "bursts",
        "within_min",
        "hours",
        "cooldown_min",
        "first_of_day",
        "picture",
        "on",
        "minutes",
        "listen",
        "hosts",
        "power_off",
        "reboot",
        "pipeline_s",
        "sender_s",
        "low_hours",
        "low",
        "critical",
        "rise",
        "settle_min",
        "shed",
        "critical_sleep_h",
        "sleep_most_h",
        "sleep_least_min",
        "grace_min",
        "wake_early_s",
        "once_send_s",
    ];

    #[test]
    fn the_allowed_lists_are_those_of_the_example() {
        let sections = [
            "site",
            "burst",
            "models",
            "individuals",
            "thresholds",
            "species",
            "strip",
            "journal",
            "retention",
            "sending",
            "directory",
            "lorawan",
            "mqtt",
            "webhook",
            "satellite",
            "commands",
            "[alert]",
            "console",
            "watchdog",
            "power",
        ];
        for section in sections {
            let said = refused(&format!("[{section}]\nno_such_key = 1"));
            let (_, allowed) = said.split_once("allowed here: ").unwrap();
            for key in allowed.split(", ").filter(|k| !["per_species", "second"].contains(k)) {
                assert!(EVERY_KEY.contains(&key), "`{section}.{key}` is not in EVERY_KEY");
            }
        }
    }

    #[test]
    fn values_out_of_range_are_refused_by_file_key_and_range() {
        assert_eq!(refused("[burst]\nframes = 0"), "site.toml: key `burst.frames` is 0; allowed: 1 to 20");
        assert_eq!(
            refused("[thresholds]\nspecies = 1.5"),
            "site.toml: key `thresholds.species` is 1.5; allowed: 0 to 1"
        );
        assert_eq!(
            refused("[thresholds]\nempty = 0.9\nsighting = 0.5"),
            "site.toml: key `thresholds.empty` is 0.9; allowed: 0 to 0.5, the sighting threshold"
        );
        assert!(refused("[site]\nlatitude = 5").contains("both or neither"));
        assert!(refused("[site]\nlatitude = nan\nlongitude = 0").contains("-90 to 90"));
        assert!(refused("[retention]\nfloor_mb = -1").contains("0 to 100000000"));
        assert!(refused("[strip]\nbottom = 0.6").contains("0 to 0.5"));
        let head = "[[models.second]]\non = 'Aves'\nmodel = 'birds'\n";
        assert!(
            refused(&format!("{head}threshold = 2"))
                .contains("`models.second.threshold` is 2; allowed: 0 to 1")
        );
        assert!(refused(&format!("{head}temperature = 0")).contains("`models.second.temperature` is 0"));
        assert!(refused(&format!("{head}when = 1")).contains("when"));
        assert!(refused("[individuals]\ngallery = ' '").contains("`individuals.gallery` is empty"));
        assert!(refused("[individuals]\ngalery = 'x'").contains("did you mean `gallery`"));
        assert!(refused("[models]\nlook = ['close']").contains("close"));
        assert!(refused("[models]\nensemble = 'median'").contains("median"));
        assert!(refused("[site]\nname = ' '").contains("1 to 64 characters"));
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest() {
        assert_eq!(
            refused("[burst]\nframe = 3"),
            "site.toml: unknown key `burst.frame` (did you mean `frames`?); \
             allowed here: frames, interval_ms, gap_s"
        );
        assert!(refused("[bursts]").contains("did you mean `burst`?"));
        assert!(refused("[models]\nengine = \"trakt\"").contains("did you mean \"tract\"?"));
    }

    #[test]
    fn paths_start_at_the_files_folder() {
        let text = "[models]\nmanifests = ['m/d']\n[journal]\npath = '/var/j.db'";
        let config = Config::parse(text, "f", Path::new("etc")).unwrap();
        assert_eq!(config.models.manifests, [Path::new("etc/m/d")]);
        assert_eq!(config.journal.path, Path::new("/var/j.db"));
        assert_eq!(config.journal.media, Path::new("etc/media"));
    }
}
