//! What was read, what could not be, and how it was counted.

use maud::{Markup, html};

use crate::report::{Report, texts};

/// Damage, at the top where it cannot be missed.
pub(super) fn damage(report: &Report) -> Markup {
    let hurt: Vec<_> = report.journals.iter().filter(|j| j.damaged > 0 || j.unreadable.is_some()).collect();
    let totals = &report.totals;
    html! {
        @if !hurt.is_empty() || totals.without_time > 0 || totals.bursts.failed > 0 {
            div.warning role="note" {
                h2 { "Not everything is in the numbers" }
                ul {
                    @for note in hurt { li { strong { (note.file) } ": " (texts::journal(note)) "." } }
                    @if totals.without_time > 0 {
                        li {
                            (texts::count(totals.without_time, "burst has", "bursts have"))
                            " no known time, because the trap’s clock was never set: they count, but are in no figure over \
                             days or hours."
                        }
                    }
                    @if totals.bursts.failed > 0 {
                        li {
                            (texts::count(totals.bursts.failed, "burst", "bursts"))
                            " could not be read or judged. They are no empties."
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn about(report: &Report) -> Markup {
    html! {
        ul {
            li { (texts::labels(report)) }
            li { (texts::independence(report.independence_minutes)) }
            li { "Times and days: " (report.clock) "." }
            li { "Places are rounded to a tenth of a degree; pictures are scaled and carry no metadata." }
        }
        h3 { "Journals" }
        ul {
            @for note in &report.journals {
                li {
                    strong { (note.file) } ": " (texts::journal(note)) "."
                    @if !note.damage.is_empty() {
                        " Left out: " (note.damage.join(", "))
                        @if note.damaged > note.damage.len() { ", …" }
                        "."
                    }
                }
            }
        }
        p.made {
            "Trapline " (report.version)
            @if let Some(made) = report.made { ", " (made.format("%Y-%m-%d %H:%M UTC")) }
        }
    }
}
