//! What goes wrong on the bench, and how often: the faults that a trap's camera shows in the field.

/// Counts are in bursts from the first (1); 0: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// In every so manyth burst the camera does not answer at all.
    pub camera_every: u32,
    /// In every so manyth burst the first picture is cut in the middle.
    pub corrupt_every: u32,
    /// In every so manyth burst the last picture is missing.
    pub missing_every: u32,
    /// In every so manyth burst the camera hangs for ever: what a watchdog is for.
    pub hang_every: u32,
}

impl Faults {
    /// True when the camera is to be dumb in scene `index` (from 0).
    pub fn camera(&self, index: u64) -> bool {
        hits(self.camera_every, index)
    }

    /// True when the camera is to hang in scene `index` (from 0).
    pub fn hang(&self, index: u64) -> bool {
        hits(self.hang_every, index)
    }

    /// Spoils the pictures of scene `index` (from 0) as asked.
    pub fn spoil(&self, index: u64, pictures: &mut [Result<Vec<u8>, String>]) {
        if hits(self.corrupt_every, index)
            && let Some(Ok(jpeg)) = pictures.first_mut()
        {
            jpeg.truncate(jpeg.len() / 2);
        }
        if hits(self.missing_every, index)
            && let Some(last) = pictures.last_mut()
        {
            *last = Err("the bench was told to lose this picture".to_owned());
        }
    }
}

fn hits(every: u32, index: u64) -> bool {
    every > 0 && (index + 1).is_multiple_of(u64::from(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_the_bursts_they_are_asked_for_and_in_no_other() {
        let faults = Faults { camera_every: 3, corrupt_every: 2, missing_every: 0, hang_every: 0 };
        let dumb: Vec<u64> = (0..7).filter(|&i| faults.camera(i)).collect();
        assert_eq!(dumb, [2, 5]);
        let mut pictures = [Ok(vec![1, 2, 3, 4]), Ok(vec![5, 6])];
        faults.spoil(0, &mut pictures);
        assert_eq!(pictures, [Ok(vec![1, 2, 3, 4]), Ok(vec![5, 6])]);
        faults.spoil(1, &mut pictures);
        assert_eq!(pictures, [Ok(vec![1, 2]), Ok(vec![5, 6])]);
        Faults { missing_every: 1, ..faults }.spoil(0, &mut pictures);
        assert!(pictures[1].is_err());
    }
}
