//! What physics and law allow on the air: time on air, payloads, duty cycle. `no_std`, integers only.
//!
//! | file | what it is for |
//! |---|---|
//! | `region` | data rates and payloads of the LoRaWAN regions |
//! | `ledger` | what was sent, and how long the next packet must wait |

mod ledger;
mod region;

pub use ledger::{Band, Entry, Law, Limit, Now, wait};
pub use region::{MAX_APP_BYTES, OVERHEAD_BYTES, Region, max_payload, time_on_air};

/// Microseconds.
pub type Micros = u64;

/// How long one transmission may last where the region asks for it: 400 ms (LoRaWAN Regional Parameters, uplink
/// dwell time of US915, and of AU915 and AS923 where the network sets the flag).
pub const DWELL_US: Micros = 400_000;

/// A LoRa modulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modulation {
    /// Spreading factor, 7..=12.
    pub sf: u8,
    /// Bandwidth in kHz: 125, 250 or 500.
    pub khz: u16,
}

/// Time on air of a packet of `phy_len` bytes: preamble of 8 symbols, explicit header, CRC on. `coding` is the
/// second number of the coding rate, 5..=8 (LoRaWAN uses 4/5).
///
/// Source: Semtech's formula (SX1261/2 data sheet, 6.1.4), as in LoRaMac-node `src/radio/sx126x/radio.c`.
/// Low data rate optimisation is on where a symbol lasts 16.384 ms or more.
pub fn packet_time(modulation: Modulation, coding: u8, phy_len: usize) -> Micros {
    let sf = u64::from(modulation.sf.clamp(7, 12));
    let symbol = (1_000u64 << sf) / u64::from(modulation.khz.max(1));
    let optimised = if symbol >= 16_384 { 2 } else { 0 };
    let bits = (8 * phy_len.min(255) as u64 + 28 + 16).saturating_sub(4 * sf);
    let blocks = bits.div_ceil(4 * (sf - optimised));
    let symbols = 8 + blocks * u64::from(coding.clamp(5, 8));
    // 8 symbols of preamble and 4.25 of synchronisation are 49 quarters.
    symbol * 49 / 4 + symbol * symbols
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn time_on_air_equals_every_row_of_semtechs_reference() {
        let shared = std::env::var("TRAPLINE_SHARED").unwrap_or_else(|_| "../shared".into());
        let path = std::path::Path::new(&shared).join("reference/lorawan/lora_airtime_semtech_reference.csv");
        let Ok(text) = std::fs::read_to_string(&path) else {
            assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
            println!("skipped: {} is missing", path.display());
            return;
        };
        let mut rows = 0;
        for line in text.lines().skip(1) {
            let cells: Vec<_> = line.split(',').collect();
            let modulation = Modulation {
                sf: cells[0].parse().unwrap(),
                khz: (cells[1].parse::<u32>().unwrap() / 1000) as u16,
            };
            let coding = cells[2].strip_prefix("4/").unwrap().parse().unwrap();
            assert_eq!(cells[3], "8", "{line}");
            let found = packet_time(modulation, coding, cells[4].parse().unwrap());
            assert_eq!(found, cells[5].parse::<u64>().unwrap(), "{line}");
            rows += 1;
        }
        assert_eq!(rows, 9216);
    }
}
