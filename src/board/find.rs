//! Finding a board profile: by name, or by the names the computer's device tree has for it.

use std::path::Path;

use super::Profile;
use crate::hal::DeviceError;
use crate::strict::{StrictError, nearest};

/// The profiles built in, by name.
const BUILT_IN: [(&str, &str); 6] = [
    ("bench", include_str!("../../boards/bench.toml")),
    ("jetson-orin-nano", include_str!("../../boards/jetson-orin-nano.toml")),
    ("pi-3", include_str!("../../boards/pi-3.toml")),
    ("pi-4", include_str!("../../boards/pi-4.toml")),
    ("pi-5", include_str!("../../boards/pi-5.toml")),
    ("pi-zero-2-w", include_str!("../../boards/pi-zero-2-w.toml")),
];

/// The name that asks for the profile of this computer.
pub const AUTO: &str = "auto";

/// Where the kernel shows the device tree (Documentation/ABI/testing/sysfs-firmware-ofw of the kernel).
pub const DEVICE_TREE: &str = "/proc/device-tree";

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
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// No profile is for this computer.
    #[error("no board profile is for this computer ({computer}); give --board NAME, known: {known}")]
    Nowhere {
        /// What the device tree says of it.
        computer: String,
        /// The known names.
        known: String,
    },
    /// A device did not open.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl BoardError {
    /// True for wrong input, false for a device that failed.
    pub fn is_input(&self) -> bool {
        !matches!(self, BoardError::Device(_))
    }
}

/// The name of the profile for the computer whose device tree is at `tree` ([`DEVICE_TREE`]): the first profile, of
/// those in `folder` and then of those built in, that lists one of its names. The device tree's most exact name goes
/// first.
pub fn detect(tree: &Path, folder: &Path) -> Result<String, BoardError> {
    let words = |name: &str| {
        let text = std::fs::read(tree.join(name)).unwrap_or_default();
        let words = text.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    let mut mine = words("compatible");
    let model = words("model").join(" ");
    let names = known(folder);
    for name in &mine {
        for board in &names {
            if find(board, folder)?.compatible.contains(name) {
                log::info!("this computer is a {model}: board {board}");
                return Ok(board.clone());
            }
        }
    }
    mine.insert(0, if model.is_empty() { "without a device tree".to_owned() } else { model });
    Err(BoardError::Nowhere { computer: mine.join(", "), known: names.join(", ") })
}

/// Every name, those of `folder` first.
fn known(folder: &Path) -> Vec<String> {
    let mut names = names_in(folder);
    names.sort();
    let others = BUILT_IN.iter().map(|(name, _)| (*name).to_owned());
    let others: Vec<String> = others.filter(|name| !names.contains(name)).collect();
    names.extend(others);
    names
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
        None => Err(unknown(name, folder)),
    }
}

fn unknown(name: &str, folder: &Path) -> BoardError {
    let mut known = known(folder);
    known.sort();
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
        let start = "no board is called `rigde` (did you mean `ridge`?); known: bench, jetson-orin-nano, pi-3, \
                     pi-4, pi-5, pi-zero-2-w, ridge; others are files";
        assert!(said.starts_with(start), "{said}");
    }

    /// A device tree as the kernel shows it: strings that end with a zero.
    fn tree(folder: &Path, model: &str, compatible: &[&str]) {
        std::fs::write(folder.join("model"), format!("{model}\0")).unwrap();
        let names: String = compatible.iter().map(|name| format!("{name}\0")).collect();
        std::fs::write(folder.join("compatible"), names).unwrap();
    }

    #[test]
    fn a_computer_is_known_by_its_device_tree() {
        let folder = tempfile::tempdir().unwrap();
        // The `compatible` lines of arch/arm64/boot/dts/broadcom and nvidia in Linux 6.12.
        for (board, model, compatible) in [
            ("pi-zero-2-w", "Raspberry Pi Zero 2 W Rev 1.0", ["raspberrypi,model-zero-2-w", "brcm,bcm2837"]),
            ("pi-3", "Raspberry Pi 3 Model B Plus Rev 1.3", ["raspberrypi,3-model-b-plus", "brcm,bcm2837"]),
            ("pi-4", "Raspberry Pi 4 Model B Rev 1.4", ["raspberrypi,4-model-b", "brcm,bcm2711"]),
            ("pi-5", "Raspberry Pi 5 Model B Rev 1.0", ["raspberrypi,5-model-b", "brcm,bcm2712"]),
            (
                "jetson-orin-nano",
                "NVIDIA Jetson Orin Nano Developer Kit",
                ["nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005"],
            ),
        ] {
            tree(folder.path(), model, &compatible);
            assert_eq!(detect(folder.path(), Path::new("none")).unwrap(), board);
        }
    }

    #[test]
    fn a_board_from_elsewhere_needs_a_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path(), "Radxa ZERO 3W", &["radxa,zero-3w", "rockchip,rk3566"]);
        let said = detect(folder.path(), folder.path()).unwrap_err().to_string();
        assert!(said.contains("Radxa ZERO 3W, radxa,zero-3w") && said.contains("pi-zero-2-w"), "{said}");
        let text = "compatible = [\"radxa,zero-3w\"]\ntrigger = \"timer\"\ncamera = \"command\"\n\
                    [timer]\nevery_s = 60\n[stream]\ncommand = [\"my-camera\"]\n";
        std::fs::write(folder.path().join("radxa.toml"), text).unwrap();
        assert_eq!(detect(folder.path(), folder.path()).unwrap(), "radxa");
    }

    #[test]
    fn every_profile_that_comes_along_is_built_in_and_good() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("boards");
        let mut names = names_in(&folder);
        names.sort();
        assert_eq!(names, BUILT_IN.map(|(name, _)| name.to_owned()));
        for name in names {
            let profile = find(&name, &folder).unwrap();
            assert!(
                !profile.description.is_empty() && profile.compatible.is_empty() == (name == "bench"),
                "{name}"
            );
        }
    }
}
