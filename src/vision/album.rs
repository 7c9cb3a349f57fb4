//! The pictures of one burst, decoded at the scale a step needs and no sooner.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::judge::Frame;
#[cfg(doc)]
use super::motion;
use crate::image::{self, Gray, ImageError, Picture, Source, View, Want};

/// A picture is made smaller for motion evidence when it is wider than this many times what is asked for; the
/// decoder's own steps of two stay within it.
const WIDE: f32 = 1.3;

/// Mean difference between the largest and the smallest colour of a pixel, in levels of 255, below which a picture
/// has no colour: infrared frames of the test cameras stay below 3, the greyest daylight above 8.
const COLOURLESS: f32 = 5.0;

/// Frames, decoded when they are asked for and only where they are looked at. Nothing decoded is kept: a full picture of
/// 8 megapixels is 24 MB on boards whose whole memory is 512 MB.
pub(super) struct Album<'a> {
    frames: &'a [Frame<'a>],
    opened: Vec<OnceLock<Result<Source<'a>, String>>>,
}

impl<'a> Album<'a> {
    pub(super) fn new(frames: &'a [Frame<'a>]) -> Self {
        Album { frames, opened: frames.iter().map(|_| OnceLock::new()).collect() }
    }

    /// How many frames there are.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Frame `index`, upright, its longer side at least `long_side` pixels if it has so many.
    pub(super) fn small(&self, index: usize, long_side: u32) -> Result<Picture, String> {
        self.source(index)?.look(Want::LongSide(long_side)).map_err(|e| e.to_string())
    }

    /// Size of frame `index`, upright.
    pub(super) fn size(&self, index: usize) -> Result<(u32, u32), String> {
        Ok(self.source(index)?.size())
    }

    /// Frame `index`, upright, in every pixel it has, decoded where it is looked at.
    pub(super) fn view(&self, index: usize) -> Result<View<'_, 'a>, String> {
        Ok(self.source(index)?.view())
    }

    fn source(&self, index: usize) -> Result<&Source<'a>, String> {
        let (Some(frame), Some(opened)) = (self.frames.get(index), self.opened.get(index)) else {
            return Err("no such frame".to_owned());
        };
        let open = || match frame {
            Ok(bytes) => Source::open(bytes).map_err(|e: ImageError| e.to_string()),
            Err(reason) => Err((*reason).to_owned()),
        };
        opened.get_or_init(open).as_ref().map_err(Clone::clone)
    }
}

/// Makes each of `of` and uses it, in order. With two threads or more the next is made while one is used.
pub(super) fn each_ahead<I: Copy + Send, T: Send>(
    of: &[I],
    threads: usize,
    make: impl Fn(I) -> T + Sync,
    mut used: impl FnMut(I, T),
) {
    if threads < 2 {
        return of.iter().for_each(|&item| used(item, make(item)));
    }
    let make = &make;
    std::thread::scope(|scope| {
        let mut coming = of.first().map(|&item| scope.spawn(move || make(item)));
        for (at, &item) in of.iter().enumerate() {
            let made = coming.take().map(|thread| thread.join());
            coming = of.get(at + 1).map(|&item| scope.spawn(move || make(item)));
            match made {
                Some(Ok(made)) => used(item, made),
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                None => {}
            }
        }
    });
}

/// Makes each of `of`, in their order, on at most `threads` threads at once.
pub(super) fn side_by_side<I: Copy + Sync, T: Send>(
    of: &[I],
    threads: usize,
    make: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            match of.get(at) {
                Some(&item) => made.push((at, make(item))),
                None => return made,
            }
        }
    };
    let mut all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(of.len())).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for thread in others {
            all.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, made)| made).collect()
}

/// The luma that motion evidence looks at: about `width` wide, [`motion::WIDTH`] for the full evidence.
pub(super) fn motion_luma(picture: &Picture, width: u32) -> Result<Gray, ImageError> {
    let gray = picture.luma();
    let wide = gray.width as f32 / width as f32;
    if wide <= WIDE {
        return Ok(gray.into_owned());
    }
    let height = ((gray.height as f32 / wide).round() as u32).max(1);
    image::resize_gray(&gray, width, height)
}

/// Whether a picture shows no colour: taken by infrared light.
pub(super) fn is_infrared(picture: &Picture) -> bool {
    // Every 16th pixel tells as much as all of them.
    let spread = |p: [u8; 3]| p.iter().max().zip(p.iter().min()).map_or(0, |(a, b)| u32::from(a - b));
    let (sum, count) = picture.sampled(16).fold((0u32, 0u32), |(sum, count), p| (sum + spread(p), count + 1));
    count > 0 && (sum as f32) < COLOURLESS * count as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_ahead_is_used_in_order() {
        for threads in [0, 1, 2, 16] {
            let mut squares = Vec::new();
            each_ahead(&[0, 1, 2, 3, 7], threads, |i| i * i, |i, square| squares.push((i, square)));
            assert_eq!(squares, [(0, 0), (1, 1), (2, 4), (3, 9), (7, 49)], "{threads} threads");
        }
        each_ahead(&[0; 0], 4, |i| i, |_, _| panic!("nothing was asked for"));
    }

    #[test]
    fn what_is_made_side_by_side_comes_in_order() {
        for threads in [0, 1, 2, 16] {
            let slow_first = |i: u64| {
                std::thread::sleep(std::time::Duration::from_millis(10 - i));
                i * i
            };
            assert_eq!(
                side_by_side(&[0, 1, 2, 3, 7], threads, slow_first),
                [0, 1, 4, 9, 49],
                "{threads} threads"
            );
        }
        assert_eq!(side_by_side(&[0; 0], 4, |i| i), [0; 0]);
        // Two at once: each waits for the other.
        let both = std::sync::Barrier::new(2);
        assert_eq!(side_by_side(&[1, 2], 2, |i| (both.wait(), i).1), [1, 2]);
    }
}
