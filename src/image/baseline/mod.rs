//! A decoder for the JPEGs that cameras write, which reads of a picture what is looked at and passes over the rest.
//!
//! Crates decode whole pictures (`docs/performance.md` has their times). A trap looks at all of a picture once, small, and
//! then at parts of it. Small needs few coefficients of each block: the codes of the others are passed over two or
//! three at a time. And the first pass remembers where each row of units (MCUs) begins in the data, so that a part of
//! the picture is decoded from its own first row on. Everything else (progressive files, CMYK, …) is for the crates.
//!
//! Strict: codes that do not exist, blocks that overflow, restarts that do not come, and data that end early are errors.

mod bits;
mod huffman;
mod idct;
mod scan;
mod tables;

use std::ops::Range;
use std::sync::OnceLock;

use self::scan::{Place, Scan};
use self::tables::Tables;
use super::ImageError;
use super::segments::Segments;

/// A file that can be decoded here.
#[derive(Debug)]
pub(super) struct Baseline<'a> {
    tables: Tables,
    /// The scan's data.
    data: &'a [u8],
    /// Size in pixels.
    size: (usize, usize),
    /// Where each row of units begins, once all were passed.
    rows: OnceLock<Vec<Place<'a>>>,
}

/// The samples of one component over some units of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plane {
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` bytes.
    pub data: Vec<u8>,
}

/// Units of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Columns of units.
    pub columns: Range<usize>,
    /// Rows of units.
    pub rows: Range<usize>,
}

impl<'a> Baseline<'a> {
    /// `None` for files of another kind, and for those whose tables are damaged.
    pub fn of(bytes: &'a [u8], segments: &Segments) -> Option<Self> {
        let tables = Tables::read(bytes, segments)?;
        let data = bytes.get(tables.begin..*segments.scan_ends.first()?)?;
        let size = (segments.frame.width as usize, segments.frame.height as usize);
        Some(Baseline { tables, data, size, rows: OnceLock::new() })
    }

    /// Pixels of the full picture in a unit, (width, height).
    pub fn unit(&self) -> (usize, usize) {
        self.tables.components.first().map_or((8, 8), |c| (8 * c.across, 8 * c.down))
    }

    /// Units of the picture, (columns, rows).
    pub fn units(&self) -> (usize, usize) {
        (self.size.0.div_ceil(self.unit().0), self.size.1.div_ceil(self.unit().1))
    }

    /// The whole picture with `side` (1, 2, 4 or 8) samples for each 8: a plane per component, whole units. All of the
    /// file is checked.
    pub fn whole(&self, side: usize) -> Result<Vec<Plane>, ImageError> {
        let (columns, rows) = self.units();
        self.decode(&Window { columns: 0..columns, rows: 0..rows }, side, self.tables.components.len())
    }

    /// A part of it: whole units. `luma`: without colours.
    pub fn part(&self, window: &Window, side: usize, luma: bool) -> Result<Vec<Plane>, ImageError> {
        if self.rows.get().is_none() {
            // Passing over all of it finds the rows.
            self.decode(&Window { columns: 0..0, rows: 0..0 }, 1, 0)?;
        }
        let components = if luma { 1 } else { self.tables.components.len() };
        self.decode(window, side, components)
    }

    fn decode(&self, window: &Window, side: usize, components: usize) -> Result<Vec<Plane>, ImageError> {
        let plane = |c: &tables::Component| {
            let (width, height) = (window.columns.len() * c.across * side, window.rows.len() * c.down * side);
            Plane { width, height, data: vec![0; width * height] }
        };
        let mut planes: Vec<Plane> = self.tables.components.iter().take(components).map(plane).collect();
        let known = self.rows.get().map(Vec::as_slice);
        let scan = Scan { tables: &self.tables, data: self.data, units: self.units(), known };
        let found = match side {
            1 => scan.run::<1, 2>(window, &mut planes),
            2 => scan.run::<2, 5>(window, &mut planes),
            4 => scan.run::<4, 17>(window, &mut planes),
            _ => scan.run::<8, 65>(window, &mut planes),
        };
        let places = found.map_err(super::decode::ends)?;
        if known.is_none() {
            let _ = self.rows.set(places);
        }
        Ok(planes)
    }
}
