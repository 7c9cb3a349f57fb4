//! From a manifest's text to a checked [`Manifest`].

use std::path::Path;

use toml::{Table, Value};

use super::attributes;
use super::form::{Form, Kind, Need};
use super::individuals::Calibration;
use super::keys::Section;
use super::labels::{self, Label};
use super::look::Look;
use super::manifest::{
    Align, Classes, Colour, Decode, Dtype, Fusion, Input, Layout, Manifest, ManifestError, Output, Resize,
    Role, Thresholds,
};

/// Reads a text file.
pub type ReadText<'a> = dyn Fn(&Path) -> std::io::Result<String> + 'a;

/// Reads the manifest `text`, which lies at `path`: relative files in it are beside `path`. Files it names are not
/// opened, except that of the labels.
pub fn parse(text: &str, path: &Path) -> Result<Manifest, ManifestError> {
    parse_with(text, path, &|file| std::fs::read_to_string(file))
}

/// The same, with another way to get at the file of the labels.
pub fn parse_with(text: &str, path: &Path, read: &ReadText<'_>) -> Result<Manifest, ManifestError> {
    let table: Table = text
        .parse()
        .map_err(|e: toml::de::Error| ManifestError::Toml { file: path.to_owned(), reason: e.to_string() })?;
    const KEYS: [&str; 19] = [
        "role",
        "name",
        "version",
        "file",
        "sha256",
        "licence",
        "source",
        "input",
        "output",
        "labels",
        "classes",
        "thresholds",
        "fusion",
        "temperature",
        "allowed",
        "form",
        "look",
        "attribute",
        "individuals",
    ];
    let top = Section::new(path, "", &table, &KEYS)?;
    let role = top.needed_choice(
        "role",
        &[
            ("detector", Role::Detector),
            ("classifier", Role::Classifier),
            ("embedder", Role::Embedder),
            ("attributes", Role::Attributes),
        ],
    )?;
    let labels = labels(&top, path, role, read)?;
    Ok(Manifest {
        path: path.to_owned(),
        role,
        name: top.needed_text("name")?.to_owned(),
        version: top.needed_text("version")?.to_owned(),
        file: top.path("file")?.ok_or_else(|| top.missing("file", "the network's .onnx"))?,
        sha256: sha256(&top)?,
        forms: forms(&top)?,
        licence: top.needed_text("licence")?.to_owned(),
        source: top.needed_text("source")?.to_owned(),
        input: input(&top, role)?,
        output: output(&top, role)?,
        allowed: allowed(&top, role, &labels)?,
        labels,
        classes: classes(&top, role)?,
        thresholds: thresholds(&top, role)?,
        fusion: fusion(&top, role)?,
        individuals: Calibration::read(&top, role)?,
        temperature: temperature(&top, role)?,
        look: Look::read(&top, role)?,
        attributes: attributes::read(&top, role)?,
    })
}

fn sha256(top: &Section<'_>) -> Result<String, ManifestError> {
    let text = top.needed_text("sha256")?;
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(top.wrong_value("sha256", &format!("{text:?}"), "64 hexadecimal digits, as `sha256sum` prints them"))
}

fn forms(top: &Section<'_>) -> Result<Vec<Form>, ManifestError> {
    let read = |section: Section<'_>| {
        Ok(Form {
            engine: section
                .needed_choice("engine", &[("tract", Kind::Tract), ("onnxruntime", Kind::OnnxRuntime)])?,
            needs: section.choice("needs", &[("dot-product", Need::DotProduct)])?,
            file: section.path("file")?.ok_or_else(|| section.missing("file", "the form's .onnx"))?,
            sha256: sha256(&section)?,
        })
    };
    top.tables("form", &["engine", "needs", "file", "sha256"])?.into_iter().map(read).collect()
}

