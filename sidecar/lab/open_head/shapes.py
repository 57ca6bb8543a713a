# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head's bases: identities by PCA over random people, expressions from ARKit's 52
shapes and 48 more of MakeHuman's, the jaw's soft tissue as a pose corrective."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.motion import ARKIT_NAMES
from .assemble import Assembly
from .makehuman import read_target
from .rig import Rig

_TARGETS = tomllib.loads(Path(__file__).with_name("targets.toml").read_text("utf-8"))
IDENTITY_SPREAD = 0.16


@dataclass(frozen=True, slots=True, kw_only=True)
class Bases:
    """shape (V, 3, S) per standard deviation; expression (V, 3, 100); pose (V, 3, 36)."""

    shape: Float64Array
    expression: Float64Array
    expression_names: tuple[str, ...]
    pose: Float64Array


def arkit_targets(data: Path, vertices: int) -> dict[str, Float64Array]:
    """Reads the base mesh's displacement (N, 3) at weight 1 of each ARKit name."""
    folder = data / "faceunits01/targets/faceunits"
    return {name: read_target(folder / f"{name}.target", vertices) for name in ARKIT_NAMES}


def build_bases(
    data: Path,
    assembly: Assembly,
    rig: Rig,
    arkit: dict[str, Float64Array],
    made: dict[str, Float64Array],
    identities: int,
) -> Bases:
    """Builds all bases of the assembled head. made: further expression components (V, 3) by
    name."""
    pose, open_lips = jaw_corrective(assembly, rig, assembly.carry(arkit["jawOpen"]))
    columns = [assembly.carry(arkit[name]) for name in ARKIT_NAMES]
    eyes = np.concatenate([assembly.slice_of(f"eye_{side}") for side in ("left", "right")])
    for name, column in zip(ARKIT_NAMES, columns, strict=True):
        column[eyes] = 0  # an eyeball turns by its joint and is never bent
        if name == "jawOpen":
            column[:] = open_lips
    names, extras = _extras(data, assembly, eyes)
    names += list(made)
    extras += list(made.values())
    return Bases(
        shape=_identity_basis(data, assembly, identities),
        expression=np.stack([*columns, *extras], -1),
        expression_names=(*ARKIT_NAMES, *names),
        pose=pose,
    )


def _extras(
    data: Path, assembly: Assembly, eyes: np.ndarray
) -> tuple[list[str], list[Float64Array]]:
    targets = data / "mpfb2/targets"
    paths = [targets / f"expression/units/caucasian/{unit}.target.gz" for unit in _TARGETS["units"]]
    paths += [targets / f"{detail}.target.gz" for detail in _TARGETS["details"]]
    names, columns = [], []
    for path in paths:
        column = assembly.carry(read_target(path, len(assembly.base)))
        column[eyes] = 0
        names.append(_camel(path.name.removesuffix(".target.gz")))
        columns.append(column)
    return names, columns


def _camel(name: str) -> str:
    words = name.split("-")
    side = {"l": "Left", "r": "Right"}.get(words[0], "")
    words = words[1:] if side else words
    words = [w.capitalize() for w in words]
    words[0] = words[0].lower()
    return "".join(words) + side


