//! TensorFlow Lite networks made into ONNX when they are loaded, so that every engine runs them.
//!
//! The published `.tflite` stays as it is on the card, under its own SHA-256; nothing but this program is needed on
//! the trap. Weights are widened from bytes to floats and activations computed in floats, clamped to the range that
//! the quantised network could hold: what quantisation-aware training saw. That is the fast form on tract, which runs
//! quantised graphs more slowly than floats; the result is the network before the rounding of its activations.
//!
//! Read are the operators of MobileNet classifiers: convolutions, additions, average pools, a fully connected layer,
//! reshapes, softmax. Anything else is an error that names it. Field numbers are those of TensorFlow's `schema.fbs`.

use super::EngineError;
use super::flatbuffer::Table;
use super::protobuf::{Attribute, FLOAT, Graph, UINT8};

const NAME: &str = "the TensorFlow Lite reader";

/// `BuiltinOperator` of `schema.fbs`, with the operators' own names.
const OPERATORS: [(u8, Operator); 7] = [
    (0, Operator::Add),
    (1, Operator::AveragePool),
    (3, Operator::Conv),
    (4, Operator::Depthwise),
    (9, Operator::FullyConnected),
    (22, Operator::Reshape),
    (25, Operator::Softmax),
];

/// From here on the operator's number is in the longer field.
const PLACEHOLDER: u8 = 127;

#[derive(Debug, Clone, Copy)]
enum Operator {
    Add,
    AveragePool,
    Conv,
    Depthwise,
    FullyConnected,
    Reshape,
    Softmax,
}

/// `TensorType`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Type {
    Float,
    Int,
    Byte,
    SignedByte,
}

/// Whether `bytes` are a TensorFlow Lite file.
pub(super) fn is_tflite(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"TFL3")
}

/// The network as an ONNX file, which takes the same input under the same name and gives floats.
pub(super) fn to_onnx(bytes: &[u8]) -> Result<Vec<u8>, EngineError> {
    let model = Table::root(bytes, b"TFL3").ok_or_else(|| refuse("it is no TensorFlow Lite file"))?;
    let graphs = model.tables(2);
    let [graph] = graphs.as_slice() else {
        return Err(refuse(format!("{} graphs in it; one is read", graphs.len())));
    };
    let file = File { tensors: tensors(&model, graph)?, graph: Graph::default() };
    file.convert(&model, graph)
}

fn refuse(reason: impl Into<String>) -> EngineError {
    EngineError::Load { engine: NAME.into(), reason: reason.into() }
}

/// A value of the network: a picture of features or a constant.
struct Value<'a> {
    name: String,
    shape: Vec<usize>,
    dtype: Type,
    /// Steps of the quantised numbers: one, or one per slice along `axis`; none for floats.
    scale: Vec<f32>,
    zero: Vec<i64>,
    axis: usize,
    /// Raw numbers of a constant.
    data: &'a [u8],
}

