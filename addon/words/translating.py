# SPDX-License-Identifier: GPL-3.0-or-later
"""Our texts in other languages, by Blender's own translations: Blender looks up labels, tooltips
and enum items itself, `sentences.py` the rest."""

from __future__ import annotations

import json
from pathlib import Path

import bpy

from .sentences import look_up_by

LANGUAGES = {"de_DE": "german.json"}
"""Blender's name of a language, and the file beside this one with its texts by the English ones."""
_CONTEXTS = ("*", "Operator")
"""Blender looks up the text on a button as an operator's, and all others without a context."""


def read_texts(language: str) -> dict[str, str]:
    """English text -> the text in that language."""
    path = Path(__file__).with_name(LANGUAGES[language])
    return json.loads(path.read_text("utf-8"))


def add_languages() -> None:
    """Gives our texts to Blender; a Blender built without languages gets none."""
    if not bpy.app.build_options.international:
        return
    texts = {
        language: {
            (context, english): text
            for english, text in read_texts(language).items()
            for context in _CONTEXTS
        }
        for language in LANGUAGES
    }
    bpy.app.translations.register(__name__, texts)
    look_up_by(bpy.app.translations.pgettext_iface)


def remove_languages() -> None:
    """Takes them back."""
    if bpy.app.build_options.international:
        bpy.app.translations.unregister(__name__)
        look_up_by(str)
