//! A satellite receiver behind a pseudo terminal: what it says of place and time, and what the trap makes of it. The
//! sentences follow gpsd's page on NMEA and the manuals of u-blox receivers, not the driver.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests may unwrap.

#[cfg(feature = "console")]
mod console_support;
mod daemon_support;
mod modem_support;

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use daemon_support::{SITE, Trap, objects};
use modem_support::{Modem, Script};
use trapline::drivers::gps::Receiver;
use trapline::drivers::serial::Port;
use trapline::drivers::serial::uart::Uart;
use trapline::hal::{Fix, Locator};
use trapline::store::record::Stored;
use trapline::units::ClockQuality;

/// A sentence with its checksum.
fn sealed(text: &str) -> String {
    format!("${text}*{:02X}\r\n", text.bytes().fold(0, |sum, byte| sum ^ byte))
}

/// What a receiver says in one second: 7 sentences, some 400 bytes.
fn epoch(utc: DateTime<Utc>, status: char, place: &str) -> String {
    let (time, date) = (utc.format("%H%M%S.00"), utc.format("%d%m%y"));
    let (mode, quality, used) = if status == 'A' { ('A', 1, "07") } else { ('N', 0, "02") };
    let place = if status == 'A' { place } else { ",,," };
    [
        format!("GNGGA,{time},{place},{quality},{used},1.10,545.4,M,46.9,M,,"),
        format!("GNGSA,{mode},3,04,05,09,12,24,25,29,,,,,,1.5,1.1,1.0,1"),
        "GPGSV,2,1,07,04,40,083,46,05,17,308,41,09,07,344,39,12,22,228,45,1".to_owned(),
        "GPGSV,2,2,07,24,15,120,33,25,66,270,48,29,30,180,40,1".to_owned(),
        format!("GNVTG,,T,,M,0.005,N,0.010,K,{mode}"),
        format!("GNRMC,{time},{status},{place},0.005,,{date},,,{mode},V"),
        format!("GNGLL,{place},{time},{status},{mode}"),
    ]
    .iter()
    .map(|text| sealed(text))
    .collect()
}

/// Two kilometres from nowhere, 46.5021 north and 25.3165 east.
const HERE: &str = "4630.1260,N,02518.9900,E";

/// A receiver that says an epoch each tenth of a second (so that a story does not wait), which is made by `says` from
/// its number; its bytes come at 9600 baud, ten bits a byte, but for the hurry.
fn receiver(mut says: impl FnMut(u64) -> Vec<u8> + Send + 'static) -> Script {
    let (begun, mut said) = (Instant::now(), 0);
    Box::new(move |_| {
        if begun.elapsed() < Duration::from_millis(100 * said) {
            return Vec::new();
        }
        said += 1;
        says(said - 1)
    })
}

fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The receiver `script` read through the real port at 9600 baud, for `wait`.
fn asked(script: Script, wait: Duration) -> (Result<Option<Fix>, String>, trapline::hal::Sky) {
    let modem = Modem::bytes(script);
    let path = modem.path.clone();
    let open = move || Uart::open(&path, 9600).map(|port| Box::new(port) as Box<dyn Port>);
    let mut receiver = Receiver::new("receiver", Box::new(open), None, 3);
    let (begun, mut told) = (Instant::now(), Ok(None));
    while begun.elapsed() < wait && matches!(told, Ok(None)) {
        told = receiver.fix(Duration::from_millis(200)).map_err(|fault| fault.to_string());
    }
    (told, receiver.sky())
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_fix_is_found_among_garbage_cut_sentences_and_wrong_checksums() {
    let mut dice = fastrand::Rng::with_seed(5);
    let script = receiver(move |n| {
        let good = epoch(now(), 'A', HERE).into_bytes();
        match n % 4 {
            // The first epochs are damaged, so that the fix comes after all of it was seen.
            0 => (0..200).map(|_| dice.u8(..)).chain(*b"\r\n").collect(),
            1 => good.iter().map(|byte| if *byte == b'4' { b'5' } else { *byte }).collect(),
            2 => [&good[..30], b"\r\n"].concat(),
            _ => good,
        }
    });
    let (told, sky) = asked(script, LONG);
    let fix = told.unwrap().unwrap();
    assert_eq!(fix.place, Some((46.502, 25.317)));
    assert!((fix.utc - now()).abs() < TimeDelta::seconds(3), "{}", fix.utc);
    assert!(sky.damaged >= 8 && sky.satellites == Some(7), "{sky:?}");
}

#[test]
fn sentences_come_byte_by_byte_at_9600_baud() {
    // A second's epoch takes 0.4 s at 960 bytes a second; it is given a byte each millisecond.
    let mut waiting = std::collections::VecDeque::new();
    let mut next = Instant::now();
    let script: Script = Box::new(move |_| {
        if Instant::now() >= next {
            next += Duration::from_secs(1);
            waiting.extend(epoch(now(), 'A', HERE).into_bytes());
        }
        waiting.pop_front().into_iter().collect()
    });
    let (told, _) = asked(script, LONG);
    let fix = told.unwrap().unwrap();
    assert!((fix.utc - now()).abs() < TimeDelta::seconds(4), "{}", fix.utc);
}

#[test]
fn no_fix_is_none_and_silence_is_a_fault_with_its_cure() {
    let (told, sky) = asked(receiver(|_| epoch(now(), 'V', "").into_bytes()), Duration::from_secs(2));
    assert_eq!(told.unwrap(), None);
    assert!(sky.sentences > 20 && sky.satellites == Some(2), "{sky:?}");
    let (told, _) = asked(Box::new(|_| Vec::new()), LONG);
    let silent = told.unwrap_err();
    assert!(silent.contains("nothing came for 10 s") && silent.contains("gps.port"), "{silent}");
    // The wrong speed: bytes, and no sentence among them.
    let mut dice = fastrand::Rng::with_seed(6);
    let (told, _) = asked(receiver(move |_| (0..100).map(|_| dice.u8(..)).collect()), LONG);
    let garbage = told.unwrap_err();
    assert!(garbage.contains("only garbage") && garbage.contains("gps.baud"), "{garbage}");
    // It falls silent in the middle.
    let (told, _) =
        asked(receiver(|n| if n < 5 { epoch(now(), 'V', "").into_bytes() } else { Vec::new() }), LONG);
    assert!(told.unwrap_err().contains("for 10 s"));
}

/// A trap on the computer's own clock with a receiver at `port`; it takes a burst now and then.
fn trap(port: &str, site: &str) -> Trap {
    let trap = Trap::new();
    trap.write("site.toml", &format!("{SITE}{site}"));
    let board = daemon_support::FAST.replace("clock = \"bench\"", "clock = \"system\"");
    let board = board.replace("play = \"random\"\n", "play = \"random\"\npace = \"real\"\n");
    trap.write(
        "boards/fast.toml",
        &format!("{board}[gps]\ndriver = \"nmea\"\nport = \"{port}\"\ndecimals = 2\n"),
    );
    trap
}

/// Runs the trap until its journal tells what is waited for, then stops it in order.
fn run_until(trap: &Trap, done: impl Fn(&Trap) -> bool) -> String {
    let child = trap.start(&[]);
    let begun = Instant::now();
    while !(trap.journal().exists() && done(trap)) {
        if begun.elapsed() > Duration::from_secs(60) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn happened(trap: &Trap, kind: &str) -> Vec<String> {
    let Ok(reader) = trapline::store::Reader::open_readonly(&trap.journal()) else { return Vec::new() };
    let all = reader.happenings().map(|list| list.items).unwrap_or_default();
    all.into_iter().filter(|told| told.kind == kind).map(|told| told.text).collect()
}

#[test]
fn the_place_is_the_deployments_and_the_clock_is_the_satellites_even_where_weeks_ran_over() {
    // A receiver of a firmware that lost a turn of 1024 weeks, and whose time is an hour ahead of this computer's.
    let wrong = TimeDelta::hours(1) - TimeDelta::weeks(1024);
    let modem = Modem::bytes(receiver(move |n| {
        let second = TimeDelta::milliseconds(100 * i64::try_from(n % 10).unwrap_or(0));
        epoch(now() + wrong - second, 'A', HERE).into_bytes()
    }));
    let trap = trap(&modem.path, "");
    let said = run_until(&trap, |trap| !happened(trap, "place").is_empty());
    let placed = happened(&trap, "place");
    assert_eq!(placed.len(), 1, "{placed:?} {said}");
    // Two decimal places were asked for, and no more is anywhere.
    assert!(placed[0].contains("46.50 N 25.32 E, by satellite"), "{placed:?}");
    assert!(said.contains("brought forward by 1024 weeks"), "{said}");
    let setup = trap.reader().setups().unwrap().items.pop().unwrap();
    assert_eq!((setup.source.as_str(), setup.setup.latitude), ("gps", Some(46.5)));
    let last = trap.reader().effort().unwrap().items.pop().unwrap();
    let quality = ClockQuality::Gps;
    let synchronised = std::path::Path::new("/run/systemd/timesync/synchronized").exists();
    if !synchronised {
        assert_eq!(last.clock, quality, "the end of the watch is told by the satellites' time");
        let ahead = last.at - now();
        assert!((ahead - TimeDelta::hours(1)).abs() < TimeDelta::seconds(30), "{ahead}");
    }
    // The next start knows the place, and does not ask anew within a day; the deployment keeps it.
    let said = run_until(&trap, |trap| trap.reader().boots().unwrap().items.len() == 2);
    assert!(!said.contains("brought forward") || !synchronised, "{said}");
    let deployment = trap.reader().deployments().unwrap().items.pop().unwrap();
    assert_eq!(deployment.coordinates, Some((46.5, 25.32)));
}

#[test]
fn a_receiver_that_is_not_there_keeps_no_trap_from_its_watch() {
    let trap = trap("/dev/trapline-no-such-port", "latitude = 46.5\nlongitude = 25.3\n");
    trap.write("site.toml", &SITE.replace("[burst]", "latitude = 46.5\nlongitude = 25.3\n[burst]"));
    let said = run_until(&trap, |trap| !happened(trap, "gps").is_empty());
    assert!(said.contains("/dev/trapline-no-such-port"), "{said}");
    let events: Vec<Stored> = trap.reader().events(&Default::default()).unwrap().items;
    assert!(trap.reader().effort().unwrap().items.len() >= 2, "{} bursts", events.len());
}

fn program(trap: &Trap, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.current_dir(trap.path("")).args(arguments).output().unwrap()
}

#[test]
fn bench_gauges_and_the_doctor_show_it() {
    let modem = Modem::bytes(receiver(|_| epoch(now(), 'A', HERE).into_bytes()));
    let trap = trap(&modem.path, "");
    let out = program(&trap, &["bench", "gauges", "--board", "fast", "--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let told = &objects(&out.stdout)[0];
    assert_eq!((told["latitude"].as_f64(), told["longitude"].as_f64()), (Some(46.5), Some(25.32)), "{told}");
    assert_eq!(told["gps_satellites"], 7);
    let shown = program(&trap, &["bench", "gauges", "--board", "fast"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("46.5, 25.32 degrees north and east"), "{text}");
    let doctor = program(&trap, &["doctor", "--config", "site.toml", "--only", "gps"]);
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success() && text.contains("green  Satellite receiver: 46.5, 25.32"), "{text}");
    drop(modem);
    let out = program(&trap, &["doctor", "--config", "site.toml", "--only", "gps"]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.code() == Some(1) && text.contains("red    Satellite receiver"), "{text}");
    assert_eq!(program(&trap, &["bench", "gauges", "--board", "fast"]).status.code(), Some(1));
}

/// What the page of a trap says of its receiver once `told` is content with it, and what the doctor says beside it.
#[cfg(feature = "console")]
fn shown(port: &str, told: impl Fn(&serde_json::Value) -> bool) -> (serde_json::Value, String) {
    use console_support::{Daemon, free_port, within};
    let listens = free_port();
    let trap = trap(port, &format!("[console]\non = \"start\"\nlisten = \"127.0.0.1:{listens}\"\n"));
    let daemon = Daemon::of(trap.start(&[]), listens);
    let client = daemon.client();
    within(Duration::from_secs(30), || told(&client.object("/api/status")["gps"]));
    let doctor = program(&trap, &["doctor", "--config", "site.toml", "--only", "gps", "--language", "de"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    (client.object("/api/status")["gps"].clone(), said)
}

#[test]
#[cfg(feature = "console")]
fn the_page_and_the_doctor_tell_the_last_fix_or_why_there_is_none() {
    let modem = Modem::bytes(receiver(|_| epoch(now(), 'A', HERE).into_bytes()));
    let (gps, said) = shown(&modem.path, |gps| gps["place"].is_array());
    assert_eq!(
        (&gps["place"], &gps["missed"]),
        (&serde_json::json!([46.5, 25.32]), &serde_json::Value::Null)
    );
    let at: DateTime<Utc> = gps["at"].as_str().unwrap().parse().unwrap();
    assert!((at - now()).abs() < TimeDelta::seconds(60), "{at}");
    assert!(said.contains("Letzte Position 20") && said.contains(": 46.5, 25.32."), "{said}");
    let (gps, said) = shown("/dev/trapline-no-such-port", |gps| gps["missed"].is_object());
    let why = gps["missed"]["why"].as_str().unwrap();
    assert!(gps["place"].is_null() && why.contains("/dev/trapline-no-such-port"), "{gps}");
    assert!(said.contains("Noch keine Position") && said.contains(why), "{said}");
}

#[test]
fn hours_by_the_sun_follow_the_receiver_while_the_daemon_runs() {
    let modem = Modem::bytes(receiver(|_| epoch(now(), 'A', HERE).into_bytes()));
    // By day a window of the night is shut, by night one of the day; either opens and shuts away from sunrise and sunset.
    let utc = now();
    let (rise, set) = trapline::daemon::power::sun(utc.date_naive(), (46.5, 25.32)).unwrap();
    let shut = match (rise..set).contains(&utc) {
        true => "sunset+10..sunrise-10",
        false => "sunrise+10..sunset-10",
    };
    let trap = trap(&modem.path, "");
    let site = SITE.replace("[burst]", "receiver = true\n[burst]");
    trap.write("site.toml", &format!("{site}[power]\nhours = [\"{shut}\"]\n"));
    let rests = |trap: &Trap| {
        trap.reader().effort().unwrap().items.iter().any(|row| row.kind == trapline::store::EffortKind::Stop)
    };
    let rested = std::cell::Cell::new(false);
    let said = run_until(&trap, |trap| {
        rested.set(rests(trap));
        rested.get()
    });
    assert!(rested.get(), "it began to watch, and goes on though it knows the place: {said}");
}
