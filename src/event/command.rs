//! What a trap can be told, a small closed list, sealed so that only the key's owner can tell it.
//!
//! A sealed command is a version byte, the [`Order`] in postcard's encoding, and a seal of 8 bytes: the beginning
//! of HMAC-SHA-256 over the device's name, a zero byte, and everything before the seal. The counter makes a replay
//! useless, the expiry makes a command that was held back useless; both are the receiver's to check.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Code;

/// Version byte in front of every sealed command.
pub const COMMAND_VERSION: u8 = 1;

/// Bytes of the seal: 64 of HMAC-SHA-256's bits. NIST SP 800-107 allows a truncation to 32.
pub const SEAL_BYTES: usize = 8;

/// Upper bound of a sealed command, bytes; it fits the 51 bytes of LoRaWAN's slowest data rate. A test holds it.
pub const COMMAND_MAX: usize = 40;

/// Longest key and shortest, bytes.
pub const KEY_BYTES: core::ops::RangeInclusive<usize> = 16..=64;

/// What a trap can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Sets a threshold, on trial.
    Threshold {
        /// Which.
        which: Threshold,
        /// In thousandths, 0..=1000.
        thousandths: u16,
    },
    /// Switches an alert rule on or off, on trial.
    Rule {
        /// Its place in the configuration, from 0.
        index: u8,
        /// On or off.
        on: bool,
    },
    /// Asks for a health message.
    Status,
    /// Asks for a small picture.
    Picture {
        /// Of this event; 0: of the latest.
        number: u32,
    },
    /// Here it stands.
    Mark {
        /// Degrees north in millionths, within ±90 000 000.
        latitude: i32,
        /// Degrees east in millionths, within ±180 000 000.
        longitude: i32,
    },
    /// Starts the system anew.
    Reboot,
    /// The time is now.
    Time {
        /// Seconds since 1970-01-01 UTC.
        utc: i64,
    },
    /// Of the 32 event numbers that end with `upto` the receiver has all but those whose bit in `missing` is set
    /// (bit n: `upto - n`); of older ones this says nothing. Numbers that were never sent may count as missing.
    Received {
        /// The newest event number of the window.
        upto: u32,
        /// Those that it lacks.
        missing: u32,
    },
    /// Asks for a burst, now.
    Burst,
}

/// The thresholds that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Threshold {
    /// Below this probability a burst is empty.
    Empty,
    /// At or above it, a sighting.
    Sighting,
    /// Score from which any species is named.
    Species,
    /// Score from which this one is named.
    Taxon(Code),
}

/// A command with what makes it good once only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Greater than that of every command the trap took before.
    pub counter: u32,
    /// Not to be carried out after this, seconds since 2024-01-01 UTC ([`super::EPOCH`]).
    pub expires: u32,
    /// What to do.
    pub command: Command,
}

/// Why bytes are not a command for this trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The first byte names another format.
    #[error("command version {0} is not known here (known: {COMMAND_VERSION}); update the trap")]
    Version(u8),
    /// Too short, or the seal is not that of our key.
    #[error("the seal is not that of this trap's key; check key and device name")]
    Forged,
    /// This version does not know the command; from [`Order::open`], its seal holds.
    #[error("command {counter} is not one this version knows; update the trap")]
    Unknown {
        /// Its counter, which is used up.
        counter: u32,
    },
    /// The key's length.
    #[error("a key of {0} bytes; give 16 to 64 bytes, 32 is best")]
    Key(usize),
    /// Cannot happen for the commands above; a test holds it.
    #[error("the command does not fit {COMMAND_MAX} bytes")]
    TooLong,
}

impl Order {
    /// Encodes and seals for `device`.
    pub fn seal(&self, device: &str, key: &[u8]) -> Result<heapless::Vec<u8, COMMAND_MAX>, CommandError> {
        let mut buffer = [0u8; COMMAND_MAX];
        buffer[0] = COMMAND_VERSION;
        let body = COMMAND_MAX - SEAL_BYTES;
        let used = match postcard::to_slice(self, &mut buffer[1..body]) {
            Ok(written) => 1 + written.len(),
            Err(_) => return Err(CommandError::TooLong),
        };
        let seal = code(device, key, &buffer[..used])?.finalize().into_bytes();
        let mut out = heapless::Vec::new();
        let whole =
            out.extend_from_slice(&buffer[..used]).and_then(|()| out.extend_from_slice(&seal[..SEAL_BYTES]));
        whole.map_err(|_| CommandError::TooLong)?;
        Ok(out)
    }

    /// Checks the seal, in constant time and before anything else is looked at, and decodes.
    pub fn open(bytes: &[u8], device: &str, key: &[u8]) -> Result<Order, CommandError> {
        let Some((body, seal)) = bytes.split_last_chunk::<SEAL_BYTES>() else {
            return Err(CommandError::Forged);
        };
        code(device, key, body)?.verify_truncated_left(seal).map_err(|_| CommandError::Forged)?;
        Order::read(body)
    }

