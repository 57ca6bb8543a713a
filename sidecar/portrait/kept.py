# SPDX-License-Identifier: GPL-3.0-or-later
"""Where MediaPipe's landmarks lie on a head, found once on a machine and then kept."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...shared.connection import default_cache_folder
from ...shared.fingerprint import fingerprint
from ...shared.head import HeadModel
from ..files import are_indices, kept_arrays
from ..memory import remembered
from .landmarks import HeadLandmarks, find_landmarks
from .seeing import LANDMARK_COUNT

_VERSION = 2
"""Goes up whenever the same head gets other landmarks."""


@remembered
def landmarks_of(head: HeadModel) -> HeadLandmarks:
    """The head's landmarks. The first time on a machine takes ten seconds."""
    key = fingerprint(_VERSION, head.template, head.faces, head.colour)
    place = default_cache_folder() / "portrait" / f"{key}.kept"

    def fit(arrays: Mapping[str, np.ndarray]) -> bool:
        wanted = {"faces": (LANDMARK_COUNT,), "weights": (LANDMARK_COUNT, 3)}
        shapes = {name: values.shape for name, values in arrays.items()}
        return shapes == wanted and are_indices(arrays["faces"], len(head.faces))

    def make() -> dict[str, np.ndarray]:
        found = find_landmarks(head)
        return {"faces": found.faces, "weights": found.weights}

    return HeadLandmarks(**kept_arrays(place, fit, make))
