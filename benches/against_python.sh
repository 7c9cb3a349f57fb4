#!/usr/bin/env bash
# Trapline against the Python pipeline an ecologist would run instead: the same photos, networks and threads, turn by
# turn in one run. Prints wall seconds, milliseconds per frame, peak memory and the ratios.
#
#   benches/against_python.sh [ROUNDS]        (default 3)
#
# Needs: the shared photos and models (TRAPLINE_SHARED, default ../shared), a release build, and a Python with
# onnxruntime, opencv-python-headless and numpy (PYTHON, default python3).
set -euo pipefail
cd "$(dirname "$0")/.."
export TRAPLINE_SHARED="${TRAPLINE_SHARED:-../shared}"
rounds=${1:-3} python=${PYTHON:-python3}
photos=$TRAPLINE_SHARED/photos/peru
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

for round in $(seq "$rounds"); do
    "$python" "$TRAPLINE_SHARED/tools/python_pipeline.py" --models "$TRAPLINE_SHARED/models" --threads 1 "$photos" \
        >"$out/python" 2>/dev/null
    tail -n 1 "$out/python" >>"$out/python.totals"
    "$python" - "$out" target/release/trapline sort "$photos" --json --quiet --threads 1 \
        --model tests/models/yolox_nano.toml --model tests/models/imagenet_mobilenetv2.toml <<'PY' >>"$out/trapline.totals"
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[2:], check=True, capture_output=True, text=True)
wall = time.perf_counter() - began
frames = sum(len(json.loads(line)["frames"]) for line in done.stdout.splitlines())
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps({"frames": frames, "wall_s": round(wall, 3), "ms_per_frame": round(1000 * wall / frames, 1), "peak_rss_mb": round(peak, 1)}))
PY
done

"$python" - "$out" <<'PY'
import json, statistics, sys
read = lambda name: [json.loads(line) for line in open(f"{sys.argv[1]}/{name}.totals")]
python, trapline = read("python"), read("trapline")
median = lambda rows, key: statistics.median(row[key] for row in rows)
print(f"{'':10} {'frames':>6} {'ms/frame':>9} {'peak MB':>8}   (median of {len(python)} rounds, turn by turn)")
for name, rows in (("python", python), ("trapline", trapline)):
    print(f"{name:10} {rows[0]['frames']:6} {median(rows, 'ms_per_frame'):9.1f} {median(rows, 'peak_rss_mb'):8.1f}")
ratio = lambda key: median(trapline, key) / median(python, key)
print(f"ratio      {'':6} {ratio('ms_per_frame'):9.2f} {ratio('peak_rss_mb'):8.2f}")
PY
