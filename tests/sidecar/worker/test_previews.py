# SPDX-License-Identifier: GPL-3.0-or-later
"""A preview is one frame of the bake, and its picture one of the rendering's, or a draft of it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.shared import conversions, messages
from affekt.shared.camera import Camera, look_at
from affekt.shared.emotion import CONTROLS, EmotionTrack, constant_track
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, ReadOptions, TakeRead, make_motion, numbers_of
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.head.read import read_head
from affekt.sidecar.memory import forget
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.adapter import LinearAdapter, write_adapter
from affekt.sidecar.motion.read import decode_take, encode_motion
from affekt.sidecar.render.shade import DrawOptions, draw_head
from affekt.sidecar.worker import inputs, orders, previews
from affekt.sidecar.worker.services import PreviewTask, Services, Take
from fakes.bakes import bake
from fakes.lam import lam_bundle
from fakes.orders import WorkClient, render_request
from fakes.takes import arkit_motion, random_motion
from hypothesis import given, settings
from hypothesis import strategies as st

FRAMES = 150
_RNG = np.random.default_rng(0)
ADAPTER = LinearAdapter(
    space="flame2023",
    arkit_from_space=_RNG.normal(0, 0.1, (52, 103)).astype(np.float32),
    arkit_bias=np.full(52, 0.2, np.float32),
    space_from_arkit=_RNG.normal(0, 1, (103, 52)).astype(np.float32),
)


def a_camera(height_m: float) -> Camera:
    return look_at(
        target=np.array([0, height_m, 0]),
        distance=0.9,
        yaw_rad=0.3,
        pitch_rad=0.1,
        width=60,
        height=72,
        fov_y_rad=0.4,
    )


CAMERAS = {"open": a_camera(0.02), "open-gaussians": a_camera(0.02), "lam": a_camera(1.64)}


def a_take(space: str, fps: float = 30.0, frames: int = FRAMES) -> Motion:
    if space == "arkit":
        return replace(arkit_motion(frames), fps=fps)
    return replace(random_motion(frames, space=space), fps=fps)


def a_track(fps: float, frames: int = FRAMES, seed: int = 1) -> EmotionTrack:
    """Another emotion, and other action units, in every frame: a row that is missing shows."""
    rng = np.random.default_rng(seed)
    rows = {name: rng.uniform(0.5, 1, frames).astype(np.float32) for name in CONTROLS}
    weights = rng.uniform(0, 1, (frames, 6)).astype(np.float32)
    units = rng.uniform(0, 1, (frames, 3)).astype(np.float32)
    names = ("AU4", "AU43", "AU12_L")
    return EmotionTrack(weights=weights, fps=fps, unit_names=names, units=units, **rows)


def cut(track: EmotionTrack, rows: range) -> EmotionTrack:
    part = slice(rows.start, rows.stop)
    arrays = {name: getattr(track, name)[part] for name in ("weights", *CONTROLS)}
    return replace(track, units=None if track.units is None else track.units[part], **arrays)


def preview_request(
    motion: str, take: Motion, track: EmotionTrack, frame: int, **changes: object
) -> messages.Preview:
    rows = conversions.preview_rows(frame, take.fps, len(take))
    request = messages.Preview(
        **conversions.track_fields(cut(track, rows)),
        motion=motion,
        name="take.npz",
        head="open",
        frame=frame,
        first=rows.start,
    )
    return replace(request, **changes)


def ask(client: WorkClient, request: messages.Preview) -> messages.Previewed:
    shown = client.answer(request)
    assert isinstance(shown, messages.Previewed), shown
    return shown


def same_bits(found: np.ndarray | None, wanted: np.ndarray) -> None:
    assert found is not None
    assert found.shape == wanted.shape
    assert found.tobytes() == np.ascontiguousarray(wanted).tobytes()


# --- numbers and vertices --------------------------------------------------------------------


@pytest.mark.parametrize("fps", [30.0, 25.0, 60.0, 23.976])
@pytest.mark.parametrize("space", ["open", "arkit", "flame2023"])
def test_numbers_and_vertices_are_the_bakes(
    space: str, fps: float, real: WorkClient, tmp_path: Path
) -> None:
    take, track = a_take(space, fps), a_track(fps)
    baked = bake(take, track, read_head("open"), ADAPTER, load_modulator())
    vertices = baked.vertices
    motion = real.keep(encode_motion(take))
    write_adapter(ADAPTER, tmp_path / "adapter.npz")
    adapter = real.keep((tmp_path / "adapter.npz").read_bytes())
    for frame in (0, 1, 31, 32, 74, FRAMES - 2, FRAMES - 1):
        request = preview_request(motion, take, track, frame, vertices=True, adapter=adapter)
        shown = ask(real, request)
        same_bits(shown.expression, baked.motion.expression[frame : frame + 1])
        same_bits(shown.jaw, baked.motion.jaw[frame : frame + 1])
        same_bits(shown.vertices, vertices[frame])


@pytest.mark.parametrize("space", ["open", "arkit", "flame2023"])
def test_numbers_of_several_frames_are_those_of_the_bakes_take(
    space: str, real: WorkClient, tmp_path: Path
) -> None:
    take, track = a_take(space, 25.0), a_track(25.0)
    baked = bake(take, track, read_head("open"), ADAPTER, load_modulator())
    motion = real.keep(encode_motion(take))
    write_adapter(ADAPTER, tmp_path / "adapter.npz")
    adapter = real.keep((tmp_path / "adapter.npz").read_bytes())
    for frame, frames in ((0, 64), (70, 2), (79, 2), (31, 1), (FRAMES - 9, 9)):
        rows = conversions.preview_rows(frame, 25.0, FRAMES, frames)
        fields = conversions.track_fields(cut(track, rows))
        request = preview_request(motion, take, track, frame, adapter=adapter)
        request = replace(request, frames=frames, first=rows.start, **fields)
        shown = ask(real, request)
        same_bits(shown.numbers, numbers_of(baked.take_motion)[frame : frame + frames])
        same_bits(shown.expression, baked.motion.expression[frame : frame + 1])
    assert ask(real, replace(request, frames=0)).numbers is None
    failed = real.answer(replace(request, frames=10))
    assert failed.code == "frames.out_of_range"


def test_lips_that_are_let_go_at_a_frame_open_in_its_preview(real: WorkClient) -> None:
    """A silent take; a row of `keep_closed` that is missing or out of place shows."""
    take = make_motion(expression=np.zeros((FRAMES, 100), np.float32), fps=30.0, space="open")
    track = constant_track(FRAMES, 30.0, surprise=1.0)
    kept = (np.arange(FRAMES) % 7 / 6).astype(np.float32)
    track = replace(track, keep_closed=kept)
    baked = bake(take, track, read_head("open"), None, load_modulator()).motion
    motion = real.keep(encode_motion(take))
    for frame in (0, 69, 70, 76, FRAMES - 1):
        shown = ask(real, preview_request(motion, take, track, frame))
        same_bits(shown.expression, baked.expression[frame : frame + 1])
        same_bits(shown.jaw, baked.jaw[frame : frame + 1])


@functools.cache
def whole_bake(fps: float, frames: int) -> tuple[Motion, Motion, EmotionTrack]:
    take, track = a_take("open", fps, frames), a_track(fps, frames)
    return take, bake(take, track, read_head("open"), None, load_modulator()).motion, track


@settings(max_examples=25)
@given(
    fps=st.sampled_from([12.0, 24.0, 25.0, 29.97, 30.0, 48.0, 60.0, 119.88]),
    frames=st.sampled_from([1, 2, 33, 260]),
    where=st.floats(0, 1),
)
def test_preview_rows_are_all_that_matter(
    fps: float, frames: int, where: float, services: Services, tmp_path_factory
) -> None:
    """Rows beyond them are other ones in the bake, and neutral in the preview."""
    take, baked, track = whole_bake(fps, frames)
    frame = round(where * (frames - 1))
    path = tmp_path_factory.getbasetemp() / f"{fps}-{frames}.npz"
    path.write_bytes(encode_motion(take))
    rows = conversions.preview_rows(frame, fps, frames)
    task = PreviewTask(
        take=Take(path=path, name="take", adapter=None),
        track=cut(track, rows),
        first=rows.start,
        frame=frame,
        head="open",
        wants_vertices=False,
        picture=None,
    )
    same_bits(services.preview(task).expression, baked.expression[frame : frame + 1])


def test_fewer_rows_than_that_do_matter() -> None:
    """The control arm: a row within reach changes the frame."""
    take, baked, track = whole_bake(30.0, 260)
    rows = conversions.preview_rows(130, 30.0, 260)
    weights = track.weights.copy()
    weights[rows.start + 40] = 0
    other = bake(
        take, replace(track, weights=weights), read_head("open"), None, load_modulator()
    ).motion
    assert (other.expression[130] != baked.expression[130]).any()


def test_previews_one_after_the_other_do_not_mix(real: WorkClient) -> None:
    """What is kept from one is used by the next only if it is the same."""
    take = a_take("open")
    motion, tracks = real.keep(encode_motion(take)), [a_track(30.0, seed=k) for k in (1, 2)]
    baked = [bake(take, t, read_head("open"), None, load_modulator()).motion for t in tracks]
    for frame in (70, 71, 100):
        for track, wanted in zip(tracks, baked, strict=True):
            shown = ask(real, preview_request(motion, take, track, frame))
            same_bits(shown.expression, wanted.expression[frame : frame + 1])


# --- pictures --------------------------------------------------------------------------------


def rendered(client: WorkClient, request: messages.Render) -> np.ndarray:
    """(H, W, 4) RGBA of the one picture."""
    steps, done = client.run(request)
    assert isinstance(done, messages.RenderDone), done
    (place,) = [file for step in steps for file in step.files]
    picture = cv2.imread(str(client.user.file(place)), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture[..., [2, 1, 0, 3]]


@pytest.mark.parametrize("space", ["open", "arkit"])
@pytest.mark.parametrize("who", ["open", "open-gaussians", "lam"])
@pytest.mark.parametrize("own_camera", [True, False])
def test_pictures_are_the_renderings(
    space: str, who: str, own_camera: bool, real: WorkClient
) -> None:
    take, track = a_take(space), a_track(30.0)
    motion = real.keep(encode_motion(take))
    avatar = real.keep(lam_bundle()) if who == "lam" else None
    baked = bake(take, track, read_head("open"), None, load_modulator())
    own = who == "lam"  # an avatar that speaks the take's own space is shown that
    after = real.keep(encode_motion(baked.take_motion if own else baked.motion))
    pictures = PictureRequest(
        width=60,
        height=72,
        frames=range(40, 41),
        cameras=() if own_camera else (CAMERAS[who],),
        appearance=track.appearance,
        skin_emotions=track.shown_weights(),
    )
    subject = {"avatar": avatar, "avatar_name": "egg.zip", "head": None if avatar else who}
    wanted = rendered(real, conversions.with_request(render_request(after, **subject), pictures))
    request = preview_request(
        motion,
        take,
        track,
        40,
        head="open" if avatar else who,
        avatar=avatar,
        **conversions.view_fields(pictures),
    )
    shown = ask(real, request).pixels
    assert wanted[..., 3].max() == 255
    if who == "open":
        assert_drafted(shown, wanted)
    else:
        same_bits(shown, wanted)


def assert_drafted(shown: np.ndarray | None, wanted: np.ndarray) -> None:
    """A head's picture is a rendering's up to the draft's edges and shadows."""
    assert shown is not None
    away = np.abs(shown.astype(int) - wanted)
    whole = (wanted[..., 3] == 255).astype(np.uint8)
    within = cv2.erode(whole, np.ones((3, 3), np.uint8)) > 0
    assert within.mean() > 0.1
    assert away[..., 3].max() <= 128  # at the outline alone
    assert away[within][:, 3].max() == 0
    colours = away[within][:, :3].max(1)
    print(f"mean {colours.mean():.2f}, 95th {np.percentile(colours, 95):.0f} of 255")
    assert colours.mean() < 7
    assert np.percentile(colours, 95) < 36


