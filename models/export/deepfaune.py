"""DeepFaune's classifier (versions 1.3 and 1.4): DINOv2 ViT-L/14 at 182 pixels, 34 or 38 classes, and its bird head.

    python models/export/deepfaune.py deepfaune-vit_large_patch14_dinov2.lvd142m.v4.pt --out models/deepfaune --photos PHOTOS

The checkpoint is `{"args": …, "state_dict": …}` with timm's names below `base_model.`; 34 classes are version 1.3's, 38
version 1.4's, in DeepFaune's order. Its crop is the square around the box, clipped, resized with a cubic filter. The
temperature is that of a sequence, 1.04. `--birds HEAD.pt` writes a second model beside it, FOLDER-birds: the same
backbone with the bird head (linear layers, `--activation` between them) and its temperature 0.9.
"""

import argparse
from pathlib import Path

import timm
import torch

from classifier import fill, labels
from common import IMAGENET, Card, arguments, finish, seeded, state, wake

BACKBONES = {"vit-l": "vit_large_patch14_dinov2.lvd142m", "vit-s": "vit_small_patch14_dinov2.lvd142m"}
SIDE = 182
SINCE_1_4 = {"golden jackal", "raccoon dog", "porcupine", "muskrat"}
TAXA = Path(__file__).parent / "taxa"
ACTIVATIONS = {"relu": torch.nn.ReLU, "gelu": torch.nn.GELU, "none": torch.nn.Identity}


def fauna(classes: int) -> list[dict]:
    """The labels of 1.4 (38), or of 1.3 (34)."""
    rows = labels(TAXA / "deepfaune.csv")
    if classes == 34:
        rows = [row for row in rows if row["label"] not in SINCE_1_4]
    if classes != len(rows):
        raise SystemExit(f"the checkpoint has {classes} classes; version 1.3 has 34, 1.4 has 38")
    return rows


class WithHead(torch.nn.Module):
    """A backbone's features through a head of linear layers."""

    def __init__(self, backbone: torch.nn.Module, head: torch.nn.Module):
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.backbone.forward_head(self.backbone.forward_features(image), pre_logits=True)
        return self.head(features)


def bird_head(weights: Path | None, width: int, birds: int, activation: str) -> torch.nn.Sequential:
    """Linear layers in the order of the checkpoint's names; random ones have one hidden layer."""
    if weights is None:
        sizes, tensors = [(width, width), (width, birds)], {}
    else:
        tensors = state(weights)
        names = [n.removesuffix(".weight") for n, t in tensors.items() if n.endswith(".weight") and t.dim() == 2]
        strange = [n for n, t in tensors.items() if t.dim() > 2 or n.rsplit(".", 1)[0] not in names]
        if strange:
            raise SystemExit(f"{weights}: {strange[0]} is no linear layer's; this bird head cannot be exported")
        sizes = [tuple(reversed(tensors[f"{n}.weight"].shape)) for n in names]
        if sizes[0][0] != width or sizes[-1][1] != birds:
            raise SystemExit(
                f"{weights}: takes {sizes[0][0]} features and gives {sizes[-1][1]} classes, not {width}, {birds}"
            )
    layers: list[torch.nn.Module] = []
    for i, (inputs, outputs) in enumerate(sizes):
        layers += [ACTIVATIONS[activation]()] if i else []
        layers.append(torch.nn.Linear(inputs, outputs))
    linear = [m for m in layers if isinstance(m, torch.nn.Linear)]
    if weights is not None:
        for name, layer in zip(names, linear, strict=True):
            layer.load_state_dict({"weight": tensors[f"{name}.weight"], "bias": tensors[f"{name}.bias"]})
    return torch.nn.Sequential(*layers)


def main() -> None:
    parser = arguments(__doc__, "DeepFaune's classifier (.pt)", BACKBONES)
    parser.add_argument("--classes", type=int, default=38, help="of random weights: 34 or 38 (default)")
    parser.add_argument("--birds", type=Path, help="DeepFaune's bird head (.pt)")
    parser.add_argument("--with-birds", action="store_true", help="a bird head of random weights")
    parser.add_argument(
        "--activation", choices=list(ACTIVATIONS), default="relu", help="between the bird head's layers"
    )
    args = parser.parse_args()
    seeded()
    classes = args.classes
    if args.weights is not None:
        tensors = state(args.weights)
        classes = next(t.shape[0] for n, t in tensors.items() if n.endswith("head.weight"))
    network = timm.create_model(
        BACKBONES[args.arch or "vit-l"], pretrained=False, num_classes=classes, img_size=SIDE, dynamic_img_size=False
    )
    facts = {
        "role": "classifier", "version": "1.4" if classes == 38 else "1.3", "licence": "CC-BY-NC-SA-4.0",
        "source": "https://www.deepfaune.cnrs.fr", "size": (SIDE, SIDE), "decode": "logits", "outputs": ("logits",),
        "pixels": IMAGENET, "resize": {"rule": "square", "filter": "bicubic"},
        "notes": ["**Not for commercial use** (CC BY-NC-SA 4.0).", "Names at the rank DeepFaune's class has."],
    }  # fmt: skip
    card = Card(name=args.out.name, labels=fauna(classes), top={"temperature": 1.04}, **facts)
    if args.weights is None:
        wake(network, card, args.photos)
    else:
        fill(network, args.weights, ("base_model.",))
    finish(network, card, args)
    if args.birds or args.with_birds:
        birds = labels(TAXA / "deepfaune_birds.csv")
        head = bird_head(args.birds, network.num_features, len(birds), args.activation)
        module = WithHead(network, head)
        args = argparse.Namespace(**{**vars(args), "out": args.out.with_name(f"{args.out.name}-birds")})
        card = Card(name=args.out.name, labels=birds, top={"temperature": 0.9}, **facts)
        if args.birds is None:
            wake(module, card, args.photos, [head[-1]])
        finish(module, card, args)


if __name__ == "__main__":
    main()
