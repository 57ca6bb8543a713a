# SPDX-License-Identifier: GPL-3.0-or-later
"""Spaces: exact one way, nearest the other, and only the difference comes back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, Motion, cut_motion, make_motion
from affekt.sidecar.head.read import read_head
from affekt.sidecar.motion import arkit_from_open
from affekt.sidecar.motion.adapter import (
    LinearAdapter,
    add_open_difference,
    as_arkit,
    from_open,
    make_linear_adapter,
    open_to_arkit,
    read_adapter,
    to_open,
    write_adapter,
)
from affekt.sidecar.motion.read import read_motion
from fakes.head import small_head
from fakes.takes import arkit_motion, random_motion
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

HEAD = small_head()


def random_adapter(space: str = "flame2023") -> LinearAdapter:
    rng = np.random.default_rng(1)
    return LinearAdapter(
        space=space,
        arkit_from_space=rng.normal(0, 0.1, (52, 103)).astype(np.float32),
        arkit_bias=rng.random(52).astype(np.float32) * 0.3,
        space_from_arkit=rng.normal(0, 1, (103, 52)).astype(np.float32),
    )


def matrices_file(path: Path, **changes: np.ndarray) -> Path:
    rng = np.random.default_rng(0)
    names = np.array(["_neutral", *ARKIT_NAMES[:51][::-1]])
    arrays = {
        "arkit_from_flame": rng.normal(0, 0.1, (52, 103)).astype(np.float32),
        "arkit_bias": rng.random(52).astype(np.float32),
        "flame_from_arkit": rng.normal(0, 1, (103, 52)).astype(np.float32),
        "arkit_names": names,
    }
    np.savez(path, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})
    return path


def code_of(function, *args) -> str:
    with pytest.raises(InputError) as caught:
        function(*args)
    return caught.value.code


def test_open_takes_are_themselves() -> None:
    motion = random_motion()
    assert to_open(motion, HEAD, None) is motion


@given(seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_arkit_to_open_and_back_is_exact(seed: int) -> None:
    take = arkit_motion(seed=seed)
    back = open_to_arkit(to_open(take, HEAD, None), HEAD)
    np.testing.assert_allclose(back, take.expression[:, :52], rtol=0, atol=1e-5)


def test_arkit_to_open_and_back_is_exact_on_the_open_head() -> None:
    head = read_head("open")
    take = arkit_motion()
    moved = to_open(take, head, None)
    jaw_open, look = ARKIT_NAMES.index("jawOpen"), ARKIT_NAMES.index("eyeLookDownLeft")
    assert head.arkit_jaw[0, jaw_open] > 0.1
    assert head.arkit_eyes[0, look] > 0.1
    np.testing.assert_allclose(
        moved.jaw[:, 0], take.expression[:, jaw_open] * head.arkit_jaw[0, jaw_open], rtol=1e-5
    )
    back = open_to_arkit(moved, head)
    np.testing.assert_allclose(back, take.expression[:, :52], rtol=0, atol=1e-5)


def arkit_take(eyes: tuple[float, ...] = (0.0,) * 6, **weights: float) -> Motion:
    """One frame of named weights."""
    expression = np.zeros((1, 100))
    for name, weight in weights.items():
        expression[0, ARKIT_NAMES.index(name)] = weight
    return make_motion(expression=expression, eyes=[eyes], fps=30.0, space="arkit")


def test_an_open_take_as_arkit_weights_says_jaw_and_eyes_by_weights() -> None:
    take = replace(arkit_motion(), eyes=np.zeros_like(arkit_motion().eyes))
    back = as_arkit(to_open(take, HEAD, None), HEAD)
    assert back.space == "arkit"
    np.testing.assert_allclose(back.expression, take.expression, rtol=0, atol=1e-5)
    assert not back.jaw.any()
    assert not back.eyes.any()
    np.testing.assert_array_equal(back.rotation, take.rotation)
    looking = as_arkit(replace(random_motion(), eyes=np.full((40, 6), 0.1, np.float32)), HEAD)
    assert not looking.eyes.any()
    assert not looking.jaw.any()
    with pytest.raises(InputError) as caught:
        as_arkit(take, HEAD)
    assert caught.value.code == "space.no_adapter"


def test_an_arkit_take_adds_its_weights_gaze_to_the_eyes_that_it_has() -> None:
    look = np.zeros((6, 52), np.float32)
    look[0, ARKIT_NAMES.index("eyeLookDownLeft")] = 0.4
    look[4, ARKIT_NAMES.index("eyeLookOutRight")] = -0.6
    own = (0.01, -0.02, 0.03, -0.04, 0.05, 0.06)
    take = arkit_take(own, eyeLookDownLeft=0.5, eyeLookOutRight=0.25, jawOpen=0.5)
    moved = to_open(take, replace(HEAD, arkit_eyes=look), None)
    wanted = [0.01 + 0.5 * 0.4, -0.02, 0.03, -0.04, 0.05 - 0.25 * 0.6, 0.06]
    np.testing.assert_allclose(moved.eyes[0], wanted, rtol=0, atol=1e-7)
    np.testing.assert_allclose(moved.jaw[0], [0.15, 0, 0], rtol=0, atol=1e-7)


def test_weights_below_zero_stay_where_they_are_and_others_never_get_there() -> None:
    """Smoothing and filters leave an ARKit take with negative weights: they are the take's own."""
    take = arkit_take(browDownLeft=-0.2, mouthSmileLeft=0.1, jawOpen=0.1, mouthPucker=-0.3)
    before = to_open(arkit_take(mouthSmileLeft=0.1, jawOpen=0.35), HEAD, None)
    after = to_open(arkit_take(mouthSmileLeft=0.4, jawOpen=0.1, mouthPucker=0.15), HEAD, None)
    mapped = add_open_difference(take, before, after, None, HEAD)
    wanted = arkit_take(browDownLeft=-0.2, mouthSmileLeft=0.4, jawOpen=0.0, mouthPucker=-0.15)
    np.testing.assert_allclose(mapped.expression, wanted.expression, rtol=0, atol=2e-6)
    assert mapped.expression[0, ARKIT_NAMES.index("browDownLeft")] >= np.float32(-0.2)
    assert mapped.expression[0, ARKIT_NAMES.index("jawOpen")] == 0


