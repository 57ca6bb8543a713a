# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt evaluate emotion`, as small as it goes, with another Python in the reader's place."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.cli import run
from affekt.sidecar.lab.evaluation.performances import STATES
from affekt.sidecar.modulation.weights import save_modulator
from affekt.sidecar.render.images import read_picture
from fakes.modulator import small_modulator

READER = """
import json, os, sys
names = sorted(os.listdir(sys.argv[4]))
# The first picture is the face at rest; all others smile.
print(json.dumps({n: {"mouthSmileLeft": float(i > 0), "mouthSmileRight": float(i > 0)}
                  for i, n in enumerate(names)}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A take in which the mouth moves, a random modulator, a fake reader, and what came of them."""
    folder = tmp_path_factory.mktemp("emotion")
    rows = ["Timecode,BlendShapeCount," + ",".join(ARKIT_NAMES)]
    for frame in range(40):
        weights = np.zeros(52)
        weights[ARKIT_NAMES.index("jawOpen")] = 0.3 * (frame % 8) / 8
        rows.append(f"00:00:00:{frame:02d}.0,52," + ",".join(f"{w:g}" for w in weights))
    (folder / "take.csv").write_text("\n".join(rows))
    save_modulator(small_modulator(), folder / "random.safetensors")
    python = folder / "python"
    python.write_text(f"#!{sys.executable}\n{READER}")
    python.chmod(0o755)
    assert run([*arguments(folder), "--reader-python", str(python), "--reader-model", "x"]) == 0
    return folder


def arguments(folder: Path) -> list[str]:
    return [
        *("evaluate", "emotion", "--out", str(folder / "out"), "--subjects", "open"),
        *("--motions", str(folder / "take.csv"), "--modulator", str(folder / "random.safetensors")),
        *("--size", "64", "--frames-each", "1"),
    ]


def test_a_picture_of_every_state(folder: Path):
    for state in STATES:
        (file,) = (folder / "out" / "faces" / "model" / "open" / state).glob("*.png")
        assert file.name.endswith("_closed.png")
        picture = read_picture(file)
        assert picture.shape == (64, 64, 4)
        assert 0.2 < (picture[..., 3] > 128).mean() < 0.8


def test_figures_tables_and_page(folder: Path):
    figures = json.loads((folder / "out" / "emotion.json").read_text("utf-8"))
    assert set(figures) == {
        *("read right", "units not seen", "read"),
        *("strength", "landmarks", "likeness", "speech"),
    }
    assert sum(sum(row.values()) for row in figures["read"]["open, model"].values()) == 7
    unseen = figures["units not seen"]["open"]["units"].split(", ")
    assert "4" in unseen
    assert "12" not in unseen
    assert set(figures["landmarks"]["open"]["fear"]) == {"all", "brows", "nose", "eyes", "mouth"}
    assert set(figures["speech"]["open"]) == {"itself", *STATES}
    table = (folder / "out" / "emotion.md").read_text("utf-8")
    assert "energy at 0.25" in table
    page = (folder / "out" / "page.html").read_text("utf-8")
    assert "emotion_1_states.png" in page
    assert (folder / "out" / "emotion_5_displacement.png").exists()


def test_names_are_counted_without_drawing(folder: Path, tmp_path: Path):
    key = {"s1": {"1": ["open", "sad", "take_0000_closed.png"]}}
    (tmp_path / "key.json").write_text(json.dumps(key))
    (tmp_path / "answers.json").write_text('{"s1": {"1": "grief"}}')
    files = [str(tmp_path / name) for name in ("key.json", "answers.json")]
    assert run(["evaluate", "emotion", "--out", str(tmp_path / "out"), "--named", *files]) == 0
    named = json.loads((tmp_path / "out" / "named.json").read_text("utf-8"))
    assert named["called"]["open"]["sad"]["sad"] == 1
    assert named["named right"]["all"]["all"] == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "named.json",
        "named.md",
        "page.html",
    ]


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        (["--size", "8"], "option.size"),
        (["--frames-each", "0"], "option.frames_each"),
        (["--subjects", "nobody.zip"], "file.missing"),
        (["--motions", "none.csv"], "file.missing"),
        (["--against", "model=x"], "option.against"),
        (["--named", "key.json"], "option.named"),
        (["--reader-python", "x"], "option.reader"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], code: str
):
    assert run(["evaluate", "emotion", "--out", str(tmp_path / "out"), *extra]) == 2
    message = capsys.readouterr().err
    assert code in message
    assert "Traceback" not in message
    assert not list(tmp_path.rglob("*.png"))
