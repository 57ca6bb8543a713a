# SPDX-License-Identifier: GPL-3.0-or-later
"""Head files: what is written is read, and what is no head is refused with a sentence."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import ARRAY_FIELDS
from affekt.sidecar.head.read import read_head, write_head
from fakes.head import small_head
from safetensors import safe_open
from safetensors.numpy import save_file


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


def test_what_a_head_file_holds(tmp_path: Path) -> None:
    """Correctives that are zero are left out, and come back where they were."""
    head = small_head()
    head.pose_basis[..., 5:] = 0
    head.pose_basis[7, 1, 33] = 0.25
    write_head(head, tmp_path / "head.safetensors", recipe="by hand", licence="CC0-1.0")
    with safe_open(tmp_path / "head.safetensors", framework="numpy") as file:
        held = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no iterator)
        metadata = file.metadata()
    assert held["pose_columns"].tolist() == [0, 1, 2, 3, 4, 33]
    assert held["pose_basis"].shape == (40, 3, 6)
    halves = {key for key, values in held.items() if values.dtype == np.float16}
    assert halves == {"shape_basis", "expression_basis", "pose_basis", "uv"}
    assert held["template"].dtype == np.float32
    assert (metadata["recipe"], metadata["licence"]) == ("by hand", "CC0-1.0")
    back = read_head(str(tmp_path / "head.safetensors"))
    np.testing.assert_allclose(back.pose_basis, head.pose_basis, rtol=1e-3, atol=1e-6)
    assert back.pose_basis[7, 1, 33] == 0.25
    assert back.pose_basis.dtype == np.float32
    assert (back.name, back.space) == ("small", "open")
    np.testing.assert_array_equal(back.template, head.template)


def changed(path: Path, **changes: np.ndarray | str | None) -> Path:
    """A head file with arrays or metadata changed, or left out for None."""
    with safe_open(write_small(path), framework="numpy") as file:
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no iterator)
        metadata = file.metadata()
    for key, value in changes.items():
        held: dict = metadata if key in metadata else arrays
        held.pop(key)
        if value is not None:
            held[key] = value
    save_file(arrays, path, metadata)
    return path


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"uv": None}, "file.wrong_kind"),
        ({"pose_columns": None}, "file.wrong_kind"),
        ({"space": None}, "file.wrong_kind"),
        ({"expression_names": None}, "file.wrong_kind"),
        ({"pose_columns": np.arange(1, 37, dtype=np.int32)}, "head.shape"),
        ({"pose_columns": np.arange(35, dtype=np.int32)}, "head.shape"),
        ({"pose_basis": np.zeros((40, 3), np.float16)}, "head.shape"),
        ({"skin_weights": np.zeros((40, 4), np.float32)}, "head.shape"),
    ],
)
def test_head_files_that_are_not_whole(tmp_path: Path, changes: dict, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_head(str(changed(tmp_path / "head.safetensors", **changes)))
    assert caught.value.code == code


def test_of_much_that_lacks_three_names_are_told(tmp_path: Path) -> None:
    lacking = dict.fromkeys(("uv", "faces", "template", "skin_weights", "space"))
    with pytest.raises(InputError) as caught:
        read_head(str(changed(tmp_path / "head.safetensors", **lacking)))
    assert caught.value.code == "file.wrong_kind"
    named = caught.value.message.partition("it has no ")[2].rstrip(".").split(", ")
    assert len(named) == 3
    assert set(named) < set(lacking)


def test_a_folder_and_a_file_larger_than_any_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError) as caught:
        read_head(str(tmp_path))
    assert caught.value.code == "file.folder"
    path = write_small(tmp_path / "head.safetensors")
    monkeypatch.setattr("affekt.sidecar.head.read.MAX_HEAD_BYTES", path.stat().st_size - 1)
    with pytest.raises(InputError) as caught:
        read_head(str(path))
    assert caught.value.code == "file.too_large"
    monkeypatch.setattr("affekt.sidecar.head.read.MAX_HEAD_BYTES", path.stat().st_size)
    assert read_head(str(path)).name == "small"
