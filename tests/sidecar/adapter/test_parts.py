# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of an adapter's making, each against a slow or a known answer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.adapter import registration, skin
from affekt.sidecar.adapter import solve as solving
from affekt.sidecar.adapter.registration import Registration, register, thin_plate
from affekt.sidecar.adapter.skin import Hits, Skin, SkinTree, point_areas
from affekt.sidecar.adapter.solve import Solution, make_adapter, solve
from affekt.sidecar.adapter.transfer import local_maps, transfer_displacements
from affekt.sidecar.cli import run
from affekt.sidecar.head.flame.model import head_from_flame
from affekt.sidecar.head.read import read_head
from fakes.flame import embedding, flame_arrays, npz
from fakes.flame_twin import COARSE, remeshed_twin
from fakes.head import small_head
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation


def grid(size: int, seed: int = 0) -> Skin:
    """A wavy sheet of size x size points."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(-0.1, 0.1, size), np.linspace(-0.1, 0.1, size))
    points = np.stack([x, y, 0.01 * np.sin(20 * x + rng.random()) * np.cos(15 * y)], -1)
    corner = (np.arange(size - 1)[:, None] * size + np.arange(size - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + size + 1], 1),
            np.stack([corner, corner + size + 1, corner + size], 1),
        ]
    )
    count = size * size
    return Skin(
        points=points.reshape(-1, 3),
        faces=faces,
        vertex=np.arange(count),
        side=np.zeros(count, np.int8),
    )


def plain_distance(point: np.ndarray, corners: np.ndarray, steps: int = 200) -> float:
    """From `point` to the nearest of many points of the triangle."""
    v, w = np.meshgrid(np.linspace(0, 1, steps), np.linspace(0, 1, steps))
    inside = v + w <= 1
    weights = np.stack([1 - v - w, v, w], -1)[inside]
    return float(np.linalg.norm(weights @ corners - point, axis=1).min())


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40)
def test_the_nearest_point_of_a_triangle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners, point = rng.normal(0, 1, (3, 3)), rng.normal(0, 1.5, 3)
    v, w = skin._nearest_on(point, corners)
    ours = np.array([1 - v - w, v, w]) @ corners
    plain = plain_distance(point, corners)
    assert min(v, w, 1 - v - w) >= -1e-12
    assert plain - 0.02 < np.linalg.norm(ours - point) <= plain + 1e-12


def test_nearest_points_lie_on_the_side_that_faces_alike() -> None:
    low, high = grid(20), grid(20)
    points = np.concatenate([low.points, high.points + np.array([0, 0, 0.002])])
    faces = np.concatenate([low.faces, high.faces[:, ::-1] + len(low.points)])  # looks down
    both = Skin(points=points, faces=faces, vertex=np.arange(800), side=np.zeros(800, np.int8))
    asked = grid(20).points[150:250] + np.array(
        [0, 0, 0.0018]
    )  # nearer to the sheet that looks down
    up, side = np.tile([0.0, 0.0, 1.0], (100, 1)), np.zeros(100, np.int8)
    hits = SkinTree.of(both).nearest(asked, up, side)
    assert hits.found.all()
    assert (hits.face < len(low.faces)).all()
    assert (SkinTree.of(both).nearest(asked, -up, side).face >= len(low.faces)).all()


def test_an_upper_lip_never_meets_a_lower_one() -> None:
    sheet = grid(20)
    side = np.where(sheet.points[:, 1] > 0, 1, -1).astype(np.int8)
    target = SkinTree.of(
        Skin(points=sheet.points, faces=sheet.faces, vertex=sheet.vertex, side=side)
    )
    asked = np.array([[0.0, 0.004, 0.0], [0.03, 0.002, 0.0]])
    hits = target.nearest(asked, np.tile([0.0, 0.0, 1.0], (2, 1)), np.array([-1, -1], np.int8))
    places = hits.on(sheet.points, sheet.faces)
    assert (places[:, 1] <= 0.0106).all()  # within the row of triangles that both lips share
    assert (side[sheet.faces[hits.face]].min(1) < 0).all()


def test_bending_is_free_for_what_is_linear_along_the_surface() -> None:
    flat = grid(15)
    points = flat.points * [1, 1, 0]
    bending = thin_plate(points, flat.faces)
    inner = np.abs(points[:, :2]).max(1) < 0.08
    linear = points @ [0.3, -0.2, 0.0] + 1.0
    assert np.abs((bending @ linear)[inner]).max() < 1e-6 * np.abs(bending).max()
    curved = points[:, 0] ** 2
    assert curved @ bending @ curved > 0


@given(seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_a_similarity_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, turn = rng.normal(0, 0.05, (9, 3)), Rotation.random(random_state=seed).as_matrix()
    scale, shift = rng.uniform(0.5, 2), rng.normal(0, 1, 3)
    found = registration._similarity(points, scale * points @ turn.T + shift)
    assert found[0] == pytest.approx(scale, rel=1e-9)
    np.testing.assert_allclose(found[1], turn, atol=1e-9)
    np.testing.assert_allclose(found[2], shift, atol=1e-9)


def test_a_similarity_never_mirrors() -> None:
    """Two nearly flat faces of which one dents where the other bulges: a mirror would fit best."""
    flat = np.array([[3.0, 1, 0.1], [-3, 1, 0.1], [3, -1, -0.1], [-3, -1, -0.1], [0, 0, 0.4]])
    scale, turn, _ = registration._similarity(flat, 2 * flat * [1, 1, -1])
    assert np.linalg.det(turn) == pytest.approx(1)
    assert turn[0, 0] == pytest.approx(1)
    assert 1.9 < scale < 2


def on_itself(
    matrix: np.ndarray, *, turn: np.ndarray | None = None, scale: float = 1.0
) -> Registration:
    """A sheet registered with its own image under `matrix`, from the image to the sheet. turn,
    scale: of the similarity that was found."""
    sheet = grid(25)
    first = np.array([np.flatnonzero((sheet.faces == p).any(1))[0] for p in range(625)])
    weights = (sheet.faces[first] == np.arange(625)[:, None]).astype(float)
    hits = Hits(face=first, weights=weights, found=np.ones(625, bool), distance=np.zeros(625))
    image = Skin(
        points=sheet.points @ matrix.T, faces=sheet.faces, vertex=sheet.vertex, side=sheet.side
    )
    return Registration(
        source=image,
        target=sheet,
        hits=hits,
        bent=sheet.points,
        turn=np.eye(3) if turn is None else turn,
        scale=scale,
        shift=np.zeros(3),
    )


def test_on_a_turned_head_of_another_size_displacements_turn_and_shrink() -> None:
    """A head of half the size that looks along its own -x: 2 mm forward on the open head are 1 mm
    along -x on it."""
    turn = Rotation.from_rotvec([0, np.pi / 2, 0]).as_matrix()  # open = 2 turn FLAME
    one = on_itself(turn.T / 2, turn=turn, scale=2.0)
    moved = np.tile([[0.0, 0.0, 0.002], [0.0, 0.004, 0.0]], (625, 1, 1)).transpose(1, 0, 2)
    there = transfer_displacements(one, moved)
    np.testing.assert_allclose(there[0], np.tile([-0.001, 0, 0], (625, 1)), atol=1e-9)
    np.testing.assert_allclose(there[1], np.tile([0, 0.002, 0], (625, 1)), atol=1e-9)


def test_displacements_follow_the_faces_difference() -> None:
    matrix = np.diag([1.2, 0.9, 1.0])
    one = on_itself(matrix)
    maps = local_maps(one)
    middle = np.abs(one.target.points[:, :2]).max(1) < 0.07
    # Held half way back to the similarity, here the identity.
    assert (maps[middle, 0, 0] > 1.08).all()
    assert (maps[middle, 1, 1] < 0.96).all()
    moved = np.tile([[0.001, 0.0, 0.0]], (1, 625, 1))
    np.testing.assert_allclose(
        transfer_displacements(one, moved)[0], 0.001 * maps[:, :, 0], atol=1e-12
    )


def test_without_a_difference_displacements_stay() -> None:
    moved = np.random.default_rng(0).normal(0, 0.01, (3, 625, 3))
    np.testing.assert_allclose(
        transfer_displacements(on_itself(np.eye(3)), moved), moved, atol=1e-9
    )


def refusal(head: HeadModel) -> InputError:
    with pytest.raises(InputError) as caught:
        register(head, read_head("open"))
    return caught.value


def test_a_blob_is_no_head() -> None:
    error = refusal(small_head())
    assert error.code == "adapter.registration"
    assert "--landmarks" in str(error)


FLAME_HAS = [REGIONS.index(name) for name in ("skin", "lip", "mouth", "sclera", "iris", "pupil")]


def open_as_flame(scale: float = 1.0, turn: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The open head's own mesh in FLAME's layout."""
    head = read_head("open")
    turn = np.eye(3) if turn is None else turn
    used = np.isin(head.region, FLAME_HAS)
    local = np.cumsum(used) - 1
    regressor = head.joint_regressor[:, used].astype(np.float64)
    return {
        "v_template": scale * head.template[used] @ turn.T,
        "f": local[head.faces[used[head.faces].all(1)]].astype(np.uint32),
        "shapedirs": np.zeros((used.sum(), 3, 400)),
        "posedirs": np.zeros((used.sum(), 3, 36)),
        "J_regressor": regressor,
        "weights": head.skin_weights[used].astype(np.float64),
    }