fn input(top: &Section<'_>, role: Role) -> Result<Input, ManifestError> {
    const KEYS: [&str; 10] =
        ["name", "width", "height", "layout", "colour", "dtype", "scale", "mean", "std", "resize"];
    // No network for small boards takes more; 1280 is the largest in use (MegaDetector v5).
    const MAX_SIDE: u32 = 4096;
    let section = top.needed_section("input", &KEYS)?;
    let (resize, bicubic) = resize(&section, role)?;
    let dtype = section.needed_choice("dtype", &[("f32", Dtype::F32), ("u8", Dtype::U8)])?;
    let std = section.triple("std")?.unwrap_or([1.0; 3]);
    if std.contains(&0.0) {
        return Err(section.wrong_value("std", &format!("{std:?}"), "three numbers that are not 0"));
    }
    if let (Dtype::U8, Some(key)) =
        (dtype, ["scale", "mean", "std"].into_iter().find(|k| section.value(k).is_some()))
    {
        return Err(section.wrong_value(
            key,
            "set",
            "nothing: `input.dtype` is u8, which takes the pixels as they are",
        ));
    }
    Ok(Input {
        name: section.needed_text("name")?.to_owned(),
        width: section.needed_whole("width", 1, MAX_SIDE)?,
        height: section.needed_whole("height", 1, MAX_SIDE)?,
        layout: section.needed_choice("layout", &[("nchw", Layout::Nchw), ("nhwc", Layout::Nhwc)])?,
        colour: section.needed_choice("colour", &[("rgb", Colour::Rgb), ("bgr", Colour::Bgr)])?,
        dtype,
        scale: section.number("scale", -1e6, 1e6)?.unwrap_or(1.0),
        mean: section.triple("mean")?.unwrap_or([0.0; 3]),
        std,
        resize,
        bicubic,
    })
}

#[derive(Clone, Copy)]
enum Rule {
    Letterbox,
    Stretch,
    Square,
}

fn resize(input: &Section<'_>, role: Role) -> Result<(Resize, bool), ManifestError> {
    let section = input.needed_section("resize", &["rule", "align", "pad", "margin", "filter"])?;
    let all = [("letterbox", Rule::Letterbox), ("stretch", Rule::Stretch), ("square", Rule::Square)];
    // A detector looks at whole pictures: a square around a box means nothing to it.
    let choices = if role == Role::Detector { &all[..2] } else { &all[..] };
    let rule = section.needed_choice("rule", choices)?;
    let belongs: &[&str] = match rule {
        Rule::Letterbox => &["align", "pad"],
        Rule::Stretch => &[],
        Rule::Square => &["margin"],
    };
    let stray =
        ["align", "pad", "margin"].into_iter().find(|k| section.value(k).is_some() && !belongs.contains(k));
    if let Some(key) = stray {
        return Err(section.wrong_value(
            key,
            "set",
            "nothing: it has no meaning with this `input.resize.rule`",
        ));
    }
    let resize = match rule {
        Rule::Letterbox => Resize::Letterbox {
            align: section
                .choice("align", &[("centre", Align::Centre), ("top-left", Align::TopLeft)])?
                .unwrap_or(Align::Centre),
            pad: if section.value("pad").is_some() {
                section.needed_whole("pad", 0, 255)? as u8
            } else {
                114
            },
        },
        Rule::Stretch => Resize::Stretch,
        Rule::Square => Resize::Square { margin: section.number("margin", 0.0, 1.0)?.unwrap_or(0.0) },
    };
    let bicubic = section.choice("filter", &[("bilinear", false), ("bicubic", true)])?.unwrap_or(false);
    Ok((resize, bicubic))
}

