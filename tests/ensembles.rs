//! Several classifiers as one: against a second computation in NumPy (`ensembles_support/make.py`, run once with NumPy 2),
//! and under a site's geofence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use trapline::engine::labels::{Label, parse};
use trapline::engine::pack::Mean;
use trapline::vision::ensemble::{Joint, NONE, Outputs};
use trapline::vision::fence::Fence;
use trapline::vision::taxonomy::{Taxonomy, Thresholds};

#[derive(Deserialize)]
struct Case {
    name: String,
    mean: String,
    members: Vec<Member>,
    expected: BTreeMap<String, f32>,
}

#[derive(Deserialize)]
struct Member {
    table: String,
    temperature: f32,
    allowed: Option<Vec<String>>,
    logits: Vec<f32>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("ensembles_support/cases.json")).unwrap()
}

fn joint(case: &Case) -> (Joint, Vec<f32>) {
    let labels: Vec<Vec<Label>> =
        case.members.iter().map(|m| parse(&m.table, Path::new("t.csv")).unwrap()).collect();
    let members: Vec<Outputs<'_>> = case
        .members
        .iter()
        .zip(&labels)
        .map(|(m, labels)| Outputs { labels, temperature: m.temperature, allowed: m.allowed.as_deref() })
        .collect();
    let mean = if case.mean == "logits" { Mean::Logits } else { Mean::Probabilities };
    let joint = Joint::new(&members, mean);
    let logits: Vec<&[f32]> = case.members.iter().map(|m| m.logits.as_slice()).collect();
    let joined = joint.logits(&logits);
    (joint, joined)
}

#[test]
fn joint_probabilities_are_those_of_the_second_computation() {
    let cases = cases();
    assert_eq!(cases.len(), 18);
    for case in &cases {
        let (joint, logits) = joint(case);
        assert_eq!(joint.labels().len(), case.expected.len(), "{}", case.name);
        for (label, logit) in joint.labels().iter().zip(logits) {
            let name = label.taxon.as_ref().map_or("none", |t| t.scientific.as_str());
            let (got, expected) = (logit.exp(), case.expected[name]);
            assert!((got - expected).abs() < 2e-5, "{}, {}: {name} {got} {expected}", case.name, case.mean);
        }
    }
}

#[test]
fn geofence_and_roll_up_work_on_the_joint_list() {
    // Of "coarse and fine" a red fox is nearly certain.
    let case =
        cases().into_iter().find(|c| c.name == "coarse and fine" && c.mean == "probabilities").unwrap();
    let (joint, logits) = joint(&case);
    assert_eq!(joint.labels().last().unwrap().name, NONE);
    let named = |block: &[&str]| {
        let fence = Fence { block: block.iter().map(|n| n.to_string()).collect(), ..Fence::default() };
        let taxonomy = Taxonomy::new(joint.labels().to_vec(), &Fence::default(), &fence);
        let named = taxonomy.name(&taxonomy.probabilities(&logits, 1.0), &Thresholds::default());
        named.map(|n| n.taxon.scientific)
    };
    assert_eq!(named(&[]).as_deref(), Some("Vulpes vulpes"));
    // The coarse member's own class is what remains permitted.
    assert_eq!(named(&["Vulpes"]).as_deref(), Some("Canidae"));
    assert_eq!(named(&["Canidae"]).as_deref(), Some("Carnivora"));
}
