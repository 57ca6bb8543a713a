# SPDX-License-Identifier: GPL-3.0-or-later
"""FLAME files of every layout become the same head; wrong ones become a sentence."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import PARENTS, REGIONS, HeadModel
from affekt.shared.motion import make_motion
from affekt.sidecar import cli
from affekt.sidecar.head.flame import read
from affekt.sidecar.head.flame.model import head_from_flame
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.forward import HeadLayer
from affekt.sidecar.head.read import read_head
from fakes import flame
from fakes.twin import pose_frame

ARRAYS = flame.flame_arrays()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "flame"


@pytest.fixture
def template(real_data: Path) -> Path:
    return real_data / "flame_open" / "flame_basis.npz"


def written(folder: Path, data: bytes, name: str = "flame.bin") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def code_of(path: Path, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read_flame(path, **{"space": "flame2020", **options})
    return caught.value.code


def check(head: HeadModel, arrays: dict[str, np.ndarray]) -> None:
    pairs = {
        "template": arrays["v_template"],
        "faces": arrays["f"],
        "shape_basis": arrays["shapedirs"][..., :300],
        "expression_basis": arrays["shapedirs"][..., 300:],
        "pose_basis": arrays["posedirs"],
        "joint_regressor": arrays["J_regressor"],
        "skin_weights": arrays["weights"],
    }
    for name, expected in pairs.items():
        found = getattr(head, name)
        assert np.array_equal(found, expected.astype(found.dtype)), name


@pytest.mark.parametrize("layout", list(flame.LAYOUTS))
def test_every_layout_is_the_same_head(layout: str, tmp_path: Path) -> None:
    path = written(tmp_path, flame.LAYOUTS[layout](ARRAYS))
    head = read_flame(path, space="flame2020")
    assert head.space == "flame2020"
    check(head, ARRAYS)
    assert not head.landmark_weights.any()
    assert not head.arkit_expression.any()


@pytest.mark.parametrize("layout", ["python2 chumpy", "npz"])
def test_at_full_size_the_open_template_tells_its_version(
    layout: str, template: Path, tmp_path: Path
) -> None:
    arrays = flame.flame_arrays(template_from=template)
    path = written(tmp_path, flame.LAYOUTS[layout](arrays))
    head = read_head(str(path))
    assert head.space == "flame2023"
    check(head, arrays)
    assert code_of(path) == "head.version"  # it is not FLAME 2020


@pytest.mark.parametrize("size", [0.999, 1.0001])
def test_another_template_does_not_tell_its_version(
    size: float, template: Path, tmp_path: Path
) -> None:
    arrays = flame.flame_arrays(template_from=template)
    arrays["v_template"] *= size
    assert code_of(written(tmp_path, flame.npz(arrays)), space=None) == "head.version"


@pytest.mark.parametrize("space", ["flame2020", "flame2023"])
def test_the_space_that_was_said_is_carried(space: str, tmp_path: Path) -> None:
    path = written(tmp_path, flame.npz(ARRAYS))
    assert read_flame(path, space=space).space == space


def test_unknown_spaces_and_no_space(tmp_path: Path) -> None:
    path = written(tmp_path, flame.npz(ARRAYS))
    assert code_of(path, space=None) == "head.version"
    assert code_of(path, space="flame2017") == "head.version"
    with pytest.raises(InputError) as caught:
        read_head(str(path))
    assert "--space flame2020" in caught.value.remedy


@pytest.mark.parametrize(("components", "split"), [(400, (300, 100)), (150, (100, 50))])
def test_splits(components: int, split: tuple[int, int], tmp_path: Path) -> None:
    arrays = flame.flame_arrays(20, components)
    head = read_flame(written(tmp_path, flame.npz(arrays)), space="flame2020")
    assert (head.shape_basis.shape[2], head.expression_basis.shape[2]) == split
    assert len(head.expression_names) == split[1]


def test_expressions_apart_and_other_shapes_of_the_same(tmp_path: Path) -> None:
    arrays = flame.flame_arrays(20)
    apart = {
        **arrays,
        "shapedirs": arrays["shapedirs"][..., :300],
        "expressiondirs": arrays["shapedirs"][..., 300:],
        "posedirs": arrays["posedirs"].reshape(60, 36).T,
        "faces": arrays["f"],
    }
    del apart["f"], apart["kintree_table"]
    check(read_flame(written(tmp_path, flame.npz(apart)), space="flame2020"), arrays)


def test_uv_when_given(tmp_path: Path) -> None:
    arrays = flame.flame_arrays(20)
    places = np.random.default_rng(1).random((30, 2))
    arrays |= {"vt": places, "ft": np.arange(54).reshape(18, 3) % 30}
    head = read_flame(written(tmp_path, flame.npz(arrays)), space="flame2020")
    assert np.allclose(head.uv, places[arrays["ft"]], atol=1e-7)
    arrays["ft"][3, 1] = 30
    assert code_of(written(tmp_path, flame.npz(arrays))) == "head.shape"


def wrong(key: str, value: object) -> dict[str, object]:
    return {**flame.flame_arrays(20), key: value}


def with_nan(key: str) -> dict[str, object]:
    arrays = flame.flame_arrays(20)
    arrays[key].flat[7] = np.nan if key != "weights" else np.inf
    return arrays


BROKEN = {
    "template": (wrong("v_template", np.zeros((20, 2))), "head.shape"),
    "template of another mesh": (wrong("v_template", np.zeros((21, 3))), "head.shape"),
    "no vertices": (wrong("v_template", np.zeros((0, 3))), "head.shape"),
    "bases of another size": (wrong("shapedirs", np.zeros((20, 3, 401))), "head.shape"),
    "flat bases": (wrong("shapedirs", np.zeros((60, 400))), "head.shape"),
    "pose": (wrong("posedirs", np.zeros((20, 3, 35))), "head.shape"),
    "pose of a body": (wrong("posedirs", np.zeros((20, 3, 207))), "head.shape"),
    "weights": (wrong("weights", np.zeros((20, 24))), "head.shape"),
    "regressor": (wrong("J_regressor", np.zeros((20, 5))), "head.shape"),
    "joints": (wrong("kintree_table", np.array([[0, 0, 1, 2, 3], range(5)])), "head.shape"),
    "faces": (wrong("f", np.full((4, 3), 20)), "head.shape"),
    "negative faces": (wrong("f", np.full((4, 3), -1)), "head.shape"),
    "faces between vertices": (wrong("f", np.full((4, 3), 0.5)), "head.shape"),
    "no faces": (wrong("f", np.zeros((0, 3), int)), "head.shape"),
    "overflow": (wrong("v_template", np.full((20, 3), 1e200)), "head.not_finite"),
    **{
        f"{key} not finite": (with_nan(key), "head.not_finite")
        for key in ("v_template", "shapedirs", "posedirs", "weights", "J_regressor")
    },
}


@pytest.mark.parametrize("kind", list(BROKEN))
def test_wrong_content(kind: str, tmp_path: Path) -> None:
    content, code = BROKEN[kind]
    assert code_of(written(tmp_path, flame.npz(content))) == code


@pytest.mark.parametrize(
    "key", ["v_template", "f", "shapedirs", "posedirs", "weights", "J_regressor"]
)
def test_missing_keys(key: str, tmp_path: Path) -> None:
    content = flame.flame_arrays(20)
    del content[key]
    with pytest.raises(InputError) as caught:
        read_flame(written(tmp_path, flame.npz(content)), space="flame2020")
    assert caught.value.code == "file.wrong_kind"
    assert key in caught.value.message


def test_a_computed_expression_is_not_guessed(tmp_path: Path) -> None:
    content = wrong("weights", flame.MatVecMult(np.eye(3), np.ones(3)))
    assert code_of(written(tmp_path, flame.python2_pickle(content))) == "file.wrong_kind"


@pytest.mark.parametrize(
    "data", [b"Portable", b"", b"(nonsense", b"version https://git-lfs.github.com/spec/v1\n"]
)
def test_other_files(data: bytes, tmp_path: Path) -> None:
    codes = {"file.wrong_kind", "file.empty", "file.damaged", "file.lfs_pointer"}
    assert code_of(written(tmp_path, data)) in codes


def test_missing_file(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none.pkl") == "file.missing"


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read.limits, "MAX_FLAME_BYTES", 1000)
    assert code_of(written(tmp_path, b"\x80" * 1001)) == "file.too_large"


def test_agrees_with_the_plain_twin(tmp_path: Path) -> None:
    head = read_flame(written(tmp_path, flame.LAYOUTS["python2 chumpy"](ARRAYS)), space="flame2020")
    rng = np.random.default_rng(3)
    draw = lambda scale, width: rng.normal(0, scale, (3, width)).astype(np.float32)  # noqa: E731
    motion = make_motion(
        expression=draw(0.5, 100),
        jaw=draw(0.3, 3),
        neck=draw(0.4, 3),
        eyes=draw(0.3, 6),
        rotation=draw(1.0, 3),
        translation=draw(0.2, 3),
        shape=rng.normal(0, 1, 300).astype(np.float32),
        fps=30.0,
        space="flame2020",
    )
    found = HeadLayer(head).vertices(motion, 0, 3)
    for frame in range(3):
        expected = pose_frame(head, motion, frame)
        assert np.abs(found[frame] - expected).max() < 1e-5
    assert (-1, *ARRAYS["kintree_table"][0, 1:]) == PARENTS


def test_a_real_take_moves_it(template: Path, real_data: Path, tmp_path: Path) -> None:
    """A tracked take speaks the space that the file was found to be in."""
    from affekt.sidecar.motion.read import read_motion

    arrays = flame.flame_arrays(template_from=template)
    head = read_head(str(written(tmp_path, flame.LAYOUTS["python2 chumpy"](arrays))))
    take = read_motion(next((real_data / "lam_motion").glob("*/flame_params.json")))
    vertices = HeadLayer(head).vertices(take, 0, 5)
    assert vertices.shape == (5, 5023, 3)
    assert np.isfinite(vertices).all()


def test_eyes_and_the_upper_face_come_from_the_geometry() -> None:
    """A sphere of skin with two balls in front, each carried by its joint alone."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(3, 2000, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    centres = np.array([[0, 0, 0], [0.03, 0.03, 0.09], [-0.03, 0.03, 0.09]])
    radii = np.array([0.1, 0.012, 0.012])
    points = (centres[:, None] + directions * radii[:, None, None]).reshape(-1, 3)
    points = np.concatenate([points, [[0, -0.01, 0.12]]])  # the nose's tip
    arrays = flame.flame_arrays(len(points), 150)
    arrays["v_template"] = points
    arrays["weights"] = np.eye(5)[np.repeat([1, 3, 4, 1], [2000, 2000, 2000, 1])]
    arrays = {
        k: v.astype(np.float32 if v.dtype.kind == "f" else np.int64) for k, v in arrays.items()
    }
    head = head_from_flame(arrays, "sphere", "flame2020")
    skin, left, right, _ = np.split(head.region, [2000, 4000, 6000])
    assert (skin == REGIONS.index("skin")).all()
    for ball in (left, right):
        share = [(ball == REGIONS.index(name)).mean() for name in ("sclera", "iris", "pupil")]
        assert share == pytest.approx([0.93, 0.06, 0.007], abs=0.02)
    assert head.upper[-1] == pytest.approx(0.5)
    assert (head.upper[points[:, 1] > 0.0] == 1).all()
    assert (head.upper[points[:, 1] < -0.02] == 0).all()
    assert np.ptp(head.colour, axis=0).max() > 0.5


