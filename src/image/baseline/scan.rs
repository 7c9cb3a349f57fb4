//! The picture data: units (MCUs) in rows, of each component its blocks, of each block its coefficients.

use super::bits::Bits;
use super::huffman::{Step, Table};
use super::idct::{corner, last_needed, level, pixels};
use super::tables::{Component, Tables};
use super::{Plane, Window};

/// Where a row of units begins, and what its codes build on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    bits: Bits<'a>,
    /// The last DC value of each component.
    before: [i32; 3],
    /// Units passed since the last restart.
    since: usize,
    /// Restarts passed.
    restarts: usize,
}

/// A scan to be read.
pub(super) struct Scan<'s, 'a> {
    pub tables: &'s Tables,
    pub data: &'a [u8],
    /// Columns and rows of units.
    pub units: (usize, usize),
    /// Where the rows begin, if that is known.
    pub known: Option<&'s [Place<'a>]>,
}

/// A component with its tables at hand.
struct Coded<'s> {
    component: Component,
    dc: &'s Table,
    ac: &'s Table,
    quantiser: &'s [i32; 64],
}

impl<'a> Scan<'_, 'a> {
    /// Reads the units in `window` into `planes`, one per component wanted, each block `N` samples wide and high; gives
    /// where every row begins. Without [`Scan::known`] all of the data is read.
    pub fn run<const N: usize, const M: usize>(
        &self,
        window: &Window,
        planes: &mut [Plane],
    ) -> Result<Vec<Place<'a>>, &'static str> {
        let components: Vec<Coded<'_>> =
            self.tables.components.iter().filter_map(|c| self.coded(c)).collect();
        if components.len() != self.tables.components.len() {
            return Err("a table is missing");
        }
        let rows = if self.known.is_some() { window.rows.clone() } else { 0..self.units.1 };
        let mut place = Place { bits: Bits::new(self.data), before: [0; 3], since: 0, restarts: 0 };
        let mut places = Vec::with_capacity(if self.known.is_some() { 0 } else { self.units.1 });
        for row in rows {
            match self.known {
                Some(known) => place = *known.get(row).ok_or("no such row")?,
                None => places.push(place),
            }
            let down = window.rows.contains(&row).then(|| row - window.rows.start);
            // Where the next row begins is known: what is right of the window need not be passed.
            let columns = if self.known.is_some() { window.columns.end } else { self.units.0 };
            for column in 0..columns {
                if self.tables.restart != 0 && place.since == self.tables.restart {
                    place.restart()?;
                }
                place.since += 1;
                let across = window.columns.contains(&column).then(|| column - window.columns.start);
                let at = across.zip(down);
                for (index, coded) in components.iter().enumerate() {
                    let plane = at.and_then(|at| Some((at, planes.get_mut(index)?)));
                    place.component::<N, M>(coded, index, plane)?;
                }
            }
            if place.bits.overdrawn() {
                return Err("the data end in the picture");
            }
        }
        Ok(places)
    }

    fn coded(&self, component: &Component) -> Option<Coded<'_>> {
        Some(Coded {
            component: *component,
            dc: self.tables.dc.get(component.dc)?.as_ref()?,
            ac: self.tables.ac.get(component.ac)?.as_ref()?,
            quantiser: self.tables.quantisers.get(component.quantiser)?.as_ref()?,
        })
    }
}