def test_weights_are_the_nearest_that_are_not_negative() -> None:
    motion = random_motion(6)
    ours = open_to_arkit(motion, HEAD)
    solver = arkit_from_open._solver(HEAD)
    effects = arkit_from_open._effects(HEAD)
    gram = effects.T @ effects
    # Of the displacements' squares, as a share of their mean, and what keeps shapes apart.
    metric = gram / np.mean(np.diagonal(gram)) + 0.005 * np.eye(109)
    np.testing.assert_allclose(solver.root.T @ solver.root, metric, rtol=1e-9, atol=1e-12)
    for frame in range(len(motion)):
        p = np.concatenate([motion.expression[frame], motion.jaw[frame], motion.eyes[frame]])
        slow = lsq_linear(solver.basis, solver.root @ p, (0, np.inf), tol=1e-14).x
        np.testing.assert_allclose(ours[frame], slow, atol=2e-4)
    assert (ours >= 0).all()
    assert (ours == 0).any()


def test_jaw_and_eyes_turn_about_their_own_joints_in_the_metric() -> None:
    effects = arkit_from_open._effects(HEAD).reshape(40, 3, 109)
    np.testing.assert_array_equal(effects[..., :100], HEAD.expression_basis)
    for joint, first in ((2, 100), (3, 103), (4, 106)):  # the joint stands at the vertex `joint`
        x, y, z = (HEAD.template[7] - HEAD.template[joint]).astype(np.float64)
        turns = HEAD.skin_weights[7, joint] * np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        np.testing.assert_allclose(effects[7, :, first : first + 3].T, turns, atol=1e-9)


def test_a_frame_has_the_same_bits_in_every_range() -> None:
    motion, adapter = random_motion(97, space="flame2023"), random_adapter()
    whole = to_open(motion, HEAD, adapter)
    weights = open_to_arkit(whole, HEAD)
    for start, stop in [(0, 1), (3, 4), (5, 60), (31, 97), (96, 97)]:
        part = to_open(cut_motion(motion, start, stop), HEAD, adapter)
        assert part.expression.tobytes() == whole.expression[start:stop].tobytes()
        assert part.jaw.tobytes() == whole.jaw[start:stop].tobytes()
        cut = open_to_arkit(cut_motion(whole, start, stop), HEAD)
        assert cut.tobytes() == weights[start:stop].tobytes()


