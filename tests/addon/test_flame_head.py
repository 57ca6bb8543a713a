# SPDX-License-Identifier: GPL-3.0-or-later
"""An animator's own FLAME file as a head in Blender: it deforms as FLAME's equations say, FLAME
takes move it as they are, and bakes stay FLAME."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion import constant_track
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion, ReadOptions, make_motion
from affekt.shared.take_files import encode_motion
from affekt.sidecar.adapter.kept import adapter_of, adapter_steps
from affekt.sidecar.bake.bake import BakeJob
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.forward import layer_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.read import decode_take
from fakes import attacks
from fakes.flame import LAYOUTS, flame_arrays, npz
from fakes.flame_twin import COARSE, remeshed_twin
from fakes.takes import arkit_content, as_bytes

from .conftest import ROOT, RunScript
from .nouns import random_motion

FRAMES, STEP = 8, 25
SPACE = "flame2023"


@pytest.fixture
def lam_clips() -> list[Path]:
    """LAM's tracked clips, none where this machine has not got them."""
    folder = Path(os.environ.get("AFFEKT_TEST_DATA", ROOT.parent / "shared" / "data"))
    return sorted(folder.glob("lam_motion/*/flame_params.json"))


def flame_motion(frames: int, space: str = SPACE) -> Motion:
    """Every channel of a FLAME take moves, on another person than the average."""
    wild = random_motion(frames)
    names = ("jaw", "neck", "eyes", "rotation", "translation")
    shape = np.random.default_rng(8).normal(0, 1, 300).astype(np.float32)
    others = {name: getattr(wild, name) for name in names}
    return make_motion(expression=wild.expression, fps=30.0, space=space, shape=shape, **others)


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def worst_mm(head: HeadModel, motion: Motion, drawn: Path, step: int = 1) -> float:
    """The farthest that a vertex in Blender is from the forward pass, in any frame."""
    frames = layer_of(head).vertices(motion, 0, len(motion))[::step]
    return 1000 * float(np.linalg.norm(np.load(drawn) - frames, axis=2).max())


@pytest.mark.one_blender
def test_a_flame_head(in_blender: RunScript, tmp_path: Path, lam_clips: list[Path]) -> None:
    arrays = flame_arrays(vertices=5023)
    pickled = write(tmp_path / "flame2023.pkl", LAYOUTS["python2 chumpy"](flame_arrays()))
    corners = np.random.default_rng(1).integers(0, 5118, (len(arrays["f"]), 3))
    places = np.random.default_rng(2).random((5118, 2))
    flame = write(tmp_path / "flame.npz", npz({**arrays, "vt": places, "ft": corners}))
    motion = flame_motion(FRAMES)
    sliders = np.linspace(-2, 2, 10).tolist()
    clips = [(str(path), str(tmp_path / f"clip{n}.npy")) for n, path in enumerate(lam_clips)]
    told = in_blender(
        "flame_head.py",
        python=sys.executable,
        flame=flame,
        take=write(tmp_path / "take.npz", encode_motion(motion)),
        other_take=write(tmp_path / "old.npz", encode_motion(flame_motion(3, "flame2020"))),
        frames=FRAMES,
        sliders=sliders,
        step=STEP,
        clips=clips,
        bad_files={
            "no version": pickled,
            "attack": write(tmp_path / "attack.pkl", attacks.system(tmp_path / "ran")),
            "no head": write(tmp_path / "note.pkl", b"to do: faces"),
            "nothing": str(tmp_path / "absent.pkl"),
        },
        **{n: tmp_path / f"{n}.npy" for n in ("drawn", "drawn_sliders", "back")},
    )
    head = read_flame(Path(flame), space=SPACE)
    shaped = np.concatenate([np.array(sliders, np.float32), motion.shape[10:]])
    turned = make_motion(
        expression=motion.expression,
        fps=30.0,
        space=SPACE,
        shape=shaped,
        **{n: getattr(motion, n) for n in ("jaw", "neck", "eyes", "rotation", "translation")},
    )
    worst = {
        "take": worst_mm(head, motion, tmp_path / "drawn.npy"),
        "sliders": worst_mm(head, turned, tmp_path / "drawn_sliders.npy"),
    }
    for clip, drawn in clips:
        tracked = decode_take(Path(clip).read_bytes(), "flame_params.json", ReadOptions()).motion
        worst[clip.split("/")[-2]] = worst_mm(head, tracked, Path(drawn), STEP)
    print({name: f"{millimetres:.5f} mm" for name, millimetres in worst.items()})
    print({name: f"{told[name]:.2f}" for name in ("add_s", "add_again_s", "sliders_s")})
    assert max(worst.values()) < 0.1
    assert told["name"].startswith("FLAME Head")
    assert (told["vertices"], told["faces"]) == (5023, len(arrays["f"]))
    assert told["keys"][:2] == ["Basis", "expression000"]
    assert len(told["keys"]) == 1 + 100 + 36
    assert told["slow_drivers"] == []
    assert told["bones"] == ["root", "neck", "jaw", "eye_left", "eye_right", "eye_aim"]
    assert np.allclose(told["uv"], places[corners].reshape(-1, 2)[:6], atol=1e-6)
    # What the curves say is the take in its own space, and the head's identity.
    assert told["back"][0] == told["space"] == SPACE
    assert np.allclose(told["back"][1], shaped)
    np.testing.assert_array_equal(np.load(tmp_path / "back.npy"), motion.expression)
    assert told["clips"] == [282, 167, 76][: len(clips)]
    _check_refusals(told["refused"])
    assert not (tmp_path / "ran").exists()


