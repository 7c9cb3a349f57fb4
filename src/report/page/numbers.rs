//! The few numbers at the head of the page.

use maud::{Markup, html};

use crate::report::Report;
use crate::report::texts::{percent, thousands};

pub(super) fn tiles(report: &Report) -> Markup {
    let totals = &report.totals;
    let kinds = &totals.bursts;
    let nights = if totals.nights > 0.0 { format!("{:.1}", totals.nights) } else { "–".to_owned() };
    let empties = kinds.empty_share().map_or("–".to_owned(), percent);
    let tiles = [
        (thousands(totals.species.into()), "species"),
        (thousands(totals.records.into()), "independent records"),
        (thousands(kinds.all().into()), "bursts"),
        (nights, "trap nights"),
        (empties, "empties"),
        (thousands(report.uncertain.waiting as u64), "wait for eyes"),
    ];
    html! {
        dl.tiles {
            @for (value, name) in &tiles { div { dt { (name) } dd { (value) } } }
        }
    }
}
