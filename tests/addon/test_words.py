# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator reads: tooltips that say something, with units; German for each; help that
leads to a page of the zip."""

import ast
import json
import re
import string
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from affekt.shared import units

from .conftest import ROOT, RunScript

ADDON = ROOT / "addon"
GERMAN: dict[str, str] = json.loads((ADDON / "words" / "german.json").read_text("utf-8"))
SAME = {
    *("Adapter", "Affekt", "ARKit JSON", "Audio2Face (ACE)", "Avatar", "Blender", "Emotion"),
    *("FLAME 2020", "FLAME 2023", "Format", "LAM", "LAM (FLAME 2023)", "Live"),
    "Live Link Face CSV",
    *("PLY", "SPZ", "USD", "VHAP (FLAME 2023)", "Video"),
    *(
        "Mesh",
        "Name",
        "Neutral",
        "OpenCV",
        "OpenGL",
        "PNG",
        "Position",
        "Python",
        "Sidecar",
        "Take",
    ),
    *("Codec", "PIZ", "RLE", "ZIP", "ZIPS"),
    *("Takes", "UV", "Version", "VHAP, GaussianAvatars (FLAME 2023)"),
}
"""Proper names, and words that are the same in German."""
MEANT_OTHERWISE = {"Fine", "Set Frame Range", "Starting", "Upper"}
"""Of these Blender's own German, which it looks up before ours, says something else: Upper was
Größer. Found by asking Blender 5.2 for each text of ours; `bpy` has no languages."""
JARGON = re.compile(
    r"\b(boolean|callback|pointer|tuple|enum|RNA|datablock|array|struct|regex|subprocess|None|"
    r"null|API|dict|kwargs?|int|str|bool|idname|bpy|mutex|socket|ZMQ|tensor|torch)\b"
)
UNITS = re.compile(
    r"\b(frames?|seconds?|millimetres?|pixels?|factor|degrees|deviations|so many-th)\b", re.I
)
SIMPLE = {"NONE", ""}


def texts_of(item: dict) -> Iterator[tuple[str, str]]:
    """Label and tooltip of a class, its properties and their items."""
    if item["is_shown"]:
        yield item["label"], item["tip"]
    for one in item["properties"]:
        yield one["label"], one["tip"]
        for _, label, tip in one["items"]:
            yield label, tip


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()


def check_tip(label: str, tip: str) -> list[str]:
    """What is wrong with a tooltip."""
    wrong = [] if label and tip else ["empty"]
    if plain(label) == plain(tip):
        wrong.append("says the label again")
    if "\n" in tip or tip.endswith("."):
        wrong.append("a line break or a full stop, which Blender adds itself")
    return wrong + [f"jargon: {word}" for word in JARGON.findall(tip)]


def lacks_unit(one: dict) -> bool:
    is_quantity = one["type"] in ("INT", "FLOAT") and one["subtype"] in SIMPLE
    return is_quantity and not UNITS.search(one["tip"])


def written_texts() -> Iterator[tuple[str, str]]:
    """Texts in the code of panels and operators that no class or property has: of buttons, labels,
    progress, reasons why a button is grey, and sentences; with the file that has them."""
    for path in sorted(ADDON.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call):
                for node in asked_of(call):
                    for text in constants(node):
                        yield text, path.relative_to(ROOT).as_posix()


def asked_of(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that an animator reads."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    yield from (keyword.value for keyword in call.keywords if keyword.arg == "text")
    place = {"poll_message_set": 0, "translate": 0, "fill": 0, "draw_sentence": 2}.get(name)
    if place is not None and len(call.args) > place:
        yield call.args[place]


def constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*constants(node.body), *constants(node.orelse))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value


def all_constants() -> set[str]:
    return {
        node.value
        for path in ADDON.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.two_blenders
def test_every_text_says_something_and_has_german(
    in_blender: RunScript, extension_zip: Path
) -> None:
    told = in_blender("words.py")
    assert len(told["classes"]) > 60
    wrong = [
        (item["name"], label, problem)
        for item in told["classes"]
        for label, tip in texts_of(item)
        for problem in check_tip(label, tip)
    ]
    assert not wrong
    numbers = [(item["name"], one) for item in told["classes"] for one in item["properties"]]
    assert not [(name, one["id"]) for name, one in numbers if lacks_unit(one)]
    shown = {text for item in told["classes"] for pair in texts_of(item) for text in pair}
    assert not sorted(shown - GERMAN.keys())
    unused = GERMAN.keys() - shown - all_constants() - set(STATES) - units_in_the_menu()
    assert not sorted(unused), "no text of ours any more"
    assert told["shown"] == "Apply Grief", "no language is set"
    check_help(told, extension_zip)
    print(f"the German texts are read in {1000 * told['read_s']:.1f} ms")


STATES = ("Connected", "Failed", "Not answering", "Not running", "Restarting", "Starting up")
"""What the sidecar's panel says of it."""


def units_in_the_menu() -> set[str]:
    """What the menu says of action units, of which one has no slider for both sides."""
    return {text for unit in units.UNITS for text in (f"AU {unit.number} {unit.name}", unit.says)}


def check_help(told: dict, extension_zip: Path) -> None:
    with zipfile.ZipFile(extension_zip) as archive:
        pages = {name for name in archive.namelist() if name.startswith("manual/")}
    for name, url in told["pages"].items():
        assert url.startswith("file://"), (name, url)
        assert f"manual/{url.rpartition('/')[2]}" in pages, (name, url)
    assert told["pages"]["AFFEKT_OT_bake"].endswith("/manual/baking.html")
    assert told["pages"]["AFFEKT_PG_avatar"].endswith("/manual/compositor.html")
    assert "no page '../README'" in told["missing"]


def test_every_written_text_has_german() -> None:
    lacking = [found for found in written_texts() if found[0] not in GERMAN]
    assert not lacking


def test_german_is_german_and_keeps_the_gaps() -> None:
    assert {text for text, german in GERMAN.items() if text == german} <= SAME
    assert not GERMAN.keys() & MEANT_OTHERWISE
    assert not [text for text, german in GERMAN.items() if gaps(text) != gaps(german)]
    assert gaps("Apply {name}") == {"name"}


@pytest.mark.parametrize(
    ("label", "tip", "wrong"),
    [
        ("Step", "", "empty"),
        ("Bake Edited", "Bake, edited", "says the label again"),
        ("Step", "The enum of steps", "jargon: enum"),
        ("Step", "A key on\neach frame", "a line break or a full stop, which Blender adds itself"),
    ],
)
def test_a_bad_tooltip_is_found(label: str, tip: str, wrong: str) -> None:
    assert check_tip(label, tip) == [wrong]
