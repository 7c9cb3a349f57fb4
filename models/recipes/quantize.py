"""Two int8 forms of a network: weights only, for every engine; weights and activations, for ONNX Runtime.

`weights`: each convolution's and linear layer's weights become symmetric int8 with one scale per output channel,
followed by `DequantizeLinear`. An engine folds that into constants when it loads the network, so the file is a quarter
of the size and the speed is that of f32; activations stay f32. Layers of few weights (the last ones of the heads) stay
f32.

`activations`: QuantizeLinear / DequantizeLinear around every layer, activations as unsigned bytes with ranges seen on
calibration photos, weights as int8 per channel (U8S8). The head stays f32: its last layers and all that follows, which
int8 would push to zero. So do layers whose activations 256 steps cannot hold (`sensitive`).
"""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper, version_converter

FEWEST = 1024  # weights below which a layer is left alone: nothing to gain, and the heads' last layers are sensitive


def rounded(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Int8 weights and their scales per output channel (axis 0), each scale the best of a few by squared error."""
    flat = weight.reshape(weight.shape[0], -1)
    top = np.maximum(np.abs(flat).max(1), 1e-8)
    best, error = top / 127.0, np.full(len(flat), np.inf)
    for part in np.linspace(0.8, 1.0, 21):
        scale = top * part / 127.0
        back = np.clip(np.round(flat / scale[:, None]), -127, 127) * scale[:, None]
        wrong = np.square(back - flat).sum(1)
        best, error = np.where(wrong < error, scale, best), np.minimum(wrong, error)
    scale = best.astype(np.float32)
    whole = np.clip(np.round(flat / scale[:, None]), -127, 127).astype(np.int8)
    return whole.reshape(weight.shape), scale


def loaded(source: Path) -> onnx.ModelProto:
    """A network in an opset that knows a scale per channel (13 and later)."""
    model = onnx.load(source)
    old = any(o.domain in ("", "ai.onnx") and o.version < 13 for o in model.opset_import)
    return version_converter.convert_version(model, 13) if old else model


def weights(source: Path, target: Path) -> None:
    """Reads an f32 network and writes the one with int8 weights."""
    model = loaded(source)
    graph = model.graph
    stored = {t.name: t for t in graph.initializer}
    nodes = []
    for node in graph.node:
        axis = channels(node)
        tensor = stored.get(node.input[1]) if axis is not None else None
        if tensor is None or np.prod(tensor.dims) < FEWEST or (axis == 1 and len(tensor.dims) != 2):
            continue
        if tensor.data_type != onnx.TensorProto.FLOAT or tensor.name not in {t.name for t in graph.initializer}:
            continue  # Not f32, or shared with a layer before.
        full = numpy_helper.to_array(tensor)
        whole, scale = rounded(full if axis == 0 else full.T)
        whole = whole if axis == 0 else np.ascontiguousarray(whole.T)
        name = tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.extend([
            numpy_helper.from_array(whole, f"{name}_int8"),
            numpy_helper.from_array(scale, f"{name}_scale"),
            numpy_helper.from_array(np.zeros(len(scale), np.int8), f"{name}_zero"),
        ])  # fmt: skip
        parts = [f"{name}_int8", f"{name}_scale", f"{name}_zero"]
        nodes.append(helper.make_node("DequantizeLinear", parts, [name], f"{name}_dequantise", axis=axis))
    for node in reversed(nodes):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def channels(node: onnx.NodeProto) -> int | None:
    """The axis of a layer's weights (its second input) that counts output channels; None for what has no weights."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "Gemm":
        return 0 if any(a.name == "transB" and a.i == 1 for a in node.attribute) else 1
    return 1 if node.op_type == "MatMul" else None


def head(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes left in f32: every layer with no other layer between it and the outputs, and what is not
    before any layer. What has fewer than 32 weights (the mean over a box's distances) is no layer."""
    graph = model.graph
    sizes = {t.name: int(np.prod(t.dims)) for t in graph.initializer}
    layer = {n.name: channels(n) is not None and sizes.get(n.input[1], 0) >= 32 for n in graph.node}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    before: dict[str, bool] = {}  # Whether a layer comes after the node. Nodes stand in order, so backwards is enough.
    for node in reversed(graph.node):
        after = [r for out in node.output for r in readers.get(out, [])]
        before[node.name] = any(layer[r.name] or before[r.name] for r in after)
    return [name for name, more in before.items() if not more]


# Signal to noise, decibels, that a quarter of a layer's channels may fall below. Measured on YOLOX-nano, whose first
# layer spans -107 to 113 with most channels within 1: with it in bytes 20 % of the boxes are left, without it 100 %.
NOISY = 20.0


def sensitive(model: onnx.ModelProto, inputs: list[np.ndarray]) -> list[str]:
    """The convolutions that 256 steps between the least and the largest number they take or give would drown: those of
    whose channels a quarter has less than `NOISY` decibels."""
    convs = [n for n in model.graph.node if n.op_type == "Conv"]
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    own = {t.name for t in model.graph.initializer} | {i.name for i in model.graph.input}
    names = sorted({name for n in convs for name in (n.input[0], n.output[0])} - own)
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    asked = []
    for name in names:  # Summed up within the graph: all activations of a large network at once are gigabytes.
        asked += summed(probe.graph, name, opset)
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    runs = [session.run(asked, {model.graph.input[0].name: x}) for x in inputs]
    least = {}
    for i, name in enumerate(names):
        lows, highs, powers = (np.stack([run[3 * i + k] for run in runs]) for k in range(3))
        step = (max(highs.max(), 0.0) - min(lows.min(), 0.0)) / 255
        power = powers.mean(0)
        ratio = 10 * np.log10(power / max(step * step / 12, 1e-20) + 1e-12)
        least[name] = np.percentile(ratio, 25)
    quiet = {name for name, ratio in least.items() if ratio < NOISY}
    return [n.name for n in convs if n.input[0] in quiet or n.output[0] in quiet]


def summed(graph: onnx.GraphProto, name: str, opset: int) -> list[str]:
    """Adds what `sensitive` asks of an activation: its least and greatest number, and each channel's mean square."""
    parts = [f"{name}_{what}" for what in ("least", "greatest", "square", "power")]
    axes = {} if opset >= 18 else {"axes": [0, 2, 3]}  # From 18 on an input.
    if opset >= 18:
        graph.initializer.append(numpy_helper.from_array(np.array([0, 2, 3], np.int64), f"{name}_axes"))
    graph.node.extend([
        helper.make_node("ReduceMin", [name], [parts[0]], keepdims=0),
        helper.make_node("ReduceMax", [name], [parts[1]], keepdims=0),
        helper.make_node("Mul", [name, name], [parts[2]]),
        helper.make_node("ReduceMean", [parts[2], f"{name}_axes"] if opset >= 18 else [parts[2]], [parts[3]], keepdims=0, **axes),
    ])  # fmt: skip
    asked = [parts[0], parts[1], parts[3]]
    graph.output.extend(helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in asked)
    return asked


class Batches:
    """Calibration inputs, one by one, as onnxruntime asks for them."""

    def __init__(self, name: str, inputs: list[np.ndarray]):
        self.rows = iter({name: x} for x in inputs)

    def get_next(self) -> dict | None:
        return next(self.rows, None)


def activations(source: Path, target: Path, inputs: list[np.ndarray]) -> list[str]:
    """Reads an f32 network and writes its U8S8 form; `inputs` are calibration photos (30 to 60 suffice). Returns the
    layers left in f32. Attention stays f32 but for its layers with weights."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch:
        ready = Path(scratch) / "ready.onnx"
        onnx.save(loaded(source), ready)
        quant_pre_process(str(ready), str(ready), skip_symbolic_shape=True)
        model = onnx.load(ready)
        for i, node in enumerate(model.graph.node):
            node.name = node.name or f"{node.op_type}_{i}"
        onnx.save(model, ready)
        drowned = sensitive(model, inputs[:8])
        kept = head(model) + drowned
        attention = any(n.op_type == "LayerNormalization" for n in model.graph.node)
        stored = {t.name for t in model.graph.initializer}
        plain = [n.name for n in model.graph.node if n.op_type == "MatMul" and not stored & set(n.input)]
        quantize_static(
            str(ready), str(target), Batches(model.graph.input[0].name, inputs), quant_format=QuantFormat.QDQ,
            per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax, nodes_to_exclude=kept + plain,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"] if attention or drowned else None,
        )  # fmt: skip
    return [n.name for n in model.graph.node if n.name in set(kept) and channels(n) is not None]


def parity(full, small, images: list[np.ndarray]) -> dict[str, float]:
    """Largest differences of two networks' outputs on RGB pictures taken as 0..1.

    `score`: of scores or logits; `box`: of the boxes (pixels) of cells that score above 0.2, for detectors.
    """
    score, box = 0.0, 0.0
    for image in images:
        x = image.transpose(2, 0, 1)[None].astype(np.float32) / 255.0
        a, b = full.run(None, {"images": x})[0], small.run(None, {"images": x})[0]
        if a.ndim == 3:
            seen = a[0, 4:].max(0) > 0.2
            box = max(box, float(np.abs(a - b)[0, :4, seen].max(initial=0.0)))
            a, b = a[:, 4:], b[:, 4:]
        score = max(score, float(np.abs(a - b).max()))
    return {"score": score, "box": box}
