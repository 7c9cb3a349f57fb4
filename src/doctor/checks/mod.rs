//! One file per check. Limits stand where they are used, each with its source.

pub(super) mod battery;
pub(super) mod bundles;
pub(super) mod camera;
pub(super) mod clock;
pub(super) mod configuration;
pub(super) mod gps;
pub(super) mod journal;
pub(super) mod judging;
pub(super) mod models;
pub(super) mod modem;
pub(super) mod permissions;
pub(super) mod picture;
pub(super) mod pir;
pub(super) mod rtc;
pub(super) mod sending;
pub(super) mod space;
pub(super) mod speed;
pub(super) mod systemd;
pub(super) mod temperature;
pub(super) mod throttling;
pub(super) mod wake;
pub(super) mod wear;

#[cfg(test)]
pub(super) mod fake;
