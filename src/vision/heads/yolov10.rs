//! YOLOv10 and other end-to-end exports: `[1, n, 6]`, x0, y0, x1, y1 in input pixels, score, class index. Each thing
//! is given once. Source: THU-MIG/yolov10 `v10postprocess`.

use super::{Candidate, Context};

pub(super) fn decode(numbers: &[f32], context: &Context<'_>) -> Vec<Candidate> {
    let mut out = Vec::new();
    for &[x0, y0, x1, y1, score, class] in numbers.as_chunks::<6>().0 {
        // The class is a whole number stored as a float; -1 marks an unused row.
        if class < -0.5 || score < context.low || score <= 0.0 {
            continue;
        }
        if let Some(category) = context.classes.of(class.round() as usize) {
            out.push(Candidate { corners: [x0, y0, x1, y1], category, score });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn rows_are_boxes_and_unknown_classes_are_ignored() {
        let mut random = uniform(4);
        let mut numbers = Vec::new();
        let mut expected_all = Vec::new();
        for i in 0..100 {
            let corners = [random() * 300.0, random() * 300.0, random() * 300.0, random() * 300.0];
            let (score, class) = (random(), i % 7);
            numbers.extend(corners);
            numbers.extend([score, class as f32]);
            if let Some(Some(category)) = TABLE.get(class).filter(|_| score >= 0.25) {
                expected_all.push(Candidate { corners, category: *category, score });
            }
        }
        numbers.extend([0.0, 0.0, 9.0, 9.0, 0.9, -1.0]);
        let classes = classes();
        let context = Context { input: (320.0, 320.0), low: 0.25, classes: &classes };
        assert_same(&decode(&numbers, &context), &expected_all);
    }
}
