# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of commands: where each of them goes, in which unit, and up to which end it is taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.arkit_pose import JAW_OPEN_RAD
from affekt.shared.camera import camera_centre
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, TakeRead, make_motion
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.commands import adapter, avatar, bake, extension
from affekt.sidecar.commands.bake import Bake
from affekt.sidecar.commands.calibrate import Calibrate
from affekt.sidecar.commands.convert import Convert
from affekt.sidecar.commands.demo import Demo
from affekt.sidecar.commands.doctor import Doctor
from affekt.sidecar.commands.reading import Reading
from affekt.sidecar.commands.render import Drawing, Files, Picture, Render
from affekt.sidecar.commands.serve import Serve
from affekt.sidecar.head.read import read_head
from affekt.sidecar.motion.read import encode_motion, read_take
from affekt.sidecar.render import video
from affekt.sidecar.server.watch import default_memory_bytes
from fakes.takes import arkit_content, as_bytes

TAKE = make_motion(expression=np.zeros((50, 100)), fps=25.0, space="open")


def code_of(function, *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return caught.value.code


def rendering(**options: object) -> Render:
    return Render(avatar="open", motion=Path("t"), out=Path("o"), **options)  # type: ignore[arg-type]


def test_how_a_take_is_to_be_read() -> None:
    plain = Reading().options()
    assert (plain.fps, plain.angles, plain.axes) == (None, None, None)
    said = Reading(fps=24.0, degrees=True, axes="blender").options()
    assert (said.fps, said.angles, said.axes) == (24.0, "degrees", "blender")
    assert code_of(Reading(fps=4.0).options) == "motion.rate"


def test_a_camera_has_the_asked_size_and_view() -> None:
    """From the head's left side, which is +x, and from above."""
    given = Picture(size=40, width=60, yaw=90.0, fov=20.0)
    (camera,) = rendering(picture=given)._cameras(read_head("open"), 50)
    assert (camera.width, camera.height) == (60, 40)
    assert camera.focal_y == pytest.approx(20 / np.tan(np.radians(10)))
    x, y, z = camera_centre(camera)
    assert x > 0.5
    assert abs(y) < 0.2
    assert abs(z) < 0.2
    (camera,) = rendering(picture=Picture(size=40, height=30, pitch=60.0))._cameras(
        read_head("open"), 50
    )
    assert (camera.width, camera.height) == (40, 30)
    assert camera.focal_y == pytest.approx(15 / np.tan(np.radians(13.75 / 2)))
    assert camera_centre(camera)[1] > camera_centre(camera)[2] > 0


@pytest.mark.parametrize(
    ("angles", "fits"),
    [
        ({"pitch": 89.9}, True),
        ({"pitch": -89.9}, True),
        ({"pitch": 90.0}, False),
        ({"pitch": -90.0}, False),
        ({"fov": 0.1}, True),
        ({"fov": 0.09}, False),
        ({"fov": 170.0}, True),
        ({"fov": 170.1}, False),
        ({"yaw": -1000.0}, True),
        ({"yaw": float("nan")}, False),
    ],
)
def test_angles_that_a_camera_can_have(angles: dict[str, float], fits: bool) -> None:
    if fits:
        Picture(**angles).check()
    else:
        assert code_of(Picture(**angles).check) == "option.camera"


def test_passes_of_each_format() -> None:
    head = read_head("open")
    for files, passes in (
        (Files(), ("combined", "depth")),
        (Files(depth=False, passes=("normal",)), ("combined",)),
        (Files(format="exr", passes=("normal", "uv")), ("normal", "uv")),
        (Files(format="exr", depth=False), ("combined", "depth")),
    ):
        assert rendering(files=files)._passes(head) == passes
    every = rendering(files=Files(format="exr", passes=("uv", "all")))._passes(head)
    assert {"combined", "depth", "normal", "uv", "vector"} <= set(every)
    assert "all" not in every


def test_each_option_of_a_picture_reaches_its_request(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(
        json.dumps({"fps": 25, "keys": [{"frame": 0, "sad": 0.3}, {"frame": 49, "influence": 0.6}]})
    )
    plain = rendering()._request(read_head("open"), TakeRead(motion=TAKE), range(3, 9))
    assert (plain.frames, plain.format, plain.follow) == (range(3, 9), "png", None)
    assert (plain.half, plain.antialiased, plain.axes) == (True, True, "world")
    assert (plain.weights, plain.influence) == (None, None)
    asked = rendering(
        emotions=keys,
        drawing=Drawing(antialiased=False, follow="deform"),
        files=Files(format="exr", half=False, normal_axes="camera"),
    )._request(read_head("open"), TakeRead(motion=TAKE), range(1))
    assert (asked.format, asked.follow, asked.axes) == ("exr", "deform", "camera")
    assert (asked.half, asked.antialiased) == (False, False)
    assert asked.weights is not None
    assert asked.influence is not None
    assert asked.weights.shape == (50, 6)
    assert asked.weights[0].max() == np.float32(0.3)
    assert asked.influence[49] == np.float32(0.6)
    # The header notes what was keyed; the skin folds as far as it is put in.
    np.testing.assert_array_equal(asked.skin_emotions[49], asked.weights[49] * np.float32(0.6))
    assert plain.skin_emotions is None


def test_skin_has_emotions_of_before_a_cut(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": [{"frame": 0, "sad": 0.0}, {"frame": 60, "sad": 0.6}]}')
    take = TakeRead(motion=TAKE, first_frame=20)
    asked = rendering(emotions=keys)._request(read_head("open"), take, range(1))
    np.testing.assert_allclose(asked.weights[[0, 49], 1], [0.2, 0.6], atol=1e-6)
    np.testing.assert_allclose(asked.skin_emotions[[0, 20, 69], 1], [0, 0.2, 0.6], atol=1e-6)
    asked.check_take(50)


@pytest.mark.parametrize("preview", [True, False])
def test_the_previews_sound_begins_with_its_first_frame(
    preview: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Path, float, object, float]] = []

    class Writer:
        def __init__(self, path: Path, fps: float, *, sound: object, sound_start_s: float) -> None:
            made.append((path, fps, sound, sound_start_s))

        def __enter__(self) -> Writer:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(video, "VideoWriter", Writer)
    command = rendering(sound=Path("s.wav"), files=Files(preview=preview))
    with ExitStack() as stack:
        assert list(command._with_preview(iter(()), 25.0, 1.6, stack)) == []
    assert made == ([(Path("o/preview.mp4"), 25.0, Path("s.wav"), 1.6)] if preview else [])


@pytest.mark.parametrize(
    ("option", "value", "taken"),
    [
        ("cache_gb", 0.1, 100_000_000),
        ("cache_gb", 0.09, None),
        ("cache_gb", 2.5, 2_500_000_000),
        ("cache_gb", 1e6, 10**15),
        ("cache_gb", 1.1e6, None),
        ("cache_gb", float("nan"), None),
        ("memory_gb", 2.0, 2_000_000_000),
        ("memory_gb", 1.99, None),
        ("memory_gb", 1e6, 10**15),
        ("memory_gb", 1.1e6, None),
    ],
)
def test_gigabytes_of_a_sidecar(option: str, value: float, taken: int | None) -> None:
    command = Serve(**{option: value})  # type: ignore[arg-type]
    function = command._cache_bytes if option == "cache_gb" else command._memory_bytes
    if taken is None:
        assert code_of(function) == f"option.{option}"
    else:
        assert function() == taken
        assert getattr(command._options(), option.replace("gb", "bytes")) == taken


def test_a_sidecar_works_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Serve(runtime_dir=tmp_path / "run", cache_dir=tmp_path / "kept")._options()
    assert (told.runtime_folder, told.cache_folder) == (tmp_path / "run", tmp_path / "kept")
    assert told.cache_bytes == 20_000_000_000
    assert 0 < told.memory_bytes == default_memory_bytes(), "never without a bound"
    monkeypatch.setenv("AFFEKT_RUNTIME_DIR", str(tmp_path / "a"))
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "b"))
    plain = Serve()._options()
    assert (plain.runtime_folder, plain.cache_folder) == (tmp_path / "a", tmp_path / "b")
    assert Serve(runtime_dir=tmp_path)._say_how() == f"see {tmp_path / 'sidecar.json'}"
    assert Serve()._say_how() == f"see {tmp_path / 'a' / 'sidecar.json'}"