def test_a_draft_moves_its_shadows_little(real: WorkClient) -> None:
    """The control arm is a picture without any."""
    head = read_head("open")
    camera = previews.portrait_of(head, 192, 192)
    whole, draft, plain = (
        draw_head(head.template, head, camera, options)[..., :3].astype(int)
        for options in (
            DrawOptions(background=(0, 0, 0)),
            DrawOptions(
                background=(0, 0, 0),
                sky=previews.sky_at_rest(head),
                key_rays=previews.DRAFT_KEY_RAYS,
            ),
            DrawOptions(background=(0, 0, 0), occlusion=False),
        )
    )
    seen = whole.any(2)
    near, far = (np.abs(other - whole).max(2)[seen].mean() for other in (draft, plain))
    print(f"mean {near:.2f} of 255, without shadows {far:.2f}")
    assert near < 2.5
    assert far > 5


def test_a_real_avatar_stands_on_the_head(real: WorkClient, real_data: Path) -> None:
    """The client's camera looks at the open head; LAM's has its origin between its feet."""
    take, track = a_take("open"), a_track(30.0)
    motion = real.keep(encode_motion(take))
    avatar = real.keep((real_data / "lam_avatars/statue.zip").read_bytes())
    baked = bake(take, track, read_head("open"), None, load_modulator())
    after = real.keep(encode_motion(baked.motion))
    pictures = PictureRequest(
        frames=range(40, 41),
        cameras=(CAMERAS["open"],),
        appearance=track.appearance,
        skin_emotions=track.shown_weights(),
    )
    subject = {"avatar": avatar, "avatar_name": "statue.zip", "head": None}
    wanted = rendered(real, conversions.with_request(render_request(after, **subject), pictures))
    request = preview_request(
        motion, take, track, 40, avatar=avatar, **conversions.view_fields(pictures)
    )
    assert (wanted[..., 3] > 200).mean() > 0.3
    same_bits(ask(real, request).pixels, wanted)


