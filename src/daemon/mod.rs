//! The daemon: one thread that runs from trigger to journal, burst by burst, until it is told to stop.
//!
//! `pipeline` is the way of the data, `pictures` makes what may be kept, `record` turns a judgement into the
//! journal's rows, `merge` recomputes a sequence from all its bursts, `models` opens the networks a site chose,
//! `taxa` knows what they can name, `identify` asks a gallery who an animal is, `health` counts what happened, `pulse` knows who makes progress, `live` shows it
//! to whoever watches, `aim` takes the pictures one aims the camera by, `ration` looks less while the battery is low,
//! `power` holds the power plan, `once` is a run for one burst, `locate` asks the satellite receiver. The `sender` is the second long-lived thread.

mod aim;
mod chosen;
pub mod health;
pub mod identify;
pub mod live;
pub mod locate;
pub mod merge;
pub mod models;
pub mod once;
pub mod pictures;
pub mod pipeline;
pub mod power;
pub mod pulse;
mod ration;
pub mod record;
pub mod rules;
pub mod sender;
pub mod start;
pub mod taxa;
