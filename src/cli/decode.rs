//! `trapline decode`: what frames say, for people or as JSON.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde_json::{Map, Value};

use super::{Done, Failure};
use crate::event::command::Order;
use crate::event::wire::{Anchors, PORT_COMMAND, PORT_UPLINK, decode};
use crate::event::{Codebook, Message, json as told};

const EXAMPLES: &str = "Examples:\n  trapline decode 1106002588ae8a30011e46\n  \
                        trapline decode --json --codebook species.txt 1106002588ae8a30011e46\n\n\
                        Give all frames of one trap at once: an anchor in one puts the times of the others right.";

/// Arguments of `trapline decode`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Frames of one trap, or sealed commands, in hexadecimal; spaces, colons and 0x do not matter
    #[arg(value_name = "HEX", required = true)]
    frames: Vec<String>,
    /// The LoRaWAN port they came on: 1 is the uplink's, 2 that of sealed commands
    #[arg(long, value_name = "N", default_value_t = PORT_UPLINK)]
    port: u8,
    /// The site's scientific names as `trapline codebook` prints them: sorted, one per line; # begins a comment
    #[arg(long, value_name = "FILE")]
    codebook: Option<PathBuf>,
    /// One JSON object per message or command
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    match args.port {
        PORT_UPLINK => uplink(&args),
        PORT_COMMAND => commands(&args),
        port => Err(Failure::Input(anyhow!(
            "--port {port} is not known here; frames come on {PORT_UPLINK}, commands on {PORT_COMMAND}"
        ))),
    }
}

fn uplink(args: &Args) -> Done {
    let (mut messages, mut anchors, mut unread) = (Vec::new(), Anchors::<256>::new(), 0);
    for text in &args.frames {
        let frame = hex(text).map_err(Failure::Input)?;
        let mut decoded = decode(&frame).with_context(|| text.clone()).map_err(Failure::Input)?;
        for message in decoded.by_ref() {
            match message {
                Ok(message) => {
                    if let Message::Anchor(anchor) = &message {
                        anchors.add(*anchor).map_err(Failure::input)?;
                    }
                    messages.push(message);
                }
                Err(error) => {
                    eprintln!("trapline: {text}: {error}");
                    unread += 1;
                }
            }
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
        let ours = book.hash();
        let other = messages.iter().find_map(|m| match m {
            Message::Health(h) if h.codebook != ours => Some(h.codebook),
            _ => None,
        });
        if let Some(theirs) = other {
            eprintln!(
                "trapline: the trap's codebook is {theirs:08x}, the file's {ours:08x}: codes, not names"
            );
        }
        other.is_none()
    });
    if args.codebook.is_none() {
        eprintln!("trapline: species are told by their codes; --codebook FILE gives them names");
    }
    let told: Vec<_> = messages.iter().map(|m| told::message(m, &anchors, book.as_ref())).collect();
    print(told, args.json)?;
    match unread {
        0 => Ok(()),
        1 => Err(Failure::Input(anyhow!("one message could not be read; what could be is printed"))),
        n => Err(Failure::Input(anyhow!("{n} messages could not be read; what could be is printed"))),
    }
}

fn commands(args: &Args) -> Done {
    let mut told = Vec::new();
    for text in &args.frames {
        let bytes = hex(text).map_err(Failure::Input)?;
        let (order, seal) = Order::peek(&bytes).with_context(|| text.clone()).map_err(Failure::Input)?;
        told.push(told::order(&order, &seal));
    }
    eprintln!("trapline: seals are not checked here; the trap checks them");
    print(told, args.json)
}

fn print(told: Vec<Map<String, Value>>, json: bool) -> Done {
    let mut out = std::io::stdout().lock();
    for object in told {
        let written = if json {
            writeln!(out, "{}", Value::Object(object))
        } else {
            let fields: Vec<String> = object.iter().map(|(name, value)| format!("{name} {value}")).collect();
            writeln!(out, "{}", fields.join("  "))
        };
        written.map_err(Failure::runtime)?;
    }
    Ok(())
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
    use crate::event::Code;
    use serde_json::json;

    #[test]
    fn a_wolf_has_its_name_only_with_a_codebook() {
        let Message::Sighting(mut seen) =
            decode(&hex("0x11:06002588 ae8a30011e46").unwrap()).unwrap().next().unwrap().unwrap()
        else {
            panic!("not a sighting")
        };
        seen.code = Code::new(3).unwrap();
        let (wolf, names) = (Message::Sighting(seen), [String::from("Canis lupus")]);
        let none = Anchors::<1>::new();
        let fields = told::message(&wolf, &none, Some(&Codebook::new(&names).unwrap()));
        assert_eq!(
            Value::Object(fields),
            json!({"type": "sighting", "boot": 3, "number": 300, "time": "2026-11-25T03:12:00Z",
                   "time_s": 1_795_576_320, "clock": "rtc", "species": "Canis lupus", "code": 3, "score": 0.9, "count": 2, "alert": true})
        );
        assert_eq!(told::message::<1, String>(&wolf, &none, None)["species"], Value::Null);
    }

    #[test]
    fn what_is_not_hexadecimal_is_refused() {
        assert!(hex("zz").unwrap_err().to_string().contains("'z'"));
        assert!(hex("123").unwrap_err().to_string().contains("odd"));
    }
}
