//! What no journal knows: title, people, licences, and corrections of deployments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::deployment::{Setup, SetupError};

/// What the file given with `--project` holds. Everything may be left out; names follow Camtrap DP's `project`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// Title of the project and of the package.
    pub title: Option<String>,
    /// A few words for machines: lower case letters, digits, `-`, `.`, `_`, `/`.
    pub name: Option<String>,
    /// In one's own words.
    pub description: Option<String>,
    /// How sites were chosen.
    pub sampling_design: SamplingDesign,
    /// Whether animals are known one by one.
    pub individual_animals: bool,
    /// Words to be found by.
    pub keywords: Vec<String>,
    /// Who took part.
    pub contributor: Vec<Contributor>,
    /// Licence of the tables, such as `CC0-1.0`; with `licence_media` or not at all.
    pub licence_data: Option<String>,
    /// Licence of the pictures, such as `CC-BY-4.0`.
    pub licence_media: Option<String>,
    /// How deployments stand, by `NAME` or, for one of several journals, by `FILE:NAME`. What is given here stands before
    /// what the journal says.
    pub deployment: BTreeMap<String, Setup>,
}

/// How sites were chosen (Camtrap DP 1.0.2, `project.samplingDesign`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SamplingDesign {
    /// At random.
    SimpleRandom,
    /// At random on a regular pattern.
    SystematicRandom,
    /// At random, in clusters.
    ClusteredRandom,
    /// To study an effect.
    Experimental,
    /// Where a species is expected.
    Targeted,
    /// Wherever it was convenient.
    #[default]
    Opportunistic,
}

/// A person or an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contributor {
    /// Name.
    pub title: String,
    /// What they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Web address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whom they belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// What a contributor does (Camtrap DP 1.0.2, `contributors.role`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Answers questions.
    Contact,
    /// Leads.
    PrincipalInvestigator,
    /// Owns the data.
    RightsHolder,
    /// Publishes them.
    Publisher,
    /// Anything else.
    Contributor,
}

/// A value of a [`Project`] that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// Of a deployment.
    #[error("key `deployment.{name}`: {source}")]
    Setup {
        /// The deployment.
        name: String,
        /// What is wrong.
        source: SetupError,
    },
    /// Of the project.
    #[error("key `{key}` is {value}; allowed: {allowed}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl Project {
    /// Refuses the first value that is not allowed.
    pub fn check(&self) -> Result<(), ProjectError> {
        for (name, setup) in &self.deployment {
            setup.check().map_err(|source| ProjectError::Setup { name: name.clone(), source })?;
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._/".contains(c);
        if let Some(name) = self.name.as_ref().filter(|n| n.is_empty() || !n.chars().all(plain)) {
            let allowed = "lower case letters, digits, -, ., _ and /";
            return Err(ProjectError::Value { key: "name", value: format!("\"{name}\""), allowed });
        }
        if self.licence_data.is_some() != self.licence_media.is_some() {
            let (key, allowed) = ("licence_data", "licence_data and licence_media, both or neither");
            return Err(ProjectError::Value { key, value: "alone".to_owned(), allowed });
        }
        match self.contributor.iter().any(|c| c.title.trim().is_empty()) {
            true => Err(ProjectError::Value {
                key: "contributor.title",
                value: "empty".to_owned(),
                allowed: "a name",
            }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_camtrap_dp_would_refuse_is_refused_by_name() {
        let refused = |p: Project| p.check().unwrap_err().to_string();
        assert_eq!(Project::default().check(), Ok(()));
        let name = Project { name: Some("Jura 2026".into()), ..Project::default() };
        assert!(refused(name).starts_with("key `name` is \"Jura 2026\"; allowed: lower case"));
        let alone = Project { licence_media: Some("CC0-1.0".into()), ..Project::default() };
        assert!(refused(alone).contains("both or neither"));
        let setup = Setup { heading_deg: Some(400), ..Setup::default() };
        let wrong = Project { deployment: [("ridge".to_owned(), setup)].into(), ..Project::default() };
        assert_eq!(refused(wrong), "key `deployment.ridge`: `heading_deg` is 400; allowed: 0 to 360");
    }
}
