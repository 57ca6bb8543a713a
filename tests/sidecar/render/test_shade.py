# SPDX-License-Identifier: GPL-3.0-or-later
"""Lit pictures of a mesh: what holds for any lamp, and that hollows and backs behave."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.head import REGIONS
from affekt.sidecar.raster.mesh import vertex_normals
from affekt.sidecar.raster.occlusion import (
    cone_directions,
    lid_shade,
    neighbour_mean,
    sphere_directions,
    visibility,
)
from affekt.sidecar.render import shade
from affekt.sidecar.render.shade import DrawOptions, draw_head, draw_mesh, light_mesh, share_of_sky
from affekt.sidecar.render.sheets import GAP, contact_sheet
from fakes.head import small_head
from fakes.lam import egg

SKIN = REGIONS.index("skin")


def egg_scene(region: str = "skin", grey: float = 0.7):
    vertices, faces = egg(40, 60)
    count = len(vertices)
    return (
        vertices,
        faces.astype(np.int32),
        np.full((count, 3), grey, np.float32),
        np.full(count, REGIONS.index(region), np.uint8),
    )


def portrait(size: int = 96, yaw: float = 0.0) -> Camera:
    return look_at(
        target=np.array([0, 1.64, 0]),
        distance=1.5,
        yaw_rad=yaw,
        pitch_rad=0,
        width=size,
        height=size,
        fov_y_rad=0.3,
    )


def test_normals_of_a_sphere_point_outward():
    vertices, faces, _, _ = egg_scene()
    centred = (vertices - [0, 1.64, 0]) / [0.09, 0.14, 0.10]
    normals = vertex_normals(centred.astype(np.float64), faces)
    expected = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    inside = np.abs(expected[:, 1]) < 0.98  # the poles are pinched
    assert np.sum(normals * expected, 1)[inside].min() > 0.995


def test_picture_is_opaque_over_a_background_and_cut_out_without():
    scene = egg_scene()
    laid = draw_mesh(*scene, portrait(), DrawOptions(background=(0.2, 0.4, 0.6)))
    assert (laid[..., 3] == 255).all()
    np.testing.assert_array_equal(laid[0, 0, :3], [51, 102, 153])
    cut = draw_mesh(*scene, portrait(), DrawOptions(background=None))
    assert cut[0, 0, 3] == 0
    assert cut[48, 48, 3] == 255
    edge = cut[(cut[..., 3] > 0) & (cut[..., 3] < 255)]
    assert len(edge) > 40
    # Straight alpha: an edge's colour is the surface's, not darkened by what is behind.
    assert edge[:, 0].mean() > 0.6 * cut[cut[..., 3] == 255][:, 0].mean()


def test_supersampling_agrees_with_one_sample_away_from_edges():
    scene = egg_scene()
    fine = draw_mesh(*scene, portrait(), DrawOptions(samples=3)).astype(int)
    coarse = draw_mesh(*scene, portrait(), DrawOptions(samples=1)).astype(int)
    inner = np.s_[30:66, 35:61]
    assert np.abs(fine - coarse)[inner].max() <= 4


def test_more_exposure_is_brighter_and_light_comes_from_above():
    scene = egg_scene()
    plain = draw_mesh(*scene, portrait())
    bright = draw_mesh(*scene, portrait(), DrawOptions(exposure=1.5))
    assert bright[40:56, 40:56, :3].mean() > plain[40:56, 40:56, :3].mean() + 10
    assert plain[25:35, 44:52, :3].mean() > plain[62:72, 44:52, :3].mean() + 10


def test_an_orthographic_picture_is_one_from_very_far_away():
    """Perspective from 300 m, magnified, is the same picture but for edges of a pixel."""
    scene, matrix = egg_scene(), portrait().camera_from_world.copy()
    matrix[2, 3] = 300 + 1.5
    lens = {"width": 96, "height": 96, "centre_x": 48.0, "centre_y": 48.0}
    flat, far = (
        Camera(
            **lens,
            camera_from_world=matrix,
            focal_x=focal,
            focal_y=focal,
            far=400.0,
            orthographic=orthographic,
        )
        for focal, orthographic in ((200.0, True), (200.0 * 301.5, False))
    )
    one, other = draw_mesh(*scene, flat).astype(int), draw_mesh(*scene, far).astype(int)
    assert np.abs(one - other).max() <= 12
    assert np.abs(one - other).mean() < 0.1
    assert (one != one[0, 0]).any(-1).mean() > 0.1  # the egg is in the picture


LIT = {
    "skin": ([218, 152, 111], [202, 140, 102], [107, 71, 53]),
    "brow": ([222, 154, 112], [206, 141, 102], [105, 69, 50]),
    "lip": ([218, 151, 111], [202, 141, 104], [108, 74, 56]),
    "teeth": ([224, 154, 112], [210, 147, 111], [112, 82, 68]),
    "tongue": ([218, 152, 111], [203, 142, 106], [110, 76, 60]),
    "sclera": ([224, 154, 112], [216, 156, 124], [125, 99, 90]),
    "pupil": ([228, 156, 113], [223, 164, 134], [133, 111, 103]),
}
"""sRGB of an egg of (0.8, 0.55, 0.4): on its top, at its left edge, and below."""


@pytest.mark.parametrize("name", LIT)
def test_each_region_is_lit_as_it_was(name: str):
    """Golden: who changes the lamps, the sky or a gloss changes these too."""
    vertices, faces, colour, region = egg_scene(name)
    colour[:] = 0.8, 0.55, 0.4
    camera = look_at(
        target=np.array([0, 1.64, 0]),
        distance=1.5,
        yaw_rad=0.4,
        pitch_rad=0.3,
        width=48,
        height=48,
        fov_y_rad=0.3,
    )
    options = DrawOptions(background=None, samples=1, occlusion=False)
    picture = draw_mesh(vertices, faces, colour, region, camera, options)
    seen = [picture[row, column, :3].tolist() for row, column in ((12, 24), (24, 14), (37, 26))]
    np.testing.assert_allclose(seen, LIT[name], atol=2)
    assert picture[24, 35].tolist() == [0, 0, 0, 0]
    if name == "skin":  # an egg hides hardly anything from itself
        np.testing.assert_allclose(picture[24, 24], [186, 127, 93, 255], atol=2)
        options = DrawOptions(background=None, samples=1)
        shaded = draw_mesh(vertices, faces, colour, region, camera, options)
        np.testing.assert_allclose(shaded[24, 24], [181, 124, 90, 255], atol=2)


def test_both_sides_are_lit():
    vertices, faces, colour, region = egg_scene()
    flipped = draw_mesh(vertices, faces[:, ::-1], colour, region, portrait())
    plain = draw_mesh(vertices, faces, colour, region, portrait())
    assert np.abs(flipped.astype(int) - plain).mean() < 12
    assert flipped[48, 48, :3].mean() > 80


def test_eyes_shine_more_than_skin():
    """The brightest spot stands out further from its surroundings on a wet eye."""
    contrast = {}
    for name in ("skin", "sclera"):
        options = DrawOptions(background=(0, 0, 0))
        picture = draw_mesh(*egg_scene(name, 0.3), portrait(), options)[..., 0].astype(float)
        contrast[name] = picture.max() - np.percentile(picture[picture > 20], 95)
    assert contrast["sclera"] > contrast["skin"] + 60


def test_lids_shade_the_ball_and_the_upper_one_more():
    """Three points of a ball: 1 mm below the upper lid, amid the opening, 1 mm above the lower."""
    ball = np.array([[0, 0.004, 0.0], [0, 0.0, 0.0], [0, -0.004, 0.0]])
    lids = np.array([[0, 0.005, 0.0], [0, -0.005, 0.0]])
    points = np.concatenate([ball, lids])
    eye, up = np.arange(5) < 3, np.array([0.0, 1.0, 0.0])
    light = lid_shade(points, eye, ~eye, up)
    np.testing.assert_allclose(light, [1 - 0.6 * 0.8, 1.0, 1 - 0.35 * 0.6], atol=1e-9)
    np.testing.assert_allclose(lid_shade(points, eye, ~eye, -up), light[::-1], atol=1e-9)
    np.testing.assert_array_equal(lid_shade(ball, np.ones(3, bool), np.zeros(3, bool), up), 1)


def test_a_wet_eye_mirrors_the_key_lamp_alone():
    """A second spot, of the fill lamp, stood on the white like a lamp of its own."""
    options = DrawOptions(background=(0, 0, 0))
    picture = draw_mesh(*egg_scene("sclera", 0.3), portrait(), options)[..., 0].astype(int)
    key, fill = picture[34:62, 34:48], picture[40:56, 52:62]
    assert key.max() > np.median(key) + 80
    assert fill.max() < np.median(fill) + 30


def test_deep_teeth_are_darker_than_near_ones():
    vertices, faces, colour, region = egg_scene("teeth")
    lip = np.argsort(np.linalg.norm(vertices - [0, 1.58, 0.09], axis=1))[:8]
    region = region.copy()
    region[lip] = REGIONS.index("lip")
    picture = draw_mesh(vertices, faces, colour, region, portrait())
    assert picture[64:70, 44:52, :3].mean() > picture[30:36, 44:52, :3].mean() + 40


def test_cheeks_shade_the_back_teeth_and_not_the_front_ones():
    """A white tooth may not light itself up by the light that it throws back: a row of molars
    then stands like a pale column in a turned mouth."""
    vertices, faces = egg(40, 60)
    white = np.full((len(vertices), 3), 0.93, np.float32)
    light = {}
    for name in ("skin", "teeth"):
        region = np.full(len(vertices), REGIONS.index(name), np.uint8)
        distance = np.linalg.norm(vertices - [0, 1.58, 0.09], axis=1)
        region[np.argsort(distance)[:8]] = REGIONS.index("lip")
        light[name] = draw_mesh(vertices, faces.astype(np.int32), white, region, portrait())
    near, far = (slice(64, 68), slice(46, 50)), (slice(48, 52), slice(46, 50))
    ratio = {
        at: light["teeth"][rows, columns, :3].mean() / light["skin"][rows, columns, :3].mean()
        for at, (rows, columns) in {"near": near, "far": far}.items()
    }
    assert ratio["near"] > 0.55
    assert ratio["far"] < 0.3


def test_visibility_of_an_egg_is_its_facing_half():
    """Convex: a vertex sees out exactly where its normal faces."""
    vertices, faces, _, _ = egg_scene()
    normals = vertex_normals(vertices.astype(np.float64), faces)
    directions = sphere_directions(20)
    seen = visibility(vertices.astype(np.float64), faces, directions)
    facing = directions @ normals.T
    assert seen[facing > 0.5].mean() > 0.97
    assert seen[facing > 0.6].min() > 0.9
    assert seen[facing < -0.2].mean() < 0.03


def test_the_lamp_reaches_what_sees_no_sky():
    """A wall before the camera that nothing shades: of .958 of its colour the key lamp gives .606
    and the fill lamp .104; the sky gives the rest, and without it the fill lamp .036."""
    wall = np.array([[-9.0, -9, 0], [9, -9, 0], [9, 9, 0], [-9, 9, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    scene = wall, faces, np.full((4, 3), 0.5, np.float32), np.full(4, SKIN, np.uint8)
    camera = replace(portrait(), camera_from_world=np.diag([1.0, -1, -1, 1]))
    camera.camera_from_world[2, 3] = 2
    light = []
    for share in (0.0, 1.0):
        options = DrawOptions(background=None, sky=np.full(4, share, np.float32))
        light.append(light_mesh(*scene, camera, options).light[48, 48, 1])
    colour, shine = 0.2140, 0.0056
    assert light == pytest.approx([0.643 * colour + shine, 0.958 * colour + shine], abs=0.002)


def test_a_lid_takes_the_sky():
    floor = np.array([[-1.0, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]])
    lid = floor * [1, 0, 1] + [0, 0.5, 0]
    centre = np.array([[0.0, 0.0, 0.0]])
    vertices = np.concatenate([floor, lid, centre])
    # The lid's outside is up, the floor's down, like those of a box.
    faces = np.array([[0, 1, 2], [0, 2, 3], [6, 5, 4], [7, 6, 4]], np.int32)
    up, down = np.array([[0.0, 1, 0]]), np.array([[0.0, -1, 0]])
    assert visibility(vertices, faces, up)[0, 8] < 0.1
    assert visibility(vertices, faces[:2], up)[0, 8] > 0.9
    assert visibility(vertices, faces[2:], down)[0, 8] > 0.9


@pytest.mark.parametrize(("behind", "seen"), [(0.003, 1.0), (0.015, 0.5), (0.03, 0.0)])
def test_what_lies_just_behind_a_surface_is_hidden_by_degrees(behind: float, seen: float):
    """From 0.006 of the mesh's radius on to four times that; the radius is the root of 2 here."""
    plate = np.array([[-1.0, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]])
    vertices = np.concatenate([plate, [[0.1, -behind * np.sqrt(2), 0.2]]])
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    found = visibility(vertices, faces, np.array([[0.0, 1, 0]]))
    assert found[0, 4] == pytest.approx(seen, abs=0.01)
    np.testing.assert_allclose(found[0, :4], 1)


