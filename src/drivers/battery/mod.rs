//! Batteries: gauges on I2C, controllers that know theirs, the kernel's files; and what a voltage says of the charge.
//!
//! Drivers tell what their device tells; [`Pack`] refuses what no such battery can have and adds the state of charge
//! where only the voltage is known.

mod chemistry;
mod ina;
mod kernel;
mod pack;
mod pijuice;
mod witty;

pub use chemistry::Chemistry;
pub use ina::{Ina, Kind, Shunt};
pub use kernel::{Hwmon, Supply};
pub use pack::Pack;
pub use pijuice::{ADDRESS as PIJUICE, PiJuice};
pub use witty::{ADDRESS as WITTY, Witty};

#[cfg(test)]
mod tests;
