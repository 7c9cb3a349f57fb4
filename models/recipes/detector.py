"""Trains the bench detector and measures the file that ships.

python detector.py --train DIR… --check DIR --test DIR --work DIR [--steps N] [--measure]
"""

import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import assign
import quantize
from augment import detector_sample, four
from blocks import Average, half, parameters, schedule, seeded
from command import arguments, keep, restore
from data import Frame, letterbox, load
from metrics import detector_report, suppress
from network import CLASSES, SIZE, Detector, Exported, cells, corners

SEED = 20260
BATCH = 16
PEAK = 2e-3
FOURS = 0.6  # share of training pictures made of four close views
SHAPES = [(256, 320), (256, 256), (320, 320), (256, 256)]  # heights and widths the batches take in turn


class Samples(torch.utils.data.Dataset):
    """Training pictures by number: sample `i` is the same in every run, whoever prepares it."""

    def __init__(self, frames: list[Frame], steps: int):
        self.frames, self.steps = frames, steps
        weight = np.array([share(f) for f in frames])
        self.cumulated = np.cumsum(weight / weight.sum())

    def __len__(self) -> int:
        return self.steps * BATCH

    def __getitem__(self, index: int):
        rng = np.random.default_rng([SEED, index])
        height, width = SHAPES[index // BATCH % len(SHAPES)]
        if rng.random() < FOURS:
            return four([self.draw(rng) for _ in range(4)], rng, height, width)
        return detector_sample(self.draw(rng), rng, height, width)

    def draw(self, rng: np.random.Generator) -> Frame:
        """A frame, by its share."""
        return self.frames[min(int(np.searchsorted(self.cumulated, rng.random())), len(self.frames) - 1)]


def share(frame: Frame) -> float:
    """How often a frame is drawn: people and vehicles more, empty ones less."""
    if not len(frame.boxes):
        return 0.6
    return 1.0 + 1.0 * float((frame.kinds > 0).any())


def collate(samples):
    """Stacks pictures and pads their boxes to one count."""
    most = max(1, max(len(boxes) for _, boxes, _ in samples))
    truth, kinds = torch.zeros(len(samples), most, 4), torch.zeros(len(samples), most, dtype=torch.long)
    real = torch.zeros(len(samples), most, dtype=torch.bool)
    for i, (_, boxes, kind) in enumerate(samples):
        truth[i, : len(boxes)] = torch.from_numpy(boxes)
        kinds[i, : len(boxes)] = torch.from_numpy(kind)
        real[i, : len(boxes)] = True
    return torch.from_numpy(np.stack([image for image, _, _ in samples])), truth, kinds, real


def train(network: Detector, frames: list[Frame], steps: int) -> None:
    """Trains for `steps` batches; leaves the averaged weights in `network`."""
    network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(parameters(network, 0.02), lr=PEAK)
    average = Average(network)
    loader = torch.utils.data.DataLoader(
        Samples(frames, steps), BATCH, num_workers=1, collate_fn=collate, prefetch_factor=4
    )
    started, sums = time.time(), np.zeros(2)
    for step, (images, truth, kinds, real) in enumerate(loader):
        for group in optimiser.param_groups:
            group["lr"] = schedule(step, steps, PEAK)
        x = images.permute(0, 3, 1, 2).float().div(255.0).contiguous(memory_format=torch.channels_last)
        centres, strides = cells(*x.shape[2:])
        with half():
            logits, sides = (part.float() for part in network(x))
        boxes = corners(sides, centres, strides)
        parts = assign.loss(logits.transpose(1, 2), boxes, centres, strides, truth, kinds, real)
        optimiser.zero_grad(set_to_none=True)
        sum(parts).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        average.update(network)
        sums += [float(p.detach()) for p in parts]
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}/{steps} class {sums[0] / 100:.3f} box {sums[1] / 100:.3f} "
                  f"{time.time() - started:.0f} s", flush=True)  # fmt: skip
            sums[:] = 0
    network.load_state_dict(average.state)


def export(network: Detector, path: Path) -> None:
    """Writes the network with its decoding as ONNX, f32."""
    torch.onnx.export(
        Exported(network).eval(), (torch.zeros(1, 3, SIZE, SIZE),), str(path), dynamo=False, opset_version=13,
        input_names=["images"], output_names=["output"],
    )  # fmt: skip


def detections(session: onnxruntime.InferenceSession, frames: list[Frame]) -> list[np.ndarray]:
    """What the network says of each whole frame: rows left, top, right, bottom (picture pixels), score, class."""
    found = []
    for frame in frames:
        canvas, scale, left, top = letterbox(frame.pixels, SIZE)
        x = canvas.transpose(2, 0, 1)[None].astype(np.float32) / 255.0
        rows = suppress(session.run(None, {"images": x})[0][0])
        rows[:, :4] = (rows[:, :4] - [left, top, left, top]) / scale
        found.append(rows)
    return found


def measure(network: Detector, check: list[Frame], test: list[Frame], work: Path) -> dict:
    """Writes both forms of the network below `work` and measures the one that ships."""
    export(network, work / "detector-f32.onnx")
    quantize.weights(work / "detector-f32.onnx", work / "detector.onnx")
    full, small = (onnxruntime.InferenceSession(work / n) for n in ("detector-f32.onnx", "detector.onnx"))
    report = {"parameters": sum(p.numel() for p in network.parameters())}
    report |= detector_report(check, detections(small, check), test, detections(small, test), CLASSES)
    before = detections(full, test)
    report["map50_f32"] = detector_report(test, before, test, before, CLASSES)["map50"]
    report["parity"] = quantize.parity(full, small, [letterbox(f.pixels, SIZE)[0] for f in test[:50]])
    return report


def main() -> None:
    """The recipe, start to end."""
    args = arguments(__doc__, steps=3000)
    seeded(SEED, args.threads)
    kept = args.work / "detector.pt"
    network = Detector()
    if args.measure:
        facts = restore(network, kept)
    else:
        frames = load(*args.train)
        print(f"detector: {len(frames)} frames, {args.steps} steps of {BATCH}", flush=True)
        earlier = restore(network, args.start)["steps"] if args.start else 0
        started = time.time()
        train(network, frames, args.steps)
        facts = {"steps": args.steps, "batch": BATCH, "seed": SEED, "frames": len(frames)}
        facts |= {"threads": args.threads, "earlier_steps": earlier}
        facts["minutes"] = (time.time() - started) / 60
        keep(network, facts, kept)
    report = facts | measure(network.eval(), load(args.check), load(args.test), args.work)
    (args.work / "detector.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