@pytest.mark.parametrize("options", [{"keys_dir": Path("k")}, {"listen": "::"}, {"port": 5870}])
def test_options_of_a_remote_sidecar_need_it(options: dict[str, object]) -> None:
    assert code_of(Serve(**options)._endpoint) == "option.remote"  # type: ignore[arg-type]


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port(port: int, tmp_path: Path) -> None:
    assert code_of(Serve(remote=True, port=port, keys_dir=tmp_path)._endpoint) == "option.port"


def test_the_rate_by_hand_reaches_the_take(tmp_path: Path) -> None:
    (tmp_path / "take.json").write_bytes(as_bytes(arkit_content(frames=6, fps=30.0)))
    take = read_take(tmp_path / "take.json", Reading(fps=48.0).options())
    assert (take.motion.fps, len(take.motion)) == (48.0, 6)


def test_a_bakes_report_names_files_without_their_folders() -> None:
    plain = Bake(motion=Path("/a/take.json"), emotions=Path("/b/e.csv"), out=Path("/c"))
    assert plain._settings() == {
        "motion": "take.json",
        "emotions": "e.csv",
        "units": None,
        "head": "open",
        "frames": None,
        "adapter": None,
        "modulator": None,
        "vertices": True,
        "character": None,
    }
    whole = replace(
        plain,
        head="/d/flame.pkl",
        frames="3-9",
        adapter=Path("/e/a.npz"),
        modulator=Path("/f/mine"),
    )._settings()
    assert (whole["head"], whole["frames"]) == ("flame.pkl", "3-9")
    assert (whole["adapter"], whole["modulator"]) == ("a.npz", "mine")


