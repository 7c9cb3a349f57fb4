//! Command lines of the programs that are known.

/// What pictures are asked of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Pictures a second.
    pub rate: u32,
    /// JPEG quality, 1..=100.
    pub quality: u8,
    /// More arguments, as they are.
    pub extra: Vec<String>,
}

/// `rpicam-vid` of the Raspberry Pi: Motion JPEG to standard output, no preview, no end, each picture written at once.
pub fn rpicam(program: &str, picture: &Picture) -> Vec<String> {
    let mut command: Vec<String> = vec![program.to_owned()];
    command.extend("--codec mjpeg --output - --timeout 0 --nopreview --flush".split(' ').map(str::to_owned));
    for (name, value) in [
        ("--width", picture.width),
        ("--height", picture.height),
        ("--framerate", picture.rate),
        ("--quality", picture.quality.into()),
    ] {
        command.extend([name.to_owned(), value.to_string()]);
    }
    command.extend(picture.extra.iter().cloned());
    command
}

/// `rpicam-still` of the Raspberry Pi that takes a picture at each SIGUSR1 and ends at SIGUSR2: no preview, no end, no
/// thumbnail, no change of the sensor's mode for a picture (`--zsl`); pictures go to files called by `pattern`.
pub fn rpicam_still(program: &str, picture: &Picture, pattern: &str) -> Vec<String> {
    let mut command: Vec<String> = vec![program.to_owned()];
    let always = "--signal --zsl --timeout 0 --nopreview --thumb none --encoding jpg";
    command.extend(always.split(' ').map(str::to_owned));
    for (name, value) in [
        ("--width", picture.width),
        ("--height", picture.height),
        ("--framerate", picture.rate),
        ("--quality", picture.quality.into()),
    ] {
        command.extend([name.to_owned(), value.to_string()]);
    }
    command.extend(picture.extra.iter().cloned());
    command.extend(["--output".to_owned(), pattern.to_owned()]);
    command
}

/// `gst-launch-1.0` of a Jetson, from the sensor through the hardware's JPEG encoder.
///
/// Argus writes remarks to standard output, where they would fall into pictures: the shell moves the pictures' way out
/// to descriptor 3 and turns standard output into standard error. The arguments are handed over as they are, not
/// read by the shell. `extra` are properties of the source, as `sensor-id=1`.
pub fn nvargus(program: &str, picture: &Picture) -> Vec<String> {
    let Picture { width, height, rate, quality, extra } = picture;
    let mut command: Vec<String> =
        ["sh", "-c", "exec \"$0\" \"$@\" 3>&1 1>&2", program, "--quiet", "nvarguscamerasrc"]
            .map(str::to_owned)
            .into();
    command.extend(extra.iter().cloned());
    command.extend(
        [
            "!",
            &format!("video/x-raw(memory:NVMM),width={width},height={height},framerate={rate}/1"),
            "!",
            "nvjpegenc",
            &format!("quality={quality}"),
            "!",
            "fdsink",
            "fd=3",
            "sync=false",
        ]
        .map(str::to_owned),
    );
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_lines_are_those_of_the_manuals() {
        let picture =
            Picture { width: 1536, height: 864, rate: 5, quality: 90, extra: vec!["--hflip".into()] };
        let expected = "rpicam-vid --codec mjpeg --output - --timeout 0 --nopreview --flush --width 1536 --height 864 \
                        --framerate 5 --quality 90 --hflip";
        assert_eq!(rpicam("rpicam-vid", &picture).join(" "), expected);
        let still = rpicam_still("rpicam-still", &picture, "/run/x/%08d.jpg");
        let expected = "rpicam-still --signal --zsl --timeout 0 --nopreview --thumb none --encoding jpg --width 1536 \
                        --height 864 --framerate 5 --quality 90 --hflip --output /run/x/%08d.jpg";
        assert_eq!(still.join(" "), expected);
        let jetson = nvargus("gst-launch-1.0", &Picture { extra: vec!["sensor-id=0".into()], ..picture });
        let pipeline = "gst-launch-1.0 --quiet nvarguscamerasrc sensor-id=0 ! \
                        video/x-raw(memory:NVMM),width=1536,height=864,framerate=5/1 ! nvjpegenc quality=90 ! \
                        fdsink fd=3 sync=false";
        assert_eq!(jetson[3..].join(" "), pipeline);
    }
}
