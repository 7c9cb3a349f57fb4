//! Over TLS to a real mosquitto: good certificates on both sides get through, wrong ones say what to do.
//!
//! The programs are Debian's packages `mosquitto`, `mosquitto-clients` and `openssl`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker_support;

use std::path::Path;
use std::time::Duration;

use broker_support::{BOTH, Broker, PATIENCE, available, event, told};
use trapline::drivers::mqtt::{Mqtt, Options, Version};
use trapline::hal::{Receipt, Uplink};

/// Authority, server and client certificates, made by `openssl`.
fn certificates(dir: &Path) {
    let openssl = |args: &str| {
        let done =
            broker_support::command("openssl").args(args.split(' ')).current_dir(dir).output().unwrap();
        assert!(done.status.success(), "{args}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    for authority in ["ca", "other"] {
        openssl(&format!(
            "req -x509 {key} -keyout {authority}.key -out {authority}.pem -days 2 -subj /CN={authority}"
        ));
    }
    for (name, authority, days) in
        [("server", "ca", "2"), ("old", "ca", "-1"), ("trap", "ca", "2"), ("stranger", "other", "2")]
    {
        openssl(&format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -out {name}.pem \
             -days {days} -extfile names"
        ));
    }
}

/// A broker that speaks TLS only, with the certificate `server`, and asks for the trap's.
fn tls_broker(server: &str) -> Broker {
    Broker::with(|dir| {
        certificates(dir);
        let file = |name: &str| dir.join(name).display().to_string();
        format!(
            "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
            file("ca.pem"),
            file(&format!("{server}.pem")),
            file(&format!("{server}.key"))
        )
    })
}

fn tls_options(broker: &Broker, version: Version, authority: &str, own: Option<&str>) -> Options {
    let file = |name: String| broker.dir.path().join(name);
    Options {
        version,
        broker: format!("mqtts://localhost:{}", broker.port).parse().unwrap(),
        ca_file: Some(file(format!("{authority}.pem"))),
        certificate_file: own.map(|name| file(format!("{name}.pem"))),
        key_file: own.map(|name| file(format!("{name}.key"))),
        ..broker.options()
    }
}

#[test]
fn over_tls_both_sides_show_certificates() {
    if !available() {
        return;
    }
    let broker = tls_broker("server");
    for version in BOTH {
        let mut trap = Mqtt::new(tls_options(&broker, version, "ca", Some("trap"))).unwrap();
        assert_eq!(trap.send(&event("a", "{}"), PATIENCE).unwrap(), Receipt::Delivered);
        let by_address = format!("mqtts://127.0.0.1:{}", broker.port).parse().unwrap();
        let options = Options { broker: by_address, ..tls_options(&broker, version, "ca", Some("trap")) };
        assert_eq!(
            Mqtt::new(options).unwrap().send(&event("b", "{}"), PATIENCE).unwrap(),
            Receipt::Delivered
        );
    }
}

#[test]
fn over_tls_a_wrong_certificate_on_either_side_stops_the_trap_with_its_cure() {
    if !available() {
        return;
    }
    let (good, old) = (tls_broker("server"), tls_broker("old"));
    for version in BOTH {
        for (broker, authority, own, cure) in [
            (&good, "other", Some("trap"), "set ca_file"),
            (&old, "ca", Some("trap"), "renew the broker's certificate"),
            (&good, "ca", None, "certificate_file"),
            (&good, "ca", Some("stranger"), "certificate_file"),
        ] {
            let mut trap = Mqtt::new(tls_options(broker, version, authority, own)).unwrap();
            let (refused, told) = told(trap.send(&event("a", "{}"), PATIENCE).unwrap_err());
            assert!(!refused && told.contains(cure), "{version:?} {authority} {own:?}: {told}");
        }
        let mut plain = Mqtt::new(Options { version, ..good.options() }).unwrap();
        told(plain.send(&event("a", "{}"), Duration::from_secs(2)).unwrap_err());
        // And TLS to a port that speaks plainly.
        let open = Broker::open();
        let broker = format!("mqtts://localhost:{}", open.port).parse().unwrap();
        let options = Options { broker, ..tls_options(&good, version, "ca", None) };
        told(Mqtt::new(options).unwrap().send(&event("a", "{}"), Duration::from_secs(2)).unwrap_err());
    }
}
