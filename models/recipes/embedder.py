"""Trains a network that tells individuals apart by their coats, and measures the file that ships.

    trapline world train --individuals 180 --first 1000 --encounters 5 --size 480x360 --seed 11
    trapline world check --individuals 30 --first 2000 --size 480x360 --seed 12
    trapline world test --individuals 40 --first 3000 --size 480x360 --seed 13
    python embedder.py --train train --check check --test test --work work

Two parts, of which only the first is trained by gradients: where the flank lies (`flank.Places`), taught by the grid
that the renderer wrote beside each crop; and what tells flanks apart once they are laid flat (`flank.Flat`), a linear
discriminant in closed form (`discriminant.fit`), fitted on flanks where the first part saw them. Individuals of the
three sets have numbers of their own.

`--check` fits what similarities mean (`identity.calibrate`), `--test` is what the card tells of.
"""

import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

import discriminant
import flank_data
import identity
import quantize
from blocks import Average, half, parameters, schedule, seeded
from command import arguments, keep, restore
from flank import GRID, SIZE, Flat, Places, cells
from flank_data import Crops, square, tensor

SEED = 20262
BATCH = 32
PEAK = 2e-3
LENGTH = 128


class Embedder(nn.Module):
    """RGB in 0..1, 128×128, to 128 numbers of length 1."""

    def __init__(self):
        super().__init__()
        self.places = Places()
        self.flat = Flat()
        self.last = nn.Linear(GRID[0] * GRID[1], LENGTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.last(self.flat(x, self.places(x))), dim=1)


def train(network: Places, crops: Crops, steps: int) -> None:
    """Teaches where the flank lies; leaves the averaged weights in `network`."""
    rng = np.random.default_rng(SEED)
    mean, basis = flank_data.shapes(crops, rng)
    network.mean.copy_(torch.from_numpy(mean))
    network.basis.copy_(torch.from_numpy(basis))
    network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(parameters(network, 0.02), lr=PEAK)
    average = Average(network, 0.995)
    started, off = time.time(), 0.0
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = schedule(step, steps, PEAK)
        x, true = flank_data.batch(crops, rng, BATCH)
        with half():
            told, maps = network(x)
        # A point outside the view cannot be in a map.
        inside = ((true > 0) & (true < 1)).all(-1).float()
        error = ((told.reshape(true.shape) - true).abs().mean(2) * inside).sum() / inside.sum()
        wrong = -((cells(true) * maps.log_softmax(2)).sum(2) * inside).sum() / inside.sum()
        # The maps alone know nothing of the other points; the error alone finds no way at first.
        loss = wrong + 50.0 * error
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update(network)
        off += float(error.detach())
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}/{steps} off by {off:.2f} % of the crop {time.time() - started:.0f} s", flush=True)
            off = 0.0
    network.load_state_dict(average.state)


def flats(network: Embedder, pictures: list[np.ndarray], grids: np.ndarray | None = None) -> np.ndarray:
    """Flanks laid flat, by the network's own places or by `grids`."""
    out = []
    with torch.no_grad():
        for at in range(0, len(pictures), 64):
            x = tensor(pictures[at : at + 64])
            places = network.places(x) if grids is None else torch.from_numpy(grids[at : at + 64]).float()
            out.append(network.flat(x, places.flatten(1)).numpy())
    return np.concatenate(out)


def tell_apart(network: Embedder, crops: Crops) -> None:
    """Fits the last layer on each crop as it is and on another view of it; a mirror would be another animal's flank."""
    rng = np.random.default_rng(SEED + 1)
    plain = [flank_data.resize(p, SIZE, SIZE) for p in crops.pictures]
    other = [flank_data.view(p, g, rng, mirror=False)[0] for p, g in zip(crops.pictures, crops.grids, strict=True)]
    x = np.concatenate([flats(network, plain), flats(network, other)])
    who = np.array([f"{r['species']}/{r['individual']}/{r['flank']}" for r in crops.rows] * 2)
    kind = np.array([r["species"] for r in crops.rows] * 2)
    matrix, add = discriminant.fit(x, who, kind, LENGTH)
    with torch.no_grad():
        # Fewer flanks than numbers, on a small scale, give fewer directions: the others stay zero.
        for layer, found in ((network.last.weight, matrix), (network.last.bias, add)):
            layer.zero_()
            layer[: len(found)] = torch.from_numpy(found)


