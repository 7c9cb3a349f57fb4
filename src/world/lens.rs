//! Where a point of the world falls in the picture.
//!
//! The world is metres: x to the right, y up from the ground, z away from the camera. The lens is a pinhole whose
//! image plane stays upright (a shifted lens), so verticals stay vertical and the ground is `horizon` plus
//! `height · focal / z` below the top of the picture.

/// A camera's geometry, independent of the picture's size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lens {
    /// Focal length in picture heights (1.2 with 4:3 is about 58° across, as trail cameras have 40–60°).
    pub(crate) focal: f32,
    /// The horizon's place from the top, in picture heights.
    pub(crate) horizon: f32,
    /// Camera above the ground, metres.
    pub(crate) height: f32,
}

/// A lens together with a picture size: world to pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) lens: Lens,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl View {
    pub(crate) fn new(lens: Lens, width: usize, height: usize) -> Self {
        View { lens, width: width as f32, height: height as f32 }
    }

    /// Pixels a metre takes at distance `z`.
    pub(crate) fn scale(&self, z: f32) -> f32 {
        self.lens.focal * self.height / z.max(0.15)
    }

    /// The pixel of a world point.
    pub(crate) fn pixel(&self, p: [f32; 3]) -> [f32; 2] {
        let s = self.scale(p[2]);
        [self.width * 0.5 + s * p[0], self.lens.horizon * self.height + s * (self.lens.height - p[1])]
    }

    /// Distance of the ground seen at row `y`, or nothing at or above the horizon.
    pub(crate) fn ground(&self, y: f32) -> Option<f32> {
        let drop = y / self.height - self.lens.horizon;
        (drop > 1e-4).then(|| self.lens.focal * self.lens.height / drop)
    }

    /// World x of a pixel column at distance `z`.
    pub(crate) fn across(&self, x: f32, z: f32) -> f32 {
        (x - self.width * 0.5) / self.scale(z)
    }

    /// World height of a pixel row at distance `z`.
    pub(crate) fn up(&self, y: f32, z: f32) -> f32 {
        self.lens.height - (y - self.lens.horizon * self.height) / self.scale(z)
    }
}
