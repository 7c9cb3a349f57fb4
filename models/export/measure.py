"""What a network costs on this machine: processor time of a pass, and memory, on PyTorch, tract and ONNX Runtime.

Processor time and not the clock's: a machine that is busy with something else tells the same. One thread.

    python measure.py COMMAND…   runs it, then one more line: its processor seconds and the megabytes it held at most

A program begins with the mark of whoever starts it; started from here, not from an exporter, its own is seen.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PASSES, FEW = 5, 2  # Timed ones, and of networks that take seconds; the first of a program's life is not among them.


@dataclass
class Cost:
    """One engine's."""

    engine: str
    milliseconds: float  # processor time a pass
    megabytes: float  # the most the process held, the network's loading with it

    def line(self) -> str:
        return f"  {self.engine:12} pass {self.milliseconds:.0f} ms of processor  at most {self.megabytes:.0f} MB"


def costs(module, folder: Path, x, trapline: Path | None) -> list[Cost]:
    """Every engine at hand. PyTorch's memory is the exporter's own, export and comparison with it."""
    import torch  # Here, since a program that is measured is started from this file without it.

    took = []
    with torch.no_grad():
        while len(took) <= (FEW if took and took[0] > 2 else PASSES):
            began = time.process_time()
            module(torch.from_numpy(x))
            took.append(time.process_time() - began)
    passes = len(took) - 1
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    found = [Cost("torch", 1e3 * statistics.median(took[1:]), held)]
    for engine in ("tract", "onnxruntime") if trapline else ():
        first, more = (ran(trapline, folder, engine, count) for count in (1, 1 + passes))
        if first and more:
            found.append(Cost(engine, 1e3 * (more[0] - first[0]) / passes, more[1]))
    return found


def ran(trapline: Path, folder: Path, engine: str, passes: int) -> tuple[float, float] | None:
    """Processor seconds and megabytes of `trapline models bench`; None where the program has not that engine."""
    command = [
        sys.executable,
        "-I",
        __file__,
        trapline,
        "models",
        "bench",
        folder / "manifest.toml",
        "--engine",
        engine,
    ]
    done = subprocess.run([*command, "--passes", str(passes), "--json"], check=False, capture_output=True, text=True)
    said = done.stdout.splitlines()
    if done.returncode or not json.loads(said[0])["engine"].lower().replace(" ", "").startswith(engine):
        return None
    seconds, megabytes = said[-1].split()
    return float(seconds), float(megabytes)


def main() -> None:
    child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    _, status, used = os.wait4(child, 0)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
