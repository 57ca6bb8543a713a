# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's GLB: what is read of it, and that an animation of weights is all that is new."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from affekt.shared.errors import InputError
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES, Motion
from affekt.sidecar.avatar.glb import BINARY, JSON, decode_glb, join_glb, read_accessor, split_glb
from affekt.sidecar.avatar.glb_character import (
    animate,
    calibration_of,
    decode_character,
    describe_character,
)
from affekt.sidecar.avatar.glb_geometry import read_parts
from affekt.sidecar.avatar.glb_weights import WeightTrack, add_weights
from affekt.sidecar.head.read import OPEN, read_head
from fakes.characters import SPLIT, split_character
from fakes.glb_character import EXTRA_CHUNK, REST, character_glb
from fakes.takes import arkit_motion

SMILE, JAW = ARKIT_NAMES.index("mouthSmileLeft"), ARKIT_NAMES.index("jawOpen")


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


@pytest.fixture(scope="module")
def hero(head: HeadModel) -> bytes:
    return character_glb(head)


@pytest.fixture(scope="module")
def take() -> Motion:
    """Three frames at 25 fps: a smile of .5, .75, 1.5, a jaw of .125."""
    motion = arkit_motion(3)
    rows = np.zeros_like(motion.expression)
    rows[:, SMILE], rows[:, JAW] = (0.5, 0.75, 1.5), 0.125
    return replace(motion, expression=rows, fps=25.0)


def document_of(data: bytes) -> dict:
    return decode_glb(data, "a.glb").document


def played(data: bytes, animation: int = -1) -> dict[str, dict[str, list[float]]]:
    """Weights by mesh and target, as the last animation says them."""
    file = decode_glb(data, "a.glb")
    document = file.document
    entry = document["animations"][animation]
    found = {}
    for channel in entry["channels"]:
        assert channel["target"]["path"] == "weights"
        mesh = document["meshes"][document["nodes"][channel["target"]["node"]]["mesh"]]
        sampler = entry["samplers"][channel["sampler"]]
        times = read_accessor(file, sampler["input"], "SCALAR")[:, 0]
        values = read_accessor(file, sampler["output"], "SCALAR").reshape(len(times), -1)
        names = mesh["extras"]["targetNames"]
        found[mesh["name"]] = dict(zip(names, values.T.tolist(), strict=True)) | {
            "times": times.tolist()
        }
    return found


def test_weights_go_to_every_mesh_and_nothing_else_changes(hero: bytes, take: Motion) -> None:
    character = decode_character(hero, "hero.glb")
    made = animate(character, take, None, title="take")
    before, after = dict(split_glb(hero, "a")), dict(split_glb(made, "a"))
    assert bytes(after[BINARY]).startswith(bytes(before[BINARY]))
    assert after[EXTRA_CHUNK[0]] == EXTRA_CHUNK[1]
    old, new = document_of(hero), document_of(made)
    for key in ("accessors", "bufferViews", "animations"):
        assert new[key][: len(old[key])] == old[key]
    assert new["buffers"] == [{"byteLength": len(after[BINARY])}]
    grown = ("accessors", "bufferViews", "animations", "buffers")
    assert list(new) == list(old)
    assert {k: v for k, v in new.items() if k not in grown} == {
        k: v for k, v in old.items() if k not in grown
    }
    assert [entry["name"] for entry in new["animations"]] == ["take", "take 2"]
    found = played(made)
    assert {"Face", "Teeth", "Tongue", "Brows"} <= set(found)
    assert found["Face"]["BS_mouthSmileLeft"] == [0.5, 0.75, 1.5]
    assert found["Teeth"]["BS_jawOpen"] == [0.125] * 3
    assert found["Face"]["Slim"] == [REST] * 3
    assert found["Face"]["times"] == pytest.approx([0, 0.04, 0.08])
    scene = trimesh.load(io.BytesIO(made), file_type="glb")
    assert len(scene.geometry) == len(SPLIT)


def test_what_the_names_say_is_told(hero: bytes) -> None:
    said = " ".join(describe_character(decode_character(hero, "hero.glb")))
    assert said.startswith("52 of ARKit's 52 shapes were found by the names of ARKit.")
    assert "bones are left as they are" in said


def test_a_skinned_mesh_stands_where_its_joints_put_it(hero: bytes, head: HeadModel) -> None:
    character = decode_character(hero, "hero.glb")
    face = character.meshes[0]
    target = next(t for t, s in face.shapes if s == JAW)
    (part,) = read_parts(character.file, face.nodes[0], [target])
    made = split_character(head)
    own = made.part == 0
    np.testing.assert_allclose(part.vertices, made.vertices[own], atol=1e-6)
    np.testing.assert_allclose(part.moved[0], made.shapes[JAW, own], atol=1e-6)


