//! Finding a board profile by name.

use std::path::Path;

use super::Profile;
use crate::strict::{StrictError, nearest};

/// The profiles built in, by name.
const BUILT_IN: [(&str, &str); 1] = [("bench", include_str!("../../boards/bench.toml"))];

/// Why a board could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// No profile of that name.
    #[error("no board is called `{name}`{hint}; known: {known}; others are files NAME.toml in {folder}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The nearest known name, as a question, or nothing.
        hint: String,
        /// The known names.
        known: String,
        /// Where profiles are looked for.
        folder: String,
    },
    /// The profile cannot be read.
    #[error("cannot read the board profile {file}: {reason}; check its permissions")]
    Unreadable {
        /// Which file.
        file: String,
        /// The system's words.
        reason: String,
    },
    /// Not TOML, an unknown key, a value of the wrong kind.
    #[error(transparent)]
    Strict(#[from] StrictError),
    /// A value outside its range.
    #[error("{file}: key `{key}` is {value}; allowed: {allowed}")]
    Range {
        /// Which file.
        file: String,
        /// The whole key, dotted.
        key: &'static str,
        /// What was given.
        value: i64,
        /// What is allowed.
        allowed: String,
    },
}

/// The profile called `name`: the file `name.toml` in `folder`, else the one built in.
pub fn find(name: &str, folder: &Path) -> Result<Profile, BoardError> {
    let in_folder = names_in(folder);
    if in_folder.iter().any(|n| n == name) {
        let file = folder.join(format!("{name}.toml"));
        let shown = file.display().to_string();
        return match std::fs::read_to_string(&file) {
            Ok(text) => Profile::parse(&text, &shown),
            Err(e) => Err(BoardError::Unreadable { file: shown, reason: e.to_string() }),
        };
    }
    match BUILT_IN.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => Profile::parse(text, &format!("boards/{name}.toml")),
        None => Err(unknown(name, folder, in_folder)),
    }
}

fn unknown(name: &str, folder: &Path, mut known: Vec<String>) -> BoardError {
    known.extend(BUILT_IN.iter().map(|(n, _)| (*n).to_owned()));
    known.sort();
    known.dedup();
    let hint = nearest(name, known.iter().map(String::as_str));
    BoardError::Unknown {
        name: name.to_owned(),
        hint: hint.map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default(),
        known: known.join(", "),
        folder: folder.display().to_string(),
    }
}

/// Names of the profiles in `folder`; none when it cannot be read.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    entries
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .filter_map(|p| Some(p.file_stem()?.to_str()?.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bench_is_always_there() {
        let bench = find("bench", Path::new("no such folder")).unwrap();
        assert_eq!(bench.bench.seed, 7);
    }

    #[test]
    fn a_file_in_the_folder_is_a_board_and_an_unknown_one_is_answered_with_the_known() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ridge.toml"), "[bench]\nseed = 5").unwrap();
        assert_eq!(find("ridge", folder.path()).unwrap().bench.seed, 5);
        let said = find("rigde", folder.path()).unwrap_err().to_string();
        let start =
            "no board is called `rigde` (did you mean `ridge`?); known: bench, ridge; others are files";
        assert!(said.starts_with(start), "{said}");
    }
}
