# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels by what is seen: Gaussians on the wrong anchors get the label of where they are."""

from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import REGIONS
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar import visible_regions as shown
from affekt.sidecar.avatar.alignment import Alignment
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.avatar.regions import find_labels
from affekt.sidecar.avatar.splats import Splats
from affekt.sidecar.avatar.visible_regions import HAIR, LIPS, MOUTH, SKIN, TEETH
from affekt.sidecar.head.read import read_head
from fakes.disguise import in_disguise
from fakes.lam import lam_bundle
from scipy.spatial import cKDTree

OPEN = read_head("open")


@pytest.fixture(scope="module")
def disguised() -> tuple[Avatar, np.ndarray]:
    """Somebody else's head with a Gaussian on each vertex, and, painted by spare Gaussians that
    are bound to the lips around them, bright teeth in a dark mouth; (N,) what each is."""
    rig, known = in_disguise(OPEN)
    inside = np.isin(OPEN.region, [REGIONS.index(name) for name in ("teeth", "tongue")])
    inside &= OPEN.template[:, 2] > 0.03
    scale = np.array([1.08, 1.15, 1.1], np.float32)
    spare = OPEN.template[inside] * scale + np.array([0, 1.6, 0.02], np.float32)
    on = np.flatnonzero(known == REGIONS.index("lip"))
    anchors = np.concatenate([np.arange(len(known)), on[cKDTree(rig.vertices[on]).query(spare)[1]]])
    what = np.concatenate([known, OPEN.region[inside]])
    places = np.concatenate([rig.vertices, spare])
    colour = np.full((len(what), 3), 0.8, np.float32)
    for name, grey in (("teeth", 0.95), ("tongue", 0.15), ("mouth", 0.1), ("lip", 0.5)):
        colour[what == REGIONS.index(name)] = grey
    count = len(what)
    # No holes: as wide as their neighbours are far.
    spread = np.clip(0.6 * cKDTree(places).query(places, 4)[0][:, 3], 1e-3, 8e-3).astype(np.float32)
    avatar = Avatar(
        name="disguised",
        surface=rig,
        binding="vertex",
        anchors=anchors.astype(np.int32),
        offsets=(places - rig.vertices[anchors]).astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.repeat(spread[:, None], 3, 1),
        opacities=np.full(count, 0.95, np.float32),
        colours=colour,
        harmonics=None,
        follow="stretch",
    )
    return avatar, what


def test_what_is_seen_between_open_lips_is_mouth_and_teeth(
    disguised: tuple[Avatar, np.ndarray],
) -> None:
    avatar, what = disguised
    label = find_labels(avatar)
    shares = {}
    for name, expected in (("skin", {SKIN}), ("lip", {LIPS, MOUTH}), ("teeth", {TEETH, MOUTH})):
        mine = what == REGIONS.index(name)
        shares[name] = float(np.isin(label[mine], list(expected)).mean())
    teeth = label[what == REGIONS.index("teeth")] == TEETH
    bright = avatar.colours[label == TEETH].mean(), avatar.colours[label == MOUTH].mean()
    print(shares, f"teeth: {teeth.sum()} of {len(teeth)}; grey of teeth and mouth: {bright}")
    assert shares["skin"] > 0.95
    assert shares["lip"] > 0.7  # the inner ones line an open mouth
    assert (label[what == REGIONS.index("lip")] == LIPS).mean() > 0.35
    # Their anchors are lips: those that are never seen keep that.
    assert teeth.sum() > 100
    assert bright[0] > bright[1] + 0.1
    assert not (label == HAIR).any()  # bald


def test_a_hull_closes_the_corners_of_a_mouth() -> None:
    lips = np.zeros((9, 9), bool)
    lips[2, 3:6] = lips[6, 3:6] = lips[4, 1] = lips[4, 7] = True
    view = _view(9)
    hull = shown._hull(view, lips.ravel()).reshape(9, 9)
    assert hull[3:6, 3:6].all()
    assert not hull[0].any()
    assert not shown._hull(view, np.zeros(81, bool)).any()


