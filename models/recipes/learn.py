"""Trains a classifier on your own photos and writes a model folder that `trapline sort --model` takes.

    python models/recipes/learn.py --photos crops another-folder --out models/my-forest --trapline "$(which trapline)"

PHOTOS: what `trapline export crops` writes, a Camtrap DP package, a data set of `trapline world`, or a folder with a
folder per class. Several are read as one. docs/training.md goes the whole way.

It parts the photos by site and sequence, trains by a plan against long tails, stores the weights as int8, fits the
temperature, finds a threshold for every species, measures the file that ships on sites it never saw, and writes network,
manifest, labels and model card. Nothing is fetched: it begins with the bundled classifier's weights, with those of a file
(--weights, for --timm), or with none (--start none).
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--photos", type=Path, nargs="+", required=True, help="folders to learn from")
    add("--out", type=Path, required=True, help="folder of the model; its name is the model's")
    add("--test", type=Path, nargs="+", help="folders to test with instead of a part of PHOTOS (other sites)")
    add("--taxa", type=Path, nargs="*", default=[], help="tables of taxa for classes not named scientifically")
    add("--people", action="store_true", help="learn people and vehicles as well [left out]")
    add("--least", type=int, default=10, help="classes with fewer examples are left out [10]")
    add(
        "--plan",
        default="balanced",
        help="plain, balanced, oversample, weighted, emphasis, balanced+emphasis, weighted+emphasis [balanced]",
    )
    add("--ratio", type=float, default=5.0, help="balanced: the commonest class at most so many times the rarest [5]")
    add(
        "--start",
        default="bench",
        help="a model folder of the small network, bench or none [bench: the bundled classifier]",
    )
    add("--timm", help="a network of timm instead of the small one, such as mobilenetv3_large_100")
    add("--weights", type=Path, help="file with weights for --timm [none: from nothing]")
    add("--size", type=int, help="side of the input in pixels [128, or the network's own]")
    add("--steps", type=int, default=1500, help="batches of --batch [1500]")
    add("--minutes", type=float, default=float("inf"), help="end after so many minutes, wherever it is")
    add("--batch", type=int, default=64)
    add("--infrared", type=float, default=0.25, help="share of the day pictures shown as if by night [0.25]")
    add("--precision", type=float, default=0.95, help="wanted precision of each species' answers [0.95]")
    add("--check-share", type=float, default=0.15, help="of the photos, to fit temperature and thresholds on [0.15]")
    add("--test-share", type=float, default=0.2, help="of the photos, to measure on [0.2]")
    add(
        "--bytes",
        action="store_true",
        help="also the form in bytes for ONNX Runtime (forms.py), calibrated on training crops",
    )
    add(
        "--qat",
        type=int,
        default=0,
        metavar="STEPS",
        help="batches more with numbers rounded as the file rounds them (qat.py) [0]",
    )
    add("--trapline", type=Path, help="the program: has it verify what was written")
    add("--device", default="auto", help="auto, cpu or cuda [auto: a GPU where there is one]")
    add("--threads", type=int, default=1)
    add("--seed", type=int, default=1)
    add("--licence", default="not stated", help="of the weights")
    add("--version", default="1")
    args = parser.parse_args()
    for name, low, high in (
        ("infrared", 0, 1),
        ("precision", 0.5, 1),
        ("check_share", 0.01, 0.5),
        ("test_share", 0.01, 0.5),
    ):
        if not low <= getattr(args, name) <= high:
            parser.error(f"--{name.replace('_', '-')} is {getattr(args, name)}; allowed: {low} to {high}")
    if args.weights and not args.timm:
        parser.error("--weights needs --timm; for the small network give a model folder with --start")
    if args.steps < 1 or args.batch < 2:
        parser.error("--steps must be at least 1 and --batch at least 2")
    if args.qat < 0:
        parser.error("--qat is a number of batches, 0 or more")
    return args


def say(line: str) -> None:
    print(line, flush=True)


def gathered(folders: list[Path], people: bool) -> list:
    """The examples of all folders; what was left out is told."""
    import sources

    examples = []
    for folder in folders:
        found = sources.read(folder, people)
        for note in found.notes:
            say(note)
        say(f"{folder}: {len(found.examples)} examples of {len(sources.counted(found.examples))} classes")
        examples += found.examples
    return examples


def chosen(examples: list, least: int) -> list:
    """Without classes that are too rare, or no animals."""
    import sources
    import taxonomy

    counts = sources.counted(examples)
    rare = {label: n for label, n in counts.items() if n < least}
    if rare:
        named = ", ".join(f"{label} ({n})" for label, n in rare.items())
        say(f"left out, fewer than {least} examples (--least): {named}")
    nothing = {label: n for label, n in counts.items() if label.lower() in taxonomy.NAMED and label not in rare}
    if nothing:
        named = ", ".join(f"{label} ({n})" for label, n in nothing.items())
        say(f"left out, no animal and so never an answer of the trap: {named}")
    kept = [e for e in examples if e.label not in rare and e.label not in nothing]
    if len({e.label for e in kept}) < 2:
        raise SystemExit(f"{len(kept)} examples of fewer than two classes are left: nothing to tell apart")
    return kept


def network_of(args: argparse.Namespace, classes: int):
    """The network to train, the size of its input, and what it begins with, in words."""
    import transfer

    if args.timm:
        network, size, mean, std = transfer.timm_network(args.timm, classes, args.weights)
        begun = f"{args.timm} of timm, " + (
            f"beginning with {args.weights.name}" if args.weights else "beginning with random weights"
        )
        return transfer.Scaled(network, mean, std), args.size or size, begun, args.weights is not None
    start = None if args.start == "none" else transfer.BENCH if args.start == "bench" else Path(args.start)
    begun = "random weights" if start is None else f"the weights of {start.name}"
    return (
        transfer.small(classes, start),
        args.size or 128,
        f"the small network of the bundled classifier, beginning with {begun}",
        start is not None,
    )


def main() -> None:
    """The recipe, start to end."""
    args = arguments()
    import plans
    import splits
    import taxonomy

    plans.parts(args.plan)
    examples = chosen(gathered(args.photos, args.people), args.least)
    labels = sorted({e.label for e in examples})
    rows = taxonomy.table(labels, examples, args.taxa)  # before the work begins: it may refuse
    parted = splits.split(examples, args.check_share, 0.0 if args.test else args.test_share, args.seed)
    tests = [e for e in gathered(args.test, args.people) if e.label in labels] if args.test else []
    if args.test:
        mine = {e.site for e in examples if e.site}
        both = mine & {e.site for e in tests}
        parted.notes += (
            [f"LEAK: {len(both)} sites of --test are in --photos as well, such as {min(both)}"] if both else []
        )
        parted.notes = [n for n in parted.notes if "in test" not in n]
        parted.parts["test"] = list(range(len(examples), len(examples) + len(tests)))
        examples = examples + tests
    for note in parted.notes:
        say(note)
    say(f"parted by {parted.by}: " + ", ".join(f"{len(inside)} to {part}" for part, inside in parted.parts.items()))
    for part in ("train", "check", "test"):
        if not parted.parts[part]:
            raise SystemExit(f"no example to {part}: photos of more places or visits are needed")
    run(args, examples, labels, rows, parted)


def run(args: argparse.Namespace, examples: list, labels: list[str], rows: list[dict], parted) -> None:
    """Trains, measures, writes."""
    import onnxruntime
    import torch

    import fitting
    import folder
    import pictures
    import qat
    import quantize
    from blocks import seeded

    seeded(args.seed, args.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)  # not every kernel of every network has such a form
    device = args.device if args.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    network, size, begun, learnt = network_of(args, len(labels))
    recipe = fitting.Recipe(
        plan=args.plan, steps=args.steps, batch=args.batch, ratio=args.ratio, infrared=args.infrared, size=size, seed=args.seed,
        minutes=args.minutes, device=device, slower=0.2 if learnt else 1.0, peak=1e-3 if args.timm else 3e-3,
    )  # fmt: skip
    views = pictures.views(examples, size, recipe.margin, say)
    number = {label: k for k, label in enumerate(labels)}
    sets = {}
    for part, inside in parted.parts.items():
        inside = [i for i in inside if views[i] is not None]
        sets[part] = (
            [views[i] for i in inside],
            np.array([number[examples[i].label] for i in inside]),
            [examples[i] for i in inside],
        )
    fitting.train(network, *sets["train"][:2], len(labels), recipe, say)
    if args.qat:
        qat.train(network, *sets["train"][:2], len(labels), recipe, args.qat, args.bytes, say)
    args.out.mkdir(parents=True, exist_ok=True)
    full, small = args.out / f"{args.out.name}-f32.onnx", args.out / f"{args.out.name}.onnx"
    torch.onnx.export(
        network, (torch.zeros(1, 3, size, size),), str(full), dynamo=False, opset_version=17,
        input_names=["images"], output_names=["logits"],
    )  # fmt: skip
    quantize.weights(full, small)
    answers = {}
    for form, path in (("f32", full), ("int8", small)):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        answers[form] = {part: fitting.logits(session, sets[part][0], recipe) for part in ("check", "test")}
    full.unlink()
    facts = folder.measured(answers, sets, labels, args.precision, recipe)
    folder.write(args, facts, rows, labels, sets, recipe, parted, begun)
    if args.bytes:
        in_bytes(args.out, sets, recipe)
    say(f"written: {args.out}; its README.md tells what it is worth")
    if args.trapline:
        done = subprocess.run(
            [args.trapline, "models", "verify", args.out], check=False, capture_output=True, text=True
        )
        say((done.stdout + done.stderr).strip())
        if done.returncode:
            raise SystemExit("the program refuses the model")


def in_bytes(out: Path, sets: dict, recipe) -> None:
    """The other form, calibrated on crops of the training part, through `forms.py`; its accuracy on the test part goes
    into the card and measured.json."""
    import cv2
    import onnxruntime

    import fitting
    import forms
    import pictures

    views = sets["train"][0]
    with tempfile.TemporaryDirectory() as scratch:
        for i in np.linspace(0, len(views) - 1, min(120, len(views))).astype(int):
            crop = pictures.plain(views[i], recipe.size, recipe.margin)
            cv2.imwrite(str(Path(scratch) / f"{i:06}.png"), crop[..., ::-1])
        for line in forms.quantise(out, Path(scratch)):
            say(line)
    session = onnxruntime.InferenceSession(str(out / f"{out.name}-u8s8.onnx"), providers=["CPUExecutionProvider"])
    right = float((fitting.logits(session, sets["test"][0], recipe).argmax(1) == sets["test"][1]).mean())
    facts = json.loads((out / "measured.json").read_text(encoding="utf-8")) | {"accuracy_u8s8": right}
    (out / "measured.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    told = (
        f"In bytes {100 * right:.1f} % of the {len(sets['test'][1])} single crops of the test part are named rightly."
    )
    say(told)
    with open(out / "README.md", "a", encoding="utf-8") as card:
        card.write(f"\n{told}\n")


if __name__ == "__main__":
    main()