# --- landmarks -----------------------------------------------------------------------------------


def landmarks(folder: Path, data: bytes) -> HeadModel:
    path = written(folder, flame.npz(flame.flame_arrays(20)), "flame.npz")
    return read_flame(path, written(folder, data, "landmarks.npy"), "flame2020")


def test_all_68_landmarks(tmp_path: Path) -> None:
    content = flame.embedding(18)
    head = landmarks(tmp_path, flame.npy(content))
    assert np.array_equal(head.landmark_faces, content["full_lmk_faces_idx"][0])
    assert np.allclose(head.landmark_weights, content["full_lmk_bary_coords"][0], atol=1e-7)


def test_of_70_landmarks_the_last_two_are_in_the_eyes(tmp_path: Path) -> None:
    places, weights = np.arange(70) % 17, np.full((70, 3), (0.5, 0.3, 0.2))
    content = {"full_lmk_faces_idx": places[None], "full_lmk_bary_coords": weights[None]}
    head = landmarks(tmp_path, flame.npy(content))
    assert head.landmark_faces.tolist() == [*range(17)] * 4
    assert np.allclose(head.landmark_weights, (0.5, 0.3, 0.2), atol=1e-7)


def test_static_landmarks_with_the_frontal_contour(tmp_path: Path) -> None:
    content = {k: v for k, v in flame.embedding(18).items() if not k.startswith("full")}
    head = landmarks(tmp_path, flame.python2_pickle(content))
    assert np.array_equal(head.landmark_faces[:17], content["dynamic_lmk_faces_idx"][0])
    assert np.array_equal(head.landmark_faces[17:], content["static_lmk_faces_idx"])


