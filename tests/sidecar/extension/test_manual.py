# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual in the zip: pages for a web browser, whose links lead somewhere."""

import re
from pathlib import Path

import pytest
from affekt.sidecar.extension.manual import PAGES, read_page, render_page, write_manual

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zip") / "manual"
    write_manual(ROOT, folder)
    return folder


def test_every_page_is_there_and_no_link_leads_nowhere(manual: Path) -> None:
    assert {path.stem for path in manual.iterdir()} == set(PAGES)
    for path in manual.iterdir():
        text = path.read_text("utf-8")
        assert "<h1>" in text, path
        assert "<img" not in text, path
        for target in re.findall(r'href="([^"#]+)', text):
            assert target.startswith("https://") or (manual / target).is_file(), (path, target)


def test_every_page_is_the_one_of_its_name(tmp_path: Path) -> None:
    """The first is of Blender, and a manual may be written over an older one."""
    assert "Set Up Sidecar" in read_page(ROOT, PAGES[0])
    for name in PAGES:
        assert read_page(ROOT, name) == (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    folder = tmp_path / "new" / "manual"
    for _ in range(2):
        write_manual(ROOT, folder)
    titles = {
        path.stem: re.findall(r"<title>Affekt: (.+)</title>", path.read_text("utf-8"))
        for path in folder.iterdir()
    }
    assert titles["flame_head"] == ["FLAME head"]
    assert titles["blender"] == ["Blender"]
    assert len(titles) == len(PAGES)


def test_a_link_becomes_one_of_the_manual_or_plain_words() -> None:
    shown = render_page(
        "# A\n\n[bakes](baking.md#options), [code](architecture.md), ![face](face.png) <b>", "setup"
    )
    assert '<a href="baking.html">bakes</a>, code,  &lt;b&gt;' in shown
    assert "<title>Affekt: Setup</title>" in shown


def test_of_several_links_in_a_line_each_has_its_own_end() -> None:
    """One that leads out loses its end, not the next one's; anchors of the page stay."""
    shown = render_page(
        "# A\n\n[out](../sidecar/cli.py) [web](https://a.example/x#y) [plain](http://b.example) "
        "[here](#options) [file](LICENSE) [page](flame_head.md) ![a](b.png)[**bold**](remote.md)",
        "flame_head",
    )
    body = shown.partition("</nav>")[2]
    assert (
        '<p>out <a href="https://a.example/x#y">web</a> <a href="http://b.example">plain</a> '
        '<a href="#options">here</a> file <a href="flame_head.html">page</a> '
        '<a href="remote.html"><strong>bold</strong></a></p>'
    ) in body
    nav = shown.partition("<nav>")[2].partition("</nav>")[0].split(" | ")
    assert len(nav) == len(PAGES)
    assert nav[0] == '<a href="blender.html">Blender</a>'
    assert nav[PAGES.index("flame_head")] == "FLAME head"
    assert nav[-1] == '<a href="errors.html">Errors</a>'
