//! A port that a test plays.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::Duration;

use super::Port;

/// Gives its chunks one by one, then times out.
pub(in crate::drivers) struct Chunks(VecDeque<Vec<u8>>);

impl Chunks {
    pub(in crate::drivers) fn of(chunks: &[impl AsRef<[u8]>]) -> Chunks {
        Chunks(chunks.iter().map(|chunk| chunk.as_ref().to_vec()).collect())
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.0.pop_front().ok_or(io::ErrorKind::TimedOut)?;
        buffer[..chunk.len()].copy_from_slice(&chunk);
        Ok(chunk.len())
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Port for Chunks {
    fn set_timeout(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}
