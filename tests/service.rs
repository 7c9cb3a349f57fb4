//! The daemon under systemd: it says when it is ready, what it does and that it ends, and a part that hangs stops the
//! watchdog's food, so that systemd starts the daemon anew. The messages are those of sd_notify(3).

#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod daemon_support;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use daemon_support::{FAST, Trap};

/// Systemd's end of the socket.
fn systemd(at: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(at).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    socket
}

/// What is said within `time`, until `enough`.
fn heard(socket: &UnixDatagram, time: Duration, enough: impl Fn(&str) -> bool) -> Vec<String> {
    let (until, mut lines, mut buffer) = (Instant::now() + time, Vec::new(), [0; 4096]);
    while Instant::now() < until {
        let Ok(read) = socket.recv(&mut buffer) else { continue };
        let said = String::from_utf8(buffer[..read].to_vec()).unwrap();
        lines.extend(said.lines().map(str::to_owned));
        if lines.iter().any(|line| enough(line)) {
            break;
        }
    }
    lines
}

fn service(trap: &Trap, socket: &Path, arguments: &[&str]) -> Child {
    let mut command = trap.command(arguments);
    command.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", "1000000").env_remove("WATCHDOG_PID");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_camera_that_hangs_starves_the_watchdog() {
    let trap = Trap::new();
    let site = std::fs::read_to_string(trap.path("site.toml")).unwrap();
    trap.write("site.toml", &format!("{site}\n[watchdog]\npipeline_s = 5\n"));
    trap.write("boards/hangs.toml", &format!("{FAST}[bench.faults]\nhang_every = 4\n"));
    let socket = systemd(&trap.path("systemd"));
    let mut child = service(&trap, &trap.path("systemd"), &["--board", "hangs"]);
    let stuck = |line: &str| line.starts_with("STATUS=the pipeline has made no progress");
    let before = heard(&socket, Duration::from_secs(60), stuck);
    let after = heard(&socket, Duration::from_secs(3), |_| false);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(before.first().map(String::as_str), Some("READY=1"), "{before:?}");
    assert!(before.iter().any(|line| line == "WATCHDOG=1"), "{before:?}");
    assert!(before.iter().any(|line| line.starts_with("STATUS=on watch: 3 bursts")), "{before:?}");
    assert!(before.iter().any(|line| stuck(line)), "{before:?}");
    assert!(!after.iter().any(|line| line == "WATCHDOG=1"), "{after:?}");
}

#[test]
fn an_orderly_end_is_told() {
    let trap = Trap::new();
    let socket = systemd(&trap.path("systemd"));
    let mut child = service(&trap, &trap.path("systemd"), &["--bursts", "2"]);
    let told = heard(&socket, Duration::from_secs(60), |line| line == "STOPPING=1");
    assert!(child.wait().unwrap().success());
    assert_eq!(told.last().map(String::as_str), Some("STOPPING=1"), "{told:?}");
    assert!(told.iter().any(|line| line.starts_with("STATUS=on watch: 2 bursts")), "{told:?}");
}

/// In the machine of tests/machine.sh: this test is the supervisor, as systemd is with `WatchdogSec` and
/// `RuntimeWatchdogSec`. It never ends by itself: the kernel's watchdog ends it with the machine.
#[test]
#[ignore = "restarts the machine it runs on"]
fn the_kernels_watchdog_is_fed_as_systemd_would() {
    use std::io::Write;
    let socket = systemd(Path::new("/tmp/systemd"));
    let mut dog = std::fs::OpenOptions::new().write(true).open("/dev/watchdog").unwrap();
    let mut command = std::process::Command::new("/bin/trapline");
    command.args(["run", "--config", "/site.toml", "--board", "hangs", "--boards", "/boards"]);
    command.env("NOTIFY_SOCKET", "/tmp/systemd").env("WATCHDOG_USEC", "2000000");
    let mut child = command.spawn().unwrap();
    dog.write_all(b"x").unwrap();
    loop {
        for line in heard(&socket, Duration::from_secs(1), |_| true) {
            println!("{line}");
            if line == "WATCHDOG=1" {
                dog.write_all(b"x").unwrap();
            }
        }
        assert!(child.try_wait().unwrap().is_none(), "the daemon ended instead of hanging");
    }
}
