# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints in the documented layout of LAM's released file, with random weights: small ones, and
one of full size that is written on the spot (`python -m tests.fakes.lam_checkpoint OUT`)."""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from affekt.sidecar.lam.network import LamNetwork
from affekt.sidecar.lam.settings import LAM_20K, LamConfig
from affekt.sidecar.lam.surface import divide
from numpy.typing import NDArray
from torch import Tensor

FLAME = "renderer.flame_model."
_NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.int64: "I64"}
Arrays = dict[str, NDArray]


def flame_buffers(flame: Arrays) -> dict[str, Tensor]:
    """What LAM keeps of a FLAME file, with the mask that its loader ignores."""
    template = flame["v_template"].astype(np.float32)
    division = divide(flame["f"].astype(np.int32), len(template))
    posedirs = flame["posedirs"].reshape(-1, 36).T
    floats = {
        "v_template": template,
        "shapedirs": flame["shapedirs"],
        "posedirs": posedirs,
        "J_regressor": flame["J_regressor"],
        "lbs_weights": flame["weights"],
        "v_template_up": division.carry(template),
        "shapedirs_up": division.carry(flame["shapedirs"].astype(np.float32)),
        "lbs_weights_up": division.carry(flame["weights"].astype(np.float32)),
        "J_regressor_up": division.carry(flame["J_regressor"].T).T,
    }
    out = {k: torch.from_numpy(np.ascontiguousarray(v, np.float32)) for k, v in floats.items()}
    whole = {
        "faces_up": division.faces,
        "parents": np.array([-1, 0, 1, 1, 1]),
        "mask.v.face": np.arange(3),
    }
    return out | {k: torch.from_numpy(v.astype(np.int64)) for k, v in whole.items()}


def random_weights(config: LamConfig, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Parameters one after another, such that the Gaussians lie on the head and differ."""
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        network = LamNetwork(config)
    for name, parameter in network.named_parameters():
        shape = parameter.shape
        values = torch.randn(shape, generator=generator)
        if name.endswith("gamma") or ("norm" in name and name.endswith("weight")):
            values = 1 + 0.1 * values
        elif len(shape) > 1 and not name.endswith(("token", "tokens", "pos_embed")):
            values *= 1 / math.sqrt(math.prod(shape[1:]))
        else:
            values *= 0.1
        if "out_layers.scaling" in name:
            values = values * 0.3 - (6.2 if name.endswith("bias") else 0)
        if "out_layers.xyz" in name:
            values *= 0.01
        if "out_layers.opacity" in name and name.endswith("bias"):
            values += 3
        yield name, values


def write_checkpoint(
    path: Path,
    flame: Arrays,
    config: LamConfig = LAM_20K,
    seed: int = 3,
    dtype: torch.dtype = torch.float32,
    drop: tuple[str, ...] = (),
    prefix: str = "",
) -> Path:
    """Writes a safetensors tensor by tensor. flame: a FLAME file's arrays; drop: names to leave
    out; prefix: before all names."""
    buffers = {FLAME + name: values for name, values in flame_buffers(flame).items()}
    buffers["pcl_embed.basis"] = torch.zeros(3, 24)
    with torch.device("meta"):
        network = LamNetwork(config)
    shapes = {name: (tuple(p.shape), dtype) for name, p in network.named_parameters()}
    shapes |= {name: (tuple(t.shape), t.dtype) for name, t in buffers.items()}
    header, place = {}, 0
    for name, (shape, its_dtype) in shapes.items():
        if name in drop:
            continue
        size = math.prod(shape) * its_dtype.itemsize
        about = {"dtype": _NAMES[its_dtype], "shape": list(shape)}
        header[prefix + name] = about | {"data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, values in random_weights(config, seed):
            if name not in drop:
                file.write(values.to(dtype).view(torch.uint8).numpy().tobytes())
        for name, values in buffers.items():
            if name not in drop:
                file.write(values.contiguous().numpy().tobytes())
    return path


if __name__ == "__main__":
    from affekt.sidecar.head.read import read_head

    from .flame_twin import remeshed_twin

    twin = remeshed_twin(read_head("open"))
    print(write_checkpoint(Path(sys.argv[1]), twin.arrays, dtype=torch.bfloat16))
