//! What each modem answers, by the firmware, the captured sessions and the manuals.
#![allow(clippy::unwrap_used, clippy::missing_docs_in_private_items)] // Helpers of tests may.

use std::sync::{Arc, Mutex};

use super::{Answer, Script};

/// What a RAK3172 is like.
#[derive(Clone)]
pub struct Rui3 {
    pub joined: bool,
    pub joins: &'static str,
    pub sent: &'static str,
    pub old: bool,
    pub echo: bool,
    /// A line of noise before each OK.
    pub noise: bool,
}

pub const RUI3: Rui3 = Rui3 {
    joined: false,
    joins: "+EVT:JOINED",
    sent: "\r\nOK\r\n+EVT:TX_DONE\r\n",
    old: false,
    echo: false,
    noise: false,
};

/// The firmware: reads `AT+X=<value>` + blank + OK, writes OK (atcmd.c).
pub fn rui3(inside: Arc<Mutex<Rui3>>) -> Answer {
    let mut values = std::collections::HashMap::from([
        ("AT+VER".to_owned(), "RUI_4.0.6_RAK3172-E".to_owned()),
        ("AT+NWM".to_owned(), "1".to_owned()),
        ("AT+LTIME".to_owned(), "14h25m30s on 06/27/2026".to_owned()),
    ]);
    Box::new(move |line| {
        let mut state = inside.lock().unwrap();
        let ok = "\r\nOK\r\n".to_owned();
        let answer = match line.split_once('=') {
            None if line == "AT" => ok,
            Some((verb, "?")) => {
                let value = match verb {
                    "AT+NJS" => u8::from(state.joined).to_string(),
                    "AT+VER" if state.old => "V1.0.4".to_owned(),
                    _ => values.get(verb).cloned().unwrap_or("0".to_owned()),
                };
                match state.old {
                    true => format!("{value}\r\n\r\nOK\r\n"),
                    false if state.noise && verb != "AT+VER" => format!("{verb}={value}\r\n%x7 ~\r\nOK\r\n"),
                    false => format!("{verb}={value}\r\n\r\nOK\r\n"),
                }
            }
            Some(("AT+JOIN", _)) => {
                state.joined = state.joins == "+EVT:JOINED";
                format!("\r\nOK\r\n{}\r\n", state.joins)
            }
            Some(("AT+SEND", _)) if !state.joined => "\r\nAT_NO_NETWORK_JOINED\r\n".to_owned(),
            Some(("AT+SEND", _)) => state.sent.to_owned(),
            Some((verb, value)) => {
                values.insert(verb.to_owned(), value.to_owned());
                ok
            }
            None => "\r\nAT_COMMAND_NOT_FOUND\r\n".to_owned(),
        };
        if state.echo { format!("{line}\r\n{answer}") } else { answer }
    })
}

/// A Wio-E5 that is not joined until AT+JOIN; answers as in the LoRa-E5 library's captured sessions.
pub fn wio_e5(sent: &'static str, joins: &'static str) -> Answer {
    let mut joined = false;
    // Its clock counts from 2020 until the network told the time with a parcel's answer.
    let (mut asked, mut told) = (false, false);
    Box::new(move |line| {
        let verb = line.trim_start_matches("AT+").split(['=', ' ']).next().unwrap_or_default();
        let answer = match (line, verb) {
            ("AT", _) => "+AT: OK".to_owned(),
            ("AT+ID=DevEui", _) => "+ID: DevEui, 2C:F7:F1:C0:44:00:04:A1".to_owned(),
            ("AT+ID=AppEui", _) => "+ID: AppEui, 80:00:00:00:00:00:00:06".to_owned(),
            ("AT+DR", _) => "+DR: EU868 DR4  SF8  BW125K".to_owned(),
            ("AT+RTC=UTCMS", _) if told => "+RTC: 2026-04-30 12:30:49.465".to_owned(),
            ("AT+RTC=UTCMS", _) => "+RTC: 2020-01-01 00:00:10.000".to_owned(),
            ("AT+LW=DTR", _) => {
                asked = true;
                "+LW: DTR".to_owned()
            }
            ("AT+LW=LEN", _) => "+LW: LEN, 242".to_owned(),
            ("AT+JOIN", _) => {
                joined |= joins.contains("Network joined");
                joins.to_owned()
            }
            (_, "MSGHEX" | "CMSGHEX") if !joined => format!("+{verb}: Please join network first"),
            (_, "MSGHEX" | "CMSGHEX") => {
                told |= std::mem::take(&mut asked);
                sent.replace('$', &format!("+{verb}: "))
            }
            _ => format!("+{verb}: {}", line.split_once('=').map_or("4.0.11", |(_, value)| value)),
        };
        format!("{answer}\r\n")
    })
}

pub const E5_JOINED: &str = "+JOIN: Start\r\n+JOIN: NORMAL\r\n+JOIN: Network joined\r\n\
                         +JOIN: NetID 000013 DevAddr 26:01:5F:66\r\n+JOIN: Done";

