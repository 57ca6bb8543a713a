# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads faces in pictures with MediaPipe's landmarker. A script for another Python.

    READER_PYTHON -I reading.py MODEL.task FOLDER

prints one JSON object: for each PNG in the folder its blendshape scores by name, or null where no
face was found. MediaPipe brings its own OpenCV, which must never lie in one environment with
ours, so no module imports this one and it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(model: str, folder: str) -> None:
    from mediapipe import Image
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model), output_face_blendshapes=True
    )
    scores: dict[str, dict[str, float] | None] = {}
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for path in sorted(Path(folder).glob("*.png")):
            found = landmarker.detect(Image.create_from_file(str(path))).face_blendshapes
            scores[path.name] = {c.category_name: c.score for c in found[0]} if found else None
    print(json.dumps(scores))


if __name__ == "__main__":
    main(*sys.argv[1:])
