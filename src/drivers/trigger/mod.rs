//! Triggers without a device of their own: the time-lapse, somebody's wish, and two that watch over others.

mod asked;
mod combined;
mod start;
mod storm;
mod timer;

pub use asked::Asked;
pub use combined::{Combined, Rule};
pub use start::Start;
#[cfg(test)]
pub(super) use storm::tests::HandClock;
pub use storm::{Limits, Storm};
pub use timer::Timer;
