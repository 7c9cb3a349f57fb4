//! Cars and quads from flat faces: a body, a cabin with windows, wheels.

use super::canvas::{Rgb, dim};
use super::sprite::{Face, Stand};

/// A kind of vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Car,
    Pickup,
    Quad,
}

struct Builder<'a> {
    stand: &'a Stand,
    faces: Vec<Face>,
}

impl Builder<'_> {
    fn quad(&mut self, p: [[f32; 3]; 4], rgb: Rgb) {
        let [a, b, c, d] = p.map(|p| self.stand.place(p));
        self.faces.push(Face { corners: [a, b, c], rgb });
        self.faces.push(Face { corners: [a, c, d], rgb });
    }

    /// A box between two corners whose top is drawn in by `taper` metres at its ends.
    fn block(&mut self, low: [f32; 3], high: [f32; 3], taper: f32, rgb: Rgb, glass: Option<Rgb>) {
        let [x0, y0, z0] = low;
        let [x1, y1, z1] = high;
        let (t0, t1) = (x0 + taper, x1 - taper);
        let (side, end) = (glass.unwrap_or(dim(rgb, 0.85)), glass.unwrap_or(dim(rgb, 0.7)));
        for z in [z0, z1] {
            self.quad([[x0, y0, z], [x1, y0, z], [t1, y1, z], [t0, y1, z]], side);
        }
        self.quad([[x0, y0, z0], [x0, y0, z1], [t0, y1, z1], [t0, y1, z0]], end);
        self.quad([[x1, y0, z0], [x1, y0, z1], [t1, y1, z1], [t1, y1, z0]], end);
        self.quad([[t0, y1, z0], [t1, y1, z0], [t1, y1, z1], [t0, y1, z1]], dim(rgb, 1.25));
    }

    fn wheel(&mut self, x: f32, z: f32, r: f32) {
        for (k, size, rgb) in [(0.0, 1.0, [0.02; 3]), (0.012, 0.55, [0.22; 3])] {
            let z = if z > 0.0 { z + k } else { z - k };
            let rim = |i: usize| {
                let a = i as f32 * core::f32::consts::PI / 7.0;
                self.stand.place([x + r * size * libm::cosf(a), r + r * size * libm::sinf(a), z])
            };
            let hub = self.stand.place([x, r, z]);
            let spokes: Vec<Face> =
                (0..14).map(|i| Face { corners: [hub, rim(i), rim(i + 1)], rgb }).collect();
            self.faces.extend(spokes);
        }
    }
}

/// The faces of a vehicle where it stands.
pub(crate) fn faces(make: Make, paint: Rgb, stand: &Stand) -> Vec<Face> {
    let mut b = Builder { stand, faces: Vec::new() };
    let glass = Some([0.05, 0.06, 0.07]);
    match make {
        Make::Car | Make::Pickup => {
            let (w, cab) = (0.85, if make == Make::Car { (-1.9, 0.75) } else { (-0.5, 0.9) });
            b.block([-2.1, 0.35, -w], [2.1, 0.95, w], 0.08, paint, None);
            b.block([cab.0, 0.95, -w * 0.92], [cab.1, 1.5, w * 0.92], 0.35, paint, glass);
            for (x, z) in [(-1.3, -w), (1.35, -w), (-1.3, w), (1.35, w)] {
                b.wheel(x, z * 1.01, 0.36);
            }
            for z in [-0.6, 0.6] {
                let lamp = [
                    [2.12, 0.62, z - 0.15],
                    [2.12, 0.62, z + 0.15],
                    [2.12, 0.8, z + 0.15],
                    [2.12, 0.8, z - 0.15],
                ];
                b.quad(lamp, [0.9, 0.9, 0.85]);
            }
        }
        Make::Quad => {
            b.block([-0.75, 0.4, -0.3], [0.75, 0.75, 0.3], 0.15, paint, None);
            b.block([-0.45, 0.75, -0.2], [0.15, 0.9, 0.2], 0.1, [0.03; 3], None);
            b.block([0.3, 0.75, -0.4], [0.45, 1.05, 0.4], 0.04, [0.04; 3], None);
            for (x, z) in [(-0.6, -0.45), (0.6, -0.45), (-0.6, 0.45), (0.6, 0.45)] {
                b.wheel(x, z, 0.29);
            }
        }
    }
    b.faces
}
