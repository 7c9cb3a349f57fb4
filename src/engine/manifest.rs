//! What a model is: the manifest beside its `.onnx`, strict and checked.
//!
//! ```toml
//! role = "detector"                      # detector, classifier, embedder, attributes
//! name = "yolox-nano"
//! version = "0.1.1"
//! file = "yolox_nano.onnx"               # beside the manifest, or ${VAR}/…
//! sha256 = "d39bee73…"                   # of the file, 64 hexadecimal digits
//! licence = "Apache-2.0"
//! source = "https://…"
//! temperature = 1.0                      # classifiers: logits are divided by it; default 1
//! labels = ["empty", "fox"]              # or { file = "labels.csv" }; classifiers must have them
//! # [look] and [[attribute]]: see `look` and `attributes`
//! allowed = ["fox"]                      # classifiers: only these labels may win; default all
//!
//! [input]
//! name = "images"
//! width = 416
//! height = 416
//! layout = "nchw"                        # nchw, nhwc
//! colour = "bgr"                         # rgb, bgr
//! dtype = "f32"                          # f32: (pixel * scale - mean) / std;  u8: the pixel itself
//! scale = 1.0                            # default 1
//! mean = [0, 0, 0]                       # default 0, in the order of `colour`
//! std = [1, 1, 1]                        # default 1, likewise
//! [input.resize]
//! rule = "letterbox"                     # letterbox, stretch; classifiers also square
//! align = "top-left"                     # letterbox: centre, top-left; default centre
//! pad = 114                              # letterbox: grey value around the picture, 0..=255; default 114
//! margin = 0.2                           # square: share of the side added around the box, 0..=1; default 0
//! filter = "bilinear"                    # bilinear, bicubic; default bilinear
//!
//! [output]
//! decode = "yolox"                       # detector: yolox yolov5 yolov8 yolov10 rtdetr fastestdet
//!                                        # classifier: logits softmax probabilities; embedder: embedding
//! name = "output"                        # default: the network's first output
//! boxes = "pred_boxes"                   # rtdetr: the output with the boxes; default: the second output
//! scale = 0.00390625                     # quantised (u8) outputs: value = (byte - zero_point) * scale
//! zero_point = 0
//!
//! [classes]                              # detectors: which class indexes are what; all others are ignored
//! animal = [14, 15]
//! person = [0]
//! vehicle = [2]
//!
//! [thresholds]                           # detectors
//! detection = 0.25                       # a box from here on counts as seen
//! low = 0.05                             # boxes below are dropped; default 0.05, MegaDetector's conservative one
//! nms_iou = 0.45                         # boxes of one kind that overlap more are one; default 0.45, as YOLOX
//!
//! [fusion]                               # detectors, optional: weights of the burst's probability fitted for it
//! bias = -7.8                            # with models/recipes/fit_fusion.py; all seven keys, see vision::fuse
//! motion = 1.6
//! moving_box = 0.9
//! still_box = 1.6
//! persistence = 0.5
//! upheaval = 5.0
//! silence = -2.0
//!
//! [individuals]                          # embedders: similarity to probability, and when it is told; see
//! slope = 22.5                           # `individuals`. Without it nearest individuals are told and none decided
//! intercept = -12.1
//! known = 0.9                            # from this probability on it is told as that individual
//! new = 0.1                              # below it as none of the gallery; between them as unsure
//!
//! [[form]]                               # optional: the same network, made for one engine; the first that fits is
//! engine = "onnxruntime"                 # taken in the place of `file`. tract, onnxruntime (on the processor)
//! needs = "dot-product"                  # only on processors that multiply bytes at once; default: on any
//! file = "yolox_nano-u8s8.onnx"
//! sha256 = "5c1b8f0e…"
//! ```

use std::path::{Path, PathBuf};

use super::attributes::Attribute;
use super::form::Form;
use super::individuals::Calibration;
use super::labels::Label;
use super::look::Look;

pub use super::read::parse;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Finds boxes.
    Detector,
    /// Names what is in a box.
    Classifier,
    /// Turns a box into a vector that is near that of the same individual.
    Embedder,
    /// Tells life stage and behaviour of what is in a box.
    Attributes,
}

impl Role {
    /// The name used in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Detector => "detector",
            Role::Classifier => "classifier",
            Role::Embedder => "embedder",
            Role::Attributes => "attributes",
        }
    }
}

