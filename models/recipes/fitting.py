"""The training of an own network: epochs by a plan, augmented views, averaged weights, on the processor or a GPU."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import pictures
import plans
from blocks import Average, parameters, schedule

NORMS = nn.modules.batchnorm._BatchNorm


@dataclass
class Recipe:
    """What a training is like."""

    plan: str = "balanced"
    steps: int = 1500
    batch: int = 64
    peak: float = 3e-3  # highest learning rate; of layers that begin with learnt weights `slower` of it
    slower: float = 1.0
    ratio: float = plans.RATIO
    infrared: float = 0.25  # of the day pictures shown as if by night
    size: int = 128
    margin: float = 1.2
    smoothing: float = 0.02
    seed: int = 1
    minutes: float = float("inf")  # ends early, with the learning rate already low
    device: str = "cpu"
    still: bool = False  # batch norms keep the statistics that they begin with
    frozen: bool = False  # only the last layer learns, and batch norms are still
    half: bool = True  # computes in bfloat16 where the device has it
    facts: dict = field(default_factory=dict)


def groups(network: nn.Module, recipe: Recipe) -> list[dict]:
    """Optimiser groups with their share of the learning rate: the last layer learns at full speed."""
    if recipe.slower == 1.0 and not recipe.frozen:
        return [g | {"share": 1.0} for g in parameters(network, 0.05)]
    last = [m for m in network.modules() if isinstance(m, nn.Linear)][-1]
    own = {id(p) for p in last.parameters()}
    if recipe.frozen:
        for p in network.parameters():
            p.requires_grad_(id(p) in own)
    out = [{"params": list(last.parameters()), "weight_decay": 0.0, "share": 1.0}]
    rest = [p for p in network.parameters() if id(p) not in own]
    for decay, wide in ((0.05, True), (0.0, False)):
        out.append({"params": [p for p in rest if (p.ndim > 1) == wide], "weight_decay": decay, "share": recipe.slower})
    return out


def train(network: nn.Module, views: list, labels: np.ndarray, classes: int, recipe: Recipe, told=print) -> None:
    """Trains; leaves the averaged weights in `network`, on the processor. `recipe.facts` tells what was done."""
    device = torch.device(recipe.device)
    network.to(device, memory_format=torch.channels_last).train()
    if recipe.still or recipe.frozen:
        for norm in [m for m in network.modules() if isinstance(m, NORMS)]:
            norm.eval()
    optimiser = torch.optim.AdamW(groups(network, recipe), lr=recipe.peak)
    average = Average(network)
    rng = np.random.default_rng(recipe.seed)
    weight = torch.tensor(plans.weights(labels, classes, recipe.plan), dtype=torch.float32, device=device)
    missed = np.zeros(len(labels), int)
    able = recipe.half and (device.type == "cuda" or torch.cpu._is_avx512_bf16_supported())
    began, step, epochs, total, right = time.time(), 0, 0, 0.0, 0
    shown = np.zeros(classes, int)
    progress = 0.0
    while progress < 1.0:
        order = plans.epoch(labels, recipe.plan, rng, missed if epochs else None, recipe.ratio)
        if len(order) < recipe.batch:
            order = np.concatenate([order, rng.choice(order, recipe.batch - len(order))])
        epochs += 1
        for at in range(0, len(order) - recipe.batch + 1, recipe.batch):
            # By steps or by the clock, whichever is further.
            progress = max(step / recipe.steps, (time.time() - began) / (60 * recipe.minutes))
            if progress >= 1.0:
                break
            chosen = order[at : at + recipe.batch]
            images = [pictures.training(views[i], rng, recipe.size, recipe.margin, recipe.infrared) for i in chosen]
            x = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2).float().div(255.0)
            x = x.contiguous(memory_format=torch.channels_last)
            kinds = torch.from_numpy(labels[chosen]).to(device)
            rate = schedule(
                int(progress * 10_000),
                10_000,
                recipe.peak,
                warm=max(1, 10_000 * min(100, recipe.steps // 10) // recipe.steps),
            )
            for group in optimiser.param_groups:
                group["lr"] = rate * group["share"]
            with torch.autocast(device.type, torch.bfloat16, enabled=able):
                logits = network(x).float()
            loss = F.cross_entropy(logits, kinds, weight=weight, label_smoothing=recipe.smoothing)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            average.update(network)
            missed[chosen] = plans.misses(logits.detach().cpu().numpy(), labels[chosen])
            shown += np.bincount(labels[chosen], minlength=classes)
            total, right, step = total + float(loss.detach()), right + int((missed[chosen] == 0).sum()), step + 1
            if step % 50 == 0:
                told(f"step {step}/{recipe.steps} epoch {epochs} loss {total / 50:.3f} right {right / 50 / recipe.batch:.3f} "
                     f"{time.time() - began:.0f} s")  # fmt: skip
                total, right = 0.0, 0
    network.load_state_dict(average.state)
    network.cpu().eval()
    recipe.facts |= {"steps": step, "epochs": epochs, "minutes": (time.time() - began) / 60, "shown": shown.tolist()}


def plain(views: list, recipe: Recipe) -> np.ndarray:
    """The trap's crops `[n,3,size,size]` in 0..1."""
    crops = [pictures.plain(v, recipe.size, recipe.margin) for v in views]
    return np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32) / 255.0


def logits(session, views: list, recipe: Recipe) -> np.ndarray:
    """An ONNX network's logits for the trap's crops, one by one as the trap asks."""
    name = session.get_inputs()[0].name
    rows = [session.run(None, {name: plain([v], recipe)})[0][0] for v in views]
    return np.stack(rows)
