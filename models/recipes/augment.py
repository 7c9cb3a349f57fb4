"""What training does to pictures: views at many scales, and the ways cameras differ."""

import cv2
import numpy as np

from data import Frame, resize, square_crop

TAUGHT = 0.2  # boxes of bodies less visible than this are not taught


def camera(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another camera's picture of the same scene: light, contrast, colour, noise, blur, compression."""
    if rng.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.6:
        ramp = np.arange(256, dtype=np.float32) / 255.0
        table = ramp ** rng.uniform(0.7, 1.4) * rng.uniform(0.8, 1.25) + rng.uniform(-0.05, 0.05)
        tables = [table * (rng.uniform(0.95, 1.05)) for _ in range(3)]
        lut = np.clip(np.stack(tables, -1) * 255.0, 0, 255).astype(np.uint8)
        image = cv2.LUT(image, lut[None])
    if rng.random() < 0.1:
        image = cv2.GaussianBlur(image, (3, 3), rng.uniform(0.4, 1.2))
    if rng.random() < 0.1:
        noise = rng.integers(-8, 9, image.shape, np.int16) * rng.integers(1, 3)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 90))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return image


def window(frame: Frame, rng: np.random.Generator, close: bool) -> tuple[float, float, float, float]:
    """The part of a frame to look at, as left, top, width, height; it may reach over the edges."""
    choice = rng.uniform(0.45 if close else 0.0, 1.0)
    if choice < 0.5:  # the whole picture, as the first pass sees it
        grow = rng.uniform(0.95, 1.15)
        width, height = frame.width * grow, frame.height * grow
        x, y = frame.width / 2, frame.height / 2
    elif choice < 0.65 or not len(frame.boxes):  # a zoom anywhere
        part = rng.uniform(0.35, 0.95)
        width = height = max(frame.width, frame.height) * part
        x, y = rng.uniform(0.2, 0.8) * frame.width, rng.uniform(0.2, 0.8) * frame.height
    else:  # a region around something, as the second pass sees what moved
        box = frame.boxes[rng.integers(len(frame.boxes))]
        side = max(box[2] - box[0], box[3] - box[1], 24.0)
        width = height = min(side * rng.uniform(1.3, 5.0), 1.2 * max(frame.width, frame.height))
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        slip = max(0.0, (width - side) / 2)
        x, y = x + rng.uniform(-slip, slip), y + rng.uniform(-slip, slip)
    if choice >= 0.5:  # close views stay inside the picture as far as they fit
        x = np.clip(x, min(width, frame.width) / 2, frame.width - min(width, frame.width) / 2)
        y = np.clip(y, min(height, frame.height) / 2, frame.height - min(height, frame.height) / 2)
    return x - width / 2, y - height / 2, width, height


