"""MegaDetector v5a and v5b, v6 and MDv1000: detector of animals, people and vehicles.

    python models/export/megadetector.py md_v5a.0.0.pt --arch v5a --out models/md-v5a --photos PHOTOS --quantise

v5 and MDv1000 redwood and spruce are pickles of YOLOv5's code (requirements-yolov5.txt); v6 and larch and sorrel are
ultralytics'. The MIT and Apache networks of v6 (YOLO by WongKinYiu, RT-DETR by lyuwenyu) and cedar are built with code
that is on no registry and are not exported here.
"""

from dataclasses import dataclass

from common import arguments, detector, finish, seeded, wake
from yolo import card_of, from_ultralytics, from_yolov5, ready

CATEGORIES = {"animal": [0], "person": [1], "vehicle": [2]}


@dataclass
class Version:
    """One published network."""

    config: str
    size: int
    detection: float  # its typical threshold
    licence: str
    yolov5: bool = False


# Sizes and thresholds: agentmorris/MegaDetector 136e1e38 and the MDv6 zoo. Version 6 states no typical threshold: 0.2,
# version 5's. The small ones at the end are the same architecture, for trying.
VERSIONS = {
    "v5a": Version("yolov5x6.yaml", 1280, 0.2, "MIT", yolov5=True),
    "v5b": Version("yolov5x6.yaml", 1280, 0.2, "MIT", yolov5=True),
    "redwood": Version("yolov5x6.yaml", 1280, 0.3, "GPL-3.0-or-later OR AGPL-3.0-only", yolov5=True),
    "spruce": Version("yolov5s.yaml", 640, 0.2, "GPL-3.0-only", yolov5=True),
    "larch": Version("yolo11l.yaml", 640, 0.2, "AGPL-3.0-only"),
    "sorrel": Version("yolo11s.yaml", 960, 0.2, "AGPL-3.0-only"),
    "v6-yolov9-c": Version("yolov9c.yaml", 640, 0.2, "AGPL-3.0-only"),
    "v6-yolov9-e": Version("yolov9e.yaml", 640, 0.2, "AGPL-3.0-only"),
    "v6-yolov10-c": Version("yolov10n.yaml", 640, 0.2, "AGPL-3.0-only"),
    "v6-yolov10-e": Version("yolov10x.yaml", 640, 0.2, "AGPL-3.0-only"),
    "v6-rtdetr-c": Version("rtdetr-l.yaml", 640, 0.2, "AGPL-3.0-only"),
    "v5-small": Version("yolov5n6.yaml", 320, 0.2, "MIT", yolov5=True),
    "v9-small": Version("yolov9t.yaml", 320, 0.2, "AGPL-3.0-only"),
    "v10-small": Version("yolov10n.yaml", 320, 0.2, "AGPL-3.0-only"),
    "v11-small": Version("yolo11n.yaml", 320, 0.2, "AGPL-3.0-only"),
}


def main() -> None:
    parser = arguments(__doc__, "the published checkpoint (.pt)", VERSIONS)
    args = parser.parse_args()
    seeded()
    arch = args.arch or next(iter(VERSIONS))
    version = VERSIONS[arch]
    load = from_yolov5 if version.yolov5 else from_ultralytics
    module, decode, outputs, last = ready(load(args.weights, version.config, 3))
    notes = [f"A box counts from {version.detection} on (its typical threshold), weaker ones where something moved."]
    if version.licence == "MIT":
        notes.append("Weights: MIT. YOLOv5's code, needed for this export only: AGPL-3.0 (before 2023 GPL-3.0).")
    card = card_of(
        None, decode, outputs, version.size, name=args.out.name, version=arch, licence=version.licence, notes=notes,
        source="https://github.com/agentmorris/MegaDetector", tables=detector(CATEGORIES, version.detection, 0.05),
    )  # fmt: skip
    if args.weights is None:
        wake(module, card, args.photos, last)
    finish(module, card, args)


if __name__ == "__main__":
    main()
