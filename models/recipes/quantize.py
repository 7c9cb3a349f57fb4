"""Weights-only quantisation: int8 in the file, f32 when run.

Each convolution's (and linear layer's) weights become symmetric int8 with one scale per output channel, followed by
`DequantizeLinear`. An engine folds that into constants when it loads the network, so the file is a quarter of the size
and the speed is that of f32; activations stay f32. Layers of few weights (the last ones of the heads) stay f32.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

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


def weights(source: Path, target: Path) -> None:
    """Reads an f32 network and writes the one with int8 weights."""
    model = onnx.load(source)
    graph = model.graph
    stored = {t.name: t for t in graph.initializer}
    nodes = []
    for node in graph.node:
        per_row = (
            node.op_type == "Conv"
            or node.op_type == "Gemm"
            and any(a.name == "transB" and a.i == 1 for a in node.attribute)
        )
        tensor = stored.get(node.input[1]) if per_row else None
        if tensor is None or np.prod(tensor.dims) < FEWEST:
            continue
        whole, scale = rounded(numpy_helper.to_array(tensor))
        name = tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.extend([
            numpy_helper.from_array(whole, f"{name}_int8"),
            numpy_helper.from_array(scale, f"{name}_scale"),
            numpy_helper.from_array(np.zeros(len(scale), np.int8), f"{name}_zero"),
        ])  # fmt: skip
        parts = [f"{name}_int8", f"{name}_scale", f"{name}_zero"]
        nodes.append(helper.make_node("DequantizeLinear", parts, [name], f"{name}_dequantise", axis=0))
    for node in reversed(nodes):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, target)


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
