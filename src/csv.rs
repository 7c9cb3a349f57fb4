//! Comma-separated tables (RFC 4180) whose records know their line, for errors that can say where.

/// One record of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Line of the file on which the record begins, from 1.
    pub line: usize,
    /// The fields, unquoted.
    pub fields: Vec<String>,
}

/// Why text is not a table.
#[derive(Debug, thiserror::Error)]
#[error("not a table: {0}")]
pub struct CsvError(#[from] ::csv::Error);

/// Every record of `text`; empty lines are skipped and a byte-order mark is ignored. Records may differ in length:
/// whoever knows the columns says which field is missing.
pub fn rows(text: &str) -> Result<Vec<Row>, CsvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        rows.push(Row {
            line: record.position().map_or(0, |at| line(text, at)),
            fields: record.iter().map(str::to_owned).collect(),
        });
    }
    Ok(rows)
}

/// The line a record begins on: its position lies before the empty lines that were skipped.
fn line(text: &str, at: &::csv::Position) -> usize {
    let place = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(place(at.byte())..).unwrap_or_default();
    let skipped = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|&&b| b == b'\n').count();
    place(at.line()).saturating_add(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<Vec<String>> {
        rows(text).unwrap().into_iter().map(|r| r.fields).collect()
    }

    // The cases are those of RFC 4180, section 2.
    #[test]
    fn line_ends_quotes_and_breaks_inside_quotes() {
        assert_eq!(fields("a,b\r\nc,d"), [["a", "b"], ["c", "d"]]);
        assert_eq!(fields("a,b\nc,\n"), [["a", "b"], ["c", ""]]);
        assert_eq!(fields("\"a,\"\"b\"\"\",c\n"), [["a,\"b\"", "c"]]);
        assert_eq!(fields("\"x\r\ny\",z"), [["x\r\ny", "z"]]);
        assert_eq!(fields(""), Vec::<Vec<String>>::new());
        assert_eq!(fields("\u{feff}a\n\n\nb\n"), [["a"], ["b"]]);
    }

    #[test]
    fn a_record_knows_its_line() {
        let lines: Vec<usize> =
            rows("h\n\"two\nlines\"\n\nlast").unwrap().into_iter().map(|r| r.line).collect();
        assert_eq!(lines, [1, 2, 5]);
    }
}
