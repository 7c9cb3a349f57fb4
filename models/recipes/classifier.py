"""Trains the bench classifier on truth crops and measures the file that ships.

python classifier.py --train DIR… --check DIR --test DIR --work DIR [--steps N] [--measure]
"""

import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

import quantize
from augment import classifier_sample
from blocks import Average, ConvRelu, half, parameters, schedule, seeded, stage
from command import arguments, keep, restore
from data import Frame, load, resize, square_crop, taxa
from metrics import best_temperature, calibration_error, nll

SEED = 20261
BATCH = 64
PEAK = 3e-3
SIZE = 128
MARGIN = 1.2
VISIBLE = 0.25  # animals less visible than this are not taught, nor held against the network


class Classifier(nn.Module):
    """RGB in 0..1, 128×128, to one logit a species."""

    def __init__(self, classes: int):
        super().__init__()
        self.body = nn.Sequential(
            ConvRelu(3, 24, 3, 2),
            stage(24, 48, 1),
            stage(48, 96, 2),
            stage(96, 160, 2),
            ConvRelu(160, 256, 1),
        )
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(256, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.drop(self.body(x).mean((2, 3))))


def crops(frames: list[Frame], names: list[str]) -> list[tuple[int, int, int]]:
    """All animals worth looking at: frame number, box number, class."""
    return [
        (i, j, names.index(name))
        for i, f in enumerate(frames)
        for j, name in enumerate(f.species)
        if name in names and f.visible[j] >= VISIBLE
    ]


class Samples(torch.utils.data.Dataset):
    """Training crops by number; every species is drawn equally often."""

    def __init__(self, frames: list[Frame], animals: list[tuple[int, int, int]], classes: int, steps: int):
        self.frames, self.steps = frames, steps
        self.of_class = [[(i, j) for i, j, k in animals if k == c] for c in range(classes)]
        self.present = [c for c in range(classes) if self.of_class[c]]

    def __len__(self) -> int:
        return self.steps * BATCH

    def __getitem__(self, index: int):
        rng = np.random.default_rng([SEED, index])
        kind = self.present[rng.integers(len(self.present))]
        i, j = self.of_class[kind][rng.integers(len(self.of_class[kind]))]
        image = classifier_sample(self.frames[i].pixels, self.frames[i].boxes[j], rng, SIZE, MARGIN)
        return torch.from_numpy(np.ascontiguousarray(image)), kind


def train(network: Classifier, frames: list[Frame], names: list[str], steps: int) -> None:
    """Trains for `steps` batches; leaves the averaged weights in `network`."""
    network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(parameters(network, 0.05), lr=PEAK)
    average = Average(network)
    samples = Samples(frames, crops(frames, names), len(names), steps)
    loader = torch.utils.data.DataLoader(samples, BATCH, num_workers=1, prefetch_factor=4)
    started, total, right = time.time(), 0.0, 0.0
    for step, (images, kinds) in enumerate(loader):
        for group in optimiser.param_groups:
            group["lr"] = schedule(step, steps, PEAK)
        x = images.permute(0, 3, 1, 2).float().div(255.0).contiguous(memory_format=torch.channels_last)
        with half():
            logits = network(x).float()
        loss = F.cross_entropy(logits, kinds, label_smoothing=0.02)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        average.update(network)
        total, right = total + float(loss.detach()), right + float((logits.argmax(1) == kinds).float().mean())
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}/{steps} loss {total / 100:.3f} right {right / 100:.3f} "
                  f"{time.time() - started:.0f} s", flush=True)  # fmt: skip
            total, right = 0.0, 0.0
    network.load_state_dict(average.state)


def plain_crop(frame: Frame, image: np.ndarray, box: int) -> np.ndarray:
    """The crop as the daemon makes it."""
    x0, y0, x1, y1 = square_crop(frame.boxes[box], MARGIN, frame.width, frame.height)
    return resize(image[y0:y1, x0:x1], SIZE, SIZE)


