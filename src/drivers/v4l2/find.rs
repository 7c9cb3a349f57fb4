//! From a camera's name to its device file, by what udev and the kernel say of it.

use std::fs;
use std::path::{Path, PathBuf};

/// Where cameras are looked for.
#[derive(Debug, Clone)]
pub struct Places {
    /// The folder of device files.
    pub dev: PathBuf,
    /// The kernel's list of video devices (Documentation/ABI, sysfs class video4linux).
    pub class: PathBuf,
    /// What a device file that gives pictures says its card is called.
    pub card: fn(&Path) -> Option<String>,
}

impl Default for Places {
    fn default() -> Self {
        #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
        let card = super::kernel::card;
        #[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
        let card = |_: &Path| None;
        Places { dev: "/dev".into(), class: "/sys/class/video4linux".into(), card }
    }
}

/// True for what names a device by its number (`video0`, `/dev/video0`): the number depends on what else is plugged in
/// and on the order in which the kernel found it.
pub fn is_number(name: &str) -> bool {
    let name = name.strip_prefix("/dev/").unwrap_or(name);
    let digits = name.strip_prefix("video").unwrap_or(name);
    digits.bytes().all(|b| b.is_ascii_digit())
}

impl Places {
    /// The device file of the camera called `name`: a name in `v4l/by-id` or `v4l/by-path`, or a card's name.
    pub fn find(&self, name: &str) -> Result<PathBuf, String> {
        // A name with a slash would lead out of the folders.
        if !name.contains('/') && !name.is_empty() {
            for folder in ["v4l/by-id", "v4l/by-path"] {
                let path = self.dev.join(folder).join(name);
                if path.exists() {
                    return Ok(path);
                }
            }
        }
        let mut cards = Vec::new();
        for entry in fs::read_dir(&self.class).into_iter().flatten().flatten() {
            let about = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
            // A camera has several device files; the first gives its pictures, the others tell about them.
            if matches!(about("index").trim(), "" | "0") {
                cards.push((about("name").trim().to_owned(), self.dev.join(entry.file_name())));
            }
        }
        // The kernel's list has the driver's name for the device. A USB camera's is its card's; others say theirs when
        // they are asked.
        if !cards.iter().any(|(card, _)| card == name) {
            let asked = cards.iter().filter_map(|(listed, path)| {
                (self.card)(path).filter(|card| card != listed).map(|card| (card, path.clone()))
            });
            cards.extend(asked.collect::<Vec<_>>());
        }
        let called: Vec<&PathBuf> =
            cards.iter().filter(|(card, _)| card == name).map(|(_, path)| path).collect();
        match called.as_slice() {
            [path] => Ok(path.to_path_buf()),
            [] => Err(format!("there is no such camera; there are: {}", self.known(&cards))),
            several => Err(format!(
                "{} cameras are called so; give one of the names: {}",
                several.len(),
                self.known(&cards)
            )),
        }
    }

    fn known(&self, cards: &[(String, PathBuf)]) -> String {
        let by_id = names(&self.dev.join("v4l/by-id"));
        let mut names: Vec<String> = cards.iter().map(|(card, _)| card.clone()).chain(by_id).collect();
        names.sort();
        names.dedup();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folders as udev and the kernel make them for these cards; each has a second file that gives no pictures.
    fn plugged_in(cards: &[&str]) -> (tempfile::TempDir, Places) {
        let root = tempfile::tempdir().unwrap();
        // A device file holds what its card would say.
        let card = |path: &Path| fs::read_to_string(path).ok().filter(|said| !said.is_empty());
        let places = Places { dev: root.path().join("dev"), class: root.path().join("class"), card };
        fs::create_dir_all(places.dev.join("v4l/by-id")).unwrap();
        for (number, card) in cards.iter().enumerate() {
            for index in 0..2 {
                let name = format!("video{}", 2 * number + index);
                fs::write(places.dev.join(&name), "").unwrap();
                let about = places.class.join(&name);
                fs::create_dir_all(&about).unwrap();
                fs::write(about.join("name"), format!("{card}\n")).unwrap();
                fs::write(about.join("index"), format!("{index}\n")).unwrap();
            }
        }
        (root, places)
    }

    #[test]
    fn a_camera_is_found_by_its_id_or_its_cards_name() {
        let (_root, places) = plugged_in(&["Other", "HD Webcam: HD Webcam"]);
        assert_eq!(places.find("HD Webcam: HD Webcam").unwrap(), places.dev.join("video2"));
        let id = places.dev.join("v4l/by-id/usb-046d_HD_Webcam-video-index0");
        fs::write(&id, "").unwrap();
        assert_eq!(places.find("usb-046d_HD_Webcam-video-index0").unwrap(), id);
    }

    #[test]
    fn one_that_is_not_there_and_two_alike_are_told_with_what_there_is() {
        let (_root, places) = plugged_in(&["Twin", "Twin", "Other"]);
        let said = places.find("Third").unwrap_err();
        assert_eq!(said, "there is no such camera; there are: Other, Twin");
        assert!(places.find("Twin").unwrap_err().starts_with("2 cameras are called so"));
        assert!(places.find("../video0").is_err());
    }

    #[test]
    fn a_card_is_asked_for_its_name_where_its_driver_gives_another() {
        let (_root, places) = plugged_in(&["Other", "One more", "fifth-000-vid-cap"]);
        fs::write(places.dev.join("video4"), "Fifth").unwrap();
        assert_eq!(places.find("Fifth").unwrap(), places.dev.join("video4"));
        assert_eq!(places.find("fifth-000-vid-cap").unwrap(), places.dev.join("video4"));
        let said = places.find("Sixth").unwrap_err();
        assert_eq!(said, "there is no such camera; there are: Fifth, One more, Other, fifth-000-vid-cap");
    }

    #[test]
    fn numbers_are_no_names() {
        assert!(["video0", "/dev/video12", "0", "/dev/video"].iter().all(|name| is_number(name)));
        assert!(
            !["vivid-000-vid-cap", "usb-046d_0825-video-index0", "video capture"]
                .iter()
                .any(|n| is_number(n))
        );
    }
}