def embeddings(session: onnxruntime.InferenceSession, rows: list[dict]) -> np.ndarray:
    """The network's answers to the crops of some rows."""
    inputs = (square(row["path"], SIZE).transpose(2, 0, 1)[None].astype(np.float32) / 255.0 for row in rows)
    return np.stack([session.run(None, {"images": x})[0][0] for x in inputs])


def colours(rows: list[dict]) -> np.ndarray:
    """What to compare with: the mean colours of a grid of 8×8, the simplest description of a coat."""
    return np.stack([square(row["path"], 8).astype(np.float64).reshape(-1) - 127.0 for row in rows])


def off_by(network: Places, crops: Crops) -> dict:
    """How far the points are from the true ones: the mean of each crop's points, in hundredths of its side."""
    with torch.no_grad():
        told = [network(tensor(crops.pictures[at : at + 64])) for at in range(0, len(crops.pictures), 64)]
    apart = np.linalg.norm(torch.cat(told).numpy().reshape(crops.grids.shape) - crops.grids, axis=-1).mean(1) * 100
    return {"mean": float(apart.mean()), "half": float(np.median(apart)), "tenth": float(np.percentile(apart, 90))}


def measure(network: Embedder, check: Path, test: Path, work: Path) -> dict:
    """Writes both forms of the network below `work`, calibrates and measures the one that ships."""
    full_path, small_path = work / "embedder-f32.onnx", work / "embedder.onnx"
    torch.onnx.export(
        network, (torch.zeros(1, 3, SIZE, SIZE),), str(full_path), dynamo=False, opset_version=16,
        input_names=["images"], output_names=["embedding"],
    )  # fmt: skip
    quantize.weights(full_path, small_path)
    full, small = onnxruntime.InferenceSession(full_path), onnxruntime.InferenceSession(small_path)
    of_check, of_test = identity.rows_of(check), identity.rows_of(test)
    told, before = embeddings(small, of_test), embeddings(full, of_test)
    with torch.no_grad():
        here = network(tensor([square(row["path"], SIZE) for row in of_test[:64]])).numpy()
    curve = identity.calibrate(of_check, embeddings(small, of_check))
    seen = flank_data.read(test, side=SIZE)
    with torch.no_grad():
        by_truth = network.last(torch.from_numpy(flats(network, seen.pictures, seen.grids))).numpy()
    by_places = flats(network, seen.pictures)
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "crops": len(of_test),
        "individuals": len({(row["species"], row["individual"]) for row in of_test}),
        "curve": curve,
        "decisions": identity.decisions(of_test, told, curve),
        "measured": identity.measure(of_test, told),
        "measured_f32": identity.measure(of_test, before),
        "colours": identity.measure(of_test, colours(of_test)),
        "places": off_by(network.places, seen),
        "true_places": identity.measure(seen.rows, by_truth),
        "not_learnt": identity.measure(seen.rows, by_places - by_places.mean(0)),
        "parity": {
            "torch": float(np.abs(here - before[:64]).max()),
            "int8_cosine": float((told * before).sum(1).min()),
        },
    }


def main() -> None:
    """The recipe, start to end."""
    args = arguments(__doc__, steps=2200)
    seeded(SEED, args.threads)
    kept = args.work / "embedder.pt"
    network = Embedder()
    if args.measure:
        facts = restore(network, kept)
    else:
        crops = flank_data.read(*args.train, side=flank_data.LONG)
        individuals = len({(row["species"], row["individual"]) for row in crops.rows})
        print(
            f"embedder: {len(crops.rows)} crops of {individuals} individuals, {args.steps} steps of {BATCH}", flush=True
        )
        earlier = restore(network, args.start)["steps"] if args.start else 0
        started = time.time()
        train(network.places, crops, args.steps)
        tell_apart(network.eval(), crops)
        facts = {"steps": args.steps, "batch": BATCH, "seed": SEED, "frames": len(crops.rows)}
        facts |= {"threads": args.threads, "earlier_steps": earlier, "learnt_from": individuals}
        facts["minutes"] = (time.time() - started) / 60
        keep(network, facts, kept)
    result = facts | measure(network.eval(), args.check, args.test, args.work)
    (args.work / "embedder.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
