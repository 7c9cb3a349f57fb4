//! The power goes in the middle of an install: afterwards the trap starts with the old or with the new, never neither.
//!
//! Three hands cut it. A simulated card counts every step and stops at each, at random losing what was not made safe;
//! a child process is killed at random moments; and after each the trap itself is started.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests may unwrap.

mod bundle_support;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bundle_support::Trap;
use chrono::{DateTime, Utc};
use trapline::bundle::{Disk, Kind, RealDisk, Slots, Target, install};

/// Cuts after which the trap must start.
const CUTS: usize = 300;

/// How to undo an entry of a folder that was not made safe.
enum Undo {
    Made(PathBuf),
    Renamed(PathBuf, PathBuf, Option<Vec<u8>>),
}

/// A card whose power goes at step `cut`. What `sync` did not make safe may be lost then: bytes of files, and entries
/// of folders from some point on.
struct Cutting {
    cut: usize,
    steps: RefCell<usize>,
    unsafe_files: RefCell<Vec<PathBuf>>,
    unsafe_entries: RefCell<HashMap<PathBuf, Vec<Undo>>>,
}

impl Cutting {
    fn new(cut: usize) -> Cutting {
        let (unsafe_files, unsafe_entries) = Default::default();
        Cutting { cut, steps: RefCell::new(0), unsafe_files, unsafe_entries }
    }

    /// A step begins; from `cut` on nothing happens any more.
    fn step(&self) -> io::Result<()> {
        *self.steps.borrow_mut() += 1;
        if *self.steps.borrow() > self.cut { Err(io::Error::other("the power is gone")) } else { Ok(()) }
    }

    fn entry(&self, path: &Path, undo: Undo) {
        let folder = path.parent().unwrap().to_owned();
        self.unsafe_entries.borrow_mut().entry(folder).or_default().push(undo);
    }

    /// What the card holds once the power is back.
    fn crash(&self, dice: &mut fastrand::Rng) {
        for file in self.unsafe_files.borrow().iter() {
            if let Ok(bytes) = std::fs::read(file) {
                match dice.u8(0..3) {
                    0 => std::fs::write(file, &bytes[..dice.usize(0..=bytes.len())]).unwrap(),
                    1 => std::fs::write(file, vec![0; bytes.len()]).unwrap(),
                    _ => {}
                }
            }
        }
        for undos in self.unsafe_entries.borrow_mut().values_mut() {
            // A journalling file system keeps the order within a folder: a tail is lost.
            let kept = dice.usize(0..=undos.len());
            for undo in undos.drain(kept..).rev() {
                match undo {
                    Undo::Made(path) if path.is_dir() => drop(std::fs::remove_dir_all(&path)),
                    Undo::Made(path) => drop(std::fs::remove_file(&path)),
                    Undo::Renamed(from, to, before) => {
                        drop(std::fs::rename(&to, &from));
                        if let Some(bytes) = before {
                            std::fs::write(&to, bytes).unwrap();
                        }
                    }
                }
            }
        }
    }
}

impl Disk for &Cutting {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.create_folder(path)?;
        self.entry(path, Undo::Made(path.to_owned()));
        Ok(())
    }

    fn write(&self, path: &Path, from: &mut dyn Read) -> io::Result<u64> {
        let gone = self.step();
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        if gone.is_err() {
            // It went within this write: a part may be there.
            if *self.steps.borrow() == self.cut + 1 {
                std::fs::write(path, &bytes[..bytes.len() / 2])?;
            }
            return gone.map(|()| 0);
        }
        let fresh = !path.exists();
        std::fs::write(path, &bytes)?;
        self.unsafe_files.borrow_mut().push(path.to_owned());
        if fresh {
            self.entry(path, Undo::Made(path.to_owned()));
        }
        Ok(bytes.len() as u64)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.unsafe_files.borrow_mut().retain(|file| file != path);
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.unsafe_entries.borrow_mut().remove(path);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        let before = std::fs::read(to).ok();
        std::fs::rename(from, to)?;
        for file in self.unsafe_files.borrow_mut().iter_mut().filter(|file| file.as_path() == from) {
            *file = to.to_owned();
        }
        self.entry(to, Undo::Renamed(from.to_owned(), to.to_owned(), before));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        // What is removed and comes back is only in the way of nobody: it is looked for by name.
        RealDisk.remove(path)
    }
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn target(trap: &Trap) -> Target {
    let (site, board) = ("ridge-3".to_owned(), "tiny".to_owned());
    Target { site, board, keys: vec![trap.public.clone()], most: 1_000_000 }
}

/// The version of the config bundle in force, whole.
fn in_force(folder: &Path) -> Option<u64> {
    let slots = Slots::new(folder, RealDisk);
    slots.begin(100, now()).unwrap();
    slots.in_force(Kind::Config, now()).unwrap().map(|(_, manifest)| manifest.version)
}

fn try_install<D: Disk>(disk: D, folder: &Path, trap: &Trap, bundle: &Path) -> bool {
    let slots = Slots::new(folder, disk);
    install(&slots, bundle, &target(trap), &mut |_, _| Ok(String::new()), now()).is_ok()
}