def test_between_open_lips_bright_is_teeth_and_dark_is_mouth() -> None:
    """Of two pictures together; what is neither inside nor the mouth's own does not vote, nor does
    what is beside the lips."""
    lips = np.zeros((9, 9), bool)
    lips[2, 2:7] = lips[6, 2:7] = True
    views = [_view(9), _view(9)]
    for view, grey in zip(views, (0.9, 0.1), strict=True):
        label, inside, colour = (
            v.reshape(9, 9, -1) for v in (view.label, view.inside, view.colour)
        )
        label[lips] = LIPS
        inside[4, 3:5] = inside[0, 4] = inside[2, 3] = True  # of these one above them, and one lip
        label[5, 5], label[8, 8] = MOUTH, MOUTH
        colour[:] = grey
    shown._label_mouths(views)
    for view, wanted in zip(views, (TEETH, MOUTH), strict=True):
        found = np.full((9, 9), shown._NONE)
        found[4, 3:5] = found[5, 5] = found[2, 3] = wanted
        np.testing.assert_array_equal(view.label.reshape(9, 9), found)
    dark = [_view(9)]
    dark[0].label.reshape(9, 9)[lips] = LIPS
    dark[0].inside[:] = True
    shown._label_mouths(dark)  # nothing stands out of one brightness
    assert set(np.unique(dark[0].label)) == {MOUTH, shown._NONE}


def wall() -> tuple[shown._Subject, Splats, np.ndarray]:
    """A square of 80 mm that looks to +z, lips on its left half, behind a layer of Gaussians that
    is half as wide again."""
    x, y = np.meshgrid([-0.04, 0.0, 0.04], [-0.04, 0.04], indexing="ij")
    vertices = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1).astype(np.float32)
    faces = np.array([[0, 2, 1], [2, 3, 1], [2, 4, 3], [4, 5, 3]], np.int32)
    known = np.zeros((6, 9), np.float32)
    known[:2, SKIN] = known[4:, LIPS] = 1
    known[2:4, SKIN], known[2:4, LIPS] = 0.5, 0.5
    known[:, 6:] = vertices + np.float32([0, 0, 7])
    side = np.linspace(-0.06, 0.06, 25)
    means = np.stack([*np.meshgrid(side, side), np.full((25, 25), 0.005)], -1).reshape(-1, 3)
    count = len(means)
    splats = Splats(
        means=means.astype(np.float32),
        quaternions=np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        scales=np.full((count, 3), 0.005, np.float32),
        opacities=np.full(count, 0.99, np.float32),
        colours=np.tile(np.float32([0.75, 0.5, 0.25]), (count, 1)),
    )
    stood = np.tile(np.float32([1, 2, 3]), (count, 1))
    return shown._Subject(faces=faces, known=known, stood=stood, size=0.4), splats, vertices


def test_a_view_says_what_each_pixel_shows() -> None:
    """Seen from +z, +x is to the right. Beside the square no outside of a surface is seen."""
    subject, splats, vertices = wall()
    view = subject.view(splats, vertices, (np.zeros(3, np.float32), 0.2), 0.0)
    middle = view.camera.width / 2
    across = (view.column + 0.5 - middle) / view.camera.focal_x * 1.5
    along = -(view.row + 0.5 - middle) / view.camera.focal_y * 1.5
    on_wall = np.maximum(np.abs(across), np.abs(along)) < 0.038
    beside = np.maximum(np.abs(across), np.abs(along)) > 0.042
    assert beside.sum() > 1000
    assert (view.label[on_wall & (across > 0.002)] == LIPS).all()
    assert (view.label[on_wall & (across < -0.002)] == SKIN).all()
    assert not view.inside[on_wall].any()
    assert view.inside[beside].all()
    assert (view.label[beside] == SKIN).all()
    np.testing.assert_allclose(view.stood, np.tile([1, 2, 3], (len(across), 1)), atol=1e-3)
    np.testing.assert_allclose(view.place[beside], view.stood[beside])
    seen = np.stack([across, along, np.full_like(along, 7)], 1)
    np.testing.assert_allclose(view.place[on_wall], seen[on_wall], atol=1e-3)
    np.testing.assert_allclose(view.colour, np.tile([0.75, 0.5, 0.25], (len(across), 1)), atol=1e-3)
    votes = view.votes()
    assert votes.shape == (len(splats), 6)
    assert votes.sum() == pytest.approx(len(across), rel=0.08)  # each pixel is shared out
    left = (splats.means[:, 0] > 0.01) & (np.abs(splats.means[:, :2]).max(1) < 0.03)
    assert (votes[left].argmax(1) == LIPS).all()
    assert votes[:, [k for k in range(6) if k not in (SKIN, LIPS)]].max() == 0


