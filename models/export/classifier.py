"""Any classifier of timm: its own weights or yours, with a table of labels.

    python models/export/classifier.py best.pth --timm efficientnet_b0 --labels labels.csv --out models/mine --photos PHOTOS

The table is Trapline's (`label,scientific,rank,english,genus,family,order,class`), one line per output in its order.
Size, colours and filter are those timm says the weights were trained with.
"""

import csv
from pathlib import Path

import timm
import torch

from common import COLUMNS, Card, arguments, finish, seeded, state, stripped, wake


def labels(file: Path) -> list[dict]:
    """The lines of a table of labels."""
    with open(file, newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    if not rows or list(rows[0]) != COLUMNS:
        raise SystemExit(f"{file}: the header must be {','.join(COLUMNS)}")
    return rows


def preparation(network: torch.nn.Module, size: int | None) -> tuple[int, dict, str]:
    """Input side, pixels' scale, and filter."""
    data = timm.data.resolve_model_data_config(network)
    side = size or data["input_size"][1]
    pixels = {"scale": 1 / 255, "mean": list(data["mean"]), "std": list(data["std"])}
    return side, pixels, "bicubic" if data["interpolation"] == "bicubic" else "bilinear"


def fill(
    network: torch.nn.Module, weights: Path, prefixes: tuple[str, ...] = ("module.", "model.", "base_model.")
) -> None:
    """Puts a checkpoint in; every tensor must fit."""
    tensors = state(weights)
    for prefix in prefixes:
        tensors = stripped(tensors, prefix)
    network.load_state_dict(tensors)


def main() -> None:
    parser = arguments(__doc__, "a state dictionary (.pth, .pt, .safetensors)")
    parser.add_argument("--timm", required=True, help="timm's name of the architecture")
    parser.add_argument("--labels", type=Path, required=True, help="table of labels")
    parser.add_argument("--size", type=int, help="side of the input [default: timm's]")
    parser.add_argument("--margin", type=float, default=0.2, help="share of the box's side added around it")
    parser.add_argument("--licence", default="not stated", help="of the weights")
    parser.add_argument("--source", default="https://github.com/huggingface/pytorch-image-models")
    args = parser.parse_args()
    seeded()
    rows = labels(args.labels)
    sized = {"img_size": args.size} if args.size and args.timm.startswith(("vit", "swin", "deit", "eva")) else {}
    network = timm.create_model(args.timm, pretrained=False, num_classes=len(rows), **sized)
    side, pixels, filter = preparation(network, args.size)
    card = Card(
        role="classifier", name=args.out.name, version="1", licence=args.licence, source=args.source, size=(side, side),
        decode="logits", outputs=("logits",), pixels=pixels, labels=rows,
        resize={"rule": "square", "margin": args.margin, "filter": filter},
    )  # fmt: skip
    if args.weights is None:
        wake(network, card, args.photos)
    else:
        fill(network, args.weights)
    finish(network, card, args)


if __name__ == "__main__":
    main()