    /// What a sealed command says, and its seal, unchecked: to be shown, never to be obeyed.
    ///
    /// # Errors
    /// As [`Order::open`], but for the seal.
    pub fn peek(bytes: &[u8]) -> Result<(Order, [u8; SEAL_BYTES]), CommandError> {
        let Some((body, seal)) = bytes.split_last_chunk::<SEAL_BYTES>() else {
            return Err(CommandError::Forged);
        };
        Ok((Order::read(body)?, *seal))
    }

    fn read(body: &[u8]) -> Result<Order, CommandError> {
        match body.split_first() {
            Some((&COMMAND_VERSION, rest)) => match postcard::from_bytes(rest) {
                Ok(order) => Ok(order),
                // The counter stands first whatever follows.
                Err(_) => match postcard::take_from_bytes::<u32>(rest) {
                    Ok((counter, _)) => Err(CommandError::Unknown { counter }),
                    Err(_) => Err(CommandError::Forged),
                },
            },
            Some((&other, _)) => Err(CommandError::Version(other)),
            None => Err(CommandError::Forged),
        }
    }
}

fn code(device: &str, key: &[u8], body: &[u8]) -> Result<Hmac<Sha256>, CommandError> {
    if !KEY_BYTES.contains(&key.len()) {
        return Err(CommandError::Key(key.len()));
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).map_err(|_| CommandError::Key(key.len()))?;
    mac.update(device.as_bytes());
    mac.update(&[0]);
    mac.update(body);
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn every_command() -> [Command; 12] {
        let code = Code::new(511).unwrap();
        [
            Command::Threshold { which: Threshold::Empty, thousandths: 250 },
            Command::Threshold { which: Threshold::Sighting, thousandths: 750 },
            Command::Threshold { which: Threshold::Species, thousandths: 1000 },
            Command::Threshold { which: Threshold::Taxon(code), thousandths: 1000 },
            Command::Rule { index: 255, on: true },
            Command::Status,
            Command::Picture { number: u32::MAX },
            Command::Mark { latitude: -90_000_000, longitude: -180_000_000 },
            Command::Reboot,
            Command::Time { utc: i64::MIN },
            Command::Received { upto: u32::MAX, missing: u32::MAX },
            Command::Burst,
        ]
    }

    #[test]
    fn every_command_comes_back_and_fits() {
        let mut longest = 0;
        for command in every_command() {
            let order = Order { counter: u32::MAX, expires: u32::MAX, command };
            let sealed = order.seal("ridge-3", KEY).unwrap();
            assert_eq!(Order::open(&sealed, "ridge-3", KEY), Ok(order));
            longest = longest.max(sealed.len());
        }
        // Version 1, counter 5, expiry 5, a command's index 1, two numbers of 5 or one of 10, seal 8.
        assert_eq!(longest, 30);
    }

    #[test]
    fn the_seal_is_that_of_openssl() {
        // printf 'ridge-3\0\001\007\144\002' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let sealed =
            Order { counter: 7, expires: 100, command: Command::Status }.seal("ridge-3", KEY).unwrap();
        assert_eq!(sealed[..4], [1, 7, 100, 2]);
        assert_eq!(sealed[4..], OPENSSL);
    }

    const OPENSSL: [u8; 8] = [0x9f, 0xa5, 0x05, 0x4c, 0xd6, 0x00, 0xef, 0xda];

    #[test]
    fn one_changed_bit_another_device_and_another_key_are_forgeries() {
        let order = Order { counter: 7, expires: 100, command: Command::Reboot };
        let sealed = order.seal("ridge-3", KEY).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut bent = sealed.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Order::open(&bent, "ridge-3", KEY), Err(CommandError::Forged));
        }
        assert_eq!(Order::open(&sealed, "ridge-4", KEY), Err(CommandError::Forged));
        assert_eq!(Order::open(&sealed, "ridge-3", &[7; 32]), Err(CommandError::Forged));
        assert_eq!(Order::open(&sealed[..5], "ridge-3", KEY), Err(CommandError::Forged));
        assert_eq!(order.seal("ridge-3", b"short"), Err(CommandError::Key(5)));
    }

    #[test]
    fn a_code_that_is_none_makes_a_command_unknown() {
        // Counter 9, expiry 100, threshold of taxon 512 (varint 80 04) at 1: sealed rightly, and still no order.
        let mut body = std::vec![COMMAND_VERSION, 9, 100, 0, 3, 0x80, 0x04, 1];
        let seal = code("ridge-3", KEY, &body).unwrap().finalize().into_bytes();
        body.extend_from_slice(&seal[..SEAL_BYTES]);
        assert_eq!(Order::open(&body, "ridge-3", KEY), Err(CommandError::Unknown { counter: 9 }));
    }

    #[test]
    fn a_command_of_a_later_version_is_told_by_its_counter() {
        let mut body = std::vec![COMMAND_VERSION, 9, 100, 77, 1, 2];
        let seal = code("ridge-3", KEY, &body).unwrap().finalize().into_bytes();
        body.extend_from_slice(&seal[..SEAL_BYTES]);
        assert_eq!(Order::open(&body, "ridge-3", KEY), Err(CommandError::Unknown { counter: 9 }));
    }
}
