//! What the outputs of a network for attributes mean: `[[attribute]]` in its manifest, one per output, in Camtrap DP's
//! terms.

use super::keys::Section;
use super::manifest::{ManifestError, Role};

/// Camtrap DP's values of `lifeStage`.
pub const LIFE_STAGES: [&str; 3] = ["adult", "subadult", "juvenile"];

/// Which term of Camtrap DP an attribute is a value of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Term {
    /// `lifeStage`: one of [`LIFE_STAGES`].
    LifeStage,
    /// `behavior`: any word.
    Behavior,
}

/// One output of a network for attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The term.
    pub term: Term,
    /// Its value.
    pub value: String,
    /// From this probability on it is told, 0..=1; default 0.5.
    pub threshold: f32,
}

/// Reads and checks them; none for a network with another role.
pub(super) fn read(top: &Section<'_>, role: Role) -> Result<Vec<Attribute>, ManifestError> {
    let sections = top.tables("attribute", &["life_stage", "behavior", "threshold"])?;
    if role != Role::Attributes {
        return match sections.is_empty() {
            true => Ok(Vec::new()),
            false => Err(top.wrong_value("attribute", "set", "nothing: only role \"attributes\" has any")),
        };
    }
    if sections.is_empty() {
        return Err(top.missing("attribute", "tables in double brackets, one per output of the network"));
    }
    let one = |section: Section<'_>| {
        let stages = LIFE_STAGES.map(|stage| (stage, stage));
        let (term, value) = match (section.choice("life_stage", &stages)?, section.text("behavior")?) {
            (Some(stage), None) => (Term::LifeStage, stage),
            (None, Some(word)) if !word.trim().is_empty() && !word.contains('|') => (Term::Behavior, word),
            (None, Some(word)) => {
                return Err(section.wrong_value("behavior", &format!("{word:?}"), "a word without |"));
            }
            _ => return Err(section.missing("behavior", "a word, or `life_stage` in its place, not both")),
        };
        let threshold = section.number("threshold", 0.0, 1.0)?.unwrap_or(0.5);
        Ok(Attribute { term, value: value.to_owned(), threshold })
    };
    sections.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn said(text: &str, role: Role) -> Result<Vec<Attribute>, String> {
        let table: toml::Table = text.parse().unwrap();
        let top = Section::new(Path::new("m.toml"), "", &table, &["attribute"]).unwrap();
        read(&top, role).map_err(|e| e.to_string())
    }

    #[test]
    fn attributes_are_read_strictly() {
        let text = "[[attribute]]\nlife_stage = \"juvenile\"\nthreshold = 0.7\n[[attribute]]\nbehavior = \"eating\"\n";
        let attribute = |term, value: &str, threshold| Attribute { term, value: value.to_owned(), threshold };
        let expected =
            vec![attribute(Term::LifeStage, "juvenile", 0.7), attribute(Term::Behavior, "eating", 0.5)];
        assert_eq!(said(text, Role::Attributes), Ok(expected));
        assert!(said(text, Role::Classifier).unwrap_err().contains("only role \"attributes\" has any"));
        assert!(said("", Role::Attributes).unwrap_err().contains("one per output"));
        let young = said("[[attribute]]\nlife_stage = \"young\"", Role::Attributes).unwrap_err();
        assert!(young.contains("allowed: adult, subadult, juvenile"), "{young}");
        assert!(
            said("[[attribute]]\nbehavior = \"a|b\"", Role::Attributes).unwrap_err().contains("without |")
        );
        assert!(
            said("[[attribute]]\nthreshold = 0.1", Role::Attributes).unwrap_err().contains("`life_stage`")
        );
    }
}
