//! `[[alert]]`: what must not wait, checked.

use std::collections::BTreeSet;
use std::time::Duration;

use super::check::Ranges;
use super::sending::Carrier;
use super::{ConfigError, raw};
use crate::units::Score;

/// Most rules a site may have: a rule's place travels in one byte of a command, and a list that long is a mistake.
const RULES_MAX: usize = 64;

/// Longest name of a rule, in characters: it stands in every message of an alert.
const NAME_MAX: usize = 40;

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Any animal: `animal`.
    Animal,
    /// People: `person`.
    Person,
    /// Vehicles: `vehicle`.
    Vehicle,
    /// This taxon and those below it, by scientific name.
    Taxon(String),
}

/// When a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hours {
    /// Always: `any`.
    Any,
    /// From sunset to sunrise: `night`.
    Night,
    /// From sunrise to sunset: `day`.
    Day,
    /// From one minute of the UTC day up to another, over midnight where `to` is the smaller: `22:00-05:30`.
    Between {
        /// First minute, 0..1440.
        from: u16,
        /// First minute after, 0..1440, never `from`.
        to: u16,
    },
}

/// A rule that turns a sighting into an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Unique, 1 to 40 characters.
    pub name: String,
    /// What it is about; any of these.
    pub species: Vec<Subject>,
    /// Only this individual, known by the gallery; `None`: whoever it is.
    pub individual: Option<String>,
    /// Least score of the taxon.
    pub score: Score,
    /// Least frames of the burst that show it, 1..=20.
    pub frames: usize,
    /// Least bursts with the same taxon, this one among them, 1..=20.
    pub bursts: usize,
    /// How long those bursts may take, 1 min to 1 day.
    pub within: Duration,
    /// When it counts.
    pub hours: Hours,
    /// Silence after an alert, per species, 0 to 7 days.
    pub cooldown: Duration,
    /// At most one alert per species and UTC day.
    pub first_of_day: bool,
    /// What may carry it; empty: any uplink.
    pub uplinks: Vec<Carrier>,
    /// Whether a small picture follows it.
    pub picture: bool,
    /// Whether the rule counts at all.
    pub on: bool,
}

/// Checks all rules. `placed`: the site's place is known or will be; `used` are the uplinks it sends by.
pub(super) fn check(
    raw: Vec<raw::Alert>,
    placed: bool,
    used: &[Carrier],
    ranges: &Ranges<'_>,
) -> Result<Vec<Alert>, ConfigError> {
    if raw.len() > RULES_MAX {
        return ranges.refuse("alert", format!("{} rules", raw.len()), &format!("at most {RULES_MAX}"));
    }
    let mut names = BTreeSet::new();
    for rule in &raw {
        if rule.name.trim().is_empty() || rule.name.chars().count() > NAME_MAX {
            let allowed = format!("1 to {NAME_MAX} characters");
            return ranges.refuse("alert.name", format!("\"{}\"", rule.name), &allowed);
        }
        if !names.insert(&rule.name) {
            return ranges.refuse("alert.name", format!("\"{}\" twice", rule.name), "a name for each rule");
        }
    }
    raw.into_iter().map(|rule| one(rule, placed, used, ranges)).collect()
}

fn one(raw: raw::Alert, placed: bool, used: &[Carrier], ranges: &Ranges<'_>) -> Result<Alert, ConfigError> {
    let minutes = |key, value, range| {
        Ok(Duration::from_secs(u64::from(ranges.whole(key, value, range)?) * 60)) as Result<_, ConfigError>
    };
    let among = |what: &str| format!("{what} in the rule \"{}\"", raw.name);
    if raw.individual.as_ref().is_some_and(|name| name.trim().is_empty()) {
        let allowed = "the name of an individual of the gallery, or leave the key out";
        return ranges.refuse("alert.individual", among("empty"), allowed);
    }
    if (raw.species.is_empty() && raw.individual.is_none())
        || raw.species.iter().any(|name| name.trim().is_empty())
    {
        let allowed = "scientific names of any rank, \"animal\", \"person\", \"vehicle\"; at least one";
        return ranges.refuse("alert.species", among("empty"), allowed);
    }
    if let Some(stray) = raw.uplinks.iter().find(|uplink| !used.contains(uplink)) {
        let used: Vec<_> = used.iter().map(|uplink| uplink.as_str()).collect();
        let allowed = match used.is_empty() {
            true => "nothing: `sending.uplinks` is empty".to_owned(),
            false => format!("those of `sending.uplinks`: {}", used.join(", ")),
        };
        return ranges.refuse("alert.uplinks", among(&format!("\"{}\"", stray.as_str())), &allowed);
    }
    let hours = match hours(&raw.hours) {
        Some(Hours::Night | Hours::Day) if !placed => {
            let value = format!("{} of a site without coordinates", among(&format!("\"{}\"", raw.hours)));
            let allowed = "\"any\" or \"22:00-05:30\" (UTC), or give `site.latitude` and `site.longitude`, or \
                           `site.receiver = true` where the board has a satellite receiver";
            return ranges.refuse("alert.hours", value, allowed);
        }
        Some(hours) => hours,
        None => {
            let allowed = "\"any\", \"night\", \"day\" or two times in UTC such as \"22:00-05:30\"";
            return ranges.refuse("alert.hours", among(&format!("\"{}\"", raw.hours)), allowed);
        }
    };
    // An individual is of one species anyway.
    let any = raw.species.is_empty().then_some(Subject::Animal);
    Ok(Alert {
        species: raw.species.iter().map(|name| subject(name.trim())).chain(any).collect(),
        individual: raw.individual.map(|name| name.trim().to_owned()),
        score: ranges.score("alert.score", raw.score)?,
        frames: ranges.whole("alert.frames", raw.frames, 1..=20)? as usize,
        bursts: ranges.whole("alert.bursts", raw.bursts, 1..=20)? as usize,
        within: minutes("alert.within_min", raw.within_min, 1..=1440)?,
        hours,
        cooldown: minutes("alert.cooldown_min", raw.cooldown_min, 0..=10_080)?,
        first_of_day: raw.first_of_day,
        uplinks: raw.uplinks,
        picture: raw.picture,
        on: raw.on,
        name: raw.name,
    })
}

