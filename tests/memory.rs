//! What the trap holds in memory: no more after many bursts than after a few.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use trapline::config::Config;
use trapline::daemon::models;
use trapline::vision::judge::Frame;
use trapline::world::{BurstPlan, Site, jpeg};

/// Bursts judged; `TRAPLINE_BURSTS` says another number.
const BURSTS: usize = 90;

/// Bursts until everything that is kept between bursts has its full size.
const WARM: usize = 30;

/// Growth allowed after that, megabytes: what an allocator keeps moves by one or two.
const GROWTH: f64 = 4.0;

/// Megabytes of a line of /proc/PID/status.
fn status(process: &str, line: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let found = text.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))?;
    Some(found.trim().split(' ').next()?.parse::<f64>().ok()? / 1024.0)
}

#[test]
fn many_bursts_take_no_more_memory_than_a_few() {
    let asked = std::env::var("TRAPLINE_BURSTS").ok().and_then(|n| n.parse().ok());
    let bursts = asked.unwrap_or(BURSTS).max(2 * WARM);
    let config = Config::default();
    let mut judge = models::judge(models::bundled(&config.models).unwrap(), &config).unwrap();
    let site = Site::new(3);
    // Six bursts of half a megapixel, half of them with somebody in them: the judge's own code is not optimised here.
    let drawn: Vec<Vec<Vec<u8>>> = (0..6)
        .map(|n| {
            let plan = BurstPlan::draw_with(&site, 77, n, 0.5);
            let shot = |f| jpeg(&site.render(&plan, f, (816, 612)), plan.taken_at(f), site.camera(), 90);
            (0..3.min(plan.frames)).map(|f| shot(f).unwrap()).collect()
        })
        .collect();
    let mut outcomes = std::collections::BTreeSet::new();
    let mut before = 0.0;
    for burst in 0..bursts {
        let frames: Vec<Frame<'_>> = drawn[burst % drawn.len()].iter().map(|f| Ok(f.as_slice())).collect();
        outcomes.insert(format!("{:?}", judge.judge(&frames).outcome));
        judge.end_sequence();
        if burst + 1 == WARM {
            before = status("self", "VmRSS").unwrap();
        }
    }
    let after = status("self", "VmRSS").unwrap();
    println!("{before:.1} MB after {WARM} bursts, {after:.1} MB after {bursts}; outcomes {outcomes:?}");
    assert!(outcomes.len() > 1, "every burst was {outcomes:?}");
    assert!(after - before < GROWTH, "{before:.1} MB after {WARM} bursts, {after:.1} MB after {bursts}");
}