fn tensors<'a>(model: &Table<'a>, graph: &Table<'a>) -> Result<Vec<Value<'a>>, EngineError> {
    let buffers = model.tables(4);
    let read = |(index, tensor): (usize, Table<'a>)| {
        let dtype = match tensor.byte(1, 0) {
            0 => Type::Float,
            2 => Type::Int,
            3 => Type::Byte,
            9 => Type::SignedByte,
            other => {
                return Err(refuse(format!(
                    "tensor {index} has type {other}; float, bytes and int are read"
                )));
            }
        };
        let shape = tensor.ints(0).into_iter().map(|d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>();
        let steps = tensor.table(4);
        let buffer = usize::try_from(tensor.int(2, 0)).unwrap_or_default();
        Ok(Value {
            name: tensor.text(3).to_owned(),
            shape: shape.ok_or_else(|| refuse(format!("tensor {index} has no fixed size")))?,
            dtype,
            scale: steps.map(|s| s.floats(2)).unwrap_or_default(),
            zero: steps.map(|s| s.longs(3)).unwrap_or_default(),
            axis: steps.map_or(0, |s| usize::try_from(s.int(6, 0)).unwrap_or_default()),
            data: buffers.get(buffer).filter(|_| buffer > 0).map(|b| b.bytes(0)).unwrap_or_default(),
        })
    };
    graph.tables(0).into_iter().enumerate().map(read).collect()
}

impl Value<'_> {
    /// The numbers of a constant, as floats.
    fn numbers(&self) -> Result<Vec<f32>, EngineError> {
        let raw: Vec<f32> = match self.dtype {
            Type::Float => self.data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Type::Int => self.data.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b) as f32).collect(),
            Type::Byte => self.data.iter().map(|&b| f32::from(b)).collect(),
            Type::SignedByte => self.data.iter().map(|&b| f32::from(b as i8)).collect(),
        };
        let count: usize = self.shape.iter().product();
        if raw.len() != count || count == 0 {
            return Err(refuse(format!("`{}` has {} numbers for {:?}", self.name, raw.len(), self.shape)));
        }
        if self.scale.is_empty() {
            return Ok(raw);
        }
        let inner: usize = self.shape.iter().skip(self.axis + 1).product::<usize>().max(1);
        let slices = self.shape.get(self.axis).copied().unwrap_or(1);
        let step = |i: usize| {
            let slice = if self.scale.len() > 1 { (i / inner) % slices } else { 0 };
            let zero = self.zero.get(slice).or(self.zero.first()).copied().unwrap_or(0);
            Some((*self.scale.get(slice)?, zero as f32))
        };
        let each = raw.iter().enumerate().map(|(i, v)| step(i).map(|(scale, zero)| (v - zero) * scale));
        each.collect::<Option<_>>().ok_or_else(|| refuse(format!("`{}` lacks steps", self.name)))
    }

    /// The least and the largest number its bytes can stand for.
    fn range(&self) -> (f32, f32) {
        let (low, high) = match self.dtype {
            Type::Byte => (0.0, 255.0),
            Type::SignedByte => (-128.0, 127.0),
            _ => return (f32::NEG_INFINITY, f32::INFINITY),
        };
        let Some(scale) = self.scale.first() else { return (f32::NEG_INFINITY, f32::INFINITY) };
        let zero = self.zero.first().copied().unwrap_or(0) as f32;
        ((low - zero) * scale, (high - zero) * scale)
    }

    /// Extents with the channels before rows and columns, as ONNX has them.
    fn channels_first(&self) -> Vec<usize> {
        match *self.shape.as_slice() {
            [n, h, w, c] => vec![n, c, h, w],
            ref other => other.to_vec(),
        }
    }
}

/// A network while it is converted. Values with four axes have their channels second in the ONNX.
struct File<'a> {
    tensors: Vec<Value<'a>>,
    graph: Graph,
}

/// What a fused activation allows: `ActivationFunctionType`.
fn activation(kind: u8) -> Result<(f32, f32), EngineError> {
    match kind {
        0 => Ok((f32::NEG_INFINITY, f32::INFINITY)),
        1 => Ok((0.0, f32::INFINITY)),
        2 => Ok((-1.0, 1.0)),
        3 => Ok((0.0, 6.0)),
        other => Err(refuse(format!("activation {other}; ReLU, ReLU6 and none are read"))),
    }
}

/// How a window is laid over a picture: (kernel, stride, dilation) for rows and columns.
struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    same: bool,
}

impl Window {
    /// Pads before and after the rows and columns, as ONNX wants them: TensorFlow's SAME adds what is needed, the odd
    /// one after.
    fn pads(&self, size: [usize; 2]) -> [i64; 4] {
        let [(top, bottom), (left, right)] = [0, 1].map(|axis| {
            let stride = self.stride[axis].max(1);
            let reach = self.dilation[axis] * (self.kernel[axis].max(1) - 1) + 1;
            let total =
                (size[axis].div_ceil(stride).saturating_sub(1) * stride + reach).saturating_sub(size[axis]);
            let total = if self.same { total as i64 } else { 0 };
            (total / 2, total - total / 2)
        });
        [top, left, bottom, right]
    }
}

impl<'a> File<'a> {
    fn convert(mut self, model: &Table<'a>, graph: &Table<'a>) -> Result<Vec<u8>, EngineError> {
        let (inputs, outputs) = (graph.ints(1), graph.ints(2));
        let ([input], [output]) = (inputs.as_slice(), outputs.as_slice()) else {
            return Err(refuse("several inputs or outputs; one of each is read"));
        };
        let (input, output) = (self.index(*input)?, self.index(*output)?);
        self.take_input(input)?;
        let codes = model.tables(1);
        for operator in graph.tables(3) {
            let code = codes.get(usize::try_from(operator.int(0, 0)).unwrap_or_default());
            let code = code.ok_or_else(|| refuse("an operator without a code"))?;
            let number = match code.byte(0, 0) {
                PLACEHOLDER => u8::try_from(code.int(3, 0)).unwrap_or(u8::MAX),
                short => short,
            };
            let kind = OPERATORS.iter().find(|(n, _)| *n == number).map(|(_, kind)| *kind);
            let kind =
                kind.ok_or_else(|| refuse(format!("operator {number} of TensorFlow Lite is not read")))?;
            self.operator(kind, &operator)?;
        }
        let (given, got) = (&self.tensors[input], &self.tensors[output]);
        let dtype = if given.dtype == Type::Byte { UINT8 } else { FLOAT };
        let (last, shape) = (value(output), got.channels_first());
        self.graph.node("Identity", &[&last], &got.name, &[]);
        Ok(self.graph.file((&given.name, dtype, &given.shape), (&got.name, FLOAT, &shape)))
    }