def test_51_landmarks_leave_the_contour_unknown(tmp_path: Path) -> None:
    full = flame.embedding(18)
    content = {
        "lmk_face_idx": full["static_lmk_faces_idx"],
        "lmk_b_coords": full["static_lmk_bary_coords"],
    }
    head = landmarks(tmp_path, flame.npz(content))
    assert not head.landmark_weights[:17].any()
    assert np.allclose(head.landmark_weights[17:].sum(1), 1)


def test_other_landmarks_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cases = {
        "MediaPipe's": {
            "lmk_face_idx": np.arange(105) % 18,
            "lmk_b_coords": rng.dirichlet(np.ones(3), 105),
        },
        "missing triangles": flame.embedding(4000),
        "weights": {**flame.embedding(18), "full_lmk_bary_coords": np.ones((1, 68, 3))},
        "not finite": {**flame.embedding(18), "full_lmk_bary_coords": np.full((1, 68, 3), np.nan)},
        "zero": {**flame.embedding(18), "full_lmk_bary_coords": np.zeros((1, 68, 3))},
        "nothing": {"v_template": np.zeros((3, 3))},
    }
    for kind, content in cases.items():
        with pytest.raises(InputError) as caught:
            landmarks(tmp_path, flame.npz(content))
        assert caught.value.code == "head.landmarks", kind


