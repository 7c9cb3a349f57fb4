#!/usr/bin/env bash
# How long `trapline run --once` takes from its exec to a burst that is in the journal: a trap whose power a controller
# cuts between triggers pays that for every burst. The camera program is a script that writes pictures at once, so what is
# told is Trapline's share; a real camera's start comes on top, and the board's own start before it.
#
#   benches/once.sh [RUNS]                                         (default 20, after one that is not counted)
#
# Prints, in milliseconds from the exec, the median, the least and the most of: the camera asked, its program running, the
# first frame, ready to judge, the event journaled, the end; beside it the camera script alone, from its exec to the first
# and the last picture of a burst, and ratios to that.
#
# In the environment: PROGRAM (default target/release/trapline), MODELS (manifests; default models/bench-detector),
# ENGINE (auto, tract or onnxruntime), SIZE of the pictures (1280x960), FRAMES of a burst (3), INTERVAL_MS between them
# (200), CAMERA_MS until the camera gives its first picture (0). The run that is not counted fills the cache of prepared
# networks and the disk's; a trap that starts for the first time takes longer.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" - "${1:-20}" <<'PY'
import os, re, statistics, subprocess, sys, tempfile, time
from pathlib import Path

runs = int(sys.argv[1])
given = lambda name, usual: os.environ.get(name) or usual
program = Path(given("PROGRAM", "target/release/trapline")).resolve()
models = [str(Path(one).resolve()) for one in given("MODELS", "models/bench-detector").split()]
frames, interval, delay = int(given("FRAMES", "3")), int(given("INTERVAL_MS", "200")), int(given("CAMERA_MS", "0"))
size = given("SIZE", "1280x960")
width, height = (int(pixels) for pixels in size.split("x"))
ORDER = ["camera asked", "camera program runs", "first frame", "ready to judge", "event journaled", "end"]


def script(path, body):
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def prepared(home):
    """A trap with a camera that is a script; the pictures of its bursts."""
    subprocess.run([program, "world", home / "world", "--bursts", "1", "--empties", "0", "--size", size], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    drawn = sorted((home / "world").rglob("*.jpg"))[:3]
    names = [str(picture) for picture in drawn]
    loop = "".join(f"cat {name}; sleep {interval / 1000}\n" for name in names)
    # When it was started is the time of a file; it ends with whoever reads its pictures.
    script(home / "camera", f": >{home}/started\nsleep {delay / 1000}\nwhile :; do\n{loop}done" if delay else
           f": >{home}/started\nwhile :; do\n{loop}done")
    script(home / "off", "exit 0")
    (home / "boards").mkdir()
    (home / "boards/once.toml").write_text(f"""
trigger = "timer"
camera = "command"
[timer]
every_s = 3600
[stream]
command = ["{home}/camera"]
warm = false
settle = 0
before = 0
width = {width}
height = {height}
start_ms = 20000
burst_ms = 20000
[power]
driver = "outside"
""")
    (home / "site.toml").write_text(f"""
board = "once"
[burst]
frames = {frames}
interval_ms = {interval}
[models]
manifests = {models}
engine = "{given("ENGINE", "auto")}"
[retention]
floor_mb = 0
[console]
power_off = "{home}/off"
[power]
once_send_s = 0
""")
    return [picture.stat().st_size for picture in drawn]


def once(home):
    """Milliseconds from the exec to each mark."""
    (home / "started").unlink(missing_ok=True)
    environment = dict(os.environ, RUST_LOG="warn,trapline::daemon::start=debug", TRAPLINE_CACHE=str(home / "cache"))
    command = [program, "run", "--once", "--config", home / "site.toml", "--boards", home / "boards"]
    began, clock = time.perf_counter(), time.time()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    told, begun, said = {}, None, []
    for line in process.stderr:
        now = (time.perf_counter() - began) * 1000
        said.append(line)
        found = re.search(r"\] (.*) ([0-9.]+) ms after the start", line)
        if found:
            # The marks are told from the program's own start; the first one says how long after the exec that was.
            begun = now - float(found[2]) if begun is None else begun
            told[found[1]] = begun + float(found[2])
    if process.wait():
        sys.exit(f"it ended with {process.returncode}:\n{''.join(said)}")
    told["end"] = (time.perf_counter() - began) * 1000
    # A file's time is told by the kernel's tick, some milliseconds.
    told["camera program runs"] = ((home / "started").stat().st_mtime - clock) * 1000
    missing = [mark for mark in ORDER if mark not in told]
    if missing:
        sys.exit(f"it did not tell {', '.join(missing)}:\n{''.join(said)}")
    return told


def alone(home, sizes):
    """Milliseconds from the exec of the camera script to the first and the last picture of a burst."""
    ends, began = [], time.perf_counter()
    process = subprocess.Popen([home / "camera"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for frame in range(frames):
        process.stdout.read(sizes[frame % len(sizes)])
        ends.append((time.perf_counter() - began) * 1000)
    process.kill()
    process.stdout.close()
    process.wait()
    return ends[0], ends[-1]


with tempfile.TemporaryDirectory() as folder:
    home = Path(folder)
    sizes = prepared(home)
    once(home), alone(home, sizes)
    told, bare = [], []
    # Turn by turn, so that what else the machine does falls on both.
    for _ in range(runs):
        told.append(once(home))
        bare.append(alone(home, sizes))
    first, last = (statistics.median(one[at] for one in bare) for at in (0, 1))
    print(f"{runs} runs of {program}, {frames} pictures of {size} each {interval} ms apart; load {os.getloadavg()[0]:.1f}")
    print(f"{'ms from the exec':22} {'median':>8} {'least':>8} {'most':>8}   to the camera alone")
    for mark in ORDER:
        all_of_it = [one[mark] for one in told]
        middle = statistics.median(all_of_it)
        against = {"first frame": first, "event journaled": last}.get(mark)
        ratio = f"{middle / against:8.2f}" if against else ""
        print(f"{mark:22} {middle:8.1f} {min(all_of_it):8.1f} {max(all_of_it):8.1f}   {ratio}")
    for name, at in [("alone: first picture", 0), ("alone: last picture", 1)]:
        all_of_it = [one[at] for one in bare]
        print(f"{name:22} {statistics.median(all_of_it):8.1f} {min(all_of_it):8.1f} {max(all_of_it):8.1f}")
PY
