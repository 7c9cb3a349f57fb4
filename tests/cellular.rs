//! A cellular modem that the system dials: powered when there is something to send, waited for until there is a route,
//! cut off when nothing is said, and power-cycled when no route comes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use trapline::drivers::cellular::{Cellular, Options};
use trapline::drivers::directory::Directory;
use trapline::drivers::gpio::Switch;
use trapline::drivers::serial::Ladder;
use trapline::hal::{Parcel, Receipt, Subject, Uplink, UplinkError};

/// Power for a modem: with it the system makes a route after a while, without it the route goes.
struct Power {
    routes: PathBuf,
    dials: bool,
    said: Arc<Mutex<Vec<&'static str>>>,
}

/// A line of proc(5).
const ROUTE: &str = "wwan0\t00000000\t0100000A\t0003\t0\t0\t700\t00000000\t0\t0\t0\n";

impl Switch for Power {
    fn on(&mut self) -> io::Result<()> {
        self.said.lock().unwrap().push("cut");
        fs::write(&self.routes, "")
    }

    fn off(&mut self) -> io::Result<()> {
        self.said.lock().unwrap().push("given");
        let (routes, dials) = (self.routes.clone(), self.dials);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            dials.then(|| fs::write(routes, ROUTE))
        });
        Ok(())
    }
}

fn modem(dir: &Path, dials: bool, interface: &str) -> (Cellular, Arc<Mutex<Vec<&'static str>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let routes = dir.join("route");
    fs::write(&routes, "").unwrap();
    let power = Power { routes: routes.clone(), dials, said: said.clone() };
    let options = Options {
        routes,
        routes_v6: dir.join("none"),
        ..Options::new(interface, Duration::from_millis(400))
    };
    // Whatever carries letters: the card shows what went.
    let card = Directory::new(dir);
    let ladder = Ladder::new(None, Some(Box::new(power)), 2, Duration::from_millis(1));
    (Cellular::new(Box::new(card), options, ladder), said)
}

fn parcel() -> Parcel {
    Parcel { subject: Subject::Event, name: "a".into(), body: b"{}".to_vec(), port: 1, confirm: true }
}

#[test]
fn it_is_powered_to_send_and_cut_off_when_nothing_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (mut uplink, said) = modem(dir.path(), true, "wwan0");
    assert_eq!(uplink.receive(Duration::ZERO).unwrap(), []);
    assert!(said.lock().unwrap().is_empty(), "it is not woken to listen");
    let begun = Instant::now();
    uplink.ready(Duration::from_secs(10)).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300), "the route was waited for");
    assert_eq!(uplink.send(&parcel(), Duration::from_secs(10)).unwrap(), Receipt::Delivered);
    uplink.rest();
    assert_eq!(*said.lock().unwrap(), ["given"], "commands may still come");
    std::thread::sleep(Duration::from_millis(450));
    uplink.rest();
    assert_eq!(*said.lock().unwrap(), ["given", "cut"]);
    uplink.ready(Duration::from_secs(10)).unwrap();
    assert_eq!(*said.lock().unwrap(), ["given", "cut", "given"]);
}

#[test]
fn without_a_route_it_is_power_cycled_only_so_often() {
    let dir = tempfile::tempdir().unwrap();
    let (mut uplink, said) = modem(dir.path(), false, "");
    let deadline = Duration::from_millis(50);
    for _ in 0..6 {
        let begun = Instant::now();
        let error = uplink.ready(deadline).unwrap_err();
        assert!(matches!(error, UplinkError::Down(ref e) if e.what.contains("no route")), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    assert_eq!(*said.lock().unwrap(), ["given", "cut", "given", "cut", "given"]);
    assert!(!dir.path().join("event").exists());
}

#[test]
fn a_route_by_another_interface_is_not_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (mut uplink, _) = modem(dir.path(), true, "usb0");
    assert!(uplink.ready(Duration::from_millis(600)).is_err());
}
