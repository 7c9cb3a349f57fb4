//! Which sightings are alerts, by the site's rules. Pure: what it needs of the past it keeps itself, and the caller
//! keeps that over restarts.

pub(super) mod hours;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::sender::{Alert, Watch};
use crate::config::alerts::{Alert as Rule, Subject};
use crate::event::Outcome;
use crate::hal::Place;
use crate::store::record::{Observation, Stored};

/// Why a rule about this very species did not fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// The rule is switched off.
    Off,
    /// The score is below the rule's.
    Score,
    /// Too few frames show it.
    Frames,
    /// Too few bursts with it so far.
    Bursts,
    /// Not in the rule's hours.
    Hours,
    /// An alert of the same rule and species was not long ago.
    Cooldown,
    /// Not the first of the day.
    NotFirst,
}

impl Held {
    /// Words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Held::Off => "rule off",
            Held::Score => "score too low",
            Held::Frames => "too few frames",
            Held::Bursts => "too few bursts",
            Held::Hours => "outside its hours",
            Held::Cooldown => "cooling down",
            Held::NotFirst => "not the first of the day",
        }
    }
}

/// What the rules say of one observation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The first rule that fired.
    pub alert: Option<Alert>,
    /// Rules about this species that did not, and why: the first clause that failed.
    pub held: Vec<(String, Held)>,
}

/// What a rule remembers of one species.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Past {
    /// Bursts with it, within the rule's time.
    bursts: Vec<DateTime<Utc>>,
    /// The last alert.
    alerted: Option<DateTime<Utc>>,
}

/// By the rule's name and the species: a rule that moved in the file keeps its past.
type Memory = BTreeMap<String, BTreeMap<String, Past>>;

/// The ancestors of a taxon.
pub type Lineage = Box<dyn Fn(&str) -> Vec<String> + Send>;

/// The rules of a site, at work.
pub struct Rules {
    rules: Vec<Rule>,
    switched: Vec<Option<bool>>,
    place: Place,
    lineage: Lineage,
    memory: Memory,
}

impl Rules {
    /// The rules of a site at `place`, which may become known later. `lineage` gives the scientific names of a taxon's
    /// ancestors; a rule for `Canidae` then holds for a wolf.
    pub fn new(rules: Vec<Rule>, place: impl Into<Place>, lineage: Lineage) -> Rules {
        let switched = vec![None; rules.len()];
        Rules { rules, switched, place: place.into(), lineage, memory: Memory::new() }
    }

    /// Judges observation `index` of a burst and remembers it. A burst without that observation gives no alert.
    pub fn judge(&mut self, stored: &Stored, index: usize) -> Verdict {
        let mut verdict = Verdict::default();
        let Some(seen) = stored.burst.observations.get(index) else { return verdict };
        let outcome = stored.burst.outcome;
        let at = stored.burst.triggered;
        let ancestors = (self.lineage)(&seen.taxon);
        for (rule, switched) in self.rules.iter().zip(&self.switched) {
            if !rule.species.iter().any(|subject| is_about(subject, outcome, &seen.taxon, &ancestors)) {
                continue;
            }
            if !rule.individual.as_ref().is_none_or(|name| shows(seen, name)) {
                continue;
            }
            let past =
                self.memory.entry(rule.name.clone()).or_default().entry(name(outcome, seen)).or_default();
            let bursts = remember(past, at, rule);
            let held = if !switched.unwrap_or(rule.on) {
                Some(Held::Off)
            } else if seen.score < rule.score {
                Some(Held::Score)
            } else if frames(stored, seen) < rule.frames {
                Some(Held::Frames)
            } else if bursts < rule.bursts {
                Some(Held::Bursts)
            } else if !hours::hold(rule.hours, at, self.place.get()) {
                Some(Held::Hours)
            } else {
                silenced(past, at, rule)
            };
            match held {
                Some(held) => verdict.held.push((rule.name.clone(), held)),
                None => {
                    past.alerted = Some(at);
                    let uplinks = rule.uplinks.iter().map(|uplink| uplink.as_str().to_owned()).collect();
                    verdict.alert = Some(Alert { rule: rule.name.clone(), uplinks, picture: rule.picture });
                    return verdict;
                }
            }
        }
        verdict
    }
}

impl Watch for Rules {
    fn alert(&mut self, burst: &Stored, observation: usize) -> Option<Alert> {
        self.judge(burst, observation).alert
    }

    fn rules(&self) -> usize {
        self.rules.len()
    }

    fn switch(&mut self, rule: usize, on: Option<bool>) {
        if let Some(switched) = self.switched.get_mut(rule) {
            *switched = on;
        }
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&self.memory).unwrap_or_default()
    }

    fn restore(&mut self, saved: &[u8]) {
        if saved.is_empty() {
            return;
        }
        match serde_json::from_slice(saved) {
            Ok(memory) => self.memory = memory,
            Err(error) => {
                log::error!("what the alert rules remembered cannot be read, cooldowns begin anew: {error}")
            }
        }
    }
}

fn is_about(subject: &Subject, outcome: Outcome, taxon: &str, ancestors: &[String]) -> bool {
    match subject {
        Subject::Person => outcome == Outcome::Person,
        Subject::Vehicle => outcome == Outcome::Vehicle,
        Subject::Animal => outcome == Outcome::Sighting,
        Subject::Taxon(name) => {
            outcome == Outcome::Sighting && (name == taxon || ancestors.iter().any(|above| above == name))
        }
    }
}

/// Whether an individual was recognised among what was seen. One that may be it is no alert.
fn shows(seen: &Observation, name: &str) -> bool {
    seen.individuals.iter().any(|identity| identity.individual.as_deref() == Some(name))
}

fn name(outcome: Outcome, seen: &Observation) -> String {
    if seen.taxon.is_empty() { outcome.as_str().to_owned() } else { seen.taxon.clone() }
}

/// Counts the bursts of this species within the rule's time, this one among them.
fn remember(past: &mut Past, at: DateTime<Utc>, rule: &Rule) -> usize {
    let within = TimeDelta::from_std(rule.within).unwrap_or(TimeDelta::MAX);
    past.bursts.push(at);
    // Both ways: a clock that was set back must not keep the future for ever.
    past.bursts.retain(|burst| (at - *burst).abs() <= within);
    // More than a rule can ask for need not be kept.
    let surplus = past.bursts.len().saturating_sub(rule.bursts.max(1));
    past.bursts.drain(..surplus);
    past.bursts.len()
}

/// Frames of the burst with a box of one of the observation's tracks.
fn frames(stored: &Stored, seen: &Observation) -> usize {
    let shows = |track: u32| seen.tracks.contains(&track);
    stored.burst.frames.iter().filter(|frame| frame.boxes.iter().any(|b| shows(b.track))).count()
}

fn silenced(past: &Past, at: DateTime<Utc>, rule: &Rule) -> Option<Held> {
    let last = past.alerted?;
    let cooldown = TimeDelta::from_std(rule.cooldown).unwrap_or(TimeDelta::MAX);
    // An alert from the future is one of a clock that was set back: it silences nothing.
    if at >= last && at - last < cooldown {
        return Some(Held::Cooldown);
    }
    let day: NaiveDate = at.date_naive();
    (rule.first_of_day && last.date_naive() == day).then_some(Held::NotFirst)
}

#[cfg(test)]
mod tests;
