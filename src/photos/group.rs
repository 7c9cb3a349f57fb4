//! Photos to bursts and sequences. Pure: photos in, photos out, nothing read.
//!
//! Photos are grouped per folder and device. A gap is always measured between one photo and the one before it, as
//! in DeepFaune (Rigoudy et al. 2023, European Journal of Wildlife Research 69:113), so that a visit may last as
//! long as it likes; a gap of exactly the limit still belongs.
//!
//! A photo without a time takes its place from the file order: between two photos of one burst it belongs to that
//! burst; elsewhere it stands alone, as in DeepFaune, unless the user says how many make a burst.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset, TimeDelta};

use super::{Photo, Sequence};

/// Longest gap within one burst. Cameras take the photos of one trigger 0–2 s apart, and those that tell whole
/// seconds only make a gap look up to a second longer.
pub const BURST_GAP: TimeDelta = TimeDelta::seconds(3);

/// Most photos judged as one burst; a longer run is cut into even parts, so that a time-lapse of thousands of
/// photos fits in memory. Trail cameras are mostly set to 1–10 photos per trigger.
pub const BURST_MAX: usize = 20;

/// How to group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Longest gap between consecutive photos of one sequence.
    pub gap: TimeDelta,
    /// How many photos without a time, consecutive in one folder, make a burst; 0 counts as 1.
    pub undated: usize,
}

impl Default for Rules {
    /// 20 s, as in DeepFaune's paper; photos without a time stand alone.
    fn default() -> Self {
        Rules { gap: TimeDelta::seconds(20), undated: 1 }
    }
}

/// A photo and its place in the file order.
type Placed = (usize, Photo);

/// The photos of one device in one folder.
struct Lane {
    camera: String,
    /// Bursts in order of time, each of at least one photo with a time.
    bursts: Vec<Vec<Placed>>,
    /// Photos without a time, in file order.
    undated: Vec<Placed>,
}

/// Groups `photos`, given in file order. Cameras come in the order of their first photo, the sequences of a camera
/// in order of time, followed by its photos without a time in file order. Every photo comes out exactly once.
pub fn group(photos: Vec<Photo>, rules: &Rules) -> Vec<Sequence> {
    let flanks = flanks(&photos);
    let mut lanes = lanes(photos);
    for lane in &mut lanes {
        let (dated, undated): (Vec<_>, Vec<_>) =
            lane.undated.drain(..).partition(|(_, photo)| photo.taken.is_some());
        lane.bursts = bursts(dated, rules.gap.min(BURST_GAP));
        lane.undated = undated;
    }
    adopt(&mut lanes, &flanks);
    lanes.into_iter().flat_map(|lane| sequences(lane, rules)).collect()
}

/// For every photo the photos with a time just before and just after it in the file order of its folder.
fn flanks(photos: &[Photo]) -> Vec<(Option<usize>, Option<usize>)> {
    let nearest = |order: &mut dyn Iterator<Item = (usize, &Photo)>| {
        let mut last: HashMap<String, usize> = HashMap::new();
        let mut found = vec![None; photos.len()];
        for (at, photo) in order {
            if let Some(slot) = found.get_mut(at) {
                *slot = last.get(&photo.folder).copied();
            }
            if photo.taken.is_some() {
                last.insert(photo.folder.clone(), at);
            }
        }
        found
    };
    let before = nearest(&mut photos.iter().enumerate());
    let after = nearest(&mut photos.iter().enumerate().rev());
    before.into_iter().zip(after).collect()
}

/// Photos per folder and device, in order of first appearance, all of them still in `undated`.
fn lanes(photos: Vec<Photo>) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    for (at, photo) in photos.into_iter().enumerate() {
        let index = *known.entry((photo.folder.clone(), photo.device.clone())).or_insert(lanes.len());
        match lanes.get_mut(index) {
            Some(lane) => lane.undated.push((at, photo)),
            None => {
                let camera = camera(&photo);
                lanes.push(Lane { camera, bursts: Vec::new(), undated: vec![(at, photo)] });
            }
        }
    }
    lanes
}

/// What a camera is called: its folder, which people name after the station, and the device where it is known.
fn camera(photo: &Photo) -> String {
    if photo.device.is_empty() {
        photo.folder.clone()
    } else {
        format!("{} ({})", photo.folder, photo.device)
    }
}

/// Photos with a time to bursts. Photos of the same instant stay in file order.
fn bursts(mut dated: Vec<Placed>, limit: TimeDelta) -> Vec<Vec<Placed>> {
    dated.sort_by_key(|(at, photo)| (photo.taken, *at));
    let mut bursts: Vec<Vec<Placed>> = Vec::new();
    for placed in dated {
        match bursts.last_mut() {
            Some(open) if near(end(open), placed.1.taken, limit) => open.push(placed),
            _ => bursts.push(vec![placed]),
        }
    }
    bursts
}