def view(image: np.ndarray, part: tuple[float, float, float, float], height: int, width: int, pad: int = 114):
    """Renders a part of a picture into `height`×`width`, padded; returns it with scale and offset of pixels."""
    left, top, part_width, part_height = part
    scale = min(width / part_width, height / part_height)
    shift = (width - part_width * scale) / 2 - left * scale, (height - part_height * scale) / 2 - top * scale
    x0, y0 = max(0, int(-shift[0] / scale)), max(0, int(-shift[1] / scale))
    x1 = min(image.shape[1], int(np.ceil((width - shift[0]) / scale)))
    y1 = min(image.shape[0], int(np.ceil((height - shift[1]) / scale)))
    canvas = np.full((height, width, 3), pad, np.uint8)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return canvas, scale, shift
    inner = resize(image[y0:y1, x0:x1], max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
    px, py = round(x0 * scale + shift[0]), round(y0 * scale + shift[1])
    cut_x, cut_y = max(0, -px), max(0, -py)
    inner = inner[cut_y : cut_y + height - max(py, 0), cut_x : cut_x + width - max(px, 0)]
    canvas[max(py, 0) : max(py, 0) + inner.shape[0], max(px, 0) : max(px, 0) + inner.shape[1]] = inner
    return canvas, scale, shift


def detector_sample(frame: Frame, rng: np.random.Generator, height: int, width: int, close: bool = False):
    """A training picture of the detector with its boxes (corners in its pixels) and kinds."""
    canvas, scale, shift = view(frame.pixels, window(frame, rng, close), height, width)
    boxes = frame.boxes * scale + np.array([*shift, *shift], np.float32)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    boxes = np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
    sides = boxes[:, 2:] - boxes[:, :2]
    keep = (sides.prod(1) > 0.3 * area) & (sides.min(1) > 2.0) & (frame.visible > TAUGHT)
    boxes, kinds = boxes[keep], frame.kinds[keep]
    if rng.random() < 0.5:
        canvas = canvas[:, ::-1]
        boxes = boxes[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32)
        boxes += np.array([width, 0, width, 0], np.float32)
    return camera(np.ascontiguousarray(canvas), rng), boxes, kinds


def four(frames: list[Frame], rng: np.random.Generator, height: int, width: int):
    """Four close views side by side as one training picture: more to learn from for the same work."""
    canvas, boxes, kinds = np.empty((height, width, 3), np.uint8), [], []
    for i, frame in enumerate(frames):
        top, left = i // 2 * height // 2, i % 2 * width // 2
        tile, its_boxes, its_kinds = detector_sample(frame, rng, height // 2, width // 2, close=True)
        canvas[top : top + height // 2, left : left + width // 2] = tile
        boxes.append(its_boxes + np.array([left, top, left, top], np.float32))
        kinds.append(its_kinds)
    return canvas, np.concatenate(boxes), np.concatenate(kinds)


def classifier_sample(image: np.ndarray, box: np.ndarray, rng: np.random.Generator, size: int, margin: float):
    """A training crop of the classifier: the square around a jittered box, sometimes partly hidden."""
    wide, high = box[2] - box[0], box[3] - box[1]
    jitter = rng.normal(0.0, 0.06, 4).clip(-0.2, 0.2) * np.array([wide, high, wide, high])
    x0, y0, x1, y1 = square_crop(box + jitter, margin * rng.uniform(0.9, 1.15), image.shape[1], image.shape[0])
    crop = image[y0:y1, x0:x1]
    if rng.random() < 0.3:  # an animal further away
        small = max(16, int(max(crop.shape[:2]) * rng.uniform(0.3, 0.9)))
        shape = crop.shape[1] / max(crop.shape[:2]), crop.shape[0] / max(crop.shape[:2])
        crop = resize(crop, max(8, int(small * shape[0])), max(8, int(small * shape[1])))
    crop = resize(crop, size, size)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    crop = camera(np.ascontiguousarray(crop), rng)
    return hide(crop, rng) if rng.random() < 0.35 else crop


def hide(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Covers a band or a patch with another piece of the same crop, as trunks and grass do."""
    size = crop.shape[0]
    wide = int(size * rng.uniform(0.1, 0.35))
    high = size if rng.random() < 0.5 else int(size * rng.uniform(0.15, 0.5))
    x, y = rng.integers(0, size - wide + 1), rng.integers(0, size - high + 1)
    from_x = 0 if rng.random() < 0.5 else size - wide  # edges of a crop are mostly background
    crop = crop.copy()
    crop[y : y + high, x : x + wide] = crop[y : y + high, from_x : from_x + wide].copy()
    return crop


def night(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A day picture as an infrared flash might show it: one channel for all, bright in the middle, grainy."""
    share = rng.dirichlet(
        [4.0, 3.0, 1.5]
    )  # silicon sees near infrared mostly through the red filter, fur much as grass
    grey = image.astype(np.float32) @ share.astype(np.float32)
    height, width = grey.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    centre = rng.uniform(-0.5, 0.5, 2)
    fall = np.exp(-rng.uniform(0.1, 0.9) * ((x - centre[0]) ** 2 + (y - centre[1]) ** 2))
    grey = 255.0 * (np.clip(grey, 0, 255) / 255.0) ** rng.uniform(0.7, 1.3) * fall * rng.uniform(0.7, 1.2)
    grey += rng.normal(0.0, rng.uniform(1.0, 7.0), grey.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, 2)
