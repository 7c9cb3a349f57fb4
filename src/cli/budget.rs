//! `trapline budget`: how long battery, card and air suffice, and which figures were measured, cited or assumed.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::ValueEnum;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::burst_line::say;
use super::site::SiteArgs;
use super::{Done, Failure};
use crate::board::{self, Energy, Profile};
use crate::budget::{BATTERIES, Battery, Budget, Chemistry, Days24, Given, budget, day_length_h};
use crate::config::Config;
use crate::daemon::models;
use crate::event::Outcome;
use crate::store::record::MediaKind;
use crate::store::{Reader, in_use};
use crate::vision::judge::Frame;

/// Bursts of a journal whose frames are looked at.
const LOOKED: usize = 200;

/// Bytes of a pixel of a JPEG at quality 90: foliage, the worst there is.
const BYTES_A_PIXEL: f64 = 0.35;

/// The sun's declination on the longest day, degrees.
const SOLSTICE: f64 = 23.44;

/// Shown at the end of `--help`.
const EXAMPLES: &str = "\
Examples:
  trapline budget --board pi-zero-2-w
  trapline budget --config site.toml --journal trapline.db --celsius -5 --season winter --latitude 52.5
  trapline budget --board pi-4 --bursts 120 --battery-wh 84 --chemistry lead --json";

/// Arguments of `trapline budget`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    site: SiteArgs,
    /// Read bursts a day, shares, times and sizes from this journal
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Bursts a day
    #[arg(long, value_name = "N", value_parser = number(0.0, 1e5))]
    bursts: Option<f64>,
    /// Share of bursts that are sightings, 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = number(0.0, 1.0))]
    sightings: Option<f64>,
    /// Seconds to judge a burst
    #[arg(long, value_name = "S", value_parser = number(0.0, 3600.0))]
    burst_seconds: Option<f64>,
    /// Measure that here, with the site's models on a burst of the bench world
    #[arg(long, conflicts_with = "burst_seconds")]
    measure: bool,
    /// Kilobytes of a picture
    #[arg(long, value_name = "KB", value_parser = number(1.0, 1e5))]
    picture_kb: Option<f64>,
    /// Degrees north, for the length of the night. Default: the site's, else the equator's 12 hours
    #[arg(long, value_name = "DEG", allow_negative_numbers = true, value_parser = number(-90.0, 90.0))]
    latitude: Option<f64>,
    /// Season, for the same
    #[arg(long, value_enum, default_value_t = Season::Equinox)]
    season: Season,
    /// Temperature of the battery, degrees Celsius
    #[arg(long, value_name = "DEG", default_value_t = 10.0, allow_negative_numbers = true,
          value_parser = number(-60.0, 80.0))]
    celsius: f64,
    /// Size of the card, gigabytes
    #[arg(long, value_name = "GB", default_value_t = 32.0, value_parser = number(8.0, 4000.0))]
    card_gb: f64,
    /// A battery of one's own, watt-hours. Default: four usual ones
    #[arg(long, value_name = "WH", value_parser = number(0.1, 1e5))]
    battery_wh: Option<f64>,
    /// What it is made of: lifepo4, li-ion, lead, alkaline or nimh
    #[arg(long, value_name = "NAME", default_value = Chemistry::LiIon.as_str(), value_parser = made)]
    chemistry: Chemistry,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Season {
    Summer,
    Winter,
    Equinox,
}

/// What a battery is made of, by its name in board profiles.
fn made(text: &str) -> Result<Chemistry, String> {
    let names = || Chemistry::ALL.map(Chemistry::as_str).join(", ");
    Chemistry::parse(text).ok_or_else(|| format!("one of {}", names()))
}

/// A number within a range.
fn number(least: f64, most: f64) -> impl Fn(&str) -> Result<f64, String> + Clone {
    move |text: &str| match text.parse::<f64>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(format!("a number from {least} to {most}")),
    }
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let config = args.site.load().map_err(Failure::input)?;
    let profile = args.site.profile(&config).map_err(Failure::input)?;
    let Some(energy) = &profile.energy else {
        return Err(Failure::Input(anyhow!(
            "the board {} has no [energy] table; give --board pi-zero-2-w, pi-3, pi-4, pi-5 or jetson-orin-nano, or add \
             one (boards/README.md)",
            config.board
        )));
    };
    let days = days(&args, &config, &profile, energy)?;
    let batteries: Vec<Battery> = match args.battery_wh {
        Some(wh) => {
            vec![Battery { name: format!("{wh} Wh"), wh, chemistry: args.chemistry }]
        }
        None => {
            let usual = BATTERIES.iter().map(|(name, wh, chemistry)| (name.to_string(), *wh, *chemistry));
            usual.map(|(name, wh, chemistry)| Battery { name, wh, chemistry }).collect()
        }
    };
    let card = Given::new(
        "card",
        args.card_gb,
        "GB",
        if args.card_gb == 32.0 { "assumed" } else { "assumed: as given" },
    );
    let budget = budget(&config, energy, profile.gps.as_ref(), &days, &batteries, &card);
    if args.json {
        let text = serde_json::to_string(&budget).map_err(Failure::runtime)?;
        let _ = say(&text);
    } else {
        let _ = say(&shown(&budget));
    }
    Ok(())
}

