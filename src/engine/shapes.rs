//! Whether a network's outputs have the shape its manifest's `output.decode` reads, and how many classes they hold.

use super::manifest::{Decode, Manifest};
use super::{EngineError, Tensor};

/// The outputs a manifest means: the main one and, for RT-DETR, the boxes.
pub(super) struct Picked<'a> {
    pub main: &'a Tensor,
    pub boxes: Option<&'a Tensor>,
}

/// Picks the outputs by name, or by place where the manifest names none.
pub(super) fn pick<'a>(
    manifest: &Manifest,
    outputs: &'a [(String, Tensor)],
) -> Result<Picked<'a>, EngineError> {
    let find = |key: &str, name: &Option<String>, place: usize| {
        let found = match name {
            Some(name) => outputs.iter().find(|(have, _)| have == name),
            None => outputs.get(place),
        };
        found.map(|(_, tensor)| tensor).ok_or_else(|| EngineError::Unfit {
            key: key.into(),
            manifest: name.clone().unwrap_or_else(|| format!("number {}", place + 1)),
            network: outputs.iter().map(|(have, _)| have.as_str()).collect::<Vec<_>>().join(", "),
        })
    };
    let boxes = match manifest.output.decode {
        Decode::RtDetr => Some(find("output.boxes", &manifest.output.boxes, 1)?),
        _ => None,
    };
    Ok(Picked { main: find("output.name", &manifest.output.name, 0)?, boxes })
}

/// Checks the shapes; answers the number of classes, or `None` where the output does not tell (YOLOv10, embeddings).
pub(super) fn classes(manifest: &Manifest, picked: &Picked<'_>) -> Result<Option<usize>, EngineError> {
    let shape = picked.main.shape.as_slice();
    let (width, height) = (manifest.input.width as usize, manifest.input.height as usize);
    let wants = |wanted: &str| EngineError::Output(format!("it reads {wanted}, the network gives {shape:?}"));
    if picked.main.len() != shape.iter().product::<usize>() {
        return Err(EngineError::Output(format!("{} numbers for {shape:?}", picked.main.len())));
    }
    match (manifest.output.decode, shape) {
        (Decode::Yolox, &[1, n, c]) if c > 5 => {
            // One cell per stride of 8, 16 and 32 pixels (YOLOX, section 2.1).
            let cells: usize = [8, 16, 32].iter().map(|s| (width / s) * (height / s)).sum();
            if n == cells { Ok(Some(c - 5)) } else { Err(wants(&format!("[1, {cells}, 5 + classes]"))) }
        }
        (Decode::Yolox | Decode::Yolov5, &[1, _, c]) if c > 5 => Ok(Some(c - 5)),
        (Decode::Yolox | Decode::Yolov5, _) => Err(wants("[1, n, 5 + classes]")),
        (Decode::Yolov8, &[1, c, _]) if c > 4 => Ok(Some(c - 4)),
        (Decode::Yolov8, _) => Err(wants("[1, 4 + classes, n]")),
        (Decode::Yolov10, &[1, _, 6]) => Ok(None),
        (Decode::Yolov10, _) => Err(wants("[1, n, 6]")),
        (Decode::RtDetr, &[1, n, c]) if c > 0 => match picked.boxes.map(|b| b.shape.as_slice()) {
            Some(&[1, m, 4]) if n == m => Ok(Some(c)),
            other => {
                Err(EngineError::Output(format!("it reads boxes [1, {n}, 4], the network gives {other:?}")))
            }
        },
        (Decode::RtDetr, _) => Err(wants("logits [1, n, classes]")),
        (Decode::FastestDet, &[1, c, _, _]) if c > 5 => Ok(Some(c - 5)),
        (Decode::FastestDet, _) => Err(wants("[1, 5 + classes, rows, columns]")),
        (Decode::Logits | Decode::Softmax | Decode::Probabilities, _) => {
            let count = picked.main.len();
            let flat = shape.iter().filter(|&&extent| extent != 1).count() <= 1;
            if flat && count > 0 { Ok(Some(count)) } else { Err(wants("[1, classes]")) }
        }
        (Decode::Embedding, _) => Ok(None),
    }
}

/// Checks labels and class indexes against the number of classes.
pub(super) fn check_names(manifest: &Manifest, classes: Option<usize>) -> Result<(), EngineError> {
    let Some(classes) = classes else { return Ok(()) };
    if !manifest.labels.is_empty() && manifest.labels.len() != classes {
        return Err(EngineError::Unfit {
            key: "labels".into(),
            manifest: format!("a list of {}", manifest.labels.len()),
            network: format!("{classes} classes"),
        });
    }
    if !manifest.attributes.is_empty() && manifest.attributes.len() != classes {
        return Err(EngineError::Unfit {
            key: "attribute".into(),
            manifest: format!("a list of {}", manifest.attributes.len()),
            network: format!("{classes} outputs"),
        });
    }
    let lists = [
        ("animal", &manifest.classes.animal),
        ("person", &manifest.classes.person),
        ("vehicle", &manifest.classes.vehicle),
    ];
    for (key, list) in lists {
        if let Some(index) = list.iter().find(|&&index| index >= classes) {
            return Err(EngineError::Unfit {
                key: format!("classes.{key}"),
                manifest: format!("{index}, among others"),
                network: format!("{classes} classes, 0 to {}", classes - 1),
            });
        }
    }
    Ok(())
}
