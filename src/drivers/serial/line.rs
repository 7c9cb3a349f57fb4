//! Lines of text over a byte port: every read has a deadline, and noise is dropped and counted.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// Longest line kept, bytes. RUI3 prints at most 500 hexadecimal digits and some words per line; a SIM7080 command
/// is not longer than 1024 bytes with its topic.
pub const MAX_LINE: usize = 2048;

/// Bytes written at once: few enough that a full output queue is noticed before the deadline is gone.
const CHUNK: usize = 64;

/// A byte port whose reads and writes give up after a time.
pub trait Port: Read + Write + Send {
    /// Reads and writes from now on fail with [`io::ErrorKind::TimedOut`] after `timeout`.
    fn set_timeout(&mut self, timeout: Duration) -> io::Result<()>;
}

/// What was dropped on the way to clean lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Noise {
    /// Bytes that are no printable ASCII.
    pub garbage: u64,
    /// Lines longer than [`MAX_LINE`].
    pub overlong: u64,
    /// Our own commands come back.
    pub echoes: u64,
    /// Lines nobody understood.
    pub strays: u64,
}

/// A port read by lines.
pub struct Line {
    port: Box<dyn Port>,
    /// Bytes read and not yet looked at.
    waiting: VecDeque<u8>,
    /// The line so far.
    partial: Vec<u8>,
    /// The rest of the line is dropped.
    overlong: bool,
    /// The last command, while its echo may come.
    echo: Option<String>,
    noise: Noise,
}

impl Line {
    /// Over `port`.
    pub fn new(port: Box<dyn Port>) -> Self {
        let (waiting, partial) = (VecDeque::new(), Vec::new());
        Line { port, waiting, partial, overlong: false, echo: None, noise: Noise::default() }
    }

    /// What was dropped since the start.
    pub fn noise(&self) -> Noise {
        self.noise
    }

    /// Counts a line that nobody understood.
    pub fn stray(&mut self) {
        self.noise.strays += 1;
    }

    /// Writes `command` and `end`; its echo will not be read as an answer.
    pub fn command(&mut self, command: &str, end: &str, until: Instant) -> io::Result<()> {
        self.echo = Some(command.to_owned());
        self.write([command, end].concat().as_bytes(), until)
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, mut bytes: &[u8], until: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            let left = left(until).ok_or(io::ErrorKind::TimedOut)?;
            self.port.set_timeout(left)?;
            match self.port.write(&bytes[..bytes.len().min(CHUNK)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next line that is not empty and no echo; `None` when `until` came first.
    pub fn line(&mut self, until: Instant) -> io::Result<Option<String>> {
        loop {
            while let Some(byte) = self.waiting.pop_front() {
                if let Some(line) = self.take(byte) {
                    return Ok(Some(line));
                }
            }
            if !self.fill(until)? {
                return Ok(None);
            }
        }
    }

    /// Exactly `n` bytes as they are; `None` when `until` came first.
    pub fn bytes(&mut self, n: usize, until: Instant) -> io::Result<Option<Vec<u8>>> {
        while self.waiting.len() < n {
            if !self.fill(until)? {
                return Ok(None);
            }
        }
        Ok(Some(self.waiting.drain(..n).collect()))
    }

    /// True once `prompt` was read, which ends no line (`>` of a SIM7080); `stop` looks at each line before it whether
    /// that ends the wait.
    pub fn prompt(
        &mut self,
        prompt: u8,
        until: Instant,
        mut stop: impl FnMut(&str) -> bool,
    ) -> io::Result<bool> {
        loop {
            while let Some(byte) = self.waiting.pop_front() {
                if byte == prompt && self.partial.is_empty() {
                    return Ok(true);
                }
                if self.take(byte).is_some_and(|line| stop(&line)) {
                    return Ok(false);
                }
            }
            if !self.fill(until)? {
                return Ok(false);
            }
        }
    }

    /// Drops what was said until nothing came for `quiet`, at the longest until `until`.
    pub fn drain(&mut self, quiet: Duration, until: Instant) -> io::Result<()> {
        while self.line(until.min(Instant::now() + quiet))?.is_some() {
            self.stray();
            if left(until).is_none() {
                break;
            }
        }
        self.forget();
        Ok(())
    }

    /// Drops the line so far.
    pub fn forget(&mut self) {
        self.partial.clear();
        self.overlong = false;
    }

    /// Reads what is there; false when `until` came first.
    fn fill(&mut self, until: Instant) -> io::Result<bool> {
        let mut chunk = [0; 4096];
        loop {
            let Some(left) = left(until) else { return Ok(false) };
            self.port.set_timeout(left)?;
            match self.port.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.waiting.extend(&chunk[..n]);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds a byte to the line so far; the line when the byte ends it.
    fn take(&mut self, byte: u8) -> Option<String> {
        match byte {
            b'\r' | b'\n' => {
                let bytes = std::mem::take(&mut self.partial);
                if std::mem::take(&mut self.overlong) {
                    self.noise.overlong += 1;
                    return None;
                }
                let text = String::from_utf8_lossy(&bytes).trim().to_owned();
                if text.is_empty() {
                    return None;
                }
                if self.echo.as_deref() == Some(&text) {
                    self.echo = None;
                    self.noise.echoes += 1;
                    return None;
                }
                return Some(text);
            }
            b' '..=b'~' if self.partial.len() < MAX_LINE => self.partial.push(byte),
            b' '..=b'~' => self.overlong = true,
            _ => self.noise.garbage += 1,
        }
        None
    }
}

/// Time left; `None` when there is none.
fn left(until: Instant) -> Option<Duration> {
    until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::super::played::Chunks;
    use super::*;

    fn line(chunks: &[&[u8]]) -> Line {
        Line::new(Box::new(Chunks::of(chunks)))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let mut line = line(&[b"\r\nO", b"K\r", b"\n+EVT:JOINED\r\n"]);
        assert_eq!(line.line(soon()).unwrap().as_deref(), Some("OK"));
        assert_eq!(line.line(soon()).unwrap().as_deref(), Some("+EVT:JOINED"));
        assert_eq!(line.line(soon()).unwrap(), None);
    }

    #[test]
    fn noise_is_dropped_and_counted() {
        let long = vec![b'x'; MAX_LINE];
        let mut line = line(&[&[0xff, 0x00, 0xfe], b"AT\r\n", &long, b"xx\r\n", b"OK\r\n"]);
        line.command("AT", "\r\n", soon()).unwrap();
        assert_eq!(line.line(soon()).unwrap().as_deref(), Some("OK"));
        assert_eq!(line.noise(), Noise { garbage: 3, overlong: 1, echoes: 1, strays: 0 });
    }

    #[test]
    fn bytes_are_given_as_they_are() {
        let mut line = line(&[b"OK\r", &[0, 13, 10], &[255]]);
        assert_eq!(line.line(soon()).unwrap().as_deref(), Some("OK"));
        assert_eq!(line.bytes(4, soon()).unwrap(), Some(vec![0, 13, 10, 255]));
        assert_eq!(line.bytes(1, soon()).unwrap(), None);
    }
}
