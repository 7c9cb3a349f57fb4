#!/usr/bin/env bash
# Trapline against the Python pipeline an ecologist would run instead: the same photos, networks and threads, turn by
# turn in one run, with each engine that is there and on each number of threads. Prints medians of wall and processor
# milliseconds per frame, peak memory, seconds until ready to judge, and their ratios to Python's.
#
#   SIZES="2 8 12 24" benches/against_python.sh [ROUNDS] [THREADS...]        (default 3 rounds on 1 and 2 threads)
#
# EFFORT says how much of a burst Trapline looks at: cascade, as a trap does by itself, or full.
# SIZES are megapixels: 8 are the photos as they were taken; the others are made of them once, by resizing, with their EXIF,
# in a folder for caches (XDG_CACHE_HOME, ~/.cache). ENGINES chooses among "tract onnxruntime".
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
import json, os, statistics, subprocess, sys, tempfile, time

rounds, threads = int(sys.argv[1]), [int(n) for n in " ".join(sys.argv[2:]).split()]
shared = os.environ["TRAPLINE_SHARED"]
originals = f"{shared}/photos/peru"
sizes = [int(size) for size in os.environ.get("SIZES", "2 8 12 24").split()]
program, effort = "target/release/trapline", os.environ.get("EFFORT", "cascade")
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
    return run([program, "sort", "--json", "--quiet", "--threads", str(count), "--engine", engine, "--effort", effort] + judged + files)


def resized(megapixels):
    """The folder with the photos at a size; made when it is not there."""
    if megapixels == 8:
        return originals
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = f"{cache}/trapline-photos/peru-{megapixels}"
    if os.path.isdir(folder):
        return folder
    # In a process of its own: the peak of a program that is started from here would begin at what this one takes.
    child = os.fork()
    if child:
        if os.waitpid(child, 0)[1]:
            sys.exit(f"the photos of {megapixels} megapixels could not be made")
        return folder
    import cv2

    os.makedirs(f"{folder}.new", exist_ok=True)
    for name in sorted(os.listdir(originals)):
        with open(f"{originals}/{name}", "rb") as file:
            before = file.read()
        picture = cv2.imread(f"{originals}/{name}")
        height, width = picture.shape[:2]
        ratio = (megapixels * 1e6 / (width * height)) ** 0.5
        # Whole blocks, as cameras have them.
        size = round(width * ratio / 16) * 16, round(height * ratio / 16) * 16
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC)
        # The quality and the halved colours of the originals.
        how = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
        after = cv2.imencode(".jpg", picture, how)[1].tobytes()
        # The originals begin with their EXIF; what OpenCV writes begins with APP0, which goes.
        exif = before[2 : 4 + int.from_bytes(before[4:6], "big")]
        rest = after[4 + int.from_bytes(after[4:6], "big") :]
        with open(f"{folder}.new/{name}", "wb") as file:
            file.write(b"\xff\xd8" + exif + rest)
    os.rename(f"{folder}.new", folder)
    os._exit(0)


told = run([program, "models", "bench", "models/bench-classifier", "--passes", "1", "--json", "--engine", "auto"])[3]
engines = ["tract"] + ["onnxruntime"] * ("ONNX" in told)
engines = [engine for engine in engines if engine in os.environ.get("ENGINES", "tract onnxruntime").split()]
stages = ["decode", "motion", "detect", "classify", "second", "network"]


def logged(engine, count, files):
    """What Trapline tells of itself: ms per frame by stage, and ms from its start until it is ready to judge."""
    command = [program, "sort", "--json", "--quiet", "--threads", str(count), "--engine", engine, "--effort", effort] + judged + files
    environment = dict(os.environ, RUST_LOG="trapline::cli::sort=debug,trapline::daemon::start=debug")
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    told = [line.split("] ")[-1] for line in done.stderr.splitlines()]
    lines = [line for line in told if " frames, ms: " in line]
    frames = sum(int(line.split()[0]) for line in lines)
    spent = lambda line, stage: float(line.split(f"{stage} ")[1].split()[0])
    ready = [float(line.split()[3]) for line in told if line.startswith("ready to judge")]
    return [sum(spent(line, stage) for line in lines) / frames for stage in stages] + ready[:1]


for megapixels in sizes:
    photos = resized(megapixels)
    one = [os.path.join(photos, sorted(os.listdir(photos))[0])]
    rows, tables = {}, {}
    for _ in range(rounds):
        for count in threads:
            for name in ["python"] + engines:
                call = python if name == "python" else lambda n, f, name=name: trapline(name, n, f)
                wall, cpu, peak, text = call(count, [photos])
                # One frame: almost all of it is getting ready.
                once = call(count, one)
                lines = [json.loads(line) for line in text.splitlines()]
                if name == "python":
                    frames, ready = lines[-1]["frames"], 1000 * json.loads(once[3].splitlines()[-1])["ready_s"]
                else:
                    frames = sum(len(line["frames"]) for line in lines)
                    table = logged(name, count, [photos])
                    ready = table.pop()
                    tables.setdefault((count, name), []).append(table)
                row = 1000 * wall / frames, 1000 * cpu / frames, peak, once[0], ready
                rows.setdefault((count, name), []).append(row)

    print(f"{megapixels} megapixels, median of {rounds} rounds, turn by turn, {len(os.listdir(photos))} photos, {effort}")
    heads = f"{'ms/frame':>9} {'cpu ms':>8} {'peak MB':>8} {'one frame s':>12} {'ready ms':>9}"
    print(f"{'threads':>7} {'':12} {heads}    ratios to Python")
    medians = {key: [statistics.median(column) for column in zip(*table)] for key, table in rows.items()}
    for count in threads:
        for name in ["python"] + engines:
            ratios = " ".join(f"{a / b:6.2f}" for a, b in zip(medians[count, name], medians[count, "python"]))
            wall, cpu, peak, once, ready = medians[count, name]
            print(f"{count:7} {name:12} {wall:9.1f} {cpu:8.1f} {peak:8.1f} {once:12.2f} {ready:9.0f}    {ratios}")

    # Where Trapline's time goes, by its own clock. With two threads, decoding passes while a network runs.
    print("ms per frame by stage; network is part of detect, classify and second heads")
    print(f"{'threads':>7} {'':12} " + " ".join(f"{stage:>9}" for stage in stages) + f" {'outside':>9}")
    for (count, engine), table in tables.items():
        means = [statistics.median(column) for column in zip(*table)]
        outside = 1 - means[-1] / sum(means[:-1])
        print(f"{count:7} {engine:12} " + " ".join(f"{mean:9.2f}" for mean in means) + f" {outside:9.0%}")
    print(flush=True)
PY
