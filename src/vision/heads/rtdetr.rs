//! RT-DETR: `[1, n, c]` logits and `[1, n, 4]` boxes as cx, cy, w, h in shares of the input. Each query is one thing.
//! Source: lyuwenyu/RT-DETR `RTDETRPostProcessor` (focal loss: `score = sigmoid(logit)`).

use super::{Candidate, Context, corners, sigmoid};

pub(super) fn decode(logits: &[f32], boxes: &[f32], classes: usize, context: &Context<'_>) -> Vec<Candidate> {
    let (width, height) = context.input;
    let mut out = Vec::new();
    for (row, &[cx, cy, w, h]) in logits.chunks_exact(classes.max(1)).zip(boxes.as_chunks::<4>().0) {
        let bbox = corners(cx * width, cy * height, w * width, h * height);
        context.push(&mut out, bbox, |class| row.get(class).map_or(0.0, |&logit| sigmoid(logit)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn agrees_with_the_formula() {
        let mut random = uniform(5);
        let (mut logits, mut boxes, mut expected_all) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..120 {
            let row: [f32; 5] = std::array::from_fn(|_| 8.0 * random() - 6.0);
            let [cx, cy, w, h]: [f32; 4] = std::array::from_fn(|_| random());
            logits.extend(row);
            boxes.extend([cx, cy, w, h]);
            // The logistic function by way of tanh, as another way to it.
            let scores = row.map(|l| 0.5 * (1.0 + (0.5 * l).tanh()));
            let bbox = [
                640.0 * (cx - 0.5 * w),
                480.0 * (cy - 0.5 * h),
                640.0 * (cx + 0.5 * w),
                480.0 * (cy + 0.5 * h),
            ];
            expected_all.extend(expected(bbox, &scores, 0.5));
        }
        let classes = classes();
        let context = Context { input: (640.0, 480.0), low: 0.5, classes: &classes };
        assert_same(&decode(&logits, &boxes, 5, &context), &expected_all);
    }
}
