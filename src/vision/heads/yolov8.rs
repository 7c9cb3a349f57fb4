//! YOLOv8, 9 and 11: `[1, 4 + c, n]`, one column per box: x, y, w, h in input pixels (centre and size), then the
//! classes' final scores; there is no objectness. Source: ultralytics `ops.non_max_suppression`.

use super::{Candidate, Context, corners};

pub(super) fn decode(numbers: &[f32], columns: usize, context: &Context<'_>) -> Vec<Candidate> {
    let mut out = Vec::new();
    let at = |row: usize, column: usize| numbers.get(row * columns + column).copied().unwrap_or(0.0);
    for i in 0..columns {
        let bbox = corners(at(0, i), at(1, i), at(2, i), at(3, i));
        context.push(&mut out, bbox, |class| at(4 + class, i));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn agrees_with_the_formula_on_the_transposed_rows() {
        let mut random = uniform(3);
        let boxes: Vec<[f32; 9]> =
            (0..150).map(|_| std::array::from_fn(|i| random() * if i < 4 { 320.0 } else { 1.0 })).collect();
        let numbers: Vec<f32> = (0..9).flat_map(|row| boxes.iter().map(move |b| b[row])).collect();
        let expected_all: Vec<Candidate> = boxes
            .iter()
            .flat_map(|b| {
                let bbox = [b[0] - b[2] / 2.0, b[1] - b[3] / 2.0, b[0] + b[2] / 2.0, b[1] + b[3] / 2.0];
                expected(bbox, &b[4..], 0.6)
            })
            .collect();
        let classes = classes();
        let context = Context { input: (320.0, 320.0), low: 0.6, classes: &classes };
        assert_same(&decode(&numbers, 150, &context), &expected_all);
    }
}
