"""Embedders that tell individuals apart: DINOv2-S/B, MegaDescriptor (Swin), MiewID (EfficientNetV2), any of timm.

    python models/export/embedder.py miewid.safetensors --arch miewid --out models/miewid --photos PHOTOS

The output is the vector as the network gives it. `--timm NAME` takes another architecture of timm, as lynx-id's
backbones are, with its classifier removed.
"""

from dataclasses import dataclass

import timm
import torch

from common import IMAGENET, Card, arguments, finish, seeded, state, stripped, wake


@dataclass
class Kind:
    """One published embedder."""

    timm: str
    side: int
    licence: str
    source: str
    half: bool = False  # pixels as -1..1 instead of ImageNet's statistics
    gem: bool = False  # MiewID's pooling and batch norm


HUB = "https://huggingface.co/"
KINDS = {
    "dinov2-s": Kind(
        "vit_small_patch14_dinov2.lvd142m", 224, "Apache-2.0", HUB + "timm/vit_small_patch14_dinov2.lvd142m"
    ),
    "dinov2-b": Kind(
        "vit_base_patch14_dinov2.lvd142m", 224, "Apache-2.0", HUB + "timm/vit_base_patch14_dinov2.lvd142m"
    ),
    "megadescriptor-l-384": Kind(
        "swin_large_patch4_window12_384", 384, "CC-BY-NC-4.0", HUB + "BVRA/MegaDescriptor-L-384", half=True
    ),
    "megadescriptor-t-224": Kind(
        "swin_tiny_patch4_window7_224", 224, "CC-BY-NC-4.0", HUB + "BVRA/MegaDescriptor-T-224", half=True
    ),
    "miewid": Kind("efficientnetv2_rw_m", 440, "see source", HUB + "conservationxlabs/miewid-msv3", gem=True),
    "miewid-small": Kind("efficientnetv2_rw_t", 224, "see source", HUB + "conservationxlabs/miewid-msv3", gem=True),
}


class GeM(torch.nn.Module):
    """Generalised mean over the picture, its power learnt (Radenović 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.p = torch.nn.Parameter(torch.tensor([3.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.clamp(min=1e-6).pow(self.p).mean((-2, -1)).pow(1.0 / self.p)


class MiewId(torch.nn.Module):
    """Backbone, generalised mean, batch norm: 2152 numbers with EfficientNetV2-RW-M."""

    def __init__(self, name: str):
        super().__init__()
        self.backbone = timm.create_model(name, pretrained=False, num_classes=0, global_pool="")
        self.pooling = GeM()
        self.bn = torch.nn.BatchNorm1d(self.backbone.num_features)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.bn(self.pooling(self.backbone(image)))


def fill(network: torch.nn.Module, weights, gem: bool) -> None:
    """Puts a checkpoint in. What it has for training alone (a classifier) may be left over; nothing may be missing."""
    tensors = state(weights)
    for prefix in ("module.",) if gem else ("module.", "model.", "backbone."):
        tensors = stripped(tensors, prefix)
    missing, left = network.load_state_dict(tensors, strict=False)
    if missing:
        raise SystemExit(
            f"{weights}: {missing[0]} and {len(missing) - 1} more tensors are missing; is it this architecture?"
        )
    strange = [n for n in left if not n.startswith(("head.", "classifier.", "fc.", "final.", "loss"))]
    if strange:
        raise SystemExit(f"{weights}: {strange[0]} has no place in this architecture")


def main() -> None:
    parser = arguments(__doc__, "the checkpoint (.pt, .bin, .safetensors)", KINDS)
    parser.add_argument("--timm", help="another architecture of timm")
    parser.add_argument("--size", type=int, help="its input side")
    parser.add_argument("--licence", default="not stated", help="of its weights")
    parser.add_argument("--source", default="not stated")
    args = parser.parse_args()
    seeded()
    kind = KINDS[args.arch or "dinov2-s"]
    if args.timm:
        kind = Kind(args.timm, args.size or 224, args.licence, args.source)
    if kind.gem:
        network = MiewId(kind.timm)
    else:
        sized = {"img_size": kind.side} if kind.timm.startswith(("vit", "swin", "deit", "eva")) else {}
        network = timm.create_model(kind.timm, pretrained=False, num_classes=0, **sized)
    notes = ["Not for commercial use (CC BY-NC 4.0)."] if "NC" in kind.licence else []
    card = Card(
        role="embedder", name=args.out.name, version="1", licence=kind.licence, source=kind.source,
        size=(kind.side, kind.side), decode="embedding", outputs=("embedding",), notes=notes,
        pixels={"scale": 1 / 255, "mean": [0.5] * 3, "std": [0.5] * 3} if kind.half else IMAGENET,
        resize={"rule": "stretch", "filter": "bilinear" if kind.gem or kind.half else "bicubic"},
    )  # fmt: skip
    if args.weights is None:
        wake(network, card, args.photos, [])
    else:
        fill(network, args.weights, kind.gem)
    finish(network, card, args)


if __name__ == "__main__":
    main()
