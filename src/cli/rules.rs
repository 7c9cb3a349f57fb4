//! `trapline rules test`: what the alert rules of a site would have sent, from what a journal holds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::json;

use super::burst_line::say;
use super::{Done, Failure, uplinks};
use crate::airtime::{max_payload, time_on_air};
use crate::config::Config;
use crate::daemon::rules::{Held, Rules};
use crate::daemon::taxa;
use crate::engine::labels::Label;
use crate::engine::manifest::Manifest;
use crate::event::wire::{self, SIGHTING_BYTES};
use crate::event::{Code, Message, Seen, When};
use crate::store::record::Stored;
use crate::store::{Filter, Reader};

/// Fair use of The Things Network, seconds on the air per day (its forum, topic 1300).
const FAIR_USE_S: f64 = 30.0;

/// Shown at the end of `--help`.
const EXAMPLES: &str = "\
Examples:
  trapline rules test cross/trapline.toml --journal journal.db
  trapline rules test site.toml --journal journal.db --since 2026-05-01T00:00:00Z --json";

/// Arguments of `trapline rules`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Replay a journal through the alert rules of a configuration
    Test(Test),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct Test {
    /// Configuration with the [[alert]] rules
    #[arg(value_name = "FILE")]
    config: PathBuf,
    /// What was seen
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// Only what was triggered at or after this time, such as 2026-05-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,
    /// Only what was triggered before this time
    #[arg(long, value_name = "TIME")]
    until: Option<DateTime<Utc>>,
    /// One JSON object per alert and one for the sums
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let What::Test(args) = args.what;
    let config = Config::load(&args.config).map_err(Failure::input)?;
    if config.alerts.is_empty() {
        let file = args.config.display();
        return Err(Failure::input(anyhow::anyhow!(
            "{file} has no [[alert]] rules; cross/trapline.toml shows one"
        )));
    }
    let labels = labels(&config);
    let ancestors = taxa::ancestors(&labels);
    if ancestors.is_empty() {
        eprintln!(
            "trapline: no classifier in `models.manifests`: rules match names exactly, not their groups"
        );
    }
    let lineage = move |name: &str| ancestors.get(name).cloned().unwrap_or_default();
    let reader = Reader::open_readonly(&args.journal).map_err(Failure::input)?;
    let place = config.site.coordinates.or_else(|| found(&reader, &config));
    let mut rules = Rules::new(config.alerts.clone(), place, Box::new(lineage));
    let filter = Filter { since: args.since, until: args.until, ..Filter::default() };
    let bursts = reader.events(&filter).map_err(Failure::runtime)?;
    if !bursts.damaged.is_empty() {
        eprintln!("trapline: {} damaged rows of the journal are left out", bursts.damaged.len());
    }
    let mut sums = Sums::default();
    for stored in &bursts.items {
        for index in 0..stored.events.len() {
            sums.look(&mut rules, stored, index, args.json);
        }
    }
    sums.print(&config, args.json);
    Ok(())
}

/// Where a satellite receiver found the deployment, by the journal, where the site goes by one.
fn found(reader: &Reader, config: &Config) -> Option<(f64, f64)> {
    let setups = reader.setups().ok().filter(|_| config.site.receiver)?.items;
    let newest = setups.into_iter().rev().find(|setup| setup.deployment == config.site.name)?;
    newest.setup.latitude.zip(newest.setup.longitude)
}

/// The classifier's labels, from its manifest alone: no network is loaded.
fn labels(config: &Config) -> Vec<Label> {
    let manifests = config.models.manifests.iter().filter_map(|path| match Manifest::load(path) {
        Ok(manifest) => Some(manifest),
        Err(error) => {
            eprintln!("trapline: {error}");
            None
        }
    });
    manifests.flat_map(|manifest| manifest.labels).collect()
}

/// What the replay adds up to.
#[derive(Default)]
struct Sums {
    days: BTreeMap<NaiveDate, (u32, u32)>,
    held: BTreeMap<(String, Held), u32>,
    plain: Vec<Message>,
    alerts: u32,
}