@pytest.mark.parametrize(
    ("yaw_deg", "weight"),
    [(0, 0.25), (-60, 0.25), (60, 0.25), (120, 0.025), (180, 0.025), (240, 0.025)],
)
def test_what_a_view_counts(yaw_deg: float, weight: float) -> None:
    """A pixel by its size, of half the edge a quarter; and from behind a tenth of that."""
    subject, splats, vertices = wall()
    view = subject.view(splats, vertices, (np.zeros(3, np.float32), 0.2), yaw_deg)
    assert view.weight == pytest.approx(weight)
    if yaw_deg == 180:
        assert view.inside.all()


def test_which_views_vote_for_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight of the head and three of the face at rest, and three of it with an open mouth; a
    Gaussian that none of them shows keeps its anchor's label."""
    avatar = decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True)
    vertices, count = avatar.vertices, len(avatar)
    asked: list[tuple[shown._Subject, Splats, np.ndarray, tuple, float]] = []

    def view(*given) -> SimpleNamespace:
        asked.append(given)
        votes = np.zeros((count, 6))
        if len(asked) == 1:
            votes[0, SKIN], votes[1, HAIR], votes[2, SKIN] = 2, 0.0009, 0.9
        if len(asked) == 14:
            votes[0, TEETH], votes[2, TEETH] = 1.1, 0.2
        weight = 2.0 if len(asked) == 14 else 1.0
        return SimpleNamespace(votes=lambda: votes, weight=weight, number=len(asked))

    told: dict[str, list[int]] = {}
    monkeypatch.setattr(shown._Subject, "view", view)
    for name in ("_label_hair", "_label_mouths"):
        monkeypatch.setattr(
            shown, name, lambda views, *_, n=name: told.update({n: [v.number for v in views]})
        )
    label = np.full(len(vertices), SKIN, np.uint8)
    face = np.flatnonzero(vertices[:, 2] > 0.08)
    label[face], label[face[0]] = LIPS, shown.EYES
    home = np.arange(count, dtype=np.int32)
    home[3] = face[1]
    found = Alignment(
        label=label,
        place=(vertices * 2).astype(np.float32),
        vertex=np.arange(len(vertices)),
        distance=np.zeros(len(vertices)),
        open_from_metres=2.0,
    )
    labels = shown.labels_as_seen(avatar, label, found, home)
    assert labels[[0, 1, 2, 3]].tolist() == [TEETH, label[1], SKIN, LIPS]
    around, front = [-60, -30, 0, 30, 60, 120, 180, 240], [-30, 0, 30]
    assert [yaw for *_, yaw in asked] == [*around, *front, *front]
    assert told == {"_label_hair": list(range(1, 12)), "_label_mouths": [12, 13, 14]}
    subject, _, rest, (middle, size), _ = asked[0]
    assert subject.size == size == pytest.approx(1.1 * np.linalg.norm(np.ptp(vertices, axis=0)))
    np.testing.assert_allclose(middle, 0.5 * (vertices.min(0) + vertices.max(0)), atol=1e-6)
    np.testing.assert_array_equal(rest, vertices)
    np.testing.assert_allclose(subject.stood, 2 * avatar.means, atol=1e-5)
    of_face = vertices[face]
    for *_, (middle, size), _ in asked[8:]:
        np.testing.assert_allclose(middle, 0.5 * (of_face.min(0) + of_face.max(0)), atol=1e-6)
        assert size == pytest.approx(1.5 * np.ptp(of_face, axis=0).max())
    assert np.array_equal(asked[10][2], vertices)
    _, splats, posed, *_ = asked[13]
    jaw = avatar.surface.arkit_shapes[ARKIT_NAMES.index("jawOpen")]
    np.testing.assert_allclose(posed, vertices + 0.7 * jaw, atol=1e-6)
    assert not np.array_equal(splats.means, asked[0][1].means)