def test_a_flame_take_of_one_frame_by_hand() -> None:
    """Two numbers make two weights, and jawOpen alone makes the jaw: 0.3 of its weight."""
    forward, bias = np.zeros((52, 103), np.float32), np.zeros(52, np.float32)
    smile, jaw_open = (ARKIT_NAMES.index(name) for name in ("mouthSmileLeft", "jawOpen"))
    forward[smile, 4], forward[jaw_open, 100] = 0.5, 2.0
    bias[smile], bias[jaw_open] = 0.1, -0.2
    adapter = replace(random_adapter(), arkit_from_space=forward, arkit_bias=bias)
    expression = np.zeros((1, 100))
    expression[0, 4] = 1.2
    take = make_motion(expression=expression, jaw=[[0.3, 0.07, -0.05]], fps=25.0, space="flame2023")
    moved = to_open(take, HEAD, adapter)
    wanted = arkit_take(mouthSmileLeft=0.7, jawOpen=0.4)
    np.testing.assert_allclose(moved.expression, wanted.expression, atol=1e-6)
    np.testing.assert_allclose(moved.jaw, [[0.12, 0, 0]], atol=1e-6)
    assert moved.fps == 25.0


def test_flame_takes_keep_their_head_pose_and_lose_their_identity() -> None:
    take = random_motion(space="flame2023")
    moved = to_open(take, HEAD, random_adapter())
    assert moved.space == "open"
    for name in ("neck", "eyes", "rotation", "translation"):
        np.testing.assert_array_equal(getattr(moved, name), getattr(take, name))
    assert not moved.shape.any()
    assert moved.expression.min() >= 0
    assert moved.expression.max() <= np.float32(1.2)


@pytest.mark.parametrize("space", ["arkit", "flame2023"])
def test_no_difference_gives_the_take_bit_for_bit(space: str) -> None:
    take = replace(random_motion(space=space), jaw=np.full((40, 3), -0.0, np.float32))
    before = to_open(take, HEAD, random_adapter())
    assert add_open_difference(take, before, before, random_adapter(), HEAD) is take


@pytest.mark.parametrize("space", ["arkit", "flame2023"])
def test_only_changed_frames_are_touched(space: str) -> None:
    take = random_motion(space=space)
    before = to_open(take, HEAD, random_adapter())
    expression = before.expression.copy()
    expression[7] += 0.1
    after = replace(before, expression=expression)
    mapped = add_open_difference(take, before, after, random_adapter(), HEAD)
    others = np.arange(len(take)) != 7
    assert mapped.expression[others].tobytes() == take.expression[others].tobytes()
    assert mapped.jaw[others].tobytes() == take.jaw[others].tobytes()
    assert not np.array_equal(mapped.expression[7], take.expression[7])


def test_difference_of_an_arkit_take_is_the_weights_difference() -> None:
    take, wanted = arkit_motion(seed=1), arkit_motion(seed=2)
    before, after = to_open(take, HEAD, None), to_open(wanted, HEAD, None)
    mapped = add_open_difference(take, before, after, None, HEAD)
    np.testing.assert_allclose(mapped.expression, wanted.expression, atol=2e-5)
    assert mapped.expression.min() >= 0


def test_difference_of_a_flame_take_is_added_to_it() -> None:
    adapter, rng = random_adapter(), np.random.default_rng(0)
    take = random_motion(space="flame2023")
    take = replace(take, eyes=np.zeros_like(take.eyes))
    before = to_open(take, HEAD, adapter)
    weights = before.expression[:, :52] + rng.random((40, 52)).astype(np.float32)
    carrier = np.zeros((40, 100), np.float32)
    carrier[:, :52] = weights
    after = to_open(replace(take, expression=carrier, space="arkit"), HEAD, None)
    mapped = add_open_difference(take, before, after, adapter, HEAD)
    step = (weights - before.expression[:, :52]) @ adapter.space_from_arkit.T
    np.testing.assert_allclose(mapped.expression, take.expression + step[:, :100], atol=2e-3)
    np.testing.assert_allclose(mapped.jaw, take.jaw + step[:, 100:], atol=2e-3)
    assert mapped.space == "flame2023"


def test_missing_and_wrong_adapters() -> None:
    flame, open_take = random_motion(space="flame2020"), random_motion()
    assert code_of(to_open, flame, HEAD, None) == "space.no_adapter"
    assert code_of(to_open, flame, HEAD, random_adapter("flame2023")) == "space.no_adapter"
    assert code_of(to_open, flame, replace(HEAD, space="flame2020"), None) == "space.no_adapter"
    assert code_of(open_to_arkit, flame, HEAD) == "space.no_adapter"
    changed = replace(open_take, jaw=open_take.jaw + 1)
    assert code_of(add_open_difference, flame, open_take, changed, None, HEAD) == "space.no_adapter"
    assert code_of(random_adapter, "open") == "space.adapter"


