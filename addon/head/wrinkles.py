# SPDX-License-Identifier: GPL-3.0-or-later
"""How hard the open head's expression presses each wrinkle, as drivers: numbers of the head's mesh
object, which the material reads (`wrinkle_skin`), in any renderer and without Affekt.

What presses is how the face's places have moved, and that is a sum of the values of shape keys and
of the jaw's turn, as the sidecar has it. No modifier measures the mesh: Blender's FBX exporter
leaves a mesh that has one besides its armature without shape keys.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...shared.arrays import Float32Array
from ...shared.head import REGIONS, HeadModel
from ...shared.pressing import WRINKLES, Operation, evaluate, pressing_terms
from ...shared.wrinkle_patterns import FRONT_MM
from .. import axes
from ..emotion.properties import channel_path
from .controls import read_into, read_turn

FACE = "affekt_face"
"""Attribute of the mesh: x and y on the open head at rest, seen from the front, metres, and 1 where
the face's skin is."""
PRESSED = tuple(f"affekt_pressed_{number}" for number in range(1, 8))
"""Properties of the head, four numbers each, since EEVEE reads no more than eight properties of an
object: how hard each of `WRINKLES` is pressed, and then the *Appearance* at the last save."""
APPEARANCE = channel_path("appearance")
"""The property that a material reads where Blender has Affekt."""
_MOVED = "affekt_moved_{}"
"""Properties of the head, four numbers each, as many as USD takes: millimetres that places have
moved, in parts."""
_MOST = 20
"""Terms of a sum in one driver, whose expression Blender holds to 255 letters."""
_LETTERS = "abcdefghijklmnopqrst"
_JAW = {"jaw x": "x", "jaw y": "y", "jaw z": "z"}
_WRITTEN: dict[Operation, str] = {
    "add": "({}+{})",
    "subtract": "({}-{})",
    "multiply": "({}*{})",
    "most": "max({},{})",
    "least": "min({},{})",
    "power": "pow({},{})",
    "exp": "exp({})",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a row's sum: millimetres for a unit of each shape key, or of each component of the
    jaw's quaternion, by its letter."""

    keys: dict[str, float]
    jaw: dict[str, float]


@functools.cache
def _motion() -> dict[str, dict[str, float]]:
    """Millimetres of each row of `pressing` for a unit of each number, as `affekt head build-open`
    wrote them."""
    return json.loads(Path(__file__).with_name("place_motion.json").read_text("utf-8"))


def can_wrinkle(model: HeadModel) -> bool:
    """Whether the model is the open head, by which the numbers were measured."""
    names = {name for row in _motion().values() for name in row} - set(_JAW)
    return model.space == "open" and names.issubset(model.expression_names)


def add_wrinkles(head: bpy.types.Object, rig: bpy.types.Object, model: HeadModel) -> None:
    """Adds to a head of that model where its face is, the properties and their drivers."""
    attribute = head.data.attributes.new(FACE, "FLOAT_VECTOR", "POINT")
    attribute.data.foreach_set("vector", face_places(model).ravel())
    parts = [(row, part) for row, moves in _motion().items() for part in _parts(moves)]
    for name in (*PRESSED, *(_slot(k)[0] for k in range(0, len(parts), 4))):
        head[name] = [0.0] * 4
    for number, (_, part) in enumerate(parts):
        _drive_sum(_driver(head, *_slot(number)), head, rig, part)
    slots = {row: [k for k, (of, _) in enumerate(parts) if of == row] for row in _motion()}
    for index, expression in enumerate(pressing_expressions(slots)):
        driver = _driver(head, PRESSED[index // 4], index % 4)
        for slot in sorted(set(re.findall(r"s\d+", expression))):
            name, at = _slot(int(slot[1:]))
            read_into(driver, slot, "OBJECT", head, f'["{name}"][{at}]')
        driver.expression = expression
    keep_appearance(head)


def face_places(model: HeadModel) -> Float32Array:
    """(V, 3) of `FACE`."""
    places = model.template.copy()
    skin = model.region == REGIONS.index("skin")
    places[:, 2] = skin & (places[:, 2] > 1e-3 * FRONT_MM)
    return places


def keep_appearance(head: bpy.types.Object) -> None:
    """Lets a Blender without Affekt, which has no such slider, go on with the head's *Appearance*
    as it stands. No driver reads it: to Blender that is a circle."""
    if head.library is None and PRESSED[-1] in head:
        head[PRESSED[-1]][len(WRINKLES) % 4] = head.affekt_emotion.appearance


def _parts(moves: Mapping[str, float]) -> list[_Part]:
    """The sum of a row in parts that a driver can hold. The jaw's rotation vector is twice its
    quaternion, in Blender's axes."""
    keys = [(name, mm) for name, mm in moves.items() if name not in _JAW]
    turn = 2 * axes.to_blender(np.array([moves.get(name, 0.0) for name in _JAW]))
    jaw = {letter: float(mm) for letter, mm in zip("xyz", turn, strict=True) if mm}
    chunks = [dict(keys[at : at + _MOST]) for at in range(0, len(keys), _MOST)]
    return [_Part(keys=chunk, jaw={} if at else jaw) for at, chunk in enumerate(chunks)]


def _slot(number: int) -> tuple[str, int]:
    """In which property, and where in it, a part stands."""
    return _MOVED.format(number // 4 + 1), number % 4


def _drive_sum(
    driver: bpy.types.Driver, head: bpy.types.Object, rig: bpy.types.Object, part: _Part
) -> None:
    terms = []
    for letter, (name, mm) in zip(_LETTERS, part.keys.items(), strict=False):
        path = f'key_blocks["{name}"].value'
        read_into(driver, letter, "KEY", head.data.shape_keys, path)
        terms.append(f"{mm:+.4g}*{letter}")
    for letter, mm in part.jaw.items():
        read_turn(driver, letter, rig, "jaw")
        terms.append(f"{mm:+.5g}*{letter}")
    driver.expression = "".join(terms)


def pressing_expressions(slots: Mapping[str, Sequence[int]]) -> list[str]:
    """How hard each of `WRINKLES` is pressed, as a driver's expression of variables s0, s1 ... ;
    slots: of which of them each row is the sum."""
    rows = {row: f"({'+'.join(f's{slot}' for slot in own)})" for row, own in slots.items()}

    def number(value: float) -> str:
        return f"({value:.7g})"

    def apply(operation: Operation, values: Sequence[str]) -> str:
        return _WRITTEN[operation].format(*values)

    return evaluate(pressing_terms(), rows, number, apply)


def _driver(head: bpy.types.Object, name: str, index: int) -> bpy.types.Driver:
    driver = head.driver_add(f'["{name}"]', index).driver
    driver.type = "SCRIPTED"
    return driver
