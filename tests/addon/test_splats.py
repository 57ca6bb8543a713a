# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars as objects of the scene in Blender 5.3: what is drawn are the sidecar's Gaussians."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import Motion, make_motion
from affekt.shared.take_files import encode_motion
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.avatar.splats import Splats
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.read import read_head
from affekt.sidecar.motion.read import decode_motion
from affekt.sidecar.render.shot import motion_for
from fakes.flame import flame_arrays, npz
from fakes.lam import lam_bundle
from fakes.splats import flame_param, splat_ply
from scipy.spatial.transform import Rotation

from .conftest import ROOT, RunScript, run_script
from .nouns import random_motion

DEMO = ROOT / "sidecar/assets/demo/take.npz"
DATA = Path(os.environ.get("AFFEKT_TEST_DATA", ROOT.parent / "shared" / "data"))
FOLLOWS = ("still", "stretch", "surface", "deform")
NEAR = 1e-4
BAKED = (20, 50, 80, 110, 140, 170)
"""Frames of the demo take at which each of the six emotions is keyed."""
SPACE = "flame2023"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is imported and played. baked: frames at which the six emotions are keyed. loose: the
    manners whose rotations are only near in most Gaussians."""

    name: str
    avatar: Path | str
    truth: Avatar
    take: Path
    frames: tuple[int, ...]
    fps: int = 30
    flame: Path | str = ""
    baked: tuple[int, ...] = ()
    follows: tuple[str, ...] = FOLLOWS
    loose: tuple[str, ...] = field(default=())

    def options(self, folder: Path) -> dict[str, object]:
        kept = {key: folder / f"{self.name}.{key}.npz" for key in ("out", "motion")}
        return {
            "name": self.name,
            "avatar": str(self.avatar),
            "take": self.take,
            "flame": str(self.flame),
            "version": "FLAME2023" if self.flame else "FILE",
            "frames": self.frames,
            "fps": self.fps,
            "bake_frames": self.baked,
            "follows": self.follows,
            **kept,
        }


def open_case() -> Case:
    return Case(
        name="open",
        avatar="open-gaussians",
        truth=open_avatar(read_head("open")),
        take=DEMO,
        frames=BAKED,
        baked=BAKED,
    )


def egg_case(folder: Path) -> Case:
    path = folder / "egg.zip"
    path.write_bytes(lam_bundle())
    return Case(
        name="egg", avatar=path, truth=read_avatar(path), take=DEMO, frames=BAKED, baked=BAKED
    )


def flame_case(folder: Path) -> Case:
    """GaussianAvatars' two files on the fakes' FLAME."""
    (folder / "flame.npz").write_bytes(npz(flame_arrays()))
    flame = read_flame(folder / "flame.npz", space=SPACE)
    person = folder / "person"
    person.mkdir()
    (person / "point_cloud.ply").write_bytes(splat_ply(400, faces=len(flame.faces)))
    (person / "flame_param.npz").write_bytes(flame_param(len(flame.template)))
    take = small_motion(SPACE, 6)
    (folder / "flame_take.npz").write_bytes(encode_motion(take))
    return Case(
        name="person",
        avatar=person / "point_cloud.ply",
        truth=read_avatar(person / "point_cloud.ply", flame),
        take=folder / "flame_take.npz",
        frames=(0, 2, 5),
        flame=folder / "flame.npz",
    )


def own_case(folder: Path) -> Case:
    """Affekt's own file of the open head's Gaussians, in a scene of 120 frames a second."""
    truth = open_avatar(read_head("open"))
    path = folder / "mine.safetensors"
    path.write_bytes(encode_avatar(truth))
    take = folder / "own_take.npz"
    take.write_bytes(encode_motion(small_motion("open", 6)))
    return Case(
        name="mine",
        avatar=path,
        truth=truth,
        take=take,
        frames=(0, 3, 5),
        fps=120,
        follows=("deform",),
    )


def small_motion(space: str, frames: int) -> Motion:
    """Every channel moves, as far as a face does."""
    wild = random_motion(frames, expression_scale=0.2)
    names = ("jaw", "neck", "eyes", "rotation", "translation")
    others = {name: 0.4 * getattr(wild, name) for name in names}
    return make_motion(expression=wild.expression, fps=30.0, space=space, **others)


def worst(case: Case, folder: Path, told: dict) -> dict[str, list[float]]:
    """The farthest that Blender's places, scales and rotations are from the sidecar's, by manner,
    and the part of the Gaussians that are not turned nearly alike."""
    motion = decode_motion((folder / f"{case.name}.motion.npz").read_bytes(), "own")
    played = motion_for(case.truth, motion, None)
    found: dict[str, list[float]] = {}
    with np.load(folder / f"{case.name}.out.npz") as drawn:
        for follow in case.follows:
            actor, rows = Actor(case.truth, played, follow), []
            for frame in case.frames:
                wanted = actor.pose(frame, with_smooth_normals=False).gaussians
                place, scale, turn = (
                    drawn[f"{follow}.{frame}.{name}"] for name in ("position", "scale", "rotation")
                )
                off = turn_difference(turn, wanted.quaternions)
                # The axes of a round one have no direction: what it draws is the same.
                off = np.minimum(off, shape_difference(turn, scale, wanted))
                rows.append(
                    [
                        float(np.abs(in_flame_axes(place) - wanted.means).max()),
                        float(np.abs(scale - wanted.scales).max()),
                        float(off.max()),
                        float((off > NEAR).mean()),
                    ]
                )
            found[follow] = np.max(rows, 0).tolist()
    assert told["points"] == len(case.truth)
    assert told["follow"] == case.truth.follow.title()
    assert told["hidden"] == [True, True]
    assert told["warnings"] == []
    return found


def in_flame_axes(vectors: np.ndarray) -> np.ndarray:
    x, y, z = vectors.T
    return np.stack([x, z, -y], 1)


def turn_difference(drawn: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(N,) the largest difference of a part of the quaternion, in FLAME's axes."""
    w, x, y, z = drawn.astype(np.float64).T
    half = np.sqrt(0.5)  # back by a quarter turn about x
    back = half * np.stack([w + x, x - w, y + z, z - y], 1)
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    same = np.sign(np.sum(back * wanted, 1, keepdims=True))
    return np.abs(back * same - wanted).max(1)