def build(folder: Path, arrays: dict[str, np.ndarray], *words: str) -> int:
    (folder / "flame.npz").write_bytes(npz(arrays))
    basics = ["--flame", str(folder / "flame.npz"), "--space", "flame2020"]
    return run(["adapter", "build", *basics, "--out", str(folder / "adapter.npz"), *words])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def turned(*vector: float) -> dict[str, np.ndarray]:
    return open_as_flame(turn=Rotation.from_rotvec(vector).as_matrix())


def stiff_jaw() -> dict[str, np.ndarray]:
    """A mouth that cannot be opened, and so not be seen."""
    arrays = open_as_flame()
    arrays["weights"] = np.tile([0.0, 1, 0, 0, 0], (len(arrays["v_template"]), 1))
    return arrays


def eyes_alone() -> dict[str, np.ndarray]:
    arrays = open_as_flame()
    arrays["weights"] = np.tile([0.0, 0, 0, 1, 0], (len(arrays["v_template"]), 1))
    return arrays


WRONG = {
    "nothing but an eye": (eyes_alone, "no skin"),
    "millimetres": (lambda: open_as_flame(1000.0), "1e+03 times"),
    "looks back": (lambda: turned(0, np.pi, 0), "no nose and mouth"),
    "lies on its back": (lambda: turned(1.6, 0, 0), "no nose and mouth"),
    "its jaw never moves": (stiff_jaw, "no nose and mouth"),
    "noise": (lambda: flame_arrays(300), "laid onto"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_heads_that_cannot_be_registered(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, why = WRONG[name]
    assert build(folder, make()) == 2
    said = capsys.readouterr().err
    print(said)
    assert "[adapter.registration]" in said
    assert why in said
    assert not (folder / "adapter.npz").exists()


def test_landmarks_help_where_nothing_is_seen(folder: Path) -> None:
    head = read_head("open")
    twin = remeshed_twin(head, left=COARSE)
    arrays = twin.arrays | {"weights": np.tile([0.0, 1, 0, 0, 0], (len(twin.weights), 1))}
    corners = head.faces[head.landmark_faces]
    places = np.einsum("nk,nkd->nd", head.landmark_weights, head.template[corners])
    nearest = cKDTree(twin.sample(head.template)).query(places)[1]
    faces = [int(np.flatnonzero((arrays["f"] == vertex).any(1))[0]) for vertex in nearest]
    weights = (arrays["f"][faces] == nearest[:, None]).astype(float)
    marks = {"full_lmk_faces_idx": np.array([faces]), "full_lmk_bary_coords": weights[None]}
    (folder / "marks.npz").write_bytes(npz(marks))
    assert build(folder, arrays) == 2
    assert build(folder, arrays, "--landmarks", str(folder / "marks.npz")) == 0


def test_a_face_that_was_not_met_is_found_out() -> None:
    points = grid(20).points
    hits = Hits(
        face=np.zeros(400, np.int64),
        weights=np.zeros((400, 3)),
        found=np.ones(400, bool),
        distance=np.where(np.arange(400) < 100, 0.003, 0.001),
    )
    with pytest.raises(InputError) as caught:
        registration._check(hits, points, np.array([0.0, -0.1, 0.0]), registration.LEAST_FOUND)
    assert caught.value.code == "adapter.registration"
    registration._check(hits, points, np.array([0.0, 0.1, 0.0]), registration.LEAST_FOUND)


def test_what_the_fit_weighs() -> None:
    """Lips four times, what does not move a tenth, the mouth a twentieth of that; what met nothing
    of the open head, or only 5 mm away, not at all. All by area."""
    one = on_itself(np.eye(3))
    skin, still, lip, mouth, lost, far, near = 312, 100, 314, 316, 318, 320, 322
    head = small_head(vertices=625)
    head.region[lip], head.region[mouth] = REGIONS.index("lip"), REGIONS.index("mouth")
    found, distance = np.ones(625, bool), np.zeros(625)
    found[lost], distance[far], distance[near] = False, 0.005, 0.003
    shapes = np.zeros((52, 625, 3))
    shapes[7, 200:, 2] = -0.0006
    shapes[7, still] = 0.0002
    hits = replace(one.hits, found=found, distance=distance)
    face, weight = solving._weights(replace(one, hits=hits), head, shapes)
    assert face.sum() == 425 - 3
    assert face[[skin, still, lip, mouth, lost, far, near]].tolist() == [1, 0, 1, 0, 0, 0, 1]
    assert weight.sum() == pytest.approx(1)
    assert weight[[lost, far]].tolist() == [0, 0]
    by_area = weight / point_areas(one.source.points, one.source.faces)
    share = by_area[[still, lip, mouth, near]] / by_area[skin]
    np.testing.assert_allclose(share, [0.1, 4, 0.005, 1])


def test_a_head_that_shows_nothing() -> None:
    solution = Solution(
        space_from_open=np.zeros((103, 103)),
        numbers=np.zeros((52, 103)),
        wanted=np.zeros((52, 9, 3)),
        fitted=np.zeros((52, 9, 3)),
        face=np.ones(9, bool),
        share=np.zeros(52),
        gram=np.eye(103),
    )
    with pytest.raises(InputError) as caught:
        make_adapter(solution, "flame2020", read_head("open"))
    assert caught.value.code == "adapter.no_expression"


def test_an_expression_leaves_the_eyeballs_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two components that move the skin alike, the one that takes the eyeballs along is
    hardly used."""
    head = read_head("open")
    twin, column = remeshed_twin(head, left=COARSE), ARKIT_NAMES.index("cheekPuff")
    basis = np.zeros_like(twin.arrays["shapedirs"])
    basis[..., 300] = basis[..., 301] = twin.carry(head.expression_basis[..., column])
    basis[twin.arrays["weights"][:, 3:].max(1) > 0.5, 2, 301] = 0.01
    flame = head_from_flame(twin.arrays | {"shapedirs": basis}, "twin", "flame2020")
    monkeypatch.setattr(solving, "_STEPS", 1)  # the jaw is not asked for here
    solution = solve(flame, head, register(flame, head))
    still, pushed = solution.numbers[column, :2]
    assert still > 0.9
    assert abs(pushed) < 0.05


def test_other_bad_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def code(*words: str) -> str:
        assert build(folder, flame_arrays(300), *words) == 2
        return capsys.readouterr().err.rsplit("[", 1)[1].rstrip("]\n")

    (folder / "marks.npz").write_bytes(npz(embedding(10**6)))
    assert code("--landmarks", str(folder / "marks.npz")) == "head.landmarks"
    assert code("--landmarks", str(folder / "none.npz")) == "file.missing"
    assert code("--space", "flame1999") == "head.version"
    assert code("--flame", str(folder)) == "file.folder"
    assert code("--flame", str(folder / "none.pkl")) == "file.missing"
    (folder / "text.pkl").write_bytes(b"hello")
    assert code("--flame", str(folder / "text.pkl")) == "file.wrong_kind"


def test_an_adapter_that_cannot_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(folder / "none" / "adapter.npz")
    assert build(folder, open_as_flame(), "--out", missing) == 2
    assert "[file.not_writable]" in capsys.readouterr().err


def bends(numbers: np.ndarray) -> np.ndarray:
    """Two points that the first two components move along x and y by 1 and 2 mm, and that the
    jaw's first angle turns about the x axis through (0, 0.1, 0)."""
    out = np.zeros((len(numbers), 2, 3))
    out[:, 0, 0] += 0.001 * numbers[:, 0]
    out[:, 1, 1] += 0.002 * numbers[:, 1]
    angle = numbers[:, 100]
    out[:, 1, 1] += -0.1 * (np.cos(angle) - 1)
    out[:, 1, 2] += -0.1 * np.sin(angle)
    return out


class Bends:
    """`Forward`'s two sides, of a head with three numbers that do something."""

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        return bends(numbers)

    jacobian = solving.Forward.jacobian


def test_numbers_are_found_that_move_as_wanted() -> None:
    """A jaw of 0.3 rad is found, though it is no linear change; what moves nothing stays where the
    start says it is, or at 0."""
    wanted = np.zeros((3, 103))
    wanted[0, :2] = 1.5, -2
    wanted[1, [0, 100]] = 1, 0.3
    start = np.zeros((3, 103))
    start[1, 100:] = 0.2, 0, 0.05
    start[2, 101] = 0.01
    found = solving._fit(Bends(), bends(wanted), start, np.array([0.5, 0.5]))
    # The ridge of 0.02 mm holds back by 0.08 % and 0.02 %.
    np.testing.assert_allclose(found[0, :2], [1.5, -2], rtol=2e-3)
    np.testing.assert_allclose(found[1, [0, 100]], [1, 0.3], rtol=5e-3)
    np.testing.assert_allclose(found[1, 101:], [0, 0.05], atol=1e-9)
    np.testing.assert_allclose(found[2, 100:], [0, 0.01, 0], atol=1e-9)
    assert not found[:, 2:100].any()


def test_points_that_weigh_more_are_met_more_closely() -> None:
    """Two points that one component moves alike, asked to go 1 and 2 mm: weighed 3 to 1."""

    class Together:
        def __call__(self, numbers: np.ndarray) -> np.ndarray:
            out = np.zeros((len(numbers), 2, 3))
            out[:, :, 0] = 0.001 * numbers[:, :1]
            return out

        jacobian = solving.Forward.jacobian

    wanted = np.zeros((1, 2, 3))
    wanted[0, :, 0] = 0.001, 0.002
    found = solving._fit(Together(), wanted, np.zeros((1, 103)), np.array([0.75, 0.25]))
    assert found[0, 0] == pytest.approx(1.25, rel=1e-3)


def test_metres_become_weighted_millimetres() -> None:
    np.testing.assert_allclose(
        solving._root(np.array([0.25, 0.04])), [500, 500, 500, 200, 200, 200]
    )


def test_a_component_without_the_jaw_it_was_fitted_with() -> None:
    """Component 4 was fitted with a jaw of 0.3 rad, of which the jaw's fit of 0.2 rad says what
    0.3 is."""
    numbers, units = np.diag(np.r_[np.ones(100), 0.2, 0.08, 0.08]), np.ones(103)
    units[100:] = 0.2, 0.08, 0.08
    numbers[4, 100] = 0.3
    fits = np.zeros((103, 103))
    fits[4, 4], fits[4, 100], fits[4, 7] = 2.0, 0.33, 0.5
    fits[100, 100], fits[100, 7] = 0.22, 0.1
    fits[101, 101] = 0.04
    alone = solving._take_apart(fits, numbers, units)
    assert alone[4, 4] == pytest.approx(2)
    assert alone[100, 4] == pytest.approx(0)  # 0.33 - 0.3 / 0.2 * 0.22
    assert alone[7, 4] == pytest.approx(0.5 - 0.15)
    assert alone[100, 100] == pytest.approx(1.1)
    assert alone[7, 100] == pytest.approx(0.5)
    assert alone[101, 101] == pytest.approx(0.5)
    assert np.count_nonzero(np.abs(alone) > 1e-12) == 5


def test_the_forward_pass_and_its_slope() -> None:
    head = small_head()
    forward = solving.Forward(head, np.array([7, 3]))
    numbers = np.zeros((2, 103))
    numbers[1, 5], numbers[1, 100:] = 2.0, (0.2, 0.01, -0.02)
    moved = forward(numbers)
    assert moved.shape == (2, 2, 3)
    np.testing.assert_allclose(moved[0], 0, atol=2e-8)
    step = np.zeros((1, 103))
    step[0, 5] = 1
    np.testing.assert_allclose(forward(step)[0], head.expression_basis[[7, 3], :, 5], atol=3e-8)
    slope = forward.jacobian(np.zeros(103))
    assert slope.shape == (6, 103)
    np.testing.assert_allclose(
        slope[:, 5].reshape(2, 3), head.expression_basis[[7, 3], :, 5], atol=3e-8
    )
    small = np.zeros((1, 103))
    small[0, 101] = 1e-4
    np.testing.assert_allclose(slope[:, 101] * 1e-4, forward(small).ravel(), rtol=0.05, atol=2e-8)