def test_a_takes_hash_is_of_its_file_or_of_what_its_folder_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clip").mkdir()
    data = as_bytes(arkit_content(frames=6))
    (tmp_path / "clip" / "take.json").write_bytes(data)
    reading = Reading(fps=48.0)

    def read(motion: Path) -> tuple[float, str]:
        take, digest = Bake(
            motion=motion, emotions=Path("e"), out=Path("o"), reading=reading
        )._read_motion()
        return take.fps, digest

    assert read(tmp_path / "clip" / "take.json") == (48.0, hashlib.sha256(data).hexdigest())
    inside = encode_motion(read_take(tmp_path / "clip", reading.options()).motion)
    assert read(tmp_path / "clip") == (48.0, hashlib.sha256(inside).hexdigest())
    assert "clip: Read take.json, the take in clip." in capsys.readouterr().out


def test_the_length_of_an_ace_file_is_that_of_its_last_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, out = tmp_path / "keys.json", tmp_path / "ace.json"
    keys.write_text(
        '{"fps": 25, "keys": [{"frame": 0, "happy": 1}, {"frame": 10, "happy": 0.5, "sad": 0.2},'
        ' {"frame": 40, "sad": 0.4}]}'
    )
    Convert(keys, out, to="ace").run()
    entries = list(json.loads(out.read_text())["emotion_with_timecode_list"].values())
    codes = [entry["time_code"] for entry in entries]
    assert (codes[0], codes[-1]) == (0, pytest.approx(1.6))
    assert entries[-1]["emotions"]["sadness"] == pytest.approx(0.4)
    assert capsys.readouterr().out.startswith(f"{out}: ace\n")