/// Puts photos without a time into the burst that flanks them on both sides, whatever their device says (a
/// damaged photo says nothing); the others stay.
fn adopt(lanes: &mut [Lane], flanks: &[(Option<usize>, Option<usize>)]) {
    let mut home: HashMap<usize, (usize, usize)> = HashMap::new();
    for (l, lane) in lanes.iter().enumerate() {
        for (b, burst) in lane.bursts.iter().enumerate() {
            home.extend(burst.iter().map(|(at, _)| (*at, (l, b))));
        }
    }
    let target = |at: usize| {
        let (before, after) = *flanks.get(at)?;
        let (before, after) = (before?, after?);
        let place = home.get(&before)?;
        (Some(place) == home.get(&after)).then_some((*place, before))
    };
    for index in 0..lanes.len() {
        let Some(lane) = lanes.get_mut(index) else { continue };
        let mut stay = Vec::new();
        // Last first, each put right behind its neighbour: several in a row end in file order.
        for placed in std::mem::take(&mut lane.undated).into_iter().rev() {
            let burst = target(placed.0)
                .and_then(|((l, b), before)| Some((lanes.get_mut(l)?.bursts.get_mut(b)?, before)));
            match burst {
                Some((burst, before)) => {
                    let behind =
                        burst.iter().position(|(at, _)| *at == before).map_or(burst.len(), |p| p + 1);
                    burst.insert(behind, placed);
                }
                None => stay.push(placed),
            }
        }
        stay.reverse();
        if let Some(lane) = lanes.get_mut(index) {
            lane.undated = stay;
        }
    }
}

/// The sequences of one lane: bursts joined over short gaps, then the photos without a time.
fn sequences(lane: Lane, rules: &Rules) -> Vec<Sequence> {
    let mut joined: Vec<Vec<Vec<Placed>>> = Vec::new();
    for burst in lane.bursts {
        match joined.last_mut() {
            Some(open) if near(open.last().and_then(|b| end(b)), start(&burst), rules.gap) => {
                open.push(burst)
            }
            _ => joined.push(vec![burst]),
        }
    }
    let mut alone = lane.undated;
    while !alone.is_empty() {
        let rest = alone.split_off(rules.undated.clamp(1, alone.len()));
        joined.push(vec![std::mem::replace(&mut alone, rest)]);
    }
    let sequence = |bursts: Vec<Vec<Placed>>| Sequence {
        camera: lane.camera.clone(),
        bursts: bursts.into_iter().flat_map(even_parts).collect(),
    };
    joined.into_iter().map(sequence).collect()
}

/// Cuts a burst of more than [`BURST_MAX`] photos into parts that differ by one photo at most.
fn even_parts(burst: Vec<Placed>) -> Vec<Vec<Photo>> {
    let parts = burst.len().div_ceil(BURST_MAX).max(1);
    let (each, longer) = (burst.len() / parts, burst.len() % parts);
    let mut photos = burst.into_iter().map(|(_, photo)| photo);
    (0..parts).map(|part| photos.by_ref().take(each + usize::from(part < longer)).collect()).collect()
}

/// Whether both times are known and not further apart than `limit`.
fn near(
    before: Option<DateTime<FixedOffset>>,
    after: Option<DateTime<FixedOffset>>,
    limit: TimeDelta,
) -> bool {
    matches!((before, after), (Some(before), Some(after)) if after - before <= limit)
}

/// Earliest time in a burst.
fn start(burst: &[Placed]) -> Option<DateTime<FixedOffset>> {
    burst.iter().filter_map(|(_, photo)| photo.taken).min()
}