# --- cache ---------------------------------------------------------------------------------------


def test_a_pickle_is_read_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, flame.LAYOUTS["python2 chumpy"](ARRAYS))
    read_flame(path, space="flame2020")
    assert [p.suffix for p in cache.iterdir()] == [".kept"]
    monkeypatch.setattr(read, "read_arrays", None)
    check(read_flame(path, space="flame2020"), ARRAYS)
    other = written(tmp_path, path.read_bytes(), "the same under another name.pkl")
    check(read_flame(other, space="flame2023"), ARRAYS)


def test_a_damaged_cache_is_made_again(tmp_path: Path, cache: Path) -> None:
    path = written(tmp_path, flame.LAYOUTS["protocol 4"](ARRAYS))
    read_flame(path, space="flame2020")
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    changed = bytes([whole[-3] ^ 64])  # in the numbers, which look like others then
    for damaged in (whole[:1000], whole[:-3] + changed + whole[-2:]):
        kept.write_bytes(damaged)
        check(read_flame(path, space="flame2020"), ARRAYS)
        assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, b"a file, where a folder should be", "taken")
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "taken"))
    path = written(tmp_path, flame.LAYOUTS["protocol 4"](ARRAYS))
    check(read_flame(path, space="flame2020"), ARRAYS)


def test_what_is_refused_is_not_kept(tmp_path: Path, cache: Path) -> None:
    code_of(written(tmp_path, flame.LAYOUTS["protocol 4"](ARRAYS)[:5000]))
    assert not cache.exists()


# --- the command ---------------------------------------------------------------------------------


def test_import_writes_a_head_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, flame.LAYOUTS["python2 chumpy"](ARRAYS))
    points = written(tmp_path, flame.npy(flame.embedding(len(ARRAYS["f"]))), "landmarks.npy")
    out = tmp_path / "head.safetensors"
    arguments = ["head", "import", "--flame", str(path), "--out", str(out)]
    assert cli.run(arguments) == 2
    assert "[head.version]" in capsys.readouterr().err
    assert not out.exists()
    assert cli.run([*arguments, "--space", "flame2020", "--landmarks", str(points)]) == 0
    said = capsys.readouterr().out
    assert "flame2020, 200 vertices, 300 identity and 100 expression components" in said
    head = read_head(str(out))
    assert head.space == "flame2020"
    assert np.abs(head.expression_basis - ARRAYS["shapedirs"][..., 300:]).max() < 5e-6
    assert np.allclose(head.landmark_weights.sum(1), 1)


