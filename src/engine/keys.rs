//! A strict reader of TOML tables: unknown keys, missing keys and wrong values are errors that name the file, the
//! key and what is allowed, with the nearest known name for a slip of the finger.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::manifest::ManifestError;

/// One table of a manifest, read key by key.
pub(super) struct Section<'a> {
    file: &'a Path,
    /// Dotted prefix of its keys: empty or `input.`.
    prefix: String,
    table: &'a Table,
}

impl<'a> Section<'a> {
    /// `table` of `file`, known as `name` there (empty for the top), which may hold `allowed` keys only.
    pub fn new(
        file: &'a Path,
        name: &str,
        table: &'a Table,
        allowed: &[&str],
    ) -> Result<Self, ManifestError> {
        let prefix = if name.is_empty() { String::new() } else { format!("{name}.") };
        match table.keys().find(|key| !allowed.contains(&key.as_str())) {
            None => Ok(Section { file, prefix, table }),
            Some(key) => Err(ManifestError::UnknownKey {
                file: file.to_owned(),
                key: format!("{prefix}{key}"),
                hint: hint(key, allowed),
            }),
        }
    }

    /// The table under `key`, which may hold `allowed` keys only.
    pub fn section(&self, key: &str, allowed: &[&str]) -> Result<Option<Section<'a>>, ManifestError> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Table(table)) => {
                Section::new(self.file, &format!("{}{key}", self.prefix), table, allowed).map(Some)
            }
            Some(other) => Err(self.wrong(key, other, "a table")),
        }
    }

    /// As [`Section::section`], but it must be there.
    pub fn needed_section(&self, key: &str, allowed: &[&str]) -> Result<Section<'a>, ManifestError> {
        self.section(key, allowed)?.ok_or_else(|| self.missing(key, "a table"))
    }

    /// The tables of the list `key` (`[[key]]`), each of which may hold `allowed` keys only; none where it is left out.
    pub fn tables(&self, key: &str, allowed: &[&str]) -> Result<Vec<Section<'a>>, ManifestError> {
        let name = format!("{}{key}", self.prefix);
        let wanted = "tables, each begun with its name in double brackets";
        let Some(value) = self.table.get(key) else { return Ok(Vec::new()) };
        let list = value.as_array().ok_or_else(|| self.wrong(key, value, wanted))?;
        let each = list.iter().map(|value| match value {
            Value::Table(table) => Section::new(self.file, &name, table, allowed),
            other => Err(self.wrong(key, other, wanted)),
        });
        each.collect()
    }

    /// The raw value of `key`.
    pub fn value(&self, key: &str) -> Option<&'a Value> {
        self.table.get(key)
    }

    /// Text that is not blank.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>, ManifestError> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
            Some(other) => Err(self.wrong(key, other, "text")),
        }
    }

    /// As [`Section::text`], but it must be there.
    pub fn needed_text(&self, key: &str) -> Result<&'a str, ManifestError> {
        self.text(key)?.ok_or_else(|| self.missing(key, "text"))
    }

    /// One of the named `choices`.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<Option<T>, ManifestError> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => match choices.iter().find(|(name, _)| name == text) {
                Some((_, value)) => Ok(Some(*value)),
                None => Err(ManifestError::Value {
                    file: self.file.to_owned(),
                    key: format!("{}{key}", self.prefix),
                    got: format!("{text:?}"),
                    allowed: hint(text, &names),
                }),
            },
            Some(other) => Err(self.wrong(key, other, &names.join(", "))),
        }
    }

    /// As [`Section::choice`], but it must be there.
    pub fn needed_choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<T, ManifestError> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.choice(key, choices)?.ok_or_else(|| self.missing(key, &names.join(", ")))
    }

    /// A finite number within `low..=high`.
    pub fn number(&self, key: &str, low: f32, high: f32) -> Result<Option<f32>, ManifestError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        match as_number(value) {
            Some(number) if (low..=high).contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(key, value, &format!("a number from {low} to {high}"))),
        }
    }

    /// A whole number within `low..=high` that must be there.
    pub fn needed_whole(&self, key: &str, low: u32, high: u32) -> Result<u32, ManifestError> {
        let allowed = format!("a whole number from {low} to {high}");
        let value = self.table.get(key).ok_or_else(|| self.missing(key, &allowed))?;
        match value.as_integer().and_then(|v| u32::try_from(v).ok()) {
            Some(number) if (low..=high).contains(&number) => Ok(number),
            _ => Err(self.wrong(key, value, &allowed)),
        }
    }

    /// Three finite numbers, one per colour.
    pub fn triple(&self, key: &str) -> Result<Option<[f32; 3]>, ManifestError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let numbers: Option<Vec<f32>> =
            value.as_array().map(|list| list.iter().filter_map(as_number).collect());
        match (numbers.as_deref(), value.as_array().map(Vec::len)) {
            (Some(&[a, b, c]), Some(3)) => Ok(Some([a, b, c])),
            _ => Err(self.wrong(key, value, "a list of three numbers")),
        }
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>, ManifestError> {
        self.list(key, "a list of texts", |v| v.as_str().filter(|s| !s.trim().is_empty()).map(str::to_owned))
    }

    /// A list of class indexes.
    pub fn indexes(&self, key: &str) -> Result<Option<Vec<usize>>, ManifestError> {
        self.list(key, "a list of class indexes (0, 1, …)", |v| {
            v.as_integer().and_then(|i| usize::try_from(i).ok())
        })
    }

    fn list<T>(
        &self,
        key: &str,
        allowed: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ManifestError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let read_all = value.as_array().and_then(|list| list.iter().map(read).collect::<Option<Vec<T>>>());
        read_all.map(Some).ok_or_else(|| self.wrong(key, value, allowed))
    }

    /// A path: relative to the manifest's folder, or beginning with `${VAR}`, the value of an environment variable.
    /// `${TRAPLINE_SHARED}` is `../shared` from the current directory when it is not set.
    pub fn path(&self, key: &str) -> Result<Option<PathBuf>, ManifestError> {
        self.text(key)?.map(|text| expand(self.file, text)).transpose()
    }

    /// The error of a key that is not there.
    pub fn missing(&self, key: &str, allowed: &str) -> ManifestError {
        ManifestError::MissingKey {
            file: self.file.to_owned(),
            key: format!("{}{key}", self.prefix),
            allowed: allowed.to_owned(),
        }
    }

    /// The error of a value that is not allowed.
    pub fn wrong(&self, key: &str, got: &Value, allowed: &str) -> ManifestError {
        self.wrong_value(key, &got.to_string(), allowed)
    }

    /// The same, for a value already read.
    pub fn wrong_value(&self, key: &str, got: &str, allowed: &str) -> ManifestError {
        ManifestError::Value {
            file: self.file.to_owned(),
            key: format!("{}{key}", self.prefix),
            got: got.to_owned(),
            allowed: allowed.to_owned(),
        }
    }
}