/// What a journal tells.
#[derive(Default)]
struct Told {
    bursts: Option<f64>,
    sightings: Option<f64>,
    burst_s: Option<f64>,
    picture_kb: Option<f64>,
    dark: Option<f64>,
}

fn told(file: &Path) -> Result<Told, Failure> {
    let reader = Reader::open_readonly(file).map_err(super::run::failed)?;
    let all = reader.summaries(0).map_err(super::run::failed)?.items;
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return Ok(Told::default()) };
    let count = all.len() as f64;
    let days = ((last.triggered - first.triggered).num_seconds() as f64 / 86_400.0).max(1.0);
    let seen = all.iter().filter(|one| one.outcome == Outcome::Sighting).count() as f64;
    let (mut millis, mut dark, mut frames, mut bytes, mut files) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for summary in all.iter().rev().take(LOOKED) {
        let Some(stored) = reader
            .event(summary.key)
            .map_err(super::run::failed)?
            .and_then(|list| list.items.into_iter().next())
        else {
            continue;
        };
        millis += f64::from(stored.burst.millis);
        for frame in stored.burst.frames.iter().filter(|frame| frame.failed.is_none()) {
            frames += 1.0;
            dark += f64::from(u8::from(frame.infrared));
        }
        for file in stored.media.iter().filter(|file| file.media.kind == MediaKind::Frame) {
            files += 1.0;
            bytes += file.media.bytes as f64;
        }
    }
    let looked = all.len().min(LOOKED) as f64;
    Ok(Told {
        bursts: Some(count / days),
        sightings: Some(seen / count),
        burst_s: Some(millis / looked / 1000.0),
        picture_kb: (files > 0.0).then(|| bytes / files / 1000.0),
        dark: (frames > 0.0).then(|| dark / frames),
    })
}

fn days(args: &Args, config: &Config, profile: &Profile, energy: &Energy) -> Result<Days24, Failure> {
    let told = args.journal.as_deref().map(told).transpose()?.unwrap_or_default();
    let journal = "measured: the journal";
    let pick =
        |name: &str, unit, given: Option<f64>, told: Option<f64>, usual: f64, from: &str| match (given, told)
        {
            (Some(value), _) => Given::new(name, value, unit, "assumed: as given"),
            (None, Some(value)) => Given::new(name, value, unit, journal),
            (None, None) => Given::new(name, usual, unit, from),
        };
    let pixels = f64::from(profile.stream.size.0) * f64::from(profile.stream.size.1);
    let night = {
        let latitude = args.latitude.or(config.site.coordinates.map(|(north, _)| north)).unwrap_or(0.0);
        let tilt = match args.season {
            Season::Summer => SOLSTICE.copysign(latitude),
            Season::Winter => -SOLSTICE.copysign(latitude),
            Season::Equinox => 0.0,
        };
        1.0 - day_length_h(latitude, tilt) / 24.0
    };
    let burst_s = match args.measure {
        true => Given::new("judging a burst", measured(config)?, "s", "measured: on this machine"),
        false => {
            let from = energy.burst_s.from.as_str();
            pick("judging a burst", "s", args.burst_seconds, told.burst_s, energy.burst_s.value, from)
        }
    };
    Ok(Days24 {
        bursts: pick("bursts", "/day", args.bursts, told.bursts, 60.0, "assumed"),
        sightings: pick(
            "sightings among them",
            "share",
            args.sightings,
            told.sightings,
            0.25,
            "cited: TrailGuard AI's statement that 75 % of triggers are false (its own claim)",
        ),
        burst_s,
        picture_kb: pick(
            "a picture",
            "kB",
            args.picture_kb,
            told.picture_kb,
            pixels * BYTES_A_PIXEL / 1000.0,
            "assumed: 0.35 B a pixel",
        ),
        dark: pick(
            "bursts in the dark",
            "share",
            None,
            told.dark,
            night,
            "assumed: as long as the night (computed)",
        ),
        celsius: Given::new(
            "battery",
            args.celsius,
            "°C",
            if args.celsius == 10.0 { "assumed" } else { "assumed: as given" },
        ),
    })
}

