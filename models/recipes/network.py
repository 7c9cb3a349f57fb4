"""The detector network: an anchor-free pyramid with the decoding inside, ending in YOLOv8's output form."""

import torch
import torch.nn.functional as F
from torch import nn

from blocks import ConvRelu, stage

CLASSES = ["animal", "person", "vehicle"]
STRIDES = (8, 16, 32)
SIZE = 320


class Pool(nn.Module):
    """Spatial pyramid pooling by three chained 5×5 maxima: sees the whole picture at stride 32."""

    def __init__(self, width: int):
        super().__init__()
        self.narrow = ConvRelu(width, width // 2, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.widen = ConvRelu(width * 2, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.narrow(x)
        one = self.pool(x)
        two = self.pool(one)
        return self.widen(torch.cat([x, one, two, self.pool(two)], 1))


class Head(nn.Module):
    """For each cell of one level: class logits, and distances to the four sides as logarithms of strides."""

    def __init__(self, width: int):
        super().__init__()
        self.scores = nn.Sequential(ConvRelu(width, 48, 3), nn.Conv2d(48, len(CLASSES), 1))
        self.sides = nn.Sequential(ConvRelu(width, 48, 3), nn.Conv2d(48, 4, 1))
        nn.init.constant_(self.scores[-1].bias, -4.6)  # a score of 0.01: nearly every cell is background
        nn.init.constant_(self.sides[-1].bias, 0.7)  # two cells to each side

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.scores(x).flatten(2), self.sides(x).flatten(2)


class Detector(nn.Module):
    """RGB in 0..1, sides multiples of 32, to `(logits [b,c,n], sides [b,4,n])` over all cells of three levels."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(ConvRelu(3, 16, 3, 2), ConvRelu(16, 32, 3, 2))
        self.body8 = stage(32, 64, 2)
        self.body16 = stage(64, 112, 2)
        self.body32 = nn.Sequential(stage(112, 176, 1), Pool(176))
        self.side32 = ConvRelu(176, 64, 1)
        self.side16 = nn.Sequential(ConvRelu(112 + 64, 64, 1), ConvRelu(64, 64, 3))
        self.side8 = ConvRelu(64 + 64, 48, 1)
        self.heads = nn.ModuleList([Head(48), Head(64), Head(64)])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        f8 = self.body8(self.stem(x))
        f16 = self.body16(f8)
        f32 = self.side32(self.body32(f16))
        f16 = self.side16(torch.cat([f16, F.interpolate(f32, scale_factor=2.0, mode="nearest")], 1))
        f8 = self.side8(torch.cat([f8, F.interpolate(f16, scale_factor=2.0, mode="nearest")], 1))
        levels = [head(f) for head, f in zip(self.heads, (f8, f16, f32), strict=True)]
        return torch.cat([a for a, _ in levels], 2), torch.cat([b for _, b in levels], 2)


def cells(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres `[n,2]` (x, y) and strides `[n]` of all cells, in pixels, in the order of the network's outputs."""
    centres, strides = [], []
    for s in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // s), torch.arange(width // s), indexing="ij")
        centres.append((torch.stack([x, y], -1).reshape(-1, 2).float() + 0.5) * s)
        strides.append(torch.full((centres[-1].shape[0],), float(s)))
    return torch.cat(centres), torch.cat(strides)


def corners(sides: torch.Tensor, centres: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    """Boxes `[b,n,4]` as left, top, right, bottom in pixels from the raw sides `[b,4,n]`."""
    reach = sides.clamp(max=6.0).exp().transpose(1, 2) * strides[:, None]
    return torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], -1)


class Exported(nn.Module):
    """What ships: `[1,3,320,320]` in 0..1 to `[1,7,n]`, rows cx, cy, w, h in pixels and three scores in 0..1."""

    def __init__(self, detector: Detector):
        super().__init__()
        self.detector = detector
        centres, strides = cells(SIZE, SIZE)
        self.register_buffer("centres", centres.T[None])
        self.register_buffer("strides", strides[None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits, sides = self.detector(x)
        reach = sides.clamp(max=6.0).exp() * self.strides
        before, after = reach[:, :2], reach[:, 2:]
        return torch.cat([self.centres + (after - before) * 0.5, before + after, logits.sigmoid()], 1)
