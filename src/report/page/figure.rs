//! A figure: its drawing for desks and for phones, its description, and the table behind it.

use maud::{Markup, PreEscaped, html};
use plotters::style::RGBColor;

use crate::report::plot::{Drawing, Screen, ink};
use crate::report::{ReportError, texts};

/// What a figure is, for those who do not see it.
#[derive(Debug, Clone)]
pub(super) struct Words {
    /// Unique on the page.
    pub id: String,
    pub title: String,
    pub description: String,
}

/// One drawing with its title and description.
pub(super) fn drawing(words: &Words, suffix: &str, class: &str, drawn: &Drawing) -> Markup {
    let (title, description) = (format!("{}-{suffix}-t", words.id), format!("{}-{suffix}-d", words.id));
    html! {
        svg.(class) role="img" viewBox=(drawn.view()) style={ "max-width:" (drawn.width) "px" }
            aria-labelledby=(title) aria-describedby=(description) {
            title id=(title) { (words.title) }
            desc id=(description) { (words.description) }
            (PreEscaped(&drawn.inside))
        }
    }
}

/// A figure drawn for both screens, with a legend and the table behind it.
pub(super) fn figure(
    words: &Words,
    legend: &[(RGBColor, &str)],
    table: &Markup,
    draw: impl Fn(Screen) -> Result<Drawing, ReportError>,
) -> Result<Markup, ReportError> {
    let (wide, narrow) = (draw(Screen::Wide)?, draw(Screen::Narrow)?);
    Ok(html! {
        figure {
            (self::legend(legend))
            (drawing(words, "w", "wide", &wide))
            (drawing(words, "n", "narrow", &narrow))
            (behind(table))
        }
    })
}

/// Swatches with their meaning.
pub(super) fn legend(entries: &[(RGBColor, &str)]) -> Markup {
    html! {
        @if !entries.is_empty() {
            ul.legend {
                @for (colour, meaning) in entries {
                    li {
                        svg.swatch viewBox="0 0 12 12" aria-hidden="true" {
                            rect width="12" height="12" rx="2" fill=(ink::hex(*colour)) {}
                        }
                        (meaning)
                    }
                }
            }
        }
    }
}

/// The table behind a figure, folded.
pub(super) fn behind(table: &Markup) -> Markup {
    html! { details { summary { (texts::NUMBERS) } div.scroll tabindex="0" { (table) } } }
}

/// A table of text; the first column names the row, the others are numbers.
pub(super) fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Markup {
    html! {
        table {
            thead { tr { @for head in heads { th scope="col" { (head) } } } }
            tbody {
                @for row in rows {
                    tr {
                        @for (i, cell) in row.iter().enumerate() {
                            @if i == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                        }
                    }
                }
            }
        }
    }
}
