//! Predictions against truth: confusion, sensitivity and specificity per class, per image and per sequence, what was
//! dropped as empty, and accuracy against coverage.
//!
//! One file per step: `truth` (the labels and what each stands for), `predicted` (the lines of `sort --json`),
//! `cases` (which prediction answers which truth), `measure` (the numbers); `individuals` (how well an embedder tells
//! individuals apart), `sure` (how far a number can be believed). Nothing here prints.
//!
//! A prediction of a higher rank that contains the truth (`Canidae` for a fox) is neither counted as right nor as
//! wrong: it is listed apart everywhere.

use std::path::PathBuf;

pub mod cases;
pub mod individuals;
pub mod measure;
pub mod predicted;
pub mod sure;
pub mod truth;

pub use measure::Report;

/// Why there is nothing to measure.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file cannot be read.
    #[error("{}: {source}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Not a table.
    #[error("{}: {source}", file.display())]
    Table {
        /// Which file.
        file: PathBuf,
        /// What is wrong, with its line.
        source: crate::csv::CsvError,
    },
    /// A line of a table is wrong.
    #[error("{}: line {line}: {problem}", file.display())]
    Line {
        /// Which file.
        file: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A line of the predictions is not a sequence as `sort --json` writes it.
    #[error("predictions, line {line}: {source}; give what `trapline sort --json` wrote")]
    Json {
        /// Which line, from 1.
        line: usize,
        /// The parser's words.
        source: serde_json::Error,
    },
    /// One photo in two sequences.
    #[error("predictions: {0} is in two sequences; give the lines of one run only")]
    Twice(String),
    /// No photo of the predictions has a truth.
    #[error("none of the {predicted} predicted photos is among the {truth} of the truth; check --root")]
    Nothing {
        /// Photos in the predictions.
        predicted: usize,
        /// Photos in the truth.
        truth: usize,
    },
}