    fn index(&self, index: i32) -> Result<usize, EngineError> {
        let index = usize::try_from(index).ok().filter(|&i| i < self.tensors.len());
        index.ok_or_else(|| refuse("an operator reads a tensor that is not there"))
    }

    /// The input as floats, channels first.
    fn take_input(&mut self, index: usize) -> Result<(), EngineError> {
        let input = &self.tensors[index];
        let mut name = input.name.clone();
        if input.shape.len() != 4 {
            return Err(refuse(format!("its input is {:?}, not a picture", input.shape)));
        }
        match input.dtype {
            Type::Float => {}
            Type::Byte => {
                let scale = input.scale.first().copied().unwrap_or(1.0);
                let zero = input.zero.first().copied().unwrap_or(0) as f32;
                self.graph.floats("input.zero", &[], &[zero]);
                self.graph.floats("input.scale", &[], &[scale]);
                self.graph.node("Cast", &[&name], "input.cast", &[Attribute::Int("to", FLOAT as i64)]);
                self.graph.node("Sub", &["input.cast", "input.zero"], "input.shifted", &[]);
                self.graph.node("Mul", &["input.shifted", "input.scale"], "input.real", &[]);
                name = "input.real".into();
            }
            _ => return Err(refuse("its input is neither bytes nor floats")),
        }
        self.graph.node("Transpose", &[&name], &value(index), &[Attribute::Ints("perm", &[0, 3, 1, 2])]);
        Ok(())
    }

    fn operator(&mut self, kind: Operator, operator: &Table<'a>) -> Result<(), EngineError> {
        let inputs: Vec<usize> =
            operator.ints(1).into_iter().map(|i| self.index(i)).collect::<Result<_, _>>()?;
        let outputs = operator.ints(2);
        let output = self.index(outputs.first().copied().unwrap_or(-1))?;
        let options = operator.table(4);
        let byte = |field| options.map_or(0, |o| o.byte(field, 0));
        let first = *inputs.first().ok_or_else(|| refuse("an operator without input"))?;
        let at =
            |place: usize| inputs.get(place).copied().ok_or_else(|| refuse("an operator lacks an input"));
        match kind {
            Operator::Conv => {
                let window = self.window(options, &self.tensors[at(1)?].shape, [2, 1], [5, 4])?;
                self.convolution(first, at(1)?, inputs.get(2).copied(), output, &window, false)?;
                self.clamp(output, byte(3))
            }
            Operator::Depthwise => {
                let window = self.window(options, &self.tensors[at(1)?].shape, [2, 1], [6, 5])?;
                self.convolution(first, at(1)?, inputs.get(2).copied(), output, &window, true)?;
                self.clamp(output, byte(4))
            }
            Operator::AveragePool => self.pool(first, output, options),
            Operator::Add => {
                let second = at(1)?;
                if self.tensors[first].shape != self.tensors[second].shape {
                    return Err(refuse("an addition of unlike sizes"));
                }
                self.graph.node("Add", &[&value(first), &value(second)], &raw(output), &[]);
                self.clamp(output, byte(0))
            }
            Operator::FullyConnected => {
                self.connected(first, at(1)?, inputs.get(2).copied(), output)?;
                self.clamp(output, byte(0))
            }
            Operator::Reshape => self.reshape(first, output),
            Operator::Softmax => {
                if options.is_some_and(|o| o.float(0, 1.0) != 1.0) {
                    return Err(refuse("a softmax with another beta than 1"));
                }
                if self.tensors[first].shape.len() == 4 {
                    return Err(refuse("a softmax over a picture"));
                }
                self.graph.node("Softmax", &[&value(first)], &value(output), &[Attribute::Int("axis", -1)]);
                Ok(())
            }
        }
    }

