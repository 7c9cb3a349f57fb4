//! `trapline demo`: a day and a night of the bench world through the daemon's own pipeline, with the bundled networks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;

use super::burst_line::{HEADS, Paint, clipped, columns, object, say};
use super::run::{devices, failed, stop_on_signals};
use super::sending::{self, Around, Taxa};
use super::site::beside;
use super::truth::{Mark, Scene};
use super::{Done, Failure};
use crate::board;
use crate::config::Config;
use crate::config::alerts::{Alert as Rule, Hours, Subject};
use crate::config::sending::{Carrier, Modem};
use crate::daemon::health::Totals;
use crate::daemon::models;
use crate::daemon::pipeline::{Acknowledged, Pipeline};
use crate::daemon::sender::Sender;
use crate::daemon::sender::channel::Carried;
use crate::drivers::bench::Script;
use crate::event::Outcome;
use crate::hal::Place;
use crate::units::Score;

/// What must never be forgotten when these numbers are read.
const CAUTION: &str = "The pictures are rendered and the bundled networks were trained on rendered pictures: they know the \
bench world and no real animal.\nFor real photos bring a model: trapline run --model FILE, trapline sort --model FILE.";

/// Shown at the end of `--help`.
const EXAMPLES: &str = "\
Examples:
  trapline demo
  trapline demo --bursts 10 --journal /tmp/demo.db
  trapline demo --uplink mqtt://localhost:1883
  trapline events list --journal /tmp/demo.db";

/// Arguments of `trapline demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Keep the journal here, and its pictures in a folder NAME-media beside it
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Stop after so many bursts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    bursts: Option<u32>,
    /// Another place with other animals
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// What carries events: "lorawan" (the bench's own network), mqtt://HOST:PORT, http://…
    #[arg(long, value_name = "URL")]
    uplink: Option<String>,
    /// One JSON object per burst and one for the summary
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let folder = tempfile::tempdir().map_err(Failure::runtime)?;
    let journal = args.journal.clone().unwrap_or_else(|| folder.path().join("demo.db"));
    let config = config(&journal, args.uplink.as_deref())?;
    let mut profile = board::find("bench", Path::new("")).map_err(Failure::runtime)?;
    profile.bench.seed = args.seed;
    profile.bench.bursts = args.bursts.unwrap_or(0);
    let board = board::open_profile(&profile, &Place::default()).map_err(Failure::runtime)?;
    let (script, asks) = (board.script.clone(), board.asked.clone());
    let networks = models::bundled(&config.models).map_err(Failure::runtime)?;
    let (names, taxa) = (networks.names(), Taxa::of(&networks, &config));
    let judge = models::judge(networks, &config).map_err(Failure::runtime)?;
    let told = (Arc::clone(&board.clock), Arc::clone(&board.gauges));
    let (devices, stop) = (devices(board), stop_on_signals()?);
    let mut pipeline =
        Pipeline::open(config.clone(), devices, Box::new(judge), names.clone()).map_err(failed)?;
    let (clock, gauges) = told;
    let around = Around {
        clock,
        gauges,
        stop: &stop,
        site: None,
        shedding: Arc::default(),
        asks,
        place: Place::default(),
    };
    let ready = sending::ready(&config, &pipeline, taxa, around)?;
    pipeline.listen(ready.retunes);
    // In step with the script's time, which stands still between bursts.
    let mut sender = ready.sender;
    let mut show = Show::new(script, args.json);
    show.head(&names);
    let begun = Instant::now();
    pipeline
        .run(&stop, None, &mut |done| {
            sending::attempt(&mut sender);
            if !show.burst(done) {
                stop.store(true, Ordering::SeqCst);
            }
        })
        .map_err(failed)?;
    sending::attempt(&mut sender);
    let journal_bytes = std::fs::metadata(&journal).map_or(0, |m| m.len());
    show.summary(pipeline.totals(), begun.elapsed(), journal_bytes, &Sent::of(&sender));
    Ok(())
}

