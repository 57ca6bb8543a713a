# SPDX-License-Identifier: GPL-3.0-or-later
"""Head files: what is written is read, and what is no head is refused with a sentence."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import ARRAY_FIELDS
from affekt.sidecar.head.read import read_head, write_head
from fakes.head import small_head


def write_small(path: Path) -> Path:
    write_head(small_head(), path, recipe="a test", licence="CC0-1.0")
    return path


def test_round_trip(tmp_path: Path) -> None:
    head, back = small_head(), read_head(str(write_small(tmp_path / "head.safetensors")))
    for name in ARRAY_FIELDS:
        assert np.allclose(getattr(back, name), getattr(head, name), rtol=1e-3, atol=1e-4), name
    assert back.expression_names == head.expression_names
    assert [p.name for p in tmp_path.iterdir()] == ["head.safetensors"]


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_head(str(tmp_path / "none.safetensors"))
    assert caught.value.code == "file.missing"


@pytest.mark.parametrize("keep", [0, 4, 100, 5000])
def test_truncated(tmp_path: Path, keep: int) -> None:
    path = write_small(tmp_path / "head.safetensors")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        read_head(str(path))
    assert caught.value.code == "file.wrong_kind"


def test_another_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"weights": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError) as caught:
        read_head(str(tmp_path / "other.safetensors"))
    assert caught.value.code == "file.wrong_kind"
    assert "template" in caught.value.message


def test_values_that_are_not_numbers(tmp_path: Path) -> None:
    head = small_head()
    head.template[3] = np.nan
    write_head(head, tmp_path / "head.safetensors", recipe="", licence="")
    with pytest.raises(InputError) as caught:
        read_head(str(tmp_path / "head.safetensors"))
    assert caught.value.code == "head.not_finite"
