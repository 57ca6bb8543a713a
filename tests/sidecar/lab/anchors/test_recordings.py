# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's own synchronised recordings: read as documented, or refused with a sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.dataset import FORMAT, MANIFEST, read_synchronised
from affekt.sidecar.lab.anchors.synchronised import Synchronised
from affekt.sidecar.motion.write import write_motion

HEAD = read_head("open")
JAW_OPEN = HEAD.expression_names.index("jawOpen")


def take(frames: int = 30, opened: float = 0.0, space: str = "open", fps: float = 30.0) -> Motion:
    expression = np.zeros((frames, 100))
    expression[10:20, JAW_OPEN] = opened
    jaw = np.zeros((frames, 3))
    jaw[10:20, 0] = 0.3 * opened
    return make_motion(expression=expression, jaw=jaw, fps=fps, space=space)


def recordings(folder: Path, **changes: object) -> Path:
    """A folder as the documentation shows it; `changes` replace parts of its one performance."""
    write_motion(take(), folder / "neutral.npz")
    write_motion(take(opened=0.8), folder / "happy.npz")
    np.save(folder / "mixed.npy", np.full((30, 6), 0.25))
    entry = {
        "name": "M003-017",
        "split": "train",
        "identity": "M003",
        "takes": [
            {"file": "neutral.npz"},
            {"file": "happy.npz", "emotions": {"happy": 1.0}},
            {"file": "happy.npz", "emotions": "mixed.npy"},
        ],
        **changes,
    }
    manifest = {"format": FORMAT, "performances": [entry]}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def read_all(folder: Path, split: str = "train") -> list[Synchronised]:
    return list(read_synchronised(folder, split, HEAD))


def test_a_folder_as_documented(tmp_path: Path):
    (read,) = read_all(recordings(tmp_path))
    assert (read.name, read.identity, read.kinds) == ("M003-017", "M003", ("", "", ""))
    assert read.weights.shape == (3, 30, 6)
    assert read.weights[1, :, 0].tolist() == [1.0] * 30
    assert (read.weights[2] == 0.25).all()
    assert read.sources[1] is read.targets[1]
    assert read.keep_closed.tolist() == [1, 1, 1]
    assert not read.held.any()
    assert read.variants is None


def test_held_lips_and_variants_may_be_said(tmp_path: Path):
    held = np.linspace(0, 1, 30)
    np.save(tmp_path / "held.npy", held)
    shares = [[0.7, 0.3, 0, 0], *[[0, 0, 0, 1]] * 5]
    takes = [{"file": "neutral.npz"}, {"file": "happy.npz", "keep_closed": 0}]
    (read,) = read_all(recordings(tmp_path, held="held.npy", variants=shares, takes=takes))
    assert np.array_equal(read.held, held)
    assert read.keep_closed.tolist() == [1, 0]
    assert read.variants is not None
    assert read.variants.tolist() == shares


def test_lips_must_meet_where_they_meet_in_every_take(tmp_path: Path):
    (read,) = read_all(recordings(tmp_path))
    expected = np.ones(30)
    expected[10:20] = 0  # the happy take opens the mouth there
    assert np.array_equal(read.closure, expected)


def test_takes_in_arkits_space_move_the_open_head(tmp_path: Path):
    arkit = make_motion(expression=np.eye(30, 100), fps=30.0, space="arkit")
    folder = recordings(tmp_path)
    write_motion(arkit, folder / "neutral.npz")
    write_motion(arkit, folder / "happy.npz")
    (read,) = read_all(folder)
    assert read.targets[0].space == "open"
    assert read.targets[0].jaw.any()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"takes": [{"file": "neutral.npz"}]}, "data.takes"),
        ({"takes": "neutral.npz"}, "data.manifest"),
        ({"takes": [{"file": "neutral.npz"}, {"file": "short.npz"}]}, "data.length"),
        ({"takes": [{"file": "neutral.npz"}, {"file": "slow.npz"}]}, "data.length"),
        ({"takes": [{"file": "neutral.npz"}, {"file": "flame.npz"}]}, "space.no_adapter"),
        ({"takes": [{"file": "neutral.npz"}, {"file": "../out.npz"}]}, "data.manifest"),
        ({"takes": [{"file": "neutral.npz"}, {"file": "/etc/hostname"}]}, "data.manifest"),
        ({"takes": [{"file": "neutral.npz"}, {"file": "none.npz"}]}, "file.missing"),
        ({"takes": [{"file": "neutral.npz"}, {"emotions": {"sad": 1}}]}, "data.manifest"),
        ({"takes": [{"file": "neutral.npz"}, {"file": 3}]}, "data.manifest"),
        ({"takes": [{"file": "neutral.npz", "emotions": {"joy": 1}}] * 2}, "data.manifest"),
        ({"takes": [{"file": "neutral.npz", "emotions": {"happy": 9}}] * 2}, "data.manifest"),
        ({"takes": [{"file": "neutral.npz", "emotions": {"sad": "x"}}] * 2}, "motion.not_a_number"),
        ({"takes": [{"file": "neutral.npz", "emotions": "short.npy"}] * 2}, "data.length"),
        ({"takes": [{"file": "neutral.npz", "emotions": "nan.npy"}] * 2}, "data.length"),
        ({"takes": [{"file": "neutral.npz", "emotions": "object.npy"}] * 2}, "file.wrong_kind"),
        ({"closure": "short.npy"}, "data.length"),
        ({"held": "short.npy"}, "data.length"),
        ({"takes": [{"file": "neutral.npz", "keep_closed": 2}] * 2}, "data.manifest"),
        ({"takes": [{"file": "neutral.npz", "keep_closed": "x"}] * 2}, "motion.not_a_number"),
        ({"variants": [[1, 0, 0, 0]] * 5}, "data.manifest"),
        ({"variants": [[1, 0, 0]] * 6}, "data.manifest"),
        ({"variants": [[1, 1, 0, 0]] * 6}, "data.manifest"),
        ({"variants": [["x", 1, 0, 0]] * 6}, "motion.not_a_number"),
        ({"variants": "prototype"}, "data.manifest"),
        ({"name": ""}, "data.manifest"),
        ({"split": "training"}, "data.manifest"),
        ({"split": "held-out"}, "data.split"),
    ],
)
def test_bad_recordings_are_refused(tmp_path: Path, changes: dict[str, object], code: str):
    folder = recordings(tmp_path, **changes)
    write_motion(take(frames=29), folder / "short.npz")
    write_motion(take(fps=25.0), folder / "slow.npz")
    write_motion(take(space="flame2023"), folder / "flame.npz")
    np.save(folder / "short.npy", np.zeros((29, 6)))
    np.save(folder / "nan.npy", np.full((30, 6), np.nan))
    np.save(folder / "object.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(InputError) as caught:
        read_all(folder)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", "data.manifest"),
        ("{", "file.damaged"),
        ('{"format": "another"}', "data.manifest"),
        (json.dumps({"format": FORMAT, "performances": [3]}), "data.manifest"),
        (json.dumps({"format": FORMAT, "performances": []}), "data.split"),
        (
            json.dumps({"format": FORMAT, "performances": [{"name": "a", "split": "train"}] * 2}),
            "data.manifest",
        ),
    ],
)
def test_bad_manifests_are_refused(tmp_path: Path, text: str, code: str):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InputError) as caught:
        read_all(tmp_path)
    assert caught.value.code == code


def test_a_folder_without_a_manifest(tmp_path: Path):
    with pytest.raises(InputError) as caught:
        read_all(tmp_path)
    assert caught.value.code == "file.missing"