def _check_refusals(refused: dict[str, str]) -> None:
    print(*refused.values(), sep="\n")
    assert "Version" in refused["no version"]
    assert "flame2023.pkl does not tell" in refused["no version"]
    assert "attack.pkl" in refused["attack"]
    assert "note.pkl" in refused["no head"]
    assert "absent.pkl" in refused["nothing"]
    assert "flame2020" in refused["other version"]
    assert "is hidden" in refused["hidden"]
    assert refused["objects"] == 5  # the head and its rig, and Blender's cube, camera and light


@pytest.mark.one_blender
def test_bakes_on_a_flame_head_stay_flame(
    in_blender: RunScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lam_clips: list[Path]
) -> None:
    twin = remeshed_twin(read_head("open"), left=COARSE)
    flame = write(tmp_path / "flame.npz", npz(twin.arrays))
    with np.load(ROOT / "sidecar/assets/demo/take.npz") as demo:
        numbers = twin.numbers(demo["expression"][:70], demo["jaw"][:70])
        turned = {"neck": demo["neck"][:70], "rotation": demo["rotation"][:70]}
    expression, jaw = (np.asarray(values, np.float32) for values in numbers)
    take = make_motion(expression=expression, jaw=jaw, fps=30.0, space=SPACE, **turned)
    told = in_blender(
        "flame_bake.py",
        python=sys.executable,
        flame=flame,
        take=write(tmp_path / "take.npz", encode_motion(take)),
        arkit=write(tmp_path / "arkit.json", as_bytes(arkit_content(5, seed=3))),
        baked=tmp_path / "baked.npz",
        clips=lam_clips,
    )
    print(told["said"], f"bake {told['bake_s']:.2f} s")
    # The first bake learns the head, and says so.
    assert any("Learning this head: step" in text for text in told["said"])
    # At influence 0 every key is the take's, bit for bit.
    assert told["different"] == []
    assert told["curves"][0] == told["curves"][1] == 100 + 5 * 4 + 3
    # So are LAM's clips: 281, 166 and 75 expressions, and a pose more.
    assert told["clips"] == [[frames, "BAKE", []] for frames in (282, 167, 76)[: len(lam_clips)]]
    # So it is where strips play it and Blender is asked.
    assert told["different_in_strips"] == []
    # A part of it with fewer keys: the mesh cache is FLAME's, and as far off as is allowed.
    assert told["part"] == [30, 11]
    assert told["mesh_bytes"] == 32 + 30 * len(twin.arrays["v_template"]) * 12
    assert 1 < max(told["part_keys"]) <= 30
    assert sum(told["part_keys"]) < 0.9 * 30 * len(told["part_keys"])
    print(f"mesh off by {[f'{1000 * off:.4f} mm' for off in told['mesh_off_m']]}")
    assert max(told["mesh_off_m"]) < 0.00025
    # What the sidecar has learnt of the head lies in the cache, once; here it is used again.
    assert len(list((tmp_path / "cache" / "adapters").iterdir())) == 1
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "cache"))
    head, spoken = read_flame(Path(flame), space=SPACE), read_head("open")
    assert next(adapter_steps(head, spoken), None) is None
    ready = prepare(take, head, adapter_of(head, spoken), load_modulator(), spoken)
    job = BakeJob(ready, constant_track(70, 30, happy=1), None, MemoryStore(), with_vertices=False)
    for _ in job:
        pass
    expected = job.finish().take_motion
    with np.load(tmp_path / "baked.npz") as baked:
        assert str(baked["space"]) == SPACE
        # In Blender turns are quaternions in single precision: 1.5e-8 off, of which the fit of 100
        # components makes 2e-4.
        assert np.abs(baked["expression"] - expected.expression).max() < 1e-3
        assert np.abs(baked["jaw"] - expected.jaw).max() < 1e-4
        assert np.abs(baked["expression"] - take.expression).max() > 0.1
    assert told["arkit"] == 5
    assert told["arkit_moves"] > 0.01
    assert told["sent_again"] == "True"
    assert "/nowhere/flame.pkl" in told["gone"]
    assert "take.npz is not the FLAME file" in told["other"]
