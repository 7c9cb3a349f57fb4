//! Sentences and cures, from the catalogue of the page: one place for every language.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::Finding;

/// The page's catalogue; between the braces of its table is plain JSON.
const CATALOGUE: &str = include_str!("../console/page/texts.js");

/// A language of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// German.
    De,
    /// French.
    Fr,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 3] = [Language::En, Language::De, Language::Fr];

    /// Its code in the catalogue.
    pub fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::De => "de",
            Language::Fr => "fr",
        }
    }
}

fn texts() -> &'static Map<String, Value> {
    static TEXTS: OnceLock<Map<String, Value>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let table =
            CATALOGUE.split_once("export const texts = ").and_then(|(_, rest)| rest.split_once("\n};"));
        let table = table.and_then(|(table, _)| serde_json::from_str(&format!("{table}\n}}")).ok());
        table.unwrap_or_default()
    })
}

/// Title, sentence and cure of a finding; the cure is empty where nothing is to be done.
pub fn said(finding: &Finding, language: Language) -> (String, String, String) {
    let text = |key: String| {
        let entry = texts().get(&key).and_then(|entry| entry.get(language.code())).and_then(Value::as_str);
        entry.map(|entry| filled(entry, &finding.values, language))
    };
    let (check, cause) = (finding.check, finding.cause);
    let found = format!("found.{check}.{cause}");
    (
        text(format!("check.{check}")).unwrap_or_else(|| check.to_owned()),
        text(found.clone()).unwrap_or(found),
        text(format!("cure.{check}.{cause}")).unwrap_or_default(),
    )
}

/// `{n}` stands for a value, `{n|one|many}` for the word that fits a number, as the page's `words.js` does it.
fn filled(text: &str, values: &[(&'static str, String)], language: Language) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((mark, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let mut parts = mark.split('|');
        let name = parts.next().unwrap_or_default();
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        match (parts.next(), parts.next(), value) {
            (Some(one), Some(many), value) => {
                let number: f64 = value.and_then(|value| value.parse().ok()).unwrap_or(0.0);
                let single = if language == Language::Fr { number.abs() < 2.0 } else { number == 1.0 };
                out.push_str(if single { one } else { many });
            }
            (_, _, Some(value)) => out.push_str(value),
            _ => {
                out.push('{');
                out.push_str(mark);
                out.push('}');
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_filled_as_the_page_fills_them() {
        let values = [("n", "1".to_owned()), ("why", "a {brace".to_owned())];
        let text = "{n} {n|burst|bursts}: {why}, {other}";
        assert_eq!(filled(text, &values, Language::En), "1 burst: a {brace, {other}");
        let none = [("n", "0".to_owned())];
        assert_eq!(filled("{n} {n|rafale|rafales}", &none, Language::Fr), "0 rafale");
        assert_eq!(filled("{n} {n|burst|bursts}", &none, Language::En), "0 bursts");
    }

    #[test]
    fn the_catalogue_is_read() {
        assert!(texts().len() > 300);
    }
}
