//! Networks that work together: a folder with a `pack.toml` and one model per subfolder.
//!
//! A pack's folder stands wherever a model's may: in `models.manifests`, after `--model`, among what is installed.
//!
//! ```toml
//! pack = "starter"
//! version = "1"
//! models = ["detector", "classifier"]    # subfolders; several classifiers need [ensemble]
//! [ensemble]
//! mean = "probabilities"                 # or "logits"
//! [[second]]                             # as many as wanted
//! on = "Aves"                            # a taxon of the first classifier, at any rank
//! model = "birds"                        # a subfolder
//! threshold = 0.8                        # least score its name needs, default 0.8, DeepFaune's
//! temperature = 0.9                      # default: the model's own
//! ```

use std::path::{Path, PathBuf};

use toml::Table;

use super::keys::Section;
use super::manifest::{ManifestError, Role};

/// The file that makes a folder a pack.
pub const FILE: &str = "pack.toml";

/// How several classifiers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mean {
    /// The arithmetic mean of their probabilities.
    #[default]
    Probabilities,
    /// The mean of their logits: the geometric mean of their probabilities.
    Logits,
}

/// A classifier that is asked where the first one sees a certain taxon.
#[derive(Debug, Clone, PartialEq)]
pub struct Second {
    /// The taxon, by scientific name.
    pub on: String,
    /// The model's manifest or folder.
    pub model: PathBuf,
    /// Least score of its name, 0..=1.
    pub threshold: f32,
    /// What its logits are divided by, > 0; `None`: what its manifest says.
    pub temperature: Option<f32>,
}

/// DeepFaune's threshold for its bird head is that of its window.
pub const SECOND_THRESHOLD: f32 = 0.8;

/// Networks that work together.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Folders of the detector and the classifiers.
    pub models: Vec<PathBuf>,
    /// How several classifiers become one; `None`: there is one at most.
    pub mean: Option<Mean>,
    /// Second heads.
    pub seconds: Vec<Second>,
}

/// Whether `path` is the folder of a pack.
pub fn is_pack(path: &Path) -> bool {
    path.join(FILE).is_file()
}

impl Pack {
    /// Reads the pack in `folder`.
    pub fn load(folder: &Path) -> Result<Pack, ManifestError> {
        let file = folder.join(FILE);
        let text = std::fs::read_to_string(&file)
            .map_err(|e| ManifestError::Read { file: file.clone(), reason: e.to_string() })?;
        Pack::parse(&text, &file)
    }

    /// The same from the text of `file`.
    pub fn parse(text: &str, file: &Path) -> Result<Pack, ManifestError> {
        let table: Table = text.parse().map_err(|e: toml::de::Error| ManifestError::Toml {
            file: file.to_owned(),
            reason: e.to_string(),
        })?;
        let top = Section::new(file, "", &table, &["pack", "version", "models", "ensemble", "second"])?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let name = top.needed_text("pack")?.to_owned();
        let version = top.needed_text("version")?.to_owned();
        let names = top.texts("models")?.filter(|names| !names.is_empty());
        let names = names.ok_or_else(|| top.missing("models", "a list of subfolders"))?;
        let mean = match top.section("ensemble", &["mean"])? {
            Some(section) => Some(section.needed_choice(
                "mean",
                &[("probabilities", Mean::Probabilities), ("logits", Mean::Logits)],
            )?),
            None => None,
        };
        let mut seconds = Vec::new();
        for section in top.tables("second", &["on", "model", "threshold", "temperature"])? {
            seconds.push(Second {
                on: section.needed_text("on")?.to_owned(),
                model: folder.join(plain(&section, "model", section.needed_text("model")?)?),
                threshold: section.number("threshold", 0.0, 1.0)?.unwrap_or(SECOND_THRESHOLD),
                temperature: section.number("temperature", 0.01, 100.0)?,
            });
        }
        let models = names
            .iter()
            .map(|name| plain(&top, "models", name).map(|name| folder.join(name)))
            .collect::<Result<_, _>>()?;
        Ok(Pack { name, version, models, mean, seconds })
    }

    /// What the model at `path`, with this `role`, is for in it; nothing for the one detector or classifier.
    pub fn part(&self, path: &Path, role: Role) -> Option<String> {
        if let Some(second) = self.seconds.iter().find(|second| second.model == path) {
            return Some(format!("second head for {} from {}", second.on, second.threshold));
        }
        let mean = self.mean.filter(|_| role == Role::Classifier)?;
        let of = match mean {
            Mean::Probabilities => "probabilities",
            Mean::Logits => "logits",
        };
        Some(format!("averaged by {of}"))
    }

    /// Every model of it: those of `models`, then the second heads'.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        self.models.iter().map(PathBuf::as_path).chain(self.seconds.iter().map(|s| s.model.as_path()))
    }
}

/// A name that stays within the pack's folder.
fn plain<'a>(section: &Section<'_>, key: &str, name: &'a str) -> Result<&'a str, ManifestError> {
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if letters && !name.starts_with('.') {
        return Ok(name);
    }
    Err(section.wrong_value(
        key,
        &format!("{name:?}"),
        "names of subfolders: letters, digits, `.`, `_` and `-`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "pack = \"p\"\nversion = \"1\"\nmodels = [\"d\", \"c\"]\n[[second]]\non = \"Aves\"\nmodel = \"b\"\n";

    fn said(text: &str) -> String {
        Pack::parse(text, Path::new("p/pack.toml")).unwrap_err().to_string()
    }

    #[test]
    fn a_pack_is_read_with_its_defaults() {
        let pack = Pack::parse(TEXT, Path::new("p/pack.toml")).unwrap();
        assert_eq!(pack.all().collect::<Vec<_>>(), [Path::new("p/d"), Path::new("p/c"), Path::new("p/b")]);
        assert_eq!((pack.mean, pack.seconds[0].threshold, pack.seconds[0].temperature), (None, 0.8, None));
        let mean =
            Pack::parse(&format!("{TEXT}[ensemble]\nmean = \"logits\"\n"), Path::new("p/pack.toml")).unwrap();
        assert_eq!(mean.mean, Some(Mean::Logits));
        let part = |pack: &Pack, name: &str, role| pack.part(&Path::new("p").join(name), role);
        assert_eq!(part(&pack, "c", Role::Classifier), None);
        assert_eq!(part(&pack, "b", Role::Classifier).as_deref(), Some("second head for Aves from 0.8"));
        assert_eq!(part(&mean, "c", Role::Classifier).as_deref(), Some("averaged by logits"));
        assert_eq!(part(&mean, "d", Role::Detector), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let extra = said(&TEXT.replace("\non =", "\nwhen = 1\non ="));
        assert!(extra.contains("unknown key `second.when`"), "{extra}");
        let mean = said(&format!("{TEXT}[ensemble]\nmean = \"median\"\n"));
        assert!(mean.contains("`ensemble.mean` is \"median\"; allowed: probabilities, logits"), "{mean}");
        let out = said(&TEXT.replace("\"b\"", "\"../b\""));
        assert!(out.contains("`second.model` is \"../b\"; allowed: names of subfolders"), "{out}");
        assert!(said("pack = \"p\"\nversion = \"1\"\nmodels = []").contains("`models` is missing"));
        let hot = said(&format!("{TEXT}threshold = 2\n"));
        assert!(hot.contains("`second.threshold` is 2"), "{hot}");
    }
}
