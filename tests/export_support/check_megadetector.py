"""Runs the MegaDetector package's own validator and prints what it said; its command line says nothing.

usage: check_megadetector.py FILE [FOLDER]   (with FOLDER, every picture must lie in it)
"""
import json
import sys
import types



class NoVideo(types.ModuleType):
    """Stands in for the decoder of videos, of which there are none."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name


sys.modules.setdefault("cv2", NoVideo("cv2"))

from megadetector.postprocessing.validate_batch_results import (
    ValidateBatchResultsOptions,
    validate_batch_results,
)

options = ValidateBatchResultsOptions()
if len(sys.argv) > 2:
    options.check_image_existence = True
    options.relative_path_base = sys.argv[2]
found = validate_batch_results(sys.argv[1], options)["validation_results"]
print(json.dumps({k: found[k] for k in (
    "errors", "warnings", "detection_category_id_to_count", "classification_category_id_to_count")}))