    /// `strides` and `dilations`: the fields of (rows, columns).
    fn window(
        &self,
        options: Option<Table<'_>>,
        weights: &[usize],
        strides: [usize; 2],
        dilations: [usize; 2],
    ) -> Result<Window, EngineError> {
        let &[_, rows, columns, _] = weights else {
            return Err(refuse("a convolution's weights are no picture"));
        };
        let options = options.ok_or_else(|| refuse("a convolution without options"))?;
        let whole = |field, default| usize::try_from(options.int(field, default)).unwrap_or_default().max(1);
        Ok(Window {
            kernel: [rows, columns],
            stride: strides.map(|field| whole(field, 0)),
            dilation: dilations.map(|field| whole(field, 1)),
            same: options.byte(0, 0) == 0,
        })
    }

    fn convolution(
        &mut self,
        input: usize,
        weights: usize,
        bias: Option<usize>,
        output: usize,
        window: &Window,
        depthwise: bool,
    ) -> Result<(), EngineError> {
        let kernel = &self.tensors[weights];
        let (&[_, height, width, channels], &[o, rows, columns, i]) =
            (self.tensors[input].shape.as_slice(), kernel.shape.as_slice())
        else {
            return Err(refuse("a convolution of something that is no picture"));
        };
        // [out, rows, columns, in] or, depthwise, [1, rows, columns, out] become [out, in, rows, columns].
        let (outs, ins) = if depthwise { (i, 1) } else { (o, i) };
        let numbers = kernel.numbers()?;
        let mut turned = Vec::with_capacity(numbers.len());
        for out in 0..outs {
            for channel in 0..ins {
                for spot in 0..rows * columns {
                    let at = if depthwise {
                        spot * outs + out
                    } else {
                        (out * rows * columns + spot) * ins + channel
                    };
                    turned.push(numbers.get(at).copied().unwrap_or_default());
                }
            }
        }
        let (name, bias_name) = (format!("weights.{output}"), format!("bias.{output}"));
        let mut inputs = vec![value(input), name.clone()];
        if let Some(bias) = bias {
            let numbers = self.tensors[bias].numbers()?;
            self.graph.floats(&bias_name, &[numbers.len()], &numbers);
            inputs.push(bias_name);
        }
        self.graph.floats(&name, &[outs, ins, rows, columns], &turned);
        let group = if depthwise { channels } else { 1 };
        let [kernel, stride, dilation] =
            [window.kernel, window.stride, window.dilation].map(|both| both.map(|v| v as i64));
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let attributes = [
            Attribute::Ints("kernel_shape", &kernel),
            Attribute::Ints("strides", &stride),
            Attribute::Ints("dilations", &dilation),
            Attribute::Ints("pads", &window.pads([height, width])),
            Attribute::Int("group", group as i64),
        ];
        self.graph.node("Conv", &inputs, &raw(output), &attributes);
        Ok(())
    }

    fn pool(&mut self, input: usize, output: usize, options: Option<Table<'_>>) -> Result<(), EngineError> {
        let &[_, height, width, _] = self.tensors[input].shape.as_slice() else {
            return Err(refuse("a pool of something that is no picture"));
        };
        let options = options.ok_or_else(|| refuse("a pool without options"))?;
        let whole = |field| usize::try_from(options.int(field, 0)).unwrap_or_default().max(1);
        let window = Window {
            kernel: [whole(4), whole(3)],
            stride: [whole(2), whole(1)],
            dilation: [1, 1],
            same: options.byte(0, 0) == 0,
        };
        let (kernel, stride) = (window.kernel.map(|v| v as i64), window.stride.map(|v| v as i64));
        let attributes = [
            Attribute::Ints("kernel_shape", &kernel),
            Attribute::Ints("strides", &stride),
            Attribute::Ints("pads", &window.pads([height, width])),
            Attribute::Int("count_include_pad", 0),
        ];
        self.graph.node("AveragePool", &[&value(input)], &raw(output), &attributes);
        self.clamp(output, options.byte(5, 0))
    }

    fn connected(
        &mut self,
        input: usize,
        weights: usize,
        bias: Option<usize>,
        output: usize,
    ) -> Result<(), EngineError> {
        let kernel = &self.tensors[weights];
        let &[outs, ins] = kernel.shape.as_slice() else {
            return Err(refuse("a layer's weights are no table"));
        };
        let numbers = kernel.numbers()?;
        let flat = format!("flat.{output}");
        self.flatten(input, &flat, &[1, ins])?;
        let (name, bias_name) = (format!("weights.{output}"), format!("bias.{output}"));
        self.graph.floats(&name, &[outs, ins], &numbers);
        let mut inputs = vec![flat.as_str(), name.as_str()];
        if let Some(bias) = bias {
            let numbers = self.tensors[bias].numbers()?;
            self.graph.floats(&bias_name, &[numbers.len()], &numbers);
            inputs.push(&bias_name);
        }
        self.graph.node("Gemm", &inputs, &raw(output), &[Attribute::Int("transB", 1)]);
        Ok(())
    }

