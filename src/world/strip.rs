//! The info strip a camera prints into its pictures, with a small 5×7 font.

use chrono::{Datelike, NaiveDateTime, Timelike};
use image::{Rgb as Pixel, RgbImage};

use super::dice::Dice;

/// How a camera prints its strip.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strip {
    /// Height as a share of the picture; 0 when there is no strip.
    pub(crate) share: f32,
    paper: [u8; 3],
    text: [u8; 3],
    /// Camera name as printed.
    pub(crate) name: String,
    order: usize,
    badge: Option<[u8; 3]>,
}

const GLYPHS: &[(char, [u8; 7])] = &[
    ('0', [14, 17, 19, 21, 25, 17, 14]),
    ('1', [4, 12, 4, 4, 4, 4, 14]),
    ('2', [14, 17, 1, 2, 4, 8, 31]),
    ('3', [31, 2, 4, 2, 1, 17, 14]),
    ('4', [2, 6, 10, 18, 31, 2, 2]),
    ('5', [31, 16, 30, 1, 1, 17, 14]),
    ('6', [6, 8, 16, 30, 17, 17, 14]),
    ('7', [31, 1, 2, 4, 8, 8, 8]),
    ('8', [14, 17, 17, 14, 17, 17, 14]),
    ('9', [14, 17, 17, 15, 1, 2, 12]),
    ('A', [14, 17, 17, 31, 17, 17, 17]),
    ('B', [30, 17, 17, 30, 17, 17, 30]),
    ('C', [14, 17, 16, 16, 16, 17, 14]),
    ('D', [28, 18, 17, 17, 17, 18, 28]),
    ('E', [31, 16, 16, 30, 16, 16, 31]),
    ('F', [31, 16, 16, 30, 16, 16, 16]),
    ('G', [14, 17, 16, 23, 17, 17, 15]),
    ('H', [17, 17, 17, 31, 17, 17, 17]),
    ('K', [17, 18, 20, 24, 20, 18, 17]),
    ('L', [16, 16, 16, 16, 16, 16, 31]),
    ('M', [17, 27, 21, 21, 17, 17, 17]),
    ('N', [17, 25, 21, 19, 17, 17, 17]),
    ('O', [14, 17, 17, 17, 17, 17, 14]),
    ('P', [30, 17, 17, 30, 16, 16, 16]),
    ('R', [30, 17, 17, 30, 20, 18, 17]),
    ('S', [15, 16, 16, 14, 1, 1, 30]),
    ('T', [31, 4, 4, 4, 4, 4, 4]),
    ('W', [17, 17, 17, 21, 21, 21, 10]),
    ('-', [0, 0, 0, 31, 0, 0, 0]),
    (':', [0, 4, 4, 0, 4, 4, 0]),
    ('/', [1, 2, 2, 4, 8, 8, 16]),
    ('°', [6, 9, 9, 6, 0, 0, 0]),
];

impl Strip {
    pub(crate) fn draw(d: &mut Dice) -> Strip {
        let share = if d.chance(0.2) { 0.0 } else { d.range(0.03, 0.07) };
        let (paper, text) = d.weighted(&[
            (([4, 4, 5], [225, 228, 230]), 0.75),
            (([8, 8, 9], [240, 210, 60]), 0.08),
            (([245, 246, 248], [20, 20, 22]), 0.17),
        ]);
        let letters = ["CAM", "TRAP", "WEST", "NORD", "LK", "FP", "B", "RANGE"];
        let name = format!("{}{:02}", letters[d.below(letters.len())], d.below(90) + 1);
        let badge = d
            .chance(0.4)
            .then(|| d.weighted(&[([190, 170, 30], 1.0), ([210, 80, 30], 1.0), ([30, 120, 60], 1.0)]));
        Strip { share, paper, text, name, order: d.below(3), badge }
    }

    /// First row of the strip in a picture `height` pixels high.
    pub(crate) fn top(&self, height: usize) -> usize {
        height - (self.share * height as f32).round() as usize
    }

    /// Prints the strip over the bottom of a picture.
    pub(crate) fn print(&self, picture: &mut RgbImage, taken: NaiveDateTime, celsius: i32) {
        let (w, h) = picture.dimensions();
        let top = self.top(h as usize) as u32;
        if top >= h {
            return;
        }
        for y in top..h {
            for x in 0..w {
                picture.put_pixel(x, y, Pixel(self.paper));
            }
        }
        let band = h - top;
        let dot = (band as f32 * 0.62 / 7.0).max(0.7);
        let y = top as f32 + (band as f32 - dot * 7.0) * 0.5;
        let date = match self.order {
            0 => format!("{:04}-{:02}-{:02}", taken.year(), taken.month(), taken.day()),
            1 => format!("{:02}/{:02}/{:04}", taken.month(), taken.day(), taken.year()),
            _ => format!("{:02}-{:02}-{:04}", taken.day(), taken.month(), taken.year()),
        };
        let time = format!("{:02}:{:02}:{:02}", taken.hour(), taken.minute(), taken.second());
        let (left, right) = match self.order {
            0 => (format!("{} {celsius}°C", self.name), format!("{date} {time}")),
            1 => (format!("{celsius}°C  {date} {time}"), self.name.clone()),
            _ => (format!("{date}  {time}"), format!("{celsius}°C {}", self.name)),
        };
        let mut x = band as f32 * 0.4;
        if let Some(badge) = self.badge {
            let side = (band as f32 * 1.6) as u32;
            for y in top + band / 6..h - band / 6 {
                for x in band / 4..(band / 4 + side).min(w) {
                    picture.put_pixel(x, y, Pixel(badge));
                }
            }
            x += band as f32 * 1.9;
        }
        self.text(picture, &left, x, y, dot);
        let length = right.chars().count() as f32 * 6.0 * dot;
        self.text(picture, &right, w as f32 - length - band as f32 * 0.4, y, dot);
    }

    fn text(&self, picture: &mut RgbImage, text: &str, x: f32, y: f32, dot: f32) {
        let (w, h) = picture.dimensions();
        for (k, c) in text.chars().enumerate() {
            let Some((_, rows)) = GLYPHS.iter().find(|g| g.0 == c) else { continue };
            let left = x + k as f32 * 6.0 * dot;
            let end = (left + 5.0 * dot, y + 7.0 * dot);
            for py in y.max(0.0) as u32..(end.1.max(0.0) as u32 + 1).min(h) {
                for px in left.max(0.0) as u32..(end.0.max(0.0) as u32 + 1).min(w) {
                    let (u, v) = ((px as f32 + 0.5 - left) / dot, (py as f32 + 0.5 - y) / dot);
                    if (0.0..5.0).contains(&u)
                        && (0.0..7.0).contains(&v)
                        && rows[v as usize] >> (4 - u as usize) & 1 == 1
                    {
                        picture.put_pixel(px, py, Pixel(self.text));
                    }
                }
            }
        }
    }
}
