//! Losing power is the normal way to stop: `trapline run` is killed with SIGKILL at random moments, again and again on
//! one journal. Whatever it had printed must be in the journal after the next start, and pictures and rows must agree.
//!
//! 20 rounds; `TRAPLINE_KILLS=200` for 200.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may unwrap.

mod daemon_support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use daemon_support::{Trap, files};
use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A burst as it was printed: its key, its outcome, its pictures.
type Printed = BTreeMap<Key, Said>;

/// Boot and number of a burst.
type Key = (u32, u32);

/// Outcome and pictures of a burst, as printed.
type Said = (String, BTreeSet<String>);

#[test]
fn no_acknowledged_burst_is_lost_and_pictures_and_rows_agree_after_every_kill() {
    let rounds: u64 = std::env::var("TRAPLINE_KILLS").ok().map_or(20, |n| n.parse().expect("a number"));
    let trap = Trap::new();
    let mut printed = Printed::new();
    let mut dice = 0x9e37_79b9_7f4a_7c15;
    for round in 0..rounds {
        let before = printed.len();
        kill_at_random(&trap, &mut dice, &mut printed);
        // A start that watches for nothing: it opens the journal and brings pictures and rows into agreement.
        let restart = trap.run(&["--bursts", "0"]);
        assert!(restart.status.success(), "round {round}: {}", String::from_utf8_lossy(&restart.stderr));
        check(&trap, &printed, &format!("round {round}"));
        eprintln!("round {round}: {} bursts acknowledged before the kill", printed.len() - before);
    }
    assert!(printed.len() as u64 >= rounds, "too few bursts for a test of anything: {}", printed.len());
}

/// Starts the daemon, waits for a random number of bursts and a random time more, kills it; notes what it printed.
fn kill_at_random(trap: &Trap, dice: &mut u64, printed: &mut Printed) {
    let mut child = trap.start(&["--json"]);
    let lines = follow(child.stdout.take().unwrap());
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..random(dice, 4) {
        // A line that does not come ends the wait: the kill then strikes while the daemon starts.
        seen.extend(lines.recv_timeout(Duration::from_secs(30)).ok());
    }
    std::thread::sleep(Duration::from_micros(random(dice, 120_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    seen.extend(lines.iter());
    printed.extend(seen.iter().filter_map(|line| burst(line)));
}

/// The lines of a program as they come.
fn follow(output: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

/// A printed burst; `None` for a line that the kill cut off.
fn burst(line: &str) -> Option<(Key, Said)> {
    let object: Value = serde_json::from_str(line).ok()?;
    let media = object["media"].as_array()?.iter().map(|m| m.as_str().unwrap().to_owned()).collect();
    let number = |name: &str| object[name].as_u64().and_then(|n| u32::try_from(n).ok());
    let key = (number("boot")?, number("burst")?);
    Some((key, (object["outcome"].as_str()?.to_owned(), media)))
}

/// Reads the journal with plain SQL and the folder with plain file operations.
fn check(trap: &Trap, printed: &Printed, when: &str) {
    let db = Connection::open(trap.journal()).unwrap();
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok", "{when}");
    let mut query = db.prepare("SELECT boot, id, outcome FROM burst").unwrap();
    let rows = query.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).unwrap();
    let journaled: BTreeMap<Key, String> = rows.map(Result::unwrap).collect();
    let mut query = db.prepare("SELECT path, sha256 FROM media WHERE gone_us IS NULL").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let pictures: BTreeMap<String, Vec<u8>> = rows.map(Result::unwrap).collect();
    for (key, (outcome, media)) in printed {
        assert_eq!(journaled.get(key), Some(outcome), "{when}: acknowledged burst {key:?}");
        for path in media {
            assert!(pictures.contains_key(path), "{when}: {path} was acknowledged and has no row");
        }
    }
    let on_card = files(&trap.media());
    let rows: Vec<&String> = pictures.keys().collect();
    assert_eq!(on_card.iter().collect::<Vec<_>>(), rows, "{when}: files left, rows right");
    for (path, hash) in &pictures {
        let bytes = std::fs::read(trap.media().join(path)).unwrap();
        assert_eq!(Sha256::digest(&bytes).as_slice(), hash, "{when}: {path}");
    }
}

/// Uniform in 0..n, by xorshift64 (Marsaglia 2003).
fn random(dice: &mut u64, n: u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice % n
}
