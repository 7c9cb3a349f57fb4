//! The bench world: a seeded renderer of camera-trap scenes with exact truth for every frame.
//!
//! A [`Site`] is a place with a camera, a [`BurstPlan`] says what happens there in one burst, and [`Site::render`]
//! makes a [`Frame`]: the picture and who is visible where. Everything follows from seeds, by integer hashing and
//! plain IEEE arithmetic, so that a seed gives the same picture on every platform. It serves the demo, the recipes
//! that train the bundled networks, and every test that needs many bursts with known truth. It shows no real animal.
//!
//! | file | what |
//! |---|---|
//! | `dice` | random numbers and noise |
//! | `lens`, `canvas` | world to pixels; surfaces with distance and owner |
//! | `site`, `palette`, `ground` | the place, its colours, what never moves in it |
//! | `grow`, `plants` | what grows there, and how the wind moves it |
//! | `species`, `builds`, `coats`, `looks` | who comes by: habits, bodies, colours, individuals |
//! | `body`, `upright`, `vehicle`, `coat`, `cast`, `sprite` | how they are posed and drawn |
//! | `plan`, `casting`, `day` | what happens in a burst; who takes part; a scripted day for the demo |
//! | `light`, `weather`, `strip`, `render` | light and sensor, rain and glare, info strip; the frame and its truth |
//! | `export` | JPEG with EXIF, data sets with `truth.jsonl` (its format is told there) |
//! | `marked`, `flank` | crops of individually marked animals with `individuals.jsonl`; where their flanks lie in them |

mod body;
mod builds;
mod canvas;
mod cast;
mod casting;
mod coat;
mod coats;
mod day;
mod dice;
mod export;
mod flank;
mod ground;
mod grow;
mod lens;
mod light;
mod looks;
mod marked;
mod palette;
mod plan;
mod plants;
mod render;
mod site;
mod species;
mod sprite;
mod strip;
#[cfg(test)]
mod tests;
mod upright;
mod vehicle;
mod weather;

pub use body::Gait;
pub use day::Day;
pub use export::{DataSet, WorldError, export, jpeg};
pub use marked::{MARKED, MarkedSet, export_marked};
pub use plan::{Actor, Being, BurstPlan, Cause, Weather};
pub use site::Site;
pub use species::Species;

/// A rendered frame with its truth.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The picture, info strip included.
    pub rgb: image::RgbImage,
    /// Every actor of which at least about 40 pixels can be seen.
    pub truth: Vec<Truth>,
    /// Taken by infrared flash.
    pub infrared: bool,
}

/// What kind of thing a box holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// An animal.
    Animal,
    /// A person.
    Person,
    /// A vehicle.
    Vehicle,
}

impl Category {
    /// `animal`, `person` or `vehicle`.
    pub fn word(self) -> &'static str {
        match self {
            Category::Animal => "animal",
            Category::Person => "person",
            Category::Vehicle => "vehicle",
        }
    }
}

/// One visible actor of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Left, top, width, height of the visible pixels, 0..1 of the picture.
    pub bbox: [f32; 4],
    /// What it is.
    pub category: Category,
    /// Its species, for animals.
    pub species: Option<Species>,
    /// Which individual.
    pub individual: u32,
    /// Visible pixels over all pixels of its body, hidden and outside ones too: 0..1.
    pub visible: f32,
    /// Visible pixels.
    pub pixels: u32,
}