impl Sums {
    fn look(&mut self, rules: &mut Rules, stored: &Stored, index: usize, json: bool) {
        let (Some(seen), Some(event)) = (stored.burst.observations.get(index), stored.events.get(index))
        else {
            return;
        };
        let verdict = rules.judge(stored, index);
        for (rule, held) in verdict.held {
            *self.held.entry((rule, held)).or_default() += 1;
        }
        let at = stored.burst.triggered;
        let day = self.days.entry(at.date_naive()).or_default();
        let Some(alert) = verdict.alert else {
            day.1 += 1;
            let when = When::Utc { seconds: at.timestamp(), quality: stored.burst.clock };
            // The code's value does not change the length of a run worth telling.
            let told = Seen {
                key: event.key,
                at: when,
                code: Code::FIRST,
                score: seen.score,
                count: seen.count,
                alert: false,
            };
            self.plain.push(Message::Sighting(told));
            return;
        };
        day.0 += 1;
        self.alerts += 1;
        let time = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let species = if seen.taxon.is_empty() { stored.burst.outcome.as_str() } else { &seen.taxon };
        let by = if alert.uplinks.is_empty() { "any uplink".to_owned() } else { alert.uplinks.join(", ") };
        if json {
            let line = json!({
                "time": time, "boot": event.key.boot, "number": event.key.number, "species": species,
                "score": seen.score.get(), "rule": alert.rule, "uplinks": alert.uplinks, "picture": alert.picture,
            });
            say(&line.to_string());
        } else {
            let picture = if alert.picture { ", with picture" } else { "" };
            say(&format!("{time}  {species:<28} {:.2}  {} (by {by}{picture})", seen.score.get(), alert.rule));
        }
    }

    /// Lengths of the packets that plain sightings fill, each at most `max` bytes.
    fn packets(&self, max: usize) -> Vec<usize> {
        let mut rest = self.plain.as_slice();
        let mut lengths = Vec::new();
        while let Ok(packed) = wire::pack(rest, max) {
            lengths.push(packed.frame.len());
            rest = rest.get(packed.taken..).unwrap_or_default();
        }
        lengths
    }

    fn print(&self, config: &Config, json: bool) {
        let lorawan = &config.out.lorawan;
        let region = uplinks::region(lorawan.region);
        let days = self.days.len().max(1) as f64;
        let mut rates = Vec::new();
        for rate in 0..=7u8 {
            let Some(max) = max_payload(region, rate, lorawan.dwell) else { continue };
            let mut lengths = vec![SIGHTING_BYTES; self.alerts as usize];
            lengths.extend(self.packets(max));
            let micros: u64 = lengths.iter().filter_map(|len| time_on_air(region, rate, *len)).sum();
            rates.push((rate, lengths.len(), lengths.iter().sum::<usize>(), micros as f64 / 1e6 / days));
        }
        if json {
            let held =
                self.held.iter().map(|((rule, held), n)| json!({"rule": rule, "held": held, "times": n}));
            let days = self.days.iter().map(
                |(day, (alerts, plain))| json!({"day": day.to_string(), "alerts": alerts, "other": plain}),
            );
            let rates = rates.iter().map(|(rate, packets, bytes, seconds)| {
                json!({"data_rate": rate, "packets": packets, "bytes": bytes, "airtime_s_per_day": seconds})
            });
            let sums = json!({
                "alerts": self.alerts, "other": self.plain.len(), "held": held.collect::<Vec<_>>(),
                "days": days.collect::<Vec<_>>(), "lorawan": rates.collect::<Vec<_>>(),
            });
            say(&json!({ "sums": sums }).to_string());
            return;
        }
        say(&format!(
            "\n{} alerts, {} other sightings on {} days",
            self.alerts,
            self.plain.len(),
            self.days.len()
        ));
        for ((rule, held), times) in &self.held {
            say(&format!("held back {times:>5} times: {rule}: {}", held.as_str()));
        }
        say(&format!("\nby LoRaWAN in {:?}, alerts alone, other sightings packed:", lorawan.region));
        say("data rate  packets   bytes   on the air per day   of 30 s fair use");
        for (rate, packets, bytes, seconds) in rates {
            let share = 100.0 * seconds / FAIR_USE_S;
            say(&format!("DR{rate:<8} {packets:>7} {bytes:>7} {seconds:>16.1} s {share:>15.0} %"));
        }
    }
}
