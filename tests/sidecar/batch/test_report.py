# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal and the page that is made of it."""

import base64
from html.parser import HTMLParser
from pathlib import Path

from affekt.sidecar.batch.journal import Journal, read_journal
from affekt.sidecar.batch.report import About, say_clock, write_report
from affekt.sidecar.batch.run import Outcome

ABOUT = About(sheet="a&b.csv", seconds=200.0, engine="2 workers", began="today", version="0.1.0")


def outcome(number: int, **more) -> Outcome:
    cells = {"take": "/x/t<1>.csv", "emotions": "sad", "avatar": "", "outputs": "bake"}
    return Outcome(
        **{"number": number, "out": f"l{number}", "cells": cells, "state": "done", **more}
    )


class Page(HTMLParser):
    """What the page shows: its texts, and its tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_page_without_scripts_shows_every_row(tmp_path: Path) -> None:
    (tmp_path / "look.jpg").write_bytes(b"picture")
    journal = Journal(tmp_path)
    error = ("file.missing", "There is no <file>.", "Check.")
    journal.add(outcome(2, state="failed", error=error))
    journal.add(outcome(1, frames=300, seconds=12.34, look="look.jpg", notes=("gap & more",)))
    page = Page(write_report(tmp_path, journal.path, journal.totals, ABOUT).read_text("utf-8"))
    rows = [n for n in page.texts if n in ("1", "2")]
    assert rows == ["1", "2"]  # the sheet's order, not that of their ends
    for text in ("a&b.csv", "t<1>.csv", "gap & more", "There is no <file>. Check. ", "12.3"):
        assert text in page.texts
    assert "2 rows: 1 done, 0 there from before, 1 failed." in page.texts
    pictures = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert pictures == ["data:image/jpeg;base64," + base64.b64encode(b"picture").decode()]
    links = [of["href"] for tag, of in page.tags if tag == "a"]
    assert links == ["#row2", "l1/", "l2/"]  # above the table, the row that failed
    assert [of["id"] for tag, of in page.tags if "id" in of] == ["row1", "row2"]
    assert "script" not in [tag for tag, _ in page.tags]


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(outcome(1))
    with journal.path.open("a") as file:
        file.write('{"number": 2, "out"')
    assert [row.number for row in read_journal(journal.path)] == [1]


def test_a_full_disk_ends_no_batch(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.path.unlink()
    journal.path.mkdir()  # stands for a disk that takes no more
    journal.add(outcome(1))
    assert journal.totals.rows == 1
    assert journal.fault is not None
    assert journal.fault.code == "file.not_writable"


def test_lengths_of_time() -> None:
    assert [say_clock(s) for s in (4.25, 59.4, 200, 3600 * 5 + 61)] == [
        "4.2 s",
        "59.4 s",
        "3 min 20 s",
        "5 h 1 min",
    ]
