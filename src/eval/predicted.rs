//! Predictions: the lines that `trapline sort --json` writes, as far as they are measured.

use std::collections::HashSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::EvalError;
use crate::event::Outcome;
use crate::units::{Rank, Score};

/// One sequence.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sequence {
    /// Its photos.
    pub frames: Vec<Frame>,
    /// The verdict.
    pub outcome: Outcome,
    /// Probability that something living, or a vehicle, is in it.
    pub probability: Score,
    /// What was seen.
    pub sightings: Vec<Sighting>,
}

/// One photo.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Frame {
    /// Its path.
    pub file: PathBuf,
}

/// One kind of animal, or people, or vehicles.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sighting {
    /// Scientific name; `Homo sapiens` for people, empty for vehicles.
    pub taxon: String,
    /// Rank of `taxon`.
    pub rank: Rank,
    /// Probability of `taxon`.
    pub score: Score,
}

impl Sighting {
    /// Whether it is of people.
    pub fn is_person(&self) -> bool {
        self.taxon == "Homo sapiens"
    }

    /// Whether it is of vehicles.
    pub fn is_vehicle(&self) -> bool {
        self.taxon.is_empty()
    }
}

/// Reads one sequence a line; empty lines are skipped, and no photo may come twice.
pub fn read(lines: impl BufRead, name: &Path) -> Result<Vec<Sequence>, EvalError> {
    let mut seen: HashSet<PathBuf> = HashSet::new();
    let mut sequences = Vec::new();
    for (i, line) in lines.lines().enumerate() {
        let line = line.map_err(|source| EvalError::Read { file: name.to_owned(), source })?;
        if line.trim().is_empty() {
            continue;
        }
        let sequence: Sequence =
            serde_json::from_str(&line).map_err(|source| EvalError::Json { line: i + 1, source })?;
        if let Some(twice) = sequence.frames.iter().find(|f| !seen.insert(f.file.clone())) {
            return Err(EvalError::Twice(twice.file.display().to_string()));
        }
        sequences.push(sequence);
    }
    Ok(sequences)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the README of the command describes a line.
    const LINE: &str = r#"{"sequence":"x","camera":"c","first":null,"last":null,"frames":[{"file":"a.jpg","taken":null,
        "failed":null,"detections":[{"bbox":[0,0,1,1],"category":"animal","confidence":0.5,"moving":true,"track":0}]}],
        "outcome":"sighting","probability":0.9,"sightings":[{"taxon":"Vulpes","rank":"genus","label":"Vulpes sp.",
        "score":0.7,"count":1,"top5":[["fox",0.7]]}]}"#;

    #[test]
    fn a_line_of_sort_is_a_sequence() {
        let line = LINE.replace('\n', "");
        let read = read(format!("{line}\n\n").as_bytes(), Path::new("-")).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].outcome, read[0].frames[0].file.to_str()), (Outcome::Sighting, Some("a.jpg")));
        assert_eq!((read[0].sightings[0].rank, read[0].sightings[0].score.get()), (Rank::Genus, 0.7));
    }

    #[test]
    fn other_lines_and_photos_that_come_twice_are_refused() {
        let line = LINE.replace('\n', "");
        let twice = read(format!("{line}\n{line}\n").as_bytes(), Path::new("-")).unwrap_err();
        assert!(twice.to_string().contains("a.jpg is in two sequences"));
        let broken = read(b"\n{\"frames\":[]}\n".as_slice(), Path::new("-")).unwrap_err().to_string();
        assert!(broken.starts_with("predictions, line 2: missing field `outcome`"), "{broken}");
    }
}
