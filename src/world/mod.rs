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
//! | `site`, `ground`, `plants` | the place, what never moves in it, what the wind moves |
//! | `species`, `coat`, `body`, `vehicle`, `sprite` | who comes by, and how they are drawn |
//! | `plan`, `day` | what happens in a burst; a scripted day of bursts for the demo |
//! | `light`, `strip`, `render` | light, sensor, info strip; the frame and its truth |
//! | `export` | JPEG with EXIF, data sets with `truth.jsonl` (its format is told there) |

mod body;
mod canvas;
mod coat;
mod day;
mod dice;
mod export;
mod ground;
mod lens;
mod light;
mod plan;
mod plants;
mod render;
mod site;
mod species;
mod sprite;
mod strip;
mod vehicle;

pub use body::Gait;
pub use day::Day;
pub use export::{DataSet, WorldError, export, jpeg};
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
