//! Where a stream's pictures come from: a program's standard output, or a device. Each start is one run.

use std::io::Read;
use std::process::ChildStdout;
use std::sync::{Mutex, PoisonError};

use super::mjpeg::Splitter;
use super::process::Process;

/// Gives pictures for as long as a run lasts. Read by a thread of its own, which may hang with it.
pub trait Pictures: Send {
    /// Waits for more and puts whole JPEG pictures into `out`; false at the end of the run.
    fn read(&mut self, out: &mut Vec<Vec<u8>>) -> bool;

    /// Pictures of this run that were not whole, so far.
    fn broken(&self) -> u64;
}

/// Holds a run; dropped without [`Hold::end`] it may go on.
pub trait Hold: Send {
    /// The run's pictures have come to their end; it may take a moment to end by itself.
    fn drained(&mut self) {}

    /// Ends the run, by force if need be. What there is to say of its end, to be put behind a reason.
    fn end(self: Box<Self>) -> String;
}

/// A run: what gives the pictures, and what ends it.
pub type Run = (Box<dyn Pictures>, Box<dyn Hold>);

/// Something that gives pictures, started as often as need be.
pub trait Source: Send + Sync {
    /// Its name in messages.
    fn name(&self) -> String;

    /// What a technician can do when it fails.
    fn cure(&self) -> &'static str;

    /// Starts a run.
    fn start(&self) -> Result<Run, String>;

    /// From the next start on it is run so: a program with its arguments, or what else its words mean to it. True
    /// where that is a change.
    fn set(&self, words: &[String]) -> bool;
}

/// A program that writes pictures to its standard output.
pub struct Program {
    command: Mutex<Vec<String>>,
}

impl Program {
    /// `command` is the program and its arguments.
    pub fn new(command: Vec<String>) -> Self {
        Program { command: Mutex::new(command) }
    }

    /// Words are only ever replaced whole, so they are good even if a thread died while it held them.
    fn command(&self) -> Vec<String> {
        self.command.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Source for Program {
    fn name(&self) -> String {
        format!("camera {}", self.command().first().map_or("without a program", String::as_str))
    }

    fn cure(&self) -> &'static str {
        "run the program by hand; check the camera's cable and that no other program uses it"
    }

    fn start(&self) -> Result<Run, String> {
        let (process, pipe) = Process::start(&self.command())?;
        let buffer = vec![0; 64 * 1024];
        Ok((Box::new(Pipe { pipe, splitter: Splitter::new(), buffer }), Box::new(process)))
    }

    fn set(&self, words: &[String]) -> bool {
        let mut command = self.command.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = *command != words;
        if changed {
            *command = words.to_vec();
        }
        changed
    }
}

impl Hold for Process {
    fn drained(&mut self) {
        Process::drained(self);
    }

    fn end(self: Box<Self>) -> String {
        Process::end(*self)
    }
}

/// A program's standard output.
struct Pipe {
    pipe: ChildStdout,
    splitter: Splitter,
    buffer: Vec<u8>,
}

impl Pictures for Pipe {
    fn read(&mut self, out: &mut Vec<Vec<u8>>) -> bool {
        let read = self.pipe.read(&mut self.buffer).unwrap_or(0);
        self.splitter.push(self.buffer.get(..read).unwrap_or_default());
        out.extend(std::iter::from_fn(|| self.splitter.take()));
        read > 0
    }

    fn broken(&self) -> u64 {
        self.splitter.broken()
    }
}
