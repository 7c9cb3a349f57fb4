"""The int8 forms of a model, beside its network: made, measured on photos, written into manifest and model card.

    python models/recipes/forms.py MODEL-FOLDER --calibrate PHOTOS [--truth TRUTH] [--trapline PROGRAM]

`NAME-int8.onnx` holds int8 weights and computes in f32: a quarter of the size, for every engine; it becomes the
manifest's `file`. `NAME-u8s8.onnx` computes in bytes, for ONNX Runtime on processors that multiply bytes at once; it
becomes a `[[form]]` where it takes less than 0.8 of the time. The f32 network stays where it is.

TRUTH, for accuracy besides agreement: a folder of the bench world (`trapline world`), or a table with the columns
`file,label` (files relative to it; `empty`, `human`, `person`, `vehicle`, else an animal).
"""

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

import heads
import photos
import quantize

# Share of the f32 form's time below which the form in bytes goes into the manifest: for less its loss is not worth it.
WORTH = 0.8

NOT_ANIMALS = {"empty", "human", "person", "vehicle", "blank"}


@dataclass
class Sample:
    """One photo (or one box of one), as the network takes it, and what it shows where that is known."""

    x: np.ndarray
    truth: str | None  # a label; for detectors any that is not one of NOT_ANIMALS is an animal


def floats(source: Path, target: Path) -> None:
    """A network with int8 weights (`quantize.weights`) made back into f32."""
    model = onnx.load(source)
    stored = {t.name: t for t in model.graph.initializer}
    for node in [n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in stored]:
        whole, scale, zero = (numpy_helper.to_array(stored[name]) for name in node.input)
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        shape = [-1 if i == axis else 1 for i in range(whole.ndim)] if scale.ndim else []
        full = (whole.astype(np.float32) - zero.reshape(shape)) * scale.reshape(shape)
        model.graph.initializer.append(numpy_helper.from_array(full.astype(np.float32), node.output[0]))
        model.graph.node.remove(node)
        for name in node.input:
            model.graph.initializer.remove(stored[name])
    onnx.save(model, target)


