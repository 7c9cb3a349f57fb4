//! Pauses between joins, so that a trap without a gateway does not fill the air.

use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// The pause after a failed join request that took `airtime`, `since` the first one: 1 % of the first hour, 0.1 % of
/// the next ten, 0.01 % after (LoRaWAN Link Layer 1.0.4, section 7, "retransmissions back-off"; the firmwares inside
/// the modems keep it too).
pub fn pause(airtime: Duration, since: Duration) -> Duration {
    match since {
        since if since < HOUR => airtime * 100,
        since if since < 11 * HOUR => airtime * 1000,
        _ => airtime * 10_000,
    }
}

/// Up to a fifth longer, so that traps that woke together do not join together.
pub fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(1.0 + 0.2 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_air_is_used_less_and_less() {
        let airtime = Duration::from_millis(1500);
        assert_eq!(pause(airtime, Duration::ZERO), Duration::from_secs(150));
        assert_eq!(pause(airtime, HOUR), Duration::from_secs(1500));
        assert_eq!(pause(airtime, 11 * HOUR), Duration::from_secs(15_000));
    }

    #[test]
    fn jitter_only_lengthens() {
        let pause = Duration::from_secs(10);
        assert!((0..100).all(|_| (pause..=pause * 6 / 5).contains(&jittered(pause))));
    }
}
