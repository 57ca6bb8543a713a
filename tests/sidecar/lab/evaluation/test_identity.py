# SPDX-License-Identifier: GPL-3.0-or-later
"""How far faces are from a photo's, with another Python in the place of the one that has dlib."""

import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.lab.evaluation.identity import IdentityReader, distances

# Describes each picture by its first file's number, and sees no face in the third.
SCRIPT = """
import json, os, sys
names = sorted(os.listdir(sys.argv[3]))
print("a library says hello")
print(json.dumps({n: None if i == 2 else [3.0 * i, 4.0 * i] + [0.0] * 126
                  for i, n in enumerate(names)}))
"""


def python_that_runs(folder: Path, script: str) -> Path:
    python = folder / "python"
    python.write_text(f"#!{sys.executable}\n{script}")
    python.chmod(0o755)
    return python


def test_distances_to_the_photo(tmp_path: Path) -> None:
    reader = IdentityReader(python=python_that_runs(tmp_path, SCRIPT))
    grey = np.full((20, 30, 3), 128, np.uint8)
    described = reader(dict.fromkeys(("photo", "front", "side", "back"), grey))
    assert distances(described, "photo") == {"front": 5, "side": None, "back": 15}
    assert distances(described, "side") == {"photo": None, "front": None, "back": None}


@pytest.mark.parametrize(
    "script",
    [
        "raise ImportError('no dlib here')",
        "print('[]')",
        "print('{\"00000.png\": [1.0, 2.0]}')",
        "print('')",
        "",
        "raise SystemExit(3)",
        "print('{}')",
        'print(\'{"00000.png": "a face"}\')',
    ],
)
def test_a_python_without_dlib_is_refused(tmp_path: Path, script: str) -> None:
    reader = IdentityReader(python=python_that_runs(tmp_path, script))
    with pytest.raises(InputError) as caught:
        reader({"photo": np.zeros((8, 8, 3), np.uint8)})
    assert caught.value.code == "option.identity"
    assert "\n" not in str(caught.value.message)
    assert not any(text in caught.value.message for text in ("index", "Expecting", ": ."))


def test_a_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        IdentityReader(python=tmp_path / "absent")({"photo": np.zeros((8, 8, 3), np.uint8)})
    assert caught.value.code == "option.identity"
