//! Which boxes of a burst show what, by whose word; what may not be taken is counted.

use super::{Crops, Wish};
use crate::export::gather::Record;
use crate::export::word::{self, Kind, Word, kind_of_box};
use crate::store::record::{Box, Frame};
use crate::units::BBox;

/// What a box shows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice<'a> {
    /// This.
    Named(&'a Word),
    /// Nothing: a person said of the burst that it is empty, so the box is a false alarm.
    Blank,
}

impl<'a> Choice<'a> {
    pub fn word(&self) -> Option<&'a Word> {
        match self {
            Choice::Named(word) => Some(word),
            Choice::Blank => None,
        }
    }

    pub fn kind(&self) -> Kind {
        self.word().map_or(Kind::Blank, |w| w.kind)
    }
}

/// A box and what it shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen<'a> {
    pub found: &'a Box,
    pub choice: Choice<'a>,
}

/// Whether somebody whose word counts here named something in it.
pub(super) fn is_named(record: &Record, wish: &Wish) -> bool {
    record.words.iter().any(|w| {
        let sure = record.label.is_some() || is_sure(w, wish);
        sure && (w.kind == Kind::Animal || (wish.people && matches!(w.kind, Kind::Human | Kind::Vehicle)))
    })
}

/// The frames of which a picture is kept, with their positions.
fn kept(record: &Record) -> impl Iterator<Item = (usize, &Frame)> {
    let kept = |i: usize| record.stored.media.iter().any(|m| m.frame == i && m.gone.is_none());
    record.stored.burst.frames.iter().enumerate().filter(move |(i, _)| kept(*i))
}

/// Whether a picture with a box is kept.
pub(super) fn has_boxes(record: &Record) -> bool {
    kept(record).any(|(_, frame)| !frame.boxes.is_empty())
}

/// The boxes of each frame of which a picture is kept, by the frame's position.
pub(super) fn boxes<'a>(record: &'a Record, wish: &Wish, crops: &mut Crops) -> Vec<(usize, Vec<Chosen<'a>>)> {
    let mut chosen: Vec<(usize, Vec<Chosen<'a>>)> =
        kept(record).map(|(i, frame)| (i, of_frame(record, frame, wish, crops))).collect();
    chosen.retain(|(_, boxes)| !boxes.is_empty());
    chosen
}

fn of_frame<'a>(record: &'a Record, frame: &'a Frame, wish: &Wish, crops: &mut Crops) -> Vec<Chosen<'a>> {
    let by_person = record.label.is_some();
    let kinds = record.words.iter().filter(|w| w.kind == Kind::Animal).count();
    // A person who says that a burst shows no people has looked.
    let cleared = by_person && record.words.iter().all(|w| matches!(w.kind, Kind::Animal | Kind::Blank));
    let people: Vec<BBox> =
        frame.boxes.iter().filter(|b| kind_of_box(b) == Kind::Human && !cleared).map(|b| b.bbox).collect();
    let blank = by_person && !record.words.is_empty() && record.words.iter().all(|w| w.kind == Kind::Blank);
    // A person found people in the burst, and the detector may have taken one for an animal.
    let shared = record.words.iter().any(|w| w.kind == Kind::Human) && people.is_empty();
    let mut out = Vec::new();
    for found in &frame.boxes {
        // A person said that only animals are here: the box of a "person" is that of an animal, which one is not known.
        let kind = kind_of_box(found);
        let named = word::word_of_box(&record.words, found, by_person);
        let private = kind != Kind::Animal
            || shared
            || people.iter().any(|p| cut_would_show(found, p, wish.margin, frame.size));
        let choice = match named {
            _ if blank => Some(Choice::Blank),
            Some(word) if by_person || is_sure(word, wish) => Some(Choice::Named(word)),
            _ => None,
        };
        match choice {
            _ if private && !wish.people && !(blank && cleared) => crops.people += 1,
            Some(Choice::Named(word))
                if word.kind == Kind::Animal && word.taxon.is_empty() && word.label.is_empty() =>
            {
                crops.unnamed += 1;
            }
            Some(choice) => out.push(Chosen { found, choice }),
            None if by_person && kind == Kind::Animal && kinds > 1 => crops.several += 1,
            None if !by_person && named.is_some() => crops.machine += 1,
            None => crops.unnamed += 1,
        }
    }
    out
}

/// Whether the networks' word is sure enough to be taken.
fn is_sure(word: &Word, wish: &Wish) -> bool {
    wish.machine_from.zip(word.score).is_some_and(|(least, score)| score >= least)
}

/// Whether the crop around a box would show a part of a person's, on a picture of `size`.
fn cut_would_show(found: &Box, person: &BBox, margin: f32, size: (u32, u32)) -> bool {
    super::cut::around(&found.bbox, margin, size.0, size.1).intersection(person) > 0.0
}
