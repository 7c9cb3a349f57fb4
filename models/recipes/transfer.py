"""Networks to start from: the small one of the bundled classifier, with or without its weights, or any of timm's."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from blocks import ConvRelu
from classifier import Classifier

BENCH = Path(__file__).resolve().parent.parent / "bench-classifier"


def small(classes: int, start: Path | None = None) -> Classifier:
    """The bundled classifier's network; `start` is a model folder of that network whose weights it begins with, its last
    layer but for the number of classes it has."""
    network = Classifier(classes)
    if start is not None:
        fill(network, start)
    return network


def tensors(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Stored numbers by name, int8 weights as f32."""
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and all(n in stored for n in node.input):
            whole, scale, zero = (stored[n] for n in node.input)
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            shape = [-1 if i == axis else 1 for i in range(whole.ndim)] if scale.ndim else []
            stored[node.output[0]] = (whole.astype(np.float32) - zero.reshape(shape)) * scale.reshape(shape)
    return stored


def fill(network: Classifier, folder: Path) -> None:
    """Puts the convolutions of an exported network of this kind in. Batch norms were folded into them at export: here they
    begin as what changes nothing."""
    found = sorted(Path(folder).glob("*.onnx"))
    found = [f for f in found if not f.stem.endswith(("-int8", "-u8s8"))] or found
    if not found:
        raise SystemExit(f"{folder}: no .onnx in it")
    model = onnx.load(found[0])
    stored = tensors(model)
    convs = [n for n in model.graph.node if n.op_type == "Conv"]
    layers = [m for m in network.modules() if isinstance(m, ConvRelu)]
    if len(convs) != len(layers):
        raise SystemExit(
            f"{found[0]}: {len(convs)} convolutions; the small network has {len(layers)}. Use --timm for others"
        )
    with torch.no_grad():
        for node, layer in zip(convs, layers, strict=True):
            weight, bias = stored[node.input[1]], stored[node.input[2]]
            if weight.shape != tuple(layer[0].weight.shape):
                raise SystemExit(
                    f"{found[0]}: {node.name} has {weight.shape}, the small network {tuple(layer[0].weight.shape)}"
                )
            layer[0].weight.copy_(torch.from_numpy(weight.copy()))
            norm = layer[1]
            norm.weight.fill_(1.0)
            norm.bias.copy_(torch.from_numpy(bias.copy()))
            norm.running_mean.zero_()
            norm.running_var.fill_(1.0 - norm.eps)


def timm_network(name: str, classes: int, weights: Path | None):
    """A network of timm with its own preparation: `(network, size, mean, std)`. Weights come from a file, never from the
    net; those of a head with another number of classes are left out."""
    import timm

    network = timm.create_model(name, pretrained=False, num_classes=classes)
    if weights is not None:
        state = load(weights)
        own = network.state_dict()
        fits = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
        missing = [k for k in own if k not in fits and "num_batches_tracked" not in k]
        heads = network.pretrained_cfg.get("classifier") or ()
        heads = (heads,) if isinstance(heads, str) else tuple(heads)
        strange = [k for k in missing if not k.startswith(heads)]
        if strange or not fits:
            raise SystemExit(
                f"{weights}: not the weights of {name}: {len(missing)} tensors are missing, such as {missing[:3]}"
            )
        network.load_state_dict(fits, strict=False)
    data = timm.data.resolve_model_data_config(network)
    return network, data["input_size"][1], list(data["mean"]), list(data["std"])


def load(file: Path) -> dict[str, torch.Tensor]:
    """A state dictionary, bare or in a checkpoint."""
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    kept = torch.load(file, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model", "state"):
        kept = kept[key] if isinstance(kept, dict) and isinstance(kept.get(key), dict) else kept
    return {k.removeprefix("module."): v for k, v in kept.items() if isinstance(v, torch.Tensor)}


class Scaled(nn.Module):
    """A network behind its own mean and deviation, so that all of them take RGB in 0..1."""

    def __init__(self, network: nn.Module, mean: list[float], std: list[float]):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network((x - self.mean) / self.std)
