//! Scripted modems behind a pseudo terminal. They speak from the firmware's own words (RAK-STM32-RUI atcmd.c and
//! service_lora.c, captured sessions of the LoRa-E5, the manuals of the others), not from the drivers.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Every story uses its part.

pub mod scripts;

use std::fs::File;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What a modem does with what it hears: bytes in, bytes out.
pub type Script = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// What a modem of lines answers to each command.
pub type Answer = Box<dyn FnMut(&str) -> String + Send>;

/// A modem that runs until it is dropped.
pub struct Modem {
    pub path: String,
    heard: Arc<Mutex<Vec<String>>>,
    unasked: Arc<Mutex<Vec<u8>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Modem {
    /// A modem of bytes.
    pub fn bytes(mut script: Script) -> Modem {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        // Kept open so that the terminal never hangs up, and raw from the start.
        let slave = File::options().read(true).write(true).open(&path).unwrap();
        let mut termios = rustix::termios::tcgetattr(&slave).unwrap();
        termios.make_raw();
        rustix::termios::tcsetattr(&slave, rustix::termios::OptionalActions::Now, &termios).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let unasked: Arc<Mutex<Vec<u8>>> = Arc::default();
        let says = unasked.clone();
        let thread = std::thread::spawn(move || {
            let _slave = slave;
            rustix::fs::fcntl_setfl(&master, rustix::fs::OFlags::NONBLOCK).unwrap();
            let mut master = File::from(master);
            let mut out: Vec<u8> = Vec::new();
            let mut buffer = [0; 4096];
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
                let n = master.read(&mut buffer).unwrap_or(0);
                if out.len() < 8 << 20 {
                    out.extend(script(&buffer[..n]));
                    out.append(&mut says.lock().unwrap());
                }
                if let Ok(n) = master.write(&out) {
                    out.drain(..n);
                }
            }
        });
        Modem { path, heard: Arc::default(), unasked, stop, thread: Some(thread) }
    }

    /// A modem of lines: each command gives its answer.
    pub fn lines(end: u8, mut answer: impl FnMut(&str) -> String + Send + 'static) -> Modem {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = heard.clone();
        let mut modem = Modem::bytes(lines(
            end,
            Box::new(move |text| {
                noted.lock().unwrap().push(text.to_owned());
                answer(text)
            }),
        ));
        modem.heard = heard;
        modem
    }

    /// It says something by itself.
    pub fn says(&self, text: &str) {
        self.unasked.lock().unwrap().extend(text.bytes());
    }

    /// Commands heard so far.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// How many commands begin with `start`.
    pub fn count(&self, start: &str) -> usize {
        self.heard().iter().filter(|line| line.starts_with(start)).count()
    }
}

impl Drop for Modem {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What happens to a modem that works otherwise. `usize`: at which word it hears, once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Twist {
    /// It says again what it hears before it answers.
    Echo,
    /// Its answers come five bytes at a time.
    Pieces,
    /// Bytes that are no text, and a line that means nothing, before each answer.
    Noise,
    /// It does not answer.
    Silence(usize),
    /// Half of its answer comes.
    Half(usize),
    /// Its answer is garbage.
    Garbage(usize),
    /// The word is read and the answer said at another baud rate.
    Baud(usize),
    /// It loses power before it answers, and says hello when it is up again.
    Reboot(usize),
}

/// `modem` gives a modem that was just switched on.
pub fn twisted(twist: Twist, hello: &'static str, modem: impl Fn() -> Script + Send + 'static) -> Script {
    let (mut script, mut words) = (modem(), 0);
    let mut pieces = std::collections::VecDeque::new();
    let mut dice = fastrand::Rng::with_seed(11);
    Box::new(move |bytes| {
        // A word ends a line: a long one may come in several pieces.
        let word = bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        words += usize::from(word);
        let now = |at: usize| word && words == at;
        match twist {
            Twist::Reboot(at) if now(at) => {
                script = modem();
                return hello.as_bytes().to_vec();
            }
            Twist::Baud(at) if now(at) => {
                let noise: Vec<u8> = bytes.iter().map(|_| dice.u8(..)).collect();
                return [script(&noise), noise].concat().iter().map(|byte| byte ^ 0x95).collect();
            }
            _ => {}
        }
        let answer = script(bytes);
        match twist {
            Twist::Silence(at) if now(at) => Vec::new(),
            Twist::Half(at) if now(at) => answer[..answer.len() / 2].to_vec(),
            Twist::Garbage(at) if now(at) => answer.iter().map(|_| dice.u8(..)).collect(),
            Twist::Echo => [bytes, &answer].concat(),
            Twist::Noise if !answer.is_empty() => [b"\x00\xfe\r\n%~x!\r\n", answer.as_slice()].concat(),
            Twist::Pieces => {
                pieces.extend(answer);
                let few = pieces.len().min(5);
                pieces.drain(..few).collect()
            }
            _ => answer,
        }
    })
}

/// Bytes in, lines to `answer`, bytes out.
pub fn lines(end: u8, mut answer: Answer) -> Script {
    let mut line = Vec::new();
    Box::new(move |bytes| {
        let mut out = Vec::new();
        for &byte in bytes {
            match byte {
                b if b == end => {
                    let text = String::from_utf8_lossy(&std::mem::take(&mut line)).trim().to_owned();
                    if !text.is_empty() {
                        out.extend(answer(&text).into_bytes());
                    }
                }
                0xff => {}
                b => line.push(b),
            }
        }
        out
    })
}

/// Ways in which a line goes wrong, for any modem.
pub fn faults() -> Vec<(&'static str, Script)> {
    let mut seed = fastrand::Rng::with_seed(7);
    let mut noise = move || (0..64).map(|_| seed.u8(..)).collect::<Vec<u8>>();
    let mut wrong_baud = fastrand::Rng::with_seed(8);
    let on = |bytes: &[u8], answer: &[u8]| if bytes.is_empty() { Vec::new() } else { answer.to_vec() };
    vec![
        ("silence", Box::new(|_| Vec::new())),
        ("garbage without end", Box::new(move |_| noise())),
        ("half lines", Box::new(move |bytes| on(bytes, b"\r\nO"))),
        ("echo and nothing else", Box::new(|bytes| bytes.to_vec())),
        ("wrong baud rate", Box::new(move |bytes| bytes.iter().map(|_| wrong_baud.u8(..)).collect())),
        ("a reboot at every word", Box::new(move |bytes| on(bytes, b"\r\nRAKwireless\r\nLoRaWAN.\r\n"))),
        ("a flood of lines", Box::new(|_| b"+EVT:FLOOD\r\n".repeat(20_000))),
        ("a flood without a line end", Box::new(|_| vec![b'x'; 200_000])),
        ("OK to everything", Box::new(move |bytes| on(bytes, b"\r\nOK\r\n"))),
        ("a refusal of everything", Box::new(move |bytes| on(bytes, b"\r\nERROR\r\n"))),
    ]
}

/// The bound of a call with this deadline: generous, because the machine may be busy.
pub fn bound(deadline: Duration) -> Duration {
    deadline * 2 + Duration::from_secs(1)
}
