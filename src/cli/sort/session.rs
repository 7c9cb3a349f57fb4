//! What goes on around the judging: results kept in the journal, put in order, printed; photos placed.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::Context;

use super::judging::Judges;
use super::keep::{self, Keep};
use super::print::{Results, Summary};
use super::report::Report;
use super::work::{self, Job, Judged, Lane};
use crate::cli::progress::Progress;
use crate::photos::Sequence;
use crate::photos::place::{PlaceError, Placer};

/// A run of the verb, seen from the thread that prints.
pub struct Session {
    keep: Option<Keep>,
    placer: Option<Placer>,
    results: Results<Box<dyn io::Write>>,
    /// How far it is.
    pub progress: Progress,
    /// What was found.
    pub summary: Summary,
    /// Number of sequences, of whatever state.
    pub total: usize,
    /// Photos that could not be read and so not be placed.
    pub unplaced: usize,
    /// Results that wait for one before them, by place in the output; true where the journal gave them.
    waiting: BTreeMap<usize, (Report, bool)>,
    /// Place of the next result to print.
    next: usize,
    printed: usize,
    /// The files of every sequence; empty where no photo is to be placed.
    files: Vec<Vec<PathBuf>>,
}

impl Session {
    /// Before anything is judged. Results go to `out`.
    pub fn new(
        sequences: &[Sequence],
        out: Box<dyn io::Write>,
        json: bool,
        quiet: bool,
        keep: Option<Keep>,
        placer: Option<Placer>,
    ) -> Self {
        let cameras = sequences.iter().map(|s| s.camera.as_str());
        let files = |s: &Sequence| s.photos().map(|p| p.path.clone()).collect();
        Session {
            files: if placer.is_some() { sequences.iter().map(files).collect() } else { Vec::new() },
            keep,
            placer,
            results: Results::new(out, json, cameras),
            progress: Progress::new("photos", sequences.iter().map(Sequence::len).sum(), quiet),
            summary: Summary::begin(),
            total: sequences.len(),
            unplaced: 0,
            waiting: BTreeMap::new(),
            next: 0,
            printed: 0,
        }
    }

    /// Sequences that were not printed.
    pub fn remaining(&self) -> usize {
        self.total - self.printed
    }

    /// Judges all that is not in the journal, and prints every sequence in order. Ends early, without an error,
    /// when `stop` is set.
    pub fn work(
        &mut self,
        sequences: Vec<Sequence>,
        judges: Judges,
        stop: &AtomicBool,
    ) -> anyhow::Result<()> {
        let lanes = self.lanes(sequences, &judges)?;
        let worked =
            self.print_ready().and_then(|()| work::run(lanes, judges.judges, stop, |j| self.take(j)));
        // Stopped with results of later cameras in hand: they count too.
        let late = self.waiting.keys().copied().collect::<Vec<_>>();
        let rest = if worked.is_ok() { late.into_iter().try_for_each(|at| self.print(at)) } else { Ok(()) };
        let closed = self.keep.take().map_or(Ok(()), |keep| Ok(keep.close()?));
        worked.and(rest).and(closed)
    }

    /// The jobs, one lane per camera; sequences in the journal are set aside for printing.
    fn lanes(&mut self, sequences: Vec<Sequence>, judges: &Judges) -> anyhow::Result<Vec<Lane>> {
        let mut lanes: Vec<(String, Lane)> = Vec::new();
        for (index, sequence) in sequences.into_iter().enumerate() {
            let name = keep::lane(&sequence.camera, &judges.models, &judges.settings);
            if lanes.last().is_none_or(|(last, _)| *last != name) {
                lanes.push((name.clone(), Lane::default()));
            }
            let Some((_, lane)) = lanes.last_mut() else { continue };
            let source = keep::source(&sequence, &judges.models, &judges.settings);
            if let Some(keep) = &self.keep
                && let Some(report) = keep.get(&source)?
            {
                self.waiting.insert(index, (report, true));
                lane.learnt = keep.learnt(&name)?;
            } else {
                lane.jobs.push(Job { index, sequence, source, lane: name });
            }
        }
        Ok(lanes.into_iter().map(|(_, lane)| lane).filter(|lane| !lane.jobs.is_empty()).collect())
    }

    /// One result: into the journal first, then out.
    fn take(&mut self, judged: Judged) -> anyhow::Result<()> {
        let report = Report::new(&judged.job.sequence, &judged.judgement);
        for fault in &judged.judgement.faults {
            self.progress.warn(&format!("{}, sequence {}: {fault}", report.camera, report.sequence));
        }
        if let Some(keep) = &mut self.keep {
            keep.put(&judged, &report)?;
        }
        self.waiting.insert(judged.job.index, (report, false));
        self.print_ready()
    }

    /// Prints every result whose turn it is.
    fn print_ready(&mut self) -> anyhow::Result<()> {
        while self.waiting.contains_key(&self.next) {
            self.print(self.next)?;
        }
        Ok(())
    }

    /// Prints one result and places its photos.
    fn print(&mut self, at: usize) -> anyhow::Result<()> {
        let Some((report, kept)) = self.waiting.remove(&at) else { return Ok(()) };
        self.next = at + 1;
        self.summary.count(&report, kept);
        let (results, photos) = (&mut self.results, report.frames.len());
        self.progress.step(photos, || results.write(&report)).context("writing to standard output")?;
        self.printed += 1;
        self.place(at, &report)
    }

    /// Copies or moves the photos of a sequence. One that cannot be read stays and is told; a target that cannot
    /// be written ends the work.
    fn place(&mut self, at: usize, report: &Report) -> anyhow::Result<()> {
        let (Some(placer), Some(files)) = (&self.placer, self.files.get(at)) else { return Ok(()) };
        for file in files {
            match placer.place(file, report.folder()) {
                Ok(_) => {}
                Err(error @ PlaceError::Source { .. }) => {
                    self.progress.warn(&error.to_string());
                    self.unplaced += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
