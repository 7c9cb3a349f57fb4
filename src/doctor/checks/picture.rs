//! Whether the picture is sharp and lit.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};
use crate::image::{Filter, Gray, ImageError, Region, Rgb, Want, decode, luma, resize_region};

/// Pictures are looked at in this width, pixels: the measure depends on it.
const WIDTH: u32 = 640;

/// Mean brightness of 255: below the first nothing is seen, below the second little.
const DARK: (f32, f32) = (8.0, 20.0);

/// Share of burnt-out pixels: the sun or the trap's own flash in the lens.
const BURNT: (f32, f32) = (0.5, 0.15);

/// [`Look::sharpness`] below the first is out of focus or behind a fogged window, below the second soft. 137 photos of
/// real traps (ENA24, Peru, Southwest, Sweden) have 0.0133 to 7.5; scaled to a quarter and back, as a lens that is out
/// of focus does it, at most 0.0089, to an eighth at most 0.0031.
const SHARP: (f32, f32) = (0.003, 0.01);

pub(in crate::doctor) const CHECK: Check = Check {
    name: "picture",
    causes: &[
        ("none", Grey),
        ("well", Green),
        ("dark", Amber),
        ("burnt", Amber),
        ("soft", Amber),
        ("black", Red),
        ("white", Red),
        ("blurred", Red),
        ("unread", Red),
    ],
    hands: false,
    examine,
};

/// What a picture is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// How much of the contrast is in the finest details: the variance of the Laplacian over that of the brightness,
    /// both at 640 pixels of width. A picture of noise alone has 20, a smooth one near 0.
    pub sharpness: f32,
    /// Mean brightness, 0 to 255.
    pub brightness: f32,
    /// Share of pixels that are burnt out, 0 to 1.
    pub burnt: f32,
}

/// Looks at a JPEG.
pub fn look(jpeg: &[u8]) -> Result<Look, ImageError> {
    let picture = decode(jpeg, Want::AtLeast { width: WIDTH, height: 1 })?;
    Ok(measure(&luma(&scaled(picture)?)))
}

fn scaled(picture: Rgb) -> Result<Rgb, ImageError> {
    if picture.width <= WIDTH {
        return Ok(picture);
    }
    let height = (picture.height * WIDTH / picture.width).max(1);
    let all = Region { x: 0, y: 0, width: picture.width, height: picture.height };
    resize_region(&picture, all, WIDTH, height, Filter::Bilinear)
}

fn measure(gray: &Gray) -> Look {
    let (width, height) = (gray.width as usize, gray.height as usize);
    let at = |x: usize, y: usize| f32::from(gray.data.get(y * width + x).copied().unwrap_or(0));
    let (mut lap, mut lap2, mut n) = (0f64, 0f64, 0f64);
    // The strip that the camera prints would count as sharp: the outer tenth is left out.
    for y in (height / 10).max(1)..(height - height / 10).min(height.saturating_sub(1)) {
        for x in 1..width.saturating_sub(1) {
            let value = f64::from(at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * at(x, y));
            lap += value;
            lap2 += value * value;
            n += 1.0;
        }
    }
    let count = gray.data.len().max(1) as f64;
    let sum: f64 = gray.data.iter().map(|v| f64::from(*v)).sum();
    let sum2: f64 = gray.data.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
    let variance = |sum: f64, sum2: f64, n: f64| (sum2 / n - (sum / n) * (sum / n)).max(0.0);
    let contrast = variance(sum, sum2, count);
    let detail = if n > 0.0 { variance(lap, lap2, n) } else { 0.0 };
    let burnt = gray.data.iter().filter(|v| **v >= 250).count() as f64 / count;
    Look {
        sharpness: (detail / contrast.max(1.0)) as f32,
        brightness: (sum / count) as f32,
        burnt: burnt as f32,
    }
}

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let newest = match patient.daemon {
        Some(_) => patient.hands.picture().map(|(at, jpeg)| (Some(at), jpeg)),
        None => {
            let shots = patient.shots().as_ref().ok().and_then(|shots| shots.as_ref());
            let last = shots.and_then(|shots| shots.iter().rev().find_map(|shot| shot.jpeg.clone().ok()));
            last.map(|jpeg| (None, jpeg))
        }
    };
    let Some((at, jpeg)) = newest else { return vec![check.found("none")] };
    let found = match look(&jpeg) {
        Ok(look) => judged(check, &look),
        Err(error) => check.found("unread").with("why", error),
    };
    let at = at.map_or_else(String::new, |at| at.format(" %Y-%m-%d %H:%M").to_string());
    vec![found.with("at", at)]
}

fn judged(check: &Check, look: &Look) -> Finding {
    let cause = if look.brightness < DARK.0 {
        "black"
    } else if look.burnt > BURNT.0 {
        "white"
    } else if look.brightness < DARK.1 {
        // In the dark noise passes for detail.
        "dark"
    } else if look.sharpness < SHARP.0 {
        "blurred"
    } else if look.burnt > BURNT.1 {
        "burnt"
    } else if look.sharpness < SHARP.1 {
        "soft"
    } else {
        "well"
    };
    let tenth = |value: f32| format!("{value:.2}");
    check
        .found(cause)
        .with("sharpness", tenth(look.sharpness))
        .with("brightness", look.brightness.round())
        .with("burnt", (look.burnt * 100.0).round())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Daemon;
    use crate::doctor::checks::fake::{Trap, picture};

    #[test]
    fn black_white_and_blurred_pictures_are_red() {
        let mut trap = Trap::new();
        // Grass: fine detail; and the same through a fogged window.
        let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 7 & 127;
        let grass = picture(&|x, y| (60 + noise(x, y)) as u8);
        let fogged = picture(&|x, y| (90.0 + 60.0 * ((x + y) as f32 / 90.0).sin()) as u8);
        for (jpeg, cause) in [
            (picture(&|_, _| 2), "black"),
            (picture(&|_, _| 255), "white"),
            (picture(&|x, _| 10 + (x % 7) as u8), "dark"),
            (fogged, "blurred"),
            (grass, "well"),
        ] {
            trap.hands.shots = Ok(vec![Ok(jpeg); 2]);
            let found = trap.ask(&CHECK).remove(0);
            assert_eq!(found.cause, cause, "{found:?}");
        }
        trap.hands.shots = Ok(vec![Ok(vec![1, 2, 3])]);
        assert_eq!(trap.ask(&CHECK)[0].cause, "unread");
    }

    #[test]
    fn a_running_trap_is_judged_by_its_newest_picture() {
        let mut trap = Trap::new();
        trap.daemon = Some(Daemon::default());
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
        trap.hands.newest = Some((chrono::DateTime::UNIX_EPOCH, picture(&|_, _| 1)));
        let found = trap.ask(&CHECK).remove(0);
        assert_eq!((found.cause, found.values.last().unwrap().1.as_str()), ("black", " 1970-01-01 00:00"));
    }
}
