//! Comma-separated tables, as in RFC 4180: quoted fields, doubled quotes, line breaks inside quotes, CR LF or LF.

/// One record of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Line of the file on which the record begins, from 1.
    pub line: usize,
    /// The fields, unquoted.
    pub fields: Vec<String>,
}

/// Why text is not a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// The file ends inside quotes.
    #[error("line {0}: a quote is opened and never closed; close it, or double it if it belongs to the text")]
    Open(usize),
    /// A quoted field goes on after its closing quote, or a quote stands in the middle of a bare field.
    #[error(
        "line {0}: a quote in the middle of a field; put the whole field in quotes and double those inside"
    )]
    Stray(usize),
}

/// Every record of `text`; empty lines are skipped and a byte-order mark is ignored.
pub fn rows(text: &str) -> Result<Vec<Row>, CsvError> {
    let mut reader = Reader::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut rows = Vec::new();
    while let Some(row) = reader.row()? {
        if row.fields.iter().any(|f| !f.is_empty()) || row.fields.len() > 1 {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// One field as it is to be written: quoted only where it must be.
pub fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// What ends a field.
enum End {
    Comma,
    Line,
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Reader { rest: text.chars().peekable(), line: 1 }
    }

    fn row(&mut self) -> Result<Option<Row>, CsvError> {
        if self.rest.peek().is_none() {
            return Ok(None);
        }
        let mut row = Row { line: self.line, fields: Vec::new() };
        loop {
            let (field, end) =
                if self.rest.next_if_eq(&'"').is_some() { self.quoted()? } else { self.bare()? };
            row.fields.push(field);
            if let End::Line = end {
                return Ok(Some(row));
            }
        }
    }

    fn bare(&mut self) -> Result<(String, End), CsvError> {
        let mut field = String::new();
        loop {
            if let Some(end) = self.end() {
                return Ok((field, end));
            }
            match self.rest.next() {
                Some('"') => return Err(CsvError::Stray(self.line)),
                Some(c) => field.push(c),
                None => return Ok((field, End::Line)),
            }
        }
    }

    fn quoted(&mut self) -> Result<(String, End), CsvError> {
        let opened = self.line;
        let mut field = String::new();
        loop {
            match self.rest.next() {
                Some('"') if self.rest.next_if_eq(&'"').is_some() => field.push('"'),
                Some('"') => {
                    let end = self.end().ok_or(CsvError::Stray(self.line))?;
                    return Ok((field, end));
                }
                Some(c) => {
                    self.line += usize::from(c == '\n');
                    field.push(c);
                }
                None => return Err(CsvError::Open(opened)),
            }
        }
    }

    /// Takes what ends a field, if it stands here.
    fn end(&mut self) -> Option<End> {
        match self.rest.peek() {
            None => return Some(End::Line),
            Some(',') => {
                self.rest.next();
                return Some(End::Comma);
            }
            Some('\r') => {
                let mut after = self.rest.clone();
                after.next();
                if after.peek().is_some_and(|&c| c != '\n') {
                    return None;
                }
                self.rest.next();
            }
            Some('\n') => {}
            Some(_) => return None,
        }
        if self.rest.next_if_eq(&'\n').is_some() {
            self.line += 1;
        }
        Some(End::Line)
    }
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

    #[test]
    fn broken_quotes_are_refused_with_their_line() {
        assert_eq!(rows("a\n\"b\nc"), Err(CsvError::Open(2)));
        assert_eq!(rows("a\nb\"c"), Err(CsvError::Stray(2)));
        assert_eq!(rows("\"a\"b"), Err(CsvError::Stray(1)));
    }

    #[test]
    fn what_is_quoted_reads_back() {
        for field in ["plain", "a,b", "say \"no\"", "two\nlines"] {
            assert_eq!(fields(&quoted(field)), [[field]]);
        }
    }
}
