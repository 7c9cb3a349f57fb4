//! The rooms of the house and who may enter whom: the table in `src/lib.rs` against the code's `crate::` paths.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may unwrap.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rooms and what each may import; `None`: all.
fn table() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let text = std::fs::read_to_string(src().join("lib.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let cells = rows.map(|row| row.trim_end_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    cells
        .filter(|cells| cells.len() == 3 && cells[0].contains('`'))
        .map(|cells| {
            let room = cells[0].trim_matches(['`', '[', ']']).to_owned();
            // `world (the bench drivers)` allows `world`.
            let names = cells[2].split(", ").filter_map(|cell| cell.split_whitespace().next());
            let allowed: BTreeSet<String> = names.map(str::to_owned).collect();
            (room, (!allowed.contains("all")).then_some(allowed))
        })
        .collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file with its room.
fn files() -> Vec<(String, PathBuf)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    walk(&src(), &mut found);
    found.retain(|path| path.extension().is_some_and(|e| e == "rs"));
    found
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(src()).unwrap().to_string_lossy().into_owned();
            let room = inside.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            (room, path)
        })
        .filter(|(room, _)| !["lib", "main"].contains(&room.as_str()))
        .collect()
}

/// The code of a file without its comments and its tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Names that follow `prefix` in `code`.
fn names_after<'a>(code: &'a str, prefix: &str) -> Vec<&'a str> {
    let rests = code.split(prefix).skip(1);
    rests
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
        .collect()
}

#[test]
fn the_table_names_every_room_and_no_other() {
    let rooms: BTreeSet<String> = files().into_iter().map(|(room, _)| room).collect();
    let named: BTreeSet<String> = table().into_keys().collect();
    assert_eq!(named, rooms);
}

#[test]
fn no_room_imports_what_the_table_does_not_allow() {
    let table = table();
    let mut strays = Vec::new();
    for (room, path) in files() {
        let Some(allowed) = &table[&room] else { continue };
        for name in names_after(&code(&path), "crate::") {
            if name != room && !allowed.contains(name) {
                strays.push(format!("{} uses {name}", path.display()));
            }
        }
    }
    assert_eq!(strays, Vec::<String>::new());
}

#[test]
fn one_place_names_each_inference_library() {
    let places = [
        ("tract_onnx", &["engine/tract/kept.rs", "engine/tract/mod.rs"][..]),
        ("ort::", &["engine/onnxruntime.rs"]),
    ];
    for (library, place) in places {
        let begins =
            |code: &str| code.split([' ', '(', '<', '!', '&', '\n']).any(|word| word.starts_with(library));
        let naming = files().into_iter().filter(|(_, path)| begins(&code(path)));
        let naming: BTreeSet<PathBuf> = naming.map(|(_, path)| path).collect();
        assert_eq!(naming, place.iter().map(|file| src().join(file)).collect(), "{library}");
    }
}
