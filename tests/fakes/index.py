# SPDX-License-Identifier: GPL-3.0-or-later
"""A package index on this machine, with a wheel of the tool `uv` that only pretends to be it."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from affekt.addon.setup.uv_wheel import machine_pattern, tool_name

Release = tuple[str, bytes]
"""A wheel's file name and its bytes."""
_TAG_ENDS = {"x86_64": "manylinux_2_17_x86_64", "aarch64": "manylinux_2_17_aarch64"}


def uv_release(tool: bytes, version: str) -> Release:
    """A wheel of that version for this machine, with that tool in it."""
    pattern = machine_pattern() or ""
    tag = next((tag for end, tag in _TAG_ENDS.items() if pattern.endswith(end)), pattern)
    tag = "macosx_11_0_arm64" if pattern.startswith("macosx") else tag
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"uv-{version}.data/scripts/{tool_name()}", tool)
    return f"uv-{version}-py3-none-{tag}.whl", packed.getvalue()


class Index:
    """Serves what was added. asked: of each path that was asked for, its Authorization header.
    refuses: answers 403 to all."""

    def __init__(self) -> None:
        self.asked: dict[str, str | None] = {}
        self.refuses = False
        self._files: dict[str, bytes] = {}
        self._links: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/simple"

    def add(self, release: Release, *, sha256: str | None = None) -> None:
        """Lists the wheel, with this checksum or its own."""
        name, data = release
        self._files[f"/files/{name}"] = data
        told = sha256 or hashlib.sha256(data).hexdigest()
        self._links.append(f'<a href="../../files/{name}#sha256={told}">{name}</a>')

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked[self.path] = self.headers.get("Authorization")
                data = index._answer(self.path)
                self.send_response(403 if index.refuses else 404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler

    def _answer(self, path: str) -> bytes | None:
        if self.refuses:
            return None
        if path == "/simple/uv/":
            return "\n".join(["<!DOCTYPE html>", *self._links]).encode()
        return self._files.get(path)