def answers(session: onnxruntime.InferenceSession, frames: list[Frame], names: list[str]) -> dict[str, np.ndarray]:
    """Logits, true classes, box sides and infrared flags of all animals of some frames."""
    rows = {"logits": [], "labels": [], "sides": [], "infrared": []}
    for i, box, kind in crops(frames, names):
        frame = frames[i]
        x = plain_crop(frame, frame.pixels, box).transpose(2, 0, 1)[None].astype(np.float32) / 255.0
        rows["logits"].append(session.run(None, {"images": x})[0][0])
        rows["labels"].append(kind)
        rows["sides"].append(float((frame.boxes[box][2:] - frame.boxes[box][:2]).max()))
        rows["infrared"].append(frame.infrared)
    return {k: np.array(v) for k, v in rows.items()}


def report(check: dict, test: dict, full: dict, names: list[str]) -> dict:
    """Temperature fitted on `check`; everything else measured on `test`."""
    temperature = round(best_temperature(check["logits"], check["labels"]), 3)
    said, labels = test["logits"].argmax(1), test["labels"]
    right = said == labels
    confusion = np.zeros((len(names), len(names)), int)
    np.add.at(confusion, (labels, said), 1)
    parts = {
        "day": ~test["infrared"],
        "night": test["infrared"],
        "box under 32 px": test["sides"] < 32,
        "box 32-96 px": (test["sides"] >= 32) & (test["sides"] < 96),
        "box over 96 px": test["sides"] >= 96,
    }
    return {
        "temperature": temperature,
        "crops": len(labels),
        "accuracy": float(right.mean()),
        "accuracy_f32": float((full["logits"].argmax(1) == labels).mean()),
        "mean_recall": float(np.mean([right[labels == k].mean() for k in np.unique(labels)])),
        "parts": {k: {"crops": int(m.sum()), "accuracy": float(right[m].mean())} for k, m in parts.items() if m.any()},
        "nll": [nll(test["logits"], labels, t) for t in (1.0, temperature)],
        "ece": [calibration_error(test["logits"], labels, t) for t in (1.0, temperature)],
        "confusion": confusion.tolist(),
    }


def measure(network: Classifier, check: list[Frame], test: list[Frame], names: list[str], work: Path) -> dict:
    """Writes both forms of the network below `work` and measures the one that ships."""
    full_path, small_path = work / "classifier-f32.onnx", work / "classifier.onnx"
    torch.onnx.export(
        network, (torch.zeros(1, 3, SIZE, SIZE),), str(full_path), dynamo=False, opset_version=13,
        input_names=["images"], output_names=["logits"],
    )  # fmt: skip
    quantize.weights(full_path, small_path)
    full, small = onnxruntime.InferenceSession(full_path), onnxruntime.InferenceSession(small_path)
    result = {"parameters": sum(p.numel() for p in network.parameters())}
    result |= report(answers(small, check, names), answers(small, test, names), answers(full, test, names), names)
    pictures = [plain_crop(test[i], test[i].pixels, j) for i, j, _ in crops(test, names)[:200]]
    result["parity"] = quantize.parity(full, small, pictures)
    return result


def main() -> None:
    """The recipe, start to end."""
    args = arguments(__doc__, steps=1500)
    seeded(SEED, args.threads)
    names = [row["scientific"] for row in taxa()]
    kept = args.work / "classifier.pt"
    network = Classifier(len(names))
    if args.measure:
        facts = restore(network, kept)
    else:
        frames = load(*args.train)
        print(f"classifier: {len(crops(frames, names))} animals, {args.steps} steps of {BATCH}", flush=True)
        earlier = restore(network, args.start)["steps"] if args.start else 0
        started = time.time()
        train(network, frames, names, args.steps)
        facts = {"steps": args.steps, "batch": BATCH, "seed": SEED, "frames": len(frames)}
        facts |= {"threads": args.threads, "earlier_steps": earlier}
        facts["minutes"] = (time.time() - started) / 60
        keep(network, facts, kept)
    result = facts | measure(network.eval(), load(args.check), load(args.test), names, args.work)
    (args.work / "classifier.json").write_text(json.dumps(result, indent=1))
    print(json.dumps({k: v for k, v in result.items() if k != "confusion"}, indent=1))


if __name__ == "__main__":
    main()
