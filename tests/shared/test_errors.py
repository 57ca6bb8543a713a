# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/errors.md is the table of all codes."""

from __future__ import annotations

import errno
import os
import pickle
import re
from pathlib import Path

import pytest
from affekt.shared import errors, messages
from affekt.shared.schema import field_rules
from fakes.codes import codes_in
from fakes.obstacles import put_in_the_way

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def raised() -> dict[str, str]:
    """Each code in the source, and a place where it is raised."""
    return codes_in(ROOT)


def table() -> dict[str, str]:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \| (.+) \|$", text, re.MULTILINE)
    assert [code for code, _ in rows] == sorted(code for code, _ in rows)
    return dict(rows)


def test_every_code_is_in_the_table(raised: dict[str, str]) -> None:
    missing = {code: place for code, place in raised.items() if code not in table()}
    assert not missing, f"write these into docs/errors.md: {missing}"


def test_the_table_has_no_code_that_nobody_raises(raised: dict[str, str]) -> None:
    stale = table().keys() - raised.keys()
    assert not stale


def test_the_codes_are_found(raised: dict[str, str]) -> None:
    """The control: by literal, through a helper, and in an expression."""
    assert len(raised) > 100
    assert {"link.version", "avatar.shape", "motion.too_long", "link.protocol"} <= raised.keys()


def test_every_code_may_cross_the_wire(raised: dict[str, str]) -> None:
    (rule,) = [field.rule for field in field_rules(messages.Failure) if field.name == "code"]
    assert [rule.check(code) for code in raised] == list(raised)


def test_an_error_is_a_sentence_and_a_remedy() -> None:
    error = errors.JobError("job.failed", "It failed.", "Try again.")
    assert str(error) == "It failed. Try again."


@pytest.mark.parametrize(
    ("number", "reason", "remedy"),
    [
        (errno.EACCES, "you may not use it (", "ask its owner for the right."),
        (errno.EPERM, "you may not use it (", "ask its owner for the right."),
        (errno.EROFS, "its disk can only be read (", "Choose a place on another disk."),
        (errno.ENOENT, "it is not there (", "Check the path."),
        (errno.ENOTDIR, "a file is where a folder should be (", "Check the path."),
        (errno.EISDIR, "it is a folder, not a file (", "Give the path of a file."),
        (errno.EEXIST, "a file has that name (", "Choose another name, or move it away."),
        (errno.ENAMETOOLONG, "its name is too long (", "Choose a shorter name."),
        (errno.ELOOP, "its links lead in a circle (", "Check the path and its links."),
        (errno.ENOSPC, "the disk is full (", "Make room on it, or choose another place."),
        (errno.EDQUOT, "your share of the disk is full (", "Make room, or choose another place."),
        (errno.EFBIG, "the file would be too large (", "Choose another disk, or write less."),
        (errno.EIO, "the disk does not answer (", "Check the disk, or choose another place."),
        (errno.EMFILE, "too many files are open (", "Close other programs and try again."),
        (errno.ENFILE, "too many files are open (", "Close other programs and try again."),
        (errno.EBUSY, os.strerror(errno.EBUSY), "check its rights and the space left."),
    ],
)
def test_what_the_system_refuses_is_said_in_words(number: int, reason: str, remedy: str) -> None:
    error = errors.not_writable(Path("a", "b.png"), OSError(number, os.strerror(number)))
    assert error.code == "file.not_writable"
    assert error.message.startswith(f"{Path('a', 'b.png')} cannot be written: {reason}")
    assert os.strerror(number) in error.message
    assert error.remedy.endswith(remedy)


def test_what_no_system_said_is_said_as_it_is() -> None:
    said = errors.refusal(ValueError("embedded null byte"))
    assert said[0] == "embedded null byte"


def test_an_error_goes_from_process_to_process() -> None:
    """Pools of processes send errors back pickled."""
    error = errors.InputError("file.missing", "It is not there.", "Look for it.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is errors.InputError
    assert (again.code, again.message, again.remedy) == (error.code, error.message, error.remedy)
    assert again.args == ("file.missing", "It is not there.", "Look for it.")


@pytest.mark.parametrize("kind", ["a folder", "a link", "a pipe or a device"])
def test_what_has_a_files_name_is_named(kind: str, tmp_path: Path) -> None:
    """Only where it is why the system refused: a full disk is a full disk."""
    path = tmp_path / "picture.png"
    put_in_the_way(path, kind.split()[1])
    assert errors.what_is_at(path) == kind
    for number in (errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENOTEMPTY):
        error = errors.not_writable(path, OSError(number, os.strerror(number)))
        assert error.code == "file.not_writable"
        assert error.message == f"{path} cannot be written: {kind} has that name."
        assert error.remedy == "Move it away or rename it, or choose another place."
    full = errors.not_writable(path, OSError(errno.ENOSPC, "No space left on device"))
    assert full.message == (
        f"{path} cannot be written: the disk is full (No space left on device)."
    )


def test_a_file_and_nothing_are_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for path in (tmp_path / "file", tmp_path / "none", tmp_path / "file" / "x", Path("a\0b")):
        assert errors.what_is_at(path) is None
        error = errors.not_writable(path, OSError(errno.EISDIR, "Is a directory"))
        assert error.message.endswith("written: it is a folder, not a file (Is a directory).")
