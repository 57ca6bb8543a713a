# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be asked of a rendering, and that a message carries all of it."""

from dataclasses import fields, replace

import numpy as np
import pytest
from affekt.shared import limits, messages, wire
from affekt.shared.camera import Camera
from affekt.shared.conversions import to_request, with_request
from affekt.shared.errors import InputError, LinkError
from affekt.shared.pictures import PASSES, PictureRequest, frame_name
from hypothesis import given
from hypothesis import strategies as st


def camera(index: int = 0, **changes: object) -> Camera:
    matrix = np.eye(4)
    matrix[:3] += np.random.default_rng(index).normal(0, 0.1, (3, 4))
    values = {
        "width": 20,
        "height": 10,
        "focal_x": 30.0 + index,
        "focal_y": 31.0,
        "centre_x": 9.0,
        "centre_y": 6.0,
        "near": 0.1,
        "far": 50.0,
        "camera_from_world": matrix,
        "orthographic": index % 2 == 1,
    }
    return Camera(**{**values, **changes})


def sent(options: PictureRequest) -> messages.Render:
    """The message as it arrives at the other side."""
    message = messages.Render(
        job="ab" * 16, head="open", motion="0" * 64, name="take.npz", credit=1
    )
    _, back = wire.decode_frames(wire.encode(with_request(message, options)))
    assert isinstance(back, messages.Render)
    return back


def assert_same(one: object, other: object) -> None:
    for entry in fields(one):
        a, b = getattr(one, entry.name), getattr(other, entry.name)
        if entry.name == "cameras":
            assert len(a) == len(b)
            for left, right in zip(a, b, strict=True):
                assert_same(left, right)
        else:
            np.testing.assert_array_equal(a, b)


MATRICES = np.stack([np.diag([1.0, 2, 3, 1]), np.eye(4), np.diag([3.0, 1, 1, 1])])
ASKED = {
    "nothing": PictureRequest(),
    "a portrait": PictureRequest(width=64, height=48, frames=range(3, 9)),
    "depth": PictureRequest(passes=("combined", "depth")),
    "one camera": PictureRequest(cameras=(camera(),), width=20, height=10),
    "an orthographic camera": PictureRequest(cameras=(camera(1),), width=20, height=10),
    "a camera a frame": PictureRequest(
        cameras=tuple(map(camera, range(3))), width=20, height=10, world_from_head=MATRICES
    ),
    "all passes": PictureRequest(
        passes=PASSES,
        format="exr",
        half=False,
        codec="piz",
        antialiased=False,
        follow="surface",
        world_from_head=MATRICES[0],
        axes="camera",
        object_index=7,
        weights=np.ones((3, 6), np.float32),
        influence=np.ones(3, np.float32),
        appearance=np.array([0, 2, 0.7], np.float32),
        skin_emotions=np.arange(18, dtype=np.float32).reshape(3, 6) / 18,
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_the_message_carries_all_of_it(name: str):
    assert_same(to_request(sent(ASKED[name])), ASKED[name])


def test_what_stands_still_is_sent_once():
    one = camera()
    options = PictureRequest(
        cameras=(one, replace(one), one), world_from_head=np.stack([MATRICES[0]] * 3)
    )
    message = sent(options)
    assert message.lens.shape == (1, 7)
    assert message.camera_from_world.shape == message.world_from_head.shape == (1, 4, 4)
    assert (message.width, message.height) == (20, 10)
    moves = PictureRequest(cameras=(one, one, camera(0, focal_x=31.0)))
    assert len(sent(moves).lens) == len(sent(moves).camera_from_world) == 3


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("option.pass", {"passes": ("combined", "beauty")}),
        ("option.pass", {"passes": ("combined", "normal")}),  # PNG
        ("option.format", {"format": "jpeg"}),
        ("option.follow", {"follow": "loosely"}),
        ("option.axes", {"axes": "head"}),
        ("option.codec", {"codec": "dwaa"}),
        ("option.camera", {"cameras": (camera(), camera(1, width=21))}),
        ("option.camera", {"world_from_head": np.eye(3)}),
        ("option.camera", {"world_from_head": np.full((2, 4, 4), np.nan)}),
        ("emotion.range", {"appearance": np.array([1, 2.01], np.float32)}),
        ("emotion.range", {"appearance": np.array([-0.01, 1], np.float32)}),
        ("emotion.not_finite", {"appearance": np.array([1, np.nan], np.float32)}),
        ("emotion.not_finite", {"skin_emotions": np.full((2, 6), np.nan, np.float32)}),
        ("emotion.range", {"skin_emotions": np.full((2, 6), 1.51, np.float32)}),
    ],
)
def test_what_cannot_be_made_is_refused(code: str, values: dict):
    with pytest.raises(InputError) as raised:
        PictureRequest(**values)
    assert raised.value.code == code