def test_hair_is_told_of_skin_alone_and_by_all_pictures_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    views = [_view(2), _view(3)]
    views[0].label[1] = LIPS
    views[1].label[8] = LIPS
    views[1].colour[:] = 0.5
    asked: list[np.ndarray] = []

    def looks(stood, place, colour, skin, open_head) -> np.ndarray:
        asked.append(skin)
        assert colour[:4].max() == 0 < colour[4:].min()
        return np.arange(13) % 2 == 1

    monkeypatch.setattr(shown, "_looks_like_hair", looks)
    shown._label_hair(views, OPEN)
    assert np.flatnonzero(~asked[0]).tolist() == [1, 12]
    assert views[0].label.tolist() == [SKIN, LIPS, SKIN, HAIR]
    assert np.flatnonzero(views[1].label == HAIR).tolist() == [1, 3, 5, 7]
    assert views[1].label[8] == LIPS


@pytest.mark.parametrize(("dark", "found"), [(0.1, 30), (0.85, 0), (0.9, 0)])
def test_teeth_stand_out_of_the_dark_or_are_not_told(dark: float, found: int) -> None:
    grey = np.concatenate([np.full(30, 0.9), np.full(70, dark)]).astype(np.float32)
    bright = shown._stand_out(np.repeat(grey[:, None], 3, 1))
    assert bright.sum() == found
    assert not shown._stand_out(np.zeros((0, 3), np.float32)).any()


def test_skin_from_dark_to_light_has_no_teeth_in_it() -> None:
    """From end to end it is 17 of a hundred steps of lightness, but its halves are not so far
    apart; two pixels of teeth and two of the dark beside it make no difference."""
    even = np.linspace(0.45, 0.62, 100)
    for grey in (even, np.concatenate([[0.3], even, [0.75]])):
        colours = np.repeat(grey.astype(np.float32)[:, None], 3, 1)
        assert not shown._stand_out(colours).any()


def test_azimuth_elevation_and_reach_of_a_place() -> None:
    """From the skull's middle; both sides are alike."""
    middle = np.array([0, 0.02, -0.035])
    places = middle + np.array([[0, 0, 0.1], [-0.03, 0.04, 0], [0.03, -0.04, 0], [-0.1, 0, -0.1]])
    azimuth, elevation, reach = shown._polar(places)
    np.testing.assert_allclose(azimuth, [0, 90, 90, 135], atol=1e-9)
    np.testing.assert_allclose(elevation, [0, 53.130102, -53.130102, 0], atol=1e-6)
    np.testing.assert_allclose(reach, [0.1, 0.05, 0.05, 0.1 * np.sqrt(2)])


def test_two_groups_are_told_apart_along_what_parts_them() -> None:
    """Of one colour each, 10 steps apart: as far as an eye's 2 steps of spread let them be."""
    one, other = np.tile([1.0, 5.0], (9, 1)), np.tile([11.0, 5.0], (4, 1))
    toward, halfway, apart = shown._tell_apart(one, other)
    np.testing.assert_allclose(toward, [2.5, 0])
    assert halfway == pytest.approx(6 * 2.5)
    assert apart == pytest.approx(5)
    # A group that is spread is further away than it is apart; one that lies far out hardly counts.
    noise = np.random.default_rng(0).normal(0, 6, (20_000, 2))
    assert shown._tell_apart(noise, noise + np.array([10.0, 0]))[2] == pytest.approx(
        10 / np.hypot(6, 2), rel=0.03
    )
    noise[:100] += 1000
    assert shown._tell_apart(noise, noise + np.array([10.0, 0]))[2] == pytest.approx(
        10 / np.hypot(6, 2), rel=0.08
    )


