//! YOLOv5 and MegaDetector v5: `[1, n, 5 + c]`, x, y, w, h of the box in input pixels (centre and size), objectness,
//! classes, all final. Source: ultralytics/yolov5 `non_max_suppression`: `score = objectness * class`.

use super::{Candidate, Context, corners};

pub(super) fn decode(numbers: &[f32], row: usize, context: &Context<'_>) -> Vec<Candidate> {
    let mut out = Vec::new();
    for values in numbers.chunks_exact(row.max(6)) {
        let &[x, y, w, h, objectness, ref classes @ ..] = values else { continue };
        context.push(&mut out, corners(x, y, w, h), |class| {
            objectness * classes.get(class).copied().unwrap_or(0.0)
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn agrees_with_the_formula() {
        let mut random = uniform(2);
        let rows: Vec<[f32; 10]> =
            (0..200).map(|_| std::array::from_fn(|i| random() * if i < 4 { 640.0 } else { 1.0 })).collect();
        let numbers: Vec<f32> = rows.concat();
        let expected_all: Vec<Candidate> = rows
            .iter()
            .flat_map(|v| {
                let bbox = [v[0] - v[2] / 2.0, v[1] - v[3] / 2.0, v[0] + v[2] / 2.0, v[1] + v[3] / 2.0];
                expected(bbox, &v[5..].iter().map(|c| c * v[4]).collect::<Vec<_>>(), 0.3)
            })
            .collect();
        let classes = classes();
        let context = Context { input: (640.0, 640.0), low: 0.3, classes: &classes };
        assert_same(&decode(&numbers, 10, &context), &expected_all);
    }
}
