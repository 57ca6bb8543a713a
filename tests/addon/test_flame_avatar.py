# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars from files in Blender: what must be done is said, and done they render."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.motion.adapter import LinearAdapter, write_adapter
from fakes.flame import flame_arrays, npz
from fakes.lam import lam_parts
from fakes.splats import flame_param, splat_ply

from .conftest import ROOT, RunScript

TAKE = ROOT / "sidecar/assets/demo/take.npz"


@pytest.mark.one_blender
def test_an_avatar_on_the_users_flame(in_blender: RunScript, tmp_path: Path) -> None:
    (tmp_path / "flame.npz").write_bytes(npz(flame_arrays()))
    flame = read_flame(tmp_path / "flame.npz", space="flame2023")
    points = splat_ply(400, faces=len(flame.faces))
    (tmp_path / "point_cloud.ply").write_bytes(points)
    avatar = decode_avatar(points, "points", flame, flame_param(len(flame.template)))
    (tmp_path / "mine.safetensors").write_bytes(encode_avatar(avatar, embed_head=True))
    back = np.random.default_rng(0).normal(0, 0.2, (103, 52)).astype(np.float32)
    adapter = LinearAdapter(
        space="flame2023",
        arkit_from_space=np.zeros((52, 103), np.float32),
        arkit_bias=np.zeros(52, np.float32),
        space_from_arkit=back,
    )
    write_adapter(adapter, tmp_path / "adapter.npz")
    (tmp_path / "unzipped").mkdir()
    for name, content in zip(("skin.glb", "offset.ply"), lam_parts(), strict=True):
        (tmp_path / "unzipped" / name).write_bytes(content)
    (tmp_path / "vase.ply").write_bytes(splat_ply(60))
    told = in_blender(
        "flame_avatar.py",
        python=sys.executable,
        take=TAKE,
        points=tmp_path / "point_cloud.ply",
        avatar=tmp_path / "mine.safetensors",
        adapter=tmp_path / "adapter.npz",
        unzipped=tmp_path / "unzipped" / "skin.glb",
        still=tmp_path / "vase.ply",
    )
    print(told["without_head"], told["without_adapter"], sep="\n")
    assert "affekt avatar convert" in told["without_head"]
    assert "--embed-head" in told["without_head"]
    assert "affekt adapter build" in told["without_adapter"]
    assert told["refused"] == ""
    first, second = (cv2.imread(path, cv2.IMREAD_UNCHANGED) for path in told["pictures"])
    assert first[..., 3].max() > 30
    assert (first != second).any()
    assert told["said"]["unzipped"].startswith("Rendered 2 frames")
    assert "stands still" not in told["said"]["unzipped"]
    assert "vase.ply stands still" in told["said"]["still"]
