//! What a day costs on the air, at every data rate, against law and fair use.

use serde::Serialize;

use super::{Days24, Given};
use crate::airtime::{Region, time_on_air};
use crate::config::Config;
use crate::config::sending::{Carrier, Plan};
use crate::event::wire::SIGHTING_BYTES;

/// A packet of one sighting, the smallest there is.
const PACKET: usize = SIGHTING_BYTES;

/// A health message and a digest, bytes.
const REPORT: usize = 40;

/// A modem that sends at 14 dBm, milliwatts.
const SENDING_MW: (f64, &str) =
    (137.0, "cited: Microchip SAM R34, 7.4.1: 41.54 mA at 3.3 V, 868 MHz, power setting 15");

/// Receiving, for the two windows after each packet, milliwatts and seconds.
const WINDOWS: (f64, f64, &str) =
    (42.0, 0.4, "cited: Microchip SAM R34, 7.4.1: 12.68 mA at 3.3 V; windows assumed");

/// The law where there is a duty cycle, seconds in any hour (1 %).
const DUTY_S: f64 = 36.0;

/// One data rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rate {
    /// LoRaWAN data rate.
    pub data_rate: u8,
    /// Spreading factor.
    pub spreading_factor: u8,
    /// Milliseconds on the air of a packet with one sighting.
    pub packet_ms: f64,
    /// Millijoules to send it, with its receive windows.
    pub packet_mj: f64,
    /// Seconds on the air a day.
    pub day_s: f64,
    /// Packets a day that fair use and law allow.
    pub packets_allowed: f64,
    /// Whether the day fits.
    pub fits: bool,
}

/// The air.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Air {
    /// LoRaWAN region.
    pub region: String,
    /// Packets with one sighting a day.
    pub packets: f64,
    /// Health messages and digests a day.
    pub reports: f64,
    /// Seconds a day that the site allows itself (`up_s_per_day` of `[lorawan]`), or the law.
    pub allowed_s: f64,
    /// By data rate, slowest first.
    pub rates: Vec<Rate>,
    /// Milliwatt-hours a day at the data rate chosen.
    pub energy_mwh: Given,
    /// Figures that went into it.
    #[serde(skip)]
    pub given: Vec<Given>,
}

/// A site's day on the air; `None` where it has no LoRaWAN uplink.
pub fn air(config: &Config, days: &Days24) -> Option<Air> {
    let out = &config.out;
    if !out.sending.uplinks.contains(&Carrier::Lorawan) {
        return None;
    }
    let (region, name, duty) = match out.lorawan.region {
        Plan::EU868 => (Region::Eu868, "EU868", true),
        Plan::US915 => (Region::Us915, "US915", false),
        Plan::AU915 => (Region::Au915, "AU915", false),
        Plan::AS923 => (Region::As923, "AS923", true),
    };
    let sightings = days.bursts.value * days.sightings.value;
    let packets = sightings.min(f64::from(out.sending.singly));
    let health = out.sending.health.map_or(0.0, |every| 86_400.0 / every.as_secs_f64().max(1.0));
    let reports = health + f64::from(u8::from(out.sending.digest));
    let law = if duty { DUTY_S * 24.0 } else { 86_400.0 };
    let allowed_s = out.lorawan.up_per_day.map_or(law, |up| law.min(up.as_secs_f64()));
    let ms = |rate, bytes| time_on_air(region, rate, bytes).map(|micros| micros as f64 / 1000.0);
    let rates: Vec<Rate> = (0..=6)
        .filter_map(|rate| {
            let modulation = region.modulation(rate)?;
            let (packet, report) = (ms(rate, PACKET)?, ms(rate, REPORT)?);
            let day_s = (packets * packet + reports * report) / 1000.0;
            let packet_mj = packet * SENDING_MW.0 / 1000.0 + WINDOWS.0 * WINDOWS.1;
            Some(Rate {
                data_rate: rate,
                spreading_factor: modulation.sf,
                packet_ms: packet,
                packet_mj,
                day_s,
                packets_allowed: (allowed_s * 1000.0 / packet).floor(),
                fits: day_s <= allowed_s,
            })
        })
        .collect();
    let chosen = rates.iter().find(|rate| rate.data_rate == out.lorawan.data_rate).or(rates.first())?;
    let mwh = (packets + reports) * chosen.packet_mj / 3600.0;
    let energy_mwh = Given::new("sending", mwh, "mWh/day", "computed");
    let given = vec![
        Given::new("modem sending", SENDING_MW.0, "mW", SENDING_MW.1),
        Given::new("modem receiving", WINDOWS.0, "mW", WINDOWS.2),
        Given::new("packet of one sighting", PACKET as f64, "B", "measured: event::wire"),
        Given::new("health message, digest", REPORT as f64, "B", "assumed"),
    ];
    Some(Air { region: name.to_owned(), packets, reports, allowed_s, rates, energy_mwh, given })
}