/// A checked manifest: every value is in range and fits its role.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The manifest's own file.
    pub path: PathBuf,
    /// What the model is for.
    pub role: Role,
    /// Name, as shown to the user.
    pub name: String,
    /// Version.
    pub version: String,
    /// The network's file.
    pub file: PathBuf,
    /// SHA-256 of the network's file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Other forms of the network, each for one engine; see [`Manifest::suited`].
    pub forms: Vec<Form>,
    /// Licence of the weights, as an SPDX expression where there is one.
    pub licence: String,
    /// Where the weights come from.
    pub source: String,
    /// What the network takes.
    pub input: Input,
    /// What the network gives.
    pub output: Output,
    /// One label per class; empty for detectors and embedders that name none.
    pub labels: Vec<Label>,
    /// Detectors: which classes are what.
    pub classes: Classes,
    /// Detectors: when a box counts.
    pub thresholds: Thresholds,
    /// Weights of a burst's probability, fitted for this detector; `None`: those reasoned for any detector.
    pub fusion: Option<Fusion>,
    /// Embedders: what similarities mean.
    pub individuals: Option<Calibration>,
    /// Classifiers: what logits are divided by before the softmax, > 0.
    pub temperature: f32,
    /// Classifiers: the only labels that may win, all of them names in `labels`; `None` for all.
    pub allowed: Option<Vec<String>>,
    /// How closely it looks.
    pub look: Look,
    /// Attributes: what each output means, in their order.
    pub attributes: Vec<Attribute>,
}

/// Order of the input's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[1, 3, height, width]`.
    Nchw,
    /// `[1, height, width, 3]`.
    Nhwc,
}

/// Order of the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Red first.
    Rgb,
    /// Blue first, as OpenCV has it.
    Bgr,
}

/// Type of the input's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floats, `(pixel * scale - mean) / std`.
    F32,
    /// Bytes: the pixel itself.
    U8,
}

/// Where a letterboxed picture lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// In the middle, the padding shared by both sides (YOLOv5 and later).
    Centre,
    /// In the top left corner (YOLOX).
    TopLeft,
}

/// How a picture becomes the input's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resize {
    /// Keeps its shape; the rest is filled with the grey value `pad`.
    Letterbox {
        /// Where it lies.
        align: Align,
        /// Grey value around it, in pixels' units.
        pad: u8,
    },
    /// Fills the input whatever its shape.
    Stretch,
    /// A square around the box, its side larger by the share `margin` (0..=1), clipped to the picture, stretched:
    /// DeepFaune's crop has margin 0.
    Square {
        /// Share of the side added.
        margin: f32,
    },
}

/// What a network takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Name of the network's input.
    pub name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Order of the axes.
    pub layout: Layout,
    /// Order of the colours.
    pub colour: Colour,
    /// Type of the numbers.
    pub dtype: Dtype,
    /// Pixels are multiplied by it first.
    pub scale: f32,
    /// Subtracted next, in the order of `colour`.
    pub mean: [f32; 3],
    /// Divided by last, not 0, in the order of `colour`.
    pub std: [f32; 3],
    /// How a picture gets this size.
    pub resize: Resize,
    /// Whether to resize with a cubic filter instead of a linear one.
    pub bicubic: bool,
}

impl Input {
    /// The input tensor's shape.
    pub fn shape(&self) -> [usize; 4] {
        let (width, height) = (self.width as usize, self.height as usize);
        match self.layout {
            Layout::Nchw => [1, 3, height, width],
            Layout::Nhwc => [1, height, width, 3],
        }
    }
}

/// How to read a network's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decode {
    /// `[1, n, 5 + c]`: raw x, y, w, h per grid cell, objectness, classes.
    Yolox,
    /// `[1, n, 5 + c]`: x, y, w, h in input pixels, objectness, classes (YOLOv5, MegaDetector v5).
    Yolov5,
    /// `[1, 4 + c, n]`: x, y, w, h in input pixels, classes (YOLOv8, 9, 11).
    Yolov8,
    /// `[1, n, 6]`: x0, y0, x1, y1 in input pixels, score, class (YOLOv10; needs no suppression).
    Yolov10,
    /// `[1, n, c]` logits and `[1, n, 4]` x, y, w, h in shares (RT-DETR; needs no suppression).
    RtDetr,
    /// `[1, 5 + c, h, w]`: objectness, box, classes per cell (FastestDet).
    FastestDet,
    /// A classifier's raw scores.
    Logits,
    /// A classifier's probabilities, out of a softmax.
    Softmax,
    /// A classifier's probabilities of any other kind, 0..=1.
    Probabilities,
    /// An embedder's vector.
    Embedding,
}

