//! FastestDet: `[1, 5 + c, h, w]`, per cell objectness (sigmoid), box, classes (softmax).
//!
//! Source: dog-qiuqiu/FastestDet `utils/tool.py` `handle_preds`: `cx = (tanh(b0) + gx) / w`,
//! `cy = (tanh(b1) + gy) / h`, width and height `sigmoid(b2)`, `sigmoid(b3)` as shares of the input, and
//! `score = objectness^0.6 * class^0.4`.

use super::{Candidate, Context, corners, sigmoid};

pub(super) fn decode(
    numbers: &[f32],
    (rows, columns): (usize, usize),
    context: &Context<'_>,
) -> Vec<Candidate> {
    let plane = rows * columns;
    let at = |channel: usize, cell: usize| numbers.get(channel * plane + cell).copied().unwrap_or(0.0);
    let (width, height) = context.input;
    let mut out = Vec::new();
    for cell in 0..plane {
        let objectness = at(0, cell).max(0.0).powf(0.6);
        let (gx, gy) = ((cell % columns) as f32, (cell / columns) as f32);
        let bbox = corners(
            (at(1, cell).tanh() + gx) / columns as f32 * width,
            (at(2, cell).tanh() + gy) / rows as f32 * height,
            sigmoid(at(3, cell)) * width,
            sigmoid(at(4, cell)) * height,
        );
        context.push(&mut out, bbox, |class| objectness * at(5 + class, cell).max(0.0).powf(0.4));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn agrees_with_the_formula_cell_by_cell() {
        let (rows, columns) = (6, 9);
        let mut random = uniform(6);
        // [channel][row][column]
        let numbers: Vec<f32> = (0..10 * rows * columns)
            .map(|i| if i / 54 % 10 == 0 || i >= 270 { random() } else { 4.0 * random() - 2.0 })
            .collect();
        let mut expected_all = Vec::new();
        for y in 0..rows {
            for x in 0..columns {
                let v: Vec<f32> = (0..10).map(|c| numbers[(c * rows + y) * columns + x]).collect();
                let logistic = |l: f32| l.exp() / (1.0 + l.exp());
                let (w, h) = (352.0 * logistic(v[3]), 256.0 * logistic(v[4]));
                let (cx, cy) =
                    (352.0 * (v[1].tanh() + x as f32) / 9.0, 256.0 * (v[2].tanh() + y as f32) / 6.0);
                let scores: Vec<f32> =
                    v[5..].iter().map(|c| (0.6 * v[0].ln() + 0.4 * c.ln()).exp()).collect();
                let bbox = [cx - w / 2.0, cy - h / 2.0, cx + w / 2.0, cy + h / 2.0];
                expected_all.extend(expected(bbox, &scores, 0.5));
            }
        }
        let classes = classes();
        let context = Context { input: (352.0, 256.0), low: 0.5, classes: &classes };
        assert_same(&decode(&numbers, (rows, columns), &context), &expected_all);
    }
}
