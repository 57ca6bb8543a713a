# SPDX-License-Identifier: GPL-3.0-or-later
"""Free words for a face in a sheet."""

import json
from pathlib import Path

from affekt.sidecar.batch.plan import Settings, first_task
from affekt.sidecar.batch.sheet import Fault, Sheet
from affekt.sidecar.batch.task import OUT


def test_free_words_become_keys_and_guesses_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x")
    said = ["a half smile; left brow raised", "happi", "happy 0.7", "sad, glorp", "a red car"]
    lines = [f'a.csv,{n},"{text}"' for n, text in enumerate(said)]
    (tmp_path / "s.csv").write_text("\n".join(["take,out,emotions", *lines]))
    rows = list(Sheet(path=tmp_path / "s.csv", defaults={}).rows())
    codes = [row.error.code if isinstance(row, Fault) else "" for row in rows]
    unknown = "emotion.unknown_name"
    assert codes == ["", unknown, "", unknown, unknown]
    task = first_task(rows[0], Settings(folder=tmp_path / "out"))
    place = str(task.options["emotions"]).removeprefix(OUT)
    (key,) = json.loads((tmp_path / "out" / place).read_text())["keys"]
    assert key == {"frame": 0, "AU1_L": 0.4, "AU2_L": 0.8, "AU12_L": 0.55, "AU14_L": 0.3}
