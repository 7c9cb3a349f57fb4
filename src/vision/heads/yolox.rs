//! YOLOX: `[1, n, 5 + c]`, one row per grid cell, the cells of stride 8 first, then 16, then 32, row by row.
//!
//! A row is x, y (offset from the cell, in strides), w, h (logarithm, in strides), objectness, classes; the last
//! two already through a sigmoid. Source: YOLOX 0.1.1, `demo_postprocess`: `xy = (o + grid) * stride`,
//! `wh = exp(o) * stride`, `score = objectness * class`.

use super::{Candidate, Context, corners};

const STRIDES: [usize; 3] = [8, 16, 32];

pub(super) fn decode(numbers: &[f32], row: usize, context: &Context<'_>) -> Vec<Candidate> {
    let mut out = Vec::new();
    let (width, height) = (context.input.0 as usize, context.input.1 as usize);
    let cells = STRIDES.into_iter().flat_map(|stride| {
        let columns = width / stride;
        (0..columns * (height / stride)).map(move |i| (i % columns, i / columns, stride))
    });
    for (values, (gx, gy, stride)) in numbers.chunks_exact(row.max(6)).zip(cells) {
        let &[x, y, w, h, objectness, ref classes @ ..] = values else { continue };
        let stride = stride as f32;
        let bbox =
            corners((x + gx as f32) * stride, (y + gy as f32) * stride, w.exp() * stride, h.exp() * stride);
        context.push(&mut out, bbox, |class| objectness * classes.get(class).copied().unwrap_or(0.0));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn agrees_with_the_formula_written_by_level() {
        let (width, height) = (96, 64);
        let mut random = uniform(1);
        let rows = 12 * 8 + 6 * 4 + 3 * 2;
        let numbers: Vec<f32> = (0..rows * 10).map(|_| random()).collect();
        let mut expected_all = Vec::new();
        let mut row = 0;
        for (stride, columns, lines) in [(8.0, 12, 8), (16.0, 6, 4), (32.0, 3, 2)] {
            for line in 0..lines {
                for column in 0..columns {
                    let v = &numbers[row * 10..row * 10 + 10];
                    let (cx, cy) = ((column as f32 + v[0]) * stride, (line as f32 + v[1]) * stride);
                    let (w, h) = (stride * v[2].exp(), stride * v[3].exp());
                    let scores: Vec<f32> = v[5..].iter().map(|c| c * v[4]).collect();
                    let bbox = [cx - 0.5 * w, cy - 0.5 * h, cx + 0.5 * w, cy + 0.5 * h];
                    expected_all.extend(expected(bbox, &scores, 0.4));
                    row += 1;
                }
            }
        }
        assert_eq!(row, rows);
        let classes = classes();
        let context = Context { input: (width as f32, height as f32), low: 0.4, classes: &classes };
        assert_same(&decode(&numbers, 10, &context), &expected_all);
    }
}
