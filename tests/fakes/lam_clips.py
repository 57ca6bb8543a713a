# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips to fine-tune LAM on, drawn by our own rasteriser: a person's points in a plain colour for
each emotion, moved by FLAME's expression and jaw."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from affekt.sidecar.lab.training.lam import draw
from affekt.sidecar.lab.training.lam_data import Target, opengl_camera
from affekt.sidecar.lam.gaussian_head import Attributes
from affekt.sidecar.lam.surface import LamSurface
from PIL import Image

SKINS = {"neutral": (0.5, 0.5, 0.5), "happy": (0.9, 0.5, 0.1), "sad": (0.1, 0.5, 0.9)}
_SIZES = {"rotation": 3, "neck_pose": 3, "jaw_pose": 3, "eyes_pose": 6, "translation": 3}


def write_clips(folder: Path, surface: LamSurface, frames: int = 4, side: int = 48) -> Path:
    """A clip for each of `SKINS`, of one group."""
    for name, skin in SKINS.items():
        _write_clip(folder / name, surface, name, skin, frames, side)
    return folder


def _write_clip(
    clip: Path,
    surface: LamSurface,
    emotion: str,
    skin: tuple[float, float, float],
    frames: int,
    side: int,
) -> None:
    for part in ("images", "fg_masks", "flame_param"):
        (clip / part).mkdir(parents=True)
    rng = np.random.default_rng(5)
    shape = np.zeros(300, np.float32)
    shape[:4] = rng.normal(0, 1, 4)
    np.savez(clip / "canonical_flame_param.npz", shape=shape)
    (clip / "emotion.json").write_text(json.dumps({"group": "one", "emotion": emotion}))
    world = np.eye(4)
    world[2, 3] = 0.7  # in front of the face, looking along -z
    lens = {"fl_x": 1.6 * side, "fl_y": 1.6 * side, "cx": side / 2, "cy": side / 2}
    camera = opengl_camera(world, list(lens.values()))
    points = surface.rest_points(torch.from_numpy(shape)[None])
    count = points.shape[1]
    made = Attributes(
        colours=torch.tensor(skin).expand(1, count, 3),
        scales=torch.full((1, count, 3), 0.004),
        offsets=torch.zeros(1, count, 3),
        opacities=torch.full((1, count, 1), 0.95),
        quaternions=torch.tensor([1.0, 0, 0, 0]).expand(1, count, 4),
    )
    listed = []
    for index in range(frames):
        numbers = {name: np.zeros(size, np.float32) for name, size in _SIZES.items()}
        numbers["expression"] = rng.normal(0, 1, 100).astype(np.float32)
        numbers["jaw_pose"][0] = 0.1 * index
        target = Target(
            picture=np.zeros((side, side, 3), np.float32),
            mask=np.zeros((side, side), np.float32),
            background=0,
            camera=camera,
            numbers=numbers,
        )
        colour, alpha = draw(surface, made, points, shape, target)
        white = (colour + 1 - alpha[..., None]).clamp(0, 1)
        picture, mask = (
            (255 * values).round().to(torch.uint8).numpy() for values in (white, alpha)
        )
        Image.fromarray(picture).save(clip / f"images/{index:05d}.png")
        Image.fromarray(mask).save(clip / f"fg_masks/{index:05d}.png")
        stored = {k: v[None] for k, v in numbers.items() if k != "expression"}
        np.savez(clip / f"flame_param/{index:05d}.npz", expr=numbers["expression"][None], **stored)
        listed.append(
            {
                "file_path": f"images/{index:05d}.png",
                "fg_mask_path": f"fg_masks/{index:05d}.png",
                "flame_param_path": f"flame_param/{index:05d}.npz",
                "transform_matrix": world.tolist(),
                **lens,
            }
        )
    (clip / "transforms_train.json").write_text(json.dumps({"frames": listed}))
