# SPDX-License-Identifier: GPL-3.0-or-later
"""The tool uv comes from its wheel on an index that is served here, as pip's settings say."""

import base64
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from affekt.addon.setup import uv_wheel
from affekt.addon.setup.failures import explain
from affekt.addon.setup.uv_wheel import machine_pattern, newest_wheel, pip_setting, tool_name
from fakes.index import Index, uv_release

pytestmark = pytest.mark.skipif(machine_pattern() is None, reason="there is no uv for this machine")


def run(index: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As set-up runs it, with nothing of this machine's settings but the given ones."""
    kept = {"PIP_CONFIG_FILE": str(folder / "none"), "HOME": str(folder), **variables}
    return subprocess.run(
        [sys.executable, "-I", uv_wheel.__file__, index, str(folder)],
        env=kept,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_newest_release_for_the_machine_is_taken() -> None:
    links = [
        f"../../packages/uv-{version}-py3-none-{tag}.whl#sha256=00"
        for version in ("0.9.10", "0.13.9", "0.13.10", "0.14.0rc1")
        for tag in (
            "manylinux_2_17_x86_64.manylinux2014_x86_64",
            "musllinux_1_1_x86_64",
            "macosx_11_0_arm64",
            "win_amd64",
        )
    ]
    for system, machine, tag in (
        ("linux", "x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
        ("darwin", "arm64", "macosx_11_0_arm64"),
        ("win32", "AMD64", "win_amd64"),
    ):
        pattern = machine_pattern(system, machine)
        assert pattern is not None
        wanted = f"../../packages/uv-0.13.10-py3-none-{tag}.whl#sha256=00"
        assert newest_wheel(links, pattern) == wanted
    assert machine_pattern("linux", "riscv64") is None
    assert newest_wheel(["uv-1.0.tar.gz", "uvloop-1.0-py3-none-win_amd64.whl"], "win_amd64") is None


def test_the_tool_is_fetched_with_the_name_and_password_of_the_index(
    index: Index, tmp_path: Path
) -> None:
    index.add(uv_release(b"older", "0.13.9"))
    index.add(uv_release(b"the tool", "0.13.10"))
    done = run(index.address.replace("://", "://me:se%20cret@"), tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Downloading uv-0.13.10-py3-none-" in done.stdout
    assert "Progress " in done.stdout
    tool = tmp_path / tool_name()
    assert tool.read_bytes() == b"the tool"
    assert sorted(tmp_path.iterdir()) == [tool]
    told = base64.b64encode(b"me:se cret").decode()
    assert index.asked["/simple/uv/"] == f"Basic {told}"


def test_pips_settings_name_the_index(index: Index, tmp_path: Path) -> None:
    index.add(uv_release(b"the tool", "1.0"))
    settings = tmp_path / "pip.conf"
    settings.write_text(f"[global]\nindex-url = {index.address}\n")
    assert run("", tmp_path, PIP_CONFIG_FILE=str(settings)).returncode == 0
    (tmp_path / tool_name()).unlink()
    settings.write_text("[global]\nindex-url = http://127.0.0.1:9/simple\n")
    assert (
        run("", tmp_path, PIP_CONFIG_FILE=str(settings), PIP_INDEX_URL=index.address).returncode
        == 0
    )


def test_a_file_of_settings_that_is_none_is_pips_own_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "pip.conf"
    broken.write_text("index-url without a section")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(broken))
    monkeypatch.setattr(uv_wheel, "_pip_files", lambda: iter([broken]))
    monkeypatch.delenv("PIP_CERT", raising=False)
    assert pip_setting("cert") == ""


def test_what_can_go_wrong_has_a_cause(index: Index, tmp_path: Path) -> None:
    """In the words by which set-up knows it."""
    log = tmp_path / "log"

    def code_of(done: subprocess.CompletedProcess[str]) -> str:
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
        return explain("It", 1, done.stdout.splitlines(), log).code

    assert code_of(run(index.address, tmp_path)) == "setup.no_package"
    index.add(uv_release(b"x", "2.0"), sha256="00" * 32)
    assert code_of(run(index.address, tmp_path)) == "setup.damaged"
    assert not (tmp_path / tool_name()).exists()
    index.refuses = True
    assert code_of(run(index.address, tmp_path)) == "setup.refused"
    assert code_of(run("http://127.0.0.1:9/simple", tmp_path)) == "setup.network"
    assert platform.machine()