def test_import_says_where_it_cannot_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, flame.npz(flame.flame_arrays(20)))
    out = tmp_path / "none" / "head.safetensors"
    assert (
        cli.run(["head", "import", "--flame", str(path), "--out", str(out), "--space", "flame2020"])
        == 2
    )
    assert "[file.not_writable]" in capsys.readouterr().err


# --- the ends of what a file may say -------------------------------------------------------------


def test_expressions_apart_by_each_name_and_at_most_a_hundred(tmp_path: Path) -> None:
    arrays = flame.flame_arrays(20)
    wide = np.random.default_rng(2).normal(0, 0.001, (20, 3, 120))
    for key in ("expressiondirs", "exprdirs", "expr_dirs"):
        head = read_flame(written(tmp_path, flame.npz({**arrays, key: wide})), space="flame2020")
        assert head.shape_basis.shape[2] == 300
        assert head.expression_basis.shape[2] == 100
        np.testing.assert_allclose(head.expression_basis, wide[..., :100], atol=1e-7)
        assert head.expression_names[99] == "expression099"
    for odd in (wide[:19], wide[:, :2], wide[..., 0]):
        assert code_of(written(tmp_path, flame.npz({**arrays, "exprdirs": odd}))) == "head.shape"


def test_of_350_components_the_last_50_are_expressions(tmp_path: Path) -> None:
    arrays = flame.flame_arrays(20, 350)
    head = read_flame(written(tmp_path, flame.npz(arrays)), space="flame2020")
    np.testing.assert_allclose(head.shape_basis, arrays["shapedirs"][..., :300], atol=1e-7)
    np.testing.assert_allclose(head.expression_basis, arrays["shapedirs"][..., 300:], atol=1e-7)
    arrays["shapedirs"] = arrays["shapedirs"][..., :349]
    with pytest.raises(InputError) as caught:
        read_flame(written(tmp_path, flame.npz(arrays)), space="flame2020")
    assert "400 (300 + 100), 350 (300 + 50), 150 (100 + 50)" in caught.value.message


@pytest.mark.parametrize(
    ("table", "fits"),
    [
        ([[-1, 0, 1, 1, 1], range(5)], True),
        ([[7, 0, 1, 1, 1], range(5)], True),  # nobody asks for the root's parent
        ([[-1, 0, 1, 1, 1], [0, 1, 2, 4, 3]], False),
        ([[-1, 0, 0, 1, 1], range(5)], False),
        ([[-1, 0, 1, 1], range(4)], False),
    ],
)
def test_joints_are_those_of_flame(table: list, fits: bool, tmp_path: Path) -> None:
    content = wrong("kintree_table", np.array([list(row) for row in table]))
    path = written(tmp_path, flame.npz(content))
    if fits:
        assert read_flame(path, space="flame2020").space == "flame2020"
    else:
        assert code_of(path) == "head.shape"


def test_textures_that_do_not_fit_the_faces(tmp_path: Path) -> None:
    arrays = flame.flame_arrays(20)
    places, corners = np.zeros((30, 2)), np.zeros((18, 3), int)
    for vt, ft in (
        (np.zeros((30, 3)), corners),
        (np.zeros(30), corners),
        (places, corners[:17]),
        (places, corners - 1),
        (places, corners + 30),
    ):
        content = {**arrays, "vt": vt, "ft": ft}
        assert code_of(written(tmp_path, flame.npz(content))) == "head.shape"
    for half in ({"vt": places}, {"ft": corners}):
        path = written(tmp_path, flame.npz({**arrays, **half}))
        assert not read_flame(path, space="flame2020").uv.any()


