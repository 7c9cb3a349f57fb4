//! How closely a network looks at a picture, beyond one pass over the whole: keys of `[look]` in its manifest.

use super::keys::Section;
use super::manifest::{ManifestError, Role};

/// When a detector looks at the four overlapping quarters of a frame as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tiles {
    /// Never.
    #[default]
    Never,
    /// Where the whole frame shows no box at its threshold, on photos that stand alone: where nothing can be compared, no
    /// motion tells where to look again.
    Alone,
    /// Where the whole frame shows no box at its threshold.
    Unseen,
    /// On every frame.
    Always,
}

/// How closely a network looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Detectors: quarters.
    pub tiles: Tiles,
    /// Detectors: pictures without colour get their contrast levelled, at the size the network takes.
    pub contrast: bool,
    /// Once more as in a mirror: of a detector's boxes the more confident count, a classifier's logits are averaged.
    pub mirror: bool,
    /// Detectors: what the odds of a box from a quarter are multiplied by, 0.01..=100. A quarter shows four times as much
    /// of nothing; default 1/1.6, by which false alarms on real empty photos stay what they are on whole frames.
    pub tile_odds: f32,
    /// Detectors: the same for boxes on pictures without colour; default 1.
    pub infrared_odds: f32,
}

impl Default for Look {
    fn default() -> Self {
        Look { tiles: Tiles::Never, contrast: false, mirror: false, tile_odds: 1.0 / 1.6, infrared_odds: 1.0 }
    }
}

/// What a user may ask for by name, in the place of what manifests say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// One pass over the whole.
    Plain,
    /// [`Tiles::Always`].
    Tiles,
    /// [`Tiles::Unseen`].
    TilesUnseen,
    /// [`Tiles::Alone`].
    TilesAlone,
    /// [`Look::contrast`].
    Contrast,
    /// [`Look::mirror`] of the detector.
    Mirror,
    /// [`Look::mirror`] of the classifiers.
    MirrorNames,
}

impl Look {
    /// The same factors, with what `words` ask for of a network with this role and nothing else.
    pub fn asked(self, words: &[Word], role: Role) -> Look {
        let has = |word| words.contains(&word);
        let detector = role == Role::Detector;
        Look {
            tiles: match () {
                () if !detector => Tiles::Never,
                () if has(Word::Tiles) => Tiles::Always,
                () if has(Word::TilesUnseen) => Tiles::Unseen,
                () if has(Word::TilesAlone) => Tiles::Alone,
                () => Tiles::Never,
            },
            contrast: detector && has(Word::Contrast),
            mirror: has(if detector { Word::Mirror } else { Word::MirrorNames }),
            ..self
        }
    }

    /// The section of a manifest.
    pub(super) fn read(top: &Section<'_>, role: Role) -> Result<Look, ManifestError> {
        let keys: &[&str] = match role {
            Role::Detector => &["tiles", "contrast", "mirror", "tile_odds", "infrared_odds"],
            _ => &["mirror"],
        };
        let plain = Look::default();
        let Some(section) = top.section("look", keys)? else { return Ok(plain) };
        let flag = |key: &str| match section.value(key) {
            None => Ok(false),
            Some(toml::Value::Boolean(flag)) => Ok(*flag),
            Some(other) => Err(section.wrong(key, other, "true or false")),
        };
        let tiles = [
            ("never", Tiles::Never),
            ("alone", Tiles::Alone),
            ("unseen", Tiles::Unseen),
            ("always", Tiles::Always),
        ];
        Ok(Look {
            tiles: section.choice("tiles", &tiles)?.unwrap_or_default(),
            contrast: flag("contrast")?,
            mirror: flag("mirror")?,
            tile_odds: section.number("tile_odds", 0.01, 100.0)?.unwrap_or(plain.tile_odds),
            infrared_odds: section.number("infrared_odds", 0.01, 100.0)?.unwrap_or(plain.infrared_odds),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str, role: Role) -> Result<Look, String> {
        let table: toml::Table = text.parse().unwrap();
        let top = Section::new(Path::new("m.toml"), "", &table, &["look"]).unwrap();
        Look::read(&top, role).map_err(|e| e.to_string())
    }

    #[test]
    fn the_section_is_read_strictly() {
        assert_eq!(read("", Role::Detector), Ok(Look::default()));
        let text = "[look]\ntiles = \"unseen\"\ncontrast = true\ntile_odds = 0.5\n";
        let expected = Look { tiles: Tiles::Unseen, contrast: true, tile_odds: 0.5, ..Look::default() };
        assert_eq!(read(text, Role::Detector), Ok(expected));
        let said = |text, role| read(text, role).unwrap_err();
        assert!(said(text, Role::Classifier).contains("unknown key `look."));
        assert!(
            said("[look]\ntiles = \"often\"", Role::Detector)
                .contains("allowed: never, alone, unseen, always")
        );
        assert!(
            said("[look]\nmirror = 1", Role::Detector).contains("`look.mirror` is 1; allowed: true or false")
        );
        assert!(said("[look]\ninfrared_odds = 0", Role::Detector).contains("`look.infrared_odds` is 0"));
    }

    #[test]
    fn words_take_the_place_of_the_manifest() {
        let manifest = Look { tiles: Tiles::Always, mirror: true, tile_odds: 0.5, ..Look::default() };
        let asked = manifest.asked(&[Word::Contrast, Word::MirrorNames], Role::Detector);
        assert_eq!(asked, Look { contrast: true, tile_odds: 0.5, ..Look::default() });
        assert!(manifest.asked(&[Word::MirrorNames], Role::Classifier).mirror);
        assert!(!manifest.asked(&[Word::Plain], Role::Classifier).mirror);
    }
}
