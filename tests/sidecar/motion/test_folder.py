# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders and zip archives in which a take is found, and frames that are missing from them."""

import base64
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.shared.take_files import encode_arkit, encode_livelink, encode_motion
from affekt.sidecar.motion.folder import siblings
from affekt.sidecar.motion.read import decode_take, read_take
from fakes.mutation import mutated
from fakes.takes import (
    arkit_content,
    arkit_motion,
    as_bytes,
    codes,
    frames_of,
    gagavatar_frames,
    lam_content,
    npz_bytes,
    smirk_arrays,
    vhap_arrays,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat


def write(path: Path, data: bytes = b"x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_frames(folder: Path, numbers: list[int], arrays: dict) -> None:
    frames = frames_of(arrays)
    for number in numbers:
        write(folder / f"{number:05}.npz", npz_bytes(frames[number]))


def zip_of(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
    return out.getvalue()


def code_of(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_take(folder)
    assert caught.value.message.endswith(".")
    assert caught.value.remedy
    return caught.value.code


def test_numbers_that_are_missing_are_frames_that_are_missing(tmp_path: Path) -> None:
    arrays = vhap_arrays(15)
    write_frames(tmp_path, [*range(5), *range(10, 15)], arrays)
    take = read_take(tmp_path)
    assert (len(take.motion), take.motion.fps) == (15, 30.0)
    np.testing.assert_array_equal(take.motion.expression[10:], arrays["expr"][10:])
    middle = arrays["expr"][4] * 0.5 + arrays["expr"][10] * 0.5
    np.testing.assert_allclose(take.motion.expression[7], middle, atol=1e-6)
    assert "5 of 15 frames" in " ".join(take.notes)


def test_every_third_frame_is_a_third_of_the_rate(tmp_path: Path) -> None:
    arrays = vhap_arrays(31)
    write_frames(tmp_path, [n for n in range(0, 31, 3) if n != 15], arrays)
    take = read_take(tmp_path)
    assert (len(take.motion), take.motion.fps) == (11, 10.0)
    np.testing.assert_array_equal(take.motion.expression[6], arrays["expr"][18])
    assert "steps of 3" in " ".join(take.notes)


def test_numbers_that_count_something_else_are_only_an_order(tmp_path: Path) -> None:
    frames = frames_of(vhap_arrays(4))
    for stamp, frame in zip((7, 1_000, 60_000, 2_000_000), frames, strict=True):
        write(tmp_path / f"{stamp}.npz", npz_bytes(frame))
    take = read_take(tmp_path)
    assert len(take.motion) == 4
    assert "do not count frames" in " ".join(take.notes)


def test_the_identity_is_the_mean_of_the_frames(tmp_path: Path) -> None:
    for number, frame in enumerate(frames_of(vhap_arrays(3))):
        shape = np.full(300, (1.0, 2.0, 6.0)[number], np.float32)
        write(tmp_path / f"{number}.npz", npz_bytes({**frame, "shape": shape}))
    np.testing.assert_array_equal(read_take(tmp_path).motion.shape, np.full(300, 3.0))


def data_set(folder: Path) -> None:
    """A take beside what data sets have around it."""
    write(folder / "flame_params.json", as_bytes(lam_content(9)))
    write(folder / "transforms.json", b'{"camera_angle_x": 1, "frames": []}')
    write(folder / "canonical_flame_param.npz", npz_bytes(frames_of(vhap_arrays(1))[0]))
    write(folder / "audio.wav")
    write(folder / "emotions.json", b'{"keys": []}')
    for i in range(3):
        write(folder / "images" / f"{i:05}.png")


def test_a_folder_of_a_take_names_the_file_that_is_the_take(tmp_path: Path) -> None:
    data_set(tmp_path / "clip")
    take = read_take(tmp_path / "clip")
    assert take.notes[0] == "Read flame_params.json, the take in clip."
    wanted = read_take(tmp_path / "clip" / "flame_params.json").motion
    np.testing.assert_array_equal(take.motion.expression, wanted.expression)
    deep = read_take(tmp_path)
    assert deep.notes[0].startswith("Read clip/flame_params.json")


def test_two_takes_in_a_folder_are_listed(tmp_path: Path) -> None:
    data_set(tmp_path / "b")
    data_set(tmp_path / "a")
    with pytest.raises(InputError, match=r"a/flame_params\.json, b/flame_params\.json") as caught:
        read_take(tmp_path)
    assert caught.value.code == "motion.several"
    (tmp_path / "a" / "take.json").write_bytes(as_bytes(arkit_content(9)))
    assert code_of(tmp_path / "a") == "motion.several"


def test_an_export_deep_inside_is_found_and_a_zip_of_it_too(tmp_path: Path) -> None:
    arrays = vhap_arrays(12)
    write_frames(tmp_path / "x" / "sub" / "export" / "flame_param", list(range(12)), arrays)
    write(tmp_path / "x" / "sub" / "export" / "transforms.json", b'{"camera_angle_x": 1}')
    for take in (read_take(tmp_path / "x"), decode_take(zip_of(tmp_path / "x"), "x.zip")):
        np.testing.assert_array_equal(take.motion.expression, arrays["expr"])
        assert "flame_param" in take.notes[0]


def test_one_file_of_many_says_so(tmp_path: Path) -> None:
    write_frames(tmp_path, [0, 1, 2], vhap_arrays(3))
    take = read_take(tmp_path / "00001.npz")
    assert len(take.motion) == 1
    assert take.notes[-1].startswith("00001.npz is one of 3 files that are numbered alike")
    write(tmp_path / "alone" / "00001.npz", (tmp_path / "00001.npz").read_bytes())
    (note,) = read_take(tmp_path / "alone" / "00001.npz").notes
    assert note.startswith("00001.npz holds one frame")


def test_the_smoothed_take_of_gagavatar_track_is_taken(tmp_path: Path) -> None:
    later, earlier = gagavatar_frames(6), gagavatar_frames(6, seed=1)
    write(tmp_path / "base.pkl", pickle.dumps({"clip_0": {"bbox": np.ones(4)}}))
    write(tmp_path / "optim.pkl", pickle.dumps(earlier))
    assert "optim.pkl" in read_take(tmp_path).notes[0]
    write(tmp_path / "smoothed.pkl", pickle.dumps(later))
    take = read_take(tmp_path)
    assert "smoothed.pkl" in take.notes[0]
    np.testing.assert_array_equal(take.motion.expression[0], later["clip_0"]["expcode"])


def test_flame_head_tracker_leaves_out_frames_without_a_face(tmp_path: Path) -> None:
    jaw, eyes = np.full((1, 3), 0.1), np.arange(6.0)[None] / 100
    for i in (0, 1, 4, 5):
        frame = {"exp": np.full((1, 100), i), "jaw_pose": jaw, "eye_pose": eyes}
        other = {"shape": np.ones((1, 300)), "head_pose": np.zeros((1, 3)), "cam": np.ones((1, 6))}
        write(tmp_path / f"{i}.npz", npz_bytes(frame | other))
    take = read_take(tmp_path)
    np.testing.assert_allclose(take.motion.expression[:, 0], range(6), atol=1e-6)
    np.testing.assert_allclose(take.motion.eyes[3], eyes[0], atol=1e-6)
    assert take.motion.space == "flame2020"
    assert "cam" in " ".join(take.notes)


def test_a_pickle_a_frame_and_a_folder_of_mat_a_frame(tmp_path: Path) -> None:
    arrays = smirk_arrays(12)
    for i in range(12):
        frame = {key: values[i] for key, values in arrays.items()}
        write(tmp_path / "smirk" / f"{i}.pkl", pickle.dumps(frame))
        name = f"clip_frame{i:04}"
        (tmp_path / "deca" / name).mkdir(parents=True)
        codes_of_frame = {key: values[i : i + 1] for key, values in codes(12).items()}
        savemat(tmp_path / "deca" / name / f"{name}.mat", codes_of_frame)
        write(tmp_path / "deca" / f"{name}_vis.jpg")
        write(tmp_path / "deca" / name / f"{name}.obj")
    smirk = read_take(tmp_path / "smirk").motion
    np.testing.assert_array_equal(smirk.expression[:, :50], arrays["expression_params"][:, 0])
    deca = read_take(tmp_path / "deca").motion
    np.testing.assert_array_equal(deca.expression[:, :50], codes(12)["exp"])


def test_pickles_of_nothing_are_frames_without_a_face(tmp_path: Path) -> None:
    arrays = smirk_arrays(9)
    for i in range(9):
        frame = {key: values[i] for key, values in arrays.items()}
        write(tmp_path / f"{i}.pkl", pickle.dumps(None if i in (3, 4) else frame))
    take = read_take(tmp_path)
    assert len(take.motion) == 9
    assert np.isfinite(take.motion.jaw).all()
    assert "2 of 9 frames have no face" in " ".join(take.notes)
    for i in range(9):
        write(tmp_path / f"{i}.pkl", pickle.dumps(None))
    assert code_of(tmp_path) in ("motion.no_face", "file.wrong_kind")


def test_two_faces_in_a_frame_of_emoca(tmp_path: Path) -> None:
    arrays = codes(4)
    for name in ("000001_000", "000002_000", "000002_001", "000003_000"):
        (tmp_path / name).mkdir()
        for key, values in arrays.items():
            np.save(tmp_path / name / f"{key}.npy", values[0])
    with pytest.raises(InputError, match="000002_000, 000002_001") as caught:
        read_take(tmp_path)
    assert caught.value.code == "motion.several"


def test_numbered_files_that_are_takes_are_not_one(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"1_wayne_0_{i}_{i}.npz", npz_bytes(vhap_arrays(9, seed=i)))
    assert code_of(tmp_path) == "motion.several"
    for i in range(3):
        write(tmp_path / "both" / f"take_{i}.json", as_bytes(lam_content(9)))
    assert code_of(tmp_path / "both") == "motion.several"
    for i in range(3):  # nor where but one of them is longer than a frame
        write(tmp_path / "one" / f"take_{i}.npz", npz_bytes(vhap_arrays(9 if i == 1 else 1)))
    assert code_of(tmp_path / "one") == "motion.several"


def test_instas_data_has_no_jaw_and_says_where_it_is(tmp_path: Path) -> None:
    frames = [{"file_path": "images/0.png", "exp_path": "flame/exp/0.txt"}]
    write(tmp_path / "transforms.json", json.dumps({"fl_x": 1, "frames": frames}).encode())
    write(tmp_path / "flame" / "exp" / "0.txt", b"0.1\n" * 100)
    for more in ("transforms.json", "transforms_train.json"):
        write(tmp_path / more, (tmp_path / "transforms.json").read_bytes())
        with pytest.raises(InputError, match="metrical-tracker") as caught:
            read_take(tmp_path)
        assert caught.value.code in ("file.wrong_kind", "file.folder")


def test_live_links_calibrated_table_goes_before_the_raw_one(tmp_path: Path) -> None:
    for kind, frames in (("raw", 5), ("cal", 6)):
        write(tmp_path / f"Slate_1_{kind}.csv", encode_livelink(arkit_motion(frames)))
    take = read_take(tmp_path)
    assert len(take.motion) == 6
    assert "Slate_1_cal.csv" in take.notes[0]


def test_damage_inside_is_told(tmp_path: Path) -> None:
    write(tmp_path / "flame_params.json", as_bytes(lam_content(9))[:900])
    write(tmp_path / "transforms.json", b'{"camera_angle_x": 1}')
    assert code_of(tmp_path) == "file.damaged"


def test_sizes_are_looked_at_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_frames(tmp_path, [0, 1, 2], vhap_arrays(3))
    packed = zip_of(tmp_path)
    monkeypatch.setattr(limits, "MAX_MOTION_BYTES", 3000)
    assert code_of(tmp_path) == "file.too_large"
    with pytest.raises(InputError) as caught:
        decode_take(packed, "x.zip")
    assert caught.value.code == "file.too_large"


def lying_zip() -> bytes:
    """A zip whose directory says that a file unpacks to more than it does."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("clip/flame_params.json", as_bytes(lam_content(2)))
    data = bytearray(out.getvalue())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (2**29).to_bytes(4, "little")
    return bytes(data)


def test_a_zip_that_lies_or_holds_nothing() -> None:
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("../../picture.png", b"x")
        archive.writestr("notes.txt", b"x")
    for data, code in ((lying_zip(), "file.damaged"), (empty.getvalue(), "file.wrong_kind")):
        with pytest.raises(InputError) as caught:
            decode_take(data, "x.zip")
        assert caught.value.code == code


@given(data=st.data())
@settings(max_examples=100)
@pytest.mark.filterwarnings("ignore")  # zipfile may warn of what was mutated
def test_changed_zips_give_a_take_or_an_error_of_ours(data: st.DataObject) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i, frame in enumerate(frames_of(vhap_arrays(2))):
            archive.writestr(f"flame_param/{i}.npz", npz_bytes(frame))
    try:
        take = decode_take(mutated(data, out.getvalue()), "x.zip")
    except InputError:
        return
    assert len(take.motion)


@pytest.mark.parametrize(
    "name", ["a.csv", "a.TSV", "a.jsonl", "a.ndjson", "a.npz", "a.npy", "a.json", "a.gesichter"]
)
def test_a_folder_of_one_file_of_any_kind(name: str, tmp_path: Path) -> None:
    motion = arkit_motion(6)
    table = encode_livelink(motion)
    rows = [dict(zip(ARKIT_NAMES, row.tolist(), strict=False)) for row in motion.expression]
    lines = b"\n".join(as_bytes({"time": i / 30, "weights": row}) for i, row in enumerate(rows))
    array = io.BytesIO()
    np.save(array, motion.expression[:, :52])
    data = {
        "a.csv": table,
        "a.TSV": table.replace(b",", b"\t"),
        "a.npz": encode_motion(motion),
        "a.npy": array.getvalue(),
        "a.json": encode_arkit(motion),
        "a.gesichter": b"\n".join(base64.b64encode(b'{"version": 6,' + line[1:])
                                  for line in lines.splitlines()),
    }  # fmt: skip
    write(tmp_path / "clip" / name, data.get(name, lines))
    write(tmp_path / "clip" / "notes.txt")
    take = read_take(tmp_path / "clip")
    assert take.notes[0] == f"Read {name}, the take in clip."
    np.testing.assert_allclose(take.motion.expression, motion.expression, atol=1e-6)


def test_a_folder_of_one_frame_or_of_none(tmp_path: Path) -> None:
    write_frames(tmp_path / "one", [2], vhap_arrays(4))
    take = read_take(tmp_path / "one")
    np.testing.assert_array_equal(take.motion.expression, vhap_arrays(4)["expr"][2:3])
    write(tmp_path / "none" / "picture.png")
    assert code_of(tmp_path / "none") == "file.folder"


def test_numbered_files_with_points_in_their_names(tmp_path: Path) -> None:
    frames = frames_of(vhap_arrays(12))
    for number in (3, 4, 9, 10):
        write(tmp_path / f"face.v2.{number}.npz", npz_bytes(frames[number]))
    take = read_take(tmp_path)
    assert len(take.motion) == 8
    wanted = vhap_arrays(12)["expr"][[3, 4, 9, 10]]
    np.testing.assert_array_equal(take.motion.expression[[0, 1, 6, 7]], wanted)


def test_how_many_frames_and_bytes_a_series_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them together count, not each by itself."""
    write_frames(tmp_path, [0, 1, 2], vhap_arrays(3))
    size = max(path.stat().st_size for path in tmp_path.iterdir())
    monkeypatch.setattr(limits, "MAX_MOTION_BYTES", 3 * size)
    monkeypatch.setattr(limits, "MAX_FRAMES", 3)
    assert len(read_take(tmp_path).motion) == 3
    monkeypatch.setattr(limits, "MAX_MOTION_BYTES", 2 * size)
    assert code_of(tmp_path) == "file.too_large"
    monkeypatch.setattr(limits, "MAX_MOTION_BYTES", 3 * size)
    monkeypatch.setattr(limits, "MAX_FRAMES", 2)
    assert code_of(tmp_path) == "motion.too_long"


def test_a_take_five_folders_down_is_found_and_no_deeper(tmp_path: Path) -> None:
    write_frames(tmp_path / "five" / "1" / "2" / "3" / "4", [0, 1], vhap_arrays(2))
    assert len(read_take(tmp_path / "five").motion) == 2
    write_frames(tmp_path / "six" / "1" / "2" / "3" / "4" / "5", [0, 1], vhap_arrays(2))
    assert code_of(tmp_path / "six") == "file.folder"


def test_the_take_nearest_to_the_top_is_taken(tmp_path: Path) -> None:
    write(tmp_path / "clip" / "take.npz", encode_motion(arkit_motion(6)))
    write(tmp_path / "clip" / "more" / "other.npz", encode_motion(arkit_motion(7)))
    take = read_take(tmp_path / "clip")
    assert (len(take.motion), take.notes[0]) == (6, "Read take.npz, the take in clip.")


def test_a_single_frame_beside_a_take_is_none(tmp_path: Path) -> None:
    write(tmp_path / "clip" / "take.npz", encode_motion(arkit_motion(6)))
    write(tmp_path / "clip" / "neutral.npz", encode_motion(arkit_motion(1)))
    take = read_take(tmp_path / "clip")
    assert (len(take.motion), take.notes[0]) == (6, "Read take.npz, the take in clip.")
    (tmp_path / "clip" / "take.npz").unlink()
    assert len(read_take(tmp_path / "clip").motion) == 1


def test_of_a_folder_that_is_the_take_nothing_is_said(tmp_path: Path) -> None:
    write_frames(tmp_path / "clip", [0, 1, 2], vhap_arrays(3))
    notes = read_take(tmp_path / "clip").notes
    assert not [note for note in notes if "Read" in note]


@pytest.mark.parametrize("kind", ["arrays", "matrices"])
def test_folders_of_a_frame_each_are_in_the_order_of_their_numbers(
    kind: str, tmp_path: Path
) -> None:
    """EMOCA's and DECA's: 9 comes before 10, and 11 is missing."""
    numbers, arrays = (8, 9, 10, 12), codes(13)
    for number in numbers:
        folder = tmp_path / f"clip_{number}"
        folder.mkdir()
        if kind == "arrays":
            for key, values in arrays.items():
                np.save(folder / f"{key}.npy", values[number])
        else:
            savemat(folder / "face.mat", {key: values[number] for key, values in arrays.items()})
    found = read_take(tmp_path).motion.expression
    assert len(found) == 5
    wanted = arrays["exp"][list(numbers)]
    np.testing.assert_allclose(found[[0, 1, 2, 4], : wanted.shape[1]], wanted, atol=1e-6)


def test_how_many_files_have_the_same_name_but_for_its_number(tmp_path: Path) -> None:
    for name in ("a_1.npz", "a_2.npz", "a_33.npz", "b_1.npz", "a_1.json", "7", "12", "notes"):
        write(tmp_path / name)
    (tmp_path / "a_4.npz").mkdir()
    counts = {name: siblings(tmp_path / name) for name in ("a_2.npz", "b_1.npz", "7", "notes")}
    assert counts == {"a_2.npz": 3, "b_1.npz": 1, "7": 2, "notes": 1}
    assert siblings(tmp_path / "none" / "a_1.npz") == 1


def test_a_series_that_is_too_large_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its folder, or by its first file where it lies at the top."""
    for folder in ("top", "below/clip"):
        write_frames(tmp_path / folder, [0, 1, 2], vhap_arrays(3))
    monkeypatch.setattr(limits, "MAX_MOTION_BYTES", 1000)
    for folder, said in (("top", "00000.npz has "), ("below", "clip has ")):
        with pytest.raises(InputError) as caught:
            read_take(tmp_path / folder)
        assert caught.value.code == "file.too_large"
        assert caught.value.message.startswith(said)
