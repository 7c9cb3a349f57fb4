"""What both trainings share: their command line, and how trained weights are kept."""

import argparse
from pathlib import Path

import torch
from torch import nn


def arguments(about: str, steps: int) -> argparse.Namespace:
    """The command line; `steps` is the default length of the training."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="data sets to learn from")
    parser.add_argument("--check", type=Path, required=True, help="data set to choose threshold or temperature on")
    parser.add_argument("--test", type=Path, required=True, help="data set that the card tells of")
    parser.add_argument("--work", type=Path, required=True, help="folder for weights and measurements")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--threads", type=int, default=1, help="the loader takes one more core")
    parser.add_argument("--start", type=Path, help="weights kept by an earlier run, to go on from")
    parser.add_argument("--measure", action="store_true", help="train nothing: measure the weights kept in --work")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    return args


def keep(network: nn.Module, facts: dict, path: Path) -> None:
    """Writes trained weights with the facts of their training."""
    torch.save({"state": network.state_dict(), "facts": facts}, path)


def restore(network: nn.Module, path: Path) -> dict:
    """Reads what `keep` wrote into `network`; returns the facts."""
    kept = torch.load(path)
    network.load_state_dict(kept["state"])
    return kept["facts"]
