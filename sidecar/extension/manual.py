# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual in the extension's zip: the pages of docs/ that an animator needs, as HTML without
pictures, so that any web browser shows them from the disk."""

from __future__ import annotations

import html
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PAGES = (
    "blender",
    "setup",
    "reliability",
    "open_head",
    "flame_head",
    "characters",
    "formats",
    "presets",
    "action_units",
    "baking",
    "live",
    "avatars",
    "splats",
    "portrait",
    "compositor",
    "export",
    "farm",
    "remote",
    "errors",
)
"""Pages of docs/, in the order of the list that stands over each."""
FOLDER = "manual"
_STYLE = (
    "body{max-width:46em;margin:2em auto;padding:0 1em;font:16px/1.5 sans-serif;"
    "color:#222;background:#fff}nav{font-size:14px}pre,code{background:#f2f2f2}"
    "pre{padding:.6em;overflow:auto}table{border-collapse:collapse}"
    "td,th{border:1px solid #ccc;padding:.2em .5em;text-align:left;vertical-align:top}"
)


def write_manual(source: Path, folder: Path) -> None:
    """Writes a page of HTML for each of `PAGES` into the folder, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        page = render_page(read_page(source, name), name)
        (folder / f"{name}.html").write_text(page, encoding="utf-8")


def read_page(source: Path, name: str) -> str:
    """The Markdown of a page."""
    return (source / "docs" / f"{name}.md").read_text(encoding="utf-8")


def render_page(markdown: str, name: str) -> str:
    """The page as HTML. Pictures are left out, and links that lead out of the manual."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(markdown)
    for token in tokens:
        token.children = _keep_inside(token.children) if token.children else token.children
    body = reader.renderer.render(tokens, reader.options, {})
    links = " | ".join(
        _title(page) if page == name else f'<a href="{page}.html">{_title(page)}</a>'
        for page in PAGES
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Affekt: '
        f"{html.escape(_title(name))}</title><style>{_STYLE}</style></head>\n"
        f"<body><nav>{links}</nav>\n{body}</body></html>\n"
    )


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize().replace("Flame", "FLAME")


def _keep_inside(tokens: list[Token]) -> list[Token]:
    """The tokens of a line without pictures and without links that lead nowhere."""
    kept, open_links = [], []
    for token in tokens:
        if token.type == "image":
            continue
        if token.type == "link_open":
            target = _inside(str(token.attrs["href"]))
            open_links.append(target is not None)
            if target is None:
                continue
            token.attrs["href"] = target
        elif token.type == "link_close" and not open_links.pop():
            continue
        kept.append(token)
    return kept


def _inside(target: str) -> str | None:
    """Where a link of docs/ leads in the manual, or None where that does not lie in it."""
    if target.startswith(("https://", "http://")):
        return target
    path, mark, anchor = target.partition("#")
    name = path.removesuffix(".md")
    if path and (name == path or name not in PAGES):
        return None
    return f"{name}.html" if path else f"{mark}{anchor}"