fn output(top: &Section<'_>, role: Role) -> Result<Output, ManifestError> {
    let section = top.needed_section("output", &["name", "boxes", "decode", "scale", "zero_point"])?;
    let choices: &[(&str, Decode)] = match role {
        Role::Detector => &[
            ("yolox", Decode::Yolox),
            ("yolov5", Decode::Yolov5),
            ("yolov8", Decode::Yolov8),
            ("yolov10", Decode::Yolov10),
            ("rtdetr", Decode::RtDetr),
            ("fastestdet", Decode::FastestDet),
        ],
        Role::Classifier => &[
            ("logits", Decode::Logits),
            ("softmax", Decode::Softmax),
            ("probabilities", Decode::Probabilities),
        ],
        Role::Embedder => &[("embedding", Decode::Embedding)],
        Role::Attributes => &[("logits", Decode::Logits), ("probabilities", Decode::Probabilities)],
    };
    let decode = section.needed_choice("decode", choices)?;
    let boxes = section.text("boxes")?.map(str::to_owned);
    if boxes.is_some() && decode != Decode::RtDetr {
        return Err(section.wrong_value("boxes", "set", "nothing: only rtdetr gives its boxes apart"));
    }
    Ok(Output {
        decode,
        name: section.text("name")?.map(str::to_owned),
        boxes,
        scale: section.number("scale", 1e-9, 1e9)?.unwrap_or(1.0),
        zero_point: section.number("zero_point", 0.0, 255.0)?.unwrap_or(0.0),
    })
}

fn labels(
    top: &Section<'_>,
    path: &Path,
    role: Role,
    read: &ReadText<'_>,
) -> Result<Vec<Label>, ManifestError> {
    let allowed = "a list of texts, or { file = \"…\" }";
    match top.value("labels") {
        None if role == Role::Classifier => Err(top.missing("labels", allowed)),
        None => Ok(Vec::new()),
        Some(Value::Array(_)) => {
            let names = top.texts("labels")?.unwrap_or_default();
            Ok(names.into_iter().map(|name| Label { name, taxon: None }).collect())
        }
        Some(Value::Table(_)) => {
            let section = top.needed_section("labels", &["file"])?;
            let file = section.path("file")?.ok_or_else(|| section.missing("file", "a file of labels"))?;
            let unusable = |reason: String| ManifestError::Labels {
                file: path.to_owned(),
                labels: file.clone(),
                reason,
            };
            let text = read(&file).map_err(|e| unusable(e.to_string()))?;
            labels::parse(&text, &file).map_err(|e| unusable(e.to_string()))
        }
        Some(other) => Err(top.wrong("labels", other, allowed)),
    }
}

fn allowed(top: &Section<'_>, role: Role, labels: &[Label]) -> Result<Option<Vec<String>>, ManifestError> {
    let Some(names) = top.texts("allowed")? else { return Ok(None) };
    if role != Role::Classifier {
        return Err(top.wrong_value(
            "allowed",
            "set",
            "nothing: only a classifier has labels to choose from",
        ));
    }
    if let Some(stranger) = names.iter().find(|n| !labels.iter().any(|l| &l.name == *n)) {
        return Err(top.wrong_value("allowed", &format!("{stranger:?}"), "names that are in `labels`"));
    }
    if names.is_empty() {
        return Err(top.wrong_value("allowed", "[]", "at least one label"));
    }
    Ok(Some(names))
}

fn classes(top: &Section<'_>, role: Role) -> Result<Classes, ManifestError> {
    const KEYS: [&str; 3] = ["animal", "person", "vehicle"];
    if role != Role::Detector {
        return match top.value("classes") {
            None => Ok(Classes::default()),
            Some(_) => Err(top.wrong_value("classes", "set", "nothing: only a detector has classes")),
        };
    }
    let section = top.needed_section("classes", &KEYS)?;
    let [animal, person, vehicle] = KEYS.map(|key| section.indexes(key));
    let classes = Classes {
        animal: animal?.unwrap_or_default(),
        person: person?.unwrap_or_default(),
        vehicle: vehicle?.unwrap_or_default(),
    };
    let mut all: Vec<usize> = [&classes.animal[..], &classes.person, &classes.vehicle].concat();
    all.sort_unstable();
    if all.is_empty() {
        return Err(section.missing("animal", "a list of class indexes (0, 1, …)"));
    }
    match all.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => {
            Err(section.wrong_value("animal", &format!("{} twice", twice[0]), "each class index once"))
        }
        None => Ok(classes),
    }
}

