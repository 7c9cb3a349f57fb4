//! The outer format, keys and signatures: `trapline bundle 1`, the lines of a minisign signature, the archive.
//!
//! The signature is minisign's (Ed25519 over BLAKE2b of the archive, with a signed comment), so that stock `minisign`
//! makes and checks it as well. Verifying needs a crate that does nothing else; keys are made and used on a laptop.

use std::io::{Cursor, Read, Write};

use minisign::{KeyPair, PublicKey as SigningPublic, SecretKeyBox};
use minisign_verify::{PublicKey, Signature};

use super::BundleError;
use crate::event::BUNDLE_MAGIC;

/// The first line.
pub const MAGIC: &[u8] = BUNDLE_MAGIC;

/// Longest line of a signature: 104 characters of base64, or a comment.
const LINE: usize = 1024;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// A signature that held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The comment that was signed with the archive.
    pub comment: String,
    /// Bytes of the archive.
    pub bytes: u64,
}

/// Makes keys: the public one (one line of base64) and the secret one (as minisign keeps it, under `password` where
/// one is given).
pub fn key_pair(password: Option<String>) -> Result<(String, String), BundleError> {
    let fail = |e: minisign::PError| BundleError::Key { what: format!("no keys: {e}") };
    let pair = match &password {
        Some(_) => KeyPair::generate_encrypted_keypair(password),
        None => KeyPair::generate_unencrypted_keypair(),
    };
    let pair = pair.map_err(fail)?;
    let secret = pair.sk.to_box(Some("trapline bundle secret key")).map_err(fail)?;
    Ok((pair.pk.to_base64(), secret.into_string()))
}

/// Signs an archive; gives the lines of the signature.
pub fn sign(
    archive: &[u8],
    secret: &str,
    password: Option<String>,
    comment: &str,
) -> Result<String, BundleError> {
    let fail = |e: minisign::PError| BundleError::Key { what: format!("the secret key: {e}") };
    let sealed = SecretKeyBox::from_string(secret).map_err(fail)?;
    let key = match password {
        Some(_) => sealed.into_secret_key(password),
        None => sealed.into_unencrypted_secret_key(),
    };
    let key = key.map_err(fail)?;
    let public = SigningPublic::from_secret_key(&key).map_err(fail)?;
    let sealed = minisign::sign(
        Some(&public),
        &key,
        Cursor::new(archive),
        Some(comment),
        Some("signature of a trapline bundle"),
    );
    Ok(sealed.map_err(fail)?.into_string())
}