/// People and the kingdom have words of their own, so that one thing is not asked for in two ways.
fn subject(name: &str) -> Subject {
    match name {
        "animal" | "Animalia" => Subject::Animal,
        "person" | "Homo sapiens" => Subject::Person,
        "vehicle" => Subject::Vehicle,
        _ => Subject::Taxon(name.to_owned()),
    }
}

fn hours(text: &str) -> Option<Hours> {
    match text {
        "any" => Some(Hours::Any),
        "night" => Some(Hours::Night),
        "day" => Some(Hours::Day),
        _ => {
            let (from, to) = text.split_once('-')?;
            let (from, to) = (minute(from.trim())?, minute(to.trim())?);
            (from != to).then_some(Hours::Between { from, to })
        }
    }
}

/// `05:30` as minutes of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    fn parse(text: &str) -> Result<Vec<Alert>, String> {
        Config::parse(text, "site.toml", Path::new("")).map(|c| c.alerts).map_err(|e| e.to_string())
    }

    fn refused(keys: &str) -> String {
        parse(&format!("[[alert]]\nname = 'w'\nspecies = ['Canis lupus']\n{keys}")).unwrap_err()
    }

    #[test]
    fn a_name_and_a_species_are_enough() {
        let rules = parse("[[alert]]\nname = 'w'\nspecies = ['Canis lupus', 'person', 'Animalia']").unwrap();
        let rule = &rules[0];
        let taxon = Subject::Taxon("Canis lupus".into());
        assert_eq!(rule.species, [taxon, Subject::Person, Subject::Animal]);
        assert_eq!((rule.frames, rule.bursts, rule.hours, rule.on), (1, 1, Hours::Any, true));
        assert_eq!(rule.cooldown, Duration::from_secs(1800));
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn an_individual_is_enough_too() {
        let rules = parse("[[alert]]\nname = 'w'\nindividual = 'Luchs-07'").unwrap();
        assert_eq!(rules[0].species, [Subject::Animal]);
        assert_eq!(rules[0].individual.as_deref(), Some("Luchs-07"));
        assert!(refused("individual = ' '").contains("`alert.individual` is empty in the rule \"w\""));
        assert!(refused("individuals = ['x']").contains("did you mean `individual`"));
    }

    #[test]
    fn a_rule_about_nothing_or_without_its_own_name_is_refused() {
        assert!(parse("[[alert]]\nname = 'w'").unwrap_err().contains("`alert.species`"));
        assert!(parse("[[alert]]\nspecies = ['person']").unwrap_err().contains("1 to 40 characters"));
        let one = "[[alert]]\nname = 'w'\nspecies = ['person']\n";
        let said = parse(&format!("{one}{one}")).unwrap_err();
        assert_eq!(said, "site.toml: key `alert.name` is \"w\" twice; allowed: a name for each rule");
    }

    #[test]
    fn numbers_have_their_ranges() {
        assert_eq!(refused("frames = 0"), "site.toml: key `alert.frames` is 0; allowed: 1 to 20");
        assert!(refused("bursts = 21").contains("1 to 20"));
        assert!(refused("within_min = 0").contains("1 to 1440"));
        assert!(refused("cooldown_min = -1").contains("0 to 10080"));
        assert!(refused("score = 1.2").contains("0 to 1"));
        assert!(refused("cooldown = 1").contains("did you mean `cooldown_min`"));
    }

    #[test]
    fn the_sun_needs_coordinates() {
        let said = refused("hours = 'night'");
        assert!(said.starts_with("site.toml: key `alert.hours` is \"night\" in the rule \"w\""), "{said}");
        assert!(said.contains("`site.latitude`"), "{said}");
        let placed = "[site]\nlatitude = 46.5\nlongitude = 25.3\n[[alert]]\nname = 'w'\nspecies = ['x']\n";
        assert_eq!(parse(&format!("{placed}hours = 'night'")).unwrap()[0].hours, Hours::Night);
    }

    #[test]
    fn times_of_the_day() {
        assert_eq!(hours("22:00-05:30"), Some(Hours::Between { from: 1320, to: 330 }));
        assert_eq!(hours("00:00 - 23:59"), Some(Hours::Between { from: 0, to: 1439 }));
        for wrong in
            ["", "-", "5:30-6:00", "24:00-01:00", "10:60-11:00", "10:00", "+1:00-02:00", "08:00-08:00"]
        {
            assert_eq!(hours(wrong), None, "{wrong}");
        }
        assert!(refused("hours = 'dusk'").contains("\"22:00-05:30\""));
    }

    #[test]
    fn an_alert_needs_an_uplink_that_is_used() {
        let said = refused("uplinks = ['mqtt']");
        assert!(said.contains("\"mqtt\" in the rule \"w\"") && said.contains("directory"), "{said}");
        assert!(refused("uplinks = ['pigeon']").contains("directory, lorawan, mqtt"));
    }
}
