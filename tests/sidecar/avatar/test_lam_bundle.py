# SPDX-License-Identifier: GPL-3.0-or-later
"""A LAM web bundle of ours: read as LAM's are, in LAM's layout, with the person's shape."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar import lam as bundles
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.glb import decode_glb
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.lam_bundle import FLAME_TO_BUNDLE_M, encode_lam_bundle
from affekt.sidecar.avatar.ply import decode_ply
from fakes.lam import lam_bundle

SHIFT = np.array([-0.0003, 1.6701, 0.0412])


def parts_of(bundle: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as packed:
        named = {name: packed.read(name) for name in packed.namelist() if "MACOSX" not in name}
    parts = {name.rpartition("/")[2]: data for name, data in named.items()}
    return {name: data for name, data in parts.items() if name}  # not the folders


def zipped(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        for name, data in parts.items():
            bundle.writestr(f"p/{name}", data)
    return packed.getvalue()


@pytest.fixture(scope="module")
def made() -> Avatar:
    """An egg in FLAME's place, another person than the bundle that it comes from."""
    egg = decode_lam_avatar(lam_bundle(), "egg")
    rig = egg.surface
    assert isinstance(rig, ArkitRig)
    vertices = ((rig.vertices - SHIFT) * [1.1, 1, 0.9]).astype(np.float32)
    place = (rig.joint_pivots[-1:] - SHIFT).astype(np.float32)
    of_head = rig.joint_weights.sum(1, keepdims=True)
    moved = replace(
        rig,
        vertices=vertices,
        joint_pivots=place,
        joint_weights=of_head,
        joint_shares=np.ones(1, np.float32),
    )
    scales = egg.scales.copy()
    scales[3] = 0  # the network's exponential may end there
    return replace(egg, name="A. Person", surface=moved, scales=scales)


def test_our_reader_finds_what_was_written(made: Avatar) -> None:
    rig = made.surface
    assert isinstance(rig, ArkitRig)
    found = decode_lam_avatar(encode_lam_bundle(made), "mine")
    skin = found.surface
    assert isinstance(skin, ArkitRig)
    np.testing.assert_allclose(skin.vertices, rig.vertices + SHIFT, atol=1e-6)
    np.testing.assert_array_equal(skin.faces, rig.faces)
    np.testing.assert_allclose(skin.arkit_shapes[:51], rig.arkit_shapes[:51], atol=1e-7)
    np.testing.assert_allclose(skin.joint_pivots, rig.joint_pivots + SHIFT, atol=1e-6)
    np.testing.assert_allclose(skin.joint_weights, rig.joint_weights, atol=1e-6)
    np.testing.assert_array_equal(found.offsets, made.offsets)
    np.testing.assert_array_equal(found.colours, made.colours)
    np.testing.assert_allclose(found.opacities, np.clip(made.opacities, 1e-3, 0.999), atol=1e-6)
    np.testing.assert_allclose(found.scales[4:], made.scales[4:], rtol=1e-5)
    np.testing.assert_allclose(found.quaternions, made.quaternions, atol=1e-6)


def test_the_same_avatar_gives_the_same_bytes(made: Avatar) -> None:
    assert encode_lam_bundle(made) == encode_lam_bundle(made)


def test_the_order_of_vertices_is_by_height(made: Avatar) -> None:
    parts = parts_of(encode_lam_bundle(made))
    order = json.loads(parts["vertex_order.json"])
    assert sorted(order) == list(range(len(made)))
    assert (np.diff(made.vertices[order, 1]) >= 0).all()
    clips = decode_glb(parts["animation.glb"], "animation").document["animations"]
    assert isinstance(clips, list)
    assert len(clips) == 1


def test_a_template_lends_all_but_the_shape(made: Avatar) -> None:
    own = parts_of(lam_bundle())
    template = zipped({**own, "animation.glb": b"their clips"})
    parts = parts_of(encode_lam_bundle(made, template))
    assert parts["animation.glb"] == b"their clips"
    before, after = decode_glb(own["skin.glb"], "a"), decode_glb(parts["skin.glb"], "b")
    accessors = before.document["accessors"], after.document["accessors"]
    assert isinstance(accessors[0], list)
    assert isinstance(accessors[1], list)
    assert accessors[0][1:] == accessors[1][1:]
    for key in before.document.keys() - {"accessors"}:
        assert before.document[key] == after.document[key]
    found = decode_lam_avatar(encode_lam_bundle(made, template), "mine")
    np.testing.assert_allclose(found.vertices, made.vertices + SHIFT, atol=1e-6)
    np.testing.assert_allclose(accessors[1][0]["max"], found.vertices.max(0), atol=1e-6)
    changed = np.frombuffer(before.binary, np.uint8) != np.frombuffer(after.binary, np.uint8)
    assert 0 < changed.sum() <= made.vertices.nbytes


