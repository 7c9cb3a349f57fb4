//! A battery of cells in series around its gauge: refuses what cannot be, and adds the state of charge.

use super::Chemistry;
use crate::hal::{Battery, Charge, DeviceError};

/// Where current times inner resistance is more than this a cell, the voltage says more of the load than of the charge.
const LOADED_MV: i64 = 100;

/// A battery and what reads it.
pub struct Pack<G> {
    gauge: G,
    cells: Option<(Chemistry, u8)>,
    milliohms: u16,
}

impl<G: Battery> Pack<G> {
    /// `gauge` on `cells` in series of a chemistry, where that is known; `milliohms`: inner resistance of one cell (0:
    /// that of a usual one).
    pub fn new(gauge: G, cells: Option<(Chemistry, u8)>, milliohms: u16) -> Self {
        let usual = cells.map_or(0, |(chemistry, _)| chemistry.milliohms());
        Pack { gauge, cells, milliohms: if milliohms == 0 { usual } else { milliohms } }
    }

    /// State of charge by the voltage at rest. With a current the drop within the cells is added; where that drop is
    /// large (a burst, or the sun on the panel) there is none: unknown is neither full nor empty.
    fn percent(&self, millivolts: u16, milliamps: Option<i32>) -> Option<u8> {
        let (chemistry, cells) = self.cells?;
        let dropped = i64::from(milliamps.unwrap_or(0)) * i64::from(self.milliohms) / 1000;
        if dropped.abs() > LOADED_MV {
            return None;
        }
        let rest = i64::from(millivolts) / i64::from(cells.max(1)) + dropped;
        u16::try_from(rest).ok().map(|rest| chemistry.percent(rest))
    }
}

impl<G: Battery> Battery for Pack<G> {
    fn read(&mut self) -> Result<Charge, DeviceError> {
        let mut charge = self.gauge.read()?;
        if charge.percent.is_some_and(|percent| percent > 100) {
            charge.percent = None;
        }
        if let (Some(mv), Some((chemistry, cells))) = (charge.millivolts, self.cells) {
            let possible = chemistry.possible();
            if !possible.contains(&(mv / u16::from(cells.max(1)))) {
                return Err(DeviceError {
                    device: "battery".to_owned(),
                    what: format!(
                        "{mv} mV is nothing that {cells} {} cells in series can have ({} to {} mV each)",
                        chemistry.as_str(),
                        possible.start(),
                        possible.end()
                    ),
                    cure: "check the gauge's wires to the battery, and chemistry and cells under [battery] in the board \
                           profile"
                        .to_owned(),
                });
            }
            charge.percent = charge.percent.or_else(|| self.percent(mv, charge.milliamps));
        }
        Ok(charge)
    }
}

impl Battery for Box<dyn Battery> {
    fn read(&mut self) -> Result<Charge, DeviceError> {
        (**self).read()
    }
}
