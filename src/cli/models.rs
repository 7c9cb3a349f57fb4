//! `trapline models`: list, verify, add, bench and run what lies in the folder of models.

mod raw;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow};
use clap::Subcommand;
use serde_json::{Value, json};

use super::burst_line::say;
use super::engine::EngineArgs;
use super::{Done, Failure};
use crate::daemon::models as networks;
use crate::engine::Engine;
use crate::engine::form::{Form, Need};
use crate::engine::hash::sha256_file;
use crate::engine::install::{DEFAULT_LIMIT, InstallError, Request, default_dir, install, installed};
use crate::engine::manifest::Manifest;
use crate::engine::model::{Model, ModelError};
use crate::engine::pack::{Pack, is_pack};

mod catalogue;

/// Shown at the end of every `--help` of this verb.
const EXAMPLES: &str = "\
Examples:
  trapline models list
  trapline models verify models/bench-detector
  trapline models catalog
  trapline models add starter
  trapline models add starter --from /media/stick
  trapline models add models/bench-detector
  trapline models add https://example.org/detector.toml --sha256 HEX
  trapline models bench models/bench-classifier --json
  trapline models bench models/bench-detector --engine onnxruntime
  trapline models run models/bench-classifier crop.f32 --out outputs";

/// Arguments of `trapline models`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// Folder of models [default: $TRAPLINE_MODELS, else the platform's folder for data]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON, one object per line
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the installed models
    #[command(after_help = EXAMPLES)]
    List,
    /// Check hashes and run each network once
    #[command(after_help = EXAMPLES)]
    Verify {
        /// Installed names, manifests or folders [default: everything installed]
        #[arg(value_name = "MODEL")]
        models: Vec<PathBuf>,
    },
    /// Show what can be fetched by name
    #[command(after_help = EXAMPLES)]
    Catalog,
    /// Install a pack of the catalogue by its name, or a model: a manifest with its network, a folder with both, or a
    /// network alone; a path or a URL
    #[command(after_help = EXAMPLES)]
    Add {
        /// Name in the catalogue, path, or http(s) URL
        source: String,
        /// Packs: folder or address to take the networks from instead of where they are published
        #[arg(long, value_name = "DIR|URL")]
        from: Option<String>,
        /// SHA-256 the network must have
        #[arg(long, value_name = "HEX", value_parser = digest, conflicts_with = "from")]
        sha256: Option<String>,
        /// Largest file taken
        #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_LIMIT)]
        max_bytes: u64,
        /// Put it in the place of one that is there
        #[arg(long)]
        replace: bool,
    },
    /// Time a forward pass
    #[command(after_help = EXAMPLES)]
    Bench {
        /// Installed names, manifests or folders [default: everything installed]
        #[arg(value_name = "MODEL")]
        models: Vec<PathBuf>,
        /// Passes to time
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        passes: u32,
        /// Threads per pass; 0: one per core
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// Run a network on numbers from files and write its raw outputs, for comparing engines and exports
    #[command(after_help = EXAMPLES)]
    Run {
        /// Installed name, manifest or folder
        model: PathBuf,
        /// Files of the input's numbers, row-major: 32-bit floats, least byte first, or bytes where `input.dtype` is u8
        #[arg(value_name = "INPUT", required = true)]
        inputs: Vec<PathBuf>,
        /// Folder for the outputs, each as STEM-NUMBER-NAME.f32 of 32-bit floats
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

fn digest(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("a SHA-256 has 64 hexadecimal digits".into())
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let printer = Printer { json: args.json };
    let dir = match args.dir.or_else(|| default_dir(|name| std::env::var_os(name).map(PathBuf::from))) {
        Some(dir) => dir,
        None => {
            return Err(Failure::input(anyhow!("no folder of models: give --dir or set TRAPLINE_MODELS")));
        }
    };
    let engine = || open_engine(&args.engine);
    match args.verb {
        Verb::List => list(&dir, &*engine()?, &printer),
        Verb::Verify { models } => verify(&dir, &models, &*engine()?, &printer),
        Verb::Catalog => catalogue::show(&printer),
        Verb::Add { source, from, sha256, max_bytes, replace } => match catalogue::find(&source)? {
            Some(set) => catalogue::add(&dir, &set, from.as_deref(), replace, &printer),
            None if from.is_some() => Err(catalogue::unknown(&source)),
            None => add(&dir, Request { source, sha256, limit: max_bytes, replace }, &printer),
        },
        Verb::Bench { models, passes, threads } => {
            bench(&dir, &models, &*engine()?, (passes, threads), &printer)
        }
        Verb::Run { model, inputs, out } => {
            let path = chosen(&dir, &[model])?.pop().unwrap_or_default();
            let mut model = Model::open(&path, &*engine()?, 1).map_err(model_failure)?;
            raw::run(&mut model, &inputs, &out, &printer)
        }
    }
}

/// Lines for people, or objects for programs.
struct Printer {
    json: bool,
}

impl Printer {
    fn line(&self, object: Value, text: String) {
        // A reader that went away has seen enough.
        let _ = say(&if self.json { object.to_string() } else { text });
    }
}

fn list(dir: &Path, engine: &dyn Engine, printer: &Printer) -> Done {
    let found = installed(dir).map_err(Failure::runtime)?;
    if found.is_empty() && !printer.json {
        printer
            .line(Value::Null, format!("no models in {}; `trapline models add` brings one", dir.display()));
    }
    for path in found {
        match Manifest::load(&path) {
            Ok(manifest) => {
                let manifest = manifest.suited(engine.kind());
                let mut text = format!(
                    "{}  {} {}  {}  {}x{}  {}",
                    shown_name(&path),
                    manifest.name,
                    manifest.version,
                    manifest.role.as_str(),
                    manifest.input.width,
                    manifest.input.height,
                    manifest.licence
                );
                if !manifest.forms.is_empty() {
                    text.push_str(&format!("  takes {}", shown_name(&manifest.file)));
                }
                let part = part(&path, &manifest);
                if let Some(part) = &part {
                    text.push_str(&format!("  {part}"));
                }
                let mut object = describe(&path, &manifest);
                if let Value::Object(object) = &mut object {
                    object.insert("part".to_owned(), json!(part));
                }
                printer.line(object, text);
            }
            Err(error) => {
                let object = json!({ "path": path, "error": error.to_string() });
                printer.line(object, format!("{}  {error}", shown_name(&path)));
            }
        }
    }
    // Where programs read, every line is a model.
    if !printer.json {
        printer.line(Value::Null, format!("engine: {}", engine.name()));
    }
    Ok(())
}

/// What a model is for in its pack.
fn part(path: &Path, manifest: &Manifest) -> Option<String> {
    let folder = path.parent().filter(|parent| is_pack(parent))?;
    Pack::load(folder).ok()?.part(path, manifest.role)
}

fn describe(path: &Path, manifest: &Manifest) -> Value {
    json!({
        "path": path,
        "name": manifest.name,
        "version": manifest.version,
        "role": manifest.role.as_str(),
        "input": [manifest.input.width, manifest.input.height],
        "file": manifest.file,
        "sha256": manifest.sha256,
        "forms": manifest.forms.iter().map(describe_form).collect::<Vec<_>>(),
        "licence": manifest.licence,
        "source": manifest.source,
    })
}

fn describe_form(form: &Form) -> Value {
    json!({ "file": form.file, "engine": form.engine.as_str(), "needs": form.needs.map(Need::as_str) })
}

/// The folder's name; of a model in a pack with the pack's before it.
fn shown_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match path.parent().filter(|parent| is_pack(parent)).and_then(Path::file_name) {
        Some(pack) => format!("{}/{name}", pack.to_string_lossy()),
        None => name,
    }
}

/// The models named, or every one installed when none is.
fn chosen(dir: &Path, models: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    if models.is_empty() {
        let all = installed(dir).map_err(Failure::runtime)?;
        return if all.is_empty() {
            Err(Failure::input(anyhow!("no models in {}; name one, or add one", dir.display())))
        } else {
            Ok(all)
        };
    }
    let find = |name: &PathBuf| {
        let in_dir = dir.join(name);
        let found = [name.clone(), in_dir].into_iter().find(|p| p.exists());
        let found = found.map(|path| match Pack::load(&path) {
            Ok(pack) if is_pack(&path) => pack.all().map(Path::to_owned).collect(),
            _ => vec![path],
        });
        found.ok_or_else(|| {
            let have = installed(dir).unwrap_or_default();
            let have: Vec<String> = have.iter().map(|p| shown_name(p)).collect();
            Failure::input(anyhow!("no model {}; installed are: {}", name.display(), have.join(", ")))
        })
    };
    Ok(models.iter().map(find).collect::<Result<Vec<Vec<PathBuf>>, Failure>>()?.concat())
}

fn open_engine(args: &EngineArgs) -> Result<Box<dyn Engine>, Failure> {
    networks::engine(&args.models()).map_err(Failure::input)
}

fn verify(dir: &Path, models: &[PathBuf], engine: &dyn Engine, printer: &Printer) -> Done {
    let mut broken = 0;
    for path in chosen(dir, models)? {
        // Opening checks the hash and runs the network once.
        let opened =
            Model::open(&path, engine, 1).and_then(|model| check_forms(model.manifest()).map(|()| model));
        match opened {
            Ok(model) => {
                let object = json!({ "path": path, "ok": true, "name": model.manifest().name });
                printer.line(object, format!("{}  ok", shown_name(&path)));
            }
            Err(error) => {
                broken += 1;
                let object = json!({ "path": path, "ok": false, "error": error.to_string() });
                printer.line(object, format!("{}  {error}", shown_name(&path)));
            }
        }
    }
    if broken > 0 { Err(Failure::runtime(anyhow!("{broken} of the models cannot be used"))) } else { Ok(()) }
}

/// The hashes of the forms that another engine would take.
fn check_forms(manifest: &Manifest) -> Result<(), ModelError> {
    for form in &manifest.forms {
        let got = sha256_file(&form.file).map_err(|e| ModelError::File {
            manifest: manifest.path.clone(),
            file: form.file.clone(),
            reason: e.to_string(),
        })?;
        if got != form.sha256 {
            return Err(ModelError::Hash {
                manifest: manifest.path.clone(),
                file: form.file.clone(),
                expected: form.sha256.clone(),
                got,
            });
        }
    }
    Ok(())
}

fn add(dir: &Path, request: Request, printer: &Printer) -> Done {
    let done = with_bar(printer, |progress| install(dir, &request, progress));
    let installed = done.map_err(|error| match error {
        InstallError::Unreachable { .. } | InstallError::Cut { .. } | InstallError::Io { .. } => {
            Failure::runtime(error)
        }
        _ => Failure::input(error),
    })?;
    let mut text =
        format!("{}\nsha256 {}  {} bytes", installed.path.display(), installed.sha256, installed.bytes);
    if !installed.complete {
        text.push_str("\nthis is a network without a manifest: write one that names it, then add that");
    }
    let object = json!({
        "path": installed.path,
        "sha256": installed.sha256,
        "bytes": installed.bytes,
        "complete": installed.complete,
    });
    printer.line(object, text);
    Ok(())
}

/// Does `work`, which tells its progress to a bar where people read.
fn with_bar<T>(printer: &Printer, work: impl FnOnce(&mut dyn FnMut(u64, Option<u64>)) -> T) -> T {
    let bar = (std::io::stderr().is_terminal() && !printer.json).then(progress_bar);
    let mut progress = |done: u64, total: Option<u64>| {
        if let Some(bar) = &bar {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
        }
    };
    let done = work(&mut progress);
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    done
}

fn progress_bar() -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::no_length();
    let style =
        indicatif::ProgressStyle::with_template("{bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}");
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn bench(
    dir: &Path,
    models: &[PathBuf],
    engine: &dyn Engine,
    (passes, threads): (u32, usize),
    printer: &Printer,
) -> Done {
    for path in chosen(dir, models)? {
        let started = Instant::now();
        let mut model = Model::open(&path, engine, threads).map_err(model_failure)?;
        let load_ms = milliseconds(started);
        let mut spent = (0..passes)
            .map(|_| {
                let started = Instant::now();
                model.dry_run().map(|_| milliseconds(started))
            })
            .collect::<Result<Vec<f64>, _>>()
            .context("timing a pass")
            .map_err(Failure::Runtime)?;
        spent.sort_by(f64::total_cmp);
        let least = spent.first().copied().unwrap_or_default();
        let median = spent.get(spent.len() / 2).copied().unwrap_or_default();
        let object = json!({
            "path": path,
            "engine": model.engine(),
            "threads": threads,
            "passes": passes,
            "load_ms": load_ms,
            "median_ms": median,
            "least_ms": least,
        });
        let name = shown_name(&path);
        let text = format!(
            "{name}  {}  median {median:.1} ms  least {least:.1} ms  ({passes} passes)  load {load_ms:.0} ms",
            model.engine()
        );
        printer.line(object, text);
    }
    Ok(())
}

/// A model that cannot be opened is wrong input, whatever is wrong with it.
fn model_failure(error: ModelError) -> Failure {
    Failure::input(error)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