def test_other_avatars_and_templates_are_refused(made: Avatar) -> None:
    rig = made.surface
    assert isinstance(rig, ArkitRig)
    turned = replace(made, surface=replace(rig, faces=np.roll(rig.faces, 1, 1)))
    template = {**parts_of(lam_bundle()), "animation.glb": b"clips"}
    with pytest.raises(InputError) as caught:
        encode_lam_bundle(turned, zipped(template))
    assert caught.value.code == "avatar.no_bundle"
    with pytest.raises(InputError, match=r"no animation\.glb"):
        encode_lam_bundle(made, zipped({"skin.glb": template["skin.glb"]}))
    elsewhere = replace(made, anchors=made.anchors[::-1].copy())
    with pytest.raises(InputError, match="one Gaussian on each vertex"):
        encode_lam_bundle(elsewhere)


def test_a_bundle_without_the_persons_shape_is_said(
    made: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    bundle = encode_lam_bundle(made)
    assert decode_lam_avatar(bundle, "mine").notes == ()
    vertices = (made.vertices + FLAME_TO_BUNDLE_M).astype("<f4")
    digest = hashlib.sha256(vertices.tobytes()).hexdigest()
    monkeypatch.setattr(bundles, "TEMPLATES_SHA256", (digest,))
    (note,) = decode_lam_avatar(bundle, "mine").notes
    assert "without the shape of the person" in note


def test_lams_own_layout(real_data: Path) -> None:
    """Field by field: what of LAM's own bundle holds for one of ours, with and without it as the
    template; and both of LAM's are the template's shape."""
    data = (real_data / "lam_avatars" / "barbara.zip").read_bytes()
    theirs = decode_lam_avatar(data, "barbara")
    assert "without the shape of the person" in theirs.notes[0]
    rig = theirs.surface
    assert isinstance(rig, ArkitRig)
    in_flame = replace(theirs, surface=replace(rig, vertices=rig.vertices - FLAME_TO_BUNDLE_M))
    parts, own = parts_of(data), parts_of(encode_lam_bundle(in_flame))
    lent = parts_of(encode_lam_bundle(in_flame, data))
    assert set(parts) - {".DS_Store"} == set(own) == set(lent)
    columns = [list(decode_ply(one["offset.ply"], "ply")) for one in (parts, own)]
    assert columns[0] == columns[1]
    before, after = (decode_ply(one["offset.ply"], "ply") for one in (parts, own))
    for name, values in before.items():
        near = 1e-2 if name == "opacity" else 2e-5  # where it ends, by the last bit
        kept = np.maximum(values, np.log(1e-12)) if name.startswith("scale") else values
        np.testing.assert_allclose(after[name], kept, atol=near, err_msg=name)
    documents = [decode_glb(one["skin.glb"], "skin").document for one in (parts, own, lent)]
    fields = [_fields(document) for document in documents]
    assert fields[0] == fields[1] == fields[2]
    assert len(lent["animation.glb"]) == len(parts["animation.glb"])


def _fields(document: dict) -> dict[str, object]:
    """The layout of a `skin.glb`, whatever order its shapes and arrays are in."""
    mesh = document["meshes"][0]
    primitive = mesh["primitives"][0]
    accessors = document["accessors"]

    def about(index: int) -> tuple[object, ...]:
        entry = accessors[index]
        sparse = entry.get("sparse", {})
        told = tuple(sparse.get("indices", {}).get(key) for key in ("componentType",))
        return entry["componentType"], entry["type"], "bufferView" in entry, "max" in entry, told

    return {
        "attributes": {name: about(index) for name, index in primitive["attributes"].items()},
        "counts": {accessors[index]["count"] for index in primitive["attributes"].values()},
        "indices": (about(primitive["indices"]), accessors[primitive["indices"]]["count"]),
        "targets": [about(target["POSITION"]) for target in primitive["targets"]],
        "names": sorted(mesh["extras"]["targetNames"]),
        "weights": mesh["weights"],
        "material": document["materials"][0]["name"],
        "head": [node["name"] for node in document["nodes"] if "mesh" in node],
        "binds": about(document["skins"][0]["inverseBindMatrices"]),
    }
