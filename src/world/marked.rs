//! Writes crops of individually marked animals: what an embedder learns from and is measured on.
//!
//! # Folders and `individuals.jsonl`
//!
//! `TAXON/INDIVIDUAL/FLANK/FILE.jpg`, the layout that `trapline gallery build` reads, for example
//! `Lynx lynx/1007/left/e0012_1.jpg`; and one JSON object per crop:
//!
//! ```json
//! {"file":"Lynx lynx/1007/left/e0012_1.jpg","species":"Lynx lynx","individual":1007,"flank":"left","encounter":12,
//!  "site":3,"infrared":true,"visible":0.93,"side":212,"grid":[[0.31,0.28,1],[0.37,0.27,1],…]}
//! ```
//!
//! - `flank`: the side towards the camera; an animal that walks to the right shows its right one.
//! - `encounter`: one animal passing once; its crops are of one burst and alike.
//! - `site`: the encounters of an individual are at sites of their own.
//! - `visible`: visible pixels over all pixels of the body; `side`: of the square crop in pixels.
//! - `grid`: where the flank lies in the crop: 35 points of the resting trunk, five rows from back to belly, each of seven
//!   points from shoulder to hip. x and y as shares of the crop's width and height, then 1 if the point is seen, 0 if
//!   something stands before it (a leg, too) or it is outside. Markings are fixed to these points. `null` where the trunk
//!   is outside the picture.

use std::fs;
use std::io::{BufWriter, Cursor, Write};
use std::path::Path;

use chrono::{Duration, NaiveDate};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use serde_json::json;

use super::dice::{Dice, mix};
use super::flank::Spot;
use super::plan::BurstPlan;
use super::{Actor, Being, Cause, Gait, Site, Species, Truth, Weather, WorldError};

/// The species whose coats tell individuals apart.
pub const MARKED: [Species; 2] = [Species::EurasianLynx, Species::Jaguar];

/// A crop reaches this share of the box's longer side further in all, as the bundled networks look.
const MARGIN: f32 = 0.2;

/// An animal less visible than this is not written: another place is drawn, a few times.
const VISIBLE: f32 = 0.6;

/// Places drawn for an encounter before it is given up (a trunk may stand before every one).
const TRIES: usize = 4;

/// Encounters at a site before another one is drawn.
const PER_SITE: u64 = 8;

/// A set of crops to be written.
#[derive(Debug, Clone, Copy)]
pub struct MarkedSet {
    /// Seeds sites and bursts; no site is shared between different seeds.
    pub seed: u64,
    /// Number of the first individual; the same number has the same coat everywhere.
    pub first: u32,
    /// Individuals of each species.
    pub individuals: u32,
    /// Encounters of each flank of each individual.
    pub encounters: u32,
    /// Frames of an encounter.
    pub frames: usize,
    /// Width and height of the pictures that the crops are cut from.
    pub size: (u32, u32),
}

impl MarkedSet {
    /// Encounters in all.
    pub fn total(&self) -> u64 {
        u64::from(self.individuals) * u64::from(self.encounters) * 2 * MARKED.len() as u64
    }
}

/// The side of an animal that is towards the camera.
fn flank(heading: f32) -> &'static str {
    if libm::cosf(heading) > 0.0 { "right" } else { "left" }
}

