# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheets of an adapter: every shape is drawn on both heads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.camera import Camera, camera_centre
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.adapter.registration import Registration
from affekt.sidecar.adapter.skin import Hits, Skin
from affekt.sidecar.adapter.solve import Solution
from affekt.sidecar.cli import run
from affekt.sidecar.head.read import read_head
from affekt.sidecar.render import adapter_sheets
from affekt.sidecar.render.adapter_sheets import Heads
from affekt.sidecar.render.sheets import contact_sheet
from fakes.flame import npz
from fakes.flame_twin import remeshed_twin
from fakes.head import small_head

HITS = Hits(
    face=np.array([1, 0]),
    weights=np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]]),
    found=np.ones(2, bool),
    distance=np.zeros(2),
)
"""Two points of FLAME's skin, nearest to the target's points 5 and 0."""


def skin(vertex: list[int], points: np.ndarray) -> Skin:
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    return Skin(
        points=points, faces=faces, vertex=np.array(vertex), side=np.zeros(len(vertex), np.int8)
    )


@pytest.fixture
def heads() -> Heads:
    """Two blobs; FLAME's is half as large, turned by a quarter about z, and moved."""
    rng = np.random.default_rng(4)
    flame, there = small_head(seed=1), small_head(seed=2)
    there = replace(
        there,
        colour=rng.random((40, 3)).astype(np.float32),
        region=rng.integers(0, 5, 40).astype(np.uint8),
    )
    return Heads(
        flame=flame,
        open=there,
        registration=Registration(
            source=skin([7, 3, 20, 21, 22, 23], rng.random((6, 3))),
            target=skin([30, 11, 12, 13, 14, 35], rng.random((6, 3))),
            hits=HITS,
            bent=rng.random((6, 3)),
            turn=np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
            scale=2.0,
            shift=np.array([0.1, 0.2, 0.3]),
        ),
    )


def test_flames_head_is_put_where_the_open_head_is(heads: Heads) -> None:
    np.testing.assert_allclose(
        heads.placed(np.array([[1.0, 2, 3], [0, 0, 0]])), [[-3.9, 2.2, 6.3], [0.1, 0.2, 0.3]]
    )


def test_flames_head_has_the_colours_of_what_it_lies_on(heads: Heads) -> None:
    pair = replace(
        heads, registration=replace(heads.registration, source=skin([7, 3], np.zeros((2, 3))))
    )
    seen = pair.coloured()
    wanted, regions = heads.flame.colour.copy(), heads.flame.region.copy()
    wanted[[7, 3]], regions[[7, 3]] = heads.open.colour[[35, 30]], heads.open.region[[35, 30]]
    np.testing.assert_array_equal(seen.colour, wanted)
    np.testing.assert_array_equal(seen.region, regions)
    assert not np.shares_memory(seen.colour, heads.flame.colour)


Drawn = list[tuple[np.ndarray, HeadModel, Camera]]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """What was drawn of which head, seen by which camera."""
    seen: Drawn = []

    def draw(vertices: np.ndarray, head: HeadModel, camera: Camera) -> np.ndarray:
        seen.append((vertices, head, camera))
        return np.zeros((camera.height, camera.width, 4), np.uint8)

    def draw_mesh(vertices: np.ndarray, faces: np.ndarray, *rest: object) -> np.ndarray:
        return draw(vertices, faces, rest[-1])  # type: ignore[arg-type]

    monkeypatch.setattr(adapter_sheets, "draw_head", draw)
    monkeypatch.setattr(adapter_sheets, "draw_mesh", draw_mesh)
    return seen


