# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files: round trips, the real layouts, and everything that is no motion file."""

import io
import json
import os
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, Motion, ReadOptions
from affekt.sidecar.motion.read import (
    decode_motion,
    decode_take,
    encode_motion,
    is_folder,
    read_motion,
    read_take,
)
from affekt.sidecar.motion.write import write_motion
from fakes.mutation import mutated
from fakes.takes import arkit_content, as_bytes, lam_content, random_motion
from hypothesis import given, settings
from hypothesis import strategies as st


def assert_same(a: Motion, b: Motion) -> None:
    for field in fields(Motion):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            assert left.tobytes() == right.tobytes(), field.name
        else:
            assert left == right, field.name


def code_of(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode_motion(data, "take")
    assert caught.value.message.endswith(".")
    assert caught.value.remedy
    return caught.value.code


@given(frames=st.integers(1, 70), seed=st.integers(0, 99), space=st.sampled_from(["open", "arkit"]))
@settings(max_examples=25)
def test_own_files_round_trip_bit_for_bit(frames: int, seed: int, space: str) -> None:
    motion = random_motion(frames, space=space, seed=seed)
    data = encode_motion(motion)
    again = decode_motion(data, "take.npz")
    assert_same(motion, again)
    assert encode_motion(again) == data


def test_own_file_is_written_whole_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "take.anything"
    write_motion(random_motion(), path)
    assert_same(read_motion(path), random_motion())
    assert os.listdir(tmp_path) == ["take.anything"]


def test_own_file_that_numpy_compressed_is_read() -> None:
    motion = random_motion()
    arrays = {f.name: getattr(motion, f.name) for f in fields(Motion)}
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    assert_same(decode_motion(out.getvalue(), "take.npz"), motion)


def test_lam_expression_belongs_to_the_following_pose() -> None:
    content = lam_content(9)
    motion = decode_motion(as_bytes(content), "flame_params.json")
    assert (len(motion), motion.fps, motion.space) == (9, 30.0, "flame2023")
    for i, row in enumerate(content["expr"]):
        np.testing.assert_array_equal(motion.expression[i + 1], np.float32(list(row.values())))
    np.testing.assert_array_equal(motion.expression[0], motion.expression[1])
    np.testing.assert_array_equal(motion.jaw, np.float32(content["jaw_pose"]))
    np.testing.assert_array_equal(motion.eyes, np.float32(content["eyes_pose"]))


def test_lam_with_every_expression_is_not_shifted() -> None:
    content = lam_content(9)
    content["expr"].insert(0, {f"expr{i}": 7.0 for i in range(100)})
    motion = decode_motion(as_bytes(content), "flame_params.json")
    assert (motion.expression[0] == 7).all()


@given(order=st.permutations(range(52)), drop=st.integers(0, 51))
@settings(max_examples=25)
def test_arkit_weights_are_found_by_name(order: list[int], drop: int) -> None:
    content = arkit_content(4)
    plain = decode_motion(as_bytes(content), "bsData.json")
    kept = [i for i in order if i != drop]
    content["names"] = ["_neutral", *(ARKIT_NAMES[i] for i in kept)]
    for frame in content["frames"]:
        frame["weights"] = [9.0, *(frame["weights"][i] for i in kept)]
    mixed = decode_motion(as_bytes(content), "bsData.json")
    expected = plain.expression.copy()
    expected[:, drop] = 0
    np.testing.assert_array_equal(mixed.expression, expected)


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 60.0, 29.97])
def test_arkit_rate_from_metadata_or_from_times(fps: float) -> None:
    content = arkit_content(50, fps=fps)
    assert decode_motion(as_bytes(content), "a").fps == fps
    del content["metadata"]
    assert decode_motion(as_bytes(content), "a").fps == pytest.approx(fps, abs=1e-6)


def test_arkit_head_pose_turns_the_head() -> None:
    content = arkit_content(3)
    content["head_pose"] = [[0.1, 0.2, 0.3]] * 3
    motion = decode_motion(as_bytes(content), "a")
    np.testing.assert_array_equal(motion.rotation, np.float32(content["head_pose"]))
    content["frames"][0]["rotation"] = content["frames"][1]["rotation"] = [0.25, 0.5, 0.75]
    content["frames"][2]["rotation"] = [0.5, 0.25, 0.125]
    assert decode_motion(as_bytes(content), "a").rotation[2].tolist() == [0.5, 0.25, 0.125]


def _lam_with(**changes: object) -> bytes:
    return as_bytes({**lam_content(), **changes})


def _arkit_with(**changes: object) -> bytes:
    return as_bytes({**arkit_content(), **changes})


