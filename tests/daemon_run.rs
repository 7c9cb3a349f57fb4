//! The daemon on the bench: what it was asked to watch is in the journal, no more and no less, and nothing that goes
//! wrong makes it stop or forget.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may unwrap.

mod daemon_support;

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use daemon_support::{SITE, Trap, files, objects};
use trapline::board;
use trapline::config::{Config, Thresholds};
use trapline::daemon::pipeline::{Devices, Judges, Pipeline};
use trapline::event::Outcome;
use trapline::hal::Place;
use trapline::image::Rgb;
use trapline::store::EffortKind;
use trapline::units::{BBox, Rank, Score};
use trapline::vision::cascade::Looked;
use trapline::vision::judge::Frame;
use trapline::vision::{Category, Detection, FrameJudgement, Judgement, Sighting, Source, Spent};

#[test]
fn every_burst_asked_for_is_journaled_and_printed_once() {
    let trap = Trap::new();
    let output = trap.run(&["--bursts", "7", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Vec<u64> = objects(&output.stdout).iter().map(|o| o["burst"].as_u64().unwrap()).collect();
    let events = trap.reader().events(&Default::default()).unwrap();
    let journaled: Vec<u64> = events.items.iter().map(|e| e.key.number.into()).collect();
    assert_eq!(printed.len(), 7);
    assert_eq!(printed, journaled);
    assert!(events.items.iter().all(|e| e.burst.frames.len() == 2 && e.deployment == "story"));
    let effort = trap.reader().effort().unwrap().items;
    assert_eq!(effort.first().map(|e| e.kind), Some(EffortKind::Start));
    assert_eq!(effort.last().map(|e| e.kind), Some(EffortKind::Stop));
    // One random burst a day: between two of them more than an hour passes on the bench's clock.
    assert!(effort.iter().filter(|e| e.kind == EffortKind::Heartbeat).count() >= 6);
    assert_eq!(effort.iter().map(|e| e.effort.bursts).sum::<u32>(), 7);
    assert_eq!(effort.iter().map(|e| e.effort.triggers).sum::<u32>(), 7);
}

#[test]
fn sigterm_finishes_the_burst_in_hand_and_says_that_the_watch_ended() {
    let trap = Trap::new();
    let mut child = trap.start(&["--json"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.by_ref().take(3).count();
    assert_eq!(first, 3);
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let rest = lines.count();
    assert!(child.wait().unwrap().success());
    assert_eq!(trap.reader().events(&Default::default()).unwrap().items.len(), first + rest);
    assert_eq!(trap.reader().effort().unwrap().items.last().map(|e| e.kind), Some(EffortKind::Stop));
}

#[test]
fn a_camera_that_does_not_answer_is_kept_and_flagged_and_never_an_empty() {
    let trap = Trap::new();
    let faults = "[bench.faults]\ncamera_every = 2\nmissing_every = 3\n";
    trap.write("boards/fast.toml", &format!("{}{faults}", daemon_support::FAST));
    let output = trap.run(&["--bursts", "6", "--json"]);
    assert!(output.status.success());
    let events = trap.reader().events(&Default::default()).unwrap().items;
    assert_eq!(events.len(), 6);
    for (number, event) in (1..).zip(&events) {
        let reasons: Vec<_> = event.burst.frames.iter().map(|f| f.failed.as_deref()).collect();
        if number % 2 == 0 {
            assert_eq!(event.burst.outcome, Outcome::Failed);
            assert!(reasons.iter().all(|r| r.is_some_and(|r| r.contains("does not answer"))), "{reasons:?}");
        } else if number == 3 {
            assert_ne!(event.burst.outcome, Outcome::Empty);
            assert!(reasons[1].is_some_and(|r| r.contains("lose this picture")), "{reasons:?}");
        }
    }
    let effort = trap.reader().effort().unwrap().items;
    assert_eq!(effort.iter().map(|e| e.effort.failed_captures).sum::<u32>(), 3);
    assert!(String::from_utf8_lossy(&output.stderr).contains("bench camera: does not answer"));
}

#[test]
fn a_reader_that_went_away_ends_the_watch_in_order() {
    let trap = Trap::new();
    let mut child = trap.start(&[]);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    drop(lines);
    assert!(child.wait().unwrap().success());
    assert_eq!(trap.reader().effort().unwrap().items.last().map(|e| e.kind), Some(EffortKind::Stop));
}

/// Says what it was told to say, burst by burst, and counts what it was asked to merge.
struct Script(std::vec::IntoIter<Outcome>);

fn seen(outcome: Outcome, frames: usize) -> Judgement {
    let fox = Sighting {
        taxon: "Vulpes vulpes".to_owned(),
        rank: Rank::Species,
        label: "red fox".to_owned(),
        score: Score::new(0.9),
        count: 1,
        top5: Vec::new(),
        tracks: vec![0],
        traits: Default::default(),
        individuals: Vec::new(),
    };
    let found = Detection {
        bbox: BBox { x: 0.25, y: 0.25, w: 0.5, h: 0.5 },
        category: Category::Animal,
        confidence: Score::new(0.9),
        moving: true,
        source: Source::Frame,
        track: 0,
        logits: None,
        embedding: None,
    };
    let sighted = outcome == Outcome::Sighting;
    let detections = if sighted { vec![found] } else { Vec::new() };
    Judgement {
        outcome,
        probability: Score::new(0.5),
        frames: vec![FrameJudgement { size: (96, 64), detections, ..Default::default() }; frames],
        sightings: if sighted { vec![fox] } else { Vec::new() },
        faults: Vec::new(),
        looked: Looked::default(),
        spent: Spent::default(),
    }
}

impl Judges for Script {
    fn glance(&mut self, _picture: &Rgb) -> Option<Result<Vec<Detection>, String>> {
        None
    }

    fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
        seen(self.0.next().unwrap(), frames.len())
    }

    fn end_sequence(&mut self) {}

    fn learnt(&self) -> Option<Vec<u8>> {
        Some(b"learnt".to_vec())
    }

    fn recall(&mut self, learnt: &[u8]) {
        assert_eq!(learnt, b"learnt");
        self.0 = vec![Outcome::Person].into_iter();
    }

    fn merge(&self, bursts: &[Judgement]) -> Judgement {
        let outcomes: Vec<_> = bursts.iter().map(|b| b.outcome).collect();
        assert_eq!(outcomes, [Outcome::Uncertain, Outcome::Sighting], "the bursts of the sequence, in order");
        seen(Outcome::Sighting, 2)
    }

    fn retune(&mut self, _: &Thresholds) {}
}

/// A pipeline whose judge says `outcomes`, with bursts of the scripted day.
fn scripted(trap: &Trap, play: &str, outcomes: Vec<Outcome>) -> Pipeline {
    trap.write("boards/fast.toml", &daemon_support::FAST.replace("\"random\"", play));
    let board = board::open("fast", &trap.path("boards"), &Place::default()).unwrap();
    let config = Config::parse(SITE, "site.toml", &trap.path("")).unwrap();
    let devices = Devices { trigger: board.trigger, camera: board.camera, clock: board.clock };
    Pipeline::open(config, devices, Box::new(Script(outcomes.into_iter())), vec!["detector d@0".to_owned()])
        .unwrap()
}

/// The number of the first burst of the scripted day that triggered a few seconds after the one before.
fn second_of_a_visit(trap: &Trap) -> usize {
    trap.write("boards/fast.toml", &daemon_support::FAST.replace("\"random\"", "\"day\""));
    let script = board::open("fast", &trap.path("boards"), &Place::default()).unwrap().script.unwrap();
    let apart = |i: &u64| (script.at(*i) - script.at(i - 1)).num_seconds();
    (1..script.len().unwrap()).find(|i| apart(i) < 15).expect("a visit of two bursts") as usize
}

#[test]
fn what_is_kept_follows_the_outcome() {
    use Outcome::{Failed, Person, Sighting, Uncertain};
    let trap = Trap::new();
    let mut kept = Vec::new();
    let mut pipeline = scripted(&trap, "\"random\"", vec![Sighting, Person, Uncertain, Failed]);
    let tell = &mut |done: &trapline::daemon::pipeline::Acknowledged<'_>| kept.push(done.stowed.kept.len());
    pipeline.run(&AtomicBool::new(false), Some(4), tell).unwrap();
    // Two frames each; the sighting has a crop of its one individual besides; of people nothing.
    assert_eq!(kept, [3, 0, 2, 2]);
    assert_eq!(files(&trap.media()).len(), 7);
    assert_eq!(pipeline.totals().events, 1, "the fox is to be sent");
}

#[test]
fn bursts_closer_than_the_gap_become_one_sequence_judged_from_all_of_them() {
    let trap = Trap::new();
    let second = second_of_a_visit(&trap);
    let mut outcomes = vec![Outcome::Empty; second - 1];
    outcomes.extend([Outcome::Uncertain, Outcome::Sighting]);
    let mut pipeline = scripted(&trap, "\"day\"", outcomes);
    pipeline.run(&AtomicBool::new(false), Some(second as u64 + 1), &mut |_| {}).unwrap();
    let sequences = trap.reader().sequences(None, None);
    let last = sequences.unwrap().items.pop().unwrap();
    assert_eq!((last.bursts, last.outcome), (2, Outcome::Sighting));
    assert_eq!(last.observations[0].taxon, "Vulpes vulpes");
}

#[test]
fn a_media_folder_that_fails_costs_the_pictures_and_not_the_burst() {
    let trap = Trap::new();
    let mut pipeline = scripted(&trap, "\"random\"", vec![Outcome::Uncertain]);
    // Nobody, not even root, can make a folder in a file.
    std::fs::remove_dir_all(trap.media()).unwrap();
    trap.write("media", "not a folder");
    pipeline.run(&AtomicBool::new(false), Some(1), &mut |_| {}).unwrap();
    assert_eq!(pipeline.totals().pictureless, 1);
    let event = trap.reader().events(&Default::default()).unwrap().items.remove(0);
    assert_eq!(event.burst.outcome, Outcome::Uncertain);
    assert!(event.burst.faults[0].starts_with("pictures not kept"), "{:?}", event.burst.faults);
}

#[test]
fn what_was_learnt_is_there_at_the_next_start() {
    let trap = Trap::new();
    let mut pipeline = scripted(&trap, "\"random\"", vec![Outcome::Failed]);
    pipeline.run(&AtomicBool::new(false), Some(1), &mut |_| {}).unwrap();
    drop(pipeline);
    // `recall` changes the script of the next start: it can only say `person` if it heard what was learnt.
    let mut pipeline = scripted(&trap, "\"random\"", Vec::new());
    let stop = AtomicBool::new(false);
    pipeline
        .run(&stop, None, &mut |done| {
            assert_eq!(done.burst.outcome, Outcome::Person);
            assert_eq!(done.stowed.recorded.key.boot, 2);
            stop.store(true, Ordering::SeqCst);
        })
        .unwrap();
}

#[test]
fn a_judge_that_breaks_costs_its_burst_the_label_and_not_the_watch() {
    let trap = Trap::new();
    // The script has nothing to say to the second burst, and panics.
    let mut pipeline = scripted(&trap, "\"random\"", vec![Outcome::Sighting]);
    let mut kept = Vec::new();
    pipeline.run(&AtomicBool::new(false), Some(2), &mut |done| kept.push(done.stowed.kept.len())).unwrap();
    let events = trap.reader().events(&Default::default()).unwrap().items;
    let broken = &events[1].burst;
    assert_eq!((broken.outcome, kept[1]), (Outcome::Failed, 2), "kept with its pictures, and no empty");
    assert!(
        broken.frames.iter().all(|frame| frame.failed.as_deref() == Some("the program failed on this burst"))
    );
}

#[test]
fn a_sequence_that_cannot_be_judged_anew_keeps_its_first_label() {
    let trap = Trap::new();
    let second = second_of_a_visit(&trap);
    // The script's merge takes only the other order, and panics at this one.
    let mut outcomes = vec![Outcome::Empty; second - 1];
    outcomes.extend([Outcome::Sighting, Outcome::Uncertain]);
    let mut pipeline = scripted(&trap, "\"day\"", outcomes);
    pipeline.run(&AtomicBool::new(false), Some(second as u64 + 1), &mut |_| {}).unwrap();
    let last = trap.reader().sequences(None, None).unwrap().items.pop().unwrap();
    assert_eq!((last.bursts, last.outcome), (2, Outcome::Sighting));
    let events = trap.reader().events(&Default::default()).unwrap().items;
    assert_eq!(
        events.last().unwrap().burst.outcome,
        Outcome::Uncertain,
        "the second burst is there by itself"
    );
}

#[test]
fn a_journal_that_breaks_ends_the_watch_and_the_burst_it_cost_is_counted() {
    let trap = Trap::new();
    let mut pipeline = scripted(&trap, "\"random\"", vec![Outcome::Sighting, Outcome::Sighting]);
    let journal = trap.journal();
    let ended = pipeline.run(&AtomicBool::new(false), None, &mut |_| {
        // What no full card does: a table is gone.
        let other = rusqlite::Connection::open(&journal).unwrap();
        other.execute_batch("ALTER TABLE observation RENAME TO gone").unwrap();
    });
    assert!(ended.is_err());
    assert_eq!(pipeline.totals().bursts_lost, 1);
    assert_eq!(pipeline.journal().counter(trapline::daemon::sender::BURSTS_LOST).unwrap(), 1);
}
