//! A burst as a line: columns for people, JSON for programs.

use std::io::{IsTerminal, Write};

use serde_json::{Value, json};

use crate::daemon::pipeline::Acknowledged;
use crate::event::Outcome;
use crate::store::record::{Burst, Observation};

/// Column heads of [`columns`].
pub const HEADS: &str = "time      light  frames  outcome    species               score  count     ms";

/// Characters of the column for species.
const SPECIES: usize = 20;

/// What is shown where there is nothing to show.
const NOTHING: &str = "-";

/// The burst in columns, 78 characters wide.
pub fn columns(done: &Acknowledged<'_>) -> String {
    let burst = done.burst;
    let (species, score, count) = seen(burst);
    format!(
        "{:<8}  {:<5}  {:>6}  {:<9}  {:<20}  {:>5}  {:>5}  {:>5}",
        burst.triggered.format("%H:%M:%S").to_string(),
        light(burst),
        frames(burst),
        burst.outcome.as_str(),
        species,
        score,
        count,
        done.judging.as_millis(),
    )
}

/// `day`, `night`, or nothing where no frame could be read.
fn light(burst: &Burst) -> &'static str {
    match burst.frames.iter().find(|f| f.failed.is_none()) {
        Some(frame) if frame.infrared => "night",
        Some(_) => "day",
        None => NOTHING,
    }
}

/// `3`, or `2/3` where one could not be read.
fn frames(burst: &Burst) -> String {
    let all = burst.frames.len();
    match burst.frames.iter().filter(|f| f.failed.is_none()).count() {
        good if good == all => all.to_string(),
        good => format!("{good}/{all}"),
    }
}

/// Species, score and count; all sightings' names, the first one's numbers.
fn seen(burst: &Burst) -> (String, String, String) {
    let Some(first) = burst.observations.first() else {
        let probability = match burst.outcome {
            Outcome::Failed => NOTHING.to_owned(),
            _ => format!("{:.2}", burst.probability.get()),
        };
        return (NOTHING.to_owned(), probability, NOTHING.to_owned());
    };
    (species(&burst.observations), format!("{:.2}", first.score.get()), first.count.to_string())
}

/// The names of all, cut to the column unless somebody of the gallery is among them, who is not cut.
fn species(seen: &[Observation]) -> String {
    let names: Vec<String> = seen.iter().map(called).collect();
    let names = names.join(", ");
    let nobody = seen.iter().all(|seen| seen.individuals.iter().all(|i| i.individual.is_none()));
    if nobody { clipped(&names, SPECIES) } else { names }
}

/// The species' name with those of the gallery that were recognised, which are not cut: `Eurasian lynx (18)`,
/// `Eurasian… (Luchs-07)`.
fn called(seen: &Observation) -> String {
    let known = known(seen.individuals.iter().filter_map(|i| i.individual.as_deref()));
    match known.chars().count() {
        0 => name(seen).to_owned(),
        taken => clipped(name(seen), SPECIES.saturating_sub(taken).max(1)) + &known,
    }
}

/// What stands behind a species: ` (Luchs-07, Luchs-12)`; nothing where nobody was recognised.
pub fn known<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

/// The English name, or the scientific one where there is no English.
pub fn name(seen: &Observation) -> &str {
    if seen.label.is_empty() { &seen.taxon } else { &seen.label }
}

/// `text`, cut to `width` characters.
pub fn clipped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// The burst as a JSON object.
pub fn object(done: &Acknowledged<'_>) -> Value {
    let burst = done.burst;
    json!({
        "burst": done.stowed.recorded.key.number,
        "boot": done.stowed.recorded.key.boot,
        "sequence": done.stowed.recorded.sequence,
        "triggered": burst.triggered.to_rfc3339(),
        "clock": burst.clock.as_str(),
        "trigger": done.source.as_str(),
        "trigger_detail": burst.cause.as_ref().and_then(|cause| cause.detail.as_deref()),
        "outcome": burst.outcome.as_str(),
        "probability": burst.probability,
        "frames": burst.frames.len(),
        "failed": burst.frames.iter().filter(|f| f.failed.is_some()).count(),
        "sightings": burst.observations,
        "faults": burst.faults,
        "media": done.stowed.kept.iter().map(|k| k.media.path.as_str()).collect::<Vec<_>>(),
        "ms": burst.millis,
    })
}

/// Writes `line` to standard output at once; false when nobody listens any more.
pub fn say(line: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

/// Colours, used on a terminal only.
#[derive(Debug, Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    /// Colours where standard output is a terminal and `NO_COLOR` is not set.
    pub fn for_stdout() -> Self {
        Paint(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none())
    }

    /// `text` in the colour of an outcome: sightings stand out, failures warn, empties step back.
    pub fn outcome(self, outcome: Outcome, text: &str) -> String {
        match outcome {
            Outcome::Empty => self.with("2", text),
            Outcome::Sighting => self.with("32", text),
            Outcome::Uncertain => self.with("33", text),
            Outcome::Person | Outcome::Vehicle => self.with("36", text),
            Outcome::Failed => self.with("31", text),
        }
    }

    /// `text` as a warning.
    pub fn wrong(self, text: &str) -> String {
        self.with("31", text)
    }

    /// `text` with a graphic rendition of ECMA-48.
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::Identity;
    use crate::units::{Flank, Recognition, Score};

    #[test]
    fn long_names_are_cut_by_characters() {
        assert_eq!(clipped("wolf", 5), "wolf");
        assert_eq!(clipped("Größere Hufeisennase", 8), "Größere…");
    }

    #[test]
    fn a_recognised_individual_is_named_behind_its_species_and_not_cut() {
        let lynx = |individual: Option<&str>| {
            let identity = Identity {
                recognition: if individual.is_some() { Recognition::Known } else { Recognition::Unsure },
                individual: individual.map(str::to_owned),
                similarity: Some(0.5),
                probability: None,
                flank: Flank::Left,
                tracks: vec![0],
                nearest: vec![("Luchs-03".to_owned(), 0.5)],
            };
            Observation {
                taxon: "Lynx lynx".to_owned(),
                rank: "species".to_owned(),
                label: "Eurasian lynx".to_owned(),
                score: Score::new(0.9),
                count: 1,
                top5: Vec::new(),
                traits: Default::default(),
                individuals: vec![identity],
                tracks: vec![0],
            }
        };
        let told = |individuals: &[Option<&str>]| {
            species(&individuals.iter().copied().map(lynx).collect::<Vec<_>>())
        };
        assert_eq!(told(&[None]), "Eurasian lynx");
        assert_eq!(told(&[Some("18")]), "Eurasian lynx (18)");
        assert_eq!(told(&[Some("Luchs-07")]), "Eurasian… (Luchs-07)");
        assert_eq!(told(&[None, None]), "Eurasian lynx, Eura…");
        assert_eq!(told(&[None, Some("Luchs-07")]), "Eurasian lynx, Eurasian… (Luchs-07)");
    }

    #[test]
    fn colour_is_nothing_but_a_wrapping() {
        assert_eq!(Paint(false).wrong("no"), "no");
        assert_eq!(Paint(true).wrong("no"), "\x1b[31mno\x1b[0m");
    }
}
