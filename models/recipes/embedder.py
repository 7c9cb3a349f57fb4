"""Trains a network that tells individuals apart by their coats, and measures the file that ships.

    trapline world train --individuals 180 --first 1000 --encounters 5 --size 480x360 --seed 11
    trapline world check --individuals 30 --first 2000 --size 480x360 --seed 12
    trapline world test --individuals 40 --first 3000 --size 480x360 --seed 13
    python embedder.py --train train --check check --test test --work work

The loss is ArcFace (Deng et al. 2019, additive angular margin 0.3, scale 30): the embedding of a crop, at length 1, is
to lie within a cone of its class. A class is a flank of an individual, for the two flanks of a lynx share no spot. A
flank in a mirror is the flank of another animal, which nobody has met: a class of its own. So there are four classes
for each individual, and flipping is no augmentation here. Individuals of the three sets have numbers of their own.

`--check` fits what similarities mean (`identity.calibrate`), `--test` is what the card tells of.
"""

import json
import math
import time
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

import identity
import quantize
from augment import camera, hide, night
from blocks import Average, ConvRelu, half, parameters, schedule, seeded, stage
from command import arguments, keep, restore
from data import resize

SEED = 20262
BATCH = 64
PEAK = 3e-3
SIZE = 128
LONG = 160  # crops are kept at this size: the view of a sample is cut out of it
LENGTH = 64
MARGIN_ANGLE = 0.3
SCALE = 30.0


class Embedder(nn.Module):
    """RGB in 0..1, 128×128, to 64 numbers of length 1."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            ConvRelu(3, 16, 3, 2),
            stage(16, 32, 1),
            stage(32, 64, 2),
            stage(64, 128, 2),
            ConvRelu(128, 192, 1),
        )
        self.last = nn.Linear(192 * 3, LENGTH, bias=False)
        # Without it all answers point the same way, and the loss finds no way out.
        self.centre = nn.BatchNorm1d(LENGTH, momentum=0.03, affine=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(x)
        # Where along the body a spot lies tells as much as which spots there are: the means of three columns.
        columns = F.avg_pool2d(x, (SIZE // 16, SIZE // 16 // 4), (1, SIZE // 16 // 4))
        middle = (columns[..., 1:2] + columns[..., 2:3]) * 0.5
        columns = torch.cat([columns[..., 0:1], middle, columns[..., 3:4]], 3)
        return F.normalize(self.centre(self.last(columns.flatten(1))), dim=1)

    def folded(self) -> "Embedder":
        """The same network for one crop at a time: what `centre` learnt is in the last layer."""
        scale = (self.centre.running_var + self.centre.eps).rsqrt()
        last = nn.Linear(self.last.in_features, LENGTH)
        with torch.no_grad():
            last.weight.copy_(self.last.weight * scale[:, None])
            last.bias.copy_(-self.centre.running_mean * scale)
        self.last, self.centre = last, nn.Identity()
        return self


class ArcFace(nn.Module):
    """Cross entropy of scaled cosines to the classes' centres, the right one's angle made larger by the margin."""

    def __init__(self, classes: int):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, LENGTH) * 0.1)

    def forward(self, x: torch.Tensor, kinds: torch.Tensor, margin: float) -> tuple[torch.Tensor, torch.Tensor]:
        cosine = (x @ F.normalize(self.centres, dim=1).T).clamp(-1 + 1e-6, 1 - 1e-6)
        right = cosine.gather(1, kinds[:, None])
        sine = (1 - right * right).sqrt()
        pushed = right * math.cos(margin) - sine * math.sin(margin)
        # Beyond pi - margin the cosine would rise again.
        pushed = torch.where(right > -math.cos(margin), pushed, right - math.sin(margin) * margin)
        return F.cross_entropy(SCALE * cosine.scatter(1, kinds[:, None], pushed), kinds), cosine


def square(path: Path, side: int) -> np.ndarray:
    """A crop as the daemon brings it to the network, at some size."""
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return resize(picture, side, side)


class Samples(torch.utils.data.Dataset):
    """Training crops by number; every class is drawn equally often."""

    def __init__(self, folders: list[Path], steps: int):
        rows = [row for folder in folders for row in identity.rows_of(folder)]
        self.crops = [square(row["path"], LONG) for row in rows]
        who = [(row["species"], row["individual"], row["flank"]) for row in rows]
        names = sorted(set(who))
        self.of_class = [[i for i, w in enumerate(who) if w == name] for name in names]
        self.steps = steps
        self.classes = 2 * len(names)

    def __len__(self) -> int:
        return self.steps * BATCH

    def __getitem__(self, index: int):
        rng = np.random.default_rng([SEED, index])
        kind = int(rng.integers(self.classes))
        of = self.of_class[kind // 2]
        crop = self.crops[of[rng.integers(len(of))]]
        return torch.from_numpy(np.ascontiguousarray(sample(crop, rng, kind % 2 == 1))), kind


def sample(crop: np.ndarray, rng: np.random.Generator, mirrored: bool) -> np.ndarray:
    """Another view of a crop: a box a little off, another camera, night, something before it; never a mirror by chance."""
    wide, high = (int(LONG * rng.uniform(0.8, 1.0)) for _ in range(2))
    x, y = rng.integers(0, LONG - wide + 1), rng.integers(0, LONG - high + 1)
    crop = crop[y : y + high, x : x + wide]
    if rng.random() < 0.3:  # an animal further away
        small = int(LONG * rng.uniform(0.45, 0.9))
        crop = resize(crop, small, small)
    if rng.random() < 0.3:
        turn = cv2.getRotationMatrix2D((crop.shape[1] / 2, crop.shape[0] / 2), rng.uniform(-8, 8), 1.0)
        crop = cv2.warpAffine(crop, turn, (crop.shape[1], crop.shape[0]), borderMode=cv2.BORDER_REFLECT)
    crop = resize(np.ascontiguousarray(crop), SIZE, SIZE)
    if mirrored:
        crop = crop[:, ::-1]
    crop = np.ascontiguousarray(crop)
    if rng.random() < 0.3:
        crop = night(crop, rng)
    crop = camera(crop, rng)
    if rng.random() < 0.25:
        crop = hide(crop, rng)
    if rng.random() < 0.3:  # a frame's strip of date and temperature tells nothing of the animal
        band = int(SIZE * rng.uniform(0.03, 0.12))
        crop = crop.copy()
        crop[SIZE - band :] = rng.integers(0, 256, 3, np.uint8)
    return crop


def train(network: Embedder, samples: Samples) -> None:
    """Trains; leaves the averaged weights in `network`."""
    network.to(memory_format=torch.channels_last).train()
    loss_of = ArcFace(samples.classes)
    optimiser = torch.optim.AdamW(parameters(network, 0.05) + parameters(loss_of, 0.0), lr=PEAK)
    average = Average(network)
    loader = torch.utils.data.DataLoader(samples, BATCH, num_workers=1, prefetch_factor=4)
    started, total, right = time.time(), 0.0, 0.0
    for step, (images, kinds) in enumerate(loader):
        for group in optimiser.param_groups:
            group["lr"] = schedule(step, samples.steps, PEAK)
        x = images.permute(0, 3, 1, 2).float().div(255.0).contiguous(memory_format=torch.channels_last)
        with half():
            embedded = network(x).float()
        # The margin comes slowly: from the first step on it would push everything apart.
        loss, cosine = loss_of(embedded, kinds, MARGIN_ANGLE * min(1.0, step / (0.3 * samples.steps)))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        average.update(network)
        total, right = total + float(loss.detach()), right + float((cosine.argmax(1) == kinds).float().mean())
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}/{samples.steps} loss {total / 100:.3f} right {right / 100:.3f} "
                  f"{time.time() - started:.0f} s", flush=True)  # fmt: skip
            total, right = 0.0, 0.0
    network.load_state_dict(average.state)


def embeddings(session: onnxruntime.InferenceSession, rows: list[dict]) -> np.ndarray:
    """The network's answers to the crops of some rows."""
    inputs = (square(row["path"], SIZE).transpose(2, 0, 1)[None].astype(np.float32) / 255.0 for row in rows)
    return np.stack([session.run(None, {"images": x})[0][0] for x in inputs])