def shape_difference(turn: np.ndarray, scale: np.ndarray, wanted: Splats) -> np.ndarray:
    """(N,) the largest difference of the covariance, over the square of the longest axis."""
    back = Rotation.from_euler("x", -90, degrees=True)
    drawn = back * Rotation.from_quat(np.roll(turn.astype(np.float64), -1, 1))
    true = Rotation.from_quat(np.roll(wanted.quaternions.astype(np.float64), -1, 1))
    one, other = (
        (axes := turns.as_matrix() * lengths[:, None, :].astype(np.float64)) @ axes.swapaxes(1, 2)
        for turns, lengths in ((drawn, scale), (true, wanted.scales))
    )
    return np.abs(one - other).max((1, 2)) / np.max(wanted.scales, 1) ** 2


def check(case: Case, folder: Path, told: dict) -> None:
    for follow, (place, scale, turn, far) in worst(case, folder, told).items():
        print(f"{case.name} {follow}: {place:.1e} m, {scale:.1e} m, {turn:.1e}, {far:.2%} not near")
        assert place < NEAR, (case.name, follow)
        assert scale < NEAR, (case.name, follow)
        if follow in case.loose:
            assert far < 0.02, (case.name, follow)
        else:
            assert turn < NEAR, (case.name, follow)


def test_the_quarter_turn_back() -> None:
    """What the comparison rests on: FLAME's y is Blender's z."""
    half = np.sqrt(0.5)
    # Of turning by 90 degrees about y and then into Blender's axes all four parts are 1 / 2.
    assert turn_difference(np.full((1, 4), 0.5), np.array([[half, 0, half, 0]])) < 1e-7
    assert turn_difference(np.full((1, 4), 0.5), np.array([[half, 0, 0, half]])) > 0.5
    wanted = Splats(
        means=np.zeros((2, 3), np.float32),
        quaternions=np.array([[half, 0, half, 0]] * 2, np.float32),
        scales=np.array([[3, 2, 1], [2, 1, 2]], np.float32),
        opacities=np.ones(2, np.float32),
        colours=np.ones((2, 3), np.float32),
    )
    assert shape_difference(np.full((2, 4), 0.5), wanted.scales, wanted).max() < 1e-6
    # Unturned, the first is another shape; the second is round about y.
    plain = np.array([[half, half, 0, 0]] * 2)
    apart = shape_difference(plain, wanted.scales, wanted)
    assert apart[0] > 0.5
    assert apart[1] < 1e-6


