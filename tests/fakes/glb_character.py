# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's GLB as other tools write them: several meshes, names of their own, one with a skin
under a scaled armature, sparse targets, one more target that is no shape of ARKit's, materials with
an extension, an animation, and a chunk that nobody knows."""

from __future__ import annotations

import json

import numpy as np
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar.glb import BINARY, JSON, join_glb

from .characters import SPLIT, split_character

EXTRA_CHUNK = (b"XTRA", b"nobody knows me.")
SKINNED, SCALE = "Face", 0.01
REST = 0.25
"""The weight that the target `Slim` has at rest."""


def character_glb(head: HeadModel, *, prefix: str = "BS_", **more: object) -> bytes:
    """The character of `split_character` in its six meshes. more: top-level entries of the JSON
    that replace its own."""
    made = split_character(head)
    builder = _Builder()
    for number, name in enumerate(SPLIT):
        builder.add_mesh(name, made, number, prefix)
    return builder.encode(more)


class _Builder:
    def __init__(self) -> None:
        self.binary = bytearray()
        self.views: list[dict] = []
        self.accessors: list[dict] = []
        self.meshes: list[dict] = []
        # Node 0 is the armature, in hundredths of metres; 1 its only bone.
        self.nodes: list[dict] = [
            {"name": "Armature", "scale": [SCALE] * 3, "children": [1]},
            {"name": "Head", "translation": [0.0, 20.0, 0.0]},
        ]

    def view(self, values: np.ndarray) -> int:
        self.views.append(
            {"buffer": 0, "byteOffset": len(self.binary), "byteLength": values.nbytes}
        )
        self.binary += values.tobytes() + bytes(-values.nbytes % 4)
        return len(self.views) - 1

    def accessor(self, values: np.ndarray, kind: str, code: int, **more: object) -> int:
        entry = {"bufferView": self.view(values), "componentType": code, "type": kind}
        self.accessors.append({**entry, "count": len(values), **more})
        return len(self.accessors) - 1

    def places(self, values: np.ndarray) -> int:
        rows = values.astype("<f4")
        bounds = {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        return self.accessor(rows, "VEC3", 5126, **bounds)

    def sparse(self, values: np.ndarray) -> int:
        rows = np.flatnonzero(values.any(1))
        if not len(rows):
            rows = np.array([0])
        moved = values.astype("<f4")
        self.accessors.append(
            {
                "componentType": 5126,
                "type": "VEC3",
                "count": len(values),
                "min": moved.min(0).tolist(),
                "max": moved.max(0).tolist(),
                "sparse": {
                    "count": len(rows),
                    "indices": {"bufferView": self.view(rows.astype("<u4")), "componentType": 5125},
                    "values": {"bufferView": self.view(moved[rows])},
                },
            }
        )
        return len(self.accessors) - 1

    def add_mesh(self, name: str, made: object, number: int, prefix: str) -> None:
        keep = made.part == number
        renumbered = np.cumsum(keep) - 1
        faces = renumbered[made.faces[keep[made.faces].all(1)]]
        scale = 1 / SCALE if name == SKINNED else 1.0
        shapes = made.shapes[:, keep] * scale
        moving = [i for i in range(len(ARKIT_NAMES)) if np.abs(shapes[i]).max() > 1e-7 * scale]
        attributes = {"POSITION": self.places(made.vertices[keep] * scale)}
        node: dict = {"name": f"{name} node", "mesh": len(self.meshes)}
        if name == SKINNED:
            count = int(keep.sum())
            joints, weights = np.zeros((count, 4), "<u2"), np.zeros((count, 4), "<f4")
            weights[:, 0] = 1
            attributes["JOINTS_0"] = self.accessor(joints, "VEC4", 5123)
            attributes["WEIGHTS_0"] = self.accessor(weights, "VEC4", 5126)
            node["skin"] = 0
        add = self.sparse if name in (SKINNED, "Teeth") else self.places
        targets = [{"POSITION": add(shapes[i])} for i in moving]
        targets.append({"POSITION": self.places(np.zeros((int(keep.sum()), 3)))})
        names = [f"{prefix}{ARKIT_NAMES[i]}" for i in moving]
        primitive = {
            "attributes": attributes,
            "indices": self.accessor(faces.astype("<u4").ravel(), "SCALAR", 5125),
            "material": 0,
            "targets": targets,
        }
        self.meshes.append(
            {
                "name": name,
                "primitives": [primitive],
                "weights": [*[0.0] * len(moving), REST],
                "extras": {"targetNames": [*names, "Slim"], "kept": 1.5e-7},
            }
        )
        self.nodes.append(node)

    def encode(self, more: dict) -> bytes:
        bind = np.eye(4, dtype="<f4")
        bind[3, 1] = -20  # columns first: the bone stands 20 up
        skin = {"inverseBindMatrices": self.accessor(bind.reshape(1, 16), "MAT4", 5126)}
        clock = self.accessor(np.array([0, 1], "<f4"), "SCALAR", 5126, min=[0.0], max=[1.0])
        turn = self.accessor(np.array([[0, 0, 0, 1], [0, 1, 0, 0]], "<f4"), "VEC4", 5126)
        animation = {
            "name": "take",
            "samplers": [{"input": clock, "output": turn}],
            "channels": [{"sampler": 0, "target": {"node": 1, "path": "rotation"}}],
        }
        document = {
            "asset": {"version": "2.0", "generator": "Ünïcode 工具"},
            "extensionsUsed": ["KHR_materials_specular"],
            "scene": 0,
            "scenes": [{"nodes": [0, *range(2, len(self.nodes))]}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "materials": [
                {"name": "Skin", "extensions": {"KHR_materials_specular": {"specularFactor": 0.3}}}
            ],
            "skins": [{**skin, "joints": [1]}],
            "animations": [animation],
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": len(self.binary)}],
        } | more
        text = json.dumps(document, ensure_ascii=False).encode()
        chunks = [(JSON, text + b" " * (-len(text) % 4)), (BINARY, bytes(self.binary)), EXTRA_CHUNK]
        return join_glb(chunks)
