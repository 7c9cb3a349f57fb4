//! Writing an ONNX file: the few messages of onnx.proto that a plain graph needs.

/// `TensorProto.DataType` and `AttributeProto.AttributeType` of onnx.proto.
pub(super) const FLOAT: u64 = 1;
/// Bytes.
pub(super) const UINT8: u64 = 2;
const INT64: u64 = 7;
const ATTRIBUTE_INT: u64 = 2;
const ATTRIBUTE_INTS: u64 = 7;
/// Of the operators written here: 13 has them all, and every engine reads it.
const OPSET: u64 = 13;
/// ONNX 1.8's, the release of operator set 13.
const IR_VERSION: u64 = 7;

/// A protobuf message while it is written.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    fn message(&mut self, field: u64, value: &Message) {
        self.bytes(field, &value.0);
    }
}

/// An operator's setting.
pub(super) enum Attribute<'a> {
    /// One whole number.
    Int(&'a str, i64),
    /// Several.
    Ints(&'a str, &'a [i64]),
}

/// A graph while it is written.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
}

impl Graph {
    /// An operator.
    pub fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[Attribute<'_>]) {
        let mut node = Message::default();
        inputs.iter().for_each(|input| node.bytes(1, input.as_bytes()));
        node.bytes(2, output.as_bytes());
        node.bytes(3, output.as_bytes());
        node.bytes(4, operator.as_bytes());
        for attribute in attributes {
            let mut message = Message::default();
            match attribute {
                Attribute::Int(name, value) => {
                    message.bytes(1, name.as_bytes());
                    message.number(3, *value as u64);
                    message.number(20, ATTRIBUTE_INT);
                }
                Attribute::Ints(name, values) => {
                    message.bytes(1, name.as_bytes());
                    values.iter().for_each(|value| message.number(8, *value as u64));
                    message.number(20, ATTRIBUTE_INTS);
                }
            }
            node.message(5, &message);
        }
        self.nodes.push(node);
    }

    /// A constant of floats; no extents: a single number.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, FLOAT, shape, &raw);
    }

    /// A list of whole numbers.
    pub fn longs(&mut self, name: &str, values: &[i64]) {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, INT64, &[values.len()], &raw);
    }

    fn constant(&mut self, name: &str, dtype: u64, shape: &[usize], raw: &[u8]) {
        let mut tensor = Message::default();
        shape.iter().for_each(|&extent| tensor.number(1, extent as u64));
        tensor.number(2, dtype);
        tensor.bytes(8, name.as_bytes());
        tensor.bytes(9, raw);
        self.constants.push(tensor);
    }

    /// The whole file. `input` and `output`: name, type, extents.
    pub fn file(self, input: (&str, u64, &[usize]), output: (&str, u64, &[usize])) -> Vec<u8> {
        let mut graph = Message::default();
        self.nodes.iter().for_each(|node| graph.message(1, node));
        graph.bytes(2, b"graph");
        self.constants.iter().for_each(|constant| graph.message(5, constant));
        graph.message(11, &value(input));
        graph.message(12, &value(output));
        let mut opset = Message::default();
        opset.bytes(1, b"");
        opset.number(2, OPSET);
        let mut model = Message::default();
        model.number(1, IR_VERSION);
        model.bytes(2, b"trapline");
        model.message(7, &graph);
        model.message(8, &opset);
        model.0
    }
}

/// A `ValueInfoProto`.
fn value((name, dtype, shape): (&str, u64, &[usize])) -> Message {
    let mut extents = Message::default();
    for &extent in shape {
        let mut dimension = Message::default();
        dimension.number(1, extent as u64);
        extents.message(1, &dimension);
    }
    let mut tensor = Message::default();
    tensor.number(1, dtype);
    tensor.message(2, &extents);
    let mut kind = Message::default();
    kind.message(1, &tensor);
    let mut value = Message::default();
    value.bytes(1, name.as_bytes());
    value.message(2, &kind);
    value
}
