//! Boxes of one picture cut out with what is around them, each as a JPEG.

use std::path::Path;

use crate::image::{Region, Want, crop, decode, encode_jpeg, resize};
use crate::units::BBox;

/// Quality of the crops: what a trap's own crops have or better, since they are learnt from.
const QUALITY: u8 = 92;

/// What is to be cut out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    bbox: BBox,
    /// `None`: all of the picture.
    margin: Option<f32>,
}

impl Shape {
    /// The square around the box, wider by `margin` of its longer side on each side, clipped to the picture.
    pub fn around(bbox: BBox, margin: f32) -> Self {
        Shape { bbox, margin: Some(margin) }
    }

    /// The picture as it is.
    pub fn whole() -> Self {
        Shape { bbox: BBox::FULL, margin: None }
    }

    fn region(&self, width: u32, height: u32) -> Region {
        let Some(margin) = self.margin else { return Region { x: 0, y: 0, width, height } };
        Region::of(&around(&self.bbox, margin, width, height), width, height)
    }
}

/// The square around a box on a picture of `width` x `height` pixels, clipped to it.
pub(super) fn around(bbox: &BBox, margin: f32, width: u32, height: u32) -> BBox {
    let (w, h) = (width.max(1) as f32, height.max(1) as f32);
    let half = (bbox.w * w).max(bbox.h * h).max(1.0) * (0.5 + margin);
    let (x, y) = bbox.centre();
    BBox::from_corners(x - half / w, y - half / h, x + half / w, y + half / h)
}

/// A crop.
#[derive(Debug)]
pub(super) struct Cut {
    pub jpeg: Vec<u8>,
    /// Where on it the box lies.
    pub inside: BBox,
}

/// Cuts all of them out of the picture at `path`, none longer than `side` pixels; the reason where it cannot be read.
pub(super) fn cut(path: &Path, shapes: &[Shape], side: u32) -> Result<Vec<Cut>, String> {
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let picture = decode(&bytes, Want::Full).map_err(|e| e.to_string())?;
    let one = |shape: &Shape| {
        let region = shape.region(picture.width, picture.height);
        let mut part = crop(&picture, region).map_err(|e| e.to_string())?;
        let long = part.width.max(part.height);
        if long > side {
            let less =
                |length: u32| (u64::from(length) * u64::from(side)).div_ceil(u64::from(long)).max(1) as u32;
            part = resize(&part, less(part.width), less(part.height)).map_err(|e| e.to_string())?;
        }
        let outer = region.to_bbox(picture.width, picture.height);
        let inside = BBox::from_corners(
            (shape.bbox.x - outer.x) / outer.w,
            (shape.bbox.y - outer.y) / outer.h,
            (shape.bbox.right() - outer.x) / outer.w,
            (shape.bbox.bottom() - outer.y) / outer.h,
        );
        let jpeg = encode_jpeg(&part, QUALITY).map_err(|e| e.to_string())?;
        Ok(Cut { jpeg, inside })
    };
    shapes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb;

    #[test]
    fn the_box_is_found_again_on_its_crop() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jpg");
        let grey = Rgb { width: 200, height: 100, data: vec![90; 60_000] };
        std::fs::write(&path, encode_jpeg(&grey, 90).unwrap()).unwrap();
        // By hand: 40x20 pixels around (100, 50); half of 40 more on each side makes 80x80 at (60, 10).
        let middle = BBox::from_corners(0.4, 0.4, 0.6, 0.6);
        let cuts = cut(&path, &[Shape::around(middle, 0.5), Shape::around(middle, 0.5), Shape::whole()], 64)
            .unwrap();
        let size = |i: usize| decode(&cuts[i].jpeg, Want::Full).map(|p| (p.width, p.height)).unwrap();
        assert_eq!((size(0), size(2)), ((64, 64), (64, 32)));
        let near =
            |a: BBox, b: [f32; 4]| <[f32; 4]>::from(a).iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(cuts[0].inside, [0.25, 0.375, 0.5, 0.25]), "{:?}", cuts[0].inside);
        assert_eq!(cuts[2].inside, BBox::FULL);
        // At the corner it is clipped: 40x20 at the top left reaches to 60 and 50.
        let corner = cut(&path, &[Shape::around(BBox::from_corners(0.0, 0.0, 0.2, 0.2), 0.5)], 512).unwrap();
        let picture = decode(&corner[0].jpeg, Want::Full).unwrap();
        assert_eq!((picture.width, picture.height), (60, 50));
        assert!(near(corner[0].inside, [0.0, 0.0, 40.0 / 60.0, 0.4]), "{:?}", corner[0].inside);
    }

    #[test]
    fn what_is_no_picture_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jpg");
        std::fs::write(&path, b"no").unwrap();
        assert!(cut(&path, &[Shape::whole()], 64).unwrap_err().contains("JPEG"));
        assert!(cut(&dir.path().join("b.jpg"), &[], 64).is_err());
    }
}