def test_adapter_file_round_trip(tmp_path: Path) -> None:
    adapter, path = random_adapter(), tmp_path / "adapter"
    write_adapter(adapter, path)
    first = path.read_bytes()
    again = read_adapter(path)
    assert again.space == adapter.space
    np.testing.assert_array_equal(again.arkit_from_space, adapter.arkit_from_space)
    np.testing.assert_array_equal(again.space_from_arkit, adapter.space_from_arkit)
    write_adapter(again, path)
    assert path.read_bytes() == first


def built_adapter() -> LinearAdapter:
    """As `affekt adapter build` makes them, filled at random."""
    rng = np.random.default_rng(2)
    return replace(
        random_adapter(),
        weight_root=(np.triu(rng.normal(0, 0.1, (52, 52))) + np.eye(52)).astype(np.float32),
        space_from_open=rng.normal(0, 1, (103, 103)).astype(np.float32),
    )


def test_built_adapter_file_round_trip(tmp_path: Path) -> None:
    adapter, path = built_adapter(), tmp_path / "adapter"
    write_adapter(adapter, path)
    again = read_adapter(path)
    for name in ("arkit_from_space", "arkit_bias", "weight_root", "space_from_open"):
        np.testing.assert_array_equal(getattr(again, name), getattr(adapter, name))
    first = path.read_bytes()
    write_adapter(again, path)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"weight_root": None}, "space.adapter"),
        ({"space_from_open": None}, "space.adapter"),
        ({"weight_root": np.full((52, 52), np.nan, np.float32)}, "space.adapter"),
        ({"weight_root": np.eye(51, dtype=np.float32)}, "motion.shape"),
        ({"space_from_open": np.zeros((103, 52), np.float32)}, "motion.shape"),
        ({"space_from_open": np.full((103, 103), "x")}, "file.wrong_kind"),
        ({"space_from_open": np.full((103, 103), None)}, "file.wrong_kind"),
        ({"format": np.array("affekt adapter 3")}, "file.wrong_kind"),
        ({"space": np.array("arkit")}, "space.adapter"),
    ],
)
def test_bad_built_adapter_files(tmp_path: Path, changes: dict, code: str) -> None:
    path = tmp_path / "adapter.npz"
    write_adapter(built_adapter(), path)
    with np.load(path) as file:
        arrays = {**file, **changes}
    np.savez(path, **{name: values for name, values in arrays.items() if values is not None})
    assert code_of(read_adapter, path) == code


def test_a_built_adapter_finds_the_nearest_weights_and_leaves_the_gaze_to_the_eyes() -> None:
    adapter, take = built_adapter(), random_motion(12, space="flame2023")
    take = replace(take, expression=0.3 * take.expression)
    look = np.zeros((6, 52), np.float32)
    column = ARKIT_NAMES.index("eyeLookDownLeft")
    look[0, column] = 0.4
    moved = to_open(take, replace(HEAD, arkit_eyes=look), adapter)
    numbers = np.concatenate([take.expression, take.jaw], 1).astype(np.float64)
    for frame in range(len(take)):
        gaze = np.zeros(52)
        gaze[column] = max(take.eyes[frame, 0] / 0.4, 0)
        linear = adapter.arkit_from_space @ (numbers[frame] - adapter.space_from_arkit @ gaze)
        root = adapter.weight_root.astype(np.float64)
        slow = lsq_linear(root, root @ (linear + adapter.arkit_bias), (0, np.inf), tol=1e-14).x
        np.testing.assert_allclose(
            moved.expression[frame, :52], np.clip(slow + gaze, 0, 1.2), atol=2e-4
        )


def test_a_built_adapter_takes_the_open_difference_itself() -> None:
    adapter, take = built_adapter(), random_motion(space="flame2023")
    before, after = random_motion(seed=1), random_motion(seed=2)
    mapped = add_open_difference(take, before, after, adapter, HEAD)
    change = np.concatenate([after.expression - before.expression, after.jaw - before.jaw], 1)
    step = change @ adapter.space_from_open.T
    np.testing.assert_allclose(mapped.expression, take.expression + step[:, :100], atol=1e-4)
    np.testing.assert_allclose(mapped.jaw, take.jaw + step[:, 100:], atol=1e-4)