def test_an_eyes_parts_by_their_angle_and_the_upper_face_by_its_height() -> None:
    """The ball's middle is that of its extent, here the origin; angles are from +z. The nose's tip
    is the foremost skin, not the eye that stands out further."""
    ring = [
        [0.01 * np.sin(angle), 0, 0.01 * np.cos(angle)] for angle in (0.16, 0.18, 0.51, 0.53, 2.0)
    ]
    ends = [[0.01, 0, 0], [-0.01, 0, 0], [0, 0.01, 0], [0, -0.01, 0], [0, 0, 0.01], [0, 0, -0.01]]
    skin = [[0, 0.02, 0.009], [0, 0.028, 0], [0, 0.024, 0], [0, 0.012, 0], [0, 0.011, 0]]
    arrays = flame.flame_arrays(16, 150)
    arrays["v_template"] = np.array([*ring, *ends, *skin])
    arrays["weights"] = np.eye(5)[[4] * 11 + [1] * 5]
    arrays["weights"][4] = 0.49, 0, 0, 0, 0.51
    arrays = {k: v.astype("f4" if v.dtype.kind == "f" else "i8") for k, v in arrays.items()}
    head = head_from_flame(arrays, "ball", "flame2020")
    names = [REGIONS[k] for k in head.region]
    assert names[:5] == ["pupil", "iris", "iris", "sclera", "sclera"]
    assert names[11:] == ["skin"] * 5
    np.testing.assert_allclose(head.upper[11:], [0.5, 1, 0.75, 0, 0], atol=1e-6)
    np.testing.assert_allclose(
        head.colour[[0, 1, 4, 11]],
        [[0.02] * 3, [0.4, 0.25, 0.13], [0.93, 0.91, 0.89], [0.78, 0.6, 0.5]],
        atol=1e-6,
    )


def test_landmarks_by_other_names_and_without_their_contour(tmp_path: Path) -> None:
    full = flame.embedding(18)
    inner = {
        "lmk_faces_idx": full["static_lmk_faces_idx"],
        "lmk_bary_coords": full["static_lmk_bary_coords"],
    }
    for contour in (
        {},
        {"dynamic_lmk_faces_idx": full["dynamic_lmk_faces_idx"]},
        {
            "dynamic_lmk_faces_idx": full["dynamic_lmk_faces_idx"][:, :16],
            "dynamic_lmk_bary_coords": full["dynamic_lmk_bary_coords"][:, :16],
        },
        {
            "dynamic_lmk_faces_idx": full["dynamic_lmk_faces_idx"],
            "dynamic_lmk_bary_coords": full["dynamic_lmk_bary_coords"][:, :16],
        },
    ):
        head = landmarks(tmp_path, flame.npz({**inner, **contour}))
        assert not head.landmark_weights[:17].any()
        np.testing.assert_array_equal(head.landmark_faces[17:], inner["lmk_faces_idx"])
        np.testing.assert_allclose(head.landmark_weights[17:], inner["lmk_bary_coords"], atol=1e-6)


@pytest.mark.parametrize(("off", "fits"), [(0.0009, True), (0.0011, False), (-0.0011, False)])
def test_weights_of_a_landmark_add_up_to_one(off: float, fits: bool, tmp_path: Path) -> None:
    content = flame.embedding(18)
    content["full_lmk_bary_coords"][0, 30] = 0.5, 0.25, 0.25 + off
    if fits:
        assert landmarks(tmp_path, flame.npz(content)).landmark_weights[30, 0] == 0.5
        return
    with pytest.raises(InputError, match="do not add up to one") as caught:
        landmarks(tmp_path, flame.npz(content))
    assert caught.value.code == "head.landmarks"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x10\x20\x00\x00\x00\x00\x00\x00{", "safetensors"),
        (b"\x10\x20\x00\x00\x01\x00\x00\x00{", "safetensors"),
        (b"\x10\x20\x00\x00\x00\x01\x00\x00{", None),
        (b"PK\x03\x04rest", "npz"),
        (b"\x93NUMPY\x01", "npy"),
        (b"\x80\x04\x95", "pickle"),
        (b"(dp0", "pickle"),
        (b"ccopy_reg", "pickle"),
        (b"hello", None),
        (b"", None),
    ],
)
def test_a_file_is_known_by_how_it_begins(start: bytes, kind: str | None) -> None:
    assert read.kind_of(start) == kind
