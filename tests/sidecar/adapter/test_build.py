# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt adapter build` on FLAME files whose map is known: it is found again."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion import constant_track
from affekt.shared.head import REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES, Motion, cut_motion, make_motion
from affekt.sidecar.adapter.solve import Forward, arkit_numbers
from affekt.sidecar.cli import run
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.read import read_head
from affekt.sidecar.motion.adapter import (
    LinearAdapter,
    add_open_difference,
    open_to_arkit,
    read_adapter,
    to_open,
)
from affekt.sidecar.motion.read import read_motion
from fakes.bakes import bake
from fakes.flame import npz
from fakes.flame_twin import Twin, real_mesh_twin, remeshed_twin
from fakes.modulator import small_modulator
from fakes.takes import arkit_motion, random_motion

SPACES = {"remeshed": "flame2020", "FLAME's mesh": "flame2023"}
DEMO = Path(__file__).parents[3] / "sidecar" / "assets" / "demo" / "take.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class Built:
    """A twin of the open head, and what the command made of its file. `face` (V,) are the
    vertices of the twin that the command can see and some ARKit weight moves by over 0.5 mm."""

    name: str
    twin: Twin
    flame: HeadModel
    open: HeadModel
    adapter: LinearAdapter
    report: dict
    face: np.ndarray


def make_twin(name: str, head: HeadModel, request: pytest.FixtureRequest) -> Twin:
    if name == "remeshed":
        return remeshed_twin(head)
    basis = request.getfixturevalue("real_data") / "flame_open" / "flame_basis.npz"
    if not basis.is_file():
        pytest.skip("no mesh of FLAME 2023 Open here: flame_open/flame_basis.npz")
    return real_mesh_twin(head, basis)


@pytest.fixture(scope="module", params=sorted(SPACES))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    head, folder = read_head("open"), tmp_path_factory.mktemp("adapter")
    twin = make_twin(request.param, head, request)
    file, out = folder / "twin.npz", folder / "adapter.npz"
    file.write_bytes(npz(twin.arrays))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFEKT_CACHE_DIR", str(folder))
        space = SPACES[request.param]
        words = ["--flame", str(file), "--out", str(out), "--space", space]
        assert run(["adapter", "build", *words]) == 0
        flame = read_flame(file, None, space)
    shapes = np.stack([twin.carry(moved) for moved in open_shapes(head)])
    outside = twin.sample((head.region <= 2).astype(float)) > 0.99  # skin, brow, lip
    return Built(
        name=request.param,
        twin=twin,
        flame=flame,
        open=head,
        adapter=read_adapter(out),
        report=json.loads(out.with_suffix(".json").read_text()),
        face=outside & (np.linalg.norm(shapes, axis=2).max(0) > 0.0005),
    )


def open_shapes(head: HeadModel) -> np.ndarray:
    return Forward(head, np.arange(len(head.template)))(arkit_numbers(head))


def millimetres(built: Built, difference: np.ndarray) -> np.ndarray:
    return 1000 * np.linalg.norm(difference, axis=-1)[..., built.face]


def flame_shapes(built: Built, numbers: np.ndarray) -> np.ndarray:
    return Forward(built.flame, np.arange(len(built.flame.template)))(numbers)


def test_every_shape_is_found_again(built: Built) -> None:
    truth = np.stack([built.twin.carry(moved) for moved in open_shapes(built.open)])
    ours = flame_shapes(built, built.adapter.space_from_arkit.T.astype(np.float64))
    missed, moves = millimetres(built, ours - truth), millimetres(built, truth)
    moving = missed[moves > 1]
    medians = np.median(missed, axis=1)
    worst = int(medians.argmax())
    print(
        f"{built.name}: face {np.median(missed):.3f} mm, 95 % {np.percentile(missed, 95):.3f} mm; "
        f"where a shape moves over 1 mm {np.median(moving):.3f} mm, "
        f"95 % {np.percentile(moving, 95):.3f} mm; worst {ARKIT_NAMES[worst]} {medians[worst]:.3f}"
    )
    assert medians.max() < 0.3
    assert np.median(moving) < 0.3


def test_the_report_says_the_same(built: Built) -> None:
    shapes = built.report["shapes"]
    assert [shape["name"] for shape in shapes] == list(ARKIT_NAMES)
    assert built.report["left_out"] == ["tongueOut"]  # a FLAME head has no tongue
    assert built.report["median_mm"] < 0.1
    assert max(shape["median_mm"] for shape in shapes) < 0.3
    assert built.report["space"] == built.adapter.space == SPACES[built.name]


def arkit_take(head: HeadModel) -> Motion:
    """The demo's take as ARKit's weights say it, every fifth frame, in the open space."""
    weights = open_to_arkit(read_motion(DEMO), head)[::5]
    expression = np.zeros((len(weights), 100), np.float32)
    expression[:, :52] = weights
    return to_open(make_motion(expression=expression, fps=30.0, space="arkit"), head, None)


def whole_take(head: HeadModel) -> Motion:
    """The demo's take with the components that ARKit has no weight for, every fifth frame."""
    take = read_motion(DEMO)
    assert np.abs(take.expression[:, 52:]).max() > 0.1
    return make_motion(
        expression=take.expression[::5],
        jaw=take.jaw[::5],
        eyes=take.eyes[::5],
        fps=30.0,
        space="open",
    )


