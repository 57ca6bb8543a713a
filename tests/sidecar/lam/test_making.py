# SPDX-License-Identifier: GPL-3.0-or-later
"""From a photo's bytes and a checkpoint to an avatar, in steps; and the command around it."""

from __future__ import annotations

import functools
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.emotion_keys import decode_track
from affekt.shared.errors import AffektError
from affekt.shared.motion import make_motion
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar, describe
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.read import decode_avatar, read_avatar
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.user import UserCache
from affekt.sidecar.commands.portrait import Create, Lam
from affekt.sidecar.lam import avatar as avatars
from affekt.sidecar.lam import making, run
from affekt.sidecar.lam.checkpoint import load_network, open_checkpoint
from affekt.sidecar.lam.crop import crop_head, network_image
from affekt.sidecar.lam.emotion import EmotionTokens
from affekt.sidecar.lam.emotion_file import open_emotion, save_emotion, with_emotion
from affekt.sidecar.lam.identity import Identity
from affekt.sidecar.lam.making import LamOptions, count_steps, make_steps
from affekt.sidecar.lam.mixtures import key_mixtures
from affekt.sidecar.lam.run import Progress
from affekt.sidecar.lam.settings import EmotionConfig
from affekt.sidecar.motion.adapter import LinearAdapter
from affekt.sidecar.portrait.photo import decode_photo
from affekt.sidecar.portrait.seeing import SeenFace
from affekt.sidecar.steps import finish
from affekt.sidecar.worker import orders, portraits
from affekt.sidecar.worker.services import JobStep, LamFiles, PortraitOutput, PortraitTask
from fakes.lam_twin import SMALL
from PIL import Image


@dataclass(frozen=True)
class Ground:
    photo: Path
    weights: Path
    emotion: Path