def test_what_a_conversion_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "take.json").write_bytes(as_bytes(arkit_content(frames=6, fps=25.0)))
    Convert(tmp_path / "take.json", tmp_path / "out.csv").run()
    assert capsys.readouterr().out == (
        f"{tmp_path / 'out.csv'}: livelink, 6 frames at 25 fps, arkit\n"
    )
    Convert(tmp_path / "take.json", tmp_path / "out.csv", to="npz").run()
    assert ": npz, 6 frames at 25 fps, arkit\n" in capsys.readouterr().out
    assert (tmp_path / "out.csv").read_bytes().startswith(b"PK")


def open_take(folder: Path) -> Path:
    """Three frames of the open head: a jaw that opens, a turned head, and a place."""
    numbers = np.zeros((3, 100), np.float32)
    numbers[:, ARKIT_NAMES.index("jawOpen")] = 0, 0.25, 0.5
    jaw = np.outer([0, 0.25, 0.5], [JAW_OPEN_RAD, 0, 0])
    turned = np.tile(np.array([0.1, 0.2, -0.3], np.float32), (3, 1))
    motion = make_motion(
        expression=numbers, jaw=jaw, rotation=turned, translation=turned, fps=25.0, space="open"
    )
    (folder / "take.npz").write_bytes(encode_motion(motion))
    return folder / "take.npz"