impl Place<'_> {
    fn restart(&mut self) -> Result<(), &'static str> {
        if !self.bits.restart((self.restarts % 8) as u8) {
            return Err("a restart marker is missing");
        }
        (self.before, self.since, self.restarts) = ([0; 3], 0, self.restarts + 1);
        Ok(())
    }

    /// The blocks of one component in a unit, into `plane` if given, at that unit of it.
    #[inline(always)]
    fn component<const N: usize, const M: usize>(
        &mut self,
        coded: &Coded<'_>,
        index: usize,
        mut plane: Option<((usize, usize), &mut Plane)>,
    ) -> Result<(), &'static str> {
        let Component { across, down, .. } = coded.component;
        for y in 0..down {
            for x in 0..across {
                let dc = self.before[index].wrapping_add(difference(&mut self.bits, coded.dc)?);
                self.before[index] = dc;
                match &mut plane {
                    None => pass(&mut self.bits, coded.ac, 1)?,
                    Some(((column, row), plane)) => {
                        let block = block::<N, M>(&mut self.bits, coded, dc)?;
                        let (left, top) = ((*column * across + x) * N, (*row * down + y) * N);
                        for (dy, line) in block.iter().enumerate() {
                            let start = (top + dy) * plane.width + left;
                            if let Some(out) = plane.data.get_mut(start..start + N) {
                                out.copy_from_slice(line);
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

const NO_CODE: &str = "no such code";
const OVERFLOW: &str = "a block of more than 64 coefficients";

/// The difference of a block's mean to that of the block before.
#[inline(always)]
fn difference(bits: &mut Bits<'_>, dc: &Table) -> Result<i32, &'static str> {
    bits.ensure();
    let step = dc.next_step(bits);
    if step.bits() != 0 {
        bits.skip(step.bits());
        return Ok(step.number());
    }
    let size = dc.symbol(bits).ok_or(NO_CODE)?;
    Ok(bits.number(size.into()))
}

/// The pixels of a block whose DC value is `dc`. `M` is one more than the coefficients in `N` rows and columns: the last
/// place takes those that are not needed.
#[inline(always)]
fn block<const N: usize, const M: usize>(
    bits: &mut Bits<'_>,
    coded: &Coded<'_>,
    dc: i32,
) -> Result<[[u8; N]; N], &'static str> {
    let (last, places) = const { (last_needed(N), corner(N)) };
    let mut coefficients = [0i32; M];
    coefficients[0] = dc.wrapping_mul(coded.quantiser[0]);
    let (mut k, mut flat) = (1, true);
    while k <= last {
        bits.ensure();
        let step = coded.ac.next_step(bits);
        let number = if step.bits() != 0 {
            bits.skip(step.bits());
            if step.zeros() == Step::END {
                return Ok(done::<N>(&coefficients, flat));
            }
            k += step.zeros();
            step.number()
        } else {
            let symbol = coded.ac.symbol(bits).ok_or(NO_CODE)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            match (run, size) {
                (15, 0) => {
                    k += 16;
                    continue;
                }
                (_, 0) => return Ok(done::<N>(&coefficients, flat)),
                _ => k += run,
            }
            bits.number(size)
        };
        if k > 63 {
            return Err(OVERFLOW);
        }
        coefficients[usize::from(places[k]).min(M - 1)] = number * coded.quantiser[k];
        flat = false;
        k += 1;
    }
    pass(bits, coded.ac, k)?;
    Ok(done::<N>(&coefficients, flat))
}

#[inline(always)]
fn done<const N: usize>(coefficients: &[i32], flat: bool) -> [[u8; N]; N] {
    if flat {
        return [[level(coefficients.first().copied().unwrap_or(0)); N]; N];
    }
    pixels::<N>(coefficients)
}

/// Passes over the coefficients of a block from number `k` on.
#[inline(always)]
fn pass(bits: &mut Bits<'_>, ac: &Table, mut k: usize) -> Result<(), &'static str> {
    while k < 64 {
        bits.ensure();
        let leap = ac.next_leap(bits);
        let next = k + leap.passed();
        if leap.bits() != 0 && (next < 64 || (next == 64 && !leap.ends())) {
            bits.skip(leap.bits());
            if leap.ends() {
                return Ok(());
            }
            k = next;
            continue;
        }
        let symbol = ac.symbol(bits).ok_or(NO_CODE)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 && run != 15 {
            return Ok(());
        }
        bits.skip(size);
        k += run + 1;
    }
    if k == 64 { Ok(()) } else { Err(OVERFLOW) }
}
