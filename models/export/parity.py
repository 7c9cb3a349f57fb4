"""The same network on PyTorch, ONNX Runtime and tract: how far apart their raw outputs are.

Differences are shares of the largest absolute number of an output (of its column, where it has rows). Up to 0.001 is
fine: 32-bit sums in another order differ in the last places, and deep networks carry that on. A network that carries it
on further is held to its own yardstick: four times what PyTorch in 32 bits differs from PyTorch in 64, but 0.01 at most:
where rounding alone is more, the comparison would pass a wrong export.
"""

import copy
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import forms
import photos

TOLERANCE = 1e-3
MOST = 1e-2
DECISIONS = {"detector": "boxes matched", "classifier": "same first label", "embedder": "same nearest photo"}
SETS = {"yolov10", "rtdetr"}  # Their rows are the best of many, sorted: two nearly equal ones may change places.


@dataclass
class Report:
    """One engine against PyTorch."""

    engine: str
    output: str
    apart: float  # largest difference, as a share
    cosine: float  # least of any photo
    photos: int
    noise: float = 0.0  # PyTorch in 32 bits against 64, measured where needed
    decisions: str = ""  # share of what the answers say that is PyTorch's

    def fine(self) -> bool:
        return self.apart <= max(TOLERANCE, min(4 * self.noise, MOST)) and self.cosine > 0.9999

    def line(self) -> str:
        verdict = "ok" if self.fine() else "DIFFERS"
        noise = f"  (32 bits against 64: {self.noise:.1e})" if self.noise else ""
        said = f"  {self.decisions}" if self.decisions else ""
        return f"  {self.engine:12} {self.output:10} apart {self.apart:.1e}  cosine {self.cosine:.7f}  {verdict}{noise}{said}"

    @staticmethod
    def table(reports: list["Report"]) -> list[str]:
        head = ["| engine | output | largest difference (share) | least cosine | photos |", "|---|---|---|---|---|"]
        return head + [f"| {r.engine} | {r.output} | {r.apart:.1e} | {r.cosine:.7f} | {r.photos} |" for r in reports]


def compare(
    module: torch.nn.Module, network: Path, decode: str, inputs: list[np.ndarray], trapline: Path | None
) -> list[Report]:
    """Runs every input on every engine at hand; the manifest lies beside `network`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    with torch.no_grad():
        truth = [arrays(module(torch.from_numpy(x))) for x in inputs]
    sides = {"onnxruntime": [session.run(None, {"image": x}) for x in inputs]}
    if trapline:
        for engine in ("tract", "onnxruntime"):
            ran = by_trapline(trapline, network.parent, engine, inputs, [t.shape for t in truth[0]])
            if ran is not None:
                sides[f"trapline/{engine}"] = ran
    reports = [r for engine, outputs in sides.items() for r in rows(engine, names, decode, truth, outputs)]
    manifest = photos.manifest(network.parent)
    for engine, outputs in sides.items():
        next(r for r in reports if r.engine == engine).decisions = decided(manifest, truth, outputs)
    if not all(r.fine() for r in reports):
        try:
            with torch.no_grad():
                exact = copy.deepcopy(module).double()
                whole = [[a.astype(np.float32) for a in arrays(exact(torch.from_numpy(x).double()))] for x in inputs]
        except RuntimeError as error:
            print(f"  PyTorch in 64 bits: {error}", flush=True)  # Parts of it insist on 32.
            return reports
        noise = {r.output: r.apart for r in rows("64 bits", names, decode, whole, truth)}
        for r in reports:
            r.noise = noise[r.output]
    return reports


def rows(engine: str, names: list[str], decode: str, truth: list, outputs: list) -> list[Report]:
    """One report per output; RT-DETR's logits and boxes are one, since they are rows of the same things."""
    if decode == "rtdetr":
        truth, outputs = ([[np.concatenate(o, -1)] for o in side] for side in (truth, outputs))
        names = ["logits+boxes"]
    reports = []
    for i, name in enumerate(names):
        both = [aligned(decode, t[i], o[i]) for t, o in zip(truth, outputs, strict=True)]
        reports.append(Report(engine, name, max(map(apart, both)), min(map(cosine, both)), len(both)))
    return reports


def decided(manifest: dict, truth: list, outputs: list) -> str:
    """How alike the decisions are; nothing where there is none to compare."""
    if not all(np.isfinite(a).all() for o in outputs for a in o):
        return ""
    role = manifest["role"]
    share = forms.FACTS[role](manifest, [forms.Sample(o[0], None) for o in outputs], truth, outputs)[DECISIONS[role]]
    if role != "detector":
        return f"{DECISIONS[role]} {share:.3f} of {len(truth)}" if role == "classifier" or len(truth) > 2 else ""
    count = sum(len(forms.heads.boxes(o, manifest)) for o in truth)
    return f"{DECISIONS[role]} {share:.3f} of {count}" if count else ""


def arrays(outputs: object) -> list[np.ndarray]:
    """A module's outputs in order."""
    return [t.numpy() for t in (outputs if isinstance(outputs, (tuple, list)) else [outputs])]


def aligned(decode: str, truth: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as rows of comparable columns; for networks that give sets, each row with the nearest of the other side."""
    if decode not in SETS:
        return (truth, other) if decode != "yolov8" else (truth.transpose(0, 2, 1), other.transpose(0, 2, 1))
    a, b = truth[0], other[0]
    scale = np.maximum(np.abs(a).max(0), 1e-6)
    nearest = [np.abs((b - row) / scale).max(-1).argmin() for row in a]
    return a, b[nearest]


def apart(pair: tuple[np.ndarray, np.ndarray]) -> float:
    """The largest difference as a share of the column's (of the whole output's, for vectors) largest number."""
    a, b = pair
    if not (np.isfinite(a).all() and np.isfinite(b).all()) or a.shape != b.shape:
        return float("inf")
    wide = a.ndim == 3 and a.shape[-1] < a.shape[-2]
    scale = np.abs(a).reshape(-1, a.shape[-1]).max(0) if wide else np.abs(a).max()
    return float((np.abs(a - b) / np.maximum(scale, 1e-6)).max())


def cosine(pair: tuple[np.ndarray, np.ndarray]) -> float:
    a, b = pair[0].ravel().astype(np.float64), pair[1].ravel().astype(np.float64)
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12))


def by_trapline(
    trapline: Path, folder: Path, engine: str, inputs: list[np.ndarray], shapes: list[tuple]
) -> list[list[np.ndarray]] | None:
    """The raw outputs `trapline models run` gives; None where the program cannot use that engine."""
    with tempfile.TemporaryDirectory() as scratch:
        files = []
        for i, x in enumerate(inputs):
            files.append(Path(scratch) / f"{i}.bin")
            x.tofile(files[-1])
        command = [trapline, "models", "run", folder / "manifest.toml", *files]
        command += ["--out", Path(scratch) / "out", "--engine", engine, "--json"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"  trapline on {engine}: {done.stderr.strip()}", flush=True)
            return [[np.full(s, np.nan, np.float32) for s in shapes] for _ in inputs]
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        if not lines[0]["engine"].lower().replace(" ", "").startswith(engine):
            return None
        each: dict[str, list[np.ndarray]] = {}
        for line in lines:
            numbers = np.fromfile(line["file"], "<f4").reshape(line["shape"])
            each.setdefault(line["input"], []).append(numbers)
        return [each[str(f)] for f in files]