/// The defaults, with a card that is never too full to show something, alerts of what the bench world's rangers wait
/// for, and the bench's LoRaWAN network or the uplink that was asked for.
fn config(journal: &Path, uplink: Option<&str>) -> Result<Config, Failure> {
    let mut config = Config { journal: beside(journal), ..Config::default() };
    config.site.name = "bench".to_owned();
    config.retention.floor = 0;
    config.alerts = vec![Rule {
        name: "large carnivores".to_owned(),
        species: ["Canis lupus", "Lynx lynx", "Ursus arctos"]
            .map(|name| Subject::Taxon(name.to_owned()))
            .into(),
        individual: None,
        score: Score::new(0.8),
        frames: 1,
        bursts: 1,
        within: Duration::from_secs(1800),
        hours: Hours::Any,
        cooldown: Duration::from_secs(1800),
        first_of_day: false,
        uplinks: Vec::new(),
        picture: true,
        on: true,
    }];
    let out = &mut config.out;
    out.sending.device = "demo".to_owned();
    out.lorawan.modem = Modem::Bench;
    out.commands.key = std::iter::repeat_with(|| fastrand::u8(..)).take(32).collect();
    out.sending.uplinks = match uplink {
        None => vec![Carrier::Lorawan],
        Some(url) if url.starts_with("mqtt://") || url.starts_with("mqtts://") => {
            out.mqtt.broker = url.to_owned();
            vec![Carrier::Mqtt]
        }
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            out.webhook.url = url.to_owned();
            vec![Carrier::Webhook]
        }
        Some("lorawan") => vec![Carrier::Lorawan],
        Some(other) => {
            let allowed =
                "lorawan (the bench's own network), mqtt://HOST:PORT, mqtts://HOST:PORT, http://…, https://…";
            return Err(Failure::input(anyhow::anyhow!("--uplink is \"{other}\"; allowed: {allowed}")));
        }
    };
    Ok(config)
}

/// What went out, summed for the summary.
struct Sent {
    via: String,
    carried: Carried,
    waiting: u32,
}

impl Sent {
    fn of(sender: &Sender) -> Sent {
        let first = sender.carried().next();
        let (via, carried) = first.map(|(name, carried)| (name.to_owned(), carried)).unwrap_or_default();
        Sent { via, carried, waiting: sender.backlog().unwrap_or_default() }
    }

    /// `lorawan: 20 packets, 17 events in 260 bytes, 4.1 s on the air; 3 wait`
    fn line(&self) -> String {
        let Carried { parcels, events, bytes, airtime, failures } = self.carried;
        let air = match airtime {
            0 => String::new(),
            micros => format!(", {:.1} s on the air (fair use: 30 s a day)", micros as f64 / 1e6),
        };
        let failed = match failures {
            0 => String::new(),
            n => format!(", {n} attempts failed"),
        };
        format!(
            "{}: {parcels} messages with {events} events in {bytes} bytes{air}{failed}; {} wait",
            self.via, self.waiting
        )
    }
}

/// What is shown while the demo runs, and what is counted for the summary.
struct Show {
    script: Option<Arc<Script>>,
    json: bool,
    paint: Paint,
    scene: u64,
    marks: [u64; Mark::ALL.len()],
}

impl Show {
    fn new(script: Option<Arc<Script>>, json: bool) -> Self {
        Show { script, json, paint: Paint::for_stdout(), scene: 0, marks: Default::default() }
    }

    fn head(&self, models: &[String]) {
        if self.json {
            return;
        }
        let judges = if models.is_empty() { "motion alone".to_owned() } else { models.join(", ") };
        say(&format!("board bench, judged by {judges}\n\n{HEADS}  truth"));
    }

