#!/usr/bin/env bash
# Trapline against the Python pipeline an ecologist would run instead: the same photos, networks and threads, turn by
# turn in one run, with each engine that is there and on each number of threads. Prints medians of wall and processor
# milliseconds per frame, peak memory, seconds until ready to judge, and their ratios to Python's.
#
#   benches/against_python.sh [ROUNDS] [THREADS...]        (default 3 rounds on 1 and 2 threads)
#
# Needs: the shared photos and models (TRAPLINE_SHARED, default ../shared), a release build (with `--features
# onnxruntime` and ORT_DYLIB_PATH for that engine), and a Python with onnxruntime, opencv-python-headless and numpy
# (PYTHON, default python3).
set -euo pipefail
cd "$(dirname "$0")/.."
export TRAPLINE_SHARED="${TRAPLINE_SHARED:-../shared}"
rounds=${1:-3} python=${PYTHON:-python3}
shift || true
exec "$python" - "$rounds" "${@:-1 2}" <<'PY'
import json, os, resource, statistics, subprocess, sys, tempfile, time

rounds, threads = int(sys.argv[1]), [int(n) for n in " ".join(sys.argv[2:]).split()]
shared = os.environ["TRAPLINE_SHARED"]
photos = f"{shared}/photos/peru"
program = "target/release/trapline"
judged = ["--model", "tests/models/yolox_nano.toml", "--model", "tests/models/imagenet_mobilenetv2.toml"]


def run(command):
    """Wall and processor seconds, peak megabytes, standard output of one command."""
    with tempfile.TemporaryFile("w+") as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        if status:
            sys.exit(f"{' '.join(command)} failed")
        out.seek(0)
        return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read()


def python(count, files):
    tool = [sys.executable, f"{shared}/tools/python_pipeline.py", "--models", f"{shared}/models", "--threads", str(count)]
    return run(tool + files)


def trapline(engine, count, files):
    return run([program, "sort", "--json", "--quiet", "--threads", str(count), "--engine", engine] + judged + files)


told = run([program, "models", "bench", "models/bench-classifier", "--passes", "1", "--json", "--engine", "auto"])[3]
engines = ["tract"] + ["onnxruntime"] * ("ONNX" in told)
one = [os.path.join(photos, sorted(os.listdir(photos))[0])]
rows = {}
for _ in range(rounds):
    for count in threads:
        for name in ["python"] + engines:
            call = python if name == "python" else lambda n, f, name=name: trapline(name, n, f)
            wall, cpu, peak, text = call(count, [photos])
            # One frame: almost all of it is getting ready.
            ready = call(count, one)[0]
            lines = [json.loads(line) for line in text.splitlines()]
            frames = lines[-1]["frames"] if name == "python" else sum(len(line["frames"]) for line in lines)
            rows.setdefault((count, name), []).append((1000 * wall / frames, 1000 * cpu / frames, peak, ready))

print(f"median of {rounds} rounds, turn by turn, {len(os.listdir(photos))} photos")
print(f"{'threads':>7} {'':12} {'ms/frame':>9} {'cpu ms':>8} {'peak MB':>8} {'one frame s':>12}    ratios to Python")
for count in threads:
    median = {n: [statistics.median(column) for column in zip(*rows[count, n])] for n in ["python"] + engines}
    for name in ["python"] + engines:
        ratios = " ".join(f"{a / b:6.2f}" for a, b in zip(median[name], median["python"]))
        wall, cpu, peak, ready = median[name]
        print(f"{count:7} {name:12} {wall:9.1f} {cpu:8.1f} {peak:8.1f} {ready:12.2f}    {ratios}")

# Where Trapline's time goes, by its own clock. With two threads, decoding passes while a network runs.
stages = ["decode", "motion", "detect", "classify", "network"]
print(f"\nms per frame, the median of {rounds} rounds; network is part of detect and classify")
print(f"{'threads':>7} {'':12} " + " ".join(f"{stage:>9}" for stage in stages))
for count in threads:
    for engine in engines:
        table = []
        for _ in range(rounds):
            command = [program, "sort", "--json", "--quiet", "--threads", str(count), "--engine", engine]
            logged = dict(os.environ, RUST_LOG="trapline::cli::sort=debug")
            done = subprocess.run(command + judged + [photos], env=logged, check=True, capture_output=True, text=True)
            lines = [line.split("] ")[-1] for line in done.stderr.splitlines() if " frames, ms: " in line]
            frames = sum(int(line.split()[0]) for line in lines)
            spent = lambda line, stage: float(line.split(f"{stage} ")[1].split()[0])
            table.append([sum(spent(line, stage) for line in lines) / frames for stage in stages])
        print(f"{count:7} {engine:12} " + " ".join(f"{statistics.median(column):9.2f}" for column in zip(*table)))
PY
