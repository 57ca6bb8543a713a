# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibration of rigs: the open head in disguise with shapes that do too much or too little."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.arrays import Float32Array, Float64Array
from affekt.shared.calibration import SHAPES, Calibration, calibrated
from affekt.shared.errors import InputError
from affekt.shared.fingerprint import fingerprint
from affekt.shared.head import REGIONS
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.avatar import calibration as module
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.animated_mesh import animate_mesh
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.calibration import (
    PORTRAIT_BROWS_MM,
    calibrate,
    kept_calibration,
    with_calibration,
)
from affekt.sidecar.avatar.effects import (
    CLOSED,
    EXPRESSIONS,
    PLACES,
    FacePlaces,
    face_rows,
    open_motion,
    open_places,
    rig_places,
    row_names,
    weights_of,
)
from affekt.sidecar.avatar.folds import largest_weights
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.cli import run
from affekt.sidecar.commands.calibrate import report
from affekt.sidecar.head.read import read_head
from affekt.sidecar.render import calibration_sheets
from PIL import Image

from ...fakes.lam import lam_bundle

OPEN = read_head("open")
GAINS = {"mouthSmile": 1.05, "browInnerUp": 0.7, "jawOpen": 0.8, "eyeWide": 1.2, "mouthPucker": 0.8}
"""What the disguised rig's weights must be for the open head's motion."""


def index(name: str) -> int:
    return ARKIT_NAMES.index(name)


def known_map() -> Float64Array:
    out = np.eye(SHAPES)
    for name, gain in GAINS.items():
        for k in np.flatnonzero(weights_of({name: 1.0})):
            out[k, k] = gain
    for side in ("Left", "Right"):
        out[index(f"mouthDimple{side}"), index(f"mouthSmile{side}")] = 0.3
    return out


