"""What quantisation-aware training is worth on the bench world: a table for docs/training.md.

    python models/recipes/roundings.py --train world-train… --test world-test --work target/roundings

For every seed the small network, or one of timm's, is trained from random weights (plan `balanced`), then goes on in four
ways: not at all, and `--qat` batches more with nothing rounded, with weights rounded, with weights and activations rounded
(`qat.py`). Each is stored as learn.py stores it: f32, int8 weights, and bytes calibrated on 48 training crops. All are measured on every
animal of TEST by ONNX Runtime. Trained networks are kept in WORK and not made again.
"""

import argparse
import copy
import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import decide
import fitting
import forms
import pictures
import qat
import quantize
import sources
import transfer
from blocks import seeded
from classifier import Classifier

FORMS = ("f32", "int8", "u8s8")
CALIBRATION = 48  # training crops, as many as `forms.py` takes


def loaded(folders: list[Path], order: list[str] | None, size: int) -> tuple[list, np.ndarray, list[str]]:
    """Views and labels of all animals of some folders, and the classes."""
    examples = [e for folder in folders for e in sources.read(folder).examples]
    order = order or sorted({e.label for e in examples})
    examples = [e for e in examples if e.label in order]
    views = pictures.views(examples, size, 1.2, lambda _: None)
    return views, np.array([order.index(e.label) for e in examples]), order


def made(name: str | None, classes: int) -> torch.nn.Module:
    """The small network, or one of timm's, with random weights."""
    if name is None:
        return Classifier(classes)
    network, _, mean, std = transfer.timm_network(name, classes, None)
    return transfer.Scaled(network, mean, std)


def trained(seed: int, args, views: list, labels: np.ndarray, classes: int) -> tuple[torch.nn.Module, fitting.Recipe]:
    """The float network that all four begin with, made or found."""
    seeded(seed, args.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)  # as in learn.py
    network, file = made(args.timm, classes), args.work / f"float-{seed}.pt"
    recipe = fitting.Recipe(steps=args.steps, size=args.size, seed=seed, device=args.device)
    recipe.peak = 1e-3 if args.timm else recipe.peak  # as in learn.py
    if file.exists():
        network.load_state_dict(torch.load(file, weights_only=True))
        return network.eval(), recipe
    fitting.train(network, views, labels, classes, recipe, lambda line: print("float", seed, line, flush=True))
    torch.save(network.state_dict(), file)
    return network, recipe


def went_on(way: str, network: torch.nn.Module, recipe: fitting.Recipe, args, views: list, labels: np.ndarray):
    """A copy of the network after one of the ways."""
    network, classes = copy.deepcopy(network), int(labels.max()) + 1
    told = lambda line: print(way, recipe.seed, line, flush=True)
    seeded(recipe.seed, args.threads)
    if way == "float on":
        qat.fold(network, recipe.size)
        fitting.train(network, views, labels, classes, qat.settling(recipe, args.qat), told)
    elif way != "float":
        qat.train(network, views, labels, classes, recipe, args.qat, way == "bytes", told)
    return network


def stored(network: torch.nn.Module, base: Path, recipe: fitting.Recipe, views: list) -> dict[str, Path]:
    """The three forms, as learn.py and forms.py make them."""
    files = {form: base.with_name(f"{base.name}-{form}.onnx") for form in FORMS}
    side, back = recipe.size, base.with_name(f"{base.name}-back.onnx")
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 3, side, side),),
        str(files["f32"]),
        dynamo=False,
        opset_version=17,
        input_names=["images"],
        output_names=["logits"],
    )
    quantize.weights(files["f32"], files["int8"])
    forms.floats(files["int8"], back)
    chosen = [views[i] for i in np.linspace(0, len(views) - 1, CALIBRATION).astype(int)]
    quantize.activations(back, files["u8s8"], [fitting.plain([v], recipe) for v in chosen])
    return files


def main() -> None:
    """Trains, stores, measures, tells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--train", type=Path, nargs="+", required=True)
    add("--test", type=Path, required=True)
    add("--work", type=Path, required=True)
    add("--seeds", type=int, nargs="+", default=[1, 2, 3])
    add("--steps", type=int, default=600, help="batches of the float training [600]")
    add("--qat", type=int, default=150, help="batches more [150]")
    add("--size", type=int, default=64)
    add("--timm", help="a network of timm instead of the small one, such as mobilenetv3_small_050")
    add("--threads", type=int, default=1)
    add("--device", default="cpu")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    views, labels, order = loaded(args.train, None, args.size)
    test, truth, _ = loaded([args.test], order, args.size)
    print(f"{len(labels)} animals to train, {len(truth)} to test, {len(order)} classes", flush=True)
    rows = {}
    for seed in args.seeds:
        network, recipe = trained(seed, args, views, labels, len(order))
        for way in ("float", "float on", "weights", "bytes"):
            found = args.work / f"{way.replace(' ', '-')}-{seed}.npz"
            if not found.exists():
                files = stored(went_on(way, network, recipe, args, views, labels), found.with_suffix(""), recipe, views)
                sessions = {
                    f: onnxruntime.InferenceSession(str(p), providers=["CPUExecutionProvider"])
                    for f, p in files.items()
                }
                np.savez(found, **{f: fitting.logits(s, test, recipe) for f, s in sessions.items()})
            answers = dict(np.load(found))
            for form in FORMS:
                row = rows.setdefault(way, {}).setdefault(form, {"accuracy": [], "nll": [], "as_f32": []})
                row["accuracy"].append(float((answers[form].argmax(1) == truth).mean()))
                row["nll"].append(decide.nll(answers[form], truth))
                row["as_f32"].append(float((answers[form].argmax(1) == answers["f32"].argmax(1)).mean()))
    (args.work / "results.json").write_text(json.dumps(rows, indent=1))
    print("| after the training | f32 | int8 weights | bytes | bytes: same answer as f32 | NLL of f32, int8, bytes |")
    print("|---" * 6 + "|")
    for way, row in rows.items():
        right = [
            f"{100 * np.mean(v):.1f} ({100 * min(v):.1f}-{100 * max(v):.1f})"
            for v in (row[f]["accuracy"] for f in FORMS)
        ]
        nll = ", ".join(f"{np.mean(row[f]['nll']):.3f}" for f in FORMS)
        print(f"| {way} | {' | '.join(right)} | {100 * np.mean(row['u8s8']['as_f32']):.1f} | {nll} |")


if __name__ == "__main__":
    main()
