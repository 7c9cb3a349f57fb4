//! `[bundles]`: who may bring models and configuration, and when they count as good; as written and checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;
use super::check::Ranges;

/// As written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// Public keys.
    pub keys: Vec<String>,
    /// Where they are kept.
    pub folder: String,
    /// Where they are looked for.
    pub inbox: String,
    /// Megabytes.
    pub max_mb: i64,
    /// Healthy bursts.
    pub good_after_bursts: i64,
    /// Minutes.
    pub good_after_min: i64,
    /// Starts.
    pub starts: i64,
}

impl Default for Raw {
    fn default() -> Self {
        Raw {
            keys: Vec::new(),
            folder: "installed-bundles".to_owned(),
            inbox: "bundles".to_owned(),
            max_mb: 64,
            good_after_bursts: 3,
            good_after_min: 60,
            starts: 3,
        }
    }
}

/// Checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundles {
    /// Public keys that may sign, as `minisign` writes them; none: every bundle is refused.
    pub keys: Vec<String>,
    /// The folder of what is in force.
    pub folder: PathBuf,
    /// The folder that is looked through at each start.
    pub inbox: PathBuf,
    /// Most bytes of a bundle.
    pub most: u64,
    /// Healthy bursts after which a bundle is good, 1..=1000.
    pub good_after_bursts: u32,
    /// Time without a fault after which it is good as well, 1 minute to 7 days.
    pub good_after: Duration,
    /// Starts in a row without a sign of health after which it is taken back, 1..=100.
    pub starts: u32,
}

pub(super) fn defaults() -> Bundles {
    Bundles {
        keys: Vec::new(),
        folder: "installed-bundles".into(),
        inbox: "bundles".into(),
        most: 64_000_000,
        good_after_bursts: 3,
        good_after: Duration::from_secs(3600),
        starts: 3,
    }
}

pub(super) fn check(raw: Raw, ranges: &Ranges<'_>, folder: &Path) -> Result<Bundles, ConfigError> {
    // 42 bytes of base64: algorithm, number, key (minisign's format).
    let is_key = |key: &String| {
        key.len() == 56 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
    };
    if let Some(stray) = raw.keys.iter().find(|key| !is_key(key)) {
        let allowed = "public keys of 56 characters, the last line of a .pub file";
        return ranges.refuse("bundles.keys", format!("\"{stray}\""), allowed);
    }
    let minutes = ranges.whole("bundles.good_after_min", raw.good_after_min, 1..=10_080)?;
    Ok(Bundles {
        keys: raw.keys,
        folder: folder.join(raw.folder),
        inbox: folder.join(raw.inbox),
        most: u64::from(ranges.whole("bundles.max_mb", raw.max_mb, 1..=2000)?) * 1_000_000,
        good_after_bursts: ranges.whole("bundles.good_after_bursts", raw.good_after_bursts, 1..=1000)?,
        good_after: Duration::from_secs(60 * u64::from(minutes)),
        starts: ranges.whole("bundles.starts", raw.starts, 1..=100)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn a_key_that_is_none_is_refused() {
        let parse = |text: &str| Config::parse(&format!("[bundles]\n{text}"), "site.toml", Path::new("etc"));
        let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
        let bundles = parse(&format!("keys = ['{key}']")).unwrap().bundles;
        assert_eq!((bundles.keys.len(), bundles.folder.as_path()), (1, Path::new("etc/installed-bundles")));
        let said = parse("keys = ['secret']").unwrap_err().to_string();
        assert!(said.contains("`bundles.keys` is \"secret\"; allowed: public keys"), "{said}");
        assert!(parse("starts = 0").is_err());
    }
}