def test_a_picture_shows_the_emotion(real: WorkClient) -> None:
    take, track = a_take("open"), a_track(30.0)
    motion = real.keep(encode_motion(take))
    still = replace(track, influence=np.zeros(FRAMES, np.float32))
    shown = [
        ask(real, preview_request(motion, take, t, 40, width=64, height=64)).pixels
        for t in (track, still)
    ]
    assert shown[0] is not None
    assert shown[1] is not None
    assert np.abs(shown[0].astype(int) - shown[1]).max() > 20


# --- what is refused -------------------------------------------------------------------------


def test_what_is_refused(real: WorkClient) -> None:
    take, track = a_take("open"), a_track(30.0)
    motion = real.keep(encode_motion(take))
    good = preview_request(motion, take, track, 70)
    bad = {
        "frames.out_of_range": replace(good, frame=FRAMES),
        "emotion.shape": replace(good, first=good.first + 1),
        "head.unknown": replace(good, head="closed"),
        "link.no_artefact": replace(good, avatar="0" * 64, width=8, height=8),
    }
    for code, request in bad.items():
        reply = real.answer(request)
        assert isinstance(reply, orders.Refused), code
        assert reply.code == code
    for head in ("closed", "/etc/passwd"):
        pictured = replace(good, head="closed", width=8, height=8)
        reply = real.answer(pictured)
        assert isinstance(reply, orders.Refused), head
        assert reply.code == "head.unknown"
    flame = real.keep(encode_motion(a_take("flame2023")))
    reply = real.answer(replace(good, motion=flame))
    assert isinstance(reply, orders.Refused)
    assert reply.code == "space.no_adapter"


