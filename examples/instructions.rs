//! A fixed piece of work for `benches/instructions.sh`, which counts the instructions it takes.
//!
//! `instructions write DIR` draws a burst of the bench world; `instructions STAGE DIR` works on it: `nothing` reads the
//! files, `decode` decodes them small; besides that, `resize` makes a detector's pictures of them, `motion` compares them,
//! `parts` cuts out of them at full resolution.
#![allow(missing_docs)]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;

use chrono::{TimeZone, Utc};
use trapline::image::{Filter, Gray, Picture, Pixels, Region, Source, Want};
use trapline::vision::motion;
use trapline::vision::strip::Strip;
use trapline::world::{BurstPlan, Site, jpeg};

/// An 8-megapixel picture.
const SIZE: (u32, u32) = (3264, 2448);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [stage, folder] = args.as_slice() else { return Err("usage: instructions write|STAGE DIR".into()) };
    let files = [0u8, 1].map(|n| Path::new(folder).join(format!("{n}.jpg")));
    if stage == "write" {
        let site = Site::new(3);
        let taken = Utc.with_ymd_and_hms(2026, 6, 1, 12, 0, 0).single().ok_or("no such time")?;
        let plan = BurstPlan::quiet(taken.naive_utc(), 1);
        for (n, file) in files.iter().enumerate() {
            std::fs::write(file, jpeg(&site.render(&plan, n, SIZE), plan.taken_at(n), site.camera(), 90)?)?;
        }
        return Ok(());
    }
    let files = files.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    if stage == "nothing" {
        black_box(files);
        return Ok(());
    }
    let sources = files.iter().map(|bytes| Source::open(bytes)).collect::<Result<Vec<_>, _>>()?;
    let small = |source: &Source<'_>| source.look(Want::LongSide(motion::WIDTH));
    let looks = sources.iter().map(small).collect::<Result<Vec<Picture>, _>>()?;
    match stage.as_str() {
        "decode" => {
            black_box(looks);
        }
        "resize" => {
            for look in &looks {
                let (width, height) = look.size();
                let whole = Region { x: 0, y: 0, width, height };
                black_box(look.cut(whole, 416, 312, Filter::Bilinear)?);
            }
        }
        "motion" => {
            let lumas: Vec<_> = looks.iter().map(Picture::luma).collect();
            let frames: Vec<Option<&Gray>> = lumas.iter().map(|luma| Some(&**luma)).collect();
            black_box(motion::evidence(&frames, Strip::default()));
        }
        "parts" => {
            for view in sources.iter().map(Source::view) {
                for x in [100, 1500, 2500] {
                    let region = Region { x, y: 200 + x / 2, width: 500, height: 416 };
                    black_box(view.cut(region, 416, 346, Filter::Bilinear)?);
                }
            }
        }
        other => return Err(format!("no stage is called {other}").into()),
    }
    Ok(())
}
