//! A real serial port.

use std::io::{self, Read, Write};
use std::time::Duration;

use serialport::SerialPort;

use super::line::Port;
use crate::hal::DeviceError;

/// An opened port, 8N1, no flow control.
pub struct Uart(Box<dyn SerialPort>);

impl Uart {
    /// Opens `path` (`/dev/ttyS0`, `/dev/ttyUSB0`) at `baud`. Nobody else may have it open.
    pub fn open(path: &str, baud: u32) -> Result<Uart, DeviceError> {
        let port = serialport::new(path, baud).timeout(Duration::from_millis(100)).open();
        port.map(Uart).map_err(|error| DeviceError {
            device: path.to_owned(),
            what: format!("the serial port does not open at {baud} baud: {error}"),
            cure: "check the path in the board profile, that the user is in the group dialout, and that no other \
                   program (serial console, ModemManager) uses it"
                .to_owned(),
        })
    }
}

impl Read for Uart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Port for Uart {
    fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        // The port waits by poll(2), which knows whole milliseconds: zero would not wait at all.
        self.0.set_timeout(timeout.max(Duration::from_millis(1))).map_err(io::Error::from)
    }
}