/// Seconds that a burst of the bench world takes here.
fn measured(config: &Config) -> Result<f64, Failure> {
    if in_use(&config.journal.path) {
        return Err(Failure::Input(anyhow!(
            "a trap runs here and would be in the way; stop it, or give --journal"
        )));
    }
    let networks = models::open(&config.models).map_err(Failure::input)?;
    let mut judge = models::judge(networks, config).map_err(Failure::input)?;
    let pictures = board::bench_burst(config.burst.frames, 1280).map_err(Failure::runtime)?;
    let frames: Vec<Frame<'_>> = pictures.iter().map(|jpeg| Ok(jpeg.as_slice())).collect();
    // The first one pays for what is made once.
    judge.judge(&frames);
    let begun = std::time::Instant::now();
    let judged = judge.judge(&frames);
    match judged.faults.first() {
        Some(why) => Err(Failure::Runtime(anyhow!("the bench burst was not judged: {why}"))),
        None => Ok(begun.elapsed().as_secs_f64()),
    }
}

/// Few digits, as many as the figure is worth.
fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.995 || v == 0.0 => {
            format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

fn table(heads: &[&str], rows: Vec<Vec<String>>, left: usize) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(heads.iter().map(|head| (*head).to_owned()));
    for row in rows {
        table.add_row(row);
    }
    for at in left..heads.len() {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// The budget in tables.
fn shown(budget: &Budget) -> String {
    let mut parts = vec![format!("Budget of a trap on {}", budget.board)];
    let rows = budget.ways.iter().map(|way| {
        let mut row = vec![way.name.to_owned()];
        row.extend([way.rest_wh, way.bursts_wh, way.sending_wh].map(digits));
        row.extend(way.gps_wh.map(digits));
        row.push(digits(way.day_wh));
        row
    });
    parts.push("Energy, watt-hours a day from the battery".to_owned());
    let receiver = budget.ways.iter().any(|way| way.gps_wh.is_some());
    let heads: &[&str] = match receiver {
        true => &["", "at rest", "bursts", "sending", "gps", "day"],
        false => &["", "at rest", "bursts", "sending", "day"],
    };
    parts.push(table(heads, rows.collect(), 1));
    let names: Vec<&str> = budget.ways.iter().map(|way| way.name).collect();
    let mut heads = vec!["days per battery", "gives Wh"];
    heads.extend(&names);
    let count = budget.ways.first().map_or(0, |way| way.days.len());
    let rows = (0..count).filter_map(|at| {
        let first = budget.ways.first()?.days.get(at)?;
        let mut row = vec![first.battery.name.clone(), digits(first.gives_wh)];
        row.extend(budget.ways.iter().filter_map(|way| way.days.get(at)).map(|days| digits(days.days)));
        Some(row)
    });
    parts.push(table(&heads, rows.collect(), 1));
    let card = &budget.card;
    parts.push(format!(
        "Card: {} MB a day ({}); {} MB of room last {} days, then the least valuable is deleted",
        digits(card.mb_a_day),
        card.policy,
        digits(card.room_mb),
        digits(card.days)
    ));
    match &budget.air {
        None => parts.push("Air: no LoRaWAN uplink".to_owned()),
        Some(air) => {
            parts.push(format!(
                "Air, {}: {} sightings singly and {} reports a day; {} s a day are allowed",
                air.region,
                digits(air.packets),
                digits(air.reports),
                digits(air.allowed_s)
            ));
            let rows = air.rates.iter().map(|rate| {
                let mut row = vec![format!("DR{} SF{}", rate.data_rate, rate.spreading_factor)];
                row.extend([rate.packet_ms, rate.packet_mj, rate.day_s, rate.packets_allowed].map(digits));
                row.push(if rate.fits { "yes" } else { "no" }.to_owned());
                row
            });
            parts.push(table(
                &["", "ms/packet", "mJ/packet", "s/day", "packets/day", "fits"],
                rows.collect(),
                1,
            ));
        }
    }
    let mut given = vec!["Figures".to_owned()];
    given.extend(
        budget
            .given
            .iter()
            .map(|one| format!("  {} {} {}: {}", one.name, digits(one.value), one.unit, one.from)),
    );
    parts.push(given.join("\n"));
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_as_many_digits_as_they_are_worth() {
        let shown = [0.0, 0.0371, 0.3, 1.0, 9.876, 12.34, 1234.5].map(digits);
        assert_eq!(shown, ["0", "0.037", "0.3", "1", "9.88", "12.3", "1234"]);
    }
}
