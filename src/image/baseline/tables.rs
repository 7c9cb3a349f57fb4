//! What stands before the picture data of a file: quantisation, codes, components, restarts.

use super::huffman::{Kind, Table};
use crate::image::segments::Segments;

/// One colour component.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    /// Blocks of it side by side in a unit (MCU), 1 or 2.
    pub across: usize,
    /// Blocks of it one above the other in a unit, 1 or 2.
    pub down: usize,
    /// Its quantisation table, by place in [`Tables::quantisers`].
    pub quantiser: usize,
    /// Its table for DC codes.
    pub dc: usize,
    /// Its table for AC codes.
    pub ac: usize,
}

/// Everything the scan needs.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    /// One for grey, three for YCbCr.
    pub components: Vec<Component>,
    /// Steps, in the order of the file.
    pub quantisers: [Option<[i32; 64]>; 4],
    /// Tables for DC codes.
    pub dc: [Option<Table>; 4],
    /// Tables for AC codes.
    pub ac: [Option<Table>; 4],
    /// Units between two restart markers; 0 for none.
    pub restart: usize,
    /// Where the scan's data begin.
    pub begin: usize,
}

impl Tables {
    /// Of a file whose one scan holds all components, in 8 bits, grey or YCbCr with the colours at most halved: what
    /// cameras write. `None` for anything else, damaged tables included.
    pub fn read(bytes: &[u8], segments: &Segments) -> Option<Tables> {
        let frame = &segments.frame;
        if !frame.baseline() || frame.precision != 8 || segments.scan_ends.len() != 1 {
            return None;
        }
        let mut tables = Tables {
            components: Vec::new(),
            quantisers: [None; 4],
            dc: Default::default(),
            ac: Default::default(),
            restart: 0,
            begin: 0,
        };
        let mut named = Vec::new();
        let mut at = 2;
        loop {
            let [0xFF, code, high, low] = *bytes.get(at..at + 4)? else { return None };
            if code == 0xFF {
                at += 1;
                continue;
            }
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            let body = bytes.get(at + 4..end)?;
            match code {
                0xDB => tables.take_quantisers(body)?,
                0xC4 => tables.take_codes(body)?,
                0xC0 => named = tables.take_components(body)?,
                0xDD => tables.restart = usize::from(u16::from_be_bytes(body.try_into().ok()?)),
                // Adobe's marker says in its last byte whether the colours are YCbCr.
                0xEE if body.starts_with(b"Adobe") => {
                    let [transform] = *body.get(11..12)? else { return None };
                    if transform != 1 {
                        return None;
                    }
                }
                0xDA => {
                    tables.take_scan(body, &named)?;
                    tables.begin = end;
                    return tables.whole().then_some(tables);
                }
                _ => {}
            }
            at = end;
        }
    }

    fn take_quantisers(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = body.split_first() {
            // Sixteen bits per step are for twelve bits per sample.
            let table = self.quantisers.get_mut(usize::from(kind))?;
            let (steps, rest) = rest.split_first_chunk::<64>()?;
            *table = Some(steps.map(i32::from));
            body = rest;
        }
        Some(())
    }

    fn take_codes(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let (symbols, rest) = rest.split_at_checked(counts.iter().map(|&n| usize::from(n)).sum())?;
            let (tables, means) = match kind >> 4 {
                0 => (&mut self.dc, Kind::Dc),
                1 => (&mut self.ac, Kind::Ac),
                _ => return None,
            };
            // A DC symbol is a number of bits, of which 8 bits per sample need 11.
            if means == Kind::Dc && symbols.iter().any(|&size| size > 11) {
                return None;
            }
            *tables.get_mut(usize::from(kind & 15))? = Some(Table::new(means, counts, symbols)?);
            body = rest;
        }
        Some(())
    }

    /// Gives the names of the components.
    fn take_components(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let named = body.get(6..)?.as_chunks::<3>().0;
        let component = |&[_, sampling, quantiser]: &[u8; 3]| Component {
            across: usize::from(sampling >> 4),
            down: usize::from(sampling & 15),
            quantiser: quantiser.into(),
            dc: 0,
            ac: 0,
        };
        self.components = named.iter().map(component).collect();
        let names: Vec<u8> = named.iter().map(|&[name, ..]| name).collect();
        match self.components.as_mut_slice() {
            // The blocks of a single component stand in rows, whatever its factors say (T.81, A.2.2).
            [grey] => (grey.across, grey.down) = (1, 1),
            [luma, blue, red] => {
                let halved = (1..=2).contains(&luma.across) && (1..=2).contains(&luma.down);
                let single = [blue, red].iter().all(|c| (c.across, c.down) == (1, 1));
                if !halved || !single || names == *b"RGB" {
                    return None;
                }
            }
            _ => return None,
        }
        Some(names)
    }

    fn take_scan(&mut self, body: &[u8], names: &[u8]) -> Option<()> {
        let (&count, rest) = body.split_first()?;
        let (chosen, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let chosen = chosen.as_chunks::<2>().0;
        if chosen.len() != names.len() || *rest != [0, 63, 0] {
            return None;
        }
        for ((component, name), [chosen, tables]) in self.components.iter_mut().zip(names).zip(chosen) {
            if chosen != name {
                return None;
            }
            (component.dc, component.ac) = (usize::from(tables >> 4), usize::from(tables & 15));
        }
        Some(())
    }

    /// Whether every table that a component names is there.
    fn whole(&self) -> bool {
        let there = |c: &Component| {
            matches!(self.quantisers.get(c.quantiser), Some(Some(_)))
                && matches!(self.dc.get(c.dc), Some(Some(_)))
                && matches!(self.ac.get(c.ac), Some(Some(_)))
        };
        !self.components.is_empty() && self.components.iter().all(there)
    }
}