#[test]
fn every_step_of_an_install_may_be_the_last() {
    let trap = Trap::new("");
    let (old, new) = (trap.config(1, 3), trap.config(2, 4));
    let folder = trap.path("installed-bundles");
    // How many steps an install has.
    let counting = Cutting::new(usize::MAX);
    assert!(try_install(RealDisk, &folder, &trap, &old) && try_install(&counting, &folder, &trap, &new));
    let steps = *counting.steps.borrow();
    assert!(steps > 15, "{steps}");
    let mut dice = fastrand::Rng::with_seed(11);
    let (mut olds, mut news, mut starts) = (0, 0, 0);
    for round in 0..CUTS {
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(try_install(RealDisk, &folder, &trap, &old));
        // Every boundary in turn, again and again with other losses.
        let cut = round % (steps + 1);
        let card = Cutting::new(cut);
        let done = try_install(&card, &folder, &trap, &new);
        card.crash(&mut dice);
        let version = in_force(&folder);
        match version {
            Some(1) => olds += 1,
            Some(2) => news += 1,
            other => panic!("cut after step {cut} of {steps}: {other:?} is in force"),
        }
        assert!(!done || version == Some(2), "what was told as installed is in force (step {cut})");
        // The trap itself, at every boundary once.
        if round <= steps {
            let frames = trap.run(1).unwrap_or_else(|e| panic!("cut after step {cut}: {e}"));
            assert_eq!(frames, if version == Some(1) { 3 } else { 4 }, "step {cut}");
            trap.forget_journal();
            starts += 1;
        }
        // It can be tried again.
        if version == Some(1) {
            assert!(try_install(RealDisk, &folder, &trap, &new), "step {cut}");
            assert_eq!(in_force(&folder), Some(2), "step {cut}");
        }
    }
    println!("{CUTS} cuts at {} boundaries: {olds} old, {news} new, {starts} starts of the trap", steps + 1);
    assert!(olds > 0 && news > 0);
}

#[test]
fn the_first_install_may_be_cut_as_well() {
    let trap = Trap::new("");
    let new = trap.config(1, 4);
    let folder = trap.path("installed-bundles");
    let mut dice = fastrand::Rng::with_seed(5);
    for cut in 0..40 {
        let _ = std::fs::remove_dir_all(&folder);
        let card = Cutting::new(cut);
        try_install(&card, &folder, &trap, &new);
        card.crash(&mut dice);
        assert!(matches!(in_force(&folder), None | Some(1)), "step {cut}");
    }
}

#[test]
fn a_card_that_forgets_what_was_synced_is_found_out() {
    // The test can fail: a disk that makes nothing safe loses the new one, and sometimes what is in force.
    struct Lying<'a>(&'a Cutting);
    impl Disk for Lying<'_> {
        fn create_folder(&self, path: &Path) -> io::Result<()> {
            (&self.0).create_folder(path)
        }
        fn write(&self, path: &Path, from: &mut dyn Read) -> io::Result<u64> {
            (&self.0).write(path, from)
        }
        fn sync(&self, _: &Path) -> io::Result<()> {
            self.0.step()
        }
        fn sync_folder(&self, _: &Path) -> io::Result<()> {
            self.0.step()
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            (&self.0).rename(from, to)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            (&self.0).remove(path)
        }
    }
    let trap = Trap::new("");
    let (old, new) = (trap.config(1, 3), trap.config(2, 4));
    let folder = trap.path("installed-bundles");
    let mut dice = fastrand::Rng::with_seed(3);
    let mut lost = 0;
    for _ in 0..40 {
        let _ = std::fs::remove_dir_all(&folder);
        assert!(try_install(RealDisk, &folder, &trap, &old));
        let card = Cutting::new(usize::MAX);
        assert!(try_install(Lying(&card), &folder, &trap, &new));
        card.crash(&mut dice);
        lost += usize::from(in_force(&folder) != Some(2));
    }
    assert!(lost > 5, "{lost}");
}

#[test]
fn an_install_that_is_killed_at_any_moment_leaves_a_trap_that_starts() {
    let trap = Trap::new("");
    let (old, new) = (trap.config(1, 3), trap.config(2, 4));
    let folder = trap.path("installed-bundles");
    let mut dice = fastrand::Rng::with_seed(7);
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
        command.args(["bundle", "install", new.to_str().unwrap(), "--config", "site.toml"]);
        command.current_dir(trap.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    assert!(try_install(RealDisk, &folder, &trap, &old));
    let begun = std::time::Instant::now();
    assert!(command().status().unwrap().success());
    let whole = u64::try_from(begun.elapsed().as_micros()).unwrap();
    let (mut olds, mut news) = (0, 0);
    for round in 0..30 {
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(try_install(RealDisk, &folder, &trap, &old));
        let mut child = command().spawn().unwrap();
        std::thread::sleep(Duration::from_micros(dice.u64(0..whole * 6 / 5)));
        child.kill().unwrap();
        child.wait().unwrap();
        match in_force(&folder) {
            Some(1) => olds += 1,
            Some(2) => news += 1,
            other => panic!("round {round}: {other:?}"),
        }
        if round % 5 == 0 {
            trap.run(1).unwrap();
            trap.forget_journal();
        }
    }
    println!("30 kills within {whole} us: {olds} old, {news} new");
}
