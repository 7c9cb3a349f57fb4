//! Data rates and the largest payloads of the LoRaWAN regions.

use super::{Micros, Modulation, packet_time};

/// Bytes of a LoRaWAN frame beside the application payload: MHDR 1, FHDR 7 without options, FPort 1, MIC 4.
pub const OVERHEAD_BYTES: usize = 13;

/// No payload is longer, so that it also passes a repeater (LoRaWAN Regional Parameters, repeater tables).
pub const MAX_APP_BYTES: usize = 222;

/// A LoRaWAN region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// Europe, 863–870 MHz.
    Eu868,
    /// North America, 902–928 MHz.
    Us915,
    /// Australia and South America, 915–928 MHz.
    Au915,
    /// Asia, 923 MHz.
    As923,
}

impl Region {
    /// The modulation of an uplink data rate. `None`: no LoRa uplink of this region. LR-FHSS and FSK are not
    /// supported: the modems of the traps do not send them.
    pub fn modulation(self, dr: u8) -> Option<Modulation> {
        let (sf, khz) = match (self, dr) {
            (Region::Us915, 0..=3) => (10 - dr, 125),
            (Region::Us915, 4) => (8, 500),
            (Region::Us915, _) => return None,
            (_, 0..=5) => (12 - dr, 125),
            (Region::Eu868 | Region::As923, 6) => (7, 250),
            (Region::Au915, 6) => (8, 500),
            _ => return None,
        };
        Some(Modulation { sf, khz })
    }
}

/// The largest application payload in bytes, with no MAC options in the frame; `dwell` is the limit of 400 ms
/// (of no effect in EU868; US915 has it built in). `None`: the data rate cannot be used.
///
/// Source: LoRaWAN Regional Parameters RP002-1.0.4 with repeater, capped at [`MAX_APP_BYTES`]. Older revisions give
/// AS923 DR2 51 bytes instead of 115.
pub fn max_payload(region: Region, dr: u8, dwell: bool) -> Option<usize> {
    region.modulation(dr)?;
    let bytes = match (region, dr) {
        (Region::Us915, 0) => 11,
        (Region::Us915, 1) => 53,
        (Region::Us915, 2) => 125,
        (Region::Au915 | Region::As923, 0 | 1) if dwell => return None,
        (Region::Au915 | Region::As923, 2) if dwell => 11,
        (Region::Au915 | Region::As923, 3) if dwell => 53,
        (Region::Au915 | Region::As923, 4) if dwell => 125,
        (Region::As923, 2) => 115,
        (Region::Eu868 | Region::Au915 | Region::As923, 0..=2) => 51,
        (Region::Eu868 | Region::Au915 | Region::As923, 3) => 115,
        _ => MAX_APP_BYTES,
    };
    Some(bytes)
}

/// Time on air of an uplink with `app_len` bytes of payload; `None`: the data rate cannot be used.
pub fn time_on_air(region: Region, dr: u8, app_len: usize) -> Option<Micros> {
    Some(packet_time(region.modulation(dr)?, 5, app_len.saturating_add(OVERHEAD_BYTES)))
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::airtime::DWELL_US;
    use lrwn::region::{CommonName, MacVersion, Revision, get};

    const REGIONS: [(Region, CommonName); 4] = [
        (Region::Eu868, CommonName::EU868),
        (Region::Us915, CommonName::US915),
        (Region::Au915, CommonName::AU915),
        (Region::As923, CommonName::AS923),
    ];

    #[test]
    fn payloads_equal_those_of_chirpstacks_crate() {
        for (region, name) in REGIONS {
            for dwell in [false, true] {
                let oracle = get(name, true, dwell);
                for dr in (0..16).filter(|dr| region.modulation(*dr).is_some()) {
                    let size = oracle
                        .get_max_payload_size(MacVersion::LORAWAN_1_0_4, Revision::RP002_1_0_4, dr)
                        .unwrap();
                    let found = max_payload(region, dr, dwell).unwrap_or(0);
                    assert_eq!(found, size.n.min(222), "{region:?} DR{dr} dwell {dwell}");
                }
            }
        }
    }

    #[test]
    fn payloads_equal_the_dump() {
        let shared = std::env::var("TRAPLINE_SHARED").unwrap_or_else(|_| "../shared".into());
        let path = std::path::Path::new(&shared).join("reference/lorawan/lorawan_max_payload_lrwn.csv");
        let Ok(text) = std::fs::read_to_string(&path) else {
            assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
            println!("skipped: {} is missing", path.display());
            return;
        };
        let mut rows = 0;
        for line in text.lines().skip(1) {
            let cells: Vec<_> = line.split(',').collect();
            let Some((region, _)) =
                REGIONS.into_iter().find(|(r, _)| format!("{r:?}").to_uppercase() == cells[0])
            else {
                continue;
            };
            let dr = cells[4].parse().unwrap();
            let Some(modulation) = region.modulation(dr) else { continue };
            assert_eq!(cells[5], format!("SF{}BW{}", modulation.sf, modulation.khz), "{line}");
            // The one value where revisions differ below the cap.
            if (region, dr, cells[1], cells[3]) == (Region::As923, 2, "false", "1.0.2B") {
                continue;
            }
            let n: usize = cells[7].parse().unwrap();
            assert_eq!(max_payload(region, dr, cells[1] == "true").unwrap_or(0), n.min(222), "{line}");
            rows += 1;
        }
        assert!(rows > 100, "{rows}");
    }

    #[test]
    fn what_the_dwell_limit_allows_is_on_the_air_for_less_than_400_ms() {
        for region in [Region::Au915, Region::As923, Region::Us915] {
            for dr in 0..8 {
                let Some(bytes) = max_payload(region, dr, true) else { continue };
                let time = time_on_air(region, dr, bytes).unwrap();
                assert!(time <= DWELL_US, "{region:?} DR{dr}: {time}");
            }
        }
    }
}
