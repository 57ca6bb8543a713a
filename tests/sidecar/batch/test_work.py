# SPDX-License-Identifier: GPL-3.0-or-later
"""A task is done once, and done again where its files are not what they were."""

import json
from pathlib import Path

import pytest
from affekt.shared.take_files import encode_arkit
from affekt.sidecar.batch import work
from affekt.sidecar.batch.cluster import FOLDER_SETTING, do_task
from affekt.sidecar.batch.options import make_command
from affekt.sidecar.batch.task import Answer, Task, decode_answer, encode_task
from affekt.sidecar.batch.work import fingerprint_package, hash_of_input, run_text, version_text
from affekt.sidecar.commands.bake import Bake
from affekt.sidecar.commands.render import Render
from fakes.takes import arkit_motion


def convert(folder: Path, take: Path, to: str = "livelink") -> Answer:
    options = {"source": str(take), "to": to, "out": "out:made/take.csv"}
    task = Task(row=1, kind="convert", options=options, files=("made/take.csv",), frames=9)
    return decode_answer(run_text(encode_task(task, version_text(), folder)))


@pytest.fixture
def take(tmp_path: Path) -> Path:
    path = tmp_path / "take.json"
    path.write_bytes(encode_arkit(arkit_motion(9)))
    (tmp_path / "batch" / "made").mkdir(parents=True)
    return path


def test_a_task_is_done_once(take: Path, tmp_path: Path) -> None:
    folder, made = tmp_path / "batch", tmp_path / "batch" / "made" / "take.csv"
    first = convert(folder, take)
    assert first.error is None
    assert not first.is_kept
    data, time = made.read_bytes(), made.stat().st_mtime_ns
    again = convert(folder, take)
    assert again.is_kept
    assert (again.files, again.seconds) == (first.files, first.seconds)
    assert made.stat().st_mtime_ns == time
    take.rename(tmp_path / "moved.json")  # its name goes into what commands write
    assert not convert(folder, tmp_path / "moved.json").is_kept
    assert made.read_bytes() == data


def test_what_was_damaged_or_has_another_input_is_done_again(take: Path, tmp_path: Path) -> None:
    folder, made = tmp_path / "batch", tmp_path / "batch" / "made" / "take.csv"
    first = convert(folder, take)
    data = made.read_bytes()
    made.write_bytes(data[:-2])
    again = convert(folder, take)
    assert not again.is_kept
    assert made.read_bytes() == data
    take.write_bytes(encode_arkit(arkit_motion(9, seed=4)))
    other = convert(folder, take)
    assert not other.is_kept
    assert other.files != first.files


def test_errors_are_answers(take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "batch"
    lost = convert(folder, tmp_path / "none.json")
    assert lost.error is not None
    assert lost.error[0] == "file.missing"
    task = Task(row=1, kind="convert", options={})
    strange = decode_answer(run_text(encode_task(task, "0.0 (x)", folder)))
    assert strange.error is not None
    assert strange.error[0] == "batch.version"
    broken = decode_answer(run_text("{}"))
    assert broken.error is not None
    assert broken.error[0] == "batch.task"

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(work, "_do", full)
    assert (convert(folder, take).error or ("",))[0] == "batch.memory"


def test_a_worker_may_have_the_folder_elsewhere(
    take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_SETTING, str(tmp_path / "batch"))
    monkeypatch.setattr(f"{__name__}.run_text", do_task)
    assert convert(Path("/somewhere/else"), take).error is None
    assert (tmp_path / "batch" / "made" / "take.csv").is_file()


def test_only_a_clusters_worker_has_the_folder_elsewhere(
    take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_SETTING, str(tmp_path / "other"))
    assert convert(tmp_path / "batch", take).error is None
    assert (tmp_path / "batch" / "made" / "take.csv").is_file()


def test_weights_tables_and_blenders_script_are_part_of_the_version(tmp_path: Path) -> None:
    names = ("sidecar/a.py", "shared/a.py", "addon/splats/batch_drawing.py")
    names += ("sidecar/assets/skin.safetensors", "sidecar/lab/a.toml")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    seen = {fingerprint_package(tmp_path)}
    for name in names:
        (tmp_path / name).write_bytes(b"other")
        seen.add(fingerprint_package(tmp_path))
    assert len(seen) == len(names) + 1


def test_the_hash_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "f").write_bytes(b"same")
    first, second = hash_of_input(tmp_path / "one"), hash_of_input(tmp_path / "two")
    assert first == second
    (tmp_path / "two" / "sub" / "f").rename(tmp_path / "two" / "f")
    assert hash_of_input(tmp_path / "two") != first


def test_options_reach_the_command_and_its_groups() -> None:
    options = {"avatar": "open", "motion": "a.json", "out": "o", "width": 64, "device": "cpu"}
    made = make_command(Render, {**options, "passes": ["depth", "uv"], "preview": False})
    assert isinstance(made, Render)
    assert (made.motion, made.picture.width, made.picture.height) == (Path("a.json"), 64, None)
    assert (made.files.passes, made.files.preview) == (("depth", "uv"), False)
    assert made.drawing.device == "cpu"
    assert made.sound is None
    with pytest.raises(TypeError, match="colour"):
        make_command(Bake, {"motion": "a", "emotions": "b", "out": "c", "colour": "red"})


def test_a_task_is_one_line_of_json(tmp_path: Path) -> None:
    text = encode_task(Task(row=1, kind="look", options={"a": "b\nc"}), "1", tmp_path)
    assert "\n" not in text
    assert json.loads(text)["folder"] == str(tmp_path)
