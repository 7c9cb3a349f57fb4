//! Trapline: the daemon inside a camera trap, from a PIR trigger to a species event of a few bytes.
//!
//! # The way of the data
//!
//! ```text
//! PIR ─ Trigger ─┐
//!                ├─> burst ──> decode ──> motion ──> detect ──> crop ──> classify ──> fuse ──> Judgement
//! camera ─ Camera┘    (JPEG frames, each with its time)                                          │
//!                                                                  empty: counted, dropped   <───┤
//!                                                                  failed: kept, flagged     <───┤
//!                                                                  uncertain: kept, flagged  <───┤
//!                                                                  sighting, person, vehicle <───┘
//!                                                                     │
//!       journal (one transaction: burst + observations + media hashes + outbox row) <┘
//!             │
//!             ├─> retention (what stays on the card)
//!             └─> sender: alert rules ─> frames or letters ─> air-time ledger ─> Uplink ─> acknowledged
//! ```
//!
//! Two long-lived threads: `pipeline` runs left to right, one function per arrow; `sender` takes what the journal
//! holds to the world and brings commands back. They share the journal, and the thresholds that a command changed.
//! Losing power is the normal way to stop.
//!
//! # The rooms
//!
//! | room | what it is for | may import |
//! |---|---|---|
//! | [`units`] | quantities with a unit or a range; `no_std` | |
//! | [`event`] | what the trap says to the world: keys, messages, the wire format, commands; `no_std` | units |
//! | [`airtime`] | what physics and law allow: time on air, payloads, duty cycle; `no_std` | units |
//! | `strict` | TOML read strictly: every error names file, key and what is allowed | |
//! | `csv` | tables of text | |
//! | `deployment` | how a camera stands, in the words of Camtrap DP | |
//! | `image` | JPEG bytes to pixels: scaled decoding, EXIF, resize, crop | units |
//! | `engine` | inference behind one trait: manifests, labels, tract, ONNX Runtime, a fake | csv, units |
//! | `vision` | frames to a judgement: motion, detect, classify, fuse, taxonomy. No files, clocks, devices | image, engine, event, units |
//! | `gallery` | individuals that were met before: one file, and whether an animal is one of them | engine, image, store, units, vision |
//! | `world` | the bench world: rendered scenes with exact truth | image, units |
//! | `hal` | the seams, traits only: trigger, camera, clock, uplink, gauges | image, units, event |
//! | `drivers` | one device per file | hal, image, units, event, world (the bench drivers) |
//! | `board` | `boards/*.toml` to opened devices | drivers, hal, strict, units |
//! | `store` | the journal and the media on the card | airtime, deployment, event, units |
//! | `daemon` | the pipeline from trigger to journal, and the sender from journal to uplink | hal, vision, gallery, image, engine, store, event, airtime, config, deployment, units |
//! | `config` | what a site chooses, checked | deployment, strict, units |
//! | `photos` | folders of photos: found, grouped into bursts and sequences, put into species folders | image, units |
//! | `export` | journals to Camtrap DP, MegaDetector results, detection histories, tables, crops | csv, deployment, event, image, store, units |
//! | `report` | journals as one HTML page: counted, drawn, written | export, store, event, units, image |
//! | `eval` | predictions against truth: confusion, sensitivity, accuracy against coverage | csv, engine, event, gallery, units |
//! | `budget` | how long battery, card and air suffice, and what each figure is worth | airtime, board, config, event |
//! | `bundle` | signed bundles of models and configuration: verified, staged, tried, switched, taken back | board, config, daemon, event, strict, vision |
//! | `doctor` | whether the trap is well: one list of checks for the page and the verb | bundle, hal, board, config, daemon, deployment, engine, vision, image, store, event, units |
//! | `console` | the page, on a phone at the trap and on a laptop at home | bundle, doctor, board, daemon, gallery, store, event, export, units, deployment, config, image, photos, hal |
//! | `cli` | one file per verb | all |
//!
//! `daemon` never names a driver; `drivers` never know the daemon; `vision` never touches a file; only
//! `engine::tract` names tract, only `engine::onnxruntime` names ort. `tests/rooms.rs` reads the
//! `use` lines and keeps this table true.
//!
//! # Features
//!
//! With `default-features = false` the library is `no_std` and holds `units`, `event` and `airtime` only: what ground
//! software needs to read events. `std` (default) adds everything else, `tract` (default) the inference engine,
//! `console` (default) the page, `onnxruntime` a second engine, through a shared library that is found when the
//! program runs, `mimalloc` (default) an allocator for the program that keeps less of what was freed.
#![cfg_attr(not(feature = "std"), no_std)]

pub mod airtime;
pub mod event;
pub mod units;

#[cfg(feature = "std")]
pub mod board;
#[cfg(feature = "std")]
pub mod budget;
#[cfg(feature = "std")]
pub mod bundle;
#[cfg(feature = "std")]
pub mod cli;
#[cfg(feature = "std")]
pub mod config;
#[cfg(feature = "console")]
pub mod console;
#[cfg(feature = "std")]
pub mod csv;
#[cfg(feature = "std")]
pub mod daemon;
#[cfg(feature = "std")]
pub mod deployment;
#[cfg(feature = "std")]
pub mod doctor;
#[cfg(feature = "std")]
pub mod drivers;
#[cfg(feature = "std")]
pub mod engine;
#[cfg(feature = "std")]
pub mod eval;
#[cfg(feature = "std")]
pub mod export;
#[cfg(feature = "std")]
pub mod gallery;
#[cfg(feature = "std")]
pub mod hal;
#[cfg(feature = "std")]
pub mod image;
#[cfg(feature = "std")]
pub mod photos;
#[cfg(feature = "std")]
pub mod report;
#[cfg(feature = "std")]
pub mod store;
#[cfg(feature = "std")]
pub mod strict;
#[cfg(feature = "std")]
pub mod vision;
#[cfg(feature = "std")]
pub mod world;