fn thresholds(top: &Section<'_>, role: Role) -> Result<Thresholds, ManifestError> {
    let keys = ["detection", "low", "nms_iou"];
    let Some(section) = top.section("thresholds", &keys)? else {
        return match role {
            Role::Detector => Err(top.missing("thresholds", "a table with `detection`")),
            _ => Ok(Thresholds { detection: 0.0, low: 0.0, nms_iou: 0.0 }),
        };
    };
    if role != Role::Detector {
        return Err(top.wrong_value("thresholds", "set", "nothing: only a detector has thresholds"));
    }
    let detection = section
        .number("detection", 0.0, 1.0)?
        .ok_or_else(|| section.missing("detection", "a number from 0 to 1"))?;
    let low = section.number("low", 0.0, 1.0)?.unwrap_or(f32::min(0.05, detection));
    if low > detection {
        return Err(section.wrong_value("low", &low.to_string(), "at most `thresholds.detection`"));
    }
    Ok(Thresholds { detection, low, nms_iou: section.number("nms_iou", 0.0, 1.0)?.unwrap_or(0.45) })
}

fn fusion(top: &Section<'_>, role: Role) -> Result<Option<Fusion>, ManifestError> {
    let keys = ["bias", "motion", "moving_box", "still_box", "persistence", "upheaval", "silence"];
    let Some(section) = top.section("fusion", &keys)? else { return Ok(None) };
    if role != Role::Detector {
        return Err(top.wrong_value("fusion", "set", "nothing: only a detector has fusion weights"));
    }
    let number = |key: &str, low: f32, high: f32| {
        section
            .number(key, low, high)?
            .ok_or_else(|| section.missing(key, &format!("a number from {low} to {high}")))
    };
    Ok(Some(Fusion {
        bias: number("bias", -100.0, 100.0)?,
        motion: number("motion", 0.0, 100.0)?,
        moving_box: number("moving_box", 0.0, 100.0)?,
        still_box: number("still_box", 0.0, 100.0)?,
        persistence: number("persistence", 0.0, 100.0)?,
        upheaval: number("upheaval", 0.0, 100.0)?,
        silence: number("silence", -100.0, 0.0)?,
    }))
}

