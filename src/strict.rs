//! TOML read strictly: every error names the file and the whole key, and says what is allowed there.
//!
//! Serde's derive tells a deserializer's error type which keys and variants it knows; the deserializer here keeps
//! that list, so the structs that are read stay the only place where keys are written down.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use toml::Value;

/// Why a TOML file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrictError {
    /// The file is not TOML.
    #[error("{file}: not valid TOML: {reason}")]
    Syntax {
        /// Which file.
        file: String,
        /// The parser's words, with line and column.
        reason: String,
    },
    /// A key nobody reads.
    #[error("{file}: unknown key `{key}`{}; allowed here: {}", hint(.nearest), .allowed.join(", "))]
    UnknownKey {
        /// Which file.
        file: String,
        /// The whole key, dotted.
        key: String,
        /// The keys known there.
        allowed: Vec<String>,
        /// The known key most like it.
        nearest: Option<String>,
    },
    /// A value of the wrong kind, or missing.
    #[error("{file}: key `{key}`: {reason}")]
    Value {
        /// Which file.
        file: String,
        /// The whole key, dotted.
        key: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
}

/// `; did you mean …?`, or nothing.
fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default()
}

/// Reads `text`, which came from `file` (named in errors only).
pub fn read<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, StrictError> {
    let table: toml::Table = toml::from_str(text).map_err(|e| StrictError::Syntax {
        file: file.to_owned(),
        reason: e.to_string().trim().to_owned(),
    })?;
    T::deserialize(Node(Value::Table(table))).map_err(|fault| fault.told(file))
}

/// The candidate most like `word`, if any is like enough to be meant.
///
/// Jaro-Winkler similarity of at least 0.75: by trial, lets typing slips and forgotten endings through and keeps
/// unrelated words out.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(&word.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// An error on its way out of the tree; each level puts its key in front.
#[derive(Debug)]
struct Fault {
    path: Vec<String>,
    what: What,
}

#[derive(Debug)]
enum What {
    Unknown { key: String, allowed: &'static [&'static str] },
    Other(String),
}

impl Fault {
    fn new(what: What) -> Self {
        Fault { path: Vec::new(), what }
    }

    fn inside(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }

    fn told(mut self, file: &str) -> StrictError {
        let file = file.to_owned();
        match self.what {
            What::Unknown { key, allowed } => {
                let nearest = nearest(&key, allowed.iter().copied()).map(str::to_owned);
                self.path.push(key);
                let allowed = allowed.iter().map(|&a| a.to_owned()).collect();
                StrictError::UnknownKey { file, key: self.path.join("."), allowed, nearest }
            }
            What::Other(reason) => {
                let key = if self.path.is_empty() { "(top)".to_owned() } else { self.path.join(".") };
                StrictError::Value { file, key, reason }
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Unknown { key, .. } => write!(f, "unknown key `{key}`"),
            What::Other(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Fault::new(What::Other(reason.to_string()))
    }

    fn unknown_field(key: &str, allowed: &'static [&'static str]) -> Self {
        Fault::new(What::Unknown { key: key.to_owned(), allowed })
    }

    fn unknown_variant(value: &str, allowed: &'static [&'static str]) -> Self {
        let hint = nearest(value, allowed.iter().copied());
        let hint = hint.map(|n| format!(" (did you mean \"{n}\"?)")).unwrap_or_default();
        Fault::new(What::Other(format!("unknown value \"{value}\"{hint}; allowed: {}", allowed.join(", "))))
    }

    fn missing_field(key: &'static str) -> Self {
        Fault::new(What::Other("is missing".to_owned())).inside(key)
    }
}

/// One value of the tree.
struct Node(Value);

impl<'de> Deserializer<'de> for Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(s) => visitor.visit_string(s),
            Value::Integer(i) => visitor.visit_i64(i),
            Value::Float(f) => visitor.visit_f64(f),
            Value::Boolean(b) => visitor.visit_bool(b),
            Value::Datetime(d) => visitor.visit_string(d.to_string()),
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), at: 0 }),
            Value::Table(table) => visitor.visit_map(Entries { entries: table.into_iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(s) => {
                IntoDeserializer::<Fault>::into_deserializer(s).deserialize_enum(name, variants, visitor)
            }
            other => Err(serde::de::Error::custom(format!(
                "is a {}, must be one of: {}",
                other.type_str(),
                variants.join(", ")
            ))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Entries {
    entries: toml::map::IntoIter<String, Value>,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        match self.entries.next() {
            Some((key, value)) => {
                self.value = Some((key.clone(), value));
                seed.deserialize(IntoDeserializer::<Fault>::into_deserializer(key)).map(Some)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        match self.value.take() {
            Some((key, value)) => seed.deserialize(Node(value)).map_err(|f| f.inside(&key)),
            None => Err(serde::de::Error::custom("a value was asked for before its key")),
        }
    }
}

struct Items {
    items: std::vec::IntoIter<Value>,
    at: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.at += 1;
        let at = self.at;
        self.items
            .next()
            .map(|v| seed.deserialize(Node(v)).map_err(|f| f.inside(&format!("#{at}"))))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Top {
        name: String,
        #[serde(default)]
        inner: Inner,
        #[serde(default)]
        list: Vec<u32>,
    }

    #[derive(Debug, Deserialize, PartialEq, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        share: f32,
        kind: Kind,
        depth: Option<u8>,
    }

    #[derive(Debug, Deserialize, PartialEq, Default)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        #[default]
        Narrow,
        Wide,
    }

    fn refused(text: &str) -> String {
        read::<Top>(text, "f.toml").unwrap_err().to_string()
    }

    #[test]
    fn a_good_file_is_read() {
        let text = "name = 'x'\nlist = [1, 2]\n[inner]\nshare = 1\nkind = 'wide'\ndepth = 3";
        let inner = Inner { share: 1.0, kind: Kind::Wide, depth: Some(3) };
        assert_eq!(read::<Top>(text, "f.toml"), Ok(Top { name: "x".into(), inner, list: vec![1, 2] }));
    }

    #[test]
    fn every_refusal_names_file_key_and_what_is_allowed() {
        assert_eq!(
            refused("name = 'x'\n[inner]\nshar = 1"),
            "f.toml: unknown key `inner.shar` (did you mean `share`?); allowed here: share, kind, depth"
        );
        assert_eq!(
            refused("name = 'x'\n[inner]\nzzz = 1"),
            "f.toml: unknown key `inner.zzz`; allowed here: share, kind, depth"
        );
        assert_eq!(
            refused("name = 'x'\n[inner]\nkind = 'wid'"),
            "f.toml: key `inner.kind`: unknown value \"wid\" (did you mean \"wide\"?); allowed: narrow, wide"
        );
        assert_eq!(refused("list = []"), "f.toml: key `name`: is missing");
        assert!(
            refused("name = 3")
                .starts_with("f.toml: key `name`: invalid type: integer `3`, expected a string")
        );
        assert!(refused("name = 'x'\nlist = [1, -2]").starts_with("f.toml: key `list.#2`: invalid value"));
        assert!(refused("name = ").starts_with("f.toml: not valid TOML"));
    }
}