/// Writes a set below `dir` (made if absent). Calls `progress` with the number of encounters done; answers the number
/// of crops.
pub fn export_marked(dir: &Path, set: &MarkedSet, mut progress: impl FnMut(u64)) -> Result<u64, WorldError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| WorldError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let list = dir.join("individuals.jsonl");
    let mut lines = BufWriter::new(fs::File::create(&list).map_err(failed(&list))?);
    let mut d = Dice::new(set.seed, 91);
    let (mut encounter, mut crops, mut place) = (0, 0, None);
    // Round by round, so that the encounters of an individual are at different sites.
    for _ in 0..set.encounters {
        for number in set.first..set.first.saturating_add(set.individuals) {
            for species in MARKED {
                for heading in [0.0, core::f32::consts::PI] {
                    let site_number = encounter / PER_SITE;
                    if encounter % PER_SITE == 0 {
                        let night = d.chance(0.45);
                        place = Some((Site::new(mix(set.seed, site_number)), night, 70 + d.below(25) as u8));
                    }
                    let Some((site, night, quality)) = &place else { continue };
                    for (k, seen) in
                        meet(site, set, species, number, heading, *night, &mut d).iter().enumerate()
                    {
                        let Seen { crop, grid, truth, infrared } = seen;
                        let file = format!(
                            "{}/{number}/{}/e{encounter:04}_{k}.jpg",
                            species.scientific(),
                            flank(heading)
                        );
                        let path = dir.join(&file);
                        if let Some(folder) = path.parent() {
                            fs::create_dir_all(folder).map_err(failed(folder))?;
                        }
                        let mut bytes = Cursor::new(Vec::new());
                        crop.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, *quality))
                            .map_err(|e| WorldError::Encode(e.to_string()))?;
                        fs::write(&path, bytes.into_inner()).map_err(failed(&path))?;
                        let line = json!({
                            "file": file, "species": species.scientific(), "individual": number,
                            "flank": flank(heading), "encounter": encounter, "site": site_number,
                            "infrared": infrared, "visible": truth.visible,
                            "side": crop.width().max(crop.height()), "grid": grid,
                        });
                        writeln!(lines, "{line}").map_err(failed(&list))?;
                        crops += 1;
                    }
                    encounter += 1;
                    progress(encounter);
                }
            }
        }
    }
    lines.flush().map_err(failed(&list))?;
    Ok(crops)
}

/// The crops of one animal that passes once; none if it was hidden wherever it was put.
fn meet(
    site: &Site,
    set: &MarkedSet,
    species: Species,
    number: u32,
    heading: f32,
    night: bool,
    d: &mut Dice,
) -> Vec<Seen> {
    for _ in 0..TRIES {
        let day =
            NaiveDate::from_ymd_opt(2025, 3, 1).unwrap_or_default() + Duration::days(d.below(240) as i64);
        let hour = if night { (21.0 + d.range(0.0, 7.5)) % 24.0 } else { d.range(8.0, 17.0) };
        let taken = day.and_time(chrono::NaiveTime::MIN) + Duration::seconds((hour * 3600.0) as i64);
        let mut plan = BurstPlan::quiet(taken, d.bits());
        plan.cause = Cause::Animal;
        plan.frames = set.frames;
        plan.interval = d.range(0.35, 1.0);
        plan.wind = d.unit() * d.unit() * 0.6;
        plan.weather = if d.chance(0.6) { Weather::Clear } else { Weather::Overcast };
        let build = species.build();
        let long = build.length + build.head[0] + build.neck[0] * 0.5;
        // The body takes 0.22 to 0.6 of the picture's width: enough pixels to see markings by.
        let share = 0.22 * libm::expf(d.unit());
        let mut z = (long * site.lens.focal / (share * 4.0 / 3.0)).max(0.9);
        if night {
            z = z.min(site.flash * 1.6);
        }
        let across = d.range(-0.35, 0.35);
        let mut actor = Actor::new(site, Being::Animal(species), number, z, across);
        actor.scale = d.range(0.9, 1.08);
        actor = actor.walking(heading + d.bell() * 0.22);
        actor.gait = d.weighted(&[(Gait::Walk, 0.6), (Gait::Stand, 0.25), (Gait::Graze, 0.15)]);
        actor.speed *= if actor.gait == Gait::Walk { d.range(0.3, 0.9) } else { 0.0 };
        let [x, at] = actor.at(-plan.middle());
        (actor.x, actor.z) = (x, at.max(0.7));
        plan.actors.push(actor);
        let seen: Vec<_> = (0..plan.frames)
            .filter_map(|k| {
                let (frame, spots) = site.render_flank(&plan, k, set.size);
                let truth = frame.truth.first().filter(|t| t.visible >= VISIBLE)?.clone();
                let part = around(&frame.rgb, truth.bbox);
                let grid = spots.map(|spots| spots.iter().map(|s| within(s, part)).collect());
                Some(Seen { crop: cut(&frame.rgb, part), grid, truth, infrared: frame.infrared })
            })
            .collect();
        if !seen.is_empty() {
            return seen;
        }
    }
    Vec::new()
}

/// One crop and what is known of it.
struct Seen {
    crop: RgbImage,
    grid: Option<Vec<(f64, f64, u8)>>,
    truth: Truth,
    infrared: bool,
}

