//! The trap's own secret: made at its first start, shown once, kept as a hash only.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::ConsoleError;
use crate::store::Notebook;

/// Under this name the journal keeps the hash.
pub const STATE: &str = "console.secret";

/// Crockford's base 32: no i, l, o, u. Five bits each.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 12 letters are 60 bits: at one guess a second half of them take 18 thousand million years.
const LETTERS: usize = 12;

/// OWASP's second choice for Argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. It leaves a board
/// of 512 MB its memory.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// What is kept of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    salt: [u8; 16],
    hash: [u8; 32],
    memory_kib: u32,
    passes: u32,
}

/// `N` bytes nobody can guess.
pub(super) fn random<const N: usize>() -> Result<[u8; N], ConsoleError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| ConsoleError::Random(e.to_string()))?;
    Ok(bytes)
}

/// A new secret in the journal, in place of the one before, and its words: they are nowhere else.
pub fn renew(notebook: &mut Notebook) -> Result<String, ConsoleError> {
    let letters: [u8; LETTERS] = random()?;
    let letters: String =
        letters.iter().filter_map(|b| ALPHABET.get(usize::from(b % 32))).map(|b| char::from(*b)).collect();
    let salt = random()?;
    let hash = hash(&letters, &salt, MEMORY_KIB, PASSES)?;
    let kept = Kept { salt, hash, memory_kib: MEMORY_KIB, passes: PASSES };
    let bytes = serde_json::to_vec(&kept).map_err(|e| ConsoleError::Secret(e.to_string()))?;
    notebook.put_state(STATE, &bytes)?;
    let groups: Vec<&str> = [0, 4, 8].iter().filter_map(|&at| letters.get(at..at + 4)).collect();
    Ok(groups.join("-"))
}

/// Whether the journal has a secret.
pub fn is_set(notebook: &Notebook) -> Result<bool, ConsoleError> {
    Ok(notebook.state(STATE)?.is_some())
}

/// Whether `given` is the secret whose hash is `kept`. Takes as long whether it is or not.
pub(super) fn verify(kept: &[u8], given: &str) -> Result<bool, ConsoleError> {
    let kept: Kept = serde_json::from_slice(kept).map_err(|e| ConsoleError::Secret(e.to_string()))?;
    let hash = hash(&plain(given), &kept.salt, kept.memory_kib, kept.passes)?;
    Ok(hash.ct_eq(&kept.hash).into())
}

/// As typed on a phone: capitals, blanks and dashes do not count, and letters that are not used stand for digits.
fn plain(given: &str) -> String {
    let letters = given.chars().filter(|c| !c.is_whitespace() && *c != '-');
    letters
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .take(64)
        .collect()
}

fn hash(letters: &str, salt: &[u8], memory_kib: u32, passes: u32) -> Result<[u8; 32], ConsoleError> {
    let failed = |e: argon2::Error| ConsoleError::Secret(e.to_string());
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(failed)?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(letters.as_bytes(), salt, &mut out)
        .map_err(failed)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argon2id_gives_the_known_answer() {
        // From the reference implementation: argon2 -id -t 2 -k 65536 -p 1, "password", "somesalt" (test.c, v=19).
        let known = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        let got = hash("password", b"somesalt", 65536, 2).unwrap();
        assert_eq!(got.map(|b| format!("{b:02x}")).concat(), known);
    }

    #[test]
    fn what_is_typed_on_a_phone_is_understood() {
        assert_eq!(plain(" OIL2-ab Cd"), "0112abcd");
        assert_eq!(plain(&"x".repeat(5000)).len(), 64);
    }
}
