//! Somebody far away asks for a burst: the command goes through a real mosquitto, the trap's camera takes it, and the
//! answer names the burst in the trap's journal. On the trap's page a button does the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests may.

mod broker_support;
mod console_support;
mod daemon_support;

use std::process::{Child, Command};
use std::time::Duration;

use broker_support::{Broker, Listener, available};
use console_support::within;
#[cfg(feature = "console")]
use console_support::{Daemon, free_port};
use daemon_support::{SITE, Trap};
use serde_json::Value;
use trapline::store::Filter;

const KEY: &str = "30313233343536373839616263646566";

/// A trap whose camera is a script that sends the same picture ten times a second, and whose timer waits for midnight.
fn trap(site: &str, storm: &str) -> Trap {
    let trap = Trap::new();
    trap.write_camera();
    let board = format!(
        "trigger = \"timer\"\ncamera = \"command\"\n[stream]\nsettle = 0\ncommand = [\"./camera\"]\n\
         [timer]\nevery_s = 86400\n[storm]\n{storm}"
    );
    trap.write("boards/cam.toml", &board);
    trap.write("site.toml", &SITE.replace("\"fast\"", "\"cam\"").replace("[site]", &format!("{site}[site]")));
    trap.write("key", KEY);
    trap
}

/// The daemon, ended when dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `trapline command … WHAT`, published as its hexadecimal digits.
fn tell(trap: &Trap, broker: &Broker, counter: u32, what: &str) {
    let sealed = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["command", "--device", "t1", "--counter", &counter.to_string(), "--key-file"])
        .arg(trap.path("key"))
        .arg(what)
        .output()
        .unwrap();
    assert!(sealed.status.success(), "{}", String::from_utf8_lossy(&sealed.stderr));
    broker.publish(
        "trapline/story/t1/command",
        String::from_utf8_lossy(&sealed.stdout).trim().as_bytes(),
        &[],
    );
}

/// The acknowledgement of a command, once it came.
fn ack(listener: &Listener, counter: u32) -> Value {
    let find = || {
        let heard = listener.heard();
        let acks = heard.iter().filter(|h| h.topic == "trapline/story/t1/ack");
        let mut acks = acks.map(|h| serde_json::from_slice::<Value>(&h.body).unwrap());
        acks.find(|ack| ack["counter"] == counter)
    };
    // The sender looks for commands every half minute, and tells of a burst once it is judged.
    assert!(within(Duration::from_secs(120), || find().is_some()), "no acknowledgement of {counter}");
    find().unwrap()
}

#[test]
fn a_command_by_mqtt_takes_a_burst_and_the_answer_names_it() {
    if !available() {
        return;
    }
    let broker = Broker::open();
    let listener = broker.listen();
    let site = format!(
        "[sending]\ndevice = \"t1\"\nuplinks = [\"mqtt\"]\n[mqtt]\nbroker = \"mqtt://127.0.0.1:{}\"\n\
         [commands]\nkey = \"{KEY}\"\n",
        broker.port
    );
    let trap = trap(&site, "per_hour = 2\nat_once = 2\ncool_down_ms = 0\n");
    let _daemon = Ended(trap.start(&["--json"]));
    listener.wait_for("trapline/story/t1/status", "online");
    // A machine without a clock of its own cannot judge when a command expires: it is told the time first. The third
    // burst in an hour is one too many for this board's storm control, and a command that comes again takes none.
    for (counter, what) in [(6, "time"), (7, "burst"), (8, "burst"), (9, "burst"), (8, "burst")] {
        tell(&trap, &broker, counter, what);
    }
    assert_eq!(ack(&listener, 6)["result"], "done");
    assert_eq!(ack(&listener, 9)["result"], "failed");
    let replayed = || listener.heard().iter().any(|h| String::from_utf8_lossy(&h.body).contains("replayed"));
    assert!(within(Duration::from_secs(120), replayed));
    let done = |counter: u32| {
        let acks = listener.heard().into_iter().filter(|h| h.topic == "trapline/story/t1/ack");
        let mut acks = acks.map(|h| serde_json::from_slice::<Value>(&h.body).unwrap());
        acks.find(|ack| ack["counter"] == counter && ack["result"] == "done")
    };
    for counter in [7, 8] {
        assert!(within(Duration::from_secs(120), || done(counter).is_some()), "no burst for {counter}");
        let number = done(counter).unwrap()["number"].as_u64().unwrap();
        let bursts = trap.reader().events(&Filter::default()).unwrap().items;
        let burst = bursts.iter().find(|b| u64::from(b.key.number) == number).unwrap();
        assert_eq!(burst.burst.cause.as_ref().unwrap().to_string(), format!("asked (command {counter})"));
        assert_eq!(burst.burst.frames.iter().filter(|f| f.failed.is_none()).count(), 2, "two good pictures");
    }
    assert_eq!(trap.reader().events(&Filter::default()).unwrap().items.len(), 2);
}

#[test]
#[cfg(feature = "console")]
fn the_pages_button_takes_a_burst_and_storm_control_holds_for_it() {
    let port = free_port();
    let site = format!("[console]\non = \"start\"\nlisten = \"127.0.0.1:{port}\"\n");
    let trap = trap(&site, "per_hour = 1\nat_once = 1\ncool_down_ms = 0\n");
    let daemon = Daemon::of(trap.start(&["--json"]), port);
    let client = daemon.client();
    assert!(client.object("/api/me")["powers"].as_array().unwrap().contains(&"burst".into()));
    let nothing = serde_json::json!({});
    assert_eq!(client.post("/api/burst", &nothing).status, 202);
    let newest = || client.object("/api/bursts?limit=1")["items"][0].clone();
    assert!(within(Duration::from_secs(60), || newest()["trigger"] == "asked"));
    assert_eq!(newest()["trigger_detail"], "page");
    let answer = client.post("/api/burst", &nothing);
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert!(answer.text().contains("wait a minute"), "{}", answer.text());
    let out = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["events", "list", "--json", "--journal"])
        .arg(trap.journal())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stdout);
    let line: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert_eq!((line["trigger"].as_str(), line["trigger_detail"].as_str()), (Some("asked"), Some("page")));
}
