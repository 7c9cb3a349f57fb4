"""Crops of marked individuals with the grid of their flanks, and views of them to learn the grid from."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

import identity
from augment import camera, hide, night
from data import resize
from flank import COLUMNS, ROWS, SIZE

LONG = 160  # crops are kept at this size: views are warped out of it


@dataclass(eq=False)
class Crops:
    """Rows of `individuals.jsonl`, their pictures (RGB bytes, square), and where the grid's points lie, `[n, 35, 2]`."""

    rows: list[dict]
    pictures: list[np.ndarray]
    grids: np.ndarray


def square(path: Path, side: int) -> np.ndarray:
    """A crop as the daemon brings it to the network, at some size."""
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return resize(picture, side, side)


def read(*folders: Path, side: int) -> Crops:
    """The crops of some sets. Trunks outside the picture have no grid; there are none of which 60 % are visible."""
    rows = [row for folder in folders for row in identity.rows_of(folder) if row["grid"]]
    grids = np.array([row["grid"] for row in rows])[..., :2]
    return Crops(rows, [square(row["path"], side) for row in rows], grids.reshape(-1, ROWS * COLUMNS, 2))


def warped(picture: np.ndarray, grid: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A box a little off, of another shape (at a picture's edge it is no square and was stretched), a camera askew."""
    side = picture.shape[0]
    across, down = np.exp(rng.normal(0, 0.07, 2)).clip(0.82, 1.2) * SIZE / side
    if rng.random() < 0.3:
        across = down = (across + down) / 2
    turn = rng.normal(0, 0.04)
    c, s = np.cos(turn), np.sin(turn)
    matrix = np.array([[across * c, -down * s], [across * s, down * c]])
    shift = SIZE / 2 + rng.normal(0, 0.035, 2).clip(-0.09, 0.09) * SIZE - matrix @ [side / 2, side / 2]
    # OpenCV counts from the middle of the first pixel, the grid from its edge.
    whole = np.concatenate([matrix, (shift + matrix @ [0.5, 0.5] - 0.5)[:, None]], 1)
    edge = cv2.BORDER_REFLECT_101 if rng.random() < 0.7 else cv2.BORDER_CONSTANT
    picture = cv2.warpAffine(picture, whole, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=edge)
    return picture, (grid * side @ matrix.T + shift) / SIZE


def view(picture: np.ndarray, grid: np.ndarray, rng: np.random.Generator, mirror: bool = True):
    """Another view of a crop and its grid. In a mirror the points keep their names: shoulder stays shoulder."""
    picture, grid = warped(picture, grid, rng)
    if mirror and rng.random() < 0.5:
        picture, grid = np.ascontiguousarray(picture[:, ::-1]), grid * [-1, 1] + [1, 0]
    if rng.random() < 0.2:  # an animal further away
        small = int(SIZE * rng.uniform(0.45, 0.9))
        picture = resize(resize(picture, small, small), SIZE, SIZE)
    if rng.random() < 0.2:
        picture = night(picture, rng)
    picture = camera(picture, rng)
    if rng.random() < 0.15:
        picture = hide(picture, rng)
    return picture, grid


def tensor(pictures: list[np.ndarray]) -> torch.Tensor:
    """Pictures as the network takes them."""
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(255.0)
    return x.contiguous(memory_format=torch.channels_last)


def batch(crops: Crops, rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Views of crops drawn at random, and their grids `[count, 35, 2]`."""
    drawn = rng.integers(0, len(crops.pictures), count)
    views = [view(crops.pictures[i], crops.grids[i], rng) for i in drawn]
    return tensor([v[0] for v in views]), torch.from_numpy(np.stack([v[1] for v in views]).astype(np.float32))


def shapes(crops: Crops, rng: np.random.Generator, count: int = 3000, axes: int = 14) -> tuple[np.ndarray, np.ndarray]:
    """The mean grid, and the projection onto the grids that bodies make, from the main axes of some views."""
    blank = np.zeros((LONG, LONG, 3), np.uint8)
    drawn = rng.integers(0, len(crops.grids), count)
    grids = np.stack([view(blank, crops.grids[i], rng)[1].reshape(-1) for i in drawn])
    mean = grids.mean(0)
    main = np.linalg.svd(grids - mean, full_matrices=False)[2][:axes]
    return mean.astype(np.float32), (main.T @ main).astype(np.float32)