def test_png_says_what_to_do():
    with pytest.raises(InputError, match="in a PNG") as raised:
        PictureRequest(passes=("uv",))
    assert raised.value.remedy == "Choose EXR, or choose from combined, depth."


def test_of_a_name_without_end_the_beginning_is_told():
    """Its quote counts among the forty letters."""
    with pytest.raises(InputError) as raised:
        PictureRequest(format="exr", passes=("combined", "x" * 90, "y"))
    assert raised.value.code == "option.pass"
    assert raised.value.message == f"There is no pass '{'x' * 39}."


def test_one_of_a_thing_or_one_a_frame():
    for name in ASKED:
        ASKED[name].check_take(3)
    several = ASKED["a camera a frame"]
    for options, code in (
        (several, "option.camera"),
        (replace(several, cameras=()), "option.camera"),
        (PictureRequest(weights=np.ones((3, 6), np.float32)), "emotion.shape"),
        (PictureRequest(skin_emotions=np.ones((3, 6), np.float32)), "emotion.shape"),
        (PictureRequest(influence=np.ones(3, np.float32)), "emotion.shape"),
        (PictureRequest(appearance=np.ones(3, np.float32)), "emotion.shape"),
    ):
        with pytest.raises(InputError, match=r"3 .* 12 frames") as raised:
            options.check_take(12)
        assert raised.value.code == code


def test_a_thing_of_each_frame():
    one, several = ASKED["one camera"], ASKED["a camera a frame"]
    assert [one.camera_at(index) for index in range(3)] == [one.cameras[0]] * 3
    assert [several.camera_at(index) for index in range(3)] == list(several.cameras)
    np.testing.assert_array_equal(one.world_at(2), np.eye(4))
    np.testing.assert_array_equal(several.world_at(2), MATRICES[2])
    np.testing.assert_array_equal(
        replace(one, world_from_head=MATRICES[:1]).world_at(2), MATRICES[0]
    )
    assert one.emotions_at(2) == {}
    weights = np.arange(18, dtype=np.float32).reshape(3, 6)
    noted = PictureRequest(weights=weights, influence=np.array([0, 0, 0.5], np.float32))
    assert list(noted.emotions_at(2).items())[::6] == [("happy", 12), ("influence", 0.5)]


def test_what_is_made_unless_something_is_asked_for():
    plain = PictureRequest()
    assert (plain.size, plain.frames, plain.cameras) == ((512, 512), None, ())
    assert (plain.passes, plain.format, plain.suffix) == (("combined",), "png", ".png")
    assert (plain.half, plain.antialiased, plain.follow) == (True, True, None)
    assert (plain.axes, plain.object_index, plain.codec) == ("world", 1, "zip")
    assert plain.world_from_head.tolist() == np.eye(4).tolist()
    assert (plain.weights, plain.influence, plain.appearance) == (None, None, None)
    assert plain.skin_emotions_until(7, 10, 30) is None
    assert plain.appearance_at(7) == 1
    curve = PictureRequest(appearance=np.array([0, 2, 0.75], np.float32))
    assert [curve.appearance_at(index) for index in range(3)] == [0, 2, 0.75]
    assert PictureRequest(format="exr").suffix == ".exr"
    every = ("combined", "depth", "normal", "position", "mask", "index", "uv", "vector")
    assert every == PASSES


def test_skin_shows_three_seconds_of_emotions():
    """At 2 frames a second the last six; at a frame in a minute its own alone."""
    rows = np.arange(60, dtype=np.float32).reshape(10, 6) / 60
    asked = PictureRequest(skin_emotions=rows)
    for index, fps, first in ((8, 2.0, 3), (2, 2.0, 0), (8, 1 / 60, 8)):
        found = asked.skin_emotions_until(index, 10, fps)
        assert found is not None
        np.testing.assert_array_equal(found, rows[first : index + 1])
    of_a_cut = asked.skin_emotions_until(3, 5, 2.0)  # the take's rows are the last five
    np.testing.assert_array_equal(of_a_cut, rows[3:9])
    asked.check_take(5)
    with pytest.raises(InputError, match="10 rows of emotions for a take of 11 frames"):
        asked.check_take(11)