@pytest.fixture(scope="module")
def rig() -> ArkitRig:
    """The open head's skin and eyes, larger and elsewhere, whose shapes need `known_map`."""
    names = ("skin", "lip", "mouth", "sclera", "iris", "pupil")
    kept = np.isin(OPEN.region, [REGIONS.index(name) for name in names])
    place = np.cumsum(kept) - 1
    moved = open_motion(np.eye(SHAPES), OPEN)[:, kept]
    shapes = np.einsum("kj,kvc->jvc", np.linalg.inv(known_map()), 1.1 * moved)
    return ArkitRig(
        vertices=(1.1 * OPEN.template[kept] + [0, 1.6, 0.02]).astype(np.float32),
        faces=place[OPEN.faces[kept[OPEN.faces].all(1)]].astype(np.int32),
        arkit_shapes=np.ascontiguousarray(shapes, np.float32),
        joint_pivots=np.array([[0, 1.5, 0]], np.float32),
        joint_weights=np.ones((int(kept.sum()), 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )


@pytest.fixture(scope="module")
def found(rig: ArkitRig) -> Calibration:
    return calibrate(rig, OPEN)


@pytest.fixture(scope="module")
def places(rig: ArkitRig) -> FacePlaces:
    return rig_places(rig, OPEN)


def rows_by(poses: dict[str, dict[str, float]], places: FacePlaces) -> Float64Array:
    weights = np.stack([weights_of(pose) for pose in poses.values()])
    return face_rows(open_motion(weights, OPEN), places)


def test_a_known_map_is_found(found: Calibration) -> None:
    for name, gain in GAINS.items():
        for k in np.flatnonzero(weights_of({name: 1.0})):
            assert found.map[k, k] == pytest.approx(gain, rel=0.08), ARKIT_NAMES[k]
    dimple = found.map[index("mouthDimpleLeft"), index("mouthSmileLeft")]
    assert dimple == pytest.approx(0.3, abs=0.1)  # cheeks and the smile itself share it
    assert found.reach[index("mouthSmileLeft"), 0] < 0.85
    assert found.reach[index("mouthSmileLeft"), 1] == pytest.approx(1, abs=0.05)


def test_faces_move_as_the_open_heads_does(
    rig: ArkitRig, places: FacePlaces, found: Calibration
) -> None:
    poses = EXPRESSIONS | CLOSED
    wanted = rows_by(poses, open_places(OPEN))
    weights = np.stack([weights_of(pose) for pose in poses.values()]).astype(np.float32)
    for rows, least, most in ((weights, 0.0, 10.0), (calibrated(weights, found), 0.85, 1.15)):
        moved = np.einsum("tk,kvc->tvc", rows, rig.arkit_shapes.astype(np.float64))
        got = face_rows(moved, places)
        ratio = np.linalg.norm(got, axis=1) / np.linalg.norm(wanted, axis=1)
        print(dict(zip(poses, ratio.round(2).tolist(), strict=True)))
        assert ((ratio > least) & (ratio < most))[: len(EXPRESSIONS)].all()
    gaps = [k for k, name in enumerate(row_names()) if name.startswith("rim.gap")]
    on_shut = places.height_m * got[len(EXPRESSIONS) :, gaps].mean(1)
    assert (on_shut < 0.0005).all()  # no pose of closed lips leaves half a millimetre


def test_rows_by_hand() -> None:
    """All places move up by 2 mm, which is that of the height in every y row and parts nothing."""
    places = open_places(OPEN)
    rows = face_rows(np.full((1, len(OPEN.template), 3), [0.0, 0.002, 0.0]), places)[0]
    for name, value in zip(row_names(), rows, strict=True):
        wanted = 0.002 / places.height_m if name.endswith(":y") else 0.0
        assert value == pytest.approx(wanted, abs=1e-9), name
    assert 0.095 < places.height_m < 0.11
    corner = places.rest[PLACES.index("corner.left")]
    np.testing.assert_allclose(corner, [0.021, -0.047, 0.046], atol=0.004)
    assert places.shares.any(1).all()


def test_the_rig_and_the_open_head_have_the_same_places(places: FacePlaces) -> None:
    there = open_places(OPEN)
    assert places.shares.any(1).all()
    away = (places.rest - [0, 1.6, 0.02]) / 1.1 - there.rest
    # Beside the upper lip's ends the registration finds other vertices, and so other means.
    off = np.linalg.norm(away, axis=1)
    assert np.median(off) < 0.0003
    assert off.max() < 0.004
    assert places.height_m == pytest.approx(1.1 * there.height_m, rel=0.03)


def test_brows_that_lie_lower_are_measured_lower(rig: ArkitRig, places: FacePlaces) -> None:
    lower = rig_places(rig, OPEN, brows_lower_mm=5)
    down = (places.rest - lower.rest)[:, 1]
    is_brow = np.array([name.startswith("brow") for name in PLACES])
    # The rig is 1.1 times as large as the open head; skin over the eye curves away.
    assert down[is_brow] == pytest.approx(0.0055, abs=0.001)
    assert not down[~is_brow].any()


def square(moved: float) -> ArkitRig:
    """A square of 1 cm of 2 x 2 x 20 x 20 triangles; each shape moves its middle by `moved`."""
    side = np.linspace(0, 0.01, 21)
    points = np.stack([*np.meshgrid(side, side), np.zeros((21, 21))], 2).reshape(-1, 3)
    corner = (21 * np.arange(20)[:, None] + np.arange(20)).reshape(-1)
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + 21], 1),
            np.stack([corner + 1, corner + 22, corner + 21], 1),
        ]
    )
    shapes = np.zeros((SHAPES, len(points), 3), np.float32)
    shapes[:, :, 0] = np.where(np.abs(points[:, 0] - 0.005) < 0.0001, moved, 0)
    return ArkitRig(
        vertices=points.astype(np.float32),
        faces=faces.astype(np.int32),
        arkit_shapes=shapes,
        joint_pivots=np.zeros((1, 3), np.float32),
        joint_weights=np.zeros((len(points), 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )


@pytest.mark.parametrize(("moved_mm", "most"), [(0.05, 3.0), (0.2, 1.625), (2.0, 3.0)])
def test_weights_end_where_skin_breaks(moved_mm: float, most: float) -> None:
    """Edges of .5 mm shrink to .35 at .325 mm: at a weight of 1.625 of .2 mm, never of .05 mm.
    What is broken at 1 already is the artist's."""
    rig = square(moved_mm / 1000)
    found = largest_weights(rig, np.ones(len(rig.vertices), bool))
    np.testing.assert_allclose(found, most, atol=0.07)


def avatar_on(rig: ArkitRig) -> Avatar:
    count = len(rig.vertices)
    return Avatar(
        name="disguised",
        surface=rig,
        binding="vertex",
        follow="stretch",
        anchors=np.arange(count, dtype=np.int32),
        offsets=np.zeros((count, 3), np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.full((count, 3), 0.001, np.float32),
        opacities=np.ones(count, np.float32),
        colours=np.ones((count, 3), np.float32),
    )


def smile() -> Float32Array:
    expression = np.zeros((1, 100), np.float32)
    expression[0, [index("mouthSmileLeft"), index("mouthSmileRight")]] = 0.6
    return expression


def test_takes_go_through_it_once(rig: ArkitRig, found: Calibration) -> None:
    def pose(expression: Float32Array, calibration: Calibration | None) -> Float32Array:
        avatar = avatar_on(replace(rig, calibration=calibration))
        motion = make_motion(expression=expression, fps=30, space="arkit")
        mesh = animate_mesh(avatar, motion, with_turns=True)
        assert mesh is not None
        return mesh.playing(motion).pose(0).vertices

    mapped = smile()
    mapped[:, :SHAPES] = calibrated(smile()[:, :SHAPES], found)
    np.testing.assert_array_equal(pose(smile(), found), pose(mapped, None))
    assert np.abs(pose(smile(), found) - pose(smile(), None)).max() > 0.001


def test_an_avatars_file_keeps_it(rig: ArkitRig, found: Calibration) -> None:
    data = encode_avatar(avatar_on(replace(rig, calibration=found)))
    back = decode_avatar(data, "mine.safetensors").surface
    assert isinstance(back, ArkitRig)
    for name in ("map", "most", "gaps", "reach"):
        np.testing.assert_array_equal(getattr(back.calibration, name), getattr(found, name))
    plain = decode_avatar(data, "mine.safetensors", plain_shapes=True)
    assert isinstance(plain.surface, ArkitRig)
    assert plain.surface.calibration is None
    again = decode_avatar(encode_avatar(plain), "plain.safetensors").surface
    assert isinstance(again, ArkitRig)
    assert again.calibration is None  # it says so itself
    assert fingerprint(plain) != fingerprint(decode_avatar(data, "mine.safetensors"))


def test_it_is_measured_once(
    rig: ArkitRig, found: Calibration, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[ArkitRig] = []

    def measure(one: ArkitRig, _: object, *, brows_lower_mm: float) -> Calibration:
        calls.append(one)
        assert brows_lower_mm == PORTRAIT_BROWS_MM
        return found

    monkeypatch.setattr(module, "default_cache_folder", lambda: tmp_path)
    monkeypatch.setattr(module, "calibrate", measure)
    for _ in range(2):
        surface = with_calibration(avatar_on(rig)).surface
        assert isinstance(surface, ArkitRig)
        assert surface.calibration is not None
        np.testing.assert_array_equal(surface.calibration.map, found.map)
    assert len(calls) == 1
    (kept,) = (tmp_path / "calibrations").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])  # a damaged file is none
    with_calibration(avatar_on(rig))
    other = replace(rig, vertices=(rig.vertices * np.float32(1.01)))
    with_calibration(avatar_on(other))
    assert len(calls) == 3


def test_a_character_is_measured_once_and_apart_from_a_portrait(
    rig: ArkitRig, found: Calibration, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[float] = []

    def measure(_: ArkitRig, __: object, *, brows_lower_mm: float) -> Calibration:
        asked.append(brows_lower_mm)
        return found

    monkeypatch.setattr(module, "default_cache_folder", lambda: tmp_path)
    monkeypatch.setattr(module, "calibrate", measure)
    for _ in range(2):
        np.testing.assert_array_equal(kept_calibration(rig, OPEN).gaps, found.gaps)
        with_calibration(avatar_on(rig))
    assert asked == [0.0, PORTRAIT_BROWS_MM]
    assert len(list((tmp_path / "calibrations").iterdir())) == 2


def test_a_rig_without_a_face_says_so() -> None:
    avatar = decode_avatar(lam_bundle(), "egg.zip")
    assert isinstance(avatar.surface, ArkitRig)
    assert avatar.surface.calibration is None
    assert any("calibrated" in note and "eyeballs" in note for note in avatar.notes)
    assert decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True).notes == ()
    with pytest.raises(InputError) as caught:
        calibrate(avatar.surface, OPEN)
    assert caught.value.code == "avatar.calibration"


def test_the_report_names_what_a_shape_becomes(found: Calibration) -> None:
    (line,) = (line for line in report(found) if line.startswith("mouthSmileLeft"))
    assert "mouthSmileLeft + 0." in line
    assert "mouthDimpleLeft" in line


@pytest.mark.parametrize("change", [lambda d: d[:-40], lambda d: d.replace(b"F32", b"F16", 1)])
def test_a_damaged_file_is_refused(
    rig: ArkitRig, found: Calibration, change: Callable[[bytes], bytes]
) -> None:
    data = encode_avatar(avatar_on(replace(rig, calibration=found)))
    with pytest.raises(InputError) as caught:
        decode_avatar(change(data), "mine.safetensors")
    assert caught.value.code == "file.damaged"


def test_a_lam_avatars_lips_and_smile(real_data: Path) -> None:
    avatar = decode_avatar((real_data / "lam_avatars/barbara.zip").read_bytes(), "barbara.zip")
    rig = avatar.surface
    assert isinstance(rig, ArkitRig)
    assert rig.calibration is not None
    reach = rig.calibration.reach
    for name, by_name in (("mouthSmile", (0.1, 0.3)), ("eyeWide", (0.5, 0.75))):
        for k in np.flatnonzero(weights_of({name: 1.0})):
            assert by_name[0] < reach[k, 0] < by_name[1]
            assert 0.75 < reach[k, 1] < 1.15
    left, right = (rig.calibration.map[index(f"mouthSmile{s}"), index(f"mouthSmile{s}")]
                   for s in ("Left", "Right"))  # fmt: skip
    assert left == pytest.approx(right, abs=1e-5)


def test_the_command_shows_and_writes_it(
    rig: ArkitRig,
    found: Calibration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "calibrate", lambda *_, **__: found)
    monkeypatch.setattr(calibration_sheets, "POSES", {"smile": {"mouthSmile": 1.0}})
    plain, sheet, out = (
        tmp_path / name for name in ("plain.safetensors", "s.png", "o.safetensors")
    )
    plain.write_bytes(encode_avatar(avatar_on(rig)))
    command = ["avatar", "calibrate", "--avatar", str(plain), "--show", str(sheet)]
    assert run([*command, "--out", str(out)]) == 0
    assert "mouthDimpleLeft" in capsys.readouterr().out
    back = decode_avatar(out.read_bytes(), "o.safetensors").surface
    assert isinstance(back, ArkitRig)
    assert back.calibration is not None
    np.testing.assert_array_equal(back.calibration.map, found.map)
    triple = np.asarray(Image.open(sheet)).astype(int)
    cell = calibration_sheets.SIZE
    by_name, by_effect = (
        triple[:cell, cell + 20 : 2 * cell],
        triple[:cell, 2 * cell + 30 : 3 * cell + 10],
    )
    assert np.abs(by_name - by_effect).max() > 50  # they are not the same picture


def test_an_avatar_without_shapes_has_no_calibration(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["avatar", "calibrate", "--avatar", "open-gaussians"]) == 2
    assert "avatar.calibration" in capsys.readouterr().err
