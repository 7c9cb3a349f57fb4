//! The catalogue: networks that are not part of the program, pinned by where they are published and their SHA-256.
//!
//! The catalogue, the manifests and the files of labels are part of the program; only the networks are fetched.

use std::path::Path;

use toml::Table;

use super::keys::Section;
use super::manifest::ManifestError;

/// Stands for the catalogue's path in errors.
const PATH: &str = "models/catalog.toml";

/// One network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name and that of its folder.
    pub name: String,
    /// The pack it belongs to.
    pub pack: String,
    /// Where it is published.
    pub url: String,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// Licence of the weights.
    pub licence: String,
    /// What it was trained on.
    pub trained_on: String,
    /// What it knows.
    pub knows: String,
    /// What it does not know.
    pub lacks: String,
    /// What was measured on real photos.
    pub measured: String,
    /// The manifest it is installed with.
    pub manifest: &'static str,
    /// The file of labels it is installed with, and its name.
    pub labels: Option<(&'static str, &'static str)>,
}

/// Networks that work together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Its name and that of its folder.
    pub name: String,
    /// What it is for.
    pub summary: String,
    /// Its networks.
    pub entries: Vec<Entry>,
    /// Its `pack.toml`.
    pub pack: &'static str,
}

/// The texts a model is installed with: name, manifest, labels and their name.
type Texts = (&'static str, &'static str, Option<(&'static str, &'static str)>);

const TEXTS: [Texts; 3] = [
    ("yolox-nano", include_str!("../../models/starter/yolox-nano.toml"), None),
    (
        "imagenet-mobilenetv2",
        include_str!("../../models/starter/imagenet-mobilenetv2.toml"),
        Some(("imagenet_taxa.csv", include_str!("../../models/starter/imagenet_taxa.csv"))),
    ),
    (
        "inat-birds-mobilenetv2",
        include_str!("../../models/starter/inat-birds-mobilenetv2.toml"),
        Some(("inat_birds_taxa.csv", include_str!("../../models/starter/inat_birds_taxa.csv"))),
    ),
];

const PACKS: [(&str, &str); 1] = [("starter", include_str!("../../models/starter/pack.toml"))];

/// The sets of the catalogue.
pub fn sets() -> Result<Vec<Set>, ManifestError> {
    parse(include_str!("../../models/catalog.toml"))
}

fn parse(text: &str) -> Result<Vec<Set>, ManifestError> {
    let file = Path::new(PATH);
    let table: Table = text
        .parse()
        .map_err(|e: toml::de::Error| ManifestError::Toml { file: file.to_owned(), reason: e.to_string() })?;
    let top = Section::new(file, "", &table, &["pack", "model"])?;
    const KEYS: [&str; 10] =
        ["name", "pack", "url", "sha256", "bytes", "licence", "trained_on", "knows", "lacks", "measured"];
    let mut entries = Vec::new();
    for section in top.tables("model", &KEYS)? {
        let text = |key: &str| section.needed_text(key).map(str::to_owned);
        let name = text("name")?;
        let (_, manifest, labels) = TEXTS
            .into_iter()
            .find(|(known, ..)| *known == name)
            .ok_or_else(|| section.wrong_value("name", &name, "a name with a manifest in the program"))?;
        entries.push(Entry {
            pack: text("pack")?,
            url: text("url")?,
            sha256: text("sha256")?,
            bytes: u64::from(section.needed_whole("bytes", 1, u32::MAX)?),
            licence: text("licence")?,
            trained_on: text("trained_on")?,
            knows: text("knows")?,
            lacks: text("lacks")?,
            measured: text("measured")?,
            name,
            manifest,
            labels,
        });
    }
    let mut sets = Vec::new();
    for section in top.tables("pack", &["name", "summary"])? {
        let name = section.needed_text("name")?.to_owned();
        let (_, pack) = PACKS
            .into_iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| section.wrong_value("name", &name, "a name with a pack.toml in the program"))?;
        let entries = entries.iter().filter(|e| e.pack == name).cloned().collect();
        sets.push(Set { name, summary: section.needed_text("summary")?.to_owned(), entries, pack });
    }
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pack::Pack;
    use crate::engine::read::parse_with;

    #[test]
    fn catalogue_manifests_and_packs_agree() {
        for set in sets().unwrap() {
            let pack = Pack::parse(set.pack, &Path::new(&set.name).join("pack.toml")).unwrap();
            let wanted: Vec<String> =
                pack.all().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect();
            assert_eq!(wanted, set.entries.iter().map(|e| e.name.clone()).collect::<Vec<_>>());
            assert_eq!(pack.name, set.name);
            for entry in &set.entries {
                let labels = |_: &Path| Ok(entry.labels.unwrap().1.to_owned());
                let manifest = parse_with(entry.manifest, Path::new("model.toml"), &labels).unwrap();
                assert_eq!((&manifest.name, &manifest.sha256), (&entry.name, &entry.sha256));
                assert_eq!((&manifest.licence, &manifest.source), (&entry.licence, &entry.url));
                let published = entry.url.rsplit('/').next().unwrap();
                assert_eq!(manifest.file.file_name().unwrap().to_str().unwrap(), published);
                assert!(entry.url.starts_with("https://"));
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let said = parse("[[pack]]\nname = \"starter\"\nsumary = \"x\"\n").unwrap_err().to_string();
        assert!(said.contains("models/catalog.toml: unknown key `pack.sumary`"), "{said}");
    }
}
