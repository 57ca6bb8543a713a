# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage to files, for fuzzing their readers."""

from hypothesis import strategies as st


def mutated(data: st.DataObject, whole: bytes) -> bytes:
    """The file with up to four bytes changed, and in half of the cases cut short."""
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    return bytes(content)
