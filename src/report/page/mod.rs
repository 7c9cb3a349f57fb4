//! The page: sections in order, one style sheet, no script, nothing from elsewhere.

mod figure;
mod journals;
mod numbers;
mod seen;
mod trap;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Report, ReportError, texts};

/// Light and dark, narrow and wide, screen and paper.
const STYLE: &str = include_str!("style.css");

pub(super) fn page(report: &Report) -> Result<String, ReportError> {
    let sections: [(&str, &str, Markup); 9] = [
        ("seen", texts::SEEN, seen::seen(report)),
        ("pictures", texts::PICTURES, seen::pictures(report)),
        ("activity", texts::ACTIVITY, seen::activity(report)?),
        ("calendar", texts::CALENDAR, seen::calendar(report)?),
        ("accumulation", texts::ACCUMULATION, seen::accumulation(report)?),
        ("effort", texts::EFFORT, trap::effort(report)?),
        ("empties", texts::EMPTIES, trap::empties(report)?),
        ("power", texts::POWER, trap::power(report)?),
        ("uncertain", texts::UNCERTAIN, seen::uncertain(report)),
    ];
    let title = title(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "Trapline " (report.version) };
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (texts::TITLE) }
                    p.lead { (lead(report)) }
                    (journals::damage(report))
                    (numbers::tiles(report))
                    nav aria-label="Sections" {
                        ul { @for (id, name, _) in &sections { li { a href={ "#" (id) } { (name) } } } }
                    }
                }
                main {
                    @for (id, name, content) in &sections {
                        section id=(id) aria-labelledby={ (id) "-title" } {
                            h2 id={ (id) "-title" } { (name) }
                            (content)
                        }
                    }
                    section #about aria-labelledby="about-title" {
                        h2 #about-title { (texts::ABOUT) }
                        (journals::about(report))
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

fn title(report: &Report) -> String {
    match report.period {
        Some((from, to)) => format!("{}, {from} to {to}", texts::TITLE),
        None => texts::TITLE.to_owned(),
    }
}

fn lead(report: &Report) -> String {
    let place = match report.stands.as_slice() {
        [one] => one.name.clone(),
        many => texts::count(many.len() as u64, "deployment", "deployments"),
    };
    match report.period {
        Some((from, to)) if from == to => format!("{place}, {}", from.format("%-d %B %Y")),
        Some((from, to)) => format!("{place}, {} to {}", from.format("%-d %B %Y"), to.format("%-d %B %Y")),
        None => format!("{place}, no dates known"),
    }
}
