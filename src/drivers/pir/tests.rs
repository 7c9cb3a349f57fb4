//! Sensors on lines that a script moves.

use std::collections::VecDeque;

use super::*;
use crate::drivers::trigger::HandClock;

const SECOND: Duration = Duration::from_secs(1);

/// Edges at milliseconds of the clock: (when, line, active). Waiting moves the clock.
struct Script {
    edges: VecDeque<(u64, usize, bool)>,
    clock: Arc<HandClock>,
}

impl Lines for Script {
    fn wait(&mut self, deadline: Duration) -> io::Result<Option<Edge>> {
        let now = self.clock.monotonic();
        let Some(&(at, line, active)) = self.edges.front() else {
            self.clock.pass(deadline);
            return Ok(None);
        };
        let at = Duration::from_millis(at);
        if at > now + deadline {
            self.clock.pass(deadline);
            return Ok(None);
        }
        self.clock.pass(at.saturating_sub(now));
        self.edges.pop_front();
        Ok(Some(Edge { line, active, age: now.saturating_sub(at), lost: 0 }))
    }

    fn name(&self, line: usize) -> String {
        format!("GPIO{}", 17 + line)
    }
}

const OPTIONS: Options = Options {
    sensors: 1,
    rule: Rule::Any,
    window: Duration::from_secs(3),
    hold_off: Duration::from_secs(2),
    warm_up: Duration::ZERO,
    again: None,
};

fn pir(edges: &[(u64, usize, bool)], options: Options) -> (Pir<Script>, Arc<HandClock>) {
    let clock = HandClock::at("2026-05-20T00:00:00Z");
    let script = Script { edges: edges.iter().copied().collect(), clock: clock.clone() };
    (Pir::new(script, options, clock.clone()), clock)
}

/// Milliseconds of the triggers of the first minute, and what was swallowed.
fn fires(edges: &[(u64, usize, bool)], options: Options) -> (Vec<i64>, u32) {
    let (mut pir, clock) = pir(edges, options);
    let midnight = clock.utc().0;
    let (mut times, mut swallowed) = (Vec::new(), 0);
    while clock.monotonic() < 60 * SECOND {
        if let Some(fired) = pir.wait(SECOND).unwrap() {
            assert_eq!(fired.source, Source::Pir);
            times.push((fired.at - midnight).num_milliseconds());
            swallowed += fired.suppressed;
        }
    }
    (times, swallowed + pir.take_suppressed())
}

#[test]
fn edges_fire_and_the_hold_off_counts_what_it_swallows() {
    let edges = [(5_250, 0, true), (6_000, 0, false), (7_000, 0, true), (7_200, 0, true), (9_000, 0, true)];
    assert_eq!(fires(&edges, OPTIONS), (vec![5_250, 9_000], 2));
}

#[test]
fn a_sensor_that_warms_up_is_not_believed() {
    let edges = [(1_000, 0, true), (29_000, 0, true), (31_000, 0, true)];
    assert_eq!(fires(&edges, Options { warm_up: 30 * SECOND, ..OPTIONS }), (vec![31_000], 2));
}

#[test]
fn two_sensors_confirm_each_other_within_the_window() {
    let both = Options { sensors: 2, rule: Rule::Both, ..OPTIONS };
    let edges = [(1_000, 0, true), (9_000, 0, true), (11_500, 1, true), (20_000, 1, true)];
    assert_eq!(fires(&edges, both), (vec![11_500], 1));
    assert_eq!(fires(&edges, Options { sensors: 2, ..OPTIONS }).0, [1_000, 9_000, 11_500, 20_000]);
}

#[test]
fn a_sensor_that_stays_active_fires_again_until_it_rests() {
    let again = Options { again: Some(10 * SECOND), ..OPTIONS };
    assert_eq!(fires(&[(5_000, 0, true), (28_000, 0, false)], again), (vec![5_000, 15_000, 25_000], 0));
}

#[test]
fn a_trigger_names_the_lines_that_saw_it() {
    let names = |edges: &[(u64, usize, bool)], options: Options| {
        let (mut pir, clock) = pir(edges, options);
        let mut names = Vec::new();
        while clock.monotonic() < 30 * SECOND {
            names.extend(pir.wait(SECOND).unwrap().map(|fired| fired.detail.unwrap().to_string()));
        }
        names
    };
    let any = Options { sensors: 2, again: Some(10 * SECOND), ..OPTIONS };
    let edges = [(1_000, 1, true), (2_000, 1, false), (9_000, 0, true), (9_500, 1, true), (19_500, 0, false)];
    // The last one comes because both have stayed active, then because the second one has.
    assert_eq!(names(&edges, any), ["GPIO18", "GPIO17", "GPIO17 + GPIO18", "GPIO18"]);
    let both = Options { sensors: 2, rule: Rule::Both, ..OPTIONS };
    assert_eq!(names(&edges[2..4], both), ["GPIO17 + GPIO18"]);
}

#[test]
fn of_what_came_while_the_trap_was_busy_the_newest_is_answered() {
    let (mut pir, clock) = pir(&[(1_000, 0, true), (4_000, 0, true), (8_000, 0, true)], OPTIONS);
    let midnight = clock.utc().0;
    clock.pass(10 * SECOND);
    let fired = pir.wait(SECOND).unwrap().unwrap();
    assert_eq!(((fired.at - midnight).num_milliseconds(), fired.suppressed), (8_000, 2));
    assert_eq!(pir.wait(SECOND).unwrap(), None);
}

#[test]
fn edges_that_the_kernel_dropped_are_counted() {
    struct Once(Option<Edge>);
    impl Lines for Once {
        fn wait(&mut self, _: Duration) -> io::Result<Option<Edge>> {
            Ok(self.0.take())
        }

        fn name(&self, _: usize) -> String {
            String::new()
        }
    }
    let edge = Edge { line: 0, active: true, age: Duration::ZERO, lost: 7 };
    let mut pir = Pir::new(Once(Some(edge)), OPTIONS, HandClock::at("2026-05-20T00:00:00Z"));
    assert_eq!(pir.wait(Duration::ZERO).unwrap().map(|t| t.suppressed), Some(7));
}

#[test]
fn a_hold_off_outlives_a_restart() {
    // Five minutes of hold-off, and a start anew a second after the trigger: what is left of them is counted.
    let options = Options { hold_off: 300 * SECOND, ..OPTIONS };
    let (mut first, clock) = pir(&[(1_000, 0, true)], options);
    while first.wait(SECOND).unwrap().is_none() {}
    clock.pass(SECOND);
    let spent = first.spent();
    for (passed, left) in [(0, 299), (60, 239), (400, 0)] {
        let (mut next, clock) = pir(&[(238_500, 0, true), (298_500, 0, true), (299_500, 0, true)], options);
        next.recall(&spent, SECOND * passed, true);
        let mut times = Vec::new();
        while clock.monotonic() < 310 * SECOND {
            times.extend(next.wait(SECOND).unwrap().map(|fired| (fired.at - clock.utc().0).num_seconds()));
            if let (1, true) = (times.len(), left > 0) {
                assert!(clock.monotonic() >= SECOND * left, "{passed}: {:?}", clock.monotonic());
            }
        }
        assert_eq!(times.len(), 1, "{passed}: the first that is past it");
    }
    // A longer hold-off than the profile's is none of it.
    let (mut next, _) = pir(&[(3_000, 0, true)], OPTIONS);
    next.recall(&spent, Duration::ZERO, false);
    assert!((0..4).any(|_| next.wait(SECOND).unwrap().is_some()));
}
