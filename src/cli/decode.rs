//! `trapline decode`: what frames say, for people or as JSON.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::{Done, Failure};
use crate::event::wire::{Anchors, PORT_UPLINK, decode};
use crate::event::{Code, Codebook, Message, When};

const EXAMPLES: &str = "Examples:\n  trapline decode 1106002588ae8a30011e46\n  \
                        trapline decode --json --codebook species.txt 1106002588ae8a30011e46\n\n\
                        Give all frames of one trap at once: an anchor in one puts the times of the others right.";

/// Arguments of `trapline decode`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Frames of one trap, in hexadecimal; spaces, colons and 0x do not matter
    #[arg(value_name = "HEX", required = true)]
    frames: Vec<String>,
    /// The LoRaWAN port they came on; only 1, the uplink's, is known
    #[arg(long, value_name = "N", default_value_t = PORT_UPLINK)]
    port: u8,
    /// The site's scientific names, sorted, one per line; # begins a comment
    #[arg(long, value_name = "FILE")]
    codebook: Option<PathBuf>,
    /// One JSON object per message
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    if args.port != PORT_UPLINK {
        let port = args.port;
        return Err(Failure::Input(anyhow!("--port {port} is not known here; frames come on {PORT_UPLINK}")));
    }
    let (mut messages, mut anchors) = (Vec::new(), Anchors::<256>::new());
    for text in &args.frames {
        let frame = hex(text).map_err(Failure::Input)?;
        let mut decoded = decode(&frame).with_context(|| text.clone()).map_err(Failure::Input)?;
        for message in decoded.by_ref() {
            let message = message.with_context(|| text.clone()).map_err(Failure::Input)?;
            if let Message::Anchor(anchor) = &message {
                anchors.add(*anchor).map_err(Failure::input)?;
            }
            messages.push(message);
        }
        if decoded.skipped() + decoded.longer() > 0 {
            let (skipped, longer) = (decoded.skipped(), decoded.longer());
            eprintln!(
                "trapline: {text}: {skipped} skipped and {longer} read in part: of a later version; update"
            );
        }
    }
    let names = args.codebook.as_deref().map(names).transpose().map_err(Failure::Input)?;
    let book = names.as_deref().map(Codebook::new).transpose().map_err(Failure::input)?;
    let book = book.filter(|book| {
        let other = messages.iter().find_map(|m| match m {
            Message::Health(h) if h.codebook != book.hash() => Some(h.codebook),
            _ => None,
        });
        if let Some(theirs) = other {
            let ours = book.hash();
            eprintln!(
                "trapline: the trap's codebook is {theirs:08x}, the file's {ours:08x}: codes, not names"
            );
        }
        other.is_none()
    });
    if args.codebook.is_none() {
        eprintln!("trapline: species are told by their codes; --codebook FILE gives them names");
    }
    let mut out = std::io::stdout().lock();
    for message in &messages {
        let object = object(message, &anchors, book.as_ref()).map_err(Failure::runtime)?;
        let written = if args.json {
            writeln!(out, "{}", Value::Object(object))
        } else {
            let fields: Vec<String> = object.iter().map(|(name, value)| format!("{name} {value}")).collect();
            writeln!(out, "{}", fields.join("  "))
        };
        written.map_err(Failure::runtime)?;
    }
    Ok(())
}