def samples(manifest: dict, files: list[Path], truth: Path | None) -> list[Sample]:
    """The network's inputs: whole photos for detectors and where no box is known, boxes of known animals else."""
    spec, detector = manifest["input"], manifest["role"] == "detector"
    if truth is None:
        return [Sample(photos.tensor(photos.opened(f), spec)[0], None) for f in files]
    out = []
    if truth.is_dir():
        rows = [json.loads(line) for line in (truth / "truth.jsonl").read_text().splitlines()]
        for row in rows:
            image = photos.opened(truth / row["file"])
            animals = [b for b in row["boxes"] if b["category"] == "animal"]
            if detector:
                out.append(Sample(photos.tensor(image, spec)[0], "animal" if animals else "empty"))
                continue
            for box in animals:
                crop = photos.cropped(image, box["bbox"], spec["resize"])
                out.append(Sample(photos.tensor(crop, spec)[0], box["species"]))
        return out
    with open(truth, newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            image = photos.opened(truth.parent / row["file"])
            out.append(Sample(photos.tensor(image, spec)[0], row["label"]))
    return out


def run(network: Path, manifest: dict, inputs: list[Sample]) -> list[list[np.ndarray]]:
    """Raw outputs on ONNX Runtime, those the manifest names first."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    first = manifest["output"].get("name", names[0])
    second = [manifest["output"].get("boxes", names[1])] if manifest["output"]["decode"] == "rtdetr" else []
    return [session.run([first, *second], {manifest["input"]["name"]: s.x}) for s in inputs]


def detector_facts(manifest: dict, inputs: list[Sample], full: list, other: list) -> dict[str, float]:
    """How alike the decisions are, and how right where the truth is known."""
    a, b = ([heads.boxes(o, manifest) for o in side] for side in (full, other))
    animal = [np.array([(rows[:, 5] == 0).any() for rows in side]) for side in (a, b)]
    matched = sum(
        any(r[5] == row[5] and heads.overlap(row, r[None])[0] >= 0.5 for r in theirs)
        for rows, theirs in zip(a, b, strict=True)
        for row in rows
    )
    count = sum(map(len, a)) + sum(map(len, b))
    facts = {"same verdict": float((animal[0] == animal[1]).mean()), "boxes matched": 2 * matched / max(count, 1)}
    known = [i for i, s in enumerate(inputs) if s.truth is not None]
    shows = np.array([inputs[i].truth not in NOT_ANIMALS for i in known], bool)
    if shows.any():
        facts["animals found"] = float(animal[1][known][shows].mean())
    if known and (~shows).any():
        facts["false alarms"] = float(animal[1][known][~shows].mean())
    return facts


def classifier_facts(manifest: dict, inputs: list[Sample], full: list, other: list) -> dict[str, float]:
    a, b = (np.stack([heads.probabilities(o[0], manifest) for o in side]) for side in (full, other))
    facts = {
        "same first label": float((a.argmax(1) == b.argmax(1)).mean()),
        "probability apart, mean": float(np.abs(a - b).max(1).mean()),
    }
    sure = a.max(1) >= 0.5
    if sure.any():
        facts["the same, f32 at least 0.5 sure"] = float((a.argmax(1) == b.argmax(1))[sure].mean())
    names = label_names(manifest)
    known = [i for i, s in enumerate(inputs) if s.truth is not None]
    right = [inputs[i].truth.lower() in names[int(b[i].argmax())] for i in known]
    if any(right):
        facts["accuracy"] = float(np.mean(right))
    return facts


def embedder_facts(_manifest: dict, _inputs: list[Sample], full: list, other: list) -> dict[str, float]:
    """Cosines of the same photo's vectors, and whether the nearest other photo is the same one."""
    a, b = (np.stack([o[0].ravel() / np.linalg.norm(o[0]) for o in side]) for side in (full, other))
    near = [(x @ x.T - 2 * np.eye(len(x))).argmax(1) for x in (a, b)]
    return {"cosine, least": float((a * b).sum(1).min()), "same nearest photo": float((near[0] == near[1]).mean())}


def label_names(manifest: dict) -> list[set[str]]:
    """Every name of each label, in lower case."""
    labels = manifest["labels"]
    if isinstance(labels, list):
        return [{name.lower()} for name in labels]
    file = manifest["path"].parent / labels["file"]
    with open(file, newline="", encoding="utf-8") as table:
        return [{row[k].lower() for k in ("label", "scientific", "english") if row[k]} for row in csv.DictReader(table)]


FACTS = {"detector": detector_facts, "classifier": classifier_facts, "embedder": embedder_facts}


def bench(trapline: Path, manifest: dict, networks: dict[str, Path], passes: int) -> dict[str, dict[str, float]]:
    """Milliseconds a pass of every form on both engines, one thread: the least of three interleaved rounds of `passes`."""
    times: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        text = manifest["path"].read_text(encoding="utf-8").split("\n[[form]]")[0]
        paths = {}
        for form, network in networks.items():
            lines = []
            for line in text.splitlines():
                key = line.split("=")[0].strip()
                line = f"file = {json.dumps(str(network.resolve()))}" if key == "file" else line
                line = f'sha256 = "{sha256(network)}"' if key == "sha256" else line
                if key == "labels" and isinstance(manifest.get("labels"), dict):
                    labels = (manifest["path"].parent / manifest["labels"]["file"]).resolve()
                    line = f"labels = {{ file = {json.dumps(str(labels))} }}"
                lines.append(line)
            paths[form] = Path(scratch) / f"{form}.toml"
            paths[form].write_text("\n".join(lines), encoding="utf-8")
        for _ in range(3):
            for engine in ("tract", "onnxruntime"):
                for form, path in paths.items():
                    command = [trapline, "models", "bench", path, "--engine", engine, "--passes", str(passes), "--json"]
                    done = subprocess.run(command, check=False, capture_output=True, text=True)
                    if done.returncode:
                        print(f"{form} on {engine}: {done.stderr.strip()}", file=sys.stderr)
                        continue
                    row = json.loads(done.stdout)
                    if row["engine"].lower().replace(" ", "").startswith(engine):
                        now = times.setdefault(form, {}).setdefault(engine, np.inf)
                        times[form][engine] = min(now, row["least_ms"])
    return times


def processor(networks: dict[str, Path], manifest: dict, x: np.ndarray) -> dict[str, float]:
    """Milliseconds of processor time a pass on ONNX Runtime, one thread, int8 weights widened once as the program does:
    the median of 15 interleaved passes, fewer (3 at least) where they take over a minute. Processor time, so that a busy
    machine tells the same."""
    sessions, took = {}, {}
    for form, network in networks.items():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.disable_quant_qdq", "0" if form == "u8s8" else "1")
        sessions[form] = onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
        took[form] = []
    started = time.monotonic()
    for turn in range(15):
        if turn >= 3 and time.monotonic() - started > 60:
            break
        for form, session in sessions.items():
            began = time.process_time()
            session.run(None, {manifest["input"]["name"]: x})
            took[form].append(time.process_time() - began)
    return {form: 1000 * float(np.median(times)) for form, times in took.items()}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rewrite(manifest: dict, small: Path, fast: Path | None) -> None:
    """Puts the forms into the manifest; all else in it stays as it was. `fast` only where it is worth it."""
    path, lines, top = manifest["path"], [], True
    for line in path.read_text(encoding="utf-8").split("\n[[form]]")[0].splitlines():
        top = top and not line.startswith("[")
        key = line.split("=")[0].strip()
        line = f'file = "{small.name}"' if top and key == "file" else line
        line = f'sha256 = "{sha256(small)}"' if top and key == "sha256" else line
        lines.append(line)
    if fast is None:
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return
    form = ["", "[[form]]", 'engine = "onnxruntime"', 'needs = "dot-product"']
    form += [f'file = "{fast.name}"', f'sha256 = "{sha256(fast)}"', ""]
    path.write_text("\n".join([*lines, *form]), encoding="utf-8")


def quantise(
    folder: Path,
    calibrate: Path,
    truth: Path | None = None,
    trapline: Path | None = None,
    most: int = 48,
    measure: int | None = None,
) -> list[str]:
    """Makes the forms and the card's section; returns its lines. Without `truth` at most `measure` photos are measured on,
    spread over those that were not calibrated on."""
    manifest = photos.manifest(Path(folder))
    base = manifest["path"].parent
    source = base / manifest["file"]
    if "${" in manifest["file"]:
        raise SystemExit(f"{manifest['path']}: `file` begins with a variable; copy the network beside the manifest")
    stem = source.stem.removesuffix("-int8").removesuffix("-f32")
    full, small, fast = (base / f"{stem}{end}.onnx" for end in ("-f32", "-int8", "-u8s8"))
    given = any(n.op_type == "DequantizeLinear" for n in onnx.load(source).graph.node)
    if given:
        floats(source, full)
        small.write_bytes(source.read_bytes())
    else:
        full = source
        quantize.weights(full, small)
    files = photos.listed(calibrate)
    chosen = photos.listed(calibrate, most)
    inputs = samples(manifest, chosen, None)
    kept = quantize.activations(full, fast, [s.x for s in inputs])
    rest = [f for f in files if f not in chosen] or files
    if measure is not None and len(rest) > measure:
        rest = [rest[i * len(rest) // measure] for i in range(measure)]
    measured = samples(manifest, rest, truth)
    outputs = {form: run(path, manifest, measured) for form, path in (("f32", full), ("int8", small), ("u8s8", fast))}
    facts = {form: FACTS[manifest["role"]](manifest, measured, outputs["f32"], out) for form, out in outputs.items()}
    networks = {"f32": full, "int8": small, "u8s8": fast}
    cpu = processor(networks, manifest, inputs[0].x)
    passes = max(1, min(9, int(3000 / cpu["f32"])))  # Of a network that takes seconds one says enough.
    times = bench(trapline, manifest, networks, passes) if trapline else {}
    worth = cpu["u8s8"] < WORTH * cpu["f32"]
    rewrite(manifest, small, fast if worth else None)
    what = f"{len(measured)} {'of ' + truth.name if truth else 'photos it was not calibrated on'}"
    what = what if truth or rest[0] not in chosen else f"the {len(measured)} photos it was calibrated on"
    lines = [
        "## Int8 forms",
        "",
        f"Calibrated on {len(inputs)} photos; measured on {what}. Layers left in f32: {len(kept)}.",
    ]
    if not worth:
        lines += ["", "In bytes it is hardly faster here, so the manifest does not name that form."]
    names = list(facts["f32"])
    lines += [
        "",
        f"| form | bytes | {' | '.join(names)} | ONNX Runtime, ms of CPU | tract ms | ONNX Runtime ms |",
        "|---" * (len(names) + 5) + "|",
    ]
    for form, path in (("f32", full), ("int8", small), ("u8s8", fast)):
        took = [f"{times[form][e]:.1f}" if e in times.get(form, {}) else "–" for e in ("tract", "onnxruntime")]
        row = [form, str(path.stat().st_size), *(f"{facts[form][n]:.3f}" for n in names), f"{cpu[form]:.2f}", *took]
        lines.append(f"| {' | '.join(row)} |")
    card = base / "README.md"
    text = card.read_text(encoding="utf-8").split("\n## Int8 forms")[0].rstrip() if card.exists() else f"# {stem}"
    card.write_text("\n".join([text, "", *lines, ""]), encoding="utf-8")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder of the model, whose manifest and README.md are rewritten")
    parser.add_argument(
        "--calibrate", type=Path, required=True, help="photos of the kind it will see; 30 to 60 are used"
    )
    parser.add_argument("--truth", type=Path, help="what photos show, for accuracy before and after")
    parser.add_argument("--trapline", type=Path, help="the program, for times on both engines")
    parser.add_argument("--most", type=int, default=48, help="photos to calibrate on (default 48)")
    parser.add_argument("--measure", type=int, help="photos to measure on without --truth (default: all others)")
    args = parser.parse_args()
    print("\n".join(quantise(args.model, args.calibrate, args.truth, args.trapline, args.most, args.measure)))


if __name__ == "__main__":
    main()
