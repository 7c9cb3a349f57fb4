//! The colours. Categories are those of Okabe & Ito (2008), safe for the colour-blind; the steps of the calendar grow
//! darker evenly. The style sheet has a dark value for each.

use plotters::style::RGBColor;

pub(in crate::report) const MUTED: RGBColor = RGBColor(0x55, 0x60, 0x66);
pub(in crate::report) const GRID: RGBColor = RGBColor(0xDD, 0xE2, 0xE5);
pub(in crate::report) const NIGHT: RGBColor = RGBColor(0xEC, 0xEF, 0xF4);
pub(in crate::report) const BARE: RGBColor = RGBColor(0xF4, 0xF6, 0xF7);
pub(in crate::report) const PALE: RGBColor = RGBColor(0xA9, 0xCF, 0xE6);

pub(in crate::report) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
pub(in crate::report) const ORANGE: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
pub(in crate::report) const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
pub(in crate::report) const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
pub(in crate::report) const SKY: RGBColor = RGBColor(0x56, 0xB4, 0xE9);
pub(in crate::report) const PURPLE: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
pub(in crate::report) const YELLOW: RGBColor = RGBColor(0xD9, 0xC9, 0x1A);
pub(in crate::report) const GREY: RGBColor = RGBColor(0xA3, 0xAD, 0xB3);

/// Lines of one figure.
pub(in crate::report) const LINES: [RGBColor; 6] = [BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY];

/// The calendar, from one to many.
pub(in crate::report) const STEPS: [RGBColor; 5] = [
    RGBColor(0xD5, 0xE8, 0xF3),
    RGBColor(0x9F, 0xC9, 0xE3),
    RGBColor(0x5C, 0xA2, 0xCE),
    RGBColor(0x1F, 0x72, 0xAC),
    RGBColor(0x0A, 0x3D, 0x66),
];

/// As `plotters` writes it, and as the style sheet selects it.
pub(in crate::report) fn hex(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}
