//! Modems on a serial port: lines with deadlines, the way back from silence, and the port itself.

pub mod ladder;
pub mod line;
pub mod uart;

#[cfg(test)]
pub(in crate::drivers) mod played;

pub use ladder::{Ladder, Step};
pub use line::{Line, Port};