@pytest.mark.one_blender
def test_splats_are_the_sidecars_gaussians(
    in_blender: RunScript, blender_python: str, tmp_path: Path
) -> None:
    if "bpy53" not in blender_python:
        pytest.skip("Blender draws Gaussians from 5.3 on")
    cases = [open_case(), egg_case(tmp_path), flame_case(tmp_path), own_case(tmp_path)]
    (tmp_path / "vase.ply").write_bytes(splat_ply(60))
    (tmp_path / "picture.ply").write_bytes(b"\x89PNG\r\n")
    blend, frames = tmp_path / "shot.blend", [1, 40]
    points = str(tmp_path / "person" / "point_cloud.ply")
    told = in_blender(
        "splats.py",
        python=sys.executable,
        cases=[case.options(tmp_path) for case in cases],
        still=tmp_path / "vase.ply",
        blend=blend,
        drawn_frames=frames,
        render=tmp_path / "with.bmp",
        refused={
            "no file": {"filepath": str(tmp_path / "none.zip")},
            "no avatar": {"filepath": ""},
            "picture": {"filepath": str(tmp_path / "picture.ply")},
            "without FLAME": {"filepath": points},
            "no FLAME file": {"filepath": points, "flame": str(tmp_path / "none.pkl")},
        },
    )
    for case in cases:
        print(f"{case.name}: imported in {told['cases'][case.name]['import_s']:.2f} s")
        check(case, tmp_path, told["cases"][case.name])
    assert told["still"] == ["POINTCLOUD", 0]
    check_refusals(told["refused"])
    check_changes(told["changed"])
    alone = run_script(
        blender_python,
        tmp_path / "nobody",
        "splats_alone.py",
        {
            "blend": str(blend),
            "cloud": told["cases"]["open"]["cloud"],
            "frames": frames,
            "render": str(tmp_path / "without.bmp"),
        },
        tmp_path,
    )
    assert alone["drawn"] == told["drawn"]
    assert alone["overridden"] == told["drawn"]
    assert alone["render"] == told["render"]
    assert len(set(bytes.fromhex(told["render"])[-4800:])) > 20, "nothing was drawn"


@pytest.mark.two_blenders
def test_before_5_3_it_names_the_other_way(in_blender: RunScript, blender_python: str) -> None:
    if "bpy53" in blender_python:
        pytest.skip("Blender draws Gaussians from 5.3 on")
    told = in_blender("splats_before.py")
    assert "need Blender 5.3; this is" in told["said"]
    assert "Render Avatar" in told["said"]
    assert "POINTCLOUD" not in told["objects"]


def check_refusals(refused: dict[str, str]) -> None:
    assert "There is no file" in refused["no file"]
    assert "No avatar is chosen" in refused["no avatar"]
    assert "picture" in refused["picture"]
    assert "FLAME File" in refused["without FLAME"]
    assert "There is no file" in refused["no FLAME file"]


def check_changes(changed: dict) -> None:
    assert changed["moves"] > 1e-3, "the control: the take moves the splats"
    assert ["button", "affekt.bind_splats"] in changed["panel"], "the splats stand for their head"
    assert changed["other_mesh"] == 0, "with another mesh they stand still"
    assert any("other vertices" in said for said in changed["other_mesh_said"])
    assert changed["mesh_back"] == changed["bound_again"] == changed["points_deleted"] == 0
    assert changed["look_off"] == 0
    half = np.exp(0.1)
    np.testing.assert_allclose(changed["look_scale"], [half, 1, 1], rtol=1e-5)
    now, before = (np.array(one) for one in changed["look_rotation"])
    assert np.isclose(2 * np.arccos(min(1, abs(now @ before))), 0.05, atol=1e-4)
    now, before = (np.array(one) for one in changed["look_colour"])
    np.testing.assert_allclose(now - before, [0.25, 0, -0.125, 0], atol=1e-6)
    assert "bound to no head" in changed["unbound"]
    assert "were bound to" in changed["other_vertices"]


@pytest.mark.full
@pytest.mark.one_blender
def test_real_lam_avatars(in_blender: RunScript, blender_python: str, tmp_path: Path) -> None:
    """Tiny triangles around the eyes turn by noise of single precision: `surface`, which no LAM
    avatar uses, is near in all but 2 % of the Gaussians."""
    if "bpy53" not in blender_python:
        pytest.skip("Blender draws Gaussians from 5.3 on")
    paths = sorted(DATA.glob("lam_avatars/*.zip"))
    if not paths:
        pytest.skip(f"no LAM avatars in {DATA}")
    cases = [
        Case(
            name=path.stem,
            avatar=path,
            truth=read_avatar(path),
            take=DEMO,
            frames=BAKED,
            baked=BAKED,
            loose=("surface", "deform"),
        )
        for path in paths
    ]
    (tmp_path / "vase.ply").write_bytes(splat_ply(60))
    told = in_blender(
        "splats.py",
        python=sys.executable,
        cases=[case.options(tmp_path) for case in cases],
        still=tmp_path / "vase.ply",
        blend=tmp_path / "shot.blend",
        drawn_frames=[1],
        render=tmp_path / "with.bmp",
        refused={},
    )
    for case in cases:
        check(case, tmp_path, told["cases"][case.name])