@pytest.mark.parametrize(
    ("name", "to", "form"),
    [("out.csv", None, "livelink"), ("OUT.JSON", None, "arkit"), ("out", "livelink", "livelink")],
)
def test_the_open_heads_own_take_becomes_arkits_weights(
    name: str, to: str | None, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a format holds these alone, and it is said, with what is left out."""
    Convert(open_take(tmp_path), tmp_path / name, to=to).run()
    assert capsys.readouterr().out == (
        "  as ARKit's weights, the nearest to the open head's expressions\n"
        f"{tmp_path / name}: {form}, 3 frames at 25 fps, arkit\n"
        f"  {form} has no place for translation\n"
    )
    (tmp_path / name).rename(tmp_path / "again")
    again = read_take(tmp_path / "again").motion
    assert (again.space, again.fps) == ("arkit", 25.0)
    opened = again.expression[:, ARKIT_NAMES.index("jawOpen")]
    np.testing.assert_allclose(opened, [0, 0.25, 0.5], atol=0.02)
    np.testing.assert_allclose(again.rotation[1], [0.1, 0.2, -0.3], atol=1e-5)


def test_the_open_heads_take_stays_one_in_our_own_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, to in (("a.npz", None), ("b.NPZ", None), ("c.csv", "npz")):
        Convert(open_take(tmp_path), tmp_path / name, to=to).run()
        said = capsys.readouterr().out
        assert said == f"{tmp_path / name}: npz, 3 frames at 25 fps, open\n"
    for to, code in (("vhap", "space.no_adapter"), ("fbx", "option.format")):
        assert code_of(Convert(open_take(tmp_path), tmp_path / "d", to=to).run) == code
        assert not (tmp_path / "d").exists()
    assert code_of(Convert(open_take(tmp_path), tmp_path / "d.fbx").run) == "option.format"


def test_what_emotion_keys_cannot_say_in_another_form_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, ace = tmp_path / "keys.json", tmp_path / "ace.json"
    keys.write_text('{"fps": 25, "keys": [{"frame": 0, "happy": 1, "influence": 0.5}]}')
    Convert(keys, ace, to="ace").run()
    assert capsys.readouterr().out == f"{ace}: ace\n  ace has no counterpart for influence\n"
    ace.write_text('[{"time_code": 2, "emotions": {"joy": 0.5, "pain": 1}}]')
    Convert(ace, keys, to="keys", reading=Reading(fps=50.0)).run()
    assert capsys.readouterr().out == f"{keys}: keys\n  keys has no counterpart for pain\n"
    content = json.loads(keys.read_text())
    assert (content["fps"], content["interpolation"]) == (50.0, "constant")
    assert content["keys"] == [{"frame": 0.0, "happy": 0.0}, {"frame": 100.0, "happy": 0.5}]
    Convert(ace, keys, to="keys").run()
    assert json.loads(keys.read_text())["fps"] == 30.0


def test_a_bake_asks_for_the_room_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve bytes for a vertex, and 103 single-precision numbers twice, in each of the frames."""
    asked: list[tuple[Path | None, int]] = []

    @contextmanager
    def store(cache_dir: Path | None, needed_bytes: int) -> Iterator[MemoryStore]:
        asked.append((cache_dir, needed_bytes))
        yield MemoryStore()

    monkeypatch.setattr(bake, "_chunk_store", store)
    (tmp_path / "take.json").write_bytes(as_bytes(arkit_content(frames=9)))
    (tmp_path / "keys.json").write_text('{"fps": 30, "keys": [{"frame": 0, "happy": 1}]}')
    command = Bake(
        motion=tmp_path / "take.json",
        emotions=tmp_path / "keys.json",
        out=tmp_path / "out",
        frames="2-6",
        cache_dir=tmp_path / "kept",
    )
    command.run()
    assert asked == [(tmp_path / "kept", 5 * (12 * len(read_head("open").template) + 824))]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["settings"] == command._settings()


AVATAR = {"head": None, "plain_shapes": False}
PERFORMANCE = AVATAR | {
    "adapter": None,
    "appearance": 1.0,
    "emotions": None,
    "follow": None,
    "up": "y-up",
}
DEFAULTS = {
    Picture: {
        "size": 512,
        "width": None,
        "height": None,
        "yaw": 0.0,
        "pitch": 0.0,
        "fov": 13.75,
        "camera": None,
    },
    Drawing: {"antialiased": True, "follow": None, "appearance": 1.0, "device": "auto"},
    Files: {
        "format": "png",
        "passes": ("combined", "depth"),
        "normal_axes": "world",
        "half": True,
        "codec": "zip",
        "depth": True,
        "preview": True,
        "resume": True,
        "sheet": None,
    },
    Render: AVATAR | {"frames": None, "adapter": None, "sound": None, "emotions": None},
    Reading: {"fps": None, "degrees": False, "axes": None},
    Bake: {
        "emotions": None,
        "units": None,
        "head": "open",
        "frames": None,
        "adapter": None,
        "modulator": None,
        "vertices": True,
        "character": None,
        "cache_dir": None,
    },
    Serve: {
        "runtime_dir": None,
        "cache_dir": None,
        "cache_gb": 20.0,
        "memory_gb": None,
        "parent_pid": None,
        "watch_stdin": False,
        "log": None,
        "remote": False,
        "listen": None,
        "port": None,
        "keys_dir": None,
        "lam_weights": None,
        "lam_emotion_weights": None,
        "lam_unknown_weights": False,
    },
    Convert: {"to": None},
    Demo: {"out": Path("demo")},
    Doctor: {"json": False},
    avatar.Convert: AVATAR | {"embed_head": False, "turn_over": False},
    avatar.Export: PERFORMANCE | {"frame": 0},
    avatar.Sequence: PERFORMANCE | {"format": None, "frames": None},
    Calibrate: {"head": None, "show": None, "out": None},
    avatar.Compare: AVATAR | {"avatar": "open-gaussians", "size": 320},
    adapter.Linear: {"space": "flame2023"},
    adapter.Build: {"space": None, "landmarks": None, "pictures": None},
    extension.Build: {"out": Path("dist"), "wheels_from": None, "offline": False, "blender": None},
}
"""What README and --help promise of a command that is given nothing."""


@pytest.mark.parametrize("command", DEFAULTS, ids=lambda c: f"{c.__module__}.{c.__name__}")
def test_what_is_done_without_an_option(command: type) -> None:
    assert is_dataclass(command)
    given = {f.name: f.default for f in fields(command) if f.default is not MISSING}
    assert given == DEFAULTS[command]
