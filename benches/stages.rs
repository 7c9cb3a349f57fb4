//! Each stage per frame (motion: per burst of three) at two sizes that camera traps take: `cargo bench`.
//!
//! Pictures are of the bench world, so the command needs nothing but the checkout. Ratios between stages of one run
//! are what to compare; the machine is the reader's.
#![allow(missing_docs, clippy::unwrap_used)]

use chrono::{TimeZone, Utc};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use trapline::config::Config;
use trapline::daemon::models;
use trapline::image::{self, Gray, Want};
use trapline::units::BBox;
use trapline::vision::classify::Classifier;
use trapline::vision::detect::Detector;
use trapline::vision::motion;
use trapline::vision::strip::Strip;
use trapline::world::{BurstPlan, Site, jpeg};

/// A Reconyx-like 8-megapixel picture and a video frame, (width, height).
const SIZES: [(u32, u32); 2] = [(3264, 2448), (1920, 1080)];

fn burst(size: (u32, u32)) -> Vec<Vec<u8>> {
    let site = Site::new(3);
    let taken = Utc.with_ymd_and_hms(2026, 6, 1, 12, 0, 0).unwrap();
    let plan = BurstPlan::quiet(taken.naive_utc(), 1);
    (0..3).map(|n| jpeg(&site.render(&plan, n, size), plan.taken_at(n), site.camera(), 90).unwrap()).collect()
}

fn stages(c: &mut Criterion) {
    let networks = models::bundled(&Config::default().models).unwrap();
    let mut detector = networks.detector.map(|m| Detector::new(m).unwrap());
    let mut classifier = networks.classifier.map(|m| Classifier::new(m).unwrap());
    for size in SIZES {
        let name = format!("{}x{}", size.0, size.1);
        let files = burst(size);
        let small = Want::LongSide(motion::WIDTH);
        c.bench_with_input(BenchmarkId::new("decode for motion and detector", &name), &files[0], |b, f| {
            b.iter(|| image::decode(black_box(f), small).unwrap());
        });
        c.bench_with_input(BenchmarkId::new("decode in full", &name), &files[0], |b, f| {
            b.iter(|| image::decode(black_box(f), Want::Full).unwrap());
        });
        let lumas: Vec<Gray> = files.iter().map(|f| image::luma(&image::decode(f, small).unwrap())).collect();
        let frames: Vec<Option<&Gray>> = lumas.iter().map(Some).collect();
        c.bench_with_input(BenchmarkId::new("motion over three frames", &name), &frames, |b, f| {
            b.iter(|| motion::evidence(black_box(f), Strip::default()));
        });
        let picture = image::decode(&files[0], small).unwrap();
        if let Some(detector) = &mut detector {
            c.bench_with_input(BenchmarkId::new("detect", &name), &picture, |b, p| {
                b.iter(|| detector.detect(black_box(p)).unwrap());
            });
        }
        let animal = BBox { x: 0.4, y: 0.5, w: 0.15, h: 0.1 };
        if let Some(classifier) = &mut classifier {
            c.bench_with_input(BenchmarkId::new("crop and classify", &name), &picture, |b, p| {
                b.iter(|| classifier.logits(black_box(p), &animal).unwrap());
            });
        }
    }
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = stages }
criterion_main!(benches);
