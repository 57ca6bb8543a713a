# SPDX-License-Identifier: GPL-3.0-or-later
"""`HeadModel` refuses what is no head of FLAME's layout."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import ARRAY_FIELDS, JOINTS, PARENTS, REGIONS, HeadModel, landmark_values
from fakes.head import small_head


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return small_head()


def code_of(head: HeadModel, **changes: object) -> str:
    with pytest.raises(InputError, match=f"The head '{head.name}' has ") as caught:
        replace(head, **changes)
    return caught.value.code


def test_joints_and_regions() -> None:
    assert JOINTS == ("root", "neck", "jaw", "eye_left", "eye_right")
    assert PARENTS == (-1, 0, 1, 1, 1)
    assert REGIONS[:3] == ("skin", "brow", "lip")
    assert len(REGIONS) == 10
    assert len(ARRAY_FIELDS) == 16


@pytest.mark.parametrize("name", [*ARRAY_FIELDS])
def test_every_axis_of_an_array_is_checked(head: HeadModel, name: str) -> None:
    """But for the one that says how many identities there are, and how many triangles."""
    values = getattr(head, name)
    free = {"shape_basis": 2, "faces": 0}
    for axis in range(values.ndim):
        if free.get(name) != axis:
            longer = np.concatenate([values, np.take(values, [0], axis)], axis)
            assert code_of(head, **{name: longer}) == "head.shape"
    if values.dtype.kind == "f":
        broken = values.copy()
        broken.flat[-1] = np.nan
        assert code_of(head, **{name: broken}) == "head.not_finite"


def test_faces_name_vertices_that_are_there(head: HeadModel) -> None:
    last = len(head.template) - 1
    for number, is_there in ((0, True), (last, True), (-1, False), (last + 1, False)):
        faces = head.faces.copy()
        faces[1, 2] = number
        if is_there:
            assert replace(head, faces=faces).faces[1, 2] == number
        else:
            assert code_of(head, faces=faces) == "head.shape"


def test_what_a_landmark_has_of_its_faces_corners(head: HeadModel) -> None:
    """A half, a third and a sixth of 6, 9 and -12 are 4; of a number and of a vector alike."""
    faces, weights = head.landmark_faces.copy(), head.landmark_weights.copy()
    faces[5], weights[5] = 1, (1 / 2, 1 / 3, 1 / 6)
    marked = replace(head, landmark_faces=faces, landmark_weights=weights)
    values = np.zeros(len(head.template))
    values[head.faces[1]] = 6, 9, -12
    assert landmark_values(marked, values)[5] == pytest.approx(4, abs=1e-6)
    found = landmark_values(marked, np.stack([values, -3 * values], 1).astype(np.float32))
    np.testing.assert_allclose(found[5], [4, -12], atol=1e-5)
    assert (found.shape, found.dtype) == ((68, 2), np.float32)