def to_flame(built: Built, take: Motion) -> Motion:
    """An open take as a change of a FLAME take at rest."""
    rest = make_motion(expression=np.zeros((len(take), 100)), fps=30.0, space=built.adapter.space)
    before = to_open(rest, built.open, built.adapter)
    assert not before.expression.any()
    over = add_open_difference(rest, before, take, built.adapter, built.open)
    return replace(over, eyes=take.eyes)


def numbers_of(motion: Motion) -> np.ndarray:
    return np.concatenate([motion.expression, motion.jaw], 1).astype(np.float64)


def on_open(built: Built, motion: Motion) -> np.ndarray:
    """(T, skin, 3) displacement of the open head's skin and lips. Its brows' hairs ride on them:
    thousands of vertices in one place, which would outweigh the face."""
    surface = [REGIONS.index(name) for name in ("skin", "lip")]
    forward = Forward(built.open, np.flatnonzero(np.isin(built.open.region, surface)))
    return forward(numbers_of(motion))


@pytest.mark.parametrize("make_take", [arkit_take, whole_take])
def test_a_take_goes_over(built: Built, make_take: Callable[[HeadModel], Motion]) -> None:
    take = make_take(built.open)
    everywhere = Forward(built.open, np.arange(len(built.open.template)))(numbers_of(take))
    truth = np.stack([built.twin.carry(moved) for moved in everywhere])
    ours = flame_shapes(built, numbers_of(to_flame(built, take)))
    missed, moves = millimetres(built, ours - truth), millimetres(built, truth)
    print(
        f"{built.name}: {make_take.__name__} to FLAME, which moves the face by "
        f"{np.percentile(moves, 95):.1f} mm (95 %): {np.median(missed):.3f} mm, "
        f"95 % {np.percentile(missed, 95):.3f} mm"
    )
    assert np.median(missed) < 0.3
    assert np.percentile(missed, 95) < 0.1 * np.percentile(moves, 95)


def test_a_take_goes_over_and_comes_back(built: Built) -> None:
    take = arkit_take(built.open)
    back = to_open(to_flame(built, take), built.open, built.adapter)
    changed = 1000 * np.linalg.norm(on_open(built, back) - on_open(built, take), axis=2)
    print(f"{built.name}: there and back, at most {changed.max():.4f} mm")
    assert changed.max() < 0.5


def test_a_take_of_the_twin_comes_over(built: Built) -> None:
    """Its true numbers, which the adapter never saw, move the open head as they should."""
    take = arkit_take(built.open)
    expression, jaw = built.twin.numbers(take.expression, take.jaw)
    space = built.adapter.space
    other = make_motion(expression=expression, jaw=jaw, eyes=take.eyes, fps=30.0, space=space)
    found = to_open(other, built.open, built.adapter)
    missed = 1000 * np.linalg.norm(on_open(built, found) - on_open(built, take), axis=2)
    print(
        f"{built.name}: true take to open {np.median(missed):.3f} mm, "
        f"95 % {np.percentile(missed, 95):.3f} mm"
    )
    assert np.median(missed) < 0.1
    assert np.percentile(missed, 95) < 1


def test_weights_that_are_not_negative_are_nearer_than_clipped_ones(built: Built) -> None:
    weights = arkit_motion(60).expression[:, :52]
    expression, jaw = np.split(weights @ built.adapter.space_from_arkit.T, [100], axis=1)
    noise = np.random.default_rng(0).normal(0, 0.1, expression.shape)
    take = make_motion(expression=expression + noise, jaw=jaw, fps=30.0, space=built.adapter.space)
    near = to_open(take, built.open, built.adapter).expression[:, :52]
    linear = replace(built.adapter, weight_root=None, space_from_open=None)
    clipped = to_open(take, built.open, linear).expression[:, :52]
    assert near.min() >= 0
    assert (near == 0).any()

    def error(found: np.ndarray) -> float:
        ours = (found @ built.adapter.space_from_arkit.T).astype(np.float64)
        moved = flame_shapes(built, ours) - flame_shapes(built, numbers_of(take))
        return float(np.sqrt((millimetres(built, moved) ** 2).mean()))

    print(f"{built.name}: not negative {error(near):.3f} mm, clipped {error(clipped):.3f} mm")
    assert error(near) < error(clipped)


FRAMES = 40


def take_in(space: str) -> Motion:
    return arkit_motion(FRAMES) if space == "arkit" else random_motion(FRAMES, space=space)


def spaces(built: Built) -> list[str]:
    return ["open", "arkit", built.adapter.space]


def same(a: Motion, b: Motion) -> bool:
    return all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes()
        for name in ("expression", "jaw", "neck", "eyes", "rotation", "translation", "shape")
    )


def test_influence_0_gives_the_take_bit_for_bit(built: Built) -> None:
    track = constant_track(FRAMES, 30.0, happy=1.0, influence=0.0)
    for space in spaces(built):
        take = take_in(space)
        result = bake(take, track, built.open, built.adapter, small_modulator())
        assert same(result.take_motion, take), space


def test_frames_alone_are_those_of_the_whole(built: Built) -> None:
    track = constant_track(FRAMES, 30.0, happy=1.0)
    for space in spaces(built):
        take = take_in(space)
        whole = bake(take, track, built.open, built.adapter, small_modulator())
        assert not same(whole.take_motion, take), space
        part = bake(take, track, built.open, built.adapter, small_modulator(), range(10, 20))
        assert same(part.motion, cut_motion(whole.motion, 10, 20)), space
        assert same(part.take_motion, cut_motion(whole.take_motion, 10, 20)), space
