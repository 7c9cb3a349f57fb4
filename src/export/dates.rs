//! Where spells of watch stand whose clock was not set: between those that are dated.
//!
//! Boots follow each other, so a spell without a date lies after the one before it. It is put right behind that one
//! (or, where there is none, right before the next), keeping its length and what lies within it. Such dates are
//! estimates: whoever takes them over marks them, and no effort is counted by them.

use chrono::{DateTime, TimeDelta, Utc};

use super::watch::Watch;

/// A spell of watch with the time by which it is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// The spell, by the trap's clock.
    pub watch: Watch,
    /// Added to its times. Zero for dated spells, and where the journal knows no date at all.
    pub shift: TimeDelta,
    /// Undated spells between the same dated ones share a number; dated ones have none.
    pub group: Option<usize>,
}

impl Placed {
    pub fn from(&self) -> DateTime<Utc> {
        self.watch.from + self.shift
    }

    pub fn until(&self) -> DateTime<Utc> {
        self.watch.until + self.shift
    }
}

/// Places `watches`, which are in the order of recording.
pub(super) fn place(watches: &[Watch]) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::new();
    let mut end: Option<DateTime<Utc>> = None;
    let (mut group, mut open) = (0, false);
    for (i, watch) in watches.iter().enumerate() {
        if watch.timed {
            end = end.max(Some(watch.until));
            group += usize::from(open);
            open = false;
            placed.push(Placed { watch: *watch, shift: TimeDelta::zero(), group: None });
            continue;
        }
        open = true;
        let from = end.or_else(|| before_the_next(watches.get(i..).unwrap_or_default()));
        let shift = from.map_or(TimeDelta::zero(), |from| from - watch.from);
        if from.is_some() {
            end = Some(watch.until + shift);
        }
        placed.push(Placed { watch: *watch, shift, group: Some(group) });
    }
    placed
}

/// When the first of `rest` began if it and its undated followers fill the time up to the next dated one.
fn before_the_next(rest: &[Watch]) -> Option<DateTime<Utc>> {
    let undated = rest.iter().take_while(|w| !w.timed);
    let length: TimeDelta = undated.map(Watch::length).sum();
    rest.iter().find(|w| w.timed).map(|next| next.from - length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(boot: u32, from: &str, until: &str, timed: bool) -> Watch {
        let at = |text: &str| format!("{text}:00Z").parse().unwrap();
        Watch { boot, from: at(from), until: at(until), timed, cut: false }
    }

    fn times(watches: &[Watch]) -> Vec<(String, String, Option<usize>)> {
        let time = |t: DateTime<Utc>| t.format("%Y-%m-%dT%H:%M").to_string();
        place(watches).iter().map(|p| (time(p.from()), time(p.until()), p.group)).collect()
    }

    #[test]
    fn what_has_no_date_stands_behind_what_has_one() {
        let watches = [
            watch(1, "2026-05-01T00:00", "2026-05-02T00:00", true),
            watch(2, "1970-01-01T00:01", "1970-01-01T03:01", false),
            watch(3, "1970-01-01T00:01", "1970-01-01T01:01", false),
            watch(4, "2026-05-09T00:00", "2026-05-10T00:00", true),
            watch(5, "1970-01-01T00:01", "1970-01-01T00:01", false),
        ];
        let found = times(&watches);
        assert_eq!(found[1], ("2026-05-02T00:00".into(), "2026-05-02T03:00".into(), Some(0)));
        assert_eq!(found[2], ("2026-05-02T03:00".into(), "2026-05-02T04:00".into(), Some(0)));
        assert_eq!(found[4], ("2026-05-10T00:00".into(), "2026-05-10T00:00".into(), Some(1)));
    }

    #[test]
    fn before_the_first_date_it_ends_there() {
        let watches = [
            watch(1, "1970-01-01T00:00", "1970-01-01T02:00", false),
            watch(1, "2026-05-01T12:00", "2026-05-02T00:00", true),
        ];
        assert_eq!(times(&watches)[0], ("2026-05-01T10:00".into(), "2026-05-01T12:00".into(), Some(0)));
        let alone = [watch(1, "1970-01-01T00:00", "1970-01-01T02:00", false)];
        assert_eq!(times(&alone)[0], ("1970-01-01T00:00".into(), "1970-01-01T02:00".into(), Some(0)));
    }
}
