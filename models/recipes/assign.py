"""Which cells answer for which box, and the loss: task-aligned assignment (TOOD, Feng et al. 2021) with CIoU."""

import torch
import torch.nn.functional as F

TOP = 10  # cells per box, as TOOD and YOLOv8 choose
ALPHA, BETA = 0.5, 6.0  # score and overlap in the alignment, YOLOv8's values
BOX_GAIN = 5.0  # weight of the box loss against the class loss


def overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of boxes given as corners; broadcasts over leading axes."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    inner = (high - low).clamp(min=0).prod(-1)
    area_a = (a[..., 2:] - a[..., :2]).clamp(min=0).prod(-1)
    area_b = (b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1)
    return inner / (area_a + area_b - inner + 1e-7)


def complete_overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """CIoU (Zheng et al. 2020): overlap less centre distance and difference of aspect."""
    iou = overlap(a, b)
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]).square().sum(-1) / 4
    wa, ha = (a[..., 2] - a[..., 0]).clamp(min=1e-3), (a[..., 3] - a[..., 1]).clamp(min=1e-3)
    wb, hb = (b[..., 2] - b[..., 0]).clamp(min=1e-3), (b[..., 3] - b[..., 1]).clamp(min=1e-3)
    v = 4 / torch.pi**2 * (torch.atan(wb / hb) - torch.atan(wa / ha)).square()
    with torch.no_grad():
        weight = v / (1 - iou + v + 1e-7)
    return iou - apart / (hull.square().sum(-1) + 1e-7) - weight * v


@torch.no_grad()
def assign(scores, boxes, centres, strides, truth, kinds, real):
    """Chooses the cells of each true box.

    scores `[b,n,c]`, boxes `[b,n,4]`; truth `[b,m,4]`, kinds `[b,m]`, real `[b,m]` (padding is False).
    Returns the chosen truth per cell `[b,n]`, whether the cell has one `[b,n]`, and its target score `[b,n]`.
    """
    x, y = centres[:, 0], centres[:, 1]
    slack = strides * 0.75  # boxes smaller than a cell still get the cells around their centre
    middle = (truth[..., :2] + truth[..., 2:]) / 2
    inside = ((x > truth[..., 0:1]) & (x < truth[..., 2:3]) & (y > truth[..., 1:2]) & (y < truth[..., 3:4])) | (
        ((x - middle[..., 0:1]).abs() < slack) & ((y - middle[..., 1:2]).abs() < slack)
    )
    inside &= real[..., None]
    iou = overlap(truth[:, :, None], boxes[:, None])
    score = scores.transpose(1, 2).gather(1, kinds[..., None].expand(-1, -1, scores.shape[1]))
    aligned = score.clamp(min=1e-6).pow(ALPHA) * iou.clamp(min=1e-3).pow(BETA) * inside
    best = aligned.topk(min(TOP, aligned.shape[-1]), -1)
    chosen = torch.zeros_like(aligned, dtype=torch.bool).scatter_(2, best.indices, best.values > 0)
    chosen &= inside
    owner = (iou * chosen - (~chosen).float()).argmax(1)  # a cell claimed twice answers for the larger overlap
    only = torch.zeros_like(chosen).scatter_(1, owner[:, None], True)
    chosen &= only
    aligned = aligned * chosen
    target = aligned / (aligned.amax(-1, keepdim=True) + 1e-12)  # the best cell of every box is to say 1
    return owner, chosen.any(1), target.amax(1)


def loss(logits, boxes, centres, strides, truth, kinds, real):
    """Class and box loss of a batch; logits `[b,n,c]`, boxes `[b,n,4]` in pixels."""
    owner, positive, target = assign(logits.detach().sigmoid(), boxes.detach(), centres, strides, truth, kinds, real)
    wanted = F.one_hot(kinds.gather(1, owner), logits.shape[-1]) * (target * positive)[..., None]
    total = wanted.sum().clamp(min=1.0)
    class_loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / total
    theirs = truth.gather(1, owner[..., None].expand(-1, -1, 4))
    box_loss = ((1 - complete_overlap(boxes[positive], theirs[positive])) * target[positive]).sum() / total
    return class_loss, BOX_GAIN * box_loss
