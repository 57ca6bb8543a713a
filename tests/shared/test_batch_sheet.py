# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheet of a batch: columns, cells, and a file that grows by a row."""

from pathlib import Path

import pytest
from affekt.shared import batch_sheet
from affekt.shared.batch_sheet import append_row, check_row, emotions_of_words, out_key, read_csv
from affekt.shared.errors import InputError


def code_of(cells: dict[str, str]) -> str:
    with pytest.raises(InputError) as caught:
        check_row(cells, 1)
    return caught.value.code


def test_a_row_needs_a_take_and_a_place() -> None:
    row = check_row({"Take": " a.csv ", "out": "x\\b"}, 7)
    assert (row.number, row.take, row.out, row.outputs) == (7, "a.csv", "x/b", ("bake",))
    assert code_of({"take": "a.csv"}) == code_of({"out": "a"}) == "batch.cell"


def test_what_is_made_unless_told() -> None:
    assert check_row({"take": "a", "out": "b", "avatar": "open"}, 1).outputs == ("png",)
    assert check_row({"take": "a", "out": "b", "character": "c.glb"}, 1).outputs == ("glb",)


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("outputs", "png", "batch.cell"),  # of no avatar
        ("outputs", "bake, jpg", "batch.cell"),
        ("outputs", "glb", "batch.cell"),  # of no character
        ("frames", "10 to 20", "batch.cell"),
        ("size", "0x512", "batch.cell"),
        ("size", "512x", "batch.cell"),
        ("passes", "combined beauty", "batch.cell"),
        ("fps", "fast", "batch.cell"),
        ("out", "../b", "batch.cell"),
        ("out", "/b", "batch.cell"),
        ("out", "C:b", "batch.cell"),
        ("out", ".affekt_batch/x", "batch.cell"),
        ("out", "a\nb", "batch.cell"),
        ("emotions", "happy\0", "batch.cell"),
        ("emotions", "hapy", "emotion.unknown_name"),
        ("emotions", "happy 0,7", "emotion.not_a_number"),
        ("emotions", "happy -1", "emotion.not_a_number"),
        ("emotions", "happy inf", "emotion.unknown_name"),
        ("emotions", "happy 0.7 sad 0.2", "emotion.not_a_number"),
        ("emotions", "happy 1.6", "emotion.range"),
        ("emotion", "happy", "batch.column"),
    ],
)
def test_cells_that_cannot_be(column: str, text: str, code: str) -> None:
    assert code_of({"take": "a", "out": "b", column: text}) == code


def test_a_quotation_that_never_ends_is_said(tmp_path: Path) -> None:
    sheet = tmp_path / "s.csv"
    sheet.write_text('take,out\n"a.csv,x\nb.csv,y\n')
    with pytest.raises(InputError, match="is no CSV: unexpected end of data"):
        list(read_csv(sheet))


def test_a_letter_and_its_parts_are_one_folder() -> None:
    assert out_key("stra\u00dfe/\u00fc") == out_key("STRASSE\\u\u0308")
    assert out_key("a/b") != out_key("ab")


def test_columns_say_what_was_meant() -> None:
    with pytest.raises(InputError, match="Did you mean 'avatar'"):
        check_row({"take": "a", "out": "b", "avater": "x"}, 1)
    with pytest.raises(InputError, match="Did you mean vhap"):
        check_row({"take": "a", "out": "b", "outputs": "flame"}, 1)


def test_sizes_and_lists() -> None:
    cells = {"take": "a", "out": "b", "avatar": "open", "size": "640x360", "outputs": "exr;PNG exr"}
    row = check_row({**cells, "passes": "depth, normal"}, 1)
    assert row.size == (640, 360)
    assert row.outputs == ("exr", "png")
    assert row.passes == ("depth", "normal")
    assert check_row({**cells, "size": "96"}, 1).size == (96, 96)


def test_words_become_channels() -> None:
    assert emotions_of_words("happy 0.7, sad .2") == {"happy": 0.7, "sad": 0.2}
    assert emotions_of_words("held anger") == {"angry": 1.0, "lower": 0.25}
    assert emotions_of_words("Grief 0.5 + fear 0.1") == {"sad": 0.75, "fear": 0.35, "lower": 1.3}
    assert emotions_of_words("sad, influence 0.4") == {"sad": 1.0, "influence": 0.4}
    assert emotions_of_words("neutral") == {"influence": 1.0}


def test_a_sheet_grows_and_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    path.write_text("\ufefftake;out;size\r\na.csv;a;\r\n\r\n", "utf-8")
    row = append_row(path, {"take": "b,c.csv", "out": "b", "emotions": "sad", "size": ""})
    assert row.number == 2
    first = {"take": "a.csv", "out": "a"}
    assert list(read_csv(path)) == [first, {"take": "b,c.csv", "out": "b", "emotions": "sad"}]
    assert path.read_text("utf-8").startswith("take;out;size;emotions\n")


def test_rows_that_two_append_at_once_both_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, others = tmp_path / "s.csv", iter("bc")
    append_row(path, {"take": "a.csv", "out": "a"})
    check = batch_sheet.check_row

    def check_slowly(cells: dict[str, str], number: int) -> batch_sheet.SheetRow:
        if (name := next(others, "")) and cells["out"] == "z":
            append_row(path, {"take": f"{name}.csv", "out": name, "size": "64"})
        return check(cells, number)

    monkeypatch.setattr(batch_sheet, "check_row", check_slowly)
    assert append_row(path, {"take": "z.csv", "out": "z"}).number == 3
    assert [row["out"] for row in read_csv(path)] == ["a", "b", "z"]

    def write(cells: dict[str, str], number: int) -> batch_sheet.SheetRow:
        written.append(len(written))
        path.write_text("take,out\n" + "".join(f"a.csv,a{n}\n" for n in written))
        return check(cells, number)

    written = list[int]()
    monkeypatch.setattr(batch_sheet, "check_row", write)
    with pytest.raises(InputError, match="by others all the time"):
        append_row(path, {"take": "y.csv", "out": "y"})


def test_a_new_sheet_has_the_columns_that_are_filled(tmp_path: Path) -> None:
    append_row(tmp_path / "s.csv", {"take": "a.csv", "out": "a", "avatar": "open", "head": ""})
    assert (tmp_path / "s.csv").read_bytes() == b"take,out,avatar\r\na.csv,a,open\r\n"


def test_what_cannot_be_appended_leaves_the_sheet_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(b"take,out\r\na.csv,Shot/a\r\n")
    for cells, code in (
        ({"take": "b.csv", "out": "shot\\A"}, "batch.same_output"),
        ({"take": "b.csv", "out": "b", "size": "big"}, "batch.cell"),
    ):
        with pytest.raises(InputError) as caught:
            append_row(path, cells)
        assert caught.value.code == code
    assert path.read_bytes() == b"take,out\r\na.csv,Shot/a\r\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.csv"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "batch.sheet"),
        (b"take,out\na,b,c\n", "batch.sheet"),
        (b"take,out\n\xff\xfe,b\n", "batch.sheet"),
        (b"take,take\na,b\n", "batch.column"),
        (b"take,emotoin\na,b\n", "batch.column"),
    ],
)
def test_files_that_are_no_sheets(tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "s.csv").write_bytes(data)
    with pytest.raises(InputError) as caught:
        list(read_csv(tmp_path / "s.csv"))
    assert caught.value.code == code
