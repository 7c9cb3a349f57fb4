//! Commands as people paste them: hexadecimal or base64 text beside the raw bytes.
//!
//! A sealed command starts with its version byte, which is a control character: printable text is never one, so the
//! three forms cannot be taken for each other.

/// The bytes of `received`: text of an even number of hexadecimal digits, or else of base64 (RFC 4648, standard or
/// URL alphabet), is decoded; anything else is given as it came, and whoever opens the seal says what is wrong.
pub(super) fn command_bytes(received: &[u8]) -> Vec<u8> {
    let text = received.trim_ascii();
    from_hex(text).or_else(|| from_base64(text)).unwrap_or_else(|| received.to_vec())
}

/// Bytes from hexadecimal digits; spaces are not allowed.
pub(super) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    text.as_chunks::<2>().0.iter().map(|&[high, low]| Some((digit(high)? << 4) | digit(low)?)).collect()
}

fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    // Six bits each: one digit alone is less than a byte.
    if digits.is_empty() || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for &digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_base64_and_raw_give_the_same_command() {
        // By `printf '\1\0\376sealed' | base64` and `| xxd -p`.
        let raw = b"\x01\x00\xfesealed";
        assert_eq!(command_bytes(raw), raw);
        assert_eq!(command_bytes(b"0100FE7365616c6564\n"), raw);
        assert_eq!(command_bytes(b"AQD+c2VhbGVk"), raw);
        assert_eq!(command_bytes(b"AQD-c2VhbGVk"), raw);
    }

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (text, bytes) in [("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")] {
            assert_eq!(command_bytes(text.as_bytes()), bytes.as_bytes());
        }
    }

    #[test]
    fn what_is_no_text_of_bytes_is_left_alone() {
        for odd in [&b""[..], b"=", b"reboot!", b"\xff\xfe", b"A"] {
            assert_eq!(command_bytes(odd), odd);
        }
    }
}