/// Latest time in a burst.
fn end(burst: &[Placed]) -> Option<DateTime<FixedOffset>> {
    burst.iter().filter_map(|(_, photo)| photo.taken).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A photo of camera "C"; an empty time is a photo without one.
    fn photo(name: &str, taken: &str) -> Photo {
        Photo {
            path: name.into(),
            folder: "card".into(),
            device: "C".into(),
            taken: DateTime::parse_from_rfc3339(taken).ok(),
            bytes: 1,
            modified: None,
            unreadable: None,
        }
    }

    /// The names, burst by burst and sequence by sequence: `a b | c // d`.
    fn shape(photos: Vec<Photo>, rules: &Rules) -> String {
        let names =
            |b: &Vec<Photo>| b.iter().map(|p| p.path.display().to_string()).collect::<Vec<_>>().join(" ");
        let bursts = |s: &Sequence| s.bursts.iter().map(names).collect::<Vec<_>>().join(" | ");
        group(photos, rules).iter().map(bursts).collect::<Vec<_>>().join(" // ")
    }

    fn grouped(list: &[(&str, &str)]) -> String {
        shape(list.iter().map(|(name, taken)| photo(name, taken)).collect(), &Rules::default())
    }

    #[test]
    fn a_gap_of_exactly_the_limit_belongs_and_one_millisecond_more_does_not() {
        let list =
            [("a", "2024-05-01T10:00:00Z"), ("b", "2024-05-01T10:00:20Z"), ("c", "2024-05-01T10:00:40.001Z")];
        assert_eq!(grouped(&list), "a | b // c");
    }

    #[test]
    fn a_visit_may_last_as_long_as_it_likes() {
        // Six photos 15 s apart: 75 s in all, each gap below 20 s.
        let list: Vec<Photo> = (0..6)
            .map(|i| photo(&i.to_string(), &format!("2024-05-01T10:{:02}:{:02}Z", i * 15 / 60, i * 15 % 60)))
            .collect();
        assert_eq!(shape(list, &Rules::default()), "0 | 1 | 2 | 3 | 4 | 5");
    }

    #[test]
    fn bursts_are_told_apart_by_parts_of_a_second() {
        let list = [
            ("a", "2024-05-01T10:00:00.9Z"),
            ("b", "2024-05-01T10:00:03.9Z"),
            ("c", "2024-05-01T10:00:06.95Z"),
        ];
        assert_eq!(grouped(&list), "a b | c");
    }

    #[test]
    fn midnight_and_new_year_are_like_any_second() {
        let list =
            [("a", "2023-12-31T23:59:59Z"), ("b", "2024-01-01T00:00:00Z"), ("c", "2024-01-01T00:00:01Z")];
        assert_eq!(grouped(&list), "a b c");
    }

    #[test]
    fn a_clock_that_follows_summer_time_is_read_by_its_offset() {
        // Clocks go back at 03:00 +02:00 = 02:00 +01:00. By the wall b comes before a; in truth one second after.
        let list = [("a", "2024-10-27T02:59:59+02:00"), ("b", "2024-10-27T02:00:00+01:00")];
        assert_eq!(grouped(&list), "a b");
        // The same wall time an hour apart is two visits.
        let list = [("a", "2024-10-27T02:30:00+02:00"), ("b", "2024-10-27T02:30:00+01:00")];
        assert_eq!(grouped(&list), "a // b");
    }

    #[test]
    fn names_out_of_order_follow_time_and_equal_times_follow_names() {
        let list = [
            ("1", "2024-05-01T10:00:02Z"),
            ("2", "2024-05-01T10:00:00Z"),
            ("3", "2024-05-01T10:00:00Z"),
            ("4", "2024-05-01T10:00:01Z"),
        ];
        assert_eq!(grouped(&list), "2 3 4 1");
    }

    #[test]
    fn a_counter_that_rolled_over_changes_nothing() {
        let list = [("IMG_0001", "2024-05-01T10:00:01Z"), ("IMG_9999", "2024-05-01T10:00:00Z")];
        assert_eq!(grouped(&list), "IMG_9999 IMG_0001");
    }

    #[test]
    fn cameras_and_folders_are_kept_apart() {
        let at = "2024-05-01T10:00:00Z";
        let other = Photo { device: "D".into(), ..photo("b", at) };
        let elsewhere = Photo { folder: "card/2".into(), ..photo("c", at) };
        let list = vec![photo("a", at), other, elsewhere, photo("d", at)];
        assert_eq!(shape(list.clone(), &Rules::default()), "a d // b // c");
        let cameras: Vec<_> = group(list, &Rules::default()).into_iter().map(|s| s.camera).collect();
        assert_eq!(cameras, ["card (C)", "card (D)", "card/2 (C)"]);
    }

    #[test]
    fn photos_without_a_time_stand_alone_or_by_the_number_given() {
        let list = || ["a", "b", "c", "d", "e"].map(|n| photo(n, "")).to_vec();
        assert_eq!(shape(list(), &Rules::default()), "a // b // c // d // e");
        assert_eq!(shape(list(), &Rules { undated: 2, ..Rules::default() }), "a b // c d // e");
    }

    #[test]
    fn a_damaged_photo_inside_a_burst_stays_there_and_one_at_its_edge_stands_alone() {
        let damaged = |name: &str| Photo { device: String::new(), ..photo(name, "") };
        let list = vec![
            photo("1", "2024-05-01T10:00:00Z"),
            damaged("2"),
            damaged("3"),
            photo("4", "2024-05-01T10:00:01Z"),
            damaged("5"),
            photo("6", "2024-05-01T10:00:10Z"),
            damaged("7"),
        ];
        assert_eq!(shape(list, &Rules::default()), "1 2 3 4 | 6 // 5 // 7");
    }

    #[test]
    fn a_long_run_is_judged_in_even_parts_of_one_sequence() {
        // 41 photos a second apart: 20 + 20 + 1 would leave one alone; 14 + 14 + 13 does not.
        let list = (0..41).map(|i| photo(&i.to_string(), &format!("2024-05-01T10:00:{i:02}Z"))).collect();
        let grouped = group(list, &Rules::default());
        assert_eq!(grouped.len(), 1);
        assert_eq!(grouped[0].bursts.iter().map(Vec::len).collect::<Vec<_>>(), [14, 14, 13]);
        assert_eq!(grouped[0].len(), 41);
    }

    #[test]
    fn a_gap_below_the_burst_limit_rules() {
        let list = vec![photo("a", "2024-05-01T10:00:00Z"), photo("b", "2024-05-01T10:00:02Z")];
        assert_eq!(shape(list, &Rules { gap: TimeDelta::seconds(1), undated: 1 }), "a // b");
        assert!(group(Vec::new(), &Rules::default()).is_empty());
    }
}
