# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays as npz, written without numpy's own archive."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from affekt.shared.npz import encode_npz

ARRAYS = {
    "b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "fps": np.array(24.0),
    "space": np.array("open"),
    "none": np.zeros((0, 3), np.int32),
}


def test_numpy_reads_what_was_written() -> None:
    with np.load(io.BytesIO(encode_npz(ARRAYS)), allow_pickle=False) as file:
        assert file.files == list(ARRAYS)
        for name, values in ARRAYS.items():
            np.testing.assert_array_equal(file[name], values)
            assert (file[name].dtype, file[name].shape) == (values.dtype, values.shape)


def test_the_same_arrays_give_the_same_bytes() -> None:
    """Whatever the time of day, and however they lie in memory."""
    same = {**ARRAYS, "a": np.ascontiguousarray(ARRAYS["a"])}
    data = encode_npz(ARRAYS)
    assert encode_npz(same) == data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.external_attr >> 16 == 0o644


def test_objects_are_not_pickled() -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        encode_npz({"a": np.array([None])})
