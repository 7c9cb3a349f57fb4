//! Bundles to install, keys that signed them, and a trap of the bench to install them on.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use trapline::bundle::{Kind, Recipe, key_pair, pack, seal, sign};

/// A trap in a folder of its own.
pub struct Trap {
    pub folder: tempfile::TempDir,
    pub public: String,
    pub secret: String,
}

impl Trap {
    /// With a key that is trusted and, in `more`, other keys of its configuration.
    pub fn new(more: &str) -> Trap {
        let folder = tempfile::tempdir().unwrap();
        let (public, secret) = key_pair(None).unwrap();
        std::fs::create_dir(folder.path().join("boards")).unwrap();
        let board = "trigger = \"bench\"\ncamera = \"bench\"\nclock = \"bench\"\n\
                     [bench]\nseed = 3\nwidth = 96\nheight = 64\n";
        std::fs::write(folder.path().join("boards/tiny.toml"), board).unwrap();
        let site = format!(
            "board = \"tiny\"\n[site]\nname = \"ridge-3\"\n[burst]\nframes = 2\n[sending]\nuplinks = []\n\
             [retention]\nfloor_mb = 0\n[bundles]\nkeys = [\"{public}\"]\n{more}"
        );
        std::fs::write(folder.path().join("site.toml"), site).unwrap();
        Trap { folder, public, secret }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A signed bundle of these files.
    pub fn bundle(&self, name: &str, kind: Kind, version: u64, files: &[(&str, &[u8])]) -> PathBuf {
        let site = vec!["ridge-*".to_owned()];
        self.bundle_for(name, (kind, version, site), &self.secret, files)
    }

    pub fn bundle_for(
        &self,
        name: &str,
        (kind, version, sites): (Kind, u64, Vec<String>),
        secret: &str,
        files: &[(&str, &[u8])],
    ) -> PathBuf {
        let source = self.path(&format!("source-{name}"));
        for (inside, bytes) in files {
            let path = source.join(inside);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let recipe =
            Recipe { kind, version, sites, boards: vec!["*".to_owned()], description: String::new() };
        let (_, archive) = pack(&source, &recipe).unwrap();
        let file = self.path(name);
        let signature = sign(&archive, secret, None, &format!("{} {version}", kind.as_str())).unwrap();
        std::fs::write(&file, seal(&signature, &archive)).unwrap();
        file
    }

    /// A bundle that makes bursts of `frames` frames.
    pub fn config(&self, version: u64, frames: usize) -> PathBuf {
        let text = format!("[burst]\nframes = {frames}\n");
        self.bundle(
            &format!("c{version}.bundle"),
            Kind::Config,
            version,
            &[("trapline.toml", text.as_bytes())],
        )
    }

    pub fn trapline(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
        command.args(args).current_dir(self.folder.path()).env("RUST_LOG", "off").output().unwrap()
    }

    pub fn install(&self, file: &Path) -> Output {
        self.trapline(&["bundle", "install", file.to_str().unwrap(), "--config", "site.toml"])
    }

    /// Starts the trap for some bursts; how many frames each has.
    pub fn run(&self, bursts: u32) -> Result<usize, String> {
        let bursts = bursts.to_string();
        let out = self.trapline(&["run", "--config", "site.toml", "--bursts", &bursts, "--json"]);
        if !out.status.success() {
            return Err(String::from_utf8_lossy(&out.stderr).into_owned());
        }
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let line = text.lines().next().ok_or("no burst")?;
        let burst: serde_json::Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
        match &burst["frames"] {
            serde_json::Value::Array(frames) => Ok(frames.len()),
            other => other.as_u64().map(|n| n as usize).ok_or_else(|| line.to_owned()),
        }
    }

    pub fn status(&self) -> serde_json::Value {
        let out = self.trapline(&["bundle", "status", "--config", "site.toml", "--json"]);
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// Removes what starts leave behind, but the bundles.
    pub fn forget_journal(&self) {
        for entry in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("trapline.db") {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

pub fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}
