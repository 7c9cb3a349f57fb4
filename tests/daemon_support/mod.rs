//! A trap in a folder of its own: a small fast board, a site configuration, and the program to run on them.
#![allow(dead_code, missing_docs, clippy::unwrap_used)] // Each story uses what it needs; helpers of tests may unwrap.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use trapline::store::Reader;

/// Small random bursts without end, as fast as they are asked for.
pub const FAST: &str = "trigger = \"bench\"\ncamera = \"bench\"\nclock = \"bench\"\n\
    [bench]\nplay = \"random\"\nseed = 3\nwidth = 96\nheight = 64\n";

/// A site without models: motion alone judges, and much is kept.
pub const SITE: &str = "board = \"fast\"\n[site]\nname = \"story\"\n[burst]\nframes = 2\n\
    [retention]\nsightings = \"all\"\nempties_one_in = 2\nfloor_mb = 0\n";

/// A trap in a temporary folder.
pub struct Trap {
    folder: tempfile::TempDir,
}

impl Trap {
    /// A trap with [`FAST`] and [`SITE`].
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("boards")).unwrap();
        let trap = Trap { folder };
        trap.write("boards/fast.toml", FAST);
        trap.write("site.toml", SITE);
        trap
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A camera program `./camera`: a script that sends the same picture ten times a second for as long as its trap lives,
    /// which some stories kill.
    pub fn write_camera(&self) {
        let picture = std::fs::canonicalize("tests/data/baseline.jpg").unwrap();
        let script =
            format!("#!/bin/sh\nwhile kill -0 $PPID; do cat {}; sleep 0.1; done\n", picture.display());
        self.write("camera", &script);
        std::fs::set_permissions(self.path("camera"), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// `trapline run` in the trap's folder with its configuration and boards.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
        command.current_dir(self.folder.path()).env("RUST_LOG", "warn");
        command.args(["run", "--config", "site.toml", "--boards", "boards"]).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub fn journal(&self) -> PathBuf {
        self.path("trapline.db")
    }

    pub fn reader(&self) -> Reader {
        Reader::open_readonly(&self.journal()).unwrap()
    }

    pub fn media(&self) -> PathBuf {
        self.path("media")
    }
}

/// Every file below `folder`, as paths relative to it, sorted.
pub fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => walk(&path, root, found),
                false => found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned()),
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

/// The lines of JSON a run printed.
pub fn objects(stdout: &[u8]) -> Vec<serde_json::Value> {
    String::from_utf8_lossy(stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