def test_it_is_calibrated_as_the_same_rig_is(hero: bytes, head: HeadModel, take: Motion) -> None:
    """A character whose shapes are weaker or stronger by known factors gets the inverse."""
    character = decode_character(hero, "hero.glb")
    found = calibration_of(character, head)
    reach = found.reach[[SMILE, JAW]]
    assert np.abs(reach[:, 1] - 1).max() < 0.2
    assert np.abs(reach[:, 1] - 1).max() < np.abs(reach[:, 0] - 1).max()
    smile = played(animate(character, take, found, title="take"))["Face"]["BS_mouthSmileLeft"]
    assert smile[0] == pytest.approx(0.5 * found.map[SMILE, SMILE], rel=1e-5)


def test_a_mesh_that_is_compressed_is_not_measured(head: HeadModel) -> None:
    packed = decode_character(
        character_glb(head, extensionsUsed=["KHR_draco_mesh_compression"]), "a.glb"
    )
    with pytest.raises(InputError, match="compressed") as caught:
        calibration_of(packed, head)
    assert caught.value.code == "avatar.calibration"


def one_mesh(names: list[str] | None, **primitive: object) -> bytes:
    """The smallest file with targets."""
    mesh = {"primitives": [{"attributes": {}, "targets": [{}] * 2, **primitive}]}
    mesh |= {} if names is None else {"extras": {"targetNames": names}}
    content = {"asset": {"version": "2.0"}, "meshes": [mesh], "nodes": [{"mesh": 0}]}
    text = json.dumps(content).encode()
    return join_glb([(JSON, text + b" " * (-len(text) % 4))])


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (one_mesh(None), "character.no_shapes", "no morph target that is told"),
        (one_mesh(["Smirk", "Slim"]), "character.no_shapes", "no morph target that is told"),
        (one_mesh(["jawOpen"]), "character.no_shapes", "no morph target that is told"),
        (b'{"asset": {"version": "2.0"}}', "avatar.glb", "glTF as text"),
        (b"solid stl", "avatar.glb", "does not begin"),
        (one_mesh(["jawOpen", "Slim"])[:-8], "avatar.glb", "ends after"),
    ],
)
def test_a_file_without_shapes_is_refused(data: bytes, code: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        decode_character(data, "hero.glb")
    assert caught.value.code == code


def test_names_at_the_primitive_and_a_file_without_data(take: Motion) -> None:
    """Some tools name targets at the first primitive; a file may have no binary chunk yet."""
    bare = one_mesh(None, extras={"targetNames": ["Slim", "jaw_open"]})
    character = decode_character(bare, "hero.glb")
    made = document_of(animate(character, take, None, title="take"))
    assert made["animations"][0]["name"] == "take"
    assert made["accessors"][0] == {
        "bufferView": 0,
        "componentType": 5126,
        "count": 3,
        "type": "SCALAR",
        "min": [0.0],
        "max": [pytest.approx(0.08)],
    }
    values = read_accessor(decode_glb(animate(character, take, None, title="t"), "a"), 1, "SCALAR")
    np.testing.assert_array_equal(values[:, 0], [0, 0.125, 0, 0.125, 0, 0.125])


def test_numbers_that_are_none_are_refused() -> None:
    text = b'{"asset":{"version":NaN},"nodes":[{"mesh":0}]}'
    bad = join_glb([(JSON, text + b" " * (-len(text) % 4))])
    track = WeightTrack(nodes=(0,), weights=np.zeros((1, 1), np.float32))
    with pytest.raises(InputError) as caught:
        add_weights(bad, "a.glb", [track], fps=30.0, title="take")
    assert caught.value.code == "avatar.glb"


@pytest.mark.full
def test_lam_s_mesh(real_data: Path, take: Motion) -> None:
    """The mesh of a LAM bundle, 51 shapes in sparse targets, with a skeleton."""
    with zipfile.ZipFile(next((real_data / "lam_avatars").glob("*.zip"))) as bundle:
        name = next(n for n in bundle.namelist() if n.endswith("skin.glb"))
        content = bundle.read(name)
    character = decode_character(content, "skin.glb")
    assert character.names.missing == ("tongueOut",)
    found = calibration_of(character, read_head(OPEN))
    made = animate(character, take, found, title="take")
    (weights,) = played(made).values()
    assert len(weights) - 1 == len(document_of(content)["meshes"][0]["extras"]["targetNames"])
    assert max(weights["jawOpen"]) > 0.05
