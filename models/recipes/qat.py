"""Quantisation-aware training: a trained network goes on learning with its numbers rounded as the shipped file rounds them.

Batch norms are folded into the convolutions first, as the export does, since the file rounds folded weights. Then every
layer that `quantize.weights` stores as int8 is shown its weights rounded: symmetric int8, one scale per output channel,
found by `quantize.rounded` itself. For the form in bytes, layers of few weights are rounded as well (by their largest
weight, as ONNX Runtime does it), and so is what layers read: unsigned bytes, one scale per tensor, between the least and
largest numbers seen. The rounding and its gradient (straight through, none outside the range) are torch's. `settle` puts
the rounded weights in; rounding these once more, as the export does, changes nothing.
"""

import warnings
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn.utils import fusion, parametrize

import fitting
import quantize
from blocks import Bottleneck

LAYERS = (nn.Conv2d, nn.Linear)
AGAIN = 25  # training passes after which scales are looked for anew: the search costs more than the rounding
SLOWER = 0.1  # of the training's highest learning rate: the network is trained, it shall only settle


def scales(weight: torch.Tensor) -> torch.Tensor:
    """The scale of each output channel (axis 0) in the shipped files: the best by squared error where `quantize.weights`
    stores int8, else, as ONNX Runtime does it for the form in bytes, a 127th of the largest weight."""
    full = weight.detach().float().cpu().numpy()
    if full.size >= quantize.FEWEST:
        found = quantize.rounded(full)[1]
    else:
        found = np.maximum(np.abs(full.reshape(len(full), -1)).max(1), 1e-8) / 127.0
    return torch.from_numpy(found.astype(np.float32)).to(weight.device)


class Rounded(nn.Module):
    """Weights as their int8 form gives them back; a parametrisation."""

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.passes = 0
        self.register_buffer("scale", scales(weight))
        self.register_buffer("zero", torch.zeros(len(weight), dtype=torch.int32, device=weight.device))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.passes += 1
            if self.passes % AGAIN == 0:
                self.scale.copy_(scales(weight))
        return torch.fake_quantize_per_channel_affine(weight, self.scale, self.zero, 0, -127, 127)


def followed(network: nn.Module, size: int) -> list[tuple[nn.Module, nn.Module]]:
    """The convolutions whose output goes straight into a batch norm, with that norm, as a pass shows."""
    made, pairs, hooks = {}, [], []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(lambda m, _, out: made.update({id(out): (m, out)})))
        elif isinstance(module, fitting.NORMS):
            # `made` holds the outputs themselves, so that no number of one is given to another.
            hooks.append(
                module.register_forward_pre_hook(
                    lambda m, x: pairs.append((made[id(x[0])][0], m)) if id(x[0]) in made else None
                )
            )
    with torch.no_grad():
        network(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return pairs


def fold(network: nn.Module, size: int) -> None:
    """Folds batch norms into the convolutions before them; what is left of them adds the bias and changes nothing else."""
    network.eval()
    with torch.no_grad():
        for conv, norm in followed(network, size):
            weight, bias = fusion.fuse_conv_bn_weights(
                conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
            )
            conv.weight.copy_(weight)
            if conv.bias is not None:
                conv.bias.zero_().requires_grad_(False)
            norm.weight.fill_(1.0).requires_grad_(False)
            norm.bias.copy_(bias)
            norm.running_mean.zero_()
            norm.running_var.fill_(1.0 - norm.eps)


def activation() -> nn.Module:
    """Rounds a tensor to unsigned bytes between the least and largest numbers seen (a moving mean over batches)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from torch.ao.quantization import FakeQuantize, MovingAverageMinMaxObserver

        return FakeQuantize(
            observer=MovingAverageMinMaxObserver,
            quant_min=0,
            quant_max=255,
            dtype=torch.quint8,
            qscheme=torch.per_tensor_affine,
        )


class Rounding:
    """A network in training with rounded numbers, until `settle`."""

    def __init__(self, network: nn.Module, size: int, in_bytes: bool):
        """`size`: side of the input in pixels; `in_bytes`: round as the form in bytes does, activations as well."""
        fold(network, size)
        self.network, self.hooks, self.layers = network, [], []
        layers = [m for m in network.modules() if isinstance(m, LAYERS)]
        for layer in layers:
            # The last layer's weights are bytes in both forms, what it reads in none (`quantize.head`).
            if layer.weight.numel() >= quantize.FEWEST or in_bytes:
                parametrize.register_parametrization(layer, "weight", Rounded(layer.weight), unsafe=True)
                self.layers.append(layer)
            if in_bytes and layer is not layers[-1]:
                self.read(layer)
        if in_bytes:
            for block in [m for m in network.modules() if isinstance(m, Bottleneck)]:
                self.read(block)  # what goes round the block
                self.given(block.body)  # what is added to it

    def read(self, module: nn.Module) -> None:
        """Rounds what a module reads."""
        bytes_ = activation()
        self.hooks.append(
            module.register_forward_pre_hook(lambda m, x: (moved(bytes_, x[0], m.training)(x[0]), *x[1:]))
        )

    def given(self, module: nn.Module) -> None:
        """Rounds what a module gives."""
        bytes_ = activation()
        self.hooks.append(module.register_forward_hook(lambda m, _, out: moved(bytes_, out, m.training)(out)))

    def settle(self) -> None:
        """Puts the rounded weights in, by scales found for them as they are now, and takes all else away."""
        for hook in self.hooks:
            hook.remove()
        for layer in self.layers:
            parameter = layer.parametrizations.weight
            parameter[0].scale.copy_(scales(parameter.original))
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


def moved(rounding: nn.Module, x: torch.Tensor, training: bool) -> nn.Module:
    """The same, where `x` is, observing only while training."""
    rounding.to(x.device)
    (rounding.enable_observer if training else rounding.disable_observer)()
    return rounding


def settling(recipe: fitting.Recipe, steps: int) -> fitting.Recipe:
    """How a trained network goes on: slowly, batch norms still, in 32 bits, since bfloat16 rounds about as much as int8."""
    return replace(
        recipe,
        steps=steps,
        peak=recipe.peak * SLOWER,
        slower=1.0,
        still=True,
        half=False,
        seed=recipe.seed + 1000,
        minutes=float("inf"),
        facts={},
    )


def train(
    network: nn.Module, views: list, labels: np.ndarray, classes: int, recipe, steps: int, in_bytes: bool, told=print
) -> None:
    """Trains a trained network `steps` batches more with rounded numbers, by the plan of its training; leaves rounded
    weights in it. `recipe.facts` tells of it under `qat`."""
    again = settling(recipe, steps)
    rounding = Rounding(network, recipe.size, in_bytes)
    fitting.train(network, views, labels, classes, again, told)
    rounding.settle()
    recipe.facts["qat"] = {"steps": again.facts["steps"], "minutes": again.facts["minutes"], "in_bytes": in_bytes}