def on_skull(azimuth_deg: float, elevation_deg: float, count: int = 60) -> np.ndarray:
    """(count, 3) places on the open head's skin in nearly one direction, on both sides."""
    spread = np.random.default_rng(7).uniform(-2, 2, (2, count))
    azimuth, elevation = np.radians([azimuth_deg + spread[0], elevation_deg + spread[1]])
    side = np.where(np.arange(count) % 2, 1, -1)
    toward = np.stack(
        [
            side * np.sin(azimuth) * np.cos(elevation),
            np.sin(elevation),
            np.cos(azimuth) * np.cos(elevation),
        ],
        1,
    )
    middle = np.array([0, 0.02, -0.035])
    return middle + toward * shown._skull(middle + toward, OPEN)[:, None]


FACE, CROWN, TEMPLE, NAPE = (20.0, -10.0), (60.0, 75.0), (100.0, 5.0), (170.0, -50.0)
PALE, DARK = (0.8, 0.62, 0.52), (0.15, 0.1, 0.08)


def hair_of(
    colours: dict[tuple[float, float], tuple[float, ...]], off_m: float = 0.0
) -> list[float]:
    """The share of hair in the face, on the crown, at the temples and in the nape; what has no
    colour is pale. off_m: how far the crown's stands off the skull."""
    spots = (FACE, CROWN, TEMPLE, NAPE)
    place = np.concatenate([on_skull(*spot) for spot in spots]).astype(np.float32)
    stood = place.copy()
    middle = np.array([0, 0.02, -0.035], np.float32)
    out = place[60:120] - middle
    stood[60:120] += np.float32(off_m) * out / np.linalg.norm(out, axis=1, keepdims=True)
    colour = np.repeat([colours.get(spot, PALE) for spot in spots], 60, 0).astype(np.float32)
    found = shown._looks_like_hair(stood, place, colour, np.ones(240, bool), OPEN)
    return found.reshape(4, 60).mean(1).tolist()


def test_what_hangs_is_hair_if_it_looks_like_the_scalp() -> None:
    assert hair_of({CROWN: DARK}) == [0, 1, 0, 0]
    assert hair_of({CROWN: DARK, TEMPLE: DARK}) == [0, 1, 1, 0]
    assert hair_of({CROWN: DARK, NAPE: DARK}) == [0, 1, 0, 1]


def test_bald_heads_have_none_unless_the_scalp_stands_off() -> None:
    assert hair_of({}) == [0, 0, 0, 0]
    assert hair_of({TEMPLE: DARK}) == [0, 0, 0, 0]
    assert hair_of({}, off_m=0.007) == [0, 0, 0, 0]
    assert hair_of({}, off_m=0.009) == [0, 1, 0, 0]


def test_a_brow_is_hair_where_it_is_dark() -> None:
    brows = OPEN.template[OPEN.region == REGIONS.index("brow")][::4]
    place = np.concatenate([on_skull(*FACE), on_skull(*CROWN), brows]).astype(np.float32)
    colour = np.tile(np.float32(PALE), (len(place), 1))
    colour[60:120] = DARK
    colour[120::2] = (0.6, 0.45, 0.38)
    found = shown._looks_like_hair(place, place, colour, np.ones(len(place), bool), OPEN)
    assert found[120::2].all()
    assert not found[121::2].any()


def _view(size: int) -> shown.View:
    """A picture of size by size pixels, all filled."""
    row, column = (places.ravel() for places in np.indices((size, size)))
    nothing = np.zeros((0, 3), np.float32)
    empty = np.zeros((len(row), 3), np.float32)
    camera = look_at(
        target=np.zeros(3),
        distance=1.0,
        yaw_rad=0.0,
        pitch_rad=0.0,
        width=size,
        height=size,
        fov_y_rad=0.3,
    )
    splats = Splats(
        means=nothing,
        quaternions=np.zeros((0, 4), np.float32),
        scales=nothing,
        opacities=np.zeros(0, np.float32),
        colours=nothing,
    )
    return shown.View(
        gaussians=splats,
        camera=camera,
        row=row,
        column=column,
        label=np.zeros(len(row), np.uint8),
        inside=np.zeros(len(row), bool),
        colour=empty,
        stood=empty,
        place=empty,
        weight=1.0,
    )