/// The path that `text`, written in the manifest `file`, means; see [`Section::path`].
pub(super) fn expand(file: &Path, text: &str) -> Result<PathBuf, ManifestError> {
    let Some((variable, rest)) = text.strip_prefix("${").and_then(|t| t.split_once('}')) else {
        return Ok(file.parent().unwrap_or(Path::new("")).join(text));
    };
    let root = match std::env::var_os(variable) {
        Some(value) if !value.is_empty() => PathBuf::from(value),
        _ if variable == "TRAPLINE_SHARED" => PathBuf::from("../shared"),
        _ => {
            return Err(ManifestError::Variable {
                file: file.to_owned(),
                text: text.to_owned(),
                variable: variable.to_owned(),
            });
        }
    };
    Ok(root.join(rest.trim_start_matches('/')))
}

fn as_number(value: &Value) -> Option<f32> {
    let number = value.as_float().or_else(|| value.as_integer().map(|i| i as f64))? as f32;
    number.is_finite().then_some(number)
}

/// `a, b, c`, with the nearest name first when `wrong` is a slip of the finger (Jaro-Winkler of at least 0.8).
fn hint(wrong: &str, allowed: &[&str]) -> String {
    let near = |name: &&str| strsim::jaro_winkler(&wrong.to_lowercase(), name);
    let best = allowed.iter().copied().max_by(|a, b| near(a).total_cmp(&near(b)));
    match best.filter(|name| near(name) >= 0.8) {
        Some(best) => format!("{} (did you mean `{best}`?)", allowed.join(", ")),
        None => allowed.join(", "),
    }
}
