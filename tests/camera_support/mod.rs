//! A camera that is another program: a shell script with numbered pictures in a folder of its own.
#![allow(dead_code, clippy::unwrap_used)] // Each story uses what it needs; helpers of tests may unwrap.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use trapline::hal::Shot;

/// A folder with pictures 1 to 120 and a program.
pub struct Played(tempfile::TempDir);

impl Played {
    /// `script` runs with `$dir`, the folder, and `$run`, 1 at the first start.
    pub fn new(program: &str, script: &str) -> Played {
        let folder = tempfile::tempdir().unwrap();
        let plain = std::fs::read("tests/data/baseline.jpg").unwrap();
        for number in 1..=120u8 {
            // A comment (T.81, B.2.4.5) after the start of image tells the pictures apart.
            let numbered = [&plain[..2], &[0xFF, 0xFE, 0, 3, number], &plain[2..]].concat();
            std::fs::write(folder.path().join(format!("{number}.jpg")), numbered).unwrap();
        }
        let text = format!(
            "#!/bin/sh\ndir={}\nrun=$(($(cat $dir/runs 2>/dev/null || echo 0)+1)); echo $run >$dir/runs\n\
             echo $$ >>$dir/pids; echo \"$@\" >$dir/args\n{script}\n",
            folder.path().display()
        );
        let program = folder.path().join(program);
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        Played(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn runs(&self) -> u32 {
        self.text("runs").trim().parse().unwrap_or(0)
    }

    /// Processes of the program that are still there.
    pub fn alive(&self) -> usize {
        self.text("pids").lines().filter(|pid| Path::new("/proc").join(pid).join("exe").exists()).count()
    }
}

/// The pictures' numbers; 0 for one that is missing. Every other byte must be as it was.
pub fn numbers(shots: &[Shot]) -> Vec<u8> {
    let plain = std::fs::read("tests/data/baseline.jpg").unwrap();
    let number = |shot: &Shot| {
        shot.jpeg.as_ref().map_or(0, |jpeg| {
            assert!(jpeg[..2] == plain[..2] && plain[2..].starts_with(&jpeg[7..]), "a picture is whole");
            jpeg[6]
        })
    };
    shots.iter().map(number).collect()
}