def jaw_corrective(
    assembly: Assembly, rig: Rig, jaw_open: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Splits the difference between ARKit's jawOpen and a turn of the jaw joint in two: a pose
    corrective (V, 3, 36) for cheeks and chin, so that a jaw turned by hand looks right too, and
    the expression component jawOpen (V, 3) for the lips. All three together are ARKit's shape.

    The elements sin(angle) and -sin(angle) of R - I carry half of the corrective each.
    """
    c, s = np.cos(rig.jaw_angle), np.sin(rig.jaw_angle)
    rotation = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    weight = rig.skin_weights[:, 2][:, None, None]
    blend = (1 - weight) * np.eye(3) + weight * rotation
    pivot = rig.joints[2]
    rest = assembly.vertices
    target = rest + jaw_open
    shift = weight[:, :, 0] * (pivot - rotation @ pivot)
    unposed = np.linalg.solve(blend, (target - shift)[..., None])[..., 0]
    corrective = unposed - rest
    eyes = np.concatenate([assembly.slice_of(f"eye_{side}") for side in ("left", "right")])
    corrective[eyes] = 0
    mouth = np.array([0.0, -0.045, 0.058])
    near = np.exp(-(((rest - mouth) / [0.022, 0.014, 0.03]) ** 2).sum(1))[:, None]
    pose = np.zeros((len(rest), 3, 36))
    jaw_row = 9  # R - I of neck, then jaw; row-major elements (1, 2) and (2, 1)
    pose[:, :, jaw_row + 5] = (1 - near) * corrective * (-0.5 / s)
    pose[:, :, jaw_row + 7] = (1 - near) * corrective * (0.5 / s)
    return pose, near * corrective


def _identity_basis(data: Path, assembly: Assembly, components: int) -> Float64Array:
    """Principal components of 1,500 random adults, each scaled to one standard deviation."""
    rng = np.random.default_rng(20)
    macro, details = _macro_targets(data, assembly), _detail_targets(data, assembly)
    people = []
    for _ in range(1500):
        person = _random_macro(rng, macro)
        for pair in details:
            amount = rng.normal(
                0, IDENTITY_SPREAD * 1.0 if "head-" in pair.name else IDENTITY_SPREAD * 1.6
            )
            person = person + amount * (pair.more if amount > 0 else -pair.less)
        people.append((person - person[assembly.slice_of("skin")].mean(0)).astype(np.float32))
    stack = np.stack(people).reshape(len(people), -1)
    stack -= stack.mean(0)
    gram = stack @ stack.T
    values, vectors = np.linalg.eigh(gram.astype(np.float64))
    values, vectors = values[::-1][:components], vectors[:, ::-1][:, :components]
    axes = (stack.T @ vectors) / np.sqrt(values)
    deviation = np.sqrt(values / (len(people) - 1))
    return (axes * deviation).reshape(*assembly.vertices.shape, components)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modifier:
    """A slider of MakeHuman: displacement (V, 3) toward more and toward less."""

    name: str
    more: Float64Array
    less: Float64Array


def _detail_targets(data: Path, assembly: Assembly) -> list[Modifier]:
    """Reads the sliders of the face's parts, both sides of the face in one."""
    found: dict[str, dict[str, Float64Array]] = {}
    identity = _TARGETS["identity"]
    slots = {end: slot for slot, ends in identity["ends"].items() for end in ends}
    for folder in identity["folders"]:
        for path in sorted((data / "mpfb2/targets" / folder).glob("*.target.gz")):
            name = path.name.removesuffix(".target.gz").removeprefix("l-").removeprefix("r-")
            if any(skip in name for skip in identity["skip"]) or name.startswith("measure"):
                continue
            stem, _, end = name.rpartition("-")
            slot = slots.get(end, "more")
            stem = stem if end in slots else name
            target = assembly.carry(read_target(path, len(assembly.base)))
            entry = found.setdefault(f"{folder}/{stem}", {})
            entry[slot] = entry.get(slot, 0) + target
    zero = np.zeros_like(assembly.vertices)
    return [
        Modifier(name=name, more=e.get("more", zero), less=e.get("less", zero))
        for name, e in found.items()
    ]


def _macro_targets(data: Path, assembly: Assembly) -> dict[str, Float64Array]:
    folder = data / "mpfb2/targets/macrodetails"
    names = [
        f"{a}-{g}-{t}"
        for a in ("african", "asian", "caucasian")
        for g in ("female", "male")
        for t in ("young", "old")
    ]
    names += [
        f"universal-{g}-{t}-{m}muscle-{w}weight"
        for g in ("female", "male")
        for t in ("young", "old")
        for m in ("average", "min", "max")
        for w in ("average", "min", "max")
    ]
    return {
        n: assembly.carry(read_target(folder / f"{n}.target.gz", len(assembly.base))) for n in names
    }


def _random_macro(rng: np.random.Generator, macro: dict[str, Float64Array]) -> Float64Array:
    """The macro shape of a random adult, up to a constant (V, 3)."""
    gender = {"male": rng.beta(0.6, 0.6)}
    gender["female"] = 1 - gender["male"]
    ancestry = dict(zip(("african", "asian", "caucasian"), rng.dirichlet([0.7] * 3), strict=True))
    old = rng.beta(1.2, 2.2)
    age = {"young": 1 - old, "old": old}
    muscle, weight = _three_way(rng), _three_way(rng)
    shape = np.zeros_like(macro["african-female-young"])
    for g, gw in gender.items():
        for t, tw in age.items():
            for a, aw in ancestry.items():
                shape = shape + gw * tw * aw * macro[f"{a}-{g}-{t}"]
            for m, mw in muscle.items():
                for w, ww in weight.items():
                    if mw and ww:
                        shape = (
                            shape
                            + gw * tw * mw * ww * macro[f"universal-{g}-{t}-{m}muscle-{w}weight"]
                        )
    return shape


def _three_way(rng: np.random.Generator) -> dict[str, float]:
    value = np.clip(rng.normal(0, 0.4), -1, 1)
    return {"average": 1 - abs(value), "min": max(-value, 0.0), "max": max(value, 0.0)}