@pytest.mark.parametrize("is_built", [False, True])
def test_an_open_take_goes_to_flame(is_built: bool) -> None:
    adapter = built_adapter() if is_built else random_adapter()
    take = to_open(arkit_motion(6), HEAD, None)
    own = random_motion(6)
    take = replace(take, neck=own.neck, translation=own.translation, shape=own.shape)
    moved = from_open(take, HEAD, adapter)
    assert not moved.shape.any()  # an identity of the open head means nothing to FLAME
    numbers = np.concatenate([take.expression, take.jaw], 1)
    expected = (
        numbers @ adapter.space_from_open.T
        if is_built
        else open_to_arkit(take, HEAD) @ adapter.space_from_arkit.T
    )
    np.testing.assert_allclose(moved.expression, expected[:, :100], atol=1e-4)
    np.testing.assert_allclose(moved.jaw, expected[:, 100:], atol=1e-4)
    for name in ("neck", "eyes", "rotation", "translation"):
        np.testing.assert_array_equal(getattr(moved, name), getattr(take, name))
    assert moved.space == "flame2023"
    still = replace(take, expression=0 * take.expression, jaw=0 * take.jaw, eyes=0 * take.eyes)
    assert not from_open(still, HEAD, adapter).expression.any()
    assert code_of(from_open, random_motion(space="flame2023"), HEAD, adapter) == "space.no_adapter"


def test_matrices_are_placed_by_name(tmp_path: Path) -> None:
    path = matrices_file(tmp_path / "m.npz")
    adapter = make_linear_adapter(path, "flame2020")
    arrays = np.load(path)
    row = arrays["arkit_names"].tolist().index("jawOpen")
    column = ARKIT_NAMES.index("jawOpen")
    np.testing.assert_array_equal(adapter.arkit_from_space[column], arrays["arkit_from_flame"][row])
    np.testing.assert_array_equal(
        adapter.space_from_arkit[:, column], arrays["flame_from_arkit"][:, row]
    )
    assert adapter.arkit_bias[column] == arrays["arkit_bias"][row]
    assert not adapter.arkit_from_space[ARKIT_NAMES.index("tongueOut")].any()
    assert adapter.arkit_bias[ARKIT_NAMES.index("tongueOut")] == 0


def test_weights_that_the_fit_never_saw_do_nothing(tmp_path: Path) -> None:
    forward = np.random.default_rng(0).normal(0, 0.1, (52, 103)).astype(np.float32)
    back = np.ones((103, 52), np.float32)
    forward[5] *= 1e-6
    back[:, 5] = 1e5
    path = matrices_file(tmp_path / "m.npz", arkit_from_flame=forward, flame_from_arkit=back)
    adapter = make_linear_adapter(path, "flame2023")
    assert np.abs(adapter.space_from_arkit).max() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"arkit_bias": None}, "file.wrong_kind"),
        ({"arkit_bias": np.zeros(51, np.float32)}, "space.adapter"),
        ({"flame_from_arkit": np.zeros((103, 51), np.float32)}, "space.adapter"),
        ({"arkit_from_flame": np.zeros((52, 100), np.float32)}, "motion.shape"),
        ({"arkit_from_flame": np.full((52, 103), np.nan)}, "space.adapter"),
        ({"arkit_names": np.array(["x"] * 52)}, "motion.shape"),
        ({"arkit_names": np.arange(52)}, "file.wrong_kind"),
        ({"arkit_names": np.array([f"x{i}" for i in range(52)])}, "motion.unknown_weight"),
    ],
)
def test_bad_matrices(tmp_path: Path, changes: dict, code: str) -> None:
    path = matrices_file(tmp_path / "m.npz", **changes)
    assert code_of(make_linear_adapter, path, "flame2023") == code