    fn reshape(&mut self, input: usize, output: usize) -> Result<(), EngineError> {
        let shape = self.tensors[output].shape.clone();
        if shape.len() == 4 {
            return Err(refuse("a reshape into a picture"));
        }
        self.flatten(input, &value(output), &shape)
    }

    /// `input` with the extents `shape`, in TensorFlow's order of numbers.
    fn flatten(&mut self, input: usize, output: &str, shape: &[usize]) -> Result<(), EngineError> {
        let from = &self.tensors[input].shape;
        if from.iter().product::<usize>() != shape.iter().product::<usize>() {
            return Err(refuse(format!("{from:?} does not fill {shape:?}")));
        }
        let spread = matches!(from.as_slice(), [_, h, w, _] if h * w != 1);
        let mut name = value(input);
        if spread {
            let last = format!("{output}.last");
            self.graph.node("Transpose", &[&name], &last, &[Attribute::Ints("perm", &[0, 2, 3, 1])]);
            name = last;
        }
        let extents: Vec<i64> = shape.iter().map(|&extent| extent as i64).collect();
        let wanted = format!("{output}.shape");
        self.graph.longs(&wanted, &extents);
        self.graph.node("Reshape", &[&name, &wanted], output, &[]);
        Ok(())
    }

    /// What the activation and the bytes of the output can hold.
    fn clamp(&mut self, output: usize, kind: u8) -> Result<(), EngineError> {
        let (range, allowed) = (self.tensors[output].range(), activation(kind)?);
        let (low, high) = (range.0.max(allowed.0), range.1.min(allowed.1));
        if low == f32::NEG_INFINITY && high == f32::INFINITY {
            self.graph.node("Identity", &[&raw(output)], &value(output), &[]);
            return Ok(());
        }
        let (least, most) = (format!("least.{output}"), format!("most.{output}"));
        self.graph.floats(&least, &[], &[low.max(f32::MIN)]);
        self.graph.floats(&most, &[], &[high.min(f32::MAX)]);
        self.graph.node("Clip", &[&raw(output), &least, &most], &value(output), &[]);
        Ok(())
    }
}

/// The ONNX name of a value.
fn value(index: usize) -> String {
    format!("value.{index}")
}

/// The same before its activation.
fn raw(index: usize) -> String {
    format!("value.{index}.raw")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        // TensorFlow's documentation: 224 by a kernel of 3 and a stride of 2 needs one pad, after; stride 1 one each.
        let window = |kernel, stride| Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            same: true,
        };
        assert_eq!(window(3, 2).pads([224, 224]), [0, 0, 1, 1]);
        assert_eq!(window(3, 1).pads([56, 56]), [1, 1, 1, 1]);
        assert_eq!(window(3, 2).pads([7, 7]), [1, 1, 1, 1]);
        assert_eq!(Window { same: false, ..window(3, 2) }.pads([7, 7]), [0; 4]);
    }

    #[test]
    fn what_is_no_whole_file_is_refused() {
        assert!(!is_tflite(b"TFL3") && is_tflite(b"\x1c\0\0\0TFL3"));
        let said = to_onnx(b"\x1c\0\0\0TFL3").unwrap_err().to_string();
        assert!(said.contains("0 graphs in it"), "{said}");
        assert!(to_onnx(&[0; 64]).is_err());
    }

    #[test]
    fn constants_are_widened_slice_by_slice() {
        let steps = |scale: &[f32], zero: &[i64], axis| Value {
            name: "w".into(),
            shape: vec![2, 2],
            dtype: Type::Byte,
            scale: scale.to_vec(),
            zero: zero.to_vec(),
            axis,
            data: &[0, 1, 2, 4],
        };
        // By hand: (byte - 1) / 2, then rows with a step of 1 and of 10, then columns.
        assert_eq!(steps(&[0.5], &[1], 0).numbers().unwrap(), [-0.5, 0.0, 0.5, 1.5]);
        assert_eq!(steps(&[1.0, 10.0], &[0, 1], 0).numbers().unwrap(), [0.0, 1.0, 10.0, 30.0]);
        assert_eq!(steps(&[1.0, 10.0], &[0, 1], 1).numbers().unwrap(), [0.0, 0.0, 2.0, 30.0]);
        assert_eq!(steps(&[0.5], &[1], 0).range(), (-0.5, 127.0));
        assert!(Value { data: &[0, 1], ..steps(&[0.5], &[1], 0) }.numbers().is_err());
    }
}
