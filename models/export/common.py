"""What every exporter shares: sane random weights, ONNX, manifest, labels, parity, and the command line.

An exporter makes a `torch.nn.Module` and says in a `Card` what it is; `finish` writes `FOLDER/NAME.onnx`,
`manifest.toml`, `labels.csv` and `README.md`, compares PyTorch, ONNX Runtime and tract on photos, makes the int8 forms
where asked, and prints one line per step.
"""

import argparse
import csv
import hashlib
import json
import os
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import torch

# Behind: both have an embedder and a classifier.
sys.path.append(str(Path(__file__).resolve().parent.parent / "recipes"))
import forms
import photos
from measure import costs
from parity import Report, compare

OPSET = 17  # What tract 0.23 and ONNX Runtime 1.17 both read; torch's older exporter writes up to 20.
IMAGENET = {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
COLUMNS = ["label", "scientific", "rank", "english", "genus", "family", "order", "class"]


@dataclass
class Card:
    """What a manifest says of a network besides its file."""

    role: str
    name: str
    version: str
    licence: str
    source: str
    size: tuple[int, int]  # width, height
    decode: str
    resize: dict
    pixels: dict = field(default_factory=lambda: {"scale": 1 / 255})  # scale, mean, std
    layout: str = "nchw"
    outputs: tuple[str, ...] = ("output",)
    boxes: str | None = None
    top: dict = field(default_factory=dict)  # temperature, allowed
    tables: dict = field(default_factory=dict)  # classes, thresholds
    labels: list[dict] | None = None
    notes: list[str] = field(default_factory=list)  # for people: limits, licences

    def input(self) -> dict:
        """The manifest's `[input]`."""
        return {
            "name": "image", "width": self.size[0], "height": self.size[1], "layout": self.layout, "colour": "rgb",
            "dtype": "f32", **self.pixels, "resize": self.resize,
        }  # fmt: skip

    def example(self) -> torch.Tensor:
        """Numbers of the input's shape."""
        width, height = self.size
        shape = (1, 3, height, width) if self.layout == "nchw" else (1, height, width, 3)
        return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def detector(categories: dict[str, list[int]], detection: float, low: float, iou: float = 0.45) -> dict:
    """Tables of a detector's manifest."""
    return {"classes": categories, "thresholds": {"detection": detection, "low": low, "nms_iou": iou}}


def arguments(what: str, weights: str, sizes: dict | None = None) -> argparse.ArgumentParser:
    """The command line every exporter has; `weights` says what the file is, `sizes` which architectures there are."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="?", type=Path, help=f"{weights}; without it the weights are random")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model, made if need be")
    parser.add_argument("--photos", type=Path, required=True, help="sample photos for parity and calibration")
    parser.add_argument("--trapline", type=Path, help="the trapline program, for parity on tract")
    parser.add_argument("--quantise", action="store_true", help="also write the int8 forms and report their loss")
    parser.add_argument("--calibrate", type=int, default=48, help="photos to calibrate those on (default 48)")
    parser.add_argument("--costs", action="store_true", help="also report processor time and memory on every engine")
    parser.add_argument("--most", type=int, default=4, help="photos to compare on (default 4)")
    if sizes:
        parser.add_argument("--arch", choices=list(sizes), help="architecture (default: the first)")
    return parser


def state(path: Path) -> dict:
    """A checkpoint's tensors by name: safetensors, or a pickle of numbers alone (nothing in it is run)."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model_state_dict", "model"):
        loaded = loaded[key] if isinstance(loaded, dict) and key in loaded else loaded
    return loaded


def stripped(tensors: dict, prefix: str) -> dict:
    """The tensors below `prefix`, without it; all of them where none has it."""
    below = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    return below or tensors


def wake(module: torch.nn.Module, card: Card, folder: Path, head: list[torch.nn.Module] | None = None) -> None:
    """Random weights that mean something: every part has a say, batch-norm statistics of real photos, and last layers
    whose outputs differ from photo to photo. `head`: the last layers; by default the last linear one."""
    liven(module)
    wake_on(module, torch.cat([batch_of(card, p) for p in photos.listed(folder, 4)]), head)


def liven(module: torch.nn.Module) -> None:
    """Mends beginnings made for training, under which a comparison says little.

    A transformer's blocks begin as good as absent (DINOv2's layer scale at 1e-5) or with attention that is the same
    everywhere, and RT-DETR's boxes with weights of zero: a wrong export of them would not show. And a deep network whose
    batch norms leave numbers around zero magnifies rounding a little in every layer, by ten thousand in YOLOv5x6: a wrong
    export would be lost in it. Around 2 the activations are nearly straight and the noise stays small, as in a trained
    one; their bend is still in reach.
    """
    with torch.no_grad():
        for part in module.modules():
            if type(part).__name__ == "LayerScale":
                part.gamma.fill_(0.3)
            elif isinstance(part, torch.nn.BatchNorm2d):
                part.bias.uniform_(1.0, 3.0)
            elif isinstance(part, torch.nn.Linear) and part.weight.std() < part.in_features**-0.5:
                part.weight.normal_(std=part.in_features**-0.5)


def wake_on(module: torch.nn.Module, batch: torch.Tensor, head: list[torch.nn.Module] | None = None) -> None:
    """The same on inputs at hand."""
    norms = [m for m in module.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    module.eval()
    with torch.no_grad():
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum, norm.training = None, True
        module(batch)
        for norm in norms:
            norm.training = False
        layers = [layer for layer in (head if head is not None else [last_linear(module)]) if layer is not None]
        seen = [[] for _ in layers]
        hooks = [
            layer.register_forward_hook(lambda _m, _i, out, to=to: to.append(out))
            for layer, to in zip(layers, seen, strict=True)
        ]
        if layers:
            module(batch)
        for layer, out, hook in zip(layers, seen, hooks, strict=True):
            hook.remove()
            spread(layer, torch.cat(out))


def spread(layer: torch.nn.Module, out: torch.Tensor) -> None:
    """Scales a last layer so that its numbers have mean -1 and deviation 2 per channel: some sure, most not. At most 20
    times, lest the rounding of the layers before be all that is seen."""
    channel = -1 if isinstance(layer, torch.nn.Linear) else 1
    flat = out.transpose(channel, -1).reshape(-1, out.shape[channel])
    mean, deviation = flat.mean(0), flat.std(0).clamp_min(1e-4)
    gain = (2.0 / deviation).clamp_max(20.0)
    layer.weight.mul_(gain.view(-1, *[1] * (layer.weight.dim() - 1)))
    before = layer.bias if layer.bias is not None else torch.zeros_like(mean)
    if layer.bias is not None:
        layer.bias.copy_((before - mean) * gain - 1.0)


def last_linear(module: torch.nn.Module) -> torch.nn.Module | None:
    """The last linear layer."""
    found = [m for m in module.modules() if isinstance(m, torch.nn.Linear)]
    return found[-1] if found else None


def batch_of(card: Card, photo: Path) -> torch.Tensor:
    """One photo as the network takes it."""
    return torch.from_numpy(photos.tensor(photos.opened(photo), card.input())[0])


def to_onnx(module: torch.nn.Module, card: Card, target: Path) -> None:
    """Writes the network with one fixed input size. The older exporter: its graphs are what both engines know best."""
    module.eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (card.example(),), str(target), input_names=["image"], output_names=list(card.outputs),
            opset_version=OPSET, dynamo=False, do_constant_folding=True,
        )  # fmt: skip
    model = onnx.load(target)
    onnx.checker.check_model(model, full_check=target.stat().st_size < 1 << 30)
    if [i.name for i in model.graph.input] != ["image"]:
        raise SystemExit(f"{target}: its inputs are {[i.name for i in model.graph.input]}, one `image` is needed")


def value(v: object) -> str:
    """A TOML value."""
    if isinstance(v, dict):
        return "{ " + ", ".join(f"{k} = {value(x)}" for k, x in v.items()) + " }"
    if isinstance(v, (list, tuple)):
        return "[" + ", ".join(value(x) for x in v) + "]"
    return json.dumps(v, ensure_ascii=False) if isinstance(v, str) else repr(v)


def write_manifest(card: Card, folder: Path, network: Path) -> Path:
    """Writes `manifest.toml` and the labels."""
    top = {
        "role": card.role, "name": card.name, "version": card.version, "file": network.name,
        "sha256": hashlib.sha256(network.read_bytes()).hexdigest(), "licence": card.licence, "source": card.source,
    }  # fmt: skip
    if card.labels is not None:
        with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(card.labels)
        top["labels"] = {"file": "labels.csv"}
    top |= card.top
    spec = card.input()
    resize = spec.pop("resize")
    output = {"name": card.outputs[0], "decode": card.decode} | ({"boxes": card.boxes} if card.boxes else {})
    tables = {"": top, "input": spec, "input.resize": resize, "output": output, **card.tables}
    text = "".join(
        (f"\n[{name}]\n" if name else "") + "".join(f"{k} = {value(v)}\n" for k, v in table.items())
        for name, table in tables.items()
    )
    path = folder / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return path


def finish(module: torch.nn.Module, card: Card, args: argparse.Namespace) -> list[Report]:
    """Writes everything, compares, quantises where asked; exits with 1 where the engines disagree."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    args.out.mkdir(parents=True, exist_ok=True)
    network = args.out / f"{card.name}.onnx"
    to_onnx(module, card, network)
    write_manifest(card, args.out, network)
    print(f"{network}  {network.stat().st_size} bytes  {card.licence}", flush=True)
    inputs = [batch_of(card, p).numpy() for p in photos.listed(args.photos, args.most)]
    reports = compare(module, network, card.decode, inputs, args.trapline)
    for report in reports:
        print(report.line(), flush=True)
    for cost in costs(module, args.out, inputs[0], args.trapline) if args.costs else []:
        print(cost.line(), flush=True)
    write_readme(card, args.out, reports, random=args.weights is None)
    if args.quantise:
        for line in forms.quantise(args.out, args.photos, trapline=args.trapline, most=args.calibrate):
            print(line, flush=True)
    if not all(report.fine() for report in reports):
        raise SystemExit("the engines disagree by more than the tolerance")
    return reports


def write_readme(card: Card, folder: Path, reports: list[Report], random: bool) -> None:
    """The model card: what it is, under which licence, how exact the export is."""
    lines = [f"# {card.name} {card.version}", "", f"Role: {card.role}. Licence of the weights: {card.licence}.", ""]
    lines += [f"Source: {card.source}", ""]
    if random:
        lines += ["**Random weights**: the architecture alone, for comparing engines. It knows nothing.", ""]
    lines += [f"- {note}" for note in card.notes] + ([""] if card.notes else [])
    lines += ["## Against PyTorch", "", *Report.table(reports), ""]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def seeded(seed: int = 7) -> None:
    """The same random weights every time."""
    torch.manual_seed(seed)
    np.random.seed(seed)
