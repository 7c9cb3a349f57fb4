"""Examples as pixels: read once, kept small, made into training views and into what the trap will see."""

from dataclasses import dataclass

import cv2
import numpy as np

from augment import classifier_sample, night
from data import resize, square_crop
from sources import Example

AROUND = 0.5  # of the longer side, kept on each side of a box for jitter
SPARE = 1.25  # kept in so many pixels for each pixel of the network's input
GREY = 3.0  # mean distance of the colours up to which a picture counts as infrared


@dataclass(eq=False)
class View:
    """What is kept of an example: pixels `[h,w,3]` RGB, and its box on them (corners)."""

    pixels: np.ndarray
    box: np.ndarray
    infrared: bool


def view(example: Example, image: np.ndarray, size: int, margin: float) -> View:
    """Cuts an example out of its picture (BGR)."""
    height, width = image.shape[:2]
    x, y, w, h = example.box
    box = np.array([x * width, y * height, (x + w) * width, (y + h) * height], np.float32)
    longest = max(box[2] - box[0], box[3] - box[1], 1.0)
    x0, y0, x1, y1 = square_crop(box, 1 + 2 * AROUND, width, height)
    part = image[y0:y1, x0:x1]
    scale = min(1.0, size * SPARE / (longest * margin))
    if scale < 1.0:
        part = resize(part, max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    moved = (box - np.array([x0, y0, x0, y0])) * np.array([part.shape[1] / (x1 - x0), part.shape[0] / (y1 - y0)] * 2)
    infrared = example.infrared
    if infrared is None:
        spread = part.max(2).astype(np.int16) - part.min(2)
        infrared = bool(spread.mean() <= GREY)
    return View(np.ascontiguousarray(part[..., ::-1]), moved.astype(np.float32), infrared)


def views(examples: list[Example], size: int, margin: float, told=print) -> list[View | None]:
    """A view of every example; `None` for what cannot be read, which is counted and told. A picture is opened once."""
    out: list[View | None] = [None] * len(examples)
    of_file: dict = {}
    for i, e in enumerate(examples):
        of_file.setdefault(e.file, []).append(i)
    unreadable = []
    for number, (file, inside) in enumerate(of_file.items(), 1):
        try:
            image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
        except (OSError, cv2.error):
            image = None
        if image is None:
            unreadable.append(file)
            continue
        for i in inside:
            out[i] = view(examples[i], image, size, margin)
        if number % max(1, len(of_file) // 10) == 0:
            told(f"read {number} of {len(of_file)} pictures")
    if unreadable:
        told(f"{len(unreadable)} pictures cannot be read and are left out, such as {unreadable[0]}")
    return out


def training(one: View, rng: np.random.Generator, size: int, margin: float, infrared: float) -> np.ndarray:
    """A training picture `[size,size,3]`: moved, lit, blurred, partly hidden; a day picture at times as if by night."""
    image = classifier_sample(one.pixels, one.box, rng, size, margin)
    return night(image, rng) if not one.infrared and rng.random() < infrared else image


def plain(one: View, size: int, margin: float) -> np.ndarray:
    """The crop as the trap makes it."""
    x0, y0, x1, y1 = square_crop(one.box, margin, one.pixels.shape[1], one.pixels.shape[0])
    return resize(one.pixels[y0:y1, x0:x1], size, size)