def test_normals_are_the_worlds_or_the_cameras():
    """A camera's x is right, y up and z towards it, as in Blender's view space."""
    turned = np.array([[0.0, 0, -1, 4], [0, 1, 0, 5], [1, 0, 0, 6], [0, 0, 0, 1]])
    seen = (camera(), camera(1, camera_from_world=turned))
    request = PictureRequest(cameras=seen, world_from_head=MATRICES[0])
    np.testing.assert_array_equal(request.normal_axes(1), MATRICES[0])
    found = replace(request, axes="camera").normal_axes(1)
    expected = [[0, 0, -1, 4], [0, -1, 0, -5], [-1, 0, 0, -6], [0, 0, 0, 1]]
    np.testing.assert_array_equal(found, expected)


def test_frames_are_all_or_those_asked_for():
    assert PictureRequest().chosen_frames(4) == range(4)
    assert PictureRequest(frames=range(1, 3)).chosen_frames(4) == range(1, 3)
    for frames in (range(4, 5), range(-1, 2), range(2, 2)):
        with pytest.raises(InputError) as raised:
            PictureRequest(frames=frames).chosen_frames(4)
        assert raised.value.code == "frames.out_of_range"


def test_each_so_many_th_frame_counts_by_its_last_one():
    """Frames 0, 4 and 8 lie in a take of nine frames, though the step after them does not."""
    for frames in (range(0, 10, 4), range(8, -1, -4)):
        request = PictureRequest(frames=frames)
        assert request.chosen_frames(9) == frames
        with pytest.raises(InputError):
            request.chosen_frames(8)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("passes", ("combined", "beauty")),
        ("passes", ()),
        ("passes", PASSES + PASSES),
        ("format", "jpeg"),
        ("follow", ""),
        ("axes", "head"),
        ("object_index", -1),
        ("lens", np.ones((1, 6))),
        ("lens", np.ones(7)),
        ("camera_from_world", np.eye(4)),
        ("camera_from_world", np.ones((1, 4, 4), np.float32)),
        ("world_from_head", np.ones((1, 3, 4))),
        ("weights", np.ones((3, 7), np.float32)),
        ("influence", np.ones((3, 1), np.float32)),
        ("appearance", np.ones((3, 1), np.float32)),
        ("half", 1),
        ("codec", "ZIP"),
        ("antialiased", None),
    ],
)
def test_the_schema_refuses_what_is_no_rendering(field: str, value: object):
    message = replace(sent(PictureRequest()), **{field: value})
    with pytest.raises(LinkError, match=f"render.{field}"):
        wire.encode(message)


@pytest.mark.parametrize(
    "changes",
    [
        {"lens": None},
        {"camera_from_world": None},
        {"lens": np.ones((2, 7))},
        {"lens": np.ones((0, 7)), "camera_from_world": np.ones((0, 4, 4))},
        {"lens": np.full((1, 7), np.nan)},
        {"camera_from_world": np.zeros((1, 4, 4))},
    ],
)
def test_cameras_that_do_not_fit_together_are_refused(changes: dict):
    message = replace(sent(PictureRequest(cameras=(camera(),))), **changes)
    with pytest.raises(InputError) as raised:
        to_request(message)
    assert raised.value.code == "option.camera"


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_any_cameras_come_back(which: list[int]):
    options = PictureRequest(cameras=tuple(map(camera, which)), width=20, height=10)
    back = to_request(sent(options)).cameras
    still = len(set(which)) == 1
    assert len(back) == (1 if still else len(which))
    for one, index in zip(back, which, strict=False):
        assert_same(one, camera(index))


def test_the_longest_takes_cameras_fit_a_request():
    assert limits.MAX_FRAMES * 4 * 4 * 8 <= limits.MAX_REQUEST_BUFFER_BYTES


def test_numbers_of_pictures():
    assert frame_name(0) == "frame_0001.png"
    assert frame_name(12_345, kind="depth") == "depth_12346.png"
    assert frame_name(9, suffix="exr") == "frame_0010.exr"


@pytest.mark.parametrize("size", [(12000, 9000), (8192, 8192), (0, 100)])
def test_pictures_that_cannot_be_made(size: tuple[int, int]) -> None:
    with pytest.raises(InputError) as caught:
        PictureRequest(width=size[0], height=size[1])
    assert caught.value.code == "option.size"
