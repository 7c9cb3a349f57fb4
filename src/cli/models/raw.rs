//! `trapline models run`: a network's raw outputs for numbers from a file, to compare engines and exports by.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde_json::json;

use super::Printer;
use crate::cli::{Done, Failure};
use crate::engine::manifest::Dtype;
use crate::engine::model::Model;
use crate::engine::{Data, Tensor};

/// Runs `model` once for each of `inputs` and writes every output as `OUT/STEM-NUMBER-NAME.f32`.
pub(super) fn run(model: &mut Model, inputs: &[PathBuf], out: &Path, printer: &Printer) -> Done {
    std::fs::create_dir_all(out)
        .with_context(|| format!("cannot make the folder {}", out.display()))
        .map_err(Failure::Runtime)?;
    for file in inputs {
        let input = numbers(model, file).map_err(Failure::Input)?;
        let outputs = model
            .run(&input)
            .with_context(|| format!("the network failed on {}", file.display()))
            .map_err(Failure::Runtime)?;
        for (place, (name, tensor)) in outputs.iter().enumerate() {
            let to = out.join(file_name(file, place, name));
            let bytes: Vec<u8> = tensor.to_f32().iter().flat_map(|number| number.to_le_bytes()).collect();
            std::fs::write(&to, bytes)
                .with_context(|| format!("cannot write {}", to.display()))
                .map_err(Failure::Runtime)?;
            let object = json!({
                "input": file, "output": name, "shape": tensor.shape, "file": to, "engine": model.engine(),
            });
            printer.line(object, format!("{}  {name} {:?}  {}", file.display(), tensor.shape, to.display()));
        }
    }
    Ok(())
}

/// The input's numbers, row-major: 32-bit floats, least byte first, or bytes where `input.dtype` is u8.
fn numbers(model: &Model, file: &Path) -> anyhow::Result<Tensor> {
    let input = &model.manifest().input;
    let shape = input.shape().to_vec();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (size, what) = match input.dtype {
        Dtype::F32 => (4, "32-bit floats"),
        Dtype::U8 => (1, "bytes"),
    };
    let count: usize = shape.iter().product();
    if bytes.len() != count * size {
        return Err(anyhow!(
            "{} has {} bytes; the network takes {shape:?} {what}, which are {} bytes",
            file.display(),
            bytes.len(),
            count * size
        ));
    }
    let data = match input.dtype {
        Dtype::F32 => Data::F32(bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()),
        Dtype::U8 => Data::U8(bytes),
    };
    Ok(Tensor { shape, data })
}

/// `STEM-NUMBER-NAME.f32`, with `NAME` made fit for a file.
fn file_name(input: &Path, place: usize, name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(safe).collect();
    let stem = input.file_stem().unwrap_or_default().to_string_lossy();
    format!("{stem}-{place}-{name}.f32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::Fake;
    use crate::engine::manifest::parse;

    fn model() -> Model {
        let text =
            include_str!("../../../models/bench-detector/manifest.toml").replace("\"output\"", "\"a/b\"");
        let mut manifest = parse(&text, Path::new("m.toml")).unwrap();
        // FIPS 180-4's example: the hash of `abc`.
        manifest.sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into();
        (manifest.input.width, manifest.input.height) = (2, 1);
        let boxes = Tensor { shape: vec![1, 7, 2], data: Data::F32((0..14).map(|i| i as f32).collect()) };
        Model::from_manifest(manifest, b"abc", &Fake::always(vec![("a/b".into(), boxes)]), 1).unwrap()
    }

    #[test]
    fn outputs_are_written_as_they_come() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("one.bin");
        std::fs::write(&input, [0; 24]).unwrap();
        let printer = Printer { json: true };
        assert!(run(&mut model(), &[input], &dir.path().join("out"), &printer).is_ok());
        let bytes = std::fs::read(dir.path().join("out/one-0-a-b.f32")).unwrap();
        assert_eq!((bytes.len(), &bytes[..8]), (56, [0, 0, 0, 0, 0, 0, 0x80, 0x3f].as_slice()));
    }

    #[test]
    fn an_input_of_another_size_says_what_it_should_be() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("one.bin");
        std::fs::write(&input, [0; 23]).unwrap();
        let said = numbers(&model(), &input).unwrap_err().to_string();
        assert!(said.contains("has 23 bytes") && said.contains("[1, 3, 1, 2] 32-bit floats"), "{said}");
    }
}