def _frames_with(value: object) -> bytes:
    content = arkit_content()
    content["frames"][4]["weights"][7] = value
    return as_bytes(content)


LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
MISSPELT = _arkit_with(names=["jawOpne", *ARKIT_NAMES[1:]])
BAD = {
    "empty": (b"", "file.empty"),
    "junk": (bytes(range(256)) * 9, "file.wrong_kind"),
    "picture": (b"\xff\xd8\xff\xe0" + bytes(99), "file.wrong_kind"),
    "lfs pointer": (LFS_POINTER, "file.lfs_pointer"),
    "half json": (as_bytes(lam_content())[:5000], "file.damaged"),
    "deep json": (b"[" * 200_000, "file.damaged"),
    "huge integer": (b'{"expr": ' + b"9" * 5000 + b"}", "file.damaged"),
    "not utf-8": (b'{"expr": "\xc3\x28"}', "file.damaged"),
    "cameras": (b'{"frames": [{"fl_x": 1}], "camera_angle_x": 1.5}', "file.wrong_kind"),
    "emotion keys": (b'{"keys": []}', "file.wrong_kind"),
    "other json": (b"[1, 2]", "file.wrong_kind"),
    "lam without jaw rows": (_lam_with(jaw_pose=[]), "motion.shape"),
    "lam ragged": (_lam_with(rotation=[[0, 0, 0]] * 8 + [[0, 0]]), "motion.shape"),
    "lam other length": (_lam_with(rotation=[[0, 0, 0]] * 5), "motion.shape"),
    "lam text": (_lam_with(rotation=[["0", "0", "0"]] * 9), "motion.not_a_number"),
    "lam null": (_lam_with(rotation=[[0, 0, None]] * 9), "motion.not_a_number"),
    "lam nan": (_lam_with(rotation=[[0, 0, float("nan")]] * 9), "motion.not_finite"),
    "lam overflow": (_lam_with(rotation=[[0, 0, 1e200]] * 9), "motion.not_finite"),
    "lam integers too long": (_lam_with(rotation=[[0, 0, 10**400]] * 9), "motion.not_a_number"),
    "lam expr a number": (_lam_with(expr=3), "motion.shape"),
    "lam expr with a gap": (_lam_with(expr=[{"expr0": 1, "expr2": 1}] * 8), "motion.shape"),
    "lam expr mixed": (_lam_with(expr=[{"expr0": 1}, [1]]), "motion.shape"),
    "lam shape too long": (_lam_with(shape=[0.0] * 301), "motion.shape"),
    "lam without a pose": (as_bytes({"expr": [], "jaw_pose": []}), "file.wrong_kind"),
    "lam fps text": (_lam_with(fps="30"), "motion.not_a_number"),
    "lam fps zero": (_lam_with(fps=0), "motion.rate"),
    "arkit no frames": (_arkit_with(frames=[]), "motion.shape"),
    "arkit unknown name": (MISSPELT, "motion.unknown_weight"),
    "arkit name twice": (_arkit_with(names=["jawOpen"] * 52), "motion.shape"),
    "arkit names a text": (_arkit_with(names="jawOpen"), "motion.shape"),
    "arkit ragged": (_frames_with([1]), "motion.not_a_number"),
    "arkit infinite": (_frames_with(float("inf")), "motion.not_finite"),
    "arkit text": (_frames_with("1"), "motion.not_a_number"),
    "arkit pose short": (_arkit_with(head_pose=[[0, 0, 0]]), "motion.shape"),
    "zip": (b"PK\x05\x06" + bytes(18), "file.wrong_kind"),
    "half zip": (encode_motion(random_motion())[:9000], "file.damaged"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_content_is_named(kind: str) -> None:
    data, code = BAD[kind]
    assert code_of(data) == code


def test_misspelt_weight_gets_a_hint() -> None:
    with pytest.raises(InputError, match="Did you mean 'jawOpen'"):
        decode_motion(MISSPELT, "a")


def _npz(**arrays: object) -> bytes:
    motion = random_motion()
    whole = {f.name: getattr(motion, f.name) for f in fields(Motion)} | arrays
    out = io.BytesIO()
    np.savez(out, **{k: v for k, v in whole.items() if v is not None})
    return out.getvalue()


@pytest.mark.parametrize(
    ("arrays", "code"),
    [
        ({"jaw": np.zeros((3, 3), np.float32)}, "motion.shape"),
        ({"jaw": np.zeros((40, 4), np.float32)}, "motion.shape"),
        ({"jaw": np.array([None] * 3)}, "file.wrong_kind"),
        ({"jaw": np.full((40, 3), "x")}, "file.wrong_kind"),
        ({"jaw": np.zeros((40, 3), bool)}, "file.wrong_kind"),
        ({"jaw": np.zeros((40, 3), complex)}, "file.wrong_kind"),
        ({f"other_{i}": np.zeros(1) for i in range(64)}, "file.damaged"),
        ({"first_frame": np.array(2.5)}, "motion.shape"),
        ({"first_frame": np.array(-1)}, "motion.shape"),
        ({"neck": np.zeros((39, 3), np.float32)}, "motion.shape"),
        ({"jaw": np.full((40, 3), np.nan)}, "motion.not_finite"),
        ({"jaw": np.full((40, 3), 1e300)}, "motion.not_finite"),
        ({"space": np.array("mars")}, "motion.space"),
        ({"space": np.array(3)}, "file.wrong_kind"),
        ({"fps": np.array(np.nan)}, "motion.rate"),
        ({"expression": None}, "file.wrong_kind"),
    ],
)
def test_bad_arrays_are_named(arrays: dict, code: str) -> None:
    assert code_of(_npz(**arrays)) == code


def test_header_that_promises_too_much_takes_no_memory() -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (200_000, 100)}
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("expression.npy", header.getvalue())
    assert code_of(out.getvalue()) == "file.damaged"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 100)}
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("expression.npy", header.getvalue())
    assert code_of(out.getvalue()) == "motion.too_long"


