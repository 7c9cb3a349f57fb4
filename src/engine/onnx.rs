//! What every engine checks of an ONNX file before it runs it: one file holds all of it, and its input is the manifest's.

use super::EngineError;
use super::manifest::{Dtype, Input};

/// Graphs within graphs (branches, loops) are followed so deep; exporters nest two or three.
const DEPTH: usize = 16;

/// The first tensor whose numbers lie in a second file: they would escape the model's SHA-256.
pub(super) fn in_second_file(onnx: &[u8]) -> Option<String> {
    // Field numbers of onnx.proto: ModelProto.graph is 7, ModelProto.functions 25, FunctionProto.node 7.
    let in_graphs = parts(onnx, 7).find_map(|graph| graph_tensor(graph, DEPTH));
    in_graphs.or_else(|| {
        parts(onnx, 25).flat_map(|function| parts(function, 7)).find_map(|node| node_tensor(node, DEPTH))
    })
}

/// What to say of such a tensor.
pub(super) fn second_file(tensor: &str) -> String {
    format!("its weights ({tensor}) lie in a second file (ONNX external_data); save it as one file")
}

/// Whether the network makes bytes of its activations (`QuantizeLinear`), not only numbers of stored ones.
#[cfg_attr(not(feature = "onnxruntime"), allow(dead_code))] // Only that engine asks.
pub(super) fn quantises(onnx: &[u8]) -> bool {
    // ModelProto.graph is 7, GraphProto.node 1, NodeProto.op_type 4.
    let mut types = parts(onnx, 7).flat_map(|graph| parts(graph, 1)).flat_map(|node| parts(node, 4));
    types.any(|op| op.ends_with(b"QuantizeLinear") || op.starts_with(b"QLinear"))
}

fn graph_tensor(graph: &[u8], depth: usize) -> Option<String> {
    // GraphProto: node 1, initializer 5, sparse_initializer 15.
    let tensors = parts(graph, 5).chain(parts(graph, 15).flat_map(sparse));
    tensors.filter_map(external).next().or_else(|| parts(graph, 1).find_map(|n| node_tensor(n, depth)))
}

fn node_tensor(node: &[u8], depth: usize) -> Option<String> {
    // NodeProto.attribute is 5. AttributeProto: t 5, g 6, tensors 10, graphs 11, sparse_tensor 22, sparse_tensors 23.
    parts(node, 5).find_map(|attribute| {
        let whole = parts(attribute, 5).chain(parts(attribute, 10));
        let sparse = parts(attribute, 22).chain(parts(attribute, 23)).flat_map(sparse);
        let found = whole.chain(sparse).filter_map(external).next();
        let deeper = depth.checked_sub(1);
        found.or_else(|| {
            let mut graphs = parts(attribute, 6).chain(parts(attribute, 11));
            deeper.and_then(|depth| graphs.find_map(|graph| graph_tensor(graph, depth)))
        })
    })
}

/// SparseTensorProto: values 1, indices 2.
fn sparse(tensor: &[u8]) -> impl Iterator<Item = &[u8]> {
    parts(tensor, 1).chain(parts(tensor, 2))
}

/// The name of a TensorProto (8) that has external_data (13) or data_location (14) EXTERNAL (1).
fn external(tensor: &[u8]) -> Option<String> {
    let elsewhere = Fields(tensor)
        .any(|(number, value)| number == 13 || (number == 14 && matches!(value, Value::Number(1))));
    elsewhere.then(|| parts(tensor, 8).next().map(String::from_utf8_lossy).unwrap_or_default().into_owned())
}

/// The length-delimited fields called `number`.
fn parts(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    Fields(message).filter_map(move |(have, value)| match value {
        Value::Bytes(bytes) if have == number => Some(bytes),
        _ => None,
    })
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a protobuf message, up to its end or to where it is damaged.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Other)?,
            2 => {
                let count = self.varint()?;
                Value::Bytes(self.take(count)?)
            }
            5 => self.take(4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

/// One input of a network, as its engine tells it.
pub(super) struct Has {
    pub name: String,
    /// `f32`, `u8`, …; `None` where the network leaves it open.
    pub dtype: Option<String>,
    /// Extents, `None` where the network leaves one open; no list at all where it leaves even their number open.
    pub shape: Option<Vec<Option<i64>>>,
}

/// The network's own input must have the manifest's name and, where it is fixed, type and size.
pub(super) fn check_input(inputs: &[Has], spec: &Input) -> Result<(), EngineError> {
    let unfit = |key: &str, manifest: String, network: String| {
        Err(EngineError::Unfit { key: key.into(), manifest, network })
    };
    let input = match inputs {
        [input] if input.name == spec.name => input,
        _ => {
            let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
            return unfit("input.name", spec.name.clone(), names.join(", "));
        }
    };
    let wanted = match spec.dtype {
        Dtype::F32 => "f32",
        Dtype::U8 => "u8",
    };
    if let Some(has) = input.dtype.as_deref().filter(|has| *has != wanted) {
        return unfit("input.dtype", wanted.into(), has.into());
    }
    let Some(shape) = &input.shape else { return Ok(()) };
    let fits = shape.len() == 4
        && shape.iter().zip(spec.shape()).all(|(has, wants)| has.is_none_or(|d| d == wants as i64));
    if fits {
        return Ok(());
    }
    let shown: Vec<String> = shape.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
    unfit(
        "input.width, input.height, input.layout",
        format!("{:?}", spec.shape()),
        format!("[{}]", shown.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // Written with the onnx package (see `tract/mod.rs`); `external` keeps its bias `b` in a second file.
    const WHOLE: &[u8] = include_bytes!("../../tests/data/int8_weights.onnx");
    const EXTERNAL: &[u8] = include_bytes!("../../tests/data/external.onnx");

    #[test]
    fn weights_in_a_second_file_are_found_by_name() {
        assert_eq!(in_second_file(WHOLE), None);
        assert_eq!(in_second_file(EXTERNAL).as_deref(), Some("b"));
    }

    #[test]
    fn a_network_with_bytes_for_weights_alone_quantises_nothing() {
        assert!(!quantises(WHOLE));
        assert!(quantises(include_bytes!("../../tests/data/qdq.onnx")));
        assert!(!quantises(&[0xFF; 40]));
    }

    #[test]
    fn weights_of_a_graph_within_a_graph_are_found_too() {
        // By hand from the protobuf encoding: length-delimited fields are (number << 3 | 2), length, bytes.
        let wrap = |number: u8, inner: &[u8]| {
            let mut out = vec![number << 3 | 2, inner.len() as u8];
            out.extend_from_slice(inner);
            out
        };
        let mut tensor = wrap(8, b"w");
        tensor.extend_from_slice(&[14 << 3, 1]);
        let inner = wrap(5, &tensor);
        let model = wrap(7, &wrap(1, &wrap(5, &wrap(6, &inner))));
        assert_eq!(in_second_file(&model).as_deref(), Some("w"));
        tensor.pop();
        tensor.push(0);
        let model = wrap(7, &wrap(1, &wrap(5, &wrap(6, &wrap(5, &tensor)))));
        assert_eq!(in_second_file(&model), None);
    }

    #[test]
    fn rubbish_ends_the_search() {
        for end in 0..EXTERNAL.len() {
            in_second_file(&EXTERNAL[..end]);
        }
        assert_eq!(in_second_file(&[0xFF; 40]), None);
    }
}
