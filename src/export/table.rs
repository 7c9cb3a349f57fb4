//! Rows to bytes: tables as CSV, numbers and times as text.

use chrono::{DateTime, SecondsFormat, Utc};

use super::ExportError;

/// One cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Cell {
    /// Nothing known.
    #[default]
    Empty,
    /// Words.
    Text(String),
    /// A number as it is to be printed.
    Number(String),
}

impl Cell {
    pub fn as_str(&self) -> &str {
        match self {
            Cell::Empty => "",
            Cell::Text(text) | Cell::Number(text) => text,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        if text.is_empty() { Cell::Empty } else { Cell::Text(text) }
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Cell::Text(value.to_string())
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(at: DateTime<Utc>) -> Self {
        Cell::Text(time(at))
    }
}

/// Whole numbers.
macro_rules! whole {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Cell {
            fn from(value: $kind) -> Self {
                Cell::Number(value.to_string())
            }
        })*
    };
}
whole!(i32, u16, u32, u64, usize);

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Empty, Into::into)
    }
}

/// A number with at most so many decimals.
pub(super) fn number(value: f64, decimals: usize) -> Cell {
    let text = format!("{value:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    Cell::Number(if text == "-0" { "0" } else { text }.to_owned())
}

/// Whole seconds in UTC: Camtrap DP knows no fractions.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// Name without ending; also that of a sheet.
    pub name: String,
    /// The header.
    pub columns: Vec<String>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    pub fn new(name: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&c| c.to_owned()).collect();
        Table { name: name.into(), columns, rows: Vec::new() }
    }

    /// The file's name.
    pub fn file(&self) -> String {
        format!("{}.csv", self.name)
    }

    /// RFC 4180 with line feeds; what is empty is `empty`.
    pub fn csv(&self, empty: &str) -> Result<Vec<u8>, ExportError> {
        let fail =
            |e: &dyn std::fmt::Display| ExportError::Table { name: self.file(), reason: e.to_string() };
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns).map_err(|e| fail(&e))?;
        for row in &self.rows {
            let cells = row.iter().map(|cell| match cell {
                Cell::Empty => empty,
                cell => cell.as_str(),
            });
            writer.write_record(cells).map_err(|e| fail(&e))?;
        }
        writer.into_inner().map_err(|e| fail(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_no_noise_and_times_no_fractions() {
        let text = |value, decimals| number(value, decimals).as_str().to_owned();
        assert_eq!(text(46.500_000_1, 6), "46.5");
        assert_eq!(text(100.0, 0), "100");
        assert_eq!(text(f64::from(0.8f32), 4), "0.8");
        assert_eq!(text(-0.000_000_1, 3), "0");
        let at: DateTime<Utc> = "2026-05-01T04:00:00.25Z".parse().unwrap();
        assert_eq!(time(at), "2026-05-01T04:00:00Z");
    }

    #[test]
    fn what_stands_in_the_way_of_commas_is_quoted() {
        let mut table = Table::new("t", &["a", "b"]);
        table.rows.push(vec!["x, \"y\"\nz".into(), Cell::Empty]);
        assert_eq!(table.csv("NA").unwrap(), b"a,b\n\"x, \"\"y\"\"\nz\",NA\n");
    }
}