def test_neighbour_mean_keeps_a_constant_and_mixes_a_face():
    faces = np.array([[0, 1, 2]], np.int32)
    values = np.array([[3.0, 1], [0, 1], [0, 1], [7, 1]], np.float32)
    np.testing.assert_allclose(neighbour_mean(values, faces), [[1, 1], [1, 1], [1, 1], [7, 1]])


def test_direction_sets():
    for directions in (sphere_directions(26), cone_directions(np.array([0.2, -1, 0.1]), 0.16, 5)):
        np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-12)
    assert np.abs(sphere_directions(200).mean(0)).max() < 0.01


def test_a_lamps_cone():
    """As wide as its half angle, as dense in its middle as at its rim, about its axis."""
    axis = np.array([0.6, 0, -0.8])
    lamp = cone_directions(5 * axis, 0.3, 400)
    tangents = np.tan(np.arccos(lamp @ axis)) / np.tan(0.3)
    assert 0.99 < tangents.max() <= 1
    assert (tangents < 0.5).mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(lamp.mean(0) / np.linalg.norm(lamp.mean(0)), axis, atol=2e-3)


def test_any_head_can_be_drawn():
    head = small_head()
    camera = look_at(
        target=np.zeros(3), distance=0.8, yaw_rad=0, pitch_rad=0, width=64, height=48, fov_y_rad=0.5
    )
    for options in (None, DrawOptions(clay=True), DrawOptions(occlusion=False, samples=1)):
        picture = draw_head(head.template, head, camera, options)
        assert picture.shape == (48, 64, 4)
        assert picture.dtype == np.uint8