def test_bad_adapter_files(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    assert code_of(read_adapter, path) == "file.missing"
    assert code_of(read_adapter, tmp_path) == "file.folder"
    path.write_bytes(b"junk")
    assert code_of(read_adapter, path) == "file.wrong_kind"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    assert code_of(read_adapter, path) == "file.lfs_pointer"
    assert code_of(make_linear_adapter, path, "flame2023") == "file.lfs_pointer"
    assert code_of(read_adapter, matrices_file(tmp_path / "m.npz")) == "file.wrong_kind"
    write_adapter(random_adapter(), path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 997):
        path.write_bytes(whole[:size])
        assert code_of(read_adapter, path) in ("file.empty", "file.damaged", "file.wrong_kind")


def test_real_regression_moves_the_open_head_within_reason(real_data: Path) -> None:
    matrices = real_data / "flame_open" / "flame2023_arkit_regression.npz"
    adapter = make_linear_adapter(matrices, "flame2023")
    assert np.abs(adapter.space_from_arkit).max() < 20  # the file itself holds 80,000
    head = read_head("open")
    jaws = []
    for path in sorted((real_data / "lam_motion").glob("*/flame_params.json")):
        moved: Motion = to_open(read_motion(path), head, adapter)
        jaws.append(float(np.corrcoef(moved.jaw[:, 0], read_motion(path).jaw[:, 0])[0, 1]))
    assert sorted(jaws)[1] > 0.75, jaws  # the third clip hardly opens its jaw


def test_which_adapter_is_missing_is_said() -> None:
    with pytest.raises(InputError) as caught:
        to_open(random_motion(space="flame2020"), HEAD, random_adapter("flame2023"))
    assert caught.value.message == (
        "The take is in the expression space 'flame2020', but 'open' is needed, and the adapter "
        "given is for 'flame2023'."
    )
    assert caught.value.remedy == (
        "Give an adapter for 'flame2020' (make one with `affekt adapter build`)."
    )
    with pytest.raises(InputError) as caught:
        open_to_arkit(arkit_motion(), HEAD)
    assert caught.value.remedy == "Choose a head that speaks the take's space."


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("arkit_from_space", (103, 52)),
        ("arkit_bias", (51,)),
        ("space_from_arkit", (52, 103)),
        ("weight_root", (52, 51)),
        ("space_from_open", (103, 102)),
    ],
)
def test_matrices_of_another_shape_are_no_adapter(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=f"The adapter's {name} is not") as caught:
        replace(built_adapter(), **{name: np.zeros(shape, np.float32)})
    assert caught.value.code == "space.adapter"


@pytest.mark.parametrize(
    ("adapter", "said"),
    [(random_adapter(), "affekt linear adapter 1"), (built_adapter(), "affekt adapter 2")],
)
def test_an_adapters_file_as_other_versions_write_it(
    adapter: LinearAdapter, said: str, tmp_path: Path
) -> None:
    write_adapter(adapter, tmp_path / "a.npz")
    names = ["arkit_from_space", "arkit_bias", "space_from_arkit"]
    names += ["weight_root", "space_from_open"] if "2" in said else []
    with np.load(tmp_path / "a.npz") as file:
        assert sorted(file.files) == sorted(["format", "space", *names])
        assert (str(file["format"]), str(file["space"])) == (said, "flame2023")
        arrays = {name: file[name] for name in file.files}
    np.savez(tmp_path / "b.npz", **arrays)
    again = read_adapter(tmp_path / "b.npz")
    for name in names:
        np.testing.assert_array_equal(getattr(again, name), getattr(adapter, name))


def test_weights_do_not_depend_on_the_unit_of_the_head() -> None:
    """What holds alike shapes apart is a share of the head's own motion, whatever its size."""
    large = replace(
        HEAD, template=1000 * HEAD.template, expression_basis=1000 * HEAD.expression_basis
    )
    motion = random_motion(5)
    plain, other = open_to_arkit(motion, HEAD), open_to_arkit(motion, large)
    np.testing.assert_allclose(other, plain, atol=1e-4)
    assert np.abs(plain).max() > 0.1


def test_only_what_is_clearly_below_zero_is_solved_anew() -> None:
    """Of two shapes that do nearly the same: rounding stays, and is nobody's weight."""
    basis = np.array([[1.0, 0.9], [0.0, 0.1], [0.5, 0.0]])
    weights = np.array([[0.5, -9e-7], [0.5, -0.2], [0.25, 0.75], [-1e-7, -1e-7]])
    found = arkit_from_open.not_negative(weights, basis)
    np.testing.assert_array_equal(found[[0, 2, 3]], weights[[0, 2, 3]])
    # The second alone: the first shape that comes nearest to 0.5 of it less 0.2 of the other.
    goal = basis @ weights[1]
    alone = basis[:, 0] @ goal / (basis[:, 0] @ basis[:, 0])
    np.testing.assert_allclose(found[1], [alone, 0], atol=1e-12)
