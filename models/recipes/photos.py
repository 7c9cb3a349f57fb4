"""Photos made into a network's input as its manifest says: what the daemon's `vision::prepare` does, in Python."""

import tomllib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

ENDINGS = {".jpg", ".jpeg", ".png"}


def manifest(folder: Path) -> dict:
    """The manifest of a model folder (or a manifest's own path), with `path` added."""
    found = [folder] if folder.is_file() else sorted(folder.glob("*.toml"))
    if len(found) != 1:
        raise SystemExit(f"{folder}: one manifest is needed, {len(found)} .toml files are there")
    with open(found[0], "rb") as file:
        return {**tomllib.load(file), "path": found[0]}


def listed(folder: Path, most: int | None = None) -> list[Path]:
    """The photos below `folder` by name; at most `most`, spread over all of them."""
    photos = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in ENDINGS)
    if not photos:
        raise SystemExit(f"{folder}: no photo in it; .jpg, .jpeg and .png are read")
    if most is None or len(photos) <= most:
        return photos
    return [photos[i * len(photos) // most] for i in range(most)]


def opened(path: Path) -> Image.Image:
    """The upright picture in RGB."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def cropped(image: Image.Image, box: tuple[float, float, float, float], resize: dict) -> Image.Image:
    """What a classifier sees of `box` (x, y, width, height as shares): the box, or with `square` the square around it."""
    width, height = image.size
    x, y, w, h = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    if resize["rule"] == "square":
        side = max(w, h) * (1 + resize.get("margin", 0.0))
        x, y, w, h = x + (w - side) / 2, y + (h - side) / 2, side, side
    left, top = max(0, int(x)), max(0, int(y))
    right, bottom = min(width, max(left + 1, int(x + w))), min(height, max(top + 1, int(y + h)))
    return image.crop((left, top, right, bottom))


def tensor(image: Image.Image, spec: dict) -> tuple[np.ndarray, tuple[float, float, float]]:
    """The input `spec` (a manifest's `[input]`) asks for, and (scale, left, top) that bring its pixels back."""
    resize, size = spec["resize"], (spec["width"], spec["height"])
    filter = Image.Resampling.BICUBIC if resize.get("filter") == "bicubic" else Image.Resampling.BILINEAR
    back = (1.0, 0.0, 0.0)
    if resize["rule"] == "letterbox":
        ratio = min(size[0] / image.width, size[1] / image.height)
        inner = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
        left, top = ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2)
        left, top = (left, top) if resize.get("align", "centre") == "centre" else (0, 0)
        pixels = np.full((size[1], size[0], 3), resize.get("pad", 114), np.uint8)
        pixels[top : top + inner[1], left : left + inner[0]] = np.asarray(image.resize(inner, filter))
        back = (ratio, float(left), float(top))
    else:
        pixels = np.asarray(image.resize(size, filter))
    if spec["colour"] == "bgr":
        pixels = pixels[..., ::-1]
    if spec["dtype"] == "f32":
        mean, std = spec.get("mean", [0, 0, 0]), spec.get("std", [1, 1, 1])
        pixels = (pixels * np.float32(spec.get("scale", 1.0)) - np.float32(mean)) / np.float32(std)
        pixels = pixels.astype(np.float32)
    if spec["layout"] == "nchw":
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels[None]), back