def test_contact_sheet_holds_every_picture_unchanged():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (40, 60, 3), np.uint8) for _ in range(5)]
    sheet = contact_sheet(images, ["a", "b", "c", "d", "e"], 2, title="Five")
    assert sheet.shape[1] == 2 * (60 + GAP) + GAP
    for image in images:
        windows = np.lib.stride_tricks.sliding_window_view(sheet[..., 0], (40, 60))
        assert (windows == image[..., 0]).all((2, 3)).sum() == 1
    with pytest.raises(ValueError, match="label"):
        contact_sheet(images, ["a"], 2)


def test_strip_is_one_row_and_alpha_shows_paper():
    clear = np.zeros((20, 30, 4), np.uint8)
    strip = contact_sheet([clear, clear, clear], ["", "", ""], 3)
    assert strip.shape[:2] == (20 + 2 * GAP, 3 * 30 + 4 * GAP)
    assert strip.min() > 240


def test_clay_is_the_colour_of_skin_brows_lips_and_lashes() -> None:
    """Not of what lies inside, which keeps its own."""
    head = small_head(len(REGIONS))
    head = replace(head, region=np.arange(len(REGIONS), dtype=np.uint8))
    drawn: list[np.ndarray] = []

    def note(*scene: np.ndarray) -> np.ndarray:
        drawn.append(scene[2])
        return np.zeros((2, 2, 4), np.uint8)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shade, "draw_mesh", note)
        for options in (None, DrawOptions(), DrawOptions(clay=True)):
            draw_head(head.template, head, portrait(), options)
    for plain in drawn[:2]:
        np.testing.assert_array_equal(plain, head.colour)
    clay = [name in ("skin", "brow", "lip", "lash") for name in REGIONS]
    wanted = np.where(np.array(clay)[:, None], [0.76, 0.70, 0.66], 0.7)
    np.testing.assert_allclose(drawn[2], wanted, atol=1e-6)