fn temperature(top: &Section<'_>, role: Role) -> Result<f32, ManifestError> {
    match top.number("temperature", 0.01, 100.0)? {
        Some(_) if role != Role::Classifier => {
            Err(top.wrong_value("temperature", "set", "nothing: only a classifier has one"))
        }
        given => Ok(given.unwrap_or(1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETECTOR: &str = r#"
        role = "detector"
        name = "d"
        version = "1"
        file = "d.onnx"
        sha256 = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"
        licence = "MIT"
        source = "https://example.org/d.onnx"
        [input]
        name = "images"
        width = 320
        height = 240
        layout = "nchw"
        colour = "rgb"
        dtype = "f32"
        scale = 0.5
        [input.resize]
        rule = "letterbox"
        [output]
        decode = "yolov8"
        [classes]
        animal = [0, 3]
        person = [1]
        [thresholds]
        detection = 0.3
    "#;

    fn read(text: &str) -> Result<Manifest, ManifestError> {
        parse(text, Path::new("models/d/model.toml"))
    }

    /// The error of the detector's manifest with `from` replaced by `to`.
    fn error(from: &str, to: &str) -> String {
        assert!(DETECTOR.contains(from), "{from}");
        read(&DETECTOR.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_full_manifest_is_read_with_its_defaults() {
        let manifest = read(DETECTOR).unwrap();
        assert_eq!(manifest.file, Path::new("models/d/d.onnx"));
        assert!(manifest.sha256.starts_with("ba7816bf"));
        assert_eq!(manifest.input.shape(), [1, 3, 240, 320]);
        assert_eq!(manifest.input.resize, Resize::Letterbox { align: Align::Centre, pad: 114 });
        assert_eq!(
            (manifest.input.scale, manifest.input.mean, manifest.input.std),
            (0.5, [0.0; 3], [1.0; 3])
        );
        assert_eq!(manifest.classes, Classes { animal: vec![0, 3], person: vec![1], vehicle: vec![] });
        assert_eq!(manifest.thresholds, Thresholds { detection: 0.3, low: 0.05, nms_iou: 0.45 });
        assert_eq!((manifest.temperature, manifest.allowed), (1.0, None));
    }

    #[test]
    fn unknown_keys_are_named_with_the_nearest_allowed_one() {
        let said = error("licence = \"MIT\"", "license = \"MIT\"");
        assert_eq!(
            said,
            "models/d/model.toml: unknown key `license`; allowed are role, name, version, file, sha256, licence, \
             source, input, output, labels, classes, thresholds, fusion, temperature, allowed, form, look, attribute, \
             individuals (did you mean `licence`?)"
        );
        let said = error("colour = \"rgb\"", "color = \"rgb\"");
        assert!(said.contains("`input.color`") && said.contains("did you mean `colour`?"), "{said}");
        let said = error("rule = \"letterbox\"", "rule = \"letterbox\"\nzzz = 1");
        assert!(said.contains("`input.resize.zzz`") && !said.contains("did you mean"), "{said}");
    }

    #[test]
    fn wrong_values_are_named_with_the_allowed_ones() {
        let said = error("decode = \"yolov8\"", "decode = \"yolo8\"");
        assert!(said.contains("`output.decode` is \"yolo8\"; allowed: yolox, yolov5, yolov8,"), "{said}");
        assert!(said.contains("did you mean `yolov8`?"), "{said}");
        let said = error("width = 320", "width = 0");
        assert_eq!(said, "models/d/model.toml: `input.width` is 0; allowed: a whole number from 1 to 4096");
        let said = error("width = 320", "width = \"wide\"");
        assert!(said.contains("`input.width` is \"wide\""), "{said}");
        let said = error("detection = 0.3", "detection = 1.3");
        assert!(said.contains("`thresholds.detection` is 1.3; allowed: a number from 0 to 1"), "{said}");
        let said = error("detection = 0.3", "detection = nan");
        assert!(said.contains("`thresholds.detection` is nan"), "{said}");
        let said = error("sha256 = \"BA", "sha256 = \"XX");
        assert!(said.contains("`sha256`") && said.contains("64 hexadecimal digits"), "{said}");
        let said = error("person = [1]", "person = [1, 3]");
        assert!(said.contains("3 twice"), "{said}");
        let said = error("dtype = \"f32\"", "dtype = \"u8\"");
        assert!(said.contains("`input.scale`") && said.contains("pixels as they are"), "{said}");
        let said = error("scale = 0.5", "std = [1, 0, 1]");
        assert!(said.contains("`input.std`") && said.contains("not 0"), "{said}");
    }

    #[test]
    fn missing_keys_are_named_with_what_they_take() {
        let said = error("role = \"detector\"", "");
        assert_eq!(
            said,
            "models/d/model.toml: the key `role` is missing; it takes detector, classifier, embedder, attributes"
        );
        let said = error("height = 240", "");
        assert!(said.contains("`input.height` is missing; it takes a whole number from 1 to 4096"), "{said}");
        let said = error("[thresholds]\n        detection = 0.3", "");
        assert!(said.contains("`thresholds` is missing"), "{said}");
    }

    #[test]
    fn keys_of_another_role_are_refused() {
        let said = error("name = \"d\"", "name = \"d\"\ntemperature = 1.1");
        assert!(said.contains("`temperature`") && said.contains("only a classifier"), "{said}");
        let said = error("rule = \"letterbox\"", "rule = \"square\"");
        assert!(said.contains("`input.resize.rule` is \"square\"; allowed: letterbox, stretch"), "{said}");
        let said = error("rule = \"letterbox\"", "rule = \"stretch\"\npad = 3");
        assert!(said.contains("`input.resize.pad`"), "{said}");
    }

    /// The detector's manifest made into a classifier's, with `labels` as its labels line.
    fn classifier(labels: &str) -> String {
        let text = DETECTOR.replace("detector", "classifier").replace("yolov8", "softmax");
        let end = text.find("[classes]").unwrap();
        text[..end].replacen("name = \"d\"", &format!("name = \"d\"\n{labels}"), 1)
    }

    #[test]
    fn forms_are_read_in_order_and_strictly() {
        let hash = "00".repeat(32);
        let form =
            |keys: &str| format!("{DETECTOR}\n[[form]]\nfile = \"q.onnx\"\nsha256 = \"{hash}\"\n{keys}");
        let text = form("engine = \"onnxruntime\"\nneeds = \"dot-product\"")
            + "\n"
            + &form("engine = \"tract\"")[DETECTOR.len()..];
        let forms = read(&text).unwrap().forms;
        assert_eq!(
            forms.iter().map(|f| (f.engine, f.needs)).collect::<Vec<_>>(),
            [(Kind::OnnxRuntime, Some(Need::DotProduct)), (Kind::Tract, None)]
        );
        assert_eq!((&forms[0].sha256, forms[0].file.as_path()), (&hash, Path::new("models/d/q.onnx")));
        let said = |keys: &str| read(&form(keys)).unwrap_err().to_string();
        assert!(said("").contains("`form.engine` is missing; it takes tract, onnxruntime"), "{}", said(""));
        let said = said("engine = \"tract\"\nboard = \"pi5\"");
        assert!(said.contains("unknown key `form.board`; allowed are engine, needs, file, sha256"), "{said}");
        let said = error("name = \"d\"", "name = \"d\"\nform = \"q.onnx\"");
        assert!(
            said.contains(
                "`form` is \"q.onnx\"; allowed: tables, each begun with its name in double brackets"
            ),
            "{said}"
        );
    }

    #[test]
    fn classifiers_have_labels_and_may_allow_some_of_them() {
        let manifest = read(&classifier("labels = [\"fox\", \"hare\"]\nallowed = [\"hare\"]")).unwrap();
        let names: Vec<&str> = manifest.labels.iter().map(|l| l.name.as_str()).collect();
        assert_eq!((names, manifest.allowed), (vec!["fox", "hare"], Some(vec!["hare".to_owned()])));
        let said = read(&classifier("")).unwrap_err().to_string();
        assert!(said.contains("`labels` is missing"), "{said}");
        let said = read(&classifier("labels = [\"fox\"]\nallowed = [\"wolf\"]")).unwrap_err().to_string();
        assert!(said.contains("`allowed` is \"wolf\"; allowed: names that are in `labels`"), "{said}");
        let said = read(&classifier("labels = { file = \"none.csv\" }")).unwrap_err().to_string();
        assert!(said.contains("models/d/none.csv cannot be used"), "{said}");
    }

    #[test]
    fn paths_may_begin_with_an_environment_variable() {
        let said = error("file = \"d.onnx\"", "file = \"${TRAPLINE_NO_SUCH_VARIABLE}/d.onnx\"");
        assert!(
            said.contains("needs the environment variable TRAPLINE_NO_SUCH_VARIABLE, which is not set"),
            "{said}"
        );
        let home = std::env::var("CARGO_MANIFEST_DIR").unwrap();
        let manifest = read(&DETECTOR.replacen("d.onnx", "${CARGO_MANIFEST_DIR}/d.onnx", 1)).unwrap();
        assert_eq!(manifest.file, Path::new(&home).join("d.onnx"));
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place() {
        let said = read("role = ").unwrap_err().to_string();
        assert!(said.contains("not valid TOML") && said.contains("line 1"), "{said}");
    }
}
