"""Where the flank of an animal lies in its crop, and the flank laid flat: what a network of individuals begins with.

Markings are fixed to the body. Told apart they can be only where the same place of the body is compared with the same:
`Places` finds a grid of points of the trunk (`grid` of `individuals.jsonl`: five rows from back to belly, seven points
from shoulder to hip), `Flat` draws the flank between them as a patch of one size and takes the light out of it. A patch
goes from shoulder to hip, whichever way the animal walks.
"""

import torch
import torch.nn.functional as F
from torch import nn

from blocks import ConvRelu, stage
from network import Pool

SIZE = 128  # of the crop
ROWS, COLUMNS = 5, 7
NUMBERS = ROWS * COLUMNS * 2
PATCH = (48, 96)
GRID = (24, 48)  # the patch as it is compared: each spot is some numbers wide


class Places(nn.Module):
    """RGB in 0..1, 128×128, to the grid's points as shares of the crop, `[b, 70]`: x and y in turn, row by row.

    A map for each point says how likely it lies in each cell of four pixels; the point is the mean of their centres. All
    together are brought to the nearest grid that a body can make (`basis`, from the training set): one point that went
    astray is pulled back by the others."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(ConvRelu(3, 16, 3, 2), ConvRelu(16, 32, 3, 2))
        self.body8 = stage(32, 64, 2)
        self.body16 = nn.Sequential(stage(64, 128, 2), Pool(128))
        self.side16 = ConvRelu(128, 64, 1)
        self.side8 = nn.Sequential(ConvRelu(64 + 64, 64, 1), ConvRelu(64, 64, 3))
        self.side4 = nn.Sequential(ConvRelu(32 + 64, 48, 1), ConvRelu(48, 48, 3))
        self.maps = nn.Conv2d(48, ROWS * COLUMNS, 1)
        cells = SIZE // 4
        centre = (torch.arange(cells) + 0.5) / cells
        self.register_buffer("centres", torch.stack([centre.repeat(cells), centre.repeat_interleave(cells)], 1))
        self.register_buffer("mean", torch.zeros(NUMBERS))
        self.register_buffer("basis", torch.eye(NUMBERS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        f4 = self.stem(x)
        f8 = self.body8(f4)
        f16 = self.side16(self.body16(f8))
        f8 = self.side8(torch.cat([f8, F.interpolate(f16, scale_factor=2.0, mode="nearest")], 1))
        f4 = self.side4(torch.cat([f4, F.interpolate(f8, scale_factor=2.0, mode="nearest")], 1))
        maps = self.maps(f4).float().flatten(2)
        places = (maps.softmax(2) @ self.centres).flatten(1)
        places = self.mean + (places - self.mean) @ self.basis
        return (places, maps) if self.training else places


def cells(points: torch.Tensor) -> torch.Tensor:
    """Points `[b, n, 2]` as shares of the four nearest cells, `[b, n, cells]`: what the maps are taught to say."""
    count = SIZE // 4
    at = torch.arange(count)
    x, y = ((points * count - 0.5).clamp(0, count - 1)).unsqueeze(-1).unbind(2)
    across, down = (1 - (x - at).abs()).clamp(min=0), (1 - (y - at).abs()).clamp(min=0)
    return (down[..., :, None] * across[..., None, :]).flatten(2)


def between(points: int, samples: int) -> torch.Tensor:
    """Weights `[samples, points]` of control points for samples evenly from the first to the last."""
    at = torch.linspace(0, points - 1, samples)
    return (1 - (at[:, None] - torch.arange(points)[None]).abs()).clamp(min=0)


def mean_around(x: torch.Tensor, wide: int) -> torch.Tensor:
    """The mean of the square around each number, what lies outside left out; along one axis after the other."""
    half = wide // 2
    x = F.avg_pool2d(x, (1, wide), 1, (0, half), count_include_pad=False)
    return F.avg_pool2d(x, (wide, 1), 1, (half, 0), count_include_pad=False)


class Flat(nn.Module):
    """The crop and the grid in it to `[b, 1152]`: the flank laid flat, as differences from what is around in units of how
    much things differ there. Sun, shade, flash and colour are left behind."""

    def __init__(self):
        super().__init__()
        self.register_buffer("down", between(ROWS, PATCH[0]))
        self.register_buffer("along", between(COLUMNS, PATCH[1]).T.contiguous())

    def forward(self, images: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        points = places.reshape(-1, ROWS, COLUMNS, 2).permute(0, 3, 1, 2)
        where = (self.down @ points @ self.along).permute(0, 2, 3, 1) * 2.0 - 1.0
        grey = images.mean(1, keepdim=True)
        patch = F.grid_sample(grey, where, mode="bilinear", padding_mode="border", align_corners=False)
        fine = patch - mean_around(patch, 17)
        fine = fine / (mean_around(fine * fine, 33).clamp(min=0).sqrt() + 0.012)
        fine = fine.clamp(-3.0, 3.0)
        return F.avg_pool2d(fine, 4, 2, 1, count_include_pad=False).flatten(1)
