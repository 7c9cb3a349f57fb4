//! `trapline eval --individuals`: how well an embedder tells individuals apart.

use std::path::Path;

use anyhow::{Context, anyhow};

use crate::cli::Failure;
use crate::cli::gallery::looking::{Looker, LookingArgs};
use crate::cli::progress::{Progress, warn};
use crate::eval::individuals::{Photo, Report, measure};
use crate::eval::sure::Sure;
use crate::gallery::folder::{Shown, scan};

/// Measures the photos below `folder`; gives the text to be printed.
pub(super) fn run(
    folder: &Path,
    looking: &LookingArgs,
    embeddings: Option<&Path>,
    json: bool,
    markdown: bool,
) -> Result<String, Failure> {
    let shown = scan(folder).map_err(Failure::input)?;
    let mut looker = Looker::open(looking)?;
    let mut progress = Progress::new("photos", shown.len(), false);
    let mut photos = Vec::with_capacity(shown.len());
    let mut unseen = 0;
    for of in shown {
        let looked = looker.look(&of.file);
        progress.step(1, || ());
        let Some(looked) = looked.map_err(Failure::Input)? else {
            unseen += 1;
            continue;
        };
        let encounter = of.encounter();
        let Shown { taxon, name, flank, .. } = of;
        photos.push(Photo { taxon, name, flank, encounter, embedding: looked.embedding });
    }
    progress.end();
    if unseen > 0 {
        warn(&format!("the detector finds no animal on {unseen} photos; they are in none of the numbers"));
    }
    if let Some(file) = embeddings {
        table(&photos, file).map_err(Failure::Runtime)?;
    }
    let report = measure(&photos, &looker.network(), looker.calibration()).map_err(Failure::input)?;
    if report.rank1.is_none() {
        return Err(Failure::Input(anyhow!(
            "nobody below {} has an encounter to enrol and another one to ask about (photos whose names \
             differ by more than a last `_` and one or two digits)",
            folder.display()
        )));
    }
    if json {
        return Ok(serde_json::to_string_pretty(&report).map_err(Failure::runtime)? + "\n");
    }
    Ok(text(&report, markdown))
}

/// Writes what the network made of each photo.
fn table(photos: &[Photo], file: &Path) -> anyhow::Result<()> {
    let mut rows =
        ::csv::Writer::from_path(file).with_context(|| format!("cannot write {}", file.display()))?;
    let wide = photos.first().map_or(0, |photo| photo.embedding.len());
    let head = ["taxon", "individual", "flank", "encounter"].map(str::to_owned);
    rows.write_record(head.into_iter().chain((0..wide).map(|at| format!("e{at}"))))?;
    for photo in photos {
        let about = [&photo.taxon, &photo.name, photo.flank.as_str(), &photo.encounter].map(str::to_owned);
        rows.write_record(about.into_iter().chain(photo.embedding.iter().map(f32::to_string)))?;
    }
    rows.flush()?;
    Ok(())
}

fn text(report: &Report, markdown: bool) -> String {
    let number = |sure: Option<Sure>| {
        sure.map_or("-".to_owned(), |s| format!("{:.3} ({:.3} to {:.3})", s.value, s.low, s.high))
    };
    let mut out = format!(
        "{} individuals enrolled by {} encounters, {} strangers; {} questions about the enrolled, {} about strangers.\n\n",
        report.enrolled, report.encounters, report.strangers, report.known_questions, report.new_questions
    );
    let rows = [
        ("rank-1", report.rank1),
        ("mAP", report.map),
        ("AUROC of known against new", report.auroc),
        ("told as somebody and right", report.decisions.as_ref().and_then(|d| d.told_right)),
    ];
    if markdown {
        out += "| measure | value (95 % interval) |\n|---|---|\n";
    }
    for (name, value) in rows {
        out += &match markdown {
            true => format!("| {name} | {} |\n", number(value)),
            false => format!("{name:28} {}\n", number(value)),
        };
    }
    match &report.decisions {
        Some(d) => {
            out += &format!(
                "\nenrolled: {} told right, {} told as another, {} unsure, {} told as new\n",
                d.right, d.wrong, d.unsure, d.missed
            );
            out += &format!(
                "strangers: {} told as somebody, {} unsure, {} told as new\n",
                d.mistaken, d.unsure_new, d.new
            );
        }
        None => {
            out += "\nThe network has no calibration ([individuals] in its manifest): nothing is decided.\n"
        }
    }
    out
}
