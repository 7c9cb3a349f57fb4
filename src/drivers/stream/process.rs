//! One run of the program: started in a process group of its own, and ended with all its children.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How long a program may take to end by itself before it is asked to.
const BY_ITSELF: Duration = Duration::from_millis(100);

/// A program that was asked to end has so long before it is killed: `rpicam-vid` closes the camera meanwhile.
const GRACE: Duration = Duration::from_millis(500);

/// A killed process is gone at once, unless it hangs in the kernel; then nobody can wait for it.
const KILLED: Duration = Duration::from_secs(2);

/// How much of its last words is kept, bytes.
const LAST_WORDS: usize = 300;

/// The program at work.
pub(in crate::drivers) struct Process {
    child: Child,
    words: Arc<Mutex<Vec<u8>>>,
    listener: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`; its pictures come from the pipe.
    pub(in crate::drivers) fn start(command: &[String]) -> Result<(Process, ChildStdout), String> {
        let (program, arguments) = command.split_first().ok_or("no program is named")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{program} does not start: {error}"))?;
        let words = Arc::new(Mutex::new(Vec::new()));
        let listener = child.stderr.take().map(|mut stderr| {
            let words = Arc::clone(&words);
            // Read to its end, or a talkative program would stand still.
            std::thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(n @ 1..) = stderr.read(&mut buffer) {
                    let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
                    words.extend_from_slice(buffer.get(..n).unwrap_or_default());
                    let old = words.len().saturating_sub(LAST_WORDS);
                    words.drain(..old);
                }
            })
        });
        let pipe = child.stdout.take().ok_or("its output is not there")?;
        Ok((Process { child, words, listener }, pipe))
    }

    /// Ends it with its children, by force if need be. What it said last, and how it ended by itself if it did.
    pub(in crate::drivers) fn end(mut self) -> String {
        let by_itself = self.child.try_wait().ok().flatten();
        self.signal(Signal::TERM);
        if !self.gone_within(GRACE) {
            self.signal(Signal::KILL);
            if !self.gone_within(KILLED) {
                log::error!("process {} hangs in the kernel and cannot be ended", self.child.id());
            }
        }
        // Children that outlived it hold the camera.
        self.signal(Signal::KILL);
        self.heard_within(GRACE);
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let last = String::from_utf8_lossy(&words);
        let last = last.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
        let mut told = by_itself.map(|status| format!(" ({status})")).unwrap_or_default();
        if !last.is_empty() {
            told.push_str(&format!("; it said: {last}"));
        }
        told
    }

    /// Waits until its words are read to the end: nobody writes any more, but the listener may not have had its turn.
    fn heard_within(&self, patience: Duration) {
        let begun = Instant::now();
        while self.listener.as_ref().is_some_and(|l| !l.is_finished()) && begun.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its output has ended, so it is about to end: its own status tells more than that of our signal.
    pub(in crate::drivers) fn drained(&mut self) {
        self.gone_within(BY_ITSELF);
    }

    /// Its number.
    pub(in crate::drivers) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it ended by itself.
    pub(in crate::drivers) fn gone(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal to the program itself, its children left alone.
    pub(in crate::drivers) fn tell(&mut self, signal: Signal) {
        // A number is another's only once the child was waited for.
        let there = !self.gone();
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).filter(|_| there) {
            // An error means that it is gone, which is noticed elsewhere.
            let _ = kill_process(pid, signal);
        }
    }

    /// Asks it to end by a signal of its own and waits for so long.
    pub(in crate::drivers) fn asked_to_end(&mut self, signal: Signal, patience: Duration) {
        self.tell(signal);
        self.gone_within(patience);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // An error means that nobody of the group is left.
            let _ = kill_process_group(group, signal);
        }
    }

    fn gone_within(&mut self, patience: Duration) -> bool {
        let begun = Instant::now();
        loop {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            if begun.elapsed() >= patience {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
