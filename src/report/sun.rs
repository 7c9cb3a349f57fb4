//! Sunrise and sunset, averaged over the days of the report.

use std::collections::BTreeSet;
use std::f64::consts::TAU;

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use serde::Serialize;
use sunrise::{Coordinates, SolarDay, SolarEvent};

use super::activity::mean_direction;
use super::effort::days;
use super::gather::Gathered;
use crate::export::watch::Watch;

/// Days looked at per deployment; of longer seasons every n-th.
const DAYS_MAX: usize = 400;

/// Sunrise and sunset on the report's clock, mean over all days on which a trap whose place is known stood watch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sun {
    /// Hours after midnight, 0..24.
    pub rise: f64,
    /// Hours after midnight, 0..24.
    pub set: f64,
    /// Earliest and latest sunrise.
    pub rises: (f64, f64),
    /// Earliest and latest sunset.
    pub sets: (f64, f64),
    /// Days averaged, over all deployments.
    pub days: usize,
    /// Days without a sunrise or a sunset, left out.
    pub polar_days: usize,
}

pub(super) fn sun(all: &Gathered, watches: &[Vec<Watch>]) -> Option<Sun> {
    let (mut rises, mut sets, mut polar_days) = (Vec::new(), Vec::new(), 0);
    for (number, (site, watch)) in all.sites.iter().zip(watches).enumerate() {
        let Some(place) = site.coordinates.and_then(|(north, east)| Coordinates::new(north, east)) else {
            continue;
        };
        let watched =
            watch.iter().filter(|w| w.timed).flat_map(|w| days(w, site.offset)).map(|(date, _)| date);
        let records = all.records.iter().filter(|r| r.timed && r.site == number).map(|r| r.local.date());
        let days: BTreeSet<NaiveDate> = watched.chain(records).collect();
        let step = days.len().div_ceil(DAYS_MAX).max(1);
        for date in days.into_iter().step_by(step) {
            let day = SolarDay::new(place, date);
            let local = |at: DateTime<Utc>| {
                f64::from(at.with_timezone(&site.offset).num_seconds_from_midnight()) / 3600.0
            };
            match (day.event_time(SolarEvent::Sunrise), day.event_time(SolarEvent::Sunset)) {
                (Some(rise), Some(set)) => {
                    rises.push(local(rise));
                    sets.push(local(set));
                }
                _ => polar_days += 1,
            }
        }
    }
    let (rise, rise_range) = mean(&rises)?;
    let (set, set_range) = mean(&sets)?;
    Some(Sun { rise, set, rises: rise_range, sets: set_range, days: rises.len(), polar_days })
}

/// Mean of hours on the circle, with the earliest and the latest about it.
fn mean(hours: &[f64]) -> Option<(f64, (f64, f64))> {
    if hours.is_empty() {
        return None;
    }
    let angles: Vec<f64> = hours.iter().map(|h| h / 24.0 * TAU).collect();
    let mean = mean_direction(&angles).0 / TAU * 24.0;
    // On another clock than that of the place the times may lie on both sides of midnight.
    let from_mean = |h: &f64| (h - mean + 12.0).rem_euclid(24.0) - 12.0;
    let least = hours.iter().map(from_mean).fold(f64::INFINITY, f64::min);
    let most = hours.iter().map(from_mean).fold(f64::NEG_INFINITY, f64::max);
    Some((mean, ((mean + least).rem_euclid(24.0), (mean + most).rem_euclid(24.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_on_both_sides_of_midnight_have_their_mean_there() {
        let (at, (from, to)) = mean(&[23.0, 23.5, 0.5, 1.0]).unwrap();
        assert!(at.min(24.0 - at) < 1e-9, "{at}");
        assert!((from - 23.0).abs() < 1e-9 && (to - 1.0).abs() < 1e-9, "{from} {to}");
        assert_eq!(mean(&[]), None);
    }
}
