# SPDX-License-Identifier: GPL-3.0-or-later
"""Which field of a message holds what: read by another Affekt, a field cannot change its meaning on
both sides at once. There and back is `test_pictures.py`'s and `test_wire.py`'s."""

from dataclasses import fields, replace

import numpy as np
import pytest
from affekt.shared import messages
from affekt.shared.camera import Camera
from affekt.shared.conversions import (
    motion_fields,
    to_motion,
    to_request,
    to_track,
    to_view,
    track_fields,
    view_fields,
    with_request,
)
from affekt.shared.emotion import EmotionTrack
from affekt.shared.errors import InputError
from affekt.shared.pictures import PictureRequest
from affekt.shared.previews import picture_of_view, track_rows
from fakes.takes import random_motion

RENDER = messages.Render(
    job="ab" * 16, head="open", motion="0" * 64, name="take.npz", credit=1, pictures=5
)


def camera(**changes: object) -> Camera:
    pose = np.eye(4)
    pose[:3, 3] = (1, 2, 3)
    fields = {
        "width": 20,
        "height": 10,
        "focal_x": 30.0,
        "focal_y": 31.0,
        "centre_x": 9.0,
        "centre_y": 6.0,
        "near": 0.1,
        "far": 50.0,
        "camera_from_world": pose,
    }
    return Camera(**{**fields, **changes})


def track(frames: int = 300) -> EmotionTrack:
    """Every value says its frame and its channel."""
    steps = np.arange(frames, dtype=np.float32) / 1000
    return EmotionTrack(
        weights=steps[:, None] + np.arange(6, dtype=np.float32) / 10,
        influence=steps,
        upper=steps + 0.5,
        lower=steps + 0.6,
        geometry=steps + 0.7,
        appearance=steps + 0.8,
        keep_closed=steps + 0.4,
        fps=24.0,
    )


def test_a_lens_is_seven_numbers_in_this_order() -> None:
    message = with_request(RENDER, PictureRequest(cameras=(camera(),)))
    assert message.lens is not None
    assert message.camera_from_world is not None
    assert message.lens.tolist() == [[30, 31, 9, 6, 0.1, 50, 0]]
    assert message.camera_from_world[0, :, 3].tolist() == [1, 2, 3, 1]
    flat = with_request(RENDER, PictureRequest(cameras=(camera(orthographic=True),)))
    assert flat.lens is not None
    assert flat.lens.tolist() == [[30, 31, 9, 6, 0.1, 50, 1]]
    assert (message.width, message.height, message.pictures) == (20, 10, 5)


def test_frames_are_the_first_and_the_one_after_the_last() -> None:
    message = with_request(RENDER, PictureRequest(frames=range(3, 9)))
    assert message.frames == (3, 9)
    assert to_request(message).frames == range(3, 9)
    assert with_request(RENDER, PictureRequest()).frames is None


def test_a_head_that_stands_at_the_origin_is_not_sent() -> None:
    turned = np.diag([1.0, 1, -1, 1])
    for matrices, shape in (
        (np.eye(4), None),
        (np.stack([np.eye(4)] * 3), None),
        (turned, (1, 4, 4)),
        (np.stack([turned] * 3), (1, 4, 4)),
        (np.stack([np.eye(4), turned]), (2, 4, 4)),
    ):
        sent = view_fields(PictureRequest(world_from_head=matrices))["world_from_head"]
        assert (None if sent is None else sent.shape) == shape


def test_a_moving_camera_is_sent_frame_by_frame_with_its_lenses() -> None:
    """Also where only one of the two changes."""
    zoomed, moved = camera(focal_x=40.0), camera(camera_from_world=np.eye(4))
    for other in (zoomed, moved):
        sent = view_fields(PictureRequest(cameras=(camera(), other)))
        assert sent["lens"] is not None
        assert sent["camera_from_world"] is not None
        assert sent["lens"].shape == (2, 7)
        assert sent["camera_from_world"].shape == (2, 4, 4)
        assert sent["lens"][1, 0] == other.focal_x
        assert sent["camera_from_world"][1, 2, 3] == other.camera_from_world[2, 3]


def test_half_a_size_is_none() -> None:
    asked = messages.Preview(
        view=0, motion="0" * 64, name="a", head="open", frame=0, first=0, **track_fields(track(1))
    )
    assert to_view(asked) is None
    for half in ({"width": 8}, {"height": 8}):
        with pytest.raises(InputError) as caught:
            to_view(replace(asked, **half))
        assert caught.value.code == "option.size"
    whole = to_view(replace(asked, width=8, height=4))
    assert whole is not None
    assert (whole.size, whole.cameras) == ((8, 4), ())
    assert whole.world_from_head.tolist() == np.eye(4).tolist()


