# SPDX-License-Identifier: GPL-3.0-or-later
"""What Render Avatar tells the sidecar beside the motion: emotions for the header, an adapter."""

from pathlib import Path

import numpy as np
import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save
from .test_compositor import write_avatar


@pytest.mark.one_blender
def test_emotions_and_adapters_reach_the_sidecar(in_blender: RunScript, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.bin" for name in ("take", "avatar", "adapter")}
    for path in files.values():
        path.write_text("{}")
    exrs = [tmp_path / f"{index}.exr" for index in range(3)]
    for index, path in enumerate(exrs):
        write_avatar(path, index)
    head = save(small_head(), tmp_path / "head.npz")
    told = in_blender("noted.py", head=head, exrs=list(map(str, exrs)), **files)
    as_it_is, baked, adapted, plain = told["renders"]
    assert as_it_is["weights"] is None  # nothing of the curves is in the picture
    expected = np.zeros((3, 6))
    expected[:, 0], expected[:, 1] = told["happy"], 0.25
    assert expected[:, 0].tolist() == [0, 0.5, 1]
    for asked in (baked, adapted, plain):
        np.testing.assert_allclose(asked["weights"], expected, atol=1e-6)
    assert [asked["adapter"] for asked in told["renders"]] == [None, None, "adapter.bin", None]
