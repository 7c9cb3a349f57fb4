//! Levelled contrast for pictures without colour, at the size a network takes: an animal that is a little brighter than
//! the bush behind it becomes as plain as one on snow.
//!
//! Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994): grey values are spread by the
//! histogram of their surroundings, 8 by 8 fields with the values between the middles of fields interpolated, each
//! histogram cut at twice its mean so that noise is not made into texture. The numbers are the usual ones.

use crate::image::Rgb;

/// Fields along each side.
const FIELDS: usize = 8;
/// A histogram is cut at so many times its mean.
const LIMIT: f32 = 2.0;
/// Mean difference between a pixel's largest and smallest colour, levels of 255, below which there is no colour: see
/// `album`, whose reading of whole pictures this is on a cut.
const COLOURLESS: f32 = 5.0;

/// Whether `picture` has no colour.
pub(super) fn is_colourless(picture: &Rgb) -> bool {
    let (pixels, _) = picture.data.as_chunks::<3>();
    let spread = |[r, g, b]: [u8; 3]| u32::from(r.max(g).max(b) - r.min(g).min(b));
    let every = pixels.iter().step_by(7);
    let (sum, count) = every.fold((0u32, 0u32), |(sum, count), p| (sum + spread(*p), count + 1));
    count > 0 && (sum as f32) < COLOURLESS * count as f32
}

/// Levels the contrast of `picture`, which has no colour: all three channels get the levelled grey.
pub(super) fn level(picture: &mut Rgb) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    if width < FIELDS || height < FIELDS {
        return;
    }
    let (pixels, _) = picture.data.as_chunks_mut::<3>();
    let grey = |[_, g, _]: [u8; 3]| usize::from(g);
    let mut tables = vec![[0u8; 256]; FIELDS * FIELDS];
    for (at, table) in tables.iter_mut().enumerate() {
        let rows = span(at / FIELDS, height);
        let columns = span(at % FIELDS, width);
        let mut histogram = [0u32; 256];
        for row in pixels.chunks_exact(width).take(rows.end).skip(rows.start) {
            for pixel in row.iter().take(columns.end).skip(columns.start) {
                if let Some(count) = histogram.get_mut(grey(*pixel)) {
                    *count += 1;
                }
            }
        }
        *table = equalised(histogram);
    }
    for (y, row) in pixels.chunks_exact_mut(width).enumerate() {
        let (top, bottom, down) = between(y, height);
        for (x, pixel) in row.iter_mut().enumerate() {
            let (left, right, across) = between(x, width);
            let value = grey(*pixel);
            let of = |row: usize, column: usize| {
                tables.get(row * FIELDS + column).and_then(|t| t.get(value)).map_or(0.0, |v| f32::from(*v))
            };
            let upper = of(top, left) * (1.0 - across) + of(top, right) * across;
            let lower = of(bottom, left) * (1.0 - across) + of(bottom, right) * across;
            *pixel = [(upper * (1.0 - down) + lower * down).round() as u8; 3];
        }
    }
}

/// Rows or columns of field `at`.
fn span(at: usize, length: usize) -> std::ops::Range<usize> {
    at * length / FIELDS..(at + 1) * length / FIELDS
}

/// The fields whose middles `at` lies between, and how far it is from the first to the second, 0..=1.
fn between(at: usize, length: usize) -> (usize, usize, f32) {
    let place = (at as f32 + 0.5) * FIELDS as f32 / length as f32 - 0.5;
    let first = place.floor().clamp(0.0, (FIELDS - 1) as f32);
    let second = (first as usize + 1).min(FIELDS - 1);
    (first as usize, second, (place - first).clamp(0.0, 1.0))
}

/// From grey values to levelled ones, by a histogram that is cut and whose cuttings are given to all.
fn equalised(histogram: [u32; 256]) -> [u8; 256] {
    let total: u32 = histogram.iter().sum();
    let limit = ((LIMIT * total as f32 / 256.0) as u32).max(1);
    let cut: u32 = histogram.iter().map(|&n| n.saturating_sub(limit)).sum();
    let (each, mut rest) = (cut / 256, cut % 256);
    let (mut sum, mut table) = (0u32, [0u8; 256]);
    // What does not divide goes to values spread over the range.
    let step = (256 / rest.max(1)).max(1);
    for (value, (count, out)) in histogram.iter().zip(&mut table).enumerate() {
        sum += (*count).min(limit) + each;
        if rest > 0 && (value as u32).is_multiple_of(step) {
            sum += 1;
            rest -= 1;
        }
        *out = (sum as f32 * 255.0 / total.max(1) as f32).round().min(255.0) as u8;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32, at: impl Fn(u32, u32) -> u8) -> Rgb {
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| [at(x, y); 3]);
        Rgb { width, height, data: data.collect() }
    }

    #[test]
    fn a_faint_shape_stands_out_and_its_side_stays() {
        // A square 6 levels brighter than a noisy dark ground.
        let inside = |x: u32, y: u32| (28..36).contains(&x) && (28..36).contains(&y);
        let at = |x: u32, y: u32| 40 + ((x * 7 + y * 13) % 5) as u8 + if inside(x, y) { 6 } else { 0 };
        let mut picture = grey(64, 64, at);
        let mean = |p: &Rgb, inside_only: bool| {
            let all = (0..64 * 64).filter(|i| inside(i % 64, i / 64) == inside_only);
            let values: Vec<f32> = all.map(|i| f32::from(p.data[3 * i as usize])).collect();
            values.iter().sum::<f32>() / values.len() as f32
        };
        let before = mean(&picture, true) - mean(&picture, false);
        level(&mut picture);
        let after = mean(&picture, true) - mean(&picture, false);
        assert!((before - 6.0).abs() < 0.5 && after > 1.5 * before, "{before} {after}");
    }

    #[test]
    fn order_of_greys_is_kept_within_a_field_and_one_grey_stays_one() {
        let table = equalised(std::array::from_fn(|v| if (30..60).contains(&v) { 100 } else { 0 }));
        assert!(table.windows(2).all(|w| w[0] <= w[1]));
        assert_eq!(table[255], 255);
        // As large as an input: in a small field the cuttings that do not divide weigh more.
        let mut flat = grey(416, 416, |_, _| 90);
        level(&mut flat);
        assert!(flat.data.iter().all(|v| *v == flat.data[0]));
        // Cut at twice the mean, a single grey is hardly moved: 90 of 255 by what is given to all.
        assert!((i32::from(flat.data[0]) - 90).abs() < 8, "{}", flat.data[0]);
    }

    #[test]
    fn colour_is_told_from_grey() {
        assert!(is_colourless(&grey(40, 40, |x, _| x as u8)));
        let meadow = Rgb { width: 40, height: 40, data: [90, 120, 60].repeat(1600) };
        assert!(!is_colourless(&meadow));
        assert!(!is_colourless(&Rgb::default()));
    }
}