    /// Shows a burst and how it fits the truth; false when nobody listens any more.
    fn burst(&mut self, done: &Acknowledged<'_>) -> bool {
        let truth = self.script.as_ref().and_then(|script| script.truth(self.scene));
        self.scene += 1;
        let scene = Scene::of(&truth.unwrap_or_default());
        let mark = scene.mark(done.burst);
        for (known, count) in Mark::ALL.iter().zip(&mut self.marks) {
            *count += u64::from(*known == mark);
        }
        if self.json {
            let mut line = object(done);
            line["truth"] = json!(scene.words());
            line["mark"] = json!(mark.as_str());
            return say(&line.to_string());
        }
        let row = self.paint.outcome(done.burst.outcome, &columns(done));
        let mark = match mark {
            Mark::Wrong => self.paint.wrong(mark.as_str()),
            _ => mark.as_str().to_owned(),
        };
        say(&format!("{row}  {:<12} {mark}", clipped(&scene.words(), 12)))
    }

    fn summary(&self, totals: &Totals, took: Duration, journal_bytes: u64, sent: &Sent) {
        let marks = Mark::ALL.iter().zip(self.marks);
        if self.json {
            let outcomes = Outcome::ALL.iter().map(|&o| (o.as_str().to_owned(), json!(totals.of(o))));
            let marks = marks.map(|(mark, n)| (mark.as_str().to_owned(), json!(n)));
            let summary = json!({
                "bursts": totals.bursts(),
                "frames": totals.frames,
                "outcomes": outcomes.collect::<serde_json::Map<_, _>>(),
                "marks": marks.collect::<serde_json::Map<_, _>>(),
                "events": totals.events,
                "sent": {
                    "uplink": sent.via, "messages": sent.carried.parcels, "events": sent.carried.events,
                    "bytes": sent.carried.bytes, "airtime_ms": sent.carried.airtime / 1000,
                    "failures": sent.carried.failures, "waiting": sent.waiting,
                },
                "bytes_taken": totals.taken,
                "bytes_kept": totals.kept,
                "journal_bytes": journal_bytes,
                "ms_per_frame": per_frame(totals.judging.as_secs_f32() * 1000.0, totals),
                "seconds": took.as_secs_f32(),
                "caution": CAUTION,
            });
            say(&json!({ "summary": summary }).to_string());
            return;
        }
        let outcomes = Outcome::ALL.iter().map(|&o| format!("{} {}", totals.of(o), o.as_str()));
        let marks = marks.map(|(mark, n)| format!("{n} {}", mark.as_str()));
        let spent = &totals.spent;
        let lines = [
            String::new(),
            format!("bursts     {} in {:.1} s: {}", totals.bursts(), took.as_secs_f32(), list(outcomes)),
            format!("truth      {}", list(marks)),
            format!("dropped    {} empty bursts", totals.of(Outcome::Empty)),
            format!("events     {} queued for sending", totals.events),
            format!("sent       {}", sent.line()),
            format!(
                "card       {} of pictures kept of {} taken ({:.1} %), {} of journal",
                bytes(totals.kept),
                bytes(totals.taken),
                100.0 * totals.kept as f32 / totals.taken.max(1) as f32,
                bytes(journal_bytes)
            ),
            format!(
                "per frame  {:.1} ms: decode {:.1}, motion {:.1}, detect {:.1}, classify {:.1}",
                per_frame(totals.judging.as_secs_f32() * 1000.0, totals),
                per_frame(spent.decode, totals),
                per_frame(spent.motion, totals),
                per_frame(spent.detect, totals),
                per_frame(spent.classify, totals)
            ),
            String::new(),
            CAUTION.to_owned(),
        ];
        say(&lines.join("\n"));
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// Milliseconds per frame.
fn per_frame(millis: f32, totals: &Totals) -> f32 {
    millis / totals.frames.max(1) as f32
}

/// `1.2 MB`, decimal as cards are sold.
fn bytes(n: u64) -> String {
    match n {
        0..1_000_000 => format!("{} kB", n.div_ceil(1000)),
        _ => format!("{:.1} MB", n as f32 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_decimal_units() {
        assert_eq!(bytes(0), "0 kB");
        assert_eq!(bytes(1_001), "2 kB");
        assert_eq!(bytes(1_250_000), "1.2 MB");
    }
}
