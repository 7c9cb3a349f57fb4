//! The report as tables, for a terminal or in Markdown.

use comfy_table::{ContentArrangement, Table, presets};

use crate::eval::measure::{Class, Kept, Measures, Point, Report};

/// Coverages shown of a curve: every tenth. JSON has all points.
const STEPS: usize = 10;

/// The whole report.
pub fn tables(report: &Report, markdown: bool) -> String {
    let page = Page { markdown };
    let mut out = String::new();
    out += &page.title("Per sequence");
    out += &page.measures(&report.sequences);
    out += &page.title("Per image (each takes the labels of its sequence)");
    out += &page.measures(&report.images);
    out += &notes(report);
    out
}

struct Page {
    markdown: bool,
}

impl Page {
    fn title(&self, text: &str) -> String {
        if self.markdown { format!("## {text}\n\n") } else { format!("{}\n\n", text.to_uppercase()) }
    }

    fn table(&self, header: &[&str], rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        if self.markdown {
            table.load_style(presets::ASCII_MARKDOWN);
        } else {
            table.load_style(presets::UTF8_FULL_CONDENSED);
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        table.set_header(header.iter().copied());
        table.add_rows(rows);
        format!("{table}\n\n")
    }

    fn measures(&self, m: &Measures) -> String {
        let mut out = format!(
            "{} cases: {} right, {} answered with a higher taxon that contains the truth, {} otherwise.\n\n",
            m.cases,
            m.right,
            m.above,
            m.cases - m.right - m.above
        );
        out += &self.table(
            &["truth", "cases", "sighting", "person", "vehicle", "uncertain", "failed", "empty"],
            m.kept.iter().map(kept).collect(),
        );
        out += &self.table(
            &["class", "cases", "right", "higher taxon", "sensitivity", "specificity", "false alarms"],
            m.classes.iter().map(class).collect(),
        );
        let confusion = m.confusion.iter().map(|(truth, answers)| {
            let mut answers: Vec<_> = answers.iter().collect();
            answers.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            let told: Vec<String> = answers.iter().map(|(answer, n)| format!("{answer} {n}")).collect();
            vec![truth.clone(), told.join(", ")]
        });
        out += &self.table(&["truth", "answers"], confusion.collect());
        out += &self.curve("species of animals", &m.species_curve, true);
        out += &self.curve("empty against animal", &m.empty_curve, false);
        out
    }

    /// One curve; `ranks`: whether a higher taxon can be an answer.
    fn curve(&self, of: &str, points: &[Point], ranks: bool) -> String {
        if points.is_empty() {
            return format!("Accuracy against coverage, {of}: nothing was decided.\n\n");
        }
        let columns = if ranks { 5 } else { 4 };
        let rows = thinned(points).into_iter().map(|p| {
            let mut row = vec![
                format!("{:.2}", p.threshold),
                p.kept.to_string(),
                percent(p.coverage),
                percent(p.accuracy),
                percent(p.accuracy_or_above),
            ];
            row.truncate(columns);
            row
        });
        let header = ["confidence from", "kept", "coverage", "accuracy", "or higher taxon"];
        let header: Vec<&str> = header.into_iter().take(columns).collect();
        format!("Accuracy against coverage, {of}:\n\n{}", self.table(&header, rows.collect()))
    }
}

/// The last point within each tenth of coverage.
fn thinned(points: &[Point]) -> Vec<&Point> {
    let step = |p: &Point| (p.coverage * STEPS as f64).ceil() as usize;
    points
        .iter()
        .enumerate()
        .filter(|(i, p)| points.get(i + 1).is_none_or(|next| step(next) > step(p)))
        .map(|(_, p)| p)
        .collect()
}

fn kept(k: &Kept) -> Vec<String> {
    use crate::event::Outcome::*;
    let of = |outcome| k.outcomes.iter().find(|(o, _)| *o == outcome).map_or(0, |(_, n)| *n).to_string();
    let counts = [Sighting, Person, Vehicle, Uncertain, Failed, Empty].map(of);
    [k.kind.to_owned(), k.cases.to_string()].into_iter().chain(counts).collect()
}

fn class(c: &Class) -> Vec<String> {
    vec![
        c.label.clone(),
        c.cases.to_string(),
        c.right.to_string(),
        c.above.to_string(),
        percent(c.sensitivity),
        percent(c.specificity),
        c.false_alarms.to_string(),
    ]
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// What is in none of the numbers, or weakens them.
fn notes(report: &Report) -> String {
    let mut notes = vec![format!("{} sightings fit no true label of their sequence.", report.extra)];
    if !report.unanswered.is_empty() {
        notes.push(format!(
            "{} photos of the truth are in no prediction and in no number: {}.",
            report.unanswered.len(),
            report.unanswered.join(", ")
        ));
    }
    if report.strangers > 0 {
        notes.push(format!("{} predicted photos have no truth and are in no number.", report.strangers));
    }
    if !report.unplaced.is_empty() {
        let names: Vec<&str> = report.unplaced.iter().map(String::as_str).collect();
        notes.push(format!("Matched by name alone, being in no --taxa table: {}.", names.join(", ")));
    }
    notes.iter().map(|n| format!("{n}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(coverage: f64) -> Point {
        Point { threshold: 0.5, kept: 1, coverage, accuracy: 0.5, accuracy_or_above: 1.0 }
    }

    #[test]
    fn a_curve_is_thinned_to_tenths_and_keeps_its_end() {
        let points = [0.02, 0.09, 0.1, 0.13, 0.5, 0.55].map(point);
        let kept: Vec<f64> = thinned(&points).iter().map(|p| p.coverage).collect();
        assert_eq!(kept, [0.1, 0.13, 0.5, 0.55]);
    }

    #[test]
    fn markdown_tables_are_markdown() {
        let page = Page { markdown: true };
        let table = page.table(&["a", "b"], vec![vec!["1".into(), "2".into()]]);
        assert_eq!(table.trim_end(), "| a | b |\n|---|---|\n| 1 | 2 |");
        assert!(page.curve("x", &[point(1.0)], false).contains("| 0.50            | 1    | 100.0 %"));
        assert!(page.curve("x", &[], true).contains("nothing was decided"));
    }
}
