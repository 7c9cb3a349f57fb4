//! Who may come in: guesses counted and slowed, sessions with an end, a token against forged requests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::ConsoleError;
use super::secret::random;

/// Wrong secrets before the first pause.
const TRIES: u32 = 5;

/// The first pause; each further wrong secret doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Callers remembered for their wrong secrets; the one that was quiet longest is forgotten for a new one. 60 bits
/// need no more.
const CALLERS: usize = 256;

/// Sessions at once; the oldest ends for a new one.
const SESSIONS: usize = 8;

/// A session ends after this time without a request.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// A session ends after this time whatever happens.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

#[derive(Debug, Clone, Copy)]
struct Guesses {
    wrong: u32,
    last: Instant,
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct Session {
    csrf: String,
    begun: Instant,
    used: Instant,
}

/// What a new session is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pass {
    /// For the cookie.
    pub token: String,
    /// For the header of every change.
    pub csrf: String,
}

/// The door.
#[derive(Debug, Default)]
pub(super) struct Door {
    guesses: HashMap<IpAddr, Guesses>,
    /// By the SHA-256 of the token: what an attacker times is a hash he cannot steer.
    sessions: HashMap<[u8; 32], Session>,
}

impl Door {
    /// Whether `caller` may try a secret now; else how long he waits.
    pub fn may_try(&self, caller: IpAddr, now: Instant) -> Result<(), Duration> {
        let until = self.guesses.get(&caller).and_then(|g| g.not_before);
        match until.map(|until| until.saturating_duration_since(now)) {
            Some(left) if !left.is_zero() => Err(left),
            _ => Ok(()),
        }
    }

    /// A wrong secret: gives the tries left before the next pause, 0 when it has begun.
    pub fn wrong(&mut self, caller: IpAddr, now: Instant) -> u32 {
        if self.guesses.len() >= CALLERS && !self.guesses.contains_key(&caller) {
            let quiet = self.guesses.iter().min_by_key(|(_, g)| g.last).map(|(ip, _)| *ip);
            quiet.and_then(|ip| self.guesses.remove(&ip));
        }
        let fresh = Guesses { wrong: 0, last: now, not_before: None };
        let guesses = self.guesses.entry(caller).or_insert(fresh);
        guesses.wrong = guesses.wrong.saturating_add(1);
        guesses.last = now;
        if guesses.wrong < TRIES {
            return TRIES - guesses.wrong;
        }
        let doublings = (guesses.wrong - TRIES).min(16);
        guesses.not_before = Some(now + (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE));
        0
    }

    /// Lets `caller` in.
    pub fn enter(&mut self, caller: IpAddr, now: Instant) -> Result<Pass, ConsoleError> {
        self.guesses.remove(&caller);
        self.sessions.retain(|_, session| session.lasts(now));
        if self.sessions.len() >= SESSIONS {
            let oldest = self.sessions.iter().min_by_key(|(_, s)| s.used).map(|(token, _)| *token);
            oldest.and_then(|token| self.sessions.remove(&token));
        }
        let pass = Pass { token: hex(&random::<32>()?), csrf: hex(&random::<32>()?) };
        let session = Session { csrf: pass.csrf.clone(), begun: now, used: now };
        self.sessions.insert(digest(&pass.token), session);
        Ok(pass)
    }

    /// The session of a cookie: its token against forged requests.
    pub fn session(&mut self, token: &str, now: Instant) -> Option<String> {
        let session = self.sessions.get_mut(&digest(token)).filter(|session| session.lasts(now))?;
        session.used = now;
        Some(session.csrf.clone())
    }

    /// Ends a session.
    pub fn leave(&mut self, token: &str) {
        self.sessions.remove(&digest(token));
    }
}

impl Session {
    fn lasts(&self, now: Instant) -> bool {
        now.duration_since(self.used) < IDLE && now.duration_since(self.begun) < LONGEST
    }
}

/// Whether two tokens are the same, in a time that does not tell where they differ.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MALLORY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 42, 0, 66));
    const ALICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 42, 0, 2));

    #[test]
    fn wrong_secrets_cost_longer_and_longer_and_only_who_gives_them() {
        let (mut door, now) = (Door::default(), Instant::now());
        let left: Vec<u32> = (0..TRIES).map(|_| door.wrong(MALLORY, now)).collect();
        assert_eq!(left, [4, 3, 2, 1, 0]);
        assert_eq!(door.may_try(MALLORY, now), Err(FIRST_PAUSE));
        assert_eq!(door.may_try(ALICE, now), Ok(()));
        let later = now + FIRST_PAUSE;
        assert_eq!(door.may_try(MALLORY, later), Ok(()));
        door.wrong(MALLORY, later);
        assert_eq!(door.may_try(MALLORY, later), Err(2 * FIRST_PAUSE));
        for _ in 0..40 {
            door.wrong(MALLORY, later);
        }
        assert_eq!(door.may_try(MALLORY, later), Err(LONGEST_PAUSE));
    }

    #[test]
    fn the_memory_of_callers_is_bounded() {
        let (mut door, now) = (Door::default(), Instant::now());
        for n in 0..2000u32 {
            door.wrong(IpAddr::V4(n.into()), now + Duration::from_millis(n.into()));
        }
        assert_eq!(door.guesses.len(), CALLERS);
    }

    #[test]
    fn sessions_end_when_idle_when_old_and_when_too_many() {
        let (mut door, now) = (Door::default(), Instant::now());
        let pass = door.enter(ALICE, now).unwrap();
        assert_eq!(door.session(&pass.token, now + IDLE / 2), Some(pass.csrf.clone()));
        assert_eq!(door.session(&pass.token, now + IDLE / 2 + IDLE), None, "idle");
        let mut at = now;
        let old = door.enter(ALICE, now).unwrap();
        while at < now + LONGEST {
            assert!(door.session(&old.token, at).is_some());
            at += IDLE / 2;
        }
        assert_eq!(door.session(&old.token, at), None, "old");
        let first = door.enter(ALICE, now).unwrap();
        for n in 1..=SESSIONS as u64 {
            door.enter(ALICE, now + Duration::from_secs(n)).unwrap();
        }
        assert_eq!(door.session(&first.token, now), None, "displaced");
        assert_eq!(door.session("", now), None);
    }
}
