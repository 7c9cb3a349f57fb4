//! A trapline built without the page says how to get it.
#![cfg(all(feature = "std", not(feature = "console")))]
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn asking_for_the_page_tells_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site.toml");
    std::fs::write(&site, "[console]\non = 'start'\n").unwrap();
    let site = site.to_str().unwrap();
    let asked: [&[&str]; 3] =
        [&["review", "card"], &["console", "secret"], &["run", "--config", site, "--bursts", "1"]];
    for arguments in asked {
        let output = Command::new(env!("CARGO_BIN_EXE_trapline")).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("--features console"), "{arguments:?}: {said}");
    }
}
