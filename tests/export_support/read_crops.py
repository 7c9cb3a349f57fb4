"""What the training recipe makes of exported crops, as JSON: python read_crops.py FOLDER"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models/recipes"))
import sources  # noqa: E402

found = sources.read(Path(sys.argv[1]))
rows = [
    {"label": e.label, "box": e.box, "sequence": e.sequence, "site": e.site, "infrared": e.infrared, "by": e.by,
     "there": e.file.is_file()}
    for e in found.examples
]  # fmt: skip
print(json.dumps({"examples": rows, "notes": found.notes}))