def test_avatar_bundle_is_called_an_avatar() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x/offset.ply", b"ply")
    assert code_of(out.getvalue()) == "file.wrong_kind"


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    cases = {
        "missing": "file.missing",
        ".": "file.folder",
        "empty": "file.empty",
        "pipe": "file.wrong_kind",
        "a\0b": "file.missing",
        "x" * 5000: "file.missing",
    }
    for name, code in cases.items():
        with pytest.raises(InputError) as caught:
            read_motion(tmp_path / name)
        assert caught.value.code == code, name


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(limits.MAX_MOTION_BYTES + 1)  # sparse: takes no room
    with pytest.raises(InputError) as caught:
        read_motion(path)
    assert caught.value.code == "file.too_large"


def test_too_many_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FRAMES", 8)
    assert code_of(as_bytes(lam_content(9))) == "motion.too_long"
    assert code_of(encode_long()) == "motion.too_long"


def encode_long() -> bytes:
    out = io.BytesIO()
    np.savez(out, expression=np.zeros((9, 100), np.float32))
    return out.getvalue()


WHOLE = {
    "lam": as_bytes(lam_content(3)),
    "arkit": as_bytes(arkit_content(3)),
    "own": encode_motion(random_motion(2)),
}


@given(kind=st.sampled_from(sorted(WHOLE)), data=st.data())
@settings(max_examples=400)
def test_mutated_files_give_a_take_or_an_error_of_ours(kind: str, data: st.DataObject) -> None:
    content = mutated(data, WHOLE[kind])
    try:
        motion = decode_motion(content, "take")
    except InputError:
        return
    assert np.isfinite(motion.expression).all()


def test_own_file_broken_at_every_byte_of_its_first_header() -> None:
    whole = WHOLE["own"]
    for place in range(260):
        for bit in (0x01, 0x80):
            content = bytearray(whole)
            content[place] ^= bit
            try:
                decode_motion(content, "take")
            except InputError as error:
                assert error.code  # noqa: PT017


def test_real_lam_takes(real_data: Path) -> None:
    lengths = {}
    for path in sorted((real_data / "lam_motion").glob("*/flame_params.json")):
        motion = read_motion(path)
        lengths[path.parent.name] = len(motion)
        assert motion.space == "flame2023"
        first = json.loads(path.read_bytes())["expr"][0]
        np.testing.assert_array_equal(motion.expression[1], np.float32(list(first.values())))
        with pytest.raises(InputError) as caught:
            read_motion(path.with_name("transforms.json"))
        assert caught.value.code == "file.wrong_kind"
    assert lengths == {"I_Am_Iron_Man": 282, "Pen_Pineapple_Apple_Pen": 167, "Speeding_Scandal": 76}


def test_real_arkit_takes(real_data: Path) -> None:
    motion = read_motion(real_data / "arkit" / "test_expression_1s.json")
    assert (len(motion), motion.fps, motion.space) == (973, 30.0, "arkit")
    assert 0 < np.abs(motion.rotation).max() < 0.07
    with zipfile.ZipFile(real_data / "lam_avatars" / "statue.zip") as bundle:
        motion = decode_motion(bundle.read("arkitWithBSData/bsData.json"), "bsData.json")
    assert (len(motion), motion.fps) == (184, 30.0)
    assert motion.expression[0, ARKIT_NAMES.index("jawOpen")] == np.float32(0.363552451133728)
    with pytest.raises(InputError) as caught:
        read_motion(real_data / "lam_avatars" / "statue.zip")
    assert caught.value.code == "file.wrong_kind"