def lenses(count: int) -> np.ndarray:
    return np.tile([30.0, 31, 9, 6, 0.1, 50, 1], (count, 1))


def poses(count: int) -> np.ndarray:
    return np.tile(np.eye(4), (count, 1, 1))


@pytest.mark.parametrize(
    ("lens", "places"),
    [
        (None, poses(1)),
        (lenses(1), None),
        (lenses(0), poses(0)),
        (lenses(2), poses(1)),
        (lenses(1), poses(2)),
    ],
)
def test_cameras_without_a_lens_or_a_place(
    lens: np.ndarray | None, places: np.ndarray | None
) -> None:
    asked = replace(RENDER, width=20, height=10)
    with pytest.raises(InputError, match="lenses and places do not match") as caught:
        to_view(replace(asked, lens=lens, camera_from_world=places))
    assert caught.value.code == "option.camera"
    seen = to_view(replace(asked, lens=lenses(2), camera_from_world=poses(2)))
    assert seen is not None
    first, second = seen.cameras
    assert (first.focal_x, first.focal_y, first.centre_x, first.centre_y) == (30, 31, 9, 6)
    assert (second.near, second.far, second.orthographic) == (0.1, 50, True)
    assert (second.width, second.height) == (20, 10)
    plain = to_view(asked)
    assert plain is not None
    assert plain.cameras == ()


def test_a_preview_gets_the_rows_that_count_and_no_others() -> None:
    first, rows = track_rows(track(), 100)
    assert first == 100 - 52 - 1
    assert len(rows["weights"]) == 2 * 53 + 1
    assert rows["weights"][0].tolist() == pytest.approx([0.047, 0.147, 0.247, 0.347, 0.447, 0.547])
    last = {name: float(rows[name][-1]) for name in ("influence", "upper", "lower", "geometry")}
    assert last == pytest.approx(
        {"influence": 0.153, "upper": 0.653, "lower": 0.753, "geometry": 0.853}
    )
    assert rows["appearance"][1] == pytest.approx(0.848)
    assert rows["keep_closed"][2] == pytest.approx(0.449)
    assert rows["fps"] == 24


def test_a_track_of_protocol_3_2_keeps_lips_closed() -> None:
    """An older add-on does not say `keep_closed`."""
    fields = {"job": "ab" * 16, "motion": "0" * 64, "name": "a", "head": "open"}
    sent = messages.Bake(**fields, **track_fields(track(3)))
    np.testing.assert_allclose(to_track(sent).keep_closed, [0.4, 0.401, 0.402], atol=1e-6)
    assert to_track(replace(sent, keep_closed=None)).keep_closed.tolist() == [1, 1, 1]


def test_a_preview_frame_outside_the_take() -> None:
    for frame in (-1, 300):
        with pytest.raises(InputError) as caught:
            track_rows(track(), frame)
        assert caught.value.code == "frames.out_of_range"
    assert track_rows(track(), 299)[0] == 299 - 53


def test_rows_of_a_preview_are_copies() -> None:
    whole = track()
    _, rows = track_rows(whole, 0)
    whole.weights[:] = 0
    assert rows["weights"][0, 5] == pytest.approx(0.5)


def test_a_previews_picture_has_its_cameras_size_or_its_own() -> None:
    assert picture_of_view(None, None, None) is None
    wide = picture_of_view((64, 32), camera(), np.diag([2.0, 2, 2, 1]))
    assert wide is not None
    assert (wide.size, len(wide.cameras)) == ((20, 10), 1)
    assert wide.world_from_head[0, 0] == 2
    own = picture_of_view((1024, 32), None, None)
    assert own is not None
    assert (own.size, own.cameras) == ((1024, 32), ())
    for size, view in (((32, 1025), None), (None, camera(width=1025))):
        with pytest.raises(InputError) as caught:
            picture_of_view(size, view, None)
        assert caught.value.code == "option.size"


def test_a_motion_and_a_track_keep_their_names() -> None:
    motion, emotions = random_motion(4), track(4)
    sent = messages.MotionRead(source_space="open", **motion_fields(motion))
    bake = messages.Bake(
        job="ab" * 16, motion="0" * 64, name="a", head="open", **track_fields(emotions)
    )
    for noun, message, back in ((motion, sent, to_motion(sent)), (emotions, bake, to_track(bake))):
        for entry in fields(noun):
            value = getattr(noun, entry.name)
            np.testing.assert_array_equal(getattr(message, entry.name), value)
            np.testing.assert_array_equal(getattr(back, entry.name), value)