def test_light_falls_off_behind_the_lips() -> None:
    """By the distance from the lips' middle, here the origin: teeth are in full light to 14 mm and
    lose 1 / e in 9 mm more, mouth and tongue from 11 mm on, in 22 mm more."""
    places = {
        "lip": (0.004, 0.004),
        "teeth": (0.010, 0.023, 0.032),
        "mouth": (0.010, 0.033, 0.055),
        "tongue": (0.033,),
        "skin": (0.2,),
    }
    wanted = [1, 1, 1, np.exp(-1), np.exp(-2), 1, np.exp(-1), np.exp(-2), np.exp(-1), 1]
    region = np.array([REGIONS.index(k) for k, far in places.items() for _ in far], np.uint8)
    points = np.array([[0.0, 0.0, far] for some in places.values() for far in some])
    points[1] *= -1  # the other lip
    light = shade._hollow_light(points, region)
    np.testing.assert_allclose(light, wanted, rtol=1e-9)
    without = region.copy()
    without[:2] = SKIN
    np.testing.assert_array_equal(shade._hollow_light(points, without), 1)


def test_what_each_vertex_gives_the_shader() -> None:
    """Linear colour, normal, shares of sky and lamp above the region's least, its gloss."""
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    faces = np.array([[0, 1, 2]], np.int32)
    colour = np.array([[0.5, 0.2, 0.8], [-1, 2, 0], [1, 1, 1]], np.float32)
    region = np.array([REGIONS.index(name) for name in ("teeth", "skin", "tongue")], np.uint8)
    options = DrawOptions(sky=np.array([0.5, 0.25, 0.0], np.float32))
    found = shade._attributes(points, faces, colour, region, options)
    np.testing.assert_allclose(found[:2, :3], [[0.2140, 0.0331, 0.6038], [0, 1, 0]], atol=1e-4)
    np.testing.assert_allclose(found[:, 3:6], [[0, 0, 1]] * 3, atol=1e-6)
    np.testing.assert_allclose(found[:, 6], [0.38 + 0.62 * 0.5, 0.25, 0.25], atol=1e-6)
    np.testing.assert_allclose(found[:, 8:11], [[0.3, 90, 0.3], [0.045, 22, 1], [0.16, 36, 1]])
    np.testing.assert_allclose(found[:, 11], 1)
    plain = shade._attributes(points, faces, colour, region, DrawOptions(occlusion=False))
    np.testing.assert_allclose(plain[:, 6:8], 1)


