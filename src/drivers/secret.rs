//! A password that no log line can show.

use std::fmt;

/// A password or token. It prints as `***`; only [`Secret::expose`] gives it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes it as it is; a newline at its end (files have one) is cut off.
    pub fn new(text: &str) -> Self {
        Secret(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The password itself, for the wire only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("wolf\r\n");
        assert_eq!(secret.expose(), "wolf");
        assert_eq!(format!("{secret:?}"), "***");
    }
}
