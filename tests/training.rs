//! The training recipe: what of it needs no PyTorch (readers of photos, splits, sampling, thresholds) is tested in Python.

#![cfg(feature = "std")]
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

use std::path::Path;
use std::process::Command;

#[test]
fn the_recipe_reads_parts_samples_and_decides_as_it_says() {
    let program = std::env::var_os("TRAPLINE_PYTHON").unwrap_or_else(|| "python3".into());
    let there = Command::new(&program).args(["-c", "import numpy, PIL, pytest"]).output();
    if !there.is_ok_and(|o| o.status.success()) {
        let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
        assert!(!ci, "skipped under CI: no Python with numpy, pillow and pytest");
        println!("skipped: no Python with numpy, pillow and pytest (set TRAPLINE_PYTHON)");
        return;
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/recipes/test_recipes.py");
    let args = ["-m", "pytest", "-q", "-p", "no:cacheprovider"];
    let done =
        Command::new(&program).args(args).arg(&tests).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains(" passed"), "{said}");
}