fn object(
    message: &Message,
    anchors: &Anchors<256>,
    book: Option<&Codebook<'_, String>>,
) -> Result<Map<String, Value>, serde_json::Error> {
    let name = |code: Code| match (code.fixed_name(), book) {
        (Some(fixed), _) => Value::from(fixed),
        (None, Some(book)) => book.name(code).map_or(Value::Null, Value::from),
        (None, None) => Value::Null,
    };
    let (kind, value) = match message {
        Message::Sighting(s) => {
            let mut fields = Map::new();
            fields.insert("type".into(), "sighting".into());
            fields.insert("boot".into(), s.key.boot.into());
            fields.insert("number".into(), s.key.number.into());
            time(anchors.resolve(s.key, s.at), &mut fields);
            fields.insert("species".into(), name(s.code));
            fields.insert("code".into(), s.code.get().into());
            // Two digits: the wire has 64 steps.
            fields.insert("score".into(), ((f64::from(s.score.get()) * 100.0).round() / 100.0).into());
            fields.insert("count".into(), s.count.into());
            fields.insert("alert".into(), s.alert.into());
            return Ok(fields);
        }
        Message::Health(m) => ("health", serde_json::to_value(m)?),
        Message::Digest(m) => ("digest", serde_json::to_value(m)?),
        Message::Lost(m) => ("lost", serde_json::to_value(m)?),
        Message::Ack(m) => ("ack", serde_json::to_value(m)?),
        Message::Anchor(m) => ("anchor", serde_json::to_value(m)?),
    };
    let mut fields = Map::new();
    fields.insert("type".into(), kind.into());
    if let Value::Object(all) = value {
        fields.extend(all.into_iter().filter(|(name, _)| name != "at"));
    }
    if let Message::Health(h) = message {
        let key = crate::event::EventKey { boot: h.boot, number: h.next };
        time(anchors.resolve(key, h.at), &mut fields);
        fields.insert("codebook".into(), format!("{:08x}", h.codebook).into());
    }
    if let (Message::Digest(d), Some(Value::Array(lines))) = (message, fields.get_mut("lines")) {
        for (line, of) in lines.iter_mut().zip(&d.lines) {
            if let Value::Object(line) = line {
                line.insert("species".into(), name(of.code));
            }
        }
    }
    Ok(fields)
}

fn time(at: When, fields: &mut Map<String, Value>) {
    let (time, clock) = match at {
        When::Utc { seconds, quality } => {
            let time = DateTime::from_timestamp(seconds, 0);
            (json!(time.map(|t| t.to_rfc3339_opts(SecondsFormat::Secs, true))), quality.as_str())
        }
        When::SinceBoot { seconds } => {
            fields.insert("since_boot_s".into(), seconds.into());
            (Value::Null, "unset")
        }
    };
    fields.insert("time".into(), time);
    fields.insert("clock".into(), clock.into());
}

fn names(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let line = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    Ok(text.lines().map(line).filter(|name| !name.is_empty()).collect())
}

fn hex(text: &str) -> anyhow::Result<Vec<u8>> {
    let bare = text.replace("0x", "");
    let digit = |c: char| {
        c.to_digit(16).ok_or_else(|| anyhow!("{text}: {c:?} is not a hexadecimal digit; give 0-9 and a-f"))
    };
    let kept = bare.chars().filter(|c| !c.is_whitespace() && *c != ':');
    let digits = kept.map(digit).collect::<anyhow::Result<Vec<u32>>>()?;
    if digits.len() % 2 == 1 {
        return Err(anyhow!("{text}: an odd number of digits; two make a byte"));
    }
    let byte = |pair: &[u32]| pair.iter().fold(0, |sum, d| sum * 16 + d);
    Ok(digits.chunks(2).filter_map(|pair| u8::try_from(byte(pair)).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wolf_has_its_name_only_with_a_codebook() {
        let Message::Sighting(mut seen) =
            decode(&hex("0x11:06002588 ae8a30011e46").unwrap()).unwrap().next().unwrap().unwrap()
        else {
            panic!("not a sighting")
        };
        seen.code = Code::new(3).unwrap();
        let (wolf, names) = (Message::Sighting(seen), [String::from("Canis lupus")]);
        let fields = object(&wolf, &Anchors::new(), Some(&Codebook::new(&names).unwrap())).unwrap();
        assert_eq!(
            Value::Object(fields),
            json!({"type": "sighting", "boot": 3, "number": 300, "time": "2026-11-25T03:12:00Z", "clock": "rtc",
                   "species": "Canis lupus", "code": 3, "score": 0.9, "count": 2, "alert": true})
        );
        assert_eq!(object(&wolf, &Anchors::new(), None).unwrap()["species"], Value::Null);
    }

    #[test]
    fn what_is_not_hexadecimal_is_refused() {
        assert!(hex("zz").unwrap_err().to_string().contains("'z'"));
        assert!(hex("123").unwrap_err().to_string().contains("odd"));
    }
}
