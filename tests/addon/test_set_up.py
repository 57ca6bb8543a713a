# SPDX-License-Identifier: GPL-3.0-or-later
"""Set Up Sidecar inside Blender, with a Python that pretends, and really."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from fakes.set_up import fake_python

from .conftest import ROOT, RunScript, run_script

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts are no programs there")
TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
OFFLINE = "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution"
PROXY = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError('Cannot connect to "
    "proxy.', OSError('Tunnel connection failed: 407 Proxy Authentication Required'))'"
)
FULL = "ERROR: Could not install packages: OSError: [Errno 28] No space left on device"
OFFLINE_YET = "Set-up downloads packages, and Blender stays offline until you allow it."


@pytest.mark.one_blender
def test_set_up_by_its_operators(in_blender: RunScript, tmp_path: Path) -> None:
    folder = tmp_path / "Jürgen Müller"
    bad = fake_python(folder / "bad", torch=([OFFLINE], 1))
    good = fake_python(folder / "good", compile=(["1/1 all"], 0))
    proxy = fake_python(folder / "proxy", torch=([PROXY], 1))
    full = fake_python(folder / "full", torch=([FULL], 1))
    hangs = fake_python(folder / "hangs", serve=([], "hang"))
    said = in_blender(
        "set_up.py",
        data=folder / "data",
        bad=bad,
        good=good,
        hangs=hangs,
        proxy=proxy,
        full=full,
        no_python=folder / "none",
    )
    assert said["shows_before"] == [
        ["text", "The sidecar, which computes, is not installed yet."],
        ["button", "affekt.plan_set_up Set Up Sidecar"],
        ["text", OFFLINE_YET],
        ["button", "extensions.userpref_allow_online Allow Online Access"],
    ]
    assert said["shows_after_failure"][1:] == [
        ["button", "affekt.plan_set_up Set Up Sidecar"],
        ["button", "affekt.open_set_up_log"],
    ]
    assert not said["shows_after"]
    assert said["shows_update"] == [
        ["text", "The sidecar is of another version than this add-on."],
        ["button", "affekt.plan_set_up Update Sidecar"],
        ["button", "affekt.open_set_up_log"],
    ]
    names = ("device", "python", "folder", "wheels", "index", "torch_index")
    assert said["preferences"][:9] == [
        ["button", "affekt.plan_set_up Set Up Sidecar"],
        ["text", OFFLINE_YET],
        ["button", "extensions.userpref_allow_online Allow Online Access"],
        *(["prop", f"setup_{name}"] for name in names),
    ]
    assert ["text", "Press Set Up Sidecar, which installs it."] in said["preferences"]
    assert ["text", f"Starts: {said['command'][0]} -m affekt.sidecar"] in said["preferences_after"]
    assert "'affekt' was not found. Press Set Up Sidecar" in said["no_command"]
    assert not said["no_log"]
    assert "Blender is set to stay offline" in said["offline"]
    assert "Installing PyTorch stopped. The packages could not be downloaded" in said["failed"]
    assert said["in_window"] == said["failed"].removeprefix("Error: ")
    assert "Installing PyTorch" in said["seen"]  # opening a file did not end it
    assert said["shows_error"][0] == ["text", said["in_window"]]
    assert said["is_untouched"], "the extension's folder may be one where nobody may write"
    assert said["looks"] == 1
    assert said["planned_again"] == 0
    assert said["agreed"] == said["in_window"]
    assert said["cancelled"] == [None, None]
    assert "The network's proxy did not let the packages through. Ask for" in said["proxy"]
    assert "The disk became full. Make room on it and press Set Up Sidecar" in said["full"]
    assert "No Python was found on which the sidecar can run. Install" in said["no_python_anywhere"]
    assert f"{folder}/none cannot carry the sidecar" in said["no_python"]
    assert said["task_left"] == "None"
    assert said["answer"] == ["FINISHED"]
    assert said["python"] == ""
    python, *words = said["command"]
    assert words == ["-m", "affekt.sidecar"]
    assert Path(python).is_relative_to(folder / "data")
    assert "-m pip install" in said["log"]
    assert said["own_command"] == "link.no_command"
    assert "The sidecar did not start" in said["ends"]
    assert said["state"] == "FAILED"
    assert "Start the sidecar first" in said["bake_without"]
    assert said["wheel"].startswith("affekt-")
    assert "did not connect within 0 seconds (Starting up)" in said["timeout"]
    assert said["state_after_timeout"] == "OFF"


@pytest.mark.full
@pytest.mark.one_blender
@pytest.mark.timeout(1800)
def test_from_the_zip_alone_to_a_bake(
    blender_python: str, extension_zip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Needs an index, or a folder of packages, that pip knows of."""
    base = os.environ.get("AFFEKT_SET_UP_PYTHON", sys.executable)
    user = tmp_path / "Jürgen Müller"
    user.mkdir()
    run_script(blender_python, user, "install.py", {"zip": str(extension_zip)}, tmp_path)
    said = run_script(
        blender_python,
        user,
        "set_up_really.py",
        {"python": base, "data": str(user / "data")},
        tmp_path,
        timeout_s=1700,
    )
    assert Path(said["command"][0]).is_relative_to(user / "data")
    assert Path(said["affekt"]).is_relative_to(user / "data")
    assert [name for name in said["actions"] if name.endswith("baked")]
    assert said["compiled"] == [0, 0]  # nothing was left to compile
    shutil.rmtree(user / "data")  # 1.7 GB, which pytest would keep
    with capsys.disabled():
        print(f"\nfrom the zip alone, seconds: {said['seconds']}")


@pytest.mark.full
@pytest.mark.one_blender
def test_work_does_not_wait_for_kernels(
    in_blender: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    """A head, a take and a bake are done before all is compiled, which takes a minute."""
    said = in_blender("warming.py", python=sys.executable, take=TAKE)
    assert said["text"].startswith("Warming up: ")
    assert 0 <= said["compiled"] < said["pieces"] == 7
    with capsys.disabled():
        print(f"\nwhile kernels compile, seconds: {said['seconds']}")