@pytest.fixture(scope="module")
def ground(small_lam: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("lam")
    photo = folder / "me.at.sea.png"
    pixels = np.random.default_rng(0).integers(0, 255, (200, 220, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(photo)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        tokens = EmotionTokens(EmotionConfig(tokens=2, width=8), SMALL)
    tokens.gates.data.fill_(0.7)
    emotion = folder / "emotion.safetensors"
    save_emotion(emotion, tokens, {}, open_checkpoint(small_lam, SMALL), {})
    return Ground(photo, small_lam, emotion)


POINTS = np.array([[60.0, 50.0], [140.0, 150.0]])


def seen_face() -> SeenFace:
    landmarks = np.random.default_rng(1).uniform(60, 140, (478, 2))
    landmarks[[33, 133]] = [[80, 100], [90, 100]]
    landmarks[[362, 263]] = [[110, 100], [120, 100]]
    return SeenFace(landmarks=landmarks, scores=np.zeros(52, np.float32), confidence=1.0)


def asked_photo(ground: Ground) -> torch.Tensor:
    """What the network sees of the photo."""
    pixels = decode_photo(ground.photo.read_bytes(), ground.photo.name).pixels
    crop = crop_head(pixels, seen_face(), POINTS, ground.photo.name)
    return torch.from_numpy(network_image(crop.pixels, SMALL.image_side))[None]


@pytest.fixture(autouse=True)
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """A face that is always found, and what the stages around the network are given."""
    asked: list[object] = []
    seen = seen_face()
    shape = np.zeros(300, np.float32)
    shape[1] = 0.5

    def choose(pixels: np.ndarray, name: str, face: int | None) -> tuple[SeenFace, str]:
        asked.append((pixels.shape, name, face))
        return seen, "One face."

    adapter = LinearAdapter(
        space="flame2023",
        arkit_from_space=np.zeros((52, 103), np.float32),
        arkit_bias=np.zeros(52, np.float32),
        space_from_arkit=np.full((103, 52), 0.1, np.float32),
    )
    monkeypatch.setattr(making, "choose_face", choose)
    monkeypatch.setattr(making, "find_identity", lambda *_: Identity(shape=shape, points=POINTS))
    monkeypatch.setattr(making, "with_seen_bindings", lambda avatar: avatar)
    monkeypatch.setattr(making, "with_calibration", lambda avatar: avatar)
    monkeypatch.setattr(avatars, "adapter_of", lambda *_: adapter)
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "cache"))
    return asked


def options(ground: Ground, **given: object) -> LamOptions:
    known = LamOptions(
        weights=ground.weights, unknown_weights=True, precision="float32", config=SMALL
    )
    return replace(known, **given)


def make(ground: Ground, chosen: LamOptions) -> tuple[Avatar, list[Progress]]:
    told: list[Progress] = []
    steps = make_steps(ground.photo.read_bytes(), ground.photo.name, None, chosen)
    made = finish(steps, told.append)
    return made.avatar, told


def test_steps_and_layers_are_told(ground: Ground, stages: list[object]) -> None:
    avatar, told = make(ground, options(ground))
    assert stages == [((200, 220, 3), "me.at.sea.png", None)]
    assert avatar.name == "me.at.sea"
    words = list(dict.fromkeys(step.stage for step in told))
    assert words == [
        "reading the photo",
        "reading the checkpoint",
        "finding the face",
        "laying FLAME onto the open head",
        "fitting the head",
        "loading the network",
        "seeing the photo",
        "making the Gaussians",
        "making the avatar",
    ]
    layers = [step for step in told if step.stage.startswith("making the Gaussians")]
    assert [(step.done, step.total) for step in layers] == [(0, 3), (1, 3), (2, 3)]
    assert isinstance(avatar.surface, ArkitRig)
    assert avatar.emotion_looks is None


def test_the_same_again_runs_no_network(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = make(ground, options(ground))

    def refuse(*_: object) -> None:
        raise AssertionError("the network was loaded again")

    monkeypatch.setattr(run, "load_network", refuse)
    again, _ = make(ground, options(ground))
    np.testing.assert_array_equal(again.colours, first.colours)
    with pytest.raises(AssertionError, match="loaded again"):
        make(ground, options(ground, precision="bfloat16"))
    with pytest.raises(AssertionError, match="loaded again"):
        make(ground, options(ground, emotion=ground.emotion))


def test_each_emotion_has_a_look_and_neutral_is_lams(ground: Ground) -> None:
    plain, _ = make(ground, options(ground))
    felt, told = make(ground, options(ground, emotion=ground.emotion))
    np.testing.assert_array_equal(felt.colours, plain.colours)
    np.testing.assert_array_equal(felt.offsets, plain.offsets)
    assert "making look 6 of 6" in [step.stage for step in told]  # neutral was kept
    assert felt.emotion_looks is not None
    away = np.abs(felt.emotion_looks.colours - plain.colours).max((1, 2))
    assert (away > 1e-3).all()
    assert np.abs(felt.emotion_looks.colours[0] - felt.emotion_looks.colours[1]).max() > 1e-3


KEYS = b"""{"fps": 30, "keys": [{"frame": 0, "happy": 0.25, "sad": 0.0, "appearance": 2.0},
  {"frame": 10, "happy": 0.5, "sad": 1.0, "appearance": 1.0}, {"frame": 20, "sad": 0.0}]}"""
"""Shown at the keys: .5 happy; .5 happy and 1 sad; .5 happy."""


def test_a_key_of_a_mixture_shows_the_networks_own_answer(ground: Ground) -> None:
    mixtures = key_mixtures([(KEYS, "keys.json")])
    assert mixtures == ((0.5, 0, 0, 0, 0, 0), (0.5, 1, 0, 0, 0, 0))
    chosen = options(ground, emotion=ground.emotion, mixtures=mixtures)
    assert count_steps(chosen) == 7 + SMALL.encoder_layers + 9 * SMALL.layers
    avatar, told = make(ground, chosen)
    assert "making look 9 of 9" in [step.stage for step in told]
    track = decode_track(KEYS, 21, 30)
    take = make_motion(expression=np.zeros((21, 100), np.float32), fps=30, space="arkit")
    actor = Actor(avatar, take, None, track.appearance, track.shown_weights())

    network, photo = load_network(open_checkpoint(ground.weights, SMALL)), asked_photo(ground)
    emotion = open_emotion(ground.emotion, open_checkpoint(ground.weights, SMALL))
    tokens, points = with_emotion(network, emotion), torch.from_numpy(avatar.vertices)[None]
    with torch.inference_mode():
        own = network(photo, points, tokens(torch.tensor(mixtures[1:])))
    seen = actor.pose(10).gaussians
    np.testing.assert_array_equal(seen.colours, own.colours[0].numpy())
    np.testing.assert_array_equal(seen.opacities, own.opacities[0, :, 0].numpy())
    looks = avatar.emotion_looks
    assert looks is not None
    np.testing.assert_array_equal(looks.scales[7], own.scales[0].numpy())
    np.testing.assert_array_equal(looks.offsets[7], own.offsets[0].numpy())
    between = actor.pose(15).gaussians.colours  # .5 happy and .5 sad
    np.testing.assert_allclose(between, (looks.colours[6] + looks.colours[7]) / 2, atol=1e-6)
    apart = np.abs(looks.colours[7] - avatar.colours - 0.5 * (looks.colours[0] - avatar.colours))
    assert (apart - np.abs(looks.colours[1] - avatar.colours)).max() > 1e-3  # no sum of the two


def test_mixtures_of_files(ground: Ground, tmp_path: Path) -> None:
    strong = b'{"keys": [{"frame": 3, "happy": 1.0, "fear": 1.0}, {"frame": 9, "fear": 0.0}]}'
    found = key_mixtures([(KEYS, "keys.json"), (strong, "b.json"), (KEYS, "again.json")])
    assert found[2:] == ((0.75, 0, 0, 0.75, 0, 0),)
    rows = [{"frame": k, "sad": 0.5 + k / 2000} for k in range(600)]
    with pytest.raises(AffektError, match="more than 506 mixtures") as caught:
        key_mixtures([(json.dumps({"keys": rows}).encode(), "dense.json")])
    assert caught.value.code == "emotion.keys"
    keys = tmp_path / "keys.json"
    keys.write_bytes(KEYS)
    with pytest.raises(AffektError, match="knows no emotions to mix"):
        command(ground, tmp_path, exact=(keys,)).run()


def test_a_cancelled_run_goes_on_where_it_was(ground: Ground) -> None:
    steps = make_steps(
        ground.photo.read_bytes(), "me.png", None, options(ground, emotion=ground.emotion)
    )
    for step in steps:
        if step.stage.startswith("making look 4 of 7"):
            break
    steps.close()
    _, told = make(ground, options(ground, emotion=ground.emotion))
    assert "making look 4 of 4" in [step.stage for step in told]


def test_memory_is_looked_at_before_the_work(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "LAM_20K", SMALL)
    monkeypatch.setattr(making, "free_bytes", lambda: 1_900_000_000)
    told: list[Progress] = []
    steps = make_steps(ground.photo.read_bytes(), "me.png", None, options(ground))
    with pytest.raises(AffektError, match=r"1\.9 GB are free") as caught:
        finish(steps, told.append)
    assert caught.value.code == "job.memory"
    assert told[-1].stage == "reading the checkpoint"


def test_a_card_that_is_not_there(ground: Ground) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a card")
    with pytest.raises(AffektError) as caught:
        make(ground, options(ground, device="cuda"))
    assert caught.value.code in ("option.device_torch", "option.device_missing")


def command(ground: Ground, folder: Path, **given: object) -> Create:
    lam = replace(Lam(weights=ground.weights, unknown_weights=True, precision="float32"), **given)
    return Create(photo=ground.photo, out=folder / "me.safetensors", backbone="lam", lam=lam)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with a small network."""
    whole = make_steps
    monkeypatch.setattr(
        making,
        "make_steps",
        lambda data, name, face, given: whole(data, name, face, replace(given, config=SMALL)),
    )


@pytest.mark.usefixtures("small")
def test_the_command_writes_avatar_bundle_and_crop(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, crop, keys = tmp_path / "me.zip", tmp_path / "crop.png", tmp_path / "keys.json"
    keys.write_bytes(KEYS)
    emotion = {"emotion_weights": ground.emotion, "exact": (keys,)}
    command(ground, tmp_path, bundle=bundle, crop=crop, **emotion).run()
    said = capsys.readouterr().out
    assert "The keys hold 2 mixtures of emotions." in said
    assert "layer 3 of 3" in said
    assert "CC BY-NC 4.0" in said
    found = read_avatar(tmp_path / "me.safetensors", plain_shapes=True)
    assert found.emotion_looks is not None
    assert "emotions: a look of each, and of 2 mixtures, by" in "\n".join(describe(found))
    with Image.open(io.BytesIO(crop.read_bytes())) as image:
        assert image.size == (1024, 1024)
    in_bundle = read_avatar(bundle, plain_shapes=True)
    np.testing.assert_allclose(in_bundle.colours, found.colours, atol=1e-6)
    np.testing.assert_allclose(
        in_bundle.vertices - in_bundle.vertices.mean(0),
        found.vertices - found.vertices.mean(0),
        atol=1e-5,
    )


@pytest.mark.usefixtures("small")
def test_nothing_is_left_of_a_command_that_fails(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "make_avatar", stop)
    with pytest.raises(KeyboardInterrupt):
        command(ground, tmp_path, bundle=tmp_path / "me.zip").run()
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []


def test_options_that_do_not_go_together(ground: Ground, tmp_path: Path) -> None:
    for wrong, said in (
        (replace(command(ground, tmp_path), lam=Lam()), "needs its weights"),
        (replace(command(ground, tmp_path), more=(ground.photo,)), "one photo"),
        (replace(command(ground, tmp_path), backbone="affekt"), "options of LAM's network"),
    ):
        with pytest.raises(AffektError, match=said) as caught:
            wrong.run()
        assert caught.value.code == "option.backbone"


def test_an_unknown_file_is_asked_about(ground: Ground) -> None:
    with pytest.raises(AffektError) as caught:
        make(ground, options(ground, unknown_weights=False))
    assert caught.value.code == "file.unknown_weights"


def ask_worker(
    ground: Ground, folder: Path, monkeypatch: pytest.MonkeyPatch, files: LamFiles
) -> tuple[list[JobStep], PortraitOutput, UserCache]:
    """The worker's steps with a small network, and what it made."""
    small = functools.partial(LamOptions, config=SMALL, precision="float32")
    monkeypatch.setattr(portraits, "LamOptions", small)
    user, told = Cache(folder / "users", 10**9).user("local"), []
    task = PortraitTask(photo=ground.photo, name="me.at.sea.png", face=None, lam=files)
    return told, finish(portraits.create_avatar(task, user), told.append), user


def test_the_worker_tells_layer_by_layer_how_far_it_is(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = LamFiles(weights=ground.weights, emotion=ground.emotion, unknown_allowed=True)
    told, made, user = ask_worker(ground, tmp_path, monkeypatch, files)
    layers = SMALL.encoder_layers + 7 * SMALL.layers
    assert [(step.done, step.total) for step in told] == [
        (done, 7 + layers) for done in range(7 + layers)
    ]
    assert told[6].stage == "seeing-the-photo"
    assert told[-2].stage == "making-look-7-of-7"
    for step in told:
        orders.pack(
            orders.Stepped(unit=1, job="a" * 32, stage=step.stage, done=step.done, total=step.total)
        )
    assert made.said.startswith("One face.")
    avatar = decode_avatar(user.path(made.avatar_file[0], "").read_bytes(), "me")
    assert avatar.name == "me.at.sea"
    assert avatar.emotion_looks is not None


def test_the_worker_refuses_what_the_command_refuses(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "file.unknown_weights": LamFiles(weights=ground.weights),
        "file.missing": LamFiles(weights=tmp_path / "gone.safetensors"),
        "file.wrong_kind": LamFiles(weights=ground.emotion, unknown_allowed=True),
    }
    for code, one in files.items():
        with pytest.raises(AffektError) as caught:
            ask_worker(ground, tmp_path, monkeypatch, one)
        assert caught.value.code == code
