"""Any detector of ultralytics (YOLOv8 to 12 and 26, YOLOv9, v10, RT-DETR), and YOLOv5's own checkpoints.

    python models/export/yolo.py best.pt --out models/mine --photos PHOTOS --animal deer,fox --person person

Classes are given by name or number; without any, COCO's and MegaDetector's names are known. Checkpoints of both
families are pickles, which run code when they are opened: open none whose maker you do not trust.
"""

import argparse
import sys
from pathlib import Path

import torch

from common import Card, arguments, detector, finish, seeded, wake

COCO = {
    "animal": ["bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"],
    "person": ["person"],
    "vehicle": ["bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "vehicle"],
}


class First(torch.nn.Module):
    """The first of a network's outputs."""

    def __init__(self, inner: torch.nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        out = self.inner(image)
        return out[0] if isinstance(out, (tuple, list)) else out


class Queries(torch.nn.Module):
    """RT-DETR's class logits and boxes (cx, cy, w, h as shares), before ultralytics joins them. Exported, it looks at its
    places by `rows_at` in the place of `grid_sample`; called, it is ultralytics' own, which the export is held against."""

    def __init__(self, inner: torch.nn.Module):
        super().__init__()
        self.inner = inner
        inner.model[-1].export = False

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        from ultralytics.nn.modules import transformer

        own = transformer.multi_scale_deformable_attn_pytorch
        if torch.onnx.is_in_onnx_export():
            transformer.multi_scale_deformable_attn_pytorch = rows_at
        try:
            boxes, scores = self.inner(image)[1][:2]
        finally:
            transformer.multi_scale_deformable_attn_pytorch = own
        return scores[-1], boxes[-1]


def rows_at(value: torch.Tensor, shapes: list, places: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """What deformable attention sees: `value` [1, cells of all levels, heads, d] at `places` [1, queries, heads, points, 2]
    (shares of the picture, level by level), weighted by `weights` [1, queries, heads, points]; [1, queries, heads * d].

    The same as `grid_sample` per level, between four cells each and zeros outside, but with rows of d numbers taken by
    their number: tract 0.23 works `GridSample` out number by number, with memory asked for at each.
    """
    _, cells, heads, d = value.shape
    _, queries, _, points, _ = places.shape
    per_level = points // len(shapes)
    sizes = torch.tensor([[w, h] for h, w in shapes], dtype=value.dtype).repeat_interleave(per_level, 0)
    counts = [h * w for h, w in shapes]
    starts = torch.tensor([sum(counts[:i]) for i in range(len(counts))], dtype=value.dtype).repeat_interleave(per_level)
    place = places * sizes - 0.5  # In cells, whose middles are whole numbers.
    corner = torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=value.dtype)
    cell = place.floor().unsqueeze(-2) + corner  # [1, queries, heads, points, 4, 2]
    inside = torch.minimum(cell.clamp_min(0), (sizes - 1).unsqueeze(-2))
    near = (1 - (place.unsqueeze(-2) - cell).abs()) * (cell == inside).to(value.dtype)
    # Whole numbers in 32-bit floats up to 16 million: more than any picture's cells times heads.
    row = inside[..., 1] * sizes[:, :1] + inside[..., 0] + starts[:, None]
    row = row + (torch.arange(heads, dtype=value.dtype) * cells).view(1, 1, heads, 1, 1)
    rows = value.transpose(1, 2).reshape(heads * cells, d)
    seen = rows.index_select(0, row.reshape(-1).long()).view(queries * heads, points * 4, d)
    share = (near[..., 0] * near[..., 1] * weights.unsqueeze(-1)).view(queries * heads, points * 4, 1)
    return (seen * share).sum(1).view(1, queries, heads * d)


def head_of(network: torch.nn.Module) -> torch.nn.Module:
    """The detection head: the last module."""
    return network.model[-1]


def from_ultralytics(weights: Path | None, config: str, classes: int) -> torch.nn.Module:
    """A checkpoint, or the architecture `config` (`yolo11s.yaml`) with random weights."""
    from ultralytics import RTDETR, YOLO
    from ultralytics.nn.tasks import DetectionModel, RTDETRDetectionModel

    if weights is not None:
        loaded = RTDETR(str(weights)) if "rtdetr" in weights.stem.lower() else YOLO(str(weights))
        return loaded.model.float()
    kind = RTDETRDetectionModel if "rtdetr" in config else DetectionModel
    return kind(config, nc=classes, verbose=False)


def from_yolov5(weights: Path | None, config: str, classes: int) -> torch.nn.Module:
    """The same with YOLOv5's own code (the package `yolov5`), which its pickles name `models` and `utils`."""
    import yolov5
    import yolov5.models.common
    import yolov5.models.yolo
    import yolov5.utils

    base = Path(yolov5.__file__).parent / "models"
    if weights is None:
        found = next(p for p in (base / config, base / "hub" / config, Path(config)) if p.exists())
        return yolov5.models.yolo.Model(str(found), ch=3, nc=classes)
    ours = {name.removeprefix("yolov5."): module for name, module in sys.modules.items() if name.startswith("yolov5.")}
    sys.modules.update({name: module for name, module in ours.items() if name.split(".")[0] in ("models", "utils")})
    loaded = torch.load(weights, map_location="cpu", weights_only=False)
    network = (loaded.get("ema") or loaded["model"]).float()
    for module in network.modules():
        if isinstance(module, torch.nn.Upsample) and not hasattr(module, "recompute_scale_factor"):
            module.recompute_scale_factor = None  # Pickled before torch 1.11.
    return network


def ready(network: torch.nn.Module) -> tuple[torch.nn.Module, str, tuple[str, ...], list[torch.nn.Module]]:
    """The network as it is exported, how its output is read, the outputs' names, and its last layers."""
    head = head_of(network)
    kind = type(head).__name__
    for module in network.modules():
        if hasattr(module, "export"):
            module.export, module.dynamic = True, False
        if hasattr(module, "format"):
            module.format = "onnx"
    if kind == "RTDETRDecoder":
        return Queries(network), "rtdetr", ("logits", "boxes"), [head.dec_score_head[-1]]
    if hasattr(head, "anchor_grid"):
        head.inplace = False
        return First(network), "yolov5", ("output",), list(head.m)
    # YOLOv10 and 26 were trained with a second head that gives each thing once.
    once = getattr(head, "one2one_cv3", None) is not None
    if once:
        head.end2end = True
    last = [part[-1] for part in (head.one2one_cv3 if once else head.cv3)]
    return First(network), "yolov10" if once else "yolov8", ("output",), last


def card_of(network: torch.nn.Module, decode: str, outputs: tuple[str, ...], size: int, **facts) -> Card:
    """The card of a detector of this family; RT-DETR was trained on stretched pictures, the others on letterboxed."""
    resize = {"rule": "stretch"} if decode == "rtdetr" else {"rule": "letterbox", "align": "centre", "pad": 114}
    boxes = "boxes" if decode == "rtdetr" else None
    return Card(role="detector", size=(size, size), decode=decode, outputs=outputs, boxes=boxes, resize=resize, **facts)


def categories(names: dict[int, str], given: dict[str, str | None]) -> dict[str, list[int]]:
    """Class numbers per category, from what the user said or by the names."""
    numbers = {name.lower(): i for i, name in names.items()}
    found = {}
    for category, known in COCO.items():
        if given.get(category):
            wanted = [w.strip() for w in given[category].split(",")]
            strange = [w for w in wanted if w.lower() not in numbers and not w.isdigit()]
            if strange:
                raise SystemExit(f"--{category}: no class {strange[0]}; there are {', '.join(numbers)}")
            found[category] = sorted(numbers.get(w.lower(), int(w) if w.isdigit() else -1) for w in wanted)
        elif not any(given.values()):
            found[category] = sorted(numbers[n] for n in {*known, category} if n in numbers)
    found = {k: v for k, v in found.items() if v}
    if "animal" not in found:
        raise SystemExit(f"no class is an animal; say which with --animal; there are {', '.join(numbers)}")
    return found


def main() -> None:
    parser = arguments(__doc__, "an ultralytics or YOLOv5 checkpoint (.pt)")
    parser.add_argument("--config", default="yolo11n.yaml", help="architecture for random weights")
    parser.add_argument("--yolov5", action="store_true", help="a checkpoint of YOLOv5's own code (not a `u` model)")
    parser.add_argument("--size", type=int, default=640, help="side of the input in pixels (default 640)")
    parser.add_argument("--detection", type=float, default=0.25, help="a box from here on counts as seen")
    parser.add_argument("--licence", default="AGPL-3.0-only", help="of the weights (ultralytics' own: AGPL-3.0-only)")
    parser.add_argument("--source", default="https://github.com/ultralytics/ultralytics")
    for category in COCO:
        parser.add_argument(f"--{category}", help="classes, by name or number, separated by commas")
    args: argparse.Namespace = parser.parse_args()
    seeded()
    load = from_yolov5 if args.yolov5 else from_ultralytics
    network = load(args.weights, args.config, 80 if args.weights is None else 0)
    module, decode, outputs, last = ready(network)
    names = dict(enumerate(network.names)) if isinstance(network.names, list) else network.names
    if args.weights is None:
        names, given = {i: str(i) for i in range(80)}, {"animal": "14,15", "person": "0", "vehicle": "2"}
    else:
        given = {c: getattr(args, c) for c in COCO}
    low = min(0.05, args.detection / 4)
    card = card_of(
        network, decode, outputs, args.size, name=args.out.name, version="1", licence=args.licence, source=args.source,
        tables=detector(categories(names, given), args.detection, low),
        notes=["AGPL-3.0 asks whoever offers a modified program over a network to offer its source."],
    )  # fmt: skip
    if args.weights is None:
        wake(module, card, args.photos, last)
    finish(module, card, args)


if __name__ == "__main__":
    main()
