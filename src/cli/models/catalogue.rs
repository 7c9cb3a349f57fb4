//! `trapline models catalog`, and adding what is in it.

use std::path::Path;

use anyhow::anyhow;
use serde_json::json;

use super::{Done, Failure, Printer, with_bar};
use crate::engine::catalog::{Entry, Set, sets};
use crate::engine::install::InstallError;
use crate::engine::install_set::{Mirror, install_set};

/// Shows everything in the catalogue.
pub(super) fn show(printer: &Printer) -> Done {
    for set in sets().map_err(Failure::runtime)? {
        let bytes: u64 = set.entries.iter().map(|e| e.bytes).sum();
        let models: Vec<_> = set.entries.iter().map(object).collect();
        let mut text =
            format!("{}  {} networks, {}\n  {}\n", set.name, models.len(), size(bytes), set.summary);
        set.entries.iter().for_each(|entry| text.push_str(&sheet(entry)));
        text.push_str(&format!("to install it: trapline models add {}", set.name));
        let whole = json!({ "pack": set.name, "summary": set.summary, "bytes": bytes, "models": models });
        printer.line(whole, text);
    }
    Ok(())
}

fn object(entry: &Entry) -> serde_json::Value {
    json!({
        "name": entry.name,
        "url": entry.url,
        "sha256": entry.sha256,
        "bytes": entry.bytes,
        "licence": entry.licence,
        "trained_on": entry.trained_on,
        "knows": entry.knows,
        "lacks": entry.lacks,
        "measured": entry.measured,
    })
}

fn sheet(entry: &Entry) -> String {
    let lines = [
        ("trained on", &entry.trained_on),
        ("knows", &entry.knows),
        ("does not know", &entry.lacks),
        ("measured", &entry.measured),
        ("from", &entry.url),
        ("sha256", &entry.sha256),
    ];
    let lines = lines.map(|(name, text)| format!("    {name}: {text}\n")).concat();
    format!("  {}  {}  {}\n{lines}", entry.name, size(entry.bytes), entry.licence)
}

fn size(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The set called `name`; a file or folder of that name goes before it.
pub(super) fn find(name: &str) -> Result<Option<Set>, Failure> {
    if Path::new(name).exists() {
        return Ok(None);
    }
    Ok(sets().map_err(Failure::runtime)?.into_iter().find(|set| set.name == name))
}

/// What is said of a name that is not in the catalogue.
pub(super) fn unknown(name: &str) -> Failure {
    let names: Vec<String> = sets().unwrap_or_default().into_iter().map(|set| set.name).collect();
    Failure::input(anyhow!(
        "--from goes with a name of the catalogue ({}), not with {name}",
        names.join(", ")
    ))
}

/// Installs `set`.
pub(super) fn add(dir: &Path, set: &Set, from: Option<&str>, replace: bool, printer: &Printer) -> Done {
    let done = with_bar(printer, |progress| install_set(dir, set, &Mirror::of(from), replace, progress));
    let path = done.map_err(|error| match error {
        // The catalogue is ours: what the network brings instead is a failure at run time, not wrong input.
        InstallError::Unreachable { .. } if from.is_none() => Failure::Runtime(anyhow!(
            "{error}; without a network, bring the files and name their folder with --from"
        )),
        InstallError::Exists { .. } | InstallError::Source { .. } => Failure::input(error),
        error => Failure::runtime(error),
    })?;
    let names: Vec<&str> = set.entries.iter().map(|e| e.name.as_str()).collect();
    let text = format!("{}\n{}\n`trapline sort DIR` uses it from now on", path.display(), names.join(", "));
    printer.line(json!({ "path": path, "pack": set.name, "models": names }), text);
    Ok(())
}