def colours(rows: list[dict]) -> np.ndarray:
    """What to compare with: the mean colours of a grid of 8×8, the simplest description of a coat."""
    return np.stack([square(row["path"], 8).astype(np.float64).reshape(-1) - 127.0 for row in rows])


def measure(network: Embedder, check: Path, test: Path, work: Path) -> dict:
    """Writes both forms of the network below `work`, calibrates and measures the one that ships."""
    full_path, small_path = work / "embedder-f32.onnx", work / "embedder.onnx"
    torch.onnx.export(
        network, (torch.zeros(1, 3, SIZE, SIZE),), str(full_path), dynamo=False, opset_version=13,
        input_names=["images"], output_names=["embedding"],
    )  # fmt: skip
    quantize.weights(full_path, small_path)
    full, small = onnxruntime.InferenceSession(full_path), onnxruntime.InferenceSession(small_path)
    of_check, of_test = identity.rows_of(check), identity.rows_of(test)
    told, before = embeddings(small, of_test), embeddings(full, of_test)
    with torch.no_grad():
        first = np.stack([square(row["path"], SIZE) for row in of_test[:64]]).transpose(0, 3, 1, 2).astype(np.float32)
        here = network(torch.from_numpy(first / 255.0)).numpy()
    curve = identity.calibrate(of_check, embeddings(small, of_check))
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "crops": len(of_test),
        "individuals": len({(row["species"], row["individual"]) for row in of_test}),
        "curve": curve,
        "decisions": identity.decisions(of_test, told, curve),
        "measured": identity.measure(of_test, told),
        "measured_f32": identity.measure(of_test, before),
        "colours": identity.measure(of_test, colours(of_test)),
        "parity": {
            "torch": float(np.abs(here - before[:64]).max()),
            "int8_cosine": float((told * before).sum(1).min()),
        },
    }


def main() -> None:
    """The recipe, start to end."""
    args = arguments(__doc__, steps=2500)
    seeded(SEED, args.threads)
    kept = args.work / "embedder.pt"
    network = Embedder()
    if args.measure:
        facts = restore(network, kept)
    else:
        samples = Samples(args.train, args.steps)
        print(f"embedder: {len(samples.crops)} crops, {samples.classes} classes, {args.steps} steps of {BATCH}", flush=True)
        earlier = restore(network, args.start)["steps"] if args.start else 0
        started = time.time()
        train(network, samples)
        facts = {"steps": args.steps, "batch": BATCH, "seed": SEED, "frames": len(samples.crops)}
        facts |= {"threads": args.threads, "earlier_steps": earlier, "classes": samples.classes}
        facts["minutes"] = (time.time() - started) / 60
        keep(network, facts, kept)
    result = facts | measure(network.eval().folded(), args.check, args.test, args.work)
    (args.work / "embedder.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
