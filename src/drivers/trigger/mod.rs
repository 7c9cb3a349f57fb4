//! Triggers without a device of their own: the time-lapse, somebody's wish, and two that watch over others.

mod asked;
mod budget;
mod combined;
mod start;
mod storm;
mod timer;

pub use asked::{Asked, Wishes};
pub use budget::Limits;
pub use combined::{Combined, Rule};
pub use start::Start;
pub use storm::Storm;
#[cfg(test)]
pub(super) use storm::tests::HandClock;
pub use timer::Timer;
