//! One device per file. A driver knows its device and the seam in [`crate::hal`], nothing of who uses it.

pub mod battery;
pub mod bench;
pub mod cellular;
mod command_text;
pub mod directory;
pub mod gauges;
pub mod gpio;
pub mod gps;
pub mod i2c;
pub mod iridium;
pub mod light;
pub mod lorawan;
pub mod lux;
pub mod motion;
pub mod mqtt;
pub mod pir;
pub mod rtc_alarm;
mod secret;
pub mod serial;
pub mod sim7080;
pub mod spool;
pub mod still;
pub mod strain;
pub mod stream;
pub mod sysfs_gauges;
pub mod system_clock;
pub mod trigger;
pub mod v4l2;
pub mod wake;
pub mod webhook;
mod whole_file;

pub use secret::Secret;
