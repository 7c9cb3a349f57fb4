"""Tiny networks of every exported family with what PyTorch makes of them, for tests/exports.rs.

    python models/export/fixtures.py tests/data/exports

Same modules, heads and export path as the real ones, a few thousand random weights. Beside each model lies
`expected.f32`: every output of PyTorch, one after another, for the input whose number i is frac(i * 0.6180339887).
"""

import sys
from pathlib import Path

import numpy as np
import timm
import torch
from timm.models.efficientnet import _gen_efficientnetv2_base
from timm.models.swin_transformer import SwinTransformer

from classifier import labels
from common import IMAGENET, Card, detector, liven, seeded, to_onnx, wake_on, write_manifest
from deepfaune import TAXA
from embedder import GeM
from megadetector import CATEGORIES
from parity import arrays
from speciesnet import Upright
from yolo import card_of, from_ultralytics, from_yolov5, ready

V5 = """
nc: 3
depth_multiple: 1.0
width_multiple: 1.0
anchors:
  - [6,8, 12,10, 10,20]
  - [20,24, 40,30, 34,50]
backbone:
  [[-1, 1, Conv, [8, 6, 2, 2]], [-1, 1, Conv, [8, 3, 2]], [-1, 1, C3, [8]], [-1, 1, Conv, [16, 3, 2]],
   [-1, 1, C3, [16]], [-1, 1, Conv, [16, 3, 2]], [-1, 1, SPPF, [16, 5]]]
head:
  [[-1, 1, nn.Upsample, [None, 2, "nearest"]], [[-1, 4], 1, Concat, [1]], [-1, 1, C3, [16, False]],
   [-1, 1, Conv, [16, 3, 2]], [[-1, 6], 1, Concat, [1]], [-1, 1, C3, [16, False]], [[9, 12], 1, Detect, [nc, anchors]]]
"""
BODY = """
nc: 3
backbone:
  [[-1, 1, Conv, [8, 3, 2]], [-1, 1, Conv, [8, 3, 2]], [-1, 1, C2f, [8, True]], [-1, 1, Conv, [16, 3, 2]],
   [-1, 1, C2f, [16, True]], [-1, 1, SPPF, [16, 5]]]
head:
"""
HEADS = {
    "yolov8": "  [[[5], 1, Detect, [nc]]]\n",
    "yolov10": "  [[[5], 1, v10Detect, [nc]]]\n",
    "rtdetr": "  [[[5], 1, RTDETRDecoder, [nc, 16, 12, 2, 2, 1, 16]]]\n",
}


def detectors(scratch: Path):
    """Name, module, card and last layers of one network per head."""
    side = 64
    (scratch / "v5.yaml").write_text(V5)
    networks = {"yolov5": from_yolov5(None, str(scratch / "v5.yaml"), 3)}
    for name, head in HEADS.items():
        config = scratch / f"{name}.yaml"
        config.write_text(BODY + head)
        networks[name] = from_ultralytics(None, str(config), 3)
    for name, network in networks.items():
        module, decode, outputs, last = ready(network)
        facts = {"name": f"tiny-{name}", "version": "1", "licence": "CC0-1.0", "source": "models/export/fixtures.py"}
        yield name, module, card_of(None, decode, outputs, side, tables=detector(CATEGORIES, 0.2, 0.05), **facts), last


def others():
    """The same of classifiers and embedders."""
    facts = {"version": "1", "licence": "CC0-1.0", "source": "models/export/fixtures.py"}
    vit = timm.create_model("vit_small_patch14_dinov2", embed_dim=16, depth=2, num_heads=2, img_size=56, num_classes=38)
    fauna = labels(TAXA / "deepfaune.csv")
    yield "deepfaune", vit, Card(
        role="classifier", name="tiny-deepfaune", size=(56, 56), decode="logits", outputs=("logits",), labels=fauna,
        pixels=IMAGENET, resize={"rule": "square", "filter": "bicubic"}, top={"temperature": 1.04}, **facts
    ), None  # fmt: skip

    def efficient(classes: int) -> torch.nn.Module:
        return _gen_efficientnetv2_base(
            "tf_efficientnetv2_b0", channel_multiplier=0.05, depth_multiplier=0.3, num_classes=classes, pad_type="same"
        )

    yield "speciesnet", Upright(efficient(38)), Card(
        role="classifier", name="tiny-speciesnet", size=(64, 64), decode="logits", outputs=("logits",), labels=fauna,
        layout="nhwc", resize={"rule": "stretch"}, **facts
    ), None  # fmt: skip
    swin = SwinTransformer(img_size=56, embed_dim=8, depths=(2, 1), num_heads=(1, 2), window_size=7, num_classes=0)
    yield "megadescriptor", swin, Card(
        role="embedder", name="tiny-megadescriptor", size=(56, 56), decode="embedding", outputs=("embedding",),
        pixels={"scale": 1 / 255, "mean": [0.5] * 3, "std": [0.5] * 3}, resize={"rule": "stretch"}, **facts
    ), []  # fmt: skip
    backbone = efficient(0)
    backbone.global_pool = GeM()
    yield "miewid", torch.nn.Sequential(backbone, torch.nn.BatchNorm1d(backbone.num_features)), Card(
        role="embedder", name="tiny-miewid", size=(64, 64), decode="embedding", outputs=("embedding",), pixels=IMAGENET,
        resize={"rule": "stretch"}, **facts
    ), []  # fmt: skip


def main() -> None:
    target = Path(sys.argv[1])
    seeded()
    target.mkdir(parents=True, exist_ok=True)
    scratch = target / "scratch"
    scratch.mkdir(exist_ok=True)
    every = [*detectors(scratch), *others()]
    for file in scratch.iterdir():
        file.unlink()
    scratch.rmdir()
    for name, module, card, last in every:
        folder = target / name
        folder.mkdir(exist_ok=True)
        noise = torch.rand(8, *card.example().shape[1:], generator=torch.Generator().manual_seed(3))
        if name in ("deepfaune", "rtdetr"):
            liven(module)  # Whose blocks and boxes would else be as good as absent.
        wake_on(module, noise, last)
        network = folder / f"{card.name}.onnx"
        to_onnx(module, card, network)
        write_manifest(card, folder, network)
        shape = card.example().shape
        x = np.modf(np.arange(np.prod(shape), dtype=np.float64) * 0.6180339887)[0].astype(np.float32).reshape(shape)
        with torch.no_grad():
            outputs = arrays(module(torch.from_numpy(x)))
        np.concatenate([o.ravel() for o in outputs]).astype("<f4").tofile(folder / "expected.f32")
        print(f"{name:16} {network.stat().st_size:8} bytes  outputs {[o.shape for o in outputs]}")


if __name__ == "__main__":
    main()