def test_a_byte_of_an_array_that_has_changed_is_damage() -> None:
    """The archive's checksum tells, though every number is one still."""
    data = bytearray(encode_motion(random_motion(40)))
    assert code_of_changed(data, len(data) // 2) == "file.damaged"


def code_of_changed(data: bytearray, place: int) -> str:
    data[place] ^= 1
    return code_of(bytes(data))


def test_a_part_of_a_take_knows_where_it_begins() -> None:
    motion = random_motion(3)
    assert decode_take(encode_motion(motion, 120), "part.npz").first_frame == 120
    assert decode_take(encode_motion(motion), "whole.npz").first_frame == 0
    options = ReadOptions(fps=24.0)
    overruled = decode_take(encode_motion(motion), "whole.npz", options)
    assert overruled.motion.fps == 24
    assert overruled.notes == (
        "The file names 30 fps; 24 was taken as told, and nothing is resampled.",
    )
    assert decode_take(encode_motion(motion), "a.npz", ReadOptions(fps=30.0)).notes == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"frames": [{"exp_path": "a"}]}, "it holds INSTA's cameras"),
        ({"camera_angle_x": 1.0}, "it holds cameras, not motion"),
        ({"fl_x": 1.0, "frames": []}, "it holds cameras, not motion"),
        ({"keys": []}, "it holds emotion keys, not motion"),
        ({"what": 1}, "it is laid out like no take that Affekt knows"),
        ([1, 2], "no take is in it"),
    ],
)
def test_what_other_json_holds_is_said(content: object, said: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_motion(as_bytes(content), "a.json")
    assert caught.value.message.startswith(f"a.json is JSON, but {said}")


def test_what_other_archives_hold_is_said() -> None:
    def zip_of(*names: str) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name in names:
                archive.writestr(name, b"x")
        return out.getvalue()

    for names, said in (
        (("a/skin.glb", "b"), "is an avatar, not a motion."),
        (("xl/workbook.xml",), "is a spreadsheet's file."),
    ):
        with pytest.raises(InputError, match=said) as caught:
            decode_motion(zip_of(*names), "a.zip")
        assert caught.value.code == "file.wrong_kind"


def test_which_paths_are_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert is_folder(tmp_path)
    for path in (tmp_path / "file", tmp_path / "none", tmp_path / "file" / "x", Path("a\0b")):
        assert not is_folder(path)


def test_a_take_has_so_many_notes_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{frame},0.5,0.25,{frame / 10}" for frame in (0, 1, 3, 2, 5)]
    data = "\n".join(["frame,jawOpen,mouthPucker,other", *rows]).encode()
    notes = decode_take(data, "a.csv").notes
    assert len(notes) == len(set(notes)) == 4
    for most in (3, 1, 0):
        monkeypatch.setattr(limits, "MAX_NOTES", most)
        assert decode_take(data, "a.csv").notes == notes[:most]


@pytest.mark.parametrize(("told", "said"), [(29.97002, False), (29.9702, True), (29.97, False)])
def test_a_rate_that_is_told_again_overrules_none(told: float, said: bool) -> None:
    """Up to a millionth of it."""
    data = encode_motion(random_motion(4))
    named = decode_take(as_bytes(arkit_content(frames=6, fps=29.97)), "a.json")
    assert named.motion.fps == 29.97
    take = decode_take(
        as_bytes(arkit_content(frames=6, fps=29.97)), "a.json", ReadOptions(fps=told)
    )
    assert take.motion.fps == told
    assert any("was taken as told" in note for note in take.notes) == said
    assert decode_take(data, "a.npz", ReadOptions(fps=30.0)).notes == ()


def test_a_folder_of_codes_without_a_jaw_is_named(tmp_path: Path) -> None:
    """By itself, or by where it lies."""
    for folder, shown in (("clip", "clip"), ("deep/emoca/00001", "emoca/00001")):
        (tmp_path / folder).mkdir(parents=True)
        np.save(tmp_path / folder / "exp.npy", np.zeros(50))
        with pytest.raises(InputError) as caught:
            read_take(tmp_path / folder.split("/")[0])
        assert caught.value.code == "file.wrong_kind"
        assert f"The folder {shown} has no jaw: neither pose.npy nor" in caught.value.message