/// Puts a bundle together.
pub fn seal(signature: &str, archive: &[u8]) -> Vec<u8> {
    let lines: Vec<&str> = signature.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let mut out = Vec::with_capacity(archive.len() + 512);
    out.extend_from_slice(MAGIC);
    for line in lines {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(archive);
    out
}

/// Reads the first line and the signature, and leaves `input` at the archive.
pub fn split(input: &mut dyn Read, file: &str) -> Result<String, BundleError> {
    let foreign = |what: &str| BundleError::Foreign { file: file.to_owned(), what: what.to_owned() };
    let mut magic = vec![0; MAGIC.len()];
    input.read_exact(&mut magic).map_err(|_| foreign("it is too short"))?;
    if magic != MAGIC {
        return Err(foreign("its first line is not that of a bundle"));
    }
    let mut text = Vec::new();
    for _ in 0..4 {
        let start = text.len();
        loop {
            let mut byte = [0];
            input.read_exact(&mut byte).map_err(|_| foreign("it ends within its signature"))?;
            text.push(byte[0]);
            if byte[0] == b'\n' {
                break;
            }
            if text.len() - start > LINE {
                return Err(foreign("a line of its signature is too long"));
            }
        }
    }
    String::from_utf8(text).map_err(|_| foreign("its signature is not text"))
}

/// Reads a bundle to its end, which is `length` bytes at most, and writes its archive to `out`; the signature must be
/// one of `keys`. Whatever was written is worth nothing where this fails.
pub fn verify(
    input: &mut dyn Read,
    file: &str,
    keys: &[String],
    most: u64,
    out: &mut dyn Write,
) -> Result<Verified, BundleError> {
    let wrong = |what: String| BundleError::Signature { file: file.to_owned(), what };
    if keys.is_empty() {
        return Err(BundleError::Off);
    }
    let text = split(input, file)?;
    let signature =
        Signature::decode(&text).map_err(|e| wrong(format!("its signature cannot be read: {e}")))?;
    let keys = keys.iter().map(|key| PublicKey::from_base64(key)).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(|e| BundleError::Key { what: format!("[bundles] keys holds no key: {e}") })?;
    // A key says by its number whether a signature is its own; only that one is worth the work.
    let mut judges: Vec<_> = keys.iter().filter_map(|key| key.verify_stream(&signature).ok()).collect();
    if judges.is_empty() {
        return Err(wrong("it was signed with another key than those of [bundles] keys".to_owned()));
    }
    let mut bytes = 0u64;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = input.read(&mut chunk).map_err(|e| wrong(format!("it cannot be read: {e}")))?;
        let part = chunk.get(..read).unwrap_or_default();
        if part.is_empty() {
            break;
        }
        bytes += part.len() as u64;
        if bytes > most {
            return Err(BundleError::TooLarge { file: file.to_owned(), bytes, most });
        }
        judges.iter_mut().for_each(|judge| judge.update(part));
        out.write_all(part).map_err(|e| wrong(format!("its archive cannot be put aside: {e}")))?;
    }
    if !judges.iter_mut().any(|judge| judge.finalize().is_ok()) {
        return Err(wrong("its signature does not hold: it was damaged or changed".to_owned()));
    }
    Ok(Verified { comment: signature.trusted_comment().to_owned(), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_verified_and_every_changed_byte_is_found() {
        let (public, secret) = key_pair(None).unwrap();
        let archive = vec![7u8; 3000];
        let bundle = seal(&sign(&archive, &secret, None, "models 3").unwrap(), &archive);
        let check = |bytes: &[u8], keys: &[String], most| {
            let mut out = Vec::new();
            verify(&mut Cursor::new(bytes), "b", keys, most, &mut out).map(|verified| (verified.comment, out))
        };
        let keys = [public.clone()];
        assert_eq!(check(&bundle, &keys, 3000).unwrap(), ("models 3".to_owned(), archive));
        for at in (0..bundle.len()).step_by(13) {
            let mut changed = bundle.clone();
            changed[at] ^= 1;
            // The untrusted comment is anybody's.
            let free = MAGIC.len()..MAGIC.len() + 52;
            assert!(free.contains(&at) || check(&changed, &keys, 3000).is_err(), "byte {at}");
        }
        assert!(check(&bundle[..bundle.len() - 1], &keys, 3000).unwrap_err().to_string().contains("damaged"));
        assert!(matches!(check(&bundle, &keys, 2999), Err(BundleError::TooLarge { .. })));
        let other = key_pair(None).unwrap().0;
        assert!(
            check(&bundle, std::slice::from_ref(&other), 3000)
                .unwrap_err()
                .to_string()
                .contains("another key")
        );
        assert!(check(&bundle, &[other, public], 3000).is_ok());
        assert!(matches!(check(&bundle, &[], 3000), Err(BundleError::Off)));
        assert!(matches!(
            check(b"PK\x03\x04 and so on and so on", &keys, 3000),
            Err(BundleError::Foreign { .. })
        ));
        assert!(matches!(check(&vec![b'x'; 100_000], &keys, 3000), Err(BundleError::Foreign { .. })));
        assert!(matches!(
            check(&[MAGIC, &[b'x'; 9000]].concat(), &keys, 9),
            Err(BundleError::Foreign { .. })
        ));
    }

    #[test]
    fn a_signature_of_stock_minisign_holds() {
        // Key and signature of the README of minisign-verify (its author's; the text that was signed is "test").
        let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned();
        let signature = "untrusted comment: signature from minisign secret key\n\
            RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
            trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
            wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";
        let bundle = seal(signature, b"test");
        let verified = verify(&mut Cursor::new(bundle), "b", &[key], 100, &mut Vec::new()).unwrap();
        assert!(verified.comment.contains("prehashed"));
    }

    #[test]
    fn a_password_keeps_the_secret_key() {
        let (_, secret) = key_pair(Some("marten".to_owned())).unwrap();
        assert!(sign(b"x", &secret, None, "c").is_err());
        assert!(sign(b"x", &secret, Some("weasel".to_owned()), "c").is_err());
        assert!(sign(b"x", &secret, Some("marten".to_owned()), "c").is_ok());
    }
}