/// A RAK4270 by its manual.
pub fn rak4270(sent: &'static str, join: &'static str) -> Answer {
    let mut joined = false;
    Box::new(move |line| match line {
        "at+version" => "OK V3.0.0.14.H\r\n".to_owned(),
        "at+set_config=device:sleep:1" => "OK Sleep\r\n".to_owned(),
        "at+set_config=device:sleep:0" => "OK Wake Up\r\n".to_owned(),
        "at+join" => {
            joined = join.starts_with("OK");
            format!("{join}\r\n")
        }
        _ if line.starts_with("at+send=") && !joined => "ERROR: 86\r\n".to_owned(),
        _ if line.starts_with("at+send=") => format!("{sent}\r\n"),
        _ if line.starts_with("at+set_config=lora:") => "OK\r\n".to_owned(),
        _ => "ERROR: 1\r\n".to_owned(),
    })
}

/// An RN2483 as the tests of the crate `rn2xx3` have it.
pub fn rn2483(sent: &'static str, join: &'static str) -> Answer {
    let mut joined = false;
    Box::new(move |line| match line {
        "z" => "invalid_param\r\n".to_owned(),
        "sys get ver" => "RN2483 1.0.5 Oct 31 2018 15:06:52\r\n".to_owned(),
        "mac get dr" => "5\r\n".to_owned(),
        "mac join otaa" => {
            joined = join == "accepted";
            format!("ok\r\n{join}\r\n")
        }
        "mac save" => "ok\r\n".to_owned(),
        _ if line.starts_with("mac tx ") && !joined => "not_joined\r\n".to_owned(),
        _ if line.starts_with("mac tx ") => format!("{sent}\r\n"),
        _ if line.starts_with("mac set ") => "ok\r\n".to_owned(),
        _ if line.starts_with("sys sleep") => String::new(),
        _ => "invalid_param\r\n".to_owned(),
    })
}

/// A 9602 with echo on, as the dialogues of the IridiumSBD library show it. The message `[1, 2]` waits where `sbdix`
/// says so.
pub fn iridium(sbdix: &'static str, signal: u8) -> Script {
    let mut line = Vec::new();
    let mut binary: Option<(usize, Vec<u8>)> = None;
    Box::new(move |bytes| {
        let mut out = Vec::new();
        for &byte in bytes {
            if let Some((wanted, body)) = &mut binary {
                body.push(byte);
                if body.len() == *wanted + 2 {
                    let sum: u32 = body[..*wanted].iter().map(|&b| u32::from(b)).sum();
                    let right = [(sum >> 8) as u8, sum as u8] == body[*wanted..];
                    out.extend(if right { b"0\r\n\r\nOK\r\n" } else { b"2\r\n\r\nOK\r\n" });
                    binary = None;
                }
                continue;
            }
            out.push(byte);
            if byte != b'\r' {
                line.push(byte);
                continue;
            }
            let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            match text.as_str() {
                "AT+CSQ" => out.extend(format!("\r\n+CSQ:{signal}\r\n\r\nOK\r\n").bytes()),
                "AT+SBDIX" => out.extend(format!("\r\n+SBDIX: {sbdix}\r\n\r\nOK\r\n").bytes()),
                "AT+SBDRB" => out.extend(b"\x00\x02\x01\x02\x00\x03\r\nOK\r\n"),
                "AT+SBDD0" => out.extend(b"\r\n0\r\n\r\nOK\r\n"),
                text => match text.strip_prefix("AT+SBDWB=") {
                    Some(n) => {
                        binary = Some((n.parse().unwrap_or(0), Vec::new()));
                        out.extend(b"\r\nREADY\r\n");
                    }
                    None => out.extend(b"\r\nOK\r\n"),
                },
            }
        }
        out
    })
}

/// A SIM7080 that publishes what it is given; `published` is its answer to an event. What it heard stands in `heard`,
/// bodies after a `>`.
pub fn sim7080(published: &'static str, heard: Arc<Mutex<Vec<String>>>) -> Script {
    let (mut line, mut body, mut connected) = (Vec::new(), None::<(usize, bool)>, false);
    Box::new(move |bytes| {
        let mut out = String::new();
        for &byte in bytes {
            line.push(byte);
            if let Some((wanted, event)) = body {
                if line.len() == wanted {
                    let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                    heard.lock().unwrap().push(format!(">{text}"));
                    out += if event { published } else { "\r\nOK\r\n" };
                    body = None;
                }
                continue;
            }
            if byte != b'\n' {
                continue;
            }
            let text = String::from_utf8_lossy(&std::mem::take(&mut line)).trim().to_owned();
            if text.is_empty() {
                continue;
            }
            heard.lock().unwrap().push(text.clone());
            let ok = "\r\nOK\r\n";
            out += &match text.as_str() {
                "AT+SMSTATE?" => format!("\r\n+SMSTATE: {}\r\n{ok}", u8::from(connected)),
                "AT+CCLK?" => format!("\r\n+CCLK: \"26/05/04,22:36:22+08\"\r\n{ok}"),
                "AT+SMCONN" | "AT+SMDISC" => {
                    connected = text == "AT+SMCONN";
                    ok.to_owned()
                }
                publish if publish.starts_with("AT+SMPUB=\"") && connected => {
                    let length = publish.split(',').nth(1).and_then(|n| n.parse().ok()).unwrap_or(1);
                    body = Some((length, publish.contains("/event\"")));
                    "\r\n>".to_owned()
                }
                publish if publish.starts_with("AT+SMPUB") => "\r\nERROR\r\n".to_owned(),
                _ => ok.to_owned(),
            };
        }
        out.into_bytes()
    })
}
