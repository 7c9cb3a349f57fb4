//! Whether the camera delivers pictures that can be read.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Answer, Check, Finding, Patient};
use crate::image::{Want, decode};

pub(in crate::doctor) const CHECK: Check = Check {
    name: "camera",
    causes: &[
        ("not-asked", Grey),
        ("spool", Grey),
        ("answered", Green),
        ("delivers", Green),
        ("aim", Amber),
        ("some", Amber),
        ("silent", Red),
        ("broken", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    if let Some(daemon) = &patient.daemon {
        return vec![match (&daemon.camera, &daemon.aim, &daemon.last) {
            (Answer::Failed(why), _, _) => check.found("silent").with("why", why),
            (_, Some(why), _) => check.found("aim").with("why", why),
            (_, None, Some(last)) if last.failed.0 > 0 => {
                let cause = if last.failed.0 == last.failed.1 { "broken" } else { "some" };
                check.found(cause).with("bad", last.failed.0).with("n", last.failed.1).with("why", "")
            }
            (_, None, Some(_)) => check.found("answered"),
            (_, None, None) => check.found("not-asked"),
        }];
    }
    let shots = match patient.shots() {
        Err(why) => return vec![check.found("silent").with("why", why)],
        Ok(None) => return vec![check.found("spool")],
        Ok(Some(shots)) => shots,
    };
    let (mut bad, mut why, mut size, mut bytes) = (0, String::new(), (0, 0), 0);
    for shot in shots {
        match shot.jpeg.as_ref().map(|jpeg| (jpeg, decode(jpeg, Want::LongSide(64)), header(jpeg))) {
            Ok((jpeg, Ok(_), upright)) => {
                bytes += jpeg.len();
                size = upright;
            }
            Ok((_, Err(error), _)) => {
                bad += 1;
                why = error.to_string();
            }
            Err(said) => {
                bad += 1;
                why = said.clone();
            }
        }
    }
    let cause = match bad {
        0 if !shots.is_empty() => "delivers",
        n if n < shots.len() => "some",
        _ => "broken",
    };
    let good = shots.len().saturating_sub(bad).max(1);
    vec![
        check
            .found(cause)
            .with("n", shots.len())
            .with("bad", bad)
            .with("why", why)
            .with("width", size.0)
            .with("height", size.1)
            .with("kb", bytes / good / 1000),
    ]
}

fn header(jpeg: &[u8]) -> (u32, u32) {
    crate::image::Header::read(jpeg).map(|header| header.upright_size()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::{Trap, picture};
    use crate::doctor::{Burst, Daemon};

    #[test]
    fn a_camera_that_does_not_answer_or_writes_noise_is_red() {
        let mut trap = Trap::new();
        let good = picture(&|x, y| if (x / 8 + y / 8) % 2 == 0 { 200 } else { 60 });
        trap.hands.shots = Ok(vec![Ok(good.clone()); 3]);
        let found = trap.ask(&CHECK).remove(0);
        assert_eq!((found.cause, found.values[3].1.as_str()), ("delivers", "320"), "{found:?}");
        trap.hands.shots = Ok(vec![Ok(good), Ok(vec![0; 500]), Err("no picture in time".to_owned())]);
        assert_eq!(trap.ask(&CHECK)[0].cause, "some");
        trap.hands.shots = Ok(vec![Ok(vec![0; 500]); 3]);
        assert_eq!(trap.ask(&CHECK)[0].cause, "broken");
        trap.hands.shots = Err("the program ended".to_owned());
        assert_eq!(trap.ask(&CHECK)[0].cause, "silent");
    }

    #[test]
    fn a_running_trap_says_how_its_camera_answered() {
        let mut trap = Trap::new();
        let last = |failed| {
            let key = crate::event::EventKey { boot: 1, number: 1 };
            let at = chrono::DateTime::UNIX_EPOCH;
            Some(Burst { key, at, took: std::time::Duration::ZERO, failed })
        };
        for (daemon, cause) in [
            (Daemon::default(), "not-asked"),
            (Daemon { last: last((0, 3)), ..Daemon::default() }, "answered"),
            (Daemon { last: last((1, 3)), ..Daemon::default() }, "some"),
            (Daemon { last: last((3, 3)), ..Daemon::default() }, "broken"),
            (Daemon { camera: Answer::Failed("x".to_owned()), ..Daemon::default() }, "silent"),
            (Daemon { aim: Some("x".to_owned()), ..Daemon::default() }, "aim"),
        ] {
            trap.daemon = Some(daemon);
            assert_eq!(trap.ask(&CHECK)[0].cause, cause);
        }
    }
}
