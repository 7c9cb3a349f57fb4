//! A gallery as files: its small pictures in folders, and a table of its photos.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::day;
use crate::cli::burst_line::say;
use crate::cli::{Done, Failure};
use crate::gallery::Gallery;

/// The table's name in the folder.
const TABLE: &str = "gallery.csv";

/// Writes `gallery` below `folder`.
pub(super) fn export(gallery: &Gallery, folder: &Path, json: bool) -> Done {
    let written = write(gallery, folder).map_err(Failure::Runtime)?;
    let photos = gallery.len();
    let line = match json {
        true => json!({"folder": folder.display().to_string(), "encounters": photos, "thumbnails": written})
            .to_string(),
        false => format!("{}: {written} small pictures, {TABLE} with {photos} encounters", folder.display()),
    };
    say(&line);
    Ok(())
}

fn write(gallery: &Gallery, folder: &Path) -> anyhow::Result<usize> {
    let made = |path: &Path| format!("cannot write {}", path.display());
    std::fs::create_dir_all(folder).with_context(|| made(folder))?;
    let table = folder.join(TABLE);
    let mut rows = ::csv::Writer::from_path(&table).with_context(|| made(&table))?;
    rows.write_record(["taxon", "individual", "note", "flank", "taken", "photo", "thumbnail"])?;
    let mut written = 0;
    for individual in gallery.individuals() {
        for (at, entry) in individual.entries.iter().enumerate() {
            let mut inside = PathBuf::new();
            if let Some(jpeg) = &entry.thumbnail {
                // What a gallery calls taxa and individuals may come from anybody.
                inside.extend([
                    plain(&individual.taxon),
                    plain(&individual.name),
                    entry.flank.as_str().to_owned(),
                ]);
                inside.push(format!("{at:04}.jpg"));
                let file = folder.join(&inside);
                if let Some(parent) = file.parent() {
                    std::fs::create_dir_all(parent).with_context(|| made(parent))?;
                }
                std::fs::write(&file, jpeg).with_context(|| made(&file))?;
                written += 1;
            }
            rows.write_record([
                &individual.taxon,
                &individual.name,
                &individual.note,
                entry.flank.as_str(),
                &entry.when.and_then(day).unwrap_or_default(),
                &entry.photo,
                &inside.to_string_lossy(),
            ])?;
        }
    }
    rows.flush().with_context(|| made(&table))?;
    Ok(written)
}

/// A name that leads to no other folder.
fn plain(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || " -_().".contains(c) { c } else { '_' };
    let name: String = name.chars().map(safe).collect();
    if name.chars().all(|c| c == '.' || c == ' ') { "_".repeat(name.chars().count().max(1)) } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert_eq!(plain("Lynx lynx"), "Lynx lynx");
        assert_eq!(plain("Größe-7"), "Größe-7");
        assert_eq!(plain(".."), "__");
        assert_eq!(plain("../x"), ".._x");
        assert_eq!(plain("/etc"), "_etc");
    }
}
