"""The bench world's exported bursts: `truth.jsonl` beside JPEG frames, one JSON object a frame."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from network import CLASSES

cv2.setNumThreads(1)  # one worker, one core: the training itself uses the others


@dataclass(eq=False)
class Frame:
    """One picture (RGB bytes `[h,w,3]`) with its truth; boxes `[n,4]` are left, top, right, bottom in pixels."""

    pixels: np.ndarray
    infrared: bool
    burst: int
    boxes: np.ndarray
    kinds: np.ndarray
    species: list[str]
    visible: np.ndarray

    @property
    def width(self) -> int:
        """In pixels."""
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.pixels.shape[0]


def load(*folders: Path) -> list[Frame]:
    """All frames of the exported folders, in the order of their truth files, decoded (0.9 MB each at 640×480)."""
    return [
        frame(folder, json.loads(line))
        for folder in folders
        for line in (folder / "truth.jsonl").read_text().splitlines()
    ]


def frame(folder: Path, row: dict) -> Frame:
    """One line of `truth.jsonl`."""
    pixels = cv2.cvtColor(cv2.imread(str(folder / row["file"])), cv2.COLOR_BGR2RGB)
    height, width = pixels.shape[:2]
    things = [t for t in row["boxes"] if t["category"] in CLASSES]
    xywh = np.array([t["bbox"] for t in things], np.float32).reshape(-1, 4)
    size = np.array([width, height, width, height], np.float32)
    return Frame(
        pixels=pixels,
        infrared=row["infrared"],
        burst=row["burst"],
        boxes=np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1) * size,
        kinds=np.array([CLASSES.index(t["category"]) for t in things], np.int64),
        species=[t["species"] or "" for t in things],
        visible=np.array([t["visible"] for t in things], np.float32),
    )


def taxa() -> list[dict[str, str]]:
    """The rows of `taxa.csv`: the classifier's classes, in the order of its outputs."""
    with open(Path(__file__).with_name("taxa.csv"), newline="") as file:
        return list(csv.DictReader(file))


def letterbox(image: np.ndarray, size: int, pad: int = 114) -> tuple[np.ndarray, float, float, float]:
    """Fits a picture into a centred square; returns it with the scale and the left and top padding."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    left, top = (size - inner[0]) // 2, (size - inner[1]) // 2
    canvas = np.full((size, size, 3), pad, np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = resize(image, *inner)
    return canvas, scale, left, top


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Averages areas when shrinking, interpolates when growing, as the daemon's resizer does."""
    smaller = width * height < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def square_crop(box: np.ndarray, margin: float, width: int, height: int) -> tuple[int, int, int, int]:
    """The square around a box, `margin` times its longer side, clipped to the picture: left, top, right, bottom."""
    side = margin * max(box[2] - box[0], box[3] - box[1])
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = max(0, int(np.floor(x - side / 2))), max(0, int(np.floor(y - side / 2)))
    right, bottom = min(width, int(np.ceil(x + side / 2))), min(height, int(np.ceil(y + side / 2)))
    return min(left, width - 1), min(top, height - 1), max(right, left + 1), max(bottom, top + 1)