/// The square around a box (shares of the picture), clipped to the picture: left, top, right, bottom in pixels.
fn around(picture: &RgbImage, [left, top, wide, high]: [f32; 4]) -> [u32; 4] {
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let side = (1.0 + MARGIN) * (wide * w).max(high * h);
    let (x, y) = ((left + wide * 0.5) * w, (top + high * 0.5) * h);
    let (x0, y0) = ((x - side * 0.5).floor().max(0.0) as u32, (y - side * 0.5).floor().max(0.0) as u32);
    let (x1, y1) = ((x + side * 0.5).ceil().min(w) as u32, (y + side * 0.5).ceil().min(h) as u32);
    [x0, y0, x1.max(x0 + 1), y1.max(y0 + 1)]
}

/// A part of a picture.
fn cut(picture: &RgbImage, [x0, y0, x1, y1]: [u32; 4]) -> RgbImage {
    image::imageops::crop_imm(picture, x0, y0, x1 - x0, y1 - y0).to_image()
}

/// A grid point as shares of a part, to four places: a tenth of a pixel is finer than anybody needs.
fn within(spot: &Spot, [x0, y0, x1, y1]: [u32; 4]) -> (f64, f64, u8) {
    let share = |v: f32, low: u32, high: u32| {
        let part = (f64::from(v) - f64::from(low)) / f64::from(high - low);
        (part * 1e4).round() / 1e4
    };
    (share(spot.at[0], x0, x1), share(spot.at[1], y0, y1), u8::from(spot.seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crop_has_a_line_and_lies_in_the_folder_of_its_flank() {
        let dir = tempfile::tempdir().unwrap();
        let set =
            MarkedSet { seed: 3, first: 500, individuals: 1, encounters: 2, frames: 2, size: (160, 120) };
        let mut told = 0;
        let crops = export_marked(dir.path(), &set, |n| told = n).unwrap();
        assert_eq!((told, set.total()), (8, 8));
        let list = fs::read_to_string(dir.path().join("individuals.jsonl")).unwrap();
        assert_eq!(list.lines().count() as u64, crops);
        let mut flanks = std::collections::BTreeSet::new();
        for line in list.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let file = row["file"].as_str().unwrap();
            let parts: Vec<&str> = file.split('/').collect();
            assert_eq!(
                (parts[0], parts[1], parts[2]),
                (row["species"].as_str().unwrap(), "500", row["flank"].as_str().unwrap())
            );
            let picture = image::open(dir.path().join(file)).unwrap();
            assert_eq!(u64::from(picture.width().max(picture.height())), row["side"].as_u64().unwrap());
            let grid = row["grid"].as_array().unwrap();
            let at = |k: usize, axis: usize| grid[k][axis].as_f64().unwrap();
            assert_eq!(grid.len(), 35);
            // From shoulder to hip it goes against the nose's way, from back to belly down, and all of it is near the crop.
            assert_eq!(at(14, 0) > at(20, 0), parts[2] == "right", "{line}");
            assert!(at(3, 1) < at(31, 1), "{line}");
            assert!((0..35).all(|k| (-0.6..1.6).contains(&at(k, 0)) && (-0.6..1.6).contains(&at(k, 1))));
            assert!((0..35).any(|k| at(k, 2) == 1.0), "{line}");
            flanks.insert((parts[0].to_owned(), parts[2].to_owned()));
        }
        assert_eq!(flanks.len(), 4, "{flanks:?}");
    }

    #[test]
    fn the_flank_is_the_one_towards_the_camera() {
        // Drawn without the renderer's own rule: an animal that faces right has its left side (z of the body) away.
        let site = Site::new(4);
        let actor = Actor::new(&site, Being::Animal(Species::Jaguar), 1, 4.0, 0.0).walking(0.2);
        let stand = crate::world::sprite::Stand {
            x: actor.x,
            z: actor.z,
            heading: [libm::cosf(actor.heading), libm::sinf(actor.heading)],
        };
        let (left, right) = (stand.place([0.0, 1.0, 0.2]), stand.place([0.0, 1.0, -0.2]));
        assert!(right[2] < left[2], "the nearer side is the right one");
        assert_eq!(flank(actor.heading), "right");
        assert_eq!(flank(3.0), "left");
    }

    #[test]
    fn a_crop_at_the_edge_stays_inside() {
        let picture = RgbImage::new(100, 80);
        let cut_around = |bbox| cut(&picture, around(&picture, bbox)).dimensions();
        assert_eq!(cut_around([0.4, 0.4, 0.2, 0.1]), (24, 24));
        assert_eq!(cut_around([0.9, 0.9, 0.1, 0.1]), (11, 10));
    }
}
