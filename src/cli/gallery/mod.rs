//! `trapline gallery`: galleries of individuals, made from photos, looked into, asked.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use self::looking::{Looker, LookingArgs};
use super::burst_line::say;
use super::progress::Progress;
use super::{Done, Failure};
use crate::gallery::folder::{Shown, scan};
use crate::gallery::{Answer, Entry, Gallery, GalleryError, Individual, mean};
use crate::units::Flank;
use crate::vision::NEAREST;

mod export;
pub(super) mod looking;

/// Shown at the end of every `--help` of this verb.
const EXAMPLES: &str = "\
Examples:
  trapline world coats --individuals 8 --encounters 4 --size 480x360
  trapline gallery build coats -o coats.gallery --model my-embedder
  trapline gallery list coats.gallery
  trapline gallery match coats.gallery new/*.jpg --model my-embedder --taxon \"Lynx lynx\" --flank left
  trapline gallery add coats.gallery new/*.jpg --model my-embedder --taxon \"Lynx lynx\" --individual Luchs-07
  trapline gallery export coats.gallery -o thumbnails

Photos are already cut to one animal, unless a detector is among the models: then the animal it
is surest of is cut out, and --crop says that they are cut nevertheless. Photos whose names differ
only by a last _ and one or two digits are of one encounter, which is kept as their mean. A gallery
is of one embedder: another one's is refused.
docs/individuals.md says how to build one from your own photos, and what it can and cannot tell.";

/// Arguments of `trapline gallery`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// The side of an animal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Side {
    /// Its left one: it stands with its nose to the left
    Left,
    /// Its right one
    Right,
    /// Not known, or neither
    #[default]
    Unknown,
}

impl From<Side> for Flank {
    fn from(side: Side) -> Flank {
        match side {
            Side::Left => Flank::Left,
            Side::Right => Flank::Right,
            Side::Unknown => Flank::Unknown,
        }
    }
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a gallery from photos in folders TAXON/INDIVIDUAL or TAXON/INDIVIDUAL/left and right
    #[command(after_help = EXAMPLES)]
    Build {
        /// The folder of taxa
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// The gallery to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Replace a gallery that is there
        #[arg(long)]
        force: bool,
        /// Small pictures kept of each side of an individual; 0: none
        #[arg(long, value_name = "N", default_value_t = 2)]
        thumbnails: usize,
        #[command(flatten)]
        looking: LookingArgs,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Add photos of one individual to a gallery
    #[command(after_help = EXAMPLES)]
    Add {
        /// The gallery
        #[arg(value_name = "FILE")]
        gallery: PathBuf,
        /// Photos of the individual
        #[arg(required = true, value_name = "PHOTO")]
        photos: Vec<PathBuf>,
        /// Scientific name of its species
        #[arg(long, value_name = "NAME")]
        taxon: String,
        /// What it is called
        #[arg(long, value_name = "NAME")]
        individual: String,
        /// The side the photos show
        #[arg(long, value_name = "SIDE", default_value = "unknown")]
        flank: Side,
        /// A note on it, in the place of what was there
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Keep no small pictures
        #[arg(long)]
        no_thumbnails: bool,
        #[command(flatten)]
        looking: LookingArgs,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say who is in a gallery
    #[command(after_help = EXAMPLES)]
    List {
        /// The gallery
        #[arg(value_name = "FILE")]
        gallery: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say whom photos show
    #[command(after_help = EXAMPLES)]
    Match {
        /// The gallery
        #[arg(value_name = "FILE")]
        gallery: PathBuf,
        /// The photos
        #[arg(required = true, value_name = "PHOTO")]
        photos: Vec<PathBuf>,
        /// Ask among the individuals of this species only
        #[arg(long, value_name = "NAME")]
        taxon: Option<String>,
        /// The side the photos show
        #[arg(long, value_name = "SIDE", default_value = "unknown")]
        flank: Side,
        /// The photos are of one animal, of one burst: ask once, by their mean
        #[arg(long)]
        burst: bool,
        #[command(flatten)]
        looking: LookingArgs,
        /// Print one JSON object per question
        #[arg(long)]
        json: bool,
    },
    /// Write a gallery's small pictures and a table of its photos into a folder
    #[command(after_help = EXAMPLES)]
    Export {
        /// The gallery
        #[arg(value_name = "FILE")]
        gallery: PathBuf,
        /// The folder to write into; made if absent
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    match args.what {
        What::Build { folder, output, force, thumbnails, looking, json } => {
            build(&folder, &output, force, thumbnails, &looking, json)
        }
        What::Add { gallery, photos, taxon, individual, flank, note, no_thumbnails, looking, json } => {
            let shown = photos.into_iter().map(|file| Shown {
                taxon: taxon.clone(),
                name: individual.clone(),
                flank: flank.into(),
                file,
            });
            add(&gallery, &shown.collect::<Vec<_>>(), note.as_deref(), !no_thumbnails, &looking, json)
        }
        What::List { gallery, json } => list(&gallery, json),
        What::Match { gallery, photos, taxon, flank, burst, looking, json } => {
            ask(&gallery, &photos, taxon.as_deref(), flank.into(), burst, &looking, json)
        }
        What::Export { gallery, output, json } => export::export(&open(&gallery)?, &output, json),
    }
}

/// A gallery from a file.
pub(super) fn open(file: &Path) -> Result<Gallery, Failure> {
    Gallery::load(file).map_err(Failure::input)
}

fn build(
    folder: &Path,
    output: &Path,
    force: bool,
    thumbnails: usize,
    looking: &LookingArgs,
    json: bool,
) -> Done {
    if output.exists() && !force {
        let said = anyhow!(
            "{} exists; add to it with `trapline gallery add`, or replace it with --force",
            output.display()
        );
        return Err(Failure::Input(said));
    }
    let shown = scan(folder).map_err(Failure::input)?;
    let mut looker = Looker::open(looking)?;
    let mut gallery = Gallery::new(looker.network());
    let left_out = take(&mut gallery, &mut looker, &shown, thumbnails)?;
    save(&gallery, output)?;
    told(&gallery, output, &left_out, json)
}

fn add(
    file: &Path,
    shown: &[Shown],
    note: Option<&str>,
    thumbnails: bool,
    looking: &LookingArgs,
    json: bool,
) -> Done {
    let mut gallery = open(file)?;
    let mut looker = Looker::open(looking)?;
    gallery.check(&looker.network(), file).map_err(Failure::input)?;
    let left_out = take(&mut gallery, &mut looker, shown, if thumbnails { usize::MAX } else { 0 })?;
    if let (Some(note), Some(of)) = (note, shown.first()) {
        gallery.note(&of.taxon, &of.name, note).map_err(Failure::input)?;
    }
    save(&gallery, file)?;
    told(&gallery, file, &left_out, json)
}

fn save(gallery: &Gallery, file: &Path) -> Done {
    gallery.save(file).map_err(|error| match error {
        GalleryError::Write { .. } => Failure::runtime(error),
        other => Failure::input(other),
    })
}

/// Adds photos, with at most `thumbnails` small pictures of each side of an individual. Those on which no animal was found
/// are given back; if there was none on any, that is an error, and so is a photo that cannot be read.
fn take(
    gallery: &mut Gallery,
    looker: &mut Looker,
    shown: &[Shown],
    thumbnails: usize,
) -> Result<Vec<PathBuf>, Failure> {
    let mut progress = Progress::new("photos", shown.len(), false);
    let mut left_out = Vec::new();
    let before = gallery.len();
    for encounter in shown.chunk_by(Shown::is_with) {
        let mut looked = Vec::new();
        for of in encounter {
            let one = looker.look(&of.file);
            progress.step(1, || ());
            match one {
                Ok(Some(one)) => looked.push((of, one)),
                Ok(None) => left_out.push(of.file.clone()),
                Err(error) => {
                    progress.end();
                    return Err(Failure::Input(error));
                }
            }
        }
        let all = mean(looked.iter().map(|(_, one)| one.embedding.as_slice()));
        let (Some((of, first)), Some(embedding)) = (looked.first(), all) else { continue };
        let known = gallery.find(Some(&of.taxon), &of.name);
        let kept = known.map_or(0, |individual| pictures(individual, of.flank));
        let entry = Entry {
            flank: of.flank,
            when: first.taken,
            photo: of.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            embedding,
            thumbnail: (kept < thumbnails).then(|| first.thumbnail.clone()),
        };
        gallery.add(&of.taxon, &of.name, entry).map_err(Failure::input)?;
    }
    progress.end();
    if gallery.len() == before {
        return Err(Failure::Input(anyhow!(
            "the detector finds no animal on any of the {} photos; give --crop if they are cut already",
            shown.len()
        )));
    }
    Ok(left_out)
}

/// Small pictures of one side.
fn pictures(individual: &Individual, flank: Flank) -> usize {
    individual.entries.iter().filter(|entry| entry.flank == flank && entry.thumbnail.is_some()).count()
}

fn told(gallery: &Gallery, file: &Path, left_out: &[PathBuf], json: bool) -> Done {
    for photo in left_out {
        super::progress::warn(&format!("{}: the detector finds no animal; left out", photo.display()));
    }
    let bytes = std::fs::metadata(file).map_err(Failure::runtime)?.len();
    let (who, photos) = (gallery.individuals().len(), gallery.len());
    let line = match json {
        true => json!({
            "gallery": file.display().to_string(), "network": gallery.network.told(), "individuals": who,
            "encounters": photos, "left_out": left_out.len(), "bytes": bytes,
        })
        .to_string(),
        false => format!("{}: {who} individuals, {photos} encounters, {bytes} bytes", file.display()),
    };
    say(&line);
    Ok(())
}

fn list(file: &Path, json: bool) -> Done {
    let gallery = open(file)?;
    let one = |i: &Individual| {
        let times = || i.entries.iter().filter_map(|entry| entry.when);
        json!({
            "taxon": i.taxon, "individual": i.name, "note": i.note, "encounters": i.entries.len(),
            "left": i.of(Flank::Left), "right": i.of(Flank::Right), "unknown": i.of(Flank::Unknown),
            "thumbnails": i.entries.iter().filter(|entry| entry.thumbnail.is_some()).count(),
            "first": times().min().and_then(day), "last": times().max().and_then(day),
        })
    };
    if json {
        let all: Vec<Value> = gallery.individuals().iter().map(one).collect();
        let network = &gallery.network;
        let sha256: String = network.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let told = json!({
            "network": {"name": network.name, "version": network.version, "sha256": sha256, "dimension": network.dimension},
            "individuals": all,
        });
        say(&told.to_string());
        return Ok(());
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["taxon", "individual", "left", "right", "unknown", "last seen", "note"]);
    for i in gallery.individuals() {
        let last = i.entries.iter().filter_map(|entry| entry.when).max().and_then(day).unwrap_or_default();
        let of = |flank| i.of(flank).to_string();
        let row = [
            i.taxon.clone(),
            i.name.clone(),
            of(Flank::Left),
            of(Flank::Right),
            of(Flank::Unknown),
            last,
            i.note.clone(),
        ];
        table.add_row(row);
    }
    let (who, photos) = (gallery.individuals().len(), gallery.len());
    say(&format!("{table}\n{who} individuals, {photos} encounters, made with {}", gallery.network.told()));
    Ok(())
}

/// The day of a second since 1970.
fn day(when: i64) -> Option<String> {
    chrono::DateTime::from_timestamp(when, 0).map(|at| at.format("%Y-%m-%d").to_string())
}

fn ask(
    file: &Path,
    photos: &[PathBuf],
    taxon: Option<&str>,
    flank: Flank,
    burst: bool,
    looking: &LookingArgs,
    json: bool,
) -> Done {
    let gallery = open(file)?;
    if let Some(taxon) = taxon.filter(|taxon| !gallery.has(taxon)) {
        let mut taxa: Vec<&str> = gallery.individuals().iter().map(|i| i.taxon.as_str()).collect();
        taxa.dedup();
        return Err(Failure::Input(anyhow!(
            "nobody in the gallery is a {taxon}; it has {}",
            taxa.join(", ")
        )));
    }
    let mut looker = Looker::open(looking)?;
    gallery.check(&looker.network(), file).map_err(Failure::input)?;
    let mut questions: Vec<(Vec<&Path>, Option<Vec<f32>>)> = Vec::new();
    for photo in photos {
        let looked = looker.look(photo).map_err(Failure::Input)?.map(|looked| looked.embedding);
        questions.push((vec![photo], looked));
    }
    if burst {
        let all = mean(questions.iter().filter_map(|(_, embedding)| embedding.as_deref()));
        questions = vec![(photos.iter().map(PathBuf::as_path).collect(), all)];
    }
    let among = |individual: &Individual| taxon.is_none_or(|taxon| individual.taxon == taxon);
    for (photos, question) in questions {
        let answer = question.map(|question| gallery.ask(&question, flank, among, looker.calibration()));
        let line = match json {
            true => object(&photos, answer.as_ref()).to_string(),
            false => line(&photos, answer.as_ref()),
        };
        if !say(&line) {
            break;
        }
    }
    Ok(())
}

fn object(photos: &[&Path], answer: Option<&Answer<'_>>) -> Value {
    let photos: Vec<String> = photos.iter().map(|photo| photo.display().to_string()).collect();
    let Some(answer) = answer else { return json!({"photos": photos, "animal": false}) };
    let nearest = answer.nearest.iter().take(NEAREST);
    json!({
        "photos": photos,
        "animal": true,
        "recognition": answer.recognition,
        "individual": answer.who().map(|who| &who.name),
        "probability": answer.probability,
        "other_side_only": answer.hidden,
        "nearest": nearest
            .map(|n| json!({"taxon": n.individual.taxon, "individual": n.individual.name, "similarity": n.similarity}))
            .collect::<Vec<_>>(),
    })
}

fn line(photos: &[&Path], answer: Option<&Answer<'_>>) -> String {
    let photos = photos.iter().map(|photo| photo.display().to_string()).collect::<Vec<_>>().join(", ");
    let Some(answer) = answer else { return format!("{photos}: the detector finds no animal") };
    let nearest = answer.nearest.iter().take(NEAREST);
    let nearest: Vec<String> =
        nearest.map(|n| format!("{} {:.2}", n.individual.name, n.similarity)).collect();
    let sure = answer.probability.map(|p| format!(" ({:.2})", p.get())).unwrap_or_default();
    let what = match answer.who() {
        Some(who) => format!("{}{sure}", who.name),
        None => format!("{}{sure}", answer.recognition.as_str()),
    };
    format!("{photos}: {what}; nearest: {}", nearest.join(", "))
}

/// Reads a file's bytes.
pub(super) fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read the photo {}", file.display()))
}
