//! `[console]`: the page on the trap's own Wi-Fi, as written and checked.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::check::Ranges;

/// As written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// When the page can be reached.
    pub on: On,
    /// For how long.
    pub minutes: i64,
    /// Address and port.
    pub listen: String,
    /// Names it may be called by.
    pub hosts: Vec<String>,
    /// The command that switches the machine off, split at blanks.
    pub power_off: String,
    /// The command that starts it anew.
    pub reboot: String,
}

impl Default for Raw {
    fn default() -> Self {
        Raw {
            on: On::Never,
            minutes: 10,
            // The address NetworkManager gives a machine on the access point it opens (nm-settings, ipv4.method shared).
            listen: "10.42.0.1:8080".to_owned(),
            hosts: vec!["trapline.local".to_owned()],
            power_off: "systemctl poweroff".to_owned(),
            reboot: "systemctl reboot".to_owned(),
        }
    }
}

/// When the page can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// Never: nothing listens, no command changes that.
    #[default]
    Never,
    /// From a start of the daemon for so many minutes, and when asked.
    Start,
    /// When asked: `trapline console on`, SIGUSR1, a button.
    Command,
}

/// Checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    /// When the page can be reached.
    pub on: On,
    /// For how long, 1 to 1440 minutes.
    pub lasts: Duration,
    /// Where.
    pub listen: SocketAddr,
    /// Names it may be called by, lower case; its own address always may.
    pub hosts: Vec<String>,
    /// The command that switches the machine off.
    pub power_off: Vec<String>,
    /// The command that starts it anew.
    pub reboot: Vec<String>,
}

pub(super) fn defaults() -> Console {
    let command = |word: &str| vec!["systemctl".to_owned(), word.to_owned()];
    Console {
        on: On::Never,
        lasts: Duration::from_secs(600),
        listen: SocketAddr::from(([10, 42, 0, 1], 8080)),
        hosts: vec!["trapline.local".to_owned()],
        power_off: command("poweroff"),
        reboot: command("reboot"),
    }
}

pub(super) fn check(raw: Raw, ranges: &Ranges<'_>) -> Result<Console, ConfigError> {
    let Ok(listen) = raw.listen.parse() else {
        let allowed = "an address and a port, such as \"10.42.0.1:8080\"";
        return ranges.refuse("console.listen", format!("\"{}\"", raw.listen), allowed);
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if let Some(stray) = raw.hosts.iter().find(|name| name.is_empty() || !name.chars().all(is_name)) {
        let allowed = "names such as \"trapline.local\", without http:// and port";
        return ranges.refuse("console.hosts", format!("\"{stray}\""), allowed);
    }
    let words = |key: &str, text: &str| -> Result<Vec<String>, ConfigError> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return ranges.refuse(key, "empty", "a program and its arguments, split at blanks");
        }
        Ok(words)
    };
    Ok(Console {
        on: raw.on,
        lasts: Duration::from_secs(60 * u64::from(ranges.whole("console.minutes", raw.minutes, 1..=1440)?)),
        listen,
        hosts: raw.hosts.iter().map(|name| name.to_ascii_lowercase()).collect(),
        power_off: words("console.power_off", &raw.power_off)?,
        reboot: words("console.reboot", &raw.reboot)?,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    #[test]
    fn nothing_listens_unless_asked_and_never_without_an_end() {
        assert_eq!(Config::default().console.on, On::Never);
        let parse = |text: &str| Config::parse(text, "site.toml", Path::new(""));
        let console = parse("[console]\non = 'command'\nhosts = ['Ridge.local']").unwrap().console;
        assert_eq!((console.on, console.hosts), (On::Command, vec!["ridge.local".to_owned()]));
        let refused = |text: &str| parse(&format!("[console]\n{text}")).unwrap_err().to_string();
        assert!(refused("minutes = 0").contains("`console.minutes` is 0; allowed: 1 to 1440"));
        assert!(refused("listen = '8080'").contains("10.42.0.1:8080"));
        assert!(refused("hosts = ['http://x']").contains("trapline.local"));
        assert!(refused("power_off = ' '").contains("`console.power_off`"));
        assert!(refused("on = 'always'").contains("never, start, command"));
    }
}
