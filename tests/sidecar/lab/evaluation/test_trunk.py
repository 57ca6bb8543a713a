# SPDX-License-Identifier: GPL-3.0-or-later
"""The perceptual distance on MobileNetV2's form; its weights are the user's own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.sidecar.lab.evaluation.trunk import _MEAN, _SPREAD, Trunk, read_trunk

ROOM = np.random.default_rng(4).random((64, 48, 3)).astype(np.float32)


def test_layers_that_do_nothing_leave_the_angle_of_the_colours() -> None:
    trunk = Trunk().eval()
    trunk.features = torch.nn.Sequential(*[torch.nn.Identity() for _ in trunk.features])
    one, other = (np.tile(_MEAN, (40, 50, 1)).astype(np.float32) for _ in range(2))
    one[..., 0] += 1 * _SPREAD[0]
    other[..., 1] += 3 * _SPREAD[1]
    # (1, 0, 0) against (0, 1, 0) at each of five layers.
    assert trunk.distance(one, other) == pytest.approx(10, abs=1e-3)


def test_five_layers_of_the_paper() -> None:
    trunk = Trunk().eval()
    assert len(trunk.features) == 17
    shape = trunk.features(torch.zeros(1, 3, 64, 96)).shape
    assert shape == (1, 160, 2, 3)
    wide = [block.conv[-2].weight.shape[0] for block in list(trunk.features)[1:]]
    assert wide == [16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160]


def test_weights_by_their_usual_names(tmp_path: Path) -> None:
    torch.manual_seed(3)
    trunk = Trunk().eval()
    weights = trunk.state_dict() | {"classifier.1.weight": torch.zeros(10, 4)}
    assert "features.2.conv.1.1.running_var" in weights
    torch.save(weights, tmp_path / "weights.pth")
    again = read_trunk(tmp_path / "weights.pth")
    shifted = np.roll(ROOM, 5, 1)
    assert again.distance(ROOM, shifted) == trunk.distance(ROOM, shifted) > 0
    assert again.distance(ROOM, ROOM) == 0


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"no weights at all")
    torch.save({"features.0.0.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "b.pth")
    torch.save({"run": Path}, tmp_path / "c.pth")  # a name that would be called
    for name in "abc":
        with pytest.raises(InputError) as caught:
            read_trunk(tmp_path / f"{name}.pth")
        assert caught.value.code == "option.trunk"
    with pytest.raises(InputError) as caught:
        read_trunk(tmp_path / "absent.pth")
    assert caught.value.code == "file.missing"
