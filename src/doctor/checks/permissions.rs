//! Whether who runs the trap may use what it needs: device nodes, folders.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::board::{CameraDriver, Power, TriggerDriver};
use crate::config::sending::{Carrier, Modem, MqttModem};
use crate::doctor::Colour::{Green, Red};
use crate::doctor::{Check, Finding, Patient};

pub(in crate::doctor) const CHECK: Check = Check {
    name: "permissions",
    causes: &[("well", Green), ("missing", Red), ("denied", Red), ("no-folder", Red), ("unwritable", Red)],
    hands: false,
    examine,
};

/// Something the trap needs.
struct Need {
    path: PathBuf,
    /// Whose member one must be, as Debian and Raspberry Pi OS name it.
    group: &'static str,
    folder: bool,
}

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let needs = needs(patient);
    let amiss: Vec<Finding> = needs.iter().filter_map(|need| look(check, need)).collect();
    if amiss.is_empty() { vec![check.found("well").with("n", needs.len())] } else { amiss }
}

fn look(check: &Check, need: &Need) -> Option<Finding> {
    judged(check, need, access(&need.path, Access::READ_OK | Access::WRITE_OK))
}

fn judged(check: &Check, need: &Need, answer: rustix::io::Result<()>) -> Option<Finding> {
    let cause = match (answer, need.folder) {
        (Ok(()), _) => return None,
        (Err(rustix::io::Errno::NOENT), true) => "no-folder",
        (Err(rustix::io::Errno::NOENT), false) => "missing",
        (Err(_), true) => "unwritable",
        (Err(_), false) => "denied",
    };
    Some(check.found(cause).with("path", need.path.display()).with("group", need.group))
}

fn needs(patient: &Patient<'_>) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut device = |path: PathBuf, group| needs.push(Need { path, group, folder: false });
    let dev = &patient.roots.dev;
    if let Some(profile) = patient.profile {
        if profile.trigger == TriggerDriver::Pir {
            for chip in nodes(dev, "gpiochip") {
                device(chip, "gpio");
            }
        }
        if matches!(profile.camera, CameraDriver::Rpicam | CameraDriver::RpicamStill) {
            for node in nodes(dev, "media") {
                device(node, "video");
            }
        }
    }
    // A path below /dev is looked for below the root of devices.
    let below =
        |path: &Path| path.strip_prefix("/dev").map_or_else(|_| path.to_owned(), |inside| dev.join(inside));
    if let Some(profile) = patient.profile {
        match &profile.power {
            Power::Rtc { name, .. } => {
                device(patient.roots.sys.join("class/rtc").join(name).join("wakealarm"), "trapline");
            }
            Power::WittyPi(wired) | Power::PiJuice(wired) => device(below(&wired.bus), "i2c"),
            Power::None | Power::Outside | Power::Bench => {}
        }
        if let Some(gps) = &profile.gps {
            device(below(&gps.port), "dialout");
        }
    }
    let out = &patient.config.out;
    for carrier in &out.sending.uplinks {
        let port = match carrier {
            Carrier::Lorawan if out.lorawan.modem != Modem::Bench => &out.lorawan.port,
            Carrier::Satellite => &out.satellite.port,
            Carrier::Mqtt if out.mqtt.modem == MqttModem::Sim7080 => &out.mqtt.port,
            _ => continue,
        };
        device(below(port), "dialout");
    }
    let above = |path: &Path| {
        // A folder that is not there yet is made by the trap: the one above must let it.
        let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if path.is_dir() { path.to_owned() } else { parent.to_owned() }
    };
    let mut folders = vec![patient.card(), above(&patient.config.journal.media)];
    if out.sending.uplinks.contains(&Carrier::Directory) {
        folders.push(above(&out.directory.path));
    }
    folders.dedup();
    needs.extend(folders.into_iter().map(|path| Need { path, group: "trapline", folder: true }));
    needs
}

/// Nodes below `dev` whose name begins so; where there are none, the first that should be there.
fn nodes(dev: &Path, name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dev).into_iter().flatten().flatten().map(|entry| entry.path());
    let begins = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(name));
    let mut found: Vec<PathBuf> = entries.filter(begins).collect();
    found.sort();
    if found.is_empty() {
        found.push(dev.join(format!("{name}0")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Profile;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn a_missing_node_and_a_missing_folder_are_red_and_told_by_name() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].state, Green);
        let text = "trigger = \"pir\"\ncamera = \"rpicam\"\n[pir]\nlines = [\"GPIO17\"]";
        trap.profile = Some(Profile::parse(text, "b.toml").unwrap());
        trap.config.out.sending.uplinks = vec![Carrier::Lorawan];
        let found = trap.ask(&CHECK);
        assert_eq!(found.iter().map(|f| f.cause).collect::<Vec<_>>(), ["missing"; 3], "{found:?}");
        assert!(found[2].values[0].1.ends_with("dev/serial0") && found[2].values[1].1 == "dialout");
        for node in ["gpiochip0", "media0", "serial0"] {
            trap.put(&format!("dev/{node}"), "");
        }
        assert_eq!(trap.ask(&CHECK)[0].state, Green);
        trap.config.journal.path = "/no/such/folder/trap.db".into();
        assert_eq!(trap.ask(&CHECK)[0].cause, "no-folder");
    }

    #[test]
    fn what_is_there_and_may_not_be_used_is_denied() {
        let need = |folder| Need { path: "/dev/gpiochip0".into(), group: "gpio", folder };
        let denied = Err(rustix::io::Errno::ACCESS);
        assert_eq!(judged(&CHECK, &need(false), denied).unwrap().cause, "denied");
        assert_eq!(judged(&CHECK, &need(true), Err(rustix::io::Errno::ROFS)).unwrap().cause, "unwritable");
    }
}
