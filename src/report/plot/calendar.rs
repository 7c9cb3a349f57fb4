//! A calendar: a column per week, a square per day, darker for more bursts with animals.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use plotters::style::text_anchor::{HPos, VPos};

use super::frame::{cell, write};
use super::{Drawing, Screen, UNITS, draw, ink};
use crate::report::{Day, ReportError};

/// Room for the names of days and of months, CSS pixels.
const LEFT: i32 = 40;
const TOP: i32 = 22;

/// Weeks side by side, so that a year fits a desk.
const WIDE: usize = 53;
const NARROW: usize = 18;

/// Largest and smallest square with its margin, CSS pixels.
const SQUARE: (i32, i32) = (30, 16);

/// Blocks of weeks drawn at most; longer seasons show their newest years.
const BLOCKS_MAX: usize = 24;

/// Upper ends of the steps of colour, for the most bursts of any day.
pub(in crate::report) fn steps(most: u32) -> Vec<u32> {
    let n = u32::try_from(ink::STEPS.len()).unwrap_or(5);
    let mut ends: Vec<u32> = (1..=n).map(|i| (most * i).div_ceil(n)).collect();
    ends.dedup();
    ends.retain(|end| *end > 0);
    ends
}

pub(in crate::report) fn calendar(days: &[Day], screen: Screen) -> Result<Drawing, ReportError> {
    let known: BTreeMap<NaiveDate, &Day> = days.iter().map(|d| (d.date, d)).collect();
    let mut weeks: Vec<NaiveDate> = Vec::new();
    // Weeks with anything in them and those between, but no long stretches of nothing.
    for day in days {
        let monday = day.date - Days::new(u64::from(day.date.weekday().num_days_from_monday()));
        while let Some(next) = weeks.last().map(|last| *last + Days::new(7)).filter(|next| *next < monday) {
            if (monday - next).num_weeks() > 26 {
                break;
            }
            weeks.push(next);
        }
        if weeks.last() != Some(&monday) {
            weeks.push(monday);
        }
    }
    let most = days.iter().map(|d| d.bursts.sighting).max().unwrap_or(0);
    let ends = steps(most);
    let per_block = if screen == Screen::Wide { WIDE } else { NARROW };
    let mut blocks: Vec<&[NaiveDate]> = weeks.chunks(per_block).collect();
    if blocks.len() > BLOCKS_MAX {
        blocks.drain(..blocks.len() - BLOCKS_MAX);
    }
    let columns = i32::try_from(blocks.iter().map(|b| b.len()).max().unwrap_or(1)).unwrap_or(1).max(1);
    let years = weeks.first().map(|w| w.year()) != weeks.last().map(|w| w.year());
    let square = ((screen.width() - LEFT) / columns).clamp(SQUARE.1, SQUARE.0);
    let block_height = TOP + 7 * square + 12;
    let height = block_height * i32::try_from(blocks.len()).unwrap_or(1).max(1);
    draw(screen.width().max(LEFT + columns * square), height, |area| {
        for (row, block) in (0..).zip(&blocks) {
            let top = row * block_height + TOP;
            for (name, line) in [("Mon", 0), ("Wed", 2), ("Fri", 4), ("Sun", 6)] {
                let at = ((LEFT - 8) * UNITS, (top + line * square + square / 2) * UNITS);
                write(area, name, at, ink::MUTED, (HPos::Right, VPos::Center))?;
            }
            let mut named = -1000;
            for (column, monday) in (0..).zip(*block) {
                let x = LEFT + column * square;
                let last = *monday + Days::new(6);
                let new_month = last.day() <= 7 || column == 0;
                // A name needs the room of its letters.
                if new_month && x - named >= 40 && x + 30 <= screen.width().max(LEFT + columns * square) {
                    let with_year = if column == 0 { years } else { last.month() == 1 };
                    let shown = if column == 0 { *monday } else { last };
                    let form = if with_year && columns - column > 3 { "%b %Y" } else { "%b" };
                    let text = shown.format(form).to_string();
                    write(
                        area,
                        &text,
                        (x * UNITS, (top - 6) * UNITS),
                        ink::MUTED,
                        (HPos::Left, VPos::Bottom),
                    )?;
                    named = x + if text.len() > 3 { 36 } else { 0 };
                }
                for (line, date) in (0..).zip(monday.iter_days().take(7)) {
                    let Some(day) = known.get(&date) else { continue };
                    let n = day.bursts.sighting;
                    let step = ends.iter().position(|end| n <= *end).unwrap_or(0);
                    let colour = match n {
                        0 => ink::GRID,
                        _ => {
                            ink::STEPS.get(step + ink::STEPS.len() - ends.len()).copied().unwrap_or(ink::BLUE)
                        }
                    };
                    cell(area, (x + 1, top + line * square + 1), square - 2, colour)?;
                }
            }
        }
        Ok(())
    })
}
