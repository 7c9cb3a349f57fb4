//! How far a long job is: a bar on a terminal, a line every tenth part elsewhere.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// How far the work is: a bar on a terminal, a line every tenth part elsewhere, nothing when quiet.
pub enum Progress {
    /// Nothing.
    Quiet,
    /// A bar on stderr.
    Bar(ProgressBar),
    /// Lines on stderr.
    Lines {
        /// What is counted, in the plural.
        what: &'static str,
        /// All of them.
        total: usize,
        /// Those done.
        done: usize,
        /// Tenths told.
        told: usize,
    },
}

impl Progress {
    /// Over `total` of `what` (in the plural).
    pub fn new(what: &'static str, total: usize, quiet: bool) -> Self {
        if quiet {
            Progress::Quiet
        } else if io::stderr().is_terminal() {
            let bar = ProgressBar::new(total as u64);
            let looks = format!("{{bar:30}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left");
            if let Ok(style) = ProgressStyle::with_template(&looks) {
                bar.set_style(style);
            }
            Progress::Bar(bar)
        } else {
            Progress::Lines { what, total, done: 0, told: 0 }
        }
    }

    /// Runs `print` with the bar out of the way, then counts `more` as done.
    pub fn step<T>(&mut self, more: usize, print: impl FnOnce() -> T) -> T {
        match self {
            Progress::Quiet => print(),
            Progress::Bar(bar) => {
                let printed = bar.suspend(print);
                bar.inc(more as u64);
                printed
            }
            Progress::Lines { what, total, done, told } => {
                let printed = print();
                *done += more;
                let tenths = *done * 10 / (*total).max(1);
                if tenths > *told {
                    *told = tenths;
                    eprintln!("trapline: {done} of {total} {what} done");
                }
                printed
            }
        }
    }

    /// Says a sentence on stderr, in any mode.
    pub fn warn(&self, sentence: &str) {
        match self {
            Progress::Bar(bar) => bar.suspend(|| warn(sentence)),
            _ => warn(sentence),
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// A warning on stderr.
pub fn warn(sentence: &str) {
    eprintln!("trapline: warning: {sentence}");
}