def test_every_shape_is_drawn_on_both_heads_side_by_side(
    heads: Heads, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = np.zeros((52, 103))
    numbers[:, :52] = 0.5 * np.eye(52)
    solution = Solution(
        space_from_open=np.zeros((103, 103)),
        numbers=numbers,
        wanted=np.zeros((52, 1, 3)),
        fitted=np.zeros((52, 1, 3)),
        face=np.ones(1, bool),
        share=np.ones(52),
        gram=np.eye(103),
    )
    pair = replace(
        heads, registration=replace(heads.registration, source=skin([7, 3], np.zeros((2, 3))))
    )
    labels: list[list[str]] = []

    def sheet_of(pictures: list, names: tuple[str, ...], columns: int, *, title: str) -> np.ndarray:
        labels.append(list(names))
        return contact_sheet(pictures, names, columns, title=title)

    monkeypatch.setattr(adapter_sheets, "contact_sheet", sheet_of)
    sheets = adapter_sheets.shape_sheets(pair, solution)
    assert [name for names in labels for name in names] == list(ARKIT_NAMES)
    assert [len(names) for names in labels] == [13] * 4
    # 13 pairs of 200 x 240 in rows of 4, with a line of 35 below each and a title of 60.
    assert [sheet.shape for sheet in sheets] == [(60 + 4 * 281 + 6, 4 * 406 + 6, 3)] * 4
    assert len(drawn) == 104
    assert {(camera.width, camera.height) for *_, camera in drawn} == {(200, 240)}
    frown = ARKIT_NAMES.index("mouthFrownLeft")
    left, right = drawn[2 * frown], drawn[2 * frown + 1]
    np.testing.assert_allclose(
        left[0], heads.open.template + heads.open.expression_basis[..., frown], atol=1e-6
    )
    np.testing.assert_allclose(
        right[0],
        heads.placed(heads.flame.template + 0.5 * heads.flame.expression_basis[..., frown]),
        atol=1e-6,
    )
    assert left[1] is heads.open
    np.testing.assert_array_equal(right[1].colour[7], heads.open.colour[35])
    closed, opened = (ARKIT_NAMES.index(name) for name in ("mouthClose", "jawOpen"))
    both = 0.5 * heads.flame.expression_basis[..., [closed, opened]].sum(-1)
    np.testing.assert_allclose(
        drawn[2 * closed + 1][0], heads.placed(heads.flame.template + both), atol=1e-6
    )


def test_the_registration_is_shown_in_three_rows(
    heads: Heads, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open head, FLAME laid onto it, and FLAME; whole, its mouth, and an eye."""
    one, labels = heads.registration, []

    def sheet_of(pictures: list, names: list[str], columns: int) -> np.ndarray:
        labels.extend(names)
        return contact_sheet(pictures, names, columns)

    monkeypatch.setattr(adapter_sheets, "contact_sheet", sheet_of)
    assert adapter_sheets.registration_sheet(heads).shape == (3 * (360 + 31 + 6) + 6, 1104, 3)
    wanted = [one.target.points] * 3 + [one.bent] * 3 + [heads.placed(heads.flame.template)] * 3
    for (vertices, _, camera), expected in zip(drawn, wanted, strict=True):
        np.testing.assert_array_equal(vertices, expected)
        assert (camera.width, camera.height) == (360, 360)
    assert labels[::3] == ["open head", "FLAME laid onto it", "FLAME"]
    assert [name for name in labels if name] == labels[::3]
    lenses = [2 * np.arctan(180 / camera.focal_y) for *_, camera in drawn]
    np.testing.assert_allclose(lenses, [0.24, 0.25, 0.2] * 3)
    seen = (((0, -0.02, 0), 0.85), ((0, -0.045, 0.05), 0.3), ((0.03, 0.02, 0.04), 0.3))
    for (*_, camera), (place, away) in zip(drawn[:3], seen, strict=True):
        np.testing.assert_allclose(
            (camera.camera_from_world @ [*place, 1])[:3], [0, 0, away], atol=1e-9
        )
    eyes = [camera_centre(camera) for *_, camera in drawn[:3]]
    assert abs(eyes[0][0]) < 1e-9  # from the front, and what is near from the head's left
    assert min(eyes[1][0], eyes[2][0] - 0.03) > 0.05


@pytest.mark.full
def test_a_head_without_expressions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jaw still opens, also on the sheets; the rest is left out and said so."""
    drawn: list[np.ndarray] = []

    def draw(vertices: np.ndarray, *_: object) -> np.ndarray:
        drawn.append(vertices)
        return np.zeros((12, 10, 4), np.uint8)

    monkeypatch.setattr(adapter_sheets, "draw_head", draw)  # 104 portraits take half a minute
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "cache"))
    arrays = remeshed_twin(read_head("open")).arrays
    arrays["shapedirs"][..., 300:] = 0
    (tmp_path / "flame.npz").write_bytes(npz(arrays))
    words = ["--flame", str(tmp_path / "flame.npz"), "--space", "flame2020"]
    words += ["--out", str(tmp_path / "adapter.npz"), "--pictures", str(tmp_path / "pictures")]
    assert run(["adapter", "build", *words]) == 0
    said = capsys.readouterr().out
    assert "does not show browDownLeft" in said
    assert "jawOpen" not in said.rsplit("does not show", 1)[1]
    assert (tmp_path / "pictures" / "registration.png").is_file()
    assert len(list((tmp_path / "pictures").glob("shapes_*.png"))) == 4
    assert len(drawn) == 104
    opened = drawn[2 * ARKIT_NAMES.index("jawOpen") + 1] - drawn[1]
    assert opened[:, 1].min() < -0.02