def test_the_lamp_is_as_many_directions_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def note(axis: np.ndarray, half_angle_rad: float, count: int) -> np.ndarray:
        asked.append((axis.round(3).tolist(), half_angle_rad, count))
        return cone_directions(axis, half_angle_rad, count)

    monkeypatch.setattr(shade.occlusion, "cone_directions", note)
    light_mesh(*egg_scene(), portrait(16), DrawOptions(key_rays=3))
    light_mesh(*egg_scene(), portrait(16), DrawOptions())
    assert asked == [([-0.487, -0.618, -0.618], 0.16, 3), ([-0.487, -0.618, -0.618], 0.16, 5)]


def wall_light(exposure: float) -> float:
    """Green of a grey wall straight before the camera."""
    wall = np.array([[-9.0, -9, 0], [9, -9, 0], [9, 9, 0], [-9, 9, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    camera = replace(portrait(), camera_from_world=np.diag([1.0, -1, -1, 1]))
    camera.camera_from_world[2, 3] = 2
    options = DrawOptions(background=None, occlusion=False, exposure=exposure)
    grey, skin = np.full((4, 3), 0.5, np.float32), np.full(4, SKIN, np.uint8)
    return float(light_mesh(wall, faces, grey, skin, camera, options).light[48, 48, 1])


def test_bright_light_is_bent_before_it_clips() -> None:
    """Up to 0.75 exposure multiplies; above, light nears 1 and never gets there."""
    light = wall_light(1.0)
    assert light == pytest.approx(0.2106, abs=0.002)
    assert wall_light(3.0) == pytest.approx(3 * light, rel=1e-5)
    bent = 0.75 + 0.25 * (1 - np.exp((0.75 - 5 * light) / 0.25))
    assert wall_light(5.0) == pytest.approx(bent, rel=1e-5)
    assert 0.99 < wall_light(40.0) <= 1


def test_a_lit_mesh_says_which_face_each_sample_saw() -> None:
    options = DrawOptions(samples=2, occlusion=False)
    camera = replace(portrait(40), width=30, centre_x=15.0)
    vertices, faces, colour, region = egg_scene()
    lit = light_mesh(vertices, faces, colour, region, camera, options)
    assert lit.samples == 2
    assert lit.light.shape == (40, 30, 4)
    assert lit.face.shape == (80, 60)
    covered = (lit.face >= 0).reshape(40, 2, 30, 2).mean((1, 3))
    np.testing.assert_allclose(lit.light[..., 3], covered, atol=1e-6)
    seen = faces[lit.face[40, 30]]
    screen = lit.screen[seen, :2] / lit.screen[seen, 2:3]
    assert np.abs(screen - [15.25, 20.25]).max() < 3


def test_two_sheets_take_the_sky_from_each_other() -> None:
    """The outer sides see all of the sky that they face, the inner ones nearly none."""
    side = np.linspace(-1, 1, 9)
    x, z = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
    corner = np.arange(81).reshape(9, 9)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    up = np.stack([a, b, c, a, c, d], -1).reshape(-1, 3)
    sheets = [np.stack([x, np.full(81, height), z], 1) for height in (0.0, 0.2)]
    points = np.concatenate(sheets)
    middle = 40
    for above, below, faces in (
        (1.0, 0.05, np.concatenate([up, up + 81])),
        (0.05, 1.0, np.concatenate([up, up + 81])[:, ::-1]),
    ):
        faces = np.ascontiguousarray(faces, np.int32)
        share = share_of_sky(points, faces, vertex_normals(points, faces))
        assert share[81 + middle] == pytest.approx(above, abs=0.07)
        assert share[middle] == pytest.approx(below, abs=0.07)


SHEET = np.array([[1.0, -1, 2], [-1, -1, 2], [0, 2, 2]])
"""A triangle before the camera, in its axes: x right, y down, z away."""


def sample(
    lamps: list[tuple[float, ...]],
    normal: tuple[float, float, float] = (0, 0, -1),
    gloss: tuple[float, float, float] = (0, 10, 0),
    shares: tuple[float, float, float] = (0.5, 0.25, 0.8),
    points: np.ndarray = SHEET,
    *,
    orthographic: bool = False,
) -> np.ndarray:
    """Light of the sheet's middle, of colour (0.6, 0.4, 0.2). lamps: direction and colour; gloss:
    strength, exponent, wrap; shares: of the sky, of the key lamp, and of what gets inside."""
    values = np.array([0.6, 0.4, 0.2, *normal, shares[0], shares[1], *gloss, shares[2]])
    light, given = np.empty(3), np.array(lamps, float).reshape(-1, 6)
    sky, ground = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.1, 0.0])
    third = (1 / 3, 1 / 3, 1 / 3)
    shade._light_sample(
        points, np.array([0, 1, 2]), third, values, given, sky, ground, orthographic, light
    )
    return light


DARK = (0, 0, -1, 0, 0, 0)
"""A lamp that is out."""
SKY = np.array([0.6 * 0.3 / 0.7, 0.4 * 0.3 / 0.8, 0.2 * 0.3 / 0.9]) * 0.4
"""What half of the sky and ground gives that sheet: a hollow lights itself by its colour."""


def test_the_sky_alone() -> None:
    """Half of it from above, half from below; what sees half of it is lit by its own colour."""
    np.testing.assert_allclose(sample([]), SKY)
    up = np.array([0.6 * 0.4 / 0.7, 0.4 * 0.5 / 0.8, 0.2 * 0.6 / 0.9]) * 0.4
    np.testing.assert_allclose(sample([], (0, -1, 0)), up)
    down = np.array([0.6 * 0.2 / 0.7, 0.4 * 0.1 / 0.8, 0]) * 0.4
    np.testing.assert_allclose(sample([], (0, 1, 0)), down, atol=1e-12)
    whole = sample([], shares=(1, 0.25, 1))
    np.testing.assert_allclose(whole, [0.6 * 0.3, 0.4 * 0.3, 0.2 * 0.3])


@pytest.mark.parametrize(("before", "reach"), [(0, 0.25), (1, 0.675), (2, 0.3375), (3, 0.3375)])
def test_how_much_of_each_lamp_arrives(before: int, reach: float) -> None:
    """Of the key lamp its own share; the others have a third and more of it where no sky is seen,
    and rims only as far as there is sky. All of it as far as it gets inside."""
    lamps = [DARK] * before + [(0, 0, -1, 1, 2, 3)]
    wanted = np.array([0.6, 0.8, 0.6]) * reach * 0.8
    np.testing.assert_allclose(sample(lamps) - SKY, wanted, rtol=1e-9)


def test_light_goes_round_into_red_the_furthest() -> None:
    straight = sample([(0, 0, -1, 1, 1, 1)], gloss=(0, 10, 1)) - SKY
    soft = np.array([1.3, 1.14, 1.09])
    np.testing.assert_allclose(straight, np.array([0.6, 0.4, 0.2]) * 0.2 / soft)
    slanted = np.sqrt(1 - 0.2**2)
    behind = sample([(slanted, 0, 0.2, 1, 1, 1)], gloss=(0, 10, 1)) - SKY
    np.testing.assert_allclose(behind, [0.6 * 0.1 / 1.69 * 0.2, 0, 0], atol=1e-9)
    slanted = np.sqrt(1 - 0.31**2)
    dark = sample([(slanted, 0, 0.31, 1, 1, 1)], gloss=(9, 10, 1))
    np.testing.assert_allclose(dark, SKY, rtol=1e-9)


def test_what_a_gloss_mirrors() -> None:
    """A lobe that is higher the narrower it is; rims are mirrored by a quarter straight on, and a
    gloss as sharp as an eye's mirrors the key lamp alone."""
    lamp = (0, 0, -1, 1, 2, 3)
    plain = sample([lamp])
    shine = 0.5 * 18 * 0.04 * 0.2
    np.testing.assert_allclose(sample([lamp], gloss=(0.5, 10, 0)) - plain, shine * np.arange(1, 4))
    sharp = 0.5 * 208 * 0.04 * 0.2
    np.testing.assert_allclose(sample([lamp], gloss=(0.5, 200, 0)) - plain, sharp * np.arange(1, 4))
    assert (sample([DARK, lamp], gloss=(0.5, 200, 0)) == sample([DARK, lamp])).all()
    assert (sample([DARK, lamp], gloss=(0.5, 199, 0)) > sample([DARK, lamp])).all()
    rim = (0.8, 0, -0.6, 1, 2, 3)  # the half vector's cosine is 2 / root 5
    grazing = 1 - 2 / np.sqrt(5)
    mirrored = 0.5 * (0.25 + 4.5 * grazing**5) * 18 * 0.04 * (2 / np.sqrt(5)) ** 10 * 0.27
    found = sample([DARK, DARK, rim], gloss=(0.5, 10, 0)) - sample([DARK, DARK, rim])
    np.testing.assert_allclose(found, mirrored * np.arange(1, 4), rtol=1e-9)
    low = (np.sqrt(1 - 0.1**2), 0, -0.1, 1, 1, 1)  # fades in over the first quarter
    half = (1.1 / np.sqrt(2.2)) ** 10
    found = sample([low], gloss=(0.5, 10, 0)) - sample([low])
    np.testing.assert_allclose(found, 0.5 * 18 * 0.04 * half * 0.4 * 0.2, rtol=1e-9)


def test_an_edge_has_a_sheen_of_the_sky() -> None:
    leaning = (0.6, 0.0, -0.8)
    found = sample([], leaning, gloss=(0.5, 10, 0)) - sample([], leaning)
    wanted = 0.5 * 0.6 * 0.2**4 * 0.4 * np.array([0.4, 0.5, 0.6])
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    beside = SHEET + np.array([2.0, 0, 0])
    across = sample([], gloss=(0.5, 10, 0), points=beside) - sample([])
    facing = np.sqrt(0.5)
    np.testing.assert_allclose(across, 0.3 * (1 - facing) ** 4 * 0.4 * np.array([0.4, 0.5, 0.6]))
    flat = sample([], gloss=(0.5, 10, 0), points=beside, orthographic=True)
    np.testing.assert_allclose(flat, SKY, rtol=1e-9)


def test_a_face_that_is_seen_from_behind_is_lit_from_this_side() -> None:
    """Its normals are turned over by the way that its corners run."""
    lamp = (0, 0, -1, 1, 1, 1)
    turned = SHEET[[1, 0, 2]]
    np.testing.assert_allclose(sample([lamp], (0, 0, 1), points=turned), sample([lamp]))


@pytest.mark.parametrize(
    ("change", "plain"),
    [
        (lambda face, near, label: None, True),
        (lambda face, near, label: face.__setitem__((1, 1), -1), False),
        (lambda face, near, label: face.__setitem__((2, 1), 4), True),  # of the same region
        (lambda face, near, label: label.__setitem__(0, 6), False),
        (lambda face, near, label: near.__setitem__((0, 1), 1.0041), False),
        (lambda face, near, label: near.__setitem__((0, 1), 1.0039), True),
        (lambda face, near, label: near.__setitem__((2, 2), 0.9959), False),
        (lambda face, near, label: near.__setitem__((2, 2), 0.9961), True),
    ],
)
def test_a_pixel_of_one_surface_is_shaded_once(change: object, plain: bool) -> None:
    """The pixel at row 2 and column 1 of three samples each; its neighbours do not matter."""
    face, near = np.full((9, 9), -1, np.int32), np.full((9, 9), 7.0, np.float32)
    label = np.array([3, 9, 9, 9, 3], np.uint8)
    face[6:, 3:6] = np.where(np.eye(3) > 0, 0, 4)
    near[6:, 3:6] = 1
    part = face[6:, 3:6]
    part[2, 0] = 0
    change(part, near[6:, 3:6], label)
    assert shade._is_plain(face, near, label, 6, 3, 3) == plain