/// What a network gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// How to read it.
    pub decode: Decode,
    /// Name of the output; `None`: the first.
    pub name: Option<String>,
    /// RT-DETR: name of the output with the boxes; `None`: the second.
    pub boxes: Option<String>,
    /// Quantised outputs: value of one step.
    pub scale: f32,
    /// Quantised outputs: the byte that means 0.
    pub zero_point: f32,
}

/// Which of a detector's class indexes are what; indexes in none of the lists are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Classes {
    /// Animals.
    pub animal: Vec<usize>,
    /// People.
    pub person: Vec<usize>,
    /// Vehicles.
    pub vehicle: Vec<usize>,
}

/// When a detector's box counts, all in 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// From here on a box counts as seen.
    pub detection: f32,
    /// Boxes below are dropped at once.
    pub low: f32,
    /// Boxes of one kind whose intersection over union is above are one.
    pub nms_iou: f32,
}

/// What the clues of a burst weigh in its log-odds when this detector looked (`vision::fuse::Clues` says what each
/// is): at least 0, `silence` at most 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fusion {
    /// Log-odds with no clue at all.
    pub bias: f32,
    /// Salience of the motion.
    pub motion: f32,
    /// The best box in which something moved.
    pub moving_box: f32,
    /// The best box in which nothing moved.
    pub still_box: f32,
    /// Share of the frames with a box.
    pub persistence: f32,
    /// The scene is another from frame to frame.
    pub upheaval: f32,
    /// Something moved and no box says what.
    pub silence: f32,
}

impl Manifest {
    /// Reads and checks the manifest at `path`: a `.toml`, or a folder with exactly one `.toml` in it.
    pub fn load(path: &Path) -> Result<Manifest, ManifestError> {
        let path = manifest_in(path)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|e| ManifestError::Read { file: path.clone(), reason: e.to_string() })?;
        parse(&text, &path)
    }
}

/// `path` itself when it is a file, else the one `.toml` in the folder.
pub(super) fn manifest_in(path: &Path) -> Result<PathBuf, ManifestError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let unread = |reason: String| ManifestError::Read { file: path.to_owned(), reason };
    let entries = std::fs::read_dir(path).map_err(|e| unread(e.to_string()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(unread("the folder holds no manifest (a .toml file)".into())),
        (Some(_), false) => Err(unread("the folder holds several .toml files; name the one you mean".into())),
    }
}

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The manifest cannot be read.
    #[error("{}: cannot read the manifest: {reason}", file.display())]
    Read {
        /// The manifest.
        file: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// It is no TOML.
    #[error("{}: not valid TOML: {reason}", file.display())]
    Toml {
        /// The manifest.
        file: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// A key that means nothing.
    #[error("{}: unknown key `{key}`; allowed are {hint}", file.display())]
    UnknownKey {
        /// The manifest.
        file: PathBuf,
        /// The key with its table.
        key: String,
        /// The allowed keys, and the nearest.
        hint: String,
    },
    /// A key that must be there.
    #[error("{}: the key `{key}` is missing; it takes {allowed}", file.display())]
    MissingKey {
        /// The manifest.
        file: PathBuf,
        /// The key with its table.
        key: String,
        /// What it takes.
        allowed: String,
    },
    /// A value that is not allowed.
    #[error("{}: `{key}` is {got}; allowed: {allowed}", file.display())]
    Value {
        /// The manifest.
        file: PathBuf,
        /// The key with its table.
        key: String,
        /// What it is.
        got: String,
        /// What it may be.
        allowed: String,
    },
    /// A path begins with an environment variable that is not set.
    #[error("{}: `{text}` needs the environment variable {variable}, which is not set", file.display())]
    Variable {
        /// The manifest.
        file: PathBuf,
        /// The path as written.
        text: String,
        /// The variable.
        variable: String,
    },
    /// The file of labels cannot be used.
    #[error("{}: the labels in {} cannot be used: {reason}", file.display(), labels.display())]
    Labels {
        /// The manifest.
        file: PathBuf,
        /// The file of labels.
        labels: PathBuf,
        /// Why.
        reason: String,
    },
}