def test_rows_that_are_too_few(real: WorkClient) -> None:
    take, track = a_take("open"), a_track(30.0)
    motion = real.keep(encode_motion(take))
    reply = real.answer(
        replace(
            preview_request(motion, take, track, 70),
            **conversions.track_fields(cut(track, range(60, 80))),
            first=60,
        )
    )
    assert isinstance(reply, orders.Refused)
    assert reply.code == "emotion.shape"


def test_rows_are_put_where_they_belong_in_the_take() -> None:
    """Of a take of 400 frames, the rows from 90 to 309 for its frame 200. Elsewhere the track says
    what leaves the take alone, and lips closed."""
    take = make_motion(expression=np.zeros((400, 100), np.float32), fps=30.0, space="open")
    rows = a_track(30.0, 220)
    whole = previews.whole_track(rows, 90, 200, take)
    assert (len(whole), whole.fps) == (400, rows.fps)
    for name in ("weights", *CONTROLS):
        found, given = getattr(whole, name), getattr(rows, name)
        np.testing.assert_array_equal(found[90:310], given, err_msg=name)
        elsewhere = {"weights": 0, "influence": 0, "keep_closed": 0.5}.get(name, 1)
        assert (found[:90] == elsewhere).all(), name
        assert (found[310:] == elsewhere).all(), name


def test_rows_that_do_not_fit_say_which_are_needed() -> None:
    take = make_motion(expression=np.zeros((400, 100), np.float32), fps=30.0, space="open")
    for first, count, frame in ((136, 131, 200), (135, 130, 200), (300, 101, 399)):
        with pytest.raises(InputError) as caught:
            previews.whole_track(a_track(30.0, count), first, frame, take)
        assert caught.value.code == "emotion.shape"
        said = f"frame {frame} has the emotions of the frames {first} to {first + count - 1}"
        assert said in caught.value.message
        needed = "needs 135 to 265" if frame == 200 else "needs 334 to 399"
        assert needed in caught.value.message
    assert len(previews.whole_track(a_track(30.0, 131), 135, 200, take)) == 400


def test_a_take_is_decoded_once(real: WorkClient, monkeypatch: pytest.MonkeyPatch) -> None:
    take, track = a_take("open"), a_track(30.0)
    motion = real.keep(encode_motion(take))
    decoded: list[str] = []

    def decode(data: bytes, name: str, options: ReadOptions) -> TakeRead:
        decoded.append(name)
        return decode_take(data, name, options)

    monkeypatch.setattr(inputs, "decode_take", decode)
    forget()
    for frame in (3, 4, 5):
        ask(real, preview_request(motion, take, track, frame))
    assert decoded == ["take.npz"]
    forget()
    ask(real, preview_request(motion, take, track, 3))
    assert decoded == ["take.npz"] * 2
